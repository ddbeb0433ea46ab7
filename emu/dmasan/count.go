// SPDX-License-Identifier: Apache-2.0

package dmasan

import "vdev/emu/mem"

// Count looks at n lines of a page from first on: how many are dirty, which hold bytes
// that a hart wrote and nobody cleaned, and how many stale, which hold bytes that a
// bus master wrote and nobody invalidated. A line can be both.
func Count(t *mem.TrackedPage, first, n int) (dirty, stale int) {
	p, _ := t.Shadow.(*page)
	for i := first; i < first+n; i++ {
		if t.Wrote[i] != 0 {
			dirty++
		}
		if p != nil && p.lines[i].dev != 0 {
			stale++
		}
	}
	return dirty, stale
}
