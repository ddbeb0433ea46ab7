// SPDX-License-Identifier: Apache-2.0

//go:build linux

package dmabuf

import (
	"testing"

	"golang.org/x/sys/unix"

	"vdev/guest/share"
	"vdev/ioctl"
)

// BenchmarkEmpty is a request that the driver refuses at once, to compare with.
func BenchmarkEmpty(b *testing.B) {
	c, err := share.Open()
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	for b.Loop() {
		if _, err := unix.IoctlGetInt(c.FD(), 0); err != unix.ENOTTY {
			b.Fatal(err)
		}
	}
}

// BenchmarkPrepFini prepares a page that nobody else uses, and finishes.
func BenchmarkPrepFini(b *testing.B) {
	c, err := share.Open()
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	buf, err := c.Create("bench", page)
	if err != nil {
		b.Fatal(err)
	}
	defer buf.Close()
	prep := ioctl.VdevDMABufPrep{Fd: int32(buf.FD()), Access: ioctl.VDEV_DMABUF_READ, Length: page}
	fini := ioctl.VdevDMABufBuffer{Fd: prep.Fd}
	for b.Loop() {
		if err := ioctl.Once(c.FD(), ioctl.VDEV_DMABUF_IOC_CPU_PREP, &prep); err != nil {
			b.Fatal(err)
		}
		if err := ioctl.Once(c.FD(), ioctl.VDEV_DMABUF_IOC_CPU_FINI, &fini); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLockUnlock locks four buffers that nobody else wants.
func BenchmarkLockUnlock(b *testing.B) {
	c, err := share.Open()
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	s, err := c.NewSync(share.SyncOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for range 4 {
		buf, err := c.Create("bench", page)
		if err == nil {
			err = s.Get(share.Use{Buf: buf, Access: share.Write})
		}
		if err != nil {
			b.Fatal(err)
		}
		defer buf.Close()
	}
	for b.Loop() {
		if _, err := s.Lock(share.Forever); err != nil {
			b.Fatal(err)
		}
		if err := s.Unlock(); err != nil {
			b.Fatal(err)
		}
	}
}
