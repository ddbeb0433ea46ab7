// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

// winsize is struct winsize of include/uapi/asm-generic/termios.h.
type winsize struct {
	rows, cols, xPixels, yPixels uint16
}

// openPTY returns a new pseudo-terminal of the given size; zero leaves the
// size unset. The master is non-blocking.
func openPTY(rows, cols uint16) (master, slave *os.File, err error) {
	fd, err := syscall.Open("/dev/ptmx", syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, &os.PathError{Op: "open", Path: "/dev/ptmx", Err: err}
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	var unlocked int32
	var number uint32
	if err = ioctl(fd, syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked)); err == nil {
		err = ioctl(fd, syscall.TIOCGPTN, unsafe.Pointer(&number))
	}
	if err == nil {
		slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(int(number)), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err == nil && rows != 0 {
		err = setSize(fd, rows, cols)
	}
	if err != nil {
		closeAll(master, slave)
		return nil, nil, err
	}
	return master, slave, nil
}

// setSize sets the size of the terminal behind fd, which sends SIGWINCH to
// its foreground process group.
func setSize(fd int, rows, cols uint16) error {
	ws := winsize{rows: rows, cols: cols}
	return ioctl(fd, syscall.TIOCSWINSZ, unsafe.Pointer(&ws))
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); e != 0 {
		return os.NewSyscallError("ioctl", e)
	}
	return nil
}

// resize tells the program's terminal, if it has one, its new size.
func (j *job) resize(rows, cols uint16) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.tty != nil && j.pid != 0 {
		// A terminal that is just being closed needs no size.
		_ = setSize(int(fdOf(j.tty)), rows, cols)
	}
}
