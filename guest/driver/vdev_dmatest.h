/* SPDX-License-Identifier: GPL-2.0-only */
/* Code generated from ioctl/dmatest.go. DO NOT EDIT. */
#ifndef _UAPI_VDEV_DMATEST_H
#define _UAPI_VDEV_DMATEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * VDEV_DMATEST_DEVICE is the character device of the DMA tester's driver. Each
 * open file has its own buffers; all goes when the file and the mappings of its
 * buffers are closed. There is one transfer at a time for the whole device.
 *
 * The driver maintains no caches of its own accord: whatever a program leaves out
 * is left out.
 *
 * Every request has these errors, besides its own. ENOENT: the open file has no buffer
 * of that handle. EFAULT: memory cannot be accessed. ENOTTY: there is no such request.
 */
#define VDEV_DMATEST_DEVICE "/dev/vdev-dmatest"

/* VDEV_DMATEST_MAX_SIZE is the size of the largest buffer, in bytes. */
#define VDEV_DMATEST_MAX_SIZE 1048576

/* VDEV_DMATEST_MAX_BUFFERS is how many buffers an open file can have. */
#define VDEV_DMATEST_MAX_BUFFERS 64

/* Kinds of buffers. */
/* Ordinary pages, cacheable for the CPU. */
#define VDEV_DMATEST_CACHED 0
/* Memory from dma_alloc_coherent: non-cacheable if the device is non-coherent. */
#define VDEV_DMATEST_COHERENT 1

/* Directions of transfers: those of the kernel's enum dma_data_direction. */
#define VDEV_DMATEST_BIDIRECTIONAL 0
#define VDEV_DMATEST_TO_DEVICE 1
#define VDEV_DMATEST_FROM_DEVICE 2

/* Attributes of mapping and unmapping. */
/* Leave the caches alone (DMA_ATTR_SKIP_CPU_SYNC). */
#define VDEV_DMATEST_SKIP_CPU_SYNC 1

/* Operations of the device. */
#define VDEV_DMATEST_COPY 1
#define VDEV_DMATEST_FILL 2
#define VDEV_DMATEST_CHECKSUM 3

/* Flags of running an operation. */
/* Return as soon as the device has its command. */
#define VDEV_DMATEST_ASYNC 1
/*
 * What the device writes is a frame, as a camera's, that somebody is to read before it is
 * overwritten. It concerns reports on dma-bufs that vdev's dma-buf core knows.
 */
#define VDEV_DMATEST_FRAME 2

/* Accesses by the kernel. */
#define VDEV_DMATEST_READ 0
#define VDEV_DMATEST_WRITE 1

/*
 * struct vdev_dmatest_alloc makes a buffer of zeros. EINVAL: no size, too large a size, or
 * unknown kind. ENOSPC: too many buffers. ENOMEM: there is no memory for it.
 */
struct vdev_dmatest_alloc {
	/* In bytes; out: rounded up to whole pages. */
	__u64 size;
	/* VDEV_DMATEST_CACHED or VDEV_DMATEST_COHERENT. */
	__u32 kind;
	/* Out: names the buffer in other requests. */
	__u32 handle;
	/* Out: where to mmap the buffer. */
	__u64 offset;
	/* Out: where to mmap it non-cacheable; 0 for coherent buffers. */
	__u64 offset_nc;
	/* Out: its physical address. */
	__u64 phys;
};

/*
 * struct vdev_dmatest_import makes a dma-buf a buffer of the open file, so that the device can use it:
 * between struct vdev_dmatest_map, which is dma_buf_map_attachment, and struct vdev_dmatest_unmap. Programs and
 * the kernel access it through the dma-buf. EBADF: there is no such file. EINVAL: it is
 * no dma-buf. ENOSPC: too many buffers. Others: the dma-buf's exporter refuses the
 * device.
 */
struct vdev_dmatest_import {
	/* The dma-buf. */
	__s32 fd;
	/* Out: names the buffer in other requests. */
	__u32 handle;
	/* Out: in bytes. */
	__u64 size;
};

/*
 * struct vdev_dmatest_free gives a buffer up. Its memory stays as long as it is mapped, or a
 * transfer runs.
 */
struct vdev_dmatest_free {
	__u32 handle;
	__u32 pad;
};

/*
 * struct vdev_dmatest_map maps a cached buffer, or a part of it, for the device
 * (dma_map_single), or an imported one, with all of its pages. EINVAL: a coherent
 * buffer, a bad range, direction or attribute; VDEV_DMATEST_SKIP_CPU_SYNC for an
 * imported buffer. EBUSY: it is mapped. ENOMEM: there is no address for it, or no
 * memory for an imported one. EOPNOTSUPP: an imported one is not in one piece.
 */
struct vdev_dmatest_map {
	__u32 handle;
	/* The direction. */
	__u32 dir;
	/* VDEV_DMATEST_SKIP_CPU_SYNC or 0. */
	__u32 attrs;
	__u32 pad;
	/* The range in bytes. */
	__u64 offset;
	__u64 length;
	/* Out: the address for the device. */
	__u64 dma_addr;
};

/*
 * struct vdev_dmatest_unmap ends the mapping (dma_unmap_single). EINVAL: it is not mapped, or
 * unknown attribute. EBUSY: it is imported, and the device is at work on it.
 */
struct vdev_dmatest_unmap {
	__u32 handle;
	/* VDEV_DMATEST_SKIP_CPU_SYNC or 0. */
	__u32 attrs;
};

/*
 * struct vdev_dmatest_sync hands a part of a mapped buffer to the device, or to the CPU
 * (dma_sync_single_for_device, dma_sync_single_for_cpu). EINVAL: a coherent or imported
 * buffer, or not mapped, the range is empty or not within the mapping, or bad direction.
 */
struct vdev_dmatest_sync {
	__u32 handle;
	/* The direction, which may be another than that of the mapping. */
	__u32 dir;
	/* The range in bytes, from the start of the buffer. */
	__u64 offset;
	__u64 length;
};

/*
 * struct vdev_dmatest_run makes the device work. Buffers that the operation does not use are
 * not looked at.
 *
 * Blocks until the device has finished, unless VDEV_DMATEST_ASYNC is set.
 *
 * EINVAL: unknown operation or flag, or a range is not within a buffer's mapping.
 * EBUSY: the device is at work, or another open file has not waited yet for what it
 * started. EINTR: a signal came first; the operation goes on, and can be waited for.
 */
struct vdev_dmatest_run {
	__u32 op;
	/* VDEV_DMATEST_ASYNC, VDEV_DMATEST_FRAME, both or 0. */
	__u32 flags;
	/* Handles of the buffers. */
	__u32 src;
	__u32 dst;
	/* Where in them, in bytes. */
	__u64 src_offset;
	__u64 dst_offset;
	/* In bytes. */
	__u32 length;
	/* Nanoseconds after which the device touches memory. */
	__u32 delay;
	/* What to fill with. */
	__u64 pattern;
	/* Out, unless asynchronous: the CRC-32 of a checksum. */
	__u32 result;
	/* Out, unless asynchronous: the device's ERROR register. */
	__u32 error;
};

/*
 * struct vdev_dmatest_wait waits for the operation that this open file started.
 *
 * Blocks until the device has finished.
 *
 * EINVAL: it started none that was not waited for yet. ETIMEDOUT: the time is over; the
 * operation goes on. EINTR: a signal came first; the operation goes on.
 */
struct vdev_dmatest_wait {
	/* In milliseconds; 0 for no limit. */
	__u32 timeout;
	/* Out: the CRC-32 of a checksum. */
	__u32 result;
	/* Out: the device's ERROR register. */
	__u32 error;
	__u32 pad;
};

/*
 * struct vdev_dmatest_access has the kernel read a buffer, or fill it, through its own mapping.
 * EINVAL: bad range or access, or an imported buffer.
 */
struct vdev_dmatest_access {
	__u32 handle;
	/* VDEV_DMATEST_READ or VDEV_DMATEST_WRITE. */
	__u32 access;
	/* The range in bytes. */
	__u64 offset;
	__u64 length;
	/* The byte to fill with. */
	__u32 value;
	/* Out: the sum of the bytes read. */
	__u32 result;
};

/* The requests, each with a pointer to its structure. */
#define VDEV_DMATEST_IOC_ALLOC _IOWR(0xd7, 1, struct vdev_dmatest_alloc)
#define VDEV_DMATEST_IOC_FREE _IOW(0xd7, 2, struct vdev_dmatest_free)
#define VDEV_DMATEST_IOC_MAP _IOWR(0xd7, 3, struct vdev_dmatest_map)
#define VDEV_DMATEST_IOC_UNMAP _IOW(0xd7, 4, struct vdev_dmatest_unmap)
#define VDEV_DMATEST_IOC_SYNC_FOR_DEVICE _IOW(0xd7, 5, struct vdev_dmatest_sync)
#define VDEV_DMATEST_IOC_SYNC_FOR_CPU _IOW(0xd7, 6, struct vdev_dmatest_sync)
#define VDEV_DMATEST_IOC_RUN _IOWR(0xd7, 7, struct vdev_dmatest_run)
#define VDEV_DMATEST_IOC_WAIT _IOWR(0xd7, 8, struct vdev_dmatest_wait)
#define VDEV_DMATEST_IOC_ACCESS _IOWR(0xd7, 9, struct vdev_dmatest_access)
#define VDEV_DMATEST_IOC_IMPORT _IOWR(0xd7, 10, struct vdev_dmatest_import)

#endif /* _UAPI_VDEV_DMATEST_H */
