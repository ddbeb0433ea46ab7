// SPDX-License-Identifier: Apache-2.0

package g2d

import "testing"

// The loops that do several channels at a time give what single pixels give, for all
// values of a channel.
func TestBlendRows(t *testing.T) {
	for name, function := range map[string]uint32{
		"over":        coeffSrcAlpha<<8 | blendInvDst,
		"interpolate": coeffSrcAlpha | coeffSrcAlpha<<8 | blendInvDst,
		"add":         coeffOne | coeffOne<<8,
	} {
		b := newBlender(function, 3, 0)
		s, d := make([]uint32, 256), make([]uint32, 256)
		for alpha := range uint32(256) {
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
