// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"testing"
	"time"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// gated is a G2D whose every access must have been announced, except for command lists
// at listBase and after it.
func gated(t testing.TB) (*mmiotest.Env, *mmiotest.Gate, *G2D, *mmiotest.Bench) {
	env := newEnv()
	g := &mmiotest.Gate{Unguarded: []mmio.DMARange{{Addr: mmio.IOVA(listBase), Len: 0x20000, Read: true}}}
	d := New(Config{Name: "g2d", Clock: &env.Clock, IRQ: g.Line(t, env.Line("irq")), DMA: g.Port(t, &env.Memory), Gate: g, Events: &env.Events})
	return env, g, d, mmiotest.NewBench(t, d, &env.Events)
}

// A fill of three pixels, in the way of TestBitbltWaits.
func fill() setting {
	return setting{"DST_COLOR_MODE": fmtARGB8888, "DST_BASE_ADDR": dstBase, "DST_STRIDE": 4096, "DST_LEFT_TOP": 0,
		"DST_RIGHT_BOTTOM": point(3, 1), "SF_COLOR": 0x11223344, "BITBLT_COMMAND": cmdFill}
}

func TestBitbltWaits(t *testing.T) {
	env, g, d, b := gated(t)
	b.Write("INTEN", intSlave)
	before := pixelAt(env, dstBase)
	g.Closed = true
	fill().start(b)
	env.Clock.Advance(aLongTime)
	if pixelAt(env, dstBase) != before || g.Waiting() != 1 || env.Line("irq").Level || g.What != "fill 3x1 to 0x80040007" {
		t.Fatalf("did not wait: %+v", g)
	}
	g.Open()
	env.Clock.Advance(3 * pixelTime)
	if pixelAt(env, dstBase) != 0x11223344 || g.InFlight() != 0 || g.Finished != 1 || !env.Line("irq").Level {
		t.Errorf("after the gate opened: %+v", g)
	}

	for name, end := range map[string]func(){
		"reset":      d.Reset,
		"soft reset": func() { b.Write("SOFT_RESET", resetEngine) },
	} {
		for _, closed := range []bool{true, false} {
			d.Reset()
			g.Closed = closed
			fill().start(b)
			end()
			if g.Waiting() != 0 || g.InFlight() != 0 {
				t.Errorf("%s, gate closed %v: a job remains", name, closed)
			}
		}
	}
}

func TestBitbltThatFailsEndsItsJob(t *testing.T) {
	env, g, _, b := gated(t)
	s := fill()
	s["DST_BASE_ADDR"] = 0
	s.start(b)
	env.Clock.Advance(aLongTime)
	b.Want("INTC_PEND", intSlave)
	if g.Aborted != 1 || g.InFlight() != 0 {
		t.Errorf("%+v", g)
	}
	// Nothing is drawn, and nothing refused is announced.
	s["DST_RIGHT_BOTTOM"] = 0
	s.start(b)
	if g.Started != 1 {
		t.Errorf("%+v", g)
	}
}

// A run of lists is one job, for all that its bitblts touch.
func TestRunOfListsIsOneJob(t *testing.T) {
	env, g, d, b := gated(t)
	g.Interrupts = true // when it holds
	const second = listBase + 0x400
	put(t, env, d, listBase, list(true, fillCommands(0, 3, 1)...), second)
	put(t, env, d, second, list(false, fillCommands(0x100, 2, 2)...), 0)
	g.Closed = true
	startLists(b, listBase)
	env.Clock.Advance(fetchTime)
	want := []mmio.DMARange{{Addr: mmio.IOVA(dstBase), Len: 12, Write: true}, {Addr: mmio.IOVA(dstBase) + 0x100, Len: 8, Write: true}}
	if g.Waiting() != 1 || len(g.Ranges) != 2 || g.Ranges[0] != want[0] || g.Ranges[1] != want[1] || g.What != "command list at 0x800a0000" {
		t.Fatalf("%+v", g)
	}
	b.Want("DMA_STATUS", 0)
	g.Open()
	env.Clock.Advance(aLongTime)
	b.Want("INTC_PEND", intList)
	if g.InFlight() != 1 { // it holds, in the middle of the run
		t.Fatalf("%+v", g)
	}
	b.Write("INTC_PEND", intList)
	b.Write("DMA_HOLD_CMD", 0)
	b.Write("DMA_COMMAND", dmaContinue)
	env.Clock.Advance(aLongTime)
	b.Want("DMA_STATUS", status(2, 2, statusDone))
	if g.InFlight() != 0 || g.Started != 1 || g.Finished != 1 {
		t.Errorf("%+v", g)
	}
}

// Lists that never end are announced a part at a time, and between the parts nothing is
// held.
func TestEndlessListsGiveWay(t *testing.T) {
	env, g, d, b := gated(t)
	put(t, env, d, listBase, list(false, fillCommands(0, 1, 1)...), listBase)
	startLists(b, listBase)
	env.Clock.Advance(10 * time.Millisecond)
	if g.InFlight() != 1 || g.Started < 2 || g.Finished != g.Started-1 {
		t.Errorf("%d started, %d finished", g.Started, g.Finished)
	}
	b.Write("SOFT_RESET", resetEngine)
	if g.InFlight() != 0 {
		t.Error("a job remains")
	}
}

func TestSavedAtTheGateAsksAgain(t *testing.T) {
	for name, start := range map[string]func(*testing.T, *mmiotest.Env, *G2D, *mmiotest.Bench){
		"bitblt": func(_ *testing.T, _ *mmiotest.Env, _ *G2D, b *mmiotest.Bench) { fill().start(b) },
		"lists": func(t *testing.T, env *mmiotest.Env, d *G2D, b *mmiotest.Bench) {
			put(t, env, d, listBase, list(false, fillCommands(0, 3, 0x11223344)...), 0)
			startLists(b, listBase)
			env.Clock.Advance(fetchTime)
		},
	} {
		env, g, d, b := gated(t)
		g.Closed = true
		start(t, env, d, b)
		saved, err := d.SaveState()
		if err != nil {
			t.Fatal(err)
		}
		d.Reset()
		if err := d.LoadState(saved); err != nil {
			t.Fatal(err)
		}
		if g.Waiting() != 0 {
			t.Errorf("%s: asks while it is loaded", name)
		}
		env.Clock.Advance(1)
		if g.Waiting() != 1 {
			t.Errorf("%s: does not ask again", name)
		}
		g.Open()
		env.Clock.Advance(aLongTime)
		if pixelAt(env, dstBase) != 0x11223344 || g.InFlight() != 0 {
			t.Errorf("%s: not done", name)
		}
	}
}
