// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"regexp"
	"strings"
)

const (
	tailSize  = 16 << 10 // bytes of console output that are kept
	tailLines = 40       // and lines of them that are shown
	lineMax   = 1 << 10  // longer lines are no messages of the kernel
)

// tail keeps the end of what the guest printed, and notices a kernel panic in it. It
// belongs to the machine's goroutine until the machine has ended.
type tail struct {
	buf    []byte
	line   []byte // the present one
	any    bool   // something was printed
	panic  bool
	prompt bool // a shell prompt was seen
}

// panicLine is how Linux (kernel/panic.c) announces its end, with or without the
// time in front.
var panicLine = regexp.MustCompile(`^(\[ *[0-9]+\.[0-9]+\](\[ *[A-Z][0-9]+\])? )?Kernel panic - not syncing`)

// watch takes the next byte of output.
func (t *tail) watch(c byte) {
	t.any = true
	if len(t.buf) >= 2*tailSize {
		t.buf = t.buf[:copy(t.buf, t.buf[len(t.buf)-tailSize:])]
	}
	t.buf = append(t.buf, c)
	switch {
	case c == '\n' || c == '\r':
		t.panic = t.panic || panicLine.Match(t.line)
		t.line = t.line[:0]
	case len(t.line) < lineMax:
		t.line = append(t.line, c)
	}
}

// panicked says whether the guest's kernel panicked.
func (t *tail) panicked() bool { return t.panic }

// show writes the last lines, if there are any.
func (t *tail) show(w io.Writer) {
	b := bytes.TrimSpace(t.buf[max(0, len(t.buf)-tailSize):])
	if len(b) == 0 {
		return
	}
	lines := strings.Split(strings.ReplaceAll(string(b), "\r", ""), "\n")
	lines = lines[max(0, len(lines)-tailLines):]
	io.WriteString(w, "vdev: the guest's last words:\n"+strings.Join(lines, "\n")+"\n")
}
