// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

// Requests of the vgem driver, see include/uapi/drm/vgem_drm.h. Their numbers are
// also those of other drivers.
//
//ioctl:family VGEM
const (
	DRM_IOCTL_VGEM_FENCE_ATTACH Request = drmIOWR | 16<<iocSizeShift + DRM_COMMAND_BASE + 0x1 // DRMVgemFenceAttach
	DRM_IOCTL_VGEM_FENCE_SIGNAL Request = drmIOW | 8<<iocSizeShift + DRM_COMMAND_BASE + 0x2   // DRMVgemFenceSignal
)

// Flags of a fence.
//
//ioctl:flags vgem_fence
const (
	// For writing; otherwise for reading.
	VGEM_FENCE_WRITE = 0x1
)

// DRMVgemFenceAttach puts a fence on a buffer; it ends by itself after 10 s. ENOENT:
// no such handle. EINVAL: unknown flags, or Pad is not 0. EBUSY: a fence in its way has not ended.
type DRMVgemFenceAttach struct {
	_        structs.HostLayout
	Handle   uint32 `ioctl:"handle"`
	Flags    uint32 `ioctl:"flags=vgem_fence"`
	OutFence uint32 `ioctl:"out"`
	Pad      uint32 `ioctl:"pad"`
}

// DRMVgemFenceSignal ends a fence. ENOENT: no such fence. EINVAL: flags. ETIMEDOUT:
// it had ended by itself.
type DRMVgemFenceSignal struct {
	_     structs.HostLayout
	Fence uint32
	// 0.
	Flags uint32 `ioctl:"hex"`
}
