// SPDX-License-Identifier: Apache-2.0

package fimd

import (
	"fmt"
	"image"
	"image/color"
	"slices"
	"testing"
	"time"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// lit is a colour as WINMAP and pixels have it.
func lit(v uint32) color.RGBA { return color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255} }

// mapped shows a window of one colour all over the panel of testMode.
func mapped(b *mmiotest.Bench, win int, v uint32) {
	setPlane(b, plane{win: win, w: 40, h: 30, cpp: 4, pitch: 160, con: conXRGB})
	b.WriteAt("WINMAP", win, mapEnable|uint64(v))
}

// want compares a pixel of what the panel shows.
func want(t *testing.T, d *FIMD, what string, x, y int, v uint32) {
	t.Helper()
	if got := d.Screenshot().RGBAAt(x, y); got != lit(v) {
		t.Errorf("%s: pixel %d, %d is %v, want %#06x", what, x, y, got, v)
	}
}

// Registers take effect at vsync, those of a protected window at the first one after
// that.
func TestLatch(t *testing.T) {
	env, d, b := fixture(t)
	setMode(b, testMode())
	mapped(b, 0, 0x111111)
	mapped(b, 1, 0x222222)
	b.Write("BLENDEQ", uint64(fOne))
	want(t, d, "at once", 0, 0, 0)
	env.Clock.Advance(testFrame)
	want(t, d, "at vsync", 0, 0, 0x222222)
	if at, ok := env.Clock.Next(); ok {
		t.Errorf("nothing is left to do, but a timer is armed for %v", at)
	}

	protect := func(mask uint64) { b.Write("SHADOWCON", 3|mask<<shadowProtectLo) }
	protect(2)
	b.WriteAt("WINMAP", 1, mapEnable|0x333333)
	b.WriteAt("VIDW_BUF_START", 1, 0x1000)
	b.WriteAt("VIDOSD_A", 0, 5<<11|6)
	env.Clock.Advance(testFrame)
	want(t, d, "window 1 is protected", 0, 0, 0x222222)
	b.WantAt("SHD_BUF_START", 1, 0)
	b.WantAt("VIDW_BUF_START", 1, 0x1000)
	b.WriteAt("WINCON", 1, 0)
	b.Write("SHADOWCON", 1|2<<shadowProtectLo)
	env.Clock.Advance(testFrame)
	want(t, d, "so is its channel", 0, 0, 0x222222)
	b.WriteAt("WINCON", 1, conXRGB|winEnable)
	protect(0)
	want(t, d, "nothing happens before vsync", 0, 0, 0x222222)
	env.Clock.Advance(testFrame)
	want(t, d, "no longer protected", 0, 0, 0x333333)
	b.WantAt("SHD_BUF_START", 1, 0x1000)

	b.Write("SHADOWCON", 1)
	env.Clock.Advance(testFrame)
	want(t, d, "without its channel", 0, 0, 0)
	want(t, d, "window 0 has moved", 5, 6, 0x111111)
	b.WriteAt("WINCON", 0, conXRGB)
	env.Clock.Advance(testFrame)
	want(t, d, "switched off", 5, 6, 0)
	if len(env.Events.List) != 0 {
		t.Errorf("events %v", env.Events.List)
	}
}

// The three buffers, and what WINCON and the shadow registers tell of them.
func TestBuffers(t *testing.T) {
	env, d, b := fixture(t)
	base := uint64(mmiotest.MemoryBase)
	for i := range 0x3000 {
		env.Memory.Bytes[i] = byte(i >> 12)
	}
	setMode(b, testMode())
	setPlane(b, plane{win: 3, w: 1, h: 1, addr: base, cpp: 4, pitch: 4, con: conXRGB})
	b.WriteAt("VIDW_BUF_START1", 3, base+0x1000)
	b.WriteAt("VIDW_BUF_END1", 3, base+0x1004)
	b.WriteAt("VIDW_BUF_START2", 3, base+0x2000)
	b.WriteAt("BLENDEQ", 2, uint64(fOne))
	for i, c := range []struct {
		con, status uint64
		buffer      uint64
	}{
		{0, 0, 0}, {winBufSel0, winBufStat0, 1}, {winTriple | winBufSel1, winBufStat1, 2}, {winBufSel1, 0, 0},
		{winTriple | winBufSel0, winBufStat0, 1}, {winTriple, 0, 0}, {winTriple | winBufSel0 | winBufSel1, winBufStat0, 1},
	} {
		before := b.ReadAt("WINCON", 3) & winBufStatus
		b.WriteAt("WINCON", 3, conXRGB|winEnable|c.con|winBufStatus)
		b.WantAt("WINCON", 3, conXRGB|winEnable|c.con|before)
		env.Clock.Advance(testFrame)
		b.WantAt("WINCON", 3, conXRGB|winEnable|c.con|c.status)
		b.WantAt("SHD_BUF_START", 3, base+c.buffer*0x1000)
		want(t, d, fmt.Sprint("case ", i), 0, 0, uint32(c.buffer)*0x010101)
	}
	b.WantAt("SHD_BUF_END", 3, base+0x1004)
	b.WantAt("SHD_BUF_SIZE", 3, 4)
}

// Palettes take effect at vsync too, but not while they are being updated.
func TestPalette(t *testing.T) {
	env, d, b := fixture(t)
	setMode(b, testMode())
	env.Memory.Bytes[0] = 7
	setPlane(b, plane{win: 0, w: 1, h: 1, addr: uint64(mmiotest.MemoryBase), cpp: 1, pitch: 1, con: mode8<<winModeLo | winByteSwap})
	b.Write("WPALCON_L", 1) // 888
	b.WriteAt("PALETTE", 7, 0xabcdef)
	b.WantAt("PALETTE_OLD", 7, 0xabcdef)
	env.Clock.Advance(testFrame)
	want(t, d, "palette", 0, 0, 0xabcdef)
	b.Write("WPALCON_L", 6|palUpdate)
	b.WriteAt("PALETTE_OLD", 7, 0xf800)
	b.WantAt("PALETTE", 7, 0xf800)
	env.Clock.Advance(testFrame)
	want(t, d, "under way", 0, 0, 0xabcdef)
	b.Write("WPALCON_L", 6)
	want(t, d, "before vsync", 0, 0, 0xabcdef)
	env.Clock.Advance(testFrame)
	want(t, d, "done", 0, 0, 0xff0000)
}

// How the display is switched on and off.
func TestPower(t *testing.T) {
	env, d, b := fixture(t)
	setMode(b, testMode())
	mapped(b, 0, 0x123456)
	env.Clock.Advance(testFrame)
	on := b.Read("VIDCON0")
	for _, c := range []struct {
		clear         uint64
		before, after bool // the display is on before and after the frame's end
	}{{vidEnable, false, false}, {vidEnableFrame, true, false}, {vidEnable | vidEnableFrame, false, false}} {
		b.Write("VIDCON0", on&^c.clear)
		if got := d.Screenshot() != nil; got != c.before {
			t.Errorf("cleared %#x: on is %v at once", c.clear, got)
		}
		env.Clock.Advance(testFrame)
		if got := d.Screenshot() != nil; got != c.after {
			t.Errorf("cleared %#x: on is %v at the end of the frame", c.clear, got)
		}
		if num, _ := d.Refresh(); num != 0 {
			t.Error("refreshes while off")
		}
		b.Want("VIDCON1", 0)
		b.Write("VIDCON0", on)
		want(t, d, "on again, at once", 0, 0, 0x123456)
	}
	b.Write("VIDCON0", on&^vidEnableFrame)
	b.Write("VIDCON0", on) // changed its mind
	env.Clock.Advance(2 * testFrame)
	want(t, d, "still on", 0, 0, 0x123456)
	d.Reset()
	if d.Screenshot() != nil || b.Read("VIDCON0") != 0 {
		t.Error("on after reset")
	}
	if _, ok := env.Clock.Next(); ok {
		t.Error("a timer is armed after reset")
	}
}

// Frame interrupts come at the moments selected, in lines from the frame's beginning.
func TestMoments(t *testing.T) {
	const back, active, front, all = 8, 15, 45, 50
	for sel0, line0 := range []int{back, 0, active, front} {
		for sel1, line1 := range []int{-1, back, 0, front} {
			env, _, b := fixture(t)
			setMode(b, testMode())
			b.Write("VIDINTCON0", intEnable|intFrame|uint64(sel0)<<intFrameSel0|uint64(sel1)<<intFrameSel1)
			var got, want []int
			for line := range 2 * all {
				env.Clock.Advance(testLine - 1)
				if env.Line("vsync").Level {
					t.Errorf("selected %d, %d: early, in line %d", sel0, sel1, line)
				}
				env.Clock.Advance(1)
				if env.Line("vsync").Level {
					got = append(got, line+1)
					b.Write("VIDINTCON1", pendFrame)
				}
				if n := (line + 1) % all; n == line0 || n == line1 {
					want = append(want, line+1)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("selected %d, %d: interrupts at %v, want %v", sel0, sel1, got, want)
			}
		}
	}
}

// Only interrupts that are enabled become pending, and only pending ones that are
// enabled reach the wire.
func TestInterruptEnables(t *testing.T) {
	env, _, b := fixture(t)
	setMode(b, testMode())
	for _, v := range []uint64{0, intEnable, intFrame} {
		b.Write("VIDINTCON0", v)
		env.Clock.Advance(3 * testFrame)
		b.Want("VIDINTCON1", 0)
	}
	b.Write("VIDINTCON0", intEnable|intFrame)
	env.Clock.Advance(testFrame)
	b.Want("VIDINTCON1", pendFrame)
	b.Write("VIDINTCON1", pendFIFO|pendI80)
	b.Want("VIDINTCON1", pendFrame)
	for _, v := range []uint64{intFrame, intEnable, intEnable | intFIFOEnable} {
		b.Write("VIDINTCON0", v)
		if env.Line("vsync").Level || env.Line("fifo").Level {
			t.Errorf("interrupts with VIDINTCON0 %#x", v)
		}
	}
	b.Write("VIDINTCON0", intFrame|intEnable)
	if !env.Line("vsync").Level || env.Line("lcd_sys").Level {
		t.Error("wrong wire")
	}
}

// VIDCON1 follows the beam.
func TestBeam(t *testing.T) {
	env, _, b := fixture(t)
	setMode(b, testMode())
	b.Write("VIDCON1", 0xf0|beamBits)
	for line := range 120 {
		n := line % 50
		part, count := 0, 0
		switch {
		case n >= 45:
			part = 3
		case n >= 15:
			part, count = 2, n-15
		case n >= 8:
			part = 1
		}
		b.Want("VIDCON1", 0xf0|uint64(part)<<13|uint64(count)<<16)
		env.Clock.Advance(testLine)
	}
}

// The refresh rate, and vsyncs that do not drift away from it.
func TestRefresh(t *testing.T) {
	for _, c := range []struct {
		mode     mode
		num, den int
	}{
		{testMode(), 2000, 1},
		{mode{w: 1280, hfp: 110, hsync: 40, hbp: 220, h: 720, vfp: 5, vsync: 5, vbp: 20, div: 1}, 100_000_000, 1650 * 750},
		{mode{w: 800, hfp: 1, hsync: 1, hbp: 1, h: 480, vfp: 1, vsync: 1, vbp: 1, div: 3}, 100_000_000, 3 * 803 * 483},
		{mode{w: 4096, hfp: 256, hsync: 256, hbp: 256, h: 4096, vfp: 256, vsync: 256, vbp: 256, div: 256}, 100_000_000, 256 * 4864 * 4864},
	} {
		env, d, b := fixture(t)
		setMode(b, c.mode)
		num, den := d.Refresh()
		if num*c.den != den*c.num {
			t.Errorf("%+v: refresh rate is %d/%d", c.mode, num, den)
		}
		b.Write("VIDINTCON0", intEnable|intFrame|1<<intFrameSel0)
		for range 100 {
			at, _ := env.Clock.Next()
			env.Clock.Advance(at - env.Clock.Now())
		}
		frames := float64(env.Clock.Now().Nanoseconds()) * float64(num) / float64(den) / 1e9
		if frames < 99.9999 || frames > 100.0001 {
			t.Errorf("%+v: 100 vsyncs in %v", c.mode, env.Clock.Now())
		}
	}
}

// A mode takes effect in the middle of a run at vsync, with the beginning of a frame.
func TestModeChange(t *testing.T) {
	env, d, b := fixture(t)
	setMode(b, testMode())
	mapped(b, 0, 0xffffff)
	b.Write("VIDINTCON0", intEnable|intFrame|1<<intFrameSel0)
	env.Clock.Advance(testFrame / 2)
	m := testMode()
	m.w, m.hfp, m.h, m.vfp, m.div = 20, 30, 10, 25, 20
	setMode(b, m)
	if d.Screenshot().Rect.Dx() != 40 {
		t.Error("at once")
	}
	env.Clock.Advance(testFrame / 2)
	if r := d.Screenshot().Rect; r.Dx() != 20 || r.Dy() != 10 {
		t.Errorf("picture of %v", r)
	}
	want(t, d, "cut off", 19, 9, 0xffffff)
	if at, ok := env.Clock.Next(); !ok || at != 3*testFrame {
		t.Errorf("next vsync at %v, want %v", at, 3*testFrame)
	}
	setMode(b, testMode())
	env.Clock.Advance(3 * testFrame)
	want(t, d, "all of it again", 39, 29, 0xffffff)
}

// No panel can follow a frame that takes no time.
func TestTooFast(t *testing.T) {
	env, d, b := fixture(t)
	tiny := mode{w: 1, hfp: 1, hsync: 1, hbp: 1, h: 1, vfp: 1, vsync: 1, vbp: 1, div: 1}
	setMode(b, tiny)
	if d.Screenshot() != nil || env.Events.Count(mmio.EventBadValue, "VIDTCON2") != 1 {
		t.Errorf("a frame of 16 clocks: events %v", env.Events.List)
	}
	setMode(b, testMode())
	setMode(b, tiny)
	env.Clock.Advance(testFrame)
	if d.Screenshot().Rect.Dx() != 40 || env.Events.Count(mmio.EventBadValue, "VIDTCON2") != 2 {
		t.Errorf("while running: events %v", env.Events.List)
	}
	none := New(Config{Name: "none", Clock: &env.Clock, DMA: &env.Memory, Events: &env.Events})
	setMode(mmiotest.NewBench(t, none, nil), testMode())
	if none.Screenshot() != nil {
		t.Error("on without a clock")
	}
}

// OnFrame sees each picture that differs from the one before, at its vsync.
func TestOnFrame(t *testing.T) {
	env, d, b := fixture(t)
	type seen struct {
		at    time.Duration
		color color.RGBA
	}
	var got []seen
	watch := func(img *image.RGBA, at time.Duration) { got = append(got, seen{at, img.RGBAAt(0, 0)}) }
	check := func(what string, want ...seen) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: saw %v, want %v", what, got, want)
		}
		got = nil
	}
	d.SetOnFrame(watch)
	env.Clock.Advance(testFrame)
	check("while off")
	start := env.Clock.Now()
	setMode(b, testMode())
	check("on", seen{start, lit(0)})
	env.Clock.Advance(3 * testFrame)
	check("nothing happens")
	mapped(b, 0, 0x102030)
	env.Clock.Advance(3 * testFrame)
	check("a window", seen{start + 4*testFrame, lit(0x102030)})
	b.WriteAt("WINMAP", 0, mapEnable|0x102030)
	env.Clock.Advance(testFrame)
	check("the same again")
	b.WriteAt("WINMAP", 0, 0)
	b.WriteAt("VIDW_BUF_START", 0, uint64(mmiotest.MemoryBase))
	env.Memory.Bytes[0] = 1
	env.Clock.Advance(testFrame)
	check("memory", seen{start + 8*testFrame, lit(1)})
	env.Memory.Bytes[0] = 2
	env.Clock.Advance(2 * testFrame)
	check("drawn into what is shown", seen{start + 9*testFrame, lit(2)})
	d.SetOnFrame(nil)
	if _, ok := env.Clock.Next(); ok {
		t.Error("nobody watches, but a timer is armed")
	}
	env.Memory.Bytes[0] = 3
	env.Clock.Advance(testFrame)
	d.SetOnFrame(watch)
	env.Clock.Advance(2 * testFrame)
	check("watched again", seen{start + 12*testFrame, lit(3)})
	on := b.Read("VIDCON0")
	b.Write("VIDCON0", 0)
	b.Write("VIDCON0", on)
	check("off and on", seen{start + 13*testFrame, lit(3)})
}

func TestDeviceTree(t *testing.T) {
	_, d, _ := fixture(t)
	n := mmiotest.Describe(d)
	if n.Props["compatible"] != "samsung,exynos4210-fimd" || d.DTName() != "fimd" {
		t.Errorf("properties %v", n.Props)
	}
	if _, ok := n.Props["dma-noncoherent"]; !ok {
		t.Error("coherent")
	}
	d.nonCoherent = false
	if _, ok := mmiotest.Describe(d).Props["dma-noncoherent"]; ok {
		t.Error("non-coherent")
	}
}
