// SPDX-License-Identifier: Apache-2.0

package dmabuf

import "slices"

// CPUAlike tells whether loads of bytes in the range [addr, addr+n) of physical memory, which
// is within a page, are all judged alike by the rules (ObserveCPU), and stores likewise: no
// range that somebody has prepared, or that a job uses, begins or ends within it. Then a host
// that has told of one need not tell of the next by the same task.
func (c *Core) CPUAlike(addr, n uint64) bool {
	b, off := c.pages.find(addr)
	if b == nil || off >= b.spec.Size {
		return true
	}
	r := Range{off, min(n, b.spec.Size-off)}
	for k := b.cpu.head; k != nil; k = k.next {
		if p := k.v.rng; p.overlaps(r) && !p.contains(r) {
			return false
		}
	}
	for k := b.inUse.head; k != nil; k = k.next {
		if u := k.v; !u.job.hold && u.span.overlaps(r) && u.dividedIn(r) {
			return false
		}
	}
	return true
}

// dividedIn tells whether a part begins or ends within the range.
func (u *use) dividedIn(r Range) bool {
	return slices.ContainsFunc(u.parts, func(p part) bool { return p.rng.overlaps(r) && !p.rng.contains(r) })
}
