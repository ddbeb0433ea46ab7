// SPDX-License-Identifier: Apache-2.0

package fimd

import (
	"encoding/binary"
	"image"
)

// composer is scratch memory for a line.
type composer struct {
	lineOut, lineAlpha, linePix []uint32
}

// black is an opaque pixel without colour.
const black = 0xff000000

// compose makes the picture of what was read, in img, which has the panel's size.
func (d *FIMD) compose(img *image.RGBA) {
	width := img.Rect.Dx()
	if len(d.lineOut) < width {
		d.lineOut, d.lineAlpha, d.linePix = make([]uint32, width), make([]uint32, width), make([]uint32, width)
	}
	alphas := false
	for i := range d.layers {
		alphas = alphas || d.layers[i].w != 0 && d.layers[i].usesAlpha
	}
	for y := range img.Rect.Dy() {
		d.composeLine(img.Pix[y*img.Stride:][:4*width], y, width, alphas)
	}
}

// composeLine makes line y. alphas tells that some layer wants those below it.
func (d *FIMD) composeLine(dst []byte, y, width int, alphas bool) {
	// What is below the highest layer that hides a whole line does not count.
	first, last, covered := numWindows, 0, false
	for i := range d.layers {
		l := &d.layers[i]
		if !l.on(y) {
			continue
		}
		last = i
		if hides := !alphas && l.w == width && l.opaque(); hides || first == numWindows {
			first, covered = i, hides
		}
	}
	if covered && first == last && d.layers[first].copyRow(dst, y) {
		return
	}
	out, below := d.lineOut[:width], d.lineAlpha[:width]
	if !covered {
		for i := range out {
			out[i] = black
		}
		clear(below)
	}
	for i := first; i < numWindows; i++ {
		l := &d.layers[i]
		if !l.on(y) {
			continue
		}
		at, px := out[l.x:][:l.w], d.linePix[:l.w]
		switch {
		case !alphas && l.opaque():
			l.pixels(at, y)
		case !alphas && l.over():
			l.pixels(px, y)
			l.blendOver(at, px)
		case !alphas && l.either():
			l.pixels(px, y)
			l.choose(at, px)
		default:
			l.pixels(px, y)
			l.blendAny(at, below[l.x:][:l.w], px)
		}
	}
	store(dst, out)
}

// store writes pixels, all of them opaque.
func store(dst []byte, pixels []uint32) {
	for len(pixels) >= 2 && len(dst) >= 8 {
		binary.LittleEndian.PutUint64(dst, uint64(pixels[0])|uint64(pixels[1])<<32|black<<32|black)
		pixels, dst = pixels[2:], dst[8:]
	}
	if len(pixels) == 1 {
		binary.LittleEndian.PutUint32(dst, pixels[0]|black)
	}
}

// copyRow writes the layer's pixels on line y without a look at them, if memory has
// them nearly as the picture has.
func (l *layer) copyRow(dst []byte, y int) bool {
	if l.mapped || !l.direct {
		return false
	}
	raw := l.row(y)[:len(dst)]
	const opaque, green, low = black<<32 | black, 0x0000ff000000ff00, 0x000000ff000000ff
	for len(raw) >= 8 && len(dst) >= 8 {
		v := binary.LittleEndian.Uint64(raw)
		if l.reverse {
			v |= opaque
		} else {
			v = v&green | v>>16&low | v&low<<16 | opaque
		}
		binary.LittleEndian.PutUint64(dst, v)
		raw, dst = raw[8:], dst[8:]
	}
	if len(raw) >= 4 {
		binary.LittleEndian.PutUint32(dst, l.order(swapRB(binary.LittleEndian.Uint32(raw)))|black)
	}
	return true
}

// on tells whether the layer has pixels on line y.
func (l *layer) on(y int) bool { return l.w != 0 && y >= l.y && y < l.y+l.h }

// row is line y of the panel, as memory held it.
func (l *layer) row(y int) []byte { return l.raw[(y-l.y)*l.line:][:l.line] }

// pixels are the layer's on line y.
func (l *layer) pixels(out []uint32, y int) {
	if l.mapped {
		for i := range out {
			out[i] = l.color
		}
		return
	}
	l.decodeRow(out, l.row(y))
}
