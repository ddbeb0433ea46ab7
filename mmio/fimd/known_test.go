// SPDX-License-Identifier: Apache-2.0

package fimd

import (
	"testing"
	"time"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// DRM's formats, as the driver sets them up: pixels follow each other in memory, little
// endian.
func TestDriverFormats(t *testing.T) {
	env, d, b := fixture(t)
	setMode(b, testMode())
	b.Write("WPALCON_L", 1)
	for i := range paletteSize {
		b.WriteAt("PALETTE", i, uint64(i)*0x010101)
	}
	for _, c := range []struct {
		name    string
		con     uint64
		reverse bool
		bits    int
		pixels  []uint32
		want    []uint32
	}{
		{"C8", mode8<<winModeLo | winByteSwap, false, 8, []uint32{1, 2, 3}, []uint32{0x010101, 0x020202, 0x030303}},
		{"XRGB1555", modeI555<<winModeLo | winHalfSwap, false, 16, []uint32{0xfc00, 0x83e0, 0x801f, 0xffff, 0}, []uint32{0xff0404, 0x04ff04, 0x0404ff, 0xffffff, 0}},
		{"XBGR1555", modeI555<<winModeLo | winHalfSwap, true, 16, []uint32{0x7c00, 0x03e0, 0x001f}, []uint32{0x0000fb, 0x00fb00, 0xfb0000}},
		{"RGB565", mode565<<winModeLo | winHalfSwap, false, 16, []uint32{0xf800, 0x07e0, 0x001f, 0x8410}, []uint32{0xff0000, 0x00ff00, 0x0000ff, 0x848284}},
		{"BGR565", mode565<<winModeLo | winHalfSwap, true, 16, []uint32{0xf800, 0x07e0, 0x001f}, []uint32{0x0000ff, 0x00ff00, 0xff0000}},
		{"XRGB8888", conXRGB, false, 32, []uint32{0x123456, 0xff789abc, 0}, []uint32{0x123456, 0x789abc, 0}},
		{"XBGR8888", conXRGB, true, 32, []uint32{0x123456, 0xff789abc, 0}, []uint32{0x563412, 0xbc9a78, 0}},
		{"ARGB8888", modeA888<<winModeLo | winWordSwap, false, 32, []uint32{0x00123456, 0xff789abc}, []uint32{0x123456, 0x789abc}},
		{"ABGR8888", modeA888<<winModeLo | winWordSwap, true, 32, []uint32{0x123456, 0xff789abc}, []uint32{0x563412, 0xbc9a78}},
	} {
		for i, p := range c.pixels {
			for j := range c.bits / 8 {
				env.Memory.Bytes[i*c.bits/8+j] = byte(p >> (8 * j))
			}
		}
		setPlane(b, plane{w: len(c.want), h: 1, addr: uint64(mmiotest.MemoryBase), cpp: c.bits / 8, pitch: 256, con: c.con})
		order := uint64(0)
		if c.reverse {
			order = orderReverse
		}
		b.Write("WIN_RGB_ORDER", order)
		env.Clock.Advance(testFrame)
		for x, v := range c.want {
			want(t, d, c.name, x, 0, v)
		}
		if len(env.Events.List) != 0 {
			t.Errorf("%s: events %v", c.name, env.Events.List)
		}
	}
}

// DRM's blend modes over a grey of 0x40, as the driver sets them up.
func TestDriverBlending(t *testing.T) {
	const pixel = winAlphaSel | winBlendPix | winAlphaMul
	const over = uint64(fInvAlphaA) << 6
	for _, c := range []struct {
		name  string
		con   uint64
		eq    uint64
		alpha uint64 // of the plane, 16 bits
		pixel uint32 // ARGB
		want  uint32
	}{
		{"none, opaque", 0, uint64(fAlphaA) | over, 0xffff, 0x00ff8001, 0xff8001},
		{"none, half", 0, uint64(fAlphaA) | over, 0x8000, 0x00ff8001, 0xa06020},
		{"none, transparent", 0, uint64(fAlphaA) | over, 0, 0x00ff8001, 0x404040},
		{"coverage, half", pixel, uint64(fAlphaA) | over, 0xffff, 0x80ff8001, 0xa06020},
		{"coverage, transparent", pixel, uint64(fAlphaA) | over, 0xffff, 0x00ff8001, 0x404040},
		{"coverage, opaque", pixel, uint64(fAlphaA) | over, 0xffff, 0xffff8001, 0xff8001},
		{"coverage, half of a half", pixel, uint64(fAlphaA) | over, 0x8000, 0x80ff8001, 0x705030},
		{"premultiplied, half", pixel, uint64(fOne) | over, 0xffff, 0x80804001, 0xa06021},
		{"premultiplied, transparent", pixel, uint64(fOne) | over, 0xffff, 0, 0x404040},
		{"premultiplied, more than it may", pixel, uint64(fOne) | over, 0xffff, 0x00f0e0d0, 0xffffff},
		{"premultiplied, half of it", pixel, uint64(fAlpha0) | over, 0x8000, 0xfffefdfc, 0x9f9f9e},
	} {
		env, d, b := fixture(t)
		setMode(b, testMode())
		mapped(b, 0, 0x404040)
		for i := range 4 {
			env.Memory.Bytes[i] = byte(c.pixel >> (8 * i))
		}
		setPlane(b, plane{win: 2, w: 1, h: 1, addr: uint64(mmiotest.MemoryBase), cpp: 4, pitch: 4, con: modeA888<<winModeLo | winWordSwap | c.con})
		b.WriteAt("BLENDEQ", 1, c.eq)
		b.WriteAt("VIDOSD_C", 2, c.alpha>>12*0x111000)
		b.WriteAt("VIDW_ALPHA0", 2, c.alpha>>8&0xf*0x010101)
		b.Write("BLENDCON", 1)
		env.Clock.Advance(testFrame)
		want(t, d, c.name, 0, 0, c.want)
	}
}

// Values that make no sense are reported at the vsync at which they take effect, by the
// register's name.
func TestReported(t *testing.T) {
	for _, c := range []struct {
		reg string
		i   int
		v   uint64
	}{
		{"VIDOSD_B", 2, 9<<11 | 20}, {"VIDOSD_B", 2, 20<<11 | 9}, {"VIDW_BUF_SIZE", 2, 39}, {"VIDW_BUF_SIZE", 2, 39 | 0x1fff<<13},
		{"BLENDEQ", 1, 7}, {"BLENDEQ", 1, 8 << 6}, {"BLENDEQ", 1, 9 << 12}, {"BLENDEQ", 1, 14 << 18}, {"BLENDEQ", 1, 15},
	} {
		for _, on := range []bool{true, false} {
			env, _, b := fixture(t)
			setMode(b, testMode())
			setPlane(b, plane{win: 2, x: 10, y: 10, w: 10, h: 10, addr: uint64(mmiotest.MemoryBase), cpp: 4, pitch: 40, con: conXRGB})
			if !on {
				b.Write("SHADOWCON", 0)
			}
			env.Clock.Advance(testFrame)
			b.WriteAt(c.reg, c.i, c.v)
			if len(env.Events.List) != 0 {
				t.Errorf("%s = %#x: early events %v", c.reg, c.v, env.Events.List)
			}
			env.Clock.Advance(testFrame)
			b.WriteAt("WKEYCON1", 0, 1) // another window
			env.Clock.Advance(2 * testFrame)
			if n := len(env.Events.List); n != env.Events.Count(mmio.EventBadValue, c.reg) || (n == 1) != on {
				t.Errorf("%s = %#x, on %v: events %v", c.reg, c.v, on, env.Events.List)
			}
		}
	}
}

// What the model lacks is counted when it is asked for.
func TestUnimplemented(t *testing.T) {
	for _, c := range []struct {
		reg string
		v   uint64
	}{
		{"VIDCON0", 1 << 26}, {"VIDCON0", 1 << 29}, {"WINCON", 1 << 13}, {"WINCON", 1 << 19}, {"WINCON", 1 << 22}, {"SHADOWCON", 1 << 5},
		{"DITHMODE", 1}, {"COLORGAINCON", 0}, {"WINCHMAP2", 0}, {"TRIGCON", 2}, {"I80IFCONA", 1}, {"VIDCON2", 1 << 14}, {"VIDCON3", 1},
	} {
		env, _, b := fixture(t)
		b.Write(c.reg, c.v)
		if env.Events.Count(mmio.EventUnimplemented, c.reg) != 1 {
			t.Errorf("%s = %#x: events %v", c.reg, c.v, env.Events.List)
		}
	}
}

// Positions and frames are exact, for clocks that nanoseconds do not divide, years after
// power-on too.
func TestExactTime(t *testing.T) {
	const rate = 74_250_000 // 1280x720 at 60 Hz
	env := mmiotest.NewEnv()
	d := New(Config{Name: "fimd", Clock: &env.Clock, VSync: env.Line("vsync"), DMA: &env.Memory, Events: &env.Events, SourceClock: rate})
	b := mmiotest.NewBench(t, d, nil)
	setMode(b, mode{w: 1280, hfp: 110, hsync: 40, hbp: 220, h: 720, vfp: 5, vsync: 5, vbp: 20, div: 1})
	if num, den := d.Refresh(); num != 60 || den != 1 {
		t.Errorf("refresh rate is %d/%d", num, den)
	}
	env.Clock.Advance(10 * 365 * 24 * time.Hour)
	b.Write("VIDINTCON0", intEnable|intFrame|1<<intFrameSel0)
	for frame := range 3 {
		at, _ := env.Clock.Next()
		env.Clock.Advance(at - env.Clock.Now() - 1)
		b.Want("VIDCON1", 3<<beamStatusLo)
		env.Clock.Advance(1)
		b.Want("VIDCON1", 0)
		// Ten years are a whole number of frames.
		if past := at - 10*365*24*time.Hour; past != []time.Duration{16_666_667, 33_333_334, 50_000_000}[frame] {
			t.Errorf("frame %d begins at %d", frame, past)
		}
	}
}

// Giant sizes and steps, wherever they lead, cost what a screen of that size costs and
// no more.
func TestHostile(t *testing.T) {
	base := uint64(mmiotest.MemoryBase)
	for _, p := range []plane{
		{x: 4095, y: 4095, w: 1, h: 1, addr: base, pitch: 4, cpp: 4},
		{x: 0, y: 0, w: 4096, h: 4096, addr: base, pitch: 0x7ffe, cpp: 4},
		{x: 0, y: 0, w: 4096, h: 4096, addr: 0xffff_ffff, pitch: 0x7ffe, cpp: 4},
		{x: 39, y: 29, w: 4000, h: 4000, addr: 0xffff_fff8, pitch: 4, cpp: 4},
		{x: 0, y: 0, w: 4096, h: 4096, addr: base + 1<<20 - 3, pitch: 0, cpp: 4},
	} {
		for m := range uint64(numModes) {
			env, d, b, s := spied(t, true)
			setMode(b, testMode())
			for p.win = range numWindows {
				p.con = m<<winModeLo | m*0x9249%16*winWordSwap
				setPlane(b, p)
				b.WriteAt("VIDW_BUF_SIZE", p.win, uint64(p.pitch)<<13&0x3ffe000)
			}
			b.Write("VIDINTCON0", all32&0x3ffffff)
			env.Clock.Advance(2 * testFrame)
			if n := s.took(); n > 2*5*2*40*30*8 {
				t.Errorf("%+v, mode %d: read %d bytes", p, m, n)
			}
			d.Screenshot()
		}
	}
}
