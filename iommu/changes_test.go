// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"testing"

	"vdev/mmio"
)

// trackedMemory is memory that knows which of its pages have changed.
type trackedMemory struct {
	mmio.DMA
	now     uint64
	changed map[mmio.IOVA]uint64
}

func (m *trackedMemory) touch(page uint64) {
	m.now++
	m.changed[mmio.IOVA(page)] = m.now
}

func (m *trackedMemory) DirtyDMA(addr mmio.IOVA, n uint64) bool {
	return addr == mmio.IOVA(memBase+0x90000) && n == 16
}

func (m *trackedMemory) ChangeStamp() mmio.ChangeStamp { return mmio.ChangeStamp{Memory: 1 + m.now} }

func (m *trackedMemory) ChangedSince(addr mmio.IOVA, n uint64, s mmio.ChangeStamp) bool {
	if addr/pageSize != (addr+mmio.IOVA(n)-1)/pageSize {
		panic("more than a page")
	}
	return m.changed[addr&^(pageSize-1)] >= s.Memory
}

// A port finds out by itself which physical pages it is about, and that they are other
// ones.
func TestPortChanges(t *testing.T) {
	const first, second, far = memBase + 0x80000, memBase + 0x90000, memBase + 0xa0000
	for _, c := range []struct {
		name string
		do   func(r *rig, table uint64, m *trackedMemory, p mmio.DMA)
		want bool // of two pages at 0x1000
	}{
		{"nothing", func(*rig, uint64, *trackedMemory, mmio.DMA) {}, false},
		{"first page", func(_ *rig, _ uint64, m *trackedMemory, _ mmio.DMA) { m.touch(first) }, true},
		{"second page", func(_ *rig, _ uint64, m *trackedMemory, _ mmio.DMA) { m.touch(second) }, true},
		{"another page", func(_ *rig, _ uint64, m *trackedMemory, _ mmio.DMA) { m.touch(far) }, false},
		{"the page of that number", func(_ *rig, _ uint64, m *trackedMemory, _ mmio.DMA) { m.touch(0x1000) }, false},
		{"invalidation of all", func(r *rig, _ uint64, _ *trackedMemory, _ mmio.DMA) { r.command(cmdInvalVMA, 0) }, true},
		{"invalidation of the page", func(r *rig, _ uint64, _ *trackedMemory, _ mmio.DMA) { r.command(cmdInvalVMA|opAV, 0x2000>>12<<10) }, true},
		{"invalidation of another", func(r *rig, _ uint64, _ *trackedMemory, _ mmio.DMA) { r.command(cmdInvalVMA|opAV, 0x3000>>12<<10) }, false},
		{"of the second stage", func(r *rig, _ uint64, _ *trackedMemory, _ mmio.DMA) { r.command(cmdInvalGVMA, 0) }, true},
		{"of device contexts", func(r *rig, _ uint64, _ *trackedMemory, _ mmio.DMA) { r.command(cmdInvalDDT, 0) }, true},
		{"of a fence", func(r *rig, _ uint64, _ *trackedMemory, _ mmio.DMA) { r.command(cmdFence, 0) }, false},
		{"another directory", func(r *rig, _ uint64, _ *trackedMemory, _ mmio.DMA) { r.mode(ddtpOff, 0) }, true},
		{"reset", func(r *rig, _ uint64, _ *trackedMemory, _ mmio.DMA) { r.u.Reset() }, true},
		{"read through again", func(_ *rig, _ uint64, _ *trackedMemory, p mmio.DMA) { _ = p.ReadDMA(0x1000, make([]byte, 8)) }, false},
		{"another page, read through again", func(r *rig, table uint64, _ *trackedMemory, p mmio.DMA) {
			r.enter(table, 0x1000, 0, leafPTE(far, userRW))
			r.command(cmdInvalVMA|opAV, 0x1000>>12<<10)
			_ = p.ReadDMA(0x1000, make([]byte, 8))
		}, true},
		{"another page, by itself", func(r *rig, table uint64, _ *trackedMemory, p mmio.DMA) {
			r.enter(table, 0x1000, 0, leafPTE(far, userRW))
			for a := mmio.IOVA(0); a < 2*translationCacheSize; a++ { // push it out of the cache
				r.enter(table, 0x10_0000+uint64(a)*pageSize, 0, leafPTE(far, userRW))
				_ = p.WriteDMA(0x10_0000+a*pageSize, make([]byte, 1))
			}
			_ = p.ReadDMA(0x1000, make([]byte, 8))
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, Config{})
			table := r.table(modeSv39, 1)
			r.device(3, tcV, 0, 0, table)
			r.enter(table, 0x1000, 0, leafPTE(first, userRW))
			r.enter(table, 0x2000, 0, leafPTE(second, userRW))
			m := &trackedMemory{DMA: &r.env.Memory, changed: map[mmio.IOVA]uint64{}}
			p := r.u.Port(3, m, nil)
			tracker := p.(mmio.ChangeTracker)
			if !tracker.ChangedSince(0x1000, 1, mmio.ChangeStamp{}) {
				t.Error("nothing has been read yet")
			}
			look := func() mmio.ChangeStamp {
				s := tracker.ChangeStamp()
				if err := p.ReadDMA(0x1000, make([]byte, 2*pageSize)); err != nil {
					t.Fatal(err)
				}
				return s
			}
			s := look()
			if tracker.ChangedSince(0x1000, 2*pageSize, s) || tracker.ChangeStamp() != s {
				t.Error("changed at once")
			}
			if !tracker.DirtyDMA(0x1ff0, 32) || tracker.DirtyDMA(0x1ff0, 31) || tracker.DirtyDMA(0x3000, pageSize) {
				t.Error("not the dirty lines")
			}
			if !tracker.ChangedSince(0x3000, 1, mmio.ChangeStamp{}) {
				t.Error("a page that was not read")
			}
			c.do(r, table, m, p)
			before := r.u.translations.Next
			if got := tracker.ChangedSince(0x1000, 2*pageSize, s); got != c.want {
				t.Errorf("changed: %v, want %v", got, c.want)
			}
			if c.want && tracker.ChangeStamp() == s {
				t.Error("the stamp stood still")
			}
			if r.u.translations.Next != before || r.fault() != nil {
				t.Error("the question left traces")
			}
		})
	}
	// Nothing is known over memory that does not know.
	r := newRig(t, Config{})
	p := r.u.Port(3, &r.env.Memory, nil).(mmio.ChangeTracker)
	if !p.ChangedSince(0, 1, p.ChangeStamp()) {
		t.Error("unchanged, says memory that cannot know")
	}
}

// An address within a bigger page names all of it.
func TestPortChangesInBigPages(t *testing.T) {
	r := newRig(t, Config{})
	table := r.table(modeSv39, 1)
	r.device(3, tcV, 0, 0, table)
	r.enter(table, 0, 2, leafPTE(memBase&^(1<<30-1), userRW))
	m := &trackedMemory{DMA: &r.env.Memory, changed: map[mmio.IOVA]uint64{}}
	p := r.u.Port(3, m, nil)
	tracker := p.(mmio.ChangeTracker)
	s := tracker.ChangeStamp()
	if err := p.ReadDMA(0x1000, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if tracker.ChangedSince(0x1000, 1, s) {
		t.Error("changed at once")
	}
	r.command(cmdInvalVMA|opAV, 0x9000>>12<<10)
	if !tracker.ChangedSince(0x1000, 1, s) {
		t.Error("an invalidation went unnoticed")
	}
}
