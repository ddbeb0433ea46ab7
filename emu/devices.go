// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"vdev/emu/riscv"
	"vdev/iommu"
	"vdev/mmio"
	"vdev/mmio/aclint"
	"vdev/mmio/dmatest"
	"vdev/mmio/fimd"
	"vdev/mmio/g2d"
	"vdev/mmio/plic"
	"vdev/mmio/rtc"
	"vdev/mmio/syscon"
	"vdev/mmio/uart"
	"vdev/mmio/virtio"
)

// placed is a device, and how the machine wires it.
type placed struct {
	base mmio.PhysAddr
	dev  mmio.Device
	irqs []uint32 // PLIC sources
	// deviceID is what the IOMMU knows a bus master by; 0 for those that reach memory
	// past it.
	deviceID uint32
	clocks   []clockInput
}

// clockInput is a clock of fixed frequency, under the name that the device's
// binding has for it.
type clockInput struct {
	name string
	hz   uint64
}

// addDevices makes all devices and maps them.
func (m *Machine) addDevices() error {
	m.addInterruptControllers()
	m.uart = uart.New(uart.Config{Name: "uart0", IRQ: m.plic.Line(irqUART), Output: m.consoleByte,
		OnRoom: m.feedConsole, Events: &m.events})
	m.addIOMMU()
	m.place(placed{base: addrSyscon, dev: syscon.New(syscon.Config{Name: "syscon", Finish: m.finish, Events: &m.events})})
	m.place(placed{base: addrRTC, irqs: []uint32{irqRTC},
		dev: rtc.New(rtc.Config{Name: "rtc", Clock: m, Epoch: epoch, IRQ: m.plic.Line(irqRTC), Events: &m.events})})
	m.place(placed{base: addrACLINT, dev: m.aclint})
	m.place(placed{base: addrPLIC, dev: m.plic})
	m.place(placed{base: addrUART, dev: m.uart, irqs: []uint32{irqUART}})
	m.addDMATester()
	m.addVirtio()
	m.addMultimedia()
	m.addBufferSharing()
	slices.SortFunc(m.placed, func(a, b placed) int { return cmp.Compare(a.base, b.base) })
	for _, p := range m.placed {
		if err := m.bus.Map(p.base, p.dev); err != nil {
			return err
		}
	}
	return nil
}

func (m *Machine) place(p placed) { m.placed = append(m.placed, p) }

func (m *Machine) addInterruptControllers() {
	var ac []aclint.Hart
	var pl []plic.Hart
	for _, h := range m.harts {
		line := func(bit uint64) mmio.IRQLine {
			return mmio.IRQFunc(func(level bool) { h.SetIRQ(bit, level) })
		}
		ac = append(ac, aclint.Hart{MSIP: line(riscv.IntMSoft), MTIP: line(riscv.IntMTimer)})
		pl = append(pl, plic.Hart{M: line(riscv.IntMExt), S: line(riscv.IntSExt)})
	}
	m.plic = plic.New(plic.Config{Name: "plic", Sources: plicSources, Harts: pl, Events: &m.events})
	m.aclint = aclint.New(aclint.Config{Name: "aclint", Clock: m, Harts: ac, OnTimeSet: m.timersChanged, Events: &m.events})
}

// addIOMMU makes the IOMMU. It reads tables and queues as the harts see them, which is
// what Linux's driver expects.
func (m *Machine) addIOMMU() {
	if m.cfg.IOMMU == IOMMUNone {
		return
	}
	var wires []mmio.IRQLine
	var irqs []uint32
	for i := range uint32(iommuWires) {
		irqs = append(irqs, irqIOMMU+i)
		wires = append(wires, m.plic.Line(irqIOMMU+int(i)))
	}
	m.iommu = iommu.New(iommu.Config{Name: "iommu", IRQ: wires, Memory: m.mem.NewPort("iommu", true), Clock: m,
		OnInvalidate: m.invalidated,
		NoSvpbmt:     true, // Linux 7.2 fails to probe an IOMMU that has it: see docs/findings.md
		Events:       &m.events})
	m.place(placed{base: addrIOMMU, dev: m.iommu, irqs: irqs})
}

// behind is the device_id of a bus master that the IOMMU is to translate for with
// the given scope and wider ones; 0 if it does not.
func (m *Machine) behind(scope IOMMUScope, deviceID uint32) uint32 {
	if m.cfg.IOMMU < scope {
		return 0
	}
	return deviceID
}

// masterPort makes the port of a bus master: through the IOMMU, if it has a
// device_id.
func (m *Machine) masterPort(name string, w Wiring, deviceID uint32) mmio.DMA {
	return m.translate(name, deviceID, m.mem.NewPort(name, w == WiredCoherent))
}

// sharerPort is masterPort for a bus master that the dma-buf core knows.
func (m *Machine) sharerPort(name string, w Wiring, deviceID uint32) mmio.DMA {
	return m.translate(name, deviceID, &watchedPort{m: m, master: name, down: m.mem.NewPort(name, w == WiredCoherent)})
}

func (m *Machine) translate(name string, deviceID uint32, down mmio.DMA) mmio.DMA {
	if deviceID == 0 {
		return down
	}
	return m.translatedPort(name, deviceID, down)
}

func (m *Machine) gate(name string, deviceID uint32) mmio.JobGate {
	return &gate{m: m, master: name, deviceID: deviceID}
}

func (m *Machine) addDMATester() {
	const name = "dma-tester"
	w, id := m.cfg.Ports.DMATest, m.behind(IOMMUAll, deviceDMATest)
	m.place(placed{base: addrDMATest, irqs: []uint32{irqDMATest}, deviceID: id,
		dev: dmatest.New(dmatest.Config{Name: name, Clock: m, IRQ: m.plic.Line(irqDMATest),
			DMA: m.sharerPort(name, w, id), Gate: m.gate(name, id), NonCoherent: w == WiredNonCoherent, Events: &m.events})})
}

// blockName is the name of the disk.
const blockName = "virtio-blk"

func (m *Machine) addVirtio() {
	slot := func(n int, name string, w Wiring, id uint32) virtio.Config {
		return virtio.Config{Name: name, IRQ: m.plic.Line(irqVirtio + n), Clock: m, Events: &m.events,
			DMA: m.masterPort(name, w, id), NonCoherent: w == WiredNonCoherent,
			// Without it Linux uses physical addresses and leaves caches alone.
			AccessPlatform: w != WiredCoherent || id != 0}
	}
	add := func(n int, id uint32, d mmio.Device) {
		m.place(placed{base: addrVirtio + mmio.PhysAddr(n*virtioStride), dev: d, irqs: []uint32{irqVirtio + uint32(n)}, deviceID: id})
	}
	m.console = virtio.NewConsole(virtio.ConsoleConfig{Config: slot(slotConsole, "virtio-console", m.cfg.Ports.Console, 0),
		Ports: []virtio.PortConfig{{Console: true, Name: "vdev.console"}, {Name: AgentPort}}})
	add(slotConsole, 0, m.console)
	var seed [32]byte
	r := rand.New(rand.NewPCG(m.cfg.Seed, 0))
	for i := range seed {
		seed[i] = byte(r.Uint32())
	}
	add(slotRNG, 0, virtio.NewRNG(virtio.RNGConfig{Config: slot(slotRNG, "virtio-rng", m.cfg.Ports.RNG, 0), Seed: seed}))
	if m.cfg.Disk != nil {
		id := m.behind(IOMMUAll, deviceBlock)
		add(slotBlock, id, virtio.NewBlk(virtio.BlkConfig{Config: slot(slotBlock, blockName, m.cfg.Ports.Block, id),
			Backend: m.cfg.Disk, ID: m.cfg.DiskID}))
	}
}

// addMultimedia makes the Exynos 4 multimedia block.
func (m *Machine) addMultimedia() {
	w, id := m.cfg.Ports.G2D, m.behind(IOMMUMedia, deviceG2D)
	m.place(placed{base: addrG2D, irqs: []uint32{irqG2D}, deviceID: id, clocks: []clockInput{{"fimg2d", mediaClock}},
		dev: g2d.New(g2d.Config{Name: "g2d", Clock: m, IRQ: m.plic.Line(irqG2D),
			DMA: m.sharerPort("g2d", w, id), Gate: m.gate("g2d", id), NonCoherent: w == WiredNonCoherent, Events: &m.events})})

	source := panelClockDivider * m.cfg.Panel.pixelClock()
	w, id = m.cfg.Ports.FIMD, m.behind(IOMMUMedia, deviceFIMD)
	m.display = fimd.New(fimd.Config{Name: "fimd", Clock: m, SourceClock: source,
		FIFO: m.plic.Line(irqFIMD), VSync: m.plic.Line(irqFIMD + 1), System: m.plic.Line(irqFIMD + 2),
		DMA: m.sharerPort("fimd", w, id), Gate: m.gate("fimd", id), NonCoherent: w == WiredNonCoherent, Events: &m.events})
	m.place(placed{base: addrFIMD, irqs: []uint32{irqFIMD, irqFIMD + 1, irqFIMD + 2}, deviceID: id, dev: m.display,
		clocks: []clockInput{{"sclk_fimd", source}, {"fimd", mediaClock}}})
}
