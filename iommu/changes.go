// SPDX-License-Identifier: Apache-2.0

package iommu

import "vdev/mmio"

// A port tells what has changed (mmio.ChangeTracker) from the pages to which it was
// translated when it read them: looking them up again would walk tables, fill the
// cache and count. An invalidation makes it forget them, so that they count as
// changed; without one, software has no right to expect that a change of the tables is
// noticed.

// seenPages are the pages that a port has read through.
type seenPages struct {
	pages map[uint64]seenPage // by number of the I/O virtual page
	epoch uint64              // grows when a page is forgotten, or found to be another one
	big   bool                // some were part of bigger pages, which an address does not name
}

type seenPage struct {
	addr  mmio.PhysAddr
	epoch uint64 // when it came to be known
}

// learn notes a translation that is being used.
func (s *seenPages) learn(addr mmio.IOVA, res Result) {
	n, pa := uint64(addr/pageSize), res.Addr&^(pageSize-1)
	p, ok := s.pages[n]
	if ok && p.addr != pa {
		s.epoch++
	}
	if !ok || p.addr != pa {
		s.pages[n] = seenPage{pa, s.epoch}
	}
	s.big = s.big || res.Size > pageSize
}

// forgetPages is an invalidation; nil stands for one of everything.
func (u *IOMMU) forgetPages(v *invalidation) {
	for _, p := range u.ports {
		s := p.seen
		switch {
		case s == nil || len(s.pages) == 0:
		case v == nil || !v.av || s.big:
			clear(s.pages)
			s.epoch++
			s.big = false
		default:
			if _, ok := s.pages[v.addr/pageSize]; ok {
				delete(s.pages, v.addr/pageSize)
				s.epoch++
			}
		}
	}
}

// changes is the tracker below, or nil; from its first use on the port remembers
// pages.
func (p *port) changes() mmio.ChangeTracker {
	t, ok := p.down.(mmio.ChangeTracker)
	if ok && p.seen == nil {
		p.seen = &seenPages{pages: map[uint64]seenPage{}}
	}
	return t
}

// ChangeStamp implements mmio.ChangeTracker.
func (p *port) ChangeStamp() mmio.ChangeStamp {
	t := p.changes()
	if t == nil {
		return mmio.ChangeStamp{}
	}
	return mmio.ChangeStamp{Memory: t.ChangeStamp().Memory, Mapping: 1 + p.seen.epoch}
}

// ChangedSince implements mmio.ChangeTracker.
func (p *port) ChangedSince(addr mmio.IOVA, n uint64, s mmio.ChangeStamp) bool {
	t := p.changes()
	if t == nil || s.Mapping == 0 || n == 0 {
		return n != 0
	}
	if s.Still(p.ChangeStamp()) {
		return false
	}
	for n > 0 {
		size := min(n, pageSize-uint64(addr%pageSize))
		page, ok := p.seen.pages[uint64(addr/pageSize)]
		// A page that became known in a later epoch may have been another one then.
		if !ok || page.epoch >= s.Mapping || t.ChangedSince(mmio.IOVA(page.addr)+addr%pageSize, size, mmio.ChangeStamp{Memory: s.Memory}) {
			return true
		}
		addr += mmio.IOVA(size)
		n -= size
	}
	return false
}

// DirtyDMA implements mmio.ChangeTracker.
func (p *port) DirtyDMA(addr mmio.IOVA, n uint64) bool {
	t := p.changes()
	for t != nil && n > 0 {
		size := min(n, pageSize-uint64(addr%pageSize))
		if page, ok := p.seen.pages[uint64(addr/pageSize)]; ok && t.DirtyDMA(mmio.IOVA(page.addr)+addr%pageSize, size) {
			return true
		}
		addr += mmio.IOVA(size)
		n -= size
	}
	return false
}
