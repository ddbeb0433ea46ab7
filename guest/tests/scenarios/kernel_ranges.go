// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"bytes"

	"vdev/guest/drm"
	"vdev/guest/share"
)

// An access by the kernel, as of 2012: it begins with a range, and a direction, of which
// caches are prepared and no more; then pages are mapped one by one; it ends with the
// same range. Here the range begins in the middle of a page, and ends in that of
// another one.
//
// Broken: the kernel also uses a page that is not in the range, and gets garbage.
func kernelRanges(b *Bench, broken bool) bool {
	const off, n = page - 100, page + 200
	c := b.client()
	buf := b.buffer(c, "file", 4*page)
	mem := b.mapped(buf)
	write(c, buf, mem, 1)

	must(c.BeginCPU(buf, off, n, share.ReadWrite))
	right := kernelWrites(c, buf, off, n, 2)
	if broken {
		right = kernelReads(c, buf, 3*page, 100, 1)
	}
	must(c.EndCPU(buf, off, n, share.ReadWrite))

	must(c.Prep(buf, 0, 4*page, share.Read, share.Forever))
	right = all(mem[:off], 1) && all(mem[off:off+n], 2) && all(mem[off+n:], 1) && right
	must(c.Fini(buf))
	return right
}

// kernelWrites has the kernel write v to a range, page by page. It tells whether it got
// the pages.
func kernelWrites(c *share.Client, buf *drm.DMABuf, off, n int, v byte) bool {
	return kernelPages(c, buf, off, n, func(p uint64, at int, part []byte) {
		fill(part, v)
		must(c.KernelWrite(buf, p, at, part))
	})
}

// kernelReads has the kernel read a range, page by page, and tells whether it got the
// pages and all is v.
func kernelReads(c *share.Client, buf *drm.DMABuf, off, n int, v byte) bool {
	same := true
	return kernelPages(c, buf, off, n, func(p uint64, at int, part []byte) {
		must(c.KernelRead(buf, p, at, part))
		same = bytes.Count(part, []byte{v}) == len(part) && same
	}) && same
}

// kernelPages maps the pages of a range one after the other, and has f do something with
// the part of each that is in the range.
func kernelPages(c *share.Client, buf *drm.DMABuf, off, n int, f func(p uint64, at int, part []byte)) (got bool) {
	got = true
	for end := off + n; off < end; {
		p, at := uint64(off/page), off%page
		part := make([]byte, min(page-at, end-off))
		garbage := get(c.Kmap(buf, p, false))
		got = got && !garbage
		f(p, at, part)
		must(c.Kunmap(buf, p, false))
		off += len(part)
	}
	return got
}

// Of pages that are in the range only in part, the rest can be accessed, but nobody
// prepares it: what is read there may be old, what is written may be lost.
//
// Broken: the kernel does that.
func kernelPartialPage(b *Bench, broken bool) bool {
	const off, n = 1024, 512
	c := b.client()
	buf := b.buffer(c, "header", page)
	mem := b.mapped(buf)
	write(c, buf, mem, 1)
	device := imported(b.tester(), buf)
	fills(device, buf, 2)

	must(c.BeginCPU(buf, off, n, share.Read))
	right := kernelReads(c, buf, off, n, 2)
	if broken {
		right = kernelReads(c, buf, off+n, n, 2)
	}
	must(c.EndCPU(buf, off, n, share.Read))
	return right
}

// What the kernel writes in an access that was begun for reading, nobody cleans from the
// caches at its end, and devices do not see it.
func kernelDirection(b *Bench, broken bool) bool {
	c := b.client()
	buf := b.buffer(c, "parameters", page)
	device := imported(b.tester(), buf)
	write(c, buf, b.mapped(buf), 1)
	access := share.Write
	if broken {
		access = share.Read
	}
	must(c.BeginCPU(buf, 0, page, access))
	kernelWrites(c, buf, 0, page, 2)
	must(c.EndCPU(buf, 0, page, access))
	return sums(device, buf, 2)
}
