// SPDX-License-Identifier: Apache-2.0

package mmiotest

import (
	"iter"
	"slices"
	"testing"

	"vdev/mmio"
)

// Gate is a gate for the jobs of a device under test, which tests open and close. With
// its Port and Line it complains about a device that does not keep to the order: the
// job, its DMA, the job's end, the interrupt.
type Gate struct {
	// Closed makes jobs wait for Open.
	Closed bool
	// Interrupts allows interrupts while jobs are in flight.
	Interrupts bool
	// Unguarded ranges may be accessed without a job: what is nobody's buffer.
	Unguarded []mmio.DMARange
	// Started, Finished and Aborted count jobs; What describes the last one that began or
	// waits, and Ranges are what it announced.
	Started, Finished, Aborted int
	What                       string
	Ranges                     []mmio.DMARange

	jobs []*gateJob
}

type gateJob struct {
	gate     *Gate
	hold     bool
	inFlight bool
	ranges   []mmio.DMARange
	waiting  func()
}

// NewJob implements mmio.JobGate.
func (g *Gate) NewJob(hold bool) mmio.GatedJob {
	j := &gateJob{gate: g, hold: hold}
	g.jobs = append(g.jobs, j)
	return j
}

// Start implements mmio.GatedJob.
func (j *gateJob) Start(what func() string, ranges iter.Seq[mmio.DMARange], start func()) bool {
	if j.inFlight || j.waiting != nil {
		panic("BUG: a job is started twice")
	}
	g := j.gate
	j.ranges = slices.Collect(ranges)
	g.What, g.Ranges = what(), j.ranges
	if g.Closed {
		j.waiting = start
		return false
	}
	j.inFlight = true
	g.Started++
	return true
}

// Finish implements mmio.GatedJob.
func (j *gateJob) Finish() {
	if j.inFlight {
		j.inFlight = false
		j.gate.Finished++
	}
}

// Abort implements mmio.GatedJob.
func (j *gateJob) Abort() {
	if j.inFlight || j.waiting != nil {
		j.inFlight, j.waiting = false, nil
		j.gate.Aborted++
	}
}

// Open lets those go on that wait, in the order in which the jobs were made.
func (g *Gate) Open() {
	g.Closed = false
	for _, j := range g.jobs {
		if start := j.waiting; start != nil {
			j.waiting, j.inFlight = nil, true
			g.Started++
			start()
		}
	}
}

// InFlight is how many jobs are in flight.
func (g *Gate) InFlight() (n int) {
	for _, j := range g.jobs {
		if j.inFlight {
			n++
		}
	}
	return n
}

// Waiting is how many jobs wait at the gate.
func (g *Gate) Waiting() (n int) {
	for _, j := range g.jobs {
		if j.waiting != nil {
			n++
		}
	}
	return n
}

// announced tells whether a job that is in flight announced an access.
func (g *Gate) announced(addr mmio.IOVA, n int, write bool) bool {
	ranges := slices.Clone(g.Unguarded)
	for _, j := range g.jobs {
		if j.inFlight {
			ranges = append(ranges, j.ranges...)
		}
	}
	return n == 0 || slices.ContainsFunc(ranges, func(r mmio.DMARange) bool {
		return addr >= r.Addr && uint64(addr-r.Addr)+uint64(n) <= r.Len && (write && r.Write || !write && r.Read)
	})
}

// Port is m as the device is to use it.
func (g *Gate) Port(t testing.TB, m *Memory) mmio.DMA { return &gatedPort{m, g, t} }

type gatedPort struct {
	*Memory
	gate *Gate
	t    testing.TB
}

// ReadDMA implements mmio.DMA.
func (p *gatedPort) ReadDMA(addr mmio.IOVA, b []byte) error {
	if !p.gate.announced(addr, len(b), false) {
		p.t.Errorf("read of %d bytes at %#x, which no job announced", len(b), uint64(addr))
	}
	return p.Memory.ReadDMA(addr, b)
}

// WriteDMA implements mmio.DMA.
func (p *gatedPort) WriteDMA(addr mmio.IOVA, b []byte) error {
	if !p.gate.announced(addr, len(b), true) {
		p.t.Errorf("write of %d bytes at %#x, which no job announced", len(b), uint64(addr))
	}
	return p.Memory.WriteDMA(addr, b)
}

// Line is l as the device is to use it, if it interrupts when its work is done.
func (g *Gate) Line(t testing.TB, l *Line) mmio.IRQLine {
	return mmio.IRQFunc(func(level bool) {
		if level && !l.Level && !g.Interrupts && slices.ContainsFunc(g.jobs, func(j *gateJob) bool { return j.inFlight && !j.hold }) {
			t.Error("an interrupt, while a job is still in flight")
		}
		l.Set(level)
	})
}
