// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"errors"

	"vdev/mmio"
)

// rect is a rectangle of pixels; x1 and y1 are just behind it.
type rect struct{ x0, y0, x1, y1 int }

func (r rect) w() int { return r.x1 - r.x0 }
func (r rect) h() int { return r.y1 - r.y0 }

func newRect(leftTop, rightBottom uint32) rect {
	return rect{int(leftTop & 0x1fff), int(leftTop >> 16 & 0x1fff), int(rightBottom & 0x1fff), int(rightBottom >> 16 & 0x1fff)}
}

// maxSide is the longest side of an image in pixels (libdrm: coordinates are 0 to
// 8000).
const maxSide = 8000

// valid tells whether it has pixels, and not too many.
func (r rect) valid() bool {
	return r.x0 < r.x1 && r.y0 < r.y1 && r.x1 <= maxSide && r.y1 <= maxSide
}

// bytesPerRow is the value of a stride register: 16 bits, signed.
func bytesPerRow(v uint32) int { return int(int16(v)) }

// surface is an image in memory.
type surface struct {
	base, plane2 uint64
	stride       int // bytes, maybe negative
	format       format
	reg, reg2    mmio.RegID // base address registers, to name it in events
}

var errAddress = errors.New("beyond the 32 address bits of the device")

// addressEnd is just behind the last address that the device can form.
const addressEnd = 1 << 32

// checkSpan refuses a transfer that the address bus cannot express.
func checkSpan(addr uint64, n int, write bool) error {
	if addr >= addressEnd || uint64(n) > addressEnd-addr {
		return &mmio.DMAError{Addr: mmio.IOVA(max(addr, addressEnd)), Write: write, Err: errAddress}
	}
	return nil
}

// fault is a transfer that failed, of what the register points to.
type fault struct {
	reg mmio.RegID
	err error
}

func (f *fault) Error() string { return f.err.Error() }

// read reads what the address register reg points to; the error is a *fault.
func (d *G2D) read(reg mmio.RegID, addr uint64, p []byte) error {
	err := checkSpan(addr, len(p), false)
	if err == nil {
		err = d.dma.ReadDMA(mmio.IOVA(addr), p)
	}
	if err != nil {
		return &fault{reg, err}
	}
	return nil
}

// write is the opposite of read.
func (d *G2D) write(reg mmio.RegID, addr uint64, p []byte) error {
	err := checkSpan(addr, len(p), true)
	if err == nil {
		err = d.dma.WriteDMA(mmio.IOVA(addr), p)
	}
	if err != nil {
		return &fault{reg, err}
	}
	return nil
}

// span reads the len(out) pixels from (x, y) on.
func (d *G2D) span(s *surface, x, y int, out []uint32) error {
	row := s.base + uint64(y*s.stride)
	f, n := &s.format, len(out)
	switch f.kind {
	case kindBits:
		off, end := x*int(f.bits)/8, ((x+n)*int(f.bits)+7)/8
		raw := d.raw[:end-off]
		if err := d.read(s.reg, row+uint64(off), raw); err != nil {
			return err
		}
		f.decodeBits(out, raw, x)
		return nil
	case kindYCbCr:
		return d.ycbcrSpan(s, row, x, y, out)
	}
	return d.load(s, row+uint64(x*f.bytes), out)
}

// load reads pixels of a format with whole bytes from addr on.
func (d *G2D) load(s *surface, addr uint64, out []uint32) error {
	raw := d.bytesOf(&s.format, out)
	if err := d.read(s.reg, addr, raw); err != nil {
		return err
	}
	s.format.decode(out, raw)
	return nil
}

// bytesOf is room for pixels as they lie in memory: p itself where they have four
// bytes.
func (d *G2D) bytesOf(f *format, p []uint32) []byte {
	if f.bytes == 4 {
		return pixelBytes(p)
	}
	return d.raw[:len(p)*f.bytes]
}

// decodeBits fills out with mask pixels from x on, the same in all channels; raw
// begins with the byte that has pixel x. The leftmost pixel of a byte is in its low
// bits.
func (f *format) decodeBits(out []uint32, raw []byte, x int) {
	per := 8 / int(f.bits)
	top := uint32(1)<<f.bits - 1
	for i := range out {
		at := x%per + i
		v := uint32(raw[at/per]) >> (uint(at%per) * f.bits) & top
		out[i] = v * (255 / top) * perChannel
	}
}

func (d *G2D) ycbcrSpan(s *surface, row uint64, x, y int, out []uint32) error {
	c, n := &s.format.ycbcr, len(out)
	if c.packed {
		off, size := packedSpan(x, n)
		raw := d.raw[:size]
		if err := d.read(s.reg, row+uint64(off), raw); err != nil {
			return err
		}
		c.decodePacked(out, raw, x)
		return nil
	}
	luma := d.raw[:n]
	if err := d.read(s.reg, row+uint64(x), luma); err != nil {
		return err
	}
	off, size := c.chromaSpan(x, n)
	chroma := d.raw2[:size]
	if err := d.read(s.reg2, s.chromaRow(y)+uint64(off), chroma); err != nil {
		return err
	}
	c.decodePlanes(out, luma, chroma, x)
	return nil
}

// column reads the len(out) pixels from (x, y) down.
func (d *G2D) column(s *surface, x, y int, out []uint32) error {
	for i := range out {
		if err := d.span(s, x, y+i, out[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}
