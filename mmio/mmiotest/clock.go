// SPDX-License-Identifier: Apache-2.0

// Package mmiotest has what tests of device models share: a clock, interrupt wires,
// memory and an event recorder to stand in for the machine, a bench that drives a
// device through a real bus by register name, and mechanical checks that any device
// built on a register table must pass.
package mmiotest

import (
	"fmt"
	"time"

	"vdev/mmio"
)

// Clock is a virtual clock that moves only when a test says so.
type Clock struct {
	now    time.Duration
	timers []*timer
}

type timer struct {
	clock *Clock
	name  string
	fn    func()
	at    time.Duration
	armed bool
}

// Now is the virtual time.
func (c *Clock) Now() time.Duration { return c.now }

// NewTimer makes a disarmed timer.
func (c *Clock) NewTimer(name string, fn func()) mmio.Timer {
	for _, t := range c.timers {
		if t.name == name {
			panic(fmt.Sprintf("BUG: two timers are called %q", name))
		}
	}
	t := &timer{clock: c, name: name, fn: fn}
	c.timers = append(c.timers, t)
	return t
}

// Arm schedules the timer.
func (t *timer) Arm(at time.Duration) { t.at, t.armed = at, true }

// Disarm cancels it.
func (t *timer) Disarm() { t.armed = false }

// maxFirings bounds Advance: a timer that arms itself again for the present would
// otherwise hang the test.
const maxFirings = 1 << 20

// Advance moves time on by d and fires the timers that fall due, each at its own
// time, in order; equal times fire in order of creation.
func (c *Clock) Advance(d time.Duration) {
	end := c.now + d
	for range maxFirings {
		var next *timer
		for _, t := range c.timers {
			if t.armed && t.at <= end && (next == nil || t.at < next.at) {
				next = t
			}
		}
		if next == nil {
			c.now = end
			return
		}
		c.now = max(c.now, next.at)
		next.armed = false
		next.fn()
	}
	panic("BUG: timers keep firing without time passing")
}

// Next is the earliest time for which a timer is armed.
func (c *Clock) Next() (at time.Duration, ok bool) {
	for _, t := range c.timers {
		if t.armed && (!ok || t.at < at) {
			at, ok = t.at, true
		}
	}
	return at, ok
}
