// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"vdev/guest/client"
)

// terminal is the user's terminal. In raw mode, every key goes to the guest. All
// methods work on a nil terminal, which is none.
type terminal struct {
	fd int

	mu    sync.Mutex
	saved *term.State // guarded by mu; the mode to go back to, nil when not raw
}

// openTerminal returns the terminal that f is, or nil.
func openTerminal(f *os.File) *terminal {
	fd := int(f.Fd())
	if !term.IsTerminal(fd) {
		return nil
	}
	return &terminal{fd: fd}
}

// Raw puts the terminal into raw mode until Restore.
func (t *terminal) Raw() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.saved != nil {
		return nil
	}
	saved, err := term.MakeRaw(t.fd)
	if err == nil {
		t.saved = saved
	}
	return err
}

// Restore ends raw mode. Every way out of the process goes through it: goroutines
// that work while the terminal is raw defer it, so that a panic finds it too.
func (t *terminal) Restore() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.saved != nil {
		// A terminal that is gone cannot be restored, and need not be.
		_ = term.Restore(t.fd, t.saved)
		t.saved = nil
	}
}

// Size is the size of the terminal; ok is false if it has none.
func (t *terminal) Size() (s client.Size, ok bool) {
	if t == nil {
		return s, false
	}
	cols, rows, err := term.GetSize(t.fd)
	if err != nil || cols <= 0 || rows <= 0 {
		return s, false
	}
	return client.Size{Rows: uint16(rows), Cols: uint16(cols)}, true
}

// Say writes lines to standard error, so that they look right in raw mode too.
func (t *terminal) Say(lines string) {
	lines += "\n"
	if t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.saved != nil {
			lines = strings.ReplaceAll(lines, "\n", "\r\n")
		}
	}
	os.Stderr.WriteString(lines)
}
