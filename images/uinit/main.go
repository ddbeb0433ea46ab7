// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Uinit is what u-root's init runs before the shell. It gives the console a size,
// which a serial line cannot have of itself and without which the shell offers no
// line editing: that of "vdev.winsize=COLUMNSxROWS" on the kernel's command line,
// or 80x24.
//
// It is part of each interactive boot, so it avoids what is slow to initialise.
package main

import (
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func main() {
	defer letGo()
	if ws, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ); err != nil || ws.Col != 0 {
		return // no terminal, or one that knows better
	}
	cmdline, _ := os.ReadFile("/proc/cmdline")
	cols, rows := consoleSize(string(cmdline))
	// A console that refuses is one without line editing.
	_ = unix.IoctlSetWinsize(0, unix.TIOCSWINSZ, &unix.Winsize{Col: cols, Row: rows})
}

// letGo gives the console up as controlling terminal. init makes each of its
// programs the leader of a session on it; if such a one just exits, the kernel hangs
// the terminal up, and what init has open on it (with "console=" on the command
// line) is lost to the shell.
func letGo() {
	signal.Ignore(syscall.SIGHUP) // which this sends to us
	_ = unix.IoctlSetInt(0, unix.TIOCNOTTY, 0)
}

// consoleSize takes the size in characters out of the kernel's command line.
func consoleSize(cmdline string) (cols, rows uint16) {
	const option = "vdev.winsize="
	cols, rows = 80, 24
	for word := range strings.FieldsSeq(cmdline) {
		size, ok := strings.CutPrefix(word, option)
		if !ok {
			continue
		}
		c, r, _ := strings.Cut(size, "x")
		if cn, rn := number(c), number(r); cn > 0 && rn > 0 {
			cols, rows = cn, rn
		}
	}
	return cols, rows
}

// number reads a decimal number below 10000; anything else is 0.
func number(s string) uint16 {
	if len(s) == 0 || len(s) > 4 {
		return 0
	}
	var n uint16
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + uint16(c-'0')
	}
	return n
}
