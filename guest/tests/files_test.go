// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestRename(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	must(t, os.WriteFile(a, []byte("A"), 0o600))
	must(t, os.WriteFile(b, []byte("B"), 0o600))
	open, err := os.Open(b)
	must(t, err)
	defer open.Close()
	must(t, os.Rename(a, b))
	if got, err := os.ReadFile(b); string(got) != "A" || err != nil {
		t.Errorf("after the rename: %q, %v", got, err)
	}
	if got, err := io.ReadAll(open); string(got) != "B" || err != nil {
		t.Errorf("the replaced file, still open: %q, %v", got, err)
	}
	if _, err := os.Stat(a); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old name: %v", err)
	}
	must(t, os.Mkdir(filepath.Join(dir, "d"), 0o700))
	wantErrno(t, "rename a file over a directory", syscall.Rename(b, filepath.Join(dir, "d")), syscall.EISDIR)
	wantErrno(t, "rename a directory into itself", syscall.Rename(filepath.Join(dir, "d"), filepath.Join(dir, "d/e")), syscall.EINVAL)
}

func TestAppendIsAtomic(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	const writers, lines = 4, 200
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			for i := range lines {
				if _, err := fmt.Fprintf(f, "%d %s %d\n", w, strings.Repeat("x", i), i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b, err := os.ReadFile(name)
	must(t, err)
	next := [writers]int{}
	for line := range strings.Lines(string(b)) {
		var w, i int
		var xs string
		if _, err := fmt.Sscanf(strings.Replace(line, "  ", " - ", 1), "%d %s %d\n", &w, &xs, &i); err != nil {
			t.Fatalf("torn line %q", line)
		}
		if i != next[w] {
			t.Fatalf("writer %d: line %d follows %d", w, i, next[w])
		}
		next[w]++
	}
	for w, n := range next {
		if n != lines {
			t.Errorf("writer %d: %d lines, want %d", w, n, lines)
		}
	}
}

func TestSparseFile(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "sparse")
	must(t, err)
	defer f.Close()
	const far = 1 << 36
	_, err = f.WriteAt([]byte("end"), far)
	must(t, err)
	info, err := f.Stat()
	must(t, err)
	st := info.Sys().(*syscall.Stat_t)
	if info.Size() != far+3 || st.Blocks*512 > 1<<20 {
		t.Errorf("size %d with %d blocks", info.Size(), st.Blocks)
	}
	buf := bytes.Repeat([]byte{1}, 100)
	if n, err := f.ReadAt(buf, far/2); n != 100 || err != nil || !bytes.Equal(buf, make([]byte, 100)) {
		t.Errorf("in the hole: %d, %v, % x", n, err, buf)
	}
	if n, err := f.ReadAt(buf, far+1); n != 2 || err != io.EOF || string(buf[:2]) != "nd" {
		t.Errorf("at the end: %d, %v", n, err)
	}
	must(t, f.Truncate(10))
	if n, err := f.ReadAt(buf, 0); n != 10 || err != io.EOF {
		t.Errorf("after truncation: %d, %v", n, err)
	}
}

// lockProbe tells by its exit status whether the file can be locked.
func lockProbe(args []string) int {
	f, err := os.OpenFile(args[0], os.O_RDWR, 0)
	if err != nil {
		return 2
	}
	lk := syscall.Flock_t{Type: syscall.F_WRLCK, Start: 10, Len: 10}
	if args[1] == "flock" {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	} else {
		err = syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &lk)
	}
	switch err {
	case nil:
		return 0
	case syscall.EAGAIN, syscall.EACCES:
		return 1
	}
	return 3
}

func TestLocks(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "lock")
	must(t, err)
	defer f.Close()
	probe := func(kind string) int {
		cmd := child(t, "lock-probe", f.Name(), kind)
		cmd.Run()
		return cmd.ProcessState.ExitCode()
	}
	record := func(kind int16, start, n int64) {
		must(t, syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: kind, Start: start, Len: n}))
	}
	steps := []struct {
		name string
		do   func()
		kind string
		want int // exit status of the probe
	}{
		{"nothing locked", func() {}, "record", 0},
		{"overlapping record", func() { record(syscall.F_WRLCK, 0, 11) }, "record", 1},
		{"neighbouring record", func() { record(syscall.F_UNLCK, 10, 1) }, "record", 0},
		{"read lock", func() { record(syscall.F_RDLCK, 15, 1) }, "record", 1},
		{"other kind of lock", func() {}, "flock", 0},
		{"flock", func() { must(t, syscall.Flock(int(f.Fd()), syscall.LOCK_SH)) }, "flock", 1},
		{"flock released", func() { must(t, syscall.Flock(int(f.Fd()), syscall.LOCK_UN)) }, "flock", 0},
	}
	for _, s := range steps {
		s.do()
		if got := probe(s.kind); got != s.want {
			t.Errorf("%s: probe gives %d, want %d", s.name, got, s.want)
		}
	}
}

func TestDirectories(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i := range 300 {
		name := fmt.Sprintf("file-%03d", i)
		want = append(want, name)
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	f, err := os.Open(dir)
	must(t, err)
	defer f.Close()
	var got []string
	for {
		names, err := f.Readdirnames(17)
		got = append(got, names...)
		if err == io.EOF {
			break
		}
		must(t, err)
	}
	sort.Strings(got)
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%d names, want %d", len(got), len(want))
	}
	wantErrno(t, "rmdir", syscall.Rmdir(dir), syscall.ENOTEMPTY)
}

func TestLinksAndModes(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	must(t, os.WriteFile(name, []byte("x"), 0o640))
	must(t, syscall.Chmod(name, 0o4751))
	must(t, os.Link(name, filepath.Join(dir, "hard")))
	must(t, os.Symlink("f", filepath.Join(dir, "soft")))
	must(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	var st, soft syscall.Stat_t
	must(t, syscall.Stat(name, &st))
	must(t, syscall.Lstat(filepath.Join(dir, "soft"), &soft))
	if st.Mode != syscall.S_IFREG|0o4751 || st.Nlink != 2 {
		t.Errorf("mode %#o with %d links", st.Mode, st.Nlink)
	}
	if soft.Mode&syscall.S_IFMT != syscall.S_IFLNK || soft.Size != 1 {
		t.Errorf("symlink: mode %#o, size %d", soft.Mode, soft.Size)
	}
	wantErrno(t, "symlink loop", syscall.Stat(filepath.Join(dir, "loop"), &st), syscall.ELOOP)
	times := []syscall.Timespec{{Sec: 1000000001, Nsec: 5}, {Sec: 2000000002, Nsec: 7}}
	must(t, syscall.UtimesNano(name, times))
	must(t, syscall.Stat(filepath.Join(dir, "hard"), &st))
	if st.Atim != times[0] || st.Mtim != times[1] {
		t.Errorf("times %v and %v, want %v", st.Atim, st.Mtim, times)
	}
}

func TestInotify(t *testing.T) {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err == syscall.ENOSYS {
		t.Skip("the kernel has no inotify")
	}
	must(t, err)
	defer syscall.Close(fd)
	dir := t.TempDir()
	_, err = syscall.InotifyAddWatch(fd, dir, syscall.IN_CREATE|syscall.IN_CLOSE_WRITE|syscall.IN_DELETE)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "x"), []byte("x"), 0o600))
	must(t, os.Remove(filepath.Join(dir, "x")))
	buf := make([]byte, 4096)
	n, err := syscall.Read(fd, buf)
	must(t, err)
	var got []uint32
	for at := 0; at+syscall.SizeofInotifyEvent <= n; {
		b := buf[at:]
		got = append(got, uint32(b[4])|uint32(b[5])<<8)
		at += syscall.SizeofInotifyEvent + int(b[12])
	}
	want := []uint32{syscall.IN_CREATE, syscall.IN_CLOSE_WRITE, syscall.IN_DELETE}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("events %#x, want %#x", got, want)
	}
}

func TestLargeFile(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "large")
	must(t, err)
	defer f.Close()
	block := make([]byte, 64<<10)
	const blocks = 128
	for i := range blocks {
		for j := range block {
			block[j] = byte(i*31 + j>>4)
		}
		_, err := f.Write(block)
		must(t, err)
	}
	for i := blocks - 1; i >= 0; i-- {
		_, err := f.ReadAt(block, int64(i)*int64(len(block)))
		must(t, err)
		for j := 0; j < len(block); j += 509 {
			if want := byte(i*31 + j>>4); block[j] != want {
				t.Fatalf("block %d byte %d is %#x, want %#x", i, j, block[j], want)
			}
		}
	}
}
