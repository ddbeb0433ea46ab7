// SPDX-License-Identifier: Apache-2.0

//go:build linux

package dmabuf

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vdev/guest/drm"
	"vdev/guest/share"
	"vdev/ioctl"
)

const page = 4096

// TestBuffer creates, maps, prepares, writes and reads.
func TestBuffer(t *testing.T) {
	c := open(t)
	const size = 100_000
	b := create(t, c, size)
	if b.Size != 102_400 {
		t.Errorf("the dma-buf has %d bytes", b.Size)
	}
	i, err := c.Info(b)
	must(t, err)
	if i.Size != size || i.Flags != 0 || !strings.HasPrefix(string(i.Name[:]), "TestBuffer\x00") {
		t.Errorf("created: %+v", i)
	}
	mem := mapped(t, b)
	must(t, c.Prep(b, 0, size, share.ReadWrite, share.Forever))
	if len(bytes.Trim(mem, "\x00")) != 0 {
		t.Error("a new buffer is not zero")
	}
	for i := range mem {
		mem[i] = byte(i * 7)
	}
	must(t, c.Fini(b))
	if i, err = c.Info(b); err != nil || i.Flags != ioctl.VDEV_DMABUF_INFO_PLACED || i.Extents == 0 || i.Phys == 0 {
		t.Errorf("used: %+v, %v", i, err)
	}
	must(t, c.Prep(b, 0, size, share.Read, share.Forever))
	for i := range mem {
		if mem[i] != byte(i*7) {
			t.Fatalf("byte %d is %d", i, mem[i])
		}
	}
	must(t, c.Fini(b))
	rows, err := c.Table()
	must(t, err)
	if len(rows) != 1 || rows[0].Id != i.Id || rows[0].Size != size || !strings.HasPrefix(string(rows[0].Exporter[:]), "vdev\x00") {
		t.Errorf("table: %+v", rows)
	}
}

// TestMemoryIsCleared has a buffer get the pages of another one that is gone.
func TestMemoryIsCleared(t *testing.T) {
	c := open(t)
	for range 3 {
		b, err := c.Create("used", 32*page)
		must(t, err)
		mem, err := b.Map()
		must(t, err)
		must(t, c.Prep(b, 0, 32*page, share.ReadWrite, share.Forever))
		if len(bytes.Trim(mem, "\x00")) != 0 {
			t.Error("not zero")
		}
		for i := range mem {
			mem[i] = 0xee
		}
		must(t, c.Fini(b))
		must(t, unix.Munmap(mem))
		must(t, b.Close())
	}
}

func TestPrepErrors(t *testing.T) {
	c := open(t)
	b := create(t, c, page)
	prep := func(a ioctl.VdevDMABufPrep) error {
		return ioctl.Once(c.FD(), ioctl.VDEV_DMABUF_IOC_CPU_PREP, &a)
	}
	fd := int32(b.FD())
	for _, e := range []struct {
		what  string
		arg   ioctl.VdevDMABufPrep
		errno unix.Errno
	}{
		{"no buffer", ioctl.VdevDMABufPrep{Fd: -1, Access: 1, Length: 1}, unix.EBADF},
		{"another file", ioctl.VdevDMABufPrep{Fd: int32(c.FD()), Access: 1, Length: 1}, unix.EINVAL},
		{"empty", ioctl.VdevDMABufPrep{Fd: fd, Access: 1}, unix.EINVAL},
		{"too long", ioctl.VdevDMABufPrep{Fd: fd, Access: 1, Length: page + 1}, unix.EINVAL},
		{"wraps", ioctl.VdevDMABufPrep{Fd: fd, Access: 1, Offset: ^uint64(0), Length: 2}, unix.EINVAL},
		{"no access", ioctl.VdevDMABufPrep{Fd: fd, Length: 1}, unix.EINVAL},
		{"unknown access", ioctl.VdevDMABufPrep{Fd: fd, Access: 256 + 1, Length: 1}, unix.EINVAL},
		{"unknown flag", ioctl.VdevDMABufPrep{Fd: fd, Access: 1, Flags: 4, Length: 1}, unix.EINVAL},
		{"reserved", ioctl.VdevDMABufPrep{Fd: fd, Access: 1, Pad: 1, Length: 1}, unix.EINVAL},
		{"right", ioctl.VdevDMABufPrep{Fd: fd, Access: 1, Length: 1}, 0},
	} {
		want(t, e.what, prep(e.arg), e.errno)
	}
	must(t, c.Fini(b))
	want(t, "no size", second(c.Create("none", 0)), unix.EINVAL)
	want(t, "unknown request", ioctl.Once(c.FD(), ioctl.Request(0x4008d8ff), &ioctl.VdevDMABufBuffer{Fd: fd}), unix.ENOTTY)
	must(t, c.MarkPending(b))
	must(t, c.Submit(b))
	want(t, "no batch", c.Submit(b), unix.EINVAL)
}

func second[T any](_ T, err error) error { return err }

// TestPrepWaitsForDevices prepares while a device has the buffer.
func TestPrepWaitsForDevices(t *testing.T) {
	c := open(t)
	b := create(t, c, page)
	a, err := c.Attach(b, "dma-tester", nil)
	must(t, err)
	x, err := a.Map(share.FromDevice)
	must(t, err)
	if len(x) != 1 || x[0].Length != page {
		t.Errorf("mapped at %+v", x)
	}
	want(t, "not waiting", c.Prep(b, 0, page, share.Read, share.NoWait), unix.EBUSY)
	start := time.Now()
	want(t, "waiting", c.Prep(b, 0, page, share.Read, share.Wait(5*time.Millisecond)), unix.ETIMEDOUT)
	if d := time.Since(start); d < 5*time.Millisecond || d > time.Second {
		t.Errorf("waited for %v", d)
	}
	done := make(chan error)
	go func() { done <- c.Prep(b, 0, page, share.Read, share.Forever) }()
	time.Sleep(5 * time.Millisecond)
	select {
	case err := <-done:
		t.Errorf("prepared while a device has it: %v", err)
	default:
	}
	want(t, "other direction", a.Unmap(share.ToDevice), unix.EINVAL)
	must(t, a.Unmap(share.FromDevice))
	must(t, <-done)
	must(t, c.Fini(b))
	must(t, a.Detach())
}

// TestDeferredPlacement attaches devices with different needs before the first use,
// and after it.
func TestDeferredPlacement(t *testing.T) {
	c := open(t)
	b := create(t, c, 64*page)
	contiguous := &share.Constraints{Contiguous: true, Align: 1 << 20}
	want(t, "no such device", second(c.Attach(b, "none", nil)), unix.ENODEV)
	want(t, "no sense", second(c.Attach(b, "g2d", &share.Constraints{Align: 3})), unix.EINVAL)
	want(t, "nowhere", second(c.Attach(b, "g2d", &share.Constraints{AddressLimit: page})), unix.ENOSPC)
	mem := mapped(t, b)
	must(t, c.Prep(b, 0, 64*page, share.Write, share.Forever))
	for i := range mem {
		mem[i] = byte(i / 64)
	}
	must(t, c.Fini(b))
	before, err := c.Info(b)
	must(t, err)
	a, err := c.Attach(b, "g2d", &share.Constraints{IOMMU: true})
	must(t, err)
	if _, err := a.Map(share.ToDevice); err != nil {
		t.Fatal(err)
	}
	// The latecomer needs it elsewhere: not while it is mapped.
	odd := &share.Constraints{Contiguous: true, AddressLimit: before.Phys}
	want(t, "mapped", second(c.Attach(b, "dma-tester", odd)), unix.EBUSY)
	must(t, a.Unmap(share.ToDevice))
	late, err := c.Attach(b, "dma-tester", odd)
	must(t, err)
	after, err := c.Info(b)
	must(t, err)
	if after.Phys >= before.Phys {
		t.Errorf("at %#x, was at %#x", after.Phys, before.Phys)
	}
	// The mapping has followed.
	must(t, c.Prep(b, 0, 64*page, share.ReadWrite, share.Forever))
	for i := range mem {
		if mem[i] != byte(i/64) {
			t.Fatalf("byte %d has become %d", i, mem[i])
		}
	}
	mem[0] = 99
	must(t, c.Fini(b))
	if _, err := late.Map(share.ToDevice); err != nil {
		t.Error(err)
	}
	want(t, "mapped", late.Detach(), unix.EBUSY)
	must(t, late.Unmap(share.ToDevice))
	must(t, late.Detach())
	must(t, a.Detach())
	want(t, "detached", a.Detach(), unix.EINVAL)
	aligned := create(t, c, page)
	a, err = c.Attach(aligned, "g2d", contiguous)
	must(t, err)
	x, err := a.Map(share.Bidirectional)
	if err != nil || len(x) != 1 || x[0].Addr%(1<<20) != 0 {
		t.Errorf("mapped at %+v, %v", x, err)
	}
}

// TestKernelAccess has the kernel use pages.
func TestKernelAccess(t *testing.T) {
	c := open(t)
	b := create(t, c, 3*page)
	must(t, c.BeginCPU(b, 0, 2*page, share.ReadWrite))
	text := []byte("from the kernel")
	for p := range uint64(2) {
		bogus, err := c.Kmap(b, p, false)
		must(t, err)
		if bogus {
			t.Errorf("page %d is garbage", p)
		}
		must(t, c.KernelWrite(b, p, page-len(text), text))
	}
	got := make([]byte, len(text))
	must(t, c.KernelRead(b, 1, page-len(text), got))
	if !bytes.Equal(got, text) {
		t.Errorf("read %q", got)
	}
	want(t, "beyond the page", c.KernelRead(b, 1, page-len(text)+1, got), unix.EINVAL)
	want(t, "not mapped", c.KernelRead(b, 3, 0, got), unix.EINVAL)
	for range 2 {
		if _, err := c.Kmap(b, 0, true); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		must(t, c.Kunmap(b, 0, true))
	}
	for p := range uint64(2) {
		must(t, c.Kunmap(b, p, false))
	}
	want(t, "unmapped", c.Kunmap(b, 0, false), unix.EINVAL)
	must(t, c.EndCPU(b, 0, 2*page, share.ReadWrite))
	mem := mapped(t, b)
	must(t, c.Prep(b, 0, 3*page, share.Read, share.Forever))
	if !bytes.Equal(mem[page-len(text):page], text) || !bytes.Equal(mem[2*page-len(text):2*page], text) {
		t.Error("the program does not see what the kernel wrote")
	}
	must(t, c.Fini(b))
}

// TestSyncIoctl uses what all dma-bufs have.
func TestSyncIoctl(t *testing.T) {
	c := open(t)
	b := create(t, c, page)
	mem := mapped(t, b)
	must(t, b.Begin(drm.ReadWrite))
	copy(mem, "sync")
	must(t, b.End(drm.ReadWrite))
	// Who forgets the end leaves nothing.
	must(t, b.Begin(drm.Read))
	if string(mem[:4]) != "sync" {
		t.Errorf("read %q", mem[:4])
	}
	must(t, b.SetName("named"))
	for _, a := range []drm.Access{drm.Read, drm.Write} {
		if ready, err := b.Wait(a, 0); !ready || err != nil {
			t.Errorf("poll: %v, %v", ready, err)
		}
	}
}
