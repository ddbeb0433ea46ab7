// SPDX-License-Identifier: Apache-2.0

package dmabuf

import "time"

// Job is a device's use of buffers from just before its DMA begins until it is
// complete. A device makes one and uses it again and again.
//
// In mode Enforce it holds the locks of its buffers meanwhile, as a sync object
// does, and waits for them; in mode Observe it never waits, and is reported if
// somebody's lock conflicts; in mode Off it knows of no locks. In each mode the
// buffers are in use meanwhile: Prep waits, and accesses that conflict are reported.
type Job struct {
	core *Core
	dev  *Device
	name string
	hold bool
	sync *SyncObject
	uses []*use

	running      bool
	locked       bool // in flight, and holds the locks
	ignoresLocks bool // began in mode Off
	since        time.Duration
	mark         uint64
}

// use is a range of a buffer in a job.
type use struct {
	job    *Job
	buf    *Buffer
	rng    Range
	access Access
	link   link[use] // of the buffer, while the job is in flight
}

// NewJob makes a job without buffers. One that holds is in flight for long, like
// scan-out of what the display has latched: it has no lockup timer, Prep does not
// wait for it, and accesses that conflict with it are nobody's fault unless they
// break its lock.
func (d *Device) NewJob(name string, hold bool) *Job {
	o := SyncOptions{}
	if hold {
		o.Timeout = -1
	}
	j := &Job{core: d.core, dev: d, name: name, hold: hold, sync: d.client.newSync(o)}
	j.sync.job = j
	return j
}

// SetName changes what people see of it.
func (j *Job) SetName(s string) { j.name = s }

// Running tells whether it is in flight.
func (j *Job) Running() bool { return j.running }

// Use adds a range of a buffer to the job; a buffer may occur several times.
//
// EBADF: the buffer is gone. EINVAL: the range is empty or not in the buffer, or the
// access is none. EBUSY: the job is in flight or waits.
func (j *Job) Use(b *Buffer, r Range, a Access) error {
	switch {
	case !b.alive():
		return EBADF
	case !r.within(b.spec.Size) || !a.valid():
		return EINVAL
	case j.running || j.sync.state != syncIdle:
		return EBUSY
	}
	j.uses = append(j.uses, &use{job: j, buf: b, rng: r, access: a})
	if e := j.sync.find(b); e != nil {
		e.access |= a
	} else {
		j.sync.add(b, a)
	}
	return nil
}

// Start begins the job. With mode Enforce it may have to wait.
//
// EALREADY: it is in flight or waits. EINVAL: w cannot be used. EBUSY: it would have
// to wait, and w is nil. EINPROGRESS: w waits, and gets nil, or ETIMEDOUT, EINTR,
// ECANCELED (the job was aborted).
func (j *Job) Start(w *Wait) error {
	if err := w.usable(); err != nil {
		return err
	}
	c := j.core
	c.enter()
	defer c.leave()
	if j.running {
		return EALREADY
	}
	if c.cfg.Mode == Enforce {
		return j.sync.startLock(j.dev.client, w)
	}
	if j.sync.state != syncIdle {
		return EALREADY // waits since another mode
	}
	j.ignoresLocks = c.cfg.Mode == Off
	j.begin()
	return nil
}

// begin is reached when the job may touch its buffers.
func (j *Job) begin() {
	c := j.core
	j.running, j.locked = true, j.sync.state == syncLocked
	if j.locked {
		j.ignoresLocks = false
	}
	j.since, j.mark = c.cfg.Now(), c.mark()
	c.stats.Jobs++
	for _, u := range j.uses {
		u.begin()
	}
}

func (u *use) begin() {
	j, b, c := u.job, u.buf, u.job.core
	b.deviceBegins(j.dev, u.rng)
	if !j.locked && !j.ignoresLocks {
		if h := b.conflicting(u.access, j.dev.client); h != nil {
			c.violation(DeviceWithoutLock, b, u.rng, u.side(), h.obj.side(h))
		}
	}
	for k := b.inUse.head; k != nil; k = k.next {
		if o := k.v; o.job.dev != j.dev && !o.job.hold && !j.hold && o.access.conflicts(u.access) && o.rng.overlaps(u.rng) {
			c.violation(DeviceWhileDevice, b, u.rng, u.side(), o.side())
			break
		}
	}
	b.inUse.pushBack(&u.link, u)
	if b.frame.matters(u.access) {
		b.frameBegins(u.side(), j.dev.client, u.access)
	}
}

// conflicting is a holder of the buffer's lock with which an access by cl conflicts.
func (b *Buffer) conflicting(a Access, cl *Client) *entry {
	for k := b.holders.head; k != nil && k.v.access.conflicts(a); k = k.next { // all or none does
		if !k.v.obj.holder.same(cl) {
			return k.v
		}
	}
	return nil
}

// Finish ends the job: its DMA is complete. The interrupt comes afterwards.
//
// EINVAL: it is not in flight. EOWNERDEAD: its lock was taken away while it was; it
// has ended now.
func (j *Job) Finish() error { return j.finish(true) }

// Abort ends the job, in flight or waiting, because the device was reset. What it
// wrote is no frame, and may be half of something (SyncObject.Inconsistent). A Start
// that waits gets ECANCELED.
//
// Errors are those of Finish.
func (j *Job) Abort() error { return j.finish(false) }

func (j *Job) finish(good bool) error {
	c := j.core
	c.enter()
	defer c.leave()
	if !good && j.sync.state == syncLocking && j.sync.wait != nil {
		j.sync.wait.fail(ECANCELED)
		return nil
	}
	if !j.running {
		return EINVAL
	}
	j.running = false
	c.stats.Jobs--
	for _, u := range j.uses {
		u.link.remove()
		if u.access.writes() {
			u.buf.deviceWrote(j.dev, u.rng)
		}
		if good {
			u.buf.frameEnds(j.dev.client, u.access)
		}
		c.kick(u.buf)
	}
	if j.sync.state == syncLocked {
		j.sync.unlock()
	}
	if !good {
		j.spoil()
	}
	return j.sync.tell(j.dev.client)
}

// spoil notes that what the job was to write is not complete.
func (j *Job) spoil() {
	for _, u := range j.uses {
		if u.access.writes() {
			u.buf.broken = true
		}
	}
}

// Clear removes all buffers from the job.
//
// EBUSY: it is in flight or waits.
func (j *Job) Clear() error {
	if j.running || j.sync.state != syncIdle {
		return EBUSY
	}
	j.core.enter()
	defer j.core.leave()
	clear(j.uses)
	j.uses = j.uses[:0]
	j.sync.putAll()
	return nil
}
