// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"vdev/emu/riscv"
	"vdev/emu/sbi"
	"vdev/mmio"
)

// Registers of an environment call (SBI 3): a0 to a5 arguments, a6 and a7 the
// function and the extension.
const (
	regA0 = 10
	regA1 = 11
	regA2 = 12
	regA6 = 16
	regA7 = 17
)

// platform is the machine as the built-in firmware sees it.
type platform struct{ m *Machine }

// ecall answers an environment call of h.
func (m *Machine) ecall(h *riscv.Hart) bool {
	if m.firmware == nil {
		return false
	}
	var args [6]uint64
	for i := range args {
		args[i] = h.X(regA0 + i)
	}
	ret := m.firmware.Ecall(int(h.ID()), h.X(regA7), h.X(regA6), args)
	if ret.NoReturn {
		h.RequestExit()
		return true
	}
	h.SetX(regA0, uint64(ret.Error))
	if !ret.Legacy {
		h.SetX(regA1, ret.Value)
	}
	return true
}

func (p platform) NumHarts() int { return len(p.m.harts) }

func (p platform) SetTimer(hart int, ticks uint64) { p.m.harts[hart].SetStimecmp(ticks) }

func (p platform) SendIPI(hart int) { p.m.harts[hart].RaiseSoft() }

func (p platform) RemoteFenceI(int) { p.m.code.Sync() }

// flushPagesMax is the number of pages above which flushing everything is cheaper.
const flushPagesMax = 64

func (p platform) RemoteSFenceVMA(hart int, start, size, _ uint64, _ bool) {
	h := p.m.harts[hart]
	first := start &^ 0xfff
	pages := (size + start&0xfff + 0xfff) >> 12
	if size > flushPagesMax<<12 || pages > flushPagesMax {
		h.FlushTLB()
		return
	}
	for i := range pages {
		h.FlushTLBPage(riscv.VirtAddr(first + i<<12))
	}
}

func (p platform) HartStatus(hart int) sbi.State { return p.m.harts[hart].state }

func (p platform) HartStart(hart int, addr, opaque uint64) bool {
	h := p.m.harts[hart]
	if !p.m.mem.Contains(mmio.PhysAddr(addr), 2) {
		return false
	}
	h.state, h.idle = sbi.Started, false
	h.StartSupervisor(addr, uint64(hart), opaque)
	return true
}

func (p platform) HartStop(hart int) { p.m.harts[hart].state = sbi.Stopped }

func (p platform) HartSuspend(hart int, nonRetentive bool, resume, opaque uint64) {
	h := p.m.harts[hart]
	h.state, h.idle = sbi.Suspended, true
	h.resume = nil
	if nonRetentive {
		h.resume = func() { h.StartSupervisor(resume, uint64(hart), opaque) }
	}
	h.RequestExit()
}

func (p platform) Reset(kind, reason uint32) {
	switch {
	case kind != sbi.ResetShutdown:
		p.m.stop(Result{Reason: Reboot})
	case reason != sbi.ReasonNone:
		p.m.stop(Result{Reason: PowerOff, Status: 1})
	default:
		p.m.stop(Result{Reason: PowerOff})
	}
}

func (p platform) ConsoleWrite(b []byte) int {
	for _, c := range b {
		p.m.consoleByte(c)
	}
	return len(b)
}

func (p platform) ConsoleRead(b []byte) int {
	n := copy(b, p.m.input)
	p.m.tookInput(n)
	return n
}

func (p platform) ReadPhys(addr mmio.PhysAddr, b []byte) bool { return p.m.mem.Read(addr, b) }

func (p platform) WritePhys(addr mmio.PhysAddr, b []byte) bool { return p.m.mem.Write(addr, b) }
