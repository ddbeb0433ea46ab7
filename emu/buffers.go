// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"bytes"
	"fmt"

	"vdev/dmabuf"
	"vdev/emu/bufshare"
	"vdev/emu/mem"
	"vdev/mmio"
	"vdev/mmio/bsu"
)

// The pool of memory for shared buffers, unless the configuration says otherwise.
const (
	defaultPool   = 64 << 20
	poolAlign     = 2 << 20 // so that there are large pages
	poolMinMemory = 256 << 20
)

// DefaultBufferPool is how much of a machine's memory is set aside for shared buffers,
// in bytes: none in small machines, which need it for themselves.
func DefaultBufferPool(memory uint64) uint64 {
	if memory < poolMinMemory {
		return 0
	}
	return defaultPool
}

// bufferPool is where the pool is: at the end of RAM. It is zero if there is none.
func (cfg *Config) bufferPool() dmabuf.Extent {
	size := cfg.BufferPool &^ (poolAlign - 1)
	if size == 0 {
		return dmabuf.Extent{}
	}
	end := (uint64(RAMBase) + cfg.Memory) &^ (poolAlign - 1)
	return dmabuf.Extent{Addr: end - size, Len: size}
}

// addBufferSharing makes the dma-buf core and the device through which the guest
// reaches it.
func (m *Machine) addBufferSharing() {
	const name = "bsu"
	pool := m.cfg.bufferPool()
	if pool.Len > 0 {
		m.mem.Init(mmio.PhysAddr(pool.Addr), bytes.Repeat([]byte("garbage "), mem.PageSize/8))
	}
	m.share = bufshare.New(bufshare.Config{
		Clock: watchedClock{m}, Pool: pool, Memory: sharedMemory{m}, Observer: m.bufferRule, Devices: m.sharers(), Mode: m.cfg.Sync, Tickets: m.cfg.Tickets, Mark: m.mark, Caller: m.caller,
	})
	unit := bsu.Config{Name: name, IRQ: m.plic.Line(irqBSU), DMA: m.mem.NewPort(name, true), Handler: watchedShare{m.share, m}, Events: &m.events,
		Pool: bsu.Pool{Base: pool.Addr, Size: pool.Len}}
	if pool.Len > 0 {
		unit.Memory = func() mmio.DTRef { return m.pool }
	}
	m.place(placed{base: addrBSU, irqs: []uint32{irqBSU}, dev: bsu.New(unit)})
}

// sharers are the bus masters whose buffers can be shared.
func (m *Machine) sharers() []bufshare.Device {
	const limit = 1 << 32 // their registers for addresses have 32 bits
	of := func(name string, base mmio.PhysAddr, w Wiring, deviceID uint32) bufshare.Device {
		d := bufshare.Device{Base: base}
		d.Name, d.Coherent, d.Jobs = name, w == WiredCoherent, true // which go through their gates
		d.Constraints = dmabuf.Constraints{IOMMU: deviceID != 0, Contiguous: true, AddressLimit: limit}
		return d
	}
	g2d := of("g2d", addrG2D, m.cfg.Ports.G2D, m.behind(IOMMUMedia, deviceG2D))
	fimd := of("fimd", addrFIMD, m.cfg.Ports.FIMD, m.behind(IOMMUMedia, deviceFIMD))
	// Their driver imports for both at once, and keeps what it has imported mapped.
	g2d.Group, g2d.Persistent = "exynos-drm", true
	fimd.Group, fimd.Persistent = g2d.Group, true
	return []bufshare.Device{g2d, fimd,
		of("dma-tester", addrDMATest, m.cfg.Ports.DMATest, m.behind(IOMMUAll, deviceDMATest))}
}

// Buffers is the table of the shared buffers that the dma-buf core knows, oldest first.
// It belongs to the machine's goroutine, but shares nothing with the machine.
func (m *Machine) Buffers() []dmabuf.BufferInfo { return m.share.Core().Buffers() }

// BufferStats are the counters of the dma-buf core.
func (m *Machine) BufferStats() dmabuf.Stats { return m.share.Stats() }

// bufferRule is told of each broken rule of the dma-buf core.
func (m *Machine) bufferRule(e *dmabuf.Event) {
	if m.sanitizer != nil {
		m.sanitizer.RuleBroken(e)
	}
}

// mark takes down who does something with a buffer now, for reports.
func (m *Machine) mark() uint64 {
	if m.sanitizer == nil {
		return 0
	}
	if m.acting != "" {
		return m.sanitizer.Mark(mem.Agent{Hart: -1, Master: m.acting})
	}
	return m.sanitizer.Mark(mem.Agent{Hart: m.hartNow()})
}

// describePool writes the pool's node. Linux keeps track of its pages, so that they can
// be mapped into address spaces, and uses them for nothing.
func (m *Machine) describePool(root mmio.DTNode) {
	pool := m.cfg.bufferPool()
	if pool.Len == 0 {
		return
	}
	all := root.Child("reserved-memory")
	all.SetProp("#address-cells", uint32(2))
	all.SetProp("#size-cells", uint32(2))
	all.SetProp("ranges", nil)
	n := all.Child(fmt.Sprintf("buffers@%x", pool.Addr))
	n.SetProp("reg", []any{pool.Addr, pool.Len})
	m.pool = n.Ref()
}

// sharedMemory does what the dma-buf core decides: the unit has a port to the harts'
// caches, and does maintenance by itself.
type sharedMemory struct{ m *Machine }

// Maintain implements dmabuf.Memory.
func (s sharedMemory) Maintain(op dmabuf.Op, addr, n uint64) {
	m := s.m
	if m.mem.Mode() == mem.Coherent {
		return
	}
	cbo := [...]mem.Op{dmabuf.Clean: mem.OpClean, dmabuf.Invalidate: mem.OpInval, dmabuf.Flush: mem.OpFlush}[op]
	for a := addr; a < addr+n; a += mem.LineSize {
		m.mem.CBO(cbo, mmio.PhysAddr(a))
		if h := m.running; h != nil && m.tracer != nil {
			// It is the task's, as if it had maintained the line itself.
			userWatch{m}.Maintained(h.Hart, cbo, mmio.PhysAddr(a))
		}
	}
}

// Zero implements dmabuf.Memory. Pages that nobody has ever used are zero.
func (s sharedMemory) Zero(addr, n uint64) {
	var zero [mem.PageSize]byte
	defer s.m.acts(coreName)()
	for a := mmio.PhysAddr(addr); a < mmio.PhysAddr(addr+n); a += mem.PageSize {
		if s.m.mem.TrackedAt(a) != nil || s.m.mem.Written(a) {
			s.fill(a, zero[:])
		}
	}
}

// Copy implements dmabuf.Memory.
func (s sharedMemory) Copy(dst, src, n uint64) {
	defer s.m.acts(coreName)()
	var page [mem.PageSize]byte
	for off := uint64(0); off < n; off += mem.PageSize {
		p := page[:min(mem.PageSize, n-off)]
		if s.m.mem.Peek(mmio.PhysAddr(src+off), p) {
			s.fill(mmio.PhysAddr(dst+off), p)
		}
	}
}

// fill writes bytes so that harts and devices see them.
func (s sharedMemory) fill(a mmio.PhysAddr, p []byte) {
	s.m.mem.Write(a, p)
	s.Maintain(dmabuf.Flush, uint64(a)&^(mem.LineSize-1), uint64(len(p)+mem.LineSize-1)&^(mem.LineSize-1))
}

// Moved implements dmabuf.Memory: the driver takes mappings into address spaces away.
func (s sharedMemory) Moved(*dmabuf.Buffer, []dmabuf.Extent, []dmabuf.Extent) {}
