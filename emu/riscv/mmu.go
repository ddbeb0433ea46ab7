// SPDX-License-Identifier: Apache-2.0

package riscv

import (
	"encoding/binary"

	"vdev/emu/mem"
	"vdev/mmio"
)

// access is what a translation is for.
type access uint8

const (
	accessRead access = iota
	accessWrite
	accessFetch
)

// need is the PMP permission of each kind of access.
var accessPMP = [...]uint8{accessRead: pmpR, accessWrite: pmpW, accessFetch: pmpX}

// pageFault and accessFault are the causes for each kind of access.
var (
	pageFault   = [...]Cause{accessRead: CauseLoadPageFault, accessWrite: CauseStorePageFault, accessFetch: CauseInstPageFault}
	accessFault = [...]Cause{accessRead: CauseLoadAccess, accessWrite: CauseStoreAccess, accessFetch: CauseInstAccess}
)

// Page table entry bits (privileged specification, 12.4.1; Svnapot, Svpbmt).
const (
	pteV uint64 = 1 << 0
	pteR uint64 = 1 << 1
	pteW uint64 = 1 << 2
	pteX uint64 = 1 << 3
	pteU uint64 = 1 << 4
	pteA uint64 = 1 << 6
	pteD uint64 = 1 << 7
	pteN uint64 = 1 << 63

	ptePBMT      uint64 = 3 << 61
	ptePBMTShift        = 61
	pteReserved  uint64 = 0x7f << 54
	ptePPNShift         = 10
	ptePPN       uint64 = 1<<44 - 1
)

// MemType is a page's memory type by Svpbmt.
type MemType uint8

// Svpbmt memory types.
const (
	MemPMA MemType = 0 // as the physical address says
	MemNC  MemType = 1 // non-cacheable, idempotent, weakly ordered
	MemIO  MemType = 2 // non-cacheable, strongly ordered
)

// translation is the result of a successful walk.
type translation struct {
	pa    mmio.PhysAddr
	typ   MemType
	large bool // the leaf covers more than one 4 KiB page
}

// walk translates va by the page tables for an access with privilege p, sets A and
// D where Svadu is on, and returns the cause of the fault if there is one
// (privileged specification, 12.3.2).
func (h *Hart) walk(va uint64, acc access, p Priv) (translation, Cause, bool) {
	mode := h.csr.satp >> satpModeShift
	if p == Machine || mode == satpBare {
		return translation{pa: mmio.PhysAddr(va)}, 0, true
	}
	levels := int(mode) - satpSv39 + 3
	// The unused upper bits must equal the highest translated one.
	if sh := 64 - (pageBits + 9*levels); uint64(int64(va<<sh)>>sh) != va {
		return translation{}, pageFault[acc], false
	}
	base := h.csr.satp & satpPPN << pageBits
	for level := levels - 1; level >= 0; level-- {
		addr := mmio.PhysAddr(base + va>>(pageBits+9*level)&0x1ff*8)
		if ok, _ := h.csr.pmp.check(uint64(addr), 8, pmpR, Supervisor); !ok {
			return translation{}, accessFault[acc], false
		}
		pte, ok := h.mem.Load(addr, 8)
		if !ok {
			return translation{}, accessFault[acc], false
		}
		if pte&pteV == 0 || pte&(pteR|pteW) == pteW || pte&pteReserved != 0 {
			return translation{}, pageFault[acc], false
		}
		if pte&(pteR|pteX) == 0 { // pointer to the next level
			if pte&(pteD|pteA|pteU|pteN|ptePBMT) != 0 {
				return translation{}, pageFault[acc], false
			}
			base = pte >> ptePPNShift & ptePPN << pageBits
			continue
		}
		return h.leaf(va, acc, p, pte, addr, level)
	}
	return translation{}, pageFault[acc], false
}

// leaf checks and uses the leaf entry pte, read from addr at the given level.
func (h *Hart) leaf(va uint64, acc access, p Priv, pte uint64, addr mmio.PhysAddr, level int) (translation, Cause, bool) {
	fault := func() (translation, Cause, bool) { return translation{}, pageFault[acc], false }
	typ := MemType(pte & ptePBMT >> ptePBMTShift)
	if typ != MemPMA && (h.csr.menvcfg&envcfgPBMTE == 0 || typ > MemIO) {
		return fault()
	}
	switch acc {
	case accessFetch:
		if pte&pteX == 0 {
			return fault()
		}
	case accessRead:
		if pte&pteR == 0 && (pte&pteX == 0 || h.csr.mstatus&mstatusMXR == 0) {
			return fault()
		}
	case accessWrite:
		if pte&pteW == 0 {
			return fault()
		}
	}
	if pte&pteU != 0 {
		if p == Supervisor && (acc == accessFetch || h.csr.mstatus&mstatusSUM == 0) {
			return fault()
		}
	} else if p == User {
		return fault()
	}
	ppn := pte >> ptePPNShift & ptePPN
	span := uint64(1)<<(9*level) - 1 // page number bits that come from va
	if pte&pteN != 0 {
		if level != 0 || ppn&0xf != 8 {
			return fault()
		}
		span = 0xf
		ppn &^= 0xf
	} else if ppn&span != 0 {
		return fault() // misaligned superpage
	}
	set := pteA
	if acc == accessWrite {
		set |= pteD
	}
	if pte&set != set {
		if h.csr.menvcfg&envcfgADUE == 0 {
			return fault()
		}
		if ok, _ := h.csr.pmp.check(uint64(addr), 8, pmpW, Supervisor); !ok {
			return translation{}, accessFault[acc], false
		}
		h.mem.Store(addr, 8, pte|set)
	}
	ppn |= va >> pageBits & span
	return translation{
		pa:    mmio.PhysAddr(ppn<<pageBits | va&pageMask),
		typ:   typ,
		large: span != 0,
	}, 0, true
}

// translateData translates a data access of n bytes that does not cross a page and
// enters the page into the TLB if nothing stands against it.
func (h *Hart) translateData(va, n uint64, acc access) (translation, bool) {
	p := h.dataPriv()
	t, cause, ok := h.walk(va, acc, p)
	if !ok {
		h.raise(cause, va)
		return translation{}, false
	}
	ok, same := h.csr.pmp.check(uint64(t.pa), n, accessPMP[acc], p)
	if !ok {
		h.raise(accessFault[acc], va)
		return translation{}, false
	}
	h.mmu.largePages = h.mmu.largePages || t.large
	if same && t.typ == MemPMA && h.mem.Contains(t.pa, 1) && !h.watched(t.pa) &&
		(acc == accessRead || !h.mem.WriteProtected(t.pa)) {
		h.cacheData(va, t.pa, acc == accessWrite)
	}
	return t, true
}

// watched tells whether the page of pa holds a watched word.
func (h *Hart) watched(pa mmio.PhysAddr) bool {
	for _, w := range h.watch[:h.watchCount] {
		if (w^pa)&^pageMask == 0 {
			return true
		}
	}
	return false
}

// translateFetch translates the address of n bytes of instruction that do not
// cross a page. same says that the page may be cached as a whole.
func (h *Hart) translateFetch(va, n uint64) (pa mmio.PhysAddr, same, ok bool) {
	page := va &^ pageMask
	e := &h.mmu.fetch[h.priv][page>>pageBits%fetchSize]
	if e.tag == page {
		return e.pa | mmio.PhysAddr(va&pageMask), true, true
	}
	t, cause, ok := h.walk(va, accessFetch, h.priv)
	if !ok {
		h.raise(cause, va)
		return 0, false, false
	}
	ok, same = h.csr.pmp.check(uint64(t.pa), n, pmpX, h.priv)
	if !ok || !h.mem.Contains(t.pa, n) {
		h.raise(CauseInstAccess, va)
		return 0, false, false
	}
	h.mmu.largePages = h.mmu.largePages || t.large
	if same {
		*e = fetchEntry{tag: page, pa: t.pa &^ pageMask}
	}
	return t.pa, same, true
}

// Translate is a debugger's view of an address: no A/D update, no permission
// check, no cached state.
func (h *Hart) Translate(va VirtAddr) (mmio.PhysAddr, bool) {
	if h.priv == Machine {
		return mmio.PhysAddr(va), true
	}
	return TranslateIn(h.mem, h.csr.satp, va)
}

// TranslateIn is Translate under the page tables of any value of satp.
func TranslateIn(m *mem.Memory, satp uint64, va VirtAddr) (mmio.PhysAddr, bool) {
	mode := satp >> satpModeShift
	if mode == satpBare {
		return mmio.PhysAddr(va), true
	}
	base := satp & satpPPN << pageBits
	for level := int(mode) - satpSv39 + 2; level >= 0; level-- {
		var raw [8]byte
		if !m.Peek(mmio.PhysAddr(base+uint64(va)>>(pageBits+9*level)&0x1ff*8), raw[:]) {
			return 0, false
		}
		pte := binary.LittleEndian.Uint64(raw[:])
		if pte&pteV == 0 {
			return 0, false
		}
		ppn := pte >> ptePPNShift & ptePPN
		if pte&(pteR|pteX) == 0 {
			base = ppn << pageBits
			continue
		}
		span := uint64(1)<<(9*level) - 1
		if pte&pteN != 0 {
			span = 0xf
		}
		return mmio.PhysAddr((ppn&^span|uint64(va)>>pageBits&span)<<pageBits | uint64(va)&pageMask), true
	}
	return 0, false
}
