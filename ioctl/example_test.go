// SPDX-License-Identifier: Apache-2.0

//go:build linux

package ioctl_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"vdev/ioctl"
)

// Two buffers for pictures: two handles, no memory yet.
func makeBuffers(dev int) ([]int32, error) {
	var fds []int32
	for i := range 2 {
		create := ioctl.VdevDMABufCreate{Size: 640 * 480 * 4}
		copy(create.Name[:], fmt.Sprintf("frame %d", i))
		if err := ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_CREATE, &create); err != nil {
			return nil, err
		}
		fds = append(fds, create.Fd)
	}
	info := ioctl.VdevDMABufInfo{Fd: fds[0]}
	if err := ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_INFO, &info); err != nil {
		return nil, err
	}
	if info.Flags&ioctl.VDEV_DMABUF_INFO_PLACED != 0 {
		return nil, errors.New("it has memory already")
	}
	return fds, nil
}

// A buffer from Linux's own allocator becomes known to the core, so that it can be prepared, locked and reported on.
func useHeap(dev, heap int) error {
	alloc := ioctl.DMAHeapAllocationData{Len: 1 << 20, FdFlags: ioctl.O_RDWR | ioctl.O_CLOEXEC}
	if err := ioctl.Do(heap, ioctl.DMA_HEAP_IOCTL_ALLOC, &alloc); err != nil {
		return err
	}
	defer unix.Close(int(alloc.Fd))
	register := ioctl.VdevDMABufRegister{Fd: int32(alloc.Fd)}
	if err := ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_REGISTER, &register); err != nil {
		return err
	}
	// Now all requests take it.
	return ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_UNREGISTER, &ioctl.VdevDMABufBuffer{Fd: register.Fd})
}

// Display and G2D are going to use a buffer. The first one that maps it has it placed where both can reach it: in one piece, as
// the display asks for.
func attachTwo(dev int, fd int32) error {
	display := ioctl.VdevDMABufAttach{Fd: fd, Flags: ioctl.VDEV_DMABUF_ATTACH_CONSTRAINED | ioctl.VDEV_DMABUF_ATTACH_CONTIGUOUS}
	copy(display.Device[:], "fimd")
	g2d := ioctl.VdevDMABufAttach{Fd: fd}
	copy(g2d.Device[:], "g2d")
	for _, a := range []*ioctl.VdevDMABufAttach{&display, &g2d} {
		if err := ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_ATTACH, a); err != nil {
			return err
		}
	}

	var pin runtime.Pinner
	defer pin.Unpin()
	extents := make([]ioctl.VdevDMABufExtent, 16)
	mapping := ioctl.VdevDMABufMap{
		Attachment: g2d.Attachment, Dir: ioctl.VDEV_DMABUF_FROM_DEVICE,
		Extents: ioctl.Pointer(&pin, extents), Count: uint32(len(extents)),
	}
	if err := ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_MAP, &mapping); err != nil {
		return err
	}
	if mapping.Count != 1 {
		return fmt.Errorf("in %d pieces", mapping.Count)
	}
	unmap := ioctl.VdevDMABufUnmap{Attachment: g2d.Attachment, Dir: mapping.Dir}
	if err := ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_UNMAP, &unmap); err != nil {
		return err
	}
	for _, a := range []uint32{g2d.Attachment, display.Attachment} {
		if err := ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_DETACH, &ioctl.VdevDMABufDetach{Attachment: a}); err != nil {
			return err
		}
	}
	return nil
}

// The kernel inverts a few bytes at the start of a buffer's second page.
func invert(dev int, fd int32) error {
	access := ioctl.VdevDMABufRange{
		Fd: fd, Access: ioctl.VDEV_DMABUF_READ | ioctl.VDEV_DMABUF_WRITE, Offset: 4096, Length: 64,
	}
	if err := ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_CPU_BEGIN, &access); err != nil {
		return err
	}
	kmap := ioctl.VdevDMABufKmap{Fd: fd, Page: 1}
	if err := ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_KMAP, &kmap); err != nil {
		return err
	}

	var pin runtime.Pinner
	defer pin.Unpin()
	data := make([]byte, 64)
	rw := ioctl.VdevDMABufAccess{Fd: fd, Page: 1, Data: ioctl.Pointer(&pin, data), Length: uint32(len(data))}
	if err := ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_KREAD, &rw); err != nil {
		return err
	}
	for i := range data {
		data[i] ^= 0xff
	}
	if err := ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_KWRITE, &rw); err != nil {
		return err
	}
	if err := ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_KUNMAP, &kmap); err != nil {
		return err
	}
	return ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_CPU_END, &access)
}

// A program draws into a buffer that devices use, too. It waits for them for 100 ms at most.
func draw(dev int, fd int32, picture []byte) error {
	pixels, err := unix.Mmap(int(fd), 0, len(picture), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer unix.Munmap(pixels)
	prep := ioctl.VdevDMABufPrep{
		Fd: fd, Access: ioctl.VDEV_DMABUF_WRITE, Length: uint64(len(picture)), Timeout: uint64(100 * time.Millisecond),
	}
	if err := ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_CPU_PREP, &prep); err != nil {
		return err // of the devices, ETIMEDOUT
	}
	copy(pixels, picture)
	return ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_CPU_FINI, &ioctl.VdevDMABufBuffer{Fd: fd})
}

// A library batches commands for a device, and marks the buffer until it submits them. Who prepares the buffer meanwhile learns
// that waiting for the device would not be enough.
func batch(dev int, fd int32) error {
	buffer := ioctl.VdevDMABufBuffer{Fd: fd}
	if err := ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_MARK_PENDING, &buffer); err != nil {
		return err
	}
	// It fails with EAGAIN now, and is reported.
	// err := ioctl.Once(dev, ioctl.VDEV_DMABUF_IOC_CPU_PREP, &prep)
	return ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_SUBMIT, &buffer)
}

// A program writes a buffer by means of its own, and has others wait until it has finished.
func fenced(dev int, fd int32) error {
	create := ioctl.VdevFenceCreate{}
	if err := ioctl.Do(dev, ioctl.VDEV_FENCE_IOC_CREATE, &create); err != nil {
		return err
	}
	defer unix.Close(int(create.Fence))
	add := ioctl.VdevFenceAdd{Fence: create.Fence, Fd: fd, Access: ioctl.VDEV_DMABUF_WRITE}
	if err := ioctl.Do(dev, ioctl.VDEV_FENCE_IOC_ADD, &add); err != nil {
		return err
	}
	wait := ioctl.VdevDMABufWait{Fd: fd, Access: ioctl.VDEV_DMABUF_READ, Flags: ioctl.VDEV_DMABUF_NOWAIT}
	if err := ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_WAIT, &wait); !errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("did not wait: %w", err)
	}
	if err := ioctl.Do(dev, ioctl.VDEV_FENCE_IOC_SIGNAL, &ioctl.VdevFenceSignal{Fence: create.Fence}); err != nil {
		return err
	}
	return ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_WAIT, &wait)
}

// Waiting for two fences at once, for a second at most.
func waitForBoth(dev int, one, other int32) error {
	merge := ioctl.VdevFenceMerge{Fence1: one, Fence2: other}
	if err := ioctl.Do(dev, ioctl.VDEV_FENCE_IOC_MERGE, &merge); err != nil {
		return err
	}
	defer unix.Close(int(merge.Fence))
	wait := ioctl.VdevFenceWait{Fence: merge.Fence, Timeout: uint64(time.Second)}
	return ioctl.Do(dev, ioctl.VDEV_FENCE_IOC_WAIT, &wait)
}

// A program reads one buffer and writes another, and nobody, device or program, comes in between. The locks are taken in an
// order that cannot lead to a deadlock.
func transform(dev int, from, to int32, work func()) error {
	create := ioctl.VdevSyncInit{Timeout: uint64(time.Second)}
	if err := ioctl.Do(dev, ioctl.VDEV_SYNC_IOC_INIT, &create); err != nil {
		return err
	}
	sync := ioctl.VdevSyncObject{Sync: create.Sync}
	defer unix.Close(int(create.Sync))

	var pin runtime.Pinner
	defer pin.Unpin()
	buffers := []ioctl.VdevSyncBuffer{
		{Fd: from, Access: ioctl.VDEV_DMABUF_READ},
		{Fd: to, Access: ioctl.VDEV_DMABUF_WRITE},
	}
	get := ioctl.VdevSyncGet{Sync: create.Sync, Buffers: ioctl.Pointer(&pin, buffers), Count: uint32(len(buffers))}
	if err := ioctl.Do(dev, ioctl.VDEV_SYNC_IOC_GET, &get); err != nil {
		return err
	}
	lock := ioctl.VdevSyncLock{Sync: create.Sync}
	if err := ioctl.Do(dev, ioctl.VDEV_SYNC_IOC_LOCK, &lock); err != nil {
		return err
	}
	work()
	if err := ioctl.Do(dev, ioctl.VDEV_SYNC_IOC_UNLOCK, &sync); err != nil {
		return err // EOWNERDEAD: it took longer than a second
	}

	// The same object for other buffers.
	if err := ioctl.Do(dev, ioctl.VDEV_SYNC_IOC_PUT, &ioctl.VdevSyncPut{Sync: create.Sync, Fd: to}); err != nil {
		return err
	}
	if err := ioctl.Do(dev, ioctl.VDEV_SYNC_IOC_PUT_ALL, &sync); err != nil {
		return err
	}
	return ioctl.Do(dev, ioctl.VDEV_SYNC_IOC_FINI, &sync)
}

// A test looks whether something was left behind.
func nothingHeld(dev int) error {
	var stats ioctl.VdevStats
	if err := ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_STATS, &stats); err != nil {
		return err
	}
	if stats.Locked+stats.CPUAccesses+stats.Mapped+stats.Waits > 0 {
		return fmt.Errorf("something is held: %+v", stats)
	}
	return nil
}

// A list of all buffers, and of who keeps others from them.
func list(dev int) error {
	var pin runtime.Pinner
	defer pin.Unpin()
	rows := make([]ioctl.VdevTableRow, 100)
	table := ioctl.VdevTable{Rows: ioctl.Pointer(&pin, rows), Count: uint32(len(rows))}
	if err := ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_TABLE, &table); err != nil {
		return err
	}
	for _, r := range rows[:min(int(table.Count), len(rows))] {
		fmt.Printf("%d %s %d bytes: %s\n", r.Id, bytes.TrimRight(r.Name[:], "\x00"), r.Size, bytes.TrimRight(r.Owner[:], "\x00"))
	}
	return nil
}

// The tester fills a buffer, and the kernel reads it. Without the sync in between it might read what it has in its cache.
func fill(tester int) error {
	alloc := ioctl.DMATestAlloc{Size: 4096, Kind: ioctl.VDEV_DMATEST_CACHED}
	if err := ioctl.Do(tester, ioctl.VDEV_DMATEST_IOC_ALLOC, &alloc); err != nil {
		return err
	}
	mapping := ioctl.DMATestMap{Handle: alloc.Handle, Dir: ioctl.VDEV_DMATEST_FROM_DEVICE, Length: alloc.Size}
	if err := ioctl.Do(tester, ioctl.VDEV_DMATEST_IOC_MAP, &mapping); err != nil {
		return err
	}
	run := ioctl.DMATestRun{Op: ioctl.VDEV_DMATEST_FILL, Dst: alloc.Handle, Length: uint32(alloc.Size), Pattern: 0x0101010101010101}
	if err := ioctl.Once(tester, ioctl.VDEV_DMATEST_IOC_RUN, &run); err != nil {
		return err
	}
	sync := ioctl.DMATestSync{Handle: alloc.Handle, Dir: mapping.Dir, Length: alloc.Size}
	if err := ioctl.Do(tester, ioctl.VDEV_DMATEST_IOC_SYNC_FOR_CPU, &sync); err != nil {
		return err
	}
	read := ioctl.DMATestAccess{Handle: alloc.Handle, Access: ioctl.VDEV_DMATEST_READ, Length: alloc.Size}
	if err := ioctl.Do(tester, ioctl.VDEV_DMATEST_IOC_ACCESS, &read); err != nil {
		return err
	}
	if read.Result != 4096 {
		return fmt.Errorf("the bytes add up to %d", read.Result)
	}

	// And again, at the same time as other work.
	if err := ioctl.Do(tester, ioctl.VDEV_DMATEST_IOC_SYNC_FOR_DEVICE, &sync); err != nil {
		return err
	}
	run.Flags, run.Delay = ioctl.VDEV_DMATEST_ASYNC, uint32(time.Millisecond)
	if err := ioctl.Do(tester, ioctl.VDEV_DMATEST_IOC_RUN, &run); err != nil {
		return err
	}
	if err := ioctl.Do(tester, ioctl.VDEV_DMATEST_IOC_WAIT, &ioctl.DMATestWait{Timeout: 100}); err != nil {
		return err
	}
	if err := ioctl.Do(tester, ioctl.VDEV_DMATEST_IOC_UNMAP, &ioctl.DMATestUnmap{Handle: alloc.Handle}); err != nil {
		return err
	}
	return ioctl.Do(tester, ioctl.VDEV_DMATEST_IOC_FREE, &ioctl.DMATestFree{Handle: alloc.Handle})
}

// The tester fills a dma-buf. Mapping it for the tester, and unmapping it, tells everybody else who has it.
func fillShared(tester int, dmabuf int32) error {
	buffer := ioctl.DMATestImport{Fd: dmabuf}
	if err := ioctl.Do(tester, ioctl.VDEV_DMATEST_IOC_IMPORT, &buffer); err != nil {
		return err
	}
	mapping := ioctl.DMATestMap{Handle: buffer.Handle, Dir: ioctl.VDEV_DMATEST_FROM_DEVICE, Length: buffer.Size}
	if err := ioctl.Do(tester, ioctl.VDEV_DMATEST_IOC_MAP, &mapping); err != nil {
		return err
	}
	run := ioctl.DMATestRun{Op: ioctl.VDEV_DMATEST_FILL, Dst: buffer.Handle, Length: uint32(buffer.Size), Pattern: 0x0101010101010101}
	if err := ioctl.Once(tester, ioctl.VDEV_DMATEST_IOC_RUN, &run); err != nil {
		return err
	}
	if err := ioctl.Do(tester, ioctl.VDEV_DMATEST_IOC_UNMAP, &ioctl.DMATestUnmap{Handle: buffer.Handle}); err != nil {
		return err
	}
	return ioctl.Do(tester, ioctl.VDEV_DMATEST_IOC_FREE, &ioctl.DMATestFree{Handle: buffer.Handle})
}
