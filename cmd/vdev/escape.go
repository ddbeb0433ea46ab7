// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
)

// escapeKey is Ctrl-A, which begins a command to vdev.
const escapeKey = 1

// escapeCommand is what the user wants of vdev.
type escapeCommand uint8

const (
	escapeNone    escapeCommand = iota
	escapeQuit                  // Ctrl-A x
	escapeMonitor               // Ctrl-A c
	escapeHelp                  // Ctrl-A h
)

// escapes finds commands among the keys, also when a command arrives in two pieces.
type escapes struct{ armed bool }

// next takes one key. It returns true if the key is for the guest, or what the user
// wants of vdev.
func (e *escapes) next(c byte) (escapeCommand, bool) {
	if !e.armed {
		e.armed = c == escapeKey
		return escapeNone, !e.armed
	}
	e.armed = false
	switch c {
	case escapeKey: // Ctrl-A Ctrl-A stands for Ctrl-A
		return escapeNone, true
	case 'x', 'X':
		return escapeQuit, false
	case 'c', 'C':
		return escapeMonitor, false
	case 'h', 'H', '?':
		return escapeHelp, false
	}
	return escapeNone, false
}

// errQuit says that the user asked vdev to end.
var errQuit = errors.New("quit")

// escapeReader is a terminal's input without the commands to vdev.
type escapeReader struct {
	in   io.Reader
	keys escapes
	quit func()
	say  func(string)
}

const execHelp = `
Ctrl-A x       end the program and vdev
Ctrl-A h       this help
Ctrl-A Ctrl-A  Ctrl-A`

// Read implements io.Reader.
func (r *escapeReader) Read(p []byte) (int, error) {
	for {
		n, err := r.in.Read(p)
		kept := p[:0]
		for _, c := range p[:n] {
			cmd, pass := r.keys.next(c)
			switch {
			case pass:
				kept = append(kept, c)
			case cmd == escapeQuit:
				r.quit()
			case cmd != escapeNone:
				r.say(execHelp)
			}
		}
		if len(kept) > 0 || err != nil {
			return len(kept), err
		}
	}
}
