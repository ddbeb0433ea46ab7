/* SPDX-License-Identifier: GPL-2.0-only */
/* Code generated from ioctl/dmabuf_vdev.go. DO NOT EDIT. */
#ifndef _VDEV_DMABUF_FIELDS_H
#define _VDEV_DMABUF_FIELDS_H

/*
 * The file descriptors and lists in the arguments of requests:
 * FD(request, structure, field, what, out)
 * LIST(request, structure, pointer, count, element, out)
 * LIST_FD(request, element, field, what), of the list before it
 */
#define VDEV_DMABUF_FIELDS(FD, LIST, LIST_FD) \
	FD(VDEV_DMABUF_IOC_CREATE, vdev_dma_buf_create, fd, buffer, 1) \
	FD(VDEV_DMABUF_IOC_INFO, vdev_dma_buf_info, fd, buffer, 0) \
	FD(VDEV_DMABUF_IOC_UNREGISTER, vdev_dma_buf_buffer, fd, buffer, 0) \
	FD(VDEV_DMABUF_IOC_ATTACH, vdev_dma_buf_attach, fd, buffer, 0) \
	LIST(VDEV_DMABUF_IOC_MAP, vdev_dma_buf_map, extents, count, vdev_dma_buf_extent, 1) \
	FD(VDEV_DMABUF_IOC_CPU_BEGIN, vdev_dma_buf_range, fd, buffer, 0) \
	FD(VDEV_DMABUF_IOC_CPU_END, vdev_dma_buf_range, fd, buffer, 0) \
	FD(VDEV_DMABUF_IOC_KMAP, vdev_dma_buf_kmap, fd, buffer, 0) \
	FD(VDEV_DMABUF_IOC_KUNMAP, vdev_dma_buf_kmap, fd, buffer, 0) \
	FD(VDEV_DMABUF_IOC_KREAD, vdev_dma_buf_access, fd, buffer, 0) \
	FD(VDEV_DMABUF_IOC_KWRITE, vdev_dma_buf_access, fd, buffer, 0) \
	FD(VDEV_DMABUF_IOC_CPU_PREP, vdev_dma_buf_prep, fd, buffer, 0) \
	FD(VDEV_DMABUF_IOC_CPU_FINI, vdev_dma_buf_buffer, fd, buffer, 0) \
	FD(VDEV_DMABUF_IOC_MARK_PENDING, vdev_dma_buf_buffer, fd, buffer, 0) \
	FD(VDEV_DMABUF_IOC_SUBMIT, vdev_dma_buf_buffer, fd, buffer, 0) \
	FD(VDEV_DMABUF_IOC_WAIT, vdev_dma_buf_wait, fd, buffer, 0) \
	FD(VDEV_SYNC_IOC_INIT, vdev_sync_init, sync, sync, 1) \
	FD(VDEV_SYNC_IOC_GET, vdev_sync_get, sync, sync, 0) \
	LIST(VDEV_SYNC_IOC_GET, vdev_sync_get, buffers, count, vdev_sync_buffer, 0) \
	LIST_FD(VDEV_SYNC_IOC_GET, vdev_sync_buffer, fd, buffer) \
	FD(VDEV_SYNC_IOC_LOCK, vdev_sync_lock, sync, sync, 0) \
	FD(VDEV_SYNC_IOC_UNLOCK, vdev_sync_object, sync, sync, 0) \
	FD(VDEV_SYNC_IOC_PUT, vdev_sync_put, sync, sync, 0) \
	FD(VDEV_SYNC_IOC_PUT, vdev_sync_put, fd, buffer, 0) \
	FD(VDEV_SYNC_IOC_PUT_ALL, vdev_sync_object, sync, sync, 0) \
	FD(VDEV_SYNC_IOC_FINI, vdev_sync_object, sync, sync, 0) \
	FD(VDEV_FENCE_IOC_CREATE, vdev_fence_create, fence, fence, 1) \
	FD(VDEV_FENCE_IOC_SIGNAL, vdev_fence_signal, fence, fence, 0) \
	FD(VDEV_FENCE_IOC_ADD, vdev_fence_add, fence, fence, 0) \
	FD(VDEV_FENCE_IOC_ADD, vdev_fence_add, fd, buffer, 0) \
	FD(VDEV_FENCE_IOC_WAIT, vdev_fence_wait, fence, fence, 0) \
	FD(VDEV_FENCE_IOC_MERGE, vdev_fence_merge, fence1, fence, 0) \
	FD(VDEV_FENCE_IOC_MERGE, vdev_fence_merge, fence2, fence, 0) \
	FD(VDEV_FENCE_IOC_MERGE, vdev_fence_merge, fence, fence, 1) \
	LIST(VDEV_DMABUF_IOC_TABLE, vdev_table, rows, count, vdev_table_row, 1)

#endif /* _VDEV_DMABUF_FIELDS_H */
