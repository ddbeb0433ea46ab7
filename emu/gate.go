// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"iter"

	"vdev/dmabuf"
	"vdev/iommu"
	"vdev/mmio"
)

// gate is where the jobs of a bus master take the locks of the shared buffers that
// they touch.
type gate struct {
	m        *Machine
	master   string
	deviceID uint32 // 0 if it is not behind the IOMMU
}

// NewJob implements mmio.JobGate.
func (g *gate) NewJob(hold bool) mmio.GatedJob {
	j := &gatedJob{gate: g, hold: hold}
	j.wait.Done = j.granted
	// Not at once: whoever gave the lock back is in the middle of something.
	j.timer = g.m.NewTimer(g.master+".gate", func() { j.start() })
	return j
}

// gatedJob is a job of a bus master as the dma-buf core knows it.
type gatedJob struct {
	*gate
	hold  bool
	job   *dmabuf.Job // nil until it is needed
	wait  dmabuf.Wait
	timer mmio.Timer
	start func() // while it waits
	asked bool   // the core knows that the job is in flight or waits
}

// Start implements mmio.GatedJob.
func (j *gatedJob) Start(what func() string, ranges iter.Seq[mmio.DMARange], start func()) bool {
	core := j.m.share.Core()
	if core.Stats().Buffers == 0 {
		return true
	}
	if j.job == nil {
		j.job = j.m.share.Device(j.master).NewJob("", j.hold)
	}
	uses := 0
	for r := range ranges {
		j.each(r, func(b *dmabuf.Buffer, part dmabuf.Range, a dmabuf.Access) {
			if err := j.job.Use(b, part, a); err != nil {
				panic("BUG: a job of " + j.master + ": " + err.Error())
			}
			uses++
		})
	}
	if uses == 0 {
		return true
	}
	j.job.SetName(what())
	defer j.m.acts(j.master)()
	j.start, j.asked = start, true
	defer j.m.buffersChanged()
	switch err := j.job.Start(&j.wait); err {
	case nil:
		return true
	case dmabuf.EINPROGRESS:
		return false
	default:
		panic("BUG: a job of " + j.master + " cannot start: " + err.Error())
	}
}

// granted is the end of a wait.
func (j *gatedJob) granted(err error) {
	if err == nil {
		j.timer.Arm(j.m.Now())
		// Whoever brought it about tells that buffers changed.
	}
}

// Finish implements mmio.GatedJob.
func (j *gatedJob) Finish() { j.end((*dmabuf.Job).Finish) }

// Abort implements mmio.GatedJob.
func (j *gatedJob) Abort() { j.end((*dmabuf.Job).Abort) }

func (j *gatedJob) end(how func(*dmabuf.Job) error) {
	j.timer.Disarm()
	if j.asked {
		j.asked = false
		defer j.m.acts(j.master)()
		// An error says that there is no job, or that its lock was broken, which the
		// device need not know.
		_ = how(j.job)
		_ = j.job.Clear() // which lets go of the buffers
		j.m.buffersChanged()
	}
}

// each calls f for the parts of a range of bus addresses that belong to shared
// buffers.
func (j *gatedJob) each(r mmio.DMARange, f func(b *dmabuf.Buffer, part dmabuf.Range, a dmabuf.Access)) {
	var access dmabuf.Access
	if r.Read {
		access |= dmabuf.Read
	}
	if r.Write {
		access |= dmabuf.Write
		if r.Frame {
			access |= dmabuf.Frame
		}
	}
	core := j.m.share.Core()
	var in *dmabuf.Buffer
	var part dmabuf.Range
	flush := func() {
		if in != nil {
			f(in, part, access)
		}
		in = nil
	}
	for at, left := r.Addr, r.Len; left > 0; {
		n := min(left, dmabuf.PageSize-uint64(at)%dmabuf.PageSize)
		if pa, ok := j.physical(at, r.Write && !r.Read); ok {
			b, off := core.BufferAt(uint64(pa))
			if b != nil && off < b.Size() {
				n := min(n, b.Size()-off)
				if b == in && part.End() == off {
					part.Len += n
				} else {
					flush()
					in, part = b, dmabuf.Range{Off: off, Len: n}
				}
			}
		}
		at, left = at+mmio.IOVA(n), left-n
	}
	flush()
}

// physical is where a bus address leads; it leaves no trace.
func (g *gate) physical(at mmio.IOVA, write bool) (mmio.PhysAddr, bool) {
	if g.deviceID == 0 {
		return mmio.PhysAddr(at), true
	}
	return g.m.resolve(g.deviceID, at, write)
}

// resolve is where the IOMMU's tables, as they are now, lead an access of a bus
// master.
func (m *Machine) resolve(deviceID uint32, at mmio.IOVA, write bool) (mmio.PhysAddr, bool) {
	r := iommu.Request{DeviceID: deviceID, Type: iommu.UntranslatedRead, Addr: at}
	if write {
		r.Type = iommu.UntranslatedWrite
	}
	return m.iommu.Resolve(m.mem.Peek, r)
}

// acts notes that a bus master acts, and not a hart, until the result is called.
func (m *Machine) acts(master string) (done func()) {
	was := m.acting
	m.acting = master
	return func() { m.acting = was }
}

// watchedPort is a bus master's port to physical memory; it tells the dma-buf core
// what goes through it.
type watchedPort struct {
	m      *Machine
	master string
	down   memoryPort
	device *dmabuf.Device // nil until the core has it
}

// memoryPort is what a port of memory can do.
type memoryPort interface {
	mmio.DMA
	mmio.Peeker
	mmio.ChangeTracker
}

var _ memoryPort = (*watchedPort)(nil)

// ReadDMA implements mmio.DMA.
func (p *watchedPort) ReadDMA(addr mmio.IOVA, b []byte) error {
	was := p.observe(addr, len(b), false)
	err := p.down.ReadDMA(addr, b)
	p.m.acting = was
	return err
}

// WriteDMA implements mmio.DMA.
func (p *watchedPort) WriteDMA(addr mmio.IOVA, b []byte) error {
	was := p.observe(addr, len(b), true)
	err := p.down.WriteDMA(addr, b)
	p.m.acting = was
	return err
}

// observe tells of an access before it takes effect. Until it is over the bus master
// acts, and not who is returned.
func (p *watchedPort) observe(addr mmio.IOVA, n int, write bool) (was string) {
	was, p.m.acting = p.m.acting, p.master
	if p.device == nil {
		p.device = p.m.share.Device(p.master)
	}
	p.device.ObserveDMA(dmabuf.DMAAccess{Addr: uint64(addr), Len: uint64(n), Write: write})
	return was
}

// PeekDMA implements mmio.Peeker.
func (p *watchedPort) PeekDMA(addr mmio.IOVA, b []byte) bool { return p.down.PeekDMA(addr, b) }

// ChangeStamp implements mmio.ChangeTracker.
func (p *watchedPort) ChangeStamp() mmio.ChangeStamp { return p.down.ChangeStamp() }

// ChangedSince implements mmio.ChangeTracker.
func (p *watchedPort) ChangedSince(addr mmio.IOVA, n uint64, s mmio.ChangeStamp) bool {
	return p.down.ChangedSince(addr, n, s)
}

// DirtyDMA implements mmio.ChangeTracker.
func (p *watchedPort) DirtyDMA(addr mmio.IOVA, n uint64) bool { return p.down.DirtyDMA(addr, n) }
