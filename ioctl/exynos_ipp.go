// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

// Image post processors of the exynos driver, see include/uapi/drm/exynos_drm.h.

// DRMExynosIoctlIppGetRes lists the processors. EFAULT: bad pointer.
type DRMExynosIoctlIppGetRes struct {
	_ structs.HostLayout
	// Room in elements; out: how many there are.
	CountIpps uint32 `ioctl:"inout"`
	Reserved  uint32 `ioctl:"pad"`
	IppIdPtr  uint64 `ioctl:"out,ptr=u32,len=CountIpps"`
}

// What a format is good for.
//
//ioctl:flags drm_exynos_ipp_format_type
const (
	DRM_EXYNOS_IPP_FORMAT_SOURCE      = 0x01
	DRM_EXYNOS_IPP_FORMAT_DESTINATION = 0x02
)

// DRMExynosIppFormat is a format that a processor knows.
type DRMExynosIppFormat struct {
	_        structs.HostLayout
	Fourcc   uint32 `ioctl:"fourcc"`
	Type     uint32 `ioctl:"flags=drm_exynos_ipp_format_type"`
	Modifier uint64 `ioctl:"modifier"`
}

// What a processor can do.
//
//ioctl:flags drm_exynos_ipp_capability
const (
	DRM_EXYNOS_IPP_CAP_CROP    = 0x01
	DRM_EXYNOS_IPP_CAP_ROTATE  = 0x02
	DRM_EXYNOS_IPP_CAP_SCALE   = 0x04
	DRM_EXYNOS_IPP_CAP_CONVERT = 0x08
)

// DRMExynosIoctlIppGetCaps tells what a processor can do. ENOENT: no such
// processor.
type DRMExynosIoctlIppGetCaps struct {
	_            structs.HostLayout
	IppId        uint32
	Capabilities uint32 `ioctl:"out,flags=drm_exynos_ipp_capability"`
	Reserved     uint32 `ioctl:"pad"`
	// Room in elements; out: how many there are.
	FormatsCount uint32 `ioctl:"inout"`
	FormatsPtr   uint64 `ioctl:"out,ptr=DRMExynosIppFormat,len=FormatsCount"`
}

// Kinds of limits.
//
//ioctl:flags drm_exynos_ipp_limit_type
const (
	DRM_EXYNOS_IPP_LIMIT_TYPE_SIZE    = 0x0001       // of DRM_EXYNOS_IPP_LIMIT_TYPE_MASK
	DRM_EXYNOS_IPP_LIMIT_TYPE_SCALE   = 0x0002       // of DRM_EXYNOS_IPP_LIMIT_TYPE_MASK
	DRM_EXYNOS_IPP_LIMIT_SIZE_BUFFER  = 0x0001 << 16 // of DRM_EXYNOS_IPP_LIMIT_SIZE_MASK
	DRM_EXYNOS_IPP_LIMIT_SIZE_AREA    = 0x0002 << 16 // of DRM_EXYNOS_IPP_LIMIT_SIZE_MASK
	DRM_EXYNOS_IPP_LIMIT_SIZE_ROTATED = 0x0003 << 16 // of DRM_EXYNOS_IPP_LIMIT_SIZE_MASK
)

// Fields of a limit's kind.
const (
	DRM_EXYNOS_IPP_LIMIT_TYPE_MASK = 0x000f
	DRM_EXYNOS_IPP_LIMIT_SIZE_MASK = 0x000f << 16
)

// DRMExynosIppLimitVal is a range: in pixels, or 16.16 fixed point for scales.
type DRMExynosIppLimitVal struct {
	_        structs.HostLayout
	Min      uint32
	Max      uint32
	Align    uint32
	Reserved uint32 `ioctl:"pad"`
}

// DRMExynosIppLimit is a limit of a processor, horizontal and vertical.
type DRMExynosIppLimit struct {
	_        structs.HostLayout
	Type     uint32 `ioctl:"flags=drm_exynos_ipp_limit_type"`
	Reserved uint32 `ioctl:"pad"`
	H        DRMExynosIppLimitVal
	V        DRMExynosIppLimitVal
}

// DRMExynosIoctlIppGetLimits tells the limits of a format. ENOENT: no such
// processor. EINVAL: no such format.
type DRMExynosIoctlIppGetLimits struct {
	_        structs.HostLayout
	IppId    uint32
	Fourcc   uint32 `ioctl:"fourcc"`
	Modifier uint64 `ioctl:"modifier"`
	Type     uint32 `ioctl:"flags=drm_exynos_ipp_format_type"`
	// Room in elements; out: how many there are.
	LimitsCount uint32 `ioctl:"inout"`
	LimitsPtr   uint64 `ioctl:"out,ptr=DRMExynosIppLimit,len=LimitsCount"`
}

// Kinds of the parts of a task.
//
//ioctl:flags drm_exynos_ipp_task_id
const (
	DRM_EXYNOS_IPP_TASK_BUFFER    = 0x0001 // of 0xffff
	DRM_EXYNOS_IPP_TASK_RECTANGLE = 0x0002 // of 0xffff
	DRM_EXYNOS_IPP_TASK_TRANSFORM = 0x0003 // of 0xffff
	DRM_EXYNOS_IPP_TASK_ALPHA     = 0x0004 // of 0xffff

	DRM_EXYNOS_IPP_TASK_TYPE_SOURCE      = 0x0001 << 16
	DRM_EXYNOS_IPP_TASK_TYPE_DESTINATION = 0x0002 << 16
)

// DRMExynosIppTaskBuffer is an image of a task; its fields are those of
// DRMModeFbCmd2.
type DRMExynosIppTaskBuffer struct {
	_        structs.HostLayout
	Id       uint32 `ioctl:"flags=drm_exynos_ipp_task_id"`
	Fourcc   uint32 `ioctl:"fourcc"`
	Width    uint32
	Height   uint32
	GemId    [4]uint32 `ioctl:"handle"`
	Offset   [4]uint32
	Pitch    [4]uint32
	Modifier uint64 `ioctl:"modifier"`
}

// DRMExynosIppTaskRect is a part of an image, in pixels.
type DRMExynosIppTaskRect struct {
	_        structs.HostLayout
	Id       uint32 `ioctl:"flags=drm_exynos_ipp_task_id"`
	Reserved uint32 `ioctl:"pad"`
	X        uint32
	Y        uint32
	W        uint32
	H        uint32
}

// DRMExynosIppTaskTransform turns the image.
type DRMExynosIppTaskTransform struct {
	_        structs.HostLayout
	Id       uint32 `ioctl:"flags=drm_exynos_ipp_task_id"`
	Rotation uint32 `ioctl:"flags=drm_mode_rotate"`
}

// DRMExynosIppTaskAlpha is an alpha value for formats without: 0 to 255.
type DRMExynosIppTaskAlpha struct {
	_     structs.HostLayout
	Id    uint32 `ioctl:"flags=drm_exynos_ipp_task_id"`
	Value uint32
}

// Flags of a task.
//
//ioctl:flags drm_exynos_ipp_flag
const (
	DRM_EXYNOS_IPP_FLAG_EVENT     = 0x01
	DRM_EXYNOS_IPP_FLAG_TEST_ONLY = 0x02
	DRM_EXYNOS_IPP_FLAG_NONBLOCK  = 0x04
)

// DRMExynosIoctlIppCommit runs a task. EINVAL: unknown flags, bad or missing parts.
// ENOENT: no such processor.
type DRMExynosIoctlIppCommit struct {
	_        structs.HostLayout
	IppId    uint32
	Flags    uint32 `ioctl:"flags=drm_exynos_ipp_flag"`
	Reserved uint32 `ioctl:"pad"`
	// In bytes.
	ParamsSize uint32
	// Parts: structures DRMExynosIppTask..., each with its Id first.
	ParamsPtr uint64 `ioctl:"ptr=bytes,len=ParamsSize"`
	UserData  uint64 `ioctl:"hex"`
}
