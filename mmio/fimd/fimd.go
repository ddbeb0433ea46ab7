// SPDX-License-Identifier: Apache-2.0

package fimd

import (
	"errors"
	"fmt"
	"image"
	"math"
	"time"

	"vdev/mmio"
)

// Config wires a FIMD.
type Config struct {
	Name  string
	Clock mmio.Clock
	// FIFO, VSync and System are the interrupts "fifo", "vsync" and "lcd_sys".
	FIFO, VSync, System mmio.IRQLine
	DMA                 mmio.DMA
	// Gate is asked before a window is latched that reads other memory than before, and
	// told when it does not any more; may be nil.
	Gate mmio.JobGate
	// NonCoherent puts dma-noncoherent into the device tree.
	NonCoherent bool
	// Events takes what the guest does wrong and what the model lacks.
	Events mmio.EventSink
	// SourceClock is the rate of the clock "sclk_fimd" in Hz.
	SourceClock uint64
	// OnFrame is as for SetOnFrame.
	OnFrame func(img *image.RGBA, at time.Duration)
}

// FIMD is the device.
type FIMD struct {
	*mmio.Regs
	clock                mmio.Clock
	fifo, vsyncLine, sys mmio.IRQLine
	dma                  mmio.DMA
	tracker              mmio.ChangeTracker // dma, if it can tell
	timer                mmio.Timer
	nonCoherent          bool
	sourceClock          uint64
	onFrame              func(img *image.RGBA, at time.Duration)

	e engine

	// All below follows from e and memory.
	layers  [numWindows]layer
	access  [numWindows]*access
	shown   *image.RGBA // what onFrame saw last; nil for nothing
	spare   *image.RGBA // room for another picture
	reading int         // the window whose scan-out is under way; -1 for none
	composer
}

// engine is all that is in force, which differs from what the registers say until the
// next vsync; it goes into snapshots.
type engine struct {
	On      bool
	Origin  time.Duration // when a frame began, since when the timing is as it is
	Timing  timing
	Pending bool  // registers were written since the last vsync
	Touched uint8 // those of these windows, since the last one at which they took effect
	Waiting bool  // the timer is armed, for the start of Part at Due
	Part    int
	Due     time.Duration

	Windows  [numWindows]window
	BlendCon uint32
	PalCon   [2]uint32 // WPALCON_L and WPALCON_H
	Palettes [numWindows][paletteSize]uint32
	Failed   [numWindows]bool // the last scan-out met a bus error
}

var _ interface {
	mmio.RegisterDevice
	mmio.Snapshotter
	mmio.DTDescriber
	mmio.JobDescriber
} = (*FIMD)(nil)

// New makes a FIMD in its reset state.
func New(c Config) *FIMD {
	d := &FIMD{clock: c.Clock, fifo: mmio.Wired(c.FIFO), vsyncLine: mmio.Wired(c.VSync), sys: mmio.Wired(c.System),
		dma: c.DMA, nonCoherent: c.NonCoherent, sourceClock: c.SourceClock, onFrame: c.OnFrame, reading: -1}
	for i := range d.access {
		d.access[i] = newAccess(c.Gate, i)
	}
	d.tracker, _ = c.DMA.(mmio.ChangeTracker)
	d.timer = c.Clock.NewTimer(c.Name+".beam", d.step)
	d.Regs = mmio.NewRegs(c.Name, d.block(), c.Events)
	return d
}

// SetOnFrame makes fn see the picture at each vsync at which it differs from the one
// that fn saw last, first at the next vsync; nil ends it. The picture is valid only
// during the call; at is virtual time.
func (d *FIMD) SetOnFrame(fn func(img *image.RGBA, at time.Duration)) {
	d.onFrame, d.shown = fn, nil
	d.arm()
}

// Reset switches the display off and brings all registers back.
func (d *FIMD) Reset() {
	d.Regs.Reset()
	d.e = engine{}
	d.forget()
	d.arm()
	d.update()
}

// DTName is the node name of Linux's exynos device trees.
func (d *FIMD) DTName() string { return "fimd" }

// DescribeDT writes the node. The machine adds clocks, in the order of clock-names,
// the ports and what else leads to other nodes.
func (d *FIMD) DescribeDT(n mmio.DTNode) {
	n.SetProp("compatible", "samsung,exynos4210-fimd")
	n.SetProp("clock-names", []string{"sclk_fimd", "fimd"})
	n.SetProp("interrupt-names", []string{"fifo", "vsync", "lcd_sys"})
	n.SetProp("#address-cells", uint32(1))
	n.SetProp("#size-cells", uint32(0))
	if d.nonCoherent {
		n.SetProp("dma-noncoherent", nil)
	}
}

// raise makes an interrupt pending, if VIDINTCON0 lets it.
func (d *FIMD) raise(bit uint64) {
	d.Set(regVidIntCon1, d.Get(regVidIntCon1)|bit)
	d.update()
}

// update drives the interrupt wires to what the registers say.
func (d *FIMD) update() {
	con, pend := d.Get(regVidIntCon0), d.Get(regVidIntCon1)
	on := con&intEnable != 0
	d.fifo.Set(on && con&intFIFOEnable != 0 && pend&pendFIFO != 0)
	d.vsyncLine.Set(on && con&intFrame != 0 && pend&pendFrame != 0)
	d.sys.Set(false)
}

// blame reports what is wrong with element i of a register.
func (d *FIMD) blame(kind mmio.EventKind, reg mmio.RegID, i int) {
	r := d.Reg(reg)
	d.Report(kind, r.Name, r.Offset+uint64(i)*r.Stride, d.GetAt(reg, i))
}

// Job names the window being read.
func (d *FIMD) Job() string {
	if d.reading < 0 {
		return ""
	}
	l := &d.layers[d.reading]
	return fmt.Sprintf("scan-out of window %d, %dx%d at %#x", d.reading, l.w, l.h, l.start)
}

type state struct {
	Regs   mmio.RegsState
	Engine engine
}

// SaveState returns the registers and what is in force.
func (d *FIMD) SaveState() ([]byte, error) { return mmio.EncodeState(state{d.State(), d.e}) }

// LoadState is the inverse of SaveState. What memory held is not saved: it is read
// when it is needed next.
func (d *FIMD) LoadState(data []byte) error {
	s, err := mmio.DecodeState[state](d.Name(), data)
	if err != nil {
		return err
	}
	if err := d.checkEngine(&s.Engine); err != nil {
		return fmt.Errorf("state of %s: %w", d.Name(), err)
	}
	if err := d.SetState(s.Regs); err != nil {
		return err
	}
	d.e = s.Engine
	d.forget()
	for i := range d.layers {
		d.layers[i].decode(&d.e, i)
	}
	if d.e.Waiting {
		d.timer.Arm(d.e.Due)
	} else {
		d.timer.Disarm()
	}
	d.update()
	return nil
}

// checkEngine refuses what cannot be in force.
func (d *FIMD) checkEngine(e *engine) error {
	if !e.On {
		if e.Waiting || e.Pending || e.Touched != 0 {
			return errors.New("work while off")
		}
		return nil
	}
	if e.Touched>>numWindows != 0 {
		return errors.New("a window that there is not")
	}
	t := &e.Timing
	const most = math.MaxInt16
	if t.Div == 0 || t.Div > vidClkValMask+1 || t.W < 1 || t.W > maxSide || t.H < 1 || t.H > maxSide || t.HTotal <= uint64(t.W) || t.HTotal > most ||
		t.Back == 0 || t.Active <= t.Back || t.Front != t.Active+uint64(t.H) || t.VTotal <= t.Front || t.VTotal > most || !d.possible(t) {
		return errors.New("impossible timing")
	}
	if e.Part < partSync || e.Part > partFront || e.Origin < 0 || e.Origin > d.clock.Now() || e.Due < e.Origin && e.Waiting {
		return errors.New("impossible moment")
	}
	return nil
}
