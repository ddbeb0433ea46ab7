// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

const swSyncType = 'W' << iocTypeShift

// Requests of a timeline in software (/sys/kernel/debug/sync/sw_sync). They have no
// header for programs: see drivers/dma-buf/sw_sync.c.
//
//ioctl:family SwSync
const (
	SW_SYNC_IOC_CREATE_FENCE Request = iocRead | iocWrite | 40<<iocSizeShift | swSyncType + 0 // SwSyncCreateFenceData
	// Moves the timeline on by so many steps.
	SW_SYNC_IOC_INC      Request = iocWrite | 4<<iocSizeShift | swSyncType + 1            // uint32
	SW_SYNC_GET_DEADLINE Request = iocRead | iocWrite | 16<<iocSizeShift | swSyncType + 2 // SwSyncGetDeadline
)

// SwSyncCreateFenceData makes a sync_file with a fence that ends when the timeline
// has got to Value. EMFILE, ENOMEM.
type SwSyncCreateFenceData struct {
	_     structs.HostLayout
	Value uint32
	// For debugging, ends with NUL.
	Name  [32]byte
	Fence int32 `ioctl:"out,fd"`
}

// SwSyncGetDeadline tells the earliest deadline set on a fence. ENOENT: none.
// EINVAL: DeadlineNs or Pad is not 0, or the descriptor is of no such fence.
type SwSyncGetDeadline struct {
	_ structs.HostLayout
	// Absolute, nanoseconds of CLOCK_MONOTONIC.
	DeadlineNs uint64 `ioctl:"out"`
	Pad        uint32 `ioctl:"pad"`
	FenceFd    int32  `ioctl:"fd"`
}
