// SPDX-License-Identifier: Apache-2.0

//go:build linux

package drm

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"vdev/ioctl"
)

// UserMemory is memory of the program that the 2D engine can use as it is. The kernel
// maps it for the device when an operation first names it, with all cache maintenance,
// and unmaps it when the card is closed; there are no syncs in between.
type UserMemory struct {
	Mem        []byte
	descriptor uint32 // address of the structure that names it
	page       unsafe.Pointer
}

// lowAddress is where descriptors are put: command lists have 32 bits for their
// address, and everything else of a Go program is above 4 GiB or at its very start.
const lowAddress = 0x2000_0000

// NewUserMemory makes memory of zeros.
func NewUserMemory(size int) (*UserMemory, error) {
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("mmap: %w", err)
	}
	u := &UserMemory{Mem: mem}
	page := unix.Getpagesize()
	for at := uintptr(lowAddress); at < 1<<32 && u.page == nil; at += uintptr(page) {
		u.page, err = unix.MmapPtr(-1, 0, toPointer(at), uintptr(page), unix.PROT_READ|unix.PROT_WRITE,
			unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_FIXED_NOREPLACE)
		if err != nil && err != unix.EEXIST {
			return nil, fmt.Errorf("mmap below 4 GiB: %w", err)
		}
		if err != nil {
			u.page = nil
		}
	}
	u.descriptor = uint32(uintptr(u.page))
	*(*ioctl.DRMExynosG2DUserptr)(u.page) = ioctl.DRMExynosG2DUserptr{
		Userptr: uint64(uintptr(unsafe.Pointer(&mem[0]))), Size: uint64(size)}
	return u, nil
}

// toPointer makes a pointer of an address outside the Go heap.
func toPointer(at uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&at)) }

// Surface is the memory as an image for the 2D engine.
func (u *UserMemory) Surface(l Layout) Surface { return Surface{Layout: l, user: u} }

// Free unmaps the memory.
func (u *UserMemory) Free() error {
	mem := u.Mem
	u.Mem = nil
	return closeAll(func() error { return unix.Munmap(mem) },
		func() error { return unix.MunmapPtr(u.page, uintptr(unix.Getpagesize())) })
}
