// SPDX-License-Identifier: Apache-2.0

package mmio

import (
	"strings"
	"testing"
)

// plain is a device whose reads return the offset and whose writes are recorded.
type plain struct {
	name  string
	size  uint64
	sizes uint8
	wrote uint64
}

func (p *plain) Name() string                        { return p.name }
func (p *plain) Size() uint64                        { return p.size }
func (p *plain) AccessSizes() uint8                  { return p.sizes }
func (p *plain) ReadMMIO(off uint64, _ int) uint64   { return off }
func (p *plain) WriteMMIO(_ uint64, _ int, v uint64) { p.wrote = v }
func (p *plain) Reset()                              { p.wrote = 0 }

func TestMapRefuses(t *testing.T) {
	b := NewBus(nil)
	if err := b.Map(0x2000, &plain{name: "uart0", size: 0x1000, sizes: 4}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		base PhysAddr
		dev  *plain
		want string
	}{
		{0x2fff, &plain{name: "rtc", size: 2, sizes: 4}, "rtc [0x2fff-0x3000] overlaps uart0 [0x2000-0x2fff]"},
		{0x1000, &plain{name: "rtc", size: 0x9000, sizes: 4}, "rtc [0x1000-0x9fff] overlaps uart0 [0x2000-0x2fff]"},
		{0x1fff, &plain{name: "rtc", size: 2, sizes: 4}, "overlaps"},
		{0x3000, &plain{name: "uart0", size: 1, sizes: 4}, "same name"},
		{0x3000, &plain{name: "rtc", size: 0, sizes: 4}, "empty"},
		{^PhysAddr(0), &plain{name: "rtc", size: 2, sizes: 4}, "wraps"},
		{0x3000, &plain{name: "rtc", size: 4, sizes: 0}, "access sizes"},
	} {
		if err := b.Map(c.base, c.dev); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("mapping %s at %#x: %v, want %q", c.dev.name, c.base, err, c.want)
		}
	}
	if err := b.Map(^PhysAddr(0), &plain{name: "end", size: 1, sizes: 1}); err != nil {
		t.Error(err)
	}
	if err := b.Map(0x1000, &plain{name: "low", size: 0x1000, sizes: 4}); err != nil {
		t.Error(err)
	}
	var names []string
	for _, r := range b.Regions() {
		names = append(names, r.Device.Name())
	}
	if got := strings.Join(names, " "); got != "low uart0 end" {
		t.Errorf("regions %q", got)
	}
	b.Freeze()
	if b.Map(0x8000, &plain{name: "late", size: 4, sizes: 4}) == nil {
		t.Error("mapped after Freeze")
	}
}

func TestRouting(t *testing.T) {
	var ev recorder
	b := NewBus(&ev)
	devs := []*plain{{name: "a", size: 0x10, sizes: 1 | 4}, {name: "b", size: 0x10, sizes: 15}, {name: "c", size: 0x10, sizes: 4}}
	for i, base := range []PhysAddr{0x300, 0x100, 0x110} {
		if err := b.Map(base, devs[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		addr   PhysAddr
		size   int
		want   uint64
		ok     bool
		events string
	}{
		{0x304, 4, 4, true, ""},
		{0x108, 8, 8, true, ""},
		{0x110, 4, 0, true, ""},
		{0x11c, 4, 12, true, ""},
		{0x120, 4, 0, false, "no-device read 0x120"},
		{0xff, 1, 0, false, "no-device read 0xff"},
		{0x2ff, 1, 0, false, "no-device read 0x2ff"},
		{0x30e, 4, 0, false, "no-device read across window end 0x30e"},
		{0x304, 2, 0, true, "access-size read 0x4"},
		{0x302, 4, 0, true, "access-size read 0x2"},
	} {
		ev = nil
		v, ok := b.Read(c.addr, c.size)
		if v != c.want || ok != c.ok || strings.Join(ev, ";") != c.events {
			t.Errorf("read %d at %#x: %#x %v %q", c.size, c.addr, v, ok, ev)
		}
	}
	ev = nil
	if !b.Write(0x100, 2, 0x12345678) || devs[1].wrote != 0x5678 {
		t.Errorf("write was not truncated to its size: %#x", devs[1].wrote)
	}
	if b.Write(0x50, 4, 1) || b.Write(0x10c, 8, 1) || !b.Write(0x110, 8, 1) || devs[2].wrote != 0 {
		t.Error("wrong writes were taken")
	}
	if got, want := strings.Join(ev, ";"), "no-device write 0x50;no-device write across window end 0x10c;access-size write 0x0"; got != want {
		t.Errorf("events %q, want %q", got, want)
	}
	if r, ok := b.Find(0x30f); !ok || r.Device.Name() != "a" {
		t.Error("Find")
	}
	b.Reset()
	if devs[1].wrote != 0 {
		t.Error("Reset did not reach a device")
	}
}
