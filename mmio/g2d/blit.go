// SPDX-License-Identifier: Apache-2.0

package g2d

import "vdev/mmio"

// scratch is the memory for one row, got once.
type scratch struct {
	raw, raw2       []byte
	s, d, t, m, pat []uint32
	keep            []bool
	keepBytes       []bool // of a packed row, or of chroma samples
}

func (b *scratch) alloc() {
	if b.raw != nil {
		return
	}
	b.raw, b.raw2 = make([]byte, 4*maxSide+4), make([]byte, 4*maxSide+4)
	for _, p := range [...]*[]uint32{&b.s, &b.d, &b.t, &b.m, &b.pat} {
		*p = make([]uint32, maxSide)
	}
	b.keep, b.keepBytes = make([]bool, maxSide), make([]bool, 2*maxSide+4)
}

// rowStart is, for a walking row, the destination pixel that lies furthest left inside
// of the clipping window.
func (j *job) rowStart(row int) (x, y int) {
	x, y = j.rect.x0+j.i0, j.rect.y0+row
	if j.yneg {
		y = j.rect.y1 - 1 - row
	}
	if j.xneg {
		x = j.rect.x1 - j.i1
	}
	return x, y
}

// at is the address of a pixel of whole bytes.
func (s *surface) at(x, y int) uint64 {
	return s.base + uint64(y*s.stride) + uint64(x*s.format.bytes)
}

// blitRow does walking row j of the job.
func (d *G2D) blitRow(row int) error {
	j := &d.job
	n := j.i1 - j.i0
	x, y := j.rowStart(row)
	if j.fill {
		return d.fillRow(x, y, n)
	}
	if j.copy && d.rawCopy() {
		return d.copyRow(row, j.dst.at(x, y))
	}
	s := d.s[:n]
	if j.srcSelect != selectMemory {
		set(s, j.srcConst)
	} else if err := d.sample(&d.src, row, s); err != nil {
		return err
	}
	dst := d.d[:n]
	if !j.dstNeeded {
		set(dst, j.dstConst)
	} else {
		if err := d.span(&j.dst, x, y, dst); err != nil {
			return err
		}
		if j.xneg {
			reverse(dst)
		}
	}
	if j.masking || j.ropMask && !j.plainROP {
		if err := d.sample(&d.mask, row, d.m[:n]); err != nil {
			return err
		}
	}
	if j.patNeeded {
		if err := d.patternRow(row, d.pat[:n]); err != nil {
			return err
		}
	}
	all := d.keys(s, dst)
	d.pixels(s, dst, d.m[:n], d.pat[:n])
	return d.store(x, y, s, all)
}

func set(p []uint32, v uint32) {
	for i := range p {
		p[i] = v
	}
}

func reverse[T any](p []T) {
	for a, b := 0, len(p)-1; a < b; a, b = a+1, b-1 {
		p[a], p[b] = p[b], p[a]
	}
}

// fillRow writes n pixels of a solid fill. The row stays in raw, which nothing else
// uses during a fill, so it is made for the first row only.
func (d *G2D) fillRow(x, y, n int) error {
	j := &d.job
	if j.dst.format.kind == kindYCbCr {
		set(d.s[:n], j.fillPixel)
		return d.storeYCbCr(x, y, d.s[:n], nil)
	}
	size := n * j.dst.format.bytes
	if d.filled != size {
		d.filled = size
		j.dst.format.store(d.raw, 0, j.fillPixel)
		for done := j.dst.format.bytes; done < size; done *= 2 {
			copy(d.raw[done:size], d.raw[:done])
		}
	}
	return d.write(j.dst.reg, j.dst.at(x, y), d.raw[:size])
}

// rawCopy tells whether a copy is one of bytes.
func (d *G2D) rawCopy() bool {
	j, s := &d.job, &d.src
	return s.oneToOne && !s.rotate && s.across.scale == scaleNone && !s.along.reverse && !j.xneg && s.img.format.kind != kindYCbCr &&
		s.img.format.same(&j.dst.format) && (s.img.format.opaque == j.dst.format.opaque || j.dst.format.opaque)
}

// copyRow copies the bytes of a row.
func (d *G2D) copyRow(row int, addr uint64) error {
	s, f := &d.src, &d.job.dst.format
	y, _, _ := s.across.at(row)
	n := d.job.i1 - d.job.i0
	raw := d.bytesOf(f, d.s[:n])
	if y == outside {
		set(d.s[:n], s.border)
		f.encode(raw, d.s[:n])
	} else {
		if err := d.read(s.img.reg, s.img.base+uint64(y*s.img.stride+s.lo*f.bytes), raw); err != nil {
			return err
		}
		f.fix(raw, d.s[:n])
	}
	return d.write(d.job.dst.reg, addr, raw)
}

// fix sets the unused bits of pixels; raw is bytesOf p.
func (f *format) fix(raw []byte, p []uint32) {
	switch {
	case f.fixed == 0:
	case f.bytes == 4:
		for i := range p {
			p[i] |= f.fixed
		}
	default:
		for i := range p {
			f.store(raw, i, f.load(raw, i)|f.fixed)
		}
	}
}

// patternRow fills out with the pattern for walking row j.
func (d *G2D) patternRow(row int, out []uint32) error {
	j := &d.job
	y := (row + j.patY) % j.patH
	if j.patYNeg {
		y = j.patH - 1 - y
	}
	// Only what the row needs is read: from the pattern's start if it wraps.
	x := (j.i0 + j.patX) % j.patW
	lo, n := x, len(out)
	if x+n > j.patW {
		lo, n = 0, j.patW
	}
	at := lo
	if j.patXNeg {
		at = j.patW - lo - n
	}
	tile := d.t[:n]
	if err := d.span(&j.pat, at, y, tile); err != nil {
		return err
	}
	if j.patPremul {
		premultiplyRow(j.premulRound, tile)
	}
	for i := range out {
		k := (x+i)%j.patW - lo
		if j.patXNeg {
			k = n - 1 - k
		}
		out[i] = tile[k]
	}
	return nil
}

// keys finds the pixels that are drawn, and puts the background where the blue screen
// was; all says that every pixel is drawn.
func (d *G2D) keys(s, dst []uint32) (all bool) {
	j := &d.job
	if j.transparent == keepBlueScreen {
		for i, c := range s {
			if (c^j.blueScreen)&0xffffff == 0 {
				s[i] = j.background
			}
		}
	}
	if !j.srcKey.on && !j.dstKey.on && j.transparent != keepTransparent {
		return true
	}
	for i, c := range s {
		d.keep[i] = (!j.srcKey.on || j.srcKey.passes(c)) && (!j.dstKey.on || j.dstKey.passes(dst[i])) &&
			(j.transparent != keepTransparent || (c^j.blueScreen)&0xffffff != 0)
	}
	return false
}

// pixels makes of source, destination, mask and pattern what is to be written, in s.
func (d *G2D) pixels(s, dst, mask, pat []uint32) {
	j := &d.job
	if j.srcPremul {
		premultiplyRow(j.premulRound, s)
	}
	if j.dstPremul {
		premultiplyRow(j.premulRound, dst)
	}
	if j.masking {
		maskRow(s, mask)
	}
	if !j.plainROP {
		j.ropRow(s, dst, mask, pat)
	}
	if j.blend {
		j.blender.row(s, dst)
	}
	if j.depremul {
		depremultiplyRow(s)
	}
}

// rop3 is a raster operation on all bits of a pixel at once: for each combination of
// third operand and source, the result where the destination is 0, and what changes
// where it is 1.
type rop3 struct{ zero, change [4]uint32 }

func newROP3(table uint8) (r rop3) {
	all := func(bit int) uint32 { return -(uint32(table) >> bit & 1) }
	for k := range r.zero {
		r.zero[k], r.change[k] = all(2*k), all(2*k)^all(2*k+1)
	}
	return r
}

func (r *rop3) do(s, d, t uint32) uint32 {
	v0, v1 := r.zero[0]^r.change[0]&d, r.zero[1]^r.change[1]&d
	v2, v3 := r.zero[2]^r.change[2]&d, r.zero[3]^r.change[3]&d
	v0 ^= (v0 ^ v1) & s
	v2 ^= (v2 ^ v3) & s
	return v0 ^ (v0^v2)&t
}

func (j *job) ropRow(s, dst, mask, pat []uint32) {
	ops := [2]rop3{newROP3(j.rop[0]), newROP3(j.rop[1])}
	for i, c := range s {
		which := 0
		if j.ropMask && mask[i] != 0 {
			which = 1
		}
		t := j.thirdConst[which]
		if j.third[which] == thirdPattern {
			t = pat[i]
		}
		out := ops[which].do(c, dst[i], t)
		if !j.ropAlpha {
			out = out&0xffffff | c&0xff000000
		}
		s[i] = out
	}
}

// store writes the row, or what of it is drawn.
func (d *G2D) store(x, y int, s []uint32, all bool) error {
	img := &d.job.dst
	keep := d.keep[:len(s)]
	if d.job.xneg {
		reverse(s)
	}
	switch {
	case all:
		keep = nil
	case d.job.xneg:
		reverse(keep)
	}
	if img.format.kind == kindYCbCr {
		for i, c := range s {
			s[i] = img.format.ycbcr.csc.ycc(c)
		}
		return d.storeYCbCr(x, y, s, keep)
	}
	raw := d.bytesOf(&img.format, s)
	img.format.encode(raw, s)
	return d.writeRuns(img.reg, img.at(x, y), raw, img.format.bytes, keep)
}

// writeRuns writes pixels of so many bytes, but for those that keep leaves out; a nil
// keep leaves out none.
func (d *G2D) writeRuns(reg mmio.RegID, addr uint64, raw []byte, size int, keep []bool) error {
	if keep == nil {
		return d.write(reg, addr, raw)
	}
	for i := 0; i < len(keep); i++ {
		run := i
		for i < len(keep) && keep[i] {
			i++
		}
		if i > run {
			if err := d.write(reg, addr+uint64(run*size), raw[run*size:i*size]); err != nil {
				return err
			}
		}
	}
	return nil
}
