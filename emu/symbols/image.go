// SPDX-License-Identifier: Apache-2.0

package symbols

import (
	"cmp"
	"debug/elf"
	"fmt"
	"slices"
	"strings"
)

// image is what an ELF file says about its code: function symbols, source lines,
// and for Go programs the runtime's own tables. Any of them may be missing.
type image struct {
	path  string
	funcs []function // by address
	lines *lines     // nil: no debug information
	goTab *goTable   // nil: not a Go program
	text  []elf.ProgHeader
	pie   bool
	// firstCode is the address of the first executable byte.
	firstCode uint64
}

type function struct {
	addr, size uint64 // a size of 0 reaches to the next function
	name       string
}

func openImage(path string) (*image, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Machine != elf.EM_RISCV || f.Class != elf.ELFCLASS64 {
		return nil, fmt.Errorf("%s is not a riscv64 program", path)
	}
	m := &image{path: path, pie: f.Type == elf.ET_DYN}
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 {
			m.text = append(m.text, p.ProgHeader)
		}
	}
	if len(m.text) > 0 {
		m.firstCode = m.text[0].Vaddr
	}
	// Without symbols or lines there is less to tell, but no error.
	if syms, err := f.Symbols(); err == nil {
		m.funcs = functions(syms, f)
	}
	if l, err := newLines(f); err == nil {
		m.lines = l
	}
	if g, err := newGoTable(f); err == nil {
		m.goTab = g
	}
	return m, nil
}

// functions sorts out the symbols of code.
func functions(syms []elf.Symbol, f *elf.File) []function {
	var out []function
	for _, s := range syms {
		kind := elf.ST_TYPE(s.Info)
		if kind != elf.STT_FUNC && kind != elf.STT_NOTYPE || int(s.Section) >= len(f.Sections) || s.Section == elf.SHN_UNDEF {
			continue
		}
		// Local labels and RISC-V mapping symbols ($x, $d) are no functions.
		if f.Sections[s.Section].Flags&elf.SHF_EXECINSTR == 0 || s.Name == "" || strings.HasPrefix(s.Name, "$") || strings.HasPrefix(s.Name, ".L") {
			continue
		}
		out = append(out, function{s.Value + sectionBase(f, s.Section), s.Size, s.Name})
	}
	slices.SortStableFunc(out, func(a, b function) int { return cmp.Compare(a.addr, b.addr) })
	return out
}

// function is the one that pc is in.
func (m *image) function(pc uint64) (function, bool) {
	i, found := slices.BinarySearchFunc(m.funcs, pc, func(f function, pc uint64) int { return cmp.Compare(f.addr, pc) })
	if !found {
		i--
	}
	// Of several symbols at one address, one with a size.
	for j := i; j >= 0 && m.funcs[j].addr == m.funcs[i].addr; j-- {
		if m.funcs[j].size != 0 {
			i = j
		}
	}
	if i < 0 || m.funcs[i].size != 0 && pc >= m.funcs[i].addr+m.funcs[i].size {
		return function{}, false
	}
	return m.funcs[i], true
}

// contains tells whether pc is in the image's code.
func (m *image) contains(pc uint64) bool {
	return slices.ContainsFunc(m.text, func(p elf.ProgHeader) bool { return p.Vaddr <= pc && pc < p.Vaddr+p.Memsz })
}

// address finds a symbol.
func (m *image) address(name string) (uint64, bool) {
	for _, f := range m.funcs {
		if f.name == name {
			return f.addr, true
		}
	}
	return 0, false
}

// frames is the frames at pc, innermost first. A return address is looked up by the
// call before it. bias is what the loader added to the image's addresses.
func (m *image) frames(pc uint64, exact bool, bias uint64) []Frame {
	at := pc - bias
	look := at
	if !exact {
		look--
	}
	var out []Frame
	if m.lines != nil {
		// The cache keeps its own.
		out = slices.Clone(m.lines.frames(look))
	}
	if len(out) == 0 && m.goTab != nil {
		out = m.goTab.frames(look)
	}
	if len(out) == 0 {
		out = []Frame{{}}
	}
	outer := &out[len(out)-1]
	if fn, ok := m.function(look); ok {
		outer.Func, outer.Offset = fn.name, at-fn.addr
	} else if m.goTab != nil {
		if fn, ok := m.goTab.function(look); ok {
			outer.Func, outer.Offset = fn.name, at-fn.addr
		}
	}
	for i := range out {
		out[i].PC = pc
		if m.goTab != nil {
			out[i].Func = plainGoName(out[i].Func)
		}
	}
	return out
}
