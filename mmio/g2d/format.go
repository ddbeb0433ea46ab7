// SPDX-License-Identifier: Apache-2.0

package g2d

// Codes of pixel formats in the color mode registers (libdrm, e_g2d_color_mode).
const (
	fmtXRGB8888 = iota
	fmtARGB8888
	fmtRGB565
	fmtXRGB1555
	fmtARGB1555
	fmtXRGB4444
	fmtARGB4444
	fmtPRGB888
	fmtYCbCr444
	fmtYCbCr422
	fmtYCbCr420
	fmtA8
	fmtL8
	numFormats
)

func formatNames() [numFormats]string {
	return [numFormats]string{"XRGB8888", "ARGB8888", "RGB565", "XRGB1555", "ARGB1555", "XRGB4444", "ARGB4444", "PRGB888",
		"YCbCr444", "YCbCr422", "YCbCr420", "A8", "L8"}
}

// channel is where a channel lies in a pixel.
type channel struct{ shift, width uint8 }

// get extracts the channel and widens it to 8 bits by repeating its bits.
func (c channel) get(v uint32) uint32 {
	x := v >> c.shift
	switch c.width {
	case 8:
		return x & 0xff
	case 6:
		x &= 0x3f
		return x<<2 | x>>4
	case 5:
		x &= 0x1f
		return x<<3 | x>>2
	case 4:
		return x & 0xf * 0x11
	case 1:
		return x & 1 * 0xff
	}
	return 0
}

// put narrows x, of 8 bits, by cutting its low bits off.
func (c channel) put(x uint32) uint32 { return x >> (8 - c.width) << c.shift }

// kind tells how pixels lie in memory.
type kind uint8

const (
	kindRGB kind = iota
	kindA8
	kindL8
	kindYCbCr
	kindBits // mask of 1, 4 or 8 bits
)

// format is a decoded pixel format.
type format struct {
	kind       kind
	bytes      int    // of a pixel, all but kindBits and kindYCbCr
	ext        uint32 // colour of A8
	a, r, g, b channel
	fixed      uint32 // bits that are set in every pixel written: the unused ones
	opaque     bool   // no alpha: it reads as 255
	alphaOnly  bool   // mask: the alpha counts for all channels

	bits uint // kindBits

	ycbcr ycbcr
}

// rgbFormat has the layout of an RGB format; order is that of the color mode.
func rgbFormat(code, order uint32) format {
	type widths struct{ bytes, a, r, g, b uint8 }
	w := [...]widths{{4, 8, 8, 8, 8}, {4, 8, 8, 8, 8}, {2, 0, 5, 6, 5}, {2, 1, 5, 5, 5}, {2, 1, 5, 5, 5}, {2, 4, 4, 4, 4}, {2, 4, 4, 4, 4}, {3, 0, 8, 8, 8}}[code]
	f := format{kind: kindRGB, bytes: int(w.bytes)}
	f.a.width, f.r.width, f.g.width, f.b.width = w.a, w.r, w.g, w.b
	at := uint8(0)
	for _, c := range f.fromLow(order) {
		c.shift = at
		at += c.width
	}
	switch code {
	case fmtARGB8888, fmtARGB1555, fmtARGB4444:
	default:
		f.opaque = true
		f.fixed = (1<<f.a.width - 1) << f.a.shift
	}
	return f
}

// fromLow lists the channels from the least significant one up.
func (f *format) fromLow(order uint32) [4]*channel {
	switch order {
	case 1: // RGBAX
		return [4]*channel{&f.a, &f.b, &f.g, &f.r}
	case 2: // AXBGR
		return [4]*channel{&f.r, &f.g, &f.b, &f.a}
	case 3: // BGRAX
		return [4]*channel{&f.a, &f.r, &f.g, &f.b}
	}
	return [4]*channel{&f.b, &f.g, &f.r, &f.a} // AXRGB
}

// same tells whether two formats have equal pixels in memory.
func (f *format) same(o *format) bool {
	return f.kind == o.kind && f.bytes == o.bytes && f.a == o.a && f.r == o.r && f.g == o.g && f.b == o.b
}

// plain8888 is ARGB8888, which needs no conversion but for the alpha of XRGB8888.
func (f *format) plain8888() bool {
	return f.kind == kindRGB && f.bytes == 4 && f.a.shift == 24 && f.r.shift == 16 && f.b.shift == 0
}

// load is pixel i of raw as it lies in memory, little-endian.
func (f *format) load(raw []byte, i int) uint32 {
	switch f.bytes {
	case 4:
		p := raw[4*i : 4*i+4]
		return uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 | uint32(p[3])<<24
	case 2:
		p := raw[2*i : 2*i+2]
		return uint32(p[0]) | uint32(p[1])<<8
	case 3:
		p := raw[3*i : 3*i+3]
		return uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16
	}
	return uint32(raw[i])
}

// store is the opposite of load.
func (f *format) store(raw []byte, i int, v uint32) {
	switch f.bytes {
	case 4:
		p := raw[4*i : 4*i+4]
		p[0], p[1], p[2], p[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
	case 2:
		p := raw[2*i : 2*i+2]
		p[0], p[1] = byte(v), byte(v>>8)
	case 3:
		p := raw[3*i : 3*i+3]
		p[0], p[1], p[2] = byte(v), byte(v>>8), byte(v>>16)
	default:
		raw[i] = byte(v)
	}
}

// decode turns pixels in memory into ARGB8888; it fills out. raw is bytesOf out.
func (f *format) decode(out []uint32, raw []byte) {
	switch {
	case f.kind == kindA8:
		for i := range out {
			out[i] = f.ext | uint32(raw[i])<<24
		}
	case f.kind == kindL8:
		for i := range out {
			out[i] = 0xff000000 | uint32(raw[i])*0x010101
		}
	case f.plain8888():
		if f.opaque {
			for i := range out {
				out[i] |= 0xff000000
			}
		}
	case f.bytes == 4:
		for i, v := range out {
			out[i] = f.widen(v)
		}
	default:
		for i := range out {
			out[i] = f.widen(f.load(raw, i))
		}
	}
	if f.alphaOnly {
		for i, c := range out {
			out[i] = c >> 24 * perChannel
		}
	}
}

// widen turns an RGB pixel into ARGB8888.
func (f *format) widen(v uint32) uint32 {
	a := uint32(0xff)
	if !f.opaque {
		a = f.a.get(v)
	}
	return a<<24 | f.r.get(v)<<16 | f.g.get(v)<<8 | f.b.get(v)
}

// narrow turns an ARGB8888 pixel into one of the format.
func (f *format) narrow(c uint32) uint32 {
	switch f.kind {
	case kindA8:
		return c >> 24
	case kindL8:
		return (77*(c>>16&0xff) + 150*(c>>8&0xff) + 29*(c&0xff) + 128) >> 8
	}
	v := f.r.put(c>>16&0xff) | f.g.put(c>>8&0xff) | f.b.put(c&0xff)
	if f.opaque {
		return v | f.fixed
	}
	return v | f.a.put(c>>24)
}

// encode is the opposite of decode; it fills raw, and with it in.
func (f *format) encode(raw []byte, in []uint32) {
	switch {
	case f.plain8888() && f.fixed == 0:
	case f.plain8888():
		for i := range in {
			in[i] |= f.fixed
		}
	case f.bytes == 4:
		for i, c := range in {
			in[i] = f.narrow(c)
		}
	default:
		for i, c := range in {
			f.store(raw, i, f.narrow(c))
		}
	}
}

// fillPixel is the pixel that a solid fill writes for SF_COLOR v: the same bits with
// the channels in order AXRGB, put into this format's order.
func (f *format) fillPixel(code, v uint32) uint32 {
	switch f.kind {
	case kindRGB:
	case kindYCbCr:
		return v & 0xffffff
	default:
		return v & 0xff
	}
	from := rgbFormat(code, 0)
	move := func(src, dst channel) uint32 { return v >> src.shift & (1<<src.width - 1) << dst.shift }
	return move(from.a, f.a) | move(from.r, f.r) | move(from.g, f.g) | move(from.b, f.b)
}
