// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

// Kinds of video modes, see include/uapi/drm/drm_mode.h.
//
//ioctl:flags drm_mode_type
const (
	DRM_MODE_TYPE_BUILTIN   = 1 << 0
	DRM_MODE_TYPE_PREFERRED = 1 << 3
	DRM_MODE_TYPE_DEFAULT   = 1 << 4
	DRM_MODE_TYPE_USERDEF   = 1 << 5
	DRM_MODE_TYPE_DRIVER    = 1 << 6
)

// Properties of a video mode.
//
//ioctl:flags drm_mode_flag
const (
	DRM_MODE_FLAG_PHSYNC    = 1 << 0
	DRM_MODE_FLAG_NHSYNC    = 1 << 1
	DRM_MODE_FLAG_PVSYNC    = 1 << 2
	DRM_MODE_FLAG_NVSYNC    = 1 << 3
	DRM_MODE_FLAG_INTERLACE = 1 << 4
	DRM_MODE_FLAG_DBLSCAN   = 1 << 5
	DRM_MODE_FLAG_CSYNC     = 1 << 6
	DRM_MODE_FLAG_PCSYNC    = 1 << 7
	DRM_MODE_FLAG_NCSYNC    = 1 << 8
	DRM_MODE_FLAG_HSKEW     = 1 << 9
	DRM_MODE_FLAG_BCAST     = 1 << 10
	DRM_MODE_FLAG_PIXMUX    = 1 << 11
	DRM_MODE_FLAG_DBLCLK    = 1 << 12
	DRM_MODE_FLAG_CLKDIV2   = 1 << 13

	DRM_MODE_FLAG_3D_FRAME_PACKING         = 1 << 14 // of DRM_MODE_FLAG_3D_MASK
	DRM_MODE_FLAG_3D_FIELD_ALTERNATIVE     = 2 << 14 // of DRM_MODE_FLAG_3D_MASK
	DRM_MODE_FLAG_3D_LINE_ALTERNATIVE      = 3 << 14 // of DRM_MODE_FLAG_3D_MASK
	DRM_MODE_FLAG_3D_SIDE_BY_SIDE_FULL     = 4 << 14 // of DRM_MODE_FLAG_3D_MASK
	DRM_MODE_FLAG_3D_L_DEPTH               = 5 << 14 // of DRM_MODE_FLAG_3D_MASK
	DRM_MODE_FLAG_3D_L_DEPTH_GFX_GFX_DEPTH = 6 << 14 // of DRM_MODE_FLAG_3D_MASK
	DRM_MODE_FLAG_3D_TOP_AND_BOTTOM        = 7 << 14 // of DRM_MODE_FLAG_3D_MASK
	DRM_MODE_FLAG_3D_SIDE_BY_SIDE_HALF     = 8 << 14 // of DRM_MODE_FLAG_3D_MASK

	DRM_MODE_FLAG_PIC_AR_4_3     = 1 << 19 // of DRM_MODE_FLAG_PIC_AR_MASK
	DRM_MODE_FLAG_PIC_AR_16_9    = 2 << 19 // of DRM_MODE_FLAG_PIC_AR_MASK
	DRM_MODE_FLAG_PIC_AR_64_27   = 3 << 19 // of DRM_MODE_FLAG_PIC_AR_MASK
	DRM_MODE_FLAG_PIC_AR_256_135 = 4 << 19 // of DRM_MODE_FLAG_PIC_AR_MASK
)

// Fields of the properties.
const (
	DRM_MODE_FLAG_3D_MASK     = 0x1f << 14
	DRM_MODE_FLAG_PIC_AR_MASK = 0x0f << 19
)

// DRMModeModeinfo is a video mode.
type DRMModeModeinfo struct {
	_ structs.HostLayout
	// Pixels, in kHz.
	Clock uint32
	// Pixels from the start of a line.
	Hdisplay   uint16
	HsyncStart uint16
	HsyncEnd   uint16
	Htotal     uint16
	Hskew      uint16
	// Lines from the start of the frame.
	Vdisplay   uint16
	VsyncStart uint16
	VsyncEnd   uint16
	Vtotal     uint16
	// How often a line is sent.
	Vscan uint16
	// About, in Hz.
	Vrefresh uint32
	Flags    uint32 `ioctl:"flags=drm_mode_flag"`
	Type     uint32 `ioctl:"flags=drm_mode_type"`
	// Ends with NUL.
	Name [DRM_DISPLAY_MODE_LEN]byte
}

// Values of the property DPMS.
//
//ioctl:enum drm_mode_dpms
const (
	DRM_MODE_DPMS_ON      = 0
	DRM_MODE_DPMS_STANDBY = 1
	DRM_MODE_DPMS_SUSPEND = 2
	DRM_MODE_DPMS_OFF     = 3
)

// Values of the property rotation: counter-clockwise degrees, then mirrored.
//
//ioctl:flags drm_mode_rotate
const (
	DRM_MODE_ROTATE_0   = 1 << 0
	DRM_MODE_ROTATE_90  = 1 << 1
	DRM_MODE_ROTATE_180 = 1 << 2
	DRM_MODE_ROTATE_270 = 1 << 3
	DRM_MODE_REFLECT_X  = 1 << 4
	DRM_MODE_REFLECT_Y  = 1 << 5
)

// Fields of the rotation.
const (
	DRM_MODE_ROTATE_MASK  = 0x0f
	DRM_MODE_REFLECT_MASK = 0x30
)
