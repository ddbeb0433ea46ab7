// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

// Kinds of events that a DRM device gives to read, see include/uapi/drm/drm.h.
//
//ioctl:enum drm_event
const (
	DRM_EVENT_VBLANK        = 0x01       // DRMEventVblank
	DRM_EVENT_FLIP_COMPLETE = 0x02       // DRMEventVblank
	DRM_EVENT_CRTC_SEQUENCE = 0x03       // DRMEventCrtcSequence
	DRM_EXYNOS_G2D_EVENT    = 0x80000000 // DRMExynosG2DEvent
	DRM_EXYNOS_IPP_EVENT    = 0x80000002 // DRMExynosIppEvent
)

// DRMEvent is the head of each event. A read returns whole events only.
type DRMEvent struct {
	_    structs.HostLayout
	Type uint32 `ioctl:"enum=drm_event"`
	// In bytes, with this head.
	Length uint32
}

// DRMEventVblank tells of a vertical blank (DRM_IOCTL_WAIT_VBLANK) or of a finished
// page flip or atomic commit.
type DRMEventVblank struct {
	_        structs.HostLayout
	Base     DRMEvent
	UserData uint64 `ioctl:"hex"`
	// Time of the blank on CLOCK_MONOTONIC: seconds and microseconds.
	TvSec    uint32
	TvUsec   uint32
	Sequence uint32
	CrtcId   uint32 `ioctl:"object"`
}

// DRMEventCrtcSequence answers DRM_IOCTL_CRTC_QUEUE_SEQUENCE.
type DRMEventCrtcSequence struct {
	_        structs.HostLayout
	Base     DRMEvent
	UserData uint64 `ioctl:"hex"`
	// Nanoseconds of CLOCK_MONOTONIC.
	TimeNs   int64
	Sequence uint64
}

// DRMExynosG2DEvent tells that a command list is done, see
// include/uapi/drm/exynos_drm.h.
type DRMExynosG2DEvent struct {
	_        structs.HostLayout
	Base     DRMEvent
	UserData uint64 `ioctl:"hex"`
	// Time on CLOCK_MONOTONIC: seconds and microseconds.
	TvSec  uint32
	TvUsec uint32
	// The place of the list in the run.
	CmdlistNo uint32
	Reserved  uint32 `ioctl:"pad"`
}

// DRMExynosIppEvent tells that a task of the image processor is done.
type DRMExynosIppEvent struct {
	_        structs.HostLayout
	Base     DRMEvent
	UserData uint64 `ioctl:"hex"`
	// Time on CLOCK_MONOTONIC: seconds and microseconds.
	TvSec    uint32
	TvUsec   uint32
	IppId    uint32
	Sequence uint32
	Reserved uint64 `ioctl:"pad"`
}
