// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDriverSources(t *testing.T) {
	src := t.TempDir()
	if got, err := driverSources(src); err != nil || len(driverModules(got)) != 0 {
		t.Errorf("no sources: %v, %v", got, err)
	}
	writeFiles(t, filepath.Join(src, driverDir), map[string]string{
		"Makefile": "# obj-m := no.o\nobj-m := a.o b.o\na-y := x.o y.o\nobj-m += c.o\n",
		"a.c":      "a", "a.h": "h", "a.mod.c": "built", "a.o": "built", "README": "",
	})
	sources, err := driverSources(src)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range sources {
		names = append(names, s.name)
	}
	if want := []string{"Makefile", "a.c", "a.h"}; !reflect.DeepEqual(names, want) {
		t.Errorf("sources %q, want %q", names, want)
	}
	if got, want := driverModules(sources), []string{"a.ko", "b.ko", "c.ko"}; !reflect.DeepEqual(got, want) {
		t.Errorf("modules %q, want %q", got, want)
	}
}

func TestDriversKeyFollowsSourcesAndKernel(t *testing.T) {
	key := func(kernel, text string) string {
		return keyOf("driver", driverInputs(&entry{manifest: manifest{Key: kernel}}, []driverSource{{"a.c", []byte(text)}}))
	}
	seen := map[string]bool{}
	for _, k := range []string{key("k", "1"), key("k", "2"), key("l", "1")} {
		if seen[k] {
			t.Error("another input has the same key")
		}
		seen[k] = true
	}
}

// TestGuestHasModules adds modules to an initramfs as if they had been built.
func TestGuestHasModules(t *testing.T) {
	opts := testOptions(t)
	kernel, _ := fakeImage(t, opts)
	b := newBuilder(opts)
	writeFiles(t, filepath.Join(opts.SourceDir, driverDir), map[string]string{"Makefile": "obj-m := a.o\n", "a.c": "a"})
	var base bytes.Buffer
	if err := writeArchive(&base, baseRecords()); err != nil {
		t.Fatal(err)
	}
	base.WriteByte(0) // a length that needs padding
	initramfs := put(t, b, "initramfs", []input{{"test", "x"}}, map[string]string{initramfsFile: base.String()})
	if _, _, err := b.guest(t.Context(), kernel, initramfs, false); err == nil {
		t.Fatal("a guest that was not built is found")
	}
	sources, err := driverSources(opts.SourceDir)
	if err != nil {
		t.Fatal(err)
	}
	driver := put(t, b, "driver", driverInputs(kernel, sources), map[string]string{"a.ko": "with DWARF", "a.ko" + strippedSuffix: "stripped"})
	guest, got, err := b.guest(t.Context(), kernel, initramfs, true)
	if err != nil || got.Key != driver.Key {
		t.Fatalf("guest = %v, %v, %v", guest, got, err)
	}
	text, err := os.ReadFile(guest.path(initramfsFile))
	if err != nil {
		t.Fatal(err)
	}
	start := (base.Len() + 3) &^ 3
	if !bytes.HasPrefix(text, base.Bytes()) || len(text) < start {
		t.Fatal("the guest does not begin with the initramfs")
	}
	if !strings.Contains(string(text[start:]), "lib/modules/a.ko") || !strings.Contains(string(text[start:]), "stripped") ||
		strings.Contains(string(text[start:]), "DWARF") {
		t.Error("the second archive does not hold the stripped module")
	}
	// Without the source tree, the same is found.
	g, d, err := b.lastGuest(kernel, initramfs)
	if err != nil || g.Key != guest.Key || d == nil || d.Key != driver.Key {
		t.Errorf("lastGuest = %v, %v, %v", g, d, err)
	}
	// And where none was made, there is still the initramfs.
	other := put(t, b, "initramfs", []input{{"test", "y"}}, map[string]string{initramfsFile: "y"})
	if g, d, err := b.lastGuest(kernel, other); err != nil || g != other || d != nil {
		t.Errorf("lastGuest without modules = %v, %v, %v", g, d, err)
	}
	img := parts{kernel: kernel, initramfs: initramfs, guest: guest, driver: driver}.image()
	dir := filepath.Join(t.TempDir(), "copy")
	if err := img.CopyTo(dir); err != nil {
		t.Fatal(err)
	}
	back, err := FromDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(back.Modules, "a.ko")); err != nil || string(text) != "with DWARF" {
		t.Errorf("copied module: %q, %v", text, err)
	}
}

// put makes an entry of given files.
func put(t *testing.T, b *builder, kind string, inputs []input, files map[string]string) *entry {
	t.Helper()
	var names []string
	for name := range files {
		names = append(names, name)
	}
	e, err := b.store.ensure(t.Context(), kind, inputs, names, func(_ context.Context, dir string) error {
		writeFiles(t, dir, files)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestModuleSymversNeedsExports(t *testing.T) {
	exe, err := os.Executable() // an ELF file, but no kernel
	if err != nil {
		t.Fatal(err)
	}
	if _, err := moduleSymvers(exe); err == nil {
		t.Error("a program is taken for a kernel")
	}
}
