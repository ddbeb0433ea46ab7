// SPDX-License-Identifier: Apache-2.0

package display

import (
	"image"
	"image/png"
	"io"
	"slices"
)

// Still keeps the picture that was shown last. One that is all black does not replace
// another: Linux clears the display when the program that drew on it ends. The zero
// value has no picture.
type Still struct{ img *image.RGBA }

// Frame takes a picture, which stays the caller's.
func (s *Still) Frame(img *image.RGBA) {
	if s.img != nil && black(img) {
		return
	}
	if s.img == nil || s.img.Rect != img.Rect || s.img.Stride != img.Stride {
		s.img = Copy(img)
		return
	}
	copy(s.img.Pix, img.Pix)
}

// black tells whether no pixel of a picture has a colour.
func black(img *image.RGBA) bool {
	r := img.Rect
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := img.Pix[img.PixOffset(r.Min.X, y):][:4*r.Dx()]
		for ; len(row) >= 4; row = row[4:] {
			if row[0]|row[1]|row[2] != 0 {
				return false
			}
		}
	}
	return true
}

// Image is the picture, nil if there is none.
func (s *Still) Image() *image.RGBA { return s.img }

// Copy is a picture with pixels of its own.
func Copy(img *image.RGBA) *image.RGBA {
	c := *img
	c.Pix = slices.Clone(img.Pix)
	return &c
}

// WritePNG writes a picture as a PNG.
func WritePNG(w io.Writer, img *image.RGBA) error {
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	return e.Encode(w, img)
}
