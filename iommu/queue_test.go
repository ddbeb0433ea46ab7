// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"slices"
	"testing"
	"time"

	"vdev/mmio"
)

func TestCommands(t *testing.T) {
	const av = opAV
	for _, c := range []struct {
		name string
		conf Config
		a, b uint64
		bits uint64 // of cqcsr
	}{
		{"zero", Config{}, 0, 0, csrIllegal},
		{"VMA", Config{}, cmdInvalVMA | av | opPSCV | opGV | 5<<12 | 6<<44, 0x1234 << 10, 0},
		{"VMA bit 11", Config{}, cmdInvalVMA | 1<<11, 0, csrIllegal},
		{"VMA NL", Config{}, cmdInvalVMA | 1<<34, 0, csrIllegal},
		{"VMA S", Config{}, cmdInvalVMA | av, 1 << 9, csrIllegal},
		{"VMA bit 60", Config{}, cmdInvalVMA | 1<<60, 0, csrIllegal},
		{"GVMA", Config{}, cmdInvalGVMA | opGV, 0, 0},
		{"GVMA with PSCV", Config{}, cmdInvalGVMA | opPSCV, 0, csrIllegal},
		{"IOTINVAL 2", Config{}, 1 | 2<<7, 0, csrIllegal},
		{"fence", Config{}, cmdFence | 3<<12, 0, 0},
		{"fence that interrupts", Config{}, cmdFence | opWSI, 0, csrFence},
		{"fence that writes", Config{}, cmdFence | av | 0xabcd<<32, rigFenceW >> 2, 0},
		{"fence that writes nowhere", Config{}, cmdFence | av, outside >> 2, csrMemFault},
		{"fence bit 14", Config{}, cmdFence | 1<<14, 0, csrIllegal},
		{"fence bit 126", Config{}, cmdFence, 1 << 62, csrIllegal},
		{"DDT", Config{}, cmdInvalDDT, 0, 0},
		{"DDT of one", Config{}, cmdInvalDDT | opDV | 5<<40, 0, 0},
		{"DDT of a device out of reach", Config{}, cmdInvalDDT | opDV | 128<<40, 0, csrIllegal},
		{"DDT with PID", Config{}, cmdInvalDDT | 1<<12, 0, csrIllegal},
		{"DDT second word", Config{}, cmdInvalDDT, 1, csrIllegal},
		{"PDT", Config{}, cmdInvalPDT | opDV | 5<<12, 0, 0},
		{"PDT without DV", Config{}, cmdInvalPDT, 0, csrIllegal},
		{"ATS without the capability", Config{}, cmdATSInval, 0, csrIllegal},
		{"ATS", Config{ATS: true}, cmdATSGroup | opPV, 0, 0},
		{"ATS bit 39", Config{ATS: true}, cmdATSGroup | 1<<39, 0, csrIllegal},
		{"reserved", Config{}, 5, 0, csrIllegal},
		{"custom", Config{}, 64, 0, csrIllegal},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, c.conf)
			r.command(cmdFence, 0)
			r.command(c.a, c.b)
			head := uint64(2)
			if c.bits&commandErrors != 0 {
				head = 1 // at the command
			}
			r.Want("cqh", head)
			r.Want("cqcsr", csrOn|3|c.bits)
			pending := uint64(0)
			if c.bits != 0 {
				pending = 1
			}
			r.Want("ipsr", pending)
			if r.env.Line("wire0").Level != (pending != 0) {
				t.Error("the wire does not show the pending interrupt")
			}
			// It goes on where it stopped.
			r.put(rigCQ+16, cmdFence|opAV|0x77<<32, rigFenceW>>2)
			r.Write("cqcsr", 3|c.bits)
			r.Want("cqh", 2)
			r.Want("cqcsr", csrOn|3)
			if got := r.get(rigFenceW); c.bits&commandErrors != 0 && got != 0x77 {
				t.Errorf("the repaired command wrote %#x", got)
			}
			r.Write("ipsr", 1)
			r.Want("ipsr", 0)
			if r.env.Line("wire0").Level {
				t.Error("the wire stays high")
			}
		})
	}
}

func TestFenceWrites(t *testing.T) {
	r := newRig(t, Config{})
	r.put(rigFenceW, ^uint64(0))
	r.command(cmdFence|opAV|0xabcd<<32, rigFenceW>>2)
	if got := r.get(rigFenceW); got != 0xffff_ffff_0000_abcd {
		t.Errorf("memory has %#x", got)
	}
}

// An interrupt that is acknowledged while its cause lasts comes back (section 5.18).
func TestCauseOutlastsAcknowledgement(t *testing.T) {
	r := newRig(t, Config{})
	r.command(0, 0)
	r.Write("ipsr", 1)
	r.Want("ipsr", 1)
	r.Write("cqcsr", csrIllegal|1) // cie off, error cleared; stops at once again
	r.Write("ipsr", 1)
	r.Want("ipsr", 0)
	r.Write("cqcsr", 3)
	r.Want("ipsr", 1)
}

func TestCommandQueueInNoMemory(t *testing.T) {
	r := newRig(t, Config{})
	r.Write("cqcsr", 0)
	r.Write("cqb", outside>>2|4)
	r.Write("cqcsr", 1)
	r.Write("cqt", 1)
	r.Want("cqcsr", csrOn|1|csrMemFault)
	r.Want("cqh", 0)
	r.Want("ipsr", 0) // cie is off
}

// Switching a queue on anew empties it and forgets its errors.
func TestQueueRestart(t *testing.T) {
	r := newRig(t, Config{})
	r.command(cmdFence, 0)
	r.command(0, 0)
	r.wantFault(read(1, 0), CauseDDTInvalid, 0)
	for _, csr := range []string{"cqcsr", "fqcsr"} {
		r.Write(csr, 0)
		if r.Read(csr)&csrOn != 0 {
			t.Errorf("%s is %#x", csr, r.Read(csr))
		}
	}
	if _, f := r.u.Translate(read(1, 0)); f.Queued {
		t.Error("a queue that is off takes records")
	}
	r.Write("cqt", 0)
	r.Write("fqh", 0)
	for _, csr := range []string{"cqcsr", "fqcsr"} {
		r.Write(csr, 1)
		r.Want(csr, csrOn|1)
	}
	r.Want("cqh", 0)
	r.Want("fqt", 0)
}

func TestIndexWidth(t *testing.T) {
	r := newRig(t, Config{})
	r.Write("fqh", 0xffff_ffff)
	r.Want("fqh", 1<<rigQueue-1)
	// The base stays where it is while the queue is on (section 5.8).
	base := r.Read("fqb")
	r.Write("fqb", rigPQ>>2)
	r.Want("fqb", base)
	r.Want("fqh", 1<<rigQueue-1)
	r.Write("fqcsr", 0)
	r.Write("fqb", rigFQ>>2) // two entries
	r.Want("fqh", 1)
}

// A queue bigger than a page that is not aligned to its size is software's mistake
// (section 5.6). Only when it is switched on: writing all ones to the register is how
// software learns the biggest size.
func TestMisalignedQueue(t *testing.T) {
	for _, c := range []struct {
		base   uint64
		events int
	}{{rigTable | 0x1000, 1}, {rigTable &^ 0x1fff, 0}} {
		r := newRig(t, Config{})
		r.Write("fqcsr", 0)
		r.Write("fqb", 1<<54-1&^mmio.Mask(9, 5))
		r.Write("fqb", c.base>>2|7) // 256 entries of 32 bytes
		if n := r.env.Events.Count(mmio.EventBadValue, "fqb"); n != 0 {
			t.Errorf("%#x: %d events before the queue is on", c.base, n)
		}
		r.Write("fqcsr", 1)
		if n := r.env.Events.Count(mmio.EventBadValue, "fqb"); n != c.events {
			t.Errorf("%#x: %d events, want %d", c.base, n, c.events)
		}
	}
}

func TestFaultQueueOverflow(t *testing.T) {
	r := newRig(t, Config{})
	for i := range 1<<rigQueue - 1 {
		if _, f := r.u.Translate(read(1, uint64(i))); !f.Queued {
			t.Fatalf("record %d is lost", i)
		}
	}
	r.Want("ipsr", 1<<ipFault)
	r.Want("fqcsr", csrOn|3)
	r.u.Translate(read(1, 0))
	r.Want("fqcsr", csrOn|3|csrOverflow)
	r.Want("fqt", 1<<rigQueue-1)
	// No record gets in until software says that it knows.
	for i := range uint64(1<<rigQueue - 1) {
		if rec := r.fault(); rec[2] != i {
			t.Errorf("record %d is %#x", i, rec)
		}
	}
	if _, f := r.u.Translate(read(1, 0)); f.Queued {
		t.Error("a record got into a queue with an error")
	}
	r.Write("fqcsr", 3|csrOverflow)
	r.Write("ipsr", 1<<ipFault)
	r.Want("ipsr", 0)
	r.wantFault(read(1, 5), CauseDDTInvalid, 0)
	r.Want("ipsr", 1<<ipFault)
	if !r.env.Line("wire1").Level {
		t.Error("no interrupt")
	}
}

func TestFaultQueueInNoMemory(t *testing.T) {
	r := newRig(t, Config{})
	r.Write("fqcsr", 0)
	r.Write("fqb", outside>>2|4)
	r.Write("fqcsr", 3)
	r.u.Translate(read(1, 0))
	r.Want("fqcsr", csrOn|3|csrMemFault)
	r.Want("fqt", 0)
	r.Want("ipsr", 1<<ipFault)
}

// All interrupts may share a wire.
func TestSharedWire(t *testing.T) {
	r := newRig(t, Config{})
	r.Write("icvec", 0x3333)
	r.u.Translate(read(1, 0))
	r.command(0, 0)
	line := r.env.Line("wire3")
	r.Write("ipsr", 1<<ipFault)
	if !line.Level {
		t.Error("acknowledging one interrupt took the wire from the other")
	}
	r.Write("cqcsr", 1|csrIllegal)
	r.Write("ipsr", 1)
	if line.Level {
		t.Error("the wire stays high")
	}
}

func TestATSMessages(t *testing.T) {
	var got []Message
	r := newRig(t, Config{ATS: true, Message: func(m Message) { got = append(got, m) }})
	device := Completion{Device: 0x1234, HasSegment: true, Segment: 7, Tags: 1, Count: 1}
	r.command(cmdATSInval|opPV|opDSV|5<<12|0x1234<<40|7<<56, 0xfff)
	want := Message{Invalidate: true, Device: 0x1234, HasSegment: true, Segment: 7, HasProcess: true, ProcessID: 5, Payload: 0xfff}
	if len(got) != 1 || got[0] != want {
		t.Fatalf("sent %+v", got)
	}
	r.command(cmdATSGroup|0x77<<40, 1<<32)
	if want := (Message{Device: 0x77, Payload: 1 << 32}); len(got) != 2 || got[1] != want {
		t.Fatalf("sent %+v", got)
	}
	r.command(cmdFence, 0)
	r.Want("cqh", 2)
	if !r.u.CompleteInvalidation(device) {
		t.Error("the completion is unexpected")
	}
	r.Want("cqh", 3)
}

// TestInvalidationCompletions is about ATS.INVAL as sections 3.1.2 and 3.1.4 have it: a
// fence waits for all completions, and only those that were asked for count.
func TestInvalidationCompletions(t *testing.T) {
	var tags []uint8
	r := newRig(t, Config{ATS: true, Message: func(m Message) { tags = append(tags, m.Tag) }})
	inval := uint64(cmdATSInval | opDSV | 0x1234<<40 | 7<<56)
	complete := func(c Completion, want bool) {
		t.Helper()
		c.HasSegment = true
		if got := r.u.CompleteInvalidation(c); got != want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	complete(Completion{Device: 0x1234, Segment: 7, Tags: 1, Count: 1}, false)
	r.command(inval, 0)
	r.command(inval, 0)
	r.command(cmdFence|opAV|0xbeef<<32, rigFenceW>>2)
	r.command(cmdInvalVMA, 0)
	r.Want("cqh", 2)
	complete(Completion{Device: 0x1235, Segment: 7, Tags: 1, Count: 1}, false)
	complete(Completion{Device: 0x1234, Segment: 8, Tags: 1, Count: 1}, false)
	complete(Completion{Device: 0x1234, Segment: 7, Tags: 1 << invalTags, Count: 1}, false)
	for range 3 {
		complete(Completion{Device: 0x1234, Segment: 7, Tags: 2, Count: 3}, true)
	}
	complete(Completion{Device: 0x1234, Segment: 7, Tags: 2, Count: 3}, false)
	for range 7 {
		complete(Completion{Device: 0x1234, Segment: 7, Tags: 1}, true)
	}
	r.Want("cqh", 2)
	if got := r.get(rigFenceW); got != 0 {
		t.Errorf("the fence wrote %#x too early", got)
	}
	complete(Completion{Device: 0x1234, Segment: 7, Tags: 1}, true) // the eighth
	r.Want("cqh", 4)
	if got := r.get(rigFenceW); got != 0xbeef {
		t.Errorf("the fence wrote %#x", got)
	}
	// Without a free tag the queue waits.
	tags = nil
	for range 4 {
		r.command(inval, 0)
	}
	r.Want("cqh", 6)
	complete(Completion{Device: 0x1234, Segment: 7, Tags: 3, Count: 1}, true)
	r.Want("cqh", 8)
	if want := []uint8{0, 1, 0, 1}; !slices.Equal(tags, want) {
		t.Errorf("tags %v, want %v", tags, want)
	}
}

// A device that does not answer: the next fence says so, after PCIe's time, and then
// goes on (section 3.1.2).
func TestInvalidationTimeout(t *testing.T) {
	for name, c := range map[string]struct {
		message func(Message)
		after   time.Duration
	}{"silent": {func(Message) {}, invalTimeout}, "no device": {}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Config{ATS: true, Message: c.message})
			r.command(cmdATSInval, 0)
			r.command(cmdFence, 0)
			if c.after != 0 {
				state, err := r.u.SaveState()
				if err != nil {
					t.Fatal(err)
				}
				r.env.Clock.Advance(c.after - 1)
				r.Want("cqcsr", csrOn|3)
				if err := r.u.LoadState(state); err != nil {
					t.Fatal(err)
				}
				r.env.Clock.Advance(1)
			}
			r.Want("cqh", 1)
			r.Want("cqcsr", csrOn|3|csrTimeout)
			r.Write("cqcsr", 3|csrTimeout)
			r.Want("cqh", 2)
		})
	}
}

func TestPageRequests(t *testing.T) {
	var sent []Message
	r := newRig(t, Config{ATS: true, Message: func(m Message) { sent = append(sent, m) }})
	r.device(3, tcV|tcATS|tcPRI)
	r.device(4, tcV|tcATS)
	r.device(7, tcV|tcATS|tcPRI|tcPRPR)
	r.device(5, tcV|tcATS|tcPRI|tcSXL)
	ask := func(device uint32, payload uint64, want PageResponse) {
		t.Helper()
		p := PageRequest{DeviceID: device, HasProcess: true, ProcessID: 0x12345, Privileged: true, Execute: true, Payload: payload}
		sent = nil
		if got := r.u.RequestPage(p); got != want {
			t.Errorf("device %d: answer %d, want %d", device, got, want)
		}
		if want <= PageDropped {
			if len(sent) != 0 {
				t.Errorf("device %d: %+v", device, sent)
			}
			return
		}
		// The answer names the process if PRPR says so, and always if it is a failure (section
		// 2.7).
		m := Message{Device: uint16(device), Payload: payload>>3&511<<32 | map[PageResponse]uint64{PageInvalid: 1, PageFailure: 15}[want]<<44}
		if device == 7 || want == PageFailure {
			m.HasProcess, m.ProcessID = true, 0x12345
		}
		if len(sent) != 1 || sent[0] != m {
			t.Errorf("device %d: %+v, want %+v", device, sent, m)
		}
	}
	ask(3, 0x8000_0fff, PageQueued)
	if a, b := r.get(rigPQ), r.get(rigPQ+8); a != 3<<40|7<<32|0x12345<<12 || b != 0x8000_0fff {
		t.Errorf("record %#x %#x", a, b)
	}
	r.Want("pqt", 1)
	r.Want("ipsr", 1<<ipPage)
	if !r.env.Line("wire3").Level {
		t.Error("no interrupt")
	}
	ask(4, 7, PageInvalid)
	ask(4, 3, PageDropped) // not the last of its group
	ask(4, 4, PageDropped) // a stop marker
	ask(5, 7, PageFailure)
	ask(6, 7, PageFailure)
	for _, cause := range []Cause{CauseTypeDisallowed, CauseTypeDisallowed, CauseTypeDisallowed, CauseDDTMisconfigured, CauseDDTInvalid} {
		if rec := r.fault(); Cause(rec[0]&0xfff) != cause || rec[0]>>34&63 != uint64(MessageRequest) {
			t.Errorf("record %#x, want cause %d", rec, cause)
		}
	}
	for range 1<<rigQueue - 2 {
		ask(3, 7, PageQueued)
	}
	ask(3, 7, PageSuccess)
	ask(7, 0x8000_0fff, PageSuccess)
	r.Want("pqcsr", csrOn|3|csrOverflow)
	r.Write("pqcsr", 0)
	ask(3, 7, PageFailure)
	r.mode(ddtpBare, 0)
	ask(3, 7, PageInvalid)
	r.mode(ddtpOff, 0)
	ask(3, 7, PageFailure)
}

func TestTranslationRequests(t *testing.T) {
	r := newRig(t, Config{ATS: true})
	root := r.table(modeSv39, 1)
	r.device(3, tcV|tcATS, 0, 0, root)
	r.device(4, tcV, 0, 0, root)
	r.device(5, tcV|tcATS, 0, 0, 8<<60|outside>>12)
	r.enter(root, 0x1000, 0, leafPTE(memBase, userRW|pteX))
	r.enter(root, 0x2000, 0, leafPTE(memBase, userRW&^pteW))
	ask := func(device uint32, addr uint64) Request {
		return Request{DeviceID: device, Type: TranslationRequest, Addr: mmio.IOVA(addr)}
	}
	if res, f := r.u.Translate(ask(3, 0x1000)); f != nil || !res.Read || !res.Write || res.Execute || uint64(res.Addr) != memBase {
		t.Errorf("%+v, %v", res, f)
	}
	if res, f := r.u.Translate(ask(3, 0x2000)); f != nil || !res.Read || res.Write {
		t.Errorf("%+v, %v", res, f)
	}
	// What no table translates is one big range.
	r.device(6, tcV|tcATS)
	if res, f := r.u.Translate(ask(6, 0x1_2345_6789)); f != nil || !res.Read || !res.Write || res.Addr != 0x1_2345_6789 || res.Size != bareSize {
		t.Errorf("%+v, %v", res, f)
	}
	// A clean page gets dirty by a request for writing, and may be written at once; a request
	// without that must not be granted it (section 2.6).
	r.device(8, tcV|tcATS|tcSADE, 0, 0, root)
	r.enter(root, 0x4000, 0, leafPTE(memBase, userRW&^pteD))
	reading := ask(8, 0x4000)
	reading.NoWrite = true
	if res, f := r.u.Translate(reading); f != nil || !res.Read || res.Write {
		t.Errorf("%+v, %v", res, f)
	}
	if res, f := r.u.Translate(ask(8, 0x4000)); f != nil || !res.Read || !res.Write {
		t.Errorf("%+v, %v", res, f)
	}
	// Nothing there: no permission, no record.
	if res, f := r.u.Translate(ask(3, 0x3000)); f != nil || res.Read || res.Write || r.fault() != nil {
		t.Errorf("%+v, %v", res, f)
	}
	r.wantFault(ask(4, 0), CauseTypeDisallowed, 0)
	r.wantFault(ask(5, 0), CauseReadAccessFault, 0)
	r.wantOK(Request{DeviceID: 3, Type: TranslatedWrite, Addr: 0x5000}, 0x5000)
	r.wantFault(Request{DeviceID: 4, Type: TranslatedWrite, Addr: 0x5000}, CauseTypeDisallowed, 0)
}
