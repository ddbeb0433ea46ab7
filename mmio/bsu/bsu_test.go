// SPDX-License-Identifier: Apache-2.0

package bsu

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// echo is a handler whose operations tests know.
type echo struct {
	waiting []*Request
	seen    []string
	resets  int
}

// Operations of echo.
const (
	opEcho   = 1 // answers with the argument, twice
	opWait   = 2 // ends when the test says so
	opRefuse = 3
	opCancel = 4 // of the tag in the argument
)

func (h *echo) Begin(r *Request) {
	h.seen = append(h.seen, fmt.Sprintf("%d of %d: %q", r.Op, r.Client, r.Arg))
	switch r.Op {
	case opEcho:
		r.End(Answer{Flags: 7, Data: append(r.Arg, r.Arg...)})
	case opWait:
		h.waiting = append(h.waiting, r)
	case opCancel:
		if len(r.Arg) >= 4 {
			if o := r.InFlight(binary.LittleEndian.Uint32(r.Arg)); o != nil {
				h.Cancel(o)
			}
		}
		r.End(Answer{})
	default:
		r.End(Answer{Result: -22})
	}
}

func (h *echo) Cancel(r *Request) { r.End(Answer{Result: -4}) }
func (h *echo) Reset()            { h.waiting, h.resets = nil, h.resets+1 }

func newUnit(env *mmiotest.Env, h Handler) *Unit {
	return New(Config{Name: "bsu", IRQ: env.Line("irq"), DMA: &env.Memory, Handler: h, Events: &env.Events, Pool: Pool{0x9000_0000, 1 << 20}})
}

func TestTable(t *testing.T) {
	mmiotest.CheckTable(t, func(env *mmiotest.Env) mmio.RegisterDevice { return newUnit(env, &echo{}) })
}

func FuzzUnit(f *testing.F) {
	mmiotest.FuzzDevice(f, func(env *mmiotest.Env) mmio.Device { return newUnit(env, &echo{}) })
}

// driver plays the guest's part.
type driver struct {
	t          testing.TB
	env        *mmiotest.Env
	b          *mmiotest.Bench
	h          *echo
	tail, head uint64
	entries    uint64
}

const (
	requestsAt    = uint64(mmiotest.MemoryBase)
	completionsAt = requestsAt + 0x10000
	payloadAt     = requestsAt + 0x20000
	payloadSize   = 512
)

func start(t testing.TB, entries uint64) *driver {
	env, h := mmiotest.NewEnv(), &echo{}
	d := &driver{t: t, env: env, b: mmiotest.NewBench(t, newUnit(env, h), &env.Events), h: h, entries: entries}
	d.b.Write("REQUEST_BASE", requestsAt)
	d.b.Write("REQUEST_SIZE", entries)
	d.b.Write("COMPLETION_BASE", completionsAt)
	d.b.Write("COMPLETION_SIZE", entries)
	d.b.Write("IRQ_ENABLE", IRQCompletion|IRQError)
	d.b.Write("CONTROL", ControlEnable)
	return d
}

// put writes a request into the ring without telling, and returns the entry.
func (d *driver) put(op, tag, client uint32, addr uint64, length, room uint32, inline string) uint64 {
	b := make([]byte, requestInline)
	le := binary.LittleEndian
	for i, v := range []uint32{op, tag, client, room} {
		le.PutUint32(b[4*i:], v)
	}
	le.PutUint64(b[16:], addr)
	le.PutUint32(b[24:], length)
	at := requestsAt + d.tail*EntrySize
	d.poke(at, append(b, inline...))
	d.tail = (d.tail + 1) % d.entries
	return at
}

func (d *driver) poke(at uint64, b []byte) {
	d.t.Helper()
	if err := d.env.Memory.WriteDMA(mmio.IOVA(at), b); err != nil {
		d.t.Fatal(err)
	}
}

func (d *driver) peek(at uint64, n uint32) []byte {
	d.t.Helper()
	b := make([]byte, n)
	if err := d.env.Memory.ReadDMA(mmio.IOVA(at), b); err != nil {
		d.t.Fatal(err)
	}
	return b
}

func (d *driver) ring() { d.b.Write("REQUEST_TAIL", d.tail) }

// send makes a request with an argument at an address of its own, or in the entry if it
// is told so. It returns how that ended, if it did at once: state, result, flags, answer.
func (d *driver) send(inline bool, op, tag uint32, arg string, room uint32) string {
	d.t.Helper()
	at := payloadAt + uint64(tag)*payloadSize
	entry := uint64(0)
	if inline {
		entry = d.put(op, tag, 9, 0, uint32(len(arg)), room, arg)
		at = entry + requestInline
	} else {
		d.poke(at, []byte(arg))
		entry = d.put(op, tag, 9, at, uint32(len(arg)), room, "")
	}
	d.ring()
	return d.ended(entry, at)
}

// ended is how the request in an entry ended, whose answer is at an address.
func (d *driver) ended(entry, at uint64) string {
	d.t.Helper()
	b, le := d.peek(entry+requestAnswer, 16), binary.LittleEndian
	if le.Uint32(b) == 0 {
		return "waits"
	}
	return fmt.Sprintf("%d: %d %d %q", le.Uint32(b), int32(le.Uint32(b[4:])), le.Uint32(b[8:]), d.peek(at, le.Uint32(b[12:])))
}

// take reads the next completion: tag, result, flags, answer, which is in the completion
// or else where send has it.
func (d *driver) take(inline bool) string {
	d.t.Helper()
	if d.b.Read("COMPLETION_TAIL") == d.head {
		return "none"
	}
	entry, le := completionsAt+d.head*EntrySize, binary.LittleEndian
	b := d.peek(entry, completionData)
	tag, at := le.Uint32(b[0:]), entry+completionData
	if !inline {
		at = payloadAt + uint64(tag)*payloadSize
	}
	answer := d.peek(at, le.Uint32(b[12:]))
	d.head = (d.head + 1) % d.entries
	d.b.Write("COMPLETION_HEAD", d.head)
	return fmt.Sprintf("%d: %d %d %q", tag, int32(le.Uint32(b[4:])), le.Uint32(b[8:]), answer)
}

// is complains about an outcome.
func (d *driver) is(got, want string) {
	d.t.Helper()
	if got != want {
		d.t.Errorf("%s, want %s", got, want)
	}
}

func (d *driver) want(inline bool, want ...string) {
	d.t.Helper()
	for _, w := range want {
		d.is(d.take(inline), w)
	}
}

// TestRequests makes requests with arguments in the ring's entries, and elsewhere.
func TestRequests(t *testing.T) {
	for _, inline := range []bool{false, true} {
		d := start(t, 8)
		irq := d.env.Line("irq")
		d.is(d.send(inline, opEcho, 1, "once", 100), `1: 0 7 "onceonce"`)
		d.is(d.send(inline, opEcho, 2, "twice", 7), `1: 0 7 "twicetw"`)
		d.is(d.send(inline, opRefuse, 3, "", 0), `1: -22 0 ""`)
		d.want(inline, "none")
		if irq.Rises != 0 {
			t.Error("interrupt for what ended at the doorbell")
		}
		d.is(d.send(inline, opWait, 4, "four", 16), "waits")
		d.is(d.send(inline, opWait, 5, "", 16), "waits")
		d.want(inline, "none")
		d.h.waiting[1].End(Answer{Data: []byte("later")})
		if !irq.Level {
			t.Error("no interrupt")
		}
		d.b.Write("IRQ_STATUS", IRQCompletion)
		// What ends because of another request is announced by that one.
		d.is(d.send(inline, opCancel, 6, "\x04\x00\x00\x00", 0), `3: 0 0 ""`)
		d.want(inline, `5: 0 0 "later"`, `4: -4 0 ""`, "none")
		d.h.waiting[0].End(Answer{}) // it has ended
		d.is(d.send(inline, opCancel, 6, "\x04\x00\x00\x00", 0), `1: 0 0 ""`)
		d.want(inline, "none")
		if irq.Level || d.b.Read("ERROR") != 0 || len(d.env.Events.List) != 0 {
			t.Errorf("interrupt %v, events %v", irq.Level, d.env.Events.List)
		}
		if d.h.seen[0] != `1 of 9: "once"` || d.h.seen[3] != `2 of 9: "four"` {
			t.Errorf("handler saw %q", d.h.seen)
		}
	}
}

// TestFullCompletionRing has requests wait for room for completions.
func TestFullCompletionRing(t *testing.T) {
	d := start(t, 4)
	for tag := range uint32(5) {
		d.send(true, opWait, 10+tag, "", 8)
	}
	for i, r := range d.h.waiting {
		r.End(Answer{Result: int32(i), Data: []byte{'a' + byte(i)}})
	}
	late := d.put(opEcho, 20, 9, 0, 2, 8, "ab")
	d.ring()
	d.is(d.ended(late, late+requestInline), "waits")
	if n := len(d.h.seen); n != 5 {
		t.Errorf("%d requests began while completions wait", n)
	}
	d.want(true, `10: 0 0 "a"`, `11: 1 0 "b"`)
	d.is(d.ended(late, late+requestInline), `3: 0 7 "abab"`)
	d.want(true, `12: 2 0 "c"`, `13: 3 0 "d"`, `14: 4 0 "e"`, "none")
}

// TestFaults has the driver do what stops the unit.
func TestFaults(t *testing.T) {
	end := requestsAt + 1<<20
	for _, c := range []struct {
		name  string
		do    func(d *driver)
		fault Fault
		addr  uint64
		kind  mmio.EventKind
	}{
		{"ring of no power of two", func(d *driver) {
			d.b.Write("CONTROL", 0)
			d.b.Write("REQUEST_SIZE", 5)
			d.b.Write("CONTROL", 1)
		}, FaultRings, 0, mmio.EventBadValue},
		{"odd ring", func(d *driver) {
			d.b.Write("CONTROL", 0)
			d.b.Write("COMPLETION_BASE", completionsAt+4)
			d.b.Write("CONTROL", 1)
		}, FaultRings, 0, mmio.EventBadValue},
		{"requests nowhere", func(d *driver) {
			d.b.Write("CONTROL", 0)
			d.b.Write("REQUEST_BASE", end)
			d.b.Write("CONTROL", 1)
			d.b.Write("REQUEST_TAIL", 1)
		}, FaultRequest, end, mmio.EventBadDMA},
		{"completions nowhere", func(d *driver) {
			d.b.Write("CONTROL", 0)
			d.b.Write("COMPLETION_BASE", 8)
			d.b.Write("CONTROL", 1)
			d.send(false, opWait, 0, "", 0)
			d.h.waiting[0].End(Answer{})
		}, FaultAnswer, 8, mmio.EventBadDMA},
		{"tail beyond", func(d *driver) { d.b.Write("REQUEST_TAIL", 8) }, FaultIndex, 0, mmio.EventBadValue},
		{"head beyond", func(d *driver) { d.b.Write("COMPLETION_HEAD", 8) }, FaultIndex, 0, mmio.EventBadValue},
		{"argument nowhere", func(d *driver) { d.put(opEcho, 0, 0, 16, 8, 0, ""); d.ring() }, FaultPayload, 16, mmio.EventBadDMA},
		{"answer nowhere", func(d *driver) { d.put(opEcho, 0, 0, end-4, 4, 8, ""); d.ring() }, FaultAnswer, end, mmio.EventBadDMA},
		{"tag in use", func(d *driver) { d.send(false, opWait, 3, "", 0); d.send(false, opEcho, 3, "", 0) }, FaultTag, 0, mmio.EventBadDescriptor},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := start(t, 8)
			c.do(d)
			d.b.Want("ERROR", uint64(c.fault))
			d.b.Want("FAULT", c.addr)
			if n := d.env.Events.Count(c.kind, ""); n != 1 || len(d.env.Events.List) != 1 || !d.env.Line("irq").Level {
				t.Errorf("events %v, interrupt %v", d.env.Events.List, d.env.Line("irq").Level)
			}
			// It does nothing until it starts anew.
			seen := len(d.h.seen)
			d.b.Write("REQUEST_TAIL", 2)
			for _, r := range d.h.waiting {
				r.End(Answer{})
			}
			if len(d.h.seen) != seen {
				t.Error("it goes on")
			}
			d.b.Write("CONTROL", 0)
			d.b.Write("IRQ_STATUS", IRQError|IRQCompletion)
			d.b.Write("REQUEST_BASE", requestsAt)
			d.b.Write("REQUEST_SIZE", 8)
			d.b.Write("COMPLETION_BASE", completionsAt)
			d.b.Write("CONTROL", 1)
			d.tail, d.head = 0, 0
			d.is(d.send(false, opEcho, 3, "again", 5), `1: 0 7 "again"`)
			if d.h.resets == 0 || d.env.Line("irq").Level {
				t.Errorf("%d resets, interrupt %v", d.h.resets, d.env.Line("irq").Level)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	d := start(t, 8)
	for _, c := range []struct {
		addr         uint64
		length, room uint32
		want         string
	}{
		{payloadAt, MaxPayload + 1, 0, `1: -7 0 ""`},
		{0, InlineSize + 1, 0, `1: -7 0 ""`},
		{0, 1<<32 - 1, 1<<32 - 1, `1: -7 0 ""`},
		{0, InlineSize, 1<<32 - 1, fmt.Sprintf("1: 0 7 %q", make([]byte, InlineSize))},
	} {
		entry := d.put(opEcho, 1, 0, c.addr, c.length, c.room, "")
		d.ring()
		d.is(d.ended(entry, entry+requestInline), c.want)
	}
	for tag := range uint32(MaxInFlight) {
		d.put(opWait, 100+tag, 0, 0, 0, 0, "")
		d.ring()
	}
	entry := d.put(opWait, 1, 0, 0, 0, 0, "")
	d.ring()
	d.is(d.ended(entry, payloadAt), `1: -11 0 ""`)
	d.b.Want("ERROR", 0)
	if n := len(d.env.Events.List); n != 4 {
		t.Errorf("events %v", d.env.Events.List)
	}
}

// TestDisabling forgets what is under way.
func TestDisabling(t *testing.T) {
	d := start(t, 8)
	d.send(true, opWait, 1, "", 8)
	r := d.h.waiting[0]
	d.b.Write("CONTROL", 0)
	d.b.Write("REQUEST_TAIL", 3) // it is off
	r.End(Answer{Data: []byte("late")})
	d.b.Write("CONTROL", 1)
	d.b.Want("COMPLETION_TAIL", 0)
	d.b.Want("REQUEST_TAIL", 0)
	if d.h.resets != 1 || len(d.h.seen) != 1 {
		t.Errorf("%d resets, %v", d.h.resets, d.h.seen)
	}
}

func TestDeviceTree(t *testing.T) {
	env := mmiotest.NewEnv()
	u := New(Config{Name: "bsu", DMA: &env.Memory, Handler: &echo{}, Events: &env.Events, Memory: func() mmio.DTRef { return "pool" }})
	n := mmiotest.Describe(u)
	if _, ok := n.Props["dma-coherent"]; !ok || n.Props["compatible"] != "vdev,buffer-sharing-unit" || n.Props["memory-region"] != "pool" {
		t.Errorf("properties %v", n.Props)
	}
}

// FuzzRing has the rings and arguments hold anything.
func FuzzRing(f *testing.F) {
	f.Add(bytes.Repeat([]byte{1, 0, 0, 0}, 40), uint8(3))
	f.Add([]byte{2, 0, 0, 0, 5, 0, 0, 0}, uint8(200))
	f.Fuzz(func(t *testing.T, ring []byte, tails uint8) {
		d := start(t, 8)
		copy(d.env.Memory.Bytes, ring)
		for i := range uint64(4) {
			d.b.Write("REQUEST_TAIL", uint64(tails)>>(2*i)&7)
			d.b.Write("COMPLETION_HEAD", uint64(tails)>>i&7)
			for _, r := range d.h.waiting {
				r.End(Answer{Data: ring})
			}
		}
		d.b.Read("ERROR")
	})
}
