/* SPDX-License-Identifier: GPL-2.0-only */
/* Code generated from ioctl/dmabuf_vdev.go. DO NOT EDIT. */
#ifndef _UAPI_VDEV_DMABUF_H
#define _UAPI_VDEV_DMABUF_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * VDEV_DMABUF_DEVICE is the character device of the driver of the buffer sharing
 * unit. An open file is a client of vdev's dma-buf core: what it owns (attachments,
 * CPU accesses, marks, sync objects, fences, waits) is released when it is closed.
 * Buffers live as long as anybody has their file descriptor or a mapping.
 *
 * Fields called fd take dma-bufs that the core knows: those of VDEV_DMABUF_IOC_CREATE,
 * and others after VDEV_DMABUF_IOC_REGISTER. Times are in nanoseconds. After an error
 * nothing has changed, unless it says so.
 *
 * A request returns at once, except where it says "Blocks until". Such a call ends
 * early when a signal comes, also one that kills, and then holds nothing that it had
 * not held before. Without a timeout it is restarted as read is (SA_RESTART), or fails
 * with EINTR; with a timeout it fails with EINTR.
 *
 * Every request has these errors, besides its own. EBADF: a file descriptor is none,
 * or what it stands for has ended. EINVAL: a file descriptor is of another kind of
 * file, or of a dma-buf that the core does not know; a field that is reserved is not 0;
 * a list has more than VDEV_DMABUF_MAX_LIST elements. EFAULT: memory cannot be
 * accessed; if it is where the answer goes, the request has been done, but objects
 * that it made are gone. EAGAIN: 4096 calls wait already. ENOMEM: the kernel has no
 * memory for the call. EMFILE, ENFILE: there are too many files or objects. ENOTTY:
 * there is no such request. ENODEV: the unit has stopped.
 */
#define VDEV_DMABUF_DEVICE "/dev/dmabuf"

/* VDEV_DMABUF_NAME_LEN is the length of names in bytes; a shorter name ends with NUL. */
#define VDEV_DMABUF_NAME_LEN 32

/* VDEV_DMABUF_MAX_LIST is how many elements a list can have that a program passes. */
#define VDEV_DMABUF_MAX_LIST 4096

/*
 * What is done to bytes of a buffer: reading, writing or both, and no access is anything
 * else.
 */
#define VDEV_DMABUF_READ 1
#define VDEV_DMABUF_WRITE 2
/*
 * With WRITE: when the access ends the buffer holds a frame that somebody is to read
 * before it is overwritten. It concerns reports alone.
 */
#define VDEV_DMABUF_FRAME 4

/* Directions of mappings: those of the kernel's enum dma_data_direction. */
#define VDEV_DMABUF_BIDIRECTIONAL 0
#define VDEV_DMABUF_TO_DEVICE 1
#define VDEV_DMABUF_FROM_DEVICE 2

/* Flags of struct vdev_dma_buf_attach. */
/* The constraints are those of this request, not the device's. */
#define VDEV_DMABUF_ATTACH_CONSTRAINED 1
/* The device takes one address and a length. */
#define VDEV_DMABUF_ATTACH_CONTIGUOUS 2
/* It sits behind an IOMMU, so any pages will do. */
#define VDEV_DMABUF_ATTACH_IOMMU 4
/* It is faster with pieces of 2 MiB. */
#define VDEV_DMABUF_ATTACH_LARGE_PAGES 8
/* It stays mapped, without being in use all the time. */
#define VDEV_DMABUF_ATTACH_PERSISTENT 16

/* Flags of struct vdev_dma_buf_info. */
/* Somebody else made it. */
#define VDEV_DMABUF_INFO_FOREIGN 1
/* It has memory. */
#define VDEV_DMABUF_INFO_PLACED 2

/* Flags of requests that wait. */
/* Fail with EBUSY instead of waiting (NOSYNC). */
#define VDEV_DMABUF_NOWAIT 1
/* VDEV_DMABUF_IOC_CPU_PREP alone: go on although there are pending marks. */
#define VDEV_DMABUF_IGNORE_PENDING 2

/* Flags of struct vdev_dma_buf_kmap. */
/* For code that must not sleep. */
#define VDEV_DMABUF_KMAP_ATOMIC 1

/* Flags of struct vdev_sync_init. */
/* A lock that has to back off fails with EDEADLK instead of going on by itself. */
#define VDEV_SYNC_BACKOFF 1
/*
 * It may be locked for ever; the field timeout is 0. Devices that take locks themselves
 * (--sync enforce) wait for ever then, and so do programs whose requests to their
 * drivers are not interruptible, as EXEC of the Exynos G2D is not.
 */
#define VDEV_SYNC_UNLIMITED 2

/* Flags that come with a lock. */
/*
 * A writer of one of the buffers lost his lock by force, or a device was reset that was
 * writing it, and nobody has written it since: its contents may be half of something.
 */
#define VDEV_SYNC_INCONSISTENT 1

/*
 * struct vdev_dma_buf_create makes a buffer: a handle with a size, whose memory is allocated, as
 * zeros, when a device maps it or a CPU uses it. EINVAL: the size is 0, or above 1 TiB.
 */
struct vdev_dma_buf_create {
	/* In bytes; the buffer takes whole pages. */
	__u64 size;
	/* For people; DMA_BUF_SET_NAME sets another for Linux alone. */
	__u8 name[VDEV_DMABUF_NAME_LEN];
	/* Out: the dma-buf, closed on exec. */
	__s32 fd;
	/* Out: its number in tables and reports. */
	__u32 id;
};

/*
 * struct vdev_dma_buf_register makes a dma-buf known that somebody else exported (a heap, a DRM
 * driver), until the file of the device or, earlier, VDEV_DMABUF_IOC_UNREGISTER ends
 * that, and for as long as somebody else's attachment, lock, mark, fence or access is on
 * it. Its memory stays where it is, and cache maintenance is its exporter's: requests
 * that begin or end an access by CPU ask him, too, and then wait for Linux's fences on
 * the buffer and fail as DMA_BUF_IOCTL_SYNC does, with nothing begun. EINVAL:
 * it is no dma-buf. EEXIST: it is registered, or still in use, or one of the core's own, or shares
 * memory with another buffer. EOPNOTSUPP: its memory is not ordinary RAM, or its
 * exporter does not tell where it is.
 */
struct vdev_dma_buf_register {
	/* The dma-buf. */
	__s32 fd;
	/* Out: its number in tables and reports. */
	__u32 id;
};

/* struct vdev_dma_buf_buffer is a buffer alone. */
struct vdev_dma_buf_buffer {
	__s32 fd;
	__u32 pad;
};

/* struct vdev_dma_buf_info tells about a buffer. */
struct vdev_dma_buf_info {
	__s32 fd;
	/* Its number in tables and reports. */
	__u32 id;
	/* In bytes, as it was asked for. */
	__u64 size;
	__u32 flags;
	/* How many refer to it. */
	__u32 refs;
	/* Marks of VDEV_DMABUF_IOC_MARK_PENDING. */
	__u32 pending;
	/* Attachments, mapped or not, and those that are mapped. */
	__u32 attached;
	__u32 mapped;
	/* How many pieces its memory is in. */
	__u32 extents;
	/* Where the first one is; 0 while there is none. */
	__u64 phys;
	/* As it was given. */
	__u8 name[VDEV_DMABUF_NAME_LEN];
};

/*
 * struct vdev_dma_buf_attach announces that a device of the machine will use the buffer. Nothing
 * is allocated yet; the first mapping places the buffer so that all who are attached
 * by then can reach it. If it is placed and the newcomer cannot reach it, it moves,
 * with its contents, and mappings into address spaces follow.
 *
 * EINVAL: a flag is unknown, or a constraint is not 0, without
 * VDEV_DMABUF_ATTACH_CONSTRAINED; the alignment is no power of two, or the longest
 * piece no multiple of it and of the page size. ENODEV: there is no such device. ENOSPC: no memory, even
 * if all were free, suits all attached devices. EBUSY: the buffer would have to move,
 * but is mapped, in use by a CPU, locked, in a device's job, or has a fence that is not
 * signalled. ENOMEM: it would have to move, and there is no memory now.
 */
struct vdev_dma_buf_attach {
	__s32 fd;
	__u32 flags;
	/* As "vdev ctl devices" has it: g2d, fimd, dma-tester. */
	__u8 device[VDEV_DMABUF_NAME_LEN];
	/* The first address that it cannot reach; 0 for none. */
	__u64 address_limit;
	/* What addresses of pieces are a multiple of, a power of two; 0 for a page. */
	__u64 align;
	/* The longest piece, in bytes, a multiple of the page size; 0 for any. */
	__u64 max_segment;
	/* Out: names the attachment in other requests of this open file. */
	__u32 attachment;
	__u32 pad;
};

/*
 * struct vdev_dma_buf_detach ends an attachment. EINVAL: this open file has none of that number.
 * EBUSY: it is mapped.
 */
struct vdev_dma_buf_detach {
	__u32 attachment;
	__u32 pad;
};

/* struct vdev_dma_buf_extent is a piece of physical memory. */
struct vdev_dma_buf_extent {
	/* In bytes. */
	__u64 addr;
	__u64 length;
};

/*
 * struct vdev_dma_buf_map lets the device use the buffer: what devices wrote that were unmapped
 * before, and CPUs whose accesses had ended, is visible to it. It waits for nobody.
 * EINVAL: there is no such attachment of this open file, or no such direction. EBUSY:
 * it is mapped. ENOMEM: there is no memory for the buffer.
 */
struct vdev_dma_buf_map {
	__u32 attachment;
	__u32 dir;
	/* Out: where the pieces are, in order; may be NULL. */
	__u64 extents;
	/* How many have room; out: how many there are. */
	__u32 count;
	__u32 pad;
};

/*
 * struct vdev_dma_buf_unmap ends the device's use of the buffer; what it wrote is certain to be
 * there only now. EINVAL: there is no such attachment of this open file, or it is not
 * mapped, or in another direction.
 */
struct vdev_dma_buf_unmap {
	__u32 attachment;
	__u32 dir;
};

/*
 * struct vdev_dma_buf_range is a part of a buffer for the kernel's accesses by CPU, between
 * CPU_BEGIN and CPU_END with equal values.
 */
struct vdev_dma_buf_range {
	__s32 fd;
	__u32 access;
	/* The range, in bytes. */
	__u64 offset;
	__u64 length;
};

/* struct vdev_dma_buf_kmap is a page of a buffer that the kernel maps. */
struct vdev_dma_buf_kmap {
	__s32 fd;
	__u32 flags;
	/* Its number within the buffer, in units of 4096 bytes. */
	__u64 page;
	/* Out, of KMAP: not 0 if it is the page of garbage. */
	__u32 bogus;
	__u32 pad;
};

/* struct vdev_dma_buf_access is a part of a page that the kernel reads or writes. */
struct vdev_dma_buf_access {
	__s32 fd;
	/* In bytes, from the start of the page. */
	__u32 offset;
	/* As of struct vdev_dma_buf_kmap. */
	__u64 page;
	/* Where in the program's memory the bytes go to, or come from. */
	__u64 data;
	/* In bytes. */
	__u32 length;
	__u32 pad;
	/* Out: the physical address of the page. */
	__u64 phys;
};

/*
 * struct vdev_dma_buf_prep prepares a part of a buffer for accesses by the program, and makes
 * visible what was written before.
 *
 * Blocks until no device uses the buffer: no attachment is mapped, unless it is
 * persistent, and no job and no fence on it is in conflict with the access. Fences of Linux
 * count, too: those that DRM drivers put on their buffers, and DMA_BUF_IOCTL_IMPORT_SYNC_FILE.
 *
 * EINVAL: the range is empty or not in the buffer, no access, or an unknown flag.
 * EALREADY: this client has it prepared. EAGAIN: there are pending marks. EBUSY: with
 * VDEV_DMABUF_NOWAIT, a device uses it. ETIMEDOUT: the time is over. EINTR: a signal
 * came. ENOMEM: there is no memory for the buffer, or too many accesses are open.
 */
struct vdev_dma_buf_prep {
	__s32 fd;
	__u32 access;
	__u32 flags;
	__u32 pad;
	/* In bytes. */
	__u64 offset;
	__u64 length;
	/* How long to wait, in nanoseconds; 0 for as long as it takes. */
	__u64 timeout;
};

/*
 * struct vdev_dma_buf_wait waits for the fences on a buffer, as poll does for those of Linux. It
 * prepares nothing.
 *
 * Blocks until no fence is on the buffer that conflicts with the access.
 *
 * EINVAL: no access, or an unknown flag. EBUSY: with VDEV_DMABUF_NOWAIT, there is one.
 * ETIMEDOUT: the time is over. EINTR: a signal came.
 */
struct vdev_dma_buf_wait {
	__s32 fd;
	/* What is going to be done: a read waits for writers, a write for all. */
	__u32 access;
	__u32 flags;
	__u32 pad;
	/* How long to wait, in nanoseconds; 0 for as long as it takes. */
	__u64 timeout;
};

/*
 * struct vdev_sync_init makes a sync object, which locks buffers. It is gone when its file
 * descriptor, or the file of the device, is closed. EINVAL: an unknown flag, or a
 * timeout with VDEV_SYNC_UNLIMITED.
 */
struct vdev_sync_init {
	/* How long it may be locked before the lock is taken away, in nanoseconds; 0 for 5 s. */
	__u64 timeout;
	__u32 flags;
	/* Out: the sync object, closed on exec. */
	__s32 sync;
};

/* struct vdev_sync_buffer is a buffer, and what it is to be locked for. */
struct vdev_sync_buffer {
	__s32 fd;
	__u32 access;
};

/*
 * struct vdev_sync_get adds buffers to a sync object, all or none. EINVAL: no access, or no
 * buffers. EEXIST: one is in it, or named twice. EBUSY: it is locked, or somebody waits to lock it.
 * EOWNERDEAD: the lock was taken away, as it was held for too long; nothing was done,
 * and the next request is an ordinary one.
 */
struct vdev_sync_get {
	__s32 sync;
	/* How many buffers. */
	__u32 count;
	__u64 buffers;
};

/*
 * struct vdev_sync_lock locks all buffers of a sync object, or none; readers share, a writer
 * excludes. Among those who wait the oldest wins. For the caches a lock is what
 * CPU_PREP is, for the whole of each buffer.
 *
 * Blocks until nobody has a lock on any of the buffers that conflicts, and nobody older
 * waits for one.
 *
 * EINVAL: an unknown flag. EALREADY: it is locked, or somebody waits to lock it. EBUSY:
 * with VDEV_DMABUF_NOWAIT, it would have to wait. EDEADLK: with VDEV_SYNC_BACKOFF, it
 * had to back off: lock again. ETIMEDOUT: the time is over. EINTR: a signal came.
 * ECANCELED: the object has ended meanwhile. EOWNERDEAD: an earlier lock was taken
 * away, as it was held for too long; nothing was done, and the next request is an
 * ordinary one.
 */
struct vdev_sync_lock {
	__s32 sync;
	__u32 flags;
	/* How long to wait, in nanoseconds; 0 for as long as it takes. */
	__u64 timeout;
	/* Out: how often the object has had to back off so far. */
	__u64 backoffs;
	/* Out: what is wrong with the buffers. */
	__u32 state;
	__u32 pad;
};

/* struct vdev_sync_object is a sync object alone. */
struct vdev_sync_object {
	__s32 sync;
	__u32 pad;
};

/*
 * struct vdev_sync_put removes a buffer from a sync object. EINVAL: it is not in it. EBUSY: the
 * object is locked, or somebody waits to lock it. EOWNERDEAD: the lock was taken away,
 * as it was held for too long; nothing was done, and the next request is an ordinary
 * one.
 */
struct vdev_sync_put {
	__s32 sync;
	__s32 fd;
};

/*
 * struct vdev_fence_create makes a fence, which somebody signals. When its file descriptor or
 * the file of the device is closed before, it is signalled with EOWNERDEAD.
 */
struct vdev_fence_create {
	/* For people. */
	__u8 name[VDEV_DMABUF_NAME_LEN];
	/* Out: the fence, closed on exec. */
	__s32 fence;
	/* Out: its number. */
	__u32 id;
};

/*
 * struct vdev_fence_merge makes a fence that is signalled when two others are, with the error of
 * the first one that fails.
 */
struct vdev_fence_merge {
	/* For people. */
	__u8 name[VDEV_DMABUF_NAME_LEN];
	__s32 fence1;
	__s32 fence2;
	/* Out: the fence, closed on exec. */
	__s32 fence;
	__u32 pad;
};

/*
 * struct vdev_fence_signal signals a fence. Whoever has its file descriptor can do that. EINVAL:
 * it is signalled, or merged of others, or the error is above 133.
 */
struct vdev_fence_signal {
	__s32 fence;
	/* The errno that waiting for it fails with, up to 133; 0 for none. */
	__u32 error;
};

/*
 * struct vdev_fence_add puts a fence on a buffer: until it is signalled, whoever it stands for
 * reads or writes it. A fence that is signalled leaves no trace, and one that is on the
 * buffer stands for both accesses. EINVAL: no access.
 */
struct vdev_fence_add {
	__s32 fence;
	__s32 fd;
	__u32 access;
	__u32 pad;
};

/*
 * struct vdev_fence_wait waits for a fence, and fails with the fence's error if it has one.
 *
 * Blocks until the fence is signalled.
 *
 * EINVAL: an unknown flag. EBUSY: with VDEV_DMABUF_NOWAIT, it is not signalled.
 * ETIMEDOUT: the time is over. EINTR: a signal came. EOWNERDEAD: who had made the fence
 * is gone, and had not signalled it.
 */
struct vdev_fence_wait {
	__s32 fence;
	__u32 flags;
	/* How long to wait, in nanoseconds; 0 for as long as it takes. */
	__u64 timeout;
};

/* struct vdev_stats tells how much the core has, and how often things have happened in it. */
struct vdev_stats {
	/* How many there are now. */
	__u32 clients;
	__u32 devices;
	__u32 buffers;
	__u32 attachments;
	__u32 mapped;
	__u32 sync_objects;
	__u32 fences;
	/*
	 * Locks on buffers, CPU accesses that are open, kmaps, jobs in flight, calls that
	 * wait, pages that back buffers.
	 */
	__u32 locked;
	__u32 cpu_accesses;
	__u32 kmaps;
	__u32 jobs;
	__u32 waits;
	__u32 pages;
	__u32 pad;
	/*
	 * What has happened so far: locks of sync objects, back-offs, locks taken away,
	 * buffers that moved, CPU_PREPs, mappings, broken rules.
	 */
	__u64 locks;
	__u64 backoffs;
	__u64 lockups;
	__u64 migrations;
	__u64 preps;
	__u64 maps;
	__u64 violations;
	/* The pool: all of it, and what is free, in bytes. */
	__u64 pool_size;
	__u64 pool_free;
};

/* struct vdev_table_row is a buffer in the table. */
struct vdev_table_row {
	/* Its number in tables and reports. */
	__u32 id;
	__u32 flags;
	/* In bytes. */
	__u64 size;
	/* Where its first piece is; 0 while there is none. */
	__u64 phys;
	/* How many refer to it; marks of VDEV_DMABUF_IOC_MARK_PENDING. */
	__u32 refs;
	__u32 pending;
	/* How many devices have it attached but not mapped, and mapped. */
	__u32 attached;
	__u32 mapped;
	/* How many tasks and devices have it locked, and wait for its lock. */
	__u32 locked;
	__u32 queued;
	/* How many tasks have it prepared. */
	__u32 cpu;
	__u32 pad;
	/* What it is called, and by whom it was made. */
	__u8 name[VDEV_DMABUF_NAME_LEN];
	__u8 exporter[VDEV_DMABUF_NAME_LEN];
	/* Who may use it now and keeps others from it; empty for nobody. */
	__u8 owner[VDEV_DMABUF_NAME_LEN];
};

/* struct vdev_table lists all buffers, oldest first. */
struct vdev_table {
	__u64 rows;
	/* How many have room; out: how many there are. */
	__u32 count;
	__u32 pad;
};

/* The requests, each with a pointer to its structure. */
#define VDEV_DMABUF_IOC_CREATE _IOWR(0xd8, 1, struct vdev_dma_buf_create)
#define VDEV_DMABUF_IOC_INFO _IOWR(0xd8, 2, struct vdev_dma_buf_info)
#define VDEV_DMABUF_IOC_REGISTER _IOWR(0xd8, 3, struct vdev_dma_buf_register)
/*
 * Ends what VDEV_DMABUF_IOC_REGISTER began. EINVAL: this open file has not registered
 * it.
 */
#define VDEV_DMABUF_IOC_UNREGISTER _IOW(0xd8, 4, struct vdev_dma_buf_buffer)
#define VDEV_DMABUF_IOC_ATTACH _IOWR(0xd8, 5, struct vdev_dma_buf_attach)
#define VDEV_DMABUF_IOC_DETACH _IOW(0xd8, 6, struct vdev_dma_buf_detach)
#define VDEV_DMABUF_IOC_MAP _IOWR(0xd8, 7, struct vdev_dma_buf_map)
#define VDEV_DMABUF_IOC_UNMAP _IOW(0xd8, 8, struct vdev_dma_buf_unmap)
/*
 * Prepares a part of a buffer for the kernel (dma_buf_begin_cpu_access): gives it
 * memory, and makes visible what devices have written that were unmapped. It does not
 * wait for devices. Accesses may overlap; each has its own VDEV_DMABUF_IOC_CPU_END.
 * EINVAL: the range is empty or not in the buffer, or no access. ENOMEM: there is no
 * memory for the buffer, or too many accesses are open.
 */
#define VDEV_DMABUF_IOC_CPU_BEGIN _IOW(0xd8, 9, struct vdev_dma_buf_range)
/*
 * Ends the access that the client began last with the same values. EINVAL: there is
 * none.
 */
#define VDEV_DMABUF_IOC_CPU_END _IOW(0xd8, 10, struct vdev_dma_buf_range)
/*
 * Maps a page for the kernel, any number of times, for as long as an access is begun
 * that contains a byte of it. Outside of that it maps a page of garbage. EINVAL: an
 * unknown flag. ENOSPC: with VDEV_DMABUF_KMAP_ATOMIC, the client has two such pages
 * already.
 */
#define VDEV_DMABUF_IOC_KMAP _IOWR(0xd8, 11, struct vdev_dma_buf_kmap)
/*
 * Takes back one VDEV_DMABUF_IOC_KMAP of the page, with the same flags. EINVAL: the
 * client has not mapped it, or an unknown flag.
 */
#define VDEV_DMABUF_IOC_KUNMAP _IOW(0xd8, 12, struct vdev_dma_buf_kmap)
/*
 * Has the kernel read from a page that the client has mapped with VDEV_DMABUF_IOC_KMAP.
 * If the access that it was mapped for has ended, that is the page of garbage. EINVAL:
 * it is not mapped, or the bytes are none or not all in it. EOPNOTSUPP: another
 * exporter made it, and has no way to prepare it for CPUs, as its memory may be mapped
 * uncached; or KWRITE, and the file descriptor is for reading only.
 */
#define VDEV_DMABUF_IOC_KREAD _IOWR(0xd8, 13, struct vdev_dma_buf_access)
/*
 * Has the kernel write to such a page. If the access that it was mapped for has ended,
 * that is the page of garbage. Errors are those of VDEV_DMABUF_IOC_KREAD.
 */
#define VDEV_DMABUF_IOC_KWRITE _IOWR(0xd8, 14, struct vdev_dma_buf_access)
#define VDEV_DMABUF_IOC_CPU_PREP _IOW(0xd8, 15, struct vdev_dma_buf_prep)
/*
 * Ends what VDEV_DMABUF_IOC_CPU_PREP began: what the program wrote is certain to be
 * there for everybody who maps or prepares the buffer from now on. EINVAL: the client
 * has not prepared it.
 */
#define VDEV_DMABUF_IOC_CPU_FINI _IOW(0xd8, 16, struct vdev_dma_buf_buffer)
/*
 * Says that commands that use the buffer are in a batch that is not submitted, so that
 * VDEV_DMABUF_IOC_CPU_PREP, which would wait too short, fails. Marks count.
 */
#define VDEV_DMABUF_IOC_MARK_PENDING _IOW(0xd8, 17, struct vdev_dma_buf_buffer)
/*
 * Takes one mark back, as the commands were submitted or dropped. EINVAL: the client
 * has no mark on it.
 */
#define VDEV_DMABUF_IOC_SUBMIT _IOW(0xd8, 18, struct vdev_dma_buf_buffer)
#define VDEV_DMABUF_IOC_WAIT _IOW(0xd8, 19, struct vdev_dma_buf_wait)
#define VDEV_SYNC_IOC_INIT _IOWR(0xd8, 32, struct vdev_sync_init)
#define VDEV_SYNC_IOC_GET _IOW(0xd8, 33, struct vdev_sync_get)
#define VDEV_SYNC_IOC_LOCK _IOWR(0xd8, 34, struct vdev_sync_lock)
/*
 * Gives all locks back. EINVAL: it is not locked. EPERM: another program locked it.
 * EOWNERDEAD: the lock was taken away, as it was held for too long.
 */
#define VDEV_SYNC_IOC_UNLOCK _IOW(0xd8, 35, struct vdev_sync_object)
#define VDEV_SYNC_IOC_PUT _IOW(0xd8, 36, struct vdev_sync_put)
/*
 * Removes all buffers. EBUSY: the object is locked, or somebody waits to lock it.
 * EOWNERDEAD: the lock was taken away, as it was held for too long; nothing was done,
 * and the next request is an ordinary one.
 */
#define VDEV_SYNC_IOC_PUT_ALL _IOW(0xd8, 37, struct vdev_sync_object)
/*
 * Ends the object. If it is locked it is unlocked first, and that is reported. A lock
 * that waits fails with ECANCELED, later requests with EBADF. EOWNERDEAD: the lock was
 * taken away before, as it was held for too long; the object has ended now.
 */
#define VDEV_SYNC_IOC_FINI _IOW(0xd8, 38, struct vdev_sync_object)
#define VDEV_FENCE_IOC_CREATE _IOWR(0xd8, 48, struct vdev_fence_create)
#define VDEV_FENCE_IOC_SIGNAL _IOW(0xd8, 49, struct vdev_fence_signal)
#define VDEV_FENCE_IOC_ADD _IOW(0xd8, 50, struct vdev_fence_add)
#define VDEV_FENCE_IOC_WAIT _IOW(0xd8, 51, struct vdev_fence_wait)
#define VDEV_FENCE_IOC_MERGE _IOWR(0xd8, 52, struct vdev_fence_merge)
#define VDEV_DMABUF_IOC_STATS _IOR(0xd8, 64, struct vdev_stats)
#define VDEV_DMABUF_IOC_TABLE _IOWR(0xd8, 65, struct vdev_table)

#endif /* _UAPI_VDEV_DMABUF_H */
