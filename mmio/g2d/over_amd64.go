// SPDX-License-Identifier: Apache-2.0

package g2d

// overFour blends n pixels, a multiple of four, of s over d into s, as overRow defines
// it, with the SSE2 that every amd64 has.
//
//go:noescape
func overFour(s, d *uint32, n int)

// overMost blends most of the pixels and says how many.
func overMost(s, d []uint32) int {
	n := len(s) &^ 3
	if n != 0 {
		overFour(&s[0], &d[0], n)
	}
	return n
}
