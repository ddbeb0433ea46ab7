// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"slices"
	"testing"
	"time"
)

// scene is what most tests of rules need: two tasks, two devices, and a buffer of
// two pages and a bit, in one piece, which both devices are attached to.
type scene struct {
	*rig
	one, two   *Client
	dev, other *Device
	att, att2  *Attachment
	buf        *Buffer
}

const sceneSize = 2*PageSize + 100

func newScene(t tester, change ...func(*Config)) *scene {
	r := newRig(t, change...)
	s := &scene{rig: r, one: r.client(1, "one"), two: r.client(2, "two")}
	s.dev, s.other = r.device("dev", Constraints{Contiguous: true}), r.device("other", Constraints{})
	s.buf = must(s.one.NewBuffer(Spec{Name: "frame", Exporter: "test", Size: sceneSize}))
	s.att = must(s.buf.Attach(s.one, s.dev, AttachOptions{}))
	s.att2 = must(s.buf.Attach(s.one, s.other, AttachOptions{}))
	return s
}

func observe(c *Config) { c.Mode = Observe }

// place gives the buffer backing, and returns its address.
func (s *scene) place() uint64 {
	if s.buf.backing == nil {
		s.ok(s.buf.Populate())
	}
	return s.buf.backing[0].Addr
}

// placeBelow gives the buffer backing with n free bytes of the pool behind it.
func (s *scene) placeBelow(n uint64) {
	above := must(s.one.NewBuffer(Spec{Size: n}))
	s.ok(above.Populate())
	s.place()
	s.ok(s.one.Release(above))
}

func (s *scene) cpu(task uint64, off uint64, write bool) {
	s.ObserveCPU(CPUAccess{Task: Task{ID: task, Name: "task"}, Addr: s.place() + off, Len: 8, Write: write})
}

func (s *scene) dma(d *Device, off, n uint64, write bool) {
	d.ObserveDMA(DMAAccess{Addr: s.place() + off, Len: n, Write: write, Job: "test"})
}

func (s *scene) prep(cl *Client, r Range, a Access) { s.Helper(); s.ok(s.buf.Prep(cl, r, a, 0, nil)) }

func (s *scene) mapped(a *Attachment, dir Direction) {
	s.Helper()
	_, err := a.Map(dir)
	s.ok(err)
}

func (s *scene) lock(cl *Client, a Access) *SyncObject {
	s.Helper()
	o := s.sync(cl, SyncOptions{}, a, s.buf)
	s.ok(o.Lock(cl, nil))
	return o
}

func (s *scene) job(d *Device, a Access, hold bool) *Job {
	s.Helper()
	j := d.NewJob("blit", hold)
	s.ok(j.Use(s.buf, s.buf.whole(), a))
	s.ok(j.Start(nil))
	return j
}

// giveUp detaches all devices.
func (s *scene) giveUp() {
	s.Helper()
	s.ok(s.att.Detach())
	s.ok(s.att2.Detach())
}

// move maps the buffer for dev and has it moved, and returns where it was.
func (s *scene) move() (old uint64) {
	s.Helper()
	s.mapped(s.att, FromDevice)
	old = s.place()
	s.ok(s.att.Unmap(FromDevice))
	must(s.buf.Attach(s.one, s.device("near", Constraints{AddressLimit: lowLimit}), AttachOptions{}))
	if s.place() == old {
		s.Fatalf("it has not moved")
	}
	return old
}

// foreign is a page that somebody else made, and d's attachment to it.
func (s *scene) foreign(d *Device) (*Buffer, *Attachment) {
	s.Helper()
	b := must(s.one.NewBuffer(Spec{Size: PageSize, Backing: []Extent{{0x4000_0000, PageSize}}}))
	return b, must(b.Attach(s.one, d, AttachOptions{}))
}

// frame produces one.
func (s *scene) frame(cl *Client) {
	s.Helper()
	s.prep(cl, s.buf.whole(), Write|Frame)
	s.ok(s.buf.Fini(cl))
}

// Each rule, and next to it what is so like a broken rule that it must be silent.
func TestRules(t *testing.T) {
	tests := []struct {
		name string
		do   func(s *scene)
		want []Detail // events, without repetitions
		mode func(*Config)
	}{
		{name: "CPU touches what a device has mapped", do: func(s *scene) {
			s.prep(s.one, s.buf.whole(), Read)
			s.mapped(s.att, FromDevice)
			s.cpu(1, 0, false)
		}, want: []Detail{CPUWhileDevice}},
		{name: "both read", do: func(s *scene) {
			s.prep(s.one, s.buf.whole(), Read)
			s.mapped(s.att, ToDevice)
			s.cpu(1, 0, false)
		}},
		{name: "CPU writes what a device reads", do: func(s *scene) {
			s.prep(s.one, s.buf.whole(), Write)
			s.mapped(s.att, ToDevice)
			s.cpu(1, 0, true)
		}, want: []Detail{CPUWhileDevice}},
		{name: "CPU between uses by a device", do: func(s *scene) {
			s.mapped(s.att, FromDevice)
			s.dma(s.dev, 0, 64, true)
			s.ok(s.att.Unmap(FromDevice))
			s.prep(s.one, s.buf.whole(), Read|Write)
			s.cpu(1, 0, false)
			s.cpu(1, 0, true)
			s.ok(s.buf.Fini(s.one))
			s.mapped(s.att, ToDevice)
			s.dma(s.dev, 0, 64, false)
		}},
		{name: "CPU touches what a job uses", do: func(s *scene) {
			s.prep(s.one, s.buf.whole(), Read)
			s.job(s.dev, Write, false)
			s.cpu(1, 0, false)
		}, want: []Detail{CPUWhileDevice}, mode: observe},
		{name: "CPU touches another part than a job", do: func(s *scene) {
			s.prep(s.one, s.buf.whole(), Read)
			j := s.dev.NewJob("half", false)
			s.ok(j.Use(s.buf, Range{PageSize, PageSize}, Write))
			s.ok(j.Start(nil))
			s.cpu(1, 0, false)
		}, mode: observe},
		{name: "drawing on what is shown", do: func(s *scene) {
			s.prep(s.one, s.buf.whole(), Write)
			s.job(s.dev, Read, true)
			s.cpu(1, 0, true)
		}},
		{name: "showing what is drawn on", do: func(s *scene) {
			s.mapped(must(s.buf.Attach(s.two, s.dev, AttachOptions{Persistent: true})), Bidirectional)
			s.prep(s.one, s.buf.whole(), Write)
			s.job(s.dev, Read, true)
			s.dma(s.dev, 0, 64, false)
		}},
		{name: "a mapping that stays is no use", do: func(s *scene) {
			a := must(s.buf.Attach(s.two, s.dev, AttachOptions{Persistent: true}))
			s.mapped(a, Bidirectional)
			s.prep(s.one, s.buf.whole(), Write)
			s.cpu(1, 0, true)
		}},
		{name: "device touches what the CPU prepared", do: func(s *scene) {
			a := must(s.buf.Attach(s.two, s.dev, AttachOptions{Persistent: true}))
			s.mapped(a, Bidirectional)
			s.prep(s.one, s.buf.whole(), Write)
			s.dma(s.dev, 0, 64, false)
		}, want: []Detail{DeviceWhileCPU}},
		{name: "device touches another part", do: func(s *scene) {
			a := must(s.buf.Attach(s.two, s.dev, AttachOptions{Persistent: true}))
			s.mapped(a, Bidirectional)
			s.prep(s.one, Range{PageSize, 64}, Write)
			s.dma(s.dev, 0, 64, true)
		}},
		{name: "two devices, one writes", do: func(s *scene) {
			s.mapped(s.att, FromDevice)
			s.mapped(s.att2, ToDevice)
			s.dma(s.other, 0, 64, false)
		}, want: []Detail{DeviceWhileDevice}},
		{name: "two devices read", do: func(s *scene) {
			s.mapped(s.att, ToDevice)
			s.mapped(s.att2, ToDevice)
			s.dma(s.other, 0, 64, false)
			s.dma(s.dev, 0, 64, false)
		}},
		{name: "jobs with parts between each other's", do: func(s *scene) {
			const part = 128
			job := func(d *Device, first uint64, a Access) {
				j := d.NewJob("every other", false)
				for off := first * part; off < PageSize; off += 2 * part {
					s.ok(j.Use(s.buf, Range{off, part}, a))
				}
				s.ok(j.Start(nil))
			}
			job(s.dev, 0, Write)
			job(s.other, 1, Write)
			s.dma(s.other, part, part, true)
			s.dma(s.dev, 2*part, part, true)
			if len(s.events) != 0 {
				s.Errorf("event without a meeting: %v", &s.events[0])
			}
			s.dma(s.dev, part, part, true)
		}, want: []Detail{DeviceWhileDevice}, mode: observe},
		{name: "two jobs, one writes", do: func(s *scene) {
			s.job(s.dev, Write, false)
			s.job(s.other, Read, false)
		}, want: []Detail{DeviceWhileDevice}, mode: observe},

		{name: "DMA to what was never mapped", do: func(s *scene) { s.dma(s.dev, 0, 64, true) }, want: []Detail{NeverMapped}},
		{name: "DMA of a job whose mapping nobody told of", do: func(s *scene) {
			s.job(s.dev, Write, false)
			s.dma(s.dev, 0, 64, true)
		}},
		{name: "DMA after unmap", do: func(s *scene) {
			s.mapped(s.att, FromDevice)
			s.ok(s.att.Unmap(FromDevice))
			s.dma(s.dev, 0, 64, true)
		}, want: []Detail{AfterUnmap}},
		{name: "DMA after detach", do: func(s *scene) {
			s.mapped(s.att, FromDevice)
			s.ok(s.att.Unmap(FromDevice))
			s.ok(s.att.Detach())
			s.dma(s.dev, 0, 64, true)
		}, want: []Detail{AfterUnmap}},
		{name: "DMA after the buffer", do: func(s *scene) {
			s.mapped(s.att, FromDevice)
			at := s.place()
			s.ok(s.one.Close())
			s.dev.ObserveDMA(DMAAccess{Addr: at, Len: 64, Write: true})
			s.other.ObserveDMA(DMAAccess{Addr: at, Len: 64, Write: true}) // had nothing there
		}, want: []Detail{AfterUnmap}},
		{name: "DMA to where the buffer was before it moved", do: func(s *scene) {
			old := s.move()
			s.dev.ObserveDMA(DMAAccess{Addr: old + PageSize, Len: 8, Write: true})
			s.other.ObserveDMA(DMAAccess{Addr: old, Len: 8}) // never knew the place
			if e := s.events[0]; e.Buffer != s.buf || e.Range != (Range{PageSize, 8}) {
				s.Errorf("event %v", &e)
			}
		}, want: []Detail{AfterUnmap}},
		{name: "DMA to another buffer where one was before it moved", do: func(s *scene) {
			old := s.move()
			s.mapped(s.att, FromDevice)
			s.dma(s.dev, 0, 64, true)
			next := must(s.two.NewBuffer(Spec{Size: sceneSize}))
			s.mapped(must(next.Attach(s.two, s.dev, AttachOptions{})), FromDevice)
			if next.backing[0].Addr != old {
				s.Fatalf("at %#x, not %#x: the test makes no sense", next.backing[0].Addr, old)
			}
			s.dev.ObserveDMA(DMAAccess{Addr: old, Len: sceneSize, Write: true})
		}},
		{name: "DMA to the rest of the last page", do: func(s *scene) {
			s.mapped(s.att, FromDevice)
			s.dma(s.dev, sceneSize-4, 8, true)
			s.dma(s.dev, 3*PageSize-8, 8, true)
		}},
		{name: "DMA across the end of the last page", do: func(s *scene) {
			s.placeBelow(PageSize)
			s.mapped(s.att, FromDevice)
			s.dma(s.dev, 3*PageSize-4, 8, true)
		}, want: []Detail{OutOfRange}},
		{name: "DMA past the last page", do: func(s *scene) {
			s.placeBelow(PageSize)
			s.mapped(s.att, FromDevice)
			s.dma(s.dev, 3*PageSize, 8, true)
		}, want: []Detail{OutOfRange}},
		{name: "DMA far past the last page", do: func(s *scene) {
			s.placeBelow(4 * PageSize)
			s.dma(s.dev, 6*PageSize+64, 8, true) // not mapped: it may be somebody else's mistake
			s.mapped(s.att, FromDevice)
			s.dma(s.dev, 6*PageSize+64, 8, true)
			if e := s.events[0]; e.Buffer != s.buf || e.Range != (Range{6*PageSize + 64, 8}) {
				s.Errorf("event %v", &e)
			}
		}, want: []Detail{OutOfRange}},
		{name: "DMA to the memory behind the pool", do: func(s *scene) {
			s.mapped(s.att, FromDevice)
			s.dma(s.dev, 3*PageSize, 8, true)
			s.dma(s.dev, 3*PageSize-4, 8, true)
		}, mode: func(c *Config) { c.Pool = NewPagePool(Extent{poolTop, 3 * PageSize}) }},
		{name: "DMA into a foreign buffer behind the pool", do: func(s *scene) {
			s.mapped(s.att, FromDevice)
			must(s.two.NewBuffer(Spec{Size: PageSize, Backing: []Extent{{poolTop + 3*PageSize, PageSize}}}))
			s.dma(s.dev, 3*PageSize-4, 8, true)
		}, mode: func(c *Config) { c.Pool = NewPagePool(Extent{poolTop, 3 * PageSize}) }},
		{name: "DMA into the next buffer", do: func(s *scene) {
			s.place()
			next := must(s.two.NewBuffer(Spec{Size: PageSize}))
			s.ok(next.BeginCPU(s.two, Whole(PageSize), Read)) // lies before it
			a := must(next.Attach(s.two, s.dev, AttachOptions{}))
			s.mapped(a, FromDevice)
			s.dev.ObserveDMA(DMAAccess{Addr: next.backing[0].Addr, Len: PageSize + 64, Write: false})
		}, want: []Detail{WrongDirectionDMA, OutOfRange}},
		{name: "DMA in the wrong direction", do: func(s *scene) {
			s.mapped(s.att, ToDevice)
			s.dma(s.dev, 0, 64, false)
			s.dma(s.dev, 0, 64, true)
		}, want: []Detail{WrongDirectionDMA}},
		{name: "DMA to foreign memory that nobody told of", do: func(s *scene) {
			b := must(s.one.NewBuffer(Spec{Size: 100, Backing: []Extent{{0x4000_0000, PageSize}}}))
			s.dev.ObserveDMA(DMAAccess{Addr: b.backing[0].Addr, Len: 2 * PageSize, Write: true})
		}},
		{name: "DMA to foreign memory that is no longer mapped by the core", do: func(s *scene) {
			b, a := s.foreign(s.dev)
			s.mapped(a, FromDevice)
			at := b.backing[0].Addr
			access := func() { s.dev.ObserveDMA(DMAAccess{Addr: at, Len: 64, Write: true}) }
			s.ok(a.Unmap(FromDevice))
			access() // the device's driver has mapped it by itself
			s.mapped(a, ToDevice)
			access() // and for another direction
			s.ok(a.Unmap(ToDevice))
			s.ok(a.Detach())
			access()
			s.ok(s.one.Release(b))
			access() // its exporter has the memory for something else
		}},
		{name: "DMA of a job to what was unmapped", do: func(s *scene) {
			s.mapped(s.att, FromDevice)
			s.ok(s.att.Unmap(FromDevice))
			s.job(s.dev, Write, false)
			s.dma(s.dev, 0, 64, true)
		}},
		{name: "DMA to memory of no buffer", do: func(s *scene) {
			s.dev.ObserveDMA(DMAAccess{Addr: 0x4000_0000, Len: 2 * PageSize, Write: true})
			s.dev.ObserveDMA(DMAAccess{Addr: ^uint64(0) - 7, Len: 8})
		}},

		{name: "fault after unmap", do: func(s *scene) {
			s.mapped(s.att, ToDevice)
			s.ok(s.att.Bind([]Extent{{0x7000, 3 * PageSize}}))
			s.ok(s.att.Unmap(ToDevice))
			s.dev.DMAFault(DMAAccess{Addr: 0x7000 + 5000, Len: 64})
		}, want: []Detail{AfterUnmap}},
		{name: "fault after detach", do: func(s *scene) {
			s.mapped(s.att, ToDevice)
			s.ok(s.att.Bind([]Extent{{0x7000, 3 * PageSize}}))
			s.ok(s.att.Unmap(ToDevice))
			s.ok(s.att.Detach())
			s.dev.DMAFault(DMAAccess{Addr: 0x7000 + 5000, Len: 64})
		}, want: []Detail{AfterUnmap}},
		{name: "fault after a foreign buffer", do: func(s *scene) {
			_, a := s.foreign(s.dev)
			s.mapped(a, ToDevice)
			s.ok(a.Bind([]Extent{{0x7000, PageSize}}))
			s.ok(a.Unmap(ToDevice))
			s.ok(a.Detach())
			s.dev.DMAFault(DMAAccess{Addr: 0x7000, Len: 64})
		}, want: []Detail{AfterUnmap}},
		{name: "fault past the end", do: func(s *scene) {
			s.mapped(s.att, ToDevice)
			s.ok(s.att.Bind([]Extent{{0x7000, 3 * PageSize}}))
			s.dev.DMAFault(DMAAccess{Addr: 0x7000 + 3*PageSize, Len: 64})
		}, want: []Detail{OutOfRange}},
		{name: "fault where others were before", do: func(s *scene) {
			place := []Extent{{0x7000, 3 * PageSize}}
			for _, a := range []*Attachment{s.att, must(s.buf.Attach(s.one, s.dev, AttachOptions{}))} {
				s.mapped(a, ToDevice)
				s.ok(a.Bind(place))
				s.ok(a.Unmap(ToDevice))
				s.clock.now++
			}
			next := must(s.one.NewBuffer(Spec{Size: sceneSize}))
			a := must(next.Attach(s.one, s.dev, AttachOptions{}))
			s.mapped(a, ToDevice)
			s.ok(a.Bind(place))
			s.dev.DMAFault(DMAAccess{Addr: 0x7000, Len: 8, Write: true})
			s.ok(a.Unmap(ToDevice))
			s.clock.now++
			s.mapped(s.att, FromDevice)
			s.ok(s.att.Bind([]Extent{{0x70000, 3 * PageSize}}))
			s.dev.DMAFault(DMAAccess{Addr: 0x7000, Len: 8})
			for _, e := range s.events {
				if e.Buffer != next {
					s.Errorf("blames %v", &e)
				}
			}
		}, want: []Detail{WrongDirectionDMA, AfterUnmap}},
		{name: "fault for the direction", do: func(s *scene) {
			s.mapped(s.att, ToDevice)
			s.ok(s.att.Bind([]Extent{{0x7000, 3 * PageSize}}))
			s.dev.DMAFault(DMAAccess{Addr: 0x7000, Len: 64, Write: true})
		}, want: []Detail{WrongDirectionDMA}},
		{name: "fault nowhere", do: func(s *scene) {
			s.mapped(s.att, ToDevice)
			s.ok(s.att.Bind([]Extent{{0x7000, 3 * PageSize}}))
			s.dev.DMAFault(DMAAccess{Addr: 0x7000_0000, Len: 64})
		}, want: []Detail{NeverMapped}},

		{name: "nested CPU_PREP", do: func(s *scene) {
			s.prep(s.one, s.buf.whole(), Read)
			s.prep(s.two, s.buf.whole(), Read) // somebody else's business
			s.want(EALREADY, s.buf.Prep(s.one, s.buf.whole(), Read, 0, nil))
		}, want: []Detail{NestedPrep}},
		{name: "CPU_FINI alone", do: func(s *scene) { s.want(EINVAL, s.buf.Fini(s.one)) }, want: []Detail{UnbalancedFini}},
		{name: "end of another range", do: func(s *scene) {
			s.ok(s.buf.BeginCPU(s.one, Range{0, 100}, Read))
			s.want(EINVAL, s.buf.EndCPU(s.one, Range{0, 101}, Read))
			s.want(EINVAL, s.buf.EndCPU(s.one, Range{0, 100}, Write))
			s.ok(s.buf.EndCPU(s.one, Range{0, 100}, Read))
		}, want: []Detail{UnbalancedFini}},
		{name: "outside of the range", do: func(s *scene) {
			s.prep(s.one, Range{100, 100}, Read)
			s.cpu(1, 100, false)
			s.cpu(1, 192, false)
			s.cpu(1, 193, false)
		}, want: []Detail{OutsidePrepared}},
		{name: "two ranges that touch", do: func(s *scene) {
			s.ok(s.buf.BeginCPU(s.one, Range{0, 100}, Read))
			s.ok(s.buf.BeginCPU(s.one, Range{100, 100}, Read))
			s.cpu(1, 96, false)
		}},
		{name: "an access across ranges that leave a gap", do: func(s *scene) {
			at := s.place()
			access := func(n uint64) { s.ObserveCPU(CPUAccess{Task: Task{ID: 1}, Addr: at, Len: n}) }
			for _, r := range []Range{{64, 64}, {192, 64}, {0, 100}} { // in no order, and overlapping
				s.ok(s.buf.BeginCPU(s.one, r, Read))
			}
			access(128)
			if len(s.events) != 0 {
				s.Errorf("event without a gap: %v", &s.events[0])
			}
			access(256)
		}, want: []Detail{OutsidePrepared}},
		{name: "write to what is prepared for reading", do: func(s *scene) {
			s.prep(s.one, s.buf.whole(), Read)
			s.cpu(1, 0, true)
		}, want: []Detail{WrongDirectionCPU}},
		{name: "read of what is prepared for writing", do: func(s *scene) {
			s.prep(s.one, s.buf.whole(), Write)
			s.cpu(1, 0, false)
		}, want: []Detail{WrongDirectionCPU}},
		{name: "another task's CPU_PREP", do: func(s *scene) {
			s.prep(s.one, s.buf.whole(), Read)
			s.cpu(2, 0, false)
		}},
		{name: "after another task's CPU_FINI", do: func(s *scene) {
			s.prep(s.one, s.buf.whole(), Read)
			s.ok(s.buf.Fini(s.one))
			s.cpu(2, 0, false)
		}, want: []Detail{MissingPrep}},
		{name: "the same task by another client", do: func(s *scene) {
			s.prep(s.client(1, "one again"), s.buf.whole(), Read)
			s.cpu(1, 0, false)
		}},
		{name: "an unknown task", do: func(s *scene) { s.cpu(0, 0, true) }},
		{name: "a buffer that no device shares", do: func(s *scene) {
			b := must(s.one.NewBuffer(Spec{Size: PageSize}))
			s.ok(b.BeginCPU(s.two, Whole(1), Read))
			s.ObserveCPU(CPUAccess{Task: Task{ID: 1}, Addr: b.backing[0].Addr, Len: 8, Write: true})
		}},
		{name: "a buffer that devices have given up", do: func(s *scene) {
			s.mapped(s.att, FromDevice)
			s.ok(s.att.Unmap(FromDevice))
			s.prep(s.one, s.buf.whole(), Read)
			s.ok(s.buf.Fini(s.one))
			s.giveUp()
			s.cpu(1, 0, false)
			s.cpu(2, 0, true)
		}},
		{name: "a buffer that devices have given up without a use", do: func(s *scene) {
			s.giveUp()
			s.cpu(1, 0, true)
		}},
		{name: "what a device wrote before it was given up", do: func(s *scene) {
			j := s.dev.NewJob("half", false)
			s.ok(j.Use(s.buf, Range{PageSize, PageSize}, Write))
			s.ok(j.Start(nil))
			s.ok(j.Finish())
			s.giveUp()
			s.cpu(1, 0, false) // another part
			s.cpu(1, PageSize, false)
			if e := s.events[0]; len(s.events) != 1 || e.Range.Off != PageSize {
				s.Errorf("events %v", s.events)
			}
		}, want: []Detail{MissingPrep}},
		{name: "a foreign buffer", do: func(s *scene) {
			b := must(s.one.NewBuffer(Spec{Size: 100, Backing: []Extent{{0x4000_0000, PageSize}}}))
			must(b.Attach(s.one, s.dev, AttachOptions{}))
			s.ObserveCPU(CPUAccess{Task: Task{ID: 1}, Addr: 0x4000_0000, Len: 8, Write: true})
		}},
		{name: "the rest of the last page", do: func(s *scene) { s.cpu(1, sceneSize, true) }},
		{name: "failed CPU_PREP ignored", do: func(s *scene) {
			s.mapped(s.att, ToDevice)
			s.want(EBUSY, s.buf.Prep(s.one, s.buf.whole(), Read, 0, nil))
			s.cpu(1, 0, false)
			if e := s.events[0]; e.Err != EBUSY {
				s.Errorf("event has error %v", e.Err)
			}
			s.ok(s.att.Unmap(ToDevice))
			s.prep(s.one, s.buf.whole(), Read)
			s.cpu(1, 0, false)
			s.ok(s.buf.Fini(s.one))
			s.cpu(1, 0, false) // the error is history
		}, want: []Detail{IgnoredError, MissingPrep}},
		{name: "exit without CPU_FINI", do: func(s *scene) {
			s.prep(s.one, s.buf.whole(), Read)
			s.ok(s.one.Close())
		}, want: []Detail{OpenAtExit}},
		{name: "pending commands", do: func(s *scene) {
			s.ok(s.buf.MarkPending(s.two))
			s.want(EAGAIN, s.buf.Prep(s.one, s.buf.whole(), Read, 0, nil))
			s.ok(s.buf.ClearPending(s.two))
			s.prep(s.one, s.buf.whole(), Read)
		}, want: []Detail{PendingCommands}},
		{name: "pending commands ignored", do: func(s *scene) {
			s.ok(s.buf.MarkPending(s.two))
			s.ok(s.buf.Prep(s.one, s.buf.whole(), Read, PrepIgnorePending, nil))
		}, want: []Detail{PendingCommands}},
		{name: "pending commands of a task that is gone", do: func(s *scene) {
			s.ok(s.buf.MarkPending(s.two))
			s.ok(s.two.Close())
			s.prep(s.one, s.buf.whole(), Read)
		}},
		{name: "kmap outside", do: func(s *scene) {
			s.ok(s.buf.BeginCPU(s.one, Range{0, PageSize + 1}, Read))
			at := s.place()
			for page, want := range []Kmap{{Addr: at}, {Addr: at + PageSize}, {poison, true}, {poison, true}} {
				if got := s.buf.Kmap(s.one, uint64(page)); got != want {
					s.Errorf("page %d: got %+v, want %+v", page, got, want)
				}
			}
		}, want: []Detail{KmapOutside}},
		{name: "kmap left", do: func(s *scene) {
			s.ok(s.buf.BeginCPU(s.one, s.buf.whole(), Read))
			s.buf.Kmap(s.one, 0)
			s.ok(s.buf.EndCPU(s.one, s.buf.whole(), Read))
			s.ok(s.buf.Kunmap(s.one, 0))
		}, want: []Detail{KmapLeft}},
		{name: "kmap again and again", do: func(s *scene) {
			s.ok(s.buf.BeginCPU(s.one, s.buf.whole(), Read))
			for range 1000 {
				s.buf.Kmap(s.one, 1)
			}
			for range 1000 {
				s.ok(s.buf.Kunmap(s.one, 1))
			}
			s.want(EINVAL, s.buf.Kunmap(s.one, 1))
			s.ok(s.buf.EndCPU(s.one, s.buf.whole(), Read))
		}},
		{name: "three atomic kmaps", do: func(s *scene) {
			s.ok(s.buf.BeginCPU(s.one, s.buf.whole(), Read))
			must(s.buf.KmapAtomic(s.one, 0))
			must(s.buf.KmapAtomic(s.one, 1))
			s.buf.Kmap(s.one, 0)
			_, err := s.buf.KmapAtomic(s.one, 2)
			s.want(ENOSPC, err)
			s.ok(s.buf.KunmapAtomic(s.one, 0))
			must(s.buf.KmapAtomic(s.one, 2))
		}, want: []Detail{TooManyAtomic}},

		{name: "atomic kmaps of a buffer that is gone", do: func(s *scene) {
			b := must(s.one.NewBuffer(Spec{Size: 2 * PageSize}))
			s.ok(b.BeginCPU(s.two, b.whole(), Read))
			must(b.KmapAtomic(s.two, 0))
			must(b.KmapAtomic(s.two, 1))
			s.ok(s.one.Release(b))
			s.ok(b.EndCPU(s.two, b.whole(), Read)) // the last reference; no longer anything to report
			s.ok(s.buf.BeginCPU(s.two, s.buf.whole(), Read))
			must(s.buf.KmapAtomic(s.two, 0))
		}},

		{name: "access without the lock that somebody else has", do: func(s *scene) {
			s.lock(s.one, Write)
			s.prep(s.two, s.buf.whole(), Read)
			s.cpu(2, 0, false)
		}, want: []Detail{NoLock}},
		{name: "access without one's own lock", do: func(s *scene) {
			o := s.lock(s.one, Write)
			s.cpu(1, 0, true)
			s.ok(o.Unlock(s.one))
			s.cpu(1, 0, false)
		}, want: []Detail{MissingPrep, NoLock}},
		{name: "CPU_PREP now, a lock at other times", do: func(s *scene) {
			s.sync(s.one, SyncOptions{}, Write, s.buf)
			s.prep(s.one, s.buf.whole(), Write)
			s.cpu(1, 0, true)
			s.ok(s.buf.Fini(s.one))
		}},
		{name: "CPU_PREP while somebody else has the lock", do: func(s *scene) {
			s.sync(s.one, SyncOptions{}, Write, s.buf)
			s.prep(s.one, s.buf.whole(), Write)
			s.lock(s.two, Write)
			s.cpu(1, 0, true)
		}, want: []Detail{NoLock}},
		{name: "CPU next to a job that locks", do: func(s *scene) {
			s.prep(s.one, Range{0, PageSize}, Read|Write)
			j := s.dev.NewJob("half", false)
			s.ok(j.Use(s.buf, Range{PageSize, PageSize}, Write))
			s.ok(j.Start(nil))
			s.cpu(1, 0, false)
			s.cpu(1, 0, true)
		}},
		{name: "a task that uses locks next to a job that does", do: func(s *scene) {
			s.sync(s.one, SyncOptions{}, Write, s.buf)
			s.prep(s.one, s.buf.whole(), Write)
			s.job(s.dev, Read, true)
			s.cpu(1, 0, true)
		}, want: []Detail{NoLock}},
		{name: "reading along with readers", do: func(s *scene) {
			s.lock(s.one, Read)
			s.prep(s.two, s.buf.whole(), Read)
			s.cpu(2, 0, false)
		}},
		{name: "a lock for oneself alone", do: func(s *scene) {
			b := must(s.one.NewBuffer(Spec{Size: PageSize}))
			s.ok(b.BeginCPU(s.one, Whole(1), Write))
			s.sync(s.one, SyncOptions{}, Write, b)
			s.ObserveCPU(CPUAccess{Task: Task{ID: 1}, Addr: b.backing[0].Addr, Len: 1, Write: true})
		}},
		{name: "write under a read lock", do: func(s *scene) {
			s.lock(s.one, Read)
			s.prep(s.one, s.buf.whole(), Write)
			s.cpu(1, 0, true)
		}, want: []Detail{ReadLockOnly}},
		{name: "a lock instead of CPU_PREP", do: func(s *scene) {
			o := s.lock(s.one, Write)
			s.cpu(1, 0, true)
			s.ok(o.Unlock(s.one))
		}},
		{name: "unlock twice", do: func(s *scene) {
			o := s.lock(s.one, Write)
			s.ok(o.Unlock(s.one))
			s.want(EINVAL, o.Unlock(s.one))
		}, want: []Detail{NotLocked}},
		{name: "unlock by a stranger", do: func(s *scene) {
			o := s.lock(s.one, Write)
			s.want(EPERM, o.Unlock(s.two))
			s.ok(o.Unlock(s.client(1, "a thread")))
		}, want: []Detail{StrangerUnlocks}},
		{name: "lockup", do: func(s *scene) {
			o := s.lock(s.one, Write)
			s.clock.advance(DefaultLockupTimeout - 1)
			s.events = nil
			s.clock.advance(1)
			s.want(EOWNERDEAD, o.Unlock(s.one))
		}, want: []Detail{LockupBroken}},
		{name: "long, but not too long", do: func(s *scene) {
			o := s.lock(s.one, Write)
			s.clock.advance(DefaultLockupTimeout - 1)
			s.ok(o.Unlock(s.one))
			s.clock.advance(time.Hour)
		}},
		{name: "exit with a lock", do: func(s *scene) {
			s.lock(s.one, Write)
			s.ok(s.one.Close())
		}, want: []Detail{LockKept}},
		{name: "exit with somebody else's object locked", do: func(s *scene) {
			o := s.sync(s.one, SyncOptions{}, Write, s.buf)
			s.ok(o.Lock(s.two, nil))
			s.ok(s.two.Close())
			s.want(EOWNERDEAD, o.Lock(s.one, nil))
			s.ok(o.Lock(s.one, nil))
			s.ok(o.Unlock(s.one))
		}, want: []Detail{LockKept}},
		{name: "job against a lock", do: func(s *scene) {
			s.lock(s.one, Read)
			s.job(s.dev, Write, false)
		}, want: []Detail{DeviceWithoutLock}, mode: observe},
		{name: "lock against a job", do: func(s *scene) {
			s.job(s.dev, Write, false)
			s.lock(s.one, Read)
		}, want: []Detail{DeviceWithoutLock}, mode: observe},
		{name: "job next to a lock", do: func(s *scene) {
			s.lock(s.one, Read)
			s.job(s.dev, Read, false)
		}, mode: observe},
		{name: "job in mode off", do: func(s *scene) {
			s.lock(s.one, Write)
			s.job(s.dev, Write, false)
		}, mode: func(c *Config) { c.Mode = Off }},
		{name: "two jobs of one device", do: func(s *scene) {
			s.job(s.dev, Write, false)
			s.SetMode(Observe)
			s.job(s.dev, Write, false)
		}},
		{name: "DMA against a lock, in mode off", do: func(s *scene) {
			s.mapped(s.att, ToDevice)
			s.lock(s.one, Write)
			s.dma(s.dev, 0, 64, false)
		}, mode: func(c *Config) { c.Mode = Off }},
		{name: "DMA against a lock, without a job", do: func(s *scene) {
			s.mapped(s.att, ToDevice)
			s.lock(s.one, Write)
			s.dma(s.dev, 0, 64, false)
		}, want: []Detail{DeviceWithoutLock}, mode: observe},

		{name: "DMA of a job that has the lock for reading", do: func(s *scene) {
			s.mapped(must(s.buf.Attach(s.two, s.dev, AttachOptions{Persistent: true})), Bidirectional)
			s.job(s.dev, Read, false)
			s.lock(s.two, Read)
			s.dma(s.dev, 0, 64, false)
			if len(s.events) != 0 {
				s.Errorf("event for a read: %v", &s.events[0])
			}
			s.dma(s.dev, 0, 64, true)
		}, want: []Detail{DeviceWithoutLock}},
		{name: "lock against a job that has lost its own", do: func(s *scene) {
			s.job(s.dev, Write, false)
			w := s.wait()
			s.want(EINPROGRESS, s.sync(s.one, SyncOptions{}, Write, s.buf).Lock(s.one, &w.Wait))
			s.clock.advance(DefaultLockupTimeout)
			s.is(w, nil)
		}, want: []Detail{LockupBroken, DeviceWithoutLock}},
		{name: "frame overwritten", do: func(s *scene) { s.frame(s.one); s.frame(s.one) }, want: []Detail{OverwriteUnconsumed}},
		{name: "frame overwritten by a device", do: func(s *scene) {
			s.frame(s.one)
			s.job(s.dev, Write|Frame, false)
		}, want: []Detail{OverwriteUnconsumed}},
		{name: "frame overwritten under locks", do: func(s *scene) {
			o := s.sync(s.one, SyncOptions{}, Write|Frame, s.buf)
			for range 2 {
				s.ok(o.Lock(s.one, nil))
				s.ok(o.Unlock(s.one))
			}
		}, want: []Detail{OverwriteUnconsumed}},
		{name: "frame read by CPU_PREP", do: func(s *scene) {
			s.frame(s.one)
			s.prep(s.two, s.buf.whole(), Read)
			s.ok(s.buf.Fini(s.two))
			s.frame(s.one)
		}},
		{name: "frame read under a lock", do: func(s *scene) {
			s.frame(s.one)
			s.ok(s.lock(s.two, Read).Unlock(s.two))
			s.frame(s.one)
		}},
		{name: "frame read by a job", do: func(s *scene) {
			s.frame(s.one)
			s.ok(s.job(s.dev, Read, false).Finish())
			s.frame(s.one)
		}},
		{name: "frame read by DMA", do: func(s *scene) {
			s.frame(s.one)
			s.mapped(s.att, ToDevice)
			s.dma(s.dev, 0, 64, false)
			s.ok(s.att.Unmap(ToDevice))
			s.frame(s.one)
		}},
		{name: "frame mapped for a device to read", do: func(s *scene) {
			for _, dir := range []Direction{ToDevice, Bidirectional} {
				s.frame(s.one)
				s.mapped(s.att, dir)
				s.ok(s.att.Unmap(dir))
			}
			s.frame(s.one)
		}},
		{name: "frame mapped for a device to write, or for good", do: func(s *scene) {
			s.frame(s.one)
			s.mapped(s.att, FromDevice)
			s.ok(s.att.Unmap(FromDevice)) // no frame of its own, as nobody says so
			s.mapped(must(s.buf.Attach(s.one, s.dev, AttachOptions{Persistent: true})), Bidirectional)
			s.frame(s.one)
		}, want: []Detail{OverwriteUnconsumed}},
		{name: "frames drawn on what is shown", do: func(s *scene) {
			s.job(s.dev, Read, true)
			s.frame(s.one)
			s.frame(s.one)
		}},
		{name: "frame read by whoever a fence stands for", do: func(s *scene) {
			f := must(s.one.NewFence("f"))
			s.frame(s.one)
			s.ok(s.buf.AddFence(f, Read))
			s.ok(f.Signal(0))
			s.frame(s.one)
		}},
		{name: "frame looked at by its producer only", do: func(s *scene) {
			s.prep(s.one, s.buf.whole(), Read|Write|Frame)
			s.ok(s.buf.Fini(s.one))
			s.prep(s.one, s.buf.whole(), Read|Write|Frame)
			s.cpu(1, 0, false)
			s.ok(s.buf.Fini(s.one))
		}, want: []Detail{OverwriteUnconsumed}},
		{name: "producer and consumer in one task", do: func(s *scene) {
			for _, consumer := range []*Client{s.one, s.client(1, "a thread")} {
				s.frame(s.one)
				s.prep(consumer, s.buf.whole(), Read)
				s.cpu(1, 0, false)
				s.ok(s.buf.Fini(consumer))
			}
			s.frame(s.one)
			s.ok(s.lock(s.one, Read).Unlock(s.one))
			s.frame(s.one)
		}},
		{name: "frame made of the last one by somebody else", do: func(s *scene) {
			s.frame(s.one)
			s.prep(s.two, s.buf.whole(), Read|Write|Frame)
			s.ok(s.buf.Fini(s.two))
		}},
		{name: "a picture in two passes", do: func(s *scene) {
			s.prep(s.one, s.buf.whole(), Write)
			s.ok(s.buf.Fini(s.one))
			s.frame(s.one)
		}},
		{name: "a producer that dies makes no frame", do: func(s *scene) {
			s.prep(s.two, s.buf.whole(), Write|Frame)
			s.ok(s.two.Close())
			s.frame(s.one)
		}, want: []Detail{OpenAtExit}},
		{name: "a frame is overwritten once, also by one who dies", do: func(s *scene) {
			s.frame(s.one)
			s.prep(s.two, s.buf.whole(), Write|Frame)
			s.events = nil
			s.ok(s.two.Close())
			s.frame(s.one)
		}, want: []Detail{OpenAtExit}},
		{name: "an aborted job makes no frame", do: func(s *scene) {
			s.ok(s.job(s.dev, Write|Frame, false).Abort())
			s.frame(s.one)
		}},
	}
	seen := map[Detail]bool{}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var change []func(*Config)
			if test.mode != nil {
				change = append(change, test.mode)
			}
			s := newScene(t, change...)
			test.do(s)
			if got := s.details(); !slices.Equal(got, test.want) {
				for _, e := range s.events {
					t.Log(&e)
				}
				t.Errorf("%d events, want %d", len(got), len(test.want))
			}
		})
		for _, d := range test.want {
			seen[d] = true
		}
	}
	for d := range detailCount {
		if !seen[d] {
			t.Errorf("no test for: %v", d)
		}
	}
}

// An event names both parties, and what the host said about the earlier one.
func TestEventSides(t *testing.T) {
	mark := uint64(0)
	s := newScene(t, func(c *Config) { c.Mark = func() uint64 { mark++; return mark } })
	s.place()
	s.clock.now = 10
	mark = 100
	s.mapped(s.att, FromDevice)
	s.clock.now = 20
	s.cpu(2, 4096, true)
	if len(s.events) == 0 {
		t.Fatal("no event")
	}
	want := Event{Detail: CPUWhileDevice, Buffer: s.buf, ID: s.buf.ID(), Name: "frame", Exporter: "test", Size: sceneSize, Range: Range{4096, 8},
		This:  Side{Kind: TaskSide, ID: 2, Name: "task", Op: "access", Access: Write, At: 20, Mark: 102},
		Other: Side{Kind: DeviceSide, ID: uint64(s.dev.ID()), Name: "dev", Op: "map from-device", Access: Write, At: 10, Mark: 101}}
	if s.events[0] != want {
		t.Errorf("got  %+v\nwant %+v", s.events[0], want)
	}
	text := `access-in-flight: The CPU touched a buffer while a device owned it. buffer 5 "frame" of test, bytes [4096, 4104): ` +
		`task 2 (task) access (write) at 20ns; device 3 (dev) map from-device (write) at 10ns`
	if got := want.String(); got != text {
		t.Errorf("got  %s\nwant %s", got, text)
	}
}

// A client is an open file, which processes inherit and pass on: it is the caller who locks
// and prepares.
func TestCallers(t *testing.T) {
	caller := Task{}
	s := newScene(t, observe, func(c *Config) { c.Caller = func() Task { return caller } })
	s.mapped(s.att, FromDevice)
	s.ok(s.att.Unmap(FromDevice))
	child, parent := Task{9, "child"}, Task{1, "parent"}
	caller = child
	o := s.sync(s.one, SyncOptions{}, Read|Write, s.buf)
	for range 2 {
		s.ok(o.Lock(s.one, nil))
		s.cpu(caller.ID, 0, true)
		s.ok(o.Unlock(s.one))
		caller = parent // they take turns
	}
	caller = child
	s.prep(s.one, Range{0, 64}, Write)
	s.cpu(child.ID, 0, true)
	caller = parent
	s.ok(s.buf.Fini(s.one))
	if len(s.events) != 0 {
		t.Fatalf("events: %v", s.events)
	}
	caller = child
	s.ok(o.Lock(s.one, nil))
	s.cpu(parent.ID, 0, true)
	if n := len(s.events); n == 0 || s.events[n-1].Detail != NoLock || s.events[n-1].This.ID != parent.ID || s.events[n-1].Other.ID != child.ID {
		t.Errorf("events: %v", s.events)
	}
	s.ok(o.Unlock(s.one))
	s.want(EINVAL, s.buf.Fini(s.one))
	if e := s.events[len(s.events)-1]; e.Detail != UnbalancedFini || e.This.ID != child.ID || e.This.Name != "child" {
		t.Errorf("event: %v", &e)
	}
}

// Programs read whole words at the ends of what they are allowed to read.
func TestWordsAtTheEnds(t *testing.T) {
	s := newScene(t, observe)
	s.mapped(s.att, FromDevice)
	s.ok(s.att.Unmap(FromDevice))
	access := func(off, n uint64, write bool) int {
		s.events = nil
		s.ObserveCPU(CPUAccess{Task: Task{1, "task"}, Addr: s.buf.Backing()[0].Addr + off, Len: n, Write: write})
		return len(s.events)
	}
	s.prep(s.one, Range{101, 49}, Read|Write)
	for _, c := range []struct {
		off, n uint64
		write  bool
		events int
	}{
		{96, 8, false, 0}, {144, 8, false, 0}, {148, 4, false, 0}, // some byte is inside
		{88, 8, false, 1}, {152, 8, false, 1}, {100, 1, false, 1}, // none is
		{96, 8, true, 1}, {144, 8, true, 1}, // bytes outside are lost
		{97, 8, false, 1}, // no word
	} {
		if n := access(c.off, c.n, c.write); n != c.events {
			t.Errorf("%d bytes at %d, written %v: %d events, want %d: %v", c.n, c.off, c.write, n, c.events, s.events)
		}
	}
	s.ok(s.buf.Fini(s.one))
	j := s.dev.NewJob("half", false)
	s.ok(j.Use(s.buf, Range{0, 100}, Write))
	s.prep(s.one, Range{100, 100}, Read)
	s.ok(j.Start(nil))
	if n := access(96, 8, false); n != 0 {
		t.Errorf("a word of which a device owns a part: %v", s.events)
	}
	if n := access(88, 8, false); n == 0 {
		t.Error("a word that a device owns")
	}
}

// With mode Enforce a device waits with its job for whoever has the lock, also if it has the
// buffer mapped already.
func TestMappedForAJobThatWaits(t *testing.T) {
	for _, jobs := range []bool{false, true} {
		s := newScene(t, func(c *Config) { c.Mode = Enforce })
		d := must(s.NewDevice(DeviceSpec{Name: "tester", Jobs: jobs}))
		at := must(s.buf.Attach(s.two, d, AttachOptions{}))
		must(at.Map(FromDevice))
		o := s.lock(s.one, Write)
		s.cpu(1, 0, true)
		if n := len(s.events); n != 0 != !jobs {
			t.Errorf("jobs %v: %v", jobs, s.events)
		}
		s.ok(o.Unlock(s.one))
		s.events = nil
		s.cpu(1, 0, true)
		if len(s.events) == 0 {
			t.Error("no event without the lock")
		}
	}
}

// Who had to wait is shown where he began to, and not where somebody let him go on.
func TestSidesOfThoseWhoWaited(t *testing.T) {
	mark := uint64(0)
	s := newScene(t, func(c *Config) { c.Mark = func() uint64 { return mark } })
	s.place()
	at := func(m uint64) { mark, s.events = m, nil }
	is := func(what string, d Detail, this, other uint64) {
		t.Helper()
		if !slices.ContainsFunc(s.events, func(e Event) bool { return e.Detail == d && e.This.Mark == this && e.Other.Mark == other }) {
			t.Errorf("%s: %v, want detail %d, marks %d and %d", what, s.events, d, this, other)
		}
	}
	at(1)
	first := s.lock(s.one, Write)
	at(2)
	second, w := s.sync(s.two, SyncOptions{}, Write, s.buf), s.wait()
	s.want(EINPROGRESS, second.Lock(s.two, &w.Wait))
	at(3)
	s.ok(first.Unlock(s.one))
	s.is(w, nil)
	s.cpu(1, 0, true)
	is("a lock", NoLock, 3, 2)
	at(4)
	w = s.wait()
	s.want(EINPROGRESS, first.Lock(s.one, &w.Wait))
	at(5)
	s.clock.advance(DefaultLockupTimeout)
	s.is(w, nil)
	is("a lock that is waited for too long", LockupBroken, 2, 4)
	s.ok(first.Unlock(s.one))

	at(6)
	s.mapped(s.att, FromDevice)
	at(7)
	w = s.wait()
	s.want(EINPROGRESS, s.buf.Prep(s.one, s.buf.whole(), Read, 0, &w.Wait))
	at(8)
	s.ok(s.att.Unmap(FromDevice))
	s.is(w, nil)
	s.want(EALREADY, s.buf.Prep(s.one, s.buf.whole(), Read, 0, nil))
	is("a CPU_PREP", NestedPrep, 8, 7)
}

func TestDetailsHaveText(t *testing.T) {
	for _, d := range Details() {
		if d.Code() == "" || d.String() == "" {
			t.Errorf("detail %d has no text", d)
		}
	}
}
