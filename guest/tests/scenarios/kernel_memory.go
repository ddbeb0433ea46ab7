// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"errors"

	"golang.org/x/sys/unix"

	"vdev/guest/share"
)

// What can fail in an access by the kernel, fails when it begins: there is no memory. Then
// nothing is held, and there is nothing to end.
//
// Broken: the kernel does not look at the error. It gets garbage.
func kernelMemory(b *Bench, broken bool) bool {
	c := b.client()
	before := stats(c)
	large := get(c.Create("large", before.PoolFree))
	small := b.buffer(c, "small", page)
	must(c.BeginCPU(large, 0, page, share.Write)) // a byte of it needs all of it

	held := stats(c)
	err := c.BeginCPU(small, 0, page, share.Write)
	failed := stats(c)
	right := errors.Is(err, unix.ENOMEM) && failed.CPUAccesses == held.CPUAccesses && failed.Pages == held.Pages &&
		info(c, small).Extents == 0
	if broken {
		right = kernelWrites(c, small, 0, page, 1)
	}

	must(c.EndCPU(large, 0, page, share.Write))
	must(large.Close())
	must(c.BeginCPU(small, 0, page, share.Write)) // now there is
	must(c.EndCPU(small, 0, page, share.Write))
	return right
}
