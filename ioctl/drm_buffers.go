// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

// Framebuffers and dumb buffers, see include/uapi/drm/drm_mode.h.

// DRMModeFbCmd makes a framebuffer (DRM_IOCTL_MODE_ADDFB), or tells about one.
// EINVAL: no such format, or bad sizes. ENOENT: no such handle.
type DRMModeFbCmd struct {
	_    structs.HostLayout
	FbId uint32 `ioctl:"object"`
	// Pixels.
	Width  uint32
	Height uint32
	// Bytes from line to line.
	Pitch uint32
	// Bits for each pixel, and those of them with colour.
	Bpp    uint32
	Depth  uint32
	Handle uint32 `ioctl:"handle"`
}

// Flags of a framebuffer.
//
//ioctl:flags drm_mode_fb
const (
	DRM_MODE_FB_INTERLACED = 1 << 0
	DRM_MODE_FB_MODIFIERS  = 1 << 1
)

// DRMModeFbCmd2 makes a framebuffer of up to four planes (DRM_IOCTL_MODE_ADDFB2),
// or tells about one, the handles only to the master. What is not used is 0. EINVAL:
// no such format, bad sizes, or different modifiers. ENOENT: no such handle.
type DRMModeFbCmd2 struct {
	_    structs.HostLayout
	FbId uint32 `ioctl:"object"`
	// Pixels.
	Width       uint32
	Height      uint32
	PixelFormat uint32 `ioctl:"fourcc"`
	Flags       uint32 `ioctl:"flags=drm_mode_fb"`
	// For each plane.
	Handles [4]uint32 `ioctl:"handle"`
	// Bytes from line to line, and to the first.
	Pitches [4]uint32
	Offsets [4]uint32
	Pad     uint32 `ioctl:"hidden"`
	// The layout, the same for all planes in use; with DRM_MODE_FB_MODIFIERS.
	Modifier [4]uint64 `ioctl:"modifier"`
}

// DRMModeClosefb gives a framebuffer up, which stays on planes that show it. EINVAL:
// Pad is not 0.
type DRMModeClosefb struct {
	_    structs.HostLayout
	FbId uint32 `ioctl:"object"`
	Pad  uint32 `ioctl:"pad"`
}

// DRMModeCreateDumb makes a buffer to show and to draw into with the CPU. EINVAL:
// bad sizes. ENOSYS: the driver has none. ENOMEM.
type DRMModeCreateDumb struct {
	_ structs.HostLayout
	// Pixels.
	Height uint32
	Width  uint32
	// Bits for each pixel: 8, 16, 24 or 32.
	Bpp uint32
	// 0.
	Flags  uint32 `ioctl:"hex"`
	Handle uint32 `ioctl:"out,handle"`
	// Bytes from line to line.
	Pitch uint32 `ioctl:"out"`
	// In bytes.
	Size uint64 `ioctl:"out"`
}

// DRMModeMapDumb tells where to mmap a dumb buffer. ENOENT: no such handle. EINVAL:
// it is imported.
type DRMModeMapDumb struct {
	_      structs.HostLayout
	Handle uint32 `ioctl:"handle"`
	Pad    uint32 `ioctl:"pad"`
	// Of the device's file.
	Offset uint64 `ioctl:"out,hex"`
}

// DRMModeDestroyDumb gives the handle of a dumb buffer up. EINVAL: no such handle.
type DRMModeDestroyDumb struct {
	_      structs.HostLayout
	Handle uint32 `ioctl:"handle"`
}
