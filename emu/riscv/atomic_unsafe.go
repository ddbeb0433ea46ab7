// SPDX-License-Identifier: Apache-2.0

package riscv

import (
	"unsafe"

	"vdev/mmio"
)

// hostWord is a naturally aligned word or doubleword of RAM.
type hostWord struct{ b [8]byte }

// hostForAtomic returns the host address of an aligned atomic at va if the TLB has
// the page for both reading and writing, else nil.
func (h *Hart) hostForAtomic(va uint64, size int) *hostWord {
	key := va &^ (pageMask &^ uint64(size-1))
	e := &h.mmu.wr[va>>pageBits&tlbMask]
	if e.tag != key || h.mmu.rd[va>>pageBits&tlbMask].tag != key {
		return nil
	}
	return (*hostWord)(unsafe.Add(e.host, va&pageMask))
}

// physOf returns the physical address of an aligned access at va if entry e of the
// TLB has it.
func (h *Hart) physOf(e *tlbEntry, va uint64, size int) (mmio.PhysAddr, bool) {
	if e.tag != va&^(pageMask&^uint64(size-1)) {
		return 0, false
	}
	off := uintptr(e.host) - uintptr(unsafe.Pointer(h.mem.HostPage(h.mem.Base())))
	return h.mem.Base() + mmio.PhysAddr(off) + mmio.PhysAddr(va&pageMask), true
}

func (w *hostWord) load(size int) uint64 {
	if size == 4 {
		return uint64(*(*uint32)(unsafe.Pointer(w)))
	}
	return *(*uint64)(unsafe.Pointer(w))
}

func (w *hostWord) store(size int, v uint64) {
	if size == 4 {
		*(*uint32)(unsafe.Pointer(w)) = uint32(v)
		return
	}
	*(*uint64)(unsafe.Pointer(w)) = v
}
