// SPDX-License-Identifier: Apache-2.0

package display

import (
	"image"
	"image/png"
	"io"
	"slices"
)

// Still keeps the picture that was shown last. The zero value has none.
type Still struct{ img *image.RGBA }

// Frame takes a picture, which stays the caller's.
func (s *Still) Frame(img *image.RGBA) {
	if s.img == nil || s.img.Rect != img.Rect || s.img.Stride != img.Stride {
		s.img = Copy(img)
		return
	}
	copy(s.img.Pix, img.Pix)
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
