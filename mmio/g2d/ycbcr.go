// SPDX-License-Identifier: Apache-2.0

package g2d

import "vdev/mmio"

// YCbCr colours are a word with Y in bits 23:16, Cb in 15:8 and Cr in 7:0, as in
// SF_COLOR.

// ycbcr is what a YCbCr format adds: how chroma lies in memory and what the colours
// are.
type ycbcr struct {
	packed     bool // 4:2:2 in one plane: two pixels in four bytes
	hsub, vsub uint // log2 of pixels per chroma sample
	y0, y1     uint8
	cb, cr     uint8 // byte positions, in the four bytes or in the chroma pair
	csc        csc
}

// csc converts to RGB and from it, with coefficients of 16 fractional bits.
type csc struct {
	offset, y      int32
	rv, gu, gv, bu int32
	from           [3][3]int32 // Y, Cb and Cr of red, green and blue
}

// newCSC has the matrices of BT.601 and BT.709 for video range (luma 16 to 235) and
// wide range. In from, the coefficients of red and blue are rounded; that of green is
// what makes white's luma 235 (255) and leaves greys without chroma.
func newCSC(bt709, wide bool) csc {
	switch {
	case !bt709 && !wide:
		return csc{16, 76309, 104597, 25675, 53279, 132201,
			[3][3]int32{{16829, 33039, 6416}, {-9714, -19070, 28784}, {28784, -24103, -4681}}}
	case !bt709:
		return csc{0, 65536, 91881, 22554, 46802, 116130,
			[3][3]int32{{19595, 38470, 7471}, {-11058, -21710, 32768}, {32768, -27439, -5329}}}
	case !wide:
		return csc{16, 76309, 117489, 13975, 34925, 138438,
			[3][3]int32{{11966, 40254, 4064}, {-6596, -22188, 28784}, {28784, -26145, -2639}}}
	}
	return csc{0, 65536, 103206, 12276, 30679, 121609,
		[3][3]int32{{13933, 46871, 4732}, {-7509, -25259, 32768}, {32768, -29763, -3005}}}
}

// clamp16 takes 16 fractional bits off, to nearest, and stays in a byte.
func clamp16(x int32) uint32 { return uint32(min(max((x+1<<15)>>16, 0), 255)) }

// rgb is the opaque ARGB8888 pixel of a colour.
func (m *csc) rgb(y, cb, cr uint8) uint32 {
	l, u, v := (int32(y)-m.offset)*m.y, int32(cb)-128, int32(cr)-128
	return 0xff000000 | clamp16(l+m.rv*v)<<16 | clamp16(l-m.gu*u-m.gv*v)<<8 | clamp16(l+m.bu*u)
}

// ycc is the colour of an ARGB8888 pixel; its alpha is lost.
func (m *csc) ycc(c uint32) uint32 {
	r, g, b := int32(c>>16&0xff), int32(c>>8&0xff), int32(c&0xff)
	dot := func(k [3]int32, offset int32) uint32 { return clamp16(k[0]*r + k[1]*g + k[2]*b + offset<<16) }
	return dot(m.from[0], m.offset)<<16 | dot(m.from[1], 128)<<8 | dot(m.from[2], 128)
}

// ycbcrFormat decodes the parts of a color mode that matter to YCbCr; ok is false
// if there is no such format.
func ycbcrFormat(mode uint32) (f format, ok bool) {
	code, planes, order := mode&0xf, mode>>8&3, uint8(mode>>12&3)
	f.kind = kindYCbCr
	f.ycbcr.csc = newCSC(mode>>16&1 != 0, mode>>17&1 != 0)
	y := &f.ycbcr
	switch planes {
	case 0:
		if code != fmtYCbCr422 {
			return f, false
		}
		y.packed, y.hsub = true, 1
		y.y0, y.y1, y.cb, y.cr = 0, 2, 1, 3
		if order >= 2 {
			y.y0, y.y1, y.cb, y.cr = 1, 3, 0, 2
		}
		if order&1 != 0 {
			y.cb, y.cr = y.cr, y.cb
		}
	case 1:
		if order >= 2 {
			return f, false
		}
		if code != fmtYCbCr444 {
			y.hsub = 1
		}
		if code == fmtYCbCr420 {
			y.vsub = 1
		}
		y.cb, y.cr = order, 1-order
	default:
		return f, false
	}
	return f, true
}

// aligned tells which register, if any, has an odd coordinate or stride where chroma
// allows none.
func (f *format) aligned(p *params, leftTop, rightBottom, stride mmio.RegID) problem {
	var odd uint32
	if f.ycbcr.hsub != 0 {
		odd = 1
		if p[stride]&1 != 0 {
			return bad(stride)
		}
	}
	if f.ycbcr.vsub != 0 {
		odd |= 1 << 16
	}
	for _, reg := range [...]mmio.RegID{leftTop, rightBottom} {
		if p[reg]&odd != 0 {
			return bad(reg)
		}
	}
	return problem{}
}

// packedSpan is the byte range of pixels x to x+n of a packed row.
func packedSpan(x, n int) (off, size int) {
	off = x &^ 1 * 2
	return off, (x+n+1)&^1*2 - off
}

// chromaSpan is the byte range of the chroma of pixels x to x+n.
func (y *ycbcr) chromaSpan(x, n int) (off, size int) {
	off = x >> y.hsub * 2
	return off, (x+n-1)>>y.hsub*2 + 2 - off
}

// decodePacked fills out with the pixels from x on; raw is their packedSpan.
func (y *ycbcr) decodePacked(out []uint32, raw []byte, x int) {
	for i := range out {
		p := raw[(x+i)/2*4-x/2*4:][:4]
		luma := p[y.y0]
		if (x+i)&1 != 0 {
			luma = p[y.y1]
		}
		out[i] = y.csc.rgb(luma, p[y.cb], p[y.cr])
	}
}

// decodePlanes fills out with the pixels from x on; chroma is their chromaSpan.
func (y *ycbcr) decodePlanes(out []uint32, luma, chroma []byte, x int) {
	for i := range out {
		p := chroma[((x+i)>>y.hsub-x>>y.hsub)*2:][:2]
		out[i] = y.csc.rgb(luma[i], p[y.cb], p[y.cr])
	}
}

// storeYCbCr writes colours to pixels (x, y) and on, but for those that keep leaves
// out; a nil keep leaves out none. A chroma sample is that of its first pixel.
func (d *G2D) storeYCbCr(x, y int, colors []uint32, keep []bool) error {
	img := &d.job.dst
	c, row := &img.format.ycbcr, img.base+uint64(y*img.stride)
	drawn := func(i int) bool { return keep == nil || keep[i] }
	if c.packed {
		off, size := packedSpan(x, len(colors))
		raw, bytes := d.raw[:size], d.keepBytes[:size]
		clear(bytes)
		put := func(at int, v uint32) { raw[at], bytes[at] = byte(v), true }
		for i, v := range colors {
			if !drawn(i) {
				continue
			}
			at := (x+i)/2*4 - off
			if (x+i)&1 != 0 {
				put(at+int(c.y1), v>>16)
				continue
			}
			put(at+int(c.y0), v>>16)
			put(at+int(c.cb), v>>8)
			put(at+int(c.cr), v)
		}
		return d.writeRuns(img.reg, row+uint64(off), raw, 1, bytes)
	}
	luma := d.raw[:len(colors)]
	for i, v := range colors {
		luma[i] = byte(v >> 16)
	}
	if err := d.writeRuns(img.reg, row+uint64(x), luma, 1, keep); err != nil || y&(1<<c.vsub-1) != 0 {
		return err
	}
	first := x & (1<<c.hsub - 1) // the first pixel that has a sample
	chroma, samples := d.raw2[:0], d.keepBytes[:0]
	for i := first; i < len(colors); i += 1 << c.hsub {
		pair := [2]byte{}
		pair[c.cb], pair[c.cr] = byte(colors[i]>>8), byte(colors[i])
		chroma, samples = append(chroma, pair[:]...), append(samples, drawn(i))
	}
	return d.writeRuns(img.reg2, img.chromaRow(y)+uint64((x+first)>>c.hsub*2), chroma, 2, samples)
}

// chromaRow is where the chroma of row y begins.
func (s *surface) chromaRow(y int) uint64 {
	c, stride := &s.format.ycbcr, s.stride
	if c.hsub == 0 {
		stride *= 2
	}
	return s.plane2 + uint64(y>>c.vsub*stride)
}
