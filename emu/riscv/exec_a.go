// SPDX-License-Identifier: Apache-2.0

package riscv

import (
	"vdev/emu/riscv/isa"
	"vdev/mmio"
)

// A extension (unprivileged specification, 13). Harts take turns, so a
// read-modify-write is atomic by itself; a reservation is lost when another hart's
// turn comes, or when a device may have written.

// reservationMask selects the reservation set: a naturally aligned 64-byte block
// (Za64rs).
const reservationMask = mmio.PhysAddr(63)

type amoFunc func(old, src uint64) uint64

// amoOps are the operations on doublewords; word forms sign-extend both operands
// first, which preserves signed and unsigned order.
var amoOps = []struct {
	w, d isa.Op
	f    amoFunc
}{
	{isa.OpAMOSWAP_W, isa.OpAMOSWAP_D, func(_, src uint64) uint64 { return src }},
	{isa.OpAMOADD_W, isa.OpAMOADD_D, func(old, src uint64) uint64 { return old + src }},
	{isa.OpAMOXOR_W, isa.OpAMOXOR_D, func(old, src uint64) uint64 { return old ^ src }},
	{isa.OpAMOAND_W, isa.OpAMOAND_D, func(old, src uint64) uint64 { return old & src }},
	{isa.OpAMOOR_W, isa.OpAMOOR_D, func(old, src uint64) uint64 { return old | src }},
	{isa.OpAMOMIN_W, isa.OpAMOMIN_D, func(old, src uint64) uint64 { return uint64(min(int64(old), int64(src))) }},
	{isa.OpAMOMAX_W, isa.OpAMOMAX_D, func(old, src uint64) uint64 { return uint64(max(int64(old), int64(src))) }},
	{isa.OpAMOMINU_W, isa.OpAMOMINU_D, func(old, src uint64) uint64 { return min(old, src) }},
	{isa.OpAMOMAXU_W, isa.OpAMOMAXU_D, func(old, src uint64) uint64 { return max(old, src) }},
}

func addAtomicOps(t *slowTable) {
	for _, a := range amoOps {
		t[a.w] = func(h *Hart, u *uop, _ uint64) status { return h.amo(u, 4, a.f) }
		t[a.d] = func(h *Hart, u *uop, _ uint64) status { return h.amo(u, 8, a.f) }
	}
	t[isa.OpLR_W] = func(h *Hart, u *uop, _ uint64) status { return h.loadReserved(u, 4) }
	t[isa.OpLR_D] = func(h *Hart, u *uop, _ uint64) status { return h.loadReserved(u, 8) }
	t[isa.OpSC_W] = func(h *Hart, u *uop, _ uint64) status { return h.storeConditional(u, 4) }
	t[isa.OpSC_D] = func(h *Hart, u *uop, _ uint64) status { return h.storeConditional(u, 8) }
}

// signed sign-extends the low size bytes of v.
func signed(v uint64, size int) uint64 {
	if size == 4 {
		return sext32(uint32(v))
	}
	return v
}

func (h *Hart) amo(u *uop, size int, f amoFunc) status {
	va := h.x[u.rs1]
	if va&uint64(size-1) != 0 {
		return h.raise(CauseStoreMisaligned, va)
	}
	p := h.hostForAtomic(va, size)
	if p == nil {
		t, ok := h.locate(va, size, accessWrite)
		if !ok {
			return stTrap
		}
		old, ok := h.loadRAM(t, size)
		if !ok { // devices take no atomics
			return h.raise(CauseStoreAccess, va)
		}
		old = signed(old, size)
		h.storePhys(va, t, size, f(old, signed(h.x[u.rs2], size)))
		h.x[u.rd] = old
		return stNext
	}
	old := signed(p.load(size), size)
	p.store(size, f(old, signed(h.x[u.rs2], size)))
	h.x[u.rd] = old
	return stNext
}

func (h *Hart) loadReserved(u *uop, size int) status {
	va := h.x[u.rs1]
	if va&uint64(size-1) != 0 {
		return h.raise(CauseLoadMisaligned, va)
	}
	t, ok := h.locate(va, size, accessRead)
	if !ok {
		return stTrap
	}
	v, ok := h.loadRAM(t, size)
	if !ok {
		return h.raise(CauseLoadAccess, va)
	}
	h.resValid, h.resAddr = true, t.pa&^reservationMask
	h.x[u.rd] = signed(v, size)
	return stNext
}

func (h *Hart) storeConditional(u *uop, size int) status {
	va := h.x[u.rs1]
	if va&uint64(size-1) != 0 {
		return h.raise(CauseStoreMisaligned, va)
	}
	t, ok := h.locate(va, size, accessWrite)
	if !ok {
		return stTrap
	}
	if !h.mem.Contains(t.pa, uint64(size)) {
		return h.raise(CauseStoreAccess, va)
	}
	failed := uint64(1)
	if h.resValid && h.resAddr == t.pa&^reservationMask {
		h.storePhys(va, t, size, h.x[u.rs2])
		failed = 0
	}
	h.resValid = false
	h.x[u.rd] = failed
	return stNext
}
