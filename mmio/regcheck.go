// SPDX-License-Identifier: Apache-2.0

package mmio

import (
	"fmt"
	"sort"
)

// Check finds every contradiction in a declaration: overlapping or misaligned
// registers, masks that claim the same bit, reset values and fields that do not fit,
// hooks that can never run.
func (b *Block) Check() []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if b.Size == 0 || b.Size > 1<<32 {
		bad("window size %#x is not in 1..4 GiB", b.Size)
		return errs
	}
	names := map[string]bool{}
	sound := make([]Reg, 0, len(b.Regs))
	for i := range b.Regs {
		r := b.Regs[i].withDefaults()
		if r.Name == "" {
			bad("register %d at %#x has no name (an identifier without a table row?)", i, r.Offset)
			continue
		}
		if names[r.Name] {
			bad("%s: declared twice", r.Name)
		}
		names[r.Name] = true
		before := len(errs)
		r.check(b.Size, func(format string, args ...any) { bad(r.Name+": "+format, args...) })
		if len(errs) == before {
			sound = append(sound, r)
		}
	}
	return append(errs, overlaps(sound)...)
}

func (r *Reg) check(size uint64, bad func(string, ...any)) {
	switch r.Width {
	case 1, 2, 4, 8:
	default:
		bad("width %d", r.Width)
		return
	}
	w := uint64(r.Width)
	if r.Offset%w != 0 {
		bad("offset %#x is not aligned to width %d", r.Offset, w)
	}
	if r.Count < 0 || uint64(r.Count) > size {
		bad("count %d", r.Count)
		return
	}
	if r.Stride < w || r.Stride%w != 0 || r.Stride > size && r.Count > 1 {
		bad("stride %#x for width %d", r.Stride, w)
		return
	}
	if r.Offset >= size || uint64(r.Count-1) > (size-r.Offset)/r.Stride || r.end() > size {
		bad("ends beyond the window of %#x bytes", size)
	}
	if r.Sizes > 15 {
		bad("access sizes %#x", r.Sizes)
	}
	if int(r.Sizes)&^(2*r.Width-1) != 0 && r.Count > 1 && r.Stride != w {
		bad("accesses wider than a register, but elements are not contiguous")
	}
	if r.Reset&^r.widthMask() != 0 {
		bad("reset %#x does not fit", r.Reset)
	}
	masks := [...]struct {
		name string
		m    uint64
	}{{"ROMask", r.ROMask}, {"W1C", r.W1C}, {"RC", r.RC}, {"Reserved", r.Reserved}, {"Unimplemented", r.Unimplemented}}
	for i, a := range masks {
		if a.m&^r.widthMask() != 0 {
			bad("mask %s %#x does not fit", a.name, a.m)
		}
		for _, o := range masks[i+1:] {
			if a.m&o.m != 0 {
				bad("masks %s and %s share bits %#x", a.name, o.name, a.m&o.m)
			}
		}
	}
	switch r.Access {
	case RW:
	case RO:
		if r.W1C|r.Reserved|r.Unimplemented != 0 || r.PreWrite != nil || r.PostWrite != nil {
			bad("read-only, yet has masks or hooks for writing")
		}
	case WO:
		if r.RC != 0 || r.PreRead != nil || r.PostRead != nil {
			bad("write-only, yet has a mask or hooks for reading")
		}
	default:
		bad("access class %d", r.Access)
	}
	var used uint64
	for _, f := range r.Fields {
		if f.Lo > f.Hi || f.Hi >= 8*uint(r.Width) {
			bad("field %s [%d:%d] does not fit", f.Name, f.Hi, f.Lo)
			continue
		}
		if f.Name == "" {
			bad("field [%d:%d] has no name", f.Hi, f.Lo)
		}
		if used&f.Mask() != 0 {
			bad("field %s [%d:%d] overlaps another", f.Name, f.Hi, f.Lo)
		}
		used |= f.Mask()
		seen := map[uint64]bool{}
		for _, e := range f.Enum {
			if e.Value > f.Mask()>>f.Lo || seen[e.Value] {
				bad("field %s: value %#x does not fit or is named twice", f.Name, e.Value)
			}
			seen[e.Value] = true
		}
	}
}

// overlaps reports elements that answer at the same offset in the same direction
// and bank.
func overlaps(regs []Reg) []error {
	type span struct {
		lo, hi uint64
		reg    int
	}
	var errs []error
	type pair struct{ a, b int }
	seen := map[pair]bool{}
	for bank := range banksOf(regs) {
		for _, skip := range []Access{WO, RO} { // reads do not see WO, writes do not see RO
			var spans []span
			for i := range regs {
				r := &regs[i]
				if r.Access == skip || r.Banks>>bank&1 == 0 {
					continue
				}
				for e := range r.Count {
					lo := r.Offset + uint64(e)*r.Stride
					spans = append(spans, span{lo, lo + uint64(r.Width), i})
				}
			}
			sort.Slice(spans, func(i, j int) bool { return spans[i].lo < spans[j].lo })
			for i := 1; i < len(spans); i++ {
				a, b := spans[i-1], spans[i]
				if b.lo < a.hi && !seen[pair{a.reg, b.reg}] {
					seen[pair{a.reg, b.reg}] = true
					errs = append(errs, fmt.Errorf("%s and %s overlap at %#x", regs[a.reg].Name, regs[b.reg].Name, b.lo))
				}
			}
		}
	}
	return errs
}

// banksOf is how many banks the registers distinguish.
func banksOf(regs []Reg) int {
	n := 1
	for i := range regs {
		if regs[i].Banks == 0xff {
			continue
		}
		for b := range 8 {
			if regs[i].Banks>>b&1 != 0 {
				n = max(n, b+1)
			}
		}
	}
	return n
}
