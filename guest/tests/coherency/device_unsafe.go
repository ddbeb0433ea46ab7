// SPDX-License-Identifier: Apache-2.0

//go:build linux

package coherency

import (
	"reflect"
	"unsafe"

	"golang.org/x/sys/unix"

	"vdev/ioctl"
)

// request makes an ioctl with a pointer to its structure, again if a signal came.
func request(fd uintptr, req ioctl.Request, arg any) error {
	p := reflect.ValueOf(arg)
	if int(p.Type().Elem().Size()) != req.Size() {
		panic("BUG: coherency: " + req.String() + " with another structure")
	}
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, uintptr(req), uintptr(unsafe.Pointer(p.UnsafePointer())))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
			continue
		}
		return errno
	}
}
