// SPDX-License-Identifier: Apache-2.0

// Package plic models the platform-level interrupt controller, as the RISC-V PLIC
// specification 1.0.0 describes it and as Linux's irq-sifive-plic.c drives it.
package plic

import (
	"fmt"
	"math/bits"

	"vdev/mmio"
)

// The registers, PLIC specification chapter 3 (memory map).
const (
	regPriority mmio.RegID = iota
	regPending
	regEnable
	regThreshold
	regClaim
)

const (
	windowSize    = 0x400_0000
	maxPriority   = 7
	maxSources    = 1023
	maxContexts   = 15872
	enableWords   = 32 // per context, room for all 1024 identifiers
	contextStride = 0x1000
)

func (p *PLIC) block() mmio.Block {
	words := len(p.valid)
	contexts := len(p.outputs)
	return mmio.Block{
		Title: "platform-level interrupt controller",
		Doc: "Each hart has two contexts, 2·hart for machine mode and 2·hart+1 for supervisor mode. " +
			"Gateways are level-sensitive: a source becomes pending again only after its completion, if its wire is still high.",
		Size: windowSize,
		Regs: []mmio.Reg{
			regPriority: {Name: "PRIORITY", Offset: 4, Count: len(p.lines) - 1, ROMask: ^uint64(maxPriority) & mmio.Mask(31, 0),
				Doc:       "Priority of source n+1; 0 never interrupts.",
				Fields:    []mmio.Field{mmio.Bits(2, 0, "priority", "")},
				PostWrite: p.changed},
			regPending: {Name: "PENDING", Offset: 0x1000, Count: words, Access: mmio.RO,
				Doc: "Bit s%32 of word s/32 is set while source s waits to be claimed."},
			regEnable: {Name: "ENABLE", Offset: 0x2000, Count: contexts * enableWords,
				Doc:       "Word 32·context + s/32, bit s%32: the source s may interrupt the context.",
				PreWrite:  func(i int, _, v uint64) uint64 { return v & uint64(p.validWord(i%enableWords)) },
				PostWrite: p.changed},
			regThreshold: {Name: "THRESHOLD", Offset: 0x20_0000, Count: contexts, Stride: contextStride, ROMask: ^uint64(maxPriority) & mmio.Mask(31, 0),
				Doc:       "Only sources of higher priority interrupt the context.",
				Fields:    []mmio.Field{mmio.Bits(2, 0, "threshold", "")},
				PostWrite: p.changed},
			regClaim: {Name: "CLAIM", Offset: 0x20_0004, Count: contexts, Stride: contextStride,
				Doc:       "Reading claims the context's best pending source, 0 if none; writing completes a source.",
				PreRead:   func(ctx int, _ uint64) uint64 { return uint64(p.best(ctx, 0)) },
				PostRead:  func(_ int, v uint64) { p.claim(int(v)) },
				PostWrite: func(ctx int, _, v uint64) { p.complete(ctx, v) }},
		},
	}
}

// Hart has the external-interrupt inputs of one hart. Either may be nil; the
// context exists all the same.
type Hart struct {
	M, S mmio.IRQLine
}

// Config wires a PLIC.
type Config struct {
	Name    string
	Sources int // interrupt sources 1 to Sources; at most 1023
	Harts   []Hart
	Events  mmio.EventSink
}

// PLIC is the interrupt controller.
type PLIC struct {
	*mmio.Regs
	outputs []mmio.IRQLine // per context
	lines   []line         // per source; 0 is not used
	valid   []uint32       // per word, the sources that exist
	intc    []mmio.DTRef   // per hart, for the device tree

	level   []uint32 // per word, the wires
	service []uint32 // per word, claimed and not yet completed
}

// line is the wire of one source.
type line struct {
	p      *PLIC
	source int
}

var _ interface {
	mmio.RegisterDevice
	mmio.Snapshotter
	mmio.DTDescriber
} = (*PLIC)(nil)

// New makes a PLIC in its reset state. A configuration that no PLIC can have
// panics.
func New(c Config) *PLIC {
	if c.Sources < 1 || c.Sources > maxSources || len(c.Harts) < 1 || 2*len(c.Harts) > maxContexts {
		panic(fmt.Sprintf("BUG: %s with %d sources and %d harts", c.Name, c.Sources, len(c.Harts)))
	}
	words := (c.Sources + 32) / 32
	p := &PLIC{
		lines: make([]line, c.Sources+1),
		valid: make([]uint32, words), level: make([]uint32, words), service: make([]uint32, words),
	}
	for s := 1; s <= c.Sources; s++ {
		p.lines[s] = line{p, s}
		p.valid[s/32] |= 1 << (s % 32)
	}
	for _, h := range c.Harts {
		p.outputs = append(p.outputs, mmio.Wired(h.M), mmio.Wired(h.S))
	}
	p.Regs = mmio.NewRegs(c.Name, p.block(), c.Events)
	return p
}

// Line returns the input wire of a source, 1 to Config.Sources.
func (p *PLIC) Line(source int) mmio.IRQLine {
	if source < 1 || source >= len(p.lines) {
		panic(fmt.Sprintf("BUG: %s has no source %d", p.Name(), source))
	}
	return &p.lines[source]
}

// Set drives the wire.
func (l *line) Set(level bool) {
	w, bit := l.source/32, uint32(1)<<(l.source%32)
	if (l.p.level[w]&bit != 0) == level {
		return
	}
	l.p.level[w] ^= bit
	if level {
		l.p.latch()
	}
}

// Reset returns all registers to zero. Wires keep their level, so that a source
// that is high is pending at once.
func (p *PLIC) Reset() {
	p.Regs.Reset()
	clear(p.service)
	p.latch()
}

// validWord is the mask of existing sources in a word of an enable array.
func (p *PLIC) validWord(w int) uint32 {
	if w < len(p.valid) {
		return p.valid[w]
	}
	return 0
}

// latch lets the gateways pass on every high wire whose source is not in service.
func (p *PLIC) latch() {
	for w := range p.valid {
		p.SetAt(regPending, w, p.GetAt(regPending, w)|uint64(p.level[w]&^p.service[w]))
	}
	p.update()
}

// best is the pending source that ctx would claim if only priorities above the
// given one counted: highest priority, then lowest number. 0 if there is none.
func (p *PLIC) best(ctx int, above uint64) int {
	found := 0
	for w := range p.valid {
		ready := uint32(p.GetAt(regPending, w) & p.GetAt(regEnable, ctx*enableWords+w))
		for ; ready != 0; ready &= ready - 1 {
			s := 32*w + bits.TrailingZeros32(ready)
			if prio := p.GetAt(regPriority, s-1); prio > above {
				found, above = s, prio
			}
		}
	}
	return found
}

// update drives the outputs.
func (p *PLIC) update() {
	for ctx, out := range p.outputs {
		out.Set(p.best(ctx, p.GetAt(regThreshold, ctx)) != 0)
	}
}

func (p *PLIC) changed(int, uint64, uint64) { p.update() }

// claim takes a pending source into service. The threshold does not matter here.
func (p *PLIC) claim(s int) {
	if s == 0 {
		return
	}
	bit := uint32(1) << (s % 32)
	p.SetAt(regPending, s/32, p.GetAt(regPending, s/32)&^uint64(bit))
	p.service[s/32] |= bit
	p.update()
}

// complete ends the service of a source. A completion of a source that is not
// enabled for the context is ignored, as the specification demands.
func (p *PLIC) complete(ctx int, v uint64) {
	if v == 0 || v >= uint64(len(p.lines)) {
		p.Report(mmio.EventBadValue, "CLAIM: no such source", p.claimOffset(ctx), v)
		return
	}
	w, bit := int(v/32), uint32(1)<<(v%32)
	if uint32(p.GetAt(regEnable, ctx*enableWords+w))&bit == 0 {
		p.Report(mmio.EventBadValue, "CLAIM: completion while disabled", p.claimOffset(ctx), v)
		return
	}
	p.service[w] &^= bit
	p.latch()
}

func (p *PLIC) claimOffset(ctx int) uint64 {
	return p.Reg(regClaim).Offset + uint64(ctx)*contextStride
}

type state struct {
	Regs           mmio.RegsState
	Level, Service []uint32
}

// SaveState returns the registers, wires and gateways.
func (p *PLIC) SaveState() ([]byte, error) {
	return mmio.EncodeState(state{p.State(), p.level, p.service})
}

// LoadState is the inverse of SaveState.
func (p *PLIC) LoadState(data []byte) error {
	s, err := mmio.DecodeState[state](p.Name(), data)
	if err != nil {
		return err
	}
	if len(s.Level) != len(p.valid) || len(s.Service) != len(p.valid) {
		return fmt.Errorf("state of %s is for another number of sources", p.Name())
	}
	for w, valid := range p.valid {
		if (s.Level[w]|s.Service[w])&^valid != 0 {
			return fmt.Errorf("state of %s has sources that do not exist", p.Name())
		}
	}
	if err := p.SetState(s.Regs); err != nil {
		return err
	}
	copy(p.level, s.Level)
	copy(p.service, s.Service)
	p.update()
	return nil
}

// Interrupt numbers in a hart's local interrupt controller (mcause values).
const (
	causeSupervisorExternal = 9
	causeMachineExternal    = 11
)

// WireDT tells the PLIC the nodes of the harts' interrupt controllers, in hart
// order, for DescribeDT to refer to.
func (p *PLIC) WireDT(intc []mmio.DTRef) { p.intc = intc }

// DTName is the generic node name.
func (p *PLIC) DTName() string { return "interrupt-controller" }

// DescribeDT writes the node; WireDT must have been called.
func (p *PLIC) DescribeDT(n mmio.DTNode) {
	if 2*len(p.intc) != len(p.outputs) {
		panic("BUG: " + p.Name() + ": DescribeDT without WireDT")
	}
	n.SetProp("compatible", []string{"sifive,plic-1.0.0", "riscv,plic0"})
	n.SetProp("interrupt-controller", nil)
	n.SetProp("#interrupt-cells", uint32(1))
	n.SetProp("#address-cells", uint32(0))
	n.SetProp("riscv,ndev", uint32(len(p.lines)-1))
	var ext []any
	for _, ref := range p.intc {
		ext = append(ext, ref, uint32(causeMachineExternal), ref, uint32(causeSupervisorExternal))
	}
	n.SetProp("interrupts-extended", ext)
}
