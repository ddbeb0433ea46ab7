// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"math/rand/v2"
	"slices"
	"time"

	"pgregory.net/rapid"
)

// tester is what rapid.T, testing.T and testing.B have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Logf(format string, args ...any)
}

// rig is a core with a clock that tests turn, and a record of its events.
type rig struct {
	tester
	*Core
	clock  testClock
	events []Event
}

// testClock is a host's clock with one timer.
type testClock struct {
	now   time.Duration
	fn    func()
	at    time.Duration
	armed bool
}

func (k *testClock) Arm(at time.Duration) { k.at, k.armed = at, true }
func (k *testClock) Disarm()              { k.armed = false }

// advance lets time pass, and the timer fire when it must.
func (k *testClock) advance(d time.Duration) {
	end := k.now + d
	for k.armed && k.at <= end {
		k.now, k.armed = max(k.now, k.at), false
		k.fn()
	}
	k.now = end
}

const (
	mib     = 1 << 20
	poolLow = 0x1000_0000 // 16 MiB here
	poolTop = 0x2000_0000 // 16 MiB here, above lowLimit
	// lowLimit separates the two.
	lowLimit = 0x1800_0000
	poison   = 0xdead_0000
)

func newRig(t tester, change ...func(*Config)) *rig {
	r := &rig{tester: t}
	cfg := Config{
		Now:      func() time.Duration { return r.clock.now },
		NewTimer: func(fn func()) Timer { r.clock.fn = fn; return &r.clock },
		Pool:     NewPagePool(Extent{poolLow, 16 * mib}, Extent{poolTop, 16 * mib}),
		Observer: func(e *Event) { r.events = append(r.events, *e) },
		Poison:   poison,
		Mode:     Enforce,
	}
	for _, f := range change {
		f(&cfg)
	}
	r.Core = New(cfg)
	return r
}

// details are the events so far, without repetitions in a row.
func (r *rig) details() []Detail {
	var d []Detail
	for _, e := range r.events {
		d = append(d, e.Detail)
	}
	return slices.Compact(d)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (r *rig) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatalf("got %v, want success", err)
	}
}

// want checks an error.
func (r *rig) want(want error, got error) {
	r.Helper()
	if got != want {
		r.Fatalf("got %v, want %v", got, want)
	}
}

func (r *rig) client(id uint64, name string) *Client { return must(r.NewClient(Task{id, name})) }

func (r *rig) device(name string, k Constraints) *Device {
	return must(r.NewDevice(DeviceSpec{Name: name, Constraints: k}))
}

// sync makes a sync object with buffers for one access.
func (r *rig) sync(cl *Client, o SyncOptions, a Access, buffers ...*Buffer) *SyncObject {
	s := must(cl.NewSync(o))
	for _, b := range buffers {
		r.ok(s.Get(b, a))
	}
	return s
}

// outcome is a Wait that notes what comes of it.
type outcome struct {
	Wait
	calls int
	err   error
}

func (r *rig) wait() *outcome { return r.waitFor(0) }

func (r *rig) waitFor(timeout time.Duration) *outcome {
	o := &outcome{}
	o.Timeout = timeout
	o.Done = func(err error) { o.calls++; o.err = err }
	return o
}

// is checks what came of a wait that is over.
func (r *rig) is(o *outcome, want error) {
	r.Helper()
	if o.calls != 1 || o.err != want {
		r.Fatalf("outcome %v (%d calls), want %v", o.err, o.calls, want)
	}
}

// waits checks that a wait is not over.
func (r *rig) waits(o *outcome) {
	r.Helper()
	if o.calls != 0 || !o.Waiting() {
		r.Fatalf("outcome %v (%d calls), want none", o.err, o.calls)
	}
}

// nothingLeft closes all clients and checks that nothing remains of what they did.
func (r *rig) nothingLeft() {
	r.Helper()
	for cl := r.clients.first(); cl != nil; cl = r.clients.first() {
		r.ok(cl.Close())
	}
	s := r.Stats()
	left := Stats{Devices: s.Devices, Locks: s.Locks, Backoffs: s.Backoffs, Lockups: s.Lockups,
		Migrations: s.Migrations, Preps: s.Preps, Maps: s.Maps, Violations: s.Violations}
	if s != left || len(r.kmaps) != 0 || r.fenceUses != 0 || len(r.stakes) != 0 || len(r.objects) != len(r.devices) || len(r.pages.chunks) != 0 || len(r.deadlines.heap) != 0 {
		r.Fatalf("left over: %+v, %d objects, %d chunks of pages, %d deadlines", s, len(r.objects), len(r.pages.chunks), len(r.deadlines.heap))
	}
	if p, ok := r.cfg.Pool.(*PagePool); ok && !slices.Equal(p.all, p.free) {
		r.Fatalf("pool has %v of %v", p.free, p.all)
	}
}

// schedule generates steps for a test to interpret with pick. rapid prefers small
// numbers, which is good for shrinking and bad for choosing among many actions; so
// what a number means depends on where it stands.
func schedule(steps int) *rapid.Generator[[]uint64] {
	return rapid.Map(rapid.SliceOfN(rapid.Uint32(), steps, steps), func(s []uint32) []uint64 {
		ops := make([]uint64, len(s))
		for i, v := range s {
			ops[i] = rand.NewPCG(uint64(i), uint64(v)).Uint64()
		}
		return ops
	})
}

// choices is a step that is being interpreted.
type choices uint64

// pick chooses one of n.
func (c *choices) pick(n int) int {
	v := uint64(*c) % uint64(n)
	*c /= choices(n)
	return int(v)
}

// smallest leaves out of a schedule that fails what is not needed for that.
func smallest(ops []uint64, fails func([]uint64) bool) []uint64 {
	for n := len(ops) / 2; n > 0; n /= 2 {
		for i := 0; i+n <= len(ops); {
			if less := slices.Concat(ops[:i], ops[i+n:]); fails(less) {
				ops = less
			} else {
				i += n
			}
		}
	}
	return ops
}
