// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"math"
	"time"
)

// deadline is a moment at which a wait fails or a lock is broken. Exactly one of
// wait and obj is set.
type deadline struct {
	at    time.Duration
	seq   uint64 // those of the same moment come in the order in which they were set
	index int    // in the heap, from 1; 0 if not set
	wait  *Wait
	obj   *SyncObject
}

func (d *deadline) before(o *deadline) bool {
	return d.at < o.at || d.at == o.at && d.seq < o.seq
}

// deadlines is a binary heap of all deadlines, and the host's timer for the first.
type deadlines struct {
	heap  []*deadline
	seq   uint64
	timer Timer
	armed bool
	at    time.Duration // of the timer
}

// after is the moment when d will have passed; the end of time if that comes first.
func (c *Core) after(d time.Duration) time.Duration {
	now := c.cfg.Now()
	return now + min(d, math.MaxInt64-now)
}

func (q *deadlines) set(d *deadline, at time.Duration) {
	q.seq++
	d.at, d.seq, d.index = at, q.seq, len(q.heap)+1
	q.heap = append(q.heap, d)
	q.up(d.index - 1)
	q.arm()
}

// cancel leaves the timer as it is: that it fires for nothing once is cheaper than
// setting it anew with every lock and unlock.
func (q *deadlines) cancel(d *deadline) {
	if d.index == 0 {
		return
	}
	i, last := d.index-1, len(q.heap)-1
	moved := q.heap[last]
	q.heap[last] = nil
	q.heap = q.heap[:last]
	d.index = 0
	if i < last {
		q.put(i, moved)
		q.up(i)
		q.down(moved.index - 1)
	}
}

// next removes and returns a deadline that has passed, or nil.
func (q *deadlines) next(now time.Duration) *deadline {
	if len(q.heap) == 0 || q.heap[0].at > now {
		return nil
	}
	d := q.heap[0]
	q.cancel(d)
	return d
}

func (q *deadlines) arm() {
	if len(q.heap) > 0 && (!q.armed || q.heap[0].at < q.at) {
		q.armed, q.at = true, q.heap[0].at
		q.timer.Arm(q.at)
	}
}

func (q *deadlines) put(i int, d *deadline) { q.heap[i], d.index = d, i+1 }

func (q *deadlines) swap(i, j int) {
	a, b := q.heap[i], q.heap[j]
	q.put(i, b)
	q.put(j, a)
}

func (q *deadlines) up(i int) {
	for i > 0 && q.heap[i].before(q.heap[(i-1)/2]) {
		q.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
}

func (q *deadlines) down(i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(q.heap); c++ {
			if q.heap[c].before(q.heap[least]) {
				least = c
			}
		}
		if least == i {
			return
		}
		q.swap(i, least)
		i = least
	}
}

// expire is the host's timer firing.
func (c *Core) expire() {
	c.enter()
	defer c.leave()
	c.deadlines.armed = false
	now := c.cfg.Now()
	for d := c.deadlines.next(now); d != nil; d = c.deadlines.next(now) {
		if d.wait != nil {
			d.wait.fail(ETIMEDOUT)
		} else {
			d.obj.lockup()
		}
		c.settle()
	}
	c.deadlines.arm()
}
