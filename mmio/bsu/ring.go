// SPDX-License-Identifier: Apache-2.0

package bsu

import (
	"encoding/binary"
	"errors"

	"vdev/mmio"
)

// Limits of what a guest can make the unit do.
const (
	maxEntries = 4096
	// MaxPayload is the length of the longest argument or answer, in bytes.
	MaxPayload = 4 << 20
	// MaxInFlight is how many requests can have begun and not ended.
	MaxInFlight = MaxWaiting + 64
	// MaxWaiting is how many of them a handler may let wait: the others are for requests that
	// end at once, without which those could neither go on nor be cancelled.
	MaxWaiting = 4096
)

// What an entry of a ring looks like (ioctl.VdevBSURequest, ioctl.VdevBSUCompletion), in
// bytes.
const (
	EntrySize = 256
	// InlineSize is the room in an entry for an argument or answer.
	InlineSize = 208

	requestAnswer  = 28 // offset of what the unit writes into the entry of a request
	requestInline  = 48 // offset of its argument
	completionData = 16
)

// Bits of the state of an entry of the request ring.
const (
	stateDone        = 1 << 0 // the request has ended, its answer is in the entry
	stateCompletions = 1 << 1 // there are completions to be taken
)

// Results that the unit itself gives, as Linux has them.
const (
	resultTooMany = -11 // EAGAIN: MaxInFlight
	resultTooLong = -7  // E2BIG: MaxPayload
)

// Handler does what requests ask for.
type Handler interface {
	// Begin begins a request. It ends with the call of Request.End, in Begin or at any
	// time later.
	Begin(r *Request)
	// Cancel ends the request early if it waits; otherwise it ends as it would.
	Cancel(r *Request)
	// Reset closes all clients. Requests that have not ended are not answered.
	Reset()
}

// Request is a request of the guest's driver.
type Request struct {
	Op     uint32
	Client uint32
	Arg    []byte // belongs to the handler
	Room   int    // of the answer, in bytes

	unit *Unit
	tag  uint32
	addr mmio.IOVA // where the answer goes; 0 if that is an entry
	// entry is the request's while it begins; 0 afterwards.
	entry mmio.IOVA
	done  bool
}

// Answer is how a request ended.
type Answer struct {
	Result int32  // negative: an errno
	Flags  uint32 // for the driver
	Data   []byte // up to Request.Room bytes; more is cut
}

// ring is a ring in memory, as it was when the unit was enabled.
type ring struct {
	base mmio.IOVA
	size uint64 // in entries
}

// next is the entry after another.
func (r ring) next(entry uint64) uint64 { return (entry + 1) & (r.size - 1) }

// at is where an entry is.
func (r ring) at(entry uint64) mmio.IOVA { return r.base + mmio.IOVA(entry*EntrySize) }

type completion struct {
	tag    uint32
	answer Answer
	inline bool // the data goes into the entry
}

// InFlight finds a request that has not ended by its tag; nil if there is none.
func (r *Request) InFlight(tag uint32) *Request { return r.unit.inFlight[tag] }

// End ends the request. Ending one again, or after the unit was reset, does nothing.
func (r *Request) End(a Answer) {
	d := r.unit
	if r.done || d.inFlight[r.tag] != r {
		return
	}
	r.done = true
	delete(d.inFlight, r.tag)
	if !d.working() {
		return
	}
	a.Data = a.Data[:min(len(a.Data), r.Room)]
	at := r.addr
	if at == 0 && r.entry != 0 {
		at = r.entry + requestInline
	}
	if len(a.Data) > 0 && at != 0 {
		if err := d.dma.WriteDMA(at, a.Data); err != nil {
			d.badDMA("answer", FaultAnswer, err)
			return
		}
	}
	if r.entry == 0 {
		d.backlog = append(d.backlog, completion{r.tag, a, r.addr == 0})
		d.deliver()
		return
	}
	state := uint32(stateDone)
	if len(d.backlog) > 0 || d.Get(regCompletionTail) != d.Get(regCompletionHead) {
		state |= stateCompletions
	}
	b := d.scratch[:16]
	binary.LittleEndian.PutUint32(b, state)
	a.put(b[4:])
	if err := d.dma.WriteDMA(r.entry+requestAnswer, b); err != nil {
		d.badDMA("answer", FaultAnswer, err)
	}
}

// put writes result, flags and length of the data.
func (a *Answer) put(b []byte) {
	le := binary.LittleEndian
	le.PutUint32(b, uint32(a.Result))
	le.PutUint32(b[4:], a.Flags)
	le.PutUint32(b[8:], uint32(len(a.Data)))
}

// doorbell is a write of a head or tail.
func (d *Unit) doorbell() {
	if !d.working() {
		return
	}
	d.ringing = true
	defer func() { d.ringing = false }()
	if d.Get(regRequestTail) >= d.requests.size {
		d.badIndex(regRequestTail)
		return
	}
	if d.Get(regCompletionHead) >= d.completions.size {
		d.badIndex(regCompletionHead)
		return
	}
	d.deliver()
	// As nobody has to take completions, requests wait while there are some that have
	// found no room.
	for d.working() && len(d.backlog) == 0 {
		head := d.Get(regRequestHead)
		if head == d.Get(regRequestTail) {
			return
		}
		d.Set(regRequestHead, d.requests.next(head))
		d.begin(head)
	}
}

// begin reads and begins the request in an entry.
func (d *Unit) begin(entry uint64) {
	at := d.requests.at(entry)
	b := d.scratch[:]
	if err := d.dma.ReadDMA(at, b); err != nil {
		d.badDMA("request", FaultRequest, err)
		return
	}
	le := binary.LittleEndian
	room, length := le.Uint32(b[12:]), le.Uint32(b[24:])
	r := &Request{Op: le.Uint32(b[0:]), Client: le.Uint32(b[8:]), Room: int(min(room, MaxPayload)),
		unit: d, tag: le.Uint32(b[4:]), addr: mmio.IOVA(le.Uint64(b[16:])), entry: at}
	defer func() { r.entry = 0 }()
	limit := uint32(MaxPayload)
	if r.addr == 0 {
		limit = InlineSize
		r.Room = min(r.Room, InlineSize)
	}
	if d.inFlight[r.tag] != nil {
		d.Report(mmio.EventBadDescriptor, "tag", d.Reg(regRequestTail).Offset, uint64(r.tag))
		d.stop(FaultTag, 0)
		return
	}
	full := len(d.inFlight) >= MaxInFlight
	d.inFlight[r.tag] = r
	if full || length > limit {
		what, result := "requests in flight", int32(resultTooMany)
		if !full {
			what, result = "length", resultTooLong
		}
		d.Report(mmio.EventBadDescriptor, what, d.Reg(regRequestTail).Offset, uint64(length))
		r.End(Answer{Result: result})
		return
	}
	r.Arg = make([]byte, length)
	if r.addr == 0 {
		copy(r.Arg, b[requestInline:])
	} else if err := d.dma.ReadDMA(r.addr, r.Arg); length > 0 && err != nil {
		d.badDMA("payload", FaultPayload, err)
		return
	}
	d.handler.Begin(r)
}

// deliver writes completions into the ring, as many as have room.
func (d *Unit) deliver() {
	for len(d.backlog) > 0 && d.working() {
		tail := d.Get(regCompletionTail)
		next := d.completions.next(tail)
		if next == d.Get(regCompletionHead) {
			return
		}
		c := d.backlog[0]
		d.backlog = d.backlog[1:]
		b := d.scratch[:completionData]
		binary.LittleEndian.PutUint32(b, c.tag)
		c.answer.put(b[4:])
		if c.inline {
			b = append(b, c.answer.Data...) // which the room of the request limits
		}
		if err := d.dma.WriteDMA(d.completions.at(tail), b); err != nil {
			d.badDMA("completion", FaultAnswer, err)
			return
		}
		d.Set(regCompletionTail, next)
		if !d.ringing {
			d.raise(IRQCompletion)
		}
	}
}

func (d *Unit) badIndex(reg mmio.RegID) {
	d.Report(mmio.EventBadValue, d.Reg(reg).Name, d.Reg(reg).Offset, d.Get(reg))
	d.stop(FaultIndex, 0)
}

func (d *Unit) badDMA(what string, f Fault, err error) {
	addr := mmio.IOVA(0)
	if de, ok := errors.AsType[*mmio.DMAError](err); ok {
		addr = de.Addr
	}
	d.Report(mmio.EventBadDMA, what, d.Reg(regRequestTail).Offset, uint64(addr))
	d.stop(f, addr)
}
