// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestTailNoticesPanics(t *testing.T) {
	cases := []struct {
		text string
		want bool
	}{
		{"Kernel panic - not syncing: x\n", true},
		{"a\r\n[    1.234567] Kernel panic - not syncing: x\r\n", true},
		{"[    1.234567][    T1] Kernel panic - not syncing: x\n", true},
		{"[    1.234567] Kernel panic - not syncing: x", false}, // not all of it yet
		{"echo Kernel panic - not syncing\n", false},
		{"\n", false},
	}
	for _, c := range cases {
		var tl tail
		for i := range len(c.text) {
			tl.watch(c.text[i])
		}
		if tl.panicked() != c.want {
			t.Errorf("%q: got %v", c.text, tl.panicked())
		}
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	var tl tail
	for range 100 * tailSize {
		tl.watch('x')
	}
	for _, c := range []byte("\r\nlast line\r\n") {
		tl.watch(c)
	}
	if len(tl.buf) > 2*tailSize {
		t.Errorf("keeps %d bytes", len(tl.buf))
	}
	var b bytes.Buffer
	tl.show(&b)
	if !strings.HasSuffix(b.String(), "x\nlast line\n") {
		t.Errorf("shows %q", b.String()[b.Len()-40:])
	}
	var empty tail
	b.Reset()
	empty.show(&b)
	if b.Len() > 0 {
		t.Errorf("nothing printed shows as %q", b.String())
	}
}
