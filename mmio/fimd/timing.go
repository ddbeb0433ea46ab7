// SPDX-License-Identifier: Apache-2.0

package fimd

import (
	"math"
	"math/bits"
	"time"

	"vdev/mmio"
)

// minFrame is the shortest frame: no panel is faster, and it bounds what a guest can
// demand of the host.
const minFrame = 100 * time.Microsecond

// timing is what the panel's signals are made of.
type timing struct {
	Div    uint64 // source clocks in a VCLK
	HTotal uint64 // VCLKs in a line
	VTotal uint64 // lines in a frame, which begins with the sync
	Back   uint64 // the line where the back porch begins,
	Active uint64 // the picture,
	Front  uint64 // and the front porch
	W, H   int    // of the picture
}

// size12 is a field of 11 bits with bit 11 elsewhere.
func size12(v uint32, lo, high uint) int { return int(v>>lo&0x7ff | v>>high&1<<11) }

// timing decodes the timing registers.
func (d *FIMD) timing() timing {
	v, h, size := d.Get(regVidTCon0), d.Get(regVidTCon1), uint32(d.Get(regVidTCon2))
	field := func(v uint64, lo uint) uint64 { return v>>lo&0xff + 1 }
	t := timing{Div: 1, W: size12(size, 0, 22) + 1, H: size12(size, 11, 23) + 1}
	if c := d.Get(regVidCon0); c&vidClkDir != 0 {
		t.Div = c>>vidClkValLo&vidClkValMask + 1
	}
	t.HTotal = field(h, 0) + field(h, 8) + field(h, 16) + uint64(t.W)
	t.Back = field(v, 0)
	t.Active = t.Back + field(v, 16)
	t.Front = t.Active + uint64(t.H)
	t.VTotal = t.Front + field(v, 8)
	return t
}

// clocksPerFrame is the number of source clocks in a frame.
func (t *timing) clocksPerFrame() uint64 { return t.Div * t.HTotal * t.VTotal }

// possible tells whether there is a clock, and no frame shorter than minFrame.
func (d *FIMD) possible(t *timing) bool {
	return d.sourceClock != 0 && d.timeOf(t, t.HTotal*t.VTotal) >= minFrame
}

// mulDiv is a*b/c, rounded down or up, or all ones if it does not fit.
func mulDiv(a, b, c uint64, up bool) uint64 {
	hi, lo := bits.Mul64(a, b)
	if up {
		var carry uint64
		lo, carry = bits.Add64(lo, c-1, 0)
		hi += carry
	}
	if hi >= c {
		return math.MaxUint64
	}
	q, _ := bits.Div64(hi, lo, c)
	return q
}

// timeOf is how long n VCLKs take, rounded up to whole nanoseconds.
func (d *FIMD) timeOf(t *timing, n uint64) time.Duration {
	return time.Duration(min(mulDiv(n, t.Div*uint64(time.Second), d.sourceClock, true), math.MaxInt64))
}

// clocksIn is how many whole VCLKs pass in a time.
func (d *FIMD) clocksIn(t *timing, dt time.Duration) uint64 {
	return mulDiv(uint64(max(dt, 0)), d.sourceClock, t.Div*uint64(time.Second), false)
}

// The parts of a frame, as VIDCON1's vstatus has them.
const (
	partSync = iota
	partBack
	partActive
	partFront
)

// start is the line where a part of the frame begins.
func (t *timing) start(part int) uint64 {
	return [...]uint64{partSync: 0, partBack: t.Back, partActive: t.Active, partFront: t.Front}[part]
}

// beam is what VIDCON1 tells of the beam's position; zeros while the display is off.
func (d *FIMD) beam() uint64 {
	if !d.e.On {
		return 0
	}
	t := &d.e.Timing
	line := d.clocksIn(t, d.clock.Now()-d.e.Origin) / t.HTotal % t.VTotal
	part := partSync
	for part < partFront && line >= t.start(part+1) {
		part++
	}
	count := uint64(0)
	if part == partActive {
		count = (line - t.Active) & beamLineMask
	}
	return uint64(part)<<beamStatusLo | count<<beamLineLo
}

// Refresh is the panel's refresh rate in Hz, num/den; num is 0 while the display is
// off.
func (d *FIMD) Refresh() (num, den int) {
	if !d.e.On {
		return 0, 1
	}
	n, m := d.sourceClock, d.e.Timing.clocksPerFrame()
	a, b := n, m
	for b != 0 {
		a, b = b, a%b
	}
	return int(n / a), int(m / a)
}

// moments are the parts of the frame at whose start the frame interrupt comes, one bit
// for each.
func (d *FIMD) moments() uint {
	v := d.Get(regVidIntCon0)
	if v&intEnable == 0 || v&intFrame == 0 {
		return 0
	}
	m := uint(1) << [...]int{partBack, partSync, partActive, partFront}[v>>intFrameSel0&3]
	if sel := v >> intFrameSel1 & 3; sel != 0 {
		m |= 1 << [...]int{0, partBack, partSync, partFront}[sel]
	}
	return m
}

// wanted are the parts of the frame at whose start there is something to do. The sync
// matters as long as something depends on it: registers that are to take effect, an
// interrupt, or somebody who watches.
func (d *FIMD) wanted() uint {
	m := d.moments()
	if v := d.Get(regVidIntCon0); m != 0 || v&intEnable != 0 && v&intFIFOEnable != 0 || d.e.Pending || d.onFrame != nil {
		m |= 1 << partSync
	}
	return m
}

// arm sets the timer to the next moment at which there is something to do.
func (d *FIMD) arm() {
	e := &d.e
	if !e.On {
		e.Waiting = false
		d.timer.Disarm()
		return
	}
	now := d.clock.Now()
	if e.Waiting && e.Due <= now {
		return // it is about to fire
	}
	m := d.wanted()
	e.Waiting = m != 0
	if m == 0 {
		d.timer.Disarm()
		return
	}
	t := &e.Timing
	frame := d.clocksIn(t, now-e.Origin) / t.HTotal / t.VTotal
	first := true
	for part := partSync; part <= partFront; part++ {
		if m>>part&1 == 0 {
			continue
		}
		at := e.Origin
		for f := frame; at <= now; f++ {
			at = e.Origin + d.timeOf(t, (f*t.VTotal+t.start(part))*t.HTotal)
		}
		if first || at < e.Due {
			e.Part, e.Due, first = part, at, false
		}
	}
	d.timer.Arm(e.Due)
}

// step is the timer.
func (d *FIMD) step() {
	if !d.e.On || !d.e.Waiting {
		panic("BUG: " + d.Name() + " waits for nothing")
	}
	d.e.Waiting = false
	d.moment(d.e.Part, d.e.Due)
	d.arm()
}

// moment is the start of a part of the frame.
func (d *FIMD) moment(part int, at time.Duration) {
	if part == partSync {
		d.vsync(at)
	}
	if d.e.On && d.moments()>>part&1 != 0 {
		d.raise(pendFrame)
	}
}

// power is a write of VIDCON0.
func (d *FIMD) power() {
	v := d.Get(regVidCon0)
	switch on := v&vidEnable != 0; {
	case d.e.On && on:
		d.touch()
	case d.e.On:
		d.off()
	case on && v&vidEnableFrame != 0:
		t := d.timing()
		if !d.possible(&t) {
			d.blame(mmio.EventBadValue, regVidTCon2, 0)
			return
		}
		now := d.clock.Now()
		d.e.On, d.e.Timing, d.e.Origin, d.e.Pending = true, t, now, true
		d.moment(partSync, now)
		// A hart is in the middle of its turn, and may write without a new stamp.
		for i := range d.layers {
			d.layers[i].stamp = mmio.ChangeStamp{}
		}
		d.arm()
	}
}

func (d *FIMD) off() {
	d.e.On, d.e.Pending, d.e.Touched = false, false, 0
	d.forget()
	d.arm()
}
