/* SPDX-License-Identifier: GPL-2.0-only */
/* Code generated from ioctl/dmabuf_vdev_unit.go. DO NOT EDIT. */
#ifndef _VDEV_BSU_H
#define _VDEV_BSU_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include "vdev_dmabuf.h"

/*
 * What the driver asks the buffer sharing unit for, besides the requests of programs:
 * the operation of an entry of the request ring is one of these, or a request number.
 * A file descriptor in the argument of a request is replaced by the number of its
 * object; the lists that the argument points to follow it, in the order of the
 * pointers, each at a multiple of 8 bytes, and so do those of the answer, with as much
 * room as the program has.
 */
/* A client opens: struct vdev_bsu_open; the answer is its number, which is not 0. */
#define VDEV_BSU_OPEN 1
/* The client closes. */
#define VDEV_BSU_CLOSE 2
/*
 * A signal came: the request with the tag of struct vdev_bsu_number ends, with EINTR if it
 * was waiting.
 */
#define VDEV_BSU_CANCEL 3
/* The dma-buf of a buffer is gone: struct vdev_bsu_number. */
#define VDEV_BSU_RELEASE 4
/* The file of a sync object or fence is gone: struct vdev_bsu_number. */
#define VDEV_BSU_CLOSE_OBJECT 5
/*
 * Where the buffer is, after giving it memory: struct vdev_bsu_number; the answer is a list of
 * struct vdev_dma_buf_extent.
 */
#define VDEV_BSU_PLACE 6
/* A driver attaches to the dma-buf: struct vdev_bsu_attach, and the same as answer. */
#define VDEV_BSU_ATTACH 7
/* And detaches: struct vdev_bsu_number. */
#define VDEV_BSU_DETACH 8
/* It maps: struct vdev_bsu_number; the answer is a list of struct vdev_dma_buf_extent. */
#define VDEV_BSU_MAP 9
/* And unmaps: struct vdev_bsu_number. */
#define VDEV_BSU_UNMAP 10
/* The kernel is going to access the buffer by CPU: struct vdev_bsu_number. */
#define VDEV_BSU_BEGIN 11
/* And has: struct vdev_bsu_number. */
#define VDEV_BSU_END 12
/* The size of a buffer: struct vdev_bsu_number, and struct vdev_bsu_size as answer. */
#define VDEV_BSU_SIZE 13
/*
 * A dma-buf of another exporter: struct vdev_bsu_register and a list of struct vdev_dma_buf_extent; the
 * answer is the number of the buffer.
 */
#define VDEV_BSU_REGISTER 14

/* Flags of a completion. */
/* The buffer of the request has moved: its mappings into address spaces must go. */
#define VDEV_BSU_MOVED 1
/*
 * The exporter of the foreign buffer of the request must prepare it for the CPU, or
 * finish; bits 8 and 9 have the direction.
 */
#define VDEV_BSU_EXPORTER_BEGIN 2
#define VDEV_BSU_EXPORTER_END 4

/* struct vdev_bsu_open is the program that opens the device. */
struct vdev_bsu_open {
	__u32 pid;
	__u32 pad;
	__u8 name[VDEV_DMABUF_NAME_LEN];
};

/* struct vdev_bsu_number is the number of an object, or a tag. */
struct vdev_bsu_number {
	__u32 number;
	/*
	 * The direction of a mapping, or of an access by CPU as a mapping would have it;
	 * otherwise 0.
	 */
	__u32 dir;
};

/* struct vdev_bsu_size is the size of a buffer in bytes. */
struct vdev_bsu_size {
	__u64 size;
};

/* struct vdev_bsu_attach is what a driver's device needs. */
struct vdev_bsu_attach {
	__u32 buffer;
	/* As of struct vdev_dma_buf_attach. */
	__u32 flags;
	/* Of the driver's device in Linux. */
	__u8 device[VDEV_DMABUF_NAME_LEN];
	/* The highest address that it reaches. */
	__u64 mask;
	/* The longest piece. */
	__u64 max_segment;
	/* Out: the number of the attachment. */
	__u32 attachment;
	__u32 pad;
};

/* struct vdev_bsu_register is a dma-buf of another exporter. */
struct vdev_bsu_register {
	__u64 size;
	__u8 name[VDEV_DMABUF_NAME_LEN];
	__u8 exporter[VDEV_DMABUF_NAME_LEN];
};

#endif /* _VDEV_BSU_H */
