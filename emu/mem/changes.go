// SPDX-License-Identifier: Apache-2.0

package mem

import "vdev/mmio"

// Who reads the same memory again and again, as a display does, wants to know whether
// that can give anything new. For the lines of tracked pages it is known: nothing of
// theirs changes, and no line becomes dirty, without this package's doing. The harts
// write plain pages without telling; there it is only known who could have.

// changeCounts is what Memory remembers of changes.
type changeCounts struct {
	dramChanges uint64 // changes of DRAM in tracked pages, and of lines to dirty
	turns       uint64 // turns of harts, and writes of bus masters
}

// noteChange counts a change of what bus masters see of the page, now or when a line
// that has become dirty is written back.
func (p *TrackedPage) noteChange() {
	p.owner.dramChanges++
	p.changed = p.owner.dramChanges
}

// dirty makes line i dirty.
func (p *TrackedPage) dirty(i int) {
	if p.state[i] != LineDirty {
		p.noteChange()
	}
	p.setState(i, LineDirty)
}

var _ mmio.ChangeTracker = (*Port)(nil)

// ChangeStamp implements mmio.ChangeTracker.
func (p *Port) ChangeStamp() mmio.ChangeStamp {
	s := mmio.ChangeStamp{Memory: 1 + p.mem.dramChanges}
	if p.Coherent() {
		s.Memory += p.mem.turns
	}
	return s
}

// ChangedSince implements mmio.ChangeTracker. A coherent port cannot tell one page
// from another: for it, all may have changed once a hart has had a turn.
func (p *Port) ChangedSince(addr mmio.IOVA, n uint64, s mmio.ChangeStamp) bool {
	a := mmio.PhysAddr(addr)
	switch {
	case s.Memory == 0 || !p.mem.Contains(a, n):
		return true
	case s.Memory == p.ChangeStamp().Memory || n == 0:
		return false
	case p.Coherent():
		return true
	}
	for page := a &^ (PageSize - 1); page < a+mmio.PhysAddr(n); page += PageSize {
		if t := p.mem.trackedAt(page); t == nil || t.changed >= s.Memory {
			return true
		}
	}
	return false
}

// DirtyDMA implements mmio.ChangeTracker. To a coherent port no line is.
func (p *Port) DirtyDMA(addr mmio.IOVA, n uint64) bool {
	a := mmio.PhysAddr(addr)
	if n == 0 || p.Coherent() || !p.mem.Contains(a, n) {
		return false
	}
	for last := a + mmio.PhysAddr(n) - 1; a <= last; a = a&^(PageSize-1) + PageSize {
		t := p.mem.trackedAt(a)
		if t == nil {
			continue
		}
		end := linesPerPage - 1
		if last&^(PageSize-1) == a&^(PageSize-1) {
			end = lineOf(last)
		}
		for i := lineOf(a); i <= end; i++ {
			if t.state[i] == LineDirty {
				return true
			}
		}
	}
	return false
}
