// SPDX-License-Identifier: Apache-2.0

package dmabuf

// failedPrep remembers the last Prep of a buffer that failed.
type failedPrep struct {
	cl   *Client
	err  Errno
	when moment
}

// PrepFlags change what Prep does.
type PrepFlags uint8

// Flags of Prep.
const (
	// PrepIgnorePending goes on although there are pending marks. That is reported,
	// but does not fail.
	PrepIgnorePending PrepFlags = 1 << iota
)

// Prep makes a range of the buffer ready for accesses of cl's task by CPU, until
// Fini: it waits until no device uses the buffer in a way that conflicts (mapped,
// unless persistently; in a job; with a fence), and makes all that devices have
// written, and that other CPU accesses that have ended, visible. Two clients may both
// have a buffer prepared; Prep is a barrier, not a lock. It can wait for as long as
// devices take turns, so a Timeout is wise.
//
// EBADF: the client is closed, or the buffer is gone. EINVAL: the range is empty or
// not in the buffer, the access is none, a flag is unknown, or w cannot be used.
// EALREADY: the client has the buffer prepared already. EAGAIN: somebody has a
// pending mark on the buffer, so waiting for devices would be waiting too short. EBUSY:
// a device uses it and w is nil. ENOMEM: there is no memory for it, or there are too
// many accesses. EINPROGRESS: w waits, and gets nil or EALREADY, ENOMEM, ETIMEDOUT, EINTR, ECANCELED (the client
// was closed), EBADF (the buffer is gone). After an error nothing is held.
func (b *Buffer) Prep(cl *Client, r Range, a Access, f PrepFlags, w *Wait) error {
	if err := b.checkCPU(cl, r, a); err != nil {
		return err
	}
	if err := w.usable(); err != nil || f&^PrepIgnorePending != 0 {
		return EINVAL
	}
	c := b.core
	c.enter()
	defer c.leave()
	if k := b.prepOf(cl); k != nil {
		c.violation(NestedPrep, b, r, cl.side("CPU_PREP", a), k.side())
		return EALREADY
	}
	if p := b.marks.first(); p != nil {
		c.violation(PendingCommands, b, r, cl.side("CPU_PREP", a), p.cl.sideAt("batch", 0, p.when))
		if f&PrepIgnorePending == 0 {
			return b.prepFailed(cl, EAGAIN, cl.now())
		}
	}
	if !b.busy(a) {
		return b.prepare(cl, r, a, cl.now())
	}
	if w == nil {
		return b.prepFailed(cl, EBUSY, cl.now())
	}
	w.begin(cl)
	w.buf, w.rng, w.access = b, r, a
	b.preps.pushBack(&w.on, w)
	return EINPROGRESS
}

// prepare ends the wait of a Prep with success, or at least an outcome.
func (b *Buffer) prepare(cl *Client, r Range, a Access, when moment) error {
	if k := b.prepOf(cl); k != nil {
		b.core.violation(NestedPrep, b, r, cl.sideAt("CPU_PREP", a, when), k.side())
		return EALREADY
	}
	if err := b.begin(cl, r, a, true, when); err != nil {
		return b.prepFailed(cl, err.(Errno), when)
	}
	if b.failed.cl == cl {
		b.failed = failedPrep{}
	}
	b.core.stats.Preps++
	return nil
}

// prepFailed remembers that a Prep failed, and returns the error.
func (b *Buffer) prepFailed(cl *Client, err Errno, when moment) error {
	b.failed = failedPrep{cl, err, when}
	return err
}

func (b *Buffer) prepOf(cl *Client) *cpuAccess {
	return b.newest(cl, func(a *cpuAccess) bool { return a.prep })
}

// busy tells whether a device uses the buffer so that the CPU must not.
func (b *Buffer) busy(a Access) bool {
	if b.transient > 0 {
		return true
	}
	for k := b.inUse.head; k != nil; k = k.next {
		if !k.v.job.hold && k.v.access.conflicts(a) {
			return true
		}
	}
	return b.fenced(a)
}

// prepareWaiting lets those go on who wait in Prep or WaitFences and need not any more.
// None need not, as long as not even a read could.
func (b *Buffer) prepareWaiting() {
	if b.preps.n > 0 && !b.busy(Read) {
		b.preps.each(func(w *Wait) {
			if !b.busy(w.access) {
				w.finish(b.prepare(w.client, w.rng, w.access, w.granted()))
			}
		})
	}
	if b.polls.n > 0 && !b.fenced(Read) {
		b.polls.each(func(w *Wait) {
			if !b.fenced(w.access) {
				w.finish(nil)
			}
		})
	}
}

// Fini ends what Prep began: what the CPU wrote is certain to be there for everybody
// who maps or prepares the buffer from now on.
//
// EBADF: the client is closed, or the buffer is gone. EINVAL: the client has not
// prepared the buffer.
func (b *Buffer) Fini(cl *Client) error {
	if !cl.alive() || !b.alive() {
		return EBADF
	}
	c := b.core
	c.enter()
	defer c.leave()
	a := b.prepOf(cl)
	if a == nil {
		c.violation(UnbalancedFini, b, b.whole(), cl.side("CPU_FINI", 0), Side{})
		return EINVAL
	}
	a.finish()
	b.kmapsLeft(cl)
	return nil
}
