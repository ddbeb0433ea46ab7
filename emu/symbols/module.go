// SPDX-License-Identifier: Apache-2.0

package symbols

import (
	"encoding/binary"
	"path/filepath"
	"strings"
)

// moduleLayout is where in the kernel's structures for modules things are.
type moduleLayout struct {
	list, name, mem, kallsyms uint64 // in module
	base, size                uint64 // in module_memory, of which mem is an array; the text is first
	symtab, count, strtab     uint64 // in mod_kallsyms
}

func moduleLayoutOf(b *btf) (l moduleLayout, ok bool) {
	ok = true
	at := func(structName, member string) uint64 {
		off, err := b.offset(structName, member)
		ok = ok && err == nil
		return off
	}
	l = moduleLayout{
		list: at("module", "list"), name: at("module", "name"), mem: at("module", "mem"), kallsyms: at("module", "kallsyms"),
		base: at("module_memory", "base"), size: at("module_memory", "size"),
		symtab: at("mod_kallsyms", "symtab"), count: at("mod_kallsyms", "num_symtab"), strtab: at("mod_kallsyms", "strtab"),
	}
	return l, ok
}

// module is one that the guest has loaded, as it is in memory.
type module struct {
	name       string
	base, size uint64 // of its text
	kallsyms   uint64 // address
}

// guestReader follows the kernel's pointers. After the first one that leads nowhere,
// bad is set and everything reads as zero.
type guestReader struct {
	mem  Memory
	satp uint64
	bad  bool
}

func (g *guestReader) bytes(at uint64, n int) []byte {
	b := make([]byte, n)
	if g.bad || !g.mem.ReadVirt(g.satp, at, b) {
		g.bad = true
		clear(b)
	}
	return b
}

func (g *guestReader) word(at uint64) uint64 { return binary.LittleEndian.Uint64(g.bytes(at, 8)) }

func (g *guestReader) half(at uint64) uint64 {
	return uint64(binary.LittleEndian.Uint32(g.bytes(at, 4)))
}

// Bounds on what is believed of the guest's memory, which may be broken.
const (
	maxModules    = 1024
	maxModuleSyms = 1 << 18
	moduleNameLen = 64 - 8 // MODULE_NAME_LEN on 64-bit
	maxSymbolName = 128
	symSize       = 24 // Elf64_Sym
)

// moduleAt is the loaded module that pc is in.
func (l *Linux) moduleAt(pc, satp, slide uint64) (module, bool) {
	if l.layout == nil || !l.layout.hasModules || l.modules == 0 {
		return module{}, false
	}
	g := &guestReader{mem: l.cfg.Memory, satp: satp}
	lay := &l.layout.modules
	head := l.modules + slide
	for at, n := g.word(head), 0; at != head && !g.bad && n < maxModules; at, n = g.word(at), n+1 {
		mod := at - lay.list
		m := module{
			base: g.word(mod + lay.mem + lay.base),
			size: g.half(mod + lay.mem + lay.size),
		}
		if pc-m.base >= m.size {
			continue
		}
		m.name = cString(g.bytes(mod+lay.name, moduleNameLen))
		m.kallsyms = g.word(mod + lay.kallsyms)
		return m, !g.bad
	}
	return module{}, false
}

// functionAt asks the guest's own symbol table of a module.
func (l *Linux) functionAt(m module, pc, satp uint64) (function, bool) {
	g := &guestReader{mem: l.cfg.Memory, satp: satp}
	lay := &l.layout.modules
	symtab, strtab := g.word(m.kallsyms+lay.symtab), g.word(m.kallsyms+lay.strtab)
	count := g.half(m.kallsyms + lay.count)
	if g.bad || count > maxModuleSyms {
		return function{}, false
	}
	var best function
	var name uint64
	table := g.bytes(symtab, int(count)*symSize)
	le := binary.LittleEndian
	for ; len(table) >= symSize; table = table[symSize:] {
		value, size := le.Uint64(table[8:]), le.Uint64(table[16:])
		if pc-value < size && pc-m.base < m.size {
			best, name = function{addr: value, size: size}, strtab+uint64(le.Uint32(table))
		}
	}
	if best.size == 0 || g.bad {
		return function{}, false
	}
	n := min(maxSymbolName, 4096-name%4096)
	best.name = cString(g.bytes(name, int(n)))
	return best, !g.bad && best.name != ""
}

// moduleFrames is the frames at pc in a module, if it is in one.
func (l *Linux) moduleFrames(pc uint64, exact bool, satp, slide uint64) ([]Frame, bool) {
	look := pc
	if !exact {
		look--
	}
	m, ok := l.moduleAt(look, satp, slide)
	if !ok {
		return nil, false
	}
	fn, ok := l.functionAt(m, look, satp)
	if !ok {
		return []Frame{{PC: pc, Func: "[" + m.name + "]", Offset: pc - m.base}}, true
	}
	var frames []Frame
	if img := l.moduleImage(m.name); img != nil {
		if addr, ok := img.address(fn.name); ok {
			frames = img.frames(pc, exact, fn.addr-addr)
		}
	}
	if len(frames) == 0 {
		frames = []Frame{{PC: pc}}
	}
	outer := &frames[len(frames)-1]
	outer.Func, outer.Offset = fn.name, pc-fn.addr
	for i := range frames {
		frames[i].Module = m.name
	}
	return frames, true
}

// moduleImage is the module's file with debug information, or nil.
func (l *Linux) moduleImage(name string) *image {
	if l.cfg.Modules == "" {
		return nil
	}
	// The kernel writes _ for every - in the name of the file.
	for _, base := range []string{name, strings.ReplaceAll(name, "_", "-")} {
		if img := l.image(filepath.Join(l.cfg.Modules, base+".ko")); img != nil {
			return img
		}
	}
	return nil
}
