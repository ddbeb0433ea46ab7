// SPDX-License-Identifier: Apache-2.0

package fimd

import (
	"image"
	"image/color"
	"testing"
	"time"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// clockRate of the tests' source clock in Hz.
const clockRate = 100e6

func newDevice(env *mmiotest.Env) *FIMD {
	return New(Config{Name: "fimd", Clock: &env.Clock, FIFO: env.Line("fifo"), VSync: env.Line("vsync"), System: env.Line("lcd_sys"),
		DMA: &env.Memory, NonCoherent: true, Events: &env.Events, SourceClock: clockRate})
}

func fixture(t testing.TB) (*mmiotest.Env, *FIMD, *mmiotest.Bench) {
	env := mmiotest.NewEnv()
	d := newDevice(env)
	return env, d, mmiotest.NewBench(t, d, &env.Events)
}

func TestTable(t *testing.T) {
	mmiotest.CheckTable(t, func(env *mmiotest.Env) mmio.RegisterDevice { return newDevice(env) })
}

func FuzzRegisters(f *testing.F) {
	mmiotest.FuzzDevice(f, func(env *mmiotest.Env) mmio.Device { return newDevice(env) })
}

// The same while somebody sees all frames, so that all of it is read and composed again
// and again.
func FuzzWatched(f *testing.F) {
	mmiotest.FuzzDevice(f, func(env *mmiotest.Env) mmio.Device {
		d := newDevice(env)
		d.SetOnFrame(func(img *image.RGBA, at time.Duration) {
			if r := img.Rect; r.Empty() || r.Dx() > maxSide || r.Dy() > maxSide || at > env.Clock.Now() {
				panic("BUG: impossible frame")
			}
		})
		return d
	})
}

// mode is a video mode as Linux describes one: sizes of the parts, all in pixels or
// lines.
type mode struct {
	w, hfp, hsync, hbp int
	h, vfp, vsync, vbp int
	div                int
}

// testMode has 1000 source clocks in a line and 50 lines: 2 kHz.
func testMode() mode {
	return mode{w: 40, hfp: 10, hsync: 20, hbp: 30, h: 30, vfp: 5, vsync: 8, vbp: 7, div: 10}
}

const (
	testLine  = 10 * time.Microsecond
	testFrame = 50 * testLine
)

// setMode does what the driver does to switch the display on.
func setMode(b *mmiotest.Bench, m mode) {
	b.Write("VIDTCON0", uint64(m.vbp-1)<<16|uint64(m.vfp-1)<<8|uint64(m.vsync-1))
	b.Write("VIDTCON1", uint64(m.hbp-1)<<16|uint64(m.hfp-1)<<8|uint64(m.hsync-1))
	w, h := uint64(m.w-1), uint64(m.h-1)
	b.Write("VIDTCON2", h&0x7ff<<11|w&0x7ff|h>>11<<23|w>>11<<22)
	v := uint64(vidEnable | vidEnableFrame)
	if m.div > 1 {
		v |= uint64(m.div-1)<<vidClkValLo | vidClkDir
	}
	b.Write("VIDCON0", v)
}

// plane is a window as the driver sets it up.
type plane struct {
	win        int
	x, y, w, h int
	addr       uint64
	pitch, cpp int
	con        uint64 // WINCON besides winEnable
}

func setPlane(b *mmiotest.Bench, p plane) {
	b.WriteAt("VIDW_BUF_START", p.win, p.addr)
	b.WriteAt("VIDW_BUF_END", p.win, p.addr+uint64(p.pitch*p.h))
	line := p.w * p.cpp
	b.WriteAt("VIDW_BUF_SIZE", p.win, uint64(p.pitch-line)&0x1fff<<13|uint64(line)&0x1fff|uint64(p.pitch-line)>>13<<27|uint64(line)>>13<<26)
	at := func(x, y int) uint64 {
		return uint64(x)&0x7ff<<11 | uint64(y)&0x7ff | uint64(x)>>11<<23 | uint64(y)>>11<<22
	}
	b.WriteAt("VIDOSD_A", p.win, at(p.x, p.y))
	b.WriteAt("VIDOSD_B", p.win, at(p.x+p.w-1, p.y+p.h-1))
	b.WriteAt("WINCON", p.win, p.con|winEnable)
	b.Write("SHADOWCON", b.Read("SHADOWCON")|1<<p.win)
}

const conXRGB = mode888<<winModeLo | winWordSwap

// The driver's way to a picture.
func TestPicture(t *testing.T) {
	env, d, b := fixture(t)
	if d.Screenshot() != nil {
		t.Error("a picture while off")
	}
	setMode(b, testMode())
	for i := range 40 * 30 {
		copy(env.Memory.Bytes[4*i:], []byte{byte(i), byte(i >> 3), byte(i >> 6), 0x99})
	}
	setPlane(b, plane{w: 40, h: 30, addr: uint64(mmiotest.MemoryBase), pitch: 160, cpp: 4, con: conXRGB})
	if c := d.Screenshot().RGBAAt(7, 0); c != (color.RGBA{A: 255}) {
		t.Errorf("before vsync there is %v", c)
	}
	env.Clock.Advance(testFrame)
	img := d.Screenshot()
	if img.Rect != image.Rect(0, 0, 40, 30) {
		t.Fatalf("picture of %v", img.Rect)
	}
	for i := range 40 * 30 {
		want := color.RGBA{R: byte(i >> 6), G: byte(i >> 3), B: byte(i), A: 255}
		if got := img.RGBAAt(i%40, i/40); got != want {
			t.Fatalf("pixel %d is %v, want %v", i, got, want)
		}
	}
	if len(env.Events.List) != 0 {
		t.Errorf("events %v", env.Events.List)
	}
	b.Write("VIDCON0", 0)
	if d.Screenshot() != nil {
		t.Error("a picture while off")
	}
}

// The frame interrupt comes at its moment, and no timer runs if nobody waits.
func TestFrameInterrupt(t *testing.T) {
	env, _, b := fixture(t)
	setMode(b, testMode())
	if at, ok := env.Clock.Next(); ok {
		t.Errorf("idle, but a timer is armed for %v", at)
	}
	b.Write("VIDINTCON0", intEnable|intFrame|3<<intFrameSel0)
	env.Clock.Advance(45*testLine - 1)
	if env.Line("vsync").Level {
		t.Error("early")
	}
	env.Clock.Advance(1)
	if !env.Line("vsync").Level {
		t.Error("late")
	}
	b.Want("VIDINTCON1", pendFrame)
	b.Write("VIDINTCON1", pendFrame)
	if env.Line("vsync").Level {
		t.Error("not cleared")
	}
	env.Clock.Advance(10 * testFrame)
	if env.Line("vsync").Rises != 2 {
		t.Error("no second interrupt")
	}
}
