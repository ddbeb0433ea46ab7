// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

// VDEV_DMABUF_DEVICE is the character device of the driver of the buffer sharing
// unit. An open file is a client of vdev's dma-buf core: what it owns (attachments,
// CPU accesses, marks, sync objects, fences, waits) is released when it is closed.
// Buffers live as long as anybody has their file descriptor or a mapping.
//
// Fields called fd take dma-bufs that the core knows: those of VDEV_DMABUF_IOC_CREATE,
// and others after VDEV_DMABUF_IOC_REGISTER. Times are in nanoseconds. After an error
// nothing has changed, unless it says so.
//
// A request returns at once, except where it says "Blocks until". Such a call ends
// early when a signal comes, also one that kills, and then holds nothing that it had
// not held before. Without a timeout it is restarted as read is (SA_RESTART), or fails
// with EINTR; with a timeout it fails with EINTR.
//
// Every request has these errors, besides its own. EBADF: a file descriptor is none,
// or what it stands for has ended. EINVAL: a file descriptor is of another kind of
// file, or of a dma-buf that the core does not know; a field that is reserved is not 0;
// a list has more than VDEV_DMABUF_MAX_LIST elements. EFAULT: memory cannot be
// accessed; if it is where the answer goes, the request has been done, but objects
// that it made are gone. EAGAIN: 4096 calls wait already. ENOMEM: the kernel has no
// memory for the call. EMFILE, ENFILE: there are too many files or objects. ENOTTY:
// there is no such request. ENODEV: the unit has stopped.
const VDEV_DMABUF_DEVICE = "/dev/dmabuf"

// VDEV_DMABUF_NAME_LEN is the length of names in bytes; a shorter name ends with NUL.
const VDEV_DMABUF_NAME_LEN = 32

// VDEV_DMABUF_MAX_LIST is how many elements a list can have that a program passes.
const VDEV_DMABUF_MAX_LIST = 4096

// What is done to bytes of a buffer: reading, writing or both, and no access is anything
// else.
//
//ioctl:flags vdev_access
const (
	VDEV_DMABUF_READ  = 1
	VDEV_DMABUF_WRITE = 2
	// With WRITE: when the access ends the buffer holds a frame that somebody is to read
	// before it is overwritten. It concerns reports alone.
	VDEV_DMABUF_FRAME = 4
)

// Directions of mappings: those of the kernel's enum dma_data_direction.
//
//ioctl:enum vdev_dir
const (
	VDEV_DMABUF_BIDIRECTIONAL = 0
	VDEV_DMABUF_TO_DEVICE     = 1
	VDEV_DMABUF_FROM_DEVICE   = 2
)

// Flags of VdevDMABufAttach.
//
//ioctl:flags vdev_attach
const (
	// The constraints are those of this request, not the device's.
	VDEV_DMABUF_ATTACH_CONSTRAINED = 1
	// The device takes one address and a length.
	VDEV_DMABUF_ATTACH_CONTIGUOUS = 2
	// It sits behind an IOMMU, so any pages will do.
	VDEV_DMABUF_ATTACH_IOMMU = 4
	// It is faster with pieces of 2 MiB.
	VDEV_DMABUF_ATTACH_LARGE_PAGES = 8
	// It stays mapped, without being in use all the time.
	VDEV_DMABUF_ATTACH_PERSISTENT = 16
)

// Flags of VdevDMABufInfo.
//
//ioctl:flags vdev_info
const (
	// Somebody else made it.
	VDEV_DMABUF_INFO_FOREIGN = 1
	// It has memory.
	VDEV_DMABUF_INFO_PLACED = 2
)

// Flags of requests that wait.
//
//ioctl:flags vdev_wait
const (
	// Fail with EBUSY instead of waiting (NOSYNC).
	VDEV_DMABUF_NOWAIT = 1
	// VDEV_DMABUF_IOC_CPU_PREP alone: go on although there are pending marks.
	VDEV_DMABUF_IGNORE_PENDING = 2
)

// Flags of VdevDMABufKmap.
//
//ioctl:flags vdev_kmap
const (
	// For code that must not sleep.
	VDEV_DMABUF_KMAP_ATOMIC = 1
)

// Flags of VdevSyncInit.
//
//ioctl:flags vdev_sync_init
const (
	// A lock that has to back off fails with EDEADLK instead of going on by itself.
	VDEV_SYNC_BACKOFF = 1
	// It may be locked for ever; the field timeout is 0. Devices that take locks themselves
	// (--sync enforce) wait for ever then, and so do programs whose requests to their
	// drivers are not interruptible, as EXEC of the Exynos G2D is not.
	VDEV_SYNC_UNLIMITED = 2
)

// Flags that come with a lock.
//
//ioctl:flags vdev_sync_state
const (
	// A writer of one of the buffers lost his lock by force, or a device was reset that was
	// writing it, and nobody has written it since: its contents may be half of something.
	VDEV_SYNC_INCONSISTENT = 1
)

// VdevDMABufCreate makes a buffer: a handle with a size, whose memory is allocated, as
// zeros, when a device maps it or a CPU uses it. EINVAL: the size is 0, or above 1 TiB.
type VdevDMABufCreate struct {
	_ structs.HostLayout
	// In bytes; the buffer takes whole pages.
	Size uint64
	// For people; DMA_BUF_SET_NAME sets another for Linux alone.
	Name [VDEV_DMABUF_NAME_LEN]uint8
	// Out: the dma-buf, closed on exec.
	Fd int32 `ioctl:"out,fd=buffer"`
	// Out: its number in tables and reports.
	Id uint32 `ioctl:"out"`
}

// VdevDMABufRegister makes a dma-buf known that somebody else exported (a heap, a DRM
// driver), until the file of the device or, earlier, VDEV_DMABUF_IOC_UNREGISTER ends
// that, and for as long as somebody else's attachment, lock, mark, fence or access is on
// it. Its memory stays where it is, and cache maintenance is its exporter's: requests
// that begin or end an access by CPU ask him, too, and then wait for Linux's fences on
// the buffer and fail as DMA_BUF_IOCTL_SYNC does, with nothing begun. EINVAL:
// it is no dma-buf. EEXIST: it is registered, or still in use, or one of the core's own, or shares
// memory with another buffer. EOPNOTSUPP: its memory is not ordinary RAM, or its
// exporter does not tell where it is.
type VdevDMABufRegister struct {
	_ structs.HostLayout
	// The dma-buf.
	Fd int32 `ioctl:"fd"`
	// Out: its number in tables and reports.
	Id uint32 `ioctl:"out"`
}

// VdevDMABufBuffer is a buffer alone.
type VdevDMABufBuffer struct {
	_   structs.HostLayout
	Fd  int32  `ioctl:"fd=buffer"`
	Pad uint32 `ioctl:"pad"`
}

// VdevDMABufInfo tells about a buffer.
type VdevDMABufInfo struct {
	_  structs.HostLayout
	Fd int32 `ioctl:"fd=buffer"`
	// Its number in tables and reports.
	Id uint32 `ioctl:"out"`
	// In bytes, as it was asked for.
	Size  uint64 `ioctl:"out"`
	Flags uint32 `ioctl:"out,flags=vdev_info"`
	// How many refer to it.
	Refs uint32 `ioctl:"out"`
	// Marks of VDEV_DMABUF_IOC_MARK_PENDING.
	Pending uint32 `ioctl:"out"`
	// Attachments, mapped or not, and those that are mapped.
	Attached uint32 `ioctl:"out"`
	Mapped   uint32 `ioctl:"out"`
	// How many pieces its memory is in.
	Extents uint32 `ioctl:"out"`
	// Where the first one is; 0 while there is none.
	Phys uint64 `ioctl:"out,hex"`
	// As it was given.
	Name [VDEV_DMABUF_NAME_LEN]uint8 `ioctl:"out"`
}

// VdevDMABufAttach announces that a device of the machine will use the buffer. Nothing
// is allocated yet; the first mapping places the buffer so that all who are attached
// by then can reach it. If it is placed and the newcomer cannot reach it, it moves,
// with its contents, and mappings into address spaces follow.
//
// EINVAL: a flag is unknown, or a constraint is not 0, without
// VDEV_DMABUF_ATTACH_CONSTRAINED; the alignment is no power of two, or the longest
// piece no multiple of it and of the page size. ENODEV: there is no such device. ENOSPC: no memory, even
// if all were free, suits all attached devices. EBUSY: the buffer would have to move,
// but is mapped, in use by a CPU, locked, in a device's job, or has a fence that is not
// signalled. ENOMEM: it would have to move, and there is no memory now.
type VdevDMABufAttach struct {
	_     structs.HostLayout
	Fd    int32  `ioctl:"fd=buffer"`
	Flags uint32 `ioctl:"flags=vdev_attach"`
	// As "vdev ctl devices" has it: g2d, fimd, dma-tester.
	Device [VDEV_DMABUF_NAME_LEN]uint8
	// The first address that it cannot reach; 0 for none.
	AddressLimit uint64 `ioctl:"hex"`
	// What addresses of pieces are a multiple of, a power of two; 0 for a page.
	Align uint64 `ioctl:"hex"`
	// The longest piece, in bytes, a multiple of the page size; 0 for any.
	MaxSegment uint64 `ioctl:"hex"`
	// Out: names the attachment in other requests of this open file.
	Attachment uint32 `ioctl:"out,object"`
	Pad        uint32 `ioctl:"pad"`
}

// VdevDMABufDetach ends an attachment. EINVAL: this open file has none of that number.
// EBUSY: it is mapped.
type VdevDMABufDetach struct {
	_          structs.HostLayout
	Attachment uint32 `ioctl:"object"`
	Pad        uint32 `ioctl:"pad"`
}

// VdevDMABufExtent is a piece of physical memory.
type VdevDMABufExtent struct {
	_ structs.HostLayout
	// In bytes.
	Addr   uint64 `ioctl:"hex"`
	Length uint64 `ioctl:"hex"`
}

// VdevDMABufMap lets the device use the buffer: what devices wrote that were unmapped
// before, and CPUs whose accesses had ended, is visible to it. It waits for nobody.
// EINVAL: there is no such attachment of this open file, or no such direction. EBUSY:
// it is mapped. ENOMEM: there is no memory for the buffer.
type VdevDMABufMap struct {
	_          structs.HostLayout
	Attachment uint32 `ioctl:"object"`
	Dir        uint32 `ioctl:"enum=vdev_dir"`
	// Out: where the pieces are, in order; may be NULL.
	Extents uint64 `ioctl:"ptr=VdevDMABufExtent,len=Count,partial,out"`
	// How many have room; out: how many there are.
	Count uint32 `ioctl:"inout"`
	Pad   uint32 `ioctl:"pad"`
}

// VdevDMABufUnmap ends the device's use of the buffer; what it wrote is certain to be
// there only now. EINVAL: there is no such attachment of this open file, or it is not
// mapped, or in another direction.
type VdevDMABufUnmap struct {
	_          structs.HostLayout
	Attachment uint32 `ioctl:"object"`
	Dir        uint32 `ioctl:"enum=vdev_dir"`
}

// VdevDMABufRange is a part of a buffer for the kernel's accesses by CPU, between
// CPU_BEGIN and CPU_END with equal values.
type VdevDMABufRange struct {
	_      structs.HostLayout
	Fd     int32  `ioctl:"fd=buffer"`
	Access uint32 `ioctl:"flags=vdev_access"`
	// The range, in bytes.
	Offset uint64
	Length uint64
}

// VdevDMABufKmap is a page of a buffer that the kernel maps.
type VdevDMABufKmap struct {
	_     structs.HostLayout
	Fd    int32  `ioctl:"fd=buffer"`
	Flags uint32 `ioctl:"flags=vdev_kmap"`
	// Its number within the buffer, in units of 4096 bytes.
	Page uint64
	// Out, of KMAP: not 0 if it is the page of garbage.
	Bogus uint32 `ioctl:"out"`
	Pad   uint32 `ioctl:"pad"`
}

// VdevDMABufAccess is a part of a page that the kernel reads or writes.
type VdevDMABufAccess struct {
	_  structs.HostLayout
	Fd int32 `ioctl:"fd=buffer"`
	// In bytes, from the start of the page.
	Offset uint32
	// As of VdevDMABufKmap.
	Page uint64
	// Where in the program's memory the bytes go to, or come from.
	Data uint64 `ioctl:"hex"`
	// In bytes.
	Length uint32
	Pad    uint32 `ioctl:"pad"`
	// Out: the physical address of the page.
	Phys uint64 `ioctl:"out,hex"`
}

// VdevDMABufPrep prepares a part of a buffer for accesses by the program, and makes
// visible what was written before.
//
// Blocks until no device uses the buffer: no attachment is mapped, unless it is
// persistent, and no job and no fence on it is in conflict with the access. Fences of Linux
// count, too: those that DRM drivers put on their buffers, and DMA_BUF_IOCTL_IMPORT_SYNC_FILE.
//
// EINVAL: the range is empty or not in the buffer, no access, or an unknown flag.
// EALREADY: this client has it prepared. EAGAIN: there are pending marks. EBUSY: with
// VDEV_DMABUF_NOWAIT, a device uses it. ETIMEDOUT: the time is over. EINTR: a signal
// came. ENOMEM: there is no memory for the buffer, or too many accesses are open.
type VdevDMABufPrep struct {
	_      structs.HostLayout
	Fd     int32  `ioctl:"fd=buffer"`
	Access uint32 `ioctl:"flags=vdev_access"`
	Flags  uint32 `ioctl:"flags=vdev_wait"`
	Pad    uint32 `ioctl:"pad"`
	// In bytes.
	Offset uint64
	Length uint64
	// How long to wait, in nanoseconds; 0 for as long as it takes.
	Timeout uint64
}

// VdevDMABufWait waits for the fences on a buffer, as poll does for those of Linux. It
// prepares nothing.
//
// Blocks until no fence is on the buffer that conflicts with the access.
//
// EINVAL: no access, or an unknown flag. EBUSY: with VDEV_DMABUF_NOWAIT, there is one.
// ETIMEDOUT: the time is over. EINTR: a signal came.
type VdevDMABufWait struct {
	_  structs.HostLayout
	Fd int32 `ioctl:"fd=buffer"`
	// What is going to be done: a read waits for writers, a write for all.
	Access uint32 `ioctl:"flags=vdev_access"`
	Flags  uint32 `ioctl:"flags=vdev_wait"`
	Pad    uint32 `ioctl:"pad"`
	// How long to wait, in nanoseconds; 0 for as long as it takes.
	Timeout uint64
}

// VdevSyncInit makes a sync object, which locks buffers. It is gone when its file
// descriptor, or the file of the device, is closed. EINVAL: an unknown flag, or a
// timeout with VDEV_SYNC_UNLIMITED.
type VdevSyncInit struct {
	_ structs.HostLayout
	// How long it may be locked before the lock is taken away, in nanoseconds; 0 for 5 s.
	Timeout uint64
	Flags   uint32 `ioctl:"flags=vdev_sync_init"`
	// Out: the sync object, closed on exec.
	Sync int32 `ioctl:"out,fd=sync"`
}

// VdevSyncBuffer is a buffer, and what it is to be locked for.
type VdevSyncBuffer struct {
	_      structs.HostLayout
	Fd     int32  `ioctl:"fd=buffer"`
	Access uint32 `ioctl:"flags=vdev_access"`
}

// VdevSyncGet adds buffers to a sync object, all or none. EINVAL: no access, or no
// buffers. EEXIST: one is in it, or named twice. EBUSY: it is locked, or somebody waits to lock it.
// EOWNERDEAD: the lock was taken away, as it was held for too long; nothing was done,
// and the next request is an ordinary one.
type VdevSyncGet struct {
	_    structs.HostLayout
	Sync int32 `ioctl:"fd=sync"`
	// How many buffers.
	Count   uint32
	Buffers uint64 `ioctl:"ptr=VdevSyncBuffer,len=Count"`
}

// VdevSyncLock locks all buffers of a sync object, or none; readers share, a writer
// excludes. Among those who wait the oldest wins. For the caches a lock is what
// CPU_PREP is, for the whole of each buffer.
//
// Blocks until nobody has a lock on any of the buffers that conflicts, and nobody older
// waits for one.
//
// EINVAL: an unknown flag. EALREADY: it is locked, or somebody waits to lock it. EBUSY:
// with VDEV_DMABUF_NOWAIT, it would have to wait. EDEADLK: with VDEV_SYNC_BACKOFF, it
// had to back off: lock again. ETIMEDOUT: the time is over. EINTR: a signal came.
// ECANCELED: the object has ended meanwhile. EOWNERDEAD: an earlier lock was taken
// away, as it was held for too long; nothing was done, and the next request is an
// ordinary one.
type VdevSyncLock struct {
	_     structs.HostLayout
	Sync  int32  `ioctl:"fd=sync"`
	Flags uint32 `ioctl:"flags=vdev_wait"`
	// How long to wait, in nanoseconds; 0 for as long as it takes.
	Timeout uint64
	// Out: how often the object has had to back off so far.
	Backoffs uint64 `ioctl:"out"`
	// Out: what is wrong with the buffers.
	State uint32 `ioctl:"out,flags=vdev_sync_state"`
	Pad   uint32 `ioctl:"pad"`
}

// VdevSyncObject is a sync object alone.
type VdevSyncObject struct {
	_    structs.HostLayout
	Sync int32  `ioctl:"fd=sync"`
	Pad  uint32 `ioctl:"pad"`
}

// VdevSyncPut removes a buffer from a sync object. EINVAL: it is not in it. EBUSY: the
// object is locked, or somebody waits to lock it. EOWNERDEAD: the lock was taken away,
// as it was held for too long; nothing was done, and the next request is an ordinary
// one.
type VdevSyncPut struct {
	_    structs.HostLayout
	Sync int32 `ioctl:"fd=sync"`
	Fd   int32 `ioctl:"fd=buffer"`
}

// VdevFenceCreate makes a fence, which somebody signals. When its file descriptor or
// the file of the device is closed before, it is signalled with EOWNERDEAD.
type VdevFenceCreate struct {
	_ structs.HostLayout
	// For people.
	Name [VDEV_DMABUF_NAME_LEN]uint8
	// Out: the fence, closed on exec.
	Fence int32 `ioctl:"out,fd=fence"`
	// Out: its number.
	Id uint32 `ioctl:"out"`
}

// VdevFenceMerge makes a fence that is signalled when two others are, with the error of
// the first one that fails.
type VdevFenceMerge struct {
	_ structs.HostLayout
	// For people.
	Name   [VDEV_DMABUF_NAME_LEN]uint8
	Fence1 int32 `ioctl:"fd=fence"`
	Fence2 int32 `ioctl:"fd=fence"`
	// Out: the fence, closed on exec.
	Fence int32  `ioctl:"out,fd=fence"`
	Pad   uint32 `ioctl:"pad"`
}

// VdevFenceSignal signals a fence. Whoever has its file descriptor can do that. EINVAL:
// it is signalled, or merged of others, or the error is above 133.
type VdevFenceSignal struct {
	_     structs.HostLayout
	Fence int32 `ioctl:"fd=fence"`
	// The errno that waiting for it fails with, up to 133; 0 for none.
	Error uint32
}

// VdevFenceAdd puts a fence on a buffer: until it is signalled, whoever it stands for
// reads or writes it. A fence that is signalled leaves no trace, and one that is on the
// buffer stands for both accesses. EINVAL: no access.
type VdevFenceAdd struct {
	_      structs.HostLayout
	Fence  int32  `ioctl:"fd=fence"`
	Fd     int32  `ioctl:"fd=buffer"`
	Access uint32 `ioctl:"flags=vdev_access"`
	Pad    uint32 `ioctl:"pad"`
}

// VdevFenceWait waits for a fence, and fails with the fence's error if it has one.
//
// Blocks until the fence is signalled.
//
// EINVAL: an unknown flag. EBUSY: with VDEV_DMABUF_NOWAIT, it is not signalled.
// ETIMEDOUT: the time is over. EINTR: a signal came. EOWNERDEAD: who had made the fence
// is gone, and had not signalled it.
type VdevFenceWait struct {
	_     structs.HostLayout
	Fence int32  `ioctl:"fd=fence"`
	Flags uint32 `ioctl:"flags=vdev_wait"`
	// How long to wait, in nanoseconds; 0 for as long as it takes.
	Timeout uint64
}

// VdevStats tells how much the core has, and how often things have happened in it.
type VdevStats struct {
	_ structs.HostLayout
	// How many there are now.
	Clients     uint32 `ioctl:"out"`
	Devices     uint32 `ioctl:"out"`
	Buffers     uint32 `ioctl:"out"`
	Attachments uint32 `ioctl:"out"`
	Mapped      uint32 `ioctl:"out"`
	SyncObjects uint32 `ioctl:"out"`
	Fences      uint32 `ioctl:"out"`
	// Locks on buffers, CPU accesses that are open, kmaps, jobs in flight, calls that
	// wait, pages that back buffers.
	Locked      uint32 `ioctl:"out"`
	CPUAccesses uint32 `ioctl:"out"`
	Kmaps       uint32 `ioctl:"out"`
	Jobs        uint32 `ioctl:"out"`
	Waits       uint32 `ioctl:"out"`
	Pages       uint32 `ioctl:"out"`
	Pad         uint32 `ioctl:"pad"`
	// What has happened so far: locks of sync objects, back-offs, locks taken away,
	// buffers that moved, CPU_PREPs, mappings, broken rules.
	Locks      uint64 `ioctl:"out"`
	Backoffs   uint64 `ioctl:"out"`
	Lockups    uint64 `ioctl:"out"`
	Migrations uint64 `ioctl:"out"`
	Preps      uint64 `ioctl:"out"`
	Maps       uint64 `ioctl:"out"`
	Violations uint64 `ioctl:"out"`
	// The pool: all of it, and what is free, in bytes.
	PoolSize uint64 `ioctl:"out"`
	PoolFree uint64 `ioctl:"out"`
}

// VdevTableRow is a buffer in the table.
type VdevTableRow struct {
	_ structs.HostLayout
	// Its number in tables and reports.
	Id    uint32 `ioctl:"out"`
	Flags uint32 `ioctl:"out,flags=vdev_info"`
	// In bytes.
	Size uint64 `ioctl:"out"`
	// Where its first piece is; 0 while there is none.
	Phys uint64 `ioctl:"out,hex"`
	// How many refer to it; marks of VDEV_DMABUF_IOC_MARK_PENDING.
	Refs    uint32 `ioctl:"out"`
	Pending uint32 `ioctl:"out"`
	// How many devices have it attached but not mapped, and mapped.
	Attached uint32 `ioctl:"out"`
	Mapped   uint32 `ioctl:"out"`
	// How many tasks and devices have it locked, and wait for its lock.
	Locked uint32 `ioctl:"out"`
	Queued uint32 `ioctl:"out"`
	// How many tasks have it prepared.
	CPU uint32 `ioctl:"out,c=cpu"`
	Pad uint32 `ioctl:"pad"`
	// What it is called, and by whom it was made.
	Name     [VDEV_DMABUF_NAME_LEN]uint8 `ioctl:"out"`
	Exporter [VDEV_DMABUF_NAME_LEN]uint8 `ioctl:"out"`
	// Who may use it now and keeps others from it; empty for nobody.
	Owner [VDEV_DMABUF_NAME_LEN]uint8 `ioctl:"out"`
}

// VdevTable lists all buffers, oldest first.
type VdevTable struct {
	_    structs.HostLayout
	Rows uint64 `ioctl:"ptr=VdevTableRow,len=Count,partial,out"`
	// How many have room; out: how many there are.
	Count uint32 `ioctl:"inout"`
	Pad   uint32 `ioctl:"pad"`
}

const vdevType = 0xd8 << iocTypeShift

// The requests, each with a pointer to its structure.
//
//ioctl:family Vdev
const (
	VDEV_DMABUF_IOC_CREATE   Request = iocRead | iocWrite | 48<<iocSizeShift | vdevType | 1 // VdevDMABufCreate
	VDEV_DMABUF_IOC_INFO     Request = iocRead | iocWrite | 80<<iocSizeShift | vdevType | 2 // VdevDMABufInfo
	VDEV_DMABUF_IOC_REGISTER Request = iocRead | iocWrite | 8<<iocSizeShift | vdevType | 3  // VdevDMABufRegister
	// Ends what VDEV_DMABUF_IOC_REGISTER began. EINVAL: this open file has not registered
	// it.
	VDEV_DMABUF_IOC_UNREGISTER Request = iocWrite | 8<<iocSizeShift | vdevType | 4            // VdevDMABufBuffer
	VDEV_DMABUF_IOC_ATTACH     Request = iocRead | iocWrite | 72<<iocSizeShift | vdevType | 5 // VdevDMABufAttach
	VDEV_DMABUF_IOC_DETACH     Request = iocWrite | 8<<iocSizeShift | vdevType | 6            // VdevDMABufDetach
	VDEV_DMABUF_IOC_MAP        Request = iocRead | iocWrite | 24<<iocSizeShift | vdevType | 7 // VdevDMABufMap
	VDEV_DMABUF_IOC_UNMAP      Request = iocWrite | 8<<iocSizeShift | vdevType | 8            // VdevDMABufUnmap
	// Prepares a part of a buffer for the kernel (dma_buf_begin_cpu_access): gives it
	// memory, and makes visible what devices have written that were unmapped. It does not
	// wait for devices. Accesses may overlap; each has its own VDEV_DMABUF_IOC_CPU_END.
	// EINVAL: the range is empty or not in the buffer, or no access. ENOMEM: there is no
	// memory for the buffer, or too many accesses are open.
	VDEV_DMABUF_IOC_CPU_BEGIN Request = iocWrite | 24<<iocSizeShift | vdevType | 9 // VdevDMABufRange
	// Ends the access that the client began last with the same values. EINVAL: there is
	// none.
	VDEV_DMABUF_IOC_CPU_END Request = iocWrite | 24<<iocSizeShift | vdevType | 10 // VdevDMABufRange
	// Maps a page for the kernel, any number of times, for as long as an access is begun
	// that contains a byte of it. Outside of that it maps a page of garbage. EINVAL: an
	// unknown flag. ENOSPC: with VDEV_DMABUF_KMAP_ATOMIC, the client has two such pages
	// already.
	VDEV_DMABUF_IOC_KMAP Request = iocRead | iocWrite | 24<<iocSizeShift | vdevType | 11 // VdevDMABufKmap
	// Takes back one VDEV_DMABUF_IOC_KMAP of the page, with the same flags. EINVAL: the
	// client has not mapped it, or an unknown flag.
	VDEV_DMABUF_IOC_KUNMAP Request = iocWrite | 24<<iocSizeShift | vdevType | 12 // VdevDMABufKmap
	// Has the kernel read from a page that the client has mapped with VDEV_DMABUF_IOC_KMAP.
	// If the access that it was mapped for has ended, that is the page of garbage. EINVAL:
	// it is not mapped, or the bytes are none or not all in it. EOPNOTSUPP: another
	// exporter made it, and has no way to prepare it for CPUs, as its memory may be mapped
	// uncached; or KWRITE, and the file descriptor is for reading only.
	VDEV_DMABUF_IOC_KREAD Request = iocRead | iocWrite | 40<<iocSizeShift | vdevType | 13 // VdevDMABufAccess
	// Has the kernel write to such a page. If the access that it was mapped for has ended,
	// that is the page of garbage. Errors are those of VDEV_DMABUF_IOC_KREAD.
	VDEV_DMABUF_IOC_KWRITE   Request = iocRead | iocWrite | 40<<iocSizeShift | vdevType | 14 // VdevDMABufAccess
	VDEV_DMABUF_IOC_CPU_PREP Request = iocWrite | 40<<iocSizeShift | vdevType | 15           // VdevDMABufPrep
	// Ends what VDEV_DMABUF_IOC_CPU_PREP began: what the program wrote is certain to be
	// there for everybody who maps or prepares the buffer from now on. EINVAL: the client
	// has not prepared it.
	VDEV_DMABUF_IOC_CPU_FINI Request = iocWrite | 8<<iocSizeShift | vdevType | 16 // VdevDMABufBuffer
	// Says that commands that use the buffer are in a batch that is not submitted, so that
	// VDEV_DMABUF_IOC_CPU_PREP, which would wait too short, fails. Marks count.
	VDEV_DMABUF_IOC_MARK_PENDING Request = iocWrite | 8<<iocSizeShift | vdevType | 17 // VdevDMABufBuffer
	// Takes one mark back, as the commands were submitted or dropped. EINVAL: the client
	// has no mark on it.
	VDEV_DMABUF_IOC_SUBMIT Request = iocWrite | 8<<iocSizeShift | vdevType | 18            // VdevDMABufBuffer
	VDEV_DMABUF_IOC_WAIT   Request = iocWrite | 24<<iocSizeShift | vdevType | 19           // VdevDMABufWait
	VDEV_SYNC_IOC_INIT     Request = iocRead | iocWrite | 16<<iocSizeShift | vdevType | 32 // VdevSyncInit
	VDEV_SYNC_IOC_GET      Request = iocWrite | 16<<iocSizeShift | vdevType | 33           // VdevSyncGet
	VDEV_SYNC_IOC_LOCK     Request = iocRead | iocWrite | 32<<iocSizeShift | vdevType | 34 // VdevSyncLock
	// Gives all locks back. EINVAL: it is not locked. EPERM: another program locked it.
	// EOWNERDEAD: the lock was taken away, as it was held for too long.
	VDEV_SYNC_IOC_UNLOCK Request = iocWrite | 8<<iocSizeShift | vdevType | 35 // VdevSyncObject
	VDEV_SYNC_IOC_PUT    Request = iocWrite | 8<<iocSizeShift | vdevType | 36 // VdevSyncPut
	// Removes all buffers. EBUSY: the object is locked, or somebody waits to lock it.
	// EOWNERDEAD: the lock was taken away, as it was held for too long; nothing was done,
	// and the next request is an ordinary one.
	VDEV_SYNC_IOC_PUT_ALL Request = iocWrite | 8<<iocSizeShift | vdevType | 37 // VdevSyncObject
	// Ends the object. If it is locked it is unlocked first, and that is reported. A lock
	// that waits fails with ECANCELED, later requests with EBADF. EOWNERDEAD: the lock was
	// taken away before, as it was held for too long; the object has ended now.
	VDEV_SYNC_IOC_FINI    Request = iocWrite | 8<<iocSizeShift | vdevType | 38            // VdevSyncObject
	VDEV_FENCE_IOC_CREATE Request = iocRead | iocWrite | 40<<iocSizeShift | vdevType | 48 // VdevFenceCreate
	VDEV_FENCE_IOC_SIGNAL Request = iocWrite | 8<<iocSizeShift | vdevType | 49            // VdevFenceSignal
	VDEV_FENCE_IOC_ADD    Request = iocWrite | 16<<iocSizeShift | vdevType | 50           // VdevFenceAdd
	VDEV_FENCE_IOC_WAIT   Request = iocWrite | 16<<iocSizeShift | vdevType | 51           // VdevFenceWait
	VDEV_FENCE_IOC_MERGE  Request = iocRead | iocWrite | 48<<iocSizeShift | vdevType | 52 // VdevFenceMerge
	VDEV_DMABUF_IOC_STATS Request = iocRead | 128<<iocSizeShift | vdevType | 64           // VdevStats
	VDEV_DMABUF_IOC_TABLE Request = iocRead | iocWrite | 16<<iocSizeShift | vdevType | 65 // VdevTable
)
