// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"vdev/emu"
	"vdev/emu/symbols"
)

// traceFlag is what to trace, and where to.
type traceFlag struct {
	ioctl bool
	file  string // empty for standard error
}

const traceHelp = "write down every ioctl that the guest's processes make: `ioctl` to standard error, ioctl=FILE to a file"

func (f *traceFlag) String() string {
	switch {
	case !f.ioctl:
		return ""
	case f.file == "":
		return "ioctl"
	}
	return "ioctl=" + f.file
}

func (f *traceFlag) Set(text string) error {
	what, file, given := strings.Cut(text, "=")
	if what != "ioctl" {
		return fmt.Errorf("cannot trace %q; there is: ioctl, ioctl=FILE", what)
	}
	if given && file == "" {
		return fmt.Errorf("no file after %q", text)
	}
	*f = traceFlag{ioctl: true, file: file}
	return nil
}

func (f *traceFlag) Type() string { return "ioctl" }

// openTrace directs the trace to the file of --trace, or to say. What it returns is to
// be closed after the run.
func (f *machineFlags) openTrace(c *emu.Config, say func(line string)) (io.Closer, error) {
	if f.vmlinux != "" {
		c.Trace.Kernel = sync.OnceValues(func() (*symbols.KernelFile, error) {
			return symbols.ReadKernelFile(f.vmlinux)
		})
	}
	if !f.trace.ioctl {
		return io.NopCloser(nil), nil
	}
	if f.vmlinux == "" {
		say("vdev: trace without names: the symbols of this kernel are not known")
	}
	if f.trace.file == "" {
		c.Trace.IOCtl = say
		return io.NopCloser(nil), nil
	}
	t, err := createTrace(f.trace.file)
	if err != nil {
		return nil, err
	}
	c.Trace.IOCtl = t.line
	return t, nil
}

// traceFile is a file that lines go to. Each is written at once, so that the file can
// be followed.
type traceFile struct {
	file *os.File
	err  error // the first
}

func createTrace(name string) (*traceFile, error) {
	file, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("trace %s: %w", name, plain(err))
	}
	return &traceFile{file: file}, nil
}

func (t *traceFile) line(s string) {
	if t.err == nil {
		_, t.err = t.file.WriteString(s + "\n")
	}
}

// Close says on standard error if the trace is not complete.
func (t *traceFile) Close() error {
	if t.err != nil {
		fmt.Fprintf(os.Stderr, "vdev: trace %s: %v\n", t.file.Name(), plain(t.err))
	}
	return t.file.Close()
}
