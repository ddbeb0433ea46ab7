// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLoadModules(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.ko", "a.ko", "there.ko", "old.ko", "bad.ko", "readme"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var loaded []string
	errs := loadModules(dir, func(fd int, params string, flags int) error {
		fd, err := unix.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		f := os.NewFile(uintptr(fd), "")
		defer f.Close()
		text, err := io.ReadAll(f)
		if err != nil || params != "" || flags != 0 {
			t.Errorf("parameters %q, flags %d, %v", params, flags, err)
		}
		switch string(text) {
		case "there.ko":
			return unix.EEXIST
		case "old.ko":
			return unix.ENOEXEC
		case "bad.ko":
			return unix.ENOENT // a symbol is missing
		}
		loaded = append(loaded, string(text))
		return nil
	})
	if want := []string{"a.ko", "b.ko"}; !reflect.DeepEqual(loaded, want) {
		t.Errorf("loaded %q, want %q", loaded, want)
	}
	if len(errs) != 1 || !errors.Is(errs[0], unix.ENOENT) || !strings.Contains(errs[0].Error(), "bad.ko") {
		t.Errorf("errors %v, want one about bad.ko", errs)
	}
	if errs := loadModules(filepath.Join(dir, "none"), nil); errs != nil {
		t.Errorf("no directory: %v", errs)
	}
}
