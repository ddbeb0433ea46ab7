// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"bytes"
	"slices"
	"testing"

	"vdev/mmio"
)

// peek reads the rig's memory behind everybody's back.
func (r *rig) peek(a mmio.PhysAddr, p []byte) bool {
	off := uint64(a) - memBase
	if off > uint64(len(r.env.Memory.Bytes)) || uint64(len(p)) > uint64(len(r.env.Memory.Bytes))-off {
		return false
	}
	copy(p, r.env.Memory.Bytes[off:])
	return true
}

// Resolve sees what the tables hold now, and nobody sees Resolve.
func TestResolveLeavesNoTrace(t *testing.T) {
	r := newRig(t, Config{})
	table := r.table(modeSv39, 1)
	r.enter(table, 0x1000, 0, leafPTE(memBase+0x1000, pteV|pteU|pteR|pteW))
	r.enter(table, 0x2000, 0, leafPTE(memBase+0x2000, pteV|pteU|pteR|pteA))
	r.enter(table, 0x3000, 0, leafPTE(0x2_0000_0000, userRW))
	r.device(3, tcV|tcSADE, 0, 7<<12, table)
	r.u.SetAt(regIohpmevt, 0, uint64(eventUntranslated))
	r.u.counted()
	image := bytes.Clone(r.env.Memory.Bytes)
	counter := r.u.GetAt(regIohpmctr, 0)
	for _, c := range []struct {
		name string
		req  Request
		to   uint64
		ok   bool
	}{
		{"read", read(3, 0x1008), memBase + 0x1008, true},
		{"write to a clean page", write(3, 0x1008), memBase + 0x1008, true},
		{"read of a read-only page", read(3, 0x2000), memBase + 0x2000, true},
		{"write to a read-only page", write(3, 0x2000), 0, false},
		{"page outside memory", read(3, 0x3000), 0x2_0000_0000, true},
		{"no page", read(3, 0x4000), 0, false},
		{"no device", read(4, 0x1000), 0, false},
	} {
		to, ok := r.u.Resolve(r.peek, c.req)
		if ok != c.ok || ok && uint64(to) != c.to {
			t.Errorf("%s: %#x, %v", c.name, uint64(to), ok)
		}
	}
	if !bytes.Equal(r.env.Memory.Bytes, image) || r.u.GetAt(regIohpmctr, 0) != counter || len(r.env.Events.List) != 0 {
		t.Errorf("a trace: counter %d, events %v", r.u.GetAt(regIohpmctr, 0), r.env.Events.List)
	}
	if r.u.translations.find(func(*translation) bool { return true }) != nil || r.u.devices.find(func(*deviceContext) bool { return true }) != nil {
		t.Error("something was cached")
	}
	// A stale translation does not hide that the page is gone.
	if _, f := r.u.Translate(read(3, 0x1000)); f != nil {
		t.Fatal(f)
	}
	r.enter(table, 0x1000, 0, 0)
	if _, f := r.u.Translate(read(3, 0x1000)); f != nil {
		t.Error("the translation is not stale")
	}
	if _, ok := r.u.Resolve(r.peek, read(3, 0x1000)); ok {
		t.Error("the page is gone, and found")
	}
	for device, want := range map[uint32]uint32{3: 7, 4: 0} {
		if pscid, ok := r.u.AddressSpace(r.peek, device); pscid != want || ok != (want != 0) {
			t.Errorf("device %d has PSCID %d, %v", device, pscid, ok)
		}
	}
	r.mode(ddtpOff, 0)
	if _, ok := r.u.AddressSpace(r.peek, 3); ok {
		t.Error("an address space of an IOMMU that is off")
	}
	if _, ok := r.u.Resolve(r.peek, read(3, 0x2000)); ok {
		t.Error("found by an IOMMU that is off")
	}
}

// Invalidations are told as they were asked for.
func TestOnInvalidate(t *testing.T) {
	var got []Invalidation
	r := newRig(t, Config{OnInvalidate: func(v Invalidation) { got = append(got, v) }})
	r.command(cmdInvalVMA, 0)
	r.command(cmdInvalVMA|opPSCV|7<<12, 0)
	r.command(cmdInvalVMA|opAV|opPSCV|7<<12, 0x1000>>12<<10)
	r.command(cmdInvalGVMA, 0)
	want := []Invalidation{{}, {PSCID: 7, HasPSCID: true}, {PSCID: 7, HasPSCID: true, Addr: 0x1000, HasAddr: true}}
	if !slices.Equal(got, want) {
		t.Errorf("told of %+v", got)
	}
}
