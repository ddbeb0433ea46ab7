// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"context"
	"time"

	"vdev/emu/riscv"
	"vdev/emu/sbi"
)

// Reason says why a run ended.
type Reason uint8

// The reasons.
const (
	PowerOff Reason = iota // the guest switched the machine off
	Reboot                 // the guest asked for a restart
	TestExit               // a bare test program ended (HTIF)
	Stopped                // Stop was called
	Canceled               // the context was canceled
	Stuck                  // every hart waits for an interrupt that cannot come
	TrapLoop               // the harts do nothing but trap, again and again
)

// Result is how a run ended.
type Result struct {
	Reason Reason
	Status int // with PowerOff and TestExit, 0 for success
}

const (
	// quantum is how long each of several harts runs before the next one's turn, and
	// so how far apart their clocks can be.
	quantum = 5 * time.Microsecond
	// quantumAlone is how long a single hart runs before the machine looks for input.
	quantumAlone = time.Millisecond
	// trapLoopTime is how long harts may run without retiring an instruction before
	// that counts as a loop: a trap whose handler traps.
	trapLoopTime = 10 * time.Millisecond
)

// Run runs the machine until the guest ends it or ctx is canceled.
func (m *Machine) Run(ctx context.Context) Result {
	stopWatching := context.AfterFunc(ctx, func() {
		m.Post(func() { m.stop(Result{Reason: Canceled}) })
	})
	defer stopWatching()
	m.pace.start(m.now)
	for m.result == nil {
		m.runPosted()
		if m.result != nil {
			break
		}
		if m.paused {
			continue
		}
		m.fire()
		m.round()
		m.flushConsole()
	}
	m.flushConsole()
	m.finishTrace()
	return *m.result
}

// Stop ends the run from any goroutine.
func (m *Machine) Stop() { m.Post(func() { m.stop(Result{Reason: Stopped}) }) }

// stop ends the run; the first reason counts.
func (m *Machine) stop(r Result) {
	if m.result == nil {
		m.result = &r
	}
	if m.running != nil {
		m.running.RequestExit()
	}
}

// Post runs fn on the machine's goroutine, soon. It is how everything from outside
// gets in.
func (m *Machine) Post(fn func()) {
	m.mu.Lock()
	m.posted = append(m.posted, fn)
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// runPosted runs what was posted; a paused machine waits for something.
func (m *Machine) runPosted() {
	select {
	case <-m.wake:
	default:
		if !m.paused {
			return
		}
		m.flushConsole()
		<-m.wake
	}
	m.mu.Lock()
	fns := m.posted
	m.posted = nil
	m.mu.Unlock()
	for _, fn := range fns {
		fn()
	}
}

// round lets every hart run for one quantum, or skips idle time.
func (m *Machine) round() {
	wait := m.untilWork()
	if wait > 0 {
		m.idle(wait)
		return
	}
	q := quantum
	if len(m.harts) == 1 {
		q = quantumAlone
	}
	q = min(q, m.next()-m.now)
	m.mem.Tick()
	m.roundEnd = m.now + q
	var longest time.Duration
	for _, h := range m.harts {
		longest = max(longest, m.turn(h))
		if m.result != nil {
			break
		}
	}
	// Time stays where the last hart stopped: a single hart that goes to sleep early
	// does not wait for its quantum to end.
	m.now = max(m.now+longest, m.seen)
	m.watchProgress(longest)
}

// watchProgress ends the run when the harts, which ran for d, have not retired an
// instruction for too long.
func (m *Machine) watchProgress(d time.Duration) {
	if n := m.Retired(); n != m.retired {
		m.retired, m.barren = n, 0
		return
	}
	if m.barren += d; m.barren > trapLoopTime {
		m.stop(Result{Reason: TrapLoop})
	}
}

// untilWork is how long no hart has anything to do; 0 if one has.
func (m *Machine) untilWork() time.Duration {
	first := m.next()
	for _, h := range m.harts {
		if t := h.wakeTime(); t <= m.now {
			return 0
		} else if t < first {
			first = t
		}
	}
	if first == never {
		return never
	}
	return first - m.now
}

// wakeTime is when h has something to do: at once, when its timer is due, or never
// by itself.
func (h *hart) wakeTime() time.Duration {
	switch {
	case h.state == sbi.Stopped:
		return never
	case !h.idle:
		return 0
	}
	h.UpdateTimer()
	if !h.Waiting() {
		return 0
	}
	return h.timerTime()
}

// timerTime is when h's stimecmp is reached, if that would wake it.
func (h *hart) timerTime() time.Duration {
	cmp, on := h.Stimecmp()
	if !on {
		return never
	}
	if at, ok := h.m.aclint.When(cmp); ok {
		return at
	}
	return never
}

// turn runs h to the end of the round and returns how much of the round it used.
func (m *Machine) turn(h *hart) time.Duration {
	var done time.Duration
	m.running = h
	m.mem.SetHart(int(h.ID()))
	m.runs(h)
	defer func() { m.running, m.clock.offset = nil, nil }()
	start := h.Steps()
	var skipped time.Duration // time of the round that the hart slept through
	m.clock.offset = func() time.Duration { return skipped + time.Duration(h.Steps()-start) }
	h.LoseReservation()
	for m.result == nil {
		done = m.clock.offset()
		left := m.roundEnd - m.now - done
		if left <= 0 {
			break
		}
		t := h.wakeTime()
		if t >= m.roundEnd {
			break
		}
		if t > m.now+done {
			skipped += t - m.now - done
			continue
		}
		h.wakeUp()
		// A slice ends where the hart's own timer is due.
		if at := h.timerTime(); at > m.now+done {
			left = min(left, at-m.now-done)
		}
		switch h.Run(uint64(left)) {
		case riscv.ExitWFI:
			h.idle = true
		case riscv.ExitYield:
			if len(m.harts) > 1 {
				return m.clock.offset()
			}
		}
	}
	return m.clock.offset()
}

// wakeUp ends a wait.
func (h *hart) wakeUp() {
	if !h.idle {
		return
	}
	h.idle = false
	if h.state == sbi.Suspended {
		h.state = sbi.Started
		if h.resume != nil {
			h.resume()
			h.resume = nil
		}
	}
}

// timerArmed ends the round early enough for a device's timer.
func (m *Machine) timerArmed(at time.Duration) {
	if m.running == nil || at >= m.roundEnd {
		return
	}
	m.roundEnd = max(at, m.Now())
	m.running.RequestExit()
}

// timersChanged makes harts look at the time again after it was set.
func (m *Machine) timersChanged() {
	if m.running != nil {
		m.running.RequestExit()
	}
}

// idle passes d of virtual time in which nothing happens.
func (m *Machine) idle(d time.Duration) {
	m.flushConsole()
	if d == never && !m.cfg.WaitInput {
		m.stop(Result{Reason: Stuck})
		return
	}
	if !m.cfg.Realtime && d != never {
		m.now += d
		return
	}
	m.now = m.pace.wait(m.now, d, m.wake)
	m.seen = max(m.seen, m.now)
}
