// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"testing"
	"time"

	"vdev/dmabuf"
	"vdev/emu/mem"
	"vdev/mmio"
	"vdev/mmio/dmatest"
)

// sharingMachine is a machine without a guest, whose DMA tester is driven by hand.
type sharingMachine struct {
	*Machine
	t    *testing.T
	core *dmabuf.Core
	cam  *dmabuf.Client
	buf  *dmabuf.Buffer
}

func newSharingMachine(t *testing.T, mode dmabuf.Mode, cache mem.Mode) *sharingMachine {
	t.Helper()
	m, err := New(Config{Memory: 64 << 20, Harts: 1, BufferPool: 8 << 20, Ports: DefaultPorts(), Sync: mode, Cache: mem.CacheConfig{Mode: cache}})
	if err != nil {
		t.Fatal(err)
	}
	s := &sharingMachine{Machine: m, t: t, core: m.share.Core()}
	s.cam, err = s.core.NewClient(dmabuf.Task{ID: 7, Name: "cam"})
	s.ok(err)
	s.buf, err = s.cam.NewBuffer(dmabuf.Spec{Name: "frame", Size: 3 * dmabuf.PageSize})
	s.ok(err)
	at, err := s.buf.Attach(s.cam, m.share.Device("dma-tester"), dmabuf.AttachOptions{Persistent: true})
	s.ok(err)
	_, err = at.Map(dmabuf.Bidirectional)
	s.ok(err)
	m.buffersChanged()
	return s
}

func (s *sharingMachine) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// fill has the DMA tester fill n bytes at an address.
func (s *sharingMachine) fill(at uint64, n uint64) {
	for _, w := range []struct {
		off  mmio.PhysAddr
		size int
		v    uint64
	}{{0x14, 4, n}, {0x20, 8, at}, {0x28, 8, 0x1111111111111111}, {0x04, 4, uint64(dmatest.OpFill)}} {
		s.bus.Write(addrDMATest+w.off, w.size, w.v)
	}
}

// status is the DMA tester's, when time has passed.
func (s *sharingMachine) status() uint64 {
	s.now += time.Microsecond
	s.fire()
	v, _ := s.bus.Read(addrDMATest+0x08, 4)
	return v
}

func TestGate(t *testing.T) {
	for _, c := range []struct {
		mode     dmabuf.Mode
		waits    bool
		violated uint64
	}{{dmabuf.Observe, false, 1}, {dmabuf.Enforce, true, 0}, {dmabuf.Off, false, 0}} {
		s := newSharingMachine(t, c.mode, mem.Coherent)
		lock, err := s.cam.NewSync(dmabuf.SyncOptions{})
		s.ok(err)
		s.ok(lock.Get(s.buf, dmabuf.Read))
		s.ok(lock.Lock(s.cam, nil))
		base := s.buf.Backing()[0].Addr
		s.fill(uint64(RAMBase), 100)
		if s.status() != dmatest.StatusDone {
			t.Errorf("%v: other memory: busy", c.mode)
		}
		s.fill(base+dmabuf.PageSize, 100)
		if got := s.status() == dmatest.StatusBusy; got != c.waits {
			t.Errorf("%v: waits: %v", c.mode, got)
		}
		if st := s.BufferStats(); st.Violations != c.violated || (st.Waits == 1) != c.waits {
			t.Errorf("%v: %+v", c.mode, st)
		}
		if c.waits {
			// Who waits is not in flight; aborted, it is gone.
			s.bus.Write(addrDMATest+0x04, 4, uint64(dmatest.OpAbort))
			if st := s.BufferStats(); s.status() != dmatest.StatusDone|dmatest.StatusError || st.Waits != 0 || st.Jobs != 0 {
				t.Errorf("%v: aborted: %+v", c.mode, st)
			}
			s.fill(base+dmabuf.PageSize, 100)
		}
		s.ok(lock.Unlock(s.cam))
		if s.status() != dmatest.StatusDone {
			t.Errorf("%v: unlocked, and not done", c.mode)
		}
		if v, _ := s.mem.Load(mmio.PhysAddr(base+dmabuf.PageSize+96), 4); v != 0x11111111 {
			t.Errorf("%v: memory is %#x", c.mode, v)
		}
		s.ok(lock.Fini())
		s.ok(s.cam.Close())
		if st := s.BufferStats(); st.Buffers != 0 || st.Locked != 0 || st.Jobs != 0 || st.Waits != 0 || st.Pages != 0 || st.Mapped != 0 {
			t.Errorf("%v: something remains: %+v", c.mode, st)
		}
	}
}

// TestJobCoversItsPages looks at what the core is told of a job.
func TestJobCoversItsPages(t *testing.T) {
	s := newSharingMachine(t, dmabuf.Enforce, mem.Coherent)
	base := s.buf.Backing()[0].Addr
	type part struct {
		b      *dmabuf.Buffer
		r      dmabuf.Range
		access dmabuf.Access
	}
	for _, c := range []struct {
		r    mmio.DMARange
		want []dmabuf.Range
	}{
		{mmio.DMARange{Addr: mmio.IOVA(base) + 10, Len: 5000, Read: true}, []dmabuf.Range{{Off: 10, Len: 5000}}},
		{mmio.DMARange{Addr: mmio.IOVA(base) - 4096, Len: 1 << 16, Read: true}, []dmabuf.Range{{Off: 0, Len: 3 * dmabuf.PageSize}}},
		{mmio.DMARange{Addr: 0, Len: 4096, Read: true}, nil},
	} {
		var got []part
		j := (&gate{m: s.Machine, master: "dma-tester"}).NewJob(false).(*gatedJob)
		j.each(c.r, func(b *dmabuf.Buffer, r dmabuf.Range, a dmabuf.Access) { got = append(got, part{b, r, a}) })
		if len(got) != len(c.want) {
			t.Errorf("%+v: %+v", c.r, got)
			continue
		}
		for i, w := range c.want {
			if got[i] != (part{s.buf, w, dmabuf.Read}) {
				t.Errorf("%+v: %+v", c.r, got[i])
			}
		}
	}
}

// TestAccessesAreObserved has the device and a hart touch a shared buffer.
func TestAccessesAreObserved(t *testing.T) {
	s := newSharingMachine(t, dmabuf.Observe, mem.Lazy)
	base := mmio.PhysAddr(s.buf.Backing()[0].Addr)
	s.fill(uint64(base), 64)
	if l := s.buf.Info().Last; l.Name != "dma-tester" || l.Access != dmabuf.Write {
		t.Errorf("last access: %+v", l)
	}
	s.mem.Load(base+100, 8)
	if l := s.buf.Info().Last; l.Kind != dmabuf.TaskSide || l.Access != dmabuf.Read {
		t.Errorf("last access: %+v", l)
	}
	job := s.share.Device("dma-tester").NewJob("job", false)
	s.ok(job.Use(s.buf, dmabuf.Range{Off: 0, Len: 4096}, dmabuf.Read))
	s.ok(job.Start(nil))
	s.buffersChanged()
	s.mem.Store(base+200, 8, 1)
	s.mem.Store(base+208, 8, 1) // in the same line
	if r := s.Reports(); len(r) != 1 || r[0].Code.String() != "access-in-flight" || r[0].Count != 1 || s.BufferStats().Violations != 1 {
		t.Errorf("reports: %v", r)
	}
	s.ok(job.Finish())
	s.ok(job.Clear())
	// Where a range ends within a line, an access inside is seen after one outside.
	s.ok(job.Use(s.buf, dmabuf.Range{Off: 0, Len: 100}, dmabuf.Read))
	s.ok(job.Start(nil))
	s.buffersChanged()
	s.mem.Store(base+104, 4, 1)
	s.mem.Store(base+96, 4, 1)
	if n := s.BufferStats().Violations; n != 2 {
		t.Errorf("%d violations, want 2", n)
	}
	s.ok(job.Finish())
	s.ok(job.Clear())
	s.buffersChanged()
	s.ok(s.cam.Close())
	s.buffersChanged()
	if len(s.watch.buffers) != 0 {
		t.Errorf("still watched: %+v", s.watch.buffers)
	}
}
