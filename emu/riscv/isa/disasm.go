// SPDX-License-Identifier: Apache-2.0

package isa

import (
	"strconv"
	"strings"
)

// Style chooses how instructions are written.
type Style uint8

// The styles. Both are those of GNU objdump without pseudo-instructions (-M
// no-aliases): compressed instructions keep their own mnemonics.
const (
	StyleABI     Style = iota // registers by their ABI names: a0, fs1
	StyleNumeric              // registers by number: x10, f9 (-M numeric)
)

// form is how one instruction is written.
type form struct{ name, operands string }

// Disasm writes the instruction in bits (as for Decode) that lies at pc, in the
// notation of GNU objdump with ABI register names and without pseudo-instructions:
// mnemonic, tab, operands. Illegal encodings give .2byte or .4byte and the value.
func Disasm(bits uint32, pc uint64) string { return StyleABI.Disasm(bits, pc) }

// Disasm writes the instruction in bits that lies at pc in this style.
func (s Style) Disasm(bits uint32, pc uint64) string {
	w := writer{style: s, pc: pc, absolute: true}
	if bits&3 == 3 {
		i := decode32(bits)
		if i.Op == OpIllegal {
			return ".4byte\t" + hex(uint64(bits))
		}
		return w.write(&i, longForm(&i))
	}
	bits &= 0xffff
	i, k := decode16(bits)
	if i.Op == OpIllegal {
		return ".2byte\t" + hex(uint64(bits))
	}
	return w.write(&i, compressedForms[k])
}

// String writes a decoded instruction like Disasm, a compressed one as the operation
// that it expands to, and branch targets relative to the instruction.
func (i Inst) String() string {
	if i.Op == OpIllegal || i.Op >= NumOps {
		return "illegal"
	}
	var w writer
	return w.write(&i, longForm(&i))
}

// fenceTSO is the value of fm, pred and succ that FENCE.TSO has.
const fenceTSO = 0x833

func longForm(i *Inst) form {
	info := i.Op.Info()
	f := form{info.Name, info.Operands}
	switch {
	case info.hasOrdering():
		f.name += [4]string{"", ".rl", ".aq", ".aqrl"}[i.RM&3]
	case i.Op == OpFENCE && i.Imm == fenceTSO:
		return form{name: "fence.tso"}
	}
	return f
}

// hasOrdering reports whether aq and rl are part of the instruction.
func (i OpInfo) hasOrdering() bool {
	return i.Access == AccessAMO || i.Access == AccessLR || i.Access == AccessSC
}

// writer writes one instruction.
type writer struct {
	style    Style
	absolute bool // targets as addresses, not distances
	pc       uint64
	out      strings.Builder
}

// write fills the operand list of f: words are replaced by what they stand for,
// commas and parentheses stay.
func (w *writer) write(i *Inst, f form) string {
	w.out.WriteString(f.name)
	lead := byte('\t')
	for rest := f.operands; rest != ""; {
		n := strings.IndexAny(rest, ",()")
		if n < 0 {
			n = len(rest)
		}
		// An operand that is not written takes the separator before it along.
		if text := w.operand(i, rest[:n]); n == 0 || text != "" {
			if lead != 0 {
				w.out.WriteByte(lead)
			}
			w.out.WriteString(text)
			lead = 0
		}
		if n == len(rest) {
			break
		}
		if sep := rest[n]; sep != ',' {
			if lead != 0 {
				w.out.WriteByte(lead)
				lead = 0
			}
			w.out.WriteByte(sep)
		} else {
			lead = sep
		}
		rest = rest[n+1:]
	}
	return w.out.String()
}

// operand is the text of one operand word of rv64.isa; "" means that it is left out.
//
//	rd rs1 rs2        x register
//	fd fs1 fs2 fs3    f register
//	x2                the stack pointer
//	imm               signed decimal
//	shamt             hexadecimal
//	upper             bits 31:12 of the immediate, hexadecimal
//	target            the address pc+Imm
//	csr               name or number of a control and status register
//	uimm              five bits in place of rs1, decimal
//	pred succ         sets out of i, o, r, w
//	rm                rounding mode; left out if dynamic
//	rm0               rounding mode of an exact conversion; left out if RNE
func (w *writer) operand(i *Inst, word string) string {
	switch word {
	case "rd":
		return w.x(i.Rd)
	case "rs1":
		return w.x(i.Rs1)
	case "rs2":
		return w.x(i.Rs2)
	case "x2":
		return w.x(2)
	case "fd":
		return w.f(i.Rd)
	case "fs1":
		return w.f(i.Rs1)
	case "fs2":
		return w.f(i.Rs2)
	case "fs3":
		return w.f(i.Rs3)
	case "imm":
		return strconv.FormatInt(i.Imm, 10)
	case "shamt":
		return hex(uint64(i.Imm))
	case "upper":
		return hex(uint64(i.Imm) >> 12 & 0xfffff)
	case "target":
		return w.target(i.Imm)
	case "csr":
		if name := CSRName(uint16(i.Imm)); name != "" {
			return name
		}
		return hex(uint64(i.Imm))
	case "uimm":
		return strconv.Itoa(int(i.Rs1))
	case "pred":
		return fenceSet(i.Imm >> 4 & 15)
	case "succ":
		return fenceSet(i.Imm & 15)
	case "rm":
		if i.RM&7 == dynamicRM {
			return ""
		}
		return roundingModes[i.RM&7]
	case "rm0":
		if i.RM == 0 {
			return ""
		}
		return roundingModes[i.RM&7]
	case "":
		return ""
	}
	panic("BUG: isa: unknown operand " + word)
}

func hex(v uint64) string { return "0x" + strconv.FormatUint(v, 16) }

func (w *writer) target(distance int64) string {
	if w.absolute {
		return hex(w.pc + uint64(distance))
	}
	if distance < 0 {
		return ".-" + strconv.FormatUint(-uint64(distance), 10)
	}
	return ".+" + strconv.FormatInt(distance, 10)
}

func fenceSet(set int64) string {
	if set == 0 {
		return "unknown"
	}
	var b strings.Builder
	for k, c := range "iorw" {
		if set>>(3-k)&1 != 0 {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// roundingModes are the texts of the rm field (unprivileged manual, "Floating-Point
// Control and Status Register").
var roundingModes = [8]string{"rne", "rtz", "rdn", "rup", "rmm", "unknown", "unknown", "dyn"}

// dynamicRM is the value of the rm field that selects frm.
const dynamicRM = 7

func (w *writer) x(n uint8) string {
	if w.style == StyleNumeric {
		return "x" + strconv.Itoa(int(n))
	}
	return XName(n)
}

func (w *writer) f(n uint8) string {
	if w.style == StyleNumeric {
		return "f" + strconv.Itoa(int(n))
	}
	return FName(n)
}
