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
	out, below := d.lineOut[:width], d.lineAlpha[:width]
	// The lowest layer that counts is the highest that hides a whole line.
	first := 0
	covered := false
	for i := range d.layers {
		l := &d.layers[i]
		if !alphas && l.on(y) && l.w == width && l.opaque() {
			first, covered = i, true
		}
	}
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
		at := out[l.x:][:l.w]
		if !alphas && l.opaque() {
			l.pixels(at, y)
			for j := range at {
				at[j] |= black
			}
			continue
		}
		px := d.linePix[:l.w]
		l.pixels(px, y)
		if !alphas && l.over() {
			l.blendOver(at, px)
		} else {
			l.blendAny(at, below[l.x:][:l.w], px)
		}
	}
	for i, p := range out {
		binary.LittleEndian.PutUint32(dst[4*i:], p)
	}
}

// on tells whether the layer has pixels on line y.
func (l *layer) on(y int) bool { return l.w != 0 && y >= l.y && y < l.y+l.h }

// pixels are the layer's on line y.
func (l *layer) pixels(out []uint32, y int) {
	if l.mapped {
		for i := range out {
			out[i] = l.color
		}
		return
	}
	l.decodeRow(out, l.raw[(y-l.y)*l.line:][:l.line])
}
