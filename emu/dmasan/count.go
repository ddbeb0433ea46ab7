// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"vdev/emu/mem"
	"vdev/mmio"
)

// Count looks at the cache lines that n bytes at addr lie on: how many are dirty, which
// hold bytes that a hart wrote and nobody cleaned, and how many stale, which hold
// bytes that a bus master wrote and nobody invalidated. A line can be both. What is
// not RAM does not count. A page that has not met DMA is dirty all over if a hart may
// have written to it, see mem.Memory.Track.
func (s *Sanitizer) Count(addr mmio.PhysAddr, n uint64) (dirty, stale int) {
	ram := s.cfg.RAM
	if ram == nil || ram.Mode() == mem.Coherent || n == 0 {
		return 0, 0
	}
	last := addr + mmio.PhysAddr(n-1)
	if last < addr {
		last = ^mmio.PhysAddr(0)
	}
	// Within RAM, from the first line to the last.
	top := ram.Base() + mmio.PhysAddr(ram.Size()-1)
	if last < ram.Base() || addr > top {
		return 0, 0
	}
	first := max(addr, ram.Base()) &^ (mem.LineSize - 1)
	last = min(last, top) &^ (mem.LineSize - 1)
	for a := first; a <= last; {
		from := int(a % mem.PageSize / mem.LineSize)
		lines := min(linesPerPage-from, int((last-a)/mem.LineSize)+1)
		if t := ram.TrackedAt(a); t != nil {
			d, st := t.Shadow.(*page).count(t, from, lines)
			dirty += d
			stale += st
		} else if ram.Written(a) {
			dirty += lines
		}
		a += mmio.PhysAddr(lines * mem.LineSize)
	}
	return dirty, stale
}

func (p *page) count(t *mem.TrackedPage, first, n int) (dirty, stale int) {
	for i := first; i < first+n; i++ {
		if t.Wrote[i] != 0 {
			dirty++
		}
		if p.lines[i].dev != 0 {
			stale++
		}
	}
	return dirty, stale
}
