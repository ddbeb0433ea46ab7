// SPDX-License-Identifier: Apache-2.0

package dmasan

import "vdev/emu/mem"

const linesPerPage = mem.PageSize / mem.LineSize

// line is the shadow of one line. Most lines are idle most of the time; what only
// lines in trouble need is in rare.
type line struct {
	dev  uint64
	rare *rare
	// fresh: an invalidate or flush came, and no hart used the line since (before a
	// bus master wrote it).
	fresh bool
	noise mem.Noise // what the rules on lines need to see
	told  mem.Noise // of what is watched, what was told already

	write, dma, maint *access // the last of each kind; write is the first
	// store since maint: later ones are not seen
}

// rare is the part of the shadow that is all zero on an idle line.
type rare struct {
	masks

	ncWrite *access // that set nc
	// Of the last store that clobbered: itself, and whose bytes it endangered.
	clobberer, victim *access
	// Of the last invalidate that threw stores away: itself, the first of these
	// stores, what else came before, and the bytes.
	thrower, thrownWrite *access
	thrownBytes          [mem.LineSize]byte
}

// masks of rare; see the package comment.
type masks struct {
	nc, clobbered, lost, thrown, settled uint64
}

func (l *line) masks() masks {
	if l.rare == nil {
		return masks{}
	}
	return l.rare.masks
}

// mutableRare returns the line's rare part, making one if necessary.
func (l *line) mutableRare() *rare {
	if l.rare == nil {
		l.rare = new(rare)
	}
	return l.rare
}

// tidy drops the rare part when it says nothing.
func (l *line) tidy() {
	r := l.rare
	if r == nil {
		return
	}
	r.settled &= l.dev | r.nc | r.clobbered | r.lost
	if r.masks == (masks{}) {
		l.rare = nil
	}
}

// superseded is the foreign bytes, as far as they are known to be alive: if a hart
// wrote them too, that was before.
func (l *line) superseded() uint64 { return l.foreign() &^ l.masks().settled }

// foreign is the bytes that a bus master or a non-cacheable store wrote last.
func (l *line) foreign() uint64 {
	if l.rare != nil {
		return l.dev | l.rare.nc
	}
	return l.dev
}

// overwrite forgets about bytes that now have another last writer.
func (l *line) overwrite(m uint64) {
	l.dev &^= m
	if r := l.rare; r != nil {
		r.nc &^= m
		r.clobbered &^= m
		r.lost &^= m
		r.thrown &^= m
		r.settled &^= m
	}
}

// page is the shadow of a page.
type page struct {
	lines [linesPerPage]line
	// uncached: the last access by a hart to the page was non-cacheable, or a
	// cacheable load.
	uncached bool
	// watch is what the dma-buf core needs to see.
	watch mem.Noise
	// readers has a bit for each bus master that ever read from the page.
	readers uint8
}

// wantNoise tells which accesses by harts to the line must be seen.
func (p *page) wantNoise(l *line) mem.Noise {
	live := l.dev
	if r := l.rare; r != nil {
		live = (l.dev|r.nc|r.clobbered|r.lost)&^r.settled | r.thrown
	}
	if live != 0 || l.fresh || p.uncached {
		return mem.NoisyRead | mem.NoisyWrite
	}
	return 0
}

func (p *page) settleNoise(t *mem.TrackedPage, i int) {
	l := &p.lines[i]
	if n := p.wantNoise(l); n != l.noise {
		l.noise = n
		t.SetNoise(i, n|p.watch&^l.told)
	}
}
