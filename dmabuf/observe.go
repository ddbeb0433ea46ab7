// SPDX-License-Identifier: Apache-2.0

package dmabuf

// CPUAccess is an access by the CPU to physical memory, as the host saw it.
type CPUAccess struct {
	Task  Task // ID 0: not known, or nobody in particular
	Addr  uint64
	Len   uint64
	Write bool
	// KernelCopy: the access is known to be no use of the contents (the kernel
	// saves, moves or clears pages); nothing is made of it.
	KernelCopy bool
}

// DMAAccess is an access by a device to physical memory.
type DMAAccess struct {
	Addr  uint64
	Len   uint64
	Write bool
	Job   string // what the device is busy with, for people
}

// maxAccess is more than anybody transfers at once, and few enough pages to look at.
const maxAccess = 1 << 32

func accessOf(write bool) Access {
	if write {
		return Write
	}
	return Read
}

// run finds the buffer at addr, and how many of the n bytes from there are of it in
// one piece, or of no buffer.
func (p *pageIndex) run(addr, n uint64) (*Buffer, Range) {
	const chunk = chunkPages * PageSize
	if p.chunk(addr/PageSize) == nil {
		return nil, Range{0, min(n, chunk-addr%chunk)}
	}
	b, off := p.find(addr)
	got := min(n, PageSize-addr%PageSize)
	for got < n {
		next, o := p.find(addr + got)
		if next != b || b != nil && o != off+got {
			break
		}
		got += min(n-got, PageSize)
	}
	return b, Range{off, got}
}

// ObserveCPU tells of an access by the CPU before it takes effect. Accesses to memory
// of no buffer are welcome and cost little; what is longer than 4 GiB is cut there.
func (c *Core) ObserveCPU(a CPUAccess) {
	if a.KernelCopy || len(c.pages.chunks) == 0 {
		return
	}
	a.Len = min(a.Len, maxAccess)
	for addr, n := a.Addr, a.Len; n > 0; {
		b, r := c.pages.run(addr, n)
		if b != nil && r.Off < b.spec.Size {
			b.cpuAccess(&a, Range{r.Off, min(r.Len, b.spec.Size-r.Off)})
		}
		addr, n = addr+r.Len, n-r.Len
	}
}

// cpuSide is the access as a side, made only when it is needed.
func (c *Core) cpuSide(a *CPUAccess) Side {
	return Side{Kind: TaskSide, ID: a.Task.ID, Name: a.Task.Name, Op: "access", Access: accessOf(a.Write),
		At: c.cfg.Now(), Mark: c.mark()}
}

// cpuAccess applies the rules to an access to one buffer.
func (b *Buffer) cpuAccess(a *CPUAccess, r Range) {
	access := accessOf(a.Write)
	mine := b.stakeOf(a.Task.ID)
	if d := b.ownerAgainstCPU(r, access, mine.holds()); d.Kind != Nobody {
		b.core.violation(CPUWhileDevice, b, r, b.core.cpuSide(a), d)
	}
	if a.Task.ID != 0 {
		prepared := mine.holds() || b.checkPrepared(a, r, access) // a lock does what CPU_PREP does
		b.checkLock(a, r, access, mine, prepared)
	}
	if access == Read && b.frame.unread && !b.frame.isBy(a.Task) {
		b.frame.unread = false
	}
	b.last = Side{Kind: TaskSide, ID: a.Task.ID, Name: a.Task.Name, Op: "access", Access: access, At: b.core.cfg.Now()}
}

// isWord tells whether an access is one of those that routines like memcpy and strlen make
// of whole words at the ends of what they read, of which they use only a part. A page or
// line boundary is never within one.
func isWord(r Range, access Access) bool {
	return access == Read && r.Len > 1 && r.Len <= 8 && r.Off%r.Len == 0
}

// ownerAgainstCPU is ownerAgainst for an access by CPU; locked tells whether the task has
// the lock. Which bytes of a word it reads is not known.
func (b *Buffer) ownerAgainstCPU(r Range, access Access, locked bool) Side {
	waits := locked && b.core.cfg.Mode == Enforce // devices that have it mapped, with their jobs
	if !isWord(r, access) {
		return b.ownerAgainst(nil, r, access, waits)
	}
	var d Side
	for i := range r.Len {
		if d = b.ownerAgainst(nil, Range{r.Off + i, 1}, access, waits); d.Kind == Nobody {
			break
		}
	}
	return d
}

// ownerAgainst is a device other than d that owns the range so that an access
// conflicts: it has the buffer mapped, or in a job. With jobsWait devices that do all in
// jobs own it in those alone.
func (b *Buffer) ownerAgainst(d *Device, r Range, access Access, jobsWait bool) Side {
	for k := b.interests.head; k != nil && b.transient > 0; k = k.next {
		if i := k.v; i.dev != d && !(jobsWait && i.dev.spec.Jobs) && i.transient.conflicts(access) {
			return b.attachmentOf(i.dev, func(a *Attachment) bool {
				return a.mapped && !a.persistent && a.dir.Device().conflicts(access)
			}).side()
		}
	}
	for k := b.inUse.head; k != nil; k = k.next {
		u := k.v
		if u.job.dev == d || u.job.hold {
			continue
		}
		if p := u.against(r, access); p != nil {
			return u.side(p.access)
		}
	}
	return Side{}
}

// needsPrep tells whether the CPU needs CPU_PREP or a lock for the bytes: because
// devices are attached, or have left bytes there that nobody has made visible since. A
// foreign buffer may be prepared in ways that are not known here.
func (b *Buffer) needsPrep(r Range) bool {
	return !b.Foreign() && (b.attachments.n > 0 || b.stale.overlaps(r))
}

// checkPrepared applies the rule prep-fini, and tells whether the bytes are prepared.
// Tasks may agree that one prepares for all.
func (b *Buffer) checkPrepared(a *CPUAccess, r Range, access Access) bool {
	if b.preparedFor(r, access) || isWord(r, access) && b.preparedInPart(r, access) {
		return true
	}
	c := b.core
	switch open, permits := b.openFor(a.Task.ID, access); {
	case open != nil && (permits || !open.rng.overlaps(r)):
		c.violation(OutsidePrepared, b, r, c.cpuSide(a), open.side())
	case open != nil:
		c.violation(WrongDirectionCPU, b, r, c.cpuSide(a), open.side())
	case !b.needsPrep(r):
	case b.failed.cl != nil && b.failed.when.task.ID == a.Task.ID:
		f := &b.failed
		c.violated(Event{Detail: IgnoredError, Range: r, This: c.cpuSide(a), Err: f.err,
			Other: f.cl.sideAt("CPU_PREP", 0, f.when)}, b)
	default:
		c.violation(MissingPrep, b, r, c.cpuSide(a), Side{})
	}
	return false
}

// preparedFor tells whether the open accesses by CPU together permit this one.
func (b *Buffer) preparedFor(r Range, access Access) bool {
	if b.cpu.forAll(access) {
		return true
	}
	for at := r.Off; at < r.End(); {
		reach := at
		for k := b.cpu.head; k != nil; k = k.next {
			if p := k.v; p.access&access != 0 && p.rng.Off <= at {
				reach = max(reach, p.rng.End())
			}
		}
		if reach == at {
			return false
		}
		at = reach
	}
	return true
}

// preparedInPart tells whether they permit it for any of the bytes.
func (b *Buffer) preparedInPart(r Range, access Access) bool {
	for k := b.cpu.head; k != nil; k = k.next {
		if p := k.v; p.access&access != 0 && p.rng.overlaps(r) {
			return true
		}
	}
	return false
}

// openFor is the task's newest open access by CPU, if any, and whether one of the
// task's is of this kind.
func (b *Buffer) openFor(task uint64, access Access) (open *cpuAccess, permits bool) {
	for k := b.cpu.head; k != nil; k = k.next {
		if p := k.v; p.when.task.ID == task {
			open = p
			permits = permits || p.access&access != 0
		}
	}
	return open, permits
}

// checkLock applies the rule sync-lock to a task that uses locks for the buffer, or comes
// in the way of one that does. That devices use locks binds no task which does not: where
// it meets their jobs is another rule's concern, and CPU_PREP keeps it away from them.
func (b *Buffer) checkLock(a *CPUAccess, r Range, access Access, mine *stake, prepared bool) {
	if b.members.n == 0 {
		return
	}
	c := b.core
	if mine.holds() {
		if access.writes() && mine.writing == 0 {
			own := b.lockOf(a.Task.ID)
			c.violation(ReadLockOnly, b, r, c.cpuSide(a), own.obj.side(own))
		}
		return
	}
	if h := b.lockAgainst(access, mine.takesPart()); h != nil {
		c.violation(NoLock, b, r, c.cpuSide(a), h.obj.side(h))
	} else if mine.takesPart() && !prepared && (b.attachments.n > 0 || b.members.n > mine.objects) {
		c.violation(NoLock, b, r, c.cpuSide(a), Side{})
	}
}

// lockOf is a lock that the task has.
func (b *Buffer) lockOf(task uint64) *entry {
	for k := b.holders.head; k != nil; k = k.next {
		if k.v.obj.job == nil && k.v.obj.when.task.ID == task {
			return k.v
		}
	}
	return nil
}

// lockAgainst is a lock that conflicts with the access: a task's, or also a job's.
func (b *Buffer) lockAgainst(access Access, jobs bool) *entry {
	for k := b.holders.head; k != nil && k.v.access.conflicts(access); k = k.next { // all or none does
		if jobs || k.v.obj.job == nil {
			return k.v
		}
	}
	return nil
}

// ObserveDMA tells of an access by the device, at physical addresses, before it takes
// effect. Accesses to memory of no buffer are welcome and cost little; what is longer
// than 4 GiB is cut there.
func (d *Device) ObserveDMA(a DMAAccess) {
	c := d.core
	a.Len = min(a.Len, maxAccess)
	var before *Buffer // mapped, and ended just where the next piece begins
	for addr, n := a.Addr, a.Len; n > 0; {
		b, r := c.pages.run(addr, n)
		switch {
		case b != nil && (before == nil || b.isMapped(d) || !c.inPool(addr)):
			before = d.dma(&a, b, r)
		case !c.inPool(addr): // who knows whose it is
			before = nil
		case before != nil:
			d.beyond(&a, before.mappedFor(d), 0, r.Len)
			before = nil
		default:
			d.astray(&a, addr, r.Len)
		}
		addr, n = addr+r.Len, n-r.Len
	}
}

// inPool tells whether all use of the memory at the address goes through the core.
func (c *Core) inPool(addr uint64) bool { return c.cfg.Pool != nil && c.cfg.Pool.Has(addr) }

// astray applies the rules to an access to memory of the pool that is in no buffer.
func (d *Device) astray(a *DMAAccess, addr, n uint64) {
	if g := d.core.graves.at(d, addr); g != nil {
		d.violatedGrave(AfterUnmap, a, g, addr, n)
	} else if at, by := d.endsBefore(addr); at != nil {
		d.beyond(a, at, by, n)
	}
}

func (d *Device) side(a *DMAAccess) Side {
	s := d.client.side("DMA", accessOf(a.Write))
	s.Job = a.Job
	return s
}

// beyond reports an access that is by bytes behind the pages of a mapped buffer.
func (d *Device) beyond(a *DMAAccess, at *Attachment, by, n uint64) {
	d.core.violation(OutOfRange, at.buf, Range{pages(at.buf.spec.Size)*PageSize + by, n}, d.side(a), at.side())
}

// endsBefore is the device's mapping of the buffer of the pool that comes before the
// address, if its last page is the nearest that belongs to a buffer, and how many bytes
// behind its end the address is; nil if it is not, or too far away.
func (d *Device) endsBefore(addr uint64) (*Attachment, uint64) {
	for end := addr &^ (PageSize - 1); end > 0 && addr-end < beyondReach; end -= PageSize {
		b, off := d.core.pages.find(end - 1)
		switch {
		case b == nil:
			continue
		case b.Foreign() || off/PageSize != pages(b.spec.Size)-1:
			return nil, 0
		}
		return b.mappedFor(d), addr - end
	}
	return nil, 0
}

// dma applies the rules to an access to one buffer. It returns the buffer if it is
// mapped, and the access goes to the end of its pages.
func (d *Device) dma(a *DMAAccess, b *Buffer, r Range) *Buffer {
	c := d.core
	access := accessOf(a.Write)
	mapped := d.checkMapping(a, b, r, access) // in whole pages, as Map gives them
	if o := b.ownerAgainst(d, r, access, false); o.Kind != Nobody {
		c.violation(DeviceWhileDevice, b, r, d.side(a), o)
	} else if cpu := b.preparedAgainst(r, access); cpu != nil && !b.heldBy(d) {
		c.violation(DeviceWhileCPU, b, r, d.side(a), cpu.side())
	}
	// Whose lock a job breaks was reported when it started, or when the lock was taken.
	if b.holders.n > 0 && c.cfg.Mode != Off && !b.inJobFor(d, access) {
		if h := b.conflicting(access, d.client); h != nil {
			c.violation(DeviceWithoutLock, b, r, d.side(a), h.obj.side(h))
		}
	}
	b.readBy(d.client, access)
	b.last = d.client.sideAt("DMA", access, moment{d.client.task, c.cfg.Now(), 0})
	b.last.Job = a.Job
	if mapped && r.End() == pages(b.spec.Size)*PageSize {
		return b
	}
	return nil
}

// isMapped tells whether the buffer is mapped for the device.
func (b *Buffer) isMapped(d *Device) bool {
	i := b.interestOf(d)
	return i != nil && i.mapped.any()
}

// checkMapping applies the rules dma-unmapped, dma-after-unmap and dma-direction, and
// tells whether the device has the buffer mapped. It knows nothing of foreign buffers:
// drivers map them without telling the core, and may do so at any time.
func (d *Device) checkMapping(a *DMAAccess, b *Buffer, r Range, access Access) bool {
	if b.Foreign() {
		return false
	}
	c := d.core
	if i := b.interestOf(d); i != nil && i.mapped.any() {
		if !i.mapped.permits(access) {
			c.violation(WrongDirectionDMA, b, r, d.side(a), b.mappedFor(d).side())
		}
		return true
	}
	if b.inJobFor(d, Read|Write) {
		return false // whoever started it mapped the buffer, and did not tell
	}
	if at := b.formerFor(d); at != nil {
		c.violation(AfterUnmap, b, r, d.side(a), at.side())
	} else if g := c.graves.of(d, b.id); g != nil {
		c.violation(AfterUnmap, b, r, d.side(a), g.side)
	} else {
		c.violation(NeverMapped, b, r, d.side(a), Side{})
	}
	return false
}

// preparedAgainst is an open access by CPU that conflicts.
func (b *Buffer) preparedAgainst(r Range, access Access) *cpuAccess {
	if !access.writes() && b.cpu.writers == 0 {
		return nil
	}
	for k := b.cpu.head; k != nil; k = k.next {
		if k.v.rng.overlaps(r) && k.v.access.conflicts(access) {
			return k.v
		}
	}
	return nil
}

// inJobFor tells whether a job of the device that is in flight has the buffer for the
// access, or a part of it.
func (b *Buffer) inJobFor(d *Device, access Access) bool {
	for k := b.inUse.head; k != nil; k = k.next {
		if k.v.job.dev == d && k.v.access&access != 0 {
			return true
		}
	}
	return false
}

// heldBy tells whether a job of the device holds the buffer for long.
func (b *Buffer) heldBy(d *Device) bool {
	for k := b.inUse.head; k != nil; k = k.next {
		if k.v.job.dev == d && k.v.job.hold {
			return true
		}
	}
	return false
}
