// SPDX-License-Identifier: Apache-2.0

package pixel

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Format is a pixel format by its fourcc, as in Linux's
// include/uapi/drm/drm_fourcc.h. Pixels are little-endian words with the channels that
// the name lists, from the most significant bit down.
type Format uint32

// The formats that G2D and display have in common, and their mirror images.
const (
	XRGB8888 Format = 'X' | 'R'<<8 | '2'<<16 | '4'<<24
	ARGB8888 Format = 'A' | 'R'<<8 | '2'<<16 | '4'<<24
	XBGR8888 Format = 'X' | 'B'<<8 | '2'<<16 | '4'<<24
	ABGR8888 Format = 'A' | 'B'<<8 | '2'<<16 | '4'<<24
	RGB565   Format = 'R' | 'G'<<8 | '1'<<16 | '6'<<24
	BGR565   Format = 'B' | 'G'<<8 | '1'<<16 | '6'<<24
	XRGB1555 Format = 'X' | 'R'<<8 | '1'<<16 | '5'<<24
	XBGR1555 Format = 'X' | 'B'<<8 | '1'<<16 | '5'<<24
)

// Formats lists all formats.
func Formats() []Format {
	return []Format{XRGB8888, ARGB8888, XBGR8888, ABGR8888, RGB565, BGR565, XRGB1555, XBGR1555}
}

// ParseFormat returns the format with a fourcc like "XR24".
func ParseFormat(s string) (Format, error) {
	var names []string
	for _, f := range Formats() {
		if f.String() == s {
			return f, nil
		}
		names = append(names, f.String())
	}
	return 0, fmt.Errorf("format %q: not one of %s", s, strings.Join(names, ", "))
}

// String is the fourcc.
func (f Format) String() string {
	return string(binary.LittleEndian.AppendUint32(nil, uint32(f)))
}

// layout is where a format has its channels.
type layout struct {
	bytes             int
	r, g, b           uint // lowest bit
	rBits, gBits, alp uint // width of red and blue, of green; alpha is 0 or 8
}

func (f Format) layout() layout {
	switch f {
	case XRGB8888:
		return layout{4, 16, 8, 0, 8, 8, 0}
	case ARGB8888:
		return layout{4, 16, 8, 0, 8, 8, 8}
	case XBGR8888:
		return layout{4, 0, 8, 16, 8, 8, 0}
	case ABGR8888:
		return layout{4, 0, 8, 16, 8, 8, 8}
	case RGB565:
		return layout{2, 11, 5, 0, 5, 6, 0}
	case BGR565:
		return layout{2, 0, 5, 11, 5, 6, 0}
	case XRGB1555:
		return layout{2, 10, 5, 0, 5, 5, 0}
	case XBGR1555:
		return layout{2, 0, 5, 10, 5, 5, 0}
	}
	panic("BUG: pixel: no format " + f.String())
}

// Bytes is the size of a pixel.
func (f Format) Bytes() int { return f.layout().bytes }

// Alpha tells whether the format has an alpha channel.
func (f Format) Alpha() bool { return f.layout().alp != 0 }

// widen makes eight bits of the n low bits of v.
func widen(v uint32, n uint) uint32 {
	v &= 1<<n - 1
	v <<= 8 - n
	return v | v>>n // n is 5 or more, so that repeating once suffices
}

// decode makes ARGB8888 of a pixel.
func (l layout) decode(v uint32) uint32 {
	a := uint32(0xff)
	if l.alp != 0 {
		a = v >> 24
	}
	return a<<24 | widen(v>>l.r, l.rBits)<<16 | widen(v>>l.g, l.gBits)<<8 | widen(v>>l.b, l.rBits)
}

// encode makes a pixel of ARGB8888. Bits without a meaning are ones.
func (l layout) encode(c uint32) uint32 {
	v := (c >> 16 & 0xff) >> (8 - l.rBits) << l.r
	v |= (c >> 8 & 0xff) >> (8 - l.gBits) << l.g
	v |= (c & 0xff) >> (8 - l.rBits) << l.b
	switch {
	case l.alp != 0:
		v |= c &^ 0xffffff
	case l.bytes == 4:
		v |= 0xff000000
	case l.gBits == 5:
		v |= 1 << 15
	}
	return v
}

// Encode returns the pixel for an ARGB8888 colour.
func (f Format) Encode(c uint32) uint32 { return f.layout().encode(c) }

// Decode returns the ARGB8888 colour of a pixel.
func (f Format) Decode(v uint32) uint32 { return f.layout().decode(v) }
