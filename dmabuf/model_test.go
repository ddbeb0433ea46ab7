// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// party is a sync object or job as those see it who use it: all that is known of it
// here comes from what calls returned.
type party struct {
	cl   *Client // nil for a job
	sync *SyncObject
	job  *Job
	wait *outcome      // of a call that has not returned
	held bool          // Lock or Start succeeded, and nothing ended it
	at   time.Duration // when it was locked
	// Buffers with what is done to them.
	uses map[*Buffer]Access
}

// lockRun is a random schedule of tasks and devices over a few buffers.
type lockRun struct {
	*rig
	buffers []*Buffer
	keeper  *Client // keeps the buffers
	parties []*party
	preps   []*prepping
	fences  []*Fence
	atts    []*Attachment
	oldest  *SyncObject // with its back-offs, before the step
	before  uint64
	log     []string
}

// prepping is a Prep.
type prepping struct {
	cl   *Client
	buf  *Buffer
	a    Access
	wait *outcome
}

const modelTimeout = 100 * time.Millisecond

func newLockRun(t tester, k Tickets) *lockRun {
	r := &lockRun{rig: newRig(t, func(c *Config) { c.LockupTimeout, c.Tickets = modelTimeout, k })}
	r.keeper = r.client(0, "keeper")
	for i := range 4 {
		r.buffers = append(r.buffers, must(r.keeper.NewBuffer(Spec{Name: fmt.Sprint("b", i), Size: PageSize})))
	}
	for i := range 3 {
		d := r.device(fmt.Sprint("d", i), Constraints{})
		r.parties = append(r.parties, &party{job: d.NewJob("job", i == 2)})
		for _, b := range r.buffers {
			r.atts = append(r.atts, must(b.Attach(r.keeper, d, AttachOptions{})))
		}
	}
	return r
}

func (r *lockRun) note(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf("%v: ", r.clock.now)+fmt.Sprintf(format, args...))
}

func (r *lockRun) fail(format string, args ...any) {
	panic(modelFailure(strings.Join(append(r.log, fmt.Sprintf(format, args...)), "\n")))
}

// modelFailure is what a run panics with that found a fault.
type modelFailure string

// obj is the object whose locks the party has.
func (p *party) obj() *SyncObject {
	if p.job != nil {
		return p.job.sync
	}
	return p.sync
}

func (p *party) String() string {
	if p.job != nil {
		return p.job.dev.Name()
	}
	return fmt.Sprintf("%s/%d", p.cl.task.Name, p.sync.id)
}

// do is one step.
func (r *lockRun) do(op choices) {
	r.remember()
	switch kind := op.pick(20); kind {
	case 0: // a new task, with one or two objects
		if len(r.parties) < 12 {
			cl := r.client(uint64(10+r.lastID), "t")
			for range 1 + op.pick(2) {
				p := &party{cl: cl, sync: must(cl.NewSync(SyncOptions{Backoff: op.pick(4) == 0})), uses: map[*Buffer]Access{}}
				r.choose(p, &op)
				r.parties = append(r.parties, p)
			}
		}
	case 1: // a task dies
		if p := r.parties[op.pick(len(r.parties))]; p.cl != nil && op.pick(3) == 0 {
			r.note("%v dies", p)
			r.died(p.cl, p.cl.Close())
		}
	case 2, 3, 4, 5, 6, 7:
		r.start(r.parties[op.pick(len(r.parties))], &op)
	case 8, 9, 10, 11:
		r.stop(r.parties[op.pick(len(r.parties))])
	case 12: // a signal
		if p := r.parties[op.pick(len(r.parties))]; p.wait != nil {
			r.note("%v interrupted", p)
			if !p.wait.Interrupt() || p.wait.err != EINTR {
				r.fail("waits, but cannot be interrupted")
			}
		}
	case 13: // the buffers of an object change
		if p := r.parties[op.pick(len(r.parties))]; !p.held && p.wait == nil && p.job == nil {
			if err := p.sync.PutAll(); err == nil {
				clear(p.uses)
				r.choose(p, &op)
			} else if err != EOWNERDEAD {
				r.fail("%v: put all: %v", p, err)
			}
		}
	case 14: // time
		d := time.Duration(op.pick(int(modelTimeout)))
		r.note("%v passes", d)
		r.clock.advance(d)
	case 15: // Prep
		b, cl := r.buffers[op.pick(len(r.buffers))], r.client(0, "p")
		q := &prepping{cl: cl, buf: b, a: Access(1 + op.pick(3)), wait: r.waitFor(time.Duration(op.pick(2)) * time.Millisecond)}
		err := b.Prep(cl, b.whole(), q.a, 0, &q.wait.Wait)
		switch err {
		case nil, EINPROGRESS:
			if err == nil {
				q.wait.calls = 1
			}
			r.preps = append(r.preps, q)
		default:
			r.fail("prep: %v", err)
		}
	case 16: // Fini, or the end of a task that waits
		if len(r.preps) > 0 {
			i := op.pick(len(r.preps))
			q := r.preps[i]
			if q.wait.calls == 1 && q.wait.err == nil {
				r.ok(q.buf.Fini(q.cl))
			}
			r.ok(q.cl.Close())
			if q.wait.calls != 1 {
				r.fail("a wait outlives its client")
			}
			r.preps = slices.Delete(r.preps, i, i+1)
		}
	case 17: // Map and Unmap
		a := r.atts[op.pick(len(r.atts))]
		if a.Mapped() {
			r.ok(a.Unmap(a.dir))
		} else {
			_, err := a.Map(Direction(op.pick(3)))
			r.ok(err)
		}
	case 18: // fences
		f := must(r.keeper.NewFence("f"))
		r.ok(r.buffers[op.pick(len(r.buffers))].AddFence(f, Access(1+op.pick(3))))
		r.fences = append(r.fences, f)
	case 19:
		if len(r.fences) > 0 {
			i := op.pick(len(r.fences))
			r.ok(r.fences[i].Signal(0))
			r.ok(r.fences[i].Close())
			r.fences = slices.Delete(r.fences, i, i+1)
		}
	}
	r.learn()
	r.check()
}

// choose gives an object some buffers.
func (r *lockRun) choose(p *party, op *choices) {
	first, n := op.pick(len(r.buffers)), op.pick(len(r.buffers)+1)
	step := []int{1, 3}[op.pick(2)] // one way round or the other
	for i := range n {
		b, a := r.buffers[(first+i*step)%len(r.buffers)], []Access{Read, Write, Read | Write}[op.pick(3)]
		r.ok(p.sync.Get(b, a))
		p.uses[b] = a
	}
}

// start locks an object or starts a job.
func (r *lockRun) start(p *party, op *choices) {
	busy := p.held || p.wait != nil || p.job != nil && p.job.Running()
	w := r.waitFor(time.Duration(op.pick(2)*op.pick(5)) * time.Millisecond)
	wait := &w.Wait
	if op.pick(5) == 0 {
		wait = nil
	}
	var err error
	if p.job != nil {
		if !busy {
			r.ok(p.job.Clear())
			p.uses = map[*Buffer]Access{}
			for range 1 + op.pick(3) {
				b, a := r.buffers[op.pick(len(r.buffers))], Access(1+op.pick(3))
				r.ok(p.job.Use(b, b.whole(), a))
				p.uses[b] |= a
			}
		}
		err = p.job.Start(wait)
	} else {
		err = p.sync.Lock(p.cl, wait)
	}
	r.note("%v (ticket %d) starts: %v", p, p.obj().stamp, err)
	switch {
	case err == EOWNERDEAD && !busy && p.job == nil:
	case busy && err != EALREADY:
		r.fail("start of what is busy: %v", err)
	case err == nil:
		p.held, p.at = true, r.clock.now
	case err == EINPROGRESS && wait != nil:
		p.wait = w
	case err == EBUSY && wait == nil, err == EALREADY && busy, err == EDEADLK && p.obj().opts.Backoff:
	default:
		r.fail("start: %v", err)
	}
}

// stop unlocks an object or finishes a job.
func (r *lockRun) stop(p *party) {
	var err error
	if p.job != nil {
		err = p.job.Finish()
	} else {
		err = p.sync.Unlock(p.cl)
	}
	r.note("%v stops: %v", p, err)
	switch {
	case p.held && err == nil:
		p.held = false
	case !p.held && (err == EINVAL || err == EOWNERDEAD):
	default:
		r.fail("stop: %v", err)
	}
}

// died forgets what a closed client had.
func (r *lockRun) died(cl *Client, err error) {
	r.ok(err)
	r.parties = slices.DeleteFunc(r.parties, func(p *party) bool {
		if p.cl != cl {
			return false
		}
		if p.wait != nil {
			r.is(p.wait, ECANCELED)
		}
		return true
	})
}

// learn notes what became of waits, and which locks were held too long.
func (r *lockRun) learn() {
	for _, p := range r.parties {
		if w := p.wait; w != nil && w.calls > 0 {
			if w.calls > 1 {
				r.fail("%v: outcome told %d times", p, w.calls)
			}
			r.note("%v told %v", p, w.err)
			p.wait = nil
			switch {
			case w.err == nil:
				p.held, p.at = true, p.obj().when.at
			case w.err == EINTR, w.err == ETIMEDOUT && w.Timeout > 0, w.err == EDEADLK && p.obj().opts.Backoff:
			default:
				r.fail("%v: outcome %v", p, w.err)
			}
		}
		hold := p.job != nil && p.job.hold
		if p.held && !hold && r.clock.now >= p.at+modelTimeout {
			r.note("%v locked up", p)
			p.held = false
			if p.job == nil && p.sync.lost == nil {
				r.fail("locked for too long, and not told")
			}
		}
	}
}

// remember notes who must not have to back off in the next step.
func (r *lockRun) remember() {
	r.oldest = nil
	for _, p := range r.parties {
		if o := p.obj(); o.stamp != 0 && (r.oldest == nil || o.stamp < r.oldest.stamp) {
			r.oldest, r.before = o, o.backoffs
		}
	}
}

// check compares the core with what is known from outside.
func (r *lockRun) check() {
	// Mutual exclusion, from outcomes alone.
	for _, b := range r.buffers {
		writers, readers, inside := 0, 0, 0
		for _, p := range r.parties {
			if a := p.uses[b]; p.held && a != 0 {
				if a.writes() {
					writers++
				} else {
					readers++
				}
			}
		}
		if writers > 1 || writers > 0 && readers > 0 {
			r.fail("%s: %d writers and %d readers", b.Name(), writers, readers)
		}
		for k := b.holders.head; k != nil; k = k.next {
			if k.v.obj.state == syncLocked {
				inside++
			}
		}
		if inside != writers+readers {
			r.fail("%s: %d hold the lock, but should %d", b.Name(), inside, writers+readers)
		}
	}
	if r.oldest != nil && r.oldest.backoffs != r.before {
		r.fail("the oldest ticket had to back off")
	}
	for _, p := range r.parties {
		r.checkWaiting(p)
	}
	for _, q := range r.preps {
		if w := q.wait; w.calls == 0 && !q.buf.busy(q.a) {
			r.fail("prep of %s waits for nothing", q.buf.Name())
		} else if w.calls == 1 && w.err != nil && w.err != ETIMEDOUT {
			r.fail("prep: outcome %v", w.err)
		}
	}
}

// checkWaiting checks that who waits has a reason, and that it is not a circle:
// whoever is waited for is locked completely, or older; with WaitDie, younger, or the
// one who waits holds nothing.
func (r *lockRun) checkWaiting(p *party) {
	s := p.obj()
	if p.wait == nil {
		if s.state == syncLocking || s.blocked != nil {
			r.fail("%v: waits without a call", p)
		}
		return
	}
	e, reason, dies := s.blocked, false, r.cfg.Tickets == WaitDie && s.holds()
	for k := e.buf.holders.head; k != nil; k = k.next {
		if h := k.v; h.access.conflicts(e.access) {
			reason = true
			if r.cfg.Tickets == WoundWait && h.obj.state != syncLocked && h.obj.stamp > s.stamp {
				r.fail("%v waits for a younger one that may wait, too", p)
			}
			if dies && h.obj.stamp < s.stamp {
				r.fail("%v holds something and waits for an older one", p)
			}
		}
	}
	for k := e.buf.queue.head; k.v != e; k = k.next {
		if k.v.obj.stamp > s.stamp {
			r.fail("%v: a younger one is before it", p)
		}
		if k.v.access.conflicts(e.access) {
			reason = true
			if dies {
				r.fail("%v holds something and waits behind an older one", p)
			}
		}
	}
	if !reason {
		r.fail("%v waits for nothing", p)
	}
}

// drain lets all who have what they want finish, until nobody waits.
func (r *lockRun) drain() {
	for _, a := range r.atts {
		if a.Mapped() {
			r.ok(a.Unmap(a.dir))
		}
	}
	for _, f := range r.fences {
		r.ok(f.Close())
	}
	r.learn()
	for round := 0; slices.ContainsFunc(r.parties, func(p *party) bool { return p.held || p.wait != nil }); round++ {
		// Everybody who waits gets a lock only once: nobody starts again.
		if round > len(r.parties) {
			r.fail("after %d rounds somebody still waits", round)
		}
		for _, p := range r.parties {
			if p.held {
				r.stop(p)
			}
			r.learn()
			r.check()
		}
	}
	for _, p := range r.parties {
		if p.job != nil {
			if p.job.Running() {
				r.want(EOWNERDEAD, p.job.Finish())
			}
			r.ok(p.job.Clear())
		}
	}
	for _, q := range r.preps {
		if q.wait.calls == 0 {
			r.fail("prep waits for ever")
		}
	}
}

func runLocks(t tester, k Tickets, ops []uint64) (r *lockRun, failure string) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case modelFailure:
			failure = string(e)
		default:
			panic(e)
		}
	}()
	r = newLockRun(t, k)
	for _, op := range ops {
		r.do(choices(op))
	}
	r.drain()
	return r, ""
}

func TestLocksModel(t *testing.T) {
	for _, k := range []Tickets{WoundWait, WaitDie} {
		t.Run(k.String(), func(t *testing.T) {
			var total Stats
			rapid.Check(t, func(t *rapid.T) {
				ops := schedule(300).Draw(t, "ops")
				r, failure := runLocks(t, k, ops)
				if failure != "" {
					least := smallest(ops, func(ops []uint64) bool { _, f := runLocks(t, k, ops); return f != "" })
					_, failure = runLocks(t, k, least)
					t.Fatalf("%s", failure)
				}
				s := r.Stats()
				total.Locks += s.Locks
				total.Backoffs += s.Backoffs
				total.Lockups += s.Lockups
				r.nothingLeft()
			})
			if total.Locks < 1000 || total.Backoffs < 100 || total.Lockups < 100 {
				t.Errorf("too little happened: %+v", total)
			}
			t.Logf("%d locks, %d back-offs, %d lockups", total.Locks, total.Backoffs, total.Lockups)
		})
	}
}
