// SPDX-License-Identifier: Apache-2.0

package fimd

import "encoding/binary"

// A pixel inside of the device is red in bits 7:0, green in 15:8, blue in 23:16, and
// in 31:24 what the format has of alpha: a value of 8 bits, or the bit that selects
// one of the two alpha values.

// Pixel formats, as BPPMODE has them.
const (
	mode1 = iota
	mode2
	mode4
	mode8
	modeA232
	mode565
	modeA555
	modeI555
	mode666
	modeA665
	modeA666
	mode888
	modeA887
	modeA888 // 8888 with alpha values
	modeA444 // 4444 with alpha values
	mode555
	numModes
)

// modeBits is the distance of pixels in memory in bits.
func modeBits(mode int) int {
	return [numModes]int{1, 2, 4, 8, 8, 16, 16, 16, 32, 32, 32, 32, 32, 32, 16, 16}[mode]
}

func modeNames() []string {
	return []string{"1-palette", "2-palette", "4-palette", "8-palette", "A232", "565", "A555", "I555",
		"666", "A665", "A666", "888", "A887", "A888-or-8888", "A444-or-4444", "555"}
}

// channels is how a pixel is put together: alpha, red, green and blue, from the most
// significant bit down. Alpha of one bit is a selector.
type channels struct{ a, r, g, b uint }

// modeChannels are the channels of the formats without a palette. values tells that
// alpha values count, not selectors.
func modeChannels(mode int, values bool) channels {
	c := [numModes]channels{modeA232: {1, 2, 3, 2}, mode565: {0, 5, 6, 5}, modeA555: {1, 5, 5, 5}, modeI555: {0, 5, 5, 5},
		mode666: {0, 6, 6, 6}, modeA665: {1, 6, 6, 5}, modeA666: {1, 6, 6, 6}, mode888: {0, 8, 8, 8}, modeA887: {1, 8, 8, 7},
		modeA888: {1, 8, 8, 8}, modeA444: {1, 4, 4, 4}, mode555: {0, 5, 5, 5}}[mode]
	if values {
		c.a = c.r // in the formats that have them, as wide as the colours
	}
	return c
}

// paletteChannels are the channels of a window's palette.
func paletteChannels(win int, low, high uint32, values bool) channels {
	f := 0
	switch win {
	case 0, 1:
		f = int(low >> (3 * win) & 7)
		if f != 7 { // the order is the other way round
			f = 6 - f
		}
	default:
		f = int(low>>(4+win)&1 | high>>(9+4*(win-2))&3<<1)
	}
	c := [8]channels{{0, 5, 6, 5}, {1, 5, 5, 5}, {0, 6, 6, 6}, {1, 6, 6, 5}, {1, 6, 6, 6}, {0, 8, 8, 8}, {1, 8, 8, 8}, {8, 8, 8, 8}}[f]
	if f == 7 && !values {
		c.a = 1
	}
	return c
}

// widen makes n bits 8, repeating them.
func widen(v uint32, n uint) uint32 {
	v <<= 8 - n
	for ; n < 8; n *= 2 {
		v |= v >> n
	}
	return v
}

// unpack makes a pixel of a format's bits.
func (c channels) unpack(v uint32) uint32 {
	take := func(n uint) uint32 {
		x := v & (1<<n - 1)
		v >>= n
		return x
	}
	b := widen(take(c.b), c.b)
	g := widen(take(c.g), c.g)
	r := widen(take(c.r), c.r)
	a := take(c.a)
	if c.a > 1 {
		a = widen(a, c.a)
	}
	return r | g<<8 | b<<16 | a<<24
}

// unpackI555 is unpack for 15 bits and one that all channels share as their lowest.
func unpackI555(v uint32) uint32 {
	six := func(lo uint) uint32 { return widen(v>>lo&0x1f<<1|v>>15&1, 6) }
	return six(10) | six(5)<<8 | six(0)<<16
}

// swapRB exchanges red and blue.
func swapRB(p uint32) uint32 { return p&0xff00ff00 | p&0xff<<16 | p>>16&0xff }

// flip brings the 64-bit words of p, whose bit number i is wanted at i^x, into order.
func flip(p []byte, x int) {
	for ; len(p) >= 8; p = p[8:] {
		w := binary.LittleEndian.Uint64(p)
		for s, mask := range [...]uint64{0x5555555555555555, 0x3333333333333333, 0x0f0f0f0f0f0f0f0f, 0x00ff00ff00ff00ff, 0x0000ffff0000ffff, 0x00000000ffffffff} {
			if x>>s&1 != 0 {
				n := uint(1) << s
				w = w>>n&mask | w&mask<<n
			}
		}
		binary.LittleEndian.PutUint64(p, w)
	}
}

// decodeRow makes pixels of a line of memory, in order.
func (l *layer) decodeRow(out []uint32, raw []byte) {
	switch l.bits {
	case 32:
		raw = raw[:4*len(out)]
		switch {
		case l.direct && l.reverse:
			for i := range out {
				out[i] = binary.LittleEndian.Uint32(raw[4*i:]) & l.kept
			}
		case l.direct:
			for i := range out {
				out[i] = swapRB(binary.LittleEndian.Uint32(raw[4*i:])) & l.kept
			}
		default:
			for i := range out {
				out[i] = l.order(l.channels.unpack(binary.LittleEndian.Uint32(raw[4*i:])))
			}
		}
	case 16:
		raw = raw[:2*len(out)]
		for i := range out {
			out[i] = l.colors[binary.LittleEndian.Uint16(raw[2*i:])]
		}
	case 8:
		raw = raw[:len(out)]
		for i, v := range raw {
			out[i] = l.colors[v]
		}
	default:
		mask, n := byte(1<<l.bits-1), uint(l.bits)
		for i := range out {
			bit := uint(i) * n
			out[i] = l.colors[raw[bit/8]>>(bit%8)&mask]
		}
	}
}

// order puts the colours of a pixel into the order that the window has.
func (l *layer) order(p uint32) uint32 {
	if l.reverse {
		return swapRB(p)
	}
	return p
}

// palette has the pixels of all values of up to 16 bits.
type palette struct {
	colors []uint32
	of     paletteKey
}

// paletteKey is what a palette that does not depend on the window's follows from.
type paletteKey struct {
	mode     int
	channels channels
	reverse  bool
}

// makeColors makes the palette.
func (l *layer) makeColors(e *engine, win int) {
	if l.bits > 16 {
		return
	}
	n := 1 << l.bits
	key := paletteKey{l.mode, l.channels, l.reverse}
	if len(l.colors) == n && l.of == key && l.mode > mode8 {
		return
	}
	if cap(l.colors) < n {
		l.colors = make([]uint32, n)
	}
	l.colors, l.of = l.colors[:n], key
	for v := range l.colors {
		p := uint32(v)
		switch {
		case l.mode <= mode8:
			p = l.channels.unpack(e.Palettes[win][v])
		case l.mode == modeI555:
			p = unpackI555(p)
		default:
			p = l.channels.unpack(p)
		}
		l.colors[v] = l.order(p)
	}
}
