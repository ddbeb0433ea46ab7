// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"vdev/guest/share"
)

// Mapping a page for the kernel never fails, and any page can be mapped any number of
// times. Only of atomic mappings, for code that must not sleep, there are no more than
// two at a time.
//
// Broken: a third one.
func kmapLimits(b *Bench, broken bool) bool {
	const often = 200
	c := b.client()
	buf := b.buffer(c, "table", 3*page)
	must(c.BeginCPU(buf, 0, 3*page, share.Read))
	right := true
	for range often {
		garbage := get(c.Kmap(buf, 1, false))
		right = right && !garbage
	}
	b.Note("kmaps", uint64(stats(c).Kmaps))
	for range often {
		must(c.Kunmap(buf, 1, false))
	}
	for p := range uint64(2) {
		garbage := get(c.Kmap(buf, p, true))
		right = right && !garbage
	}
	if broken {
		_, err := c.Kmap(buf, 2, true)
		right = err == nil
	}
	for p := range uint64(2) {
		must(c.Kunmap(buf, p, true))
	}
	must(c.EndCPU(buf, 0, 3*page, share.Read))
	return right
}
