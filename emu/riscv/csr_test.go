// SPDX-License-Identifier: Apache-2.0

package riscv_test

import (
	"testing"

	"vdev/emu/riscv"
	"vdev/emu/riscv/isa"
	"vdev/emu/riscv/riscvtest"
)

func TestCSRNamesAgreeWithTheDisassembler(t *testing.T) {
	for _, c := range riscv.CSRs() {
		if n := isa.CSRName(c.Num); n != c.Name {
			t.Errorf("CSR %#x is %q here and %q there", c.Num, c.Name, n)
		}
	}
}

const all = ^uint64(0)

// floating is what enables floating-point CSRs.
const floating = stFS

// warl says what each writable CSR reads as after all ones and all zeros were
// written to it in M-mode after reset.
var warl = map[string]struct{ ones, zeros uint64 }{
	"fflags":        {0x1f, 0},
	"frm":           {7, 0},
	"fcsr":          {0xff, 0},
	"sstatus":       {1<<63 | 2<<32 | stMXR | stSUM | stFS | stSPP | stSPIE | stSIE, 2 << 32},
	"sie":           {0, 0}, // nothing is delegated
	"stvec":         {all &^ 2, 0},
	"scounteren":    {1<<32 - 1, 0},
	"senvcfg":       {envFIOM | envCBIE | envCBCFE | envCBZE, 0},
	"sscratch":      {all, 0},
	"sepc":          {all &^ 1, 0},
	"scause":        {all, 0},
	"stval":         {all, 0},
	"sip":           {0, 0},
	"stimecmp":      {all, 0},
	"satp":          {0, 0}, // mode 15 is reserved: the write does nothing
	"mstatus":       {1<<63 | 2<<34 | 2<<32 | stTSR | stTW | stTVM | stMXR | stSUM | stMPRV | stFS | stMPP | stSPP | stMPIE | stSPIE | stMIE | stSIE, 2<<34 | 2<<32},
	"medeleg":       {0xb3ff, 0},
	"mideleg":       {0x222, 0},
	"mie":           {0xaaa, 0},
	"mtvec":         {all &^ 2, 0},
	"mcounteren":    {1<<32 - 1, 0},
	"menvcfg":       {envSTCE | envPBMTE | envADUE | envFIOM | envCBIE | envCBCFE | envCBZE, 0},
	"mcountinhibit": {5, 0},
	"mscratch":      {all, 0},
	"mepc":          {all &^ 1, 0},
	"mcause":        {all, 0},
	"mtval":         {all, 0},
	"mip":           {0x222, 0},
	"mcycle":        {all, 0},
	"minstret":      {all, 0},
	"pmpcfg0":       {0x9f9f9f9f_9f9f9f9f, 0},
	"pmpcfg2":       {0x9f9f9f9f_9f9f9f9f, 0},
}

// csrAccess executes a csrrw or csrrs on a CSR in mode p and tells whether it traps.
func csrAccess(m *machine, p riscv.Priv, num uint16, write bool) (ok bool) {
	m.t.Helper()
	op := isa.OpCSRRS
	if write {
		op = isa.OpCSRRW
	}
	m.program(free, func(a *riscvtest.Asm) { a.CSR(op, riscvtest.A0, num, 0) })
	m.enter(p, free, floating)
	m.steps(1)
	ok = m.PC() == free+4
	if want := (trap{riscv.CauseIllegalInst, free, m.load(free, 4)}); !ok && m.mtrap() != want {
		m.t.Errorf("CSR %#x: trap %#x, want %#x", num, m.mtrap(), want)
	}
	return ok
}

// TestCSRAccess: the number of a CSR says who may access it, and whether it can be
// written (privileged specification, 2.1). After reset no counter is enabled for
// lower modes.
func TestCSRAccess(t *testing.T) {
	exists := map[uint16]bool{}
	for _, c := range riscv.CSRs() {
		exists[c.Num] = true
	}
	for num := range uint16(4096) {
		if !exists[num] && num%16 != 9 {
			continue // one of each row of the table is enough
		}
		counter := num >= 0xc00 && num < 0xc20
		for _, p := range []riscv.Priv{riscv.User, riscv.Supervisor, riscv.Machine} {
			level := uint16(p) >= num>>8&3
			readable := exists[num] && level && (p == riscv.Machine || !counter && num != csrStimecmp)
			if got := csrAccess(newMachine(t, 2), p, num, false); got != readable {
				t.Errorf("CSR %#x %s: readable from %v-mode is %v", num, isa.CSRName(num), p, got)
			}
			writable := readable && num>>10 != 3
			if got := csrAccess(newMachine(t, 2), p, num, true); got != writable {
				t.Errorf("CSR %#x %s: writable from %v-mode is %v", num, isa.CSRName(num), p, got)
			}
		}
	}
}

func TestCSRsStoreLegalValuesOnly(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range riscv.CSRs() {
		want, ok := warl[c.Name]
		if !ok {
			before, _ := newMachine(t, 2).CSR(c.Num)
			if c.Num >= csrPmpaddr0 && c.Num < csrPmpaddr0+16 {
				before = 1<<54 - 1
			}
			want.ones, want.zeros = before, before
			if before == 1<<54-1 {
				want.zeros = 0
			}
		}
		seen[c.Name] = true
		for _, v := range []struct{ in, out uint64 }{{all, want.ones}, {0, want.zeros}} {
			m := newMachine(t, 2)
			m.setCSR(csrPmpcfg0+2, 0)
			m.setCSR(c.Num, v.in)
			// Counters go on, but not before the next instruction.
			got := m.csr(c.Num)
			if c.Name == "mcycle" || c.Name == "minstret" {
				got++
			}
			if got != v.out {
				t.Errorf("%s: %#x is stored as %#x, want %#x", c.Name, v.in, got, v.out)
			}
		}
	}
	for name := range warl {
		if !seen[name] {
			t.Errorf("there is no CSR %s", name)
		}
	}
}

func TestReservedFieldValuesAreNotStored(t *testing.T) {
	for _, tt := range []struct {
		name          string
		num           uint16
		before, write uint64
		mask, want    uint64
	}{
		{"mstatus.MPP", csrMstatus, 1 << mppShift, 2 << mppShift, stMPP, 1 << mppShift},
		{"menvcfg.CBIE", csrMenvcfg, 1 << 4, 2 << 4, envCBIE, 1 << 4},
		{"senvcfg.CBIE", csrSenvcfg, 3 << 4, 2 << 4, envCBIE, 3 << 4},
		{"satp.MODE", csrSatp, 8<<60 | 5, 11<<60 | 7, all, 8<<60 | 5},
		{"satp.MODE Sv48", csrSatp, 8<<60 | 5, 9<<60 | 7, all, 9<<60 | 7},
		{"satp.MODE Sv57", csrSatp, 8<<60 | 5, 10<<60 | 7, all, 10<<60 | 7},
		{"satp.MODE Sv64", csrSatp, 10<<60 | 5, 1 << 60, all, 10<<60 | 5},
		{"pmp0cfg write without read", csrPmpcfg0, 0, 2, 0xff, 0},
	} {
		m := newMachine(t, 2)
		m.setCSR(tt.num, tt.before)
		m.setCSR(tt.num, tt.write)
		if got := m.csr(tt.num) & tt.mask; got != tt.want {
			t.Errorf("%s: %#x over %#x gives %#x, want %#x", tt.name, tt.write, tt.before, got, tt.want)
		}
	}
}

// TestCSROperations: the six forms on one register, with the old value in rd, and
// none of them writing if its source is x0 or 0.
func TestCSROperations(t *testing.T) {
	const old, src = 0xff00, 0x0ff0
	for _, tt := range []struct {
		op   isa.Op
		rs1  uint8
		want uint64
	}{
		{isa.OpCSRRW, riscvtest.A1, src}, {isa.OpCSRRW, 0, 0},
		{isa.OpCSRRS, riscvtest.A1, old | src}, {isa.OpCSRRS, 0, old},
		{isa.OpCSRRC, riscvtest.A1, old &^ src}, {isa.OpCSRRC, 0, old},
		{isa.OpCSRRWI, 21, 21}, {isa.OpCSRRWI, 0, 0},
		{isa.OpCSRRSI, 21, old | 21}, {isa.OpCSRRSI, 0, old},
		{isa.OpCSRRCI, 21, old &^ 21}, {isa.OpCSRRCI, 0, old},
	} {
		m := newMachine(t, 2)
		m.program(free, func(a *riscvtest.Asm) { a.CSR(tt.op, riscvtest.A0, csrMscratch, tt.rs1) })
		m.setCSR(csrMscratch, old)
		m.SetX(riscvtest.A1, src)
		m.SetPC(free)
		m.steps(1)
		if m.X(riscvtest.A0) != old || m.csr(csrMscratch) != tt.want {
			t.Errorf("%v with source %d: rd %#x and CSR %#x, want %#x and %#x", tt.op, tt.rs1, m.X(riscvtest.A0), m.csr(csrMscratch), old, tt.want)
		}
	}
}

func TestCountersNeedPermission(t *testing.T) {
	for _, tt := range []struct {
		m, s   uint64
		p      riscv.Priv
		legal  bool
		reason string
	}{
		{0, 7, riscv.Machine, true, "M-mode needs none"},
		{0, 7, riscv.Supervisor, false, "mcounteren is for S-mode"},
		{7, 0, riscv.Supervisor, true, "scounteren is not"},
		{7, 0, riscv.User, false, "U-mode needs both"},
		{0, 7, riscv.User, false, "U-mode needs both"},
		{7, 7, riscv.User, true, "U-mode has both"},
	} {
		for k := range uint16(3) {
			m := newMachine(t, 2)
			m.setCSR(csrMcounteren, tt.m)
			m.setCSR(0x106, tt.s)
			if got := csrAccess(m, tt.p, 0xc00+k, false); got != tt.legal {
				t.Errorf("counter %d from %v-mode: legal is %v: %s", k, tt.p, got, tt.reason)
			}
		}
	}
}

// TestCountersCount: mcycle counts steps, minstret instructions; a write takes
// effect for the next instruction; inhibited ones stand still.
func TestCountersCount(t *testing.T) {
	m := newMachine(t, 2)
	m.program(free, func(a *riscvtest.Asm) {
		a.Li(riscvtest.T0, 1000)
		a.CSR(isa.OpCSRRW, 0, csrMinstret, riscvtest.T0)
		a.CSR(isa.OpCSRRS, riscvtest.A0, csrMinstret, 0) // 1000
		a.I(isa.OpADDI, 0, 0, 0)
		a.CSR(isa.OpCSRRS, riscvtest.A1, csrMinstret, 0) // 1002
		a.CSR(isa.OpCSRRWI, 0, csrMcountinhibit, 4)      // keeps 1003
		a.I(isa.OpADDI, 0, 0, 0)
		a.CSR(isa.OpCSRRS, riscvtest.A2, csrMinstret, 0)
		a.CSR(isa.OpCSRRWI, 0, csrMcountinhibit, 0)
		a.CSR(isa.OpCSRRS, riscvtest.A3, csrMinstret, 0)
	})
	m.SetPC(free)
	m.steps(10)
	for i, want := range []uint64{1000, 1002, 1003, 1003} {
		if got := m.X(riscvtest.A0 + i); got != want {
			t.Errorf("reading %d of minstret is %d, want %d", i, got, want)
		}
	}
}

// TestTrapsAreNotRetired: an instruction that traps counts as a step only.
func TestTrapsAreNotRetired(t *testing.T) {
	m := newMachine(t, 2)
	m.program(free, func(a *riscvtest.Asm) {
		a.I(isa.OpADDI, 0, 0, 0)
		a.Op(isa.OpEBREAK)
	})
	m.SetPC(free)
	m.steps(2)
	if m.Steps() != 2 || m.Retired() != 1 {
		t.Errorf("%d steps and %d retired, want 2 and 1", m.Steps(), m.Retired())
	}
}
