// SPDX-License-Identifier: Apache-2.0

package symbols

import (
	"path/filepath"
	"testing"
)

func TestKernelSymbols(t *testing.T) {
	img := guestImage(t)
	l, err := NewLinux(Config{Vmlinux: img.Vmlinux, Memory: fakeStack{}})
	if err != nil {
		t.Fatal(err)
	}
	if l.entry == 0 || l.layout == nil || !l.layout.hasModules || l.modules == 0 || l.kernel.lines == nil {
		t.Fatalf("handle_exception %#x, layout %v, debug information %v", l.entry, l.layout, l.kernel.lines != nil)
	}
	at := func(name string) uint64 {
		a, ok := l.kernel.address(name)
		if !ok {
			t.Fatalf("no symbol %s", name)
		}
		return a
	}
	const slide = 0x20_0000
	frames := func(pc uint64) []Frame {
		return l.Trace(&Stack{Kernel: []uint64{pc + slide}, exact: 1, Stvec: l.entry + slide}, nil).Kernel
	}

	sync := at("arch_sync_dma_for_device")
	f := frames(sync)
	if got := f[len(f)-1]; got.Func != "arch_sync_dma_for_device" || got.Offset != 0 || got.Line == 0 ||
		got.File != "arch/riscv/mm/dma-noncoherent.c" || got.PC != sync+slide {
		t.Errorf("arch_sync_dma_for_device: %+v", got)
	}
	inlined := false
	for pc := sync; pc < sync+64; pc += 2 {
		f := frames(pc)
		inlined = inlined || len(f) > 1 && f[0].Inline && f[0].Func == "arch_dma_cache_wback"
	}
	if !inlined {
		t.Error("arch_dma_cache_wback is not seen in arch_sync_dma_for_device")
	}

	// A function in assembler, called by a function that ra knows.
	s := Stack{Kernel: []uint64{at("__memcpy") + 4, at("do_trap_ecall_u") + 8}, exact: 1, LeafRA: sync + 16}
	tr := l.Trace(&s, nil)
	var names []string
	for _, f := range tr.Kernel {
		if !f.Inline {
			names = append(names, f.Func)
		}
	}
	want := []string{"__memcpy", "arch_sync_dma_for_device", "do_trap_ecall_u"}
	if len(names) != len(want) {
		t.Fatalf("found %q, want %q", names, want)
	}
	for i := range want {
		// memcpy and __memcpy are the same.
		if names[i] != want[i] && "__"+names[i] != want[i] {
			t.Errorf("found %q, want %q", names, want)
		}
	}
}

// Every function of every module of ours has a name, a file and a line.
func TestModuleSymbols(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(guestImage(t).Modules, "*.ko"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no modules: %v", err)
	}
	for _, file := range files {
		m, err := openImage(file)
		if err != nil {
			t.Fatal(err)
		}
		if m.lines == nil || len(m.funcs) == 0 {
			t.Fatalf("%s: %d functions, lines: %v", file, len(m.funcs), m.lines != nil)
		}
		for _, fn := range m.funcs {
			for pc := fn.addr; pc < fn.addr+fn.size; pc += 2 {
				frames := m.frames(pc, true, 0)
				f := frames[len(frames)-1]
				if f.Func == "" || f.Offset != pc-fn.addr || f.Inline || f.File == "" || f.Line == 0 {
					t.Errorf("%s: %s+%#x is %+v", file, fn.name, pc-fn.addr, f)
					break
				}
			}
		}
	}
}

func TestLayoutNeedsBTF(t *testing.T) {
	if _, err := ReadLayout(buildProg(t)); err == nil {
		t.Error("a program without BTF has a layout")
	}
}

// putBTF makes a section .BTF out of type records.
func putBTF(types []byte, names string) []byte {
	b := []byte{0x9f, 0xeb, 1, 0}
	b = le32(b, 24)
	b = le32(b, 0)
	b = le32(b, uint32(len(types)))
	b = le32(b, uint32(len(types)))
	b = le32(b, uint32(len(names)))
	return append(append(b, types...), names...)
}

func le32(b []byte, v uint32) []byte {
	return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

func TestBTF(t *testing.T) {
	const names = "\x00s\x00a\x00b\x00c\x00"
	const nameS, nameA, nameB, nameC = 1, 3, 5, 7
	var types []byte
	add := func(v ...uint32) {
		for _, x := range v {
			types = le32(types, x)
		}
	}
	add(0, btfInt<<24, 4, 32)                             // 1: int
	add(0, btfUnion<<24|2, 4, nameB, 1, 0, nameC, 1, 0)   // 2: union { b, c }
	add(0, btfConst<<24, 2)                               // 3: const of it
	add(nameS, 1<<31|btfStruct<<24|2, 8, nameA, 1, 8<<24) // 4: struct s { a:8; 3 }
	add(0, 3, 4<<8)
	b, err := parseBTF(putBTF(types, names))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		member string
		want   uint64
		ok     bool
	}{{"a", 0, true}, {"b", 128, true}, {"c", 128, true}, {"d", 0, false}} {
		got, err := b.offset("s", tt.member)
		if got != tt.want || err == nil != tt.ok {
			t.Errorf("s.%s is at %d, %v", tt.member, got, err)
		}
	}
	if _, err := b.offset("t", "a"); err == nil {
		t.Error("found a struct that is not there")
	}
	for n := range len(types) {
		if _, err := parseBTF(putBTF(types[:n], names)); err == nil && n%4 != 0 {
			t.Errorf("%d bytes of types are accepted", n)
		}
	}
	for n := range 24 {
		if _, err := parseBTF(putBTF(types, names)[:n]); err == nil {
			t.Errorf("a header of %d bytes is accepted", n)
		}
	}
}

// The kernel's list of modules, as it is in the guest's memory.
func TestModuleInMemory(t *testing.T) {
	const (
		head, mod, sym, tab, str = 0x1000, 0x2000, 0x3000, 0x4000, 0x5000
		base                     = 0xffffffff01000000
	)
	lay := moduleLayout{list: 8, name: 24, mem: 128, kallsyms: 256, base: 0, size: 16, symtab: 0, count: 8, strtab: 16}
	m := fakeStack{
		head: mod + 8, mod + 8: head, mod + 24: 0x6576697264 /* "drive" */, mod + 128: base, mod + 144: 0x100, mod + 256: sym,
		sym: tab, sym + 8: 2, sym + 16: str,
		tab: 1, tab + 8: base, tab + 16: 0x20, // first
		tab + 24: 3, tab + 32: base + 0x20, tab + 40: 0x40, // second
		str: 0x62_00_61_00, // "", "a", "b"
	}
	l := &Linux{cfg: Config{Memory: m}, kernel: &image{}, modules: head, layout: &Layout{modules: lay, hasModules: true}}
	for _, tt := range []struct {
		pc    uint64
		exact bool
		want  string
	}{
		{base, true, "a+0x0 [drive]"},
		{base + 0x20, true, "b+0x0 [drive]"},
		{base + 0x20, false, "a+0x20 [drive]"},
		{base + 0x5f, true, "b+0x3f [drive]"},
		{base + 0x60, true, "[drive]+0x60"},
		{base + 0x100, true, "0xffffffff01000100"},
		{base - 1, true, "0xffffffff00ffffff"},
	} {
		f := l.kernelFrame(tt.pc, tt.exact, 0, 0)
		if len(f) != 1 || f[0].String() != tt.want || f[0].PC != tt.pc {
			t.Errorf("%#x: %v, want %s", tt.pc, f, tt.want)
		}
	}
	// A list that leads nowhere, or in a circle.
	m[mod+8] = 0x99990000
	if f := l.kernelFrame(base+0x1000, true, 0, 0); f[0].Func != "" {
		t.Errorf("broken list: %v", f)
	}
	m[mod+8] = mod + 8
	if f := l.kernelFrame(base+0x1000, true, 0, 0); f[0].Func != "" {
		t.Errorf("circular list: %v", f)
	}
}
