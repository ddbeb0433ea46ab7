/* SPDX-License-Identifier: GPL-2.0-only */
/* Code generated from ioctl/dmabuf_vdev.go. DO NOT EDIT. */
#ifndef _VDEV_DMABUF_FIELDS_H
#define _VDEV_DMABUF_FIELDS_H

#include <linux/stddef.h>
#include <linux/types.h>
#include "vdev_dmabuf.h"

/* What a file descriptor stands for. */
enum field_object { OBJECT_BUFFER, OBJECT_SYNC, OBJECT_FENCE };

enum field_type { FIELD_FD, FIELD_LIST };

/* A file descriptor or a list in the argument of a request. */
struct field {
	enum field_type type;
	bool out;
	/* Of a list: of elem_fd, which is in each element of a list that is not out. */
	enum field_object object;
	/* Of a list: of the pointer, and of the number of its elements; their size. */
	__u16 offset, count, elem, elem_fd;
};

static const struct field fields[] = {
	{ FIELD_FD, true, OBJECT_BUFFER, offsetof(struct vdev_dma_buf_create, fd) },
	{ FIELD_FD, false, OBJECT_BUFFER, offsetof(struct vdev_dma_buf_info, fd) },
	{ FIELD_FD, false, OBJECT_BUFFER, offsetof(struct vdev_dma_buf_buffer, fd) },
	{ FIELD_FD, false, OBJECT_BUFFER, offsetof(struct vdev_dma_buf_attach, fd) },
	{ FIELD_LIST, true, 0, offsetof(struct vdev_dma_buf_map, extents), offsetof(struct vdev_dma_buf_map, count),
	  sizeof(struct vdev_dma_buf_extent) },
	{ FIELD_FD, false, OBJECT_BUFFER, offsetof(struct vdev_dma_buf_range, fd) },
	{ FIELD_FD, false, OBJECT_BUFFER, offsetof(struct vdev_dma_buf_range, fd) },
	{ FIELD_FD, false, OBJECT_BUFFER, offsetof(struct vdev_dma_buf_kmap, fd) },
	{ FIELD_FD, false, OBJECT_BUFFER, offsetof(struct vdev_dma_buf_kmap, fd) },
	{ FIELD_FD, false, OBJECT_BUFFER, offsetof(struct vdev_dma_buf_access, fd) },
	{ FIELD_FD, false, OBJECT_BUFFER, offsetof(struct vdev_dma_buf_access, fd) },
	{ FIELD_FD, false, OBJECT_BUFFER, offsetof(struct vdev_dma_buf_prep, fd) },
	{ FIELD_FD, false, OBJECT_BUFFER, offsetof(struct vdev_dma_buf_buffer, fd) },
	{ FIELD_FD, false, OBJECT_BUFFER, offsetof(struct vdev_dma_buf_buffer, fd) },
	{ FIELD_FD, false, OBJECT_BUFFER, offsetof(struct vdev_dma_buf_buffer, fd) },
	{ FIELD_FD, false, OBJECT_BUFFER, offsetof(struct vdev_dma_buf_wait, fd) },
	{ FIELD_FD, true, OBJECT_SYNC, offsetof(struct vdev_sync_init, sync) },
	{ FIELD_FD, false, OBJECT_SYNC, offsetof(struct vdev_sync_get, sync) },
	{ FIELD_LIST, false, OBJECT_BUFFER, offsetof(struct vdev_sync_get, buffers), offsetof(struct vdev_sync_get, count),
	  sizeof(struct vdev_sync_buffer), offsetof(struct vdev_sync_buffer, fd) },
	{ FIELD_FD, false, OBJECT_SYNC, offsetof(struct vdev_sync_lock, sync) },
	{ FIELD_FD, false, OBJECT_SYNC, offsetof(struct vdev_sync_object, sync) },
	{ FIELD_FD, false, OBJECT_SYNC, offsetof(struct vdev_sync_put, sync) },
	{ FIELD_FD, false, OBJECT_BUFFER, offsetof(struct vdev_sync_put, fd) },
	{ FIELD_FD, false, OBJECT_SYNC, offsetof(struct vdev_sync_object, sync) },
	{ FIELD_FD, false, OBJECT_SYNC, offsetof(struct vdev_sync_object, sync) },
	{ FIELD_FD, true, OBJECT_FENCE, offsetof(struct vdev_fence_create, fence) },
	{ FIELD_FD, false, OBJECT_FENCE, offsetof(struct vdev_fence_signal, fence) },
	{ FIELD_FD, false, OBJECT_FENCE, offsetof(struct vdev_fence_add, fence) },
	{ FIELD_FD, false, OBJECT_BUFFER, offsetof(struct vdev_fence_add, fd) },
	{ FIELD_FD, false, OBJECT_FENCE, offsetof(struct vdev_fence_wait, fence) },
	{ FIELD_FD, false, OBJECT_FENCE, offsetof(struct vdev_fence_merge, fence1) },
	{ FIELD_FD, false, OBJECT_FENCE, offsetof(struct vdev_fence_merge, fence2) },
	{ FIELD_FD, true, OBJECT_FENCE, offsetof(struct vdev_fence_merge, fence) },
	{ FIELD_LIST, true, 0, offsetof(struct vdev_table, rows), offsetof(struct vdev_table, count),
	  sizeof(struct vdev_table_row) },
};

/* The requests, by their numbers: which fields are theirs. */
static const struct {
	unsigned int cmd;
	const struct field *fields, *end;
	/*
	 * A file descriptor comes first, nothing else is to be translated, and there is no
	 * answer.
	 */
	bool quick;
} requests[] = {
	[_IOC_NR(VDEV_DMABUF_IOC_CREATE)] = { VDEV_DMABUF_IOC_CREATE, fields + 0, fields + 1, false },
	[_IOC_NR(VDEV_DMABUF_IOC_INFO)] = { VDEV_DMABUF_IOC_INFO, fields + 1, fields + 2, false },
	[_IOC_NR(VDEV_DMABUF_IOC_REGISTER)] = { VDEV_DMABUF_IOC_REGISTER, fields + 2, fields + 2, false },
	[_IOC_NR(VDEV_DMABUF_IOC_UNREGISTER)] = { VDEV_DMABUF_IOC_UNREGISTER, fields + 2, fields + 3, true },
	[_IOC_NR(VDEV_DMABUF_IOC_ATTACH)] = { VDEV_DMABUF_IOC_ATTACH, fields + 3, fields + 4, false },
	[_IOC_NR(VDEV_DMABUF_IOC_DETACH)] = { VDEV_DMABUF_IOC_DETACH, fields + 4, fields + 4, false },
	[_IOC_NR(VDEV_DMABUF_IOC_MAP)] = { VDEV_DMABUF_IOC_MAP, fields + 4, fields + 5, false },
	[_IOC_NR(VDEV_DMABUF_IOC_UNMAP)] = { VDEV_DMABUF_IOC_UNMAP, fields + 5, fields + 5, false },
	[_IOC_NR(VDEV_DMABUF_IOC_CPU_BEGIN)] = { VDEV_DMABUF_IOC_CPU_BEGIN, fields + 5, fields + 6, true },
	[_IOC_NR(VDEV_DMABUF_IOC_CPU_END)] = { VDEV_DMABUF_IOC_CPU_END, fields + 6, fields + 7, true },
	[_IOC_NR(VDEV_DMABUF_IOC_KMAP)] = { VDEV_DMABUF_IOC_KMAP, fields + 7, fields + 8, false },
	[_IOC_NR(VDEV_DMABUF_IOC_KUNMAP)] = { VDEV_DMABUF_IOC_KUNMAP, fields + 8, fields + 9, true },
	[_IOC_NR(VDEV_DMABUF_IOC_KREAD)] = { VDEV_DMABUF_IOC_KREAD, fields + 9, fields + 10, false },
	[_IOC_NR(VDEV_DMABUF_IOC_KWRITE)] = { VDEV_DMABUF_IOC_KWRITE, fields + 10, fields + 11, false },
	[_IOC_NR(VDEV_DMABUF_IOC_CPU_PREP)] = { VDEV_DMABUF_IOC_CPU_PREP, fields + 11, fields + 12, true },
	[_IOC_NR(VDEV_DMABUF_IOC_CPU_FINI)] = { VDEV_DMABUF_IOC_CPU_FINI, fields + 12, fields + 13, true },
	[_IOC_NR(VDEV_DMABUF_IOC_MARK_PENDING)] = { VDEV_DMABUF_IOC_MARK_PENDING, fields + 13, fields + 14, true },
	[_IOC_NR(VDEV_DMABUF_IOC_SUBMIT)] = { VDEV_DMABUF_IOC_SUBMIT, fields + 14, fields + 15, true },
	[_IOC_NR(VDEV_DMABUF_IOC_WAIT)] = { VDEV_DMABUF_IOC_WAIT, fields + 15, fields + 16, true },
	[_IOC_NR(VDEV_SYNC_IOC_INIT)] = { VDEV_SYNC_IOC_INIT, fields + 16, fields + 17, false },
	[_IOC_NR(VDEV_SYNC_IOC_GET)] = { VDEV_SYNC_IOC_GET, fields + 17, fields + 19, false },
	[_IOC_NR(VDEV_SYNC_IOC_LOCK)] = { VDEV_SYNC_IOC_LOCK, fields + 19, fields + 20, false },
	[_IOC_NR(VDEV_SYNC_IOC_UNLOCK)] = { VDEV_SYNC_IOC_UNLOCK, fields + 20, fields + 21, true },
	[_IOC_NR(VDEV_SYNC_IOC_PUT)] = { VDEV_SYNC_IOC_PUT, fields + 21, fields + 23, false },
	[_IOC_NR(VDEV_SYNC_IOC_PUT_ALL)] = { VDEV_SYNC_IOC_PUT_ALL, fields + 23, fields + 24, true },
	[_IOC_NR(VDEV_SYNC_IOC_FINI)] = { VDEV_SYNC_IOC_FINI, fields + 24, fields + 25, true },
	[_IOC_NR(VDEV_FENCE_IOC_CREATE)] = { VDEV_FENCE_IOC_CREATE, fields + 25, fields + 26, false },
	[_IOC_NR(VDEV_FENCE_IOC_SIGNAL)] = { VDEV_FENCE_IOC_SIGNAL, fields + 26, fields + 27, true },
	[_IOC_NR(VDEV_FENCE_IOC_ADD)] = { VDEV_FENCE_IOC_ADD, fields + 27, fields + 29, false },
	[_IOC_NR(VDEV_FENCE_IOC_WAIT)] = { VDEV_FENCE_IOC_WAIT, fields + 29, fields + 30, true },
	[_IOC_NR(VDEV_FENCE_IOC_MERGE)] = { VDEV_FENCE_IOC_MERGE, fields + 30, fields + 33, false },
	[_IOC_NR(VDEV_DMABUF_IOC_STATS)] = { VDEV_DMABUF_IOC_STATS, fields + 33, fields + 33, false },
	[_IOC_NR(VDEV_DMABUF_IOC_TABLE)] = { VDEV_DMABUF_IOC_TABLE, fields + 33, fields + 34, false },
};

/* The longest argument, and that of a quick request. */
#define ARG_SIZE 128
#define QUICK_SIZE 40

#endif /* _VDEV_DMABUF_FIELDS_H */
