// SPDX-License-Identifier: Apache-2.0

package riscv_test

import (
	"math/rand/v2"
	"testing"

	"vdev/emu/riscv"
	"vdev/emu/riscv/isa"
	"vdev/emu/riscv/isa/isatest"
	"vdev/emu/riscv/riscvtest"
)

// single puts one instruction at free, with everything on that it may need, and
// memory operands in the middle of a page.
func single(m *machine, bits uint32) {
	m.put(free, assemble(free, func(a *riscvtest.Asm) { a.Word(bits) }))
	m.setCSR(csrMstatus, stFS)
	for i := range 32 {
		m.SetX(i, free+0x1800)
		m.SetF(i, uint64(i)<<52)
	}
	m.SetPC(free)
}

// aligned makes an instruction of the table one that does not trap: no reserved
// rounding mode, CSR or address.
func aligned(i *isa.Inst, r *rand.Rand) {
	info := i.Op.Info()
	isatest.ValidRM(i, r)
	switch {
	case info.Access == isa.AccessLoad || info.Access == isa.AccessStore:
		i.Imm &^= 7
		i.Rs1 = riscvtest.A0
	case info.Access != isa.AccessNone:
		i.Rs1 = riscvtest.A0
	}
	switch i.Op {
	case isa.OpCSRRW, isa.OpCSRRS, isa.OpCSRRC, isa.OpCSRRWI, isa.OpCSRRSI, isa.OpCSRRCI:
		i.Imm = csrMscratch
	}
}

// alwaysTraps are the operations whose purpose it is.
var alwaysTraps = map[isa.Op]riscv.Cause{
	isa.OpIllegal: riscv.CauseIllegalInst,
	isa.OpEBREAK:  riscv.CauseBreakpoint,
	isa.OpECALL:   riscv.CauseEcallM,
}

// TestEveryOperationExecutes: no operation of the table is unknown to the hart, and
// in M-mode none traps that need not.
func TestEveryOperationExecutes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for op := isa.OpIllegal; op < isa.NumOps; op++ {
		bits := uint32(0)
		if op != isa.OpIllegal {
			bits = isatest.Random(op, r, aligned)
		}
		m := newMachine(t, 16)
		single(m, bits)
		m.steps(1)
		want, traps := alwaysTraps[op]
		got := m.mtrap()
		if traps && (m.PC() != trapVector || got.cause != want || got.epc != free) {
			t.Errorf("%v: at %#x with trap %#x, want cause %#x", op, m.PC(), got, want)
		}
		if !traps && (m.PC() == trapVector || m.Retired() != 1) {
			t.Errorf("%v: trap %#x", isa.Disasm(bits, free), got)
		}
	}
}

// TestWritesToX0AreLost, for every operation that has an integer destination.
func TestWritesToX0AreLost(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for op := isa.OpIllegal + 1; op < isa.NumOps; op++ {
		if op.Info().Rd != isa.RegX {
			continue
		}
		toZero := func(i *isa.Inst, _ *rand.Rand) {
			i.Rd = 0
			if i.Op == isa.OpORI {
				i.Imm = 7 // with another one it would be a prefetch
			}
		}
		m := newMachine(t, 16)
		const next = free + 0x800
		m.program(next, func(a *riscvtest.Asm) { a.R(isa.OpADD, riscvtest.A1, 0, 0) })
		single(m, isatest.Random(op, r, aligned, toZero))
		m.steps(1)
		if m.X(0) != 0 {
			t.Errorf("%v: x0 is %#x", op, m.X(0))
		}
		// The next instruction reads x0 as well.
		m.SetPC(next)
		m.steps(1)
		if m.X(riscvtest.A1) != 0 {
			t.Errorf("%v: x0 is read as %#x afterwards", op, m.X(riscvtest.A1))
		}
	}
}

// TestFloatingPointOff: with mstatus.FS off every F, D and Zfhmin operation and every
// floating-point CSR is illegal, and changes nothing.
func TestFloatingPointOff(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	for op := isa.OpIllegal + 1; op < isa.NumOps; op++ {
		switch op.Info().Ext {
		case "F", "D", "Zfhmin":
		default:
			continue
		}
		bits := isatest.Random(op, r, aligned)
		m := newMachine(t, 16)
		single(m, bits)
		m.setCSR(csrMstatus, 0)
		m.wantTrap(trap{riscv.CauseIllegalInst, free, uint64(bits)})
	}
	for csr := uint16(1); csr <= 3; csr++ {
		m := newMachine(t, 16)
		m.program(free, func(a *riscvtest.Asm) { a.CSR(isa.OpCSRRS, riscvtest.A0, csr, 0) })
		m.SetPC(free)
		m.wantTrap(trap{riscv.CauseIllegalInst, free, m.load(free, 4)})
	}
}

// TestReservedRoundingModes are illegal, static or dynamic.
func TestReservedRoundingModes(t *testing.T) {
	for _, tt := range []struct {
		rm, frm uint8
		legal   bool
	}{
		{0, 7, true}, {4, 5, true}, {5, 0, false}, {6, 0, false},
		{7, 0, true}, {7, 4, true}, {7, 5, false}, {7, 6, false}, {7, 7, false},
	} {
		m := newMachine(t, 16)
		i := isa.Inst{Op: isa.OpFADD_D, Rd: 1, Rs1: 2, Rs2: 3, RM: tt.rm, Len: 4}
		bits, err := isa.Encode(i)
		if err != nil {
			t.Fatal(err)
		}
		single(m, bits)
		m.setCSR(0x002, uint64(tt.frm))
		m.steps(1)
		if legal := m.PC() != trapVector; legal != tt.legal {
			t.Errorf("rm %d with frm %d: legal is %v", tt.rm, tt.frm, legal)
		}
	}
}
