// SPDX-License-Identifier: Apache-2.0

// Package aclint models the core-local interruptor: machine-level software
// interrupts and the machine timer in the layout of SiFive's CLINT, which the
// RISC-V ACLINT specification 1.0 keeps, and the supervisor-level software
// interrupt device of the same specification.
package aclint

import (
	"fmt"
	"math"
	"math/bits"
	"time"

	"vdev/mmio"
)

// The registers, ACLINT specification section 2.1 and 3.1 at CLINT offsets.
const (
	regMSIP mmio.RegID = iota
	regMTimeCmp
	regMTime
)

const (
	windowSize = 0x1_0000
	// DefaultFrequency is the rate of mtime in Hz.
	DefaultFrequency = 10_000_000
	maxHarts         = 4095
)

func (a *ACLINT) block() mmio.Block {
	return mmio.Block{
		Title: "core-local interruptor (machine software interrupts and timer)",
		Size:  windowSize,
		Regs: []mmio.Reg{
			regMSIP: {Name: "MSIP", Offset: 0, Count: len(a.harts), ROMask: mmio.Mask(31, 1),
				Doc:       "Machine software interrupt of hart n.",
				Fields:    []mmio.Field{mmio.Bit(0, "msip", "the interrupt is pending")},
				PostWrite: func(i int, _, v uint64) { a.harts[i].msip.Set(v&1 != 0) }},
			regMTimeCmp: {Name: "MTIMECMP", Offset: 0x4000, Width: 8, Count: len(a.harts), Sizes: 4 | 8, Reset: math.MaxUint64,
				Doc:       "The machine timer interrupt of hart n is pending while MTIME is at or above this.",
				PostWrite: func(i int, _, _ uint64) { a.compare(i) }},
			regMTime: {Name: "MTIME", Offset: 0xbff8, Width: 8, Sizes: 4 | 8,
				Doc:       "Ticks of the timebase; writing sets it.",
				PreRead:   func(int, uint64) uint64 { return a.MTime() },
				PostWrite: func(_ int, _, v uint64) { a.setMTime(v) }},
		},
	}
}

// Hart has the inputs of one hart; either may be nil.
type Hart struct {
	MSIP, MTIP mmio.IRQLine
}

// Config wires an ACLINT.
type Config struct {
	Name      string
	Clock     mmio.Clock
	Frequency uint64 // of mtime in Hz; 0 means DefaultFrequency
	Harts     []Hart
	// OnTimeSet runs after the guest wrote MTIME, so that others who compare against
	// it (stimecmp) look again. May be nil.
	OnTimeSet func()
	Events    mmio.EventSink
}

// ACLINT is the MSWI and MTIMER device.
type ACLINT struct {
	*mmio.Regs
	clock     mmio.Clock
	freq      uint64
	harts     []hart
	onTimeSet func()
	intc      []mmio.DTRef

	offset uint64 // mtime minus the ticks of virtual time, modulo 2^64
}

type hart struct {
	msip, mtip mmio.IRQLine
	timer      mmio.Timer
}

var _ interface {
	mmio.RegisterDevice
	mmio.Snapshotter
	mmio.DTDescriber
} = (*ACLINT)(nil)

// New makes an ACLINT in its reset state.
func New(c Config) *ACLINT {
	if len(c.Harts) < 1 || len(c.Harts) > maxHarts {
		panic(fmt.Sprintf("BUG: %s with %d harts", c.Name, len(c.Harts)))
	}
	a := &ACLINT{clock: c.Clock, freq: c.Frequency, harts: make([]hart, len(c.Harts)), onTimeSet: c.OnTimeSet}
	if a.freq == 0 {
		a.freq = DefaultFrequency
	}
	if a.onTimeSet == nil {
		a.onTimeSet = func() {}
	}
	for i, h := range c.Harts {
		a.harts[i] = hart{
			msip:  mmio.Wired(h.MSIP),
			mtip:  mmio.Wired(h.MTIP),
			timer: c.Clock.NewTimer(fmt.Sprintf("%s.mtimecmp%d", c.Name, i), func() { a.compare(i) }),
		}
	}
	a.Regs = mmio.NewRegs(c.Name, a.block(), c.Events)
	return a
}

// Frequency is the rate of mtime in Hz, which is also the hart's timebase.
func (a *ACLINT) Frequency() uint64 { return a.freq }

// MTime is the present value of mtime, of which the time CSR is a copy.
func (a *ACLINT) MTime() uint64 { return a.ticks() + a.offset }

// ticks is virtual time in ticks, rounded down.
func (a *ACLINT) ticks() uint64 {
	hi, lo := bits.Mul64(uint64(a.clock.Now()), a.freq)
	q, _ := bits.Div64(hi%uint64(time.Second), lo, uint64(time.Second))
	return q
}

// When is the virtual time at which mtime will first be at or above value. It
// returns false if that is beyond what virtual time can express (292 years). For a
// value that has been reached it returns the present.
func (a *ACLINT) When(value uint64) (time.Duration, bool) {
	now := a.MTime()
	if now >= value {
		return a.clock.Now(), true
	}
	return a.after(value - now)
}

// after is the earliest virtual time that is n ticks later than the present tick.
func (a *ACLINT) after(n uint64) (time.Duration, bool) {
	at := a.ticks() + n
	if at < n {
		return 0, false
	}
	hi, lo := bits.Mul64(at, uint64(time.Second))
	if hi >= a.freq {
		return 0, false
	}
	q, rem := bits.Div64(hi, lo, a.freq)
	if rem != 0 { // rounding up: at the time before, the tick has not happened
		q++
	}
	return time.Duration(q), q <= math.MaxInt64 && q != 0
}

// compare drives a hart's timer interrupt and arms its timer for the next change.
func (a *ACLINT) compare(i int) {
	h := &a.harts[i]
	now, cmp := a.MTime(), a.GetAt(regMTimeCmp, i)
	h.mtip.Set(now >= cmp)
	ticks := cmp - now
	if now >= cmp {
		ticks = -now // until mtime wraps to zero and the interrupt goes away
	}
	if at, ok := a.after(ticks); ok && ticks != 0 {
		h.timer.Arm(at)
	} else {
		h.timer.Disarm()
	}
}

func (a *ACLINT) setMTime(v uint64) {
	a.offset = v - a.ticks()
	for i := range a.harts {
		a.compare(i)
	}
	a.onTimeSet()
}

// Reset clears the software interrupts, sets the comparators to their maximum and
// lets mtime equal virtual time again.
func (a *ACLINT) Reset() {
	a.Regs.Reset()
	a.offset = 0
	a.drive()
	a.onTimeSet()
}

// drive brings outputs and timers in line with the registers.
func (a *ACLINT) drive() {
	for i := range a.harts {
		a.harts[i].msip.Set(a.GetAt(regMSIP, i)&1 != 0)
		a.compare(i)
	}
}

type state struct {
	Regs   mmio.RegsState
	Offset uint64
}

// SaveState returns the registers and the time offset.
func (a *ACLINT) SaveState() ([]byte, error) {
	return mmio.EncodeState(state{a.State(), a.offset})
}

// LoadState is the inverse of SaveState.
func (a *ACLINT) LoadState(data []byte) error {
	s, err := mmio.DecodeState[state](a.Name(), data)
	if err != nil {
		return err
	}
	if err := a.SetState(s.Regs); err != nil {
		return err
	}
	a.offset = s.Offset
	a.drive()
	a.onTimeSet()
	return nil
}

// Interrupt numbers in a hart's local interrupt controller (mcause values).
const (
	causeMachineSoftware = 3
	causeMachineTimer    = 7
)

// WireDT tells the device the nodes of the harts' interrupt controllers, in hart
// order, for DescribeDT to refer to.
func (a *ACLINT) WireDT(intc []mmio.DTRef) { a.intc = intc }

// DTName is the generic node name.
func (a *ACLINT) DTName() string { return "clint" }

// DescribeDT writes the node; WireDT must have been called.
func (a *ACLINT) DescribeDT(n mmio.DTNode) {
	if len(a.intc) != len(a.harts) {
		panic("BUG: " + a.Name() + ": DescribeDT without WireDT")
	}
	n.SetProp("compatible", []string{"sifive,clint0", "riscv,clint0"})
	var ext []any
	for _, ref := range a.intc {
		ext = append(ext, ref, uint32(causeMachineSoftware), ref, uint32(causeMachineTimer))
	}
	n.SetProp("interrupts-extended", ext)
}
