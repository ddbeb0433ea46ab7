// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestEscapes(t *testing.T) {
	names := map[escapeCommand]string{escapeQuit: "<quit>", escapeMonitor: "<monitor>", escapeHelp: "<help>"}
	cases := []struct{ keys, want string }{
		{"abc", "abc"},
		{"\x01x", "<quit>"},
		{"a\x01cb\x01c", "a<monitor>b<monitor>"},
		{"\x01h\x01?", "<help><help>"},
		{"\x01\x01", "\x01"},
		{"\x01\x01x", "\x01x"},
		{"\x01\x01\x01x", "\x01<quit>"},
		{"\x01zx", "x"},
		{"\x01", ""},
		{"\x03\x04\x1a", "\x03\x04\x1a"},
	}
	for _, c := range cases {
		var e escapes
		got := ""
		for i := range len(c.keys) {
			cmd, pass := e.next(c.keys[i])
			if pass {
				got += c.keys[i : i+1]
			}
			got += names[cmd]
		}
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.keys, got, c.want)
		}
	}
}

func TestEscapeReader(t *testing.T) {
	quit, said := 0, 0
	r := &escapeReader{
		in:   iotest.OneByteReader(strings.NewReader("a\x01hb\x01xc\x01\x01d\x01")),
		quit: func() { quit++ },
		say:  func(string) { said++ },
	}
	got, err := io.ReadAll(r)
	if err != nil || string(got) != "abc\x01d" || quit != 1 || said != 1 {
		t.Errorf("got %q, %v, %d quits, %d helps", got, err, quit, said)
	}
}
