// SPDX-License-Identifier: Apache-2.0

//go:build linux

package dmabuf

import (
	"bytes"
	"flag"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vdev/guest/drm"
	"vdev/guest/share"
)

// The sanitizer reports what these tests do, and with reports a run fails. So they run
// only when internal/integration asks for them, which compares the reports.
var misused = flag.Bool("misuse", false, "run the tests that break rules")

// misuse skips a test that breaks rules.
func misuse(t *testing.T) {
	t.Helper()
	if !*misused {
		t.Skip("it breaks rules; run with -misuse")
	}
}

func TestMisusedPrep(t *testing.T) {
	misuse(t)
	c := open(t)
	b := create(t, c, page)
	must(t, c.Prep(b, 0, 1, share.Read, share.Forever))
	want(t, "nested", c.Prep(b, 0, 1, share.Read, share.Forever), unix.EALREADY)
	must(t, c.Fini(b))
	want(t, "finished twice", c.Fini(b), unix.EINVAL)
	must(t, c.MarkPending(b))
	want(t, "batched", c.Prep(b, 0, 1, share.Read, share.Forever), unix.EAGAIN)
	must(t, c.Submit(b))
}

func TestMisusedKmap(t *testing.T) {
	misuse(t)
	c := open(t)
	b := create(t, c, 3*page)
	must(t, c.BeginCPU(b, 0, page+1, share.ReadWrite))
	bogus, err := c.Kmap(b, 2, false)
	must(t, err)
	if !bogus {
		t.Error("a page outside is no garbage")
	}
	text := []byte("from the kernel")
	must(t, c.KernelWrite(b, 2, 0, text))
	must(t, c.Kunmap(b, 2, false))
	for range 2 {
		if _, err := c.Kmap(b, 0, true); err != nil {
			t.Error(err)
		}
	}
	want(t, "a third atomic one", second(c.Kmap(b, 1, true)), unix.ENOSPC)
	for range 2 {
		must(t, c.Kunmap(b, 0, true))
	}
	want(t, "another end", c.EndCPU(b, 0, page, share.ReadWrite), unix.EINVAL)
	must(t, c.EndCPU(b, 0, page+1, share.ReadWrite))
	mem := mapped(t, b)
	must(t, c.Prep(b, 0, 3*page, share.Read, share.Forever))
	if len(bytes.Trim(mem[2*page:], "\x00")) != 0 {
		t.Error("the kernel wrote outside of what it may")
	}
	must(t, c.Fini(b))
}

func TestMisusedSyncIoctl(t *testing.T) {
	misuse(t)
	c := open(t)
	b := create(t, c, page)
	want(t, "ended", b.End(drm.ReadWrite), unix.EINVAL)
	cmd, ch := start(t, "leaver")
	must(t, ch.Send("buffer", b.FD()))
	must(t, cmd.Wait())
	// What it began does not cover for others.
	s, err := c.Stats()
	if err != nil || s.CPUAccesses != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// leaver begins an access and does not end it.
func leaver() int {
	_, _, b, err := received()
	if err != nil {
		return status(err)
	}
	if _, err := b.Map(); err != nil {
		return status(err)
	}
	return status(b.Begin(drm.ReadWrite))
}

func TestMisusedUnlock(t *testing.T) {
	misuse(t)
	c := open(t)
	b := create(t, c, page)
	s := newSync(t, c, share.SyncOptions{}, share.Use{Buf: b, Access: share.Write})
	want(t, "not locked", s.Unlock(), unix.EINVAL)
}

// TestMisusedForTooLong keeps a lock for too long.
func TestMisusedForTooLong(t *testing.T) {
	misuse(t)
	c := open(t)
	b := create(t, c, page)
	slow := newSync(t, c, share.SyncOptions{Timeout: 3 * time.Millisecond}, share.Use{Buf: b, Access: share.Write})
	if _, err := slow.Lock(share.Forever); err != nil {
		t.Fatal(err)
	}
	next := newSync(t, c, share.SyncOptions{}, share.Use{Buf: b, Access: share.Write})
	l, err := next.Lock(share.Forever)
	must(t, err)
	if l.State == 0 {
		t.Error("the contents are not called inconsistent")
	}
	want(t, "the news", slow.Unlock(), unix.EOWNERDEAD)
	want(t, "told once", slow.Unlock(), unix.EINVAL)
	must(t, next.Unlock())
}

// TestMisusedByTheDead kills a process that has everything; open checks that nothing
// remains of it.
func TestMisusedByTheDead(t *testing.T) {
	misuse(t)
	c := open(t)
	b := create(t, c, page)
	cmd, ch := start(t, "holder")
	must(t, ch.Send("buffer", b.FD()))
	var message string
	if _, err := ch.Receive(&message); err != nil {
		t.Fatal(err)
	}
	s := newSync(t, c, share.SyncOptions{}, share.Use{Buf: b, Access: share.Write})
	done := make(chan error)
	go func() {
		_, err := s.Lock(share.Forever)
		done <- err
	}()
	waits(t, c, 1)
	must(t, cmd.Process.Kill())
	if err := cmd.Wait(); err == nil {
		t.Error("killed, and ended well")
	}
	must(t, <-done)
	must(t, s.Unlock())
}
