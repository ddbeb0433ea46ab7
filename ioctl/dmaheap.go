// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

// Requests of a dma-heap (/dev/dma_heap/...), see include/uapi/linux/dma-heap.h.
// Like those of DRM, they may be shorter or longer than the structure.
//
//ioctl:family DMAHeap
const (
	DMA_HEAP_IOCTL_ALLOC Request = iocRead | iocWrite | 24<<iocSizeShift | 'H'<<iocTypeShift + 0 // DMAHeapAllocationData
)

// Flags of open that file descriptors are made with; riscv64 has Linux's general
// ones.
//
//ioctl:flags open
const (
	O_RDONLY   = 0 // of 3
	O_WRONLY   = 1 // of 3
	O_RDWR     = 2 // of 3
	O_NONBLOCK = 0x800
	O_CLOEXEC  = 0x80000
)

// DMAHeapAllocationData makes a dma-buf. EINVAL: no size, unknown flags, or Fd is
// not 0. ENOMEM.
type DMAHeapAllocationData struct {
	_ structs.HostLayout
	// In bytes; the buffer has whole pages.
	Len uint64
	// The dma-buf; 0 before.
	Fd uint32 `ioctl:"out,fd"`
	// O_CLOEXEC and O_RDONLY, O_WRONLY or O_RDWR.
	FdFlags uint32 `ioctl:"flags=open"`
	// 0.
	HeapFlags uint64 `ioctl:"hex"`
}
