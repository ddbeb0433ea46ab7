// SPDX-License-Identifier: Apache-2.0

package dmabuf

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
	uses []*use // one for each buffer

	running      bool
	locked       bool   // in flight, and holds the locks
	ignoresLocks bool   // began in mode Off
	when         moment // it began
}

// use is a buffer in a job.
type use struct {
	job    *Job
	buf    *Buffer
	parts  []part
	span   Range     // from the first to the last byte of all parts
	access Access    // what is done to any of them
	link   link[use] // of the buffer, while the job is in flight
}

// part is a range of a buffer, and what a job does to it.
type part struct {
	rng    Range
	access Access
}

func (u *use) add(r Range, a Access) {
	if u.span.Len == 0 {
		u.span = r
	}
	lo, hi := min(u.span.Off, r.Off), max(u.span.End(), r.End())
	u.span = Range{lo, hi - lo}
	u.access |= a
	u.parts = append(u.parts, part{r, a})
}

// against is a part that an access to a range conflicts with; nil for none.
func (u *use) against(r Range, a Access) *part {
	if !u.access.conflicts(a) || !u.span.overlaps(r) {
		return nil
	}
	for i := range u.parts {
		if p := &u.parts[i]; p.access.conflicts(a) && p.rng.overlaps(r) {
			return p
		}
	}
	return nil
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
	e := j.sync.find(b)
	if e == nil {
		e = j.sync.add(b, 0)
		e.use = &use{job: j, buf: b}
		j.uses = append(j.uses, e.use)
	}
	e.access |= a
	e.use.add(r, a)
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
	j.when = j.dev.client.now()
	c.stats.Jobs++
	for _, u := range j.uses {
		u.begin()
	}
}

func (u *use) begin() {
	j, b, c := u.job, u.buf, u.job.core
	for _, p := range u.parts {
		b.deviceBegins(j.dev, p.rng)
	}
	if !j.locked && !j.ignoresLocks {
		if h := b.conflicting(u.access, j.dev.client); h != nil {
			p := u.against(b.whole(), h.access)
			c.violation(DeviceWithoutLock, b, p.rng, u.side(p.access), h.obj.side(h))
		}
	}
	if !j.hold {
		u.meetOthers()
	}
	b.inUse.pushBack(&u.link, u)
	for _, p := range u.parts {
		if b.frame.matters(p.access) {
			b.frameBegins(u.side(p.access), j.dev.client, p.access)
		}
	}
}

// meetOthers reports the first use by another device that is in the way.
func (u *use) meetOthers() {
	b := u.buf
	for k := b.inUse.head; k != nil; k = k.next {
		o := k.v
		if o.job.dev == u.job.dev || o.job.hold {
			continue
		}
		for _, p := range u.parts {
			if q := o.against(p.rng, p.access); q != nil {
				b.core.violation(DeviceWhileDevice, b, p.rng, u.side(p.access), o.side(q.access))
				return
			}
		}
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
		u.end(good)
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

// end draws the consequences of what was done to the parts.
func (u *use) end(good bool) {
	for _, p := range u.parts {
		if p.access.writes() {
			u.buf.deviceWrote(u.job.dev, p.rng)
		}
		if good {
			u.buf.frameEnds(u.job.dev.client, p.access)
		}
	}
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
