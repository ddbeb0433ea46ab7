// SPDX-License-Identifier: Apache-2.0

package g2d

// ycbcr is what a YCbCr format adds: how chroma lies in memory and what the colours
// are.
type ycbcr struct {
	packed     bool // 4:2:2 in one plane: two pixels in four bytes
	hsub, vsub uint // log2 of pixels per chroma sample
	y0, y1     uint8
	cb, cr     uint8 // byte positions, in the four bytes or in the chroma pair
	csc        csc
}

// csc converts to RGB, with coefficients of 16 fractional bits.
type csc struct {
	offset, y      int32
	rv, gu, gv, bu int32
}

// newCSC has the matrices of BT.601 and BT.709 for video range (luma 16 to 235) and
// wide range.
func newCSC(bt709, wide bool) csc {
	switch {
	case !bt709 && !wide:
		return csc{16, 76309, 104597, 25675, 53279, 132201}
	case !bt709:
		return csc{0, 65536, 91881, 22554, 46802, 116130}
	case !wide:
		return csc{16, 76309, 117489, 13975, 34925, 138438}
	}
	return csc{0, 65536, 103206, 12276, 30679, 121609}
}

// rgb is the opaque ARGB8888 pixel of a colour.
func (m *csc) rgb(y, cb, cr uint8) uint32 {
	l, u, v := (int32(y)-m.offset)*m.y, int32(cb)-128, int32(cr)-128
	clamp := func(x int32) uint32 { return uint32(min(max((x+1<<15)>>16, 0), 255)) }
	return 0xff000000 | clamp(l+m.rv*v)<<16 | clamp(l-m.gu*u-m.gv*v)<<8 | clamp(l+m.bu*u)
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
