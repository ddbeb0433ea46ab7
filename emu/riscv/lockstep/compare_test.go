// SPDX-License-Identifier: Apache-2.0

package lockstep_test

import (
	"fmt"
	"strings"

	"vdev/emu/riscv/isa"
)

// trap is one entry of a case's trap log.
type trap struct{ cause, epc, tval uint64 }

// outcome is what a case left behind.
type outcome struct {
	x, f  [32]uint64 // x[0] is 0
	fcsr  uint64
	traps []trap
}

func (m image) outcome(k int) outcome {
	var o outcome
	rec := recordAddr(k)
	for i := range 32 {
		o.x[i] = m.get(rec + outX + uint64(i)*8)
		o.f[i] = m.get(rec + outF + uint64(i)*8)
	}
	o.fcsr = m.get(rec + outFCSR)
	for i := range min(o.x[0], maxTraps) {
		at := rec + outTraps + i*trapSize
		o.traps = append(o.traps, trap{m.get(at), m.get(at + 8), m.get(at + 16)})
	}
	o.x[0] = 0
	return o
}

// difference explains a way in which a correct QEMU and a correct vdev leave
// different traps behind. It makes both alike before they are compared.
type difference struct {
	why   string
	apply func(op isa.Op, t *trap)
}

// Trap causes that the differences are about.
const (
	causeBreakpoint      = 3
	causeLoadMisaligned  = 4
	causeLoadAccess      = 5
	causeStoreMisaligned = 6
	causeStoreAccess     = 7
	causeLoadPageFault   = 13
	causeStorePageFault  = 15
)

// notGenerated are the operations that no comparison can have. Others are only used
// where both machines must agree: a store-conditional follows a load-reserved of the
// same address and size, as QEMU compares addresses and values and vdev reservation
// sets; there are no counters, timers, or CSRs whose fields differ legally or are
// wrong in QEMU (sepc keeps bit 0 there).
var notGenerated = map[isa.Op]string{
	isa.OpCTZW: "QEMU 7.2 counts on into the upper word if the lower one is 0",
}

// differences is all that comparisons of traps ignore.
var differences = []difference{
	{"QEMU before 9 does the load of an AMO first and reports its fault as one of a load", func(op isa.Op, t *trap) {
		if op.Info().Access != isa.AccessAMO {
			return
		}
		switch t.cause {
		case causeLoadMisaligned, causeLoadAccess, causeLoadPageFault:
			t.cause += 2
		}
	}},
	{"QEMU splits a misaligned access into aligned ones, and names the part that failed by its address", func(op isa.Op, t *trap) {
		switch t.cause {
		case causeLoadAccess, causeStoreAccess, causeLoadPageFault, causeStorePageFault:
			if s := uint64(op.Info().Size); s > 1 {
				t.tval &^= s - 1
			}
		}
	}},
	{"QEMU before 9 leaves the address of a breakpoint out of mtval", func(_ isa.Op, t *trap) {
		if t.cause == causeBreakpoint {
			t.tval = 0
		}
	}},
}

// normal applies the differences to the traps of case k.
func (p *program) normal(k int, traps []trap) []trap {
	out := append([]trap(nil), traps...)
	for i := range out {
		op := isa.OpIllegal
		if n := p.itemAt(k, out[i].epc); n >= 0 && n < len(p.cases[k].items) {
			op = isa.Decode(p.cases[k].items[n].bits).Op
		}
		for _, d := range differences {
			d.apply(op, &out[i])
		}
	}
	return out
}

// mismatch is the first difference between two runs.
type mismatch struct {
	k    int    // the case, or -1 if only memory differs
	text string // what differs, one line each: the first machine's value, the second's
}

// compare finds the first case that two runs of p disagree about.
func (p *program) compare(a, b image) *mismatch {
	for k := range p.cases {
		if d := p.compareCase(k, a.outcome(k), b.outcome(k)); d != "" {
			return &mismatch{k, d}
		}
	}
	// Trap logs may differ as they do legally; all other memory is the same.
	for at := uint64(ramBase); at < ramBase+usedSize; at += 8 {
		if at >= recordBase && at < recordBase+maxCases*recordSize {
			continue
		}
		if x, y := a.get(at), b.get(at); x != y {
			return &mismatch{-1, fmt.Sprintf("memory at %#x: %#x, %#x\n", at, x, y)}
		}
	}
	return nil
}

func (p *program) compareCase(k int, a, b outcome) string {
	var s strings.Builder
	for i := range 32 {
		if a.x[i] != b.x[i] {
			fmt.Fprintf(&s, "x%d: %#x, %#x\n", i, a.x[i], b.x[i])
		}
	}
	for i := range 32 {
		if a.f[i] != b.f[i] {
			fmt.Fprintf(&s, "f%d: %#x, %#x\n", i, a.f[i], b.f[i])
		}
	}
	if a.fcsr != b.fcsr {
		fmt.Fprintf(&s, "fcsr: %#x, %#x\n", a.fcsr, b.fcsr)
	}
	at, bt := p.normal(k, a.traps), p.normal(k, b.traps)
	for i := range max(len(at), len(bt)) {
		switch {
		case i >= len(at):
			fmt.Fprintf(&s, "trap %d: none, %#x\n", i, b.traps[i])
		case i >= len(bt):
			fmt.Fprintf(&s, "trap %d: %#x, none\n", i, a.traps[i])
		case at[i] != bt[i]:
			fmt.Fprintf(&s, "trap %d {cause epc tval}: %#x, %#x\n", i, a.traps[i], b.traps[i])
		}
	}
	return s.String()
}

// listing disassembles case k with the registers that it reads.
func (p *program) listing(k int) string {
	c := &p.cases[k]
	var s strings.Builder
	fmt.Fprintf(&s, "%v-mode, mstatus %#x, fcsr %#x\n", c.mode, c.status, c.fcsr)
	xs, fs := map[uint8]bool{}, map[uint8]bool{}
	for i, at := range p.place[k] {
		w := uint32(p.ram.get(at&^7) >> (at & 7 * 8))
		if at&7 == 6 {
			w |= uint32(p.ram.get(at&^7+8)) << 16
		}
		if i < len(c.items) {
			fmt.Fprintf(&s, "%4d  %#x  %s\n", i, at, isa.Disasm(w, at))
		}
		in := isa.Decode(w)
		info := in.Op.Info()
		for _, o := range []struct {
			file isa.RegFile
			n    uint8
		}{{info.Rs1, in.Rs1}, {info.Rs2, in.Rs2}, {info.Rs3, in.Rs3}} {
			switch {
			case o.file == isa.RegX && !xs[o.n]:
				xs[o.n] = true
				fmt.Fprintf(&s, "        %s = %#x\n", isa.XName(o.n), c.x[o.n])
			case o.file == isa.RegF && !fs[o.n]:
				fs[o.n] = true
				fmt.Fprintf(&s, "        %s = %#x\n", isa.FName(o.n), c.f[o.n])
			}
		}
	}
	return s.String()
}
