// SPDX-License-Identifier: Apache-2.0

//go:build linux

package dmabuf

import (
	"errors"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vdev/guest/drm"
	"vdev/guest/share"
)

func TestLocks(t *testing.T) {
	c := open(t)
	other, err := share.Open()
	must(t, err)
	defer other.Close()
	a, b := create(t, c, page), create(t, c, page)
	s := newSync(t, c, share.SyncOptions{})
	want(t, "no buffers", s.Get(), unix.EINVAL)
	want(t, "twice", s.Get(share.Use{Buf: a, Access: share.Read}, share.Use{Buf: a, Access: share.Read}), unix.EEXIST)
	// Nothing of that remains.
	must(t, s.Get(share.Use{Buf: a, Access: share.Write}, share.Use{Buf: b, Access: share.Read}))
	l, err := s.Lock(share.Forever)
	if err != nil || l.State != 0 || l.Backoffs != 0 {
		t.Errorf("lock: %+v, %v", l, err)
	}
	want(t, "locked", second(s.Lock(share.Forever)), unix.EALREADY)
	want(t, "adding", s.Get(share.Use{Buf: b, Access: share.Read}), unix.EBUSY)

	readers := newSync(t, other, share.SyncOptions{}, share.Use{Buf: b, Access: share.Read})
	_, err = readers.Lock(share.NoWait)
	want(t, "readers share", err, 0)
	must(t, readers.Unlock())
	writer := newSync(t, other, share.SyncOptions{}, share.Use{Buf: a, Access: share.Write}, share.Use{Buf: b, Access: share.Write})
	want(t, "writers exclude", second(writer.Lock(share.NoWait)), unix.EBUSY)
	want(t, "in time", second(writer.Lock(share.Wait(2*time.Millisecond))), unix.ETIMEDOUT)
	must(t, s.Unlock())
	if _, err := writer.Lock(share.Forever); err != nil {
		t.Error(err)
	}
	must(t, writer.Unlock())
	must(t, writer.Put(a))
	want(t, "put", writer.Put(a), unix.EINVAL)
	must(t, writer.PutAll())
	must(t, writer.Fini())
	want(t, "finished", writer.PutAll(), unix.EBADF)
	want(t, "another kind of file", s.Get(share.Use{Buf: b, Access: 9}), unix.EINVAL)
}

// TestShortTimeouts waits for so short a time that it is over before the kernel has begun to
// wait, or just then.
func TestShortTimeouts(t *testing.T) {
	c := open(t)
	b := create(t, c, page)
	s := newSync(t, c, share.SyncOptions{}, share.Use{Buf: b, Access: share.Write})
	other := newSync(t, c, share.SyncOptions{}, share.Use{Buf: b, Access: share.Write})
	if _, err := s.Lock(share.Forever); err != nil {
		t.Fatal(err)
	}
	for ns := share.Wait(1); ns < 3000; ns += ns/64 + 1 {
		if _, err := other.Lock(ns); !errors.Is(err, unix.ETIMEDOUT) {
			t.Errorf("lock within %d ns: %v", ns, err)
		}
	}
	must(t, s.Unlock())
}

// TestOppositeOrders has two tasks lock the same buffers in opposite orders.
func TestOppositeOrders(t *testing.T) {
	c := open(t)
	bufs := []*drm.DMABuf{create(t, c, page), create(t, c, page), create(t, c, page)}
	const rounds = 100
	count := 0 // protected by the lock of the first buffer
	var wg sync.WaitGroup
	for _, order := range [][]int{{0, 1}, {2, 0}, {1, 2, 0}} {
		var uses []share.Use
		for _, i := range order {
			uses = append(uses, share.Use{Buf: bufs[i], Access: share.Write})
		}
		s := newSync(t, c, share.SyncOptions{}, uses...)
		wg.Go(func() {
			for range rounds {
				if _, err := s.Lock(share.Forever); err != nil {
					t.Error(err)
					return
				}
				count++
				if err := s.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if count != 3*rounds {
		t.Errorf("%d of %d", count, 3*rounds)
	}
}

func TestFences(t *testing.T) {
	c := open(t)
	b := create(t, c, page)
	f, err := c.NewFence("drawn")
	must(t, err)
	defer f.Close()
	g, err := c.NewFence("scaled")
	must(t, err)
	both, err := f.Merge("both", g)
	must(t, err)
	defer both.Close()
	must(t, f.Add(b, share.Write))
	want(t, "fenced", c.Prep(b, 0, page, share.Read, share.NoWait), unix.EBUSY)
	want(t, "fence", f.Wait(share.NoWait), unix.EBUSY)
	want(t, "in time", both.Wait(share.Wait(time.Millisecond)), unix.ETIMEDOUT)
	want(t, "merged", both.Signal(0), unix.EINVAL)
	done := make(chan error)
	go func() { done <- c.WaitFences(b, share.Read, share.Forever) }()
	want(t, "no error", f.Signal(1000), unix.EINVAL)
	must(t, f.Signal(0))
	want(t, "signalled", f.Signal(0), unix.EINVAL)
	must(t, <-done)
	must(t, c.Prep(b, 0, page, share.Read, share.NoWait))
	must(t, c.Fini(b))
	must(t, f.Wait(share.Forever))
	must(t, g.Close()) // its owner is dead now, in a way
	want(t, "its owner is gone", both.Wait(share.Forever), unix.EOWNERDEAD)
}
