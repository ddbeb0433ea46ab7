// SPDX-License-Identifier: Apache-2.0

package riscv_test

import (
	"fmt"
	"slices"
	"testing"

	"vdev/emu/mem"
	"vdev/emu/riscv"
	"vdev/emu/riscv/isa"
	"vdev/emu/riscv/riscvtest"
	"vdev/mmio"
)

// a7 has the number of a system call.
const a7 = 17

// userLog is a UserWatcher that takes notes.
type userLog struct {
	m     *machine
	notes []string
}

func (l *userLog) note(format string, args ...any) {
	l.notes = append(l.notes, fmt.Sprintf(format, args...))
}

func (l *userLog) UserCall(h *riscv.Hart, pc uint64) {
	l.note("call of %d at %#x, %v-mode, step %d", h.X(a7), pc-free, h.Priv(), h.Steps())
}

func (l *userLog) UserReturn(h *riscv.Hart) { l.note("return to %#x, %v-mode", h.PC()-free, h.Priv()) }

func (l *userLog) Maintained(h *riscv.Hart, op mem.Op, addr mmio.PhysAddr) {
	l.note("%v of %#x, %v-mode", op, addr-free, h.Priv())
}

// TestUserWatcher: a program makes a call; the kernel cleans a line, makes a call
// itself, and returns behind the call.
func TestUserWatcher(t *testing.T) {
	m := newMachine(t, 8)
	log := &userLog{m: m}
	m.WatchUser(log)
	m.ecall = func(*riscv.Hart) bool { return true }
	m.setCSR(csrMedeleg, 1<<riscv.CauseEcallU)
	m.setCSR(csrMenvcfg, envCBCFE|envCBIE)
	m.setCSR(csrStvec, svector)
	m.program(free, func(a *riscvtest.Asm) {
		a.Op(isa.OpECALL)
		a.Op(isa.OpECALL)
	})
	m.program(svector, func(a *riscvtest.Asm) {
		a.Op(isa.OpECALL) // of the firmware
		a.I(isa.OpCBO_CLEAN, 0, riscvtest.A0, 0)
		a.I(isa.OpCBO_INVAL, 0, riscvtest.A0, 0)
		a.CSR(isa.OpCSRRS, riscvtest.T0, csrSepc, 0)
		a.I(isa.OpADDI, riscvtest.T0, riscvtest.T0, 4)
		a.CSR(isa.OpCSRRW, 0, csrSepc, riscvtest.T0)
		a.Op(isa.OpSRET)
	})
	m.SetX(a7, 29)
	m.SetX(riscvtest.A0, free+0x1000)
	m.enter(riscv.User, free, 0)
	start := m.Steps()
	m.steps(9)
	want := []string{
		fmt.Sprintf("call of 29 at 0x0, U-mode, step %d", start),
		"clean of 0x1000, S-mode",
		"invalidate of 0x1000, S-mode",
		"return to 0x4, U-mode",
		fmt.Sprintf("call of 29 at 0x4, U-mode, step %d", start+8),
	}
	if !slices.Equal(log.notes, want) {
		t.Errorf("noted %q, want %q", log.notes, want)
	}
}

// TestUserWatcherIgnoresOtherReturns: from S-mode to S-mode, and what does not happen.
func TestUserWatcherIgnoresOtherReturns(t *testing.T) {
	m := newMachine(t, 8)
	log := &userLog{m: m}
	m.WatchUser(log)
	m.program(free, func(a *riscvtest.Asm) {
		a.Op(isa.OpSRET)
		a.I(isa.OpCBO_CLEAN, 0, riscvtest.A0, 0) // not allowed in user mode
	})
	m.setCSR(csrSepc, free+4)
	m.enter(riscv.Supervisor, free, stSPP)
	m.steps(2)
	if len(log.notes) != 0 {
		t.Errorf("noted %q", log.notes)
	}
}
