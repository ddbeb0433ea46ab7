// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

// What the driver asks the buffer sharing unit for, besides the requests of programs:
// the operation of an entry of the request ring is one of these, or a request number.
// A file descriptor in the argument of a request is replaced by the number of its
// object; the lists that the argument points to follow it, in the order of the
// pointers, each at a multiple of 8 bytes, and so do those of the answer, with as much
// room as the program has.
const (
	// A client opens: VdevBSUOpen; the answer is its number, which is not 0.
	VDEV_BSU_OPEN = 1
	// The client closes.
	VDEV_BSU_CLOSE = 2
	// A signal came: the request with the tag of VdevBSUNumber ends, with EINTR if it
	// was waiting.
	VDEV_BSU_CANCEL = 3
	// The dma-buf of a buffer is gone: VdevBSUNumber.
	VDEV_BSU_RELEASE = 4
	// The file of a sync object or fence is gone: VdevBSUNumber.
	VDEV_BSU_CLOSE_OBJECT = 5
	// Where the buffer is, after giving it memory: VdevBSUNumber; the answer is a list of
	// VdevDMABufExtent.
	VDEV_BSU_PLACE = 6
	// A driver attaches to the dma-buf: VdevBSUAttach, and the same as answer.
	VDEV_BSU_ATTACH = 7
	// And detaches: VdevBSUNumber.
	VDEV_BSU_DETACH = 8
	// It maps: VdevBSUNumber; the answer is a list of VdevDMABufExtent.
	VDEV_BSU_MAP = 9
	// And unmaps: VdevBSUNumber.
	VDEV_BSU_UNMAP = 10
	// The kernel is going to access the buffer by CPU: VdevBSUNumber.
	VDEV_BSU_BEGIN = 11
	// And has: VdevBSUNumber.
	VDEV_BSU_END = 12
	// The size of a buffer: VdevBSUNumber, and VdevBSUSize as answer.
	VDEV_BSU_SIZE = 13
	// A dma-buf of another exporter: VdevBSURegister and a list of VdevDMABufExtent; the
	// answer is the number of the buffer.
	VDEV_BSU_REGISTER = 14
)

// Flags of a completion.
const (
	// The buffer of the request has moved: its mappings into address spaces must go.
	VDEV_BSU_MOVED = 1
	// The exporter of the foreign buffer of the request must prepare it for the CPU, or
	// finish; bits 8 and 9 have the direction.
	VDEV_BSU_EXPORTER_BEGIN = 2
	VDEV_BSU_EXPORTER_END   = 4
)

// VdevBSUOpen is the program that opens the device.
type VdevBSUOpen struct {
	_    structs.HostLayout
	Pid  uint32
	Pad  uint32 `ioctl:"pad"`
	Name [VDEV_DMABUF_NAME_LEN]uint8
}

// VdevBSUNumber is the number of an object, or a tag.
type VdevBSUNumber struct {
	_      structs.HostLayout
	Number uint32
	// The direction of a mapping, or of an access by CPU as a mapping would have it;
	// otherwise 0.
	Dir uint32
}

// VdevBSUSize is the size of a buffer in bytes.
type VdevBSUSize struct {
	_    structs.HostLayout
	Size uint64
}

// VdevBSUAttach is what a driver's device needs.
type VdevBSUAttach struct {
	_      structs.HostLayout
	Buffer uint32
	// As of VdevDMABufAttach.
	Flags uint32
	// Of the driver's device in Linux.
	Device [VDEV_DMABUF_NAME_LEN]uint8
	// The highest address that it reaches.
	Mask uint64
	// The longest piece.
	MaxSegment uint64
	// Out: the number of the attachment.
	Attachment uint32
	Pad        uint32 `ioctl:"pad"`
}

// VdevBSURegister is a dma-buf of another exporter.
type VdevBSURegister struct {
	_        structs.HostLayout
	Size     uint64
	Name     [VDEV_DMABUF_NAME_LEN]uint8
	Exporter [VDEV_DMABUF_NAME_LEN]uint8
}
