// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"fmt"
	"time"
)

// Code is the rule that was broken, by the name that reports have for it.
type Code string

// Codes.
const (
	AccessInFlight Code = "access-in-flight"
	DMAUnmapped    Code = "dma-unmapped"
	DMAAfterUnmap  Code = "dma-after-unmap"
	DMAOutOfRange  Code = "dma-out-of-range"
	DMADirection   Code = "dma-direction"
	PrepFini       Code = "prep-fini"
	SyncLock       Code = "sync-lock"
	UnreadFrame    Code = "overwrite-unconsumed"
)

// Detail is the way in which a rule was broken.
type Detail uint8

// Details, with what This and Other are.
const (
	CPUWhileDevice      Detail = iota // access; mapping or job
	DeviceWhileCPU                    // DMA; CPU access that is open
	DeviceWhileDevice                 // DMA or job; mapping or job of another device
	NeverMapped                       // DMA; nobody
	AfterUnmap                        // DMA; unmapping
	OutOfRange                        // DMA; mapping
	WrongDirectionDMA                 // DMA; mapping
	NestedPrep                        // CPU_PREP; the first CPU_PREP
	UnbalancedFini                    // CPU_FINI or end; nobody
	OutsidePrepared                   // access; CPU_PREP or begin
	WrongDirectionCPU                 // access; CPU_PREP or begin
	MissingPrep                       // access; nobody
	IgnoredError                      // access; the CPU_PREP that failed, with Err
	OpenAtExit                        // the end of the client or program; its CPU_PREP or begin
	PendingCommands                   // CPU_PREP; batching
	KmapOutside                       // kmap; nobody
	KmapLeft                          // end of the access; nobody
	TooManyAtomic                     // kmap_atomic; nobody
	NoLock                            // access; the lock that it conflicts with, if any
	ReadLockOnly                      // access; the accessor's own lock
	DeviceWithoutLock                 // job or DMA; lock
	NotLocked                         // unlock; nobody
	StrangerUnlocks                   // unlock; lock
	LockupBroken                      // the lock that was broken; the first who waits, if any
	LockKept                          // the end of a client or sync object; lock
	OverwriteUnconsumed               // access; the end of the access that made the frame
	detailCount
)

type detailText struct {
	code     Code
	sentence string
}

func (d Detail) text() detailText {
	return [detailCount]detailText{
		CPUWhileDevice:      {AccessInFlight, "The CPU touched a buffer while a device owned it."},
		DeviceWhileCPU:      {AccessInFlight, "A device touched a buffer that the CPU had prepared for its own use."},
		DeviceWhileDevice:   {AccessInFlight, "A device used a buffer while another device owned it, and at least one of them writes."},
		NeverMapped:         {DMAUnmapped, "A device accessed a buffer that was not mapped for it."},
		AfterUnmap:          {DMAAfterUnmap, "A device accessed a buffer after it had been unmapped."},
		OutOfRange:          {DMAOutOfRange, "A device went past the end of a buffer."},
		WrongDirectionDMA:   {DMADirection, "A device accessed a buffer in a direction for which it was not mapped."},
		NestedPrep:          {PrepFini, "CPU_PREP on a buffer that the same client has prepared already."},
		UnbalancedFini:      {PrepFini, "The end of a CPU access that had not begun."},
		OutsidePrepared:     {PrepFini, "The CPU touched bytes of a buffer outside of the range that was prepared."},
		WrongDirectionCPU:   {PrepFini, "The CPU accessed a buffer in a way for which it was not prepared."},
		MissingPrep:         {PrepFini, "The CPU touched a buffer that is shared with a device, without CPU_PREP."},
		IgnoredError:        {PrepFini, "The CPU touched a buffer although CPU_PREP had failed."},
		OpenAtExit:          {PrepFini, "A client, or a program, ended with a buffer still prepared: the end of the access is missing."},
		PendingCommands:     {PrepFini, "CPU_PREP on a buffer for which there are commands in a batch that was not submitted: waiting for the devices does not wait for them."},
		KmapOutside:         {PrepFini, "A page of a buffer was mapped that had not been prepared for CPU access."},
		KmapLeft:            {PrepFini, "A CPU access ended while a page of it was mapped."},
		TooManyAtomic:       {PrepFini, "More than two atomic mappings of pages at a time."},
		NoLock:              {SyncLock, "A buffer was accessed without its lock."},
		ReadLockOnly:        {SyncLock, "A buffer was written that was locked for reading only."},
		DeviceWithoutLock:   {SyncLock, "A device used a buffer that somebody had locked."},
		NotLocked:           {SyncLock, "A sync object was unlocked that was not locked."},
		StrangerUnlocks:     {SyncLock, "A sync object was unlocked by somebody who had not locked it."},
		LockupBroken:        {SyncLock, "A buffer was locked for too long, and the lock was broken."},
		LockKept:            {SyncLock, "A lock was kept over the end of its sync object or client."},
		OverwriteUnconsumed: {UnreadFrame, "A producer overwrote a frame that nobody had read."},
	}[d]
}

// Code is the rule that it belongs to.
func (d Detail) Code() Code { return d.text().code }

// String is a sentence for people.
func (d Detail) String() string { return d.text().sentence }

// Details are all details, in order, for documentation.
func Details() []Detail {
	all := make([]Detail, detailCount)
	for i := range all {
		all[i] = Detail(i)
	}
	return all
}

// SideKind is what somebody is.
type SideKind uint8

// Kinds of sides.
const (
	Nobody SideKind = iota
	TaskSide
	DeviceSide
)

// Side is one of the two parties to an event, and what it did.
type Side struct {
	Kind   SideKind
	ID     uint64 // of the task as the host counts them, or of the Device
	Name   string // of the task or device
	Op     string // what it did: "access", "CPU_PREP", "map from-device", "lock", ...
	Job    string // of a device: what it was busy with
	Access Access
	At     time.Duration
	Mark   uint64 // what Config.Mark returned then
}

// String says who did what, and when: "task 7 (cam) CPU_PREP (write) at 1.5ms".
func (s Side) String() string {
	kind := [...]string{Nobody: "nobody", TaskSide: "task", DeviceSide: "device"}[s.Kind]
	if s.Kind == Nobody {
		return kind
	}
	job := ""
	if s.Job != "" {
		job = fmt.Sprintf(" in %q", s.Job)
	}
	return fmt.Sprintf("%s %d (%s) %s (%s)%s at %v", kind, s.ID, s.Name, s.Op, s.Access, job, s.At)
}

// Event is a broken rule.
type Event struct {
	Detail Detail
	// Buffer is nil if there is none (any more); the other fields may still be known.
	Buffer   *Buffer
	ID       ID
	Name     string
	Exporter string
	Size     uint64
	Range    Range // the bytes of the buffer that are concerned
	This     Side
	Other    Side
	Err      Errno // of IgnoredError
}

// String is the event in one line.
func (e *Event) String() string {
	err := ""
	if e.Err != 0 {
		err = " (" + e.Err.String() + ")"
	}
	return fmt.Sprintf("%s: %v%s buffer %d %q of %s, bytes [%d, %d): %v; %v", e.Detail.Code(), e.Detail, err,
		e.ID, e.Name, e.Exporter, e.Range.Off, e.Range.End(), e.This, e.Other)
}

// violation tells the observer.
func (c *Core) violation(d Detail, b *Buffer, r Range, this, other Side) {
	c.violated(Event{Detail: d, Range: r, This: this, Other: other}, b)
}

func (c *Core) violated(e Event, b *Buffer) {
	c.stats.Violations++
	if c.cfg.Observer == nil {
		return
	}
	if b != nil {
		e.Buffer, e.ID, e.Name, e.Exporter, e.Size = b, b.id, b.spec.Name, b.spec.Exporter, b.spec.Size
	}
	c.event = e
	c.cfg.Observer(&c.event)
}

// moment is when a client did something, which task it was, and what the host took down.
type moment struct {
	task Task
	at   time.Duration
	mark uint64
}

// now is the moment of a call by the client.
func (cl *Client) now() moment { return moment{cl.caller(), cl.core.cfg.Now(), cl.core.mark()} }

// caller is the task that makes a call by the client.
func (cl *Client) caller() Task {
	if cl.device == nil && cl.core.cfg.Caller != nil {
		if t := cl.core.cfg.Caller(); t.ID != 0 {
			return t
		}
	}
	return cl.task
}

// side is the client doing something now.
func (cl *Client) side(op string, a Access) Side { return cl.sideAt(op, a, cl.now()) }

func (cl *Client) sideAt(op string, a Access, m moment) Side {
	s := Side{Kind: TaskSide, ID: m.task.ID, Name: m.task.Name, Op: op, Access: a, At: m.at, Mark: m.mark}
	if cl.device != nil {
		s.Kind, s.ID = DeviceSide, uint64(cl.id)
	}
	return s
}

// side is the device's mapping, or the end of the last one.
func (a *Attachment) side() Side {
	op := "unmap "
	if a.mapped {
		op = "map "
	}
	return a.dev.client.sideAt(op+a.dir.String(), a.dir.Device(), a.when)
}

// side is the job doing that to the buffer.
func (u *use) side(a Access) Side {
	s := u.job.dev.client.sideAt("job", a, u.job.when)
	s.Job = u.job.name
	return s
}
