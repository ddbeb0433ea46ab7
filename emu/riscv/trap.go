// SPDX-License-Identifier: Apache-2.0

package riscv

import "math/bits"

// mipValue is mip as software sees it: what it wrote, the wires, and Sstc's STIP.
func (h *Hart) mipValue() uint64 {
	v := h.csr.mip | h.extIRQ
	if h.csr.menvcfg&envcfgSTCE != 0 {
		v &^= IntSTimer
		if h.timerIRQ {
			v |= IntSTimer
		}
	}
	return v
}

// interruptOrder is the priority among simultaneous interrupts, highest first
// (privileged specification, 3.1.9).
var interruptOrder = [...]Cause{CauseMExt, CauseMSoft, CauseMTimer, CauseSExt, CauseSSoft, CauseSTimer}

// pendingInterrupt returns the interrupt to take now, if any.
func (h *Hart) pendingInterrupt() (Cause, bool) {
	pending := h.mipValue() & h.csr.mie
	if pending == 0 {
		return 0, false
	}
	m := pending &^ h.csr.mideleg
	if h.priv == Machine && h.csr.mstatus&mstatusMIE == 0 {
		m = 0
	}
	s := pending & h.csr.mideleg
	if h.priv == Machine || h.priv == Supervisor && h.csr.mstatus&mstatusSIE == 0 {
		s = 0
	}
	take := m
	if take == 0 {
		take = s
	}
	if take == 0 {
		return 0, false
	}
	for _, c := range interruptOrder {
		if take&(1<<(c&63)) != 0 {
			return c, true
		}
	}
	return interruptBit | Cause(bits.TrailingZeros64(take)), true
}

// enterTrap takes an exception or interrupt at pc: it chooses the mode, saves the
// state and moves pc to the vector (privileged specification, 3.1.6 to 3.1.16).
func (h *Hart) enterTrap(cause Cause, tval, pc uint64) {
	c := &h.csr
	code := uint64(cause & 63)
	deleg := c.medeleg
	if cause&interruptBit != 0 {
		deleg = c.mideleg
	}
	var vec uint64
	if h.priv != Machine && deleg>>code&1 != 0 {
		st := c.mstatus &^ (mstatusSPIE | mstatusSPP | mstatusSIE)
		if c.mstatus&mstatusSIE != 0 {
			st |= mstatusSPIE
		}
		if h.priv == Supervisor {
			st |= mstatusSPP
		}
		c.mstatus = st
		c.sepc, c.scause, c.stval = pc, uint64(cause), tval
		vec = c.stvec
		h.setPriv(Supervisor)
	} else {
		st := c.mstatus &^ (mstatusMPIE | mstatusMPP | mstatusMIE)
		if c.mstatus&mstatusMIE != 0 {
			st |= mstatusMPIE
		}
		st |= uint64(h.priv) << mstatusMPPShift
		c.mstatus = st
		c.mepc, c.mcause, c.mtval = pc, uint64(cause), tval
		vec = c.mtvec
		h.setPriv(Machine)
	}
	h.pc = vec &^ 3
	if vec&1 != 0 && cause&interruptBit != 0 {
		h.pc += 4 * code
	}
}

// raise records an exception for the executing instruction.
func (h *Hart) raise(cause Cause, tval uint64) status {
	h.trapCause, h.trapTval = cause, tval
	return stTrap
}

// sret and mret (privileged specification, 3.3.2). They report false if the
// instruction is illegal here.
func (h *Hart) sret() bool {
	c := &h.csr
	if h.priv == User || h.priv == Supervisor && c.mstatus&mstatusTSR != 0 {
		return false
	}
	st := c.mstatus &^ (mstatusSIE | mstatusSPP | mstatusMPRV)
	if c.mstatus&mstatusSPIE != 0 {
		st |= mstatusSIE
	}
	st |= mstatusSPIE
	p := User
	if c.mstatus&mstatusSPP != 0 {
		p = Supervisor
	}
	c.mstatus = st
	h.pc = c.sepc
	h.setPriv(p)
	if p == User && h.user != nil {
		h.user.UserReturn(h)
	}
	return true
}

func (h *Hart) mret() bool {
	c := &h.csr
	if h.priv != Machine {
		return false
	}
	p := Priv(c.mstatus >> mstatusMPPShift & 3)
	st := c.mstatus &^ (mstatusMIE | mstatusMPP)
	if c.mstatus&mstatusMPIE != 0 {
		st |= mstatusMIE
	}
	st |= mstatusMPIE
	if p != Machine {
		st &^= mstatusMPRV
	}
	c.mstatus = st
	h.pc = c.mepc
	h.setPriv(p)
	return true
}
