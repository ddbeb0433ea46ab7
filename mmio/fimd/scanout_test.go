// SPDX-License-Identifier: Apache-2.0

package fimd

import (
	"encoding/binary"
	"fmt"
	"image"
	"slices"
	"testing"
	"time"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// spy is memory that notes what is read, and by which job. With tracking it says what
// was touched, a page at a time.
type spy struct {
	mmio.DMA
	dev   *FIMD
	bytes int
	jobs  []string
	now   uint64
	pages map[mmio.IOVA]uint64
	dirty mmio.IOVA // a byte that is dirty, if not 0
}

func (s *spy) ReadDMA(addr mmio.IOVA, p []byte) error {
	s.bytes += len(p)
	if job := s.dev.Job(); !slices.Contains(s.jobs, job) {
		s.jobs = append(s.jobs, job)
	}
	return s.DMA.ReadDMA(addr, p)
}

// took returns how many bytes were read since it was last asked.
func (s *spy) took() int {
	n := s.bytes
	s.bytes = 0
	return n
}

// knowing is a spy that can tell what has changed.
type knowing struct{ *spy }

func (s knowing) touch(addr uint64) {
	s.now++
	s.pages[mmio.IOVA(addr)/4096] = s.now
}

func (s knowing) ChangeStamp() mmio.ChangeStamp { return mmio.ChangeStamp{Memory: 1 + s.now} }

func (s knowing) ChangedSince(addr mmio.IOVA, n uint64, st mmio.ChangeStamp) bool {
	for p := addr / 4096; p <= (addr+mmio.IOVA(n)-1)/4096; p++ {
		if s.pages[p] >= st.Memory {
			return true
		}
	}
	return false
}

func (s knowing) DirtyDMA(addr mmio.IOVA, n uint64) bool {
	return s.dirty >= addr && s.dirty < addr+mmio.IOVA(n)
}

func spied(t testing.TB, tracking bool) (*mmiotest.Env, *FIMD, *mmiotest.Bench, knowing) {
	env := mmiotest.NewEnv()
	s := &spy{DMA: &env.Memory, pages: map[mmio.IOVA]uint64{}}
	c := Config{Name: "fimd", Clock: &env.Clock, FIFO: env.Line("fifo"), VSync: env.Line("vsync"), Events: &env.Events, SourceClock: clockRate, DMA: s}
	if tracking {
		c.DMA = knowing{s}
	}
	d := New(c)
	s.dev = d
	return env, d, mmiotest.NewBench(t, d, &env.Events), knowing{s}
}

// When memory is read.
func TestReads(t *testing.T) {
	const size = 40 * 30 * 4
	base := uint64(mmiotest.MemoryBase)
	for _, tracking := range []bool{false, true} {
		env, d, b, s := spied(t, tracking)
		check := func(what string, plain, tracked int) {
			t.Helper()
			want := plain
			if tracking {
				want = tracked
			}
			if got := s.took(); got != want*size {
				t.Errorf("tracking %v, %s: read %d bytes, want %d pictures of %d", tracking, what, got, want, size)
			}
		}
		frame := func() { env.Clock.Advance(testFrame) }
		setMode(b, testMode())
		setPlane(b, plane{w: 40, h: 30, addr: base, pitch: 160, cpp: 4, con: conXRGB})
		check("before vsync", 0, 0)
		frame()
		check("new", 1, 1)
		frame()
		check("nobody waits", 0, 0)
		s.touch(base + 4000)
		d.Screenshot()
		check("a look", 0, 0)
		setPlane(b, plane{w: 40, h: 30, addr: base, pitch: 160, cpp: 4, con: conXRGB})
		frame()
		check("the same after a change", 1, 1)
		setPlane(b, plane{w: 40, h: 30, addr: base, pitch: 160, cpp: 4, con: conXRGB})
		frame()
		check("the same once more", 1, 0)

		b.Write("VIDINTCON0", intEnable|intFrame)
		frame()
		check("an interrupt, no change", 0, 0)
		s.touch(base + 4000)
		frame()
		check("an interrupt, after a change", 0, 1)
		b.Write("VIDINTCON0", 0)

		d.SetOnFrame(func(*image.RGBA, time.Duration) {})
		frame()
		check("watched, no change", 1, 0)
		s.touch(base + 4796)
		frame()
		check("watched, after a change", 1, 1)
		s.touch(base + 2*4096)
		frame()
		check("watched, change elsewhere", 1, 0)

		setPlane(b, plane{w: 40, h: 30, addr: base, pitch: 3 * 4096, cpp: 4, con: conXRGB})
		frame()
		check("with gaps", 1, 1)
		s.touch(base + 4096)
		frame()
		check("a change in a gap", 1, 0)
		s.touch(base + 29*3*4096)
		frame()
		check("a change in the last line", 1, 1)

		b.Write("WINMAP", mapEnable)
		frame()
		check("one colour", 0, 0)
		b.Write("WINMAP", 0)
		b.Write("VIDCON0", 0)
		setMode(b, testMode())
		check("on again", 1, 1)
		frame()
		check("a hart's turn was not over", 1, 1)
		frame()
		check("it was over", 1, 0)
		if want := []string{"scan-out of window 0, 40x30 at 0x80000000"}; !slices.Equal(s.jobs, want) {
			t.Errorf("jobs %q, want %q", s.jobs, want)
		}
		if d.Job() != "" {
			t.Errorf("job %q while nothing is read", d.Job())
		}
	}
}

// Memory that is being drawn to, and is dirty in the cache, is left alone, but not for
// ever.
func TestDrawing(t *testing.T) {
	const size = 40 * 30 * 4
	base := uint64(mmiotest.MemoryBase)
	env, _, b, s := spied(t, true)
	frame := func(reads int, what string) {
		t.Helper()
		env.Clock.Advance(testFrame)
		if got := s.took(); got != reads*size {
			t.Errorf("%s: read %d bytes, want %d pictures", what, got, reads)
		}
	}
	setMode(b, testMode())
	p := plane{w: 40, h: 30, addr: base, pitch: 160, cpp: 4, con: conXRGB}
	setPlane(b, p)
	b.Write("VIDINTCON0", intEnable|intFrame)
	frame(1, "new")
	s.dirty = mmio.IOVA(base + 100)
	for range 5 {
		s.touch(base)
		frame(0, "being drawn")
	}
	s.touch(base)
	s.dirty = 0
	frame(1, "cleaned")
	frame(0, "nothing new")

	s.dirty = mmio.IOVA(base + 100)
	s.touch(base)
	frame(0, "drawn")
	frame(0, "quiet")
	frame(1, "quiet for long")
	frame(0, "still dirty")

	s.touch(base)
	b.Write("WKEYCON1", 1)
	frame(0, "another window changes")
	s.touch(base)
	setPlane(b, p)
	b.Write("SHADOWCON", 1|1<<shadowProtectLo)
	frame(0, "its own registers change, protected")
	s.touch(base)
	b.Write("SHADOWCON", 1)
	frame(1, "no longer protected")

	reads := 0
	for range 2 * mostWaiting {
		s.touch(base)
		env.Clock.Advance(testFrame)
		reads += s.took() / size
	}
	if reads != 2 {
		t.Errorf("%d reads of what is drawn to all the time", reads)
	}
	s.dirty = mmio.IOVA(base + size)
	s.touch(base)
	frame(1, "dirty behind the picture")
}

// A bus error: what is shown, and who hears of it.
func TestUnderrun(t *testing.T) {
	base, end := uint64(mmiotest.MemoryBase), uint64(mmiotest.MemoryBase)+1<<20
	for _, c := range []struct {
		name  string
		p     plane
		bad   uint64 // first address that fails
		lines int    // that are shown
	}{
		{"all of it", plane{addr: 0x1000, pitch: 160}, 0x1000, 0},
		{"from a line on", plane{addr: end - 10*160, pitch: 160}, end, 10},
		{"in a line", plane{addr: end - 10*160 - 4, pitch: 160}, end, 10},
		{"from a line on, with gaps", plane{addr: end - 3*8000, pitch: 8000}, end, 3},
		{"in a line, with gaps", plane{addr: end - 3*8000 - 156, pitch: 8000}, end, 3},
		{"giant steps", plane{addr: base, pitch: 160 + 0x3fff}, base + 64*(160+0x3fff), 30},
		{"beyond the address bus", plane{addr: 1<<32 - 4, pitch: 160}, 1 << 32, 0},
	} {
		for win := range numWindows {
			env, d, b := fixture(t)
			for i := range env.Memory.Bytes {
				env.Memory.Bytes[i] = 0xff
			}
			setMode(b, testMode())
			b.Write("VIDINTCON0", intEnable|intFIFOEnable|fifoSelect(win))
			c.p.win, c.p.w, c.p.h, c.p.cpp, c.p.con = win, 40, 30, 4, conXRGB
			setPlane(b, c.p)
			if win > 0 {
				b.WriteAt("BLENDEQ", win-1, uint64(fOne))
			}
			env.Clock.Advance(testFrame)
			fails := c.lines < 30
			if env.Line("fifo").Level != fails || env.Line("vsync").Level {
				t.Errorf("%s: interrupt is %v", c.name, env.Line("fifo").Level)
			}
			img := d.Screenshot()
			for y := range 30 {
				for _, x := range []int{0, 39} {
					if got := img.RGBAAt(x, y); (got == lit(0xffffff)) != (y < c.lines) || got != lit(0) && got != lit(0xffffff) {
						t.Errorf("%s: pixel %d, %d is %v", c.name, x, y, got)
					}
				}
			}
			if !fails {
				continue
			}
			wanted := []mmio.Event{{Device: "fimd", Kind: mmio.EventBadDMA, What: "VIDW_BUF_START", Offset: 0xa0 + 8*uint64(win), Value: c.bad}}
			if !slices.Equal(env.Events.List, wanted) {
				t.Errorf("%s: events %v, want %v", c.name, env.Events.List, wanted)
			}
			b.Write("VIDINTCON1", pendFIFO)
			if env.Line("fifo").Level {
				t.Errorf("%s: not cleared", c.name)
			}
			env.Clock.Advance(testFrame)
			b.Want("VIDINTCON1", pendFIFO)
			b.WriteAt("VIDW_BUF_START", win, base)
			b.WriteAt("VIDW_BUF_SIZE", win, 160)
			b.Write("VIDINTCON1", pendFIFO)
			env.Clock.Advance(2 * testFrame)
			b.Want("VIDINTCON1", 0)
			want(t, d, c.name+", repaired", 39, 29, 0xffffff)
		}
	}
}

// The FIFO interrupt is for the windows and levels that are selected.
func TestFIFOSelect(t *testing.T) {
	for _, c := range []struct {
		con  uint64
		pend uint64
	}{
		{intEnable | intFIFOEnable | fifoSelect(2), pendFIFO},
		{intEnable | intFIFOEnable | fifoSelect(2) | 3<<intFIFOLvlLo, pendFIFO},
		{intEnable | intFIFOEnable | fifoSelect(2) | fifoFull<<intFIFOLvlLo, 0},
		{intEnable | intFIFOEnable | 0x7f<<intFIFOSelLo&^fifoSelect(2), 0},
		{intFIFOEnable | fifoSelect(2), 0},
		{intEnable | intFrame | fifoSelect(2), pendFrame},
	} {
		env, _, b := fixture(t)
		setMode(b, testMode())
		b.Write("VIDINTCON0", c.con)
		setPlane(b, plane{win: 2, w: 40, h: 30, addr: 0x1000, pitch: 160, cpp: 4, con: conXRGB})
		env.Clock.Advance(testFrame)
		b.Want("VIDINTCON1", c.pend)
	}
}

// Saved in the middle of a frame, it goes on elsewhere as if nothing had happened.
func TestSnapshot(t *testing.T) {
	env, d, b := fixture(t)
	setMode(b, testMode())
	env.Clock.Advance(testFrame / 3)
	b.Write("VIDINTCON0", intEnable|intFrame|3<<intFrameSel0)
	setPlane(b, plane{win: 1, w: 40, h: 30, addr: uint64(mmiotest.MemoryBase), pitch: 160, cpp: 4, con: conXRGB})
	b.Write("BLENDEQ", uint64(fOne))
	binary.LittleEndian.PutUint32(env.Memory.Bytes, 0x445566)
	env.Clock.Advance(testFrame)
	b.WriteAt("VIDW_BUF_START", 1, uint64(mmiotest.MemoryBase)+4)
	data, err := d.SaveState()
	if err != nil {
		t.Fatal(err)
	}
	env2, d2, b2 := fixture(t)
	env2.Memory = env.Memory
	env2.Clock.Advance(env.Clock.Now())
	if err := d2.LoadState(data); err != nil {
		t.Fatal(err)
	}
	want(t, d2, "loaded", 0, 0, 0x445566)
	b2.WantAt("SHD_BUF_START", 1, uint64(mmiotest.MemoryBase))
	b2.Want("VIDCON1", b.Read("VIDCON1"))
	for range 3 {
		at, ok := env.Clock.Next()
		at2, ok2 := env2.Clock.Next()
		if at != at2 || ok != ok2 {
			t.Fatalf("timers at %v and %v", at, at2)
		}
		env.Clock.Advance(at - env.Clock.Now())
		env2.Clock.Advance(at - env2.Clock.Now())
	}
	b2.WantAt("SHD_BUF_START", 1, uint64(mmiotest.MemoryBase)+4)
	for _, bad := range []func(e *engine){
		func(e *engine) { e.Timing.Div = 0 }, func(e *engine) { e.Timing.Div = 257 }, func(e *engine) { e.Timing.W = 0 }, func(e *engine) { e.Timing.H = maxSide + 1 },
		func(e *engine) { e.Timing.HTotal = 40 }, func(e *engine) { e.Timing.VTotal = 45 }, func(e *engine) { e.Timing.Front++ }, func(e *engine) { e.Timing.Active = e.Timing.Back },
		func(e *engine) { e.Timing.Back = 0 }, func(e *engine) { e.Origin = time.Hour }, func(e *engine) { e.Part = 4 }, func(e *engine) { e.On = false },
		func(e *engine) { *e = engine{Pending: true} }, func(e *engine) { e.Touched = 1 << numWindows }, func(e *engine) { *e = engine{Touched: 1} }, func(e *engine) { e.Timing.HTotal = 1 << 40 },
		func(e *engine) { e.Origin = -1 }, func(e *engine) { e.Due = -1 },
		func(e *engine) { e.Timing = timing{1, 4, 4, 1, 2, 3, 1, 1} },
	} {
		s := state{d2.State(), d2.e}
		before := fmt.Sprint(d2.e)
		bad(&s.Engine)
		data, err := mmio.EncodeState(s)
		if err != nil {
			t.Fatal(err)
		}
		if d2.LoadState(data) == nil {
			t.Errorf("accepted %+v", s.Engine.Timing)
		}
		if fmt.Sprint(d2.e) != before {
			t.Error("refused, but changed")
		}
	}
}
