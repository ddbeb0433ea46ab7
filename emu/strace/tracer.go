// SPDX-License-Identifier: Apache-2.0

package strace

import (
	"slices"
	"time"

	"vdev/emu/linux"
	"vdev/emu/symbols"
	"vdev/ioctl"
)

// Config is what a Tracer needs from the machine. Kernel, Memory and Now are required.
type Config struct {
	Kernel *linux.Kernel
	Memory symbols.Memory
	// Now is the virtual time.
	Now func() time.Duration
	// Print gets a line for each ioctl, without its end. If it is nil, only calls that
	// sync buffers are followed, for OnSync.
	Print func(line string)
	// OnSync is told of each finished call that syncs a buffer; may be nil.
	OnSync func(*SyncCall)
	// G2DRegister is the name of the G2D's register at an offset, or empty; may be nil.
	G2DRegister func(offset uint64) string
	// Lines tells about the cache lines of a range; nil if the model is off.
	Lines func(linux.Range) LineState
}

// Regs are the registers of a hart at a call or return.
type Regs struct {
	symbols.Regs
	A [8]uint64 // a0 to a7
}

// sysIoctl is the number of the system call (include/uapi/asm-generic/unistd.h), and
// sysRestart that of restart_syscall.
const (
	sysIoctl   = 29
	sysRestart = 128
)

// Tracer follows ioctls. It belongs to one machine and is not safe for concurrent use.
type Tracer struct {
	cfg    Config
	calls  []*call // not finished, in the order in which they began
	buried time.Duration

	// testers is what open files of the DMA tester have allocated.
	testers map[testerKey]*testerBuffer
}

// call is an ioctl under way.
type call struct {
	regs  Regs // at the ecall
	fd    int
	req   ioctl.Request
	start time.Duration

	task    *symbols.Task // nil if unknown
	file    *linux.File   // nil if unknown
	target  string        // the file descriptor and what it is
	mem     *userMemory
	args    *ioctl.Call
	in      string    // the argument as it was passed
	absent  bool      // it could not be read then
	handler bool      // a signal's handler runs
	sync    *SyncCall // nil if it is not one
}

// taskAt is the address of the task_struct, which Linux keeps in sscratch in user mode.
func (r *Regs) taskAt() uint64 { return r.Sscratch }

// New makes a tracer.
func New(cfg Config) *Tracer {
	return &Tracer{cfg: cfg, testers: make(map[testerKey]*testerBuffer)}
}

// Wants tells whether a system call is one to Enter.
func (t *Tracer) Wants(number, request uint64) bool {
	if number != sysIoctl {
		return false
	}
	req := ioctl.Request(uint32(request))
	return t.cfg.Print != nil || syncs(req) != nil || allocates(req)
}

// Active tells whether any call is under way: otherwise Return and Maintained need not
// be called.
func (t *Tracer) Active() bool { return len(t.calls) != 0 }

// maxNested bounds the calls of one task: each but the last was interrupted by the
// handler of a signal, or left with longjmp.
const maxNested = 8

// Enter tells that a task makes a system call that Wants asked for.
func (t *Tracer) Enter(r Regs) {
	t.cfg.Kernel.SetBase(r.Stvec)
	c := &call{regs: r, fd: int(int32(r.A[0])), req: ioctl.Request(r.A[1]), start: t.cfg.Now()}
	if task, ok := t.cfg.Kernel.Task(r.taskAt(), r.Satp); ok {
		c.task = &task
	}
	t.forget(c)
	if f, ok := t.cfg.Kernel.File(r.taskAt(), r.Satp, c.fd); ok {
		c.file = &f
	}
	if t.cfg.Print != nil {
		c.target = t.fdText(r.taskAt(), r.Satp, c.fd)
		t.decode(c)
	}
	t.beginSync(c)
	t.calls = append(t.calls, c)
}

// forget ends the calls of a task that can no longer return: it makes too many, or is
// not the same task any more.
func (t *Tracer) forget(c *call) {
	mine := 0
	for _, o := range t.calls {
		if o.regs.taskAt() == c.regs.taskAt() {
			mine++
		}
	}
	if mine == 0 {
		return
	}
	t.end(func(o *call) bool {
		if o.regs.taskAt() != c.regs.taskAt() {
			return false
		}
		mine--
		other := o.task != nil && c.task != nil && o.task.PID != c.task.PID
		return other || !o.handler || mine >= maxNested-1
	})
}

// Return tells that a task has returned to user mode.
func (t *Tracer) Return(r Regs) {
	t.bury(r)
	newest := true
	for i := len(t.calls) - 1; i >= 0; i-- {
		c := t.calls[i]
		if c.regs.taskAt() != r.taskAt() {
			continue
		}
		// A handler could call from the same place, but not with the same stack.
		o := outcome{value: r.A[0], regs: &r}
		switch at := r.PC - c.regs.PC; {
		case r.SP == c.regs.SP && at == ecallSize:
		case r.SP == c.regs.SP && at == 0:
			o.restart = restarted
			if r.A[7] == sysRestart {
				o.restart = restartedElsewhere
			}
		default:
			if newest {
				c.handler = true
			}
			newest = false
			continue
		}
		t.calls = slices.Delete(t.calls, i, i+1)
		t.finish(c, o)
		return
	}
}

// How a call ends that is to be made again: as itself, or as restart_syscall.
const (
	restarted          = "ERESTARTSYS"
	restartedElsewhere = "ERESTART_RESTARTBLOCK"
)

// ecallSize is the length of the instruction in bytes.
const ecallSize = 4

// outcome is how a call ended: without regs the task never returned.
type outcome struct {
	value   uint64 // a0
	restart string // if it is to be made again: the reason
	regs    *Regs  // at the return
}

// done tells whether the call has a result.
func (o outcome) done() bool { return o.regs != nil && o.restart == "" }

// errno is the error that the call returned.
func (o outcome) errno() (int, bool) {
	n := -int64(o.value)
	return int(n), o.done() && n > 0 && n <= maxErrno
}

// finish reports the end of a call.
func (t *Tracer) finish(c *call, o outcome) {
	t.noteTester(c, o)
	t.endSync(c, o)
	if t.cfg.Print != nil {
		t.cfg.Print(t.line(c, o))
	}
	if t.cfg.OnSync != nil && c.sync != nil {
		t.cfg.OnSync(c.sync)
	}
}

// end ends without a result the calls for which f says so.
func (t *Tracer) end(f func(*call) bool) {
	t.calls = slices.DeleteFunc(t.calls, func(c *call) bool {
		if !f(c) {
			return false
		}
		t.finish(c, outcome{})
		return true
	})
}

// buryEvery is how often the tasks in calls are looked at.
const buryEvery = time.Millisecond

// bury ends the calls of tasks that have died.
func (t *Tracer) bury(r Regs) {
	now := t.cfg.Now()
	if now < t.buried+buryEvery {
		return
	}
	t.buried = now
	t.end(func(c *call) bool { return c.task != nil && !t.cfg.Kernel.Alive(c.regs.taskAt(), r.Satp, c.task.PID) })
}

// Finish ends the calls that are still under way, when the run is over.
func (t *Tracer) Finish() { t.end(func(*call) bool { return true }) }
