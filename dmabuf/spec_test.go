// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// This is the contract of the barriers, as it was written down in 2011 and 2012, and
// a check that the core keeps it, on a memory whose caches are not coherent with
// devices and do what they like between any two steps.
//
// Whoever uses a buffer does so in a session: from Map to Unmap, from the start of a
// job to its end, from AddFence to the signal, from Prep to Fini, from BeginCPU to EndCPU,
// from Lock to Unlock.
// A read in a session may return any value that was written to the place (or the
// zero of the beginning), except those that are superseded. A value is superseded by
// a later one if
//
//   - the later one's session overlaps no other session of the buffer, and
//   - the earlier one's session ended before the later one's began (or both are of
//     one session), and
//   - the later one's session ended before the reader's began (or is the reader's
//     own).
//
// What happens at the same time may be garbage, and that includes what was there
// before: then nothing is superseded.

// cell is the unit in which the test reads and writes: two of them share a line.
const (
	cell      = LineSize / 2
	specSize  = 3*LineSize + cell // the buffer: seven cells in one page
	specCells = specSize / cell
)

type session struct {
	who        string
	start, end int // steps; end 0 while it goes on
	rng        Range
	access     Access
	overlapped bool
	dev        *Device // nil for the CPU
	task       uint64
	lock       bool // by a sync object
	fence      bool // of a device whose use only a fence shows
	finish     func() error
	cached     bool // accesses go through the caches
}

type written struct {
	in    *session
	step  int
	value int
}

// history is all sessions and writes of a buffer.
type history struct {
	sessions []*session
	cells    [specCells][]written
}

// begin starts a session, which overlaps with all that go on.
func (h *history) begin(s *session) {
	for _, o := range h.sessions {
		if o.end == 0 {
			o.overlapped, s.overlapped = true, true
		}
	}
	h.sessions = append(h.sessions, s)
}

// allowed are the values that a read of a cell in the session may return.
func (h *history) allowed(c int, reader *session) []int {
	all := append([]written{{in: &session{end: -1}}}, h.cells[c]...)
	var values []int
	for i, w := range all {
		if !slices.ContainsFunc(all[i+1:], func(later written) bool { return supersedes(later, w, reader) }) {
			values = append(values, w.value)
		}
	}
	return values
}

func supersedes(later, w written, reader *session) bool {
	before := func(a, b *session) bool { return a.end != 0 && a.end < b.start }
	return !later.in.overlapped &&
		(later.in == w.in || before(w.in, later.in)) &&
		(later.in == reader || before(later.in, reader))
}

// cachedLine is what the caches hold of a line.
type cachedLine struct {
	valid, dirty bool
	cells        [2]int
}

// specMemory is the host's memory: DRAM, and a cache before it.
type specMemory struct {
	dram   map[uint64]int // by address of the cell
	cache  map[uint64]*cachedLine
	broken Op // an operation that does nothing
	breaks bool
}

func (m *specMemory) line(addr uint64) *cachedLine {
	addr &^= LineSize - 1
	l := m.cache[addr]
	if l == nil {
		l = &cachedLine{}
		m.cache[addr] = l
	}
	return l
}

func (m *specMemory) fill(addr uint64) *cachedLine {
	addr &^= LineSize - 1
	l := m.line(addr)
	if !l.valid {
		*l = cachedLine{valid: true, cells: [2]int{m.dram[addr], m.dram[addr+cell]}}
	}
	return l
}

func (m *specMemory) writeBack(addr uint64) {
	addr &^= LineSize - 1
	if l := m.line(addr); l.valid && l.dirty {
		m.dram[addr], m.dram[addr+cell] = l.cells[0], l.cells[1]
		l.dirty = false
	}
}

func (m *specMemory) read(addr uint64, cached bool) int {
	if cached {
		return m.fill(addr).cells[addr/cell%2]
	}
	return m.dram[addr]
}

func (m *specMemory) write(addr uint64, v int, cached bool) {
	if cached {
		l := m.fill(addr)
		l.cells[addr/cell%2], l.dirty = v, true
		return
	}
	m.dram[addr] = v
}

func (m *specMemory) Maintain(op Op, addr, n uint64) {
	if addr%LineSize != 0 || n%LineSize != 0 || n == 0 {
		panic(fmt.Sprintf("maintenance of [%#x, %#x)", addr, addr+n))
	}
	if m.breaks && op == m.broken {
		return
	}
	for a := addr; a < addr+n; a += LineSize {
		if op != Invalidate {
			m.writeBack(a)
		}
		if op != Clean {
			m.line(a).valid = false
		}
	}
}

func (m *specMemory) Zero(addr, n uint64) {
	for a := addr; a < addr+n; a += cell {
		m.set(a, 0)
	}
}

func (m *specMemory) set(addr uint64, v int) {
	m.line(addr).valid = false
	if m.dram[addr] != v {
		m.dram[addr] = v
	}
}

func (m *specMemory) Copy(dst, src, n uint64) {
	for a := uint64(0); a < n; a += cell {
		m.set(dst+a, m.read(src+a, true))
	}
}

func (m *specMemory) Moved(*Buffer, []Extent, []Extent) {}

// specRun is one buffer, its parties, and their steps.
type specRun struct {
	*rig
	mem     *specMemory
	buf     *Buffer
	step    int
	hist    history
	open    []*session
	tasks   [2]*Client
	syncs   [2]*SyncObject
	devs    []*Device
	atts    []*Attachment // of devs; nil if not attached
	jobs    []*Job
	limited *Attachment
	dma32   *Device
	sharp   int // reads with one allowed value that somebody wrote
	failure string
	log     []string
}

// story is what happened, for a failure that has been made small.
func (r *specRun) story() string { return strings.Join(append(r.log, r.failure), "\n") }

func (r *specRun) note(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf("%d: ", r.step)+fmt.Sprintf(format, args...))
}

func newSpecRun(t tester, mem *specMemory) *specRun {
	r := &specRun{rig: newRig(t, func(c *Config) { c.Memory = mem }), mem: mem}
	r.tasks = [2]*Client{r.client(1, "one"), r.client(2, "two")}
	r.buf = must(r.tasks[0].NewBuffer(Spec{Size: specSize}))
	r.dma32 = r.device("near", Constraints{AddressLimit: lowLimit})
	for i, cl := range r.tasks {
		r.syncs[i] = r.sync(cl, SyncOptions{}, []Access{Write, Read | Write}[i], r.buf)
	}
	for _, d := range []struct {
		name                string
		coherent, permanent bool
	}{{"dev0", false, false}, {"dev1", false, false}, {"coherent", true, false}, {"job0", false, true}, {"job1", false, true}, {"cjob", true, true}} {
		dev := must(r.NewDevice(DeviceSpec{Name: d.name, Coherent: d.coherent}))
		if !d.permanent {
			r.devs = append(r.devs, dev)
			r.atts = append(r.atts, nil)
			continue
		}
		// As a driver that maps when it imports; not all do in all runs (importAll).
		r.jobs = append(r.jobs, dev.NewJob("job", false))
	}
	return r
}

// enter begins a session if the call succeeded.
func (r *specRun) enterSession(err error, s *session) {
	if err != nil {
		return
	}
	s.start = r.step
	r.note("%s begins, %s %v", s.who, s.access, s.rng)
	r.hist.begin(s)
	r.open = append(r.open, s)
}

// do is one step; op selects what.
func (r *specRun) do(op choices) {
	r.step++
	pick := op.pick
	rng := func() Range {
		lo, hi := pick(specCells), pick(specCells)
		lo, hi = min(lo, hi), max(lo, hi)+1
		return Range{uint64(lo) * cell, uint64(hi-lo) * cell}
	}
	access := func() Access { return Access(1 + pick(3)) }
	kind := pick(18)
	if len(r.open) > 1 && kind < 7 && pick(8) != 0 {
		kind = 9 // or all would overlap
	}
	switch kind {
	case 0, 1: // Prep
		cl, rg, a := r.tasks[pick(2)], rng(), access()
		r.enterSession(r.buf.Prep(cl, rg, a, 0, nil), &session{who: cl.task.Name + " prep", task: cl.task.ID, rng: rg, access: a, cached: true,
			finish: func() error { return r.buf.Fini(cl) }})
	case 2: // a kernel's access; it does not wait, so it may overlap
		cl, rg, a := r.tasks[pick(2)], rng(), access()
		r.enterSession(r.buf.BeginCPU(cl, rg, a), &session{who: cl.task.Name + " begin", task: cl.task.ID, rng: rg, access: a, cached: true,
			finish: func() error { return r.buf.EndCPU(cl, rg, a) }})
	case 3: // Lock
		i := pick(2)
		s, cl := r.syncs[i], r.tasks[i]
		if r.buf.backing == nil {
			return
		}
		r.enterSession(s.Lock(cl, nil), &session{who: cl.task.Name + " lock", task: cl.task.ID, lock: true, rng: r.buf.whole(), access: s.entries.first().access | Read, cached: true,
			finish: func() error { return s.Unlock(cl) }})
	case 4, 5: // Map
		i, dir := pick(len(r.atts)), Direction(pick(3))
		if r.atts[i] == nil {
			r.atts[i] = must(r.buf.Attach(r.tasks[0], r.devs[i], AttachOptions{}))
		}
		a := r.atts[i]
		_, err := a.Map(dir)
		r.enterSession(err, &session{who: a.dev.Name(), dev: a.dev, rng: r.buf.whole(), access: dir.Device(), cached: a.dev.coherent,
			finish: func() error { return a.Unmap(dir) }})
	case 6: // a job, of a driver that maps once; or a fence that stands for one
		j, rg, a := r.jobs[pick(len(r.jobs))], rng(), access()
		if r.buf.backing == nil || j.Running() || r.buf.mappedFor(j.dev) == nil {
			return
		}
		if pick(3) == 0 {
			f := must(r.tasks[0].NewFence("f"))
			r.enterSession(r.buf.AddFence(f, a), &session{who: j.dev.Name() + " fence", dev: j.dev, fence: true, rng: rg, access: a, cached: j.dev.coherent,
				finish: f.Close})
			return
		}
		r.ok(j.Clear())
		r.ok(j.Use(r.buf, rg, a))
		r.enterSession(j.Start(nil), &session{who: j.dev.Name(), dev: j.dev, rng: rg, access: a, cached: j.dev.coherent,
			finish: func() error { return j.Finish() }})
	case 7: // import, or the end of one, or of an attachment
		if i := pick(2 * len(r.atts)); i < len(r.atts) {
			if a := r.atts[i]; a != nil && !a.Mapped() {
				r.ok(a.Detach())
				r.atts[i] = nil
			}
			return
		}
		j := r.jobs[pick(len(r.jobs))]
		switch a := r.buf.mappedFor(j.dev); {
		case a == nil:
			_, err := must(r.buf.Attach(r.tasks[0], j.dev, AttachOptions{Persistent: true})).Map(Bidirectional)
			r.ok(err)
			r.note("%s imports", j.dev.Name())
		case !j.Running() && !slices.ContainsFunc(r.open, func(s *session) bool { return s.dev == j.dev }):
			r.ok(a.Unmap(Bidirectional))
			r.ok(a.Detach())
		}
	case 8: // somebody comes or goes for whom the buffer may have to move
		if r.limited != nil {
			r.ok(r.limited.Detach())
			r.limited = nil
			return
		}
		var err error
		r.limited, err = r.buf.Attach(r.tasks[0], r.dma32, AttachOptions{})
		r.note("near attaches: %v", err)
	case 9, 10: // the end of a session
		if len(r.open) > 0 {
			i := pick(len(r.open))
			s := r.open[i]
			r.ok(s.finish())
			s.end = r.step
			r.note("%s ends", s.who)
			r.open = slices.Delete(r.open, i, i+1)
		}
	case 11, 12: // caches
		if c := pick(specCells); r.buf.backing != nil {
			if addr := r.addr(c); pick(2) == 0 {
				r.mem.fill(addr)
				r.note("fill %d", c)
			} else {
				r.note("evict %d", c)
				r.mem.writeBack(addr)
				r.mem.line(addr).valid = pick(2) == 0 && r.mem.line(addr).valid
			}
		}
	default: // an access
		if len(r.open) > 0 {
			s := r.open[pick(len(r.open))]
			c := int(s.rng.Off)/cell + pick(int(s.rng.Len)/cell)
			r.touch(s, c, pick(2) == 0)
		}
	}
}

func (r *specRun) addr(c int) uint64 { return r.buf.backing[0].Addr + uint64(c)*cell }

func (r *specRun) touch(s *session, c int, write bool) {
	if (write && s.access.writes()) || (!write && s.access&Read != 0) {
		r.observe(s, c, write)
	}
	switch {
	case write && s.access.writes():
		r.mem.write(r.addr(c), r.step, s.cached)
		r.note("%s writes %d", s.who, c)
		r.hist.cells[c] = append(r.hist.cells[c], written{s, r.step, r.step})
	case !write && s.access&Read != 0:
		got, may := r.mem.read(r.addr(c), s.cached), r.hist.allowed(c, s)
		if !slices.Contains(may, got) && r.failure == "" {
			r.failure = fmt.Sprintf("step %d: %s reads %d in cell %d, allowed are %v", r.step, s.who, got, c, may)
		}
		if len(may) == 1 && may[0] != 0 {
			r.sharp++
		}
	}
}

// observe tells the core of the access, which is one that the session permits, and
// checks that it is reported if, and only if, it meets somebody else's session.
func (r *specRun) observe(s *session, c int, write bool) {
	r.events = r.events[:0]
	at, access := Range{uint64(c) * cell, cell}, accessOf(write)
	if s.dev != nil {
		s.dev.ObserveDMA(DMAAccess{Addr: r.addr(c), Len: cell, Write: write})
	} else {
		r.ObserveCPU(CPUAccess{Task: Task{ID: s.task}, Addr: r.addr(c), Len: cell, Write: write})
	}
	meets := slices.ContainsFunc(r.open, func(o *session) bool {
		own := o.dev == s.dev // also: CPU and CPU
		return !own && !o.lock && !o.fence && o.access.conflicts(access) && o.rng.overlaps(at)
	})
	reported := false
	for _, e := range r.events {
		switch e.Detail.Code() {
		case AccessInFlight:
			reported = true
		case SyncLock: // for these the tasks' other habits matter
		default:
			r.failure = fmt.Sprintf("step %d: %s: %v", r.step, s.who, &e)
		}
	}
	if meets != reported && r.failure == "" {
		r.failure = fmt.Sprintf("step %d: %s, cell %d: meets somebody: %v, reported: %v", r.step, s.who, c, meets, reported)
	}
}

func runSpec(t tester, mem *specMemory, ops []uint64) *specRun {
	mem.dram, mem.cache = map[uint64]int{}, map[uint64]*cachedLine{}
	r := newSpecRun(t, mem)
	for _, op := range ops {
		r.do(choices(op))
	}
	return r
}

func TestBarrierContract(t *testing.T) {
	sharp, moved := 0, uint64(0)
	rapid.Check(t, func(t *rapid.T) {
		ops := schedule(1000).Draw(t, "ops")
		r := runSpec(t, &specMemory{}, ops)
		if r.failure != "" {
			least := smallest(ops, func(ops []uint64) bool { return runSpec(t, &specMemory{}, ops).failure != "" })
			t.Fatalf("%s", runSpec(t, &specMemory{}, least).story())
		}
		for _, s := range r.open {
			r.ok(s.finish())
		}
		for _, j := range r.jobs {
			r.ok(j.Clear())
		}
		sharp += r.sharp
		moved += r.Stats().Migrations
		r.nothingLeft()
	})
	if sharp < 500 || moved < 50 {
		t.Errorf("the contract left no choice for only %d reads, and buffers moved only %d times: the test is too weak", sharp, moved)
	}
}

// Without one of the operations the contract is broken, and the test has to see it.
func TestBarrierContractCanFail(t *testing.T) {
	for _, op := range []Op{Clean, Invalidate} {
		t.Run(op.String(), func(t *testing.T) {
			gen := schedule(400)
			for seed := range 500 {
				if r := runSpec(t, &specMemory{broken: op, breaks: true}, gen.Example(seed)); r.failure != "" {
					return
				}
			}
			t.Error("no read was wrong")
		})
	}
}
