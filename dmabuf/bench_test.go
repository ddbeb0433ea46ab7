// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// BenchmarkLock is an uncontended lock and unlock of four buffers that a
// non-coherent device is attached to; the goal is below 1 µs.
func BenchmarkLock(b *testing.B) {
	for _, sharing := range []bool{false, true} {
		name := "by tasks"
		if sharing {
			name = "with a device"
		}
		b.Run(name, func(b *testing.B) {
			r := newRig(b)
			cl, s, _ := benchLock(r, sharing)
			b.ReportAllocs()
			for b.Loop() {
				if s.Lock(cl, nil) != nil || s.Unlock(cl) != nil {
					b.Fatal("locked")
				}
			}
		})
	}
}

func benchLock(r *rig, sharing bool) (*Client, *SyncObject, []*Buffer) {
	cl := r.client(1, "task")
	d := r.device("dev", Constraints{})
	var buffers []*Buffer
	for range 4 {
		b := must(cl.NewBuffer(Spec{Size: mib}))
		if sharing {
			a := must(b.Attach(cl, d, AttachOptions{}))
			must(a.Map(Bidirectional))
			r.ok(a.Unmap(Bidirectional))
		}
		buffers = append(buffers, b)
	}
	return cl, r.sync(cl, SyncOptions{}, Write, buffers...), buffers
}

// The calls of a frame's life allocate nothing.
func TestNoAllocations(t *testing.T) {
	s := newScene(t)
	cl, o, _ := benchLock(s.rig, true)
	waiter, w := s.sync(s.two, SyncOptions{}, Write, o.entries.first().buf), s.wait()
	at := s.place()
	job := s.dev.NewJob("blit", false)
	s.ok(job.Use(s.buf, s.buf.whole(), Read))
	for _, test := range []struct {
		name string
		do   func()
	}{
		{"lock, unlock", func() { s.ok(o.Lock(cl, nil)); s.ok(o.Unlock(cl)) }},
		{"contended lock", func() {
			s.ok(o.Lock(cl, nil))
			s.want(EINPROGRESS, waiter.Lock(s.two, &w.Wait))
			s.ok(o.Unlock(cl))
			s.ok(waiter.Unlock(s.two))
		}},
		{"prep, fini", func() { s.ok(s.buf.Prep(s.one, s.buf.whole(), Write, 0, nil)); s.ok(s.buf.Fini(s.one)) }},
		{"prep that waits", func() {
			s.mapped(s.att, FromDevice)
			s.want(EINPROGRESS, s.buf.Prep(s.one, s.buf.whole(), Write, 0, &w.Wait))
			s.ok(s.att.Unmap(FromDevice))
			s.ok(s.buf.Fini(s.one))
		}},
		{"map, unmap", func() { s.mapped(s.att, FromDevice); s.ok(s.att.Unmap(FromDevice)) }},
		{"job", func() { s.ok(job.Start(nil)); s.ok(job.Finish()) }},
		{"accesses", func() {
			s.mapped(s.att, ToDevice)
			s.dev.ObserveDMA(DMAAccess{Addr: at, Len: sceneSize})
			s.ok(s.att.Unmap(ToDevice))
			s.ObserveCPU(CPUAccess{Addr: at, Len: 8})
			s.ObserveCPU(CPUAccess{Addr: at - PageSize, Len: 8})
		}},
	} {
		test.do() // what is kept for later is made here
		if n := testing.AllocsPerRun(100, test.do); n != 0 {
			t.Errorf("%s: %v allocations", test.name, n)
		}
	}
	if len(s.events) != 0 {
		t.Errorf("events: %v", s.details())
	}
}

// BenchmarkPrep is CPU_PREP and CPU_FINI.
func BenchmarkPrep(b *testing.B) {
	s := newScene(b)
	b.ReportAllocs()
	for b.Loop() {
		s.ok(s.buf.Prep(s.one, s.buf.whole(), Write, 0, nil))
		s.ok(s.buf.Fini(s.one))
	}
}

// BenchmarkObserve is an access by CPU, and one by a device, to a buffer and to
// memory of no buffer.
func BenchmarkObserve(b *testing.B) {
	s := newScene(b)
	at := s.place()
	s.prep(s.one, s.buf.whole(), Read)
	s.mapped(s.att, ToDevice)
	for _, where := range []struct {
		name string
		addr uint64
	}{{"buffer", at}, {"other memory", 0x9000_0000}} {
		b.Run("CPU/"+where.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.ObserveCPU(CPUAccess{Task: Task{ID: 1}, Addr: where.addr, Len: 8})
			}
		})
		b.Run("DMA/"+where.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.dev.ObserveDMA(DMAAccess{Addr: where.addr, Len: 64})
			}
		})
	}
	if len(s.events) != 0 {
		b.Errorf("events: %v", s.details())
	}
}

// BenchmarkCrowd is tasks that lock random sets of four of many buffers in random
// order, and four devices whose jobs do the same, all of whom wait for each other. Time is for each
// lock or job; it must not grow with the number of buffers and tasks.
func BenchmarkCrowd(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("%d buffers, %d tasks", n*10, n), func(b *testing.B) {
			c := newCrowd(b, n*10, n)
			b.ReportAllocs()
			for b.Loop() {
				c.next()
			}
			b.ReportMetric(float64(c.Stats().Backoffs)/float64(max(1, c.Stats().Locks)), "backoffs/lock")
		})
	}
}

// crowd is what BenchmarkCrowd measures.
type crowd struct {
	*rig
	rand    *rand.Rand
	members []*member
	locked  []*member // in the order of locking
}

type member struct {
	cl   *Client
	sync *SyncObject
	job  *Job
	wait Wait
}

func newCrowd(t tester, buffers, tasks int) *crowd {
	c := &crowd{rig: newRig(t), rand: rand.New(rand.NewPCG(1, 2))}
	keeper := c.client(0, "keeper")
	var all []*Buffer
	for range buffers {
		all = append(all, must(keeper.NewBuffer(Spec{Size: PageSize})))
	}
	four := func(f func(*Buffer, Access)) {
		for _, i := range c.rand.Perm(len(all))[:4] {
			f(all[i], Access(1+c.rand.IntN(2)))
		}
	}
	for i := range tasks {
		m := &member{cl: c.client(uint64(i+1), "t")}
		m.sync = must(m.cl.NewSync(SyncOptions{}))
		four(func(b *Buffer, a Access) { c.ok(m.sync.Get(b, a)) })
		c.members = append(c.members, m)
	}
	for i := range 4 {
		d := c.device(fmt.Sprint("d", i), Constraints{})
		m := &member{job: d.NewJob("job", false)}
		four(func(b *Buffer, a Access) { c.ok(m.job.Use(b, b.whole(), a)) })
		c.members = append(c.members, m)
	}
	for _, m := range c.members {
		m.wait.Done = func(err error) { c.ok(err); c.locked = append(c.locked, m) }
		c.start(m)
	}
	return c
}

func (c *crowd) start(m *member) {
	var err error
	if m.job != nil {
		err = m.job.Start(&m.wait)
	} else {
		err = m.sync.Lock(m.cl, &m.wait)
	}
	if err != EINPROGRESS {
		m.wait.Done(err)
	}
}

// next has one who has locks give them back and ask for them again.
func (c *crowd) next() {
	i := c.rand.IntN(len(c.locked))
	m := c.locked[i]
	last := len(c.locked) - 1
	c.locked[i] = c.locked[last]
	c.locked = c.locked[:last]
	if m.job != nil {
		c.ok(m.job.Finish())
	} else {
		c.ok(m.sync.Unlock(m.cl))
	}
	c.start(m)
}

// The cost of a step does not depend on how many others there are.
func TestCrowdIsNotSuperLinear(t *testing.T) {
	notSuperLinear(t, 10, 100, func(n int) func() { return newCrowd(t, 10*n, n).next })
}

// notSuperLinear compares the costs of steps next to few and next to many others.
func notSuperLinear(t *testing.T, few, many int, next func(n int) func()) {
	t.Helper()
	if testing.Short() {
		t.Skip("measures time")
	}
	const steps = 20_000
	cost := func(n int) time.Duration {
		best := time.Hour
		for range 5 {
			f := next(n)
			start := time.Now()
			for range steps {
				f()
			}
			best = min(best, time.Since(start)/steps)
		}
		return best
	}
	small, large := cost(few), cost(many)
	t.Logf("%v next to %d others, %v next to %d", small, few, large, many)
	if large > 5*max(small, 20*time.Nanosecond) {
		t.Errorf("%v next to %d others, but %v next to %d", small, few, large, many)
	}
}

// throng is many who have to do with one buffer.
type throng struct {
	*scene
	at      uint64
	clients []*Client
}

func newThrong(t tester, n int) *throng {
	th := &throng{scene: newScene(t, func(c *Config) { c.Pool = NewPagePool(Extent{1 << 32, 1 << 30}) })}
	th.at = th.place()
	for i := range n {
		th.clients = append(th.clients, th.client(uint64(i+10), "t"))
	}
	return th
}

// throngs are what many may do with a buffer, and a step that one more takes, or the last
// of them, which must not cost more for that.
func throngs() []throngStep {
	return []throngStep{
		{"access among readers", func(th *throng) func() {
			for _, cl := range th.clients {
				th.lock(cl, Read)
			}
			return th.access
		}},
		{"access of one who has it prepared", func(th *throng) func() {
			for _, cl := range th.clients {
				th.prep(cl, th.buf.whole(), Read)
			}
			return th.access
		}},
		{"access of one who has locked and unlocked it", func(th *throng) func() {
			for _, cl := range th.clients {
				th.ok(th.lock(cl, Read).Unlock(cl))
			}
			th.prep(th.one, th.buf.whole(), Read)
			return th.access
		}},
		{"CPU_PREP and CPU_FINI", func(th *throng) func() {
			for _, cl := range th.clients {
				th.prep(cl, th.buf.whole(), Read)
			}
			return func() {
				th.prep(th.one, th.buf.whole(), Write)
				th.ok(th.buf.Fini(th.one))
			}
		}},
		{"CPU_PREP and CPU_FINI after a device's write", func(th *throng) func() {
			for _, cl := range th.clients {
				th.prep(cl, th.buf.whole(), Read)
			}
			must(th.att.Map(FromDevice))
			th.ok(th.att.Unmap(FromDevice))
			return func() {
				th.buf.stale.add(th.buf.whole())
				th.prep(th.one, th.buf.whole(), Read)
				th.ok(th.buf.Fini(th.one))
			}
		}},
		{"a mapping that ends while CPU_PREP waits for another", func(th *throng) func() {
			must(th.att.Map(ToDevice))
			for _, cl := range th.clients {
				th.want(EINPROGRESS, th.buf.Prep(cl, th.buf.whole(), Read, 0, &th.wait().Wait))
			}
			return func() {
				must(th.att2.Map(ToDevice))
				th.ok(th.att2.Unmap(ToDevice))
			}
		}},
		{"a writer's turn", func(th *throng) func() {
			objects, waits, next := make([]*SyncObject, len(th.clients)), make([]Wait, len(th.clients)), 0
			for i, cl := range th.clients {
				objects[i] = th.sync(cl, SyncOptions{}, Write, th.buf)
				waits[i].Done = func(err error) { th.ok(err) }
				_ = objects[i].Lock(cl, &waits[i])
			}
			return func() {
				th.ok(objects[next].Unlock(th.clients[next]))
				th.want(EINPROGRESS, objects[next].Lock(th.clients[next], &waits[next]))
				next = (next + 1) % len(objects)
			}
		}},
		{"a writer that tries among readers", func(th *throng) func() {
			for _, cl := range th.clients {
				th.lock(cl, Read)
			}
			o, w := th.sync(th.one, SyncOptions{}, Write, th.buf), th.wait()
			return func() {
				th.want(EINPROGRESS, o.Lock(th.one, &w.Wait))
				w.Interrupt()
			}
		}},
		{"kmap", func(th *throng) func() {
			b := must(th.one.NewBuffer(Spec{Size: uint64(len(th.clients)+1) * PageSize}))
			th.ok(b.BeginCPU(th.one, b.whole(), Read))
			for i := range th.clients {
				b.Kmap(th.one, uint64(i))
			}
			return func() {
				b.Kmap(th.one, uint64(len(th.clients)))
				th.ok(b.Kunmap(th.one, uint64(len(th.clients))))
			}
		}},
		{"DMA of one who is attached", func(th *throng) func() {
			for _, cl := range th.clients {
				must(th.buf.Attach(cl, th.dev, AttachOptions{}))
			}
			must(must(th.buf.Attach(th.one, th.dev, AttachOptions{})).Map(ToDevice))
			return func() { th.dev.ObserveDMA(DMAAccess{Addr: th.at, Len: 64}) }
		}},
		{"attaching", func(th *throng) func() {
			for _, cl := range th.clients {
				must(th.buf.Attach(cl, th.dev, AttachOptions{}))
			}
			return func() { th.ok(must(th.buf.Attach(th.one, th.other, AttachOptions{})).Detach()) }
		}},
		{"pending marks", func(th *throng) func() {
			for _, cl := range th.clients {
				th.ok(th.buf.MarkPending(cl))
			}
			return func() {
				th.ok(th.buf.MarkPending(th.one))
				th.ok(th.buf.ClearPending(th.one))
			}
		}},
		{"fences", func(th *throng) func() {
			for _, cl := range th.clients {
				th.ok(th.buf.AddFence(must(cl.NewFence("f")), Read))
			}
			return func() { th.ok(th.buf.WaitFences(th.one, Read, nil)) }
		}},
	}
}

type throngStep struct {
	name  string
	begin func(th *throng) func()
}

// access is one of the last client's task.
func (th *throng) access() {
	th.ObserveCPU(CPUAccess{Task: th.clients[len(th.clients)-1].task, Addr: th.at, Len: 8})
}

// BenchmarkThrong is what one does with a buffer that many others have to do with, too.
func BenchmarkThrong(b *testing.B) {
	for _, step := range throngs() {
		for _, n := range []int{10, 1000} {
			b.Run(fmt.Sprintf("%s, next to %d", step.name, n), func(b *testing.B) {
				th := newThrong(b, n)
				next := step.begin(th)
				b.ReportAllocs()
				for b.Loop() {
					next()
				}
				if len(th.events) != 0 {
					b.Errorf("events: %v", th.details())
				}
			})
		}
	}
}

func TestThrongIsNotSuperLinear(t *testing.T) {
	for _, step := range throngs() {
		t.Run(step.name, func(t *testing.T) {
			notSuperLinear(t, 10, 500, func(n int) func() {
				th := newThrong(t, n)
				t.Cleanup(func() {
					if len(th.events) != 0 {
						t.Errorf("events: %v", th.details())
					}
				})
				return step.begin(th)
			})
		})
	}
}

// BenchmarkJob is a job that writes a buffer in parts, as a list of drawing commands does,
// and accesses to them; time is for each part.
func BenchmarkJob(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprint(n, " parts"), func(b *testing.B) {
			next := manyParts(newScene(b), n)
			b.ReportAllocs()
			for b.Loop() {
				next()
			}
		})
	}
}

func TestJobIsNotSuperLinear(t *testing.T) {
	notSuperLinear(t, 10, 500, func(n int) func() { return manyParts(newScene(t), n) })
}

// manyParts returns the step of an access in a job, which begins anew after the last.
func manyParts(s *scene, n int) func() {
	b := must(s.one.NewBuffer(Spec{Size: uint64(2*n) * LineSize}))
	must(must(b.Attach(s.one, s.dev, AttachOptions{Persistent: true})).Map(Bidirectional))
	j := s.dev.NewJob("list", false)
	for i := range uint64(n) {
		s.ok(j.Use(b, Range{2 * i * LineSize, LineSize}, Write))
	}
	i, at := 0, b.Backing()[0].Addr
	return func() {
		if i == 0 {
			s.ok(j.Start(nil))
		}
		s.dev.ObserveDMA(DMAAccess{Addr: at + uint64(2*i)*LineSize, Len: LineSize, Write: true})
		if i++; i == n {
			s.ok(j.Finish())
			b.stale.clear()
			i = 0
		}
	}
}

// BenchmarkLockMany is a lock of many buffers, each of which somebody else has and gives
// back; time is for each buffer.
func BenchmarkLockMany(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprint(n, " buffers"), func(b *testing.B) {
			next := lockMany(newRig(b), n)
			for b.Loop() {
				next()
			}
		})
	}
}

func TestLockManyIsNotSuperLinear(t *testing.T) {
	notSuperLinear(t, 10, 500, func(n int) func() { return lockMany(newRig(t), n) })
}

// lockMany returns the step of giving one buffer back, and of getting all anew after the
// last one.
func lockMany(r *rig, n int) func() {
	one, all, w := r.client(1, "one"), r.client(2, "all"), r.wait()
	many := r.sync(all, SyncOptions{Timeout: -1}, Write)
	var each []*SyncObject
	for range n {
		b := must(one.NewBuffer(Spec{Size: 1}))
		r.ok(many.Get(b, Write))
		each = append(each, r.sync(one, SyncOptions{Timeout: -1}, Write, b))
	}
	i := n
	return func() {
		if i == n {
			if many.Locked() {
				r.ok(many.Unlock(all))
			}
			for _, s := range each {
				r.ok(s.Lock(one, nil))
			}
			r.want(EINPROGRESS, many.Lock(all, &w.Wait))
			i = 0
		}
		r.ok(each[i].Unlock(one))
		i++
	}
}
