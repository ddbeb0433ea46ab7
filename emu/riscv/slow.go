// SPDX-License-Identifier: Apache-2.0

package riscv

import "vdev/emu/riscv/isa"

// slowOp executes one instruction, at pc, that is not in exec's switch.
type slowOp func(h *Hart, u *uop, pc uint64) status

type slowTable [isa.NumOps]slowOp

// slowOps holds the operations that exec does not do itself. Every operation of the
// table in package isa is either there or here; a test sees to it.
var slowOps = func() *slowTable {
	var t slowTable
	t[isa.OpIllegal] = func(h *Hart, _ *uop, pc uint64) status { return h.illegal(pc) }
	addAtomicOps(&t)
	addBitOps(&t)
	addFloatOps(&t)
	addCSROps(&t)
	addPrivOps(&t)
	addCacheOps(&t)
	return &t
}()

// illegal raises an illegal-instruction exception for the instruction at pc, whose
// encoding goes into tval.
func (h *Hart) illegal(pc uint64) status {
	return h.raise(CauseIllegalInst, h.encodingAt(pc))
}

// encodingAt reads back the instruction at pc, which was fetched before.
func (h *Hart) encodingAt(pc uint64) uint64 {
	pa, _, ok := h.translateFetch(pc, 2)
	if !ok {
		return 0
	}
	v, _ := h.mem.Fetch(pa, 2)
	if v&3 != 3 {
		return v
	}
	if pa, _, ok = h.translateFetch(pc+2, 2); !ok {
		return 0
	}
	hi, _ := h.mem.Fetch(pa, 2)
	return v | hi<<16
}
