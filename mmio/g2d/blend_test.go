// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The loops that do several channels at a time give what single pixels give, for all
// values of a channel.
func TestBlendRows(t *testing.T) {
	step := uint32(1)
	if testing.Short() {
		step = 15 // 0 and 255 are among them
	}
	for name, function := range map[string]uint32{
		"over":        coeffSrcAlpha<<8 | blendInvDst,
		"interpolate": coeffSrcAlpha | coeffSrcAlpha<<8 | blendInvDst,
		"add":         coeffOne | coeffOne<<8,
	} {
		b := newBlender(function, 3, 0)
		s, d := make([]uint32, 256), make([]uint32, 256)
		for alpha := uint32(0); alpha < 256; alpha += step {
			for x := range uint32(256) {
				for y := range d {
					s[y] = alpha<<24 | x<<16 | (x^0x5a)<<8 | x*7&0xff
					d[y] = uint32(y) * 0x01010101
				}
				b.row(s, d)
				for y, got := range s {
					in := alpha<<24 | x<<16 | (x^0x5a)<<8 | x*7&0xff
					if want := b.pixel(in, d[y]); got != want {
						t.Fatalf("%s: %#08x and %#08x: got %#08x, want %#08x", name, in, d[y], got, want)
					}
				}
			}
		}
	}
}

// Source over destination has code of its own, for several pixels at a time: all
// alphas with all destination values, colours above their alpha, and rows of any
// length.
func TestOverRow(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	b := newBlender(coeffSrcAlpha<<8|blendInvDst, 3, all32)
	if !b.over() {
		t.Fatal("not taken for source over destination")
	}
	var s, d []uint32
	for a := range uint32(256) {
		for v := range uint32(256) {
			s = append(s, a<<24|rng.Uint32()>>8)
			d = append(d, v*perChannel^rng.Uint32()&0xff00ff00)
		}
	}
	for n := range 40 {
		s, d := s[100*n:][:n], d[100*n:][:n]
		checkOver(t, &b, s, d)
	}
	checkOver(t, &b, s, d)
}

func checkOver(t *testing.T, b *blender, s, d []uint32) {
	t.Helper()
	fast, rest := slices.Clone(s), slices.Clone(s)
	overRow(fast, d)
	overRest(rest, d)
	for i := range s {
		if want := b.pixel(s[i], d[i]); fast[i] != want || rest[i] != want {
			t.Fatalf("%#x over %#x, pixel %d of %d: %#x and %#x, want %#x", s[i], d[i], i, len(s), fast[i], rest[i], want)
		}
	}
}
