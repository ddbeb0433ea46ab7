// SPDX-License-Identifier: Apache-2.0

package display

import "math"

// The conversion of pixels is that of BT.601 with full range, as JPEG has it (ITU-T
// T.871, 7):
//
//	Y  = 0.299 R + 0.587 G + 0.114 B
//	Cb = 128 + (B - Y) / 1.772
//	Cr = 128 + (R - Y) / 1.402
//
// rounded to the nearest integer, halves down, so that nothing exceeds 255. It is what
// players assume of a stream whose header names no matrix.
//
// The three results of a pixel are the lanes of one sum of three table entries. A lane
// has laneBits bits, of which fracBits are a fraction. An entry is wrong by half a
// unit of the fraction at most, a sum by 3/2; no colour comes closer to the middle
// between two integers than 1/1772, but for those that are exactly there. So the
// results are exact.
const (
	laneBits = 21
	fracBits = 13
	neutral  = 128 // Cb and Cr of grey

	shiftY  = 2*laneBits + fracBits
	shiftCb = laneBits + fracBits
	shiftCr = fracBits
)

// lanes is a contribution to the three results of a pixel. Entries with negative
// lanes borrow from the next one; in the sum of three that is made good.
type lanes uint64

// yuvTables are what red, green and blue contribute; red has the constants too.
var yuvTables = func() *[3][256]lanes {
	const (
		r, g, b = 0.299, 0.587, 0.114
		unit    = 1 << fracBits
		// Less than a half, by half of what separates a colour from the middle.
		round = unit/2 - unit/1772.0/2
	)
	scale := [3][3]float64{ // of Y, Cb, Cr in R, G, B
		{r, g, b},
		{-r / 1.772, -g / 1.772, (1 - b) / 1.772},
		{(1 - r) / 1.402, -g / 1.402, -b / 1.402},
	}
	fixed := func(x float64) lanes { return lanes(int64(math.Round(x * unit))) }
	var t [3][256]lanes
	for c := range t {
		for v := range t[c] {
			var add lanes
			for _, lane := range scale {
				add = add<<laneBits + fixed(lane[c]*float64(v))
			}
			t[c][v] = add
		}
	}
	half := lanes(math.Round(round))
	constants := half<<(2*laneBits) + (neutral*unit+half)<<laneBits + neutral*unit + half
	for v := range t[0] {
		t[0][v] += constants
	}
	return &t
}()

// toYCbCr converts len(y) pixels of 4 bytes each, of which the fourth does not count.
// cb and cr are as long as y.
func toYCbCr(y, cb, cr, rgba []byte) {
	tables := yuvTables
	red, green, blue := &tables[0], &tables[1], &tables[2]
	cb, cr = cb[:len(y)], cr[:len(y)]
	rgba = rgba[:4*len(y)]
	for i := range y {
		p := rgba[:4:4]
		rgba = rgba[4:]
		sum := red[p[0]] + green[p[1]] + blue[p[2]]
		y[i], cb[i], cr[i] = byte(sum>>shiftY), byte(sum>>shiftCb), byte(sum>>shiftCr)
	}
}
