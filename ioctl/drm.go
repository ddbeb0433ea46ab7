// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

// The core of DRM, see include/uapi/drm/drm.h.

const (
	drmType = 'd' << iocTypeShift
	drmIO   = drmType
	drmIOR  = iocRead | drmType
	drmIOW  = iocWrite | drmType
	drmIOWR = iocRead | iocWrite | drmType
)

// Requests of every DRM device. A DRM device knows a request by its number alone:
// an argument that is shorter than the driver's structure is filled up with zeros,
// and of a longer one the rest is ignored.
//
//ioctl:family DRM
const (
	DRM_IOCTL_VERSION        Request = drmIOWR | 64<<iocSizeShift + 0x00 // DRMVersion
	DRM_IOCTL_GET_UNIQUE     Request = drmIOWR | 16<<iocSizeShift + 0x01 // DRMUnique
	DRM_IOCTL_GET_MAGIC      Request = drmIOR | 4<<iocSizeShift + 0x02   // DRMAuth
	DRM_IOCTL_GET_CLIENT     Request = drmIOWR | 40<<iocSizeShift + 0x05 // DRMClient
	DRM_IOCTL_SET_VERSION    Request = drmIOWR | 16<<iocSizeShift + 0x07 // DRMSetVersion
	DRM_IOCTL_GEM_CLOSE      Request = drmIOW | 8<<iocSizeShift + 0x09   // DRMGemClose
	DRM_IOCTL_GEM_FLINK      Request = drmIOWR | 8<<iocSizeShift + 0x0a  // DRMGemFlink
	DRM_IOCTL_GEM_OPEN       Request = drmIOWR | 16<<iocSizeShift + 0x0b // DRMGemOpen
	DRM_IOCTL_GET_CAP        Request = drmIOWR | 16<<iocSizeShift + 0x0c // DRMGetCap
	DRM_IOCTL_SET_CLIENT_CAP Request = drmIOW | 16<<iocSizeShift + 0x0d  // DRMSetClientCap
	DRM_IOCTL_AUTH_MAGIC     Request = drmIOW | 4<<iocSizeShift + 0x11   // DRMAuth
	// Makes the client the master. EBUSY: another is master. EACCES: not allowed.
	DRM_IOCTL_SET_MASTER Request = drmIO + 0x1e // none
	// Gives that up. EINVAL: not master. EACCES: not allowed.
	DRM_IOCTL_DROP_MASTER         Request = drmIO + 0x1f                      // none
	DRM_IOCTL_PRIME_HANDLE_TO_FD  Request = drmIOWR | 12<<iocSizeShift + 0x2d // DRMPrimeHandle: Handle, Flags -> Fd
	DRM_IOCTL_PRIME_FD_TO_HANDLE  Request = drmIOWR | 12<<iocSizeShift + 0x2e // DRMPrimeHandle: Fd -> Handle
	DRM_IOCTL_WAIT_VBLANK         Request = drmIOWR | 24<<iocSizeShift + 0x3a // DRMWaitVblank
	DRM_IOCTL_CRTC_GET_SEQUENCE   Request = drmIOWR | 24<<iocSizeShift + 0x3b // DRMCrtcGetSequence
	DRM_IOCTL_CRTC_QUEUE_SEQUENCE Request = drmIOWR | 24<<iocSizeShift + 0x3c // DRMCrtcQueueSequence
	DRM_IOCTL_SET_CLIENT_NAME     Request = drmIOWR | 16<<iocSizeShift + 0xd1 // DRMSetClientName
	DRM_IOCTL_GEM_CHANGE_HANDLE   Request = drmIOWR | 8<<iocSizeShift + 0xd2  // DRMGemChangeHandle
)

// Where the requests of a driver lie, as numbers.
const (
	DRM_COMMAND_BASE = 0x40
	DRM_COMMAND_END  = 0xa0
)

// DRMVersion tells the driver's version and names. Of each name as much is written as
// there is room for, without NUL. EFAULT: bad pointer.
type DRMVersion struct {
	_                 structs.HostLayout
	VersionMajor      int32 `ioctl:"out"`
	VersionMinor      int32 `ioctl:"out"`
	VersionPatchlevel int32 `ioctl:"out"`
	Pad               int32 `ioctl:"hidden"`
	// Room in bytes; out: the full length.
	NameLen uint64 `ioctl:"inout"`
	// The driver, such as "exynos".
	Name    uint64 `ioctl:"out,ptr=str,len=NameLen,partial"`
	DateLen uint64 `ioctl:"inout"`
	Date    uint64 `ioctl:"out,ptr=str,len=DateLen,partial"`
	DescLen uint64 `ioctl:"inout"`
	Desc    uint64 `ioctl:"out,ptr=str,len=DescLen,partial"`
}

// DRMUnique tells the bus address of the device, "" until the client did a
// DRMSetVersion. It is written only if all of it has room. EFAULT: bad pointer.
type DRMUnique struct {
	_ structs.HostLayout
	// Room in bytes; out: the full length.
	UniqueLen uint64 `ioctl:"inout"`
	Unique    uint64 `ioctl:"out,ptr=str,len=UniqueLen"`
}

// DRMAuth is the token with which a master makes other clients authentic.
// EINVAL: no client has it. EACCES: the caller is not master.
type DRMAuth struct {
	_     structs.HostLayout
	Magic uint32 `ioctl:"inout"`
}

// DRMClient tells about a client; Linux has only one to tell about, the caller.
// EINVAL: another index than 0.
type DRMClient struct {
	_     structs.HostLayout
	Idx   int32
	Auth  int32  `ioctl:"out"`
	Pid   uint64 `ioctl:"out"`
	Uid   uint64 `ioctl:"out"`
	Magic uint64 `ioctl:"out"`
	Iocs  uint64 `ioctl:"out"`
}

// DRMSetVersion asks for a version of the core's interface (1.1 to 1.4 do
// something) and of the driver's; -1 for none. Out: those that there are.
// EINVAL: others than there are. EACCES: not master.
type DRMSetVersion struct {
	_          structs.HostLayout
	DrmDiMajor int32 `ioctl:"inout"`
	DrmDiMinor int32 `ioctl:"inout"`
	DrmDdMajor int32 `ioctl:"inout"`
	DrmDdMinor int32 `ioctl:"inout"`
}

// DRMGemClose gives a handle up; the buffer stays as long as anything else uses
// it. EINVAL: no such handle. EOPNOTSUPP: the driver has no GEM.
type DRMGemClose struct {
	_      structs.HostLayout
	Handle uint32 `ioctl:"handle"`
	Pad    uint32 `ioctl:"pad"`
}

// DRMGemFlink gives a buffer a name for all clients of the device. ENOENT: no such
// handle.
type DRMGemFlink struct {
	_      structs.HostLayout
	Handle uint32 `ioctl:"handle"`
	Name   uint32 `ioctl:"out"`
}

// DRMGemOpen makes a handle from a name. ENOENT: no buffer has that name.
type DRMGemOpen struct {
	_      structs.HostLayout
	Name   uint32
	Handle uint32 `ioctl:"out,handle"`
	// In bytes.
	Size uint64 `ioctl:"out"`
}

// DRMGemChangeHandle moves a buffer to another handle. Linux 7.2 has it, but refuses
// it with EINVAL.
type DRMGemChangeHandle struct {
	_         structs.HostLayout
	Handle    uint32 `ioctl:"handle"`
	NewHandle uint32 `ioctl:"handle"`
}

// Capabilities of a device.
//
//ioctl:enum drm_cap
const (
	DRM_CAP_DUMB_BUFFER            = 0x1
	DRM_CAP_VBLANK_HIGH_CRTC       = 0x2
	DRM_CAP_DUMB_PREFERRED_DEPTH   = 0x3
	DRM_CAP_DUMB_PREFER_SHADOW     = 0x4
	DRM_CAP_PRIME                  = 0x5
	DRM_CAP_TIMESTAMP_MONOTONIC    = 0x6
	DRM_CAP_ASYNC_PAGE_FLIP        = 0x7
	DRM_CAP_CURSOR_WIDTH           = 0x8
	DRM_CAP_CURSOR_HEIGHT          = 0x9
	DRM_CAP_ADDFB2_MODIFIERS       = 0x10
	DRM_CAP_PAGE_FLIP_TARGET       = 0x11
	DRM_CAP_CRTC_IN_VBLANK_EVENT   = 0x12
	DRM_CAP_SYNCOBJ                = 0x13
	DRM_CAP_SYNCOBJ_TIMELINE       = 0x14
	DRM_CAP_ATOMIC_ASYNC_PAGE_FLIP = 0x15
)

// Values of DRM_CAP_PRIME.
//
//ioctl:flags drm_prime_cap
const (
	DRM_PRIME_CAP_IMPORT = 0x1
	DRM_PRIME_CAP_EXPORT = 0x2
)

// DRMGetCap asks for a capability of the device. EINVAL: unknown. EOPNOTSUPP: it
// needs mode setting.
type DRMGetCap struct {
	_          structs.HostLayout
	Capability uint64 `ioctl:"enum=drm_cap"`
	Value      uint64 `ioctl:"out"`
}

// What a client can ask for.
//
//ioctl:enum drm_client_cap
const (
	DRM_CLIENT_CAP_STEREO_3D            = 1
	DRM_CLIENT_CAP_UNIVERSAL_PLANES     = 2
	DRM_CLIENT_CAP_ATOMIC               = 3
	DRM_CLIENT_CAP_ASPECT_RATIO         = 4
	DRM_CLIENT_CAP_WRITEBACK_CONNECTORS = 5
	DRM_CLIENT_CAP_CURSOR_PLANE_HOTSPOT = 6
	DRM_CLIENT_CAP_PLANE_COLOR_PIPELINE = 7
)

// DRMSetClientCap asks for a capability for this client. EINVAL: unknown, or a bad
// value. EOPNOTSUPP: the driver cannot, or has no mode setting.
type DRMSetClientCap struct {
	_          structs.HostLayout
	Capability uint64 `ioctl:"enum=drm_client_cap"`
	Value      uint64
}

// DRM_CLIENT_NAME_MAX_LEN is the longest name of a client, in bytes.
const DRM_CLIENT_NAME_MAX_LEN = 64

// DRMSetClientName names the client, for debugging. EINVAL: too long, or blanks or
// unprintable characters in it. EFAULT: bad pointer.
type DRMSetClientName struct {
	_ structs.HostLayout
	// In bytes, without a closing NUL; 0 takes the name away.
	NameLen uint64
	Name    uint64 `ioctl:"ptr=str,len=NameLen"`
}

// Flags of exporting: those of open.
//
//ioctl:flags drm_prime
const (
	DRM_RDWR    = 0x2
	DRM_CLOEXEC = 0x80000
)

// DRMPrimeHandle turns the handle of a buffer into the file descriptor of a
// dma-buf (DRM_IOCTL_PRIME_HANDLE_TO_FD), or back. Exporting: EINVAL for unknown
// flags, ENOENT for no such handle. Importing: EBADF or EINVAL if the descriptor is
// none of a dma-buf. ENOSYS, EOPNOTSUPP: the driver cannot.
type DRMPrimeHandle struct {
	_      structs.HostLayout
	Handle uint32 `ioctl:"handle"`
	// DRM_RDWR and DRM_CLOEXEC, when exporting.
	Flags uint32 `ioctl:"flags=drm_prime"`
	Fd    int32  `ioctl:"fd"`
}

// How to wait for a vertical blank, with the number of the CRTC from bit 1 on
// (DRM_VBLANK_HIGH_CRTC_MASK). The C names have an underscore in front.
//
//ioctl:flags drm_vblank_seq_type
const (
	DRM_VBLANK_ABSOLUTE   = 0x0 // of DRM_VBLANK_RELATIVE
	DRM_VBLANK_RELATIVE   = 0x1
	DRM_VBLANK_EVENT      = 0x4000000
	DRM_VBLANK_FLIP       = 0x8000000
	DRM_VBLANK_NEXTONMISS = 0x10000000
	DRM_VBLANK_SECONDARY  = 0x20000000
	DRM_VBLANK_SIGNAL     = 0x40000000
)

// Where the number of the CRTC is.
const (
	DRM_VBLANK_HIGH_CRTC_MASK  = 0x3e
	DRM_VBLANK_HIGH_CRTC_SHIFT = 1
)

// DRMWaitVblank waits for a vertical blank, or asks for an event. It is a union in
// C. EINVAL: bad flags or CRTC, or the CRTC is off. EOPNOTSUPP: the driver has no
// vertical blanks. EBUSY: the blank did not come within 3 s. EINTR: a signal came.
type DRMWaitVblank struct {
	_ structs.HostLayout
	// DRM_VBLANK flags and the number of the CRTC.
	Type uint32 `ioctl:"inout,flags=drm_vblank_seq_type,c=request.type"`
	// The blank to wait for; out: that which came.
	Sequence uint32 `ioctl:"inout,c=request.sequence"`
	// For the event (DRM_VBLANK_EVENT); out: time of the blank, seconds.
	Signal uint64 `ioctl:"inout,c=request.signal,outname=tval_sec"`
	// Time of the blank, microseconds.
	TvalUsec int64 `ioctl:"out,c=reply.tval_usec"`
}

// DRMCrtcGetSequence asks for the number of the last vertical blank. ENOENT: no
// such CRTC. EOPNOTSUPP: no vertical blanks.
type DRMCrtcGetSequence struct {
	_      structs.HostLayout
	CrtcId uint32 `ioctl:"object"`
	// Whether the CRTC is on.
	Active   uint32 `ioctl:"out"`
	Sequence uint64 `ioctl:"out"`
	// When its first pixel went out, nanoseconds of CLOCK_MONOTONIC.
	SequenceNs int64 `ioctl:"out"`
}

// Flags of asking for an event.
//
//ioctl:flags drm_crtc_sequence
const (
	DRM_CRTC_SEQUENCE_RELATIVE     = 0x1
	DRM_CRTC_SEQUENCE_NEXT_ON_MISS = 0x2
)

// DRMCrtcQueueSequence asks for an event DRM_EVENT_CRTC_SEQUENCE at a vertical
// blank. ENOENT: no such CRTC. EINVAL: unknown flags, or the CRTC is off.
type DRMCrtcQueueSequence struct {
	_      structs.HostLayout
	CrtcId uint32 `ioctl:"object"`
	Flags  uint32 `ioctl:"flags=drm_crtc_sequence"`
	// Out: the blank that it will be.
	Sequence uint64 `ioctl:"inout"`
	UserData uint64 `ioctl:"hex"`
}
