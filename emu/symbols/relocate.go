// SPDX-License-Identifier: Apache-2.0

package symbols

import (
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"strings"
)

// sectionSpan is how far apart the sections of a relocatable file are put. No
// section of code is longer.
const sectionSpan = 1 << 28

// sectionBase is the address that a section of a relocatable file gets, so that
// different sections that are loaded have different addresses.
func sectionBase(f *elf.File, i elf.SectionIndex) uint64 {
	if f.Type != elf.ET_REL || int(i) >= len(f.Sections) || f.Sections[i].Flags&elf.SHF_ALLOC == 0 {
		return 0
	}
	return uint64(i) * sectionSpan
}

// relocatedDWARF is the debug information of a relocatable file, with its sections
// at sectionBase. The elf package would put all of them at 0, and it leaves out the
// sums and differences with which RISC-V assemblers write line tables.
func relocatedDWARF(f *elf.File) (*dwarf.Data, error) {
	syms, err := f.Symbols()
	if err != nil {
		return nil, err
	}
	parts := make(map[string][]byte)
	for i, s := range f.Sections {
		if !strings.HasPrefix(s.Name, ".debug_") {
			continue
		}
		data, err := s.Data()
		if err != nil {
			return nil, err
		}
		for _, r := range f.Sections {
			if r.Type != elf.SHT_RELA || int(r.Info) != i {
				continue
			}
			entries, err := r.Data()
			if err != nil {
				return nil, err
			}
			if err := relocate(f, data, entries, syms); err != nil {
				return nil, fmt.Errorf("%s: %w", s.Name, err)
			}
		}
		parts[s.Name] = data
	}
	d, err := dwarf.New(parts[".debug_abbrev"], nil, nil, parts[".debug_info"], parts[".debug_line"], nil,
		parts[".debug_ranges"], parts[".debug_str"])
	if err != nil {
		return nil, err
	}
	for _, name := range []string{".debug_addr", ".debug_line_str", ".debug_str_offsets", ".debug_rnglists", ".debug_loclists"} {
		if parts[name] == nil {
			continue
		}
		if err := d.AddSection(name, parts[name]); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// relaSize is the size of Elf64_Rela.
const relaSize = 24

// relocate applies the relocations in entries (Elf64_Rela) to data: those that
// debug information uses (RISC-V ELF psABI, "Relocations").
func relocate(f *elf.File, data, entries []byte, syms []elf.Symbol) error {
	le := binary.LittleEndian
	for ; len(entries) >= relaSize; entries = entries[relaSize:] {
		off, info := le.Uint64(entries), le.Uint64(entries[8:])
		value := le.Uint64(entries[16:]) // the addend
		if i := info >> 32; i != 0 {
			if i > uint64(len(syms)) {
				return fmt.Errorf("no symbol %d", i)
			}
			s := syms[i-1] // Symbols leaves out the first
			value += s.Value + sectionBase(f, s.Section)
		}
		if off >= uint64(len(data)) {
			return fmt.Errorf("relocation at %#x of %#x bytes", off, len(data))
		}
		if !applyRelocation(elf.R_RISCV(info&0xffff_ffff), data[off:], value) {
			return fmt.Errorf("relocation %s at %#x", elf.R_RISCV(info&0xffff_ffff), off)
		}
	}
	return nil
}

// applyRelocation is one relocation; false if it is not for data or does not fit.
func applyRelocation(kind elf.R_RISCV, p []byte, value uint64) bool {
	const low6 = 1<<6 - 1
	add := func(size int, old bool, sign uint64) bool {
		if len(p) < size {
			return false
		}
		var b [8]byte
		if old {
			copy(b[:], p[:size])
		}
		binary.LittleEndian.PutUint64(b[:], binary.LittleEndian.Uint64(b[:])+sign*value)
		copy(p[:size], b[:])
		return true
	}
	const plus, minus = 1, ^uint64(0)
	switch kind {
	case elf.R_RISCV_NONE, elf.R_RISCV_RELAX:
		return true
	case elf.R_RISCV_SET8:
		return add(1, false, plus)
	case elf.R_RISCV_SET16:
		return add(2, false, plus)
	case elf.R_RISCV_32, elf.R_RISCV_SET32:
		return add(4, false, plus)
	case elf.R_RISCV_64:
		return add(8, false, plus)
	case elf.R_RISCV_ADD8:
		return add(1, true, plus)
	case elf.R_RISCV_ADD16:
		return add(2, true, plus)
	case elf.R_RISCV_ADD32:
		return add(4, true, plus)
	case elf.R_RISCV_ADD64:
		return add(8, true, plus)
	case elf.R_RISCV_SUB8:
		return add(1, true, minus)
	case elf.R_RISCV_SUB16:
		return add(2, true, minus)
	case elf.R_RISCV_SUB32:
		return add(4, true, minus)
	case elf.R_RISCV_SUB64:
		return add(8, true, minus)
	case elf.R_RISCV_SET6:
		p[0] = p[0]&^low6 | byte(value)&low6
		return true
	case elf.R_RISCV_SUB6:
		p[0] = p[0]&^low6 | (p[0]-byte(value))&low6
		return true
	}
	return false
}
