// SPDX-License-Identifier: Apache-2.0

package dmatest

import (
	"testing"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// gated is a tester whose operations wait for a gate.
func gated(t *testing.T) (*mmiotest.Env, *mmiotest.Gate, *Tester, *mmiotest.Bench) {
	env, g := mmiotest.NewEnv(), &mmiotest.Gate{}
	d := New(Config{Name: "dma", Clock: &env.Clock, IRQ: g.Line(t, env.Line("irq")), DMA: g.Port(t, &env.Memory), Gate: g, Events: &env.Events})
	b := mmiotest.NewBench(t, d, &env.Events)
	b.Write("IRQ_ENABLE", StatusDone)
	return env, g, d, b
}

func TestOperationsAreAnnounced(t *testing.T) {
	src, dst := mmio.IOVA(mmiotest.MemoryBase+srcOff), mmio.IOVA(mmiotest.MemoryBase+dstOff)
	for _, c := range []struct {
		op     uint64
		length uint64
		what   string
		ranges []mmio.DMARange
	}{
		{uint64(OpCopy), 5000, "copy of 5000 bytes", []mmio.DMARange{{Addr: src, Len: 5000, Read: true}, {Addr: dst, Len: 5000, Write: true}}},
		{uint64(OpFill), 7, "fill of 7 bytes", []mmio.DMARange{{Addr: dst, Len: 7, Write: true}}},
		{uint64(OpFill) | CommandFrame, 7, "fill of 7 bytes", []mmio.DMARange{{Addr: dst, Len: 7, Write: true, Frame: true}}},
		{uint64(OpChecksum) | CommandFrame, 4096, "checksum of 4096 bytes", []mmio.DMARange{{Addr: src, Len: 4096, Read: true}}},
		{uint64(OpCopy), 0, "copy of 0 bytes", nil},
	} {
		env, g, _, b := gated(t)
		start(b, Op(c.op), params{"SRC": uint64(src), "DST": uint64(dst), "LENGTH": c.length, "DELAY": 10})
		if g.Started != 0 {
			t.Errorf("%s: announced before its delay was over", c.what)
		}
		env.Clock.Advance(10)
		if g.What != c.what || len(g.Ranges) != len(c.ranges) || g.Started != 1 || g.Finished != 1 {
			t.Errorf("%s: announced as %s, %v; %+v", c.what, g.What, g.Ranges, g)
			continue
		}
		for i, r := range c.ranges {
			if g.Ranges[i] != r {
				t.Errorf("%s: range %d is %+v", c.what, i, g.Ranges[i])
			}
		}
	}
}

func TestOperationWaitsAtTheGate(t *testing.T) {
	env, g, d, b := gated(t)
	g.Closed = true
	p := params{"DST": uint64(mmiotest.MemoryBase + dstOff), "LENGTH": 16, "PATTERN": 0x1111111111111111}
	start(b, OpFill, p)
	env.Clock.Advance(1000)
	b.Want("STATUS", StatusBusy)
	if env.Memory.Bytes[dstOff] != 0 || g.Waiting() != 1 {
		t.Fatal("did not wait")
	}
	g.Open()
	b.Want("STATUS", StatusDone)
	if env.Memory.Bytes[dstOff] != 0x11 || g.InFlight() != 0 || g.Finished != 1 {
		t.Errorf("after the gate opened: byte %#x, %+v", env.Memory.Bytes[dstOff], g)
	}

	ends := map[string]func(){
		"abort": func() { b.Write("COMMAND", uint64(OpAbort)) },
		"reset": d.Reset,
		"load": func() {
			s, err := newTester(mmiotest.NewEnv()).SaveState()
			if err == nil {
				err = d.LoadState(s)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, end := range ends {
		g.Closed = true
		start(b, OpFill, p)
		end()
		if g.Waiting() != 0 || g.InFlight() != 0 {
			t.Errorf("%s: a job remains", name)
		}
		g.Open()
		d.Reset()
	}
}

func TestFailedOperationEndsItsJob(t *testing.T) {
	_, g, _, b := gated(t)
	g.Unguarded = []mmio.DMARange{{Len: 1 << 40, Read: true, Write: true}}
	start(b, OpFill, params{"DST": 0, "LENGTH": 16})
	b.Want("STATUS", StatusDone|StatusError)
	if g.Aborted != 1 || g.InFlight() != 0 {
		t.Errorf("%+v", g)
	}
}

func TestSavedWhileWaitingAsksAgain(t *testing.T) {
	env, g, d, b := gated(t)
	g.Closed = true
	start(b, OpFill, params{"DST": uint64(mmiotest.MemoryBase + dstOff), "LENGTH": 16, "PATTERN": 0x22})
	saved, err := d.SaveState()
	if err != nil {
		t.Fatal(err)
	}
	g.Open()
	b.Want("STATUS", StatusDone)
	env.Memory.Bytes[dstOff] = 0
	if err := d.LoadState(saved); err != nil {
		t.Fatal(err)
	}
	env.Clock.Advance(1)
	b.Want("STATUS", StatusDone)
	if env.Memory.Bytes[dstOff] != 0x22 || g.Finished != 2 {
		t.Errorf("byte %#x, %+v", env.Memory.Bytes[dstOff], g)
	}
}
