// SPDX-License-Identifier: Apache-2.0

package riscv

import (
	"vdev/emu/mem"
	"vdev/emu/riscv/isa"
)

// Zicbom, Zicboz and Zicbop (unprivileged specification, cache-management
// operations): permission checks here, effects in mem.CBO.

// CacheBlock is the size of a cache block in bytes (Zic64b).
const CacheBlock = mem.LineSize

func addCacheOps(t *slowTable) {
	nop := func(*Hart, *uop, uint64) status { return stNext }
	t[isa.OpPREFETCH_I], t[isa.OpPREFETCH_R], t[isa.OpPREFETCH_W] = nop, nop, nop
	manage := func(op mem.Op, field uint64) slowOp {
		return func(h *Hart, u *uop, pc uint64) status {
			if !h.envcfgAllows(field) {
				return h.illegal(pc)
			}
			if op == mem.OpInval && h.invalIsFlush() {
				return h.manageBlock(mem.OpFlush, h.x[u.rs1])
			}
			return h.manageBlock(op, h.x[u.rs1])
		}
	}
	t[isa.OpCBO_INVAL] = manage(mem.OpInval, envcfgCBIE)
	t[isa.OpCBO_CLEAN] = manage(mem.OpClean, envcfgCBCFE)
	t[isa.OpCBO_FLUSH] = manage(mem.OpFlush, envcfgCBCFE)
	t[isa.OpCBO_ZERO] = func(h *Hart, u *uop, pc uint64) status {
		if !h.envcfgAllows(envcfgCBZE) {
			return h.illegal(pc)
		}
		return h.zeroBlock(h.x[u.rs1])
	}
}

// envcfgAllows tells whether the field is set for every more privileged mode.
func (h *Hart) envcfgAllows(field uint64) bool {
	if h.priv == Machine {
		return true
	}
	return h.csr.menvcfg&field != 0 && (h.priv == Supervisor || h.csr.senvcfg&field != 0)
}

// invalIsFlush tells whether cbo.inval does a flush here: some more privileged mode
// has CBIE set to 01 (table "Effect of CBIE").
func (h *Hart) invalIsFlush() bool {
	const flush = 1 << envcfgCBIEShift
	return h.priv != Machine && (h.csr.menvcfg&envcfgCBIE == flush || h.priv == User && h.csr.senvcfg&envcfgCBIE == flush)
}

// manageBlock does a management operation on the block of va: it is allowed if a
// load or a store would be, and its faults are those of a store.
func (h *Hart) manageBlock(op mem.Op, va uint64) status {
	block := va &^ (CacheBlock - 1)
	t, ok := h.translateData(block, 1, accessRead)
	if !ok {
		t, ok = h.translateData(block, 1, accessWrite)
	}
	if !ok {
		h.trapTval = va
		return stTrap
	}
	if !h.mem.CBO(op, t.pa) {
		return h.raise(CauseStoreAccess, va)
	}
	if h.user != nil {
		h.user.Maintained(h, op, t.pa)
	}
	return stNext
}

func (h *Hart) zeroBlock(va uint64) status {
	t, ok := h.translateData(va&^(CacheBlock-1), CacheBlock, accessWrite)
	if !ok {
		h.trapTval = va
		return stTrap
	}
	if !h.mem.CBO(mem.OpZero, t.pa) {
		return h.raise(CauseStoreAccess, va)
	}
	if h.watchCount != 0 {
		h.storeWatched(t.pa)
	}
	return stNext
}
