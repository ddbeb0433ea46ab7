// SPDX-License-Identifier: Apache-2.0

package strace

import (
	"cmp"
	"fmt"
	"slices"

	"vdev/emu/linux"
	"vdev/emu/mem"
	"vdev/mmio"
)

// LineState is how many of a range's cache lines are dirty, which hold bytes that a
// hart wrote and nobody cleaned, and stale, where a bus master wrote and nobody
// invalidated.
type LineState struct{ Dirty, Stale int }

// Lines is what a sync call did, in numbers of cache lines of the buffer.
type Lines struct {
	// Covered is how many lines the call is about; Known tells whether that is known.
	Covered int
	Known   bool
	// Before the call; meaningless unless HasState.
	LineState
	HasState bool
	// Maintained is how many of the covered lines the task cleaned, invalidated or
	// flushed; if the covered ones are not known, how many at all.
	Maintained int
}

// String is for the end of a line.
func (l Lines) String() string {
	s := "[lines: "
	if l.Known {
		s += fmt.Sprintf("%d covered, ", l.Covered)
	}
	if l.HasState {
		s += fmt.Sprintf("%d dirty, %d stale, ", l.Dirty, l.Stale)
	}
	return s + fmt.Sprintf("%d maintained]", l.Maintained)
}

// lineSet is the lines of some ranges, each marked or not.
type lineSet struct {
	spans  []span // by address; they do not overlap
	hint   int    // the span that was found last
	marked []uint64
	count  int // marked lines
	total  int
}

// span is adjacent lines.
type span struct {
	first mmio.PhysAddr // address of the first line
	lines int
	index int // of the first line, in marked
}

func newLineSet(ranges []linux.Range) *lineSet {
	s := &lineSet{}
	for _, r := range ranges {
		if r.Len == 0 || r.Addr+mmio.PhysAddr(r.Len-1) < r.Addr {
			continue
		}
		first := r.Addr &^ (mem.LineSize - 1)
		last := (r.Addr + mmio.PhysAddr(r.Len-1)) &^ (mem.LineSize - 1)
		s.spans = append(s.spans, span{first: first, lines: int((last-first)/mem.LineSize) + 1})
	}
	slices.SortFunc(s.spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	for i := range s.spans {
		p := &s.spans[i]
		if i > 0 {
			// A line in two ranges belongs to the first.
			before := &s.spans[i-1]
			end := before.first + mmio.PhysAddr(before.lines*mem.LineSize)
			if end > p.first {
				shared := min(int((end-p.first)/mem.LineSize), p.lines)
				p.first += mmio.PhysAddr(shared * mem.LineSize)
				p.lines -= shared
			}
		}
		p.index = s.total
		s.total += p.lines
	}
	s.marked = make([]uint64, (s.total+63)/64)
	return s
}

// mark marks the line at addr, if it is in the set.
func (s *lineSet) mark(addr mmio.PhysAddr) {
	i := s.hint
	if i >= len(s.spans) || !s.spans[i].contains(addr) {
		i, _ = slices.BinarySearchFunc(s.spans, addr, func(p span, a mmio.PhysAddr) int {
			if p.first+mmio.PhysAddr(p.lines*mem.LineSize) <= a {
				return -1
			}
			return 1
		})
		if i == len(s.spans) || !s.spans[i].contains(addr) {
			return
		}
		s.hint = i
	}
	p := &s.spans[i]
	n := p.index + int((addr-p.first)/mem.LineSize)
	if s.marked[n/64]>>(n%64)&1 == 0 {
		s.marked[n/64] |= 1 << (n % 64)
		s.count++
	}
}

func (p *span) contains(addr mmio.PhysAddr) bool {
	return addr >= p.first && addr-p.first < mmio.PhysAddr(p.lines*mem.LineSize)
}

// state is how many lines of the set are dirty and stale.
func (s *lineSet) state(lines func(linux.Range) LineState) (sum LineState) {
	for _, p := range s.spans {
		if p.lines > 0 {
			st := lines(linux.Range{Addr: p.first, Len: uint64(p.lines * mem.LineSize)})
			sum.Dirty += st.Dirty
			sum.Stale += st.Stale
		}
	}
	return sum
}
