// SPDX-License-Identifier: Apache-2.0

package ioctl

import "structs"

const udmabufType = 'u' << iocTypeShift

// Requests of /dev/udmabuf, see include/uapi/linux/udmabuf.h. Their result is the
// file descriptor of a dma-buf.
//
//ioctl:family Udmabuf
const (
	UDMABUF_CREATE      Request = iocWrite | 24<<iocSizeShift | udmabufType + 0x42 // UdmabufCreate
	UDMABUF_CREATE_LIST Request = iocWrite | 8<<iocSizeShift | udmabufType + 0x43  // UdmabufCreateList
)

// Flags of a udmabuf.
//
//ioctl:flags udmabuf
const (
	UDMABUF_FLAGS_CLOEXEC = 0x01
)

// UdmabufCreate makes a dma-buf of a part of a memfd. EINVAL: not whole pages, no
// size, too large, beyond the end of the file, or the file is not sealed against
// shrinking, or is against writing. EBADFD: no memfd.
type UdmabufCreate struct {
	_     structs.HostLayout
	Memfd uint32 `ioctl:"fd"`
	Flags uint32 `ioctl:"flags=udmabuf"`
	// In bytes.
	Offset uint64 `ioctl:"hex"`
	Size   uint64
}

// UdmabufCreateItem is a part of a memfd.
type UdmabufCreateItem struct {
	_     structs.HostLayout
	Memfd uint32 `ioctl:"fd"`
	Pad   uint32 `ioctl:"pad,c=__pad"`
	// In bytes.
	Offset uint64 `ioctl:"hex"`
	Size   uint64
}

// UdmabufCreateList makes a dma-buf of several parts; Count of UdmabufCreateItem
// follow it. EINVAL: as for UdmabufCreate, or more than 1024 parts.
type UdmabufCreateList struct {
	_     structs.HostLayout
	Flags uint32 `ioctl:"flags=udmabuf"`
	Count uint32 `ioctl:"tail=UdmabufCreateItem,tailname=list"`
}
