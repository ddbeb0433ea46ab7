/* SPDX-License-Identifier: GPL-2.0-only */
/* Code generated from ioctl/dmabuf_vdev_unit.go. DO NOT EDIT. */
#ifndef _VDEV_BSU_H
#define _VDEV_BSU_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include "vdev_dmabuf.h"

/*
 * Registers of the buffer sharing unit, those that its driver uses; mmio/bsu has all of
 * them, and says what they do.
 */
#define VDEV_BSU_REG_ID 0x00
#define VDEV_BSU_REG_VERSION 0x04
#define VDEV_BSU_REG_REQUEST_BASE 0x18
#define VDEV_BSU_REG_REQUEST_SIZE 0x20
#define VDEV_BSU_REG_REQUEST_TAIL 0x28
#define VDEV_BSU_REG_COMPLETION_BASE 0x30
#define VDEV_BSU_REG_COMPLETION_SIZE 0x38
#define VDEV_BSU_REG_COMPLETION_HEAD 0x3c
#define VDEV_BSU_REG_COMPLETION_TAIL 0x40
#define VDEV_BSU_REG_CONTROL 0x44
#define VDEV_BSU_REG_IRQ_STATUS 0x48
#define VDEV_BSU_REG_IRQ_ENABLE 0x4c
#define VDEV_BSU_REG_ERROR 0x50

/* What is in them. */
#define VDEV_BSU_ID 0x20757362
#define VDEV_BSU_VERSION 2
#define VDEV_BSU_ENABLE 1
#define VDEV_BSU_IRQ_COMPLETION 1
#define VDEV_BSU_IRQ_ERROR 2

/* VDEV_BSU_INLINE is the room in an entry of a ring for an argument or answer. */
#define VDEV_BSU_INLINE 208

/* Bits of the state of a request. */
/* It has ended, and its answer is in its entry. */
#define VDEV_BSU_DONE 1
/* There are completions to be taken. */
#define VDEV_BSU_COMPLETIONS 2

/* struct vdev_bsu_request is an entry of the request ring. */
struct vdev_bsu_request {
	__u32 op;
	__u32 tag;
	__u32 client;
	/* Of the answer, in bytes. */
	__u32 room;
	/* Of the argument and the answer on the bus; 0 if they are in data. */
	__u64 addr;
	__u32 length;
	/* 0 until the unit has written what follows, if the request ends while it begins. */
	__u32 state;
	/* Negative: an errno. */
	__s32 result;
	__u32 flags;
	/* Its length in bytes. */
	__u32 answer;
	__u32 pad;
	__u8 data[VDEV_BSU_INLINE];
};

/*
 * struct vdev_bsu_completion is an entry of the completion ring: how a request ended that did not
 * end while it began.
 */
struct vdev_bsu_completion {
	__u32 tag;
	__s32 result;
	__u32 flags;
	__u32 answer;
	__u8 data[VDEV_BSU_INLINE];
	__u8 pad[32];
};

/*
 * What the driver asks the buffer sharing unit for, besides the requests of programs:
 * the operation of an entry of the request ring is one of these, or a request number.
 * A file descriptor in the argument of a request is replaced by the number of its
 * object; the lists that the argument points to follow it, in the order of the
 * pointers, each at a multiple of 8 bytes, and so do those of the answer, with as much
 * room as the program has.
 */
/* A client opens: struct vdev_bsu_open. */
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
/* Where a page of the buffer is, after giving it memory: struct vdev_bsu_place. */
#define VDEV_BSU_PLACE 6
/* A driver attaches to the dma-buf: struct vdev_bsu_attach, and the same as answer. */
#define VDEV_BSU_ATTACH 7
/* And detaches: struct vdev_bsu_number. */
#define VDEV_BSU_DETACH 8
/* It maps: struct vdev_bsu_number; the answer is the number of pieces in which the buffer is. */
#define VDEV_BSU_MAP 9
/* And unmaps: struct vdev_bsu_number. */
#define VDEV_BSU_UNMAP 10
/* The kernel is going to access the buffer by CPU: struct vdev_bsu_number. */
#define VDEV_BSU_BEGIN 11
/* And has: struct vdev_bsu_number. */
#define VDEV_BSU_END 12
/*
 * The exporter of a foreign buffer failed, so that CPU_PREP did not succeed:
 * struct vdev_dma_buf_prep.
 */
#define VDEV_BSU_UNPREP 13
/* A dma-buf of another exporter: struct vdev_bsu_register and a list of struct vdev_dma_buf_extent. */
#define VDEV_BSU_REGISTER 14
/*
 * A program ends, or executes another one, that had the buffer mapped: struct vdev_bsu_number. What
 * it began with VDEV_BSU_BEGIN ends.
 */
#define VDEV_BSU_LEAVE 15
/*
 * Which foreign buffer is gone, so that its dma-buf need not be kept any more: the answer
 * is a struct vdev_bsu_number, 0 if there is none.
 */
#define VDEV_BSU_GONE 16

/* Flags of a completion. */
/*
 * The exporter of the foreign buffer of the request must prepare it for the CPU, or
 * finish; bits 8 and 9 have the direction.
 */
#define VDEV_BSU_EXPORTER_BEGIN 2
#define VDEV_BSU_EXPORTER_END 4
/* There are foreign buffers that are gone (VDEV_BSU_GONE). */
#define VDEV_BSU_FORGET 8

/* struct vdev_bsu_open is the program that opens the device. */
struct vdev_bsu_open {
	__u32 pid;
	/* Out: the client's number, which is not 0. */
	__u32 client;
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

/* struct vdev_bsu_place is where pages of a buffer are. */
struct vdev_bsu_place {
	__u32 buffer;
	__u32 pad;
	__u64 page;
	/* Out: the physical address, and how many pages are there in one piece. */
	__u64 addr;
	__u64 pages;
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
	/* Out: the number of the buffer. */
	__u32 id;
	__u32 pad;
};

#endif /* _VDEV_BSU_H */
