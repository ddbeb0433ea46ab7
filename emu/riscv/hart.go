// SPDX-License-Identifier: Apache-2.0

// Package riscv is the RV64 hart: an interpreter over cached decoded basic blocks
// with the CSRs, the MMU, PMP and traps of profile RVA22S64.
//
// A hart runs in slices: Run retires up to a given number of steps and returns
// why it stopped. A step is one instruction, or one trap taken instead of one, so a
// slice always ends. Nothing in the package depends on host time, on goroutines or
// on how instructions happen to be grouped into blocks: interrupts are taken at
// exact step counts.
//
// The execution path, from the outside in:
//
//	Run (run.go)       slices, interrupts, finding and chaining blocks
//	exec (exec.go)     the dense switch over a block's micro-operations
//	slowOps            everything rare, by extension: exec_a.go, exec_fd.go, ...
//	loadSlow (access.go)   what the software TLB (tlb_unsafe.go) does not hit
//	translate (mmu.go)     page tables; pmp.go
package riscv

import (
	"encoding/binary"

	"vdev/emu/mem"
	"vdev/emu/riscv/softfloat"
	"vdev/mmio"
)

// VirtAddr is a guest virtual address.
type VirtAddr uint64

// regSink receives writes to x0, so that no instruction need test for it. The
// register arrays have 256 entries because an uint8 index then needs no bounds
// check.
const regSink = 32

// Bus answers physical accesses that are not RAM.
type Bus interface {
	Read(addr mmio.PhysAddr, size int) (uint64, bool)
	Write(addr mmio.PhysAddr, size int, v uint64) bool
}

// Env is what a hart needs from the machine around it.
type Env interface {
	// Time is mtime, in ticks of the timebase, as of the calling hart's current step.
	Time() uint64
	// Ecall is asked first for an environment call from S-mode, by a machine that is
	// itself the firmware. It returns false to let the call trap as usual.
	Ecall(h *Hart) bool
	// TimerChanged tells that stimecmp or menvcfg.STCE changed.
	TimerChanged(h *Hart)
	// StoreWatch tells that the watched doubleword at addr (WatchStore) now holds v.
	StoreWatch(addr mmio.PhysAddr, v uint64)
}

// Exit says why Run returned.
type Exit uint8

// The reasons for Run to return.
const (
	ExitLimit Exit = iota // the step limit was reached
	ExitWFI               // waiting for an interrupt that is enabled in mie
	ExitYield             // a hint that other harts should run: pause, wrs
	ExitAsked             // RequestExit was called
)

// Config describes a hart.
type Config struct {
	ID   uint64
	Mem  *mem.Memory
	Code *CodeCache // shared by all harts of a machine
	Bus  Bus
	Env  Env
}

// Hart is one RV64 hardware thread.
type Hart struct {
	x [256]uint64 // x0..x31, regSink; the rest is never used
	f [32]uint64

	pc   uint64
	priv Priv

	// n is the number of steps of the current slice that are done, as of the
	// instruction that is executing a slow path; steps is the total before the slice.
	n     uint64
	steps uint64
	// notRetired counts the steps that were traps instead of instructions.
	notRetired uint64

	mmu       mmuState
	jump      *[jumpSize]jumpEntry // the current privilege's entry of jumps
	jumps     [4][jumpSize]jumpEntry
	jumpGen   uint64   // entries of other generations are stale
	jumpPages pageHint // pages that entries of this generation lie on

	csr    csrState
	fflags softfloat.Flags
	frm    uint8

	resValid bool
	resAddr  mmio.PhysAddr

	trapCause Cause // of the stTrap that a slow path returned
	trapTval  uint64

	extIRQ     uint64 // wires into mip: MSIP, MTIP, MEIP, SEIP
	timerIRQ   bool   // STIP from stimecmp, as of the slice's start
	exitAfter  bool   // leave the block after this instruction (MMIO, CSR side effects)
	askedExit  Exit
	exitAsked  bool
	watch      [2]mmio.PhysAddr // words whose stores Env.StoreWatch sees
	watchCount int
	user       UserWatcher // may be nil

	mem  *mem.Memory
	code *CodeCache
	bus  Bus
	env  Env
	id   uint64
}

// New makes a hart in its reset state.
func New(c Config) *Hart {
	h := &Hart{mem: c.Mem, code: c.Code, bus: c.Bus, env: c.Env, id: c.ID}
	c.Mem.Watch(h)
	c.Code.harts = append(c.Code.harts, h)
	h.initTLB()
	h.Reset(0)
	return h
}

// Reset puts the hart into its power-on state: M-mode at pc.
func (h *Hart) Reset(pc uint64) {
	h.x = [256]uint64{}
	h.f = [32]uint64{}
	h.pc = pc
	h.csr = csrState{mstatus: mstatusUXL | mstatusSXL}
	h.fflags, h.frm = 0, 0
	h.resValid = false
	h.exitAfter, h.exitAsked = false, false
	h.timerIRQ = false
	h.setPriv(Machine)
	h.FlushTLB()
}

// StartSupervisor puts the hart where firmware leaves it: S-mode at pc with a0 and
// a1 set, translation off, everything delegated that can be, all counters and
// optional features enabled, one PMP entry that allows all.
func (h *Hart) StartSupervisor(pc, a0, a1 uint64) {
	h.Reset(pc)
	h.csr.medeleg = medelegWritable &^ (1 << CauseEcallS)
	h.csr.mideleg = sInts
	h.csr.mcounteren = 1<<32 - 1
	h.csr.menvcfg = menvcfgWritable &^ (envcfgFIOM | envcfgCBIE)
	h.csr.menvcfg |= 1 << envcfgCBIEShift // cbo.inval from S-mode is a flush unless it asks otherwise
	h.csr.menvcfg |= envcfgCBIE           // ... and may be a real invalidate
	h.csr.stimecmp = ^uint64(0)
	h.csr.pmp.cfg[0] = pmpR | pmpW | pmpX | pmpNAPOT<<pmpAShift
	h.csr.pmp.addr[0] = pmpAddrMask
	h.csr.pmp.update()
	h.x[10], h.x[11] = a0, a1
	h.setPriv(Supervisor)
	h.FlushTLB()
	h.env.TimerChanged(h)
}

// ID is mhartid.
func (h *Hart) ID() uint64 { return h.id }

// PC is the address of the next instruction.
func (h *Hart) PC() uint64 { return h.pc }

// SetPC moves execution.
func (h *Hart) SetPC(pc uint64) { h.pc = pc }

// Priv is the current privilege mode.
func (h *Hart) Priv() Priv { return h.priv }

// X returns x register i.
func (h *Hart) X(i int) uint64 { return h.x[i&31] }

// SetX writes x register i; x0 stays zero.
func (h *Hart) SetX(i int, v uint64) {
	if i &= 31; i != 0 {
		h.x[i] = v
	}
}

// F returns the 64 bits of f register i.
func (h *Hart) F(i int) uint64 { return h.f[i&31] }

// SetF writes the 64 bits of f register i.
func (h *Hart) SetF(i int, v uint64) { h.f[i&31] = v }

// Steps is the number of steps since power-on, exact also inside a slow path.
func (h *Hart) Steps() uint64 { return h.steps + h.n }

// SliceSteps is the number of steps done in the current slice.
func (h *Hart) SliceSteps() uint64 { return h.n }

// Retired is the number of instructions retired since power-on.
func (h *Hart) Retired() uint64 { return h.steps + h.n - h.notRetired }

// Stimecmp returns the supervisor timer compare value in ticks, and whether Sstc
// is enabled.
func (h *Hart) Stimecmp() (uint64, bool) {
	return h.csr.stimecmp, h.csr.menvcfg&envcfgSTCE != 0
}

// SetStimecmp writes stimecmp, as built-in firmware does for its timer call.
func (h *Hart) SetStimecmp(v uint64) {
	h.csr.stimecmp = v
	h.UpdateTimer()
	h.env.TimerChanged(h)
}

// UpdateTimer recomputes STIP from stimecmp and the current time. The machine
// calls it at the start of a slice; a slice never spans the moment at which
// stimecmp is reached.
func (h *Hart) UpdateTimer() {
	h.timerIRQ = h.csr.menvcfg&envcfgSTCE != 0 && h.env.Time() >= h.csr.stimecmp
}

// SetIRQ drives one interrupt wire of mip (IntMSoft, IntMTimer, IntMExt, IntSExt,
// IntSSoft).
func (h *Hart) SetIRQ(bit uint64, level bool) {
	if level {
		h.extIRQ |= bit
	} else {
		h.extIRQ &^= bit
	}
}

// RaiseSoft sets or clears mip.SSIP, which software clears itself.
func (h *Hart) RaiseSoft() { h.csr.mip |= IntSSoft }

// Waiting tells that no interrupt that is enabled in mie is pending: a pending one ends
// WFI whatever the global enables say.
func (h *Hart) Waiting() bool { return h.mipValue()&h.csr.mie == 0 }

// RequestExit makes Run return with ExitAsked after the current instruction. Only
// for use from within the hart's own slow paths (Env, Bus).
func (h *Hart) RequestExit() { h.exitAsked, h.askedExit, h.exitAfter = true, ExitAsked, true }

// WatchStore makes stores to the aligned doubleword at addr visible to
// Env.StoreWatch; at most two words.
func (h *Hart) WatchStore(addr mmio.PhysAddr) {
	if h.watchCount == len(h.watch) {
		panic("BUG: too many watched words")
	}
	h.watch[h.watchCount] = addr
	h.watchCount++
	h.FlushTLB()
}

// LoseReservation ends an LR reservation: another hart or a device may have
// written.
func (h *Hart) LoseReservation() { h.resValid = false }

// setPriv changes the privilege mode and what depends on it.
func (h *Hart) setPriv(p Priv) {
	h.priv = p
	h.jump = &h.jumps[p]
	h.updateMMU()
}

// AppendState appends the architectural state to b, in a fixed order: for digests
// that compare runs.
func (h *Hart) AppendState(b []byte) []byte {
	put := func(v uint64) { b = binary.LittleEndian.AppendUint64(b, v) }
	put(h.pc)
	put(uint64(h.priv))
	for _, v := range h.x[:32] {
		put(v)
	}
	for _, v := range h.f {
		put(v)
	}
	for _, d := range csrTable {
		if d != nil {
			put(d.read(h))
		}
	}
	put(h.Steps())
	put(h.Retired())
	return b
}

// Context is the registers that tell who is executing: enough to name the task and
// to walk its stack.
type Context struct {
	PC, SP, FP, RA, TP uint64
	Priv               Priv
	Satp, Sscratch     uint64
	Stvec              uint64
}

// Context returns the registers as of the executing instruction.
func (h *Hart) Context() Context {
	return Context{
		PC: h.pc, SP: h.x[2], FP: h.x[8], RA: h.x[1], TP: h.x[4],
		Priv: h.priv, Satp: h.csr.satp, Sscratch: h.csr.sscratch, Stvec: h.csr.stvec,
	}
}
