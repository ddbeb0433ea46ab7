// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"math"
	"testing"
	"time"
)

// CPU_PREP against DMA of two devices.
func TestPrepWaits(t *testing.T) {
	s := newScene(t)
	s.mapped(s.att, FromDevice)
	s.mapped(s.att2, ToDevice)
	prep := func(timeout time.Duration) *outcome {
		s.Helper()
		w := s.waitFor(timeout)
		s.want(EINPROGRESS, s.buf.Prep(s.one, s.buf.whole(), Read, 0, &w.Wait))
		return w
	}
	s.want(EBUSY, s.buf.Prep(s.one, s.buf.whole(), Read, 0, nil))

	w := prep(time.Second)
	s.clock.advance(time.Second - 1)
	s.waits(w)
	s.clock.advance(1)
	s.is(w, ETIMEDOUT)
	s.want(EINVAL, s.buf.Fini(s.one)) // nothing is held

	w = prep(0)
	if !w.Interrupt() || w.Interrupt() {
		t.Error("a wait can be interrupted exactly once")
	}
	s.is(w, EINTR)

	w = prep(time.Second)
	s.ok(s.att.Unmap(FromDevice))
	s.waits(w)
	other := s.wait()
	s.want(EINPROGRESS, s.buf.Prep(s.two, s.buf.whole(), Read, 0, &other.Wait))
	s.ok(s.att2.Unmap(ToDevice))
	s.is(w, nil)
	s.is(other, nil)
	s.clock.advance(time.Hour) // the timeout is over, too
	s.ok(s.buf.Fini(s.one))
	s.ok(s.buf.Fini(s.two))

	// Its client goes; the buffer goes.
	s.mapped(s.att, FromDevice)
	w = prep(0)
	s.ok(s.one.Close()) // which attached the device, too
	s.is(w, ECANCELED)
	s.nothingLeft()
}

// Two waits of one client for one buffer: only one can succeed.
func TestPrepTwice(t *testing.T) {
	s := newScene(t)
	s.mapped(s.att, FromDevice)
	w1, w2 := s.wait(), s.wait()
	s.want(EINPROGRESS, s.buf.Prep(s.one, s.buf.whole(), Read, 0, &w1.Wait))
	s.want(EINPROGRESS, s.buf.Prep(s.one, s.buf.whole(), Read, 0, &w2.Wait))
	s.ok(s.att.Unmap(FromDevice))
	s.is(w1, nil)
	s.is(w2, EALREADY)
}

func TestPrepConflicts(t *testing.T) {
	for _, test := range []struct {
		name  string
		begin func(s *scene) (end func() error)
		waits map[Access]bool
	}{
		{"mapping for reading", func(s *scene) func() error {
			s.mapped(s.att, ToDevice)
			return func() error { return s.att.Unmap(ToDevice) }
		}, map[Access]bool{Read: true, Write: true}},
		{"persistent mapping", func(s *scene) func() error {
			a := must(s.buf.Attach(s.one, s.dev, AttachOptions{Persistent: true}))
			s.mapped(a, Bidirectional)
			return func() error { return a.Unmap(Bidirectional) }
		}, nil},
		{"reading job", func(s *scene) func() error { return s.job(s.dev, Read, false).Finish }, map[Access]bool{Write: true}},
		{"writing job", func(s *scene) func() error { return s.job(s.dev, Write, false).Finish }, map[Access]bool{Read: true, Write: true}},
		{"scan-out", func(s *scene) func() error { return s.job(s.dev, Read, true).Finish }, nil},
		{"shared fence", func(s *scene) func() error {
			f := must(s.one.NewFence("f"))
			s.ok(s.buf.AddFence(f, Read))
			return func() error { return f.Signal(0) }
		}, map[Access]bool{Write: true}},
		{"exclusive fence", func(s *scene) func() error {
			f := must(s.one.NewFence("f"))
			s.ok(s.buf.AddFence(f, Write))
			return func() error { return f.Close() }
		}, map[Access]bool{Read: true, Write: true}},
	} {
		for _, a := range []Access{Read, Write} {
			t.Run(test.name+", "+a.String(), func(t *testing.T) {
				s := newScene(t)
				end := test.begin(s)
				w := s.wait()
				switch err := s.buf.Prep(s.one, s.buf.whole(), a, 0, &w.Wait); {
				case !test.waits[a]:
					s.ok(err)
					s.ok(end())
				default:
					s.want(EINPROGRESS, err)
					s.ok(end())
					s.is(w, nil)
				}
			})
		}
	}
}

func TestFences(t *testing.T) {
	r := newRig(t)
	cl, other := r.client(1, "one"), r.client(2, "two")
	b := must(cl.NewBuffer(Spec{Size: 1}))
	f, g := must(cl.NewFence("f")), must(other.NewFence("g"))
	m := must(cl.MergeFences("m", f, g, f))
	r.want(EINVAL, m.Signal(0))
	r.ok(b.AddFence(m, Write))
	w, poll, all := r.waitFor(time.Second), r.wait(), r.wait()
	r.want(EBUSY, f.Wait(cl, nil))
	r.want(EINPROGRESS, f.Wait(cl, &w.Wait))
	r.want(EINPROGRESS, b.WaitFences(cl, Read, &poll.Wait))
	r.want(EINPROGRESS, m.Wait(cl, &all.Wait))
	hurt := r.wait()
	r.want(EINPROGRESS, b.WaitFences(cl, Read, &hurt.Wait))
	hurt.Interrupt()
	r.is(hurt, EINTR)
	r.clock.advance(time.Second)
	r.is(w, ETIMEDOUT)
	r.ok(f.Signal(0))
	r.want(EINVAL, f.Signal(0))
	r.waits(poll)
	n := 0
	b.Fences(Read, func(x *Fence, a Access) {
		if x != m || a != Write {
			t.Errorf("fence %v, %v", x.Name(), a)
		}
		n++
	})
	if n != 1 {
		t.Errorf("%d fences", n)
	}
	r.ok(other.Close()) // its fence will never be signalled otherwise
	r.is(poll, nil)
	r.is(all, EOWNERDEAD)
	r.want(EOWNERDEAD, g.Wait(cl, nil))
	r.want(EBADF, g.Close())
	r.want(nil, f.Wait(cl, nil))
	over := must(cl.MergeFences("over", f, g))
	if done, err := over.Signaled(); !done || err != EOWNERDEAD {
		t.Errorf("merged of what is over: %v, %v", done, err)
	}
	r.ok(b.AddFence(over, Write))
	r.ok(b.WaitFences(cl, Write, nil))
	early := must(cl.MergeFences("early", must(cl.NewFence("h"))))
	r.ok(early.Close())
	r.nothingLeft()
}

// Who waits for a buffer does not keep it.
func TestBufferGoesWhileWaiting(t *testing.T) {
	r := newRig(t)
	cl, other := r.client(1, "one"), r.client(2, "two")
	b := must(cl.NewBuffer(Spec{Size: 1}))
	r.ok(b.AddFence(must(other.NewFence("f")), Write))
	prep, poll := r.wait(), r.wait()
	r.want(EINPROGRESS, b.Prep(other, Whole(1), Read, 0, &prep.Wait))
	r.want(EINPROGRESS, b.WaitFences(other, Read, &poll.Wait))
	r.ok(cl.Release(b))
	r.is(prep, EBADF)
	r.is(poll, EBADF)
	r.want(EBADF, b.Fini(other))
	r.nothingLeft()
}

// A merged fence that is closed leaves nothing in those that it was made of.
func TestMergedFenceEnds(t *testing.T) {
	r := newRig(t)
	cl := r.client(1, "one")
	f, g := must(cl.NewFence("f")), must(cl.NewFence("g"))
	for range 3 {
		m := must(cl.MergeFences("m", f, g, f))
		r.ok(m.Close())
	}
	if f.wholes.n != 0 || g.wholes.n != 0 {
		t.Errorf("parts of %d and %d fences that are gone", f.wholes.n, g.wholes.n)
	}
	// The first error counts, also if that part was over before.
	r.ok(f.Signal(ETIMEDOUT))
	m := must(cl.MergeFences("m", f, g))
	r.ok(g.Signal(ECANCELED))
	if over, err := m.Signaled(); !over || err != ETIMEDOUT {
		t.Errorf("merged: %v, %v", over, err)
	}
	r.nothingLeft()
}

// Deadlines come in order, whatever is set and cancelled between.
func TestDeadlines(t *testing.T) {
	s := newScene(t)
	s.mapped(s.att, FromDevice)
	var order []int
	waits := make([]Wait, 50)
	for i := range waits {
		w := &waits[i]
		w.Timeout = time.Duration(1 + (i*37+40)%50) // not the first one first
		w.Done = func(err error) {
			if err == ETIMEDOUT {
				order = append(order, int(w.Timeout))
				if s.clock.now != w.Timeout {
					t.Errorf("timeout %v at %v", w.Timeout, s.clock.now)
				}
			}
		}
		s.want(EINPROGRESS, s.buf.Prep(s.one, s.buf.whole(), Read, 0, w))
	}
	for i := 0; i < len(waits); i += 3 {
		waits[i].Interrupt()
	}
	for i := range 25 {
		s.clock.advance(time.Duration(i % 4))
	}
	s.clock.advance(100)
	if len(order) != 33 {
		t.Errorf("%d timeouts, want 33", len(order))
	}
	for i := 1; i < len(order); i++ {
		if order[i-1] > order[i] {
			t.Errorf("timeouts in the order %v", order)
			break
		}
	}
}

// A time that never comes is as good as none.
func TestDeadlinesAfterTheEndOfTime(t *testing.T) {
	s := newScene(t)
	s.clock.now = time.Hour
	o := s.sync(s.one, SyncOptions{Timeout: math.MaxInt64}, Write, s.buf)
	s.ok(o.Lock(s.one, nil))
	w := s.waitFor(math.MaxInt64)
	s.want(EINPROGRESS, s.sync(s.two, SyncOptions{}, Write, s.buf).Lock(s.two, &w.Wait))
	s.clock.advance(10 * DefaultLockupTimeout)
	s.waits(w)
	s.ok(o.Unlock(s.one))
	s.is(w, nil)
}

func TestTable(t *testing.T) {
	s := newScene(t)
	s.mapped(s.att, FromDevice)
	w := s.wait()
	s.want(EINPROGRESS, s.buf.Prep(s.two, s.buf.whole(), Read, 0, &w.Wait))
	o := s.lock(s.one, Write)
	wl := s.wait()
	s.want(EINPROGRESS, s.sync(s.two, SyncOptions{}, Read, s.buf).Lock(s.two, &wl.Wait))
	s.ok(s.buf.MarkPending(s.two))
	s.dma(s.dev, 0, 64, true)
	i := s.Buffers()[0]
	if len(s.Buffers()) != 1 || i.Name != "frame" || i.Exporter != "test" || i.Size != sceneSize || i.Pending != 1 ||
		len(i.Mapped) != 1 || i.Mapped[0].Name != "dev" || i.Mapped[0].How != "from-device" ||
		len(i.Attached) != 1 || i.Attached[0].Name != "other" ||
		len(i.Locked) != 1 || i.Locked[0].Name != "one" || i.Locked[0].How != "write" ||
		len(i.Queued) != 2 || i.Queued[0].How != "lock read" || i.Queued[1].How != "CPU_PREP read" ||
		i.Owner.Name != "dev" || i.Last.Name != "dev" || i.Last.Op != "DMA" || i.Refs != 5 || len(i.Backing) != 1 {
		t.Errorf("%+v", i)
	}
	s.ok(s.att.Unmap(FromDevice))
	s.is(w, nil)
	if i = s.Buffers()[0]; i.Owner.Name != "one" || len(i.CPU) != 1 {
		t.Errorf("%+v", i)
	}
	s.ok(o.Unlock(s.one))
	s.cpu(2, 0, false)
	if i = s.Buffers()[0]; i.Owner.Name != "two" || i.Last.Name != "task" {
		t.Errorf("%+v", i)
	}
}
