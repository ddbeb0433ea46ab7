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

// cached returns the translation of an aligned access at va if t has it, for a plain
// or for a tracked page.
func (h *Hart) cached(t *tlb, va uint64, size int) (translation, bool) {
	i := va >> pageBits & tlbMask
	e := &t.entry[i]
	if e.tag&^tagTracked != va&^(pageMask&^uint64(size-1)) {
		return translation{}, false
	}
	off := mmio.PhysAddr(va & pageMask)
	if e.tag&tagTracked != 0 {
		return translation{pa: t.page[i].Addr + off}, true
	}
	ram := h.mem.Base()
	return translation{pa: ram + off + mmio.PhysAddr(uintptr(e.host)-uintptr(h.mem.HostPage(ram)))}, true
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
