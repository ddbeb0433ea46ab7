// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

// Requests of the exynos driver, see include/uapi/drm/exynos_drm.h.
//
//ioctl:family Exynos
const (
	DRM_IOCTL_EXYNOS_GEM_CREATE      Request = drmIOWR | 16<<iocSizeShift + DRM_COMMAND_BASE + 0x00 // DRMExynosGemCreate
	DRM_IOCTL_EXYNOS_GEM_MAP         Request = drmIOWR | 16<<iocSizeShift + DRM_COMMAND_BASE + 0x01 // DRMExynosGemMap
	DRM_IOCTL_EXYNOS_GEM_GET         Request = drmIOWR | 16<<iocSizeShift + DRM_COMMAND_BASE + 0x04 // DRMExynosGemInfo
	DRM_IOCTL_EXYNOS_VIDI_CONNECTION Request = drmIOWR | 16<<iocSizeShift + DRM_COMMAND_BASE + 0x07 // DRMExynosVidiConnection

	DRM_IOCTL_EXYNOS_G2D_GET_VER     Request = drmIOWR | 8<<iocSizeShift + DRM_COMMAND_BASE + 0x20  // DRMExynosG2DGetVer
	DRM_IOCTL_EXYNOS_G2D_SET_CMDLIST Request = drmIOWR | 40<<iocSizeShift + DRM_COMMAND_BASE + 0x21 // DRMExynosG2DSetCmdlist
	DRM_IOCTL_EXYNOS_G2D_EXEC        Request = drmIOWR | 8<<iocSizeShift + DRM_COMMAND_BASE + 0x22  // DRMExynosG2DExec

	DRM_IOCTL_EXYNOS_IPP_GET_RESOURCES Request = drmIOWR | 16<<iocSizeShift + DRM_COMMAND_BASE + 0x40 // DRMExynosIoctlIppGetRes
	DRM_IOCTL_EXYNOS_IPP_GET_CAPS      Request = drmIOWR | 24<<iocSizeShift + DRM_COMMAND_BASE + 0x41 // DRMExynosIoctlIppGetCaps
	DRM_IOCTL_EXYNOS_IPP_GET_LIMITS    Request = drmIOWR | 32<<iocSizeShift + DRM_COMMAND_BASE + 0x42 // DRMExynosIoctlIppGetLimits
	DRM_IOCTL_EXYNOS_IPP_COMMIT        Request = drmIOWR | 32<<iocSizeShift + DRM_COMMAND_BASE + 0x43 // DRMExynosIoctlIppCommit
)

// Kinds of memory for a buffer.
//
//ioctl:flags e_drm_exynos_gem_mem_type
const (
	// Physically contiguous.
	EXYNOS_BO_CONTIG    = 0 << 0 // of EXYNOS_BO_NONCONTIG
	EXYNOS_BO_NONCONTIG = 1 << 0
	// Non-cacheable for the CPU.
	EXYNOS_BO_NONCACHABLE = 0 << 1 // of EXYNOS_BO_CACHABLE
	EXYNOS_BO_CACHABLE    = 1 << 1
	// Write-combining for the CPU.
	EXYNOS_BO_WC = 1 << 2
)

// EXYNOS_BO_MASK has all kinds of memory.
const EXYNOS_BO_MASK = EXYNOS_BO_NONCONTIG | EXYNOS_BO_CACHABLE | EXYNOS_BO_WC

// DRMExynosGemCreate makes a buffer. EINVAL: no size, or unknown flags. ENOMEM.
type DRMExynosGemCreate struct {
	_ structs.HostLayout
	// In bytes; the buffer has whole pages.
	Size   uint64
	Flags  uint32 `ioctl:"flags=e_drm_exynos_gem_mem_type"`
	Handle uint32 `ioctl:"out,handle"`
}

// DRMExynosGemMap tells where to mmap a buffer. ENOENT: no such handle. EINVAL: it
// is imported.
type DRMExynosGemMap struct {
	_        structs.HostLayout
	Handle   uint32 `ioctl:"handle"`
	Reserved uint32 `ioctl:"pad"`
	// Of the device's file.
	Offset uint64 `ioctl:"out,hex"`
}

// DRMExynosGemInfo tells about a buffer. EINVAL: no such handle.
type DRMExynosGemInfo struct {
	_      structs.HostLayout
	Handle uint32 `ioctl:"handle"`
	Flags  uint32 `ioctl:"out,flags=e_drm_exynos_gem_mem_type"`
	// In bytes.
	Size uint64 `ioctl:"out"`
}

// DRMExynosVidiConnection plugs the virtual display in or out. ENODEV: there is none.
// EINVAL: it is so already, or the EDID is bad. EFAULT: bad pointer.
type DRMExynosVidiConnection struct {
	_ structs.HostLayout
	// 1 or 0.
	Connection uint32
	// Not used: the EDID says itself how long it is.
	Extensions uint32
	Edid       uint64 `ioctl:"hex"`
}

// DRMExynosG2DGetVer tells the version of the G2D: 4.1.
type DRMExynosG2DGetVer struct {
	_     structs.HostLayout
	Major uint32 `ioctl:"out"`
	Minor uint32 `ioctl:"out"`
}

// DRMExynosG2DCmd is a value for a register.
type DRMExynosG2DCmd struct {
	_ structs.HostLayout
	// Of the register; with G2D_BUF_USERPTR for a buffer in user memory.
	Offset uint32 `ioctl:"hex,g2dreg"`
	// A base address register takes a buffer's handle, or the address of a
	// DRMExynosG2DUserptr (its lower 32 bits in Linux without 64-bit fixes).
	Data uint32 `ioctl:"hex"`
}

// Where a buffer of the G2D is.
const (
	G2D_BUF_USERPTR = 1 << 31
)

// When the G2D sends an event for a command list.
//
//ioctl:enum drm_exynos_g2d_event_type
const (
	G2D_EVENT_NOT     = 0
	G2D_EVENT_NONSTOP = 1
	G2D_EVENT_STOP    = 2
)

// DRMExynosG2DUserptr is user memory as a buffer.
type DRMExynosG2DUserptr struct {
	_       structs.HostLayout
	Userptr uint64 `ioctl:"hex"`
	// In bytes.
	Size uint64
}

// DRMExynosG2DSetCmdlist queues a command list. EINVAL: an offset that must not be
// written, a size or format that makes no sense, too many commands. EFAULT: no such
// buffer, it is too small, or bad pointer. ENOMEM: no room for the list, or for the
// event.
type DRMExynosG2DSetCmdlist struct {
	_ structs.HostLayout
	// Commands.
	Cmd uint64 `ioctl:"ptr=DRMExynosG2DCmd,len=CmdNr"`
	// Commands that give base addresses.
	CmdBuf   uint64 `ioctl:"ptr=DRMExynosG2DCmd,len=CmdBufNr"`
	CmdNr    uint32
	CmdBufNr uint32
	// G2D_EVENT_NOT, or an event when this list is done.
	EventType uint64 `ioctl:"enum=drm_exynos_g2d_event_type"`
	UserData  uint64 `ioctl:"hex"`
}

// DRMExynosG2DExec runs the queued command lists. EPERM: there are none. ENOMEM.
type DRMExynosG2DExec struct {
	_ structs.HostLayout
	// 1 to return at once.
	Async uint64
}
