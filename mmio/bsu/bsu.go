// SPDX-License-Identifier: Apache-2.0

// Package bsu models the buffer sharing unit: the device through which a guest's
// kernel asks the machine's authority on shared buffers. It carries requests from one
// ring in memory to a Handler, and completions, in the order in which requests end,
// to another ring. What requests mean it does not know.
package bsu

import (
	"math"

	"vdev/mmio"
)

// The registers.
const (
	regID mmio.RegID = iota
	regVersion
	regPoolBase
	regPoolSize
	regRequestBase
	regRequestSize
	regRequestHead
	regRequestTail
	regCompletionBase
	regCompletionSize
	regCompletionHead
	regCompletionTail
	regControl
	regIRQStatus
	regIRQEnable
	regError
	regFault
)

const windowSize = 0x1000

// ID is what the ID register reads: "bsu ".
const ID = 0x20757362

// Version is what the VERSION register reads.
const Version = 2

// Bits of CONTROL.
const ControlEnable = 1 << 0

// Bits of IRQ_STATUS and IRQ_ENABLE.
const (
	IRQCompletion = 1 << 0
	IRQError      = 1 << 1
)

// Fault is why the unit has stopped.
type Fault uint32

// The values of ERROR.
const (
	FaultNone    Fault = iota
	FaultRings         // the rings' places or sizes make no sense
	FaultRequest       // a request could not be read, at the address in FAULT
	FaultPayload       // an argument could not be read, at the address in FAULT
	FaultAnswer        // a completion or an answer could not be written, at the address in FAULT
	FaultIndex         // a head or tail is outside of its ring
	FaultTag           // a request has the tag of one that has not ended
)

func (d *Unit) block() mmio.Block {
	const upper = ^uint64(IRQCompletion|IRQError) & math.MaxUint32
	irqs := []mmio.Field{mmio.Bit(0, "completion", "there are completions"), mmio.Bit(1, "error", "the unit has stopped: see ERROR")}
	return mmio.Block{
		Title: "buffer sharing unit",
		Doc: "Carries the guest's requests about shared buffers to vdev's dma-buf core, and the answers back. Both rings are in memory, " +
			"with a power of two of entries of 256 bytes, at least 2. An entry of the request ring has operation, tag, client, room for the " +
			"answer, address of the argument (8 bytes), its length, and state (0); the answer is written to the same address. With address 0 " +
			"the argument is in the entry, at offset 48, and takes up to 208 bytes. " +
			"Requests begin during the write of REQUEST_TAIL. If one ends at once, the unit writes into its entry state (1), result " +
			"(negative: an errno), flags, length of the answer, and the answer if the argument was there. " +
			"Otherwise the answer is in an entry of the completion ring: tag, result, flags, length, and at offset 16 the answer " +
			"unless it has an address. Completions that come during such a write do not interrupt: bit 1 of state tells of them, or " +
			"COMPLETION_TAIL if the request did not end. " +
			"The operations, and the entries, are in ioctl/dmabuf_vdev_unit.go. " +
			"When something makes no sense the unit stops: nothing is done any more until it is disabled and enabled.",
		Size: windowSize,
		Regs: []mmio.Reg{
			regID:          {Name: "ID", Offset: 0x00, Access: mmio.RO, Reset: ID, Doc: "Identifies the device: \"bsu \"."},
			regVersion:     {Name: "VERSION", Offset: 0x04, Access: mmio.RO, Reset: Version, Doc: "Of this interface."},
			regPoolBase:    {Name: "POOL_BASE", Offset: 0x08, Width: 8, Access: mmio.RO, Reset: d.pool.Base, Doc: "Physical address of the pool of memory for buffers."},
			regPoolSize:    {Name: "POOL_SIZE", Offset: 0x10, Width: 8, Access: mmio.RO, Reset: d.pool.Size, Doc: "Its length in bytes."},
			regRequestBase: {Name: "REQUEST_BASE", Offset: 0x18, Width: 8, Doc: "Bus address of the request ring."},
			regRequestSize: {Name: "REQUEST_SIZE", Offset: 0x20, Doc: "Its entries, a power of two from 2 to 4096."},
			regRequestHead: {Name: "REQUEST_HEAD", Offset: 0x24, Access: mmio.RO, Doc: "The next entry that the unit reads."},
			regRequestTail: {Name: "REQUEST_TAIL", Offset: 0x28, Doc: "The entry behind the last one; writing it makes the unit read.",
				PostWrite: func(int, uint64, uint64) { d.doorbell() }},
			regCompletionBase: {Name: "COMPLETION_BASE", Offset: 0x30, Width: 8, Doc: "Bus address of the completion ring."},
			regCompletionSize: {Name: "COMPLETION_SIZE", Offset: 0x38, Doc: "Its entries, a power of two from 2 to 4096."},
			regCompletionHead: {Name: "COMPLETION_HEAD", Offset: 0x3c, Doc: "The next entry that the driver reads; completions that found no room follow.",
				PostWrite: func(int, uint64, uint64) { d.doorbell() }},
			regCompletionTail: {Name: "COMPLETION_TAIL", Offset: 0x40, Access: mmio.RO, Doc: "The entry behind the last one written."},
			regControl: {Name: "CONTROL", Offset: 0x44, ROMask: math.MaxUint32 &^ ControlEnable,
				Doc:       "Enabling takes the rings as they are and empties them. Disabling ends all requests and closes all clients.",
				Fields:    []mmio.Field{mmio.Bit(0, "enable", "")},
				PostWrite: func(_ int, old, v uint64) { d.control(old, v) }},
			regIRQStatus: {Name: "IRQ_STATUS", Offset: 0x48, W1C: IRQCompletion | IRQError, ROMask: upper,
				Doc: "What has happened; write 1 to clear.", Fields: irqs,
				PostWrite: func(int, uint64, uint64) { d.update() }},
			regIRQEnable: {Name: "IRQ_ENABLE", Offset: 0x4c, ROMask: upper, Doc: "The bits of IRQ_STATUS that interrupt.", Fields: irqs,
				PostWrite: func(int, uint64, uint64) { d.update() }},
			regError: {Name: "ERROR", Offset: 0x50, Access: mmio.RO, Doc: "Why the unit has stopped.",
				Fields: []mmio.Field{{Name: "fault", Lo: 0, Hi: 31, Enum: []mmio.Enum{
					{Value: uint64(FaultNone), Name: "none"}, {Value: uint64(FaultRings), Name: "rings"},
					{Value: uint64(FaultRequest), Name: "request"}, {Value: uint64(FaultPayload), Name: "payload"},
					{Value: uint64(FaultAnswer), Name: "answer"}, {Value: uint64(FaultIndex), Name: "index"},
					{Value: uint64(FaultTag), Name: "tag"}}}}},
			regFault: {Name: "FAULT", Offset: 0x58, Width: 8, Sizes: 4 | 8, Access: mmio.RO, Doc: "Where, with errors request, payload and answer."},
		},
	}
}

// Pool is memory that is set aside for buffers.
type Pool struct{ Base, Size uint64 }

// Config wires a unit.
type Config struct {
	Name string
	IRQ  mmio.IRQLine
	DMA  mmio.DMA
	// Pool is for the guest to know.
	Pool Pool
	// Handler does what requests ask for.
	Handler Handler
	// NonCoherent puts dma-noncoherent into the device tree.
	NonCoherent bool
	// Memory is the device-tree node of the pool; nil for none.
	Memory func() mmio.DTRef
	// Events takes what the guest does wrong.
	Events mmio.EventSink
}

// Unit is the device.
type Unit struct {
	*mmio.Regs
	irq         mmio.IRQLine
	dma         mmio.DMA
	pool        Pool
	handler     Handler
	nonCoherent bool
	memory      func() mmio.DTRef

	requests, completions ring // while it is enabled

	inFlight map[uint32]*Request // by tag
	backlog  []completion        // those that found no room
	ringing  bool                // the driver waits at the doorbell
	scratch  [EntrySize]byte     // an entry on its way
}

var _ interface {
	mmio.RegisterDevice
	mmio.DTDescriber
} = (*Unit)(nil)

// New makes a unit in its reset state.
func New(c Config) *Unit {
	d := &Unit{irq: mmio.Wired(c.IRQ), dma: c.DMA, pool: c.Pool, handler: c.Handler, nonCoherent: c.NonCoherent, memory: c.Memory,
		inFlight: map[uint32]*Request{}}
	d.Regs = mmio.NewRegs(c.Name, d.block(), c.Events)
	return d
}

// Reset ends all requests and closes all clients.
func (d *Unit) Reset() {
	d.drop()
	d.Regs.Reset()
	d.update()
}

func (d *Unit) update() {
	d.irq.Set(d.Get(regIRQStatus)&d.Get(regIRQEnable) != 0)
}

// control is a write of CONTROL.
func (d *Unit) control(old, v uint64) {
	switch {
	case v == old:
	case v&ControlEnable == 0:
		d.drop()
	default:
		for _, r := range []mmio.RegID{regRequestHead, regRequestTail, regCompletionHead, regCompletionTail, regError, regFault} {
			d.Set(r, 0)
		}
		d.requests = d.ring(regRequestBase, regRequestSize)
		d.completions = d.ring(regCompletionBase, regCompletionSize)
	}
}

// ring is where a ring is. If it makes no sense the unit stops.
func (d *Unit) ring(base, size mmio.RegID) ring {
	r := ring{mmio.IOVA(d.Get(base)), d.Get(size)}
	if r.size < 2 || r.size > maxEntries || r.size&(r.size-1) != 0 || r.base%8 != 0 {
		d.Report(mmio.EventBadValue, d.Reg(size).Name, d.Reg(size).Offset, r.size)
		d.stop(FaultRings, 0)
	}
	return r
}

// drop forgets all requests.
func (d *Unit) drop() {
	// What the handler still answers is for nobody.
	clear(d.inFlight)
	d.backlog = nil
	d.handler.Reset()
}

// working tells whether the unit is enabled and has not stopped.
func (d *Unit) working() bool {
	return d.Get(regControl)&ControlEnable != 0 && d.Get(regError) == uint64(FaultNone)
}

// stop ends all work because of the driver's mistake.
func (d *Unit) stop(f Fault, addr mmio.IOVA) {
	d.Set(regError, uint64(f))
	d.Set(regFault, uint64(addr))
	d.raise(IRQError)
}

func (d *Unit) raise(bit uint64) {
	d.Set(regIRQStatus, d.Get(regIRQStatus)|bit)
	d.update()
}

// DTName is the node name.
func (d *Unit) DTName() string { return "buffer-sharing-unit" }

// DescribeDT writes the node.
func (d *Unit) DescribeDT(n mmio.DTNode) {
	n.SetProp("compatible", "vdev,buffer-sharing-unit")
	if d.memory != nil {
		n.SetProp("memory-region", d.memory())
	}
	if d.nonCoherent {
		n.SetProp("dma-noncoherent", nil)
	} else {
		n.SetProp("dma-coherent", nil)
	}
}
