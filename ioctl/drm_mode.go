// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

// Mode setting: the requests, see include/uapi/drm/drm.h. All fail with EOPNOTSUPP
// if the driver has no mode setting, and ENOENT for an unknown object. Those that
// change the display are for the master: EACCES.
//
//ioctl:family DRM
const (
	DRM_IOCTL_MODE_GETRESOURCES Request = drmIOWR | 64<<iocSizeShift + 0xa0  // DRMModeCardRes
	DRM_IOCTL_MODE_GETCRTC      Request = drmIOWR | 104<<iocSizeShift + 0xa1 // DRMModeCrtc: CrtcId -> FbId, X, Y, GammaSize, ModeValid, Mode
	DRM_IOCTL_MODE_SETCRTC      Request = drmIOWR | 104<<iocSizeShift + 0xa2 // DRMModeCrtc: CrtcId, FbId, X, Y, SetConnectorsPtr, CountConnectors, ModeValid, Mode ->
	DRM_IOCTL_MODE_CURSOR       Request = drmIOWR | 28<<iocSizeShift + 0xa3  // DRMModeCursor
	DRM_IOCTL_MODE_GETGAMMA     Request = drmIOWR | 32<<iocSizeShift + 0xa4  // DRMModeCrtcLut: CrtcId, GammaSize -> Red, Green, Blue
	DRM_IOCTL_MODE_SETGAMMA     Request = drmIOWR | 32<<iocSizeShift + 0xa5  // DRMModeCrtcLut
	DRM_IOCTL_MODE_GETENCODER   Request = drmIOWR | 20<<iocSizeShift + 0xa6  // DRMModeGetEncoder
	DRM_IOCTL_MODE_GETCONNECTOR Request = drmIOWR | 80<<iocSizeShift + 0xa7  // DRMModeGetConnector
	DRM_IOCTL_MODE_ATTACHMODE   Request = drmIOWR | 72<<iocSizeShift + 0xa8  // DRMModeModeCmd
	DRM_IOCTL_MODE_DETACHMODE   Request = drmIOWR | 72<<iocSizeShift + 0xa9  // DRMModeModeCmd
	DRM_IOCTL_MODE_GETPROPERTY  Request = drmIOWR | 64<<iocSizeShift + 0xaa  // DRMModeGetProperty
	DRM_IOCTL_MODE_SETPROPERTY  Request = drmIOWR | 16<<iocSizeShift + 0xab  // DRMModeConnectorSetProperty
	DRM_IOCTL_MODE_GETPROPBLOB  Request = drmIOWR | 16<<iocSizeShift + 0xac  // DRMModeGetBlob
	DRM_IOCTL_MODE_GETFB        Request = drmIOWR | 28<<iocSizeShift + 0xad  // DRMModeFbCmd: FbId -> Width, Height, Pitch, Bpp, Depth, Handle
	DRM_IOCTL_MODE_ADDFB        Request = drmIOWR | 28<<iocSizeShift + 0xae  // DRMModeFbCmd: Width, Height, Pitch, Bpp, Depth, Handle -> FbId
	// Removes the framebuffer of that number, and switches off what shows it.
	DRM_IOCTL_MODE_RMFB              Request = drmIOWR | 4<<iocSizeShift + 0xaf   // uint32
	DRM_IOCTL_MODE_PAGE_FLIP         Request = drmIOWR | 24<<iocSizeShift + 0xb0  // DRMModeCrtcPageFlip
	DRM_IOCTL_MODE_DIRTYFB           Request = drmIOWR | 24<<iocSizeShift + 0xb1  // DRMModeFbDirtyCmd
	DRM_IOCTL_MODE_CREATE_DUMB       Request = drmIOWR | 32<<iocSizeShift + 0xb2  // DRMModeCreateDumb
	DRM_IOCTL_MODE_MAP_DUMB          Request = drmIOWR | 16<<iocSizeShift + 0xb3  // DRMModeMapDumb
	DRM_IOCTL_MODE_DESTROY_DUMB      Request = drmIOWR | 4<<iocSizeShift + 0xb4   // DRMModeDestroyDumb
	DRM_IOCTL_MODE_GETPLANERESOURCES Request = drmIOWR | 16<<iocSizeShift + 0xb5  // DRMModeGetPlaneRes
	DRM_IOCTL_MODE_GETPLANE          Request = drmIOWR | 32<<iocSizeShift + 0xb6  // DRMModeGetPlane
	DRM_IOCTL_MODE_SETPLANE          Request = drmIOWR | 48<<iocSizeShift + 0xb7  // DRMModeSetPlane
	DRM_IOCTL_MODE_ADDFB2            Request = drmIOWR | 104<<iocSizeShift + 0xb8 // DRMModeFbCmd2: Width, Height, PixelFormat, Flags, Handles, Pitches, Offsets, Modifier -> FbId
	DRM_IOCTL_MODE_OBJ_GETPROPERTIES Request = drmIOWR | 32<<iocSizeShift + 0xb9  // DRMModeObjGetProperties
	DRM_IOCTL_MODE_OBJ_SETPROPERTY   Request = drmIOWR | 24<<iocSizeShift + 0xba  // DRMModeObjSetProperty
	DRM_IOCTL_MODE_CURSOR2           Request = drmIOWR | 36<<iocSizeShift + 0xbb  // DRMModeCursor2
	DRM_IOCTL_MODE_ATOMIC            Request = drmIOWR | 56<<iocSizeShift + 0xbc  // DRMModeAtomic
	DRM_IOCTL_MODE_CREATEPROPBLOB    Request = drmIOWR | 16<<iocSizeShift + 0xbd  // DRMModeCreateBlob
	DRM_IOCTL_MODE_DESTROYPROPBLOB   Request = drmIOWR | 4<<iocSizeShift + 0xbe   // DRMModeDestroyBlob
	DRM_IOCTL_MODE_CREATE_LEASE      Request = drmIOWR | 24<<iocSizeShift + 0xc6  // DRMModeCreateLease
	DRM_IOCTL_MODE_LIST_LESSEES      Request = drmIOWR | 16<<iocSizeShift + 0xc7  // DRMModeListLessees
	DRM_IOCTL_MODE_GET_LEASE         Request = drmIOWR | 16<<iocSizeShift + 0xc8  // DRMModeGetLease
	DRM_IOCTL_MODE_REVOKE_LEASE      Request = drmIOWR | 4<<iocSizeShift + 0xc9   // DRMModeRevokeLease
	DRM_IOCTL_MODE_GETFB2            Request = drmIOWR | 104<<iocSizeShift + 0xce // DRMModeFbCmd2: FbId -> Width, Height, PixelFormat, Flags, Handles, Pitches, Offsets, Modifier
	DRM_IOCTL_MODE_CLOSEFB           Request = drmIOWR | 8<<iocSizeShift + 0xd0   // DRMModeClosefb
)

// The structures are those of include/uapi/drm/drm_mode.h.

// Lengths of names in bytes, with NUL.
const (
	DRM_CONNECTOR_NAME_LEN = 32
	DRM_DISPLAY_MODE_LEN   = 32
	DRM_PROP_NAME_LEN      = 32
)

// DRMModeCardRes lists the objects of the device, those framebuffers that the client
// has made. Call it twice: an array gets as many as it has room for. EFAULT: bad
// pointer.
type DRMModeCardRes struct {
	_              structs.HostLayout
	FbIdPtr        uint64 `ioctl:"out,ptr=u32,len=CountFbs,partial,object"`
	CrtcIdPtr      uint64 `ioctl:"out,ptr=u32,len=CountCrtcs,partial,object"`
	ConnectorIdPtr uint64 `ioctl:"out,ptr=u32,len=CountConnectors,partial,object"`
	EncoderIdPtr   uint64 `ioctl:"out,ptr=u32,len=CountEncoders,partial,object"`
	// Room in elements; out: how many there are.
	CountFbs        uint32 `ioctl:"inout"`
	CountCrtcs      uint32 `ioctl:"inout"`
	CountConnectors uint32 `ioctl:"inout"`
	CountEncoders   uint32 `ioctl:"inout"`
	// Of framebuffers, in pixels.
	MinWidth  uint32 `ioctl:"out"`
	MaxWidth  uint32 `ioctl:"out"`
	MinHeight uint32 `ioctl:"out"`
	MaxHeight uint32 `ioctl:"out"`
}

// DRMModeCrtc tells or sets what a CRTC shows. EINVAL: a mode or connector that the
// CRTC cannot do, or bad arguments. ENOSPC: the framebuffer is too small.
type DRMModeCrtc struct {
	_                structs.HostLayout
	SetConnectorsPtr uint64 `ioctl:"ptr=u32,len=CountConnectors,object"`
	CountConnectors  uint32
	CrtcId           uint32 `ioctl:"object"`
	// 0: off; -1: leave as it is.
	FbId uint32 `ioctl:"object"`
	// The place of the picture in the framebuffer, pixels.
	X uint32
	Y uint32
	// Elements of the gamma table.
	GammaSize uint32
	// Whether there is a mode.
	ModeValid uint32
	Mode      DRMModeModeinfo `ioctl:"if=ModeValid"`
}

// Flags of DRMModeSetPlane, which no driver heeds.
//
//ioctl:flags drm_mode_present
const (
	DRM_MODE_PRESENT_TOP_FIELD    = 1 << 0
	DRM_MODE_PRESENT_BOTTOM_FIELD = 1 << 1
)

// DRMModeSetPlane shows a part of a framebuffer on a plane. EINVAL: the plane does
// not fit the CRTC, the format or the size. ENOSPC: the part is not within the
// framebuffer. ERANGE: the place on the CRTC overflows, or bad scaling.
type DRMModeSetPlane struct {
	_       structs.HostLayout
	PlaneId uint32 `ioctl:"object"`
	CrtcId  uint32 `ioctl:"object"`
	// 0: off.
	FbId  uint32 `ioctl:"object"`
	Flags uint32 `ioctl:"flags=drm_mode_present"`
	// The place on the CRTC, pixels.
	CrtcX int32
	CrtcY int32
	CrtcW uint32
	CrtcH uint32
	// The part of the framebuffer, pixels in 16.16 fixed point.
	SrcX uint32 `ioctl:"fixed"`
	SrcY uint32 `ioctl:"fixed"`
	SrcH uint32 `ioctl:"fixed"`
	SrcW uint32 `ioctl:"fixed"`
}

// DRMModeGetPlane tells about a plane. Formats are written only if all have room.
type DRMModeGetPlane struct {
	_       structs.HostLayout
	PlaneId uint32 `ioctl:"object"`
	CrtcId  uint32 `ioctl:"out,object"`
	FbId    uint32 `ioctl:"out,object"`
	// A bit for each CRTC, by its place in the list.
	PossibleCrtcs uint32 `ioctl:"out,hex"`
	GammaSize     uint32 `ioctl:"out"`
	// Room in elements; out: how many there are.
	CountFormatTypes uint32 `ioctl:"inout"`
	FormatTypePtr    uint64 `ioctl:"out,ptr=u32,len=CountFormatTypes,fourcc"`
}

// DRMModeGetPlaneRes lists the planes: those for overlays, or all of them after
// DRM_CLIENT_CAP_UNIVERSAL_PLANES.
type DRMModeGetPlaneRes struct {
	_          structs.HostLayout
	PlaneIdPtr uint64 `ioctl:"out,ptr=u32,len=CountPlanes,partial,object"`
	// Room in elements; out: how many there are.
	CountPlanes uint32 `ioctl:"inout"`
	Pad         uint32 `ioctl:"hidden"`
}

// Kinds of encoders.
//
//ioctl:enum drm_mode_encoder
const (
	DRM_MODE_ENCODER_NONE    = 0
	DRM_MODE_ENCODER_DAC     = 1
	DRM_MODE_ENCODER_TMDS    = 2
	DRM_MODE_ENCODER_LVDS    = 3
	DRM_MODE_ENCODER_TVDAC   = 4
	DRM_MODE_ENCODER_VIRTUAL = 5
	DRM_MODE_ENCODER_DSI     = 6
	DRM_MODE_ENCODER_DPMST   = 7
	DRM_MODE_ENCODER_DPI     = 8
)

// DRMModeGetEncoder tells about an encoder.
type DRMModeGetEncoder struct {
	_           structs.HostLayout
	EncoderId   uint32 `ioctl:"object"`
	EncoderType uint32 `ioctl:"out,enum=drm_mode_encoder"`
	CrtcId      uint32 `ioctl:"out,object"`
	// A bit for each CRTC and encoder, by their places in the lists.
	PossibleCrtcs  uint32 `ioctl:"out,hex"`
	PossibleClones uint32 `ioctl:"out,hex"`
}

// Kinds of connectors.
//
//ioctl:enum drm_mode_connector
const (
	DRM_MODE_CONNECTOR_Unknown     = 0
	DRM_MODE_CONNECTOR_VGA         = 1
	DRM_MODE_CONNECTOR_DVII        = 2
	DRM_MODE_CONNECTOR_DVID        = 3
	DRM_MODE_CONNECTOR_DVIA        = 4
	DRM_MODE_CONNECTOR_Composite   = 5
	DRM_MODE_CONNECTOR_SVIDEO      = 6
	DRM_MODE_CONNECTOR_LVDS        = 7
	DRM_MODE_CONNECTOR_Component   = 8
	DRM_MODE_CONNECTOR_9PinDIN     = 9
	DRM_MODE_CONNECTOR_DisplayPort = 10
	DRM_MODE_CONNECTOR_HDMIA       = 11
	DRM_MODE_CONNECTOR_HDMIB       = 12
	DRM_MODE_CONNECTOR_TV          = 13
	DRM_MODE_CONNECTOR_eDP         = 14
	DRM_MODE_CONNECTOR_VIRTUAL     = 15
	DRM_MODE_CONNECTOR_DSI         = 16
	DRM_MODE_CONNECTOR_DPI         = 17
	DRM_MODE_CONNECTOR_WRITEBACK   = 18
	DRM_MODE_CONNECTOR_SPI         = 19
	DRM_MODE_CONNECTOR_USB         = 20
)

// DRMModeGetConnector tells about a connector. Call it twice: encoders and modes are
// written only if all have room. A call with no room for modes looks at the connector
// anew, if the caller is master.
type DRMModeGetConnector struct {
	_             structs.HostLayout
	EncodersPtr   uint64 `ioctl:"out,ptr=u32,len=CountEncoders,object"`
	ModesPtr      uint64 `ioctl:"out,ptr=DRMModeModeinfo,len=CountModes"`
	PropsPtr      uint64 `ioctl:"out,ptr=u32,len=CountProps,partial,object"`
	PropValuesPtr uint64 `ioctl:"out,ptr=u64,len=CountProps,partial,signed"`
	// Room in elements; out: how many there are.
	CountModes    uint32 `ioctl:"inout"`
	CountProps    uint32 `ioctl:"inout"`
	CountEncoders uint32 `ioctl:"inout"`
	// The encoder that feeds it now.
	EncoderId     uint32 `ioctl:"out,object"`
	ConnectorId   uint32 `ioctl:"object"`
	ConnectorType uint32 `ioctl:"out,enum=drm_mode_connector"`
	// A number among connectors of its kind.
	ConnectorTypeId uint32 `ioctl:"out"`
	// 1: connected, 2: not, 3: unknown.
	Connection uint32 `ioctl:"out"`
	// Millimetres.
	MmWidth  uint32 `ioctl:"out"`
	MmHeight uint32 `ioctl:"out"`
	Subpixel uint32 `ioctl:"out"`
	Pad      uint32 `ioctl:"pad"`
}

// DRMModeModeCmd goes with two requests that do nothing.
type DRMModeModeCmd struct {
	_           structs.HostLayout
	ConnectorId uint32 `ioctl:"object"`
	Mode        DRMModeModeinfo
}

// Flags of changing the cursor.
//
//ioctl:flags drm_mode_cursor
const (
	DRM_MODE_CURSOR_BO   = 0x01
	DRM_MODE_CURSOR_MOVE = 0x02
)

// DRM_MODE_CURSOR_FLAGS has all flags of changing the cursor.
const DRM_MODE_CURSOR_FLAGS = DRM_MODE_CURSOR_BO | DRM_MODE_CURSOR_MOVE

// DRMModeCursor changes or moves the cursor of a CRTC. EINVAL: no flags or unknown
// ones. ENXIO: it has no cursor.
type DRMModeCursor struct {
	_      structs.HostLayout
	Flags  uint32 `ioctl:"flags=drm_mode_cursor"`
	CrtcId uint32 `ioctl:"object"`
	// Pixels.
	X      int32
	Y      int32
	Width  uint32
	Height uint32
	// 0: no cursor.
	Handle uint32 `ioctl:"handle"`
}

// DRMModeCursor2 is DRMModeCursor with the pixel that points.
type DRMModeCursor2 struct {
	_      structs.HostLayout
	Flags  uint32 `ioctl:"flags=drm_mode_cursor"`
	CrtcId uint32 `ioctl:"object"`
	X      int32
	Y      int32
	Width  uint32
	Height uint32
	Handle uint32 `ioctl:"handle"`
	HotX   int32
	HotY   int32
}

// DRMModeCrtcLut tells or sets the gamma table: 16 bits for each element. EINVAL:
// another size than that of the CRTC. ENOSYS: it has none.
type DRMModeCrtcLut struct {
	_         structs.HostLayout
	CrtcId    uint32 `ioctl:"object"`
	GammaSize uint32
	Red       uint64 `ioctl:"ptr=u16,len=GammaSize"`
	Green     uint64 `ioctl:"ptr=u16,len=GammaSize"`
	Blue      uint64 `ioctl:"ptr=u16,len=GammaSize"`
}

// Flags of a page flip.
//
//ioctl:flags drm_mode_page_flip
const (
	DRM_MODE_PAGE_FLIP_EVENT           = 0x01
	DRM_MODE_PAGE_FLIP_ASYNC           = 0x02
	DRM_MODE_PAGE_FLIP_TARGET_ABSOLUTE = 0x4
	DRM_MODE_PAGE_FLIP_TARGET_RELATIVE = 0x8
)

// Flags of a page flip, together.
const (
	DRM_MODE_PAGE_FLIP_TARGET = DRM_MODE_PAGE_FLIP_TARGET_ABSOLUTE | DRM_MODE_PAGE_FLIP_TARGET_RELATIVE
	DRM_MODE_PAGE_FLIP_FLAGS  = DRM_MODE_PAGE_FLIP_EVENT | DRM_MODE_PAGE_FLIP_ASYNC | DRM_MODE_PAGE_FLIP_TARGET
)

// DRMModeCrtcPageFlip shows another framebuffer from the next vertical blank on.
// EBUSY: a flip is on its way, or the CRTC is off. EINVAL: unknown flags, or another
// format. ENOSPC: the framebuffer is too small. ENOMEM: no room for the event.
type DRMModeCrtcPageFlip struct {
	_      structs.HostLayout
	CrtcId uint32 `ioctl:"object"`
	FbId   uint32 `ioctl:"object"`
	Flags  uint32 `ioctl:"flags=drm_mode_page_flip"`
	// The blank, with one of the TARGET flags; otherwise 0.
	Reserved uint32 `ioctl:"pad"`
	UserData uint64 `ioctl:"hex"`
}

// Flags of DRMModeFbDirtyCmd.
//
//ioctl:flags drm_mode_fb_dirty
const (
	DRM_MODE_FB_DIRTY_ANNOTATE_COPY = 0x01
	DRM_MODE_FB_DIRTY_ANNOTATE_FILL = 0x02
)

// Limits of DRMModeFbDirtyCmd.
const (
	DRM_MODE_FB_DIRTY_FLAGS     = 0x03
	DRM_MODE_FB_DIRTY_MAX_CLIPS = 256
)

// DRMModeFbDirtyCmd tells that parts of a framebuffer have changed. EINVAL: unknown
// flags, too many parts, or an odd number of them for copying. ENOSYS: the driver
// does not want to know.
type DRMModeFbDirtyCmd struct {
	_     structs.HostLayout
	FbId  uint32 `ioctl:"object"`
	Flags uint32 `ioctl:"flags=drm_mode_fb_dirty"`
	// What a part is filled with.
	Color    uint32 `ioctl:"hex"`
	NumClips uint32
	ClipsPtr uint64 `ioctl:"ptr=DRMClipRect,len=NumClips"`
}

// DRMClipRect is a part of a framebuffer in pixels; the second corner is outside.
type DRMClipRect struct {
	_  structs.HostLayout
	X1 uint16
	Y1 uint16
	X2 uint16
	Y2 uint16
}

// DRMModeRect is a part of a framebuffer in pixels, for the property
// FB_DAMAGE_CLIPS; the second corner is outside.
type DRMModeRect struct {
	_  structs.HostLayout
	X1 int32
	Y1 int32
	X2 int32
	Y2 int32
}

// DRMModeCreateLease gives objects to another client. EINVAL: no objects that make
// sense, unknown flags, or the caller has only a lease itself. EBUSY: an object is
// lent already.
type DRMModeCreateLease struct {
	_           structs.HostLayout
	ObjectIds   uint64 `ioctl:"ptr=u32,len=ObjectCount,object"`
	ObjectCount uint32
	// O_CLOEXEC, O_NONBLOCK.
	Flags    uint32 `ioctl:"flags=open"`
	LesseeId uint32 `ioctl:"out"`
	// A file of the device, for the other client.
	Fd uint32 `ioctl:"out,fd"`
}

// DRMModeListLessees lists those with a lease, as many as there is room for.
type DRMModeListLessees struct {
	_ structs.HostLayout
	// Room in elements; out: how many there are.
	CountLessees uint32 `ioctl:"inout"`
	Pad          uint32 `ioctl:"pad"`
	LesseesPtr   uint64 `ioctl:"out,ptr=u32,len=CountLessees,partial"`
}

// DRMModeGetLease lists the objects of the caller's lease, as many as there is room
// for.
type DRMModeGetLease struct {
	_ structs.HostLayout
	// Room in elements; out: how many there are.
	CountObjects uint32 `ioctl:"inout"`
	Pad          uint32 `ioctl:"pad"`
	ObjectsPtr   uint64 `ioctl:"out,ptr=u32,len=CountObjects,partial,object"`
}

// DRMModeRevokeLease takes a lease back. EACCES: it is not the caller's.
type DRMModeRevokeLease struct {
	_        structs.HostLayout
	LesseeId uint32
}
