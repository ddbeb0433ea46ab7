// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"vdev/emu"
	"vdev/emu/symbols"
)

// statusReports is the status of "vdev exec" when the sanitizer found errors.
const statusReports = 86

// openReports creates the file of --report and directs the findings to it, and for
// people to text.
func (f *machineFlags) openReports(c *emu.Config, text io.Writer) (io.Closer, error) {
	c.Report = emu.ReportConfig{Text: text, Latent: f.latent, Resolver: f.resolver(), Layout: f.layout}
	if f.report == "" {
		return io.NopCloser(nil), nil
	}
	file, err := os.Create(f.report)
	if err != nil {
		return nil, fmt.Errorf("report %s: %w", f.report, plain(err))
	}
	c.Report.JSON = file
	return file, nil
}

// lineWriter hands on whole lines, without their ends.
type lineWriter struct {
	say  func(line string)
	rest []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		i := bytes.IndexByte(w.rest, '\n')
		if i < 0 {
			return len(p), nil
		}
		w.say(string(w.rest[:i]))
		w.rest = w.rest[i+1:]
	}
}

// layout reads from the kernel's BTF where it keeps the names of tasks. Without it,
// reports have the names of tasks as they are when the report is made.
func (f *machineFlags) layout() *symbols.Layout {
	if f.vmlinux == "" {
		return nil
	}
	l, err := symbols.ReadLayout(f.vmlinux)
	if err != nil {
		return nil
	}
	return l
}

// resolver finds names with what the command line says about kernel and program. It
// is made when the first report is, as symbols take time and memory to load.
func (f *machineFlags) resolver() func(symbols.Memory) symbols.Resolver {
	if f.vmlinux == "" {
		return nil
	}
	return func(memory symbols.Memory) symbols.Resolver {
		l, err := symbols.NewLinux(symbols.Config{
			Vmlinux: f.vmlinux, Modules: f.modules, Memory: memory,
			Program: func(name string) string {
				if f.program != "" && name == filepath.Base(f.program) {
					return f.program
				}
				return ""
			},
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, "vdev: reports without names:", err)
			return nil
		}
		return l
	}
}
