// SPDX-License-Identifier: Apache-2.0

package riscv_test

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"testing"

	"vdev/emu/riscv"
	"vdev/emu/riscv/isa"
	"vdev/emu/riscv/isa/isatest"
	"vdev/emu/riscv/riscvtest"
)

const (
	randomCode  = free
	randomPages = 8
)

// randomProgram fills pages with random instructions: mostly straight code, with
// branches that stay near, and traps, whose handler steps over the instruction.
func randomProgram(m *machine, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	m.program(trapVector, func(a *riscvtest.Asm) {
		a.CSR(isa.OpCSRRW, riscvtest.T6, csrMscratch, riscvtest.T6)
		a.CSR(isa.OpCSRRS, riscvtest.T6, csrMepc, 0)
		a.I(isa.OpADDI, riscvtest.T6, riscvtest.T6, 4)
		a.CSR(isa.OpCSRRW, 0, csrMepc, riscvtest.T6)
		a.Li(riscvtest.T6, stMPP) // stay in M-mode: nothing is mapped for others
		a.CSR(isa.OpCSRRS, 0, csrMstatus, riscvtest.T6)
		a.CSR(isa.OpCSRRW, riscvtest.T6, csrMscratch, riscvtest.T6)
		a.Op(isa.OpMRET)
	})
	near := func(i *isa.Inst, r *rand.Rand) {
		switch {
		case i.Op == isa.OpJALR:
			i.Rs1, i.Imm = 0, 0 // a fault, and on
		case i.Op.Info().Flow == isa.FlowBranch, i.Op == isa.OpJAL:
			i.Imm = int64(r.IntN(64)-16) * 4
		case i.Op.Info().Access != isa.AccessNone:
			i.Rs1 = riscvtest.SP
		}
		switch i.Op {
		case isa.OpCSRRW, isa.OpCSRRS, isa.OpCSRRC, isa.OpCSRRWI, isa.OpCSRRSI, isa.OpCSRRCI:
			i.Imm = []int64{1, 2, 3, csrMcycle, csrMinstret, 0x140, csrMcountinhibit, csrMip, csrMie}[r.IntN(9)]
		}
		if i.Op.Info().Rd == isa.RegX && i.Rd == riscvtest.SP {
			i.Rd = riscvtest.A0
		}
		if i.Op == isa.OpORI {
			i.Rd |= 1 // not a prefetch
		}
	}
	m.program(randomCode, func(a *riscvtest.Asm) {
		for a.PC() < randomCode+(randomPages-1)<<12 {
			op := isa.OpIllegal + 1 + isa.Op(r.UintN(uint(isa.NumOps-1)))
			if op == isa.OpMRET || op == isa.OpSRET {
				continue
			}
			a.Word(isatest.Random(op, r, near))
		}
		a.Li(riscvtest.T0, randomCode)
		a.I(isa.OpJALR, 0, riscvtest.T0, 0)
	})
	for i := range 32 {
		m.SetX(i, r.Uint64())
		m.SetF(i, r.Uint64())
	}
	m.SetX(riscvtest.SP, randomCode+(randomPages+4)<<12)
	m.setCSR(csrMstatus, stFS|stMIE)
	m.SetPC(randomCode)
}

// states runs n steps in slices of at most slice, and returns the state every "every"
// steps.
func (m *machine) states(n, slice, every uint64) [][]byte {
	var out [][]byte
	for m.Steps() < n {
		next := (m.Steps()/every + 1) * every
		m.Run(min(slice, next-m.Steps()))
		if m.Steps()%every == 0 {
			out = append(out, m.AppendState(nil))
		}
	}
	out = append(out, bytes.Clone(m.mem.Bytes()))
	runtime.KeepAlive(m.mem) // the bytes are gone with it
	return out
}

// TestSlicesDoNotMatter: the same program in slices of any length goes through the
// same states at the same step counts, instructions, traps and counters included.
func TestSlicesDoNotMatter(t *testing.T) {
	const n, every = 6000, 500
	for seed := range uint64(8) {
		var want [][]byte
		for _, slice := range []uint64{1e6, 7, 1, 64, 3} {
			m := newMachine(t, randomPages+16)
			randomProgram(m, seed)
			got := m.states(n, slice, every)
			if m.Retired() < n/2 {
				t.Fatalf("seed %d: only %d of %d steps were instructions", seed, m.Retired(), n)
			}
			if want == nil {
				want = got
				continue
			}
			for i := range want {
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("seed %d, slices of %d: another state after %d steps", seed, slice, (i+1)*every)
				}
			}
		}
	}
}

// TestInterruptsAreTakenAtTheSameStep: an interrupt that software raises within a
// slice is taken before the next instruction, however long the slice.
func TestInterruptsAreTakenAtTheSameStep(t *testing.T) {
	for _, slice := range []uint64{1, 2, 100} {
		m := newMachine(t, 4)
		nops(m)
		m.program(free+0x80, func(a *riscvtest.Asm) {
			a.I(isa.OpADDI, 0, 0, 0)
			a.CSR(isa.OpCSRRSI, 0, csrMip, intSSoft)
			a.I(isa.OpADDI, riscvtest.A0, 0, 1)
		})
		m.setCSR(csrMie, intSSoft)
		m.setCSR(csrMstatus, stMIE)
		m.SetPC(free + 0x80)
		for m.Steps() < 4 {
			m.Run(min(slice, 4-m.Steps()))
		}
		if got := m.mtrap(); got != (trap{riscv.CauseSSoft, free + 0x88, 0}) || m.X(riscvtest.A0) != 0 {
			t.Errorf("slices of %d: trap %#x, a0 %d", slice, got, m.X(riscvtest.A0))
		}
	}
}

// TestHotPathDoesNotAllocate: integer code, memory accesses, calls, floating point,
// and traps.
func TestHotPathDoesNotAllocate(t *testing.T) {
	m := newMachine(t, 16)
	m.program(free, func(a *riscvtest.Asm) {
		a.Li(riscvtest.SP, pa1)
		a.Label("loop")
		a.I(isa.OpADDI, riscvtest.A0, riscvtest.A0, 1)
		a.Store(isa.OpSD, riscvtest.A0, riscvtest.SP, 8)
		a.I(isa.OpLW, riscvtest.A1, riscvtest.SP, 8)
		a.R(isa.OpAMOADD_D, riscvtest.A2, riscvtest.SP, riscvtest.A0)
		a.R(isa.OpFADD_D, 1, 2, 3)
		a.Store(isa.OpFSD, 1, riscvtest.SP, 16)
		a.R(isa.OpCPOP, riscvtest.A3, riscvtest.A0, 0)
		a.CSR(isa.OpCSRRS, riscvtest.A3, csrMcycle, 0)
		a.I(isa.OpLH, riscvtest.A1, riscvtest.SP, 9)
		a.Jal(riscvtest.RA, "call")
		a.Jal(0, "loop")
		a.Label("call")
		a.I(isa.OpJALR, 0, riscvtest.RA, 0)
	})
	m.setCSR(csrMstatus, stFS)
	m.SetPC(free)
	m.Run(1000)
	if n := testing.AllocsPerRun(20, func() { m.Run(10000) }); n != 0 {
		t.Errorf("%v allocations in 10000 steps", n)
	}
	m.SetPC(1 << 40) // a fault, and the loop that traps end in
	m.Run(10)
	if n := testing.AllocsPerRun(20, func() {
		m.SetPC(1 << 40)
		m.Run(100)
	}); n != 0 {
		t.Errorf("%v allocations for a trap", n)
	}
}

// FuzzHart: whatever bytes are executed in whatever state, the hart neither panics
// nor hangs, and RAM outside its reach stays as it is.
func FuzzHart(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 4 {
		var code []byte
		for range 40 {
			w := isatest.Random(isa.OpIllegal+1+isa.Op(r.UintN(uint(isa.NumOps-1))), r)
			code = append(code, byte(w), byte(w>>8), byte(w>>16), byte(w>>24))
		}
		f.Add(code, r.Uint64(), r.Uint64(), uint8(r.UintN(4)))
	}
	f.Add([]byte{0x73, 0, 0x50, 0x10}, uint64(1), uint64(0), uint8(1)) // wfi
	f.Fuzz(func(t *testing.T, code []byte, seed, status uint64, mode uint8) {
		const steps = 3000
		m := newMachine(t, 16)
		m.put(free, code[:min(len(code), 12<<12)])
		r := rand.New(rand.NewPCG(seed, 1))
		for _, c := range riscv.CSRs() {
			// Some state in every CSR; PMP mostly left alone, as with random entries
			// nothing would be accessible.
			if pmp := c.Num>>8 == 3 && c.Num&0xff >= 0xa0; pmp && seed%4 != 0 || r.IntN(2) == 0 {
				continue
			}
			m.SetCSR(c.Num, r.Uint64())
		}
		for i := range 32 {
			m.SetX(i, ramBase+r.Uint64N(16<<12))
			m.SetF(i, r.Uint64())
		}
		m.setCSR(csrMtvec, free)
		m.setCSR(csrStvec, free)
		m.setCSR(csrMstatus, status)
		m.setCSR(csrMepc, free)
		m.setCSR(csrMstatus, status&^stMPP|uint64(mode&3)<<mppShift)
		m.SetPC(gate)
		for calls := 0; m.Steps() < steps; calls++ {
			before := m.Steps()
			m.Run(steps - before)
			if m.Steps() == before || calls > steps {
				t.Fatalf("Run makes no progress at %#x", m.PC())
			}
		}
		if m.Steps() != steps || m.Retired() > steps || m.X(0) != 0 {
			t.Errorf("%d steps, %d retired, x0 %#x", m.Steps(), m.Retired(), m.X(0))
		}
	})
}
