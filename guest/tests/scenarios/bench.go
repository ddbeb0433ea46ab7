// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"vdev/guest/drm"
	"vdev/guest/share"
	"vdev/ioctl"
)

// page is the granule of buffers, in bytes.
const page = 4096

// Bench is what a scenario works with. All of it goes when the scenario is over.
type Bench struct {
	before ioctl.VdevStats // at the scenario's start
	notes  []string
	close  []func() error // last one first
}

// run runs a scenario by its name, in its broken or its correct form. It tells whether
// the scenario found everything as it should be, and what it counted, as words like
// "lockups=1".
func run(name string, broken bool) (right bool, notes []string, err error) {
	i := slices.IndexFunc(All(), func(s Scenario) bool { return s.Name == name && !(broken && s.Code == Silent) })
	if i < 0 {
		return false, nil, fmt.Errorf("there is no scenario %q, or no such form of it", name)
	}
	run, ok := programs()[name]
	if !ok {
		run, ok = accessPrograms()[name]
	}
	if !ok {
		panic("BUG: scenarios: no program " + name)
	}
	watch, err := share.Open()
	if err != nil {
		return false, nil, err
	}
	defer watch.Close()
	before, err := watch.Stats()
	if err != nil {
		return false, nil, err
	}
	b := &Bench{before: before}
	right = run(b, broken)
	for _, c := range slices.Backward(b.close) {
		err = errors.Join(err, c())
	}
	return right, b.notes, errors.Join(err, nothingRemains(watch, before))
}

// nothingRemains waits until the core has no more than before: Linux drops some files
// late.
func nothingRemains(c *share.Client, before ioctl.VdevStats) error {
	var s ioctl.VdevStats
	for start := time.Now(); time.Since(start) < time.Second; time.Sleep(time.Millisecond) {
		var err error
		if s, err = c.Stats(); err != nil {
			return err
		}
		if s.Clients == before.Clients && s.Buffers == before.Buffers && s.SyncObjects == before.SyncObjects &&
			s.Attachments == before.Attachments && s.Locked+s.CPUAccesses+s.Waits+s.Mapped == 0 {
			return nil
		}
	}
	return fmt.Errorf("something remains: %+v, was %+v", s, before)
}

// must ends the program if something failed that must not.
func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(2)
	}
}

// get is must for calls that return something.
func get[T any](v T, err error) T {
	must(err)
	return v
}

// Note tells how often something happened.
func (b *Bench) Note(what string, n uint64) {
	b.notes = append(b.notes, fmt.Sprintf("%s=%d", what, n))
}

// later does something when the scenario is over.
func (b *Bench) later(f func() error) { b.close = append(b.close, f) }

// client opens the device of the core.
func (b *Bench) client() *share.Client {
	c := get(share.Open())
	b.later(c.Close)
	return c
}

// stats are the core's counters.
func stats(c *share.Client) ioctl.VdevStats { return get(c.Stats()) }

// since are the core's counters, those of what has happened since the scenario began.
func (b *Bench) since(c *share.Client) ioctl.VdevStats {
	s := stats(c)
	s.Locks -= b.before.Locks
	s.Backoffs -= b.before.Backoffs
	s.Lockups -= b.before.Lockups
	s.Migrations -= b.before.Migrations
	return s
}

// buffer makes a buffer with a name.
func (b *Bench) buffer(c *share.Client, name string, size uint64) *drm.DMABuf {
	buf := get(c.Create(name, size))
	b.later(buf.Close)
	return buf
}

// mapped maps a buffer for the program.
func (b *Bench) mapped(buf *drm.DMABuf) []byte {
	p := get(buf.Map())
	b.later(func() error { return unix.Munmap(p) })
	return p
}

// sync makes a sync object for some buffers.
func (b *Bench) sync(c *share.Client, o share.SyncOptions, uses ...share.Use) *share.Sync {
	s := get(c.NewSync(o))
	b.later(s.Close)
	must(s.Get(uses...))
	return s
}

// fill stores v to all of p. Like all it is a function of its own in backtraces.
//
//go:noinline
func fill(p []byte, v byte) {
	for i := range p {
		p[i] = v
	}
}

// all tells whether all of p is v.
//
//go:noinline
func all(p []byte, v byte) bool {
	same := true
	for i := range p {
		if p[i] != v { // and go on: what is read must not depend on what is found
			same = false
		}
	}
	return same
}
