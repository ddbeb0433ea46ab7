// SPDX-License-Identifier: Apache-2.0

package riscv_test

import (
	"math/bits"
	"testing"

	"vdev/emu/riscv"
	"vdev/emu/riscv/isa"
	"vdev/emu/riscv/riscvtest"
)

// Interrupt bits of mip and mie.
const (
	intSSoft  = 1 << 1
	intMSoft  = 1 << 3
	intSTimer = 1 << 5
	intMTimer = 1 << 7
	intSExt   = 1 << 9
	intMExt   = 1 << 11
)

// svector is where tests let S-mode handle traps.
const svector = ramBase + 0x200

func nops(m *machine) {
	m.program(free, func(a *riscvtest.Asm) {
		for range 16 {
			a.I(isa.OpADDI, 0, 0, 0)
		}
	})
	m.program(svector, func(a *riscvtest.Asm) {
		for range 16 {
			a.I(isa.OpADDI, 0, 0, 0)
		}
	})
}

// TestDelegation: an exception goes to S-mode if it is delegated and does not come
// from M-mode, with the state saved there (privileged specification, 3.1.8).
func TestDelegation(t *testing.T) {
	for _, tt := range []struct {
		from  riscv.Priv
		deleg uint64
		to    riscv.Priv
	}{
		{riscv.User, 0, riscv.Machine},
		{riscv.User, 1 << riscv.CauseBreakpoint, riscv.Supervisor},
		{riscv.Supervisor, 1 << riscv.CauseBreakpoint, riscv.Supervisor},
		{riscv.Machine, 1 << riscv.CauseBreakpoint, riscv.Machine},
		{riscv.User, 1 << riscv.CauseIllegalInst, riscv.Machine},
	} {
		m := newMachine(t, 4)
		m.setCSR(csrMedeleg, tt.deleg)
		m.setCSR(csrStvec, svector)
		m.program(free, func(a *riscvtest.Asm) { a.Op(isa.OpEBREAK) })
		m.enter(tt.from, free, stMPIE|stSIE)
		m.steps(1)
		got, pc, st := m.mtrap(), uint64(trapVector), m.csr(csrMstatus)
		var ie, pie, pp, wantPP uint64 = stMIE, stMPIE, st >> mppShift & 3, uint64(tt.from)
		if tt.to == riscv.Supervisor {
			got, pc = m.strap(), svector
			ie, pie, pp = stSIE, stSPIE, st>>8&1
		}
		want := trap{riscv.CauseBreakpoint, free, free}
		if m.Priv() != tt.to || m.PC() != pc || got != want {
			t.Errorf("from %v with medeleg %#x: %v-mode at %#x, trap %#x", tt.from, tt.deleg, m.Priv(), m.PC(), got)
		}
		if st&ie != 0 || st&pie == 0 || pp != wantPP {
			t.Errorf("from %v with medeleg %#x: mstatus %#x", tt.from, tt.deleg, st)
		}
	}
}

func TestEcallCauses(t *testing.T) {
	for p, cause := range map[riscv.Priv]riscv.Cause{riscv.User: 8, riscv.Supervisor: 9, riscv.Machine: 11} {
		m := newMachine(t, 4)
		m.program(free, func(a *riscvtest.Asm) { a.Op(isa.OpECALL) })
		m.enter(p, free, 0)
		m.wantTrap(trap{cause, free, 0})
	}
}

func TestFirmwareAnswersCallsFromSupervisorOnly(t *testing.T) {
	for p, answered := range map[riscv.Priv]bool{riscv.User: false, riscv.Supervisor: true, riscv.Machine: false} {
		m := newMachine(t, 4)
		m.ecall = func(h *riscv.Hart) bool {
			h.SetX(riscvtest.A0, 42)
			return true
		}
		m.program(free, func(a *riscvtest.Asm) { a.Op(isa.OpECALL) })
		m.enter(p, free, 0)
		m.steps(1)
		if got := m.PC() == free+4 && m.X(riscvtest.A0) == 42; got != answered {
			t.Errorf("from %v-mode: answered is %v, at %#x", p, got, m.PC())
		}
	}
}

// TestInterruptPriority raises all interrupts and takes away the one that was
// taken, until none is left (privileged specification, 3.1.9).
func TestInterruptPriority(t *testing.T) {
	m := newMachine(t, 4)
	nops(m)
	raised := uint64(intMExt | intMSoft | intMTimer | intSExt | intSSoft | intSTimer)
	for _, want := range []riscv.Cause{riscv.CauseMExt, riscv.CauseMSoft, riscv.CauseMTimer, riscv.CauseSExt, riscv.CauseSSoft, riscv.CauseSTimer} {
		m.setCSR(csrMie, raised)
		m.setCSR(csrMip, raised)
		for _, wire := range []uint64{intMExt, intMSoft, intMTimer} {
			m.SetIRQ(wire, raised&wire != 0)
		}
		m.SetPC(free)
		m.setCSR(csrMstatus, stMIE)
		m.steps(1)
		if got := m.mtrap(); got != (trap{want, free, 0}) {
			t.Errorf("with %#x pending: trap %#x, want cause %#x", raised, got, want)
		}
		raised &^= 1 << (want & 63)
	}
}

// TestInterruptEnables: who may interrupt whom (privileged specification, 3.1.6.1).
func TestInterruptEnables(t *testing.T) {
	for _, tt := range []struct {
		p      riscv.Priv
		status uint64
		deleg  uint64
		to     string
	}{
		{riscv.Machine, 0, 0, ""},
		{riscv.Machine, stMPIE, 0, "M"}, // enter's mret turns MPIE into MIE
		{riscv.Machine, stMPIE | stSIE, intSSoft, ""},
		{riscv.Supervisor, 0, 0, "M"},
		{riscv.Supervisor, 0, intSSoft, ""},
		{riscv.Supervisor, stSIE, intSSoft, "S"},
		{riscv.User, 0, intSSoft, "S"},
		{riscv.User, 0, 0, "M"},
	} {
		m := newMachine(t, 4)
		nops(m)
		m.setCSR(csrStvec, svector)
		m.setCSR(csrMideleg, tt.deleg)
		m.setCSR(csrMie, intSSoft)
		m.enter(tt.p, free, tt.status)
		m.RaiseSoft()
		m.steps(1)
		got := ""
		switch {
		case m.csr(csrMcause) == uint64(riscv.CauseSSoft):
			got = "M"
		case m.csr(csrScause) == uint64(riscv.CauseSSoft):
			got = "S"
		}
		if got != tt.to {
			t.Errorf("%v-mode, mstatus %#x, mideleg %#x: taken in %q, want %q", tt.p, tt.status, tt.deleg, got, tt.to)
		}
	}
}

// TestVectoredTraps: interrupts go to base+4*cause, exceptions to base.
func TestVectoredTraps(t *testing.T) {
	for _, tt := range []struct {
		vector    uint64
		interrupt bool
		pc        uint64
	}{
		{svector, true, svector}, {svector | 1, true, svector + 4},
		{svector, false, svector}, {svector | 1, false, svector},
	} {
		m := newMachine(t, 4)
		nops(m)
		m.setCSR(csrStvec, tt.vector)
		m.setCSR(csrMideleg, intSSoft)
		m.setCSR(csrMedeleg, 1<<riscv.CauseIllegalInst)
		m.setCSR(csrMie, intSSoft)
		if tt.interrupt {
			m.enter(riscv.User, free, 0)
			m.RaiseSoft()
			m.steps(1) // the first instruction of the handler
			tt.pc += 4
		} else {
			m.enter(riscv.User, ramBase+0x3000, 0) // zeros are illegal
			m.steps(1)
		}
		if m.PC() != tt.pc {
			t.Errorf("stvec %#x, interrupt %v: at %#x, want %#x", tt.vector, tt.interrupt, m.PC(), tt.pc)
		}
	}
}

// TestTimerInterrupt: with Sstc, STIP follows the comparison of time and stimecmp.
func TestTimerInterrupt(t *testing.T) {
	m := newMachine(t, 4)
	m.setCSR(csrMenvcfg, envSTCE)
	if m.timer == 0 {
		t.Error("switching Sstc on was not told")
	}
	told := m.timer
	m.SetStimecmp(100)
	if m.timer == told {
		t.Error("a write of stimecmp was not told")
	}
	for _, tt := range []struct {
		now  uint64
		want uint64
	}{{99, 0}, {100, intSTimer}, {101, intSTimer}} {
		m.now = tt.now
		m.UpdateTimer()
		if got := m.csr(csrMip) & intSTimer; got != tt.want {
			t.Errorf("at %d: mip.STIP is %#x, want %#x", tt.now, got, tt.want)
		}
	}
	m.setCSR(csrMip, 0)
	if m.csr(csrMip)&intSTimer == 0 {
		t.Error("software cleared STIP, which is read-only with Sstc")
	}
	m.setCSR(csrMenvcfg, 0)
	if m.csr(csrMip)&intSTimer != 0 {
		t.Error("STIP is still set without Sstc")
	}
}

// TestTrapReturns: mret and sret restore mode and interrupt enables, and mret or
// sret to a lower mode clears MPRV (privileged specification, 3.1.6).
func TestTrapReturns(t *testing.T) {
	for _, tt := range []struct {
		op         isa.Op
		in, status uint64
		to         riscv.Priv
	}{
		{isa.OpMRET, stMPP | stMPIE | stMPRV, stMIE | stMPIE | stMPRV, riscv.Machine},
		{isa.OpMRET, stMPP | stMIE, stMPIE, riscv.Machine},
		{isa.OpMRET, 1<<mppShift | stMPRV, stMPIE, riscv.Supervisor},
		{isa.OpMRET, stMPIE | stMPRV, stMIE | stMPIE, riscv.User},
		{isa.OpSRET, stSPP | stSPIE | stMPRV, stSIE | stSPIE, riscv.Supervisor},
		{isa.OpSRET, stSIE, stSPIE, riscv.User},
		{isa.OpSRET, stSPP | stMPP, stSPIE | stMPP, riscv.Supervisor},
	} {
		m := newMachine(t, 4)
		m.program(free, func(a *riscvtest.Asm) { a.Op(tt.op) })
		m.setCSR(csrMstatus, tt.in)
		m.setCSR(csrMepc, free+0x100)
		m.setCSR(csrSepc, free+0x200)
		m.SetPC(free)
		m.steps(1)
		pc := uint64(free + 0x100)
		if tt.op == isa.OpSRET {
			pc += 0x100
		}
		const fields = stMPP | stMPIE | stMIE | stSPP | stSPIE | stSIE | stMPRV
		if got := m.csr(csrMstatus) & fields; got != tt.status || m.Priv() != tt.to || m.PC() != pc {
			t.Errorf("%v with mstatus %#x: %#x, %v-mode at %#x; want %#x, %v-mode", tt.op, tt.in, got, m.Priv(), m.PC(), tt.status, tt.to)
		}
	}
}

// TestPrivilegedInstructions: where each is illegal, by mode and by the bits of
// mstatus that trap it (privileged specification, 3.1.6.6 and 3.3).
func TestPrivilegedInstructions(t *testing.T) {
	satp := func(a *riscvtest.Asm) { a.CSR(isa.OpCSRRS, riscvtest.A0, csrSatp, 0) }
	op := func(o isa.Op) func(*riscvtest.Asm) { return func(a *riscvtest.Asm) { a.Op(o) } }
	const u, s, mm = 1, 2, 4 // modes in which it is legal
	for _, tt := range []struct {
		name   string
		code   func(*riscvtest.Asm)
		status uint64
		legal  int
	}{
		{"mret", op(isa.OpMRET), 0, mm},
		{"sret", op(isa.OpSRET), 0, s | mm},
		{"sret with TSR", op(isa.OpSRET), stTSR, mm},
		{"wfi", op(isa.OpWFI), 0, s | mm},
		{"wfi with TW", op(isa.OpWFI), stTW, mm},
		{"wrs.nto", op(isa.OpWRS_NTO), 0, u | s | mm},
		{"wrs.nto with TW", op(isa.OpWRS_NTO), stTW, mm},
		{"wrs.sto with TW", op(isa.OpWRS_STO), stTW, u | s | mm},
		{"sfence.vma", op(isa.OpSFENCE_VMA), 0, s | mm},
		{"sfence.vma with TVM", op(isa.OpSFENCE_VMA), stTVM, mm},
		{"sinval.vma with TVM", op(isa.OpSINVAL_VMA), stTVM, mm},
		{"sfence.w.inval with TVM", op(isa.OpSFENCE_W_INVAL), stTVM, s | mm},
		{"sfence.inval.ir", op(isa.OpSFENCE_INVAL_IR), 0, s | mm},
		{"satp", satp, 0, s | mm},
		{"satp with TVM", satp, stTVM, mm},
	} {
		for i, p := range []riscv.Priv{riscv.User, riscv.Supervisor, riscv.Machine} {
			m := newMachine(t, 4)
			m.program(free, tt.code)
			m.enter(p, free, tt.status)
			m.steps(1)
			got := !(m.PC() == trapVector && m.mtrap().cause == riscv.CauseIllegalInst)
			if want := tt.legal>>i&1 != 0; got != want {
				t.Errorf("%s in %v-mode: legal is %v", tt.name, p, got)
			}
		}
	}
}

// TestWFI: it ends at once if an enabled interrupt is pending, whatever the global
// enables say, and else makes Run return.
func TestWFI(t *testing.T) {
	m := newMachine(t, 4)
	m.program(free, func(a *riscvtest.Asm) {
		a.Op(isa.OpWFI)
		a.Op(isa.OpWFI)
	})
	m.SetPC(free)
	if e := m.Run(10); e != riscv.ExitWFI || m.Steps() != 1 || m.PC() != free+4 {
		t.Errorf("nothing pending: exit %v after %d steps at %#x", e, m.Steps(), m.PC())
	}
	m.setCSR(csrMie, intMTimer)
	m.SetIRQ(intMTimer, true)
	if e := m.Run(1); e != riscv.ExitLimit || m.PC() != free+8 {
		t.Errorf("timer pending: exit %v at %#x", e, m.PC())
	}
}

// cacheOps are the cache block operations with the field of menvcfg and senvcfg that
// permits each below M-mode.
var cacheOps = map[isa.Op]uint64{
	isa.OpCBO_INVAL: envCBIE, isa.OpCBO_CLEAN: envCBCFE, isa.OpCBO_FLUSH: envCBCFE, isa.OpCBO_ZERO: envCBZE,
}

func TestCacheOperationsNeedPermission(t *testing.T) {
	for op, field := range cacheOps {
		other := uint64(envCBIE|envCBCFE|envCBZE) &^ field
		for _, tt := range []struct {
			p     riscv.Priv
			m, s  uint64
			legal bool
		}{
			{riscv.Machine, 0, 0, true},
			{riscv.Supervisor, other, 0, false},
			{riscv.Supervisor, field, 0, true},
			{riscv.User, field, other, false},
			{riscv.User, other, field, false},
			{riscv.User, field, field, true},
		} {
			m := newMachine(t, 4)
			m.program(free, func(a *riscvtest.Asm) { a.R(op, 0, riscvtest.A0, 0) })
			m.SetX(riscvtest.A0, free+0x1008)
			m.setCSR(csrMenvcfg, tt.m)
			m.setCSR(csrSenvcfg, tt.s)
			m.enter(tt.p, free, 0)
			m.steps(1)
			if got := m.PC() == free+4; got != tt.legal {
				t.Errorf("%v in %v-mode with menvcfg %#x, senvcfg %#x: legal is %v", op, tt.p, tt.m, tt.s, got)
			}
		}
	}
}

func TestCboZeroClearsItsBlockOnly(t *testing.T) {
	m := newMachine(t, 4)
	m.program(free, func(a *riscvtest.Asm) { a.R(isa.OpCBO_ZERO, 0, riscvtest.A0, 0) })
	const block = free + 0x1040
	for at := uint64(block - 64); at < block+128; at += 8 {
		m.setWord(at, all)
	}
	m.SetX(riscvtest.A0, block+37)
	m.SetPC(free)
	m.steps(1)
	for at := uint64(block - 64); at < block+128; at += 8 {
		want := uint64(all)
		if at >= block && at < block+64 {
			want = 0
		}
		if got := m.word(at); got != want {
			t.Errorf("%#x holds %#x, want %#x", at, got, want)
		}
	}
}

// TestCacheOperationsFaultAsStores, wherever the block cannot be accessed.
func TestCacheOperationsFaultAsStores(t *testing.T) {
	for op := range cacheOps {
		m := newMachine(t, 4)
		m.program(free, func(a *riscvtest.Asm) { a.R(op, 0, riscvtest.A0, 0) })
		m.setCSR(csrPmpaddr0, (free+0x2000)>>2|0x1ff)
		m.setCSR(csrPmpcfg0, 0x98) // 4 KiB, locked, nothing allowed
		m.SetX(riscvtest.A0, free+0x2028)
		m.SetPC(free)
		m.wantTrap(trap{riscv.CauseStoreAccess, free, free + 0x2028})
	}
}

// TestLockedPMP: locked entries stay as they are, and so does the address below a
// locked TOR entry (privileged specification, 3.7.1.2).
func TestLockedPMP(t *testing.T) {
	m := newMachine(t, 4)
	m.setCSR(csrPmpaddr0+4, 0x1000)
	m.setCSR(csrPmpaddr0+5, 0x2000)
	m.setCSR(csrPmpcfg0, 0x8f<<40) // entry 5: TOR, locked
	for i, want := range map[uint16]uint64{3: 0x77, 4: 0x1000, 5: 0x2000, 6: 0x77} {
		m.setCSR(csrPmpaddr0+i, 0x77)
		if got := m.csr(csrPmpaddr0 + i); got != want {
			t.Errorf("pmpaddr%d is %#x, want %#x", i, got, want)
		}
	}
	m.setCSR(csrPmpcfg0, 0)
	if got := m.csr(csrPmpcfg0); got != 0x8f<<40 {
		t.Errorf("pmpcfg0 is %#x after a write to a locked entry", got)
	}
	m.Reset(ramBase)
	if got := m.csr(csrPmpcfg0); got != 0 {
		t.Errorf("pmpcfg0 is %#x after reset", got)
	}
}

// TestInterruptCodes pins that the bits of mip are those of the causes.
func TestInterruptCodes(t *testing.T) {
	for bit, cause := range map[uint64]riscv.Cause{
		riscv.IntSSoft: riscv.CauseSSoft, riscv.IntMSoft: riscv.CauseMSoft, riscv.IntSTimer: riscv.CauseSTimer,
		riscv.IntMTimer: riscv.CauseMTimer, riscv.IntSExt: riscv.CauseSExt, riscv.IntMExt: riscv.CauseMExt,
	} {
		if bits.TrailingZeros64(bit) != int(cause&63) || cause>>63 != 1 {
			t.Errorf("bit %#x and cause %#x", bit, cause)
		}
	}
}
