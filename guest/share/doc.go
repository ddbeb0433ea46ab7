// SPDX-License-Identifier: Apache-2.0

// Package share is vdev's dma-buf core for the guest's commands and tests: buffers,
// attachments, CPU accesses, locks and fences, through /dev/dmabuf. A buffer is a
// dma-buf like any other (drm.DMABuf); what the core alone can do with it is here. What
// the calls mean, and which errors they return, is written with the requests in package
// ioctl.
package share
