// SPDX-License-Identifier: Apache-2.0

// Package rtc models the goldfish real-time clock, as Linux's rtc-goldfish.c drives
// it: a 64-bit count of nanoseconds since 1970, and one alarm.
package rtc

import (
	"math"
	"time"

	"vdev/mmio"
)

// The registers, named as in Linux's include/clocksource/timer-goldfish.h.
const (
	regTimeLow mmio.RegID = iota
	regTimeHigh
	regAlarmLow
	regAlarmHigh
	regIRQEnabled
	regClearAlarm
	regAlarmStatus
	regClearInterrupt
)

const windowSize = 0x1000

func (r *RTC) block() mmio.Block {
	return mmio.Block{
		Title: "goldfish real-time clock",
		Size:  windowSize,
		Regs: []mmio.Reg{
			regTimeLow: {Name: "TIME_LOW", Offset: 0x00,
				Doc:       "Nanoseconds since 1970, low half. Reading it latches the high half; writing sets it.",
				PreRead:   func(int, uint64) uint64 { return r.Now() & math.MaxUint32 },
				PostRead:  func(int, uint64) { r.Set(regTimeHigh, r.Now()>>32) },
				PostWrite: func(_ int, _, v uint64) { r.setTime(r.Now()&^math.MaxUint32 | v) }},
			regTimeHigh: {Name: "TIME_HIGH", Offset: 0x04,
				Doc:       "High half, as latched by TIME_LOW; writing sets it.",
				PostWrite: func(_ int, _, v uint64) { r.setTime(r.Now()&math.MaxUint32 | v<<32) }},
			regAlarmLow: {Name: "ALARM_LOW", Offset: 0x08,
				Doc:       "Alarm time, low half; writing it starts the alarm.",
				PostWrite: func(int, uint64, uint64) { r.running(true) }},
			regAlarmHigh: {Name: "ALARM_HIGH", Offset: 0x0c, Doc: "Alarm time, high half; to be written first."},
			regIRQEnabled: {Name: "IRQ_ENABLED", Offset: 0x10, ROMask: mmio.Mask(31, 1), Doc: "Lets the alarm interrupt.",
				Fields:    []mmio.Field{mmio.Bit(0, "enabled", "")},
				PostWrite: func(int, uint64, uint64) { r.update() }},
			regClearAlarm: {Name: "CLEAR_ALARM", Offset: 0x14, Access: mmio.WO, Doc: "Any write stops the alarm.",
				PostWrite: func(int, uint64, uint64) { r.running(false) }},
			regAlarmStatus: {Name: "ALARM_STATUS", Offset: 0x18, Access: mmio.RO, Doc: "1 while the alarm runs."},
			regClearInterrupt: {Name: "CLEAR_INTERRUPT", Offset: 0x1c, Access: mmio.WO, Doc: "Any write takes the interrupt back.",
				PostWrite: func(int, uint64, uint64) { r.pending = false; r.update() }},
		},
	}
}

// Config wires an RTC.
type Config struct {
	Name  string
	Clock mmio.Clock
	Epoch time.Time // what the clock shows at power-on
	IRQ   mmio.IRQLine
	// Events takes what the guest does wrong.
	Events mmio.EventSink
}

// RTC is the clock.
type RTC struct {
	*mmio.Regs
	clock mmio.Clock
	irq   mmio.IRQLine
	timer mmio.Timer
	epoch uint64 // ns since 1970 at virtual time 0, at power-on

	base    uint64 // the same after the guest set the time
	pending bool   // the alarm went off
}

var _ interface {
	mmio.RegisterDevice
	mmio.Snapshotter
	mmio.DTDescriber
} = (*RTC)(nil)

// New makes an RTC in its reset state.
func New(c Config) *RTC {
	r := &RTC{clock: c.Clock, irq: mmio.Wired(c.IRQ), epoch: uint64(c.Epoch.UnixNano())}
	r.base = r.epoch
	r.timer = c.Clock.NewTimer(c.Name+".alarm", r.check)
	r.Regs = mmio.NewRegs(c.Name, r.block(), c.Events)
	return r
}

// Reset stops the alarm. The clock runs on from its power-on epoch.
func (r *RTC) Reset() {
	r.Regs.Reset()
	r.base, r.pending = r.epoch, false
	r.check()
}

// Now is the time that the clock shows, in ns since 1970.
func (r *RTC) Now() uint64 { return r.base + uint64(r.clock.Now()) }

func (r *RTC) setTime(v uint64) {
	r.base = v - uint64(r.clock.Now())
	r.check()
}

func (r *RTC) running(on bool) {
	var v uint64
	if on {
		v = 1
	}
	r.Set(regAlarmStatus, v)
	r.check()
}

// check lets a running alarm go off if it is due, and otherwise waits for it.
func (r *RTC) check() {
	alarm := r.Get(regAlarmHigh)<<32 | r.Get(regAlarmLow)
	if r.Get(regAlarmStatus) == 0 {
		r.timer.Disarm()
	} else if now := r.Now(); alarm <= now {
		r.Set(regAlarmStatus, 0)
		r.pending = true
		r.timer.Disarm()
	} else if wait := alarm - now; wait <= uint64(math.MaxInt64-r.clock.Now()) {
		r.timer.Arm(r.clock.Now() + time.Duration(wait))
	} else {
		r.timer.Disarm() // beyond the end of virtual time
	}
	r.update()
}

func (r *RTC) update() { r.irq.Set(r.pending && r.Get(regIRQEnabled)&1 != 0) }

type state struct {
	Regs    mmio.RegsState
	Base    uint64
	Pending bool
}

// SaveState returns the registers, the time base and the pending interrupt.
func (r *RTC) SaveState() ([]byte, error) {
	return mmio.EncodeState(state{r.State(), r.base, r.pending})
}

// LoadState is the inverse of SaveState.
func (r *RTC) LoadState(data []byte) error {
	s, err := mmio.DecodeState[state](r.Name(), data)
	if err != nil {
		return err
	}
	if err := r.SetState(s.Regs); err != nil {
		return err
	}
	r.base, r.pending = s.Base, s.Pending
	r.check()
	return nil
}

// DTName is the generic node name.
func (r *RTC) DTName() string { return "rtc" }

// DescribeDT writes the node.
func (r *RTC) DescribeDT(n mmio.DTNode) { n.SetProp("compatible", "google,goldfish-rtc") }
