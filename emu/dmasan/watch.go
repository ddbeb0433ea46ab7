// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"math/bits"

	"vdev/emu/mem"
	"vdev/mmio"
)

// The dma-buf core wants to know what harts do with a buffer as long as somebody else
// may object (Watch). Of most lines the first load and the first store are told
// (Config.Access), and then no more until something has changed (Rewatch): whoever
// fills a buffer would be slow otherwise.

// seenLine is a line of which an access was told.
type seenLine struct {
	page *mem.TrackedPage
	line int
}

// Watch says which cacheable accesses to the pages of [addr, addr+n) have to be told
// from now on. Pages that are watched count as having met DMA.
func (s *Sanitizer) Watch(addr mmio.PhysAddr, n uint64, kinds mem.Noise) {
	m := s.cfg.RAM
	if m == nil || !m.Contains(addr, n) {
		return
	}
	for a := addr &^ (mem.PageSize - 1); a < addr+mmio.PhysAddr(n); a += mem.PageSize {
		t := m.TrackedAt(a)
		if t == nil {
			if kinds == 0 {
				continue
			}
			t = m.Show(a)
		}
		if p := t.Shadow.(*page); p.watch != kinds {
			p.watch = kinds
			for i := range p.lines {
				p.quiet(t, i, 0)
			}
		}
	}
}

// Rewatch tells that accesses which were told already may now mean something else:
// another task makes them, or somebody else has the buffer.
func (s *Sanitizer) Rewatch() {
	for _, l := range s.seen {
		l.page.Shadow.(*page).quiet(l.page, l.line, 0)
	}
	s.seen = s.seen[:0]
}

// Seen tells whether Rewatch would do anything.
func (s *Sanitizer) Seen() bool { return len(s.seen) > 0 }

// watched tells of an access by a hart, if it is to be told.
func (s *Sanitizer) watched(e *mem.Event, p *page) {
	var kind mem.Noise
	switch e.Op {
	case mem.OpCPURead, mem.OpNCRead:
		kind = mem.NoisyRead
	case mem.OpCPUWrite, mem.OpNCWrite, mem.OpZero:
		kind = mem.NoisyWrite
	}
	l := &p.lines[e.Line]
	if p.watch&^l.told&kind == 0 {
		return
	}
	if s.cfg.Access(e.Addr(), bits.OnesCount64(e.Mask), kind == mem.NoisyWrite) {
		s.seen = append(s.seen, seenLine{e.Page, e.Line})
		p.quiet(e.Page, e.Line, l.told|kind)
	}
}

// quiet sets which kinds of accesses to a line need not be told any more.
func (p *page) quiet(t *mem.TrackedPage, i int, told mem.Noise) {
	l := &p.lines[i]
	l.told = told
	t.SetNoise(i, l.noise|p.watch&^told)
}
