// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

// Registers of the buffer sharing unit, those that its driver uses; mmio/bsu has all of
// them, and says what they do.
const (
	VDEV_BSU_REG_ID              = 0x00
	VDEV_BSU_REG_VERSION         = 0x04
	VDEV_BSU_REG_REQUEST_BASE    = 0x18
	VDEV_BSU_REG_REQUEST_SIZE    = 0x20
	VDEV_BSU_REG_REQUEST_TAIL    = 0x28
	VDEV_BSU_REG_COMPLETION_BASE = 0x30
	VDEV_BSU_REG_COMPLETION_SIZE = 0x38
	VDEV_BSU_REG_COMPLETION_HEAD = 0x3c
	VDEV_BSU_REG_COMPLETION_TAIL = 0x40
	VDEV_BSU_REG_CONTROL         = 0x44
	VDEV_BSU_REG_IRQ_STATUS      = 0x48
	VDEV_BSU_REG_IRQ_ENABLE      = 0x4c
	VDEV_BSU_REG_ERROR           = 0x50
)

// What is in them.
const (
	VDEV_BSU_ID             = 0x20757362
	VDEV_BSU_VERSION        = 2
	VDEV_BSU_ENABLE         = 1
	VDEV_BSU_IRQ_COMPLETION = 1
	VDEV_BSU_IRQ_ERROR      = 2
)

// VDEV_BSU_INLINE is the room in an entry of a ring for an argument or answer.
const VDEV_BSU_INLINE = 208

// Bits of the state of a request.
const (
	// It has ended, and its answer is in its entry.
	VDEV_BSU_DONE = 1
	// There are completions to be taken.
	VDEV_BSU_COMPLETIONS = 2
)

// VdevBSURequest is an entry of the request ring.
type VdevBSURequest struct {
	_      structs.HostLayout
	Op     uint32
	Tag    uint32
	Client uint32
	// Of the answer, in bytes.
	Room uint32
	// Of the argument and the answer on the bus; 0 if they are in data.
	Addr   uint64
	Length uint32
	// 0 until the unit has written what follows, if the request ends while it begins.
	State uint32
	// Negative: an errno.
	Result int32
	Flags  uint32
	// Its length in bytes.
	Answer uint32
	Pad    uint32 `ioctl:"pad"`
	Data   [VDEV_BSU_INLINE]uint8
}

// VdevBSUCompletion is an entry of the completion ring: how a request ended that did not
// end while it began.
type VdevBSUCompletion struct {
	_      structs.HostLayout
	Tag    uint32
	Result int32
	Flags  uint32
	Answer uint32
	Data   [VDEV_BSU_INLINE]uint8
	Pad    [32]uint8 `ioctl:"pad"`
}

// What the driver asks the buffer sharing unit for, besides the requests of programs:
// the operation of an entry of the request ring is one of these, or a request number.
// A file descriptor in the argument of a request is replaced by the number of its
// object; the lists that the argument points to follow it, in the order of the
// pointers, each at a multiple of 8 bytes, and so do those of the answer, with as much
// room as the program has.
const (
	// A client opens: VdevBSUOpen.
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
	// Where a page of the buffer is, after giving it memory: VdevBSUPlace.
	VDEV_BSU_PLACE = 6
	// A driver attaches to the dma-buf: VdevBSUAttach, and the same as answer.
	VDEV_BSU_ATTACH = 7
	// And detaches: VdevBSUNumber.
	VDEV_BSU_DETACH = 8
	// It maps: VdevBSUNumber; the answer is the number of pieces in which the buffer is.
	VDEV_BSU_MAP = 9
	// And unmaps: VdevBSUNumber.
	VDEV_BSU_UNMAP = 10
	// The kernel is going to access the buffer by CPU: VdevBSUNumber.
	VDEV_BSU_BEGIN = 11
	// And has: VdevBSUNumber.
	VDEV_BSU_END = 12
	// The exporter of a foreign buffer failed, so that CPU_PREP did not succeed:
	// VdevDMABufPrep.
	VDEV_BSU_UNPREP = 13
	// A dma-buf of another exporter: VdevBSURegister and a list of VdevDMABufExtent.
	VDEV_BSU_REGISTER = 14
	// A program ends, or executes another one, that had the buffer mapped: VdevBSUNumber. What
	// it began with VDEV_BSU_BEGIN ends.
	VDEV_BSU_LEAVE = 15
	// Which foreign buffer is gone, so that its dma-buf need not be kept any more: the answer
	// is a VdevBSUNumber, 0 if there is none.
	VDEV_BSU_GONE = 16
)

// Flags of a completion.
const (
	// The exporter of the foreign buffer of the request must prepare it for the CPU, or
	// finish; bits 8 and 9 have the direction.
	VDEV_BSU_EXPORTER_BEGIN = 2
	VDEV_BSU_EXPORTER_END   = 4
	// There are foreign buffers that are gone (VDEV_BSU_GONE).
	VDEV_BSU_FORGET = 8
)

// VdevBSUOpen is the program that opens the device.
type VdevBSUOpen struct {
	_   structs.HostLayout
	Pid uint32
	// Out: the client's number, which is not 0.
	Client uint32
	Name   [VDEV_DMABUF_NAME_LEN]uint8
}

// VdevBSUNumber is the number of an object, or a tag.
type VdevBSUNumber struct {
	_      structs.HostLayout
	Number uint32
	// The direction of a mapping, or of an access by CPU as a mapping would have it;
	// otherwise 0.
	Dir uint32
}

// VdevBSUPlace is where pages of a buffer are.
type VdevBSUPlace struct {
	_      structs.HostLayout
	Buffer uint32
	Pad    uint32 `ioctl:"pad"`
	Page   uint64
	// Out: the physical address, and how many pages are there in one piece.
	Addr  uint64
	Pages uint64
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
	// Out: the number of the buffer.
	Id  uint32
	Pad uint32 `ioctl:"pad"`
}
