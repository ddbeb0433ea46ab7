// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// fakeBuild counts how often it is run, and writes one file.
type fakeBuild struct {
	runs atomic.Int32
	text string
	err  error
}

func (f *fakeBuild) run(_ context.Context, dir string) error {
	f.runs.Add(1)
	if err := os.WriteFile(filepath.Join(dir, "out"), []byte(f.text), 0o644); err != nil {
		return err
	}
	return f.err
}

var testInputs = []input{{"source", "1"}, {"tool", "gcc"}}

// testStore returns a store in a fresh directory, and what it reports.
func testStore(t *testing.T) (*store, *bytes.Buffer) {
	t.Helper()
	var said bytes.Buffer
	return &store{root: filepath.Join(t.TempDir(), "cache"), report: newReporter(&said)}, &said
}

func mustEnsure(t *testing.T, s *store, f *fakeBuild) *entry {
	t.Helper()
	e, err := s.ensure(t.Context(), "fake", testInputs, []string{"out"}, f.run)
	if err != nil {
		t.Fatalf("ensure: %v", err)
	}
	got, err := os.ReadFile(e.path("out"))
	if err != nil || string(got) != f.text {
		t.Fatalf("entry holds %q, %v; want %q", got, err, f.text)
	}
	return e
}

func TestEnsureBuildsOnce(t *testing.T) {
	s, _ := testStore(t)
	f := &fakeBuild{text: "kernel"}
	first, second := mustEnsure(t, s, f), mustEnsure(t, s, f)
	if first.dir != second.dir || f.runs.Load() != 1 {
		t.Errorf("built %d times, into %s and %s; want once", f.runs.Load(), first.dir, second.dir)
	}
}

func TestKeyDependsOnEveryInput(t *testing.T) {
	keys := map[string]string{}
	for name, in := range map[string][]input{
		"none":           nil,
		"one":            {{"a", "b"}},
		"other value":    {{"a", "c"}},
		"other name":     {{"b", "b"}},
		"two":            {{"a", "b"}, {"c", "d"}},
		"other order":    {{"c", "d"}, {"a", "b"}},
		"moved boundary": {{"ab", ""}},
	} {
		for _, kind := range []string{"kernel", "initramfs"} {
			k := keyOf(kind, in)
			if other, dup := keys[k]; dup {
				t.Errorf("%s %s and %s have the same key", kind, name, other)
			}
			keys[k] = kind + " " + name
		}
	}
}

func TestDamagedEntryIsBuiltAnew(t *testing.T) {
	manifest := func(e *entry) string { return e.path(manifestName) }
	for name, damage := range map[string]func(t *testing.T, e *entry) error{
		"truncated":   func(t *testing.T, e *entry) error { return os.Truncate(e.path("out"), 3) },
		"emptied":     func(t *testing.T, e *entry) error { return os.Truncate(e.path("out"), 0) },
		"overwritten": func(t *testing.T, e *entry) error { return os.WriteFile(e.path("out"), []byte("kernek"), 0o644) },
		"overwritten, time restored": func(t *testing.T, e *entry) error {
			fi, err := os.Stat(e.path("out"))
			if err != nil {
				return err
			}
			return errors.Join(os.WriteFile(e.path("out"), []byte("kernek"), 0o644), os.Chtimes(e.path("out"), fi.ModTime(), fi.ModTime()))
		},
		"grown":              func(t *testing.T, e *entry) error { return os.WriteFile(e.path("out"), []byte("kernel!"), 0o644) },
		"removed":            func(t *testing.T, e *entry) error { return os.Remove(e.path("out")) },
		"manifest removed":   func(t *testing.T, e *entry) error { return os.Remove(manifest(e)) },
		"manifest truncated": func(t *testing.T, e *entry) error { return os.Truncate(manifest(e), 40) },
		"manifest emptied":   func(t *testing.T, e *entry) error { return os.Truncate(manifest(e), 0) },
		"manifest of another entry": func(t *testing.T, e *entry) error {
			raw, err := os.ReadFile(manifest(e))
			if err != nil {
				return err
			}
			return os.WriteFile(manifest(e), bytes.Replace(raw, []byte("gcc"), []byte("g++"), 1), 0o644)
		},
		"manifest of no files": func(t *testing.T, e *entry) error {
			return os.WriteFile(manifest(e), []byte(fmt.Sprintf(`{"format":%d,"kind":"fake","key":%q,"inputs":[{"name":"source","value":"1"},{"name":"tool","value":"gcc"}]}`, manifestFormat, e.Key)), 0o644)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, said := testStore(t)
			f := &fakeBuild{text: "kernel"}
			e := mustEnsure(t, s, f)
			if err := damage(t, e); err != nil {
				t.Fatal(err)
			}
			if _, err := s.lookup("fake", testInputs); !errors.Is(err, errDamaged) {
				t.Errorf("lookup: %v, want errDamaged", err)
			}
			mustEnsure(t, s, f)
			if f.runs.Load() != 2 {
				t.Errorf("built %d times, want 2", f.runs.Load())
			}
			if !strings.Contains(said.String(), "damaged") {
				t.Errorf("the user was told %q, nothing of damage", said)
			}
		})
	}
}

func TestLargeFileIsNotHashedWhileItsTimeStands(t *testing.T) {
	s, _ := testStore(t)
	const size = alwaysHash + 1
	sparse := func(_ context.Context, dir string) error {
		path := filepath.Join(dir, "out")
		return errors.Join(os.WriteFile(path, nil, 0o644), os.Truncate(path, size))
	}
	e, err := s.ensure(t.Context(), "fake", testInputs, []string{"out"}, sparse)
	if err != nil {
		t.Fatal(err)
	}
	// Same content, other time: it is hashed, and found good.
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(e.path("out"), later, later); err != nil {
		t.Fatal(err)
	}
	if _, err := s.lookup("fake", testInputs); err != nil {
		t.Errorf("touched: %v", err)
	}
	// Other content, and so another time: it is hashed, and found bad.
	f, err := os.OpenFile(e.path("out"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte("x"), size/2)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.lookup("fake", testInputs); !errors.Is(err, errDamaged) {
		t.Errorf("one byte changed: %v, want errDamaged", err)
	}
}

// assertClean checks that a failed build left neither an entry nor its files.
func assertClean(t *testing.T, s *store) {
	t.Helper()
	if _, err := s.lookup("fake", testInputs); !errors.Is(err, errAbsent) {
		t.Errorf("lookup after the failure: %v, want errAbsent", err)
	}
	left, _ := filepath.Glob(filepath.Join(s.root, "tmp", "*"))
	if len(left) > 0 {
		t.Errorf("the failure left %v", left)
	}
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	s, _ := testStore(t)
	boom := errors.New("boom")
	f := &fakeBuild{text: "half", err: boom}
	if _, err := s.ensure(t.Context(), "fake", testInputs, []string{"out"}, f.run); !errors.Is(err, boom) {
		t.Errorf("ensure: %v, want the builder's error", err)
	}
	assertClean(t, s)
	f.err, f.text = nil, "whole"
	mustEnsure(t, s, f)
}

func TestBuildThatLeavesAFileOutFails(t *testing.T) {
	s, _ := testStore(t)
	f := &fakeBuild{text: "x"}
	_, err := s.ensure(t.Context(), "fake", testInputs, []string{"out", "vmlinux"}, f.run)
	if err == nil || !strings.Contains(err.Error(), "vmlinux") {
		t.Errorf("ensure: %v, want an error that names vmlinux", err)
	}
	assertClean(t, s)
}

func TestInterruptedBuildLeavesNothing(t *testing.T) {
	s, _ := testStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	f := &fakeBuild{text: "whole"}
	_, err := s.ensure(ctx, "fake", testInputs, []string{"out"}, func(ctx context.Context, dir string) error {
		// The interruption comes when all but the last step is done.
		cancel()
		return f.run(ctx, dir)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ensure: %v, want context.Canceled", err)
	}
	assertClean(t, s)
	mustEnsure(t, s, f)
}

func TestRemainsOfADeadProcessAreRemoved(t *testing.T) {
	s, _ := testStore(t)
	dead := filepath.Join(s.root, "tmp", "kernel-123", "work", "linux")
	if err := os.MkdirAll(dead, 0o755); err != nil {
		t.Fatal(err)
	}
	mustEnsure(t, s, &fakeBuild{text: "x"})
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", dead, err)
	}
}

func TestFullDiskIsOneLine(t *testing.T) {
	for name, cause := range map[string]error{
		"own write":     &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC},
		"quota":         &os.PathError{Op: "write", Path: "x", Err: syscall.EDQUOT},
		"Go's words":    errors.New("go: write x: no space left on device"),
		"program's own": errors.New("cc1: fatal error: error writing to /x: No space left on device"),
	} {
		s, _ := testStore(t)
		f := &fakeBuild{text: "half", err: cause}
		_, err := s.ensure(t.Context(), "fake", testInputs, []string{"out"}, f.run)
		if !errors.Is(err, errDiskFull) || !strings.Contains(err.Error(), s.root) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want one line with errDiskFull and the directory", name, err)
		}
		assertClean(t, s)
	}
	if err := needSpace(t.TempDir(), 1<<62); !errors.Is(err, errDiskFull) {
		t.Errorf("needSpace of 4 EB: %v, want errDiskFull", err)
	}
	if err := needSpace(t.TempDir(), 1); err != nil {
		t.Errorf("needSpace of a byte: %v", err)
	}
}

func TestConcurrentBuildsHappenOnce(t *testing.T) {
	s, _ := testStore(t)
	f := &fakeBuild{text: "kernel"}
	slow := func(ctx context.Context, dir string) error {
		time.Sleep(50 * time.Millisecond)
		return f.run(ctx, dir)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			// A store of its own, as in another process.
			other := &store{root: s.root}
			if _, err := other.ensure(t.Context(), "fake", testInputs, []string{"out"}, slow); err != nil {
				t.Errorf("ensure: %v", err)
			}
		})
	}
	wg.Wait()
	if f.runs.Load() != 1 {
		t.Errorf("built %d times, want once", f.runs.Load())
	}
}

func TestWaitForTheLockEndsWithTheContext(t *testing.T) {
	s, said := testStore(t)
	if err := os.MkdirAll(s.root, 0o755); err != nil {
		t.Fatal(err)
	}
	unlock, err := lockDir(t.Context(), s.root, func() { t.Error("waited for a free lock") })
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	f := &fakeBuild{text: "x"}
	if _, err := s.ensure(ctx, "fake", testInputs, []string{"out"}, f.run); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ensure under another's lock: %v, want DeadlineExceeded", err)
	}
	if f.runs.Load() != 0 || !strings.Contains(said.String(), "waiting") {
		t.Errorf("built %d times and said %q; want no build, and a word about waiting", f.runs.Load(), said)
	}
}

func TestCacheThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := &store{root: filepath.Join(file, "cache")}
	f := &fakeBuild{}
	if _, err := s.ensure(t.Context(), "fake", testInputs, []string{"out"}, f.run); err == nil || f.runs.Load() != 0 {
		t.Errorf("ensure below a file: %v after %d builds", err, f.runs.Load())
	}
}

func TestPruneKeepsWhatWasUsedLast(t *testing.T) {
	s, _ := testStore(t)
	var keys []string
	for i := range 5 {
		in := []input{{"n", fmt.Sprint(i)}}
		e, err := s.ensure(t.Context(), "fake", in, []string{"out"}, (&fakeBuild{}).run)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, e.Key)
		when := time.Now().Add(time.Duration(i-10) * time.Hour)
		if err := os.Chtimes(e.dir, when, when); err != nil {
			t.Fatal(err)
		}
	}
	// Use of the oldest makes it the youngest.
	if _, err := s.open("fake", keys[0]); err != nil {
		t.Fatal(err)
	}
	s.prune(t.Context(), "fake", 2)
	if got, want := fmt.Sprint(s.keysByUse("fake")), fmt.Sprint([]string{keys[0], keys[4]}); got != want {
		t.Errorf("left %v, want %v", got, want)
	}
}

func TestPin(t *testing.T) {
	s, _ := testStore(t)
	if rec, ok := s.pinned("kernel"); ok {
		t.Errorf("pinned before pin: %v", rec)
	}
	want := debRecord{Name: "linux-source-7.2", Version: "7.2.1-1", SHA256: "00"}
	if err := s.pin("kernel", want); err != nil {
		t.Fatal(err)
	}
	if got, ok := s.pinned("kernel"); !ok || got.Name != want.Name || got.Version != want.Version || got.SHA256 != want.SHA256 {
		t.Errorf("pinned = %v, %v; want %v", got, ok, want)
	}
	for _, damage := range []string{"", "{", `{"name":"x"}`, "null", "[]"} {
		if err := os.WriteFile(s.pinPath("kernel"), []byte(damage), 0o644); err != nil {
			t.Fatal(err)
		}
		if rec, ok := s.pinned("kernel"); ok {
			t.Errorf("pinned takes %q for %v", damage, rec)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"format":1,"kind":"fake","key":"k","files":[{"name":"out","size":1}]}`))
	f.Add([]byte(`{"files":[{"name":"../../etc/passwd"}]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, _ := testStore(t)
		key := keyOf("fake", testInputs)
		dir := filepath.Join(s.root, "fake", key)
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, manifestName), raw, 0o644)); err != nil {
			t.Fatal(err)
		}
		if e, err := s.lookup("fake", testInputs); err == nil {
			t.Errorf("an entry without files passes: %+v", e.manifest)
		}
	})
}
