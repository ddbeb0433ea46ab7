// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// modulesDir is where u-root's init, too, looks for modules to load.
const modulesDir = "/lib/modules"

// loadModules loads the kernel modules that the initramfs brings. It returns what
// went wrong.
func loadModules(dir string, load func(fd int, params string, flags int) error) []error {
	names, _ := filepath.Glob(dir + "/*.ko") // sorted; the pattern is sound
	var errs []error
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		err = load(int(f.Fd()), "", 0)
		f.Close()
		// There is already one, or the kernel is another than the modules are for:
		// somebody's own, who knows about its modules.
		if err != nil && !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.ENOEXEC) && !errors.Is(err, unix.ENOSYS) {
			errs = append(errs, &os.PathError{Op: "load", Path: name, Err: err})
		}
	}
	return errs
}
