// SPDX-License-Identifier: Apache-2.0

// Package riscvtest assembles small programs for tests of the hart.
package riscvtest

import (
	"encoding/binary"
	"math/bits"

	"vdev/emu/riscv/isa"
)

// Integer registers by their ABI names, as far as tests use them.
const (
	Zero, RA, SP, GP, TP = 0, 1, 2, 3, 4
	T0, T1, T2           = 5, 6, 7
	S0, S1               = 8, 9
	A0, A1, A2, A3       = 10, 11, 12, 13
	T3, T4, T5, T6       = 28, 29, 30, 31
)

// Asm is a program under construction, at a fixed address. Its methods append
// instructions; a mistake in their operands panics, as it is one of the test.
type Asm struct {
	base   uint64
	code   []byte
	labels map[string]uint64
	fixups []fixup
}

// fixup is a pc-relative instruction whose target is not known yet.
type fixup struct {
	at    uint64
	pc    uint64 // that the immediate is relative to, as an offset
	inst  isa.Inst
	label string
}

// New starts a program at base.
func New(base uint64) *Asm { return &Asm{base: base, labels: map[string]uint64{}} }

// PC is the address of the next instruction.
func (a *Asm) PC() uint64 { return a.base + uint64(len(a.code)) }

// Label gives the next instruction a name.
func (a *Asm) Label(name string) {
	if _, ok := a.labels[name]; ok {
		panic("BUG: label twice: " + name)
	}
	a.labels[name] = a.PC()
}

// Addr is the address of a label that was placed already.
func (a *Asm) Addr(label string) uint64 {
	at, ok := a.labels[label]
	if !ok {
		panic("BUG: no label " + label)
	}
	return at
}

// Word appends an encoding: two bytes if it is compressed, else four.
func (a *Asm) Word(bits uint32) {
	if bits&3 != 3 {
		a.code = binary.LittleEndian.AppendUint16(a.code, uint16(bits))
		return
	}
	a.code = binary.LittleEndian.AppendUint32(a.code, bits)
}

// Inst appends an instruction.
func (a *Asm) Inst(i isa.Inst) {
	w, err := isa.Encode(i)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	a.Word(w)
}

// Op appends an instruction without operands.
func (a *Asm) Op(op isa.Op) { a.Inst(isa.Inst{Op: op, Len: 4}) }

// R appends a register-register instruction.
func (a *Asm) R(op isa.Op, rd, rs1, rs2 uint8) {
	a.Inst(isa.Inst{Op: op, Rd: rd, Rs1: rs1, Rs2: rs2, Len: 4})
}

// I appends an instruction with an immediate: arithmetic, loads, jalr.
func (a *Asm) I(op isa.Op, rd, rs1 uint8, imm int64) {
	a.Inst(isa.Inst{Op: op, Rd: rd, Rs1: rs1, Imm: imm, Len: 4})
}

// Store appends the store of rs2 at imm(rs1).
func (a *Asm) Store(op isa.Op, rs2, rs1 uint8, imm int64) {
	a.Inst(isa.Inst{Op: op, Rs1: rs1, Rs2: rs2, Imm: imm, Len: 4})
}

// CSR appends a CSR instruction; rs1 is the immediate of the immediate forms.
func (a *Asm) CSR(op isa.Op, rd uint8, csr uint16, rs1 uint8) {
	a.Inst(isa.Inst{Op: op, Rd: rd, Rs1: rs1, Imm: int64(csr), Len: 4})
}

// Branch appends a branch to a label.
func (a *Asm) Branch(op isa.Op, rs1, rs2 uint8, label string) {
	a.relative(isa.Inst{Op: op, Rs1: rs1, Rs2: rs2, Len: 4}, label)
}

// Jal appends a jump to a label.
func (a *Asm) Jal(rd uint8, label string) {
	a.relative(isa.Inst{Op: isa.OpJAL, Rd: rd, Len: 4}, label)
}

func (a *Asm) relative(i isa.Inst, label string) {
	at := uint64(len(a.code))
	a.fix(i, label, at)
}

func (a *Asm) fix(i isa.Inst, label string, pc uint64) {
	a.fixups = append(a.fixups, fixup{uint64(len(a.code)), pc, i, label})
	a.code = append(a.code, 0, 0, 0, 0)
}

// La loads the address of a label.
func (a *Asm) La(rd uint8, label string) {
	pc := uint64(len(a.code))
	a.fix(isa.Inst{Op: isa.OpAUIPC, Rd: rd, Len: 4}, label, pc)
	a.fix(isa.Inst{Op: isa.OpADDI, Rd: rd, Rs1: rd, Len: 4}, label, pc)
}

// Li loads a constant.
func (a *Asm) Li(rd uint8, v uint64) {
	if lo := int64(v) << 52 >> 52; uint64(lo) == v {
		a.I(isa.OpADDI, rd, Zero, lo)
		return
	}
	lo := int64(v) << 52 >> 52
	rest := v - uint64(lo)
	if int64(int32(rest)) == int64(rest) {
		a.I(isa.OpLUI, rd, Zero, int64(rest))
		if lo != 0 {
			a.I(isa.OpADDIW, rd, rd, lo)
		}
		return
	}
	// The part above the low 12 bits is loaded shifted down, without trailing zeros.
	sh := bits.TrailingZeros64(rest)
	a.Li(rd, uint64(int64(rest)>>sh))
	a.I(isa.OpSLLI, rd, rd, int64(sh))
	if lo != 0 {
		a.I(isa.OpADDI, rd, rd, lo)
	}
}

// Align appends zero bytes, which are illegal as instructions, up to a multiple of n.
func (a *Asm) Align(n uint64) {
	for a.PC()%n != 0 {
		a.code = append(a.code, 0)
	}
}

// Bytes is the finished program.
func (a *Asm) Bytes() []byte {
	for _, f := range a.fixups {
		f.inst.Imm = f.immediate(int64(a.Addr(f.label) - (a.base + f.pc)))
		w, err := isa.Encode(f.inst)
		if err != nil {
			panic("BUG: " + f.label + ": " + err.Error())
		}
		binary.LittleEndian.PutUint32(a.code[f.at:], w)
	}
	a.fixups = nil
	return a.code
}

// immediate is what the instruction takes of a distance.
func (f fixup) immediate(distance int64) int64 {
	low := distance << 52 >> 52 // as a later addi adds it
	switch f.inst.Op {
	case isa.OpAUIPC:
		return distance - low
	case isa.OpADDI:
		return low
	}
	return distance
}
