// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"fmt"
	"hash/fnv"
	"io"
	"strings"

	"vdev/dmabuf"
	"vdev/emu/linux"
	"vdev/emu/mem"
	"vdev/emu/symbols"
	"vdev/mmio"
)

// The dma-buf core knows who owns what, and says which rule was broken by whom. Here
// that becomes reports: with the stacks that were taken down when either side did what
// it did (Mark), and with what the guest's kernel knows of the buffer.

// Ownership is what the dma-buf core says of a broken rule.
type Ownership struct {
	Detail dmabuf.Detail
	// Buffer is the buffer as it was then; only ID, Name, Exporter and Size if it is gone,
	// and ID 0 if there is none.
	Buffer dmabuf.BufferInfo
	Range  dmabuf.Range // the bytes of it that are concerned
	// Phys is where the first of them is, 0 if nowhere.
	Phys mmio.PhysAddr
	Err  dmabuf.Errno // of a call whose error was ignored
}

// maxMarks is how many moments are remembered. Who did something so long ago that more
// came since appears without a stack.
const maxMarks = 1 << 13

// Mark takes down where by is, for when what it does now becomes one side of a
// report: dmabuf.Config.Mark.
func (s *Sanitizer) Mark(by mem.Agent) uint64 {
	s.seq++
	a := &access{seq: s.seq, by: by, at: s.cfg.Now(), end: s.cfg.Now()}
	if by.Hart >= 0 {
		a.regs = s.cfg.Context(by.Hart)
		s.captureStack(a)
	} else {
		a.job, a.doing = s.jobs[by.Master], s.job(by.Master)
	}
	if s.marks.n < maxMarks {
		s.marks.ring = append(s.marks.ring, a)
	} else {
		s.marks.ring[s.marks.n%maxMarks] = a
	}
	s.marks.n++
	return uint64(s.marks.n)
}

// marks are the last moments taken down.
type marks struct {
	ring []*access
	n    int // so far
}

// at is moment number m, or nil if it is forgotten.
func (k *marks) at(m uint64) *access {
	if m == 0 || m > uint64(k.n) || m+maxMarks <= uint64(k.n) {
		return nil
	}
	return k.ring[(m-1)%maxMarks]
}

// RuleBroken makes a report of an event of the dma-buf core, or counts it.
func (s *Sanitizer) RuleBroken(e *dmabuf.Event) {
	code, ok := codeNamed(string(e.Detail.Code()))
	if !ok {
		panic("BUG: dmasan: no code " + string(e.Detail.Code()))
	}
	this, other := s.marks.at(e.This.Mark), s.marks.at(e.Other.Mark)
	key := placesKey{code, false, s.sidePlace(&e.This, this) + uint64(e.Detail), s.sidePlace(&e.Other, other)}
	if s.again(key) {
		return
	}
	if this != nil && e.This.Mark == uint64(s.marks.n) {
		// Its stack is as it was.
		this.stack.Live = true
		defer func() { this.stack.Live = false }()
	}
	r := &Report{Code: code, This: s.nameSide(&e.This, this), Other: s.nameSide(&e.Other, other)}
	s.publish(r, key, fmt.Sprint(code, e.Detail, r.This.place(), r.Other.place()), func() {
		r.Ownership = describeOwnership(e)
		if o := r.Ownership; o.Phys != 0 {
			if r.Buffer = s.buffer(o.Phys); r.Buffer != nil && r.Buffer.Name == "" {
				r.Buffer.Name = o.Buffer.Name
			}
		}
	})
}

func codeNamed(name string) (Code, bool) {
	for c := range codeCount {
		if c.rule().code == name {
			return c, true
		}
	}
	return 0, false
}

// sidePlace identifies where a side was.
func (s *Sanitizer) sidePlace(d *dmabuf.Side, a *access) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, d.Op)
	if a != nil {
		if isCall(d) {
			// All calls come through the same kernel code.
			return h.Sum64() ^ s.place(a) ^ a.stack.UserPath()
		}
		return h.Sum64() ^ s.place(a)
	}
	_, _ = io.WriteString(h, d.Name)
	return h.Sum64()
}

// isCall tells whether a side is a call of a program, and no access.
func isCall(d *dmabuf.Side) bool { return d.Op != "access" && d.Op != "DMA" && d.Op != "job" }

// isWrapper tells whether a function is between a program and its system calls: in
// certain packages, or in a C library.
func isWrapper(f *symbols.Frame) bool {
	for _, p := range []string{"syscall.", "internal/runtime/syscall", "runtime.", "golang.org/x/sys/", "vdev/ioctl.", "vdev/guest/share.",
		"ioctl", "__ioctl", "syscall", "close", "__close"} {
		if f.Func == p || strings.HasPrefix(f.Func, p) && strings.ContainsAny(p, "./") {
			return true
		}
	}
	return f.Func == ""
}

// calls is the way of a call through the program, innermost function first, without
// what is between the program and the system call.
func (a *Access) calls() []symbols.Frame {
	all := a.Trace.User
	for len(all) > 0 && isWrapper(&all[0]) {
		all = all[1:]
	}
	return all
}

// nameSide makes the public form of a side.
func (s *Sanitizer) nameSide(d *dmabuf.Side, a *access) *Access {
	if d.Kind == dmabuf.Nobody {
		return nil
	}
	r := &Access{Hart: NoHart, At: d.At}
	if a != nil {
		r = s.name(a)
		r.At = d.At
	}
	r.What, r.call = d.Op, isCall(d)
	switch {
	case d.Op == "access":
		r.What = "CPU " + d.Access.String()
	case d.Op == "DMA", d.Op == "job", d.Op == "lock":
		r.What += " " + d.Access.String()
	case d.Access&dmabuf.Frame != 0 && strings.Contains(d.Op, "frame"):
	case d.Access&(dmabuf.Read|dmabuf.Write) != 0 && d.Kind == dmabuf.TaskSide:
		r.What += " for " + d.Access.String()
	}
	if d.Kind == dmabuf.DeviceSide {
		if mapping := strings.Contains(d.Op, "map "); mapping {
			r.What += " for " + d.Name
			if r.Hart >= 0 {
				return r // by who called
			}
		} else if r.Hart != -1 || r.Master != d.Name {
			// It began when somebody else made room.
			r = &Access{What: r.What, At: d.At}
			if j := s.jobs[d.Name]; j != nil {
				r.Job, r.Starter = j.what, s.name(j)
			}
		}
		r.Hart, r.Master = -1, d.Name
		if d.Job != "" {
			r.Job = d.Job
		}
		return r
	}
	if t := r.Trace.Task; r.Hart < 0 || d.ID != 0 && t != nil && t.TGID != int(d.ID) {
		// It was in the middle of a call, while another task or a device made it go on.
		r = &Access{What: r.What, Hart: NoHart, At: d.At, call: r.call}
	}
	if r.Trace.Task == nil && d.ID != 0 {
		r.Trace.Task = &symbols.Task{TGID: int(d.ID), PID: int(d.ID), Comm: d.Name}
	}
	return r
}

func describeOwnership(e *dmabuf.Event) *Ownership {
	o := &Ownership{Detail: e.Detail, Range: e.Range, Err: e.Err}
	if e.Buffer != nil {
		o.Buffer = e.Buffer.Info()
		at := uint64(0)
		for _, x := range o.Buffer.Backing {
			if e.Range.Off-at < x.Len {
				o.Phys = mmio.PhysAddr(x.Addr + e.Range.Off - at)
				break
			}
			at += x.Len
		}
	}
	o.Buffer.ID, o.Buffer.Name, o.Buffer.Exporter, o.Buffer.Size = e.ID, e.Name, e.Exporter, e.Size
	return o
}

// write shows the buffer and who has it, for people.
func (o *Ownership) write(w io.Writer, known *linux.Buffer) {
	b := &o.Buffer
	if b.ID == 0 {
		fmt.Fprintf(w, "Memory: of no buffer\n")
		return
	}
	name := "unnamed buffer"
	if b.Name != "" {
		name = fmt.Sprintf("buffer %q", b.Name)
	}
	fmt.Fprintf(w, "Memory: %s at offset %#x of %s (number %d, %s, %d bytes)", count(int(o.Range.Len), "byte"), o.Range.Off, name, b.ID, b.Exporter, b.Size)
	if o.Phys != 0 {
		fmt.Fprintf(w, ", physical address %#x", uint64(o.Phys))
	}
	fmt.Fprintln(w)
	if known != nil {
		fmt.Fprintf(w, "  for the kernel: %s\n", known)
	}
	if o.Err != 0 {
		fmt.Fprintf(w, "  the error that was ignored: %v\n", o.Err)
	}
	for _, l := range o.users() {
		if len(l.who) > 0 {
			fmt.Fprintf(w, "  %s: %s\n", l.what, Users(l.who))
		}
	}
}

// users are those who have to do with a buffer in one way.
type users struct {
	state, what string // for programs, and for people
	who         []dmabuf.UserInfo
}

func (o *Ownership) users() []users {
	b := &o.Buffer
	return []users{{"attached", "attached", b.Attached}, {"mapped", "mapped", b.Mapped}, {"job", "in a job", b.Jobs},
		{"locked", "locked", b.Locked}, {"queued", "waiting for it", b.Queued}, {"cpu", "prepared", b.CPU}}
}

// Users lists who has to do with a buffer: "g2d (write), cam (pid 33, read)".
func Users(all []dmabuf.UserInfo) string {
	var list []string
	for _, u := range all {
		var in []string
		if u.Kind == dmabuf.TaskSide && u.ID != 0 {
			in = append(in, fmt.Sprintf("pid %d", u.ID))
		}
		if u.How != "" && u.How != "attached" {
			in = append(in, u.How)
		}
		name := u.Name
		if len(in) > 0 {
			name += " (" + strings.Join(in, ", ") + ")"
		}
		list = append(list, name)
	}
	return strings.Join(list, ", ")
}

// ownershipFix is the call that is missing, for each way to break a rule.
func ownershipFix(d dmabuf.Detail) string {
	const (
		prep   = "ioctl(fd, VDEV_DMABUF_IOC_CPU_PREP)"
		fini   = "ioctl(fd, VDEV_DMABUF_IOC_CPU_FINI)"
		lock   = "ioctl(fd, VDEV_SYNC_IOC_LOCK)"
		unlock = "ioctl(fd, VDEV_SYNC_IOC_UNLOCK)"
	)
	switch d {
	case dmabuf.CPUWhileDevice:
		return prep + ", which waits for the device, or a lock of the buffer, before the access; no access from the start of a device until it has finished"
	case dmabuf.DeviceWhileCPU:
		return fini + " after the last access by the CPU and before the device is started"
	case dmabuf.DeviceWhileDevice:
		return "a wait for the first device (its completion, its fence, or a lock of the buffer) before the second one is started"
	case dmabuf.NeverMapped:
		return "ioctl(fd, VDEV_DMABUF_IOC_ATTACH) and ioctl(fd, VDEV_DMABUF_IOC_MAP), or dma_buf_map_attachment in the device's driver, before the device is started"
	case dmabuf.AfterUnmap:
		return "a wait for the device, or a stop of it, before the buffer is unmapped; and no use of the address afterwards"
	case dmabuf.OutOfRange:
		return "a check that the transfer fits into the buffer (for pictures: offset + height * stride) before the device is started"
	case dmabuf.WrongDirectionDMA:
		return "the right direction when the buffer is mapped: from-device if the device writes, bidirectional if it does both"
	case dmabuf.NestedPrep:
		return fini + " before the second CPU_PREP, or one CPU_PREP for both accesses"
	case dmabuf.UnbalancedFini:
		return prep + " before the access that this call ends; or this call is one too many"
	case dmabuf.OutsidePrepared:
		return "a range in CPU_PREP that has all bytes which are accessed"
	case dmabuf.WrongDirectionCPU:
		return "the kind of access that is made, in CPU_PREP (VDEV_DMABUF_READ, VDEV_DMABUF_WRITE, or both) or DMA_BUF_IOCTL_SYNC (DMA_BUF_SYNC_READ, ...)"
	case dmabuf.MissingPrep:
		return prep + " before the first access by the CPU, and " + fini + " after the last one"
	case dmabuf.IgnoredError:
		return "a look at what CPU_PREP returned: after an error the buffer is not the CPU's"
	case dmabuf.OpenAtExit:
		return fini + " after the last access, before the file is closed; DMA_BUF_SYNC_END, before the program ends, for what DMA_BUF_IOCTL_SYNC began"
	case dmabuf.PendingCommands:
		return "the submission of the batch, and ioctl(fd, VDEV_DMABUF_IOC_SUBMIT), before CPU_PREP"
	case dmabuf.KmapOutside:
		return "a range in ioctl(fd, VDEV_DMABUF_IOC_CPU_BEGIN) that has the page, before it is mapped"
	case dmabuf.KmapLeft:
		return "ioctl(fd, VDEV_DMABUF_IOC_KUNMAP) before the access ends"
	case dmabuf.TooManyAtomic:
		return "ioctl(fd, VDEV_DMABUF_IOC_KUNMAP) of an atomic mapping before a third one"
	case dmabuf.NoLock:
		return lock + " of a sync object with this buffer before the access, and " + unlock + " after it"
	case dmabuf.ReadLockOnly:
		return "VDEV_DMABUF_WRITE in ioctl(fd, VDEV_SYNC_IOC_GET) for this buffer"
	case dmabuf.DeviceWithoutLock:
		return unlock + " before the device is started; or devices that take locks themselves (--sync enforce)"
	case dmabuf.NotLocked:
		return lock + " before the unlock; or this unlock is one too many"
	case dmabuf.StrangerUnlocks:
		return unlock + " by the one who locked"
	case dmabuf.LockupBroken:
		return unlock + " before the time is over, or a longer one in ioctl(fd, VDEV_SYNC_IOC_INIT)"
	case dmabuf.LockKept:
		return unlock + " before the sync object, or the file, is closed"
	case dmabuf.OverwriteUnconsumed:
		return "a way back from who reads the frames to who makes them (a completion message, a fence, or a lock that the reader takes), and a wait for it before the buffer is used again"
	}
	return d.String()
}
