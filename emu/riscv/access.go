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
	pa, ok := h.translateData(va, uint64(size), accessRead)
	if !ok {
		return 0, false
	}
	return h.loadPhys(va, pa, size)
}

func (h *Hart) loadPhys(va uint64, pa mmio.PhysAddr, size int) (uint64, bool) {
	if v, ok := h.mem.Load(pa, size); ok {
		return v, true
	}
	h.exitAfter = true
	v, ok := h.bus.Read(pa, size)
	if !ok {
		h.exitAfter = false
		h.raise(CauseLoadAccess, va)
	}
	return v, ok
}

// storeSlow stores the low size bytes of v at va.
func (h *Hart) storeSlow(va uint64, size int, v uint64) bool {
	if va&uint64(size-1) != 0 {
		return h.storeMisaligned(va, size, v)
	}
	pa, ok := h.translateData(va, uint64(size), accessWrite)
	if !ok {
		return false
	}
	return h.storePhys(va, pa, size, v)
}

func (h *Hart) storePhys(va uint64, pa mmio.PhysAddr, size int, v uint64) bool {
	if h.mem.Store(pa, size, v) {
		if h.watchCount != 0 {
			h.storeWatched(pa)
		}
		return true
	}
	h.exitAfter = true
	h.resValid = false // the device may write memory
	if !h.bus.Write(pa, size, v) {
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

func (h *Hart) loadMisaligned(va uint64, size int) (uint64, bool) {
	n := split(va, size)
	pa, ok := h.translateData(va, uint64(n), accessRead)
	if !ok {
		return 0, false
	}
	pa2 := pa + mmio.PhysAddr(n)
	if n < size {
		if pa2, ok = h.translateData(va+uint64(n), uint64(size-n), accessRead); !ok {
			return 0, false
		}
	}
	var v uint64
	for i := range size {
		a := pa + mmio.PhysAddr(i)
		if i >= n {
			a = pa2 + mmio.PhysAddr(i-n)
		}
		b, ok := h.mem.Load(a, 1)
		if !ok { // devices take no misaligned access
			h.raise(CauseLoadAccess, va)
			return 0, false
		}
		v |= b << (8 * i)
	}
	return v, true
}

func (h *Hart) storeMisaligned(va uint64, size int, v uint64) bool {
	n := split(va, size)
	pa, ok := h.translateData(va, uint64(n), accessWrite)
	if !ok {
		return false
	}
	pa2 := pa + mmio.PhysAddr(n)
	if n < size {
		if pa2, ok = h.translateData(va+uint64(n), uint64(size-n), accessWrite); !ok {
			return false
		}
	}
	if !h.mem.Contains(pa, uint64(n)) || n < size && !h.mem.Contains(pa2, uint64(size-n)) {
		h.raise(CauseStoreAccess, va)
		return false
	}
	for i := range size {
		a := pa + mmio.PhysAddr(i)
		if i >= n {
			a = pa2 + mmio.PhysAddr(i-n)
		}
		h.mem.Store(a, 1, v>>(8*i))
		if h.watchCount != 0 {
			h.storeWatched(a)
		}
	}
	return true
}
