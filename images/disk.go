// SPDX-License-Identifier: Apache-2.0

package images

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// errDiskFull marks a failure for want of disk space.
var errDiskFull = errors.New("no space left on the disk")

// diskError turns a failure for want of space, our own or one that a program
// printed, into one line that says where to make room. Other errors pass.
func diskError(dir string, err error) error {
	if err == nil || errors.Is(err, errDiskFull) {
		return err
	}
	full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		mentionsFullDisk(err.Error())
	if full {
		return fmt.Errorf("%w that holds %s: free some, or set XDG_CACHE_HOME to another disk", errDiskFull, dir)
	}
	return err
}

// mentionsFullDisk says whether a program's message is about ENOSPC, in the words
// of the C library or of Go's.
func mentionsFullDisk(said string) bool {
	return strings.Contains(strings.ToLower(said), "no space left on device")
}

// needSpace fails if the file system of dir has less than want bytes free.
func needSpace(dir string, want uint64) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return nil // the writes will tell
	}
	if free := st.Bavail * uint64(st.Bsize); free < want {
		return fmt.Errorf("%w that holds %s: building takes %s, %s are free; free some, or set XDG_CACHE_HOME to another disk",
			errDiskFull, dir, formatBytes(int64(want)), formatBytes(int64(free)))
	}
	return nil
}

// CopyTo copies the image's files into a directory, under the names that
// "vdev boot --image DIR" looks for: Image, vmlinux, config, initramfs.cpio, and
// modules, a directory.
func (m Image) CopyTo(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, src := range m.files() {
		if err := copyFile(filepath.Join(dir, name), src); err != nil {
			return diskError(dir, err)
		}
	}
	to := filepath.Join(dir, modulesDir)
	if err := os.RemoveAll(to); err != nil || m.Modules == "" {
		return err
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(m.Modules, "*.ko"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := copyFile(filepath.Join(to, filepath.Base(f)), f); err != nil {
			return diskError(dir, err)
		}
	}
	return nil
}

// modulesDir is the name of the directory with the modules in a copy of an image.
const modulesDir = "modules"

// FromDir returns the image that CopyTo put into a directory.
func FromDir(dir string) (Image, error) {
	m := Image{
		Kernel:    filepath.Join(dir, "Image"),
		Vmlinux:   filepath.Join(dir, "vmlinux"),
		Config:    filepath.Join(dir, "config"),
		Initramfs: filepath.Join(dir, "initramfs.cpio"),
	}
	for _, path := range []string{m.Kernel, m.Initramfs} {
		if _, err := os.Stat(path); err != nil {
			return Image{}, fmt.Errorf("%s holds no image: %w", dir, err)
		}
	}
	if to := filepath.Join(dir, modulesDir); isDir(to) {
		m.Modules = to
	}
	return m, nil
}

func isDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// copyFile copies a file so that dst is either complete or as it was.
func copyFile(dst, src string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(dst), ".vdev-*")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Chmod(0o644), out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), dst)
}
