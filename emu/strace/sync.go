// SPDX-License-Identifier: Apache-2.0

package strace

import (
	"path"
	"time"

	"vdev/emu/linux"
	"vdev/emu/symbols"
	"vdev/ioctl"
	"vdev/mmio"
)

// SyncCall is an ioctl that hands a buffer, or a part of it, to the CPU or to devices.
type SyncCall struct {
	Task *symbols.Task // nil if unknown
	// Stack is the task's at the call, with the user's registers: User.PC is where the
	// ecall is.
	Stack      symbols.Stack
	Start, End time.Duration // virtual time

	FD      int
	File    *linux.File // nil if unknown
	Request ioctl.Request
	Name    string // of the request
	Flags   uint64 // as the program passed them: DMA_BUF_SYNC_*, or the attributes of a mapping
	// ToCPU: the CPU may use the buffer from now on. Otherwise devices may.
	ToCPU bool
	// Reads and Writes tell what the CPU does, or did, with the buffer.
	Reads, Writes bool
	// Skip tells that the program asked for no maintenance.
	Skip bool

	DMABuf *linux.DMABuf // nil if it is none
	Handle uint32        // of the DMA tester's buffer
	Ranges []linux.Range // of physical memory; nil if unknown
	Lines  Lines

	// Errno is what the call returned as its error, 0 for success. Done tells that it
	// returned: it did not if the task died, or if a signal came and the call is made
	// again (then that is another SyncCall).
	Errno int
	Done  bool

	set *lineSet
}

// syncKind is a request that syncs.
type syncKind struct {
	name  string
	begin func(t *Tracer, c *call, s *SyncCall)
}

// syncs is how a request syncs a buffer; nil if it does not.
func syncs(req ioctl.Request) *syncKind {
	switch req {
	case ioctl.DMA_BUF_IOCTL_SYNC:
		return &syncKind{"DMA_BUF_IOCTL_SYNC", (*Tracer).beginDMABufSync}
	case ioctl.VDEV_DMATEST_IOC_MAP:
		return &syncKind{"VDEV_DMATEST_IOC_MAP", (*Tracer).beginTesterMap}
	case ioctl.VDEV_DMATEST_IOC_UNMAP:
		return &syncKind{"VDEV_DMATEST_IOC_UNMAP", (*Tracer).beginTesterUnmap}
	case ioctl.VDEV_DMATEST_IOC_SYNC_FOR_DEVICE:
		return &syncKind{"VDEV_DMATEST_IOC_SYNC_FOR_DEVICE", (*Tracer).beginTesterSync}
	case ioctl.VDEV_DMATEST_IOC_SYNC_FOR_CPU:
		return &syncKind{"VDEV_DMATEST_IOC_SYNC_FOR_CPU", (*Tracer).beginTesterSync}
	}
	return nil
}

// beginSync takes down what a sync call is about, and the state of its lines.
func (t *Tracer) beginSync(c *call) {
	kind := syncs(c.req)
	if kind == nil {
		return
	}
	s := &SyncCall{
		Task: c.task, Stack: symbols.Capture(t.cfg.Memory, c.regs.Regs), Start: c.start,
		FD: c.fd, File: c.file, Request: c.req, Name: kind.name,
	}
	kind.begin(t, c, s)
	c.sync = s
	if s.Ranges == nil {
		return
	}
	if s.set, s.Lines.Known = newLineSet(s.Ranges); !s.Lines.Known {
		s.Ranges = nil
		return
	}
	s.Lines.Covered = s.set.total
	if t.cfg.Lines != nil {
		s.Lines.LineState, s.Lines.HasState = s.set.state(t.cfg.Lines), true
	}
}

// Maintained tells that a hart cleaned, invalidated or flushed the line at addr while
// the task with that task_struct was current.
func (t *Tracer) Maintained(task uint64, addr mmio.PhysAddr) {
	for i := len(t.calls) - 1; i >= 0; i-- {
		c := t.calls[i]
		if c.regs.taskAt() != task || c.handler || c.sync == nil {
			continue
		}
		if c.sync.set != nil {
			c.sync.set.mark(addr)
		} else {
			c.sync.Lines.Maintained++
		}
		return
	}
}

// endSync completes what is known of a sync call.
func (t *Tracer) endSync(c *call, o outcome) {
	s := c.sync
	if s == nil {
		return
	}
	s.End = t.cfg.Now()
	s.Done = o.done()
	if e, ok := o.errno(); ok {
		s.Errno = e
	}
	if s.set != nil {
		s.Lines.Maintained = s.set.count
		s.set = nil // whoever keeps the call need not keep that
	}
}

// argument reads the structure that a program passes.
func argument[T any](t *Tracer, r *Regs) (T, bool) {
	return ioctl.Read[T](&userMemory{t, r.Satp}, r.A[2])
}

func (t *Tracer) beginDMABufSync(c *call, s *SyncCall) {
	arg, ok := argument[ioctl.DMABufSync](t, &c.regs)
	if !ok {
		return
	}
	s.Flags = arg.Flags
	s.ToCPU = s.Flags&ioctl.DMA_BUF_SYNC_END == 0
	s.Reads = s.Flags&ioctl.DMA_BUF_SYNC_READ != 0
	s.Writes = s.Flags&ioctl.DMA_BUF_SYNC_WRITE != 0
	if c.file == nil {
		return
	}
	if buf, ok := t.cfg.Kernel.DMABuf(*c.file, c.regs.Satp); ok {
		s.DMABuf = &buf
		if ranges, ok := t.cfg.Kernel.Pages(buf, c.regs.Satp); ok {
			s.Ranges = ranges
		}
	}
}

// The DMA tester's driver keeps its buffers to itself, but programs are told where
// they are.

// testerKey is a buffer of an open file of the DMA tester.
type testerKey struct {
	file   uint64 // address of the struct file
	handle uint32
}

// testerBuffer is one of the DMA tester's.
type testerBuffer struct {
	phys   mmio.PhysAddr
	mapped linux.Range // for the device; nothing if it is not
	dir    uint32
}

// maxTesterBuffers bounds what is remembered: files that were closed stay.
const maxTesterBuffers = 1 << 14

func isTester(c *call) bool {
	return c.file != nil && c.file.Kind == linux.FileChar && path.Base(c.file.Path) == path.Base(ioctl.VDEV_DMATEST_DEVICE)
}

// allocates tells whether a request changes what buffers the DMA tester has.
func allocates(req ioctl.Request) bool {
	return req == ioctl.VDEV_DMATEST_IOC_ALLOC || req == ioctl.VDEV_DMATEST_IOC_FREE
}

func (s *SyncCall) setDir(dir uint32) {
	s.Reads = dir != ioctl.VDEV_DMATEST_TO_DEVICE
	s.Writes = dir != ioctl.VDEV_DMATEST_FROM_DEVICE
}

// testerArg reads the argument of a request to the DMA tester.
func testerArg[T any](t *Tracer, r *Regs, c *call) (arg T, ok bool) {
	if !isTester(c) {
		return arg, false
	}
	return argument[T](t, r)
}

func (t *Tracer) tester(c *call, handle uint32) *testerBuffer {
	return t.testers[testerKey{c.file.Addr, handle}]
}

func (t *Tracer) beginTesterMap(c *call, s *SyncCall) {
	arg, ok := testerArg[ioctl.DMATestMap](t, &c.regs, c)
	if !ok {
		return
	}
	s.Handle, s.Flags = arg.Handle, uint64(arg.Attrs)
	s.Skip = arg.Attrs&ioctl.VDEV_DMATEST_SKIP_CPU_SYNC != 0
	s.setDir(arg.Dir)
	if b := t.tester(c, arg.Handle); b != nil {
		s.Ranges = b.part(arg.Offset, arg.Length)
	}
}

func (t *Tracer) beginTesterUnmap(c *call, s *SyncCall) {
	arg, ok := testerArg[ioctl.DMATestUnmap](t, &c.regs, c)
	if !ok {
		return
	}
	s.Handle, s.Flags, s.ToCPU = arg.Handle, uint64(arg.Attrs), true
	s.Skip = arg.Attrs&ioctl.VDEV_DMATEST_SKIP_CPU_SYNC != 0
	if b := t.tester(c, arg.Handle); b != nil && b.mapped.Len != 0 {
		s.setDir(b.dir)
		s.Ranges = []linux.Range{b.mapped}
	}
}

func (t *Tracer) beginTesterSync(c *call, s *SyncCall) {
	arg, ok := testerArg[ioctl.DMATestSync](t, &c.regs, c)
	if !ok {
		return
	}
	s.Handle, s.ToCPU = arg.Handle, c.req == ioctl.VDEV_DMATEST_IOC_SYNC_FOR_CPU
	s.setDir(arg.Dir)
	if b := t.tester(c, arg.Handle); b != nil {
		s.Ranges = b.part(arg.Offset, arg.Length)
	}
}

// part is some bytes of a buffer; nil if there cannot be such a part.
func (b *testerBuffer) part(offset, length uint64) []linux.Range {
	if offset > ioctl.VDEV_DMATEST_MAX_SIZE || length > ioctl.VDEV_DMATEST_MAX_SIZE {
		return nil
	}
	return []linux.Range{{Addr: b.phys + mmio.PhysAddr(offset), Len: length}}
}

// noteTester remembers what a finished call did to the DMA tester's buffers.
func (t *Tracer) noteTester(c *call, o outcome) {
	if _, failed := o.errno(); failed || !o.done() || !isTester(c) {
		return
	}
	switch c.req {
	case ioctl.VDEV_DMATEST_IOC_ALLOC:
		arg, ok := testerArg[ioctl.DMATestAlloc](t, o.regs, c)
		if !ok {
			return
		}
		if len(t.testers) >= maxTesterBuffers {
			clear(t.testers)
		}
		t.testers[testerKey{c.file.Addr, arg.Handle}] = &testerBuffer{phys: mmio.PhysAddr(arg.Phys)}
	case ioctl.VDEV_DMATEST_IOC_FREE:
		if arg, ok := testerArg[ioctl.DMATestFree](t, o.regs, c); ok {
			delete(t.testers, testerKey{c.file.Addr, arg.Handle})
		}
	case ioctl.VDEV_DMATEST_IOC_MAP:
		arg, ok := testerArg[ioctl.DMATestMap](t, o.regs, c)
		if !ok {
			return
		}
		if b := t.tester(c, arg.Handle); b != nil {
			if part := b.part(arg.Offset, arg.Length); part != nil {
				b.mapped, b.dir = part[0], arg.Dir
			}
		}
	case ioctl.VDEV_DMATEST_IOC_UNMAP:
		if c.sync != nil {
			if b := t.tester(c, c.sync.Handle); b != nil {
				b.mapped = linux.Range{}
			}
		}
	}
}
