// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
)

// spec is a parsed specification.
type spec struct {
	name  string
	long  []*inst // 32-bit instructions, in the order of the file
	short []*inst // compressed instructions
	// fields are the declared letters by picture width (32 or 16).
	fields map[int][]*field
	csrs   []csr
}

// csr names one control and status register.
type csr struct {
	line, number int
	name         string
}

// field is one declared letter.
type field struct {
	line   int
	letter byte
	dests  []dest
	imm    bool
	signed bool
	// value lists, for immediates, the bits of the value in picture order.
	value []int
	// at lists the picture's bits (31 is the leftmost of a long one) in picture
	// order. It is the same in all pictures, and nil as long as none was seen.
	at []int
}

// dest is one member of isa.Inst that receives a field.
type dest struct {
	member string // "rd", "rs1", "rs2", "rs3", "rm" or "imm"
	plus   int
}

// members are the members of isa.Inst that fields can go to, with their Go names.
var members = []struct{ name, goName string }{
	{"imm", "Imm"}, {"rd", "Rd"}, {"rs1", "Rs1"}, {"rs2", "Rs2"}, {"rs3", "Rs3"}, {"rm", "RM"},
}

func goMember(name string) string {
	for _, m := range members {
		if m.name == name {
			return m.goName
		}
	}
	return ""
}

// inst is one line of the specification.
type inst struct {
	line        int
	name, ext   string
	width       int // 32 or 16
	mask, match uint32
	ignored     uint32   // bits whose value has no meaning: dots
	fields      []*field // in picture order, each once
	operands    string
	access      string // "load", "store", ... or ""
	size        int    // of the access, in bytes
	flow        string // "branch", "jump", "system" or ""
	over        []string
	expands     string // compressed: name of the base operation
	fixed       []fixedOperand
	nonzero     []string // members that must not be 0
}

// fixedOperand is an operand that a compressed encoding implies.
type fixedOperand struct {
	member string
	value  int
}

// piece says that width bits from bit enc of the encoding are the bits from val of
// the value.
type piece struct{ enc, val, width int }

// pieces cuts a field into its contiguous parts, in picture order.
func (f *field) pieces() []piece {
	var ps []piece
	for k, enc := range f.at {
		val := len(f.at) - 1 - k
		if f.imm {
			val = f.value[k]
		}
		if n := len(ps); n > 0 && ps[n-1].enc == enc+1 && ps[n-1].val == val+1 {
			ps[n-1] = piece{enc, val, ps[n-1].width + 1}
			continue
		}
		ps = append(ps, piece{enc, val, 1})
	}
	return ps
}

// top is the number of the highest bit of an immediate's value.
func (f *field) top() int {
	t := 0
	for _, v := range f.value {
		t = max(t, v)
	}
	return t
}

// sets reports whether the instruction gives the named member a value.
func (i *inst) sets(member string) bool {
	for _, f := range i.fields {
		for _, d := range f.dests {
			if d.member == member {
				return true
			}
		}
	}
	for _, f := range i.fixed {
		if f.member == member {
			return true
		}
	}
	return false
}

// letters names the instruction's fields in picture order.
func (i *inst) letters() string {
	var b strings.Builder
	for _, f := range i.fields {
		b.WriteByte(f.letter)
	}
	return b.String()
}

// overlaps reports whether some encoding matches both pictures.
func overlaps(a, b *inst) bool {
	return (a.match^b.match)&a.mask&b.mask == 0
}

// inside reports whether every encoding of a also matches b's picture.
func inside(a, b *inst) bool {
	return overlaps(a, b) && a.mask&b.mask == b.mask
}

// goName is the name of the operation's constant.
func (i *inst) goName() string { return "Op" + upper(i.name) }

func upper(name string) string {
	return strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
}

// check refuses specifications that are well-formed but contradict themselves.
func (s *spec) check() error {
	for _, set := range [][]*inst{s.long, s.short} {
		if err := s.checkOverlaps(set); err != nil {
			return err
		}
	}
	seen := map[string]*inst{}
	for _, i := range append(append([]*inst{}, s.long...), s.short...) {
		if old := seen[upper(i.name)]; old != nil {
			return s.errorf(i.line, "%s: already declared in line %d", i.name, old.line)
		}
		seen[upper(i.name)] = i
		if err := s.checkLength(i); err != nil {
			return err
		}
		if err := s.checkOperands(i); err != nil {
			return err
		}
	}
	for _, i := range s.short {
		if err := s.checkExpansion(i); err != nil {
			return err
		}
	}
	return s.checkCSRs()
}

// checkCSRs demands ascending numbers (the generated table is searched by halves)
// of 12 bits, and different names.
func (s *spec) checkCSRs() error {
	last := -1
	seen := map[string]bool{}
	for _, c := range s.csrs {
		switch {
		case c.number <= last:
			return s.errorf(c.line, "%s: number %#x does not come after %#x", c.name, c.number, last)
		case c.number > 0xfff:
			return s.errorf(c.line, "%s: number %#x has more than 12 bits", c.name, c.number)
		case seen[c.name]:
			return s.errorf(c.line, "%s: already declared", c.name)
		}
		last = c.number
		seen[c.name] = true
	}
	return nil
}

func (s *spec) errorf(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", s.name, line, fmt.Sprintf(format, args...))
}

// checkOverlaps demands that two pictures overlap only where one lies inside the
// other and says so.
func (s *spec) checkOverlaps(set []*inst) error {
	byName := map[string]*inst{}
	for _, i := range set {
		byName[i.name] = i
	}
	for k, a := range set {
		for _, b := range set[:k] {
			if !overlaps(a, b) || names(a.over, b.name) || names(b.over, a.name) {
				continue
			}
			return s.errorf(a.line, "%s overlaps %s (line %d)", a.name, b.name, b.line)
		}
		for _, o := range a.over {
			b := byName[o]
			if b == nil {
				return s.errorf(a.line, "%s: over %s: no such instruction of this width", a.name, o)
			}
			if !inside(a, b) || inside(b, a) {
				return s.errorf(a.line, "%s: over %s: the picture does not lie strictly inside the other", a.name, o)
			}
		}
	}
	return nil
}

func names(list []string, name string) bool {
	for _, n := range list {
		if n == name {
			return true
		}
	}
	return false
}

// checkLength demands the low bits that announce the encoding's length
// (unprivileged manual, "Expanded Instruction-Length Encoding").
func (s *spec) checkLength(i *inst) error {
	low := i.match & 3
	switch {
	case i.mask&3 != 3:
		return s.errorf(i.line, "%s: the lowest two bits must be fixed", i.name)
	case i.width == 16 && low == 3:
		return s.errorf(i.line, "%s: a compressed encoding cannot end in 11", i.name)
	case i.width == 32 && low != 3:
		return s.errorf(i.line, "%s: a 32-bit encoding ends in 11", i.name)
	case i.width == 32 && i.mask&0x1c != 0x1c:
		return s.errorf(i.line, "%s: the major opcode must be fixed", i.name)
	case i.width == 32 && i.match&0x1c == 0x1c:
		return s.errorf(i.line, "%s: encodings ending in 11111 are longer than 32 bits", i.name)
	}
	return nil
}

// operandMembers says which member of isa.Inst each operand word shows.
var operandMembers = map[string]string{
	"rd": "rd", "rs1": "rs1", "rs2": "rs2",
	"fd": "rd", "fs1": "rs1", "fs2": "rs2", "fs3": "rs3",
	"imm": "imm", "upper": "imm", "target": "imm", "shamt": "imm",
	"csr": "imm", "pred": "imm", "succ": "imm", "uimm": "rs1", "rm": "rm", "rm0": "rm",
	"x2": "",
}

// operandWords splits an operand list into its words.
func operandWords(operands string) []string {
	return strings.FieldsFunc(operands, func(r rune) bool { return r == ',' || r == '(' || r == ')' })
}

func (s *spec) checkOperands(i *inst) error {
	shown := map[string]bool{}
	for _, w := range operandWords(i.operands) {
		m, ok := operandMembers[w]
		if !ok {
			return s.errorf(i.line, "%s: unknown operand %q", i.name, w)
		}
		if m != "" && !i.sets(m) {
			return s.errorf(i.line, "%s: operand %s, but no field sets %s", i.name, w, m)
		}
		shown[m] = true
	}
	for _, f := range i.fields {
		any := f.letter == 'q' && i.width == 32 // shown in the mnemonic
		for _, d := range f.dests {
			any = any || shown[d.member]
		}
		if !any {
			return s.errorf(i.line, "%s: field %c is not among the operands", i.name, f.letter)
		}
	}
	for _, m := range i.nonzero {
		if !i.sets(m) {
			return s.errorf(i.line, "%s: %s!=0, but no field sets it", i.name, m)
		}
	}
	return nil
}

// checkExpansion demands that a compressed instruction names a base operation and
// sets nothing that the base operation does not have.
func (s *spec) checkExpansion(i *inst) error {
	base := s.base(i)
	if base == nil {
		return s.errorf(i.line, "%s: expands to unknown %q", i.name, i.expands)
	}
	for _, m := range members {
		if i.sets(m.name) && !base.sets(m.name) {
			return s.errorf(i.line, "%s: sets %s, which %s does not have", i.name, m.name, base.name)
		}
	}
	return nil
}

func (s *spec) base(i *inst) *inst {
	for _, b := range s.long {
		if b.name == i.expands {
			return b
		}
	}
	return nil
}
