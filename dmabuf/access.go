// SPDX-License-Identifier: Apache-2.0

package dmabuf

import "slices"

// Access is what somebody does to the bytes of a buffer. Read and Write have the
// values of DMA_BUF_SYNC_READ and _WRITE.
type Access uint8

// Accesses.
const (
	Read  Access = 1
	Write Access = 2
	// Frame, with Write, says that when the access ends the buffer holds a frame that
	// somebody is to read before it is overwritten. It takes part in the rule
	// overwrite-unconsumed and in nothing else.
	Frame Access = 4
)

func (a Access) valid() bool {
	return a&(Read|Write) != 0 && a&^(Read|Write|Frame) == 0 && (a&Frame == 0 || a&Write != 0)
}

func (a Access) writes() bool { return a&Write != 0 }

// conflicts tells whether the two must not overlap.
func (a Access) conflicts(b Access) bool { return a.writes() || b.writes() }

// String is "read", "write", "read-write" or "none".
func (a Access) String() string {
	return [4]string{"none", "read", "write", "read-write"}[a&(Read|Write)]
}

// Direction is that of a mapping for DMA, with the values of Linux's enum
// dma_data_direction.
type Direction uint8

// Directions.
const (
	Bidirectional Direction = 0
	ToDevice      Direction = 1
	FromDevice    Direction = 2
)

// Device is what the device does with a buffer that is mapped in this direction.
func (d Direction) Device() Access { return [3]Access{Read | Write, Read, Write}[d] }

// CPU is what the CPU does between begin and end of an access in this direction.
func (d Direction) CPU() Access { return [3]Access{Read | Write, Write, Read}[d] }

// Valid tells whether it is one of the three directions.
func (d Direction) Valid() bool { return d <= FromDevice }

// String is the name of the enumerator, without its prefix, in lower case.
func (d Direction) String() string {
	if !d.Valid() {
		return "invalid"
	}
	return [3]string{"bidirectional", "to-device", "from-device"}[d]
}

// Range is a part of a buffer, in bytes from its start.
type Range struct{ Off, Len uint64 }

// Whole is all of a buffer of that size.
func Whole(size uint64) Range { return Range{0, size} }

// End is the offset behind the last byte.
func (r Range) End() uint64 { return r.Off + r.Len }

// within tells whether the range is not empty and lies in a buffer of that size.
func (r Range) within(size uint64) bool {
	return r.Len > 0 && r.Off < size && r.Len <= size-r.Off
}

func (r Range) overlaps(o Range) bool { return r.Off < o.End() && o.Off < r.End() }

func (r Range) contains(o Range) bool { return r.Off <= o.Off && o.End() <= r.End() }

// lines is the range extended to whole cache lines.
func (r Range) lines() Range {
	lo := r.Off &^ (LineSize - 1)
	return Range{lo, (r.End()+LineSize-1)&^(LineSize-1) - lo}
}

// rangeSet is a set of bytes, as ranges in ascending order that do not touch.
type rangeSet []Range

// from is the index of the first range that ends at off or behind it.
func (s rangeSet) from(off uint64) int {
	lo, hi := 0, len(s)
	for lo < hi {
		if mid := (lo + hi) / 2; s[mid].End() < off {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// add puts r into the set.
func (s *rangeSet) add(r Range) {
	i := s.from(r.Off)
	if i < len(*s) && (*s)[i].contains(r) {
		return
	}
	j := i
	for ; j < len(*s) && (*s)[j].Off <= r.End(); j++ {
		lo, hi := min(r.Off, (*s)[j].Off), max(r.End(), (*s)[j].End())
		r = Range{lo, hi - lo}
	}
	*s = slices.Replace(*s, i, j, r)
}

// take removes from the set what lies in r, and calls f for each piece of it.
func (s *rangeSet) take(r Range, f func(Range)) {
	i := s.from(r.Off)
	if i == len(*s) {
		return
	}
	var rest [2]Range // what remains of the first and the last
	left := rest[:0]
	j := i
	for ; j < len(*s) && (*s)[j].Off < r.End(); j++ {
		c := (*s)[j]
		lo, hi := max(c.Off, r.Off), min(c.End(), r.End())
		if c.Off < lo {
			left = append(left, Range{c.Off, lo - c.Off})
		}
		if lo < hi {
			f(Range{lo, hi - lo})
		}
		if hi < c.End() {
			left = append(left, Range{hi, c.End() - hi})
		}
	}
	*s = slices.Replace(*s, i, j, left...)
}

// overlaps tells whether any byte of r is in the set.
func (s rangeSet) overlaps(r Range) bool {
	i := s.from(r.Off + 1)
	return i < len(s) && s[i].overlaps(r)
}

func (s *rangeSet) clear() { *s = (*s)[:0] }
