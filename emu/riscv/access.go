// SPDX-License-Identifier: Apache-2.0

package riscv

import "vdev/mmio"

// Slow data accesses: everything that misses the software TLB. They return false
// after recording an exception with raise.

// loadSlow loads size bytes at va, zero-extended. Misaligned accesses to RAM are
// done in hardware (Zicclsm), byte by byte.
func (h *Hart) loadSlow(va uint64, size int) (uint64, bool) {
	if va&uint64(size-1) != 0 {
		return h.loadMisaligned(va, size)
	}
	t, ok := h.locate(va, size, accessRead)
	if !ok {
		return 0, false
	}
	if v, ok := h.loadRAM(t, size); ok {
		return v, true
	}
	h.exitAfter = true
	v, ok := h.bus.Read(t.pa, size)
	if !ok {
		h.exitAfter = false
		h.raise(CauseLoadAccess, va)
	}
	return v, ok
}

// locate translates an aligned access that exec's own look into the TLB did not
// settle: to a line of a tracked page that needs attention, or by the page tables.
func (h *Hart) locate(va uint64, size int, acc access) (translation, bool) {
	tlb := h.mmu.rd
	if acc == accessWrite {
		tlb = h.mmu.wr
	}
	if t, ok := h.cached(tlb, va, size); ok {
		return t, true
	}
	return h.translateData(va, uint64(size), acc)
}

// loadRAM loads from RAM as the mapping's memory type has it; false if there is
// none.
func (h *Hart) loadRAM(t translation, size int) (uint64, bool) {
	if t.typ != MemPMA {
		return h.mem.LoadNC(t.pa, size)
	}
	return h.mem.Load(t.pa, size)
}

// storeRAM is loadRAM's counterpart.
func (h *Hart) storeRAM(t translation, size int, v uint64) bool {
	if t.typ != MemPMA {
		return h.mem.StoreNC(t.pa, size, v)
	}
	return h.mem.Store(t.pa, size, v)
}

// storeSlow stores the low size bytes of v at va.
func (h *Hart) storeSlow(va uint64, size int, v uint64) bool {
	if va&uint64(size-1) != 0 {
		return h.storeMisaligned(va, size, v)
	}
	t, ok := h.locate(va, size, accessWrite)
	if !ok {
		return false
	}
	return h.storePhys(va, t, size, v)
}

func (h *Hart) storePhys(va uint64, t translation, size int, v uint64) bool {
	if h.storeRAM(t, size, v) {
		if h.watchCount != 0 {
			h.storeWatched(t.pa)
		}
		return true
	}
	h.exitAfter = true
	h.resValid = false // the device may write memory
	if !h.bus.Write(t.pa, size, v) {
		h.exitAfter = false
		h.raise(CauseStoreAccess, va)
		return false
	}
	return true
}

// storeWatched reports a store to a watched word.
func (h *Hart) storeWatched(pa mmio.PhysAddr) {
	for _, w := range h.watch[:h.watchCount] {
		if pa&^7 == w {
			v, _ := h.mem.Load(w, 8)
			h.exitAfter = true
			h.env.StoreWatch(w, v)
		}
	}
}

// split returns how many of size bytes at va lie on the first page.
func split(va uint64, size int) int {
	return min(size, int(pageMask+1-va&pageMask))
}

// pieces translates a misaligned access: the part on the first page, and the rest,
// which begins n bytes further.
func (h *Hart) pieces(va uint64, size int, acc access) (first, second translation, n int, ok bool) {
	n = split(va, size)
	if first, ok = h.translateData(va, uint64(n), acc); !ok || n == size {
		return first, first, n, ok
	}
	second, ok = h.translateData(va+uint64(n), uint64(size-n), acc)
	return first, second, n, ok
}

// byteOf is the translation of byte i of a misaligned access.
func byteOf(first, second translation, n, i int) translation {
	if i >= n {
		first, i = second, i-n
	}
	first.pa += mmio.PhysAddr(i)
	return first
}

func (h *Hart) loadMisaligned(va uint64, size int) (uint64, bool) {
	first, second, n, ok := h.pieces(va, size, accessRead)
	if !ok {
		return 0, false
	}
	var v uint64
	for i := range size {
		b, ok := h.loadRAM(byteOf(first, second, n, i), 1)
		if !ok { // devices take no misaligned access
			h.raise(CauseLoadAccess, va)
			return 0, false
		}
		v |= b << (8 * i)
	}
	return v, true
}

func (h *Hart) storeMisaligned(va uint64, size int, v uint64) bool {
	first, second, n, ok := h.pieces(va, size, accessWrite)
	if !ok {
		return false
	}
	if !h.mem.Contains(first.pa, uint64(n)) || n < size && !h.mem.Contains(second.pa, uint64(size-n)) {
		h.raise(CauseStoreAccess, va)
		return false
	}
	for i := range size {
		t := byteOf(first, second, n, i)
		h.storeRAM(t, 1, v>>(8*i))
		if h.watchCount != 0 {
			h.storeWatched(t.pa)
		}
	}
	return true
}
