// SPDX-License-Identifier: Apache-2.0

//go:build linux

package ioctl

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Do makes an ioctl on an open file. The type of the argument must be that of the
// request; another size panics. EINTR and EAGAIN start it again, as libdrm does, with
// whatever the kernel has left in arg; every other error is returned as it is, a
// unix.Errno.
func Do[T any](fd int, req Request, arg *T) error {
	_, err := Result(fd, req, arg)
	return err
}

// Once is Do that returns EINTR and EAGAIN, too, for drivers that mean something by
// them.
func Once[T any](fd int, req Request, arg *T) error {
	if size := int(unsafe.Sizeof(*arg)); size != req.Size() {
		panic(fmt.Sprintf("BUG: ioctl: %v with %T of %d bytes", req, *arg, size))
	}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(req), uintptr(unsafe.Pointer(arg)))
	if errno != 0 {
		return errno
	}
	return nil
}

// Result is Do for requests whose result is a number, such as the file descriptor
// that UDMABUF_CREATE returns.
func Result[T any](fd int, req Request, arg *T) (int, error) {
	if size := int(unsafe.Sizeof(*arg)); size != req.Size() {
		panic(fmt.Sprintf("BUG: ioctl: %v with %T of %d bytes", req, *arg, size))
	}
	return call(fd, req, unsafe.Pointer(arg))
}

// DoNone is Do for requests without an argument, such as DRM_IOCTL_SET_MASTER.
func DoNone(fd int, req Request) error {
	if req.Size() != 0 {
		panic(fmt.Sprintf("BUG: ioctl: %v without its argument", req))
	}
	_, err := call(fd, req, nil)
	return err
}

// DoList is Result for requests whose structure is followed by a list, such as
// UDMABUF_CREATE_LIST. The structure's count is the caller's to set.
func DoList[T, E any](fd int, req Request, head *T, list []E) (int, error) {
	size := unsafe.Sizeof(*head)
	if int(size) != req.Size() {
		panic(fmt.Sprintf("BUG: ioctl: %v with %T of %d bytes", req, *head, size))
	}
	// Words keep the alignment that the structures need.
	var e E
	whole := make([]uint64, (size+uintptr(len(list))*unsafe.Sizeof(e)+7)/8)
	base := unsafe.Pointer(unsafe.SliceData(whole))
	*(*T)(base) = *head
	copy(unsafe.Slice((*E)(unsafe.Add(base, size)), len(list)), list)
	result, err := call(fd, req, base)
	*head = *(*T)(base)
	return result, err
}

// SetName names a dma-buf, for debugging (DMA_BUF_SET_NAME). EINVAL: the name is
// longer than DMA_BUF_NAME_LEN - 1 bytes.
func SetName(fd int, name string) error {
	text, err := unix.BytePtrFromString(name)
	if err != nil {
		return err
	}
	_, err = call(fd, DMA_BUF_SET_NAME, unsafe.Pointer(text))
	return err
}

// Pointer is the address of s's elements, for the fields of structures that are
// pointers: 0 if there are none. They stay where they are until pin.Unpin, which
// must come after the ioctl.
func Pointer[T any](pin *runtime.Pinner, s []T) uint64 {
	if len(s) == 0 {
		return 0
	}
	p := unsafe.SliceData(s)
	pin.Pin(p)
	return uint64(uintptr(unsafe.Pointer(p)))
}

func call(fd int, req Request, arg unsafe.Pointer) (int, error) {
	for {
		result, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(req), uintptr(arg))
		switch errno {
		case 0:
			return int(result), nil
		case unix.EINTR, unix.EAGAIN:
			continue
		}
		return -1, errno
	}
}
