// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"io"
	"sync"

	"vdev/emu/dmasan"
	"vdev/emu/linux"
	"vdev/emu/mem"
	"vdev/emu/riscv"
	"vdev/emu/symbols"
	"vdev/iommu"
	"vdev/mmio"
)

// ReportConfig says where the sanitizer's findings go.
type ReportConfig struct {
	Text   io.Writer // for people; may be nil
	JSON   io.Writer // a line of JSON for each; may be nil
	Latent bool      // show also what only a later access would make matter
	// Resolver finds names. It is called when the first report is made; may be nil.
	Resolver func(symbols.Memory) symbols.Resolver
	// Layout says where the kernel keeps the names of tasks, which have to be read while
	// the tasks exist. It is called when the first access is recorded; may be nil, and
	// may return nil.
	Layout func() *symbols.Layout
}

// addSanitizer makes the sanitizer, unless there is nothing to find: caches are
// coherent, no IOMMU refuses anything, and no buffers are shared.
func (m *Machine) addSanitizer() {
	if m.cfg.Cache.Mode == mem.Coherent && m.cfg.IOMMU == IOMMUNone && m.cfg.BufferPool == 0 {
		return
	}
	view := guestMemory{m.mem}
	c := dmasan.Config{
		Now: m.Now, Context: m.context, Memory: view, RAM: m.mem, Job: m.job, Buffer: m.buffer, Device: m.device,
		Access: m.cpuAccess,
		Disk:   func(master string) bool { return master == blockName },
		Shares: func(master string) bool { return m.share.Device(master) != nil },
		Text:   m.cfg.Report.Text, JSON: m.cfg.Report.JSON, ReportLatent: m.cfg.Report.Latent,
	}
	if read := m.cfg.Report.Layout; read != nil {
		layout := sync.OnceValue(read)
		c.Task = func(task, satp uint64) (symbols.Task, bool) {
			if l := layout(); l != nil {
				return l.Task(view, task, satp)
			}
			return symbols.Task{}, false
		}
		m.taskOf = c.Task
	}
	if r := m.cfg.Report.Resolver; r != nil {
		c.Resolver = func() symbols.Resolver { return r(view) }
	}
	m.sanitizer = dmasan.New(c)
	m.mem.SetObserver(m.sanitizer)
}

// Errors is the number of different errors that the sanitizer found.
func (m *Machine) Errors() int {
	if m.sanitizer == nil {
		return 0
	}
	return m.sanitizer.Errors()
}

// Reports is what the sanitizer has found so far, in order. They belong to the
// machine's goroutine, which goes on counting in them.
func (m *Machine) Reports() []*dmasan.Report {
	if m.sanitizer == nil {
		return nil
	}
	return m.sanitizer.Reports()
}

// FinishReports says how often each finding occurred, after the run.
func (m *Machine) FinishReports() {
	if m.sanitizer != nil {
		m.sanitizer.Finish()
	}
}

// context is the registers of a hart, as the sanitizer wants them.
func (m *Machine) context(hart int) symbols.Regs {
	c := m.harts[hart].Context()
	return symbols.Regs{
		PC: c.PC, RA: c.RA, SP: c.SP, FP: c.FP, TP: c.TP, Priv: symbols.Priv(c.Priv),
		Satp: c.Satp, Sscratch: c.Sscratch, Stvec: c.Stvec,
	}
}

// guestMemory reads memory behind the scenes.
type guestMemory struct{ mem *mem.Memory }

// ReadVirt implements symbols.Memory.
func (g guestMemory) ReadVirt(satp, va uint64, p []byte) bool {
	for len(p) > 0 {
		n := min(len(p), int(mem.PageSize-va%mem.PageSize))
		pa, ok := riscv.TranslateIn(g.mem, satp, riscv.VirtAddr(va))
		if !ok || !g.mem.Peek(pa, p[:n]) {
			return false
		}
		va += uint64(n)
		p = p[n:]
	}
	return true
}

// Translate implements linux.Translator.
func (g guestMemory) Translate(satp, va uint64) (mmio.PhysAddr, bool) {
	return riscv.TranslateIn(g.mem, satp, riscv.VirtAddr(va))
}

// job is what a bus master says it is doing; empty if it says nothing.
func (m *Machine) job(master string) string {
	for _, p := range m.placed {
		if p.dev.Name() == master {
			if d, ok := p.dev.(mmio.JobDescriber); ok {
				return d.Job()
			}
		}
	}
	return ""
}

// buffer is the buffer at a physical address, as the guest's kernel knows it, or the
// dma-buf core: the kernel does not tell where a buffer is while no driver has it mapped.
func (m *Machine) buffer(addr mmio.PhysAddr) (linux.Buffer, bool) {
	if m.kernel != nil {
		c := m.context(m.hartNow())
		m.kernel.SetBase(c.Stvec)
		if b, ok := m.kernel.Buffer(addr, c.Satp); ok {
			return b, true
		}
	}
	b, off := m.share.Core().BufferAt(uint64(addr))
	if b == nil {
		return linux.Buffer{}, false
	}
	return linux.Buffer{Name: b.Name(), Exporter: b.Exporter(), Size: b.Size(), Offset: off}, true
}

// device is how the guest's kernel names a bus master's device, and whether it surely
// takes it for coherent.
func (m *Machine) device(master string) (name string, coherent bool) {
	if m.kernel == nil {
		return "", false
	}
	c := m.context(m.hartNow())
	m.kernel.SetBase(c.Stvec)
	for _, p := range m.placed {
		if p.dev.Name() != master {
			continue
		}
		if dev, name, ok := m.kernel.Device(p.base, c.Satp); ok {
			coherent, known := m.kernel.Coherent(dev, c.Satp)
			return name, coherent && known
		}
	}
	return "", false
}

// hartNow is the hart whose turn it is, or the first one.
func (m *Machine) hartNow() int {
	if m.running == nil {
		return 0
	}
	return int(m.running.ID())
}

// translatedPort makes the port of a bus master behind the IOMMU.
func (m *Machine) translatedPort(name string, deviceID uint32, down mmio.DMA) mmio.DMA {
	return m.sanitizer.Port(dmasan.PortConfig{
		Master:  name,
		Through: func(down mmio.DMA) mmio.DMA { return m.iommu.Port(deviceID, down, nil) },
		Mapped:  func(addr mmio.IOVA, write bool) (mmio.PhysAddr, bool) { return m.resolve(deviceID, addr, write) },
		Space:   func() (uint32, bool) { return m.iommu.AddressSpace(m.mem.Peek, deviceID) },
	}, down)
}

// invalidated tells the sanitizer that a hart had the IOMMU forget translations, as it
// does when something is unmapped.
func (m *Machine) invalidated(v iommu.Invalidation) {
	if m.running != nil {
		m.sanitizer.Invalidated(v, int(m.running.ID()))
	}
}

// hartBus is the bus as a hart sees it: it tells the sanitizer who made which
// bus master start to work.
type hartBus struct {
	m *Machine
	h *hart
}

// Read implements riscv.Bus.
func (b *hartBus) Read(addr mmio.PhysAddr, size int) (uint64, bool) { return b.m.bus.Read(addr, size) }

// Write implements riscv.Bus.
func (b *hartBus) Write(addr mmio.PhysAddr, size int, v uint64) bool {
	if b.m.sanitizer != nil {
		b.noteStart(addr)
	}
	return b.m.bus.Write(addr, size, v)
}

func (b *hartBus) noteStart(addr mmio.PhysAddr) {
	r, ok := b.m.bus.Find(addr)
	if !ok {
		return
	}
	d, ok := r.Device.(mmio.RegisterDevice)
	if !ok {
		return
	}
	if name, ok := d.Registers().StartsAt(uint64(addr - r.Base)); ok {
		b.m.sanitizer.JobStarted(d.Name(), "store to "+name, int(b.h.ID()))
	}
}
