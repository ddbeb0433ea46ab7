// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"math/bits"
	"strings"
	"time"

	"vdev/emu/linux"
	"vdev/emu/mem"
	"vdev/emu/symbols"
	"vdev/mmio"
)

// Report is one finding: two accesses that do not go together, and all that is known
// about the line between them. The same finding from the same two places is
// reported once and counted.
type Report struct {
	// ID numbers the reports of a run from 1.
	ID   int
	Code Code
	// Latent means that only a later access would make it matter.
	Latent bool
	Count  int
	// At is the virtual time of the first occurrence.
	At time.Duration

	This  *Access // the access that is wrong
	Other *Access // the one that it does not go together with; nil if unknown
	// Noticed is the access that used the lost bytes, if This destroyed them.
	Noticed *Access

	// Bytes is what it is about; of the rules on mappings, Refusal; of wrong-coherency,
	// Device: the kernel's name of it; of what the dma-buf core says, Ownership.
	Bytes     Bytes
	Refusal   *Refusal
	Device    string
	Ownership *Ownership
	// Buffer is the buffer that the memory belongs to; nil if it belongs to none that is
	// known.
	Buffer *linux.Buffer

	// The history of the line, as far as it is known.
	LastWrite, LastDMA, LastMaintenance *Access

	// Sync is the last call of a program that handed a range with this line over; nil if
	// it is not known. For sync-no-op, the one that did nothing.
	Sync *Sync

	// Missing is the call that would have prevented it.
	Missing string
}

// Access is one side of a Report.
type Access struct {
	What   string        // "CPU read", "DMA write", "clean", ...
	Hart   int           // -1 for a bus master, or NoHart
	Master string        // name of the bus master
	At     time.Duration // virtual time
	Trace  symbols.Trace
	Regs   symbols.Regs // of the hart

	// Of a bus master: what it was doing (in its own words, or the store that started
	// it), and who started that.
	Job     string
	Starter *Access

	// First and Last are the first byte of the first and of the last line that the
	// access covered in one go; Lines how many, of which Dirty held stores not yet
	// cleaned and Stale bytes of a device (for maintenance).
	First, Last         mmio.PhysAddr
	Lines, Dirty, Stale int

	maintenance bool
	call        bool // of a program; what is in the kernel is the same for all
}

// NoHart is the Access.Hart of a task of which it is not known where it was.
const NoHart = -2

// Bytes are the bytes that a report is about; all in one line.
type Bytes struct {
	Addr mmio.PhysAddr // of the first one
	Line mmio.PhysAddr // of the line
	Mask uint64        // which bytes of the line
	// Seen is what was used, and Want what should have been, from Addr on to the last
	// byte in Mask; nil if not known. They can be equal: what the cache happened to do
	// may have hidden the error this time.
	Seen, Want []byte
}

// placesKey identifies a finding before anything has a name.
type placesKey struct {
	code        Code
	latent      bool
	this, other uint64
}

// found notes an error at the bytes of mask, if there are any.
func (s *Sanitizer) found(c Code, e *mem.Event, l *line, mask uint64) {
	if mask != 0 {
		s.note(c, false, e, l, mask)
	}
}

func (s *Sanitizer) foundLatent(c Code, e *mem.Event, l *line, mask uint64) {
	if s.cfg.ReportLatent {
		s.note(c, true, e, l, mask)
	}
}

// note makes a report of e, or counts it if there is one.
func (s *Sanitizer) note(c Code, latent bool, e *mem.Event, l *line, mask uint64) {
	here := s.record(e)
	this, other, noticed := sides(c, e, l, here)
	// Until the next event, the stack of whoever makes this one is as it was.
	here.stack.Live = true
	s.report(c, latent, finding{this, other, noticed}, e, l, mask)
	here.stack.Live = false
}

// finding is the accesses that a report is about.
type finding struct{ this, other, noticed *access }

func (s *Sanitizer) report(c Code, latent bool, f finding, e *mem.Event, l *line, mask uint64) {
	code, addr := c, e.Page.Addr+mmio.PhysAddr(e.Line*mem.LineSize)
	var sync *syncCall
	if !latent {
		if sync = s.idleSync(c, addr, l); sync != nil {
			code = SyncNoOp
		}
	}
	key := placesKey{code, latent, s.place(f.this), s.place(f.other)}
	if s.again(key) {
		return
	}
	if sync == nil {
		sync = s.syncs.last(addr, func(*syncCall) bool { return true })
	}
	r := &Report{Code: code, Latent: latent, Sync: s.nameSync(sync),
		This: s.name(f.this), Other: s.name(f.other), Noticed: s.name(f.noticed),
		LastWrite: s.name(l.write), LastDMA: s.name(l.dma), LastMaintenance: s.name(l.maint),
	}
	s.publish(r, key, fmt.Sprint(code, latent, r.This.place(), r.Other.place()), func() {
		r.Bytes = describeBytes(c, e, l, mask)
		r.Buffer = s.buffer(r.Bytes.Addr)
	})
}

// again counts a finding that was made before.
func (s *Sanitizer) again(key placesKey) bool {
	r := s.byCode[key]
	if r != nil {
		r.Count++
	}
	return r != nil
}

// publish adds a report, or counts it if there is one from the places with these
// names. Only a new one is completed by fill.
func (s *Sanitizer) publish(r *Report, key placesKey, names string, fill func()) {
	if old := s.byName[names]; old != nil {
		old.Count++
		s.byCode[key] = old
		return
	}
	s.byCode[key], s.byName[names] = r, r
	fill()
	r.Count, r.At, r.Missing = 1, s.cfg.Now(), missing(r)
	s.reports = append(s.reports, r)
	r.ID = len(s.reports)
	if !r.Latent {
		s.errors++
	}
	s.write(r)
	s.checkWiring(r)
}

// sides tells which accesses a finding is about.
func sides(c Code, e *mem.Event, l *line, here *access) (this, other, noticed *access) {
	r := l.rare
	switch c {
	case DeviceReadDirty, WritebackOverDMA:
		return here, l.write, nil
	case ClobberByFill:
		return r.clobberer, r.victim, here
	case InvalidateDirty:
		return r.thrower, r.thrownWrite, here
	case AliasMismatch:
		if r != nil && e.Op == mem.OpCPURead {
			return here, r.ncWrite, nil
		}
		return here, l.write, nil
	default:
		return here, l.dma, nil
	}
}

// place identifies where in the guest's code an access was made, or which bus
// master made it.
func (s *Sanitizer) place(a *access) uint64 {
	if a == nil {
		return 0
	}
	h := fnv.New64a()
	add := func(v uint64) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], v)
		_, _ = h.Write(b[:])
	}
	add(uint64(a.op))
	if a.by.Hart < 0 {
		_, _ = io.WriteString(h, a.by.Master)
		return h.Sum64()
	}
	for _, pc := range a.stack.Kernel[:min(len(a.stack.Kernel), placeDepth)] {
		add(pc)
	}
	if a.stack.HasUser {
		add(a.stack.User.PC)
		add(a.stack.User.RA)
	}
	return h.Sum64()
}

// placeDepth is how many functions, from the innermost, make up a place: the same
// memcpy called by two drivers is two places.
const placeDepth = 6

// place identifies where in the source an access was made, or which bus master made
// it.
func (a *Access) place() string {
	if a == nil {
		return "-"
	}
	switch {
	case a.Hart == NoHart:
		return a.What + a.who()
	case a.Hart < 0:
		return a.What + a.Master
	}
	var b strings.Builder
	b.WriteString(a.What)
	frames := append(a.Trace.Kernel[:len(a.Trace.Kernel):len(a.Trace.Kernel)], a.Trace.User...)
	if a.call && len(a.calls()) > 0 {
		frames = a.calls()
	}
	for i, f := range frames {
		if i == placeDepth {
			break
		}
		b.WriteByte('|')
		switch {
		case f.Asm:
			// Unrolled loops: many lines, one place.
			b.WriteString(f.Func)
		case f.File != "":
			fmt.Fprintf(&b, "%s:%d", f.File, f.Line)
		default:
			fmt.Fprintf(&b, "%s+%#x/%#x", f.Func, f.Offset, f.PC)
		}
	}
	return b.String()
}

// name makes the public form of an access.
func (s *Sanitizer) name(a *access) *Access {
	if a == nil {
		return nil
	}
	r := &Access{What: a.op.String(), Hart: a.by.Hart, Master: a.by.Master, At: a.at, Regs: a.regs,
		First: a.first, Last: a.last, Lines: a.lines, Dirty: a.dirty, Stale: a.stale,
		maintenance: a.op == mem.OpClean || a.op == mem.OpInval || a.op == mem.OpFlush}
	switch {
	case a.unmap:
		r.What = "unmap"
	case a.what != "":
		r.What = "start"
	}
	if a.job != nil {
		r.Job, r.Starter = a.job.what, s.name(a.job)
	}
	if a.doing != "" {
		r.Job = a.doing
	}
	if a.by.Hart < 0 {
		return r
	}
	task := a.task
	names := s.names()
	if names == nil {
		r.Trace = plainTrace(&a.stack, task)
		return r
	}
	if task == nil && a.stack.Task != 0 {
		if t, ok := names.Task(a.stack.Task, a.stack.Satp); ok {
			task = &t
		}
	}
	r.Trace = names.Trace(&a.stack, task)
	return r
}

// plainTrace is a backtrace without names.
func plainTrace(st *symbols.Stack, task *symbols.Task) symbols.Trace {
	t := symbols.Trace{Task: task}
	for _, pc := range st.Kernel {
		t.Kernel = append(t.Kernel, symbols.Frame{PC: pc})
	}
	if st.HasUser {
		t.User = []symbols.Frame{{PC: st.User.PC}}
	}
	return t
}

func describeBytes(c Code, e *mem.Event, l *line, mask uint64) Bytes {
	first := bits.TrailingZeros64(mask)
	end := mem.LineSize - bits.LeadingZeros64(mask)
	b := Bytes{Line: e.Page.Addr + mmio.PhysAddr(e.Line*mem.LineSize), Mask: mask}
	b.Addr = b.Line + mmio.PhysAddr(first)
	cut := func(p []byte) []byte { return append([]byte(nil), p[first:end]...) }
	cpu, dram := newestCPU(e), e.Page.DRAM(e.Line)
	seen := dram
	if e.Op == mem.OpCPURead {
		seen = cpu
	}
	switch c {
	case DeviceReadDirty:
		b.Seen, b.Want = cut(dram), cut(cpu)
	case CPUReadStale, EarlyInvalidate:
		b.Seen, b.Want = cut(cpu), cut(dram)
	case ClobberByFill:
		b.Seen = cut(seen)
	case InvalidateDirty:
		b.Seen, b.Want = cut(seen), cut(l.rare.thrownBytes[:])
	case AliasMismatch:
		switch e.Op {
		case mem.OpCPURead:
			b.Seen, b.Want = cut(cpu), cut(dram)
		case mem.OpNCRead:
			b.Seen, b.Want = cut(dram), cut(cpu)
		}
	}
	return b
}

// missing is the call that is missing, in the terms of whoever touched the memory.
func missing(r *Report) string {
	rule := r.Code.rule()
	if r.Ownership != nil {
		return ownershipFix(r.Ownership.Detail)
	}
	for _, a := range []*Access{r.This, r.Other} {
		if a != nil && a.Hart >= 0 && a.Regs.Priv == symbols.User && rule.userFix != "" {
			return rule.userFix
		}
	}
	return rule.kernelFix
}
