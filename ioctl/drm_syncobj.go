// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

// Synchronisation objects of DRM, see include/uapi/drm/drm.h. All fail with
// EOPNOTSUPP if the driver has none, or none with a timeline if one is needed; ENOENT
// for an unknown handle; EINVAL if the padding is not 0.
//
//ioctl:family DRM
const (
	DRM_IOCTL_SYNCOBJ_CREATE          Request = drmIOWR | 8<<iocSizeShift + 0xbf  // DRMSyncobjCreate
	DRM_IOCTL_SYNCOBJ_DESTROY         Request = drmIOWR | 8<<iocSizeShift + 0xc0  // DRMSyncobjDestroy
	DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD    Request = drmIOWR | 24<<iocSizeShift + 0xc1 // DRMSyncobjHandle: Handle, Flags, Point -> Fd
	DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE    Request = drmIOWR | 24<<iocSizeShift + 0xc2 // DRMSyncobjHandle: Handle, Flags=drm_syncobj_fd_to_handle, Fd, Point -> Handle
	DRM_IOCTL_SYNCOBJ_WAIT            Request = drmIOWR | 40<<iocSizeShift + 0xc3 // DRMSyncobjWait
	DRM_IOCTL_SYNCOBJ_RESET           Request = drmIOWR | 16<<iocSizeShift + 0xc4 // DRMSyncobjArray
	DRM_IOCTL_SYNCOBJ_SIGNAL          Request = drmIOWR | 16<<iocSizeShift + 0xc5 // DRMSyncobjArray
	DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT   Request = drmIOWR | 48<<iocSizeShift + 0xca // DRMSyncobjTimelineWait
	DRM_IOCTL_SYNCOBJ_QUERY           Request = drmIOWR | 24<<iocSizeShift + 0xcb // DRMSyncobjTimelineArray: Handles, CountHandles, Flags -> Points
	DRM_IOCTL_SYNCOBJ_TRANSFER        Request = drmIOWR | 32<<iocSizeShift + 0xcc // DRMSyncobjTransfer
	DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL Request = drmIOWR | 24<<iocSizeShift + 0xcd // DRMSyncobjTimelineArray
	DRM_IOCTL_SYNCOBJ_EVENTFD         Request = drmIOWR | 24<<iocSizeShift + 0xcf // DRMSyncobjEventfd
)

// Flags of making an object.
//
//ioctl:flags drm_syncobj_create
const (
	DRM_SYNCOBJ_CREATE_SIGNALED = 1 << 0
)

// DRMSyncobjCreate makes an object. EINVAL: unknown flags.
type DRMSyncobjCreate struct {
	_      structs.HostLayout
	Handle uint32 `ioctl:"out,syncobj"`
	Flags  uint32 `ioctl:"flags=drm_syncobj_create"`
}

// DRMSyncobjDestroy gives a handle up. EINVAL: no such handle.
type DRMSyncobjDestroy struct {
	_      structs.HostLayout
	Handle uint32 `ioctl:"syncobj"`
	Pad    uint32 `ioctl:"pad"`
}

// Flags of turning descriptors into handles.
//
//ioctl:flags drm_syncobj_fd_to_handle
const (
	DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE = 1 << 0
	DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_TIMELINE         = 1 << 1
)

// Flags of turning handles into descriptors.
//
//ioctl:flags drm_syncobj_handle_to_fd
const (
	DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE = 1 << 0
	DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_TIMELINE         = 1 << 1
)

// DRMSyncobjHandle turns a handle into a file descriptor, or back: of the object
// itself, or of a sync_file with its fence. Importing a sync_file puts its fence
// into the object Handle. EINVAL: unknown flags, no such handle, or a descriptor of
// another kind.
type DRMSyncobjHandle struct {
	_      structs.HostLayout
	Handle uint32 `ioctl:"syncobj"`
	Flags  uint32 `ioctl:"flags=drm_syncobj_handle_to_fd"`
	Fd     int32  `ioctl:"fd"`
	Pad    uint32 `ioctl:"pad"`
	// On the timeline.
	Point uint64
}

// DRMSyncobjTransfer copies a fence from one object to another. EINVAL: other flags
// than WAIT_FOR_SUBMIT, or no fence at that point without it. ETIME, EINTR: none came.
type DRMSyncobjTransfer struct {
	_         structs.HostLayout
	SrcHandle uint32 `ioctl:"syncobj"`
	DstHandle uint32 `ioctl:"syncobj"`
	// On the timelines; 0 for objects without.
	SrcPoint uint64
	DstPoint uint64
	Flags    uint32 `ioctl:"flags=drm_syncobj_wait"`
	Pad      uint32 `ioctl:"pad"`
}

// Flags of waiting.
//
//ioctl:flags drm_syncobj_wait
const (
	DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL        = 1 << 0
	DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT = 1 << 1
	DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE  = 1 << 2
	DRM_SYNCOBJ_WAIT_FLAGS_WAIT_DEADLINE   = 1 << 3
)

// DRMSyncobjWait waits for one or all of the objects; without objects it returns at
// once. EINVAL: unknown flags, or an object without a fence unless WAIT_FOR_SUBMIT is
// given. ETIME: the time is over. EINTR: a signal came.
type DRMSyncobjWait struct {
	_       structs.HostLayout
	Handles uint64 `ioctl:"ptr=u32,len=CountHandles,syncobj"`
	// Absolute, nanoseconds of CLOCK_MONOTONIC; 0 or less to only look.
	TimeoutNsec  int64
	CountHandles uint32
	Flags        uint32 `ioctl:"flags=drm_syncobj_wait"`
	// Which object it was, unless all are waited for.
	FirstSignaled uint32 `ioctl:"out"`
	Pad           uint32 `ioctl:"pad"`
	// Absolute, nanoseconds of CLOCK_MONOTONIC, with WAIT_DEADLINE.
	DeadlineNsec uint64
}

// DRMSyncobjTimelineWait is DRMSyncobjWait for points of timelines.
type DRMSyncobjTimelineWait struct {
	_       structs.HostLayout
	Handles uint64 `ioctl:"ptr=u32,len=CountHandles,syncobj"`
	Points  uint64 `ioctl:"ptr=u64,len=CountHandles"`
	// Absolute, nanoseconds of CLOCK_MONOTONIC.
	TimeoutNsec   int64
	CountHandles  uint32
	Flags         uint32 `ioctl:"flags=drm_syncobj_wait"`
	FirstSignaled uint32 `ioctl:"out"`
	Pad           uint32 `ioctl:"pad"`
	DeadlineNsec  uint64
}

// DRMSyncobjEventfd has an eventfd signalled at a point. EINVAL: other flags than
// WAIT_AVAILABLE, or the descriptor is of no eventfd. EBADF: it is not open.
type DRMSyncobjEventfd struct {
	_      structs.HostLayout
	Handle uint32 `ioctl:"syncobj"`
	Flags  uint32 `ioctl:"flags=drm_syncobj_wait"`
	Point  uint64
	Fd     int32  `ioctl:"fd"`
	Pad    uint32 `ioctl:"pad"`
}

// DRMSyncobjArray lists objects to reset or to signal. EINVAL: none.
type DRMSyncobjArray struct {
	_            structs.HostLayout
	Handles      uint64 `ioctl:"ptr=u32,len=CountHandles,syncobj"`
	CountHandles uint32
	Pad          uint32 `ioctl:"pad"`
}

// Flags of asking for points.
//
//ioctl:flags drm_syncobj_query
const (
	DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED = 1 << 0
)

// DRMSyncobjTimelineArray lists objects with points: to signal, or out to tell how
// far the timelines are (DRM_IOCTL_SYNCOBJ_QUERY). EINVAL: none, or unknown flags.
type DRMSyncobjTimelineArray struct {
	_            structs.HostLayout
	Handles      uint64 `ioctl:"ptr=u32,len=CountHandles,syncobj"`
	Points       uint64 `ioctl:"ptr=u64,len=CountHandles"`
	CountHandles uint32
	Flags        uint32 `ioctl:"flags=drm_syncobj_query"`
}
