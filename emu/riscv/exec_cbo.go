// SPDX-License-Identifier: Apache-2.0

package riscv

import (
	"vdev/emu/riscv/isa"
	"vdev/mmio"
)

// Zicbom, Zicboz and Zicbop (unprivileged specification, cache-management
// operations). Memory has no caches in front of it yet: the management operations
// check permissions and order, and find nothing to do.

// CacheBlock is the size of a cache block in bytes (Zic64b).
const CacheBlock = 64

func addCacheOps(t *slowTable) {
	nop := func(*Hart, *uop, uint64) status { return stNext }
	t[isa.OpPREFETCH_I], t[isa.OpPREFETCH_R], t[isa.OpPREFETCH_W] = nop, nop, nop
	manage := func(field uint64) slowOp {
		return func(h *Hart, u *uop, pc uint64) status {
			if !h.envcfgAllows(field) {
				return h.illegal(pc)
			}
			return h.manageBlock(h.x[u.rs1])
		}
	}
	t[isa.OpCBO_INVAL] = manage(envcfgCBIE)
	t[isa.OpCBO_CLEAN] = manage(envcfgCBCFE)
	t[isa.OpCBO_FLUSH] = manage(envcfgCBCFE)
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

// manageBlock checks a management operation on the block of va: it is allowed if a
// load or a store would be, and its faults are those of a store.
func (h *Hart) manageBlock(va uint64) status {
	block := va &^ (CacheBlock - 1)
	if _, ok := h.translateData(block, 1, accessRead); ok {
		return stNext
	}
	if _, ok := h.translateData(block, 1, accessWrite); ok {
		return stNext
	}
	h.trapTval = va
	return stTrap
}

func (h *Hart) zeroBlock(va uint64) status {
	block := va &^ (CacheBlock - 1)
	pa, ok := h.translateData(block, CacheBlock, accessWrite)
	if !ok {
		h.trapTval = va
		return stTrap
	}
	if !h.mem.Contains(pa, CacheBlock) {
		return h.raise(CauseStoreAccess, va)
	}
	for i := 0; i < CacheBlock; i += 8 {
		h.storePhys(va, pa+mmio.PhysAddr(i), 8, 0)
	}
	return stNext
}
