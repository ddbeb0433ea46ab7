// SPDX-License-Identifier: Apache-2.0

package pixel

import "image"

// TestPicture draws a picture in which mistakes can be told from each other by eye:
//
//   - a white frame of one pixel at the very edge: lost rows and columns;
//   - bars at the top in the order white, yellow, cyan, green, magenta, red, blue,
//     black: swapped channels;
//   - gradients of red, green, blue and grey, dark on the left: lost bits, wrong order
//     of bytes;
//   - a corner mark in each corner, one to four squares in reading order: flips and
//     rotations;
//   - a diagonal from the top left to the bottom right, and a checkerboard of single
//     pixels below: wrong stride, scaling where there should be none.
//
// Step shifts the bars, so that the frames of an animation differ.
func TestPicture(width, height, step int) *Picture {
	p := New(width, height)
	rect := func(x0, y0, x1, y1 int, c uint32) { p.Fill(image.Rect(x0, y0, x1, y1), c) }
	rect(0, 0, width, height, 0xff202020)

	bars := [...]uint32{0xffffffff, 0xffffff00, 0xff00ffff, 0xff00ff00, 0xffff00ff, 0xffff0000, 0xff0000ff, 0xff000000}
	for i := range bars {
		rect(i*width/8, 0, (i+1)*width/8, height*3/8, bars[(i+step)%8])
	}

	top, band := height*3/8, height*3/8/4
	for i, channels := range [...]uint32{0x010000, 0x000100, 0x000001, 0x010101} {
		for x := range width {
			rect(x, top+i*band, x+1, top+(i+1)*band, 0xff000000|uint32(x*255/max(1, width-1))*channels)
		}
	}

	for y := height * 3 / 4; y < height; y++ {
		for x := width / 4; x < width*3/4; x++ {
			if (x+y)%2 == 0 {
				p.Set(x, y, 0xffc0c0c0)
			}
		}
	}
	for y := range height {
		x := y * width / height
		rect(x, y, x+max(2, width/height+1), y+1, 0xff808080)
	}

	unit := max(1, min(width, height)/40)
	for corner := range 4 {
		for i := range corner + 1 {
			x, y := 3*unit+2*i*unit, 3*unit
			if corner%2 == 1 {
				x = width - 4*unit - 2*i*unit
			}
			if corner >= 2 {
				y = height - 4*unit
			}
			rect(x-unit/2-1, y-unit/2-1, x+unit+unit/2+1, y+unit+unit/2+1, 0xff000000)
			rect(x, y, x+unit, y+unit, 0xffffa000)
		}
	}

	rect(0, 0, width, 1, 0xffffffff)
	rect(0, height-1, width, height, 0xffffffff)
	rect(0, 0, 1, height, 0xffffffff)
	rect(width-1, 0, width, height, 0xffffffff)
	return p
}
