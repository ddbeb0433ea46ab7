// SPDX-License-Identifier: Apache-2.0

//go:build linux

package ioctl

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Requests that an ordinary machine has: those of its source of random numbers, and
// one that all files have.
const (
	rndGetEntCnt Request = iocRead | 4<<iocSizeShift | 'R'<<iocTypeShift + 0
	fioClex      Request = 0x5451
)

func TestDo(t *testing.T) {
	f, err := os.Open("/dev/urandom")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd := int(f.Fd())
	bits := ^uint32(0)
	if err := Do(fd, rndGetEntCnt, &bits); err != nil || bits > 1<<20 {
		t.Errorf("%d bits of entropy, %v", bits, err)
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err != nil {
		t.Fatal(err)
	}
	if err := DoNone(fd, fioClex); err != nil {
		t.Error(err)
	}
	if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0); err != nil || flags != unix.FD_CLOEXEC {
		t.Errorf("flags of the file: %d, %v", flags, err)
	}
	if err := Do(fd, DMA_BUF_IOCTL_SYNC, &DMABufSync{}); !errors.Is(err, unix.ENOTTY) && !errors.Is(err, unix.EINVAL) {
		t.Errorf("a dma-buf's request on another file: %v", err)
	}
	list := UdmabufCreateList{Flags: 1, Count: 3}
	if n, err := DoList(fd, UDMABUF_CREATE_LIST, &list, make([]UdmabufCreateItem, 3)); err == nil || n != -1 || list.Count != 3 {
		t.Errorf("a udmabuf's request on another file: %d, %v, %v", n, err, list)
	}
	if err := SetName(fd, "name"); err == nil {
		t.Error("a file has got a name")
	}
	if err := SetName(fd, "na\x00me"); !errors.Is(err, unix.EINVAL) {
		t.Errorf("a name with NUL: %v", err)
	}
}

func TestDoOfAnotherStructure(t *testing.T) {
	for name, f := range map[string]func(){
		"size": func() { _ = Do(-1, DMA_BUF_IOCTL_SYNC, new(uint32)) },
		"none": func() { _ = DoNone(-1, DMA_BUF_IOCTL_SYNC) },
		"list": func() { _, _ = DoList(-1, UDMABUF_CREATE_LIST, new(uint32), []UdmabufCreateItem{}) },
	} {
		func() {
			defer func() {
				if s, ok := recover().(string); !ok || !strings.HasPrefix(s, "BUG: ioctl: ") {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestPointer(t *testing.T) {
	var pin runtime.Pinner
	defer pin.Unpin()
	s := []uint32{1, 2, 3}
	if a, b := Pointer(&pin, s), Pointer(&pin, s[1:]); a == 0 || b != a+4 {
		t.Errorf("elements at %#x and %#x", a, b)
	}
	if a := Pointer(&pin, s[:0]); a != 0 {
		t.Errorf("no elements at %#x", a)
	}
}
