// SPDX-License-Identifier: Apache-2.0

//go:build linux

package coherency

import (
	"errors"
	"io/fs"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vdev/guest/drm"
	"vdev/ioctl"
)

// open opens the device, which there is only in the guest.
func open(t *testing.T) *Device {
	t.Helper()
	d, err := Open()
	if errors.Is(err, fs.ErrNotExist) && runtime.GOARCH != "riscv64" {
		t.Skip("no DMA tester here: run this with vdev exec")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func allocate(t *testing.T, d *Device, size int) *Buffer {
	t.Helper()
	b, err := d.Alloc(size)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTableIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Pairs() {
		if programs()[p.Func] == nil || seen[p.Func] {
			t.Errorf("%s: no program %s, or twice", p.Name, p.Func)
		}
		seen[p.Func] = true
	}
	if len(programs()) != len(seen) {
		t.Errorf("%d of %d programs are in the table", len(seen), len(programs()))
	}
	if _, err := Run("no such program", false); err == nil {
		t.Error("an unknown program ran")
	}
}

func TestCorrectPrograms(t *testing.T) {
	open(t)
	for _, p := range Pairs() {
		if r, err := Run(p.Name, false); err != nil || !r.Right {
			t.Errorf("%s: %+v, %v", p.Name, r, err)
		}
	}
}

func TestErrors(t *testing.T) {
	d := open(t)
	b, mapped := allocate(t, d, 1), allocate(t, d, 2*PageSize)
	must(t, mapped.Map(PageSize+100, Both))
	coherent, err := d.AllocCoherent(1)
	must(t, err)
	const huge = ^uint64(0)
	check := func(name string, got error, want unix.Errno) {
		t.Helper()
		if !errors.Is(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	fd := d.fd()
	alloc := func(a ioctl.DMATestAlloc) error { return ioctl.Do(fd, ioctl.VDEV_DMATEST_IOC_ALLOC, &a) }
	check("nothing", alloc(ioctl.DMATestAlloc{}), unix.EINVAL)
	check("too large", alloc(ioctl.DMATestAlloc{Size: ioctl.VDEV_DMATEST_MAX_SIZE + 1}), unix.EINVAL)
	check("much too large", alloc(ioctl.DMATestAlloc{Size: huge}), unix.EINVAL)
	check("kind", alloc(ioctl.DMATestAlloc{Size: 1, Kind: 2}), unix.EINVAL)

	mapBuf := func(a ioctl.DMATestMap) error { return ioctl.Do(fd, ioctl.VDEV_DMATEST_IOC_MAP, &a) }
	check("map what", mapBuf(ioctl.DMATestMap{Handle: 99, Length: 1}), unix.ENOENT)
	check("map nothing", mapBuf(ioctl.DMATestMap{Handle: b.handle}), unix.EINVAL)
	check("map too much", mapBuf(ioctl.DMATestMap{Handle: b.handle, Length: PageSize + 1}), unix.EINVAL)
	check("map beyond", mapBuf(ioctl.DMATestMap{Handle: b.handle, Offset: PageSize + 1, Length: 1}), unix.EINVAL)
	check("map around", mapBuf(ioctl.DMATestMap{Handle: b.handle, Offset: 8, Length: huge - 4}), unix.EINVAL)
	check("map direction", mapBuf(ioctl.DMATestMap{Handle: b.handle, Length: 1, Dir: 3}), unix.EINVAL)
	check("map attribute", mapBuf(ioctl.DMATestMap{Handle: b.handle, Length: 1, Attrs: 2}), unix.EINVAL)
	check("map coherent", coherent.Map(1, Both), unix.EINVAL)
	check("map twice", mapped.Map(1, Both), unix.EBUSY)
	check("unmap not mapped", b.Unmap(), unix.EINVAL)
	check("unmap coherent", coherent.Unmap(), unix.EINVAL)

	check("sync not mapped", b.SyncForCPU(0, 1, Both), unix.EINVAL)
	check("sync too much", mapped.SyncForCPU(0, PageSize+101, Both), unix.EINVAL)
	check("sync beyond", mapped.SyncForDevice(PageSize+100, 1, Both), unix.EINVAL)
	check("sync direction", mapped.SyncForDevice(0, 1, 3), unix.EINVAL)

	check("run on not mapped", b.DeviceFill(0, 1, 0), unix.EINVAL)
	check("run beyond", mapped.DeviceFill(100, PageSize+1, 0), unix.EINVAL)
	check("copy beyond", mapped.DeviceCopy(0, 200, mapped, PageSize), unix.EINVAL)
	check("copy to what", d.run(&ioctl.DMATestRun{Op: ioctl.VDEV_DMATEST_COPY, Src: mapped.handle, Dst: 99}), unix.ENOENT)
	check("run what", d.run(&ioctl.DMATestRun{Op: 4}), unix.EINVAL)
	check("run how", d.run(&ioctl.DMATestRun{Op: ioctl.VDEV_DMATEST_FILL, Flags: 4, Dst: mapped.handle}), unix.EINVAL)
	check("wait for nothing", d.Wait(), unix.EINVAL)

	check("kernel beyond", b.KernelFill(PageSize-1, 2, 0), unix.EINVAL)
	check("kernel access", ioctl.Do(fd, ioctl.VDEV_DMATEST_IOC_ACCESS, &ioctl.DMATestAccess{Handle: b.handle, Access: 2}), unix.EINVAL)
	check("free what", ioctl.Do(fd, ioctl.VDEV_DMATEST_IOC_FREE, &ioctl.DMATestFree{Handle: 99}), unix.ENOENT)
	check("unknown request", ioctl.Do(fd, ioctl.VDEV_DMATEST_IOC_FREE+0x70, &ioctl.DMATestFree{}), unix.ENOTTY)

	handle := uint64(b.handle) << 32
	for _, off := range []uint64{0, 99 << 32, handle + PageSize, handle + 1<<31 + PageSize, handle + 1<<30, uint64(coherent.handle)<<32 + 1<<31} {
		if p, err := d.mmap(off, PageSize); err == nil {
			t.Errorf("mmap at %#x succeeds", off)
			_ = unix.Munmap(p)
		}
	}
	if p, err := d.mmap(handle, 2*PageSize); err == nil {
		t.Error("mmap of more than there is succeeds")
		_ = unix.Munmap(p)
	}
	if _, err := unix.Mmap(int(fd), int64(handle), PageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE); !errors.Is(err, unix.EINVAL) {
		t.Errorf("a private mapping: %v", err)
	}
}

func TestLimitOfBuffers(t *testing.T) {
	d := open(t)
	for range ioctl.VDEV_DMATEST_MAX_BUFFERS {
		allocate(t, d, 1)
	}
	if _, err := d.Alloc(1); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("one more: %v", err)
	}
}

func TestLargestBuffer(t *testing.T) {
	d := open(t)
	b := allocate(t, d, ioctl.VDEV_DMATEST_MAX_SIZE)
	must(t, b.Map(len(b.Mem), FromDevice))
	must(t, b.DeviceFill(0, len(b.Mem), 7))
	must(t, b.Unmap())
	if !all(b.Mem, 7) {
		t.Error("not filled")
	}
}

// TestMemoryOutlivesItsHandle frees a buffer while mappings to user space and a
// transfer use it.
func TestMemoryOutlivesItsHandle(t *testing.T) {
	d, err := Open()
	if err != nil {
		open(t) // skips or fails
	}
	b := allocate(t, d, PageSize)
	must(t, b.Map(PageSize, FromDevice))
	must(t, b.StartDeviceFill(0, 64, 1, 20*time.Millisecond))
	must(t, ioctl.Do(d.fd(), ioctl.VDEV_DMATEST_IOC_FREE, &ioctl.DMATestFree{Handle: b.handle}))
	if err := b.SyncForCPU(0, 1, Both); !errors.Is(err, unix.ENOENT) {
		t.Errorf("sync of a freed buffer: %v", err)
	}
	must(t, d.Wait())
	must(t, d.Close())
	fill(b.Mem, 3)
	if !all(b.Mem, 3) {
		t.Error("the memory is gone")
	}
	must(t, unix.Munmap(b.Mem))
}

func TestClosingEndsTheTransfer(t *testing.T) {
	d, other := open(t), open(t)
	b := allocate(t, d, PageSize)
	must(t, b.Map(PageSize, FromDevice))
	must(t, b.StartDeviceFill(0, PageSize, 9, time.Second))
	c := allocate(t, other, PageSize)
	must(t, c.Map(PageSize, FromDevice))
	if err := c.DeviceFill(0, 1, 1); !errors.Is(err, unix.EBUSY) {
		t.Errorf("while another works: %v", err)
	}
	if err := other.Wait(); !errors.Is(err, unix.EINVAL) {
		t.Errorf("waiting for another's: %v", err)
	}
	if err := ioctl.Do(d.fd(), ioctl.VDEV_DMATEST_IOC_WAIT, &ioctl.DMATestWait{Timeout: 10}); !errors.Is(err, unix.ETIMEDOUT) {
		t.Errorf("a short wait: %v", err)
	}
	// Mappings keep the file open.
	must(t, errors.Join(unix.Munmap(b.Mem), unix.Munmap(b.NC), d.Close()))
	must(t, c.DeviceFill(0, PageSize, 2))
	must(t, c.Unmap())
	if !all(c.Mem, 2) {
		t.Error("the next transfer fails")
	}
}

// TestImport has the device fill a dma-buf of a heap.
func TestImport(t *testing.T) {
	d := open(t)
	shared, err := drm.AllocHeap(drm.HeapSystem, PageSize)
	must(t, err)
	defer shared.Close()
	mem, err := shared.Map()
	must(t, err)
	defer func() { _ = unix.Munmap(mem) }()
	b, err := d.Import(shared.FD())
	must(t, err)
	if err := b.MapSkip(PageSize, FromDevice); !errors.Is(err, unix.EINVAL) {
		t.Errorf("mapped without maintenance: %v", err)
	}
	must(t, b.Map(PageSize, FromDevice))
	must(t, b.StartDeviceFill(0, PageSize, 7, 5*time.Millisecond))
	if err := b.Unmap(); !errors.Is(err, unix.EBUSY) {
		t.Errorf("unmapped while the device is at work: %v", err)
	}
	must(t, d.Wait())
	must(t, b.Unmap())
	must(t, shared.Begin(drm.Read))
	if mem[0] != 7 || mem[PageSize-1] != 7 {
		t.Errorf("bytes %d and %d", mem[0], mem[PageSize-1])
	}
	must(t, shared.End(drm.Read))
	for what, err := range map[string]error{"sync": b.SyncForCPU(0, 1, Both), "kernel": b.KernelFill(0, 1, 0)} {
		if !errors.Is(err, unix.EINVAL) {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(t, b.Free())
	if _, err := d.Import(d.fd()); !errors.Is(err, unix.EINVAL) {
		t.Errorf("no dma-buf: %v", err)
	}
}
