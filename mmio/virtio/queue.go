// SPDX-License-Identifier: Apache-2.0

package virtio

import (
	"encoding/binary"
	"math/bits"

	"vdev/mmio"
)

// Descriptor flags and sizes (section 2.7.5).
const (
	descNext     = 1 << 0
	descWrite    = 1 << 1
	descIndirect = 1 << 2

	descSize     = 16
	usedElemSize = 8
	ringHeader   = 4 // flags and idx, in front of both rings
	availEntry   = 2

	availNoInterrupt = 1 << 0 // in the available ring's flags
)

// windowDescs is how many descriptors of an indirect table one DMA read fetches.
const windowDescs = 64

// queueSetup is what the driver configures. Its reset state is that of queue.reset.
type queueSetup struct {
	size   uint16    // Queue Size, a power of two (QueueNum)
	ready  bool      // QueueReady
	desc   mmio.IOVA // descriptor table
	driver mmio.IOVA // available ring
	device mmio.IOVA // used ring
}

// ringState is the device's position in the rings. The zero value is a queue that
// has just been enabled.
type ringState struct {
	lastAvail uint16 // next available entry to take
	availIdx  uint16 // published by the driver, as last read
	usedIdx   uint16 // next used entry to write
	published uint16 // used index that the driver has been shown
	inFlight  uint16 // chains taken and not yet returned

	availEvent uint16 // what avail_event in the used ring says; drivers zero the ring
}

// queue is one split virtqueue (section 2.7).
type queue struct {
	t     *transport
	index int
	max   uint16 // QueueNumMax
	queueSetup
	ringState

	// Scratch memory for DMA, here so that requests do not allocate.
	heads  []byte // copy of the available ring's entries [lastAvail, availIdx)
	window [windowDescs * descSize]byte
	small  [usedElemSize]byte
}

func newQueue(t *transport, index int, max uint16) *queue {
	if max == 0 || max&(max-1) != 0 || max > 32768 {
		panic("BUG: virtio queue size must be a power of two up to 32768")
	}
	q := &queue{t: t, index: index, max: max, heads: make([]byte, int(max)*availEntry)}
	q.reset()
	return q
}

// reset puts the queue into the state after device or queue reset (section
// 2.6.1). The Queue Size defaults to the maximum (section 4.2.2.2).
func (q *queue) reset() {
	q.queueSetup = queueSetup{size: q.max}
	q.ringState = ringState{}
}

// enable checks what the driver configured and starts the queue. The answer
// says whether it did; the reason has been reported.
func (q *queue) enable() bool {
	n := uint64(q.size)
	for _, part := range [...]struct {
		what        string
		addr        mmio.IOVA
		align, size uint64
	}{
		{"QueueDesc", q.desc, 16, n * descSize},
		{"QueueDriver", q.driver, 2, ringHeader + n*availEntry + 2},
		{"QueueDevice", q.device, 4, ringHeader + n*usedElemSize + 2},
	} {
		_, carry := bits.Add64(uint64(part.addr), part.size, 0)
		if uint64(part.addr)%part.align != 0 || carry != 0 {
			q.t.Report(mmio.EventBadValue, part.what, uint64(q.index), uint64(part.addr))
			return false
		}
	}
	q.ready = true
	q.ringState = ringState{}
	return true
}

// live tells whether the device may touch the rings: the driver is ready, the
// queue is enabled, and nothing is broken (section 3.1.1).
func (q *queue) live() bool {
	return q.ready && q.t.status()&(statusDriverOK|statusNeedsReset) == statusDriverOK
}

// pop takes the next chain that the driver has made available. False means that
// there is none, or that the ring is broken and the device has stopped.
func (q *queue) pop(c *chain) bool {
	if !q.live() || q.lastAvail == q.availIdx && !q.refresh() {
		return false
	}
	if q.inFlight == q.size {
		// More chains than descriptors: some head was made available twice.
		return q.bad("in-flight", uint64(q.size))
	}
	slot := int(q.lastAvail&(q.size-1)) * availEntry
	c.clear(binary.LittleEndian.Uint16(q.heads[slot:]))
	if !q.walk(c) {
		return false
	}
	q.lastAvail++
	q.inFlight++
	return true
}

// refresh reads what the driver published since the last time. When that is
// nothing, it asks for a notification of the next entry and answers false.
func (q *queue) refresh() bool {
	idx, ok := q.read16(q.driver+2, "avail")
	if !ok {
		return false
	}
	fresh := idx - q.lastAvail
	if fresh == 0 {
		// The machine runs one thing at a time, so no entry can appear between
		// the read above and this write.
		q.askNotify()
		return false
	}
	if fresh > q.size {
		return q.bad("avail-index", uint64(idx))
	}
	for first, left := q.lastAvail&(q.size-1), fresh; left > 0; first = 0 {
		n := min(left, q.size-first)
		part := q.heads[int(first)*availEntry:][:int(n)*availEntry]
		if !q.t.readDMA(q.driver+ringHeader+mmio.IOVA(first)*availEntry, part, "avail") {
			return false
		}
		left -= n
	}
	q.availIdx = idx
	return true
}

// askNotify tells the driver, where VIRTIO_F_EVENT_IDX is in use, to notify the
// device of the very next entry (section 2.7.10). While entries that the device
// knows of are left, avail_event lags behind and the driver stays quiet.
func (q *queue) askNotify() {
	if q.t.driverFeatures&featEventIdx == 0 || q.availEvent == q.lastAvail {
		return
	}
	q.availEvent = q.lastAvail
	q.write16(q.device+ringHeader+mmio.IOVA(q.size)*usedElemSize, q.availEvent)
}

// walk collects the chain that starts at c.head, following at most one level of
// indirection (section 2.7.5.3).
func (q *queue) walk(c *chain) bool {
	table := descTable{addr: q.desc, len: uint32(q.size), ahead: 1}
	index := c.head
	budget := int(q.max) // a chain is no longer than the device's Queue Size
	for {
		if uint32(index) >= table.len {
			return q.bad("desc-index", uint64(index))
		}
		raw, ok := q.fetch(&table, uint32(index))
		if !ok {
			return false
		}
		addr := mmio.IOVA(binary.LittleEndian.Uint64(raw))
		length := binary.LittleEndian.Uint32(raw[8:])
		flags := binary.LittleEndian.Uint16(raw[12:])
		next := binary.LittleEndian.Uint16(raw[14:])

		if flags&descIndirect != 0 {
			switch {
			case q.t.driverFeatures&featIndirectDesc == 0:
				return q.bad("indirect-not-negotiated", uint64(index))
			case table.indirect:
				return q.bad("indirect-nested", uint64(index))
			case flags&descNext != 0:
				return q.bad("indirect-next", uint64(index))
			case length == 0 || length%descSize != 0 || wraps(addr, length):
				return q.bad("indirect-table", uint64(length))
			}
			// The driver owns and publishes the whole table, so that reading
			// ahead inside it is no more than was published.
			table = descTable{addr: addr, len: length / descSize, ahead: windowDescs, indirect: true}
			index = 0
			continue
		}
		if budget == 0 {
			return q.bad("chain-too-long", uint64(index))
		}
		budget--
		if !q.addSegment(c, segment{addr: addr, len: length}, flags&descWrite != 0) {
			return false
		}
		if flags&descNext == 0 {
			return true
		}
		index = next
	}
}

// addSegment appends one checked descriptor to the chain.
func (q *queue) addSegment(c *chain, s segment, writable bool) bool {
	switch total := uint64(c.readLen) + uint64(c.writeLen) + uint64(s.len); {
	case s.len == 0:
		return q.bad("desc-empty", uint64(s.addr))
	case wraps(s.addr, s.len):
		return q.bad("desc-wrap", uint64(s.addr))
	case total > maxChainBytes:
		return q.bad("chain-too-big", total)
	}
	if writable {
		c.writeLen += s.len
	} else {
		if c.writeLen > 0 {
			return q.bad("desc-order", uint64(s.addr))
		}
		c.readLen += s.len
		c.readable++
	}
	c.segs = append(c.segs, s)
	return true
}

// descTable is the table that a walk is in, and the part of it in queue.window.
type descTable struct {
	addr     mmio.IOVA
	len      uint32 // in descriptors
	ahead    uint32 // how many descriptors may be fetched at once
	indirect bool

	first, count uint32 // queue.window holds descriptors [first, first+count)
}

// fetch returns the 16 bytes of one descriptor of the table.
func (q *queue) fetch(table *descTable, index uint32) ([]byte, bool) {
	if index < table.first || index >= table.first+table.count {
		table.first, table.count = index, min(table.ahead, table.len-index)
		part := q.window[:table.count*descSize]
		if !q.t.readDMA(table.addr+mmio.IOVA(index)*descSize, part, "desc") {
			return nil, false
		}
	}
	return q.window[(index-table.first)*descSize:][:descSize], true
}

// wraps tells whether n bytes at addr pass the end of the address space.
func wraps(addr mmio.IOVA, n uint32) bool {
	return addr+mmio.IOVA(n)-1 < addr
}

// push returns a chain to the driver; written is how many bytes the device wrote
// to it, from the start of the writable half. The driver sees it with flush.
func (q *queue) push(head uint16, written uint32) {
	q.inFlight--
	binary.LittleEndian.PutUint32(q.small[0:], uint32(head))
	binary.LittleEndian.PutUint32(q.small[4:], written)
	slot := mmio.IOVA(q.usedIdx & (q.size - 1))
	if q.t.writeDMA(q.device+ringHeader+slot*usedElemSize, q.small[:], "used") {
		q.usedIdx++
	}
}

// flush shows the driver all pushed chains, and interrupts it if it wants that.
func (q *queue) flush() {
	old := q.published
	if old == q.usedIdx || !q.live() || !q.write16(q.device+2, q.usedIdx) {
		return
	}
	q.published = q.usedIdx
	if q.wantsInterrupt(old) {
		q.t.interrupt(interruptUsed)
	}
}

// wantsInterrupt decides as section 2.7.7 says, for the used index having moved
// from old to published.
func (q *queue) wantsInterrupt(old uint16) bool {
	if q.t.driverFeatures&featEventIdx == 0 {
		flags, ok := q.read16(q.driver, "avail")
		return ok && flags&availNoInterrupt == 0
	}
	event, ok := q.read16(q.driver+ringHeader+mmio.IOVA(q.size)*availEntry, "avail")
	return ok && q.published-event-1 < q.published-old
}

// read fills p from the readable half of the chain at the cursor. The caller has
// checked that there is enough.
func (q *queue) read(c *chain, cur *cursor, p []byte) bool {
	for len(p) > 0 {
		addr, n := c.next(cur, uint32(len(p)))
		if !q.t.readDMA(addr, p[:n], "buffer") {
			return false
		}
		p = p[n:]
	}
	return true
}

// write stores p into the writable half of the chain at the cursor. The caller has
// checked that there is room.
func (q *queue) write(c *chain, cur *cursor, p []byte) bool {
	for len(p) > 0 {
		addr, n := c.next(cur, uint32(len(p)))
		if !q.t.writeDMA(addr, p[:n], "buffer") {
			return false
		}
		p = p[n:]
	}
	return true
}

// bad reports a ring or chain that breaks the rules and stops the device. It
// always answers false.
func (q *queue) bad(what string, value uint64) bool {
	q.t.fail(mmio.EventBadDescriptor, what, uint64(q.index), value)
	return false
}

func (q *queue) read16(addr mmio.IOVA, what string) (uint16, bool) {
	ok := q.t.readDMA(addr, q.small[:2], what)
	return binary.LittleEndian.Uint16(q.small[:]), ok
}

func (q *queue) write16(addr mmio.IOVA, v uint16) bool {
	binary.LittleEndian.PutUint16(q.small[:], v)
	return q.t.writeDMA(addr, q.small[:2], "used")
}
