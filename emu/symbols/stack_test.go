// SPDX-License-Identifier: Apache-2.0

package symbols

import (
	"slices"
	"testing"
)

// Addresses of a kernel that was never linked.
const (
	testEntry  = 0xffffffff804d8ca0 // handle_exception
	testStack  = 0xffffffc600010000
	testStatus = 2 << 32 // as hardware shows it: UXL is 64
)

// frame puts a frame record below fp.
func (m fakeStack) frame(fp, callerFP, ra uint64) {
	m[fp-8], m[fp-16] = ra, callerFP
}

// ptRegs puts saved registers.
func (m fakeStack) ptRegs(at uint64, r Regs, status, cause uint64) {
	for i := range uint64(36) {
		m[at+8*i] = 0
	}
	m[at+8*ptEPC], m[at+8*ptRA], m[at+8*ptSP], m[at+8*ptS0] = r.PC, r.RA, r.SP, r.FP
	m[at+8*ptStatus], m[at+8*ptCause] = status, cause
}

func text(n uint64) uint64 { return 0xffffffff80001000 + n*0x100 }

func TestCapture(t *testing.T) {
	user := Regs{PC: 0x10100, RA: 0x10200, SP: 0x3f00001000, FP: 0x3f00001040}
	const top = testStack + 0x4000 - 288 // pt_regs of the system call
	base := func() fakeStack {
		m := fakeStack{0x3f00001000: 1}
		m.ptRegs(top, user, testStatus, 8)
		m.frame(top, user.SP, testEntry+0x120)
		m.frame(top-0x100, top, text(1))
		m.frame(top-0x200, top-0x100, text(2))
		return m
	}
	in := Regs{PC: text(3), RA: text(9), SP: top - 0x240, FP: top - 0x200, TP: 0xffffffd600000000, Stvec: testEntry, Priv: Supervisor}

	for _, tt := range []struct {
		name      string
		mem       func(m fakeStack)
		regs      func(r *Regs)
		kernel    []uint64
		user      uint64
		interrupt bool
		task      uint64
	}{
		{name: "system call", kernel: []uint64{text(3), text(2), text(1), testEntry + 0x120}, user: 0x10100, task: in.TP},
		{name: "page fault of the user", mem: func(m fakeStack) { m[top+8*ptCause] = 13 },
			kernel: []uint64{text(3), text(2), text(1), testEntry + 0x120}, user: 0x10100, task: in.TP},
		{name: "interrupted user", mem: func(m fakeStack) { m[top+8*ptCause] = 1<<63 | 5 },
			kernel: []uint64{text(3), text(2), text(1), testEntry + 0x120}, user: 0x10100, interrupt: true, task: in.TP},
		{name: "interrupted kernel", mem: func(m fakeStack) {
			m.ptRegs(top-0x400, Regs{PC: text(3), RA: text(9), SP: top - 0x240, FP: top - 0x200}, testStatus|sstatusSPP, 1<<63|9)
			m.frame(top-0x400, top-0x200, testEntry+0x120)
		}, regs: func(r *Regs) { r.PC, r.FP, r.SP = text(7), top-0x400, top-0x410 },
			kernel:    []uint64{text(7), testEntry + 0x120, text(3), text(2), text(1), testEntry + 0x120},
			user:      0x10100,
			interrupt: true, task: in.TP},
		{name: "leaf that saved s0 alone", mem: func(m fakeStack) { m[top-0x280-8] = top - 0x200 },
			regs:   func(r *Regs) { r.PC, r.RA, r.FP, r.SP = text(8), text(3), top-0x280, top-0x290 },
			kernel: []uint64{text(8), text(3), text(2), text(1), testEntry + 0x120}, user: 0x10100, task: in.TP},
		{name: "not an exception but code next to it", mem: func(m fakeStack) {
			m[top+8*ptStatus] = 0x100
		}, kernel: []uint64{text(3), text(2), text(1), testEntry + 0x120}, task: in.TP},
		{name: "stack that cannot be read", regs: func(r *Regs) { r.FP = testStack + 0x8000; r.SP = r.FP - 64 },
			kernel: []uint64{text(3)}, task: in.TP},
		{name: "broken frame pointer", regs: func(r *Regs) { r.FP = 12345 }, kernel: []uint64{text(3)}, task: in.TP},
		{name: "user mode", regs: func(r *Regs) { *r = user; r.TP, r.Sscratch = 7, in.TP }, user: 0x10100, task: in.TP},
		{name: "firmware", regs: func(r *Regs) { r.Priv = Machine }, kernel: []uint64{text(3)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, r := base(), in
			if tt.mem != nil {
				tt.mem(m)
			}
			if tt.regs != nil {
				tt.regs(&r)
			}
			s := Capture(m, r)
			if !slices.Equal(s.Kernel, tt.kernel) {
				t.Errorf("kernel %#x, want %#x", s.Kernel, tt.kernel)
			}
			if s.HasUser != (tt.user != 0) || s.User.PC != tt.user {
				t.Errorf("user %v %#x, want %#x", s.HasUser, s.User.PC, tt.user)
			}
			if s.Interrupt != tt.interrupt || s.Task != tt.task {
				t.Errorf("interrupt %v, task %#x", s.Interrupt, s.Task)
			}
			for i := range s.Kernel {
				want := i == 0 || tt.name == "interrupted kernel" && i == 2
				if s.Exact(i) != want {
					t.Errorf("Exact(%d) is %v", i, s.Exact(i))
				}
			}
		})
	}
}

// A stack whose frames lead in a circle must not keep anybody.
func TestCaptureEnds(t *testing.T) {
	m := fakeStack{}
	for i := range uint64(100) {
		m.frame(testStack+0x100*(i+1), testStack+0x100*(i+2), text(i))
	}
	s := Capture(m, Regs{PC: text(0), SP: testStack, FP: testStack + 0x100, Stvec: testEntry, Priv: Supervisor})
	if len(s.Kernel) != MaxFrames {
		t.Errorf("%d frames", len(s.Kernel))
	}
	m.frame(testStack+0x100, testStack+0x100, text(1))
	s = Capture(m, Regs{PC: text(0), SP: testStack, FP: testStack + 0x100, Stvec: testEntry, Priv: Supervisor})
	if len(s.Kernel) > 3 {
		t.Errorf("%d frames in a circle", len(s.Kernel))
	}
}

func TestSameProcess(t *testing.T) {
	a := Stack{Task: 1, Satp: 8<<60 | 1<<44 | 0x1234, HasUser: true}
	thread, kworker, irq, other := a, a, a, a
	thread.Task, thread.Satp = 2, 8<<60|2<<44|0x1234 // another ASID
	kworker.Task, kworker.HasUser = 3, false         // on borrowed page tables
	irq.Interrupt = true
	other.Task, other.Satp = 4, 8<<60|0x9999
	for _, tt := range []struct {
		name string
		b    *Stack
		want bool
	}{{"itself", &a, true}, {"thread", &thread, true}, {"kworker", &kworker, false}, {"irq", &irq, false}, {"other", &other, false}} {
		if a.SameProcess(tt.b) != tt.want || tt.b.SameProcess(&a) != tt.want {
			t.Errorf("%s: %v", tt.name, !tt.want)
		}
	}
}
