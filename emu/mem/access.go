// SPDX-License-Identifier: Apache-2.0

package mem

import (
	"errors"

	"vdev/mmio"
)

// Accesses to tracked pages. Every access is cut at line boundaries, shown to the
// observer, and then has its effect on the line.

// SetCache configures the cache model; before the run.
func (m *Memory) SetCache(c CacheConfig) { m.adversary = newAdversary(c) }

// SetObserver sets who sees the accesses to tracked lines; before the run.
func (m *Memory) SetObserver(o Observer) { m.observer = o }

// SetHart tells whose accesses follow.
func (m *Memory) SetHart(id int) {
	m.hart = id
	m.turns++
}

// Mode is the configured cache mode.
func (m *Memory) Mode() Mode { return m.adversary.mode }

// trackedAt returns the tracked page of addr, or nil. addr must lie in RAM.
func (m *Memory) trackedAt(addr mmio.PhysAddr) *TrackedPage {
	return m.tracked[uint64(addr-m.base)/PageSize]
}

// TrackedAt returns the tracked page of addr, or nil if the page is plain. addr
// must lie in RAM.
func (m *Memory) TrackedAt(addr mmio.PhysAddr) *TrackedPage { return m.trackedAt(addr) }

// Track makes the page of addr tracked, unless the model is off, and returns it. A
// page that a hart wrote before is dirty all over: nobody knows which bytes, and
// what DRAM holds is as old as can be.
func (m *Memory) Track(addr mmio.PhysAddr) *TrackedPage {
	if m.adversary.mode == Coherent {
		return nil
	}
	return m.Show(addr)
}

// Show is Track in every mode, for an Observer that wants to see accesses. With the
// model off all lines stay dirty, which is to say that what harts see is all there is,
// and bus masters' accesses are seen as those of the hart whose turn it is.
func (m *Memory) Show(addr mmio.PhysAddr) *TrackedPage {
	addr &^= PageSize - 1
	if t := m.trackedAt(addr); t != nil {
		return t
	}
	off := uint64(addr - m.base)
	t := &TrackedPage{Addr: addr, owner: m, cpu: m.ram[off : off+PageSize : off+PageSize]}
	written := m.flags[off/PageSize]&pageWritten != 0 || m.adversary.mode == Coherent
	if !written {
		copy(t.dram[:], t.cpu)
	}
	for i := range linesPerPage {
		if written {
			t.state[i], t.Wrote[i] = LineDirty, ^uint64(0)
		}
		t.settle(i)
	}
	m.flags[off/PageSize] |= pageTracked
	m.tracked[off/PageSize] = t
	m.trackedList = append(m.trackedList, t)
	t.noteChange()
	for _, w := range m.watchers {
		w.ForgetPage(addr)
	}
	if m.observer != nil {
		m.observer.Tracked(t)
	}
	return t
}

// eachLine cuts [addr, addr+len(p)) into pieces that lie within one line of a
// tracked page, or within one plain page (t is nil then).
func (m *Memory) eachLine(addr mmio.PhysAddr, p []byte, f func(t *TrackedPage, a mmio.PhysAddr, b []byte)) {
	for len(p) > 0 {
		t := m.trackedAt(addr)
		span := uint64(PageSize)
		if t != nil {
			span = LineSize
		}
		n := min(uint64(len(p)), span-uint64(addr)%span)
		f(t, addr, p[:n])
		addr += mmio.PhysAddr(n)
		p = p[n:]
	}
}

func lineOf(addr mmio.PhysAddr) int { return int(addr % PageSize / LineSize) }

func (m *Memory) observe(op Op, t *TrackedPage, i int, mask uint64, by Agent) {
	if m.observer != nil {
		m.event = Event{Op: op, Page: t, Line: i, Mask: mask, By: by}
		m.observer.Observe(&m.event)
	}
}

func (m *Memory) byHart() Agent { return Agent{Hart: m.hart} }

// readCPU is a cacheable read of n bytes within a line.
func (m *Memory) readCPU(t *TrackedPage, addr mmio.PhysAddr, n uint64) {
	i := lineOf(addr)
	if t.Fast[i]&FastRead != 0 {
		return
	}
	m.observe(OpCPURead, t, i, byteMask(uint64(addr)%LineSize, n), m.byHart())
	if t.state[i] == LineInvalid {
		t.fill(i)
	}
}

// writeCPU prepares a line for a cacheable write of n bytes within it.
func (m *Memory) writeCPU(t *TrackedPage, addr mmio.PhysAddr, n uint64) {
	i := lineOf(addr)
	mask := byteMask(uint64(addr)%LineSize, n)
	if t.Fast[i]&FastWrite == 0 {
		m.observe(OpCPUWrite, t, i, mask, m.byHart())
		if t.state[i] == LineInvalid {
			t.fill(i)
		}
		t.dirty(i)
	}
	t.Wrote[i] |= mask
}

// Fetch loads instruction parcels at addr for decoding. Decoding reads ahead of
// execution, so the observer does not see it; the line is fetched all the same.
func (m *Memory) Fetch(addr mmio.PhysAddr, size int) (uint64, bool) {
	if !m.Contains(addr, uint64(size)) {
		return 0, false
	}
	if t := m.trackedAt(addr); t != nil && t.state[lineOf(addr)] == LineInvalid {
		t.fill(lineOf(addr))
	}
	return loadLE(m.ram[addr-m.base:], size), true
}

// Peek copies what the harts would see at addr into p without touching anything;
// false if it is not all RAM.
func (m *Memory) Peek(addr mmio.PhysAddr, p []byte) bool {
	if !m.Contains(addr, uint64(len(p))) {
		return false
	}
	m.eachLine(addr, p, func(t *TrackedPage, a mmio.PhysAddr, b []byte) {
		if t != nil && t.state[lineOf(a)] == LineInvalid {
			copy(b, t.dram[a%PageSize:])
			return
		}
		copy(b, m.ram[a-m.base:])
	})
	return true
}

// LoadNC loads through a non-cacheable mapping.
func (m *Memory) LoadNC(addr mmio.PhysAddr, size int) (uint64, bool) {
	if !m.Contains(addr, uint64(size)) {
		return 0, false
	}
	t := m.Track(addr)
	if t == nil {
		return m.Load(addr, size)
	}
	m.observe(OpNCRead, t, lineOf(addr), byteMask(uint64(addr)%LineSize, uint64(size)), m.byHart())
	return loadLE(t.dram[addr%PageSize:], size), true
}

// StoreNC stores through a non-cacheable mapping.
func (m *Memory) StoreNC(addr mmio.PhysAddr, size int, v uint64) bool {
	if !m.Contains(addr, uint64(size)) {
		return false
	}
	t := m.Track(addr)
	if t == nil {
		return m.Store(addr, size, v)
	}
	m.noteWrite(addr, uint64(size))
	m.observe(OpNCWrite, t, lineOf(addr), byteMask(uint64(addr)%LineSize, uint64(size)), m.byHart())
	t.noteChange()
	storeLE(t.dram[addr%PageSize:], size, v)
	return true
}

// CBO does a cache-block management operation (OpClean, OpInval, OpFlush, OpZero)
// on the line of addr; false if it is not RAM.
func (m *Memory) CBO(op Op, addr mmio.PhysAddr) bool {
	addr &^= LineSize - 1
	if !m.Contains(addr, LineSize) {
		return false
	}
	if op == OpZero {
		return m.zero(m.trackedAt(addr), addr)
	}
	t := m.Track(addr)
	if t == nil {
		return true
	}
	i := lineOf(addr)
	m.observe(op, t, i, ^uint64(0), m.byHart())
	if op != OpInval && t.state[i] == LineDirty {
		t.writeBack(i)
	}
	if op != OpClean {
		t.state[i] = LineInvalid
	}
	t.Wrote[i] = 0
	t.settle(i)
	m.adversary.after(t, i)
	return true
}

// zero stores zeros without fetching the line first.
func (m *Memory) zero(t *TrackedPage, addr mmio.PhysAddr) bool {
	m.noteWrite(addr, LineSize)
	if t != nil {
		i := lineOf(addr)
		m.observe(OpZero, t, i, ^uint64(0), m.byHart())
		t.Wrote[i] = ^uint64(0)
		t.dirty(i)
	}
	clear(m.ram[addr-m.base:][:LineSize])
	return true
}

// ErrNoMemory says that a bus master addressed something that is not RAM.
var ErrNoMemory = errors.New("no memory at this address")

// Port is a bus master's access to RAM.
type Port struct {
	mem      *Memory
	master   string
	coherent bool
}

// NewPort makes a port for the bus master with that name. A coherent port sees what
// the harts see; another one sees DRAM.
func (m *Memory) NewPort(master string, coherent bool) *Port {
	return &Port{mem: m, master: master, coherent: coherent}
}

// Coherent tells whether the port sees what the harts see.
func (p *Port) Coherent() bool { return p.coherent || p.mem.adversary.mode == Coherent }

// ReadDMA implements mmio.DMA; addresses are physical.
func (p *Port) ReadDMA(addr mmio.IOVA, b []byte) error {
	a := mmio.PhysAddr(addr)
	if !p.mem.Contains(a, uint64(len(b))) {
		return &mmio.DMAError{Addr: p.firstBad(addr), Err: ErrNoMemory}
	}
	if p.Coherent() {
		p.mem.Read(a, b)
		return nil
	}
	p.mem.track(a, len(b))
	p.mem.eachLine(a, b, func(t *TrackedPage, a mmio.PhysAddr, b []byte) {
		i := lineOf(a)
		p.mem.adversary.beforeDMA(t, i, false)
		p.mem.observe(OpDMARead, t, i, byteMask(uint64(a)%LineSize, uint64(len(b))), p.agent())
		copy(b, t.dram[a%PageSize:])
		p.mem.adversary.after(t, i)
	})
	return nil
}

// WriteDMA implements mmio.DMA; addresses are physical.
func (p *Port) WriteDMA(addr mmio.IOVA, b []byte) error {
	a := mmio.PhysAddr(addr)
	if !p.mem.Contains(a, uint64(len(b))) {
		return &mmio.DMAError{Addr: p.firstBad(addr), Write: true, Err: ErrNoMemory}
	}
	p.mem.turns++
	if p.Coherent() {
		p.mem.Write(a, b)
		return nil
	}
	p.mem.track(a, len(b))
	p.mem.noteWrite(a, uint64(len(b)))
	p.mem.eachLine(a, b, func(t *TrackedPage, a mmio.PhysAddr, b []byte) {
		i := lineOf(a)
		p.mem.adversary.beforeDMA(t, i, true)
		p.mem.observe(OpDMAWrite, t, i, byteMask(uint64(a)%LineSize, uint64(len(b))), p.agent())
		t.noteChange()
		copy(t.dram[a%PageSize:], b)
		p.mem.adversary.after(t, i)
	})
	return nil
}

func (p *Port) agent() Agent { return Agent{Hart: -1, Master: p.master} }

// track makes all pages of n bytes at addr tracked.
func (m *Memory) track(addr mmio.PhysAddr, n int) {
	if n == 0 {
		return
	}
	last := (addr + mmio.PhysAddr(n) - 1) &^ (PageSize - 1)
	for a := addr &^ (PageSize - 1); a <= last; a += PageSize {
		m.Track(a)
	}
}

// firstBad is the first address of a failed transfer that is not RAM.
func (p *Port) firstBad(addr mmio.IOVA) mmio.IOVA {
	if p.mem.Contains(mmio.PhysAddr(addr), 1) {
		return mmio.IOVA(uint64(p.mem.base) + p.mem.Size())
	}
	return addr
}

// NumTracked is the number of tracked pages.
func (m *Memory) NumTracked() int { return len(m.trackedList) }
