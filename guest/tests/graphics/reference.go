// SPDX-License-Identifier: Apache-2.0

//go:build linux

package graphics

import (
	"image"

	"vdev/guest/drm"
	"vdev/guest/drm/pixel"
)

// What the engine's operations should give, pixel by pixel and without any thought of
// speed. Pictures hold what a format leaves of their colours.

// reduced is what a format leaves of a colour.
func reduced(f pixel.Format, c uint32) uint32 { return f.Decode(f.Encode(c)) }

func reduce(p *pixel.Picture, f pixel.Format) *pixel.Picture {
	q := pixel.New(p.Width, p.Height)
	for i, c := range p.Pix {
		q.Pix[i] = reduced(f, c)
	}
	return q
}

// over puts a premultiplied colour over another one.
func over(s, d uint32) uint32 {
	var out uint32
	for sh := 0; sh < 32; sh += 8 {
		sum := 255*(s>>sh&0xff) + (255-s>>24)*(d>>sh&0xff)
		out |= min((sum+127)/255, 255) << sh
	}
	return out
}

// bilinear is the colour at a place in 16.16 fixed point.
func bilinear(p *pixel.Picture, x, y int) uint32 {
	wx, wy := uint32(x>>8&0xff), uint32(y>>8&0xff)
	at := func(dx, dy int) uint32 { return p.At(min(x>>16+dx, p.Width-1), min(y>>16+dy, p.Height-1)) }
	var out uint32
	for sh := 0; sh < 32; sh += 8 {
		sum := (at(0, 0)>>sh&0xff)*(256-wx)*(256-wy) + (at(1, 0)>>sh&0xff)*wx*(256-wy) +
			(at(0, 1)>>sh&0xff)*(256-wx)*wy + (at(1, 1)>>sh&0xff)*wx*wy
		out |= (sum + 1<<15) >> 16 << sh
	}
	return out
}

// scaled is a picture in another size.
func scaled(p *pixel.Picture, to image.Point, smooth bool) *pixel.Picture {
	q := pixel.New(to.X, to.Y)
	sx, sy := p.Width<<16/to.X, p.Height<<16/to.Y
	for y := range to.Y {
		for x := range to.X {
			if smooth {
				q.Set(x, y, bilinear(p, x*sx, y*sy))
			} else {
				q.Set(x, y, p.At(x*sx>>16, y*sy>>16))
			}
		}
	}
	return q
}

// translucent is a test picture with an alpha that grows to the right, premultiplied.
func translucent() *pixel.Picture {
	p := pixel.TestPicture(width, height, 2)
	for i, c := range p.Pix {
		a := uint32(i%width) * 255 / (width - 1)
		p.Pix[i] = a<<24 | (c>>16&0xff)*a/255<<16 | (c>>8&0xff)*a/255<<8 | (c&0xff)*a/255
	}
	return p
}

// allOperations compares the engine with the reference, in all formats.
func allOperations(b *Bench, _ bool) (bool, error) {
	src, err := b.imageOf(drm.SystemHeap, "source", width, height, pixel.ARGB8888)
	if err != nil {
		return false, err
	}
	picture := translucent()
	if err := src.Draw(picture); err != nil {
		return false, err
	}
	bounds, part := image.Rect(0, 0, width, height), image.Rect(9, 5, 9+40, 5+20)
	right := true
	for _, f := range pixel.Formats() {
		dst, err := b.imageOf(drm.SystemHeap, "result", width, height, f)
		if err != nil {
			return false, err
		}
		before := reduce(pixel.TestPicture(width, height, 0), f)
		s, d := src.Surface(), dst.Surface()
		for _, c := range []struct {
			op   drm.Operation
			at   image.Rectangle
			make func(x, y int) uint32 // at a place in the rectangle
		}{
			{drm.Fill(d, part, paint), part, func(int, int) uint32 { return paint }},
			{drm.Copy(d, image.Pt(3, 7), s, part), part.Sub(part.Min).Add(image.Pt(3, 7)),
				func(x, y int) uint32 { return picture.At(part.Min.X+x, part.Min.Y+y) }},
			{drm.Blend(d, image.Point{}, s, bounds), bounds,
				func(x, y int) uint32 { return over(picture.At(x, y), before.At(x, y)) }},
			{drm.Scale(d, part, s, bounds, false), part, scaled(picture, part.Size(), false).At},
			{drm.Scale(d, part, s, bounds, true), part, scaled(picture, part.Size(), true).At},
		} {
			if err := dst.Draw(before); err != nil {
				return false, err
			}
			if err := b.Card.Run(c.op); err != nil {
				return false, err
			}
			want := reduce(before, f)
			for y := range c.at.Dy() {
				for x := range c.at.Dx() {
					want.Set(c.at.Min.X+x, c.at.Min.Y+y, reduced(f, c.make(x, y)))
				}
			}
			got, err := dst.Read()
			if err != nil {
				return false, err
			}
			right = right && same(got, want)
		}
	}
	return right, nil
}
