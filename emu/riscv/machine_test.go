// SPDX-License-Identifier: Apache-2.0

package riscv_test

import (
	"testing"

	"vdev/emu/mem"
	"vdev/emu/riscv"
	"vdev/emu/riscv/isa"
	"vdev/emu/riscv/riscvtest"
	"vdev/mmio"
)

// Every machine has its RAM here, and in its first page what tests need to change
// modes: an mret, and a loop for traps to end up in.
const (
	ramBase    = 0x8000_0000
	gate       = ramBase
	trapVector = ramBase + 0x100
	free       = ramBase + 0x1000 // from here on tests put what they like
)

// CSRs and their bits, by the privileged specification.
const (
	csrSstatus = 0x100
	csrSie     = 0x104
	csrStvec   = 0x105
	csrSenvcfg = 0x10a
	csrSepc    = 0x141
	csrScause  = 0x142
	csrStval   = 0x143
	csrSip     = 0x144
	csrSatp    = 0x180

	csrStimecmp = 0x14d

	csrMstatus       = 0x300
	csrMedeleg       = 0x302
	csrMideleg       = 0x303
	csrMie           = 0x304
	csrMtvec         = 0x305
	csrMcounteren    = 0x306
	csrMenvcfg       = 0x30a
	csrMcountinhibit = 0x320
	csrMscratch      = 0x340
	csrMepc          = 0x341
	csrMcause        = 0x342
	csrMtval         = 0x343
	csrMip           = 0x344
	csrPmpcfg0       = 0x3a0
	csrPmpaddr0      = 0x3b0
	csrMcycle        = 0xb00
	csrMinstret      = 0xb02

	mppShift = 11
	stSIE    = 1 << 1
	stMIE    = 1 << 3
	stSPIE   = 1 << 5
	stMPIE   = 1 << 7
	stSPP    = 1 << 8
	stMPP    = 3 << mppShift
	stFS     = 3 << 13
	stMPRV   = 1 << 17
	stSUM    = 1 << 18
	stMXR    = 1 << 19
	stTVM    = 1 << 20
	stTW     = 1 << 21
	stTSR    = 1 << 22

	envFIOM  = 1 << 0
	envCBIE  = 3 << 4
	envCBCFE = 1 << 6
	envCBZE  = 1 << 7
	envADUE  = 1 << 61
	envPBMTE = 1 << 62
	envSTCE  = 1 << 63
)

// machine is a hart with RAM and nothing else, whose time stands still unless a
// test moves it. Its fields record what the hart asks of its surroundings.
type machine struct {
	*riscv.Hart
	t   testing.TB
	mem *mem.Memory

	now     uint64
	ecall   func(*riscv.Hart) bool
	timer   int               // calls of TimerChanged
	device  map[uint64]uint64 // last value written to each address below RAM, which reads back
	watched []uint64
}

func newMachine(t testing.TB, pages int) *machine {
	t.Helper()
	ram, err := mem.New(ramBase, uint64(pages)*mem.PageSize)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, mem: ram, device: map[uint64]uint64{}}
	m.Hart = m.newHart(0, riscv.NewCodeCache(ram))
	m.program(gate, func(a *riscvtest.Asm) { a.Op(isa.OpMRET) })
	m.program(trapVector, func(a *riscvtest.Asm) {
		a.Label("here")
		a.Jal(0, "here")
	})
	m.setCSR(csrMtvec, trapVector)
	m.setCSR(csrPmpaddr0+15, 1<<54-1) // below all others: everything is allowed
	m.setCSR(csrPmpcfg0+2, 0x1f<<56)
	return m
}

func (m *machine) newHart(id uint64, code *riscv.CodeCache) *riscv.Hart {
	h := riscv.New(riscv.Config{ID: id, Mem: m.mem, Code: code, Bus: m, Env: m})
	h.Reset(ramBase)
	return h
}

// deviceBase is where devices answer: one page of doublewords.
const deviceBase = 0x1000_0000

func (m *machine) Read(a mmio.PhysAddr, _ int) (uint64, bool) {
	return m.device[uint64(a)], a>>12 == deviceBase>>12
}

func (m *machine) Write(a mmio.PhysAddr, _ int, v uint64) bool {
	if a>>12 != deviceBase>>12 {
		return false
	}
	m.device[uint64(a)] = v
	return true
}

func (m *machine) Time() uint64                              { return m.now }
func (m *machine) Ecall(h *riscv.Hart) bool                  { return m.ecall != nil && m.ecall(h) }
func (m *machine) TimerChanged(*riscv.Hart)                  { m.timer++ }
func (m *machine) StoreWatch(a mmio.PhysAddr, v uint64)      { m.watched = append(m.watched, uint64(a), v) }
func (m *machine) word(a uint64) uint64                      { return m.load(a, 8) }
func (m *machine) setWord(a, v uint64)                       { m.store(a, 8, v) }
func (m *machine) put(a uint64, b []byte)                    { m.must(m.mem.Write(mmio.PhysAddr(a), b)) }
func (m *machine) program(at uint64, f func(*riscvtest.Asm)) { m.put(at, assemble(at, f)) }

func assemble(at uint64, f func(*riscvtest.Asm)) []byte {
	a := riscvtest.New(at)
	f(a)
	return a.Bytes()
}

func (m *machine) must(ok bool) {
	m.t.Helper()
	if !ok {
		m.t.Fatal("BUG: not RAM")
	}
}

func (m *machine) load(a uint64, size int) uint64 {
	m.t.Helper()
	v, ok := m.mem.Load(mmio.PhysAddr(a), size)
	m.must(ok)
	return v
}

func (m *machine) store(a uint64, size int, v uint64) {
	m.t.Helper()
	m.must(m.mem.Store(mmio.PhysAddr(a), size, v))
}

// csr reads a CSR that exists.
func (m *machine) csr(num uint16) uint64 {
	m.t.Helper()
	v, ok := m.CSR(num)
	if !ok {
		m.t.Fatalf("no CSR %#x", num)
	}
	return v
}

func (m *machine) setCSR(num uint16, v uint64) {
	m.t.Helper()
	if !m.SetCSR(num, v) {
		m.t.Fatalf("no CSR %#x", num)
	}
}

// steps runs exactly n steps.
func (m *machine) steps(n uint64) {
	for end := m.Steps() + n; m.Steps() < end; {
		m.Run(end - m.Steps())
	}
}

// enter puts the hart, which is in M-mode, at pc in mode p by way of mret, with the
// given further bits of mstatus.
func (m *machine) enter(p riscv.Priv, pc, mstatus uint64) {
	m.t.Helper()
	if m.Priv() != riscv.Machine {
		m.t.Fatal("BUG: enter from another mode")
	}
	m.SetPC(gate)
	m.setCSR(csrMepc, pc)
	m.setCSR(csrMstatus, mstatus|uint64(p)<<mppShift)
	m.steps(1)
	if m.Priv() != p || m.PC() != pc {
		m.t.Fatalf("mret led to %v-mode at %#x", m.Priv(), m.PC())
	}
}

// trap is what the last trap to M-mode or S-mode left.
type trap struct {
	cause riscv.Cause
	epc   uint64
	tval  uint64
}

func (m *machine) mtrap() trap {
	return trap{riscv.Cause(m.csr(csrMcause)), m.csr(csrMepc), m.csr(csrMtval)}
}

func (m *machine) strap() trap {
	return trap{riscv.Cause(m.csr(csrScause)), m.csr(csrSepc), m.csr(csrStval)}
}

// wantTrap steps once and expects a trap to M-mode.
func (m *machine) wantTrap(want trap) {
	m.t.Helper()
	m.steps(1)
	if got := m.mtrap(); m.PC() != trapVector || got != want {
		m.t.Errorf("at %#x after trap %#x, want %#x", m.PC(), got, want)
	}
}
