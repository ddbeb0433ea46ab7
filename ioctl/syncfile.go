// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

const syncFileType = '>' << iocTypeShift

// Requests of a sync_file, see include/uapi/linux/sync_file.h.
//
//ioctl:family SyncFile
const (
	SYNC_IOC_MERGE        Request = iocRead | iocWrite | 48<<iocSizeShift | syncFileType + 3 // SyncMergeData
	SYNC_IOC_FILE_INFO    Request = iocRead | iocWrite | 56<<iocSizeShift | syncFileType + 4 // SyncFileInfo
	SYNC_IOC_SET_DEADLINE Request = iocWrite | 16<<iocSizeShift | syncFileType + 5           // SyncSetDeadline
)

// SyncMergeData makes a sync_file of the fences of two. EINVAL: flags or padding. ENOENT: the
// other is no sync_file. EMFILE, ENOMEM.
type SyncMergeData struct {
	_ structs.HostLayout
	// For debugging, ends with NUL.
	Name [32]byte
	// The other sync_file.
	Fd2 int32 `ioctl:"fd"`
	// The new one.
	Fence int32  `ioctl:"out,fd"`
	Flags uint32 `ioctl:"pad"`
	Pad   uint32 `ioctl:"pad"`
}

// SyncFenceInfo tells about a fence of a sync_file.
type SyncFenceInfo struct {
	_          structs.HostLayout
	ObjName    [32]byte
	DriverName [32]byte
	// 1: signalled, 0: not yet, negative: an errno.
	Status int32
	Flags  uint32 `ioctl:"pad"`
	// When the status changed, nanoseconds of CLOCK_MONOTONIC.
	TimestampNs uint64
}

// SyncFileInfo tells about a sync_file. EINVAL: flags, or room for fewer fences than
// there are.
type SyncFileInfo struct {
	_    structs.HostLayout
	Name [32]byte `ioctl:"out"`
	// 1: signalled, 0: not yet, negative: an errno.
	Status int32  `ioctl:"out"`
	Flags  uint32 `ioctl:"pad"`
	// Room in elements, 0 to only count; out: how many there are.
	NumFences     uint32 `ioctl:"inout"`
	Pad           uint32 `ioctl:"pad"`
	SyncFenceInfo uint64 `ioctl:"out,ptr=SyncFenceInfo,len=NumFences"`
}

// SyncSetDeadline hints when the fences are needed. EINVAL: Pad is not 0.
type SyncSetDeadline struct {
	_ structs.HostLayout
	// Absolute, nanoseconds of CLOCK_MONOTONIC.
	DeadlineNs uint64
	Pad        uint64 `ioctl:"pad"`
}
