// SPDX-License-Identifier: Apache-2.0

package dmabuf

// The lock of a buffer admits several readers or one writer. Who waits for it stands
// in its queue in the order of tickets, oldest first, and is granted the lock only if
// nobody who is older waits for it in a way that conflicts.
//
// Why nobody waits for ever, and nobody in a circle: a sync object that waits for a
// buffer waits for those who hold it and for older ones in the queue. Whoever holds
// it and is younger is either locked completely, and will unlock without waiting for
// anything (or a timer sees to it), or still wants other buffers; then it is wounded
// on the spot: it gives back all that it holds, and waits for the buffer that it
// wanted with nothing in its hands, keeping its ticket. So among those who hold
// something and wait, waiting leads from the younger to the older. The oldest of all
// is never wounded, and every ticket becomes the oldest as those before it unlock.
//
// That is WoundWait. With WaitDie it is the other way round: who holds something waits
// only for younger ones, and is wounded as soon as it would have to wait for an older
// one; so waiting leads from the older to the younger.

// entry is a buffer in a sync object.
type entry struct {
	obj    *SyncObject
	buf    *Buffer
	access Access
	state  entryState
	use    *use        // of a job
	stake  *stake      // of the object's owner
	held   *stake      // of who holds the lock
	lock   link[entry] // the buffer's holders or queue
	member link[entry] // the buffer's
	order  link[entry] // the object's
}

type entryState uint8

const (
	entryIdle entryState = iota
	entryQueued
	entryHeld
)

// grantable tells whether the entry may have the lock now.
func (b *Buffer) grantable(e *entry) bool {
	if h := b.holders.first(); h != nil && h.access.conflicts(e.access) {
		return false // one writer, or readers: they are all alike
	}
	for k := b.queue.head; k != nil && k.v.obj.stamp < e.obj.stamp; k = k.next {
		if k.v.access.conflicts(e.access) {
			return false
		}
	}
	return true
}

func (b *Buffer) grant(e *entry) {
	e.state = entryHeld
	b.holders.pushBack(&e.lock, e)
	b.partial++
	e.obj.held++
	if e.held = e.stake; !e.stake.isOf(e.obj.when.task) {
		e.held = b.makeStake(e.obj.when.task, e.obj.holder.device)
	}
	e.held.countLock(e.access, 1)
	b.core.stats.Locked++
	if b.core.cfg.Tickets == WaitDie {
		b.woundBehind(e, b.queue.head)
	}
}

// release gives the lock back.
func (e *entry) release() {
	b := e.buf
	e.state = entryIdle
	e.lock.remove()
	if e.obj.state == syncLocking {
		b.partial--
	}
	e.obj.held--
	e.held.countLock(e.access, -1)
	b.core.stats.Locked--
	if b.queue.n > 0 {
		b.core.kick(b)
	}
}

// enqueue puts the entry among those who wait, and wounds who must not be waited for.
func (b *Buffer) enqueue(e *entry) {
	at := b.queue.tail
	for at != nil && at.v.obj.stamp > e.obj.stamp {
		at = at.prev
	}
	e.state = entryQueued
	b.queue.insertAfter(at, &e.lock, e)
	if b.core.cfg.Tickets == WaitDie {
		b.woundBehind(e, e.lock.next)
		if e.obj.holds() && b.olderBefore(e) {
			e.obj.wound()
		}
		return
	}
	for k := b.holders.head; k != nil && b.partial > 0; {
		h := k.v
		k = k.next
		if h.obj.state == syncLocking && h.obj.stamp > e.obj.stamp && h.access.conflicts(e.access) {
			h.obj.wound()
		}
	}
}

// woundBehind wounds those from k on who hold something and would now wait for e,
// which is older.
func (b *Buffer) woundBehind(e *entry, k *link[entry]) {
	for k != nil {
		q := k.v
		k = k.next
		if q.obj.stamp > e.obj.stamp && q.access.conflicts(e.access) && q.obj.holds() {
			q.obj.wound()
		}
	}
}

// olderBefore tells whether an entry of the queue waits for anybody who is older.
func (b *Buffer) olderBefore(e *entry) bool {
	older := func(k *link[entry]) bool {
		return k.v.obj.stamp < e.obj.stamp && k.v.access.conflicts(e.access)
	}
	for k := b.holders.head; k != nil; k = k.next {
		if older(k) {
			return true
		}
	}
	for k := e.lock.prev; k != nil; k = k.prev {
		if older(k) {
			return true
		}
	}
	return false
}

// holds tells whether the object has the lock of any buffer.
func (s *SyncObject) holds() bool { return s.held > 0 }

// dequeue gives up waiting. Others may have waited only because of that.
func (e *entry) dequeue() {
	e.state = entryIdle
	e.lock.remove()
	e.buf.core.kick(e.buf)
}

// grantWaiting gives the lock to those who wait and can have it.
func (b *Buffer) grantWaiting() {
	for e := b.queue.first(); e != nil && b.grantable(e); e = b.queue.first() {
		e.lock.remove()
		b.grant(e)
		e.obj.blocked = nil
		e.obj.advance()
	}
}
