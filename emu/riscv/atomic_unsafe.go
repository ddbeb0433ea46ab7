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
	e := &h.mmu.wr.entry[va>>pageBits&tlbMask]
	if e.tag != key || h.mmu.rd.entry[va>>pageBits&tlbMask].tag != key {
		return nil
	}
	return (*hostWord)(unsafe.Add(e.host, va&pageMask))
}

// plainRAM returns the translation of an aligned access at va if entry e of the TLB
// has it as a plain page.
func (h *Hart) plainRAM(e *tlbEntry, va uint64, size int) (translation, bool) {
	if e.tag != va&^(pageMask&^uint64(size-1)) {
		return translation{}, false
	}
	off := uintptr(e.host) - uintptr(h.mem.HostPage(h.mem.Base()))
	return translation{pa: h.mem.Base() + mmio.PhysAddr(off) + mmio.PhysAddr(va&pageMask)}, true
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
