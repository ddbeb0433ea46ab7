// SPDX-License-Identifier: Apache-2.0

package blocking

import (
	"time"

	"vdev/dmabuf"
)

// clock is the host's, from a moment on.
type clock struct{ start time.Time }

func (k clock) now() time.Duration { return time.Since(k.start) }

func (k clock) newTimer(fn func()) dmabuf.Timer {
	t := time.AfterFunc(time.Hour, fn)
	t.Stop()
	return timer{k, t}
}

// timer is one of the host's timers. That it may fire once more after it was
// disarmed does no harm.
type timer struct {
	clock
	*time.Timer
}

func (t timer) Arm(at time.Duration) { t.Reset(at - t.now()) }
func (t timer) Disarm()              { t.Stop() }
