// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"vdev/guest/program"
)

// lookPath finds the program name as execvp would: in the PATH of env, or
// from dir when the name has a slash. It returns "" when there is none.
func lookPath(name, dir string, env []string) string {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		if executable(name) {
			return name
		}
		return ""
	}
	for _, kv := range env {
		list, ok := strings.CutPrefix(kv, "PATH=")
		if !ok {
			continue
		}
		for _, d := range filepath.SplitList(list) {
			if p := filepath.Join(d, name); executable(p) {
				return p
			}
		}
	}
	return ""
}

// executable tells whether path is a file that root may execute.
func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// explainExec says in one line why the kernel did not start the program at
// path. Linux has one error number for many reasons.
func explainExec(path string, err error) string {
	name := filepath.Base(path)
	f, openErr := os.Open(path)
	if openErr != nil {
		return openErr.Error()
	}
	defer f.Close()
	head := make([]byte, program.HeadSize)
	n, _ := io.ReadFull(f, head)
	info, why := program.Inspect(head[:n])
	if err == syscall.ENOEXEC && why != nil {
		return name + " " + why.Error()
	}
	if err == syscall.ENOENT && info.Interp != "" {
		return name + " " + program.MissingInterp(info).Error()
	}
	return name + " cannot be started: " + err.Error()
}
