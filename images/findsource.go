// SPDX-License-Identifier: Apache-2.0

package images

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// errNoSource reports that vdev's source tree is not to be found.
var errNoSource = errors.New("vdev's source tree, which the guest's programs are compiled from, is not to be found: run vdev from inside it, or set VDEV_SOURCE to its path")

// FindSource returns the top of vdev's source tree: what $VDEV_SOURCE names; else
// the tree around the running program, around the working directory, or where the
// program was compiled, whichever is one first.
func FindSource() (string, error) {
	if dir := os.Getenv("VDEV_SOURCE"); dir != "" {
		if !isSourceTree(dir) {
			return "", errors.New("VDEV_SOURCE=" + dir + " is not vdev's source tree")
		}
		return filepath.Abs(dir)
	}
	var starts []string
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		starts = append(starts, filepath.Dir(exe))
	}
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	// A path relative to the module is no path here: compiled with -trimpath.
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		starts = append(starts, filepath.Dir(file))
	}
	for _, start := range starts {
		for dir := start; ; dir = filepath.Dir(dir) {
			if isSourceTree(dir) {
				return dir, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", errNoSource
}

// isSourceTree says whether dir is the top of vdev's module.
func isSourceTree(dir string) bool {
	b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "module" {
			return f[1] == "vdev"
		}
	}
	return false
}
