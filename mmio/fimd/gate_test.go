// SPDX-License-Identifier: Apache-2.0

package fimd

import (
	"bytes"
	"testing"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// gated is a display that reads only what it may.
func gated(t *testing.T) (*mmiotest.Env, *mmiotest.Gate, *FIMD, *mmiotest.Bench) {
	env, g := mmiotest.NewEnv(), &mmiotest.Gate{}
	d := New(Config{Name: "fimd", Clock: &env.Clock, FIFO: env.Line("fifo"), VSync: g.Line(t, env.Line("vsync")), System: env.Line("lcd_sys"),
		DMA: g.Port(t, &env.Memory), Gate: g, Events: &env.Events, SourceClock: newDevice(mmiotest.NewEnv()).sourceClock})
	return env, g, d, mmiotest.NewBench(t, d, &env.Events)
}

const (
	oneColor, otherColor = 0x10, 0x20 // all bytes of all pixels
	oneAt                = uint64(mmiotest.MemoryBase) + 0x10000
	otherAt              = oneAt + 0x10000
)

// TestLatchedWindowHoldsItsMemory flips between two pictures, of which the second is
// somebody else's for a while.
func TestLatchedWindowHoldsItsMemory(t *testing.T) {
	env, g, d, b := gated(t)
	copy(env.Memory.Bytes[0x10000:], bytes.Repeat([]byte{oneColor}, 0x10000))
	copy(env.Memory.Bytes[0x20000:], bytes.Repeat([]byte{otherColor}, 0x10000))
	show := func(at uint64) {
		setPlane(b, plane{win: 1, w: 40, h: 30, addr: at, pitch: 200, cpp: 4, con: conXRGB})
	}
	frame := func(what string, inFlight, waiting int, c uint32) {
		t.Helper()
		env.Clock.Advance(testFrame)
		if g.InFlight() != inFlight || g.Waiting() != waiting {
			t.Errorf("%s: %+v", what, g)
		}
		shown := d.picture(nil) // what was read, as Screenshot takes a look of its own
		if got := shown.RGBAAt(20, 20); got != lit(c*0x10101) {
			t.Errorf("%s: pixel %v, want %#x", what, got, c)
		}
	}
	setMode(b, testMode())
	b.Write("VIDINTCON0", intEnable|intFrame)
	frame("nothing", 0, 0, 0)
	show(oneAt)
	b.Write("BLENDEQ", uint64(fOne))
	frame("one", 1, 0, oneColor)
	if want := (mmio.DMARange{Addr: mmio.IOVA(oneAt), Len: 29*200 + 160, Read: true}); len(g.Ranges) != 1 || g.Ranges[0] != want || g.What != "scan-out of window 1 at 0x80010000" {
		t.Errorf("announced %s, %+v", g.What, g.Ranges)
	}
	frame("still", 1, 0, oneColor)
	if g.Started != 1 {
		t.Errorf("%d jobs for one picture", g.Started)
	}

	g.Closed = true
	show(otherAt)
	frame("the other is somebody's", 0, 1, oneColor)
	frame("still", 0, 1, oneColor)
	b.WantAt("SHD_BUF_START", 1, oneAt&0xffffffff)
	g.Open()
	frame("now", 1, 0, otherColor)
	b.WantAt("SHD_BUF_START", 1, otherAt&0xffffffff)

	g.Closed = true
	show(oneAt)
	frame("waits", 0, 1, otherColor)
	show(otherAt)
	frame("has changed its mind", 0, 1, otherColor)
	b.WriteAt("WINCON", 1, 0)
	frame("does not want it any more", 0, 0, 0)
	g.Closed = false
	show(oneAt)
	frame("one again", 1, 0, oneColor)
	b.Write("VIDCON0", 0)
	if g.InFlight() != 0 {
		t.Error("off, and holds something")
	}
}

func TestFirstPictureWaits(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, d *FIMD, b *mmiotest.Bench){
		"off":   func(_ *testing.T, _ *FIMD, b *mmiotest.Bench) { b.Write("VIDCON0", 0) },
		"reset": func(_ *testing.T, d *FIMD, _ *mmiotest.Bench) { d.Reset() },
		"load": func(t *testing.T, d *FIMD, _ *mmiotest.Bench) {
			s, err := newDevice(mmiotest.NewEnv()).SaveState()
			if err == nil {
				err = d.LoadState(s)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		env, g, d, b := gated(t)
		g.Closed = true
		setPlane(b, plane{w: 40, h: 30, addr: oneAt, pitch: 160, cpp: 4, con: conXRGB})
		setMode(b, testMode())
		env.Clock.Advance(3 * testFrame)
		if g.Waiting() != 1 || d.picture(nil).RGBAAt(0, 0) != lit(0) {
			t.Errorf("%s: %+v", name, g)
		}
		end(t, d, b)
		if g.Waiting() != 0 || g.InFlight() != 0 {
			t.Errorf("%s: a job remains", name)
		}
	}
}

// TestLoadedWindowAsksAgain loads a state with a picture that is somebody else's now.
func TestLoadedWindowAsksAgain(t *testing.T) {
	env, g, d, b := gated(t)
	copy(env.Memory.Bytes[0x10000:], bytes.Repeat([]byte{oneColor}, 0x10000))
	setPlane(b, plane{w: 40, h: 30, addr: oneAt, pitch: 160, cpp: 4, con: conXRGB})
	setMode(b, testMode())
	b.Write("VIDINTCON0", intEnable|intFrame) // so that each vsync matters
	env.Clock.Advance(testFrame)
	saved, err := d.SaveState()
	if err != nil {
		t.Fatal(err)
	}
	g.Closed = true
	if err := d.LoadState(saved); err != nil {
		t.Fatal(err)
	}
	env.Clock.Advance(2 * testFrame)
	if g.Waiting() != 1 || d.picture(nil).RGBAAt(0, 0) != lit(0) {
		t.Errorf("%+v", g)
	}
	g.Open()
	env.Clock.Advance(testFrame)
	if g.InFlight() != 1 || d.picture(nil).RGBAAt(0, 0) != lit(oneColor*0x10101) {
		t.Errorf("%+v", g)
	}
}
