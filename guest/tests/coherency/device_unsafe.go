// SPDX-License-Identifier: Apache-2.0

//go:build linux

package coherency

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"vdev/ioctl"
)

// request makes an ioctl with a pointer to its structure, again if a signal came.
func request[T any](fd uintptr, req ioctl.Request, arg *T) error {
	if int(unsafe.Sizeof(*arg)) != req.Size() {
		panic("BUG: coherency: " + req.String() + " with another structure")
	}
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, uintptr(req), uintptr(unsafe.Pointer(arg)))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
			continue
		}
		return errno
	}
}
