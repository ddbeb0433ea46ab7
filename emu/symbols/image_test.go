// SPDX-License-Identifier: Apache-2.0

package symbols

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vdev/images"
)

// guestImage is the built guest image. Without one the tests that need it are
// skipped, or fail if everything must be there.
func guestImage(t *testing.T) images.Image {
	img, err := images.Find(t.Context(), images.Options{})
	if err != nil {
		if os.Getenv("VDEV_REQUIRE_TOOLS") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return img
}

// buildProg builds testdata/prog for the guest.
func buildProg(t *testing.T, flags ...string) string {
	path := filepath.Join(t.TempDir(), "prog")
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, flags...), "./testdata/prog")...)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=riscv64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// lineOf is the number of the line of a source file that contains text.
func lineOf(t *testing.T, file, text string) int {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, _, found := strings.Cut(string(b), text)
	if !found {
		t.Fatalf("%s does not contain %q", file, text)
	}
	return strings.Count(before, "\n") + 1
}

const progSource = "testdata/prog/main.go"

func TestGoProgram(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags []string
		dwarf bool
	}{
		{"with debug information", nil, true},
		{"stripped", []string{"-ldflags=-s -w"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := openImage(buildProg(t, tt.flags...))
			if err != nil {
				t.Fatal(err)
			}
			if m.lines == nil == tt.dwarf {
				t.Errorf("debug information: %v, want %v", m.lines != nil, tt.dwarf)
			}
			if m.goTab == nil {
				t.Fatal("not known as a Go program")
			}
			fn := m.goTab.syms.LookupFunc("main.inner")
			if fn == nil {
				t.Fatal("no main.inner")
			}
			// Somewhere in it is the multiplication of main.inlined.
			want := lineOf(t, progSource, "// inlined here")
			found := false
			for pc := fn.Entry; pc < fn.End; pc += 2 {
				f := m.frames(pc, true, 0)
				last := f[len(f)-1]
				if last.Func != "main.inner" || last.Offset != pc-fn.Entry || last.Inline {
					t.Fatalf("%#x: outermost frame %+v", pc, last)
				}
				if last.File == "" && fn.End-pc < 16 {
					break // padding
				}
				if !strings.HasSuffix(last.File, progSource) {
					t.Fatalf("%#x: file %q", pc, last.File)
				}
				found = found || len(f) == 2 && f[0].Func == "main.inlined" && f[0].Inline && f[0].Line == want &&
					last.Line == lineOf(t, progSource, "// calls inlined")
			}
			if found != tt.dwarf {
				t.Errorf("main.inlined at line %d found: %v, want %v", want, found, tt.dwarf)
			}
		})
	}
}

// fakeStack is guest memory that holds a stack; a page is mapped if a word of it was
// set.
type fakeStack map[uint64]uint64

func (m fakeStack) ReadVirt(satp, va uint64, p []byte) bool {
	for i := range p {
		a := va + uint64(i)
		mapped := false
		for at := a &^ 4095; at <= a|4095 && !mapped; at += 8 {
			_, mapped = m[at]
		}
		if !mapped {
			return false
		}
		p[i] = byte(m[a&^7] >> (a % 8 * 8))
	}
	return true
}

// A stack is made as outer, middle, inner make it, and must be found again.
func TestGoUnwind(t *testing.T) {
	path := buildProg(t, "-ldflags=-s -w")
	m, err := openImage(path)
	if err != nil {
		t.Fatal(err)
	}
	end := func(name string) (entry, end uint64) {
		fn := m.goTab.syms.LookupFunc(name)
		return fn.Entry, fn.End
	}
	// size is the frame size of a function away from its ends.
	call := func(name string) (pc, size uint64) {
		entry, end := end(name)
		for pc := entry; pc < end; pc += 2 {
			n, ok := m.goTab.frameSize(pc)
			if !ok {
				t.Fatalf("%s: no frame size at %#x", name, pc)
			}
			if n > size {
				size = n
				return pc + 4, size
			}
		}
		t.Fatalf("%s has no frame", name)
		return 0, 0
	}
	innerPC, _ := end("main.inner")
	middlePC, middleSize := call("main.middle")
	outerPC, outerSize := call("main.outer")
	mainPC, mainSize := call("main.main")
	if middleSize < 40*8 {
		t.Errorf("the frame of main.middle has %d bytes", middleSize)
	}
	const sp = 0x3f0000f000
	mem := fakeStack{}
	for a := uint64(sp); a < sp+4096; a += 8 {
		mem[a] = 0
	}
	mem[sp] = outerPC // main.inner has no frame and returns to main.middle by ra
	mem[sp+middleSize] = mainPC
	mem[sp+middleSize+outerSize] = 1 // main.main returns to nothing known
	_ = mainSize
	regs := Regs{PC: innerPC, RA: middlePC, SP: sp, Priv: User, Sscratch: 0}
	s := Capture(mem, regs)
	l := &Linux{cfg: Config{Memory: mem, Program: func(name string) string {
		if name == "prog" {
			return path
		}
		return ""
	}}, kernel: &image{}, images: map[string]*image{}}
	check := func(tr Trace) {
		t.Helper()
		var names []string
		for _, f := range tr.User {
			if !f.Inline {
				names = append(names, f.Func)
			}
		}
		if got, want := strings.Join(names, " "), "main.inner main.middle main.outer main.main"; got != want {
			t.Errorf("found %q, want %q", got, want)
		}
		if tr.Binary != path {
			t.Errorf("program %q", tr.Binary)
		}
	}
	s.Live = true
	check(l.Trace(&s, &Task{Comm: "prog"}))
	// What was captured is enough after the stack is gone.
	clear(mem)
	s.Live = false
	check(l.Trace(&s, &Task{Comm: "prog"}))
	// Nobody knows the program: the pc alone.
	if tr := l.Trace(&s, &Task{Comm: "other"}); len(tr.User) != 1 || tr.User[0].PC != innerPC || tr.Binary != "" {
		t.Errorf("unknown program: %+v", tr)
	}
}

func TestPlainGoName(t *testing.T) {
	for in, want := range map[string]string{
		"main.main":            "main.main",
		"syscall.Syscall.abi0": "syscall.Syscall",
		"a/b.f[go.shape.struct { x []int }].func1": "a/b.f[...].func1",
		"": "",
	} {
		if got := plainGoName(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}
