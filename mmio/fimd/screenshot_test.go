// SPDX-License-Identifier: Apache-2.0

package fimd

import (
	"bytes"
	"image/color"
	"testing"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// countedDMA counts who reads, and who only looks. It has no memory from limit on.
type countedDMA struct {
	mmio.DMA
	limit         mmio.IOVA
	reads, looked int
}

func (c *countedDMA) ReadDMA(addr mmio.IOVA, p []byte) error {
	c.reads++
	if addr+mmio.IOVA(len(p)) > c.limit {
		return &mmio.DMAError{Addr: max(addr, c.limit), Err: errHidden}
	}
	return c.DMA.ReadDMA(addr, p)
}

func (c *countedDMA) PeekDMA(addr mmio.IOVA, p []byte) bool {
	c.looked++
	return addr+mmio.IOVA(len(p)) <= c.limit && c.DMA.ReadDMA(addr, p) == nil
}

// A screenshot shows memory as it is, also where it cannot be read, and nobody notices.
func TestScreenshotLeavesNoTrace(t *testing.T) {
	const width = 40
	for _, c := range []struct {
		name  string
		limit mmio.IOVA // behind MemoryBase
		rows  int       // that can be read
	}{
		{"all", 1 << 20, 30},
		{"a page", 4096, 4096 / (4 * width)},
		{"nothing", 0, 0},
	} {
		env := mmiotest.NewEnv()
		dma := &countedDMA{DMA: &env.Memory, limit: mmiotest.MemoryBase + c.limit}
		d := New(Config{Name: "fimd", Clock: &env.Clock, FIFO: env.Line("fifo"), VSync: env.Line("vsync"), System: env.Line("lcd_sys"),
			DMA: dma, Events: &env.Events, SourceClock: clockRate})
		b := mmiotest.NewBench(t, d, &env.Events)
		setMode(b, testMode())
		setPlane(b, plane{w: width, h: 30, addr: uint64(mmiotest.MemoryBase), pitch: 4 * width, cpp: 4, con: conXRGB})
		env.Clock.Advance(testFrame)
		copy(env.Memory.Bytes, bytes.Repeat([]byte{1, 2, 3, 0}, width*30))

		before, err := d.SaveState()
		if err != nil {
			t.Fatal(err)
		}
		reads, events, raw := dma.reads, len(env.Events.List), bytes.Clone(d.layers[0].raw)
		img := d.Screenshot()
		after, err := d.SaveState()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(before, after) || dma.reads != reads || len(env.Events.List) != events || !bytes.Equal(d.layers[0].raw, raw) {
			t.Errorf("%s: a trace", c.name)
		}
		if dma.looked == 0 {
			t.Errorf("%s: memory was not looked at", c.name)
		}
		for y := range 30 {
			want := color.RGBA{A: 255}
			if y < c.rows {
				want = color.RGBA{R: 3, G: 2, B: 1, A: 255}
			}
			if got := img.RGBAAt(width-1, y); got != want {
				t.Fatalf("%s: line %d is %v, want %v", c.name, y, got, want)
			}
		}
	}
}
