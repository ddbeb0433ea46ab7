// SPDX-License-Identifier: Apache-2.0

//go:build linux

package graphics

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	Child()
	os.Exit(m.Run())
}

// bench returns what programs work with, which there is only in the guest.
func bench(t *testing.T) *Bench {
	t.Helper()
	b, err := newBench()
	if errors.Is(err, fs.ErrNotExist) && runtime.GOARCH != "riscv64" {
		t.Skip("no exynos-drm here: run this with vdev exec")
	}
	must(t, err)
	t.Cleanup(func() { must(t, b.done()) })
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// checked is a result that may be an error.
type checked[T any] struct {
	v   T
	err error
}

func get[T any](v T, err error) checked[T] { return checked[T]{v, err} }

// or returns the result, or ends the test.
func (c checked[T]) or(t *testing.T) T {
	t.Helper()
	must(t, c.err)
	return c.v
}

func wantErrno(t *testing.T, what string, got error, want unix.Errno) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestTablesAreComplete(t *testing.T) {
	names, funcs := map[string]bool{}, map[string]bool{}
	add := func(name, fn string) {
		if programs()[fn] == nil || names[name] || funcs[fn] {
			t.Errorf("%s: no program %s, or one of them twice", name, fn)
		}
		names[name], funcs[fn] = true, true
	}
	for _, p := range Pairs() {
		add(p.Name, p.Func)
		if p.Code != Silent && (p.Buffer == "" || p.Device == "") {
			t.Errorf("%s: what are reports about?", p.Name)
		}
	}
	for _, f := range Findings() {
		add(f.Name, f.Func)
		if len(f.Codes) == 0 && f.Console == "" && !f.Wrong {
			t.Errorf("%s finds nothing", f.Name)
		}
	}
	if len(programs()) != len(funcs) {
		t.Errorf("%d of %d programs are in the tables", len(funcs), len(programs()))
	}
	for _, c := range []struct {
		name   string
		broken bool
	}{{"no such program", false}, {"all-kinds", true}, {"two-events", true}} {
		if _, err := Run(c.name, c.broken); err == nil {
			t.Errorf("%s ran, broken: %v", c.name, c.broken)
		}
	}
}

func TestCorrectPrograms(t *testing.T) {
	for _, p := range Pairs() {
		t.Run(p.Name, func(t *testing.T) {
			must(t, bench(t).done()) // skips; and the program must be the only one at the display
			if right, err := Run(p.Name, false); err != nil || !right {
				t.Errorf("right: %v, %v", right, err)
			}
		})
	}
}
