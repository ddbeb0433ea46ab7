// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

// Properties of the objects of mode setting, see include/uapi/drm/drm_mode.h.

// Kinds of properties.
//
//ioctl:flags drm_mode_prop
const (
	DRM_MODE_PROP_PENDING      = 1 << 0
	DRM_MODE_PROP_RANGE        = 1 << 1
	DRM_MODE_PROP_IMMUTABLE    = 1 << 2
	DRM_MODE_PROP_ENUM         = 1 << 3
	DRM_MODE_PROP_BLOB         = 1 << 4
	DRM_MODE_PROP_BITMASK      = 1 << 5
	DRM_MODE_PROP_OBJECT       = 1 << 6 // of DRM_MODE_PROP_EXTENDED_TYPE
	DRM_MODE_PROP_SIGNED_RANGE = 2 << 6 // of DRM_MODE_PROP_EXTENDED_TYPE
	DRM_MODE_PROP_ATOMIC       = 0x80000000
)

// Fields of the kinds of properties.
const (
	DRM_MODE_PROP_LEGACY_TYPE   = DRM_MODE_PROP_RANGE | DRM_MODE_PROP_ENUM | DRM_MODE_PROP_BLOB | DRM_MODE_PROP_BITMASK
	DRM_MODE_PROP_EXTENDED_TYPE = 0x0000ffc0
)

// DRMModePropertyEnum is a value of a property that has named ones.
type DRMModePropertyEnum struct {
	_     structs.HostLayout
	Value uint64
	// Ends with NUL.
	Name [DRM_PROP_NAME_LEN]byte
}

// DRMModeGetProperty tells about a property. Call it twice: an array gets as many as
// it has room for.
type DRMModeGetProperty struct {
	_           structs.HostLayout
	ValuesPtr   uint64 `ioctl:"out,ptr=u64,len=CountValues,partial"`
	EnumBlobPtr uint64 `ioctl:"out,ptr=DRMModePropertyEnum,len=CountEnumBlobs,partial"`
	PropId      uint32 `ioctl:"object"`
	Flags       uint32 `ioctl:"out,flags=drm_mode_prop"`
	// Ends with NUL.
	Name [DRM_PROP_NAME_LEN]byte `ioctl:"out"`
	// Room in elements; out: how many there are.
	CountValues    uint32 `ioctl:"inout"`
	CountEnumBlobs uint32 `ioctl:"inout"`
}

// DRMModeConnectorSetProperty sets a property of a connector. EINVAL: a value that
// it cannot have.
type DRMModeConnectorSetProperty struct {
	_           structs.HostLayout
	Value       uint64 `ioctl:"signed"`
	PropId      uint32 `ioctl:"object"`
	ConnectorId uint32 `ioctl:"object"`
}

// Kinds of objects.
//
//ioctl:enum drm_mode_object
const (
	DRM_MODE_OBJECT_ANY       = 0
	DRM_MODE_OBJECT_CRTC      = 0xcccccccc
	DRM_MODE_OBJECT_CONNECTOR = 0xc0c0c0c0
	DRM_MODE_OBJECT_ENCODER   = 0xe0e0e0e0
	DRM_MODE_OBJECT_MODE      = 0xdededede
	DRM_MODE_OBJECT_PROPERTY  = 0xb0b0b0b0
	DRM_MODE_OBJECT_FB        = 0xfbfbfbfb
	DRM_MODE_OBJECT_BLOB      = 0xbbbbbbbb
	DRM_MODE_OBJECT_PLANE     = 0xeeeeeeee
	DRM_MODE_OBJECT_COLOROP   = 0xfafafafa
)

// DRMModeObjGetProperties lists the properties of an object with their values.
// EINVAL: it has none.
type DRMModeObjGetProperties struct {
	_             structs.HostLayout
	PropsPtr      uint64 `ioctl:"out,ptr=u32,len=CountProps,partial,object"`
	PropValuesPtr uint64 `ioctl:"out,ptr=u64,len=CountProps,partial,signed"`
	// Room in elements; out: how many there are.
	CountProps uint32 `ioctl:"inout"`
	ObjId      uint32 `ioctl:"object"`
	ObjType    uint32 `ioctl:"enum=drm_mode_object"`
	Pad        uint32 `ioctl:"hidden"`
}

// DRMModeObjSetProperty sets a property of an object. EINVAL: it has no such
// property, or a value that it cannot have.
type DRMModeObjSetProperty struct {
	_       structs.HostLayout
	Value   uint64 `ioctl:"signed"`
	PropId  uint32 `ioctl:"object"`
	ObjId   uint32 `ioctl:"object"`
	ObjType uint32 `ioctl:"enum=drm_mode_object"`
	Pad     uint32 `ioctl:"hidden"`
}

// DRMModeGetBlob reads a blob. Data is written only if Length is its length.
type DRMModeGetBlob struct {
	_      structs.HostLayout
	BlobId uint32 `ioctl:"object"`
	// Room in bytes; out: the length.
	Length uint32 `ioctl:"inout"`
	Data   uint64 `ioctl:"out,ptr=bytes,len=Length,exact"`
}

// DRMModeCreateBlob makes a blob. EFAULT: bad pointer. EINVAL: no length, or too much. ENOMEM.
type DRMModeCreateBlob struct {
	_    structs.HostLayout
	Data uint64 `ioctl:"ptr=bytes,len=Length"`
	// In bytes.
	Length uint32
	BlobId uint32 `ioctl:"out,object"`
}

// DRMModeDestroyBlob gives a blob up. EPERM: it is not the caller's.
type DRMModeDestroyBlob struct {
	_      structs.HostLayout
	BlobId uint32 `ioctl:"object"`
}

// Flags of an atomic commit, besides DRM_MODE_PAGE_FLIP_EVENT and
// DRM_MODE_PAGE_FLIP_ASYNC.
//
//ioctl:flags drm_mode_atomic
const (
	DRM_MODE_ATOMIC_TEST_ONLY     = 0x0100
	DRM_MODE_ATOMIC_NONBLOCK      = 0x0200
	DRM_MODE_ATOMIC_ALLOW_MODESET = 0x0400
)

// DRM_MODE_ATOMIC_FLAGS has all flags of an atomic commit.
const DRM_MODE_ATOMIC_FLAGS = DRM_MODE_PAGE_FLIP_EVENT | DRM_MODE_PAGE_FLIP_ASYNC |
	DRM_MODE_ATOMIC_TEST_ONLY | DRM_MODE_ATOMIC_NONBLOCK | DRM_MODE_ATOMIC_ALLOW_MODESET

// DRMModeAtomic sets properties of several objects at once, all or none. EINVAL:
// unknown flags, an event of a test, the client did not ask for DRM_CLIENT_CAP_ATOMIC, a value that a
// property cannot have, or what the driver cannot do. EBUSY: the last commit is not
// done. ENOENT: no such object or property. ERANGE, ENOSPC: a plane does not fit.
type DRMModeAtomic struct {
	_         structs.HostLayout
	Flags     uint32 `ioctl:"flags=drm_mode_atomic+drm_mode_page_flip"`
	CountObjs uint32
	ObjsPtr   uint64 `ioctl:"ptr=u32,len=CountObjs,object"`
	// How many properties each object gets.
	CountPropsPtr uint64 `ioctl:"ptr=u32,len=CountObjs"`
	// The properties of all objects one after another, and their values.
	PropsPtr      uint64 `ioctl:"ptr=u32,len=sum(CountPropsPtr),object"`
	PropValuesPtr uint64 `ioctl:"ptr=u64,len=sum(CountPropsPtr),signed"`
	Reserved      uint64 `ioctl:"pad"`
	UserData      uint64 `ioctl:"hex"`
}

// FORMAT_BLOB_CURRENT is the version of DRMFormatModifierBlob.
const FORMAT_BLOB_CURRENT = 1

// DRMFormatModifierBlob heads the blob of the property IN_FORMATS.
type DRMFormatModifierBlob struct {
	_       structs.HostLayout
	Version uint32
	Flags   uint32
	// Formats of 32 bits each, and where they are, bytes from here.
	CountFormats  uint32
	FormatsOffset uint32
	// DRMFormatModifier, and where they are, bytes from here.
	CountModifiers  uint32
	ModifiersOffset uint32
}

// DRMFormatModifier is a layout for some formats of a DRMFormatModifierBlob.
type DRMFormatModifier struct {
	_ structs.HostLayout
	// A bit for each format, from the format number Offset on.
	Formats  uint64 `ioctl:"hex"`
	Offset   uint32
	Pad      uint32 `ioctl:"pad"`
	Modifier uint64 `ioctl:"modifier"`
}
