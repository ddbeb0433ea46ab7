// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"encoding/binary"
	"errors"
	"time"

	"vdev/mmio"
)

// Virtual time that work takes: one pixel per cycle at 200 MHz, two cycles for a register
// write of a list, and a microsecond to get a list or to see that there is nothing to
// draw. Lists that loop thus always let the guest and the host go on.
const (
	pixelTime  = 5 * time.Nanosecond
	pairTime   = 10 * time.Nanosecond
	fetchTime  = time.Microsecond
	refuseTime = time.Microsecond
)

// bandPixels bounds the work of one step: whole rows of at most so many pixels, counted
// in the image that has most, and at least one row.
const bandPixels = 1 << 16

// MaxPairs is the longest command list in register writes. Linux's lists have 127 at
// most.
const MaxPairs = 4096

// maxOwed is the most that a list does without waiting.
const maxOwed = MaxPairs * (pairTime + refuseTime)

// phase is what the engine waits for.
type phase uint8

const (
	phaseIdle  phase = iota
	phaseFetch       // time to read the list at List
	phaseBlit        // time to do the next band
	phaseHeld        // DMA_COMMAND continue
	phaseGate        // the gate to let the bitblt in Params start, or the lists
	numPhases
)

// engine is the state of work under way; all of it goes into snapshots.
type engine struct {
	Phase phase
	Due   time.Duration // of phaseFetch and phaseBlit

	Lists  bool          // command lists are running; else the CPU started the bitblt
	List   uint32        // address of the list to fetch
	Words  []uint32      // register, value, ..., address of the next list
	Pair   int           // the next pair of Words
	Skip   bool          // it is swallowed
	Halt   bool          // stop after the bitblt under way
	NoHold bool          // of the bitblt under way
	Owed   time.Duration // what the list has done since it last waited

	Params []uint32 // registers of the bitblt under way
	Row    int      // its next row
}

func (d *G2D) arm(p phase, after time.Duration) {
	d.e.Phase, d.e.Due = p, d.clock.Now()+after+d.e.Owed
	d.e.Owed = 0
	d.timer.Arm(d.e.Due)
}

// step is the timer.
func (d *G2D) step() {
	switch d.e.Phase {
	case phaseFetch:
		d.fetch()
	case phaseBlit:
		d.band()
	case phaseGate:
		d.admit()
	default:
		panic("BUG: " + d.Name() + " has nothing to do")
	}
}

// dmaCommand is a write of DMA_COMMAND.
func (d *G2D) dmaCommand(v uint64) {
	e := &d.e
	switch {
	case v&dmaStart != 0:
		if e.Phase != phaseIdle {
			d.blame(mmio.EventBadValue, regDMACommand)
			return
		}
		*e = engine{Lists: true, List: uint32(d.Get(regDMASFRBase)), Words: e.Words[:0], Params: e.Params[:0]}
		d.Set(regDMAStatus, 0)
		d.arm(phaseFetch, fetchTime)
	case v&dmaHalt != 0:
		e.Halt = e.Lists
	case v&dmaContinue != 0:
		e.Halt = false
		if e.Phase == phaseHeld {
			d.run()
		}
	}
}

// bitbltStart is a write of BITBLT_START by the CPU.
func (d *G2D) bitbltStart(v uint64) {
	if v&startBitblt == 0 {
		return
	}
	if d.e.Phase != phaseIdle {
		d.blame(mmio.EventBadValue, regBitbltStart)
		return
	}
	d.e = engine{Words: d.e.Words[:0], Params: d.e.Params[:0]}
	if !d.begin() {
		d.raise(intSlave)
	}
}

// admit asks the gate for the bitblt or the lists that are about to start.
func (d *G2D) admit() {
	d.announced = 0
	if d.gated.Start(d.what, d.access, d.then) {
		d.admitted()
	}
}

// admitted starts what the gate let in.
func (d *G2D) admitted() {
	if len(d.e.Params) != 0 {
		d.armBand()
	} else {
		d.run()
	}
}

// blame reports what is wrong with a register's value.
func (d *G2D) blame(kind mmio.EventKind, reg mmio.RegID) {
	d.Report(kind, d.Reg(reg).Name, d.Reg(reg).Offset, d.Get(reg))
}

// fail reports a transfer that failed: the register that points to the list or image,
// and the address.
func (d *G2D) fail(err error) {
	f, ok := err.(*fault)
	if !ok {
		panic("BUG: an error of " + d.Name() + " that is none of DMA")
	}
	addr := d.Get(f.reg)
	if de, ok := errors.AsType[*mmio.DMAError](f.err); ok {
		addr = uint64(de.Addr)
	}
	d.Report(mmio.EventBadDMA, d.Reg(f.reg).Name, d.Reg(f.reg).Offset, addr)
}

// fetch reads the command list at e.List and runs it.
func (d *G2D) fetch() {
	e := &d.e
	d.scratch.alloc()
	head := d.raw[:4]
	if err := d.read(regDMASFRBase, uint64(e.List), head); err != nil {
		d.fail(err)
		d.finishLists()
		return
	}
	count := binary.LittleEndian.Uint32(head)
	if count > MaxPairs {
		d.Report(mmio.EventBadDescriptor, "length of command list", uint64(e.List), uint64(count))
		d.finishLists()
		return
	}
	n := int(2*count + 1)
	raw := d.listBytes(4 * n)
	if err := d.read(regDMASFRBase, uint64(e.List)+4, raw); err != nil {
		d.fail(err)
		d.finishLists()
		return
	}
	e.Words = e.Words[:0]
	for i := range n {
		e.Words = append(e.Words, binary.LittleEndian.Uint32(raw[4*i:]))
	}
	e.Pair, e.Skip = 0, false
	if d.announced > 0 {
		d.announced--
		d.run()
		return
	}
	// Its locks are given back before more are waited for.
	d.gated.Finish()
	e.Phase = phaseGate
	d.admit()
}

// listBytes is room for a command list. The rows' scratch memory is large enough.
func (d *G2D) listBytes(n int) []byte {
	if n > len(d.raw) {
		d.raw = make([]byte, n)
	}
	return d.raw[:n]
}

// run goes on with the list in e.Words until it has to wait.
func (d *G2D) run() {
	e := &d.e
	for e.Pair < (len(e.Words)-1)/2 {
		if e.Halt {
			d.hold(0)
			return
		}
		off, v := e.Words[2*e.Pair], e.Words[2*e.Pair+1]
		e.Pair++
		e.Owed += pairTime
		if e.Skip {
			e.Skip = false
			continue
		}
		if d.execute(off, v) {
			return
		}
	}
	d.endList()
}

// execute does one pair of a list; wait says that it started a bitblt.
func (d *G2D) execute(off, v uint32) (wait bool) {
	e := &d.e
	switch uint64(off) {
	case d.Reg(regSoftReset).Offset:
		if v&resetEngine != 0 { // it would pull the list from under itself
			break
		}
		if v&resetClear != 0 {
			d.clear()
			e.Skip = true
		}
		return false
	case d.Reg(regDMASFRBase).Offset, d.Reg(regDMACommand).Offset:
		// not from a list
	case d.Reg(regBitbltStart).Offset:
		if v&startCaseSel != 0 {
			d.blame(mmio.EventUnimplemented, regBitbltStart)
		}
		e.NoHold = v&startNoHold != 0
		if v&startBitblt == 0 {
			return false
		}
		if d.begin() {
			return true
		}
		e.Owed += refuseTime
		return d.blitDone()
	default:
		if off%4 == 0 && off < windowSize {
			d.WriteMMIO(uint64(off), 4, uint64(v))
			return false
		}
	}
	d.Report(mmio.EventBadDescriptor, "register in command list", uint64(off), uint64(v))
	return false
}

// begin starts a bitblt with the registers as they are. It says false if it is over at
// once: the registers make no sense, which is reported, or nothing is to be drawn.
func (d *G2D) begin() bool {
	e := &d.e
	p := &d.now
	for i := range p {
		p[i] = uint32(d.Get(mmio.RegID(i)))
	}
	d.scratch.alloc()
	if pr := d.decode(p); pr.bad {
		d.blame(pr.kind, pr.reg)
		return false
	}
	if d.job.j0 == d.job.j1 {
		return false
	}
	e.Params, e.Row = append(e.Params[:0], p[:]...), d.job.j0
	d.Set(regFIFOStat, 0)
	if e.Lists {
		d.armBand()
	} else {
		e.Phase = phaseGate
		d.admit()
	}
	return true
}

// bandEnd is the row behind the next band.
func (d *G2D) bandEnd() int {
	return min(d.e.Row+max(1, bandPixels/d.job.work), d.job.j1)
}

// armBand waits for as long as the next band takes.
func (d *G2D) armBand() {
	d.arm(phaseBlit, time.Duration((d.bandEnd()-d.e.Row)*d.job.work)*pixelTime)
}

// band does the next rows.
func (d *G2D) band() {
	e := &d.e
	for end := d.bandEnd(); e.Row < end; e.Row++ {
		if err := d.blitRow(e.Row); err != nil {
			d.fail(err)
			if !e.Lists {
				d.gated.Abort()
			}
			e.Row = d.job.j1
			break
		}
	}
	if e.Row < d.job.j1 {
		d.armBand()
		return
	}
	e.Phase, e.Params = phaseIdle, e.Params[:0]
	d.Set(regFIFOStat, 1)
	if !e.Lists {
		d.gated.Finish()
		d.raise(intSlave)
		return
	}
	if !d.blitDone() {
		d.run()
	}
}

// blitDone counts a bitblt of a list; held says that the engine now waits.
func (d *G2D) blitDone() (held bool) {
	d.count(statusBitbltLo, statusBitbltMask)
	if d.Get(regDMAHoldCmd)&holdBitblt != 0 && !d.e.NoHold {
		d.hold(intUser)
		return true
	}
	return false
}

// count adds one to a field of DMA_STATUS.
func (d *G2D) count(lo uint, mask uint64) {
	s := d.Get(regDMAStatus)
	d.Set(regDMAStatus, s&^(mask<<lo)|(s>>lo+1)&mask<<lo)
}

// hold waits for DMA_COMMAND continue.
func (d *G2D) hold(why uint64) {
	d.e.Phase = phaseHeld
	d.raise(why)
}

// endList ends the list in e.Words: a second time after it was held.
func (d *G2D) endList() {
	e := &d.e
	if len(e.Words) != 0 {
		d.count(statusListLo, statusListMask)
		e.List = e.Words[len(e.Words)-1]
		e.Words, e.Pair = e.Words[:0], 0
		if d.Get(regDMAHoldCmd)&holdList != 0 {
			d.hold(intList)
			return
		}
	}
	switch {
	case e.List == 0:
		d.finishLists()
	case e.Halt:
		d.hold(0)
	default:
		d.arm(phaseFetch, fetchTime)
	}
}

// finishLists ends the run.
func (d *G2D) finishLists() {
	d.e = engine{Words: d.e.Words[:0], Params: d.e.Params[:0]}
	d.gated.Finish()
	d.Set(regDMAStatus, d.Get(regDMAStatus)|statusDone)
	d.raise(intAll)
}

// raise sets bits of INTC_PEND.
func (d *G2D) raise(bits uint64) {
	d.Set(regIntcPend, d.Get(regIntcPend)|bits)
	d.update()
}

func (d *G2D) update() { d.irq.Set(d.Get(regInten)&d.Get(regIntcPend) != 0) }

// softReset is a write of SOFT_RESET by the CPU.
func (d *G2D) softReset(v uint64) {
	if v&resetEngine != 0 {
		d.stop()
		for id := range regBitbltStart {
			d.Set(id, d.Reg(id).Reset)
		}
		d.update()
	}
	if v&resetClear != 0 {
		d.clear()
	}
}

// clear resets the parameters.
func (d *G2D) clear() {
	for id := regBitbltStart; id < numRegs; id++ {
		for i := range d.Reg(id).Count {
			d.SetAt(id, i, d.Reg(id).Reset)
		}
	}
}

// stop forgets the work under way; what it has drawn stays.
func (d *G2D) stop() {
	d.e = engine{Words: d.e.Words[:0], Params: d.e.Params[:0]}
	d.gated.Abort()
	d.timer.Disarm()
}
