// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

// dma-bufs, see include/uapi/linux/dma-buf.h.

const (
	dmabufType = 'b' << iocTypeShift

	// DMA_BUF_NAME_LEN is the room for a name, in bytes, with its NUL.
	DMA_BUF_NAME_LEN = 32
)

// Requests of a dma-buf's file.
//
//ioctl:family DMABuf
const (
	DMA_BUF_IOCTL_SYNC Request = iocWrite | 8<<iocSizeShift | dmabufType + 0 // DMABufSync
	// As DMA_BUF_SET_NAME_B, for pointers of 32 bits.
	DMA_BUF_SET_NAME_A Request = iocWrite | 4<<iocSizeShift | dmabufType + 1 // string
	// Names a dma-buf, for debugging; the argument is the address of the name itself. EINVAL:
	// longer than DMA_BUF_NAME_LEN with its NUL.
	DMA_BUF_SET_NAME_B             Request = iocWrite | 8<<iocSizeShift | dmabufType + 1           // string
	DMA_BUF_IOCTL_EXPORT_SYNC_FILE Request = iocRead | iocWrite | 8<<iocSizeShift | dmabufType + 2 // DMABufExportSyncFile
	DMA_BUF_IOCTL_IMPORT_SYNC_FILE Request = iocWrite | 8<<iocSizeShift | dmabufType + 3           // DMABufImportSyncFile
)

// DMA_BUF_SET_NAME names a dma-buf, for debugging; the argument is the address of
// the name itself, which ends with NUL. EINVAL: too long. The other forms are the
// same for other sizes of pointers.
const DMA_BUF_SET_NAME = DMA_BUF_SET_NAME_B

// What the CPU, or who waits for a fence, does with the buffer.
//
//ioctl:flags dma_buf_access
const (
	DMA_BUF_SYNC_RW    = DMA_BUF_SYNC_READ | DMA_BUF_SYNC_WRITE
	DMA_BUF_SYNC_READ  = 1 << 0
	DMA_BUF_SYNC_WRITE = 2 << 0
)

// Which end of the CPU's access it is.
//
//ioctl:flags dma_buf_sync
const (
	DMA_BUF_SYNC_START = 0 << 2 // of DMA_BUF_SYNC_END
	DMA_BUF_SYNC_END   = 1 << 2
)

// DMA_BUF_SYNC_VALID_FLAGS_MASK has all flags of access.
const DMA_BUF_SYNC_VALID_FLAGS_MASK = DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END

// DMABufSync begins or ends the CPU's access to a mapped dma-buf. EINVAL: neither
// reading nor writing, or unknown flags. EINTR, EAGAIN: try again; a signal came
// while waiting for fences.
type DMABufSync struct {
	_ structs.HostLayout
	// DMA_BUF_SYNC_START or DMA_BUF_SYNC_END, with _READ, _WRITE or _RW.
	Flags uint64 `ioctl:"flags=dma_buf_sync+dma_buf_access"`
}

// DMABufExportSyncFile makes a sync_file of the fences on a dma-buf. EINVAL: unknown
// flags or none. ENOMEM. EMFILE: too many open files.
type DMABufExportSyncFile struct {
	_ structs.HostLayout
	// DMA_BUF_SYNC_READ: those of writers; DMA_BUF_SYNC_WRITE: all.
	Flags uint32 `ioctl:"flags=dma_buf_access"`
	Fd    int32  `ioctl:"out,fd"`
}

// DMABufImportSyncFile puts a fence on a dma-buf. EINVAL: unknown flags or none, or
// the descriptor is none of a sync_file.
type DMABufImportSyncFile struct {
	_ structs.HostLayout
	// DMA_BUF_SYNC_READ: writers wait for it; DMA_BUF_SYNC_WRITE: all do.
	Flags uint32 `ioctl:"flags=dma_buf_access"`
	Fd    int32  `ioctl:"fd"`
}
