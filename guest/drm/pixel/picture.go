// SPDX-License-Identifier: Apache-2.0

package pixel

import (
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
)

// Picture is a rectangle of ARGB8888 words, premultiplied with alpha.
type Picture struct {
	Width, Height int
	Pix           []uint32 // row by row
}

// New returns a transparent black picture.
func New(width, height int) *Picture {
	return &Picture{width, height, make([]uint32, width*height)}
}

// At returns the pixel at x, y, which must be inside.
func (p *Picture) At(x, y int) uint32 { return p.Pix[y*p.Width+x] }

// Set changes the pixel at x, y, which must be inside.
func (p *Picture) Set(x, y int, c uint32) { p.Pix[y*p.Width+x] = c }

// Fill paints the part of a rectangle that is inside.
func (p *Picture) Fill(r image.Rectangle, c uint32) {
	r = r.Intersect(image.Rect(0, 0, p.Width, p.Height))
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := p.Pix[y*p.Width+r.Min.X : y*p.Width+r.Max.X]
		for i := range row {
			row[i] = c
		}
	}
}

// Store writes the picture to mem in a format, with stride bytes from row to row.
func (p *Picture) Store(mem []byte, stride int, f Format) {
	l := f.layout()
	for y := range p.Height {
		row, src := mem[y*stride:], p.Pix[y*p.Width:(y+1)*p.Width]
		switch {
		case f == XRGB8888 || f == ARGB8888: // as it is, for speed
			opaque := uint32(0)
			if f == XRGB8888 {
				opaque = 0xff000000
			}
			row = row[:4*len(src)]
			for _, c := range src {
				binary.LittleEndian.PutUint32(row, c|opaque)
				row = row[4:]
			}
		case l.bytes == 4:
			for x, c := range src {
				binary.LittleEndian.PutUint32(row[4*x:], l.encode(c))
			}
		default:
			for x, c := range src {
				binary.LittleEndian.PutUint16(row[2*x:], uint16(l.encode(c)))
			}
		}
	}
}

// Load reads a picture of the given size from mem.
func Load(mem []byte, width, height, stride int, f Format) *Picture {
	l := f.layout()
	p := New(width, height)
	for y := range height {
		row := mem[y*stride:]
		for x := range width {
			if l.bytes == 4 {
				p.Pix[y*width+x] = l.decode(binary.LittleEndian.Uint32(row[4*x:]))
			} else {
				p.Pix[y*width+x] = l.decode(uint32(binary.LittleEndian.Uint16(row[2*x:])))
			}
		}
	}
	return p
}

// Diff describes how q differs from p: the first pixel, and how many; "" if it does not.
func (p *Picture) Diff(q *Picture) string {
	if p.Width != q.Width || p.Height != q.Height {
		return fmt.Sprintf("%dx%d, want %dx%d", q.Width, q.Height, p.Width, p.Height)
	}
	first, n := -1, 0
	for i := range p.Pix {
		if p.Pix[i] != q.Pix[i] {
			if n == 0 {
				first = i
			}
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d pixels differ, the first at %d,%d: %#08x, want %#08x",
		n, len(p.Pix), first%p.Width, first/p.Width, q.Pix[first], p.Pix[first])
}

// DecodePNG reads a PNG.
func DecodePNG(r io.Reader) (*Picture, error) {
	img, err := png.Decode(r)
	if err != nil {
		return nil, err
	}
	b := img.Bounds()
	p := New(b.Dx(), b.Dy())
	for y := range p.Height {
		for x := range p.Width {
			c := color.RGBAModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.RGBA)
			p.Set(x, y, uint32(c.A)<<24|uint32(c.R)<<16|uint32(c.G)<<8|uint32(c.B))
		}
	}
	return p, nil
}

// EncodePNG writes the picture as a PNG.
func (p *Picture) EncodePNG(w io.Writer) error {
	img := image.NewRGBA(image.Rect(0, 0, p.Width, p.Height))
	for i, c := range p.Pix {
		img.Pix[4*i], img.Pix[4*i+1], img.Pix[4*i+2], img.Pix[4*i+3] = byte(c>>16), byte(c>>8), byte(c), byte(c>>24)
	}
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	return enc.Encode(w, img)
}
