// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"time"

	"vdev/mmio"
)

// Config wires an IOMMU.
type Config struct {
	Name string
	// IRQ are the interrupt wires, 1 to 16; icvec says which interrupt goes where.
	IRQ []mmio.IRQLine
	// Memory is the port through which the IOMMU reads directories, tables and commands
	// and writes records; its addresses are physical.
	Memory mmio.DMA
	// Clock drives the cycle counter; it is not optional.
	Clock  mmio.Clock
	Events mmio.EventSink

	// MSI gives it MSI page tables in the guest's address space (capabilities.MSI_FLAT)
	// and thereby device contexts in the extended format of 64 bytes.
	MSI bool
	// ATS gives it PCIe address translation services: translated requests, translation
	// requests and page requests.
	ATS bool
	// Message delivers a PCIe message to a device, with ATS. It must answer an
	// invalidation by CompleteInvalidation, at once or later; after a minute of virtual
	// time it has timed out. If nil, there is no device and the time-out comes at once.
	Message func(Message)

	// OnInvalidate, if not nil, is told of each IOTINVAL.VMA.
	OnInvalidate func(Invalidation)

	// NoSvpbmt is an IOMMU without Svpbmt: memory types in page tables are reserved
	// encodings.
	NoSvpbmt bool
	// NonCoherent puts dma-noncoherent into the device tree.
	NonCoherent bool
}

// IOMMU is the device.
type IOMMU struct {
	*mmio.Regs
	wires       []mmio.IRQLine
	memory      mmio.DMA
	clock       mmio.Clock
	message     func(Message)
	nonCoherent bool
	msi, ats    bool

	onInvalidate func(Invalidation)
	pbmts        uint64 // the highest memory type of Svpbmt that exists

	cq, fq, pq queue

	devices      cache[deviceContext]
	processes    cache[processContext]
	translations cache[translation]

	ports []*port

	running       bool // in runCommands
	tags          [invalTags]invalTag
	invalTimer    mmio.Timer // the next one's deadline
	invalTimedOut bool       // an ATS.INVAL was not answered; the next IOFENCE.C says so

	cyclesBase uint64 // iohpmcycles at the time cyclesAt
	cyclesAt   time.Duration
	cyclesDone mmio.Timer // its next overflow
	counting   uint32     // event counters that are in use: evt with an event, not inhibited
}

var _ interface {
	mmio.RegisterDevice
	mmio.Snapshotter
	mmio.DTDescriber
} = (*IOMMU)(nil)

// New makes an IOMMU in its reset state: off, so that it refuses all requests.
func New(c Config) *IOMMU {
	if len(c.IRQ) == 0 || len(c.IRQ) > numVectors {
		panic("BUG: an IOMMU has 1 to 16 interrupt wires")
	}
	u := &IOMMU{memory: c.Memory, clock: c.Clock, message: c.Message, nonCoherent: c.NonCoherent, msi: c.MSI, ats: c.ATS,
		onInvalidate: c.OnInvalidate}
	if !c.NoSvpbmt {
		u.pbmts = 2
	}
	for _, l := range c.IRQ {
		u.wires = append(u.wires, mmio.Wired(l))
	}
	u.cq = queue{u: u, name: "cqb", off: 24, base: regCqb, head: regCqh, tail: regCqt, csr: regCqcsr, own: regCqh, ip: ipCommand,
		entry: 16, errors: commandErrors, pends: commandErrors | csrFence}
	u.fq = queue{u: u, name: "fqb", off: 40, base: regFqb, head: regFqh, tail: regFqt, csr: regFqcsr, own: regFqt, ip: ipFault,
		entry: 32, errors: fillErrors, pends: fillErrors}
	u.pq = queue{u: u, name: "pqb", off: 56, base: regPqb, head: regPqh, tail: regPqt, csr: regPqcsr, own: regPqt, ip: ipPage,
		entry: 16, errors: fillErrors, pends: fillErrors}
	u.cyclesDone = c.Clock.NewTimer(c.Name+".cycles", u.cyclesOverflowed)
	u.invalTimer = c.Clock.NewTimer(c.Name+".invalidations", u.invalidationsExpired)
	u.Regs = mmio.NewRegs(c.Name, u.block(&c), c.Events)
	u.Reset()
	return u
}

// Reset switches the IOMMU off and empties its caches (section 5.2).
func (u *IOMMU) Reset() {
	u.Regs.Reset()
	u.devices = newCache[deviceContext](deviceCacheSize)
	u.processes = newCache[processContext](processCacheSize)
	u.translations = newCache[translation](translationCacheSize)
	u.forgetPages(nil)
	u.tags, u.invalTimedOut = [invalTags]invalTag{}, false
	u.armInvalidations()
	u.setCycles(0)
	u.counted()
	u.update()
}

// vector is the wire that icvec assigns to an interrupt.
func vector(icvec uint64, ip uint) uint64 { return icvec >> (4 * ip) & 15 }

// update makes interrupts pending whose condition lasts, and drives the wires
// (section 5.18).
func (u *IOMMU) update() {
	pending := u.Get(regIpsr)
	for _, q := range []*queue{&u.cq, &u.fq, &u.pq} {
		if csr := u.Get(q.csr); csr&csrInterrupt != 0 && csr&q.pends != 0 {
			pending |= 1 << q.ip
		}
	}
	u.Set(regIpsr, pending)
	var high uint64
	for ip := uint(0); ip < numIP; ip++ {
		high |= pending >> ip & 1 << vector(u.Get(regIcvec), ip)
	}
	for i, w := range u.wires {
		w.Set(high>>i&1 != 0)
	}
}

// pend makes one interrupt pending.
func (u *IOMMU) pend(ip uint) {
	u.Set(regIpsr, u.Get(regIpsr)|1<<ip)
	u.update()
}

// DTName is the device-tree node's name.
func (u *IOMMU) DTName() string { return "iommu" }

// DescribeDT follows Linux's binding riscv,iommu.yaml: a master's "iommus" property
// has one cell, its device_id.
func (u *IOMMU) DescribeDT(n mmio.DTNode) {
	n.SetProp("compatible", "riscv,iommu")
	n.SetProp("#iommu-cells", uint32(1))
	if u.nonCoherent {
		n.SetProp("dma-noncoherent", nil)
	}
}
