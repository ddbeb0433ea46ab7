// SPDX-License-Identifier: Apache-2.0

package mmiotest

import (
	"testing"

	"vdev/mmio"
)

// Bench drives one device through a bus, by register name.
type Bench struct {
	t   testing.TB
	bus *mmio.Bus
	dev mmio.RegisterDevice
}

// benchBase is where a bench maps its device.
const benchBase mmio.PhysAddr = 0x4000_0000

// NewBench puts dev on a bus of its own; events are the bus's (the device reports
// to the sink it was built with).
func NewBench(t testing.TB, dev mmio.RegisterDevice, events mmio.EventSink) *Bench {
	t.Helper()
	b := &Bench{t: t, bus: mmio.NewBus(events), dev: dev}
	if err := b.bus.Map(benchBase, dev); err != nil {
		t.Fatal(err)
	}
	b.bus.Freeze()
	return b
}

// addr resolves a register element; an unknown one ends the test.
func (b *Bench) addr(name string, i int) (mmio.PhysAddr, int) {
	b.t.Helper()
	id, ok := b.dev.Registers().Lookup(name)
	if !ok {
		b.t.Fatalf("%s has no register %s", b.dev.Name(), name)
	}
	r := b.dev.Registers().Reg(id)
	if i < 0 || i >= r.Count {
		b.t.Fatalf("%s has no %s[%d]", b.dev.Name(), name, i)
	}
	return benchBase + mmio.PhysAddr(r.Offset+uint64(i)*r.Stride), r.Width
}

// Offset is where a register is in the device's window.
func (b *Bench) Offset(name string) uint64 {
	b.t.Helper()
	at, _ := b.addr(name, 0)
	return uint64(at - benchBase)
}

// Read is a guest's read of a whole register.
func (b *Bench) Read(name string) uint64 { b.t.Helper(); return b.ReadAt(name, 0) }

// ReadAt is Read for an element of an array.
func (b *Bench) ReadAt(name string, i int) uint64 {
	b.t.Helper()
	addr, size := b.addr(name, i)
	v, ok := b.bus.Read(addr, size)
	if !ok {
		b.t.Fatalf("reading %s: access fault", name)
	}
	return v
}

// Write is a guest's write of a whole register.
func (b *Bench) Write(name string, v uint64) { b.t.Helper(); b.WriteAt(name, 0, v) }

// WriteAt is Write for an element of an array.
func (b *Bench) WriteAt(name string, i int, v uint64) {
	b.t.Helper()
	addr, size := b.addr(name, i)
	if !b.bus.Write(addr, size, v) {
		b.t.Fatalf("writing %s: access fault", name)
	}
}

// Want reads a register and complains if it is not v.
func (b *Bench) Want(name string, v uint64) { b.t.Helper(); b.WantAt(name, 0, v) }

// WantAt is Want for an element of an array.
func (b *Bench) WantAt(name string, i int, v uint64) {
	b.t.Helper()
	if got := b.ReadAt(name, i); got != v {
		b.t.Errorf("%s[%d] reads %#x, want %#x", name, i, got, v)
	}
}

// Raw is a guest's access at an offset, for widths and places no register has.
func (b *Bench) Raw(off uint64, size int) (uint64, bool) {
	return b.bus.Read(benchBase+mmio.PhysAddr(off), size)
}

// RawWrite is the writing counterpart of Raw.
func (b *Bench) RawWrite(off uint64, size int, v uint64) bool {
	return b.bus.Write(benchBase+mmio.PhysAddr(off), size, v)
}
