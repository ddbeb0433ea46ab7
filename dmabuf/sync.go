// SPDX-License-Identifier: Apache-2.0

package dmabuf

import "time"

// SyncOptions change how a sync object behaves.
type SyncOptions struct {
	// Timeout is how long it may stay locked; 0 for the core's LockupTimeout, less
	// than 0 for ever.
	Timeout time.Duration
	// Backoff: a Lock that has to back off gives up with EDEADLK instead of going on
	// by itself. It holds nothing then, but keeps its ticket; the next Lock takes the
	// contended buffer first. That is how a caller of ww_mutex_lock sees it.
	Backoff bool
}

// SyncObject locks any number of buffers at once (dmabuf-sync, 2013). If its owner is
// closed the object is gone, and if who locked it is closed it is unlocked.
//
// A lock of a task does for the caches what Prep and Fini do, for the whole of each
// buffer: that is what couples locks and caches in this proposal. Buffers that have
// no backing get none.
type SyncObject struct {
	core    *Core
	id      ID
	owner   *Client
	opts    SyncOptions
	job     *Job // whose locks these are
	dead    bool
	entries list[entry]
	held    int // of them

	state     syncState
	stamp     uint64       // the ticket; 0 if none. The smaller, the older.
	holder    *Client      // who locked it, or tries to
	next      *link[entry] // all entries before it are held, while it tries
	blocked   *entry       // what it waits for
	contended *entry       // what it backed off from, with Backoff
	try       bool         // must not wait
	outcome   Errno        // of a Lock that failed before it had to wait
	wait      *Wait
	lost      *Client // who does not know yet that the lock was taken away from it
	backoffs  uint64
	deadline  deadline
	when      moment // it was locked, or the call that waits was made
	ofClient  link[SyncObject]
	ofHolder  link[SyncObject] // while it is locked
}

type syncState uint8

const (
	syncIdle syncState = iota
	syncLocking
	syncLocked
)

// NewSync makes an empty sync object that cl owns (init).
//
// EBADF: the client is closed. ENFILE: too many objects.
func (cl *Client) NewSync(o SyncOptions) (*SyncObject, error) {
	if !cl.alive() {
		return nil, EBADF
	}
	s := cl.newSync(o)
	id, err := cl.core.add(s)
	if err != nil {
		return nil, err
	}
	s.id = id
	cl.objects.pushBack(&s.ofClient, s)
	cl.core.stats.SyncObjects++
	return s, nil
}

func (cl *Client) newSync(o SyncOptions) *SyncObject {
	if o.Timeout == 0 {
		o.Timeout = cl.core.cfg.LockupTimeout
	}
	s := &SyncObject{core: cl.core, owner: cl, opts: o}
	s.deadline.obj = s
	return s
}

// ID is the object's number.
func (s *SyncObject) ID() ID { return s.id }

// Locked tells whether it holds the locks of all its buffers.
func (s *SyncObject) Locked() bool { return s.state == syncLocked }

// Backoffs is how often Lock had to give back what it held already.
func (s *SyncObject) Backoffs() uint64 { return s.backoffs }

// Inconsistent tells whether the object is locked, and one of its buffers was taken
// from a writer by force, or a job that wrote it aborted, so that its contents may be
// half of something: nobody who locked it for writing has unlocked it since.
func (s *SyncObject) Inconsistent() bool {
	for k := s.entries.head; k != nil && s.state == syncLocked; k = k.next {
		if k.v.buf.broken {
			return true
		}
	}
	return false
}

// call begins a call by cl; a nil client stands for the owner.
func (s *SyncObject) call(cl *Client) error {
	if s == nil || s.dead || cl != nil && cl.dead {
		return EBADF
	}
	if cl == nil {
		cl = s.owner
	}
	return s.tell(cl)
}

// tell gives cl the news, once, if the lock was taken away from it. That is of no
// concern to others who use the object.
func (s *SyncObject) tell(cl *Client) error {
	if s.lost == nil || !s.lost.same(cl) {
		return nil
	}
	s.lost = nil
	return EOWNERDEAD
}

// Get adds a buffer, which Lock will lock for the access: Read or Write, and Frame.
//
// EBADF: the object or buffer is gone. EINVAL: the access is none. EEXIST: the buffer
// is in the object. EBUSY: the object is locked, or a Lock waits. EOWNERDEAD: the
// lock was taken away from who calls; nothing was done, and the next call is an
// ordinary one.
func (s *SyncObject) Get(b *Buffer, a Access) error {
	if err := s.call(nil); err != nil {
		return err
	}
	switch {
	case !b.alive():
		return EBADF
	case !a.valid():
		return EINVAL
	case s.state != syncIdle:
		return EBUSY
	case s.find(b) != nil:
		return EEXIST
	}
	s.add(b, a)
	return nil
}

// find finds a buffer's entry.
func (s *SyncObject) find(b *Buffer) *entry {
	for k := shorter(&s.entries, &b.members).head; k != nil; k = k.next {
		if k.v.obj == s && k.v.buf == b {
			return k.v
		}
	}
	return nil
}

func (s *SyncObject) add(b *Buffer, a Access) *entry {
	e := &entry{obj: s, buf: b, access: a}
	s.entries.pushBack(&e.order, e)
	b.members.pushBack(&e.member, e)
	e.stake = b.makeStake(s.owner.caller(), s.owner.device)
	e.stake.countObject(1)
	b.refs++
	return e
}

// Put removes a buffer.
//
// EBADF: the object is gone. EINVAL: the buffer is not in it. EBUSY, EOWNERDEAD: as
// Get.
func (s *SyncObject) Put(b *Buffer) error {
	if err := s.call(nil); err != nil {
		return err
	}
	if s.state != syncIdle {
		return EBUSY
	}
	e := s.find(b)
	if e == nil {
		return EINVAL
	}
	s.core.enter()
	defer s.core.leave()
	s.drop(e)
	return nil
}

func (s *SyncObject) drop(e *entry) {
	if s.contended == e {
		s.contended = nil
	}
	e.stake.countObject(-1)
	e.member.remove()
	e.order.remove()
	e.buf.unref(1)
}

// PutAll removes all buffers, and gives up a ticket that was kept.
//
// EBADF: the object is gone. EBUSY, EOWNERDEAD: as Get.
func (s *SyncObject) PutAll() error {
	if err := s.call(nil); err != nil {
		return err
	}
	if s.state != syncIdle {
		return EBUSY
	}
	s.core.enter()
	defer s.core.leave()
	s.putAll()
	return nil
}

func (s *SyncObject) putAll() {
	for e := s.entries.first(); e != nil; e = s.entries.first() {
		s.drop(e)
	}
	s.stamp = 0
}

// Fini ends the object, and unlocks it first if it is locked, which is reported. A
// Lock that waits gets ECANCELED.
//
// EBADF: it is gone already. EOWNERDEAD: the lock was taken away from who calls; the
// object has ended now.
func (s *SyncObject) Fini() error {
	if s == nil || s.dead {
		return EBADF
	}
	s.core.enter()
	defer s.core.leave()
	s.fini()
	return s.tell(s.owner)
}

func (s *SyncObject) fini() {
	switch s.state {
	case syncLocking:
		if w := s.wait; w != nil {
			w.fail(ECANCELED)
		} else {
			s.abandon()
		}
	case syncLocked:
		s.keptOver()
	}
	s.dead = true
	s.putAll()
	s.ofClient.remove()
	delete(s.core.objects, s.id)
	s.core.stats.SyncObjects--
}

// Lock takes the locks of all buffers of the object for cl, all or none, in the
// order in which they were added. It starts with a new ticket, or the one that was
// kept. When two want each other's buffers, one has to back off (Tickets): it gives all
// back, waits for the buffer that it lacked, then takes the others again.
//
// EBADF: the object is gone, or the client is closed. EALREADY: it is locked, or a
// Lock waits. EINVAL: w cannot be used. EBUSY: it would have to wait, and w is nil.
// EDEADLK: it had to back off, with SyncOptions.Backoff. EOWNERDEAD: as Get.
// EINPROGRESS: w waits, and gets nil, or EDEADLK, ETIMEDOUT, EINTR, ECANCELED (the
// object or the client is gone). After an error nothing is locked.
func (s *SyncObject) Lock(cl *Client, w *Wait) error {
	if cl == nil {
		return EBADF
	}
	if err := s.call(cl); err != nil {
		return err
	}
	if err := w.usable(); err != nil {
		return err
	}
	s.core.enter()
	defer s.core.leave()
	return s.startLock(cl, w)
}

func (s *SyncObject) startLock(cl *Client, w *Wait) error {
	if s.state != syncIdle {
		return EALREADY
	}
	c := s.core
	if s.stamp == 0 {
		c.stamp++
		s.stamp = c.stamp
	}
	s.state, s.holder, s.try, s.outcome = syncLocking, cl, w == nil, 0
	s.when = cl.now()
	s.next = s.entries.head
	s.advance()
	c.settle()
	switch {
	case s.state == syncLocked:
		return nil
	case s.state == syncIdle:
		return s.outcome
	case w == nil:
		s.abandon()
		return EBUSY
	}
	w.begin(cl)
	w.obj, s.wait = s, w
	return EINPROGRESS
}

// advance takes buffers until all are taken or one must be waited for.
func (s *SyncObject) advance() {
	if e := s.contended; e != nil {
		s.contended = nil
		if !s.take(e) {
			return
		}
	}
	for ; s.next != nil; s.next = s.next.next {
		if e := s.next.v; e.state != entryHeld && !s.take(e) {
			return
		}
	}
	s.complete()
}

// take takes the lock of a buffer, or waits for it.
func (s *SyncObject) take(e *entry) bool {
	if e.buf.grantable(e) {
		e.buf.grant(e)
		return true
	}
	if !s.try {
		s.blocked = e
		e.buf.enqueue(e)
	}
	return false
}

// wound makes the object, which waits for a buffer, give back the others.
func (s *SyncObject) wound() {
	s.backoffs++
	s.core.stats.Backoffs++
	s.releaseHeld()
	if !s.opts.Backoff || s.job != nil {
		return
	}
	s.contended = s.blocked
	s.stopWaiting()
	s.state = syncIdle
	s.end(EDEADLK)
}

// end tells the outcome of a Lock that failed.
func (s *SyncObject) end(err Errno) {
	if w := s.wait; w != nil {
		s.wait = nil
		w.finish(err)
		return
	}
	s.outcome = err
}

func (s *SyncObject) releaseHeld() {
	for k := s.entries.head; s.held > 0; k = k.next {
		if e := k.v; e.state == entryHeld {
			e.release()
		}
	}
	s.next = s.entries.head
}

func (s *SyncObject) stopWaiting() {
	if s.blocked != nil {
		s.blocked.dequeue()
		s.blocked = nil
	}
}

// abandon ends a Lock that is under way; the ticket is lost.
func (s *SyncObject) abandon() {
	s.stopWaiting()
	s.releaseHeld()
	s.state, s.wait, s.holder, s.stamp = syncIdle, nil, nil, 0
}

// complete is reached when all buffers are locked.
func (s *SyncObject) complete() {
	c := s.core
	s.state = syncLocked
	s.when.at = c.cfg.Now()
	s.holder.holding.pushBack(&s.ofHolder, s)
	c.stats.Locks++
	if s.opts.Timeout > 0 {
		c.deadlines.set(&s.deadline, c.after(s.opts.Timeout))
	}
	for k := s.entries.head; k != nil; k = k.next {
		k.v.buf.partial--
		if s.job == nil {
			k.v.buf.lockedByTask(k.v)
		}
	}
	if s.job != nil {
		s.job.begin()
	}
	if w := s.wait; w != nil {
		s.wait = nil
		w.finish(nil)
	}
}

// lockedByTask makes the buffer ready for the CPU, and applies the rules that concern
// the moment of locking.
func (b *Buffer) lockedByTask(e *entry) {
	b.useCached(b.whole(), e.obj)
	for k := b.inUse.head; k != nil; k = k.next {
		u := k.v
		if u.job.locked || u.job.ignoresLocks {
			continue
		}
		if p := u.against(b.whole(), e.access); p != nil {
			b.core.violation(DeviceWithoutLock, b, p.rng, u.side(p.access), e.obj.side(e))
		}
	}
	if b.frame.matters(e.access) {
		b.frameBegins(e.obj.side(e), e.obj.holder, e.access)
	}
}

// side is the object as the other side of an event.
func (s *SyncObject) side(e *entry) Side {
	return s.holder.sideAt("lock", e.access, s.when)
}

// Unlock gives all locks back.
//
// EBADF: the object is gone, or the client is closed. EINVAL: it is not locked.
// EPERM: somebody else locked it. EOWNERDEAD: as Get; it is not locked any more.
func (s *SyncObject) Unlock(cl *Client) error {
	if cl == nil {
		return EBADF
	}
	if err := s.call(cl); err != nil {
		return err
	}
	c := s.core
	c.enter()
	defer c.leave()
	if s.state != syncLocked {
		if e := s.entries.first(); e != nil {
			c.violation(NotLocked, e.buf, e.buf.whole(), cl.side("unlock", e.access), Side{})
		}
		return EINVAL
	}
	if !s.holder.same(cl) {
		if e := s.entries.first(); e != nil {
			c.violation(StrangerUnlocks, e.buf, e.buf.whole(), cl.side("unlock", e.access), s.side(e))
		}
		return EPERM
	}
	s.unlock()
	return nil
}

func (s *SyncObject) unlock() {
	for k := s.entries.head; k != nil && s.job == nil; k = k.next {
		k.v.buf.frameEnds(s.holder, k.v.access)
	}
	s.unlocked(false)
}

// takeAway unlocks by force.
func (s *SyncObject) takeAway() { s.unlocked(true) }

func (s *SyncObject) unlocked(byForce bool) {
	s.core.deadlines.cancel(&s.deadline)
	for k := s.entries.head; k != nil; k = k.next {
		e := k.v
		if e.access.writes() {
			e.buf.broken = byForce
			if s.job == nil {
				e.buf.wroteCached(e.buf.whole())
			}
		}
		e.release()
	}
	if s.job != nil {
		s.job.locked = false
	}
	s.ofHolder.remove()
	s.state, s.holder, s.stamp = syncIdle, nil, 0
}

// keptOver takes the locks away because the object or its holder is gone.
func (s *SyncObject) keptOver() {
	for k := s.entries.head; k != nil; k = k.next {
		e := k.v
		s.core.violation(LockKept, e.buf, e.buf.whole(), s.holder.side("end of a locked sync object", e.access), s.side(e))
	}
	s.takeAway()
}

// lockup is the timer of a lock that was held too long.
func (s *SyncObject) lockup() {
	s.core.stats.Lockups++
	for k := s.entries.head; k != nil; k = k.next {
		e := k.v
		s.core.violation(LockupBroken, e.buf, e.buf.whole(), s.side(e), e.buf.firstWaiting())
	}
	s.lost = s.holder
	s.takeAway()
}

// firstWaiting is the oldest of those who wait for the buffer's lock.
func (b *Buffer) firstWaiting() Side {
	if e := b.queue.first(); e != nil {
		return e.obj.holder.sideAt("lock", e.access, e.obj.when)
	}
	return Side{}
}
