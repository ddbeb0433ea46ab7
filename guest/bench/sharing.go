// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"

	"golang.org/x/sys/unix"

	"vdev/guest/share"
	"vdev/ioctl"
)

// emptyIoctls makes n requests of the dma-buf core's driver that it refuses at once, and
// returns how many.
func emptyIoctls(n int) (refused uint64) {
	c, err := share.Open()
	if err != nil {
		panic(err)
	}
	defer c.Close()
	for range n {
		if _, err := unix.IoctlGetInt(c.FD(), 0); errors.Is(err, unix.ENOTTY) {
			refused++
		}
	}
	return refused
}

// prepFini prepares a page of a buffer for writing and finishes, n times, without an
// access: what remains is the way to the core and back. It returns how often.
func prepFini(n int) (times uint64) {
	check := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	const page = 4096
	c, err := share.Open()
	check(err)
	defer c.Close()
	buf, err := c.Create("bench", page)
	check(err)
	defer buf.Close()
	prep := ioctl.VdevDMABufPrep{Fd: int32(buf.FD()), Access: ioctl.VDEV_DMABUF_WRITE, Length: page}
	fini := ioctl.VdevDMABufBuffer{Fd: prep.Fd}
	for range n {
		check(ioctl.Once(c.FD(), ioctl.VDEV_DMABUF_IOC_CPU_PREP, &prep))
		check(ioctl.Once(c.FD(), ioctl.VDEV_DMABUF_IOC_CPU_FINI, &fini))
		times++
	}
	return times
}
