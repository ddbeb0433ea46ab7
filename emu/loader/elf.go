// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"vdev/mmio"
)

// The tables of the file are read here one by one rather than by elf.NewFile,
// which copies a name for every section: a crafted file makes that quadratic.

const (
	elfHeaderSize  = 64 // of elf.Header64
	elfProgSize    = 56 // of elf.Prog64
	elfSectionSize = 64 // of elf.Section64
	elfSymSize     = 24 // of elf.Sym64

	// maxSegments bounds the work on the program headers.
	maxSegments = 1024
	// maxELFSpan bounds the distance from first to last byte in memory.
	maxELFSpan = 1 << 36
)

func isELF(data []byte) bool { return bytes.HasPrefix(data, []byte(elf.ELFMAG)) }

func loadELF(data []byte) (*Kernel, error) {
	var h elf.Header64
	if len(data) < elfHeaderSize {
		return nil, errTruncated
	}
	decode(data, &h)
	if err := checkELF(&h); err != nil {
		return nil, err
	}
	progs, err := table(data, h.Phoff, uint64(h.Phnum), uint64(h.Phentsize), elfProgSize)
	if err != nil {
		return nil, err
	}
	k := &Kernel{Kind: KindELF}
	entry, found := h.Entry, false
	for ; len(progs) > 0; progs = progs[elfProgSize:] {
		var p elf.Prog64
		decode(progs, &p)
		if elf.ProgType(p.Type) == elf.PT_INTERP {
			return nil, errors.New("this is a dynamically linked program, not a kernel or bare-metal program")
		}
		if elf.ProgType(p.Type) != elf.PT_LOAD || p.Memsz == 0 {
			continue
		}
		seg, err := loadSegment(data, &p)
		if err != nil {
			return nil, err
		}
		if len(k.Segments) == maxSegments {
			return nil, fmt.Errorf("it has more than %d segments", maxSegments)
		}
		k.Segments = append(k.Segments, seg)
		k.symbols.places = append(k.symbols.places, place{p.Vaddr, p.Memsz, p.Paddr})
		// The entry point is a virtual address; the harts start without translation.
		if !found && h.Entry-p.Vaddr < p.Memsz {
			entry, found = h.Entry-p.Vaddr+p.Paddr, true
		}
	}
	if len(k.Segments) == 0 {
		return nil, errors.New("this ELF file has nothing to load; give the linked executable")
	}
	if !found {
		return nil, fmt.Errorf("its entry point %#x is in none of its segments", h.Entry)
	}
	slices.SortStableFunc(k.Segments, func(a, b Segment) int {
		if a.Addr < b.Addr {
			return -1
		}
		if a.Addr > b.Addr {
			return 1
		}
		return 0
	})
	for i, s := range k.Segments[1:] {
		if prev := k.Segments[i]; uint64(s.Addr) < prev.end() {
			return nil, fmt.Errorf("its segments at %#x and %#x overlap", uint64(prev.Addr), uint64(s.Addr))
		}
	}
	if k.Size() > maxELFSpan {
		return nil, fmt.Errorf("its segments lie %#x bytes apart; link it to one place in RAM", k.Size())
	}

	base := uint64(k.Segments[0].Addr)
	// Position-independent firmware and Linux's vmlinux are linked to physical
	// address 0, where no RAM is: they run where they are put.
	k.Fixed = elf.Type(h.Type) != elf.ET_DYN && base != 0
	if k.Fixed {
		base = 0
	}
	k.Entry = mmio.PhysAddr(entry - base)
	for i := range k.Segments {
		k.Segments[i].Addr -= mmio.PhysAddr(base)
	}
	k.symbols.base = base
	k.symbols.syms, k.symbols.names = findSymbols(data, &h)
	return k, nil
}

func checkELF(h *elf.Header64) error {
	if class := elf.Class(h.Ident[elf.EI_CLASS]); class != elf.ELFCLASS64 {
		return errors.New("this is a 32-bit ELF file; the harts are 64-bit: build it for riscv64")
	}
	if elf.Data(h.Ident[elf.EI_DATA]) != elf.ELFDATA2LSB {
		return errors.New("this is a big-endian ELF file; the harts are little-endian: build it for riscv64")
	}
	if m := elf.Machine(h.Machine); m != elf.EM_RISCV {
		return fmt.Errorf("this ELF file is for another processor (%v); build it for riscv64", m)
	}
	if t := elf.Type(h.Type); t != elf.ET_EXEC && t != elf.ET_DYN {
		return fmt.Errorf("this ELF file is not an executable (%v); give the linked executable", t)
	}
	return nil
}

func loadSegment(data []byte, p *elf.Prog64) (Segment, error) {
	switch {
	case p.Filesz > p.Memsz:
		return Segment{}, fmt.Errorf("its segment at %#x is larger in the file than in memory", p.Paddr)
	case p.Off > uint64(len(data)) || p.Filesz > uint64(len(data))-p.Off:
		return Segment{}, errTruncated
	case p.Paddr+p.Memsz < p.Paddr:
		return Segment{}, fmt.Errorf("its segment at %#x goes beyond the address space", p.Paddr)
	}
	return Segment{mmio.PhysAddr(p.Paddr), data[p.Off : p.Off+p.Filesz : p.Off+p.Filesz], p.Memsz}, nil
}

// table returns n entries of a header table, bounds checked.
func table(data []byte, off, n, entSize, wantSize uint64) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	if entSize != wantSize {
		return nil, fmt.Errorf("its headers have entries of %d bytes, not %d; the file is damaged", entSize, wantSize)
	}
	if off > uint64(len(data)) || n > (uint64(len(data))-off)/entSize {
		return nil, errTruncated
	}
	return data[off : off+n*entSize], nil
}

// decode reads a structure of debug/elf from the start of data, which is known to
// be long enough.
func decode(data []byte, v any) {
	if _, err := binary.Decode(data, binary.LittleEndian, v); err != nil {
		panic("BUG: loader: " + err.Error())
	}
}

// symbolTable is the raw symbol table of an ELF file. It is searched, not indexed:
// a few names are asked for, of up to hundreds of thousands.
type symbolTable struct {
	syms   []byte // of elf.Sym64
	names  []byte
	places []place
	base   uint64 // what the file's physical addresses lie above the kernel's
}

// place says where a segment's virtual addresses, which symbols have, are in
// memory.
type place struct{ virt, size, phys uint64 }

// findSymbols locates the symbol table. Symbols are a convenience, so a file whose
// section headers are bad just has none.
func findSymbols(data []byte, h *elf.Header64) (syms, names []byte) {
	sections, err := table(data, h.Shoff, uint64(h.Shnum), uint64(h.Shentsize), elfSectionSize)
	if err != nil {
		return nil, nil
	}
	contents := func(s *elf.Section64) []byte {
		if elf.SectionFlag(s.Flags)&elf.SHF_COMPRESSED != 0 || s.Off > uint64(len(data)) || s.Size > uint64(len(data))-s.Off {
			return nil
		}
		return data[s.Off : s.Off+s.Size]
	}
	for rest := sections; len(rest) > 0; rest = rest[elfSectionSize:] {
		var s elf.Section64
		decode(rest, &s)
		if elf.SectionType(s.Type) != elf.SHT_SYMTAB || s.Entsize != elfSymSize || s.Link >= uint32(h.Shnum) {
			continue
		}
		var strings elf.Section64
		decode(sections[uint64(s.Link)*elfSectionSize:], &strings)
		if elf.SectionType(strings.Type) == elf.SHT_STRTAB {
			return contents(&s), contents(&strings)
		}
	}
	return nil, nil
}

func (t symbolTable) find(name string) (mmio.PhysAddr, bool) {
	want := append([]byte(name), 0)
	for rest := t.syms; len(rest) >= elfSymSize; rest = rest[elfSymSize:] {
		// The name's offset is the first word of elf.Sym64.
		at := binary.LittleEndian.Uint32(rest)
		if uint64(at) >= uint64(len(t.names)) || !bytes.HasPrefix(t.names[at:], want) {
			continue
		}
		var s elf.Sym64
		decode(rest, &s)
		if elf.SectionIndex(s.Shndx) != elf.SHN_UNDEF && elf.ST_TYPE(s.Info) != elf.STT_FILE && elf.ST_TYPE(s.Info) != elf.STT_SECTION {
			return t.locate(s.Value)
		}
	}
	return 0, false
}

// locate translates a virtual address. One that is just behind a segment counts as
// in it (end_signature), unless another segment starts there.
func (t symbolTable) locate(virt uint64) (mmio.PhysAddr, bool) {
	for _, slack := range []uint64{0, 1} {
		for _, p := range t.places {
			if virt-p.virt < p.size+slack {
				return mmio.PhysAddr(virt - p.virt + p.phys - t.base), true
			}
		}
	}
	return 0, false
}
