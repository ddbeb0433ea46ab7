// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"container/heap"
	"math"
	"time"

	"vdev/mmio"
)

// Virtual time is counted in nanoseconds, one for each step of a hart.
//
// Within a round every hart runs from the round's start to its end, one after the
// other. So that time never runs backwards in the order in which things happen, a
// hart that looks at the clock sees at least what any hart saw before it.
type clock struct {
	now  time.Duration // start of the round
	seen time.Duration // the latest time that anybody was told
	// offset is how far into the round the running hart is; nil between harts.
	offset func() time.Duration

	timers timerHeap
	order  uint64
	// armed is called when a timer is set, so that a slice can be cut short.
	armed func(at time.Duration)
}

const never = time.Duration(math.MaxInt64)

// Now implements mmio.Clock.
func (c *clock) Now() time.Duration {
	t := c.now
	if c.offset != nil {
		t += c.offset()
	}
	c.seen = max(c.seen, t)
	return c.seen
}

// NewTimer implements mmio.Clock.
func (c *clock) NewTimer(name string, fn func()) mmio.Timer {
	return &timer{clock: c, name: name, fn: fn, index: -1}
}

type timer struct {
	clock *clock
	name  string
	fn    func()
	at    time.Duration
	order uint64 // timers for the same time fire in the order in which they were armed
	index int    // in the heap, -1 when disarmed
}

// Arm implements mmio.Timer.
func (t *timer) Arm(at time.Duration) {
	c := t.clock
	t.at, t.order = at, c.order
	c.order++
	if t.index >= 0 {
		heap.Fix(&c.timers, t.index)
	} else {
		heap.Push(&c.timers, t)
	}
	if c.armed != nil {
		c.armed(at)
	}
}

// Disarm implements mmio.Timer.
func (t *timer) Disarm() {
	if t.index >= 0 {
		heap.Remove(&t.clock.timers, t.index)
	}
}

// next is when the earliest timer is due.
func (c *clock) next() time.Duration {
	if len(c.timers) == 0 {
		return never
	}
	return c.timers[0].at
}

// fire runs the timers that are due at the start of the round.
func (c *clock) fire() {
	for len(c.timers) > 0 && c.timers[0].at <= c.now {
		t := heap.Pop(&c.timers).(*timer)
		t.fn()
	}
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].order < h[j].order
}
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}
