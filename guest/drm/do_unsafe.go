// SPDX-License-Identifier: Apache-2.0

//go:build linux

package drm

import (
	"os"
	"reflect"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"vdev/ioctl"
)

// do makes an ioctl on a file, with a pointer to the structure of the request, and
// again if a signal came.
func do(f *os.File, req ioctl.Request, arg any) error {
	_, err := doResult(f, req, arg)
	return err
}

// doResult is do for requests whose result is more than success.
func doResult(f *os.File, req ioctl.Request, arg any) (int, error) {
	p := reflect.ValueOf(arg)
	if size := int(p.Type().Elem().Size()); size != req.Size() {
		panic("BUG: drm: " + req.String() + " with another structure")
	}
	return call(f, req, p.UnsafePointer())
}

// doText is do for requests with a pointer to a string.
func doText(f *os.File, req ioctl.Request, text string) error {
	p, err := unix.BytePtrFromString(text)
	if err == nil {
		_, err = call(f, req, unsafe.Pointer(p))
	}
	return err
}

func call(f *os.File, req ioctl.Request, p unsafe.Pointer) (int, error) {
	defer runtime.KeepAlive(f)
	for {
		r, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), uintptr(req), uintptr(p))
		switch errno {
		case 0:
			return int(r), nil
		case unix.EINTR:
			continue
		}
		return 0, errno
	}
}

// address is where s begins, for structures that hold addresses; 0 if it is empty. It
// stays there until pin is released.
func address[T any](pin *runtime.Pinner, s []T) uint64 {
	if len(s) == 0 {
		return 0
	}
	pin.Pin(&s[0])
	return uint64(uintptr(unsafe.Pointer(&s[0])))
}
