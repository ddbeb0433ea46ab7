// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/bits"
	"sort"
	"strings"
)

// emitDecoder writes the decoder: one function per instruction width, nested
// switches over the lowest run of bits that all remaining pictures fix, and one
// function per combination of fields of the long instructions.
func emitDecoder(s *spec) string {
	var t text
	t.f("\n// decode32 decodes a 32-bit encoding, of which the lowest two bits are 11.\n")
	t.f("func decode32(bits uint32) Inst {\n")
	tree(&t, s.long, 3, func(i *inst) {
		t.f("return take%s(%s, bits)\n", i.letters(), i.goName())
	})
	t.f("return Inst{Len: 4}\n}\n")
	t.f("\n// decode16 decodes a compressed encoding (in the lower half, the upper half is\n" +
		"// zero) to the operation that it expands to; form is its place in\n// compressedForms, -1 if it is illegal.\n")
	t.f("func decode16(bits uint32) (inst Inst, form int) {\n")
	place := map[*inst]int{}
	for k, i := range s.short {
		place[i] = k
	}
	tree(&t, s.short, 0, func(i *inst) { emitShortLeaf(&t, s, i, place[i]) })
	t.f("return Inst{Len: 2}, -1\n}\n")
	emitTakers(&t, s.long)
	return t.String()
}

// emitTakers writes the functions that take the fields of a long instruction.
func emitTakers(t *text, set []*inst) {
	byLetters := map[string]*inst{}
	var all []string
	for _, i := range set {
		if byLetters[i.letters()] == nil {
			byLetters[i.letters()] = i
			all = append(all, i.letters())
		}
	}
	sort.Strings(all)
	for _, l := range all {
		if l == "" {
			t.f("\nfunc take(op Op, _ uint32) Inst {\nreturn Inst{Op: op, Len: 4}\n}\n")
			continue
		}
		t.f("\nfunc take%s(op Op, bits uint32) Inst {\nreturn Inst{Op: op, Len: 4,\n", l)
		emitMembers(t, byLetters[l])
		t.f("}\n}\n")
	}
}

// emitMembers writes the members of a composite literal of Inst.
func emitMembers(t *text, i *inst) {
	for _, m := range members {
		for _, f := range i.fields {
			for _, d := range f.dests {
				if d.member == m.name {
					t.f("%s: %s,\n", m.goName, valueOf(f, d))
				}
			}
		}
		for _, x := range i.fixed {
			if x.member == m.name {
				t.f("%s: %d,\n", m.goName, x.value)
			}
		}
	}
}

// emitShortLeaf writes what happens to an encoding that matches a compressed
// picture.
func emitShortLeaf(t *text, s *spec, i *inst, place int) {
	t.f("i := Inst{Op: %s, Len: 2,\n", s.base(i).goName())
	emitMembers(t, i)
	t.f("}\n")
	if len(i.nonzero) > 0 {
		var conds []string
		for _, m := range i.nonzero {
			conds = append(conds, "i."+goMember(m)+" == 0")
		}
		t.f("if %s {\nreturn Inst{Len: 2}, -1\n}\n", strings.Join(conds, " || "))
	}
	t.f("return i, %d\n", place)
}

// valueOf is the expression for a field's value.
func valueOf(f *field, d dest) string {
	var t text
	for k, p := range f.pieces() {
		if k > 0 {
			t.f(" | ")
		}
		t.f("bits")
		if p.enc != 0 {
			t.f(">>%d", p.enc)
		}
		if p.enc+p.width < 32 {
			t.f("&%#x", uint32(1)<<p.width-1)
		}
		if p.val != 0 {
			t.f("<<%d", p.val)
		}
	}
	e := t.String()
	var out text
	switch {
	case f.imm && f.signed && f.top() == 31:
		out.f("int64(int32(%s))", e)
	case f.imm && f.signed:
		out.f("int64(int32((%s)<<%d)>>%d)", e, 31-f.top(), 31-f.top())
	case f.imm:
		out.f("int64(%s)", e)
	case d.plus != 0:
		out.f("uint8(%s + %d)", e, d.plus)
	default:
		out.f("uint8(%s)", e)
	}
	return out.String()
}

// tree writes the decisions between the pictures of set, of which the bits in
// tested are already known to match. Control falls out of it for encodings that
// match no picture.
func tree(t *text, set []*inst, tested uint32, leaf func(*inst)) {
	common := ^tested
	for _, i := range set {
		common &= i.mask
	}
	if len(set) == 1 {
		if common == 0 {
			leaf(set[0])
			return
		}
		t.f("if bits&%#x == %#x { // %s\n", common, set[0].match&common, set[0].name)
		leaf(set[0])
		t.f("}\n")
		return
	}
	if common == 0 {
		chain(t, set, tested, leaf)
		return
	}
	run := lowestRun(common)
	shift := bits.TrailingZeros32(run)
	n := bits.OnesCount32(run)
	selector := fmt.Sprintf("bits>>%d&%#x", shift, run>>shift)
	if shift == 0 {
		selector = fmt.Sprintf("bits&%#x", run)
	}
	groups := map[uint32][]*inst{}
	for _, i := range set {
		v := i.match & run >> shift
		groups[v] = append(groups[v], i)
	}
	var values []uint32
	for v := range groups {
		values = append(values, v)
	}
	sort.Slice(values, func(a, b int) bool { return values[a] < values[b] })
	if len(values) == 1 {
		t.f("if %s == %0#*b {\n", selector, n, values[0])
		tree(t, groups[values[0]], tested|run, leaf)
		t.f("}\n")
		return
	}
	t.f("switch %s {\n", selector)
	for _, v := range values {
		t.f("case %0#*b: // %s\n", n, v, mnemonics(groups[v]))
		tree(t, groups[v], tested|run, leaf)
	}
	t.f("}\n")
}

// chain writes decisions between pictures that have no fixed bit in common: the one
// with most fixed bits goes first, so that one inside another wins.
func chain(t *text, set []*inst, tested uint32, leaf func(*inst)) {
	order := append([]*inst{}, set...)
	sort.SliceStable(order, func(a, b int) bool {
		return bits.OnesCount32(order[a].mask) > bits.OnesCount32(order[b].mask)
	})
	for _, i := range order {
		rest := i.mask &^ tested
		if rest == 0 {
			t.f("{ // %s\n", i.name)
		} else {
			t.f("if bits&%#x == %#x { // %s\n", rest, i.match&rest, i.name)
		}
		leaf(i)
		t.f("}\n")
	}
}

// lowestRun keeps the lowest contiguous run of set bits.
func lowestRun(m uint32) uint32 {
	low := m & -m
	return m &^ (m + low) & m
}

// mnemonics names a group briefly.
func mnemonics(set []*inst) string {
	var all []string
	for _, i := range set {
		all = append(all, i.name)
	}
	if len(all) > 4 {
		all = append(all[:3], "...")
	}
	return strings.Join(all, " ")
}
