// SPDX-License-Identifier: Apache-2.0

package dmabuf

import "time"

// Wait is one call that may have to wait: Lock, Prep, Fence.Wait, Job.Start. The
// caller provides it, sets Done, and may use it again for another call as soon as
// Done is called, even within it. It must not be copied or changed in between.
//
// The call returns either the outcome itself, and then Done is not called, or
// EINPROGRESS, and then Done is called exactly once with the outcome. A nil *Wait
// stands for a caller that does not want to wait: the call fails with EBUSY
// instead.
type Wait struct {
	// Done gets the outcome: nil or an Errno. It is called at the end of the call of
	// the core that brought it about, whoever made that, and may call the core.
	Done func(err error)
	// Timeout is how long to wait at most before the call fails with ETIMEDOUT; 0 is
	// for ever.
	Timeout time.Duration

	core     *Core
	client   *Client
	state    waitState
	err      error
	when     moment // the call was made
	deadline deadline
	ofClient link[Wait]
	on       link[Wait] // the buffer's or fence's list

	// What is waited for: one of these.
	obj   *SyncObject
	buf   *Buffer
	fence *Fence

	rng        Range
	access     Access
	onlyFences bool // WaitFences, not Prep
}

type waitState uint8

const (
	waitIdle waitState = iota
	waiting
	waitOver // the outcome is certain, Done is about to be called
)

// usable tells whether the wait can be used for a call.
func (w *Wait) usable() error {
	if w != nil && (w.state != waitIdle || w.Done == nil || w.Timeout < 0) {
		return EINVAL
	}
	return nil
}

// begin makes the call wait on behalf of cl.
func (w *Wait) begin(cl *Client) {
	c := cl.core
	w.core, w.client, w.state, w.err, w.when = c, cl, waiting, nil, cl.now()
	cl.waits.pushBack(&w.ofClient, w)
	c.stats.Waits++
	if w.Timeout > 0 {
		w.deadline.wait = w
		c.deadlines.set(&w.deadline, c.after(w.Timeout))
	}
}

// granted is the moment at which the wait ends, as of who made the call.
func (w *Wait) granted() moment { return moment{w.when.task, w.core.cfg.Now(), w.when.mark} }

// finish settles the outcome of a waiting call.
func (w *Wait) finish(err error) {
	if w.state != waiting {
		panic("BUG: dmabuf: outcome of a call that does not wait")
	}
	w.core.deadlines.cancel(&w.deadline)
	w.on.remove()
	w.obj, w.buf, w.fence, w.onlyFences = nil, nil, nil, false
	w.state, w.err = waitOver, err
	w.core.stats.Waits--
	w.core.over = append(w.core.over, w)
}

// fail ends the call, if it still waits, without what it waits for.
func (w *Wait) fail(err Errno) bool {
	if w.state != waiting {
		return false
	}
	switch {
	case w.obj != nil:
		w.obj.abandon()
	case w.buf != nil && !w.onlyFences:
		_ = w.buf.prepFailed(w.client, err, w.granted())
	}
	w.finish(err)
	return true
}

// Interrupt ends the call with EINTR, as a signal does; the caller then holds
// nothing that it had not held before. It reports false if the call does not wait,
// or its outcome is certain already.
func (w *Wait) Interrupt() bool {
	if w == nil || w.state != waiting {
		return false
	}
	c := w.core
	c.enter()
	defer c.leave()
	return w.fail(EINTR)
}

// Waiting tells whether the outcome is open.
func (w *Wait) Waiting() bool { return w.state == waiting }

// deliver calls Done for all calls that are over, in the order in which that
// became certain.
func (c *Core) deliver() {
	for i := 0; i < len(c.over); i++ {
		w := c.over[i]
		c.over[i] = nil
		w.ofClient.remove()
		err := w.err
		w.state, w.err, w.client = waitIdle, nil, nil
		w.Done(err)
	}
	c.over = c.over[:0]
}
