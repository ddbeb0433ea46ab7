// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"fmt"
	"iter"
	"slices"

	"vdev/mmio"
)

// Config wires a G2D.
type Config struct {
	Name  string
	Clock mmio.Clock
	IRQ   mmio.IRQLine
	DMA   mmio.DMA
	// Gate is asked before each bitblt that the CPU starts, and before each run of command
	// lists; may be nil.
	Gate mmio.JobGate
	// NonCoherent puts dma-noncoherent into the device tree.
	NonCoherent bool
	// Events takes what the guest does wrong and what the model lacks.
	Events mmio.EventSink
}

// G2D is the device.
type G2D struct {
	*mmio.Regs
	clock       mmio.Clock
	irq         mmio.IRQLine
	dma         mmio.DMA
	timer       mmio.Timer
	nonCoherent bool
	gated       mmio.GatedJob
	// What gated.Start gets: made once.
	what   func() string
	access iter.Seq[mmio.DMARange]
	then   func()

	e engine
	// announced is how many of the next command lists the gate knows of.
	announced int

	// All below is made from e.Params, or is scratch memory.
	now       params // room for the registers when a bitblt is started
	job       job
	src, mask sampler
	scratch
	filled int // bytes of raw that hold the row of the solid fill under way
}

var _ interface {
	mmio.RegisterDevice
	mmio.Snapshotter
	mmio.DTDescriber
} = (*G2D)(nil)

// New makes a G2D in its reset state.
func New(c Config) *G2D {
	d := &G2D{clock: c.Clock, irq: mmio.Wired(c.IRQ), dma: c.DMA, nonCoherent: c.NonCoherent}
	d.gated = mmio.NewGatedJob(c.Gate, false)
	d.what, d.access, d.then = d.Job, d.ranges, d.admitted
	d.timer = c.Clock.NewTimer(c.Name+".engine", d.step)
	d.Regs = mmio.NewRegs(c.Name, d.block(), c.Events)
	return d
}

// Reset stops the engine and brings all registers back.
func (d *G2D) Reset() {
	d.Regs.Reset()
	d.stop()
	d.update()
}

// DTName is the node name of Linux's exynos device trees.
func (d *G2D) DTName() string { return "g2d" }

// DescribeDT writes the node. The driver also wants a clock named fimg2d, which is
// the machine's to give: clocks and clock-names.
func (d *G2D) DescribeDT(n mmio.DTNode) {
	n.SetProp("compatible", "samsung,exynos5250-g2d")
	if d.nonCoherent {
		n.SetProp("dma-noncoherent", nil)
	}
}

type state struct {
	Regs   mmio.RegsState
	Engine engine
}

// SaveState returns the registers and the work under way.
func (d *G2D) SaveState() ([]byte, error) {
	s := state{d.State(), d.e}
	// Empty and absent are the same, here and in what LoadState makes of it.
	s.Engine.Words, s.Engine.Params = append([]uint32{}, d.e.Words...), append([]uint32{}, d.e.Params...)
	return mmio.EncodeState(s)
}

// LoadState is the inverse of SaveState.
func (d *G2D) LoadState(data []byte) error {
	s, err := mmio.DecodeState[state](d.Name(), data)
	if err != nil {
		return err
	}
	if err := d.checkEngine(&s.Engine); err != nil {
		return err
	}
	if err := d.SetState(s.Regs); err != nil {
		return err
	}
	d.stop()
	d.e = s.Engine
	if len(d.e.Params) != 0 {
		d.scratch.alloc()
		d.decode((*params)(d.e.Params))
	}
	switch d.e.Phase {
	case phaseBlit, phaseFetch: // a run that has begun goes on
		d.timer.Arm(d.e.Due)
	case phaseGate:
		d.timer.Arm(d.clock.Now())
	}
	d.update()
	return nil
}

// checkEngine refuses work that cannot be under way.
func (d *G2D) checkEngine(e *engine) error {
	fail := func(what string) error { return fmt.Errorf("state of %s: impossible %s", d.Name(), what) }
	bitblt := e.Phase == phaseBlit || e.Phase == phaseGate && len(e.Params) != 0
	if e.Phase >= numPhases || e.Lists != (e.Phase != phaseIdle) && !bitblt {
		return fail("phase")
	}
	if e.Owed < 0 || e.Owed > maxOwed || e.Owed != 0 && !e.Lists {
		return fail("time")
	}
	if n := len(e.Words); n > 2*MaxPairs+1 || n != 0 && n%2 == 0 || e.Pair < 0 || e.Pair > max(n-1, 0)/2 {
		return fail("command list")
	}
	if !e.Lists && (len(e.Words) != 0 || e.Halt) {
		return fail("command list without a run")
	}
	if !bitblt {
		if len(e.Params) != 0 {
			return fail("parameters without a bitblt")
		}
		return nil
	}
	if len(e.Params) != int(numRegs) {
		return fail("number of parameters")
	}
	// The job is made on the side, so that a refused state changes nothing.
	side := &G2D{}
	if pr := side.decode((*params)(slices.Clone(e.Params))); pr.bad || e.Row < side.job.j0 || e.Row >= side.job.j1 {
		return fail("bitblt")
	}
	return nil
}
