// SPDX-License-Identifier: Apache-2.0

package virtio

import (
	"reflect"
	"testing"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

func TestFeatureNegotiation(t *testing.T) {
	const base = featVersion1 | featIndirectDesc | featEventIdx | featRingReset
	for _, tc := range []struct {
		name     string
		platform bool
		driver   uint64
		ok       bool
	}{
		{"everything", false, base, true},
		{"only the required", false, featVersion1, true},
		{"legacy", false, featIndirectDesc, false},
		{"not offered", false, base | 1<<5, false},
		{"platform not offered", false, base | featAccessPlatform, false},
		{"platform", true, base | featAccessPlatform, true},
		{"platform refused by the driver", true, base, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := mmiotest.NewEnv()
			cfg := testConfig(env)
			cfg.AccessPlatform = tc.platform
			g := newGuest(t, env, NewRNG(RNGConfig{Config: cfg}))
			want := uint64(base)
			if tc.platform {
				want |= featAccessPlatform
			}
			if got := g.offered(); got != want {
				t.Errorf("offers %#x, want %#x", got, want)
			}
			for sel := range uint64(2) {
				g.bench.Write("DriverFeaturesSel", sel)
				g.bench.Write("DriverFeatures", half(tc.driver, sel))
			}
			g.bench.Write("Status", 1)
			g.bench.Write("Status", 3)
			g.bench.Write("Status", 11)
			if tc.ok {
				g.bench.Want("Status", 11)
				g.noEvents()
			} else {
				g.bench.Want("Status", 3)
				if env.Events.Count(mmio.EventBadValue, "FEATURES_OK") != 1 {
					t.Errorf("events %v", env.Events.List)
				}
			}
		})
	}
}

func TestStatusRules(t *testing.T) {
	newFresh := func() *guest {
		env := mmiotest.NewEnv()
		return newGuest(t, env, NewRNG(RNGConfig{Config: testConfig(env)}))
	}
	t.Run("driver ok needs features ok", func(t *testing.T) {
		g := newFresh()
		g.bench.Write("Status", 3|statusDriverOK)
		g.bench.Want("Status", 3)
		if g.env.Events.Count(mmio.EventBadValue, "DRIVER_OK-before-FEATURES_OK") != 1 {
			t.Errorf("events %v", g.env.Events.List)
		}
	})
	t.Run("bits cannot be cleared one by one", func(t *testing.T) {
		g := newFresh()
		g.bench.Write("Status", 3)
		g.bench.Write("Status", 1)
		g.bench.Want("Status", 3)
		if g.env.Events.Count(mmio.EventBadValue, "Status-bit-cleared") != 1 {
			t.Errorf("events %v", g.env.Events.List)
		}
	})
	t.Run("the driver cannot set needs reset", func(t *testing.T) {
		g := newFresh()
		g.bench.Write("Status", 3|statusNeedsReset)
		g.bench.Want("Status", 3)
	})
	t.Run("failed", func(t *testing.T) {
		g := newFresh()
		g.bench.Write("Status", 3|statusFailed)
		g.bench.Want("Status", 3|statusFailed)
		g.noEvents()
	})
	t.Run("features are fixed after features ok", func(t *testing.T) {
		g := newFresh()
		g.negotiate(featVersion1)
		g.bench.Write("DriverFeaturesSel", 0)
		g.bench.Write("DriverFeatures", featEventIdx)
		if g.env.Events.Count(mmio.EventBadValue, "DriverFeatures") != 1 {
			t.Errorf("events %v", g.env.Events.List)
		}
	})
}

func TestQueueRegisters(t *testing.T) {
	env := mmiotest.NewEnv()
	g := newGuest(t, env, NewRNG(RNGConfig{Config: testConfig(env)}))
	g.negotiate(allFeatures)
	b := g.bench
	b.Write("QueueSel", 1)
	b.Want("QueueNumMax", 0)
	b.Want("QueueReady", 0)
	g.noEvents() // that is how drivers find out

	bad := func(what string, do func()) {
		t.Helper()
		before := env.Events.Count(mmio.EventBadValue, what)
		do()
		if env.Events.Count(mmio.EventBadValue, what) != before+1 {
			t.Errorf("no event %s: %v", what, env.Events.List)
		}
	}
	bad("QueueReady", func() { b.Write("QueueReady", 1) })
	b.Want("QueueReady", 0)
	bad("QueueNum", func() { b.Write("QueueNum", 8) })

	b.Write("QueueSel", 0)
	b.Want("QueueNumMax", 64)
	for _, n := range []uint64{0, 3, 65, 128, 1 << 16, 1<<16 + 8} {
		bad("QueueNum", func() { b.Write("QueueNum", n) })
	}
	b.Write("QueueNum", 8)
	b.Write("QueueDescLow", 0x8000_0008)
	bad("QueueDesc", func() { b.Write("QueueReady", 1) }) // misaligned
	b.Want("QueueReady", 0)
	b.Write("QueueDescLow", 0xffff_fff0)
	b.Write("QueueDescHigh", 0xffff_ffff)
	bad("QueueDesc", func() { b.Write("QueueReady", 1) }) // wraps
	b.Write("QueueDescLow", 0x8000_0000)
	b.Write("QueueDescHigh", 0)
	b.Write("QueueDriverLow", 0x8000_0101)
	bad("QueueDriver", func() { b.Write("QueueReady", 1) })
	b.Write("QueueDriverLow", 0x8000_0100)
	b.Write("QueueDeviceLow", 0x8000_0202)
	bad("QueueDevice", func() { b.Write("QueueReady", 1) })
	b.Write("QueueDeviceLow", 0x8000_0200)
	b.Write("QueueReady", 1)
	b.Want("QueueReady", 1)
	bad("QueueDesc", func() { b.Write("QueueDescLow", 0) }) // running
	bad("QueueNum", func() { b.Write("QueueNum", 4) })
	b.Write("QueueReady", 0)
	b.Want("QueueReady", 0)
	b.Write("QueueNum", 4)
	bad("QueueNotify", func() { b.Write("QueueNotify", 0) }) // before DRIVER_OK
	g.ready()
	bad("QueueNotify", func() { b.Write("QueueNotify", 1) })
}

func TestNoSharedMemory(t *testing.T) {
	r := newRNGGuest(t, allFeatures)
	r.bench.Write("SHMSel", 0)
	for _, reg := range []string{"SHMLenLow", "SHMLenHigh", "SHMBaseLow", "SHMBaseHigh"} {
		r.bench.Want(reg, 0xffffffff)
	}
	r.noEvents()
}

func TestBuffersFromBeforeDriverOK(t *testing.T) {
	env := mmiotest.NewEnv()
	g := newGuest(t, env, NewRNG(RNGConfig{Config: testConfig(env)}))
	g.negotiate(allFeatures)
	v := g.queue(0, 8)
	v.add(nil, []span{{g.alloc(16, 16), 16}})
	if _, _, ok := v.done(); ok {
		t.Fatal("the device used a buffer before DRIVER_OK")
	}
	g.ready()
	v.must()
	g.noEvents()
}

func TestDriverReset(t *testing.T) {
	r := newRNGGuest(t, allFeatures)
	r.ask(16)
	if !r.line.Level {
		t.Fatal("no interrupt to reset")
	}
	r.bench.Write("Status", 0)
	r.bench.Want("InterruptStatus", 0)
	r.bench.Write("QueueSel", 0)
	r.bench.Want("QueueReady", 0)
	if r.line.Level {
		t.Error("wire stays high after reset")
	}
	fresh := NewRNG(RNGConfig{Config: testConfig(mmiotest.NewEnv())})
	if !reflect.DeepEqual(r.dev.queues[0].queueSetup, fresh.queues[0].queueSetup) ||
		r.dev.queues[0].ringState != fresh.queues[0].ringState || r.dev.driverFeatures != 0 {
		t.Error("reset leaves state behind")
	}
	r.negotiate(allFeatures)
	r.vq = r.queue(0, rngTestQueue)
	r.ready()
	r.ask(16)
	r.noEvents()
}

func TestQueueReset(t *testing.T) {
	r := newRNGGuest(t, allFeatures)
	r.ask(16)
	r.bench.Write("QueueSel", 0)
	r.bench.Write("QueueReset", 1)
	r.bench.Want("QueueReset", 0)
	r.bench.Want("QueueReady", 0)
	r.vq = r.queue(0, rngTestQueue/2)
	r.ask(16)
	r.noEvents()

	old := newRNGGuest(t, allFeatures&^featRingReset)
	old.bench.Write("QueueSel", 0)
	old.bench.Write("QueueReset", 1)
	old.bench.Want("QueueReady", 1)
	if old.env.Events.Count(mmio.EventBadValue, "QueueReset") != 1 {
		t.Errorf("events %v", old.env.Events.List)
	}
}

// props collects what a device says about itself.
type props map[string]any

func (p props) SetProp(name string, v any)    { p[name] = v }
func (p props) Child(name string) mmio.DTNode { panic("BUG: no children expected: " + name) }
func (p props) Ref() mmio.DTRef               { panic("BUG: no reference expected") }

func TestDeviceTree(t *testing.T) {
	for coherency, nonCoherent := range map[string]bool{"dma-coherent": false, "dma-noncoherent": true} {
		cfg := testConfig(mmiotest.NewEnv())
		cfg.NonCoherent = nonCoherent
		var dev mmio.DTDescriber = NewRNG(RNGConfig{Config: cfg})
		got := props{}
		dev.DescribeDT(got)
		if want := (props{"compatible": "virtio,mmio", coherency: nil}); !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if dev.DTName() != "virtio_mmio" {
			t.Errorf("node name %q", dev.DTName())
		}
	}
}

func TestNoInterruptWireAndNoSink(t *testing.T) {
	env := mmiotest.NewEnv()
	dev := NewRNG(RNGConfig{Config: Config{Name: "bare", DMA: &env.Memory}})
	dev.WriteMMIO(0x70, 4, 0xff)
	dev.WriteMMIO(0x70, 4, 0)
	dev.Reset()
}

// TestLinuxRegisterOffsets compares the table with include/uapi/linux/virtio_mmio.h
// of Linux 7.2.
func TestLinuxRegisterOffsets(t *testing.T) {
	regs := NewRNG(RNGConfig{Config: testConfig(mmiotest.NewEnv())}).Registers()
	header := []struct {
		name   string // in the specification
		offset uint64 // in the header
	}{
		{"MagicValue", 0x000},
		{"Version", 0x004},
		{"DeviceID", 0x008},
		{"VendorID", 0x00c},
		{"DeviceFeatures", 0x010},
		{"DeviceFeaturesSel", 0x014},
		{"DriverFeatures", 0x020},
		{"DriverFeaturesSel", 0x024},
		{"QueueSel", 0x030},
		{"QueueNumMax", 0x034},
		{"QueueNum", 0x038},
		{"QueueReady", 0x044},
		{"QueueNotify", 0x050},
		{"InterruptStatus", 0x060},
		{"InterruptACK", 0x064},
		{"Status", 0x070},
		{"QueueDescLow", 0x080},
		{"QueueDescHigh", 0x084},
		{"QueueDriverLow", 0x090}, // QUEUE_AVAIL_LOW
		{"QueueDriverHigh", 0x094},
		{"QueueDeviceLow", 0x0a0}, // QUEUE_USED_LOW
		{"QueueDeviceHigh", 0x0a4},
		{"SHMSel", 0x0ac},
		{"SHMLenLow", 0x0b0},
		{"SHMLenHigh", 0x0b4},
		{"SHMBaseLow", 0x0b8},
		{"SHMBaseHigh", 0x0bc},
		{"ConfigGeneration", 0x0fc},
	}
	for _, h := range header {
		id, ok := regs.Lookup(h.name)
		if !ok {
			t.Errorf("no register %s", h.name)
		} else if got := regs.Reg(id).Offset; got != h.offset {
			t.Errorf("%s is at %#x, Linux has it at %#x", h.name, got, h.offset)
		}
	}
	// QueueReset is in the specification but not in the header.
	if got, want := len(regs.Block().Regs), len(header)+1; got != want {
		t.Errorf("%d registers, want %d", got, want)
	}
}
