// SPDX-License-Identifier: Apache-2.0

package symbols

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
)

// Memory reads guest memory without disturbing the guest: no cache line moves, no
// sanitizer takes note.
type Memory interface {
	// ReadVirt reads len(p) bytes at virtual address va under the page tables of satp,
	// as the harts see them; false, with p undefined, if any byte is not mapped RAM.
	ReadVirt(satp, va uint64, p []byte) bool
}

// Priv is a privilege level, as the architecture encodes it.
type Priv uint8

// The privilege levels.
const (
	User       Priv = 0
	Supervisor Priv = 1
	Machine    Priv = 3
)

// Regs are the registers of a hart that say where it is and on whose behalf.
type Regs struct {
	PC, RA, SP, FP, TP uint64 // FP is s0
	Satp, Sscratch     uint64
	Stvec              uint64 // Linux's handle_exception
	Priv               Priv
}

// MaxFrames bounds the captured part of a kernel stack.
const MaxFrames = 20

// userStackBytes is how much of the user's stack is kept with a capture. It holds
// the frames of a Go system call and some of its callers.
const userStackBytes = 1024

// Stack is what Capture saw. It stays meaningful after the stack itself is gone.
type Stack struct {
	// PCs of the kernel, innermost first; all but the first, and those right after an
	// exception, are return addresses. Empty if the hart was in user mode.
	Kernel []uint64
	// LeafRA is ra at Kernel[0]: the caller, if that function keeps no frame.
	LeafRA uint64
	// User has the user's registers, valid if HasUser.
	User    Regs
	HasUser bool
	// Interrupt tells that the kernel was interrupted: what it did need have nothing
	// to do with the task.
	Interrupt bool
	// Task is the address of the current task_struct; 0 if unknown.
	Task uint64
	Satp uint64
	// Stvec tells where the kernel is.
	Stvec uint64
	// Live tells that nothing has happened since Capture, so that more may be read from
	// memory.
	Live bool

	exact     uint32 // bit i: Kernel[i] is not a return address
	userStack []byte // from User.SP on
}

// Exact tells whether Kernel[i] is where execution was, rather than an address that
// a call was to return to.
func (s *Stack) Exact(i int) bool { return s.exact>>i&1 != 0 }

// UserPath identifies the way to where the user program was: it hashes what looks like
// its addresses on the stack. The same way may look different now and then.
func (s *Stack) UserPath() uint64 {
	const near = 1 << 24 // larger programs have few calls over a longer distance
	h := fnv.New64a()
	for b := s.userStack; len(b) >= 8; b = b[8:] {
		if v := binary.LittleEndian.Uint64(b); v-s.User.PC+near < 2*near {
			_, _ = h.Write(b[:8])
		}
	}
	return h.Sum64()
}

// window reads a stack a piece at a time, as unwinding reads neighbouring words.
type window struct {
	mem  Memory
	satp uint64
	base uint64
	n    int
	buf  [512]byte
}

// word reads the doubleword at va, which must be aligned.
func (w *window) word(va uint64) (uint64, bool) {
	if va%8 != 0 {
		return 0, false
	}
	if va < w.base || va+8 > w.base+uint64(w.n) {
		n := int(min(uint64(len(w.buf)), 4096-va%4096))
		if !w.mem.ReadVirt(w.satp, va, w.buf[:n]) {
			w.n = 0
			return 0, false
		}
		w.base, w.n = va, n
	}
	return binary.LittleEndian.Uint64(w.buf[va-w.base:]), true
}

// Captor takes down stacks. It is for those who take down many that are alike: what
// they have in common is kept once.
type Captor struct {
	Memory Memory
	room   [userStackBytes]byte
	kept   []byte // the latest Stack.userStack
}

// Capture takes down the stack of a hart with registers r.
func Capture(mem Memory, r Regs) Stack {
	c := Captor{Memory: mem}
	return c.Capture(r)
}

// Capture takes down the stack of a hart with registers r.
//
// With CONFIG_FRAME_POINTER every function of the kernel keeps the caller's s0 at
// -16(s0) and its return address at -8(s0) (arch/riscv/include/asm/stacktrace.h).
func (c *Captor) Capture(r Regs) Stack {
	mem := c.Memory
	s := Stack{Task: r.TP, Satp: r.Satp, Stvec: r.Stvec, LeafRA: r.RA}
	if r.Priv == User {
		// In user mode Linux keeps the task in sscratch.
		s.Task, s.User, s.HasUser = r.Sscratch, r, true
		s.keepUserStack(c)
		return s
	}
	if r.Priv == Machine {
		s.Task = 0
		s.Kernel, s.exact = []uint64{r.PC}, 1
		return s
	}
	w := window{mem: mem, satp: r.Satp}
	var pcs [MaxFrames]uint64
	n := 0
	pc, fp, sp, leafRA := r.PC, r.FP, r.SP, r.RA
	exact := true // pc is where execution is, not a return address
	for n < len(pcs) {
		pcs[n] = pc
		if exact {
			s.exact |= 1 << n
		}
		n++
		if fp < sp+16 || fp%8 != 0 || int64(fp) >= 0 {
			break
		}
		savedFP, ok1 := w.word(fp - 16)
		savedRA, ok2 := w.word(fp - 8)
		if !ok1 || !ok2 {
			break
		}
		sp = fp
		if exact && savedRA >= fp+16 && savedRA%8 == 0 && savedRA-fp < kernelStackMax {
			// A leaf function that saved only s0, and that at -8(s0).
			fp, pc = savedRA, leafRA
		} else {
			fp, pc = savedFP, savedRA
		}
		exact = false
		if pc-r.Stvec >= entryCodeSize {
			continue
		}
		// The caller is probably the exception entry: above it lie the registers that it
		// saved.
		regs, ok := readPtRegs(&w, sp)
		if !ok {
			continue
		}
		if n < len(pcs) {
			pcs[n] = pc
			n++
		}
		if int64(regs.cause) < 0 {
			s.Interrupt = true
		}
		if regs.status&sstatusSPP == 0 {
			s.User, s.HasUser = regs.Regs, true
			s.User.Satp, s.User.Priv = r.Satp, User
			break
		}
		pc, fp, sp, leafRA, exact = regs.PC, regs.FP, regs.SP, regs.RA, true
	}
	s.Kernel = append([]uint64(nil), pcs[:n]...)
	if s.HasUser {
		s.keepUserStack(c)
	}
	return s
}

const (
	// entryCodeSize bounds handle_exception to ret_from_exception_end
	// (arch/riscv/kernel/entry.S) in bytes. What follows in the same file is within the
	// bound, too; readPtRegs tells.
	entryCodeSize = 0x400
	// kernelStackMax bounds THREAD_SIZE.
	kernelStackMax = 64 << 10

	sstatusSPP   = 1 << 8
	sstatusUXL   = 3 << 32
	sstatusUXL64 = 2 << 32
	// causeMax bounds exception and interrupt codes (privileged architecture, scause).
	causeMax = 64
)

// Places in struct pt_regs (arch/riscv/include/asm/ptrace.h), which begins like the
// user-visible user_regs_struct, in doublewords.
const (
	ptEPC, ptRA, ptSP, ptTP, ptS0 = 0, 1, 2, 4, 8
	ptStatus, ptCause             = 32, 34
)

// ptRegs is the part of struct pt_regs that matters.
type ptRegs struct {
	Regs
	status, cause uint64
}

// readPtRegs reads a struct pt_regs; false if there is none at that address.
func readPtRegs(w *window, at uint64) (ptRegs, bool) {
	ok := true
	get := func(i uint64) uint64 {
		v, good := w.word(at + 8*i)
		ok = ok && good
		return v
	}
	r := ptRegs{status: get(ptStatus), cause: get(ptCause)}
	r.Regs = Regs{PC: get(ptEPC), RA: get(ptRA), SP: get(ptSP), TP: get(ptTP), FP: get(ptS0), Priv: Supervisor}
	return r, ok && r.status&sstatusUXL == sstatusUXL64 && r.cause<<1>>1 < causeMax
}

// keepUserStack copies the innermost part of the user's stack, or shares the copy of
// an earlier capture if nothing has changed.
func (s *Stack) keepUserStack(c *Captor) {
	sp := s.User.SP
	n := min(userStackBytes, 4096-sp%4096)
	if !c.Memory.ReadVirt(s.Satp, sp, c.room[:n]) {
		return
	}
	if n < userStackBytes && c.Memory.ReadVirt(s.Satp, sp+n, c.room[n:]) {
		n = userStackBytes
	}
	if !bytes.Equal(c.kept, c.room[:n]) {
		c.kept = bytes.Clone(c.room[:n])
	}
	s.userStack = c.kept
}

// SameProcess tells whether both stacks are surely of one process, and acting for
// it: not an interrupt that happened to come, and not a kernel thread on borrowed
// page tables.
func (s *Stack) SameProcess(o *Stack) bool {
	if s.Interrupt || o.Interrupt {
		return false
	}
	if s.Task != 0 && s.Task == o.Task {
		return true
	}
	const ppn = 1<<44 - 1
	return s.HasUser && o.HasUser && s.Satp&ppn == o.Satp&ppn
}
