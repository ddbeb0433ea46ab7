// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"time"

	"vdev/emu/mem"
	"vdev/iommu"
	"vdev/mmio"
)

// Who unmapped a page is known from the IOMMU: software has it forget the page's
// translation then, or, if it takes the table along, all translations.

// unmaps are the last invalidations.
type unmaps struct {
	ring [128]unmap
	n    int // so far
}

// unmap is an invalidation, and who made it.
type unmap struct {
	iommu.Invalidation
	by *access
}

// noSpace is no PSCID: those have 20 bits.
const noSpace = ^uint32(0)

// concerns tells whether the invalidation is about an address space.
func (m *unmap) concerns(space uint32) bool { return !m.HasPSCID || m.PSCID == space }

// Invalidated tells that hart had an IOMMU forget translations.
func (s *Sanitizer) Invalidated(v iommu.Invalidation, hart int) {
	now, regs := s.cfg.Now(), s.cfg.Context(hart)
	u := &s.unmaps
	last := u.ring[(u.n+len(u.ring)-1)%len(u.ring)].by
	if last == nil || last.regs != regs || last.by.Hart != hart || now-last.end >= joinTime {
		last = s.newAccess(mem.Agent{Hart: hart}, now, regs)
		last.unmap = true
		s.captureStack(last)
	}
	last.end = now
	u.ring[u.n%len(u.ring)] = unmap{v, last}
	u.n++
}

// exact is who had the IOMMU forget the very page of addr last, or nil.
func (u *unmaps) exact(addr mmio.IOVA, space uint32) *access {
	for i := range min(u.n, len(u.ring)) {
		m := &u.ring[(u.n-1-i)%len(u.ring)]
		if m.HasAddr && m.HasPSCID && m.concerns(space) && m.Addr/pageSize == addr/pageSize {
			return m.by
		}
	}
	return nil
}

// unmapped is who unmapped the page of addr after a time, or nil if that is not sure.
func (u *unmaps) unmapped(addr mmio.IOVA, space uint32, since time.Duration) *access {
	if by := u.exact(addr, space); by != nil && by.end >= since {
		return by
	}
	var only *access
	for i := range min(u.n, len(u.ring)) {
		m := &u.ring[(u.n-1-i)%len(u.ring)]
		switch {
		case m.by.end < since:
			return only
		case m.HasAddr || !m.concerns(space) || m.by == only:
		case only != nil:
			return nil // one of several
		default:
			only = m.by
		}
	}
	if u.n > len(u.ring) {
		return nil // there were more
	}
	return only
}
