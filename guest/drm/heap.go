// SPDX-License-Identifier: Apache-2.0

//go:build linux

package drm

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vdev/ioctl"
)

// The heaps of the guest: what is in /dev/dma_heap.
const (
	HeapSystem = "system"             // any pages
	HeapCMA    = "default_cma_region" // contiguous memory
)

// AllocHeap makes a dma-buf of zeros from a heap. The CPU's mapping of it is cached.
func AllocHeap(heap string, size int) (*DMABuf, error) {
	f, err := os.OpenFile(filepath.Join("/dev/dma_heap", heap), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	arg := ioctl.DMAHeapAllocationData{Len: uint64(size), FdFlags: unix.O_RDWR | unix.O_CLOEXEC}
	if err := ioctl.Do(int(f.Fd()), ioctl.DMA_HEAP_IOCTL_ALLOC, &arg); err != nil {
		return nil, fmt.Errorf("%d bytes of heap %s: %w", size, heap, err)
	}
	return NewDMABuf(int(arg.Fd))
}

// AllocUDMABuf makes a dma-buf out of a program's own pages: those of a new memfd. The
// CPU's mapping of it is cached.
func AllocUDMABuf(size int) (*DMABuf, error) {
	page := os.Getpagesize()
	size = (size + page - 1) / page * page
	fd, err := unix.MemfdCreate("udmabuf", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("memfd: %w", err)
	}
	mem := os.NewFile(uintptr(fd), "memfd")
	defer mem.Close()
	if err := mem.Truncate(int64(size)); err != nil {
		return nil, err
	}
	if _, err := unix.FcntlInt(mem.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	dev, err := os.OpenFile("/dev/udmabuf", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer dev.Close()
	arg := ioctl.UdmabufCreate{Memfd: uint32(mem.Fd()), Flags: ioctl.UDMABUF_FLAGS_CLOEXEC, Size: uint64(size)}
	n, err := ioctl.Result(int(dev.Fd()), ioctl.UDMABUF_CREATE, &arg)
	if err != nil {
		return nil, fmt.Errorf("udmabuf of %d bytes: %w", size, err)
	}
	return NewDMABuf(n)
}
