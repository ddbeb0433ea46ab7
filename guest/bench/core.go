// SPDX-License-Identifier: Apache-2.0

package main

// core is an integer workload of the mix that embedded processors are
// measured with: pointer chasing and sorting of a linked list, small integer
// matrices, a character state machine, and a bitwise CRC over the results.
func core(iterations int) uint64 {
	c := newCoreData()
	crc := uint16(0xffff)
	for i := range iterations {
		seed := uint16(i)
		crc = crc16(crc, c.lists(seed))
		crc = crc16(crc, c.matrices(int16(seed)))
		crc = crc16(crc, c.states(seed))
	}
	return uint64(crc)
}

const (
	listNodes  = 96
	matrixSide = 14
)

// coreData is the memory that one core run works on.
type coreData struct {
	nodes [listNodes]node
	head  *node
	a, b  [matrixSide * matrixSide]int16
	out   [matrixSide * matrixSide]int32
	text  []byte
}

// node is an element of a singly linked list.
type node struct {
	next  *node
	value uint16
	index uint16
}

func newCoreData() *coreData {
	c := &coreData{text: []byte("5012,1234,-874,+122,35.54400,.1234500,-110.700,+0.64400,5.500e+3,-.123e-2,-87e+832,+0.6e-12,T0.3e-1F,-T.T++Tq,1T3.4e4z,34.0e-T^,")}
	for i := range c.nodes {
		n := &c.nodes[i]
		n.value = uint16(i*7919 ^ i<<5)
		n.index = uint16(i)
		n.next = c.head
		c.head = n
	}
	for i := range c.a {
		c.a[i] = int16(i*13 + 1)
		c.b[i] = int16(i*7 - 90)
	}
	return c
}

// lists finds, reverses and sorts, by value and back by index.
func (c *coreData) lists(seed uint16) uint16 {
	found := uint16(0)
	for k := range uint16(24) {
		want := (seed + k*5) % (listNodes + 8) // some are not there
		n := c.head
		for n != nil && n.index != want {
			n = n.next
		}
		if n != nil {
			found += n.value>>8 + n.value&1
			n.value ^= seed
		}
		c.head = reverse(c.head)
	}
	c.head = mergeSort(c.head, func(a, b *node) bool { return a.value < b.value })
	for n := c.head; n != nil; n = n.next {
		found = crc16(found, n.value)
	}
	c.head = mergeSort(c.head, func(a, b *node) bool { return a.index < b.index })
	return found
}

func reverse(head *node) *node {
	var done *node
	for head != nil {
		head, head.next, done = head.next, done, head
	}
	return done
}

// mergeSort sorts a list bottom-up, with runs in bins of doubling length.
func mergeSort(head *node, less func(a, b *node) bool) *node {
	var bins [8]*node // up to 255 nodes
	for head != nil {
		run := head
		head = head.next
		run.next = nil
		i := 0
		for ; i < len(bins)-1 && bins[i] != nil; i++ {
			run = merge(bins[i], run, less)
			bins[i] = nil
		}
		bins[i] = run
	}
	var all *node
	for _, run := range bins {
		if run != nil {
			all = merge(run, all, less)
		}
	}
	return all
}

func merge(a, b *node, less func(a, b *node) bool) *node {
	var first node
	last := &first
	for a != nil && b != nil {
		if less(b, a) {
			last.next, b = b, b.next
		} else {
			last.next, a = a, a.next
		}
		last = last.next
	}
	if a == nil {
		a = b
	}
	last.next = a
	return first.next
}

// matrices multiplies by a constant, a vector, a matrix, and takes bits out
// of the middle of products.
func (c *coreData) matrices(seed int16) uint16 {
	const n = matrixSide
	for i := range c.a {
		c.a[i] += seed
	}
	sum := uint16(0)
	for i := range c.out {
		c.out[i] = int32(c.a[i]) * int32(seed)
	}
	sum = c.fold(sum)
	for i := range n {
		v := int32(0)
		for j := range n {
			v += int32(c.a[i*n+j]) * int32(c.b[j])
		}
		c.out[i] = v
	}
	sum = c.fold(sum)
	for i := range n {
		for j := range n {
			v, w := int32(0), int32(0)
			for k := range n {
				p := int32(c.a[i*n+k]) * int32(c.b[k*n+j])
				v += p
				w += (p >> 2 & 0xf) * (p >> 5 & 0x7f)
			}
			c.out[i*n+j] = v ^ w
		}
	}
	sum = c.fold(sum)
	for i := range c.a {
		c.a[i] -= seed
	}
	return sum
}

// fold condenses the result matrix; the branches depend on the data.
func (c *coreData) fold(sum uint16) uint16 {
	last, run := int32(0), int32(0)
	for _, v := range c.out {
		run += v
		switch {
		case run > 2000:
			sum += 10
			run = 0
		case v > last:
			sum++
		}
		last = v
	}
	return crc16(sum, uint16(run))
}

// States of the number scanner.
const (
	stateStart = iota
	stateSign
	stateInt
	stateFrac
	stateExp
	stateExpSign
	stateExpInt
	stateBad
	stateCount
)

// states scans comma-separated numbers, some of them made invalid.
func (c *coreData) states(seed uint16) uint16 {
	var ends, moves [stateCount]uint16
	step := int(seed%13) + 3
	for pass := range 8 {
		for i := pass; i < len(c.text); i += step {
			if c.text[i] != ',' {
				c.text[i] ^= byte(seed)
			}
		}
		state := stateStart
		for _, b := range c.text {
			if b == ',' {
				ends[state]++
				state = stateStart
				continue
			}
			if next := nextState(state, b); next != state {
				moves[state]++
				state = next
			}
		}
	}
	sum := uint16(0)
	for i := range ends {
		sum = crc16(crc16(sum, ends[i]), moves[i])
	}
	return sum
}

// nextState is one step of the scanner.
func nextState(state int, b byte) int {
	digit := b >= '0' && b <= '9'
	switch state {
	case stateStart:
		switch {
		case digit:
			return stateInt
		case b == '+' || b == '-':
			return stateSign
		case b == '.':
			return stateFrac
		}
	case stateSign:
		switch {
		case digit:
			return stateInt
		case b == '.':
			return stateFrac
		}
	case stateInt:
		switch {
		case digit:
			return stateInt
		case b == '.':
			return stateFrac
		}
	case stateFrac:
		switch {
		case digit:
			return stateFrac
		case b == 'e' || b == 'E':
			return stateExp
		}
	case stateExp:
		if b == '+' || b == '-' {
			return stateExpSign
		}
	case stateExpSign, stateExpInt:
		if digit {
			return stateExpInt
		}
	}
	return stateBad
}

// crc16 adds v to a CRC with polynomial x^16+x^15+x^2+1, bit by bit.
func crc16(crc, v uint16) uint16 {
	for range 16 {
		bit := (crc ^ v) & 1
		crc, v = crc>>1, v>>1
		if bit != 0 {
			crc ^= 0xa001
		}
	}
	return crc
}
