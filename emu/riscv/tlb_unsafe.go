// SPDX-License-Identifier: Apache-2.0

package riscv

import (
	"unsafe"

	"vdev/emu/mem"
	"vdev/mmio"
)

// The software TLB: for each way of translating data addresses (mmuIndex) and for
// reads and writes separately, a direct-mapped array from virtual page to the host
// address of the RAM page. Whatever needs more than moving bytes (MMIO, a page
// whose code is cached, partial PMP matches, misaligned accesses) misses.
const (
	tlbBits  = 9
	tlbSize  = 1 << tlbBits
	tlbMask  = tlbSize - 1
	pageBits = 12
	pageMask = 1<<pageBits - 1

	// tlbInvalid matches no address: the compared value always has bits 3 to 11 clear.
	tlbInvalid = ^uint64(0)
	// tagTracked marks the entry of a tracked page: one of the bits that the compared
	// value has clear.
	tagTracked uint64 = 1 << 11

	lineBits = 6
	lineMask = mem.PageSize/mem.LineSize - 1
)

// tlbEntry maps one page. An access of 1<<k bytes at va hits if
// va &^ (pageMask &^ (1<<k-1)) == tag, which also proves its alignment.
type tlbEntry struct {
	tag  uint64
	host unsafe.Pointer
}

type tlb struct {
	entry [tlbSize]tlbEntry
	page  [tlbSize]*mem.TrackedPage // of the entries that have tagTracked
}

// fetchEntry maps one page of instructions to its physical page.
type fetchEntry struct {
	tag uint64
	pa  mmio.PhysAddr
}

const fetchSize = 64

// mmuIndex selects the rules for data accesses.
type mmuIndex uint8

const (
	mmuUser       mmuIndex = iota
	mmuSupervisor          // SUM=0: user pages are not accessible
	mmuSum                 // S-mode with SUM=1
	mmuMachine
	numMMU
)

type mmuState struct {
	rd, wr *tlb // of the current index
	index  mmuIndex

	read, write [numMMU]tlb
	fetch       [4][fetchSize]fetchEntry // by privilege mode

	used [numMMU]bool // entries may be valid

	// largePages is set when an entry came from a leaf above level 0 or a NAPOT leaf:
	// flushing one address must then flush all, as the leaf covers more.
	largePages bool
}

// updateMMU selects the TLBs after a change of privilege, SUM, MPRV or MPP.
func (h *Hart) updateMMU() {
	p := h.dataPriv()
	i := mmuIndex(p)
	switch {
	case p == Machine:
		i = mmuMachine
	case p == Supervisor && h.csr.mstatus&mstatusSUM != 0:
		i = mmuSum
	}
	h.mmu.index = i
	h.mmu.rd, h.mmu.wr = &h.mmu.read[i], &h.mmu.write[i]
}

// dataPriv is the privilege with which loads and stores are done (MPRV).
func (h *Hart) dataPriv() Priv {
	if h.csr.mstatus&mstatusMPRV != 0 {
		return Priv(h.csr.mstatus >> mstatusMPPShift & 3)
	}
	return h.priv
}

// FlushTLB forgets all translations, and the blocks found by virtual address.
func (h *Hart) FlushTLB() {
	m := &h.mmu
	for i := range m.used {
		if m.used[i] {
			m.read[i].flush()
			m.write[i].flush()
			m.used[i] = false
		}
	}
	for p := range m.fetch {
		for i := range m.fetch[p] {
			m.fetch[p][i].tag = tlbInvalid
		}
	}
	m.largePages = false
	h.flushJumps()
}

// initTLB makes every entry of a new hart invalid.
func (h *Hart) initTLB() {
	for i := range h.mmu.used {
		h.mmu.used[i] = true
	}
	h.FlushTLB()
}

func (t *tlb) flush() {
	for i := range t.entry {
		t.entry[i].tag = tlbInvalid
	}
}

// FlushTLBPage forgets the translations of the page at va.
func (h *Hart) FlushTLBPage(va VirtAddr) {
	if h.mmu.largePages {
		h.FlushTLB()
		return
	}
	page := uint64(va) &^ pageMask
	i := page >> pageBits & tlbMask
	for k := range h.mmu.read {
		for _, t := range [...]*tlb{&h.mmu.read[k], &h.mmu.write[k]} {
			if t.entry[i].tag&^tagTracked == page {
				t.entry[i].tag = tlbInvalid
			}
		}
	}
	for p := range h.mmu.fetch {
		if e := &h.mmu.fetch[p][page>>pageBits%fetchSize]; e.tag == page {
			e.tag = tlbInvalid
		}
	}
	if h.jumpPages.has(page) {
		h.flushJumps()
	}
}

// ProtectPage implements mem.Watcher.
func (h *Hart) ProtectPage(addr mmio.PhysAddr) { forget(&h.mmu.write, h.mem.HostPage(addr)) }

// ForgetPage implements mem.Watcher.
func (h *Hart) ForgetPage(addr mmio.PhysAddr) {
	forget(&h.mmu.read, h.mem.HostPage(addr))
	forget(&h.mmu.write, h.mem.HostPage(addr))
}

// forget drops the entries that point to the host page.
func forget(tlbs *[numMMU]tlb, host unsafe.Pointer) {
	for k := range tlbs {
		t := &tlbs[k]
		for i := range t.entry {
			if t.entry[i].host == host {
				t.entry[i].tag = tlbInvalid
			}
		}
	}
}

// cacheData enters a translation of the page of va for the current rules.
func (h *Hart) cacheData(va uint64, pa mmio.PhysAddr, write bool) {
	t := h.mmu.rd
	if write {
		t = h.mmu.wr
		h.mem.NoteWritable(pa)
	}
	h.mmu.used[h.mmu.index] = true
	i := va >> pageBits & tlbMask
	t.entry[i] = tlbEntry{tag: va &^ pageMask, host: h.mem.HostPage(pa)}
	if p := h.mem.TrackedAt(pa); p != nil {
		t.entry[i].tag |= tagTracked
		t.page[i] = p
	}
}

// Host memory accesses within a page: off is less than the page size and, by the
// TLB's tag check, aligned.

func host8(p unsafe.Pointer, off uint64) *uint8   { return (*uint8)(unsafe.Add(p, off)) }
func host16(p unsafe.Pointer, off uint64) *uint16 { return (*uint16)(unsafe.Add(p, off)) }
func host32(p unsafe.Pointer, off uint64) *uint32 { return (*uint32)(unsafe.Add(p, off)) }
func host64(p unsafe.Pointer, off uint64) *uint64 { return (*uint64)(unsafe.Add(p, off)) }

// load loads size bytes at va, by the TLB or else the slow path: for operations
// outside exec's switch.
func (h *Hart) load(va uint64, size int) (uint64, bool) {
	i := va >> pageBits & tlbMask
	e := &h.mmu.rd.entry[i]
	key := va &^ (pageMask &^ uint64(size-1))
	if key == e.tag || key|tagTracked == e.tag && h.mmu.rd.page[i].Fast[va>>lineBits&lineMask]&mem.FastRead != 0 {
		switch size {
		case 1:
			return uint64(*host8(e.host, va&pageMask)), true
		case 2:
			return uint64(*host16(e.host, va&pageMask)), true
		case 4:
			return uint64(*host32(e.host, va&pageMask)), true
		}
		return *host64(e.host, va&pageMask), true
	}
	return h.loadSlow(va, size)
}

// store is load's counterpart.
func (h *Hart) store(va uint64, size int, v uint64) bool {
	i := va >> pageBits & tlbMask
	e := &h.mmu.wr.entry[i]
	key := va &^ (pageMask &^ uint64(size-1))
	if key|tagTracked == e.tag {
		p, l := h.mmu.wr.page[i], va>>lineBits&lineMask
		if p.Fast[l]&mem.FastWrite == 0 {
			return h.storeSlow(va, size, v)
		}
		p.Wrote[l] |= (1<<size - 1) << (va & (mem.LineSize - 1))
	} else if key != e.tag {
		return h.storeSlow(va, size, v)
	}
	switch size {
	case 1:
		*host8(e.host, va&pageMask) = uint8(v)
	case 2:
		*host16(e.host, va&pageMask) = uint16(v)
	case 4:
		*host32(e.host, va&pageMask) = uint32(v)
	default:
		*host64(e.host, va&pageMask) = v
	}
	return true
}
