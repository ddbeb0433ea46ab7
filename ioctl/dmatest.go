// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

// VDEV_DMATEST_DEVICE is the character device of the DMA tester's driver. Each
// open file has its own buffers; all goes when the file and the mappings of its
// buffers are closed. There is one transfer at a time for the whole device.
//
// The driver maintains no caches of its own accord: whatever a program leaves out
// is left out.
//
// Every request has these errors, besides its own. ENOENT: the open file has no buffer
// of that handle. EFAULT: memory cannot be accessed. ENOTTY: there is no such request.
const VDEV_DMATEST_DEVICE = "/dev/vdev-dmatest"

// VDEV_DMATEST_MAX_SIZE is the size of the largest buffer, in bytes.
const VDEV_DMATEST_MAX_SIZE = 1 << 20

// VDEV_DMATEST_MAX_BUFFERS is how many buffers an open file can have.
const VDEV_DMATEST_MAX_BUFFERS = 64

// Kinds of buffers.
//
//ioctl:enum dmatest_kind
const (
	// Ordinary pages, cacheable for the CPU.
	VDEV_DMATEST_CACHED = 0
	// Memory from dma_alloc_coherent: non-cacheable if the device is non-coherent.
	VDEV_DMATEST_COHERENT = 1
)

// Directions of transfers: those of the kernel's enum dma_data_direction.
//
//ioctl:enum dmatest_dir
const (
	VDEV_DMATEST_BIDIRECTIONAL = 0
	VDEV_DMATEST_TO_DEVICE     = 1
	VDEV_DMATEST_FROM_DEVICE   = 2
)

// Attributes of mapping and unmapping.
//
//ioctl:flags dmatest_attrs
const (
	// Leave the caches alone (DMA_ATTR_SKIP_CPU_SYNC).
	VDEV_DMATEST_SKIP_CPU_SYNC = 1
)

// Operations of the device.
//
//ioctl:enum dmatest_op
const (
	VDEV_DMATEST_COPY     = 1
	VDEV_DMATEST_FILL     = 2
	VDEV_DMATEST_CHECKSUM = 3
)

// Flags of running an operation.
//
//ioctl:flags dmatest_run
const (
	// Return as soon as the device has its command.
	VDEV_DMATEST_ASYNC = 1
	// What the device writes is a frame, as a camera's, that somebody is to read before it is
	// overwritten. It concerns reports on dma-bufs that vdev's dma-buf core knows.
	VDEV_DMATEST_FRAME = 2
)

// Accesses by the kernel.
//
//ioctl:enum dmatest_access
const (
	VDEV_DMATEST_READ  = 0
	VDEV_DMATEST_WRITE = 1
)

// DMATestAlloc makes a buffer of zeros. EINVAL: no size, too large a size, or
// unknown kind. ENOSPC: too many buffers. ENOMEM: there is no memory for it.
type DMATestAlloc struct {
	_ structs.HostLayout
	// In bytes; out: rounded up to whole pages.
	Size uint64 `ioctl:"inout"`
	// VDEV_DMATEST_CACHED or VDEV_DMATEST_COHERENT.
	Kind uint32 `ioctl:"enum=dmatest_kind"`
	// Out: names the buffer in other requests.
	Handle uint32 `ioctl:"out,handle"`
	// Out: where to mmap the buffer.
	Offset uint64 `ioctl:"out,hex"`
	// Out: where to mmap it non-cacheable; 0 for coherent buffers.
	OffsetNC uint64 `ioctl:"out,hex"`
	// Out: its physical address.
	Phys uint64 `ioctl:"out,hex"`
}

// DMATestImport makes a dma-buf a buffer of the open file, so that the device can use it:
// between DMATestMap, which is dma_buf_map_attachment, and DMATestUnmap. Programs and
// the kernel access it through the dma-buf. EBADF: there is no such file. EINVAL: it is
// no dma-buf. ENOSPC: too many buffers. Others: the dma-buf's exporter refuses the
// device.
type DMATestImport struct {
	_ structs.HostLayout
	// The dma-buf.
	Fd int32 `ioctl:"fd"`
	// Out: names the buffer in other requests.
	Handle uint32 `ioctl:"out,handle"`
	// Out: in bytes.
	Size uint64 `ioctl:"out"`
}

// DMATestFree gives a buffer up. Its memory stays as long as it is mapped, or a
// transfer runs.
type DMATestFree struct {
	_      structs.HostLayout
	Handle uint32 `ioctl:"handle"`
	Pad    uint32 `ioctl:"pad"`
}

// DMATestMap maps a cached buffer, or a part of it, for the device
// (dma_map_single), or an imported one, with all of its pages. EINVAL: a coherent
// buffer, a bad range, direction or attribute; VDEV_DMATEST_SKIP_CPU_SYNC for an
// imported buffer. EBUSY: it is mapped. ENOMEM: there is no address for it, or no
// memory for an imported one. EOPNOTSUPP: an imported one is not in one piece.
type DMATestMap struct {
	_      structs.HostLayout
	Handle uint32 `ioctl:"handle"`
	// The direction.
	Dir uint32 `ioctl:"enum=dmatest_dir"`
	// VDEV_DMATEST_SKIP_CPU_SYNC or 0.
	Attrs uint32 `ioctl:"flags=dmatest_attrs"`
	Pad   uint32 `ioctl:"pad"`
	// The range in bytes.
	Offset uint64
	Length uint64
	// Out: the address for the device.
	DMAAddr uint64 `ioctl:"out,hex"`
}

// DMATestUnmap ends the mapping (dma_unmap_single). EINVAL: it is not mapped, or
// unknown attribute. EBUSY: it is imported, and the device is at work on it.
type DMATestUnmap struct {
	_      structs.HostLayout
	Handle uint32 `ioctl:"handle"`
	// VDEV_DMATEST_SKIP_CPU_SYNC or 0.
	Attrs uint32 `ioctl:"flags=dmatest_attrs"`
}

// DMATestSync hands a part of a mapped buffer to the device, or to the CPU
// (dma_sync_single_for_device, dma_sync_single_for_cpu). EINVAL: a coherent or imported
// buffer, or not mapped, the range is empty or not within the mapping, or bad direction.
type DMATestSync struct {
	_      structs.HostLayout
	Handle uint32 `ioctl:"handle"`
	// The direction, which may be another than that of the mapping.
	Dir uint32 `ioctl:"enum=dmatest_dir"`
	// The range in bytes, from the start of the buffer.
	Offset uint64
	Length uint64
}

// DMATestRun makes the device work. Buffers that the operation does not use are
// not looked at.
//
// Blocks until the device has finished, unless VDEV_DMATEST_ASYNC is set.
//
// EINVAL: unknown operation or flag, or a range is not within a buffer's mapping.
// EBUSY: the device is at work, or another open file has not waited yet for what it
// started. EINTR: a signal came first; the operation goes on, and can be waited for.
type DMATestRun struct {
	_  structs.HostLayout
	Op uint32 `ioctl:"enum=dmatest_op"`
	// VDEV_DMATEST_ASYNC, VDEV_DMATEST_FRAME, both or 0.
	Flags uint32 `ioctl:"flags=dmatest_run"`
	// Handles of the buffers.
	Src uint32 `ioctl:"handle"`
	Dst uint32 `ioctl:"handle"`
	// Where in them, in bytes.
	SrcOffset uint64
	DstOffset uint64
	// In bytes.
	Length uint32
	// Nanoseconds after which the device touches memory.
	Delay uint32
	// What to fill with.
	Pattern uint64 `ioctl:"hex"`
	// Out, unless asynchronous: the CRC-32 of a checksum.
	Result uint32 `ioctl:"out,hex"`
	// Out, unless asynchronous: the device's ERROR register.
	Error uint32 `ioctl:"out,hex"`
}

// DMATestWait waits for the operation that this open file started.
//
// Blocks until the device has finished.
//
// EINVAL: it started none that was not waited for yet. ETIMEDOUT: the time is over; the
// operation goes on. EINTR: a signal came first; the operation goes on.
type DMATestWait struct {
	_ structs.HostLayout
	// In milliseconds; 0 for no limit.
	Timeout uint32
	// Out: the CRC-32 of a checksum.
	Result uint32 `ioctl:"out,hex"`
	// Out: the device's ERROR register.
	Error uint32 `ioctl:"out,hex"`
	Pad   uint32 `ioctl:"pad"`
}

// DMATestAccess has the kernel read a buffer, or fill it, through its own mapping.
// EINVAL: bad range or access, or an imported buffer.
type DMATestAccess struct {
	_      structs.HostLayout
	Handle uint32 `ioctl:"handle"`
	// VDEV_DMATEST_READ or VDEV_DMATEST_WRITE.
	Access uint32 `ioctl:"enum=dmatest_access"`
	// The range in bytes.
	Offset uint64
	Length uint64
	// The byte to fill with.
	Value uint32
	// Out: the sum of the bytes read.
	Result uint32 `ioctl:"out"`
}

const dmatestType = 0xd7 << iocTypeShift

// The requests, each with a pointer to its structure.
//
//ioctl:family DMATest
const (
	VDEV_DMATEST_IOC_ALLOC           Request = iocRead | iocWrite | 40<<iocSizeShift | dmatestType | 1  // DMATestAlloc
	VDEV_DMATEST_IOC_FREE            Request = iocWrite | 8<<iocSizeShift | dmatestType | 2             // DMATestFree
	VDEV_DMATEST_IOC_MAP             Request = iocRead | iocWrite | 40<<iocSizeShift | dmatestType | 3  // DMATestMap
	VDEV_DMATEST_IOC_UNMAP           Request = iocWrite | 8<<iocSizeShift | dmatestType | 4             // DMATestUnmap
	VDEV_DMATEST_IOC_SYNC_FOR_DEVICE Request = iocWrite | 24<<iocSizeShift | dmatestType | 5            // DMATestSync
	VDEV_DMATEST_IOC_SYNC_FOR_CPU    Request = iocWrite | 24<<iocSizeShift | dmatestType | 6            // DMATestSync
	VDEV_DMATEST_IOC_RUN             Request = iocRead | iocWrite | 56<<iocSizeShift | dmatestType | 7  // DMATestRun
	VDEV_DMATEST_IOC_WAIT            Request = iocRead | iocWrite | 16<<iocSizeShift | dmatestType | 8  // DMATestWait
	VDEV_DMATEST_IOC_ACCESS          Request = iocRead | iocWrite | 32<<iocSizeShift | dmatestType | 9  // DMATestAccess
	VDEV_DMATEST_IOC_IMPORT          Request = iocRead | iocWrite | 16<<iocSizeShift | dmatestType | 10 // DMATestImport
)
