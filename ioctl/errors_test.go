// SPDX-License-Identifier: Apache-2.0

//go:build linux

package ioctl_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vdev/ioctl"
)

// once makes a request that is to fail, as an error that says which one it was.
func once[A any](fd int, req ioctl.Request, a A) func() error {
	return func() error { return ioctl.Once(fd, req, &a) }
}

// TestErrors provokes the errors that the comments of our requests name. It needs the
// guest, as TestExamples does.
func TestErrors(t *testing.T) {
	dev := open(t, ioctl.VDEV_DMABUF_DEVICE)
	other := open(t, ioctl.VDEV_DMABUF_DEVICE)
	null := open(t, os.DevNull)
	heap := open(t, "/dev/dma_heap/system")

	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	create := func(size uint64) int32 {
		t.Helper()
		c := ioctl.VdevDMABufCreate{Size: size}
		must(ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_CREATE, &c))
		return c.Fd
	}
	var (
		free     = create(8192)
		mapped   = create(8192)
		prepared = create(8192)
		fenced   = create(8192)
		pending  = create(8192)
		locked   = create(8192)
		lockup   = create(8192)
		high     = create(8192) // placed where a narrow device does not reach it
	)
	device := func(name string) (b [ioctl.VDEV_DMABUF_NAME_LEN]uint8) {
		copy(b[:], name)
		return b
	}
	attach := func(fd int32) uint32 {
		t.Helper()
		a := ioctl.VdevDMABufAttach{Fd: fd, Device: device("g2d")}
		must(ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_ATTACH, &a))
		return a.Attachment
	}
	mapping := attach(mapped)
	must(ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_MAP, &ioctl.VdevDMABufMap{Attachment: mapping, Dir: ioctl.VDEV_DMABUF_FROM_DEVICE}))
	must(ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_MAP, &ioctl.VdevDMABufMap{Attachment: attach(high)}))
	const all = ioctl.VDEV_DMABUF_READ | ioctl.VDEV_DMABUF_WRITE
	prep := func(fd int32) ioctl.VdevDMABufPrep {
		return ioctl.VdevDMABufPrep{Fd: fd, Access: all, Length: 8192}
	}
	with := func(p ioctl.VdevDMABufPrep, change func(p *ioctl.VdevDMABufPrep)) ioctl.VdevDMABufPrep {
		change(&p)
		return p
	}
	must(once(dev, ioctl.VDEV_DMABUF_IOC_CPU_PREP, prep(prepared))())
	must(once(dev, ioctl.VDEV_DMABUF_IOC_MARK_PENDING, ioctl.VdevDMABufBuffer{Fd: pending})())
	fence := ioctl.VdevFenceCreate{}
	must(ioctl.Do(dev, ioctl.VDEV_FENCE_IOC_CREATE, &fence))
	must(once(dev, ioctl.VDEV_FENCE_IOC_ADD, ioctl.VdevFenceAdd{Fence: fence.Fence, Fd: fenced, Access: all})())
	done := ioctl.VdevFenceCreate{}
	must(ioctl.Do(dev, ioctl.VDEV_FENCE_IOC_CREATE, &done))
	must(once(dev, ioctl.VDEV_FENCE_IOC_SIGNAL, ioctl.VdevFenceSignal{Fence: done.Fence, Error: uint32(unix.EIO)})())

	var pin runtime.Pinner
	defer pin.Unpin()
	get := func(sync int32, buffers ...ioctl.VdevSyncBuffer) ioctl.VdevSyncGet {
		return ioctl.VdevSyncGet{Sync: sync, Buffers: ioctl.Pointer(&pin, buffers), Count: uint32(len(buffers))}
	}
	object := func(fd int32, o ioctl.VdevSyncInit) int32 {
		t.Helper()
		must(ioctl.Do(dev, ioctl.VDEV_SYNC_IOC_INIT, &o))
		must(once(dev, ioctl.VDEV_SYNC_IOC_GET, get(o.Sync, ioctl.VdevSyncBuffer{Fd: fd, Access: all}))())
		return o.Sync
	}
	holder, waiter := object(locked, ioctl.VdevSyncInit{}), object(locked, ioctl.VdevSyncInit{})
	must(once(dev, ioctl.VDEV_SYNC_IOC_LOCK, ioctl.VdevSyncLock{Sync: holder})())
	idle := object(free, ioctl.VdevSyncInit{})
	ended := object(free, ioctl.VdevSyncInit{})
	must(once(dev, ioctl.VDEV_SYNC_IOC_FINI, ioctl.VdevSyncObject{Sync: ended})())
	// Locked for too long, one for each request that tells it.
	var dead [5]int32
	for i := range dead {
		dead[i] = object(lockup, ioctl.VdevSyncInit{Timeout: uint64(time.Millisecond)})
		must(once(dev, ioctl.VDEV_SYNC_IOC_LOCK, ioctl.VdevSyncLock{Sync: dead[i]})())
		time.Sleep(3 * time.Millisecond)
	}
	foreign := func() int32 {
		alloc := ioctl.DMAHeapAllocationData{Len: 4096, FdFlags: ioctl.O_RDWR | ioctl.O_CLOEXEC}
		must(ioctl.Do(heap, ioctl.DMA_HEAP_IOCTL_ALLOC, &alloc))
		return int32(alloc.Fd)
	}
	known, unknown := foreign(), foreign()
	must(once(dev, ioctl.VDEV_DMABUF_IOC_REGISTER, ioctl.VdevDMABufRegister{Fd: known})())
	kmap := func(fd int32, flags uint32) ioctl.VdevDMABufKmap { return ioctl.VdevDMABufKmap{Fd: fd, Flags: flags} }
	for range 2 {
		must(once(dev, ioctl.VDEV_DMABUF_IOC_KMAP, kmap(prepared, ioctl.VDEV_DMABUF_KMAP_ATOMIC))())
	}
	var data [4]byte
	kread := ioctl.VdevDMABufAccess{Fd: prepared, Data: ioctl.Pointer(&pin, data[:]), Length: 4}
	read := uint32(ioctl.VDEV_DMABUF_READ)
	nowait := func(p *ioctl.VdevDMABufPrep) { p.Flags = ioctl.VDEV_DMABUF_NOWAIT }
	late := func(p *ioctl.VdevDMABufPrep) { p.Timeout = 1000 }

	for _, c := range []struct {
		what string
		want unix.Errno
		call func() error
	}{
		{"no file", unix.EBADF, once(dev, ioctl.VDEV_DMABUF_IOC_INFO, ioctl.VdevDMABufInfo{Fd: -1})},
		{"no dma-buf", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_INFO, ioctl.VdevDMABufInfo{Fd: int32(null)})},
		{"unknown dma-buf", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_INFO, ioctl.VdevDMABufInfo{Fd: unknown})},
		{"fence for sync object", unix.EINVAL, once(dev, ioctl.VDEV_SYNC_IOC_UNLOCK, ioctl.VdevSyncObject{Sync: fence.Fence})},
		{"reserved field", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_MARK_PENDING, ioctl.VdevDMABufBuffer{Fd: free, Pad: 1})},
		{"long list", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_TABLE, ioctl.VdevTable{Count: ioctl.VDEV_DMABUF_MAX_LIST + 1})},
		{"memory", unix.EFAULT, once(dev, ioctl.VDEV_SYNC_IOC_GET, ioctl.VdevSyncGet{Sync: idle, Count: 1, Buffers: 8})},
		{"no such request", unix.ENOTTY, once(dev, ioctl.VDEV_DMABUF_IOC_CPU_FINI+100, ioctl.VdevDMABufBuffer{Fd: free})},
		{"other request", unix.ENOTTY, once(dev, ioctl.VDEV_DMATEST_IOC_FREE, ioctl.DMATestFree{})},

		{"create: 0", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_CREATE, ioctl.VdevDMABufCreate{})},
		{"create: above 1 TiB", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_CREATE, ioctl.VdevDMABufCreate{Size: 1<<40 + 1})},
		{"register: no dma-buf", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_REGISTER, ioctl.VdevDMABufRegister{Fd: int32(null)})},
		{"register: again", unix.EEXIST, once(other, ioctl.VDEV_DMABUF_IOC_REGISTER, ioctl.VdevDMABufRegister{Fd: known})},
		{"register: own", unix.EEXIST, once(dev, ioctl.VDEV_DMABUF_IOC_REGISTER, ioctl.VdevDMABufRegister{Fd: free})},
		{"unregister: of another", unix.EINVAL, once(other, ioctl.VDEV_DMABUF_IOC_UNREGISTER, ioctl.VdevDMABufBuffer{Fd: known})},
		{"unregister: own", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_UNREGISTER, ioctl.VdevDMABufBuffer{Fd: free})},

		{"attach: flag", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_ATTACH, ioctl.VdevDMABufAttach{Fd: free, Device: device("g2d"), Flags: 1 << 20})},
		{"attach: no constraints", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_ATTACH,
			ioctl.VdevDMABufAttach{Fd: free, Device: device("g2d"), Flags: ioctl.VDEV_DMABUF_ATTACH_CONTIGUOUS})},
		{"attach: alignment", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_ATTACH,
			ioctl.VdevDMABufAttach{Fd: free, Device: device("g2d"), Flags: ioctl.VDEV_DMABUF_ATTACH_CONSTRAINED, Align: 3})},
		{"attach: longest piece", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_ATTACH,
			ioctl.VdevDMABufAttach{Fd: free, Device: device("g2d"), Flags: ioctl.VDEV_DMABUF_ATTACH_CONSTRAINED, MaxSegment: 100})},
		{"attach: device", unix.ENODEV, once(dev, ioctl.VDEV_DMABUF_IOC_ATTACH, ioctl.VdevDMABufAttach{Fd: free, Device: device("toaster")})},
		{"attach: nothing suits", unix.ENOSPC, once(dev, ioctl.VDEV_DMABUF_IOC_ATTACH,
			ioctl.VdevDMABufAttach{Fd: free, Device: device("g2d"), Flags: ioctl.VDEV_DMABUF_ATTACH_CONSTRAINED, AddressLimit: 4096})},
		{"attach: cannot move", unix.EBUSY, once(dev, ioctl.VDEV_DMABUF_IOC_ATTACH,
			ioctl.VdevDMABufAttach{Fd: high, Device: device("g2d"), Flags: ioctl.VDEV_DMABUF_ATTACH_CONSTRAINED, Align: 1 << 20})},
		{"detach: none", unix.EINVAL, once(other, ioctl.VDEV_DMABUF_IOC_DETACH, ioctl.VdevDMABufDetach{Attachment: mapping})},
		{"detach: mapped", unix.EBUSY, once(dev, ioctl.VDEV_DMABUF_IOC_DETACH, ioctl.VdevDMABufDetach{Attachment: mapping})},
		{"map: none", unix.EINVAL, once(other, ioctl.VDEV_DMABUF_IOC_MAP, ioctl.VdevDMABufMap{Attachment: mapping})},
		{"map: direction", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_MAP, ioctl.VdevDMABufMap{Attachment: mapping, Dir: 3})},
		{"map: mapped", unix.EBUSY, once(dev, ioctl.VDEV_DMABUF_IOC_MAP, ioctl.VdevDMABufMap{Attachment: mapping})},
		{"unmap: direction", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_UNMAP, ioctl.VdevDMABufUnmap{Attachment: mapping})},
		{"unmap: not mapped", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_UNMAP, ioctl.VdevDMABufUnmap{Attachment: attach(free)})},

		{"begin: empty", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_CPU_BEGIN, ioctl.VdevDMABufRange{Fd: free, Access: read})},
		{"begin: outside", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_CPU_BEGIN, ioctl.VdevDMABufRange{Fd: free, Access: read, Offset: 8192, Length: 1})},
		{"begin: overflow", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_CPU_BEGIN, ioctl.VdevDMABufRange{Fd: free, Access: read, Offset: 1, Length: ^uint64(0)})},
		{"begin: no access", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_CPU_BEGIN, ioctl.VdevDMABufRange{Fd: free, Access: ioctl.VDEV_DMABUF_FRAME, Length: 1})},
		{"end: none", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_CPU_END, ioctl.VdevDMABufRange{Fd: free, Access: read, Length: 1})},
		{"kmap: flag", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_KMAP, kmap(prepared, 2))},
		{"kmap: third atomic", unix.ENOSPC, once(dev, ioctl.VDEV_DMABUF_IOC_KMAP, kmap(prepared, ioctl.VDEV_DMABUF_KMAP_ATOMIC))},
		{"kunmap: flag", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_KUNMAP, kmap(prepared, 2))},
		{"kunmap: none", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_KUNMAP, kmap(prepared, 0))},
		{"kread: not mapped", unix.EINVAL, once(other, ioctl.VDEV_DMABUF_IOC_KREAD, kread)},
		{"kread: no bytes", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_KREAD, ioctl.VdevDMABufAccess{Fd: prepared, Data: kread.Data})},
		{"kwrite: over the end", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_KWRITE, ioctl.VdevDMABufAccess{Fd: prepared, Data: kread.Data, Offset: 4094, Length: 4})},
		{"kread: memory", unix.EFAULT, once(dev, ioctl.VDEV_DMABUF_IOC_KREAD, ioctl.VdevDMABufAccess{Fd: prepared, Data: 8, Length: 4})},

		{"prep: empty", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_CPU_PREP, with(prep(free), func(p *ioctl.VdevDMABufPrep) { p.Length = 0 }))},
		{"prep: no access", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_CPU_PREP, with(prep(free), func(p *ioctl.VdevDMABufPrep) { p.Access = 0 }))},
		{"prep: flag", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_CPU_PREP, with(prep(free), func(p *ioctl.VdevDMABufPrep) { p.Flags = 4 }))},
		{"prep: again", unix.EALREADY, once(dev, ioctl.VDEV_DMABUF_IOC_CPU_PREP, prep(prepared))},
		{"prep: marks", unix.EAGAIN, once(other, ioctl.VDEV_DMABUF_IOC_CPU_PREP, prep(pending))},
		{"prep: busy", unix.EBUSY, once(dev, ioctl.VDEV_DMABUF_IOC_CPU_PREP, with(prep(mapped), nowait))},
		{"prep: time", unix.ETIMEDOUT, once(dev, ioctl.VDEV_DMABUF_IOC_CPU_PREP, with(prep(fenced), late))},
		{"fini: not prepared", unix.EINVAL, once(other, ioctl.VDEV_DMABUF_IOC_CPU_FINI, ioctl.VdevDMABufBuffer{Fd: prepared})},
		{"submit: no mark", unix.EINVAL, once(other, ioctl.VDEV_DMABUF_IOC_SUBMIT, ioctl.VdevDMABufBuffer{Fd: pending})},
		{"wait: no access", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_WAIT, ioctl.VdevDMABufWait{Fd: fenced})},
		{"wait: flag", unix.EINVAL, once(dev, ioctl.VDEV_DMABUF_IOC_WAIT, ioctl.VdevDMABufWait{Fd: fenced, Access: read, Flags: ioctl.VDEV_DMABUF_IGNORE_PENDING})},
		{"wait: busy", unix.EBUSY, once(dev, ioctl.VDEV_DMABUF_IOC_WAIT, ioctl.VdevDMABufWait{Fd: fenced, Access: read, Flags: ioctl.VDEV_DMABUF_NOWAIT})},
		{"wait: time", unix.ETIMEDOUT, once(dev, ioctl.VDEV_DMABUF_IOC_WAIT, ioctl.VdevDMABufWait{Fd: fenced, Access: read, Timeout: 1000})},

		{"init: flag", unix.EINVAL, once(dev, ioctl.VDEV_SYNC_IOC_INIT, ioctl.VdevSyncInit{Flags: 4})},
		{"init: unlimited time", unix.EINVAL, once(dev, ioctl.VDEV_SYNC_IOC_INIT, ioctl.VdevSyncInit{Flags: ioctl.VDEV_SYNC_UNLIMITED, Timeout: 1})},
		{"get: no buffers", unix.EINVAL, once(dev, ioctl.VDEV_SYNC_IOC_GET, get(idle))},
		{"get: no access", unix.EINVAL, once(dev, ioctl.VDEV_SYNC_IOC_GET, get(idle, ioctl.VdevSyncBuffer{Fd: mapped}))},
		{"get: in it", unix.EEXIST, once(dev, ioctl.VDEV_SYNC_IOC_GET, get(idle, ioctl.VdevSyncBuffer{Fd: free, Access: read}))},
		{"get: twice", unix.EEXIST, once(dev, ioctl.VDEV_SYNC_IOC_GET, get(idle, ioctl.VdevSyncBuffer{Fd: mapped, Access: read}, ioctl.VdevSyncBuffer{Fd: mapped, Access: read}))},
		{"put: not in it, as nothing was added", unix.EINVAL, once(dev, ioctl.VDEV_SYNC_IOC_PUT, ioctl.VdevSyncPut{Sync: idle, Fd: mapped})},
		{"get: locked", unix.EBUSY, once(dev, ioctl.VDEV_SYNC_IOC_GET, get(holder, ioctl.VdevSyncBuffer{Fd: free, Access: read}))},
		{"put: locked", unix.EBUSY, once(dev, ioctl.VDEV_SYNC_IOC_PUT, ioctl.VdevSyncPut{Sync: holder, Fd: locked})},
		{"put all: locked", unix.EBUSY, once(dev, ioctl.VDEV_SYNC_IOC_PUT_ALL, ioctl.VdevSyncObject{Sync: holder})},
		{"lock: flag", unix.EINVAL, once(dev, ioctl.VDEV_SYNC_IOC_LOCK, ioctl.VdevSyncLock{Sync: waiter, Flags: 4})},
		{"lock: locked", unix.EALREADY, once(dev, ioctl.VDEV_SYNC_IOC_LOCK, ioctl.VdevSyncLock{Sync: holder})},
		{"lock: busy", unix.EBUSY, once(dev, ioctl.VDEV_SYNC_IOC_LOCK, ioctl.VdevSyncLock{Sync: waiter, Flags: ioctl.VDEV_DMABUF_NOWAIT})},
		{"lock: time", unix.ETIMEDOUT, once(dev, ioctl.VDEV_SYNC_IOC_LOCK, ioctl.VdevSyncLock{Sync: waiter, Timeout: 1000})},
		{"unlock: not locked", unix.EINVAL, once(dev, ioctl.VDEV_SYNC_IOC_UNLOCK, ioctl.VdevSyncObject{Sync: waiter})},
		{"ended", unix.EBADF, once(dev, ioctl.VDEV_SYNC_IOC_UNLOCK, ioctl.VdevSyncObject{Sync: ended})},
		{"get: lock lost", unix.EOWNERDEAD, once(dev, ioctl.VDEV_SYNC_IOC_GET, get(dead[0], ioctl.VdevSyncBuffer{Fd: free, Access: read}))},
		{"lock: lock lost", unix.EOWNERDEAD, once(dev, ioctl.VDEV_SYNC_IOC_LOCK, ioctl.VdevSyncLock{Sync: dead[1]})},
		{"unlock: lock lost", unix.EOWNERDEAD, once(dev, ioctl.VDEV_SYNC_IOC_UNLOCK, ioctl.VdevSyncObject{Sync: dead[2]})},
		{"unlock: told already", unix.EINVAL, once(dev, ioctl.VDEV_SYNC_IOC_UNLOCK, ioctl.VdevSyncObject{Sync: dead[2]})},
		{"put: lock lost", unix.EOWNERDEAD, once(dev, ioctl.VDEV_SYNC_IOC_PUT, ioctl.VdevSyncPut{Sync: dead[3], Fd: lockup})},
		{"put all: lock lost", unix.EOWNERDEAD, once(dev, ioctl.VDEV_SYNC_IOC_PUT_ALL, ioctl.VdevSyncObject{Sync: dead[4]})},

		{"signal: again", unix.EINVAL, once(dev, ioctl.VDEV_FENCE_IOC_SIGNAL, ioctl.VdevFenceSignal{Fence: done.Fence})},
		{"signal: error", unix.EINVAL, once(dev, ioctl.VDEV_FENCE_IOC_SIGNAL, ioctl.VdevFenceSignal{Fence: fence.Fence, Error: 134})},
		{"add: no access", unix.EINVAL, once(dev, ioctl.VDEV_FENCE_IOC_ADD, ioctl.VdevFenceAdd{Fence: fence.Fence, Fd: free})},
		{"fence wait: flag", unix.EINVAL, once(dev, ioctl.VDEV_FENCE_IOC_WAIT, ioctl.VdevFenceWait{Fence: fence.Fence, Flags: 2})},
		{"fence wait: busy", unix.EBUSY, once(dev, ioctl.VDEV_FENCE_IOC_WAIT, ioctl.VdevFenceWait{Fence: fence.Fence, Flags: ioctl.VDEV_DMABUF_NOWAIT})},
		{"fence wait: time", unix.ETIMEDOUT, once(dev, ioctl.VDEV_FENCE_IOC_WAIT, ioctl.VdevFenceWait{Fence: fence.Fence, Timeout: 1000})},
		{"fence wait: its error", unix.EIO, once(dev, ioctl.VDEV_FENCE_IOC_WAIT, ioctl.VdevFenceWait{Fence: done.Fence})},
	} {
		if err := c.call(); !errors.Is(err, c.want) {
			t.Errorf("%s: got %s, want %s", c.what, name(err), unix.ErrnoName(c.want))
		}
	}
}

// TestTesterErrors is TestErrors for the DMA tester.
func TestTesterErrors(t *testing.T) {
	dev, other := open(t, ioctl.VDEV_DMATEST_DEVICE), open(t, ioctl.VDEV_DMATEST_DEVICE)
	null := open(t, os.DevNull)
	alloc := func(dev int, kind uint32) uint32 {
		t.Helper()
		a := ioctl.DMATestAlloc{Size: 4096, Kind: kind}
		if err := ioctl.Do(dev, ioctl.VDEV_DMATEST_IOC_ALLOC, &a); err != nil {
			t.Fatal(err)
		}
		return a.Handle
	}
	free, mapped, coherent := alloc(dev, ioctl.VDEV_DMATEST_CACHED), alloc(dev, ioctl.VDEV_DMATEST_CACHED), alloc(dev, ioctl.VDEV_DMATEST_COHERENT)
	if err := ioctl.Do(dev, ioctl.VDEV_DMATEST_IOC_MAP, &ioctl.DMATestMap{Handle: mapped, Length: 4096}); err != nil {
		t.Fatal(err)
	}
	foreign := alloc(other, ioctl.VDEV_DMATEST_COHERENT)
	for range ioctl.VDEV_DMATEST_MAX_BUFFERS - 1 {
		alloc(other, ioctl.VDEV_DMATEST_CACHED)
	}
	// Busy for a long time; closing the file ends it.
	run := ioctl.DMATestRun{Op: ioctl.VDEV_DMATEST_FILL, Dst: foreign, Length: 8, Flags: ioctl.VDEV_DMATEST_ASYNC, Delay: 2e9}
	for _, c := range []struct {
		what string
		want unix.Errno
		call func() error
	}{
		{"no buffer", unix.ENOENT, once(dev, ioctl.VDEV_DMATEST_IOC_FREE, ioctl.DMATestFree{Handle: 999})},
		{"no such request", unix.ENOTTY, once(dev, ioctl.VDEV_DMATEST_IOC_FREE+100, ioctl.DMATestFree{})},
		{"alloc: 0", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_ALLOC, ioctl.DMATestAlloc{})},
		{"alloc: too large", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_ALLOC, ioctl.DMATestAlloc{Size: ioctl.VDEV_DMATEST_MAX_SIZE + 1})},
		{"alloc: kind", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_ALLOC, ioctl.DMATestAlloc{Size: 1, Kind: 9})},
		{"alloc: too many", unix.ENOSPC, once(other, ioctl.VDEV_DMATEST_IOC_ALLOC, ioctl.DMATestAlloc{Size: 1})},
		{"import: no file", unix.EBADF, once(dev, ioctl.VDEV_DMATEST_IOC_IMPORT, ioctl.DMATestImport{Fd: -1})},
		{"import: no dma-buf", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_IMPORT, ioctl.DMATestImport{Fd: int32(null)})},
		{"map: coherent", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_MAP, ioctl.DMATestMap{Handle: coherent, Length: 1})},
		{"map: range", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_MAP, ioctl.DMATestMap{Handle: free, Offset: 1, Length: 4096})},
		{"map: direction", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_MAP, ioctl.DMATestMap{Handle: free, Length: 1, Dir: 3})},
		{"map: attribute", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_MAP, ioctl.DMATestMap{Handle: free, Length: 1, Attrs: 2})},
		{"map: again", unix.EBUSY, once(dev, ioctl.VDEV_DMATEST_IOC_MAP, ioctl.DMATestMap{Handle: mapped, Length: 1})},
		{"unmap: not mapped", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_UNMAP, ioctl.DMATestUnmap{Handle: free})},
		{"unmap: attribute", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_UNMAP, ioctl.DMATestUnmap{Handle: mapped, Attrs: 2})},
		{"sync: not mapped", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_SYNC_FOR_CPU, ioctl.DMATestSync{Handle: free, Length: 1})},
		{"sync: coherent", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_SYNC_FOR_CPU, ioctl.DMATestSync{Handle: coherent, Length: 1})},
		{"sync: empty", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_SYNC_FOR_DEVICE, ioctl.DMATestSync{Handle: mapped})},
		{"sync: direction", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_SYNC_FOR_DEVICE, ioctl.DMATestSync{Handle: mapped, Length: 1, Dir: 3})},
		{"run: operation", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_RUN, ioctl.DMATestRun{Op: 9})},
		{"run: flag", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_RUN, ioctl.DMATestRun{Op: ioctl.VDEV_DMATEST_FILL, Dst: mapped, Flags: 4})},
		{"run: not mapped", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_RUN, ioctl.DMATestRun{Op: ioctl.VDEV_DMATEST_FILL, Dst: free, Length: 8})},
		{"wait: nothing", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_WAIT, ioctl.DMATestWait{})},
		{"run", 0, once(other, ioctl.VDEV_DMATEST_IOC_RUN, run)},
		{"run: at work", unix.EBUSY, once(dev, ioctl.VDEV_DMATEST_IOC_RUN, ioctl.DMATestRun{Op: ioctl.VDEV_DMATEST_FILL, Dst: mapped, Length: 8})},
		{"wait: time", unix.ETIMEDOUT, once(other, ioctl.VDEV_DMATEST_IOC_WAIT, ioctl.DMATestWait{Timeout: 1})},
		{"access: range", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_ACCESS, ioctl.DMATestAccess{Handle: free, Offset: 4096, Length: 1})},
		{"access: kind", unix.EINVAL, once(dev, ioctl.VDEV_DMATEST_IOC_ACCESS, ioctl.DMATestAccess{Handle: free, Length: 1, Access: 2})},
	} {
		if err := c.call(); c.want == 0 && err != nil || c.want != 0 && !errors.Is(err, c.want) {
			t.Errorf("%s: got %s, want %s", c.what, name(err), unix.ErrnoName(c.want))
		}
	}
}

func name(err error) string {
	if e, ok := errors.AsType[unix.Errno](err); ok {
		return unix.ErrnoName(e)
	}
	return fmt.Sprint(err)
}
