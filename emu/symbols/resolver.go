// SPDX-License-Identifier: Apache-2.0

package symbols

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// Config is what a Linux resolver works with.
type Config struct {
	// Vmlinux is the path of the kernel with symbols; BTF and DWARF make it more
	// talkative.
	Vmlinux string
	// Modules is the directory with the kernel's modules, with debug information, as
	// NAME.ko; may be empty.
	Modules string
	Memory  Memory
	// Program returns the host path of the guest's program with that base name, or "".
	// It may be nil.
	Program func(name string) string
}

// Linux is the Resolver for a guest that runs Linux. It is not safe for concurrent
// use.
type Linux struct {
	cfg     Config
	layout  *Layout // nil if unknown
	kernel  *image
	entry   uint64            // handle_exception, as linked
	modules uint64            // the list of modules, as linked
	images  map[string]*image // by host path; nil for one that cannot be read
}

var _ Resolver = (*Linux)(nil)

// NewLinux reads the kernel's symbols and debug information; that takes a moment.
func NewLinux(cfg Config) (*Linux, error) {
	k, err := openImage(cfg.Vmlinux)
	if err != nil {
		return nil, fmt.Errorf("cannot read the kernel's symbols: %w", err)
	}
	l := &Linux{cfg: cfg, kernel: k, images: make(map[string]*image)}
	l.entry, _ = k.address("handle_exception")
	if k.lines != nil {
		k.lines.setRoot(l.entry, "arch/riscv/kernel/entry.S")
	}
	if f, err := elf.Open(cfg.Vmlinux); err == nil {
		// Without a layout there are no names of tasks.
		l.layout, _ = layoutOf(f)
		l.modules = object(f, "modules")
		_ = f.Close()
	}
	return l, nil
}

// object is the address of a variable, or 0.
func object(f *elf.File, name string) uint64 {
	syms, err := f.Symbols()
	if err != nil {
		return 0
	}
	for _, s := range syms {
		if s.Name == name && elf.ST_TYPE(s.Info) == elf.STT_OBJECT {
			return s.Value
		}
	}
	return 0
}

// Task implements Resolver.
func (l *Linux) Task(task, satp uint64) (Task, bool) {
	if l.layout == nil || task == 0 {
		return Task{}, false
	}
	return l.layout.Task(l.cfg.Memory, task, satp)
}

// Trace implements Resolver.
func (l *Linux) Trace(s *Stack, task *Task) Trace {
	t := Trace{Task: task, Kernel: l.kernelFrames(s)}
	if s.HasUser {
		t.User, t.Binary = l.userFrames(s, task)
	}
	return t
}

func (l *Linux) kernelFrames(s *Stack) []Frame {
	var slide uint64 // KASLR
	if s.Stvec != 0 && l.entry != 0 {
		slide = s.Stvec - l.entry
	}
	var out []Frame
	for i, pc := range s.Kernel {
		frames := l.kernelFrame(pc, s.Exact(i), s.Satp, slide)
		out = append(out, frames...)
		if i > 0 || !frames[0].Asm {
			continue
		}
		// Assembler keeps no frame: s0 still leads past the caller, which ra knows.
		caller := l.kernelFrame(s.LeafRA, false, s.Satp, slide)
		if n := caller[len(caller)-1].Func; n != "" && n != frames[0].Func {
			out = append(out, caller...)
		}
	}
	return out
}

// kernelFrame is the frames at pc, in the kernel itself or in a module.
func (l *Linux) kernelFrame(pc uint64, exact bool, satp, slide uint64) []Frame {
	if !l.kernel.contains(pc - slide) {
		if frames, ok := l.moduleFrames(pc, exact, satp, slide); ok {
			return frames
		}
	}
	return l.kernel.frames(pc, exact, slide)
}

// image opens an ELF file once; nil if it cannot be read.
func (l *Linux) image(path string) *image {
	m, seen := l.images[path]
	if !seen {
		m, _ = openImage(path)
		l.images[path] = m
	}
	return m
}

func (l *Linux) userFrames(s *Stack, task *Task) (frames []Frame, binary string) {
	prog, bias := l.program(s, task)
	pcs := l.unwindUser(s, prog, bias)
	for i, pc := range pcs {
		if prog == nil || !prog.contains(pc-bias) {
			frames = append(frames, Frame{PC: pc})
			continue
		}
		frames = append(frames, prog.frames(pc, i == 0, bias)...)
	}
	if prog != nil {
		binary = prog.path
	}
	return frames, binary
}

// program is the ELF file that the task runs, nil if it is not known, and the
// difference between the addresses in memory and those in the file.
func (l *Linux) program(s *Stack, task *Task) (*image, uint64) {
	if l.cfg.Program == nil {
		return nil, 0
	}
	var names []string
	var startCode uint64
	if l.layout != nil && s.Task != 0 {
		if name, start, ok := l.layout.executable(l.cfg.Memory, s.Task, s.Satp); ok {
			names, startCode = append(names, name), start
		}
	}
	if task != nil {
		names = append(names, task.Comm)
	}
	for _, name := range names {
		path := l.cfg.Program(name)
		if path == "" {
			continue
		}
		m := l.image(path)
		if m == nil {
			continue
		}
		if m.pie && startCode != 0 {
			return m, startCode - m.firstCode
		}
		return m, 0
	}
	return nil, 0
}

const (
	// maxUserFrames bounds the user's part of a backtrace.
	maxUserFrames = 24
	// userStackMax bounds the distance of two frames: further away is garbage.
	userStackMax = 8 << 20
)

// unwindUser is the user's pc and the return addresses, innermost first.
func (l *Linux) unwindUser(s *Stack, prog *image, bias uint64) []uint64 {
	out := []uint64{s.User.PC}
	read := func(va uint64) (uint64, bool) { return s.userWord(l.cfg.Memory, va) }
	if prog != nil && prog.goTab != nil {
		return append(out, prog.goTab.unwind(s.User, bias, read, maxUserFrames)...)
	}
	if prog == nil {
		return out
	}
	// C with frame pointers. System calls are leaf functions of the C library without
	// one, so the caller may be in ra.
	fp, sp := s.User.FP, s.User.SP
	if prog.contains(s.User.RA-bias) && !prog.sameFunction(s.User.RA-bias, s.User.PC-bias) {
		out = append(out, s.User.RA)
	}
	for len(out) < maxUserFrames && fp >= sp+16 && fp-sp < userStackMax && fp%8 == 0 {
		ra, ok1 := read(fp - 8)
		up, ok2 := read(fp - 16)
		if !ok1 || !ok2 || !prog.contains(ra-bias) {
			break
		}
		if ra != out[len(out)-1] {
			out = append(out, ra)
		}
		sp, fp = fp, up
	}
	return out
}

// sameFunction tells whether two addresses are in the same function.
func (m *image) sameFunction(a, b uint64) bool {
	fa, ok1 := m.function(a)
	fb, ok2 := m.function(b)
	return ok1 && ok2 && fa.addr == fb.addr
}

// userWord reads a doubleword of the user's stack: as it was, or if nothing has
// happened since, as it is.
func (s *Stack) userWord(mem Memory, va uint64) (uint64, bool) {
	if off := va - s.User.SP; off < uint64(len(s.userStack)) && off+8 <= uint64(len(s.userStack)) {
		return binary.LittleEndian.Uint64(s.userStack[off:]), true
	}
	var b [8]byte
	if !s.Live || !mem.ReadVirt(s.Satp, va, b[:]) {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b[:]), true
}
