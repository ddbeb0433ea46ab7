// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"slices"
	"time"

	"vdev/emu/mem"
	"vdev/emu/symbols"
	"vdev/mmio"
)

// access is something that happened to one line or, from the same place and in one
// go, to several. It is shared by all lines concerned and never changes once
// an access of another kind, or by somebody else, was recorded.
type access struct {
	seq  uint64
	op   mem.Op
	by   mem.Agent
	at   time.Duration // of the first line
	end  time.Duration // of the last line
	regs symbols.Regs
	// first and last are the lines covered; lines of them there were, and before
	// maintenance dirty ones held stores not yet cleaned and stale ones bytes of a device.
	first, last         mmio.PhysAddr
	lines, dirty, stale int

	// Of the store that made a line dirty: the last start of each bus master by then.
	starts starts

	stack symbols.Stack
	task  *symbols.Task
	job   *access // that the bus master was working on: the store that started it
	what  string  // of a job
	unmap bool    // it is the end of a mapping in an IOMMU
	doing string  // what the bus master itself says of its work
}

// joinTime is the longest pause within one access.
const joinTime = 50 * time.Microsecond

// maxRecent is how many places a loop may store from so that each is one access. A
// compiler may make four stores of bytes of a pixel.
const maxRecent = 8

// record takes down e, or adds it to the access before. It must be called for the
// same events in all modes.
func (s *Sanitizer) record(e *mem.Event) *access {
	now := s.cfg.Now()
	var regs symbols.Regs
	if e.By.Hart >= 0 {
		regs = s.cfg.Context(e.By.Hart)
	}
	addr := e.Page.Addr + mmio.PhysAddr(e.Line*mem.LineSize)
	for i, a := range s.recent {
		if a == nil || a.op != e.Op || a.by != e.By {
			break // nothing that is older may change any more
		}
		if now-a.end >= joinTime || addr != a.last && addr != a.last+mem.LineSize || !samePlace(&a.regs, &regs) {
			continue
		}
		if addr != a.last {
			a.lines++
			a.last = addr
		}
		a.end = now
		copy(s.recent[1:i+1], s.recent[:i])
		s.recent[0] = a
		return a
	}
	a := s.newAccess(e.By, now, regs)
	a.op, a.first, a.last, a.lines = e.Op, addr, addr, 1
	if e.By.Hart < 0 {
		a.job, a.doing = s.jobs[e.By.Master], s.job(e.By.Master)
	} else if e.Op == mem.OpNCRead || e.Op == mem.OpNCWrite {
		// Rings in coherent memory are written all the time: only the place.
		a.stack = symbols.Stack{Kernel: []uint64{regs.PC}, LeafRA: regs.RA, Task: regs.TP, Satp: regs.Satp}
		if regs.Priv == symbols.User {
			a.stack = s.captor.Capture(regs)
		}
		a.task = s.taskOf(&a.stack)
	} else {
		s.captureStack(a)
	}
	return a
}

func (s *Sanitizer) newAccess(by mem.Agent, now time.Duration, regs symbols.Regs) *access {
	s.seq++
	a := &access{seq: s.seq, by: by, at: now, end: now, regs: regs}
	copy(s.recent[1:], s.recent[:])
	s.recent[0] = a
	return a
}

// samePlace tells whether a hart that is at b is where it was at a. User programs use
// s0 for other things than frames.
func samePlace(a, b *symbols.Regs) bool {
	if a.PC != b.PC || a.SP != b.SP {
		return false // the usual case, fast
	}
	c := *b
	if c.Priv == symbols.User {
		c.FP = a.FP
	}
	return *a == c
}

// noRegs are the registers of whoever is not a hart.
func noRegs() (r symbols.Regs) { return r }

// job is what a bus master is doing, in its own words.
func (s *Sanitizer) job(master string) string {
	if s.cfg.Job == nil {
		return ""
	}
	return s.cfg.Job(master)
}

func (s *Sanitizer) captureStack(a *access) {
	a.stack = s.captor.Capture(a.regs)
	a.task = s.taskOf(&a.stack)
}

// taskOf reads the name of the task now, if that is cheap: later the task may be
// gone.
func (s *Sanitizer) taskOf(st *symbols.Stack) *symbols.Task {
	if s.cfg.Task == nil || st.Task == 0 {
		return nil
	}
	if t, ok := s.cfg.Task(st.Task, st.Satp); ok {
		return &t
	}
	return nil
}

// maxMasters is how many bus masters are told apart in starts.
const maxMasters = 8

// starts is, for each bus master, the seq of the last access that may have started
// it: a store to its doorbell, or to a ring in coherent memory that it reads.
type starts [maxMasters]uint64

// master numbers a bus master; false if there are too many.
func (s *Sanitizer) master(name string) (int, bool) {
	id := slices.Index(s.masters, name)
	if id < 0 && len(s.masters) < maxMasters {
		id, s.masters = len(s.masters), append(s.masters, name)
	}
	return id, id >= 0
}

// JobStarted tells that hart made the bus master with that name start work
// described by what: the store to its doorbell or start register.
func (s *Sanitizer) JobStarted(master, what string, hart int) {
	if s.indifferent(master) {
		return
	}
	now := s.cfg.Now()
	a := s.newAccess(mem.Agent{Hart: hart}, now, s.cfg.Context(hart))
	a.what = what
	s.captureStack(a)
	s.jobs[master] = a
	if id, ok := s.master(master); ok {
		s.started[id] = a.seq
	}
}

// indifferent tells whether nothing can be wrong with a bus master's accesses: nobody
// refuses them, caches are coherent, and what it accesses it does not share.
func (s *Sanitizer) indifferent(master string) bool {
	return s.cfg.RAM != nil && s.cfg.RAM.Mode() == mem.Coherent && !slices.Contains(s.translated, master) &&
		(s.cfg.Shares == nil || !s.cfg.Shares(master))
}

// published notes a non-cacheable store to a page that bus masters read: a driver
// may hand over work in this way, without a doorbell if the bus master is busy
// (VIRTIO_F_EVENT_IDX).
func (s *Sanitizer) published(p *page, a *access) {
	for id := range s.started {
		if p.readers>>id&1 != 0 {
			s.started[id] = a.seq
		}
	}
}

// racesWithOwner tells whether the stores that a bus master is about to miss are of
// the kind that Linux makes on purpose: the line was cleaned for this very transfer,
// and then either somebody else stored to it, who knew nothing of the transfer, or
// anybody did while the transfer was already under way. Programs may write to pages
// of the page cache, and to buffers of asynchronous I/O, while the disk reads them:
// whatever it gets, the page is written again. Other bus masters get no second chance.
func (s *Sanitizer) racesWithOwner(l *line, e *mem.Event) bool {
	if s.cfg.Disk != nil && !s.cfg.Disk(e.By.Master) {
		return false
	}
	w, c, job := l.write, l.maint, s.jobs[e.By.Master]
	if w == nil || c == nil || c.op == mem.OpInval {
		return false
	}
	if d := l.dma; d != nil && d.seq > c.seq {
		sameTransfer := d.by == e.By && d.job == job && (job != nil || d.end == s.cfg.Now())
		if !sameTransfer {
			return false
		}
	}
	if id, ok := s.master(e.By.Master); ok && w.starts[id] > c.seq {
		return true
	}
	if !w.stack.SameProcess(&c.stack) {
		return true
	}
	// Two threads: did the one that cleaned also start the bus master, while the other
	// one stored? If not, the program went from one thread to the other.
	return w.stack.Task != c.stack.Task && job != nil && job.stack.Task == c.stack.Task
}
