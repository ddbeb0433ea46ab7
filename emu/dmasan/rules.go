// SPDX-License-Identifier: Apache-2.0

package dmasan

import "vdev/emu/mem"

// Tracked implements mem.Observer.
func (s *Sanitizer) Tracked(t *mem.TrackedPage) {
	t.Shadow = new(page)
	s.pages = append(s.pages, t)
}

// Observe implements mem.Observer: it judges the access and then updates the shadow.
func (s *Sanitizer) Observe(e *mem.Event) {
	p := e.Page.Shadow.(*page)
	l := &p.lines[e.Line]
	if p.watch != 0 {
		s.watched(e, p)
	}
	if s.cfg.RAM != nil && s.cfg.RAM.Mode() == mem.Coherent {
		return // which leaves nothing to be said of lines
	}
	switch e.Op {
	case mem.OpCPURead:
		s.cpuRead(e, l)
	case mem.OpCPUWrite, mem.OpZero:
		s.cpuWrite(e, p, l)
	case mem.OpNCRead:
		p.setUncached(e.Page)
		s.deviceRead(e, l, AliasMismatch, AliasMismatch)
	case mem.OpNCWrite:
		p.setUncached(e.Page)
		s.deviceWrite(e, l, AliasMismatch)
		s.published(p, l.rare.ncWrite)
	case mem.OpDMARead:
		s.deviceRead(e, l, DeviceReadDirty, ClobberByFill)
		if id, ok := s.master(e.By.Master); ok {
			p.readers |= 1 << id
		}
	case mem.OpDMAWrite:
		s.deviceWrite(e, l, WritebackOverDMA)
	case mem.OpClean, mem.OpInval, mem.OpFlush:
		s.maintain(e, l)
	}
	l.tidy()
	p.settleNoise(e.Page, e.Line)
}

// cpuRead is a cacheable load.
func (s *Sanitizer) cpuRead(e *mem.Event, l *line) {
	if l.dev == 0 && l.rare == nil {
		l.fresh = false
		return
	}
	r := l.masks()
	s.readThrown(e, l)
	live := e.Mask & (l.dev | r.nc | r.clobbered | r.lost) &^ r.settled
	if live != 0 {
		clobbered := live & (r.clobbered | r.lost)
		stale := live &^ clobbered
		s.found(ClobberByFill, e, l, clobbered)
		s.found(AliasMismatch, e, l, stale&r.nc)
		code := CPUReadStale
		if l.fresh {
			code = EarlyInvalidate
		}
		s.found(code, e, l, stale&l.dev)
		l.mutableRare().settled |= live
	}
	if l.foreign() == 0 {
		l.fresh = false
	}
}

// cpuWrite is a cacheable store, or cbo.zero. Nothing is wrong yet.
func (s *Sanitizer) cpuWrite(e *mem.Event, p *page, l *line) {
	wrote := e.Page.Wrote[e.Line]
	if e.Op == mem.OpCPUWrite && wrote != 0 && l.noise&mem.NoisyWrite == 0 {
		// Seen only because the line happened to be evicted. In other modes it is not
		// seen, so it must not count.
		return
	}
	if p.uncached {
		p.recycle(e.Page)
	}
	l.overwrite(e.Mask)
	foreign := l.foreign()
	if wrote == 0 {
		// From here on the line is dirty. What a device writes into it later is another
		// matter, see deviceWrite.
		l.write = s.record(e)
		l.write.starts = s.started
		if foreign != 0 {
			r := l.mutableRare()
			r.clobbered |= foreign
			r.clobberer, r.victim = l.write, l.dma
			if l.dev == 0 {
				r.victim = r.ncWrite
			}
		}
	}
	if foreign == 0 {
		l.fresh = false
	}
}

// deviceRead is a read of DRAM past the caches: by a bus master, or by a
// non-cacheable load.
func (s *Sanitizer) deviceRead(e *mem.Event, l *line, dirtyCode, clobberedCode Code) {
	wrote := e.Page.Wrote[e.Line]
	dirty := e.Mask & wrote &^ l.superseded()
	if dirty != 0 {
		if e.Op == mem.OpDMARead && s.racesWithOwner(l, e) {
			s.foundLatent(dirtyCode, e, l, dirty)
		} else {
			s.found(dirtyCode, e, l, dirty)
		}
	}
	s.readThrown(e, l)
	if r := l.rare; r != nil {
		// The line was clean when a store clobbered it, and all of it after maintenance:
		// bytes in wrote were overwritten since, unseen if they were settled.
		if gone := e.Mask & (r.clobbered | r.lost) &^ wrote; gone != 0 {
			s.found(clobberedCode, e, l, gone)
			r.clobbered &^= gone
			r.lost &^= gone
		}
	}
	if e.Op == mem.OpDMARead {
		l.dma = s.record(e)
	}
}

// deviceWrite is a write of DRAM past the caches.
func (s *Sanitizer) deviceWrite(e *mem.Event, l *line, dirtyCode Code) {
	if e.Page.Wrote[e.Line] != 0 {
		s.found(dirtyCode, e, l, e.Mask)
	}
	l.overwrite(e.Mask)
	a := s.record(e)
	if e.Op == mem.OpDMAWrite {
		l.dev |= e.Mask
		l.dma = a
		return
	}
	r := l.mutableRare()
	r.nc |= e.Mask
	r.ncWrite = a
}

// readThrown reports the use of bytes that an invalidate threw away.
func (s *Sanitizer) readThrown(e *mem.Event, l *line) {
	if r := l.rare; r != nil && e.Mask&r.thrown != 0 {
		s.found(InvalidateDirty, e, l, e.Mask&r.thrown)
		r.thrown &^= e.Mask
	}
}

// maintain is a clean, invalidate or flush.
func (s *Sanitizer) maintain(e *mem.Event, l *line) {
	a := s.record(e)
	wrote := e.Page.Wrote[e.Line]
	if wrote != 0 {
		a.dirty++
	}
	if l.dev != 0 {
		a.stale++
	}
	if thrown := wrote &^ l.superseded(); e.Op == mem.OpInval && thrown != 0 {
		r := l.mutableRare()
		r.thrown |= thrown
		r.thrower, r.thrownWrite = a, l.write
		copy(r.thrownBytes[:], newestCPU(e))
	}
	if r := l.rare; r != nil {
		dead := r.settled
		l.dev &^= dead
		r.masks = masks{nc: r.nc &^ dead, lost: (r.lost | r.clobbered) &^ dead, thrown: r.thrown}
	}
	if e.Op != mem.OpClean {
		l.dev, l.fresh = 0, true
		if l.rare != nil {
			l.rare.nc = 0
		}
	}
	l.maint = a
}

// setUncached notes that a hart used the page through a non-cacheable mapping. From
// then on cacheable accesses to any of its lines must be seen.
func (p *page) setUncached(t *mem.TrackedPage) {
	if p.uncached {
		return
	}
	p.uncached = true
	p.settleAll(t)
}

// recycle notes that the page, used through a non-cacheable mapping until now, was
// stored to through a cacheable one: most likely it has a new owner, and what its
// lines held is dead.
func (p *page) recycle(t *mem.TrackedPage) {
	p.uncached = false
	for i := range p.lines {
		l := &p.lines[i]
		if all := l.foreign() | l.masks().clobbered | l.masks().lost; all != 0 {
			l.mutableRare().settled |= all
		}
	}
	p.settleAll(t)
}

func (p *page) settleAll(t *mem.TrackedPage) {
	for i := range p.lines {
		p.settleNoise(t, i)
	}
}

// newestCPU is what harts see of the line of e.
func newestCPU(e *mem.Event) []byte {
	if e.Page.State(e.Line) == mem.LineInvalid {
		return e.Page.DRAM(e.Line)
	}
	return e.Page.CPU(e.Line)
}
