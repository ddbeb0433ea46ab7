// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"testing"
	"time"
)

// locks is a few buffers and tasks for tests of locking.
type locks struct {
	*rig
	a, b, c *Buffer
	tasks   []*Client
}

func newLocks(t tester, change ...func(*Config)) *locks {
	l := &locks{rig: newRig(t, change...)}
	for i, name := range []string{"A", "B", "C", "D"} {
		l.tasks = append(l.tasks, l.client(uint64(i+1), name))
	}
	for _, b := range []**Buffer{&l.a, &l.b, &l.c} {
		*b = must(l.tasks[0].NewBuffer(Spec{Size: PageSize}))
	}
	return l
}

// start locks and expects to wait.
func (l *locks) start(s *SyncObject, cl *Client) *outcome {
	l.Helper()
	w := l.wait()
	l.want(EINPROGRESS, s.Lock(cl, &w.Wait))
	return w
}

// The case of 2013: task A locks {A, B}, task B locks {C, A}, and a third one closes
// the circle.
func TestOppositeOrder(t *testing.T) {
	l := newLocks(t)
	a, b := l.tasks[0], l.tasks[1]
	sa, sb := l.sync(a, SyncOptions{}, Write, l.a, l.b), l.sync(b, SyncOptions{}, Write, l.c, l.a)
	l.ok(sa.Lock(a, nil))
	wb := l.start(sb, b) // has C, waits for A
	l.ok(sa.Unlock(a))
	l.is(wb, nil)
	if sb.Backoffs() != 0 {
		t.Error("backed off from one who was older")
	}
	l.ok(sb.Unlock(b))

	// Who is older takes C away from one that has it and waits for A.
	c, d := l.tasks[2], l.tasks[3]
	holdA, holdB := l.sync(a, SyncOptions{}, Write, l.a), l.sync(d, SyncOptions{}, Write, l.b)
	sc := l.sync(c, SyncOptions{}, Write, l.b, l.c)
	l.ok(holdA.Lock(a, nil))
	l.ok(holdB.Lock(d, nil))
	wc := l.start(sc, c)
	wb = l.start(sb, b)
	l.ok(holdB.Unlock(d))
	l.is(wc, nil)
	l.waits(wb)
	if sb.Backoffs() != 1 || sc.Backoffs() != 0 {
		t.Errorf("%d and %d back-offs, want 1 and 0", sb.Backoffs(), sc.Backoffs())
	}
	l.ok(holdA.Unlock(a)) // what it lacked; then it waits for C
	l.waits(wb)
	l.ok(sc.Unlock(c))
	l.is(wb, nil)
	l.ok(sb.Unlock(b))
	l.nothingLeft()
}

// The same as the discussion of 2013 tells it: task B has C and finds A taken by who
// is older; it gets EDEADLK, unlocks C, takes A in the slow path, then C again.
func TestOppositeOrderWaitDie(t *testing.T) {
	for _, backoff := range []bool{false, true} {
		l := newLocks(t, func(c *Config) { c.Tickets = WaitDie })
		a, b, c := l.tasks[0], l.tasks[1], l.tasks[2]
		sa, sb := l.sync(a, SyncOptions{}, Write, l.a, l.b), l.sync(b, SyncOptions{Backoff: backoff}, Write, l.c, l.a)
		l.ok(sa.Lock(a, nil))
		w := l.wait()
		if backoff {
			l.want(EDEADLK, sb.Lock(b, &w.Wait))
		}
		l.want(EINPROGRESS, sb.Lock(b, &w.Wait))
		if sb.Backoffs() != 1 || sb.holds() || sb.blocked.buf != l.a {
			t.Errorf("%d back-offs, waits for %v", sb.Backoffs(), sb.blocked.buf)
		}
		sc := l.sync(c, SyncOptions{}, Write, l.c)
		l.ok(sc.Lock(c, nil)) // C is free meanwhile
		l.ok(sc.Unlock(c))
		l.ok(sa.Unlock(a))
		l.is(w, nil)
		l.ok(sb.Unlock(b))
		l.nothingLeft()
	}
}

// With SyncOptions.Backoff the caller sees EDEADLK, holds nothing, and comes first
// at the contended buffer by its old ticket.
func TestBackoffByCaller(t *testing.T) {
	l := newLocks(t)
	a, b, c, d := l.tasks[0], l.tasks[1], l.tasks[2], l.tasks[3]
	holdA := l.sync(a, SyncOptions{}, Write, l.a)
	old := l.sync(b, SyncOptions{}, Write, l.b, l.c)
	young := l.sync(c, SyncOptions{Backoff: true}, Write, l.c, l.a)
	holdB := l.sync(d, SyncOptions{}, Write, l.b)
	l.ok(holdA.Lock(a, nil))
	l.ok(holdB.Lock(d, nil))
	wOld := l.start(old, b)
	wYoung := l.start(young, c) // has C
	l.ok(holdB.Unlock(d))       // old gets B, wants C
	l.is(wYoung, EDEADLK)
	l.is(wOld, nil)
	ticket := young.stamp
	if ticket == 0 || l.c.holders.first().obj != old {
		t.Error("the ticket is lost, or C was not given back")
	}
	later := l.sync(d, SyncOptions{}, Write, l.a)
	wLater := l.start(later, d)
	wYoung = l.start(young, c) // A first now: before later, which is younger
	if young.stamp != ticket || l.a.queue.first().obj != young {
		t.Error("a new ticket, or not the contended buffer first")
	}
	l.ok(holdA.Unlock(a))
	l.waits(wLater)
	l.waits(wYoung)
	l.ok(old.Unlock(b))
	l.is(wYoung, nil)
	l.ok(young.Unlock(c))
	l.is(wLater, nil)
}

func TestReadersAndWriters(t *testing.T) {
	l := newLocks(t)
	r1, r2, r3 := l.sync(l.tasks[0], SyncOptions{}, Read, l.a), l.sync(l.tasks[1], SyncOptions{}, Read, l.a), l.sync(l.tasks[2], SyncOptions{}, Read, l.a)
	w := l.sync(l.tasks[3], SyncOptions{}, Write, l.a)
	l.ok(r1.Lock(l.tasks[0], nil))
	l.ok(r2.Lock(l.tasks[1], nil))
	ww := l.start(w, l.tasks[3])
	l.want(EBUSY, r3.Lock(l.tasks[2], nil)) // or readers could keep a writer out for ever
	w3 := l.start(r3, l.tasks[2])
	l.ok(r1.Unlock(l.tasks[0]))
	l.waits(ww)
	l.ok(r2.Unlock(l.tasks[1]))
	l.is(ww, nil)
	l.waits(w3)
	l.ok(w.Unlock(l.tasks[3]))
	l.is(w3, nil)

	// A writer that gives up lets readers through that waited only for it.
	ww = l.start(w, l.tasks[3])
	w1 := l.start(r1, l.tasks[0])
	ww.Interrupt()
	l.is(ww, EINTR)
	l.is(w1, nil)
}

func TestLockup(t *testing.T) {
	l := newLocks(t)
	a, b, c := l.tasks[0], l.tasks[1], l.tasks[2]
	s := l.sync(a, SyncOptions{Timeout: time.Second}, Write, l.a, l.b)
	s2, s3 := l.sync(b, SyncOptions{Timeout: -1}, Read, l.a), l.sync(c, SyncOptions{}, Write, l.b, l.c)
	l.ok(s.Lock(a, nil))
	w2, w3 := l.start(s2, b), l.start(s3, c)
	l.clock.advance(time.Second - 1)
	l.waits(w2)
	l.clock.advance(1)
	l.is(w2, nil)
	l.is(w3, nil)
	if !s2.Inconsistent() || !s3.Inconsistent() {
		t.Error("those who come next are not told that the contents may be broken")
	}
	if len(l.events) != 2 || l.events[0].Detail != LockupBroken || l.events[0].This.Name != "A" || l.events[0].Other.Name != "B" {
		t.Errorf("events %+v", l.events)
	}
	l.want(EOWNERDEAD, s.Get(l.c, Read))
	l.ok(s.Get(l.c, Read))
	l.ok(s3.Unlock(c)) // a writer has finished
	l.ok(s3.Lock(c, nil))
	if s3.Inconsistent() {
		t.Error("inconsistent although written since")
	}
	l.ok(s3.Unlock(c))
	l.clock.advance(time.Hour)
	if !s2.Locked() {
		t.Error("a lock without a timeout was broken")
	}
	l.ok(s2.Unlock(b))
	l.ok(s.Lock(a, nil))
	l.ok(s.Unlock(a))
	l.nothingLeft()
}

// That a lock was taken away is told to who had it, once, by whatever it calls next;
// who else uses the object is not concerned.
func TestNewsOfLockup(t *testing.T) {
	for _, test := range []struct {
		name string
		call func(l *locks, s *SyncObject, cl *Client) error
	}{
		{"get", func(l *locks, s *SyncObject, _ *Client) error { return s.Get(l.b, Read) }},
		{"put", func(l *locks, s *SyncObject, _ *Client) error { return s.Put(l.a) }},
		{"put all", func(_ *locks, s *SyncObject, _ *Client) error { return s.PutAll() }},
		{"lock", func(_ *locks, s *SyncObject, cl *Client) error { return s.Lock(cl, nil) }},
		{"unlock", func(_ *locks, s *SyncObject, cl *Client) error { return s.Unlock(cl) }},
		{"fini", func(_ *locks, s *SyncObject, _ *Client) error { return s.Fini() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLocks(t)
			a, stranger := l.tasks[0], l.tasks[1]
			s := l.sync(a, SyncOptions{}, Write, l.a)
			l.ok(s.Lock(a, nil))
			l.clock.advance(DefaultLockupTimeout)
			l.want(EINVAL, s.Unlock(stranger))
			l.ok(s.Lock(stranger, nil))
			l.ok(s.Unlock(stranger))
			l.want(EOWNERDEAD, test.call(l, s, a))
			if test.name == "fini" {
				l.want(EBADF, s.Fini())
			} else {
				l.ok(s.Lock(a, nil))
				l.ok(s.Unlock(a))
				l.ok(s.Fini())
			}
			l.nothingLeft()
		})
	}
}

// At each point of taking and keeping locks the task may die.
func TestDeathAtAnyPoint(t *testing.T) {
	for steps := range 6 {
		l := newLocks(t)
		a, b, c := l.tasks[0], l.tasks[1], l.tasks[2]
		other, victim := l.sync(b, SyncOptions{}, Write, l.b), l.sync(a, SyncOptions{}, Write, l.a, l.b)
		l.ok(other.Lock(b, nil))
		w, third := l.wait(), l.sync(c, SyncOptions{}, Write, l.a)
		var wThird *outcome
		for i, f := range []func(){
			func() { l.want(EINPROGRESS, victim.Lock(a, &w.Wait)) },
			func() { wThird = l.start(third, c) },
			func() { l.ok(other.Unlock(b)) },
			func() { l.want(EINVAL, l.a.Fini(a)) },
			func() { l.ok(victim.Unlock(a)) },
		} {
			if i < steps {
				f()
			}
		}
		l.ok(l.tasks[3].Open(l.a)) // so that it survives
		l.ok(a.Close())
		if wThird != nil {
			l.is(wThird, nil)
		} else {
			l.ok(third.Lock(c, nil))
		}
		if steps >= 1 && steps < 3 {
			l.is(w, ECANCELED)
		}
		l.want(EBADF, victim.Unlock(a))
		l.want(EBADF, a.Close())
		l.nothingLeft()
	}
}

// contend has tasks lock their buffers again and again, each for a while, and counts
// how often each got them.
func contend(l *locks, rounds int, sets [][]*Buffer) (got []int, objects []*SyncObject) {
	got = make([]int, len(sets))
	left := make([]int, len(sets)) // rounds until the unlock
	waits := make([]Wait, len(sets))
	for i, set := range sets {
		objects = append(objects, l.sync(l.tasks[i], SyncOptions{}, Write, set...))
		waits[i].Done = func(err error) {
			l.ok(err)
			got[i]++
			left[i] = 1 + (got[i]+i)%3
		}
	}
	for range rounds {
		for i, s := range objects {
			switch {
			case s.Locked() && left[i] > 0:
				left[i]--
			case s.Locked():
				l.ok(s.Unlock(l.tasks[i]))
			case !waits[i].Waiting():
				if err := s.Lock(l.tasks[i], &waits[i]); err != EINPROGRESS {
					waits[i].Done(err)
				}
			}
		}
	}
	return got, objects
}

func TestFairness(t *testing.T) {
	for _, k := range []Tickets{WoundWait, WaitDie} {
		t.Run(k.String(), func(t *testing.T) { testFairness(t, k) })
	}
}

func testFairness(t *testing.T, tickets Tickets) {
	for _, test := range []struct {
		name string
		sets func(a, b, c *Buffer) [][]*Buffer
	}{
		{"two in opposite order", func(a, b, c *Buffer) [][]*Buffer { return [][]*Buffer{{a, b}, {c, a}} }},
		{"a circle", func(a, b, c *Buffer) [][]*Buffer { return [][]*Buffer{{a, b}, {b, c}, {c, a}} }},
		{"one wants all", func(a, b, c *Buffer) [][]*Buffer { return [][]*Buffer{{a}, {b}, {c}, {a, b, c}} }},
		{"all want all", func(a, b, c *Buffer) [][]*Buffer { return [][]*Buffer{{a, b, c}, {b, c, a}, {c, a, b}, {c, b, a}} }},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLocks(t, func(c *Config) { c.Tickets = tickets })
			const rounds = 3000
			sets := test.sets(l.a, l.b, l.c)
			got, objects := contend(l, rounds, sets)
			for i, n := range got {
				// A task keeps its locks for five rounds at most, and nobody overtakes twice.
				if n < rounds/(5*2*len(sets)) {
					t.Errorf("task %d got its locks %d times of %v", i, n, got)
				}
				if b := objects[i].Backoffs(); b > uint64(n*len(sets)) {
					t.Errorf("task %d backed off %d times for %d locks", i, b, n)
				}
			}
			t.Logf("%v locks, %d back-offs", got, l.Stats().Backoffs)
		})
	}
}

func TestTryLock(t *testing.T) {
	l := newLocks(t)
	a, b := l.tasks[0], l.tasks[1]
	sa, sb := l.sync(a, SyncOptions{}, Write, l.b), l.sync(b, SyncOptions{}, Write, l.a, l.b)
	l.ok(sa.Lock(a, nil))
	l.want(EBUSY, sb.Lock(b, nil))
	if l.Stats().Locked != 1 {
		t.Error("an attempt left a lock")
	}
	l.ok(l.sync(b, SyncOptions{}, Write, l.a).Lock(b, nil))
}

// What is called from Done is part of the same world.
func TestDoneMayCall(t *testing.T) {
	l := newLocks(t)
	a, b := l.tasks[0], l.tasks[1]
	sa, sb := l.sync(a, SyncOptions{}, Write, l.a), l.sync(b, SyncOptions{}, Write, l.a)
	order := ""
	var wa, wb Wait
	wb.Done = func(err error) {
		l.ok(err)
		order += "b"
		l.want(EINPROGRESS, sa.Lock(a, &wa))
		l.ok(sb.Unlock(b))
		order += "."
		if len(order) < 10 {
			l.want(EINPROGRESS, sb.Lock(b, &wb)) // the same Wait again
		}
	}
	wa.Done = func(err error) {
		l.ok(err)
		order += "a"
		l.ok(sa.Unlock(a))
	}
	l.ok(sa.Lock(a, nil))
	l.want(EINPROGRESS, sb.Lock(b, &wb))
	l.want(EALREADY, sb.Lock(b, &Wait{Done: func(error) {}}))
	l.want(EINVAL, l.a.Prep(a, Whole(1), Read, 0, &wb)) // it is in use
	l.ok(sa.Unlock(a))
	if order != "b.ab.ab.ab.a" {
		t.Errorf("order %q", order)
	}
	l.nothingLeft()
}

// A client that is closed between the outcome of its wait and the news of it has
// nothing, and is told so.
func TestClosedBeforeTold(t *testing.T) {
	l := newLocks(t)
	a, b, c := l.tasks[0], l.tasks[1], l.tasks[2]
	l.ok(l.tasks[3].Open(l.a))
	s := l.sync(a, SyncOptions{}, Write, l.a)
	l.ok(s.Lock(a, nil))
	w := &outcome{Wait: Wait{Done: func(error) { l.ok(c.Close()) }}}
	l.want(EINPROGRESS, l.sync(b, SyncOptions{}, Read, l.a).Lock(b, &w.Wait))
	told := l.start(l.sync(c, SyncOptions{}, Read, l.a), c)
	l.ok(s.Unlock(a))
	l.is(told, ECANCELED)
	if n := l.Stats().Locked; n != 1 {
		t.Errorf("%d locks, want 1", n)
	}
	l.nothingLeft()
}

func TestJobLocks(t *testing.T) {
	s := newScene(t)
	o := s.lock(s.one, Write)
	j, w := s.dev.NewJob("blit", false), s.wait()
	s.ok(j.Use(s.buf, Range{0, 100}, Read))
	s.ok(j.Use(s.buf, Range{100, 100}, Write)) // both ends in one buffer
	s.want(EINPROGRESS, j.Start(&w.Wait))
	s.want(EALREADY, j.Start(nil))
	s.want(EBUSY, j.Use(s.buf, Range{0, 1}, Read))
	s.want(EBUSY, j.Clear())
	s.want(EINVAL, j.Finish())
	s.ok(o.Unlock(s.one))
	s.is(w, nil)
	if !j.Running() {
		t.Error("not running")
	}
	s.want(EBUSY, o.Lock(s.one, nil))
	wp := s.wait()
	s.want(EINPROGRESS, s.buf.Prep(s.two, Range{0, 1}, Read, 0, &wp.Wait))
	s.ok(j.Finish())
	s.is(wp, nil)
	s.ok(o.Lock(s.one, nil))
	s.want(EINPROGRESS, j.Start(&w.Wait))
	w.Interrupt()
	if w.err != EINTR {
		t.Errorf("interrupted start: %v", w.err)
	}
	s.want(EINPROGRESS, j.Start(&w.Wait))
	s.ok(j.Abort())
	if w.err != ECANCELED {
		t.Errorf("aborted start: %v", w.err)
	}
	s.ok(o.Unlock(s.one))

	// A device that hangs loses its lock, but not what it does.
	s.ok(j.Start(nil))
	s.clock.advance(DefaultLockupTimeout)
	s.ok(o.Lock(s.one, nil))
	s.want(EALREADY, j.Start(nil))
	s.want(EOWNERDEAD, j.Finish())
	s.want(EINVAL, j.Finish())
	s.ok(o.Unlock(s.one))

	// A frame that is shown keeps its lock.
	show := s.job(s.dev, Read, true)
	s.clock.advance(time.Hour)
	s.want(EBUSY, o.Lock(s.one, nil))
	s.ok(show.Finish())
	s.ok(o.Lock(s.one, nil))
	s.ok(j.Clear())
	s.ok(show.Clear())
	s.nothingLeft()
}

// What a device was writing when it was reset may be half of something, until somebody
// has written it completely.
func TestAbortedJobSpoils(t *testing.T) {
	for _, m := range []Mode{Enforce, Observe} {
		t.Run(m.String(), func(t *testing.T) {
			s := newScene(t, func(c *Config) { c.Mode = m })
			inconsistent := func(want bool) {
				t.Helper()
				o := s.lock(s.one, Read)
				if o.Inconsistent() != want {
					t.Errorf("inconsistent: %v, want %v", !want, want)
				}
				s.ok(o.Unlock(s.one))
			}
			s.ok(s.job(s.dev, Read, false).Abort())
			inconsistent(false)
			s.ok(s.job(s.dev, Write, false).Abort())
			inconsistent(true)
			s.ok(s.job(s.dev, Write, false).Abort()) // no better
			inconsistent(true)
			s.ok(s.lock(s.two, Write).Unlock(s.two))
			inconsistent(false)
		})
	}
}
