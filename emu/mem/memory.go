// SPDX-License-Identifier: Apache-2.0

// Package mem is the machine's physical memory. It is the only place where the
// bytes of RAM move: harts reach RAM through host pointers that this package hands
// out page by page, bus masters through Read and Write.
//
// Every page has a byte of flags. A page whose flags are zero costs nothing extra;
// a flag makes the holders of host pointers (the harts' software TLBs) take their
// slow path: because decoded code of the page is cached (MarkCode), or because the
// page has met DMA and is tracked line by line (TrackedPage).
package mem

import (
	"encoding/binary"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"vdev/mmio"
)

// PageSize is the granule of host pointers and page flags, in bytes.
const PageSize = 4096

// pageFlag says what is special about a page.
type pageFlag uint8

const (
	pageCode      pageFlag = 1 << iota // decoded instructions of this page are cached
	pageCodeDirty                      // ... and the page was written since
	pageWritten                        // a hart may have written to it
	pageTracked                        // it has met DMA: see TrackedPage
)

// A Watcher holds host pointers to pages and must let go of them on request.
type Watcher interface {
	// ProtectPage tells that stores to the page at addr must again go through
	// Memory's bookkeeping: cached pointers for writing are to be dropped.
	ProtectPage(addr mmio.PhysAddr)
	// ForgetPage tells that all cached pointers to the page are to be dropped.
	ForgetPage(addr mmio.PhysAddr)
}

// Memory is one contiguous range of RAM.
type Memory struct {
	base     mmio.PhysAddr
	ram      []byte // for tracked pages: what the CPU side sees
	flags    []pageFlag
	dirty    []mmio.PhysAddr // pages with pageCodeDirty, in order of first write
	watchers []Watcher

	adversary   adversary
	observer    Observer
	event       Event          // what the observer is shown
	tracked     []*TrackedPage // by page; nil for plain ones
	trackedList []*TrackedPage // in the order in which they became tracked
	hart        int            // whose turn it is
	changeCounts
}

// New makes size bytes of zeroed RAM at base; both must be multiples of PageSize.
// Host memory is used only for pages that are touched.
func New(base mmio.PhysAddr, size uint64) (*Memory, error) {
	if size == 0 || size%PageSize != 0 || uint64(base)%PageSize != 0 || uint64(base)+size < size {
		return nil, fmt.Errorf("RAM of %d bytes at %#x: need a positive multiple of %d that fits the address space", size, base, PageSize)
	}
	if size > 1<<46 {
		return nil, fmt.Errorf("RAM of %d bytes is more than the host can map", size)
	}
	ram, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("cannot map %d MiB of guest RAM: %w", size>>20, err)
	}
	m := &Memory{base: base, ram: ram, flags: make([]pageFlag, size/PageSize),
		tracked: make([]*TrackedPage, size/PageSize)}
	runtime.AddCleanup(m, func(b []byte) { _ = unix.Munmap(b) }, ram)
	return m, nil
}

// Base is the guest physical address of the first byte.
func (m *Memory) Base() mmio.PhysAddr { return m.base }

// Size is the length in bytes.
func (m *Memory) Size() uint64 { return uint64(len(m.ram)) }

// Contains tells whether all n bytes at addr are RAM.
func (m *Memory) Contains(addr mmio.PhysAddr, n uint64) bool {
	off := uint64(addr - m.base)
	return addr >= m.base && off < uint64(len(m.ram)) && n <= uint64(len(m.ram))-off
}

// Watch registers a holder of host pointers.
func (m *Memory) Watch(w Watcher) { m.watchers = append(m.watchers, w) }

// Init copies p to addr as a boot loader does, before the run: no cache holds
// anything of it. False, with nothing written, if any byte is not RAM.
func (m *Memory) Init(addr mmio.PhysAddr, p []byte) bool {
	if !m.Contains(addr, uint64(len(p))) {
		return false
	}
	copy(m.ram[addr-m.base:], p)
	return true
}

// Read copies len(p) bytes at addr, as the harts see them, into p; false if any of
// them is not RAM.
func (m *Memory) Read(addr mmio.PhysAddr, p []byte) bool {
	if !m.Contains(addr, uint64(len(p))) {
		return false
	}
	m.eachLine(addr, p, func(t *TrackedPage, a mmio.PhysAddr, b []byte) {
		if t != nil {
			m.readCPU(t, a, uint64(len(b)))
		}
		copy(b, m.ram[a-m.base:])
	})
	return true
}

// Write copies p to addr, as a hart would; false, with nothing written, if any byte
// is not RAM.
func (m *Memory) Write(addr mmio.PhysAddr, p []byte) bool {
	if !m.Contains(addr, uint64(len(p))) {
		return false
	}
	m.noteWrite(addr, uint64(len(p)))
	m.eachLine(addr, p, func(t *TrackedPage, a mmio.PhysAddr, b []byte) {
		if t != nil {
			m.writeCPU(t, a, uint64(len(b)))
		}
		copy(m.ram[a-m.base:], b)
	})
	return true
}

// Load returns the little-endian value of 1, 2, 4 or 8 aligned bytes at addr, as
// the harts see them; false if it is not RAM.
func (m *Memory) Load(addr mmio.PhysAddr, size int) (uint64, bool) {
	if !m.Contains(addr, uint64(size)) {
		return 0, false
	}
	if t := m.trackedAt(addr); t != nil {
		m.readCPU(t, addr, uint64(size))
	}
	return loadLE(m.ram[addr-m.base:], size), true
}

// Store writes the low size bytes of v at addr, little-endian and aligned, as a
// hart does; false if it is not RAM.
func (m *Memory) Store(addr mmio.PhysAddr, size int, v uint64) bool {
	if !m.Contains(addr, uint64(size)) {
		return false
	}
	m.noteWrite(addr, uint64(size))
	if t := m.trackedAt(addr); t != nil {
		m.writeCPU(t, addr, uint64(size))
	}
	storeLE(m.ram[addr-m.base:], size, v)
	return true
}

func loadLE(b []byte, size int) uint64 {
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func storeLE(b []byte, size int, v uint64) {
	switch size {
	case 1:
		b[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, v)
	}
}

// noteWrite does the bookkeeping of a write to [addr, addr+n), which is in RAM.
func (m *Memory) noteWrite(addr mmio.PhysAddr, n uint64) {
	if n == 0 {
		return
	}
	first := uint64(addr-m.base) / PageSize
	last := (uint64(addr-m.base) + n - 1) / PageSize
	for i := first; i <= last; i++ {
		m.flags[i] |= pageWritten
		if m.flags[i]&pageCode != 0 {
			m.flags[i] = m.flags[i]&^pageCode | pageCodeDirty
			m.dirty = append(m.dirty, m.base+mmio.PhysAddr(i*PageSize))
		}
	}
}

// MarkCode records that decoded instructions of the page at addr are cached, so
// that the first store to it is noticed. A page that was written since its code
// was cached stays dirty until TakeDirtyCode.
func (m *Memory) MarkCode(addr mmio.PhysAddr) {
	i := uint64(addr-m.base) / PageSize
	if m.flags[i]&(pageCode|pageCodeDirty) != 0 {
		return
	}
	m.flags[i] |= pageCode
	for _, w := range m.watchers {
		w.ProtectPage(addr &^ (PageSize - 1))
	}
}

// NoteWritable records that a hart may write to the page at addr from now on
// without telling.
func (m *Memory) NoteWritable(addr mmio.PhysAddr) {
	m.flags[uint64(addr-m.base)/PageSize] |= pageWritten
}

// Written tells whether a hart may have written to the page of addr. addr must lie in
// RAM.
func (m *Memory) Written(addr mmio.PhysAddr) bool {
	return m.flags[uint64(addr-m.base)/PageSize]&pageWritten != 0
}

// WriteProtected tells whether a store to the page at addr needs bookkeeping, so
// that no pointer for writing may be cached.
func (m *Memory) WriteProtected(addr mmio.PhysAddr) bool {
	return m.flags[uint64(addr-m.base)/PageSize]&pageCode != 0
}

// TakeDirtyCode returns the pages whose cached code no longer matches memory and
// forgets them: their decoded code must be dropped by the caller. This is what
// makes stores to instructions visible at fence.i, and not before.
func (m *Memory) TakeDirtyCode() []mmio.PhysAddr {
	d := m.dirty
	m.dirty = nil
	for _, a := range d {
		m.flags[uint64(a-m.base)/PageSize] &^= pageCodeDirty
	}
	return d
}

// Bytes is RAM itself, for digests and for loading images before the run. It must
// not be written while harts hold decoded code, and is valid only as long as m is
// reachable (runtime.KeepAlive).
func (m *Memory) Bytes() []byte { return m.ram }
