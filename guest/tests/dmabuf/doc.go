// SPDX-License-Identifier: Apache-2.0

// Package dmabuf tests vdev's dma-buf core from the guest: its buffers as dma-bufs of
// Linux, which programs, drivers and processes share, and each request of /dev/dmabuf.
package dmabuf
