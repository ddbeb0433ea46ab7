// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vdev/emu"
)

func TestTraceFlag(t *testing.T) {
	for _, tt := range []struct {
		text string
		want traceFlag
		err  string
	}{
		{"ioctl", traceFlag{ioctl: true}, ""},
		{"ioctl=out.txt", traceFlag{ioctl: true, file: "out.txt"}, ""},
		{"ioctl=a=b", traceFlag{ioctl: true, file: "a=b"}, ""},
		{"ioctl=", traceFlag{}, `no file after "ioctl="`},
		{"", traceFlag{}, `cannot trace ""; there is: ioctl, ioctl=FILE`},
		{"syscalls", traceFlag{}, `cannot trace "syscalls"; there is: ioctl, ioctl=FILE`},
		{"ioctls=x", traceFlag{}, `cannot trace "ioctls"; there is: ioctl, ioctl=FILE`},
	} {
		var f traceFlag
		err := f.Set(tt.text)
		if f != tt.want || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
			t.Errorf("%q: %+v, %v", tt.text, f, err)
		}
		if err == nil && f.String() != tt.text {
			t.Errorf("%q is shown as %q", tt.text, f.String())
		}
	}
}

func TestTraceGoesWhereItIsTold(t *testing.T) {
	var said []string
	say := func(line string) { said = append(said, line) }
	open := func(f machineFlags) emu.Config {
		var c emu.Config
		closer, err := f.openTrace(&c, say)
		if err != nil {
			t.Fatal(err)
		}
		defer closer.Close()
		if c.Trace.IOCtl != nil {
			c.Trace.IOCtl("a line")
		}
		return c
	}
	if c := open(machineFlags{vmlinux: "vmlinux"}); c.Trace.IOCtl != nil || c.Trace.Kernel == nil || len(said) != 0 {
		t.Errorf("no trace: %+v, said %q", c.Trace, said)
	}
	file := filepath.Join(t.TempDir(), "trace")
	open(machineFlags{vmlinux: "vmlinux", trace: traceFlag{ioctl: true, file: file}})
	if b, err := os.ReadFile(file); string(b) != "a line\n" || err != nil || len(said) != 0 {
		t.Errorf("the file has %q, %v; said %q", b, err, said)
	}
	open(machineFlags{vmlinux: "vmlinux", trace: traceFlag{ioctl: true}})
	if strings.Join(said, "|") != "a line" {
		t.Errorf("said %q", said)
	}
	said = nil
	open(machineFlags{trace: traceFlag{ioctl: true}})
	if len(said) != 2 || !strings.Contains(said[0], "without names") {
		t.Errorf("of an unknown kernel, said %q", said)
	}
	f := machineFlags{trace: traceFlag{ioctl: true, file: filepath.Join(t.TempDir(), "no", "trace")}}
	if _, err := f.openTrace(&emu.Config{}, say); err == nil || !strings.HasPrefix(err.Error(), "trace ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a file that cannot be: %v", err)
	}
}

func TestTraceFileTellsOnceThatItIsFull(t *testing.T) {
	file, err := createTrace("/dev/full")
	if err != nil {
		t.Skip(err)
	}
	file.line("one")
	file.line("two")
	if file.err == nil {
		t.Error("writing to a full disk succeeds")
	}
	_ = file.Close()
}
