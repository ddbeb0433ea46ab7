// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// inputKind says what standard input is.
type inputKind uint8

const (
	inputNone inputKind = iota // nothing will ever come
	inputFile                  // all there is can be read at once
	inputLive                  // somebody decides what comes when: a terminal, a pipe
)

// classify looks at standard input.
func classify(f *os.File) inputKind {
	st, err := f.Stat()
	if err != nil {
		return inputNone
	}
	if st.Mode().IsRegular() {
		return inputFile
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok && st.Mode()&os.ModeCharDevice != 0 && sys.Rdev == unix.Mkdev(1, 3) {
		return inputNone // /dev/null, Documentation/admin-guide/devices.txt of Linux
	}
	return inputLive
}
