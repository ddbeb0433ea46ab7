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

// maxLines bounds the set: a buffer of 4 GiB. A broken kernel may tell of larger ones.
const maxLines = 4 << 30 / mem.LineSize

// newLineSet makes a set of the lines of ranges; false if there are too many.
func newLineSet(ranges []linux.Range) (*lineSet, bool) {
	s := &lineSet{}
	sorted := slices.SortedFunc(slices.Values(ranges), func(a, b linux.Range) int { return cmp.Compare(a.Addr, b.Addr) })
	var end mmio.PhysAddr // of the spans so far
	for _, r := range sorted {
		last := r.Addr + mmio.PhysAddr(r.Len-1)
		if r.Len == 0 || last < r.Addr {
			continue
		}
		// A line in two ranges counts once.
		first := max(r.Addr&^(mem.LineSize-1), end)
		if next := last&^(mem.LineSize-1) + mem.LineSize; next > first {
			n := uint64(next-first) / mem.LineSize
			if n > maxLines-uint64(s.total) {
				return nil, false
			}
			p := span{first: first, lines: int(n), index: s.total}
			s.spans = append(s.spans, p)
			s.total += p.lines
			end = next
		}
	}
	s.marked = make([]uint64, (s.total+63)/64)
	return s, true
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
		st := lines(linux.Range{Addr: p.first, Len: uint64(p.lines * mem.LineSize)})
		sum.Dirty += st.Dirty
		sum.Stale += st.Stale
	}
	return sum
}
