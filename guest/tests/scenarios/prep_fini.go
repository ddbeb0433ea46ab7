// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import "vdev/guest/share"

// CPU_PREP is where a program gets to see what devices wrote.
//
// Broken: it is missing, and the program reads what was in its cache.
func prepMissing(b *Bench, broken bool) bool {
	c := b.client()
	buf := b.buffer(c, "frame", page)
	mem := b.mapped(buf)
	write(c, buf, mem, 1)
	camera := imported(b.tester(), buf)
	fills(camera, buf, 2)
	if broken {
		return all(mem, 2)
	}
	return reads(c, buf, mem, 2)
}

// CPU_FINI is where devices get to see what a program wrote, if CPU_PREP was told of it.
//
// Broken: it was told that the program reads.
func prepReadOnly(b *Bench, broken bool) bool {
	c := b.client()
	buf := b.buffer(c, "frame", page)
	mem := b.mapped(buf)
	encoder := imported(b.tester(), buf)
	access := share.Write
	if broken {
		access = share.Read
	}
	must(c.Prep(buf, 0, page, access, share.Forever))
	fill(mem, 1)
	must(c.Fini(buf))
	return sums(encoder, buf, 1)
}

// A device is started when the program has finished.
//
// Broken: before CPU_FINI, and what it reads is anything.
func finiMissing(b *Bench, broken bool) bool {
	c := b.client()
	buf := b.buffer(c, "frame", page)
	mem := b.mapped(buf)
	encoder := imported(b.tester(), buf)
	must(c.Prep(buf, 0, page, share.Write, share.Forever))
	fill(mem, 1)
	if !broken {
		must(c.Fini(buf))
	}
	right := sums(encoder, buf, 1)
	if broken {
		must(c.Fini(buf))
	}
	return right
}
