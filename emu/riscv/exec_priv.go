// SPDX-License-Identifier: Apache-2.0

package riscv

import "vdev/emu/riscv/isa"

// Environment calls, trap returns, waiting, and the fences of the memory
// management (privileged specification, 3.3 and 12.2; Svinval; Zawrs; Zihintpause).

func addPrivOps(t *slowTable) {
	t[isa.OpECALL] = (*Hart).ecall
	t[isa.OpEBREAK] = func(h *Hart, _ *uop, pc uint64) status { return h.raise(CauseBreakpoint, pc) }
	t[isa.OpSRET] = func(h *Hart, _ *uop, pc uint64) status { return h.jumpOrIllegal(h.sret(), pc) }
	t[isa.OpMRET] = func(h *Hart, _ *uop, pc uint64) status { return h.jumpOrIllegal(h.mret(), pc) }
	t[isa.OpWFI] = (*Hart).wfi
	t[isa.OpFENCE_I] = func(h *Hart, _ *uop, _ uint64) status {
		h.code.Sync()
		return stExit
	}
	t[isa.OpSFENCE_VMA] = (*Hart).sfenceVMA
	t[isa.OpSINVAL_VMA] = (*Hart).sfenceVMA
	t[isa.OpSFENCE_W_INVAL] = (*Hart).sfenceOrder
	t[isa.OpSFENCE_INVAL_IR] = (*Hart).sfenceOrder
	t[isa.OpPAUSE] = func(h *Hart, _ *uop, _ uint64) status { return h.leave(ExitYield) }
	t[isa.OpWRS_NTO] = func(h *Hart, _ *uop, pc uint64) status { return h.waitReservation(pc, true) }
	t[isa.OpWRS_STO] = func(h *Hart, _ *uop, pc uint64) status { return h.waitReservation(pc, false) }
}

// leave makes Run return e after this instruction.
func (h *Hart) leave(e Exit) status {
	h.exitAsked, h.askedExit = true, e
	return stExit
}

func (h *Hart) jumpOrIllegal(ok bool, pc uint64) status {
	if !ok {
		return h.illegal(pc)
	}
	return stJump
}

func (h *Hart) ecall(_ *uop, pc uint64) status {
	switch h.priv {
	case User:
		if h.user != nil {
			h.user.UserCall(h, pc)
		}
		return h.raise(CauseEcallU, 0)
	case Machine:
		return h.raise(CauseEcallM, 0)
	}
	// Built-in firmware may move the hart's pc (HSM), so it is made true first.
	h.pc = pc + 4
	if h.env.Ecall(h) {
		return stJump
	}
	return h.raise(CauseEcallS, 0)
}

func (h *Hart) wfi(_ *uop, pc uint64) status {
	if h.priv == User || h.priv == Supervisor && h.csr.mstatus&mstatusTW != 0 {
		return h.illegal(pc)
	}
	if !h.Waiting() {
		return stExit
	}
	return h.leave(ExitWFI)
}

// waitReservation lets other harts run, one of which may end the reservation.
func (h *Hart) waitReservation(pc uint64, noTimeout bool) status {
	if noTimeout && h.priv != Machine && h.csr.mstatus&mstatusTW != 0 {
		return h.illegal(pc)
	}
	if !h.resValid {
		return stExit
	}
	return h.leave(ExitYield)
}

func (h *Hart) sfenceVMA(u *uop, pc uint64) status {
	if h.priv == User || h.priv == Supervisor && h.csr.mstatus&mstatusTVM != 0 {
		return h.illegal(pc)
	}
	// The TLB has no address space identifiers: an ASID only narrows what must go.
	if u.rs1 == 0 {
		h.FlushTLB()
	} else {
		h.FlushTLBPage(VirtAddr(h.x[u.rs1]))
	}
	return stExit
}

// sfenceOrder is the ordering half of Svinval, which has nothing to order here.
func (h *Hart) sfenceOrder(_ *uop, pc uint64) status {
	if h.priv == User {
		return h.illegal(pc)
	}
	return stExit
}
