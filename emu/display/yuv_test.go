// SPDX-License-Identifier: Apache-2.0

package display

import (
	"image/color"
	"testing"
)

// rational rounds n/d to the nearest integer, halves down.
func rational(n, d int) int {
	n += (d - 1) / 2
	q := n / d
	if n%d < 0 {
		q--
	}
	return q
}

// exact is the definition, in thousandths of Y.
func exact(r, g, b int) (y, cb, cr int) {
	n := 299*r + 587*g + 114*b
	return rational(n, 1000), 128 + rational(1000*b-n, 1772), 128 + rational(1000*r-n, 1402)
}

func TestEveryColour(t *testing.T) {
	if testing.Short() {
		t.Skip("converts 16 million colours")
	}
	row := make([]byte, 4*256)
	var y, cb, cr [256]byte
	for r := range 256 {
		for g := range 256 {
			for b := range 256 {
				row[4*b], row[4*b+1], row[4*b+2], row[4*b+3] = byte(r), byte(g), byte(b), byte(r^b)
			}
			toYCbCr(y[:], cb[:], cr[:], row)
			for b := range 256 {
				wy, wcb, wcr := exact(r, g, b)
				if int(y[b]) != wy || int(cb[b]) != wcb || int(cr[b]) != wcr {
					t.Fatalf("%d, %d, %d gives %d, %d, %d, want %d, %d, %d", r, g, b, y[b], cb[b], cr[b], wy, wcb, wcr)
				}
			}
		}
	}
}

// The conversion is the one that Go's own, less exact one approximates, and known
// colours are what everybody has for them.
func TestColours(t *testing.T) {
	for _, c := range []struct{ r, g, b, y, cb, cr byte }{
		{0, 0, 0, 0, 128, 128},
		{255, 255, 255, 255, 128, 128},
		{128, 128, 128, 128, 128, 128},
		{255, 0, 0, 76, 85, 255},
		{0, 255, 0, 150, 44, 21},
		{0, 0, 255, 29, 255, 107},
		{255, 255, 0, 226, 0, 149}, // of Y 225.93; BT.709 would have 237
	} {
		var y, cb, cr [1]byte
		toYCbCr(y[:], cb[:], cr[:], []byte{c.r, c.g, c.b, 0})
		if y[0] != c.y || cb[0] != c.cb || cr[0] != c.cr {
			t.Errorf("%d, %d, %d gives %d, %d, %d, want %d, %d, %d", c.r, c.g, c.b, y[0], cb[0], cr[0], c.y, c.cb, c.cr)
		}
		gy, gcb, gcr := color.RGBToYCbCr(c.r, c.g, c.b)
		for i, d := range [3]int{int(gy) - int(y[0]), int(gcb) - int(cb[0]), int(gcr) - int(cr[0])} {
			if d < -1 || d > 1 {
				t.Errorf("%d, %d, %d: component %d differs from image/color's by %d", c.r, c.g, c.b, i, d)
			}
		}
	}
}
