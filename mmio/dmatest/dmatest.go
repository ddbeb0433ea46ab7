// SPDX-License-Identifier: Apache-2.0

// Package dmatest models a bus master for tests: it copies, fills and sums memory
// through its DMA port, when it is told to and as late as it is told to. Real
// hardware has such engines, with more registers; this one has just enough to make
// a driver's every mistake with caches and mappings on purpose.
package dmatest

import (
	"math"
	"time"

	"vdev/mmio"
)

// The registers.
const (
	regID mmio.RegID = iota
	regCommand
	regStatus
	regIRQEnable
	regError
	regLength
	regSrc
	regDst
	regPattern
	regDelay
	regResult
	regFault
)

const windowSize = 0x1000

// ID is what the ID register reads: "dmat".
const ID = 0x74616d64

// MaxLength is the longest transfer in bytes: a command's work is bounded.
const MaxLength = 1 << 20

// Op is a command.
type Op uint32

// The commands.
const (
	OpCopy     Op = 1 // LENGTH bytes from SRC to DST
	OpFill     Op = 2 // LENGTH bytes at DST with PATTERN, over and over
	OpChecksum Op = 3 // CRC-32 of LENGTH bytes at SRC, to RESULT
	OpAbort    Op = 4 // end the running command; bytes that it did not move yet stay
)

// Parts of COMMAND.
const (
	commandOp    = 0xff
	CommandFrame = 1 << 8
)

// Fault is why a command failed.
type Fault uint32

// The values of ERROR.
const (
	FaultNone    Fault = iota
	FaultRead          // a read on the bus failed, at the address in FAULT
	FaultWrite         // a write on the bus failed, at the address in FAULT
	FaultLength        // LENGTH is above MaxLength
	FaultCommand       // there is no such command
	FaultAborted       // OpAbort
)

// Bits of STATUS; IRQ_ENABLE has the first two.
const (
	StatusDone  = 1 << 0
	StatusError = 1 << 1
	StatusBusy  = 1 << 2
)

func (d *Tester) block() mmio.Block {
	return mmio.Block{
		Title: "DMA tester",
		Doc: "A bus master that does what it is told, for tests of cache maintenance and address translation. " +
			"Memory is touched when the delay is over, not when the command is written: what software does in between meets a transfer in flight.",
		Size: windowSize,
		Regs: []mmio.Reg{
			regID: {Name: "ID", Offset: 0x00, Access: mmio.RO, Reset: ID, Doc: "Identifies the device: \"dmat\"."},
			regCommand: {Name: "COMMAND", Offset: 0x04, Access: mmio.WO, Starts: true,
				Doc: "Starts a command with the parameters as they are now. While STATUS is busy, only abort is taken.",
				Fields: []mmio.Field{{Name: "op", Lo: 0, Hi: 7, Enum: []mmio.Enum{
					{Value: uint64(OpCopy), Name: "copy"}, {Value: uint64(OpFill), Name: "fill"},
					{Value: uint64(OpChecksum), Name: "checksum"}, {Value: uint64(OpAbort), Name: "abort"}}},
					mmio.Bit(8, "frame", "what copy or fill writes is a frame, as a camera's, for who watches the use of buffers")},
				PostWrite: func(_ int, _, v uint64) { d.command(v) }},
			regStatus: {Name: "STATUS", Offset: 0x08, W1C: StatusDone | StatusError, ROMask: ^uint64(StatusDone|StatusError) & math.MaxUint32,
				Doc: "How the last command went.",
				Fields: []mmio.Field{mmio.Bit(0, "done", "the command is over"), mmio.Bit(1, "error", "and it failed"),
					mmio.Bit(2, "busy", "a command is running")},
				PostWrite: func(int, uint64, uint64) { d.update() }},
			regIRQEnable: {Name: "IRQ_ENABLE", Offset: 0x0c, ROMask: ^uint64(StatusDone|StatusError) & math.MaxUint32,
				Doc:       "The bits of STATUS that interrupt.",
				Fields:    []mmio.Field{mmio.Bit(0, "done", ""), mmio.Bit(1, "error", "")},
				PostWrite: func(int, uint64, uint64) { d.update() }},
			regError: {Name: "ERROR", Offset: 0x10, Access: mmio.RO, Doc: "Why the last command failed.",
				Fields: []mmio.Field{{Name: "fault", Lo: 0, Hi: 31, Enum: []mmio.Enum{
					{Value: uint64(FaultNone), Name: "none"}, {Value: uint64(FaultRead), Name: "read"},
					{Value: uint64(FaultWrite), Name: "write"}, {Value: uint64(FaultLength), Name: "length"},
					{Value: uint64(FaultCommand), Name: "command"}, {Value: uint64(FaultAborted), Name: "aborted"}}}}},
			regLength:  {Name: "LENGTH", Offset: 0x14, Doc: "Bytes to move, up to 1 MiB."},
			regSrc:     {Name: "SRC", Offset: 0x18, Width: 8, Sizes: 4 | 8, Doc: "Bus address to read from."},
			regDst:     {Name: "DST", Offset: 0x20, Width: 8, Sizes: 4 | 8, Doc: "Bus address to write to."},
			regPattern: {Name: "PATTERN", Offset: 0x28, Width: 8, Sizes: 4 | 8, Doc: "What fill writes, little-endian."},
			regDelay:   {Name: "DELAY", Offset: 0x30, Doc: "Nanoseconds from the command to the transfer."},
			regResult:  {Name: "RESULT", Offset: 0x34, Access: mmio.RO, Doc: "CRC-32 (IEEE) of the last checksum."},
			regFault:   {Name: "FAULT", Offset: 0x38, Width: 8, Sizes: 4 | 8, Access: mmio.RO, Doc: "First address that failed, with errors read and write."},
		},
	}
}

// Config wires a tester.
type Config struct {
	Name  string
	Clock mmio.Clock
	IRQ   mmio.IRQLine
	DMA   mmio.DMA
	// Gate is asked before each operation; may be nil.
	Gate mmio.JobGate
	// NonCoherent puts dma-noncoherent into the device tree.
	NonCoherent bool
	// Events takes what the guest does wrong.
	Events mmio.EventSink
}

// Tester is the device.
type Tester struct {
	*mmio.Regs
	clock       mmio.Clock
	irq         mmio.IRQLine
	dma         mmio.DMA
	timer       mmio.Timer
	nonCoherent bool

	job   job // while busy
	gated mmio.GatedJob
}

// job is a command under way: the parameters as they were when it was written.
type job struct {
	Op       Op
	Frame    bool
	Src, Dst mmio.IOVA
	Length   int
	Pattern  uint64
	Due      time.Duration // when memory is touched
}

var _ interface {
	mmio.RegisterDevice
	mmio.Snapshotter
	mmio.DTDescriber
} = (*Tester)(nil)

// New makes a tester in its reset state.
func New(c Config) *Tester {
	d := &Tester{clock: c.Clock, irq: mmio.Wired(c.IRQ), dma: c.DMA, nonCoherent: c.NonCoherent}
	d.gated = mmio.NewGatedJob(c.Gate, false)
	d.timer = c.Clock.NewTimer(c.Name+".transfer", d.begin)
	d.Regs = mmio.NewRegs(c.Name, d.block(), c.Events)
	return d
}

// Reset ends the running command without a trace.
func (d *Tester) Reset() {
	d.Regs.Reset()
	d.gated.Abort()
	d.job = job{}
	d.timer.Disarm()
	d.update()
}

func (d *Tester) busy() bool { return d.Get(regStatus)&StatusBusy != 0 }

func (d *Tester) update() {
	d.irq.Set(d.Get(regStatus)&d.Get(regIRQEnable) != 0)
}

// command is a write of COMMAND.
func (d *Tester) command(v uint64) {
	op, frame := Op(v&commandOp), v&CommandFrame != 0
	nonsense := func(f Fault, reg mmio.RegID) {
		d.Report(mmio.EventBadValue, d.Reg(reg).Name, d.Reg(reg).Offset, d.Get(reg))
		if !d.busy() {
			d.finish(f)
		}
	}
	switch {
	case v == uint64(OpAbort):
		if d.busy() { // else it has just finished, which software cannot know
			d.timer.Disarm()
			d.finish(FaultAborted)
		}
	case op < OpCopy || op >= OpAbort || v&^(commandOp|CommandFrame) != 0:
		nonsense(FaultCommand, regCommand)
	case d.busy():
		nonsense(FaultCommand, regCommand)
	case d.Get(regLength) > MaxLength:
		nonsense(FaultLength, regLength)
	default:
		d.job = job{Op: op, Frame: frame, Src: mmio.IOVA(d.Get(regSrc)), Dst: mmio.IOVA(d.Get(regDst)), Length: int(d.Get(regLength)),
			Pattern: d.Get(regPattern), Due: d.clock.Now() + time.Duration(d.Get(regDelay))}
		d.Set(regStatus, StatusBusy)
		d.update()
		if d.Get(regDelay) == 0 {
			d.begin()
		} else {
			d.timer.Arm(d.job.Due)
		}
	}
}

// finish ends a command.
func (d *Tester) finish(f Fault) {
	d.job = job{}
	status := uint64(StatusDone)
	if f == FaultNone {
		d.gated.Finish()
	} else {
		status |= StatusError
		d.gated.Abort()
	}
	d.Set(regError, uint64(f))
	d.Set(regStatus, status)
	d.update()
}

type state struct {
	Regs mmio.RegsState
	Job  job
}

// SaveState returns the registers and the command under way.
func (d *Tester) SaveState() ([]byte, error) { return mmio.EncodeState(state{d.State(), d.job}) }

// LoadState is the inverse of SaveState.
func (d *Tester) LoadState(data []byte) error {
	s, err := mmio.DecodeState[state](d.Name(), data)
	if err != nil {
		return err
	}
	if err := s.check(d.Name()); err != nil {
		return err
	}
	if err := d.SetState(s.Regs); err != nil {
		return err
	}
	d.gated.Abort()
	d.job = s.Job
	if d.busy() { // what waited at the gate asks again
		d.timer.Arm(d.job.Due)
	} else {
		d.timer.Disarm()
	}
	d.update()
	return nil
}

// DTName is the generic node name.
func (d *Tester) DTName() string { return "dma-controller" }

// DescribeDT writes the node.
func (d *Tester) DescribeDT(n mmio.DTNode) {
	n.SetProp("compatible", "vdev,dma-tester")
	if d.nonCoherent {
		n.SetProp("dma-noncoherent", nil)
	}
}
