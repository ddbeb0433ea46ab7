// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"encoding/binary"

	"vdev/mmio"
)

// What a bitblt, or a whole run of command lists, is going to access, for the gate.
// Rows that are apart count as one range, with what is between them.

// ranges are those of the bitblt in e.Params, or those of the rest of the list in e.Words
// and of the lists after it.
func (d *G2D) ranges(yield func(mmio.DMARange) bool) {
	if len(d.e.Params) != 0 {
		d.blitRanges(yield)
		return
	}
	d.listRanges(yield)
}

// Bounds of looking ahead. Lists may go on for ever; what comes later is announced
// later.
const (
	maxAhead      = 64 // lists
	maxAheadPairs = 4 * MaxPairs
)

// listRanges looks ahead, through all lists of the run. They are peeked at, as to fetch
// them comes later.
func (d *G2D) listRanges(yield func(mmio.DMARange) bool) {
	p, ok := d.preview()
	if !ok {
		return
	}
	words := append([]uint32(nil), d.e.Words...)
	pairs := 0
	for {
		if !p.previewList(words, yield) {
			return
		}
		next := words[len(words)-1]
		if words, ok = d.peekList(next); !ok || d.announced == maxAhead || pairs+len(words)/2 > maxAheadPairs {
			return
		}
		pairs += len(words) / 2
		d.announced++
	}
}

// preview is a device with the same registers and no wires.
func (d *G2D) preview() (p *G2D, ok bool) {
	p = &G2D{irq: mmio.Wired(nil), gated: mmio.NewGatedJob(nil, false)}
	p.Regs = mmio.NewRegs(d.Name(), p.block(), nil)
	return p, p.SetState(d.State()) == nil
}

// peekList reads a command list without a trace; false if it is none.
func (d *G2D) peekList(at uint32) (words []uint32, ok bool) {
	m, ok := d.dma.(mmio.Peeker)
	var head [4]byte
	if !ok || at == 0 || !m.PeekDMA(mmio.IOVA(at), head[:]) {
		return nil, false
	}
	count := binary.LittleEndian.Uint32(head[:])
	if count > MaxPairs || checkSpan(uint64(at)+4, 4*int(2*count+1), false) != nil {
		return nil, false
	}
	raw := make([]byte, 4*(2*count+1))
	if !m.PeekDMA(mmio.IOVA(at)+4, raw) {
		return nil, false
	}
	for i := 0; i < len(raw); i += 4 {
		words = append(words, binary.LittleEndian.Uint32(raw[i:]))
	}
	return words, true
}

// previewList does the pairs of a list as execute does, except that a bitblt only yields
// its ranges.
func (d *G2D) previewList(words []uint32, yield func(mmio.DMARange) bool) bool {
	skip := false
	for i := 0; i+1 < len(words); i += 2 {
		off, v := uint64(words[i]), words[i+1]
		switch {
		case skip:
			skip = false
		case off == d.Reg(regSoftReset).Offset:
			if v&resetEngine == 0 && v&resetClear != 0 {
				d.clear()
				skip = true
			}
		case off == d.Reg(regDMASFRBase).Offset, off == d.Reg(regDMACommand).Offset:
		case off == d.Reg(regBitbltStart).Offset:
			if v&startBitblt != 0 && !d.previewBlit(yield) {
				return false
			}
		case off%4 == 0 && off < windowSize:
			d.WriteMMIO(off, 4, uint64(v))
		}
	}
	return true
}

func (d *G2D) previewBlit(yield func(mmio.DMARange) bool) bool {
	p := &d.now
	for i := range p {
		p[i] = uint32(d.Get(mmio.RegID(i)))
	}
	if pr := d.decode(p); pr.bad || d.job.j0 == d.job.j1 {
		return true
	}
	return d.blitRanges(yield)
}

// blitRanges are those of the bitblt in d.job.
func (d *G2D) blitRanges(yield func(mmio.DMARange) bool) bool {
	j := &d.job
	if !j.dst.ranges(j.drawn(), mmio.DMARange{Read: j.dstNeeded, Write: true}, yield) {
		return false
	}
	if j.fill {
		return true
	}
	read := mmio.DMARange{Read: true}
	if j.srcSelect == selectMemory && !d.src.img.ranges(d.src.area(), read, yield) {
		return false
	}
	if (j.ropMask || j.masking) && !d.mask.img.ranges(d.mask.area(), read, yield) {
		return false
	}
	return !j.patNeeded || j.pat.ranges(rect{0, 0, j.patW, j.patH}, read, yield)
}

// drawn is the part of the destination that is drawn.
func (j *job) drawn() rect {
	span := func(lo, hi, from, to int, reverse bool) (int, int) {
		if reverse {
			return to - hi, to - lo
		}
		return from + lo, from + hi
	}
	var r rect
	r.x0, r.x1 = span(j.i0, j.i1, j.rect.x0, j.rect.x1, j.xneg)
	r.y0, r.y1 = span(j.j0, j.j1, j.rect.y0, j.rect.y1, j.yneg)
	return r
}

// area is the image's rectangle.
func (s *sampler) area() rect {
	x, y := &s.along, &s.across
	if s.rotate {
		x, y = y, x
	}
	return rect{x.start, y.start, x.start + x.n, y.start + y.n}
}

// ranges are those of a rectangle, in one or two planes, each an access like that.
func (s *surface) ranges(r rect, like mmio.DMARange, yield func(mmio.DMARange) bool) bool {
	row := func(y int) uint64 { return s.base + uint64(y*s.stride) }
	f := &s.format
	switch {
	case f.kind == kindBits:
		off, end := r.x0*int(f.bits)/8, (r.x1*int(f.bits)+7)/8
		return rows(row(r.y0), row(r.y1-1), off, end-off, like, yield)
	case f.kind != kindYCbCr:
		return rows(row(r.y0), row(r.y1-1), r.x0*f.bytes, r.w()*f.bytes, like, yield)
	case f.ycbcr.packed:
		off, n := packedSpan(r.x0, r.w())
		return rows(row(r.y0), row(r.y1-1), off, n, like, yield)
	}
	off, n := f.ycbcr.chromaSpan(r.x0, r.w())
	return rows(row(r.y0), row(r.y1-1), r.x0, r.w(), like, yield) &&
		rows(s.chromaRow(r.y0), s.chromaRow(r.y1-1), off, n, like, yield)
}

// rows is the range from the first row to the last one, of which the n bytes at off
// count; cut to what the device can address.
func rows(first, last uint64, off, n int, like mmio.DMARange, yield func(mmio.DMARange) bool) bool {
	// A stride may be negative, and addresses below 0 are beyond all others.
	lo, hi := min(int64(first), int64(last))+int64(off), max(int64(first), int64(last))+int64(off+n)
	lo, hi = max(lo, 0), min(hi, addressEnd)
	if lo >= hi {
		return true
	}
	like.Addr, like.Len = mmio.IOVA(lo), uint64(hi-lo)
	return yield(like)
}
