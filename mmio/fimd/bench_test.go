// SPDX-License-Identifier: Apache-2.0

package fimd

import (
	"image"
	"testing"
	"time"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// hdMode is 1920x1080 at some 60 Hz.
func hdMode() mode {
	return mode{w: 1920, hfp: 88, hsync: 44, hbp: 148, h: 1080, vfp: 4, vsync: 5, vbp: 36, div: 1}
}

// hdBench has the display on, with memory for two full-screen buffers.
func hdBench(b *testing.B, onFrame func(*image.RGBA, time.Duration)) (*mmiotest.Env, *FIMD, *mmiotest.Bench) {
	env := mmiotest.NewEnv()
	env.Memory.Bytes = make([]byte, 32<<20)
	for i := range env.Memory.Bytes {
		env.Memory.Bytes[i] = byte(i ^ i>>8 ^ i>>16 ^ i>>24*99)
	}
	d := New(Config{Name: "fimd", Clock: &env.Clock, DMA: &env.Memory, Events: &env.Events, SourceClock: 148_500_000, OnFrame: onFrame})
	bench := mmiotest.NewBench(b, d, &env.Events)
	setMode(bench, hdMode())
	return env, d, bench
}

func hdPlane(win int, con uint64) plane {
	return plane{win: win, w: 1920, h: 1080, addr: uint64(mmiotest.MemoryBase), pitch: 4 * 1920, cpp: 4, con: con}
}

const frameTime = 16_666_667 * time.Nanosecond

// BenchmarkCompose makes 1080p pictures of what has been read.
func BenchmarkCompose(b *testing.B) {
	const argb = modeA888<<winModeLo | winWordSwap | winAlphaSel | winBlendPix
	for _, c := range []struct {
		name  string
		setup func(*mmiotest.Bench)
	}{
		{"XRGB8888", func(b *mmiotest.Bench) { setPlane(b, hdPlane(0, conXRGB)) }},
		{"RGB565", func(b *mmiotest.Bench) {
			p := hdPlane(0, mode565<<winModeLo|winHalfSwap)
			p.cpp, p.pitch = 2, 2*1920
			setPlane(b, p)
		}},
		{"cursor", func(b *mmiotest.Bench) {
			setPlane(b, hdPlane(0, conXRGB))
			setPlane(b, plane{win: 4, x: 100, y: 100, w: 64, h: 64, addr: uint64(mmiotest.MemoryBase), pitch: 256, cpp: 4, con: argb})
		}},
		{"ARGB8888", func(b *mmiotest.Bench) {
			setPlane(b, hdPlane(0, conXRGB))
			setPlane(b, hdPlane(1, argb))
		}},
		{"key", func(b *mmiotest.Bench) {
			setPlane(b, hdPlane(0, conXRGB))
			setPlane(b, hdPlane(1, argb))
			b.Write("WKEYCON0", keyEnable)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			env, d, bench := hdBench(b, nil)
			c.setup(bench)
			env.Clock.Advance(frameTime)
			img := d.Screenshot()
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				d.compose(img)
			}
		})
	}
}

// BenchmarkFlips is a second of 1080p flips, all of them looked at.
func BenchmarkFlips(b *testing.B) {
	frames := 0
	env, _, bench := hdBench(b, func(*image.RGBA, time.Duration) { frames++ })
	p := hdPlane(0, conXRGB)
	setPlane(bench, p)
	env.Clock.Advance(frameTime)
	frames = 0
	b.ResetTimer()
	for b.Loop() {
		for i := range 60 {
			p.addr = uint64(mmiotest.MemoryBase) + uint64(i%2)*(16<<20)
			setPlane(bench, p)
			env.Clock.Advance(frameTime)
		}
	}
	if frames < 59*b.N {
		b.Errorf("%d frames", frames)
	}
}

// still is memory of which it is known that it does not change.
type still struct {
	mmio.DMA
}

func (still) ChangeStamp() mmio.ChangeStamp                         { return mmio.ChangeStamp{Memory: 1} }
func (still) ChangedSince(mmio.IOVA, uint64, mmio.ChangeStamp) bool { return false }

func (still) DirtyDMA(mmio.IOVA, uint64) bool { return false }

// BenchmarkIdle is a second of a 1080p picture that does not change, watched.
func BenchmarkIdle(b *testing.B) {
	env := mmiotest.NewEnv()
	env.Memory.Bytes = make([]byte, 16<<20)
	d := New(Config{Name: "fimd", Clock: &env.Clock, DMA: still{&env.Memory}, Events: &env.Events, SourceClock: 148_500_000,
		OnFrame: func(*image.RGBA, time.Duration) {}})
	bench := mmiotest.NewBench(b, d, &env.Events)
	setMode(bench, hdMode())
	setPlane(bench, hdPlane(0, conXRGB))
	env.Clock.Advance(frameTime)
	for b.Loop() {
		env.Clock.Advance(time.Second)
	}
}

// Nothing is allocated for a flip like the one before.
func TestAllocs(t *testing.T) {
	env, d, b := fixture(t)
	flips, frames := 0, 0
	d.SetOnFrame(func(*image.RGBA, time.Duration) { frames++ })
	setMode(b, testMode())
	p := plane{w: 40, h: 30, pitch: 160, cpp: 4, con: conXRGB}
	mapped(b, 0, 0x123456)
	flip := func() {
		flips++
		p.addr = uint64(mmiotest.MemoryBase) + uint64(flips%2)*4
		b.Write("WINMAP", mapEnable|uint64(flips%2))
		for p.win = range numWindows {
			setPlane(b, p)
		}
		env.Clock.Advance(testFrame)
	}
	flip()
	flip()
	frames = 0
	if n := testing.AllocsPerRun(10, flip); n != 0 || frames != 11 {
		t.Errorf("%v allocations, %d frames", n, frames)
	}
}
