// SPDX-License-Identifier: Apache-2.0

package riscv_test

import (
	"testing"

	"vdev/emu/riscv"
	"vdev/emu/riscv/isa"
	"vdev/emu/riscv/riscvtest"
)

// paged gives the machine Sv39 tables with the pages of pages, by virtual address,
// and returns the address of the last level's table. All addresses lie in one 2 MiB.
func paged(m *machine, pages map[uint64]uint64) uint64 {
	const root, mid, leaf = ramBase + 0x4000, ramBase + 0x5000, ramBase + 0x6000
	for va, pte := range pages {
		m.setWord(root+va>>30&511*8, mid>>12<<10|pteV)
		m.setWord(mid+va>>21&511*8, leaf>>12<<10|pteV)
		m.setWord(leaf+va>>12&511*8, pte)
	}
	m.setCSR(csrSatp, 8<<60|root>>12)
	return leaf
}

func page(pa, flags uint64) uint64 { return pa>>12<<10 | flags | pteV | pteA | pteD }

const (
	va  = 0x40_0000 // pages of the tests below
	pa1 = ramBase + 0x8000
	pa2 = ramBase + 0x9000
)

// asSupervisor makes data accesses of M-mode those of S-mode.
func (m *machine) asSupervisor(more uint64) {
	m.setCSR(csrMstatus, stMPRV|1<<mppShift|more)
}

// one executes a single instruction at free, written there before anything ran.
func (m *machine) one() {
	m.SetPC(free)
	m.steps(1)
}

func TestMisalignedAcrossPages(t *testing.T) {
	m := newMachine(t, 16)
	m.program(free, func(a *riscvtest.Asm) { a.Store(isa.OpSD, riscvtest.A1, riscvtest.A0, 0) })
	paged(m, map[uint64]uint64{va: page(pa2, pteR|pteW), va + 0x1000: page(pa1, pteR|pteW)})
	m.asSupervisor(0)
	m.SetX(riscvtest.A0, va+0xffd)
	m.SetX(riscvtest.A1, 0x8877665544332211)
	m.one()
	if got := m.load(pa2+0xffc, 4); got != 0x33221100 {
		t.Errorf("end of the first page: %#x", got)
	}
	if got := m.word(pa1); got != 0x8877665544 {
		t.Errorf("start of the second page: %#x", got)
	}
}

// TestFaultOnTheSecondPage: nothing is written to the first, and mtval names the
// second.
func TestFaultOnTheSecondPage(t *testing.T) {
	for op, cause := range map[isa.Op]riscv.Cause{isa.OpSD: riscv.CauseStorePageFault, isa.OpFSW: riscv.CauseStorePageFault,
		isa.OpLD: riscv.CauseLoadPageFault, isa.OpLH: riscv.CauseLoadPageFault, isa.OpFLD: riscv.CauseLoadPageFault} {
		m := newMachine(t, 16)
		m.program(free, func(a *riscvtest.Asm) {
			if op.Info().Access == isa.AccessStore {
				a.Store(op, riscvtest.A1, riscvtest.A0, 0)
			} else {
				a.I(op, riscvtest.A1, riscvtest.A0, 0)
			}
		})
		paged(m, map[uint64]uint64{va: page(pa1, pteR|pteW)})
		m.asSupervisor(stFS)
		m.SetX(riscvtest.A0, va+0xfff)
		m.SetX(riscvtest.A1, all)
		m.SetF(riscvtest.A1, all)
		m.SetPC(free)
		m.wantTrap(trap{cause, free, va + 0x1000})
		if got := m.load(pa1+0xfff, 1); got != 0 {
			t.Errorf("%v: the first page was written: %#x", op, got)
		}
		if m.X(riscvtest.A1) != all || m.F(riscvtest.A1) != all {
			t.Errorf("%v: the destination was written", op)
		}
	}
}

// TestInstructionAcrossPages: both halves are translated, and the fault of the second
// names it.
func TestInstructionAcrossPages(t *testing.T) {
	code := assemble(0, func(a *riscvtest.Asm) { a.I(isa.OpADDI, riscvtest.A0, 0, 7) })
	for _, mapped := range []bool{true, false} {
		m := newMachine(t, 16)
		m.put(pa2+0xffe, code[:2])
		m.put(pa1, code[2:])
		pages := map[uint64]uint64{va: page(pa2, pteX)}
		if mapped {
			pages[va+0x1000] = page(pa1, pteX)
		}
		leaf := paged(m, pages)
		m.enter(riscv.Supervisor, va+0xffe, 0)
		if !mapped {
			m.wantTrap(trap{riscv.CauseInstPageFault, va + 0xffe, va + 0x1000})
			continue
		}
		m.steps(1)
		if m.X(riscvtest.A0) != 7 || m.PC() != va+0x1002 {
			t.Fatalf("a0 is %d at %#x", m.X(riscvtest.A0), m.PC())
		}
		// The second page goes away; a fence for its address is enough.
		m.setWord(leaf+(va+0x1000)>>12&511*8, 0)
		m.FlushTLBPage(va + 0x1000)
		m.SetPC(va + 0xffe)
		m.wantTrap(trap{riscv.CauseInstPageFault, va + 0xffe, va + 0x1000})
	}
}

// TestPermissionChangesTakeEffectAtOnce: SUM and MXR need no fence, also when the
// access was allowed a moment ago.
func TestPermissionChangesTakeEffectAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags uint64
		on    uint64
	}{{"MXR", pteX, stMXR}, {"SUM", pteR | pteU, stSUM}} {
		m := newMachine(t, 16)
		m.program(free, func(a *riscvtest.Asm) { a.I(isa.OpLD, riscvtest.A1, riscvtest.A0, 0) })
		paged(m, map[uint64]uint64{va: page(pa1, tt.flags)})
		m.SetX(riscvtest.A0, va)
		for _, on := range []bool{true, false, true, false} {
			more := uint64(0)
			if on {
				more = tt.on
			}
			m.asSupervisor(more)
			m.one()
			if got := m.PC() == free+4; got != on {
				t.Errorf("%s %v: allowed is %v", tt.name, on, got)
			}
		}
	}
}

// TestProtectionWithinAPage: a PMP entry that covers part of a page is obeyed to the
// byte, also after accesses to the rest of the page.
func TestProtectionWithinAPage(t *testing.T) {
	m := newMachine(t, 16)
	m.program(free, func(a *riscvtest.Asm) { a.I(isa.OpLW, riscvtest.A1, riscvtest.A0, 0) })
	m.setCSR(csrPmpaddr0, (pa1+0x40)>>2|3) // 32 bytes, locked, nothing allowed
	m.setCSR(csrPmpcfg0, 0x98)
	for _, tt := range []struct {
		off     uint64
		allowed bool
	}{{0, true}, {0x40, false}, {0x3c, true}, {0x5c, false}, {0x60, true}, {0x3e, false}, {0x5f, false}, {0x44, false}, {0xffc, true}} {
		m.SetX(riscvtest.A0, pa1+tt.off)
		m.one()
		if got := m.PC() == free+4; got != tt.allowed {
			t.Errorf("offset %#x: allowed is %v", tt.off, got)
		}
	}
}

// TestStoreConditional: what ends a reservation (unprivileged specification, 13.2).
func TestStoreConditional(t *testing.T) {
	const there, elsewhere = pa1, pa1 + 0x100
	lr := func(a *riscvtest.Asm) { a.R(isa.OpLR_D, riscvtest.A1, riscvtest.A0, 0) }
	for _, tt := range []struct {
		name    string
		between func(a *riscvtest.Asm)
		before  func(m *machine)
		fails   uint64
	}{
		{"nothing", lr, nil, 0},
		{"no reservation", func(*riscvtest.Asm) {}, nil, 1},
		{"an earlier store-conditional", func(a *riscvtest.Asm) {
			lr(a)
			a.R(isa.OpSC_D, riscvtest.T0, riscvtest.A0, riscvtest.A2)
		}, nil, 1},
		{"a reservation elsewhere", func(a *riscvtest.Asm) {
			lr(a)
			a.R(isa.OpLR_D, riscvtest.A1, riscvtest.T1, 0)
		}, nil, 1},
		{"another hart's turn", lr, func(m *machine) { m.LoseReservation() }, 1},
	} {
		m := newMachine(t, 16)
		n := uint64(0)
		m.program(free, func(a *riscvtest.Asm) {
			tt.between(a)
			n = (a.PC() - free) / 4
			a.R(isa.OpSC_D, riscvtest.A3, riscvtest.A0, riscvtest.A2)
		})
		m.SetX(riscvtest.A0, there)
		m.SetX(riscvtest.A2, 99)
		m.SetX(riscvtest.T1, elsewhere)
		m.SetX(riscvtest.A3, 5)
		m.SetPC(free)
		m.steps(n)
		if tt.before != nil {
			tt.before(m)
		}
		m.setWord(there, 1)
		m.steps(1)
		if got := m.X(riscvtest.A3); got != tt.fails {
			t.Errorf("%s: store-conditional gives %d, want %d", tt.name, got, tt.fails)
		}
		if want := 99 - 98*tt.fails; m.word(there) != want {
			t.Errorf("%s: memory is %d, want %d", tt.name, m.word(there), want)
		}
	}
}

func TestMisalignedAtomicsTrap(t *testing.T) {
	for op := isa.OpIllegal; op < isa.NumOps; op++ {
		info := op.Info()
		if info.Access != isa.AccessAMO && info.Access != isa.AccessLR && info.Access != isa.AccessSC {
			continue
		}
		m := newMachine(t, 16)
		m.program(free, func(a *riscvtest.Asm) {
			i := isa.Inst{Op: op, Rd: riscvtest.A1, Rs1: riscvtest.A0, Len: 4}
			if info.Rs2 == isa.RegX {
				i.Rs2 = riscvtest.A2
			}
			a.Inst(i)
		})
		m.SetX(riscvtest.A0, pa1+uint64(info.Size)/2)
		cause := riscv.CauseStoreMisaligned
		if info.Access == isa.AccessLR {
			cause = riscv.CauseLoadMisaligned
		}
		m.SetPC(free)
		m.wantTrap(trap{cause, free, pa1 + uint64(info.Size)/2})
	}
}

// TestStoredCodeNeedsFenceI: a store to instructions takes effect with fence.i at the
// latest, for every way in which the code can be reached, and again after that.
func TestStoredCodeNeedsFenceI(t *testing.T) {
	m := newMachine(t, 16)
	const function = pa1 + 0x20
	set := func(v int64) uint32 {
		w, err := isa.Encode(isa.Inst{Op: isa.OpADDI, Rd: riscvtest.A0, Imm: v, Len: 4})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	m.program(free, func(a *riscvtest.Asm) {
		a.Store(isa.OpSW, riscvtest.A1, riscvtest.A2, 0)
		a.Op(isa.OpFENCE_I)
		a.I(isa.OpJALR, riscvtest.RA, riscvtest.A2, 0)
		a.R(isa.OpADD, riscvtest.A3, riscvtest.A3, riscvtest.A0)
	})
	m.program(function, func(a *riscvtest.Asm) {
		a.Word(set(1))
		a.I(isa.OpJALR, 0, riscvtest.RA, 0)
	})
	m.SetX(riscvtest.A2, function)
	sum := uint64(0)
	for v := range int64(20) {
		m.SetX(riscvtest.A1, uint64(set(v)))
		m.SetPC(free)
		m.steps(6)
		sum += uint64(v)
		if m.X(riscvtest.A3) != sum {
			t.Fatalf("after %d changes the sum is %d, want %d", v+1, m.X(riscvtest.A3), sum)
		}
	}
}

// TestCodePageReuse: another hart of the machine sees new code too after its own
// fence.i, and data on a page that was code before is stored at full speed and right.
func TestCodePageReuse(t *testing.T) {
	m := newMachine(t, 16)
	m.program(free, func(a *riscvtest.Asm) {
		a.Store(isa.OpSD, riscvtest.A1, riscvtest.A2, 0)
		a.I(isa.OpLD, riscvtest.A0, riscvtest.A2, 0)
		a.Op(isa.OpFENCE_I)
	})
	m.program(pa1, func(a *riscvtest.Asm) { a.I(isa.OpADDI, 0, 0, 0) })
	m.SetPC(pa1)
	m.steps(1)
	m.SetX(riscvtest.A2, pa1)
	for v := range uint64(5) {
		m.SetX(riscvtest.A1, v<<32|0x13) // a nop, then an illegal instruction but at first
		m.SetPC(free)
		m.steps(3)
		if m.X(riscvtest.A0) != v<<32|0x13 {
			t.Fatalf("stored %#x, loaded %#x", v<<32|0x13, m.X(riscvtest.A0))
		}
		m.SetPC(pa1)
		m.steps(1)
		if m.PC() != pa1+4 {
			t.Fatalf("nop led to %#x", m.PC())
		}
	}
}

// TestDeviceAccess: loads and stores of all sizes reach the bus, misaligned ones and
// atomics fault, and so does what nobody answers.
func TestDeviceAccess(t *testing.T) {
	for _, tt := range []struct {
		op    isa.Op
		addr  uint64
		cause riscv.Cause
		ok    bool
	}{
		{isa.OpLW, deviceBase + 4, 0, true}, {isa.OpLBU, deviceBase, 0, true}, {isa.OpSD, deviceBase + 8, 0, true},
		{isa.OpLW, deviceBase + 2, riscv.CauseLoadAccess, false}, {isa.OpSW, deviceBase + 1, riscv.CauseStoreAccess, false},
		{isa.OpLD, deviceBase + 0x1000, riscv.CauseLoadAccess, false}, {isa.OpSB, 0, riscv.CauseStoreAccess, false},
		{isa.OpAMOADD_W, deviceBase, riscv.CauseStoreAccess, false}, {isa.OpLR_W, deviceBase, riscv.CauseLoadAccess, false},
	} {
		m := newMachine(t, 4)
		m.program(free, func(a *riscvtest.Asm) {
			switch tt.op.Info().Access {
			case isa.AccessLoad:
				a.I(tt.op, riscvtest.A1, riscvtest.A0, 0)
			case isa.AccessStore:
				a.Store(tt.op, riscvtest.A1, riscvtest.A0, 0)
			default:
				a.R(tt.op, riscvtest.A1, riscvtest.A0, 0)
			}
		})
		m.SetX(riscvtest.A0, tt.addr)
		m.SetPC(free)
		if !tt.ok {
			m.wantTrap(trap{tt.cause, free, tt.addr})
			continue
		}
		m.steps(1)
		if m.PC() != free+4 {
			t.Errorf("%v at %#x: trap %#x", tt.op, tt.addr, m.mtrap())
		}
	}
}
