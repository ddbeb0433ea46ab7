// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/u-root/mkuimage/cpio"
)

// readArchive reads an archive back.
func readArchive(t *testing.T, raw []byte) []cpio.Record {
	t.Helper()
	all, err := cpio.ReadAllRecords(cpio.Newc.Reader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatalf("reading the archive: %v", err)
	}
	return all
}

// content returns what a record holds.
func content(t *testing.T, r cpio.Record) string {
	t.Helper()
	if r.ReaderAt == nil || r.FileSize == 0 {
		return ""
	}
	b, err := io.ReadAll(io.NewSectionReader(r, 0, int64(r.FileSize)))
	if err != nil {
		t.Fatalf("%s: %v", r.Name, err)
	}
	return string(b)
}

func TestArchiveDependsOnTheRecordsAlone(t *testing.T) {
	records := func() []cpio.Record {
		f := cpio.StaticFile("bin/tool", "text", 0o755)
		f.MTime, f.UID, f.Ino, f.Dev, f.NLink = 12345, 1000, 77, 8, 3
		return append(baseRecords(), f)
	}
	var first, second bytes.Buffer
	if err := writeArchive(&first, records()); err != nil {
		t.Fatal(err)
	}
	other := records()
	slices.Reverse(other)
	for i := range other {
		other[i].MTime += uint64(i)
	}
	if err := writeArchive(&second, other); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("order or times of the records show in the archive")
	}
	if first.Len()%4 != 0 {
		t.Errorf("archive has %d bytes, not a multiple of 4", first.Len())
	}
}

func TestArchiveOrder(t *testing.T) {
	var raw bytes.Buffer
	if err := writeArchive(&raw, []cpio.Record{
		cpio.StaticFile("a/b/c", "deep", 0o600),
		cpio.Symlink("a/b.d", "b/c"),
		cpio.CharDev("dev/console", 0o600, 5, 1),
	}); err != nil {
		t.Fatal(err)
	}
	all := readArchive(t, raw.Bytes())
	var names []string
	inodes := map[uint64]string{}
	for _, r := range all {
		names = append(names, r.Name)
		if other, dup := inodes[r.Ino]; dup {
			t.Errorf("%s and %s share inode %d", r.Name, other, r.Ino)
		}
		inodes[r.Ino] = r.Name
		if r.MTime != 0 || r.UID != 0 || r.GID != 0 {
			t.Errorf("%s: time %d, owner %d:%d; want zeros", r.Name, r.MTime, r.UID, r.GID)
		}
	}
	if want := []string{"a", "a/b", "a/b.d", "a/b/c", "dev", "dev/console"}; !slices.Equal(names, want) {
		t.Errorf("names are %q, want %q", names, want)
	}
	if got := content(t, all[3]); got != "deep" {
		t.Errorf("a/b/c holds %q", got)
	}
	if c := all[5]; c.Rmajor != 5 || c.Rminor != 1 || c.Mode != cpio.S_IFCHR|0o600 {
		t.Errorf("dev/console is %d:%d mode %o", c.Rmajor, c.Rminor, c.Mode)
	}
}

func TestArchiveRefuses(t *testing.T) {
	for name, records := range map[string][]cpio.Record{
		"twice":             {cpio.StaticFile("a", "", 0o644), cpio.Symlink("a", "b")},
		"absolute":          {cpio.StaticFile("/a", "", 0o644)},
		"upwards":           {cpio.StaticFile("../a", "", 0o644)},
		"not clean":         {cpio.StaticFile("a//b", "", 0o644)},
		"no name":           {cpio.StaticFile("", "", 0o644)},
		"trailer":           {cpio.StaticFile(cpio.Trailer, "", 0o644)},
		"file in a file":    {cpio.StaticFile("a", "", 0o644), cpio.StaticFile("a/b", "", 0o644)},
		"file in a symlink": {cpio.Symlink("a", "c"), cpio.StaticFile("a/b/d", "", 0o644)},
	} {
		if err := writeArchive(io.Discard, records); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzArchive(f *testing.F) {
	f.Add("bin/sh\x00text\x00etc/passwd\x00root")
	f.Add("a\x00\x00a/b\x00x")
	f.Add("TRAILER!!!\x00x")
	f.Add("a/../b\x00x")
	f.Fuzz(func(t *testing.T, script string) {
		// Names and texts in turn.
		parts := strings.Split(script, "\x00")
		want := map[string]string{}
		var records []cpio.Record
		for i := 0; i+1 < len(parts); i += 2 {
			records = append(records, cpio.StaticFile(parts[i], parts[i+1], 0o644))
			want[parts[i]] = parts[i+1]
		}
		var raw bytes.Buffer
		if err := writeArchive(&raw, records); err != nil {
			return // refused, see TestArchiveRefuses
		}
		seen := map[string]bool{}
		for _, r := range readArchive(t, raw.Bytes()) {
			if dir := path.Dir(r.Name); dir != "." && !seen[dir] {
				t.Errorf("%q comes before its directory", r.Name)
			}
			seen[r.Name] = true
			text, isFile := want[r.Name]
			if isFile != (r.Mode&cpio.S_IFMT == cpio.S_IFREG) {
				t.Errorf("%q has mode %o", r.Name, r.Mode)
			}
			if isFile && content(t, r) != text {
				t.Errorf("%q holds %q, want %q", r.Name, content(t, r), text)
			}
		}
		for name := range want {
			if !seen[name] {
				t.Errorf("%q is missing", name)
			}
		}
	})
}

func TestInitramfsHasWhatBootNeeds(t *testing.T) {
	dir := t.TempDir()
	bb, bin := filepath.Join(dir, "bb"), filepath.Join(dir, "bin")
	for path, text := range map[string]string{bb: "bb", filepath.Join(bin, "vdev-agent"): "agent"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	records, err := initramfsRecords(bb, commandNames(urootCommands()), bin, []program{{"vdev-agent", "./guest/agent"}})
	if err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	if err := writeArchive(&raw, records); err != nil {
		t.Fatal(err)
	}
	byName := map[string]cpio.Record{}
	for _, r := range readArchive(t, raw.Bytes()) {
		byName[r.Name] = r
	}
	// follow resolves symbolic links as the kernel would.
	follow := func(name string) cpio.Record {
		for range 8 {
			r, ok := byName[name]
			if !ok {
				t.Fatalf("there is no /%s", name)
			}
			if r.Mode&cpio.S_IFMT != cpio.S_IFLNK {
				return r
			}
			name = path.Join(path.Dir(name), content(t, r))
		}
		t.Fatalf("/%s: too many links", name)
		return cpio.Record{}
	}
	for name, want := range map[string]string{
		"init": "bb", "bin/sh": "bb", "bin/defaultsh": "bb", "bbin/ls": "bb", "bbin/gosh": "bb", "bin/vdev-agent": "agent",
	} {
		r := follow(name)
		if got := content(t, r); got != want || r.Mode != cpio.S_IFREG|0o755 {
			t.Errorf("/%s is %q with mode %o, want %q", name, got, r.Mode, want)
		}
	}
	if c := follow("dev/console"); c.Rmajor != 5 || c.Rminor != 1 {
		t.Errorf("/dev/console is %d:%d", c.Rmajor, c.Rminor)
	}
	if _, err := initramfsRecords(bb, nil, bin, []program{{"absent", ""}}); err == nil {
		t.Error("a program that was not built is no error")
	}
}

func TestUrootCommands(t *testing.T) {
	cmds := urootCommands()
	if len(cmds) < 50 {
		t.Fatalf("only %d commands: %v", len(cmds), cmds)
	}
	names := commandNames(cmds)
	for _, need := range []string{"init", "gosh", "ls", "cat", "mount", "dmesg", "insmod", "poweroff", "shutdown"} {
		if !slices.Contains(names, need) {
			t.Errorf("there is no %s", need)
		}
	}
	for i, imp := range cmds {
		if !strings.HasPrefix(imp, "github.com/u-root/u-root/cmds/") {
			t.Errorf("%s is not of u-root", imp)
		}
		if slices.Contains(names[:i], names[i]) {
			t.Errorf("%s is there twice", names[i])
		}
	}
}

// testModule writes a module named vdev with an agent that imports a package.
func testModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":                        "module vdev\n\ngo 1.26\n",
		"guest/agent/main.go":           "package main\n\nimport _ \"vdev/guest/wire\"\n\nfunc main() {}\n",
		"guest/wire/wire.go":            "package wire\n",
		"guest/cmds/hello/main.go":      "package main\n\nfunc main() {}\n",
		"guest/cmds/hello/hosts.go":     "//go:build !riscv64\n\npackage main\n",
		"guest/cmds/README":             "no program",
		"guest/cmds/empty/README":       "no program",
		"emu/emu.go":                    "package emu\n",
		"images/mkbusybox/main.go":      "package main\n",
		"guest/cmds/hello/main_test.go": "package main\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestGuestPrograms(t *testing.T) {
	got := fmt.Sprint(guestPrograms(testModule(t)))
	if want := "[{vdev-agent ./guest/agent} {hello ./guest/cmds/hello}]"; got != want {
		t.Errorf("guestPrograms = %s, want %s", got, want)
	}
	if got := guestPrograms(t.TempDir()); len(got) != 0 {
		t.Errorf("guestPrograms of an empty tree = %v", got)
	}
}

func TestProgramsHash(t *testing.T) {
	src := testModule(t)
	g, err := findGo(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	hash := func() string {
		t.Helper()
		sum, err := programsHash(t.Context(), g, guestPrograms(src))
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	before := hash()
	for _, tc := range []struct {
		file    string
		text    string
		changes bool
	}{
		{"emu/emu.go", "package emu // of the host\n", false},
		{"guest/cmds/hello/hosts.go", "//go:build !riscv64\n\npackage main // changed\n", false},
		{"guest/cmds/hello/main_test.go", "package main // changed\n", false},
		{"guest/wire/wire.go", "package wire // imported\n", true},
		{"guest/cmds/hello/main.go", "package main\n\nfunc main() { println() }\n", true},
		{"guest/cmds/second/main.go", "package main\n\nfunc main() {}\n", true},
	} {
		path := filepath.Join(src, tc.file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(tc.text), 0o644); err != nil {
			t.Fatal(err)
		}
		after := hash()
		if (after != before) != tc.changes {
			t.Errorf("change of %s: hash changes %v, want %v", tc.file, after != before, tc.changes)
		}
		before = after
	}
	if err := os.WriteFile(filepath.Join(src, "guest/agent/main.go"), []byte("package agent\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := programsHash(t.Context(), g, guestPrograms(src)); err == nil || !strings.Contains(err.Error(), "not main") {
		t.Errorf("a program that is none: %v", err)
	}
	if err := os.WriteFile(filepath.Join(src, "guest/agent/main.go"), []byte("package main\nimport\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := programsHash(t.Context(), g, guestPrograms(src)); err == nil {
		t.Error("a program with a syntax error has a hash")
	}
}
