// SPDX-License-Identifier: Apache-2.0

package emu

import "time"

// pacer makes idle virtual time pass no faster than the host's clock. It is the
// only place that knows the host's time; the model never sees it, except through
// when input arrives.
type pacer struct {
	host    time.Time     // an instant of the host's clock
	virtual time.Duration // and the virtual time that belongs to it
}

// maxLag is how far virtual time may be behind before the pacer gives up catching
// up: a busy guest falls behind, and then waits as long as it asked to.
const maxLag = 20 * time.Millisecond

func (p *pacer) start(now time.Duration) { p.host, p.virtual = time.Now(), now }

// wait sleeps while the d from now pass, or until wake has a value, which it leaves
// there. It returns the virtual time at which it woke.
func (p *pacer) wait(now, d time.Duration, wake chan struct{}) time.Duration {
	if lag := p.target() - now; lag > maxLag {
		p.virtual -= lag - maxLag
	}
	end := never
	var timeout <-chan time.Time
	if d != never {
		end = now + d
		left := end - p.target()
		if left <= 0 {
			return end
		}
		t := time.NewTimer(left)
		defer t.Stop()
		timeout = t.C
	}
	select {
	case <-timeout:
		return end
	case v := <-wake:
		select {
		case wake <- v:
		default: // somebody has put one there meanwhile
		}
		return min(max(now, p.target()), end)
	}
}

// target is the virtual time that it should be.
func (p *pacer) target() time.Duration { return p.virtual + time.Since(p.host) }
