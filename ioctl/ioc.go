// SPDX-License-Identifier: Apache-2.0

package ioctl

import "fmt"

// How a request number is put together, see Linux's include/uapi/asm-generic/ioctl.h:
//
//	31 30 29          16 15        8 7         0
//	 dir  |    size     |   type    |   number  |
const (
	iocWrite = 1 << 30 // the program passes data in
	iocRead  = 2 << 30 // and gets data back

	iocSizeShift = 16
	iocTypeShift = 8
)

// Request is the request number of an ioctl.
type Request uint32

// Size is the length of the argument in bytes.
func (r Request) Size() int { return int(r >> iocSizeShift & 0x3fff) }

// Type is the letter that a driver's requests share.
func (r Request) Type() byte { return byte(r >> iocTypeShift) }

// Number tells a driver's requests apart.
func (r Request) Number() byte { return byte(r) }

// Writes tells whether the program passes data in.
func (r Request) Writes() bool { return r&iocWrite != 0 }

// Reads tells whether the program gets data back.
func (r Request) Reads() bool { return r&iocRead != 0 }

// String shows the parts.
func (r Request) String() string {
	return fmt.Sprintf("%#x (type %#x, number %d, %d bytes)", uint32(r), r.Type(), r.Number(), r.Size())
}
