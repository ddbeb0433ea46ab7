// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"errors"

	"vdev/emu/linux"
	"vdev/emu/mem"
	"vdev/emu/riscv"
	"vdev/emu/strace"
	"vdev/emu/symbols"
	"vdev/mmio"
)

// TraceConfig says what of the guest's doings is written down.
type TraceConfig struct {
	// IOCtl gets a line, without its end, for each ioctl of a process; may be nil.
	IOCtl func(line string)
	// Kernel reads the file of the kernel that runs. It is called when the first ioctl is
	// made that matters; may be nil.
	Kernel func() (*symbols.KernelFile, error)
}

// addTracer makes what follows the guest's system calls, if anybody wants to know
// about them: the user, or the sanitizer, which reports what sync calls did.
func (m *Machine) addTracer() {
	c := &m.cfg.Trace
	if c.IOCtl == nil && (m.sanitizer == nil || c.Kernel == nil) {
		return
	}
	view := guestMemory{m.mem}
	m.kernel = linux.New(view, func() (linux.Types, error) {
		if c.Kernel == nil {
			return nil, errNoKernel
		}
		return c.Kernel()
	})
	modelled := m.sanitizer != nil && m.cfg.Cache.Mode != mem.Coherent
	if c.IOCtl == nil && !modelled {
		return // the kernel is for reports on the IOMMU
	}
	cfg := strace.Config{Kernel: m.kernel, Memory: view, Now: m.Now, Print: c.IOCtl,
		G2DRegister: m.g2dRegister}
	if modelled {
		cfg.OnSync = m.sanitizer.SyncDone
		cfg.Lines = func(r linux.Range) (l strace.LineState) {
			l.Dirty, l.Stale = m.sanitizer.Count(r.Addr, r.Len)
			return l
		}
	}
	m.tracer = strace.New(cfg)
	for _, h := range m.harts {
		h.WatchUser(userWatch{m})
	}
}

// g2dRegister names the registers that command lists for the G2D are about.
func (m *Machine) g2dRegister(offset uint64) string {
	r, ok := m.bus.Find(addrG2D)
	if !ok {
		return ""
	}
	d, ok := r.Device.(mmio.RegisterDevice)
	if !ok {
		return ""
	}
	name, _ := d.Registers().StartsAt(offset)
	return name
}

var errNoKernel = errors.New("the kernel's file is not known")

// finishTrace writes down the system calls that are still under way, after the run.
func (m *Machine) finishTrace() {
	if m.tracer != nil {
		m.tracer.Finish()
	}
}

// userWatch passes on what harts tell of user mode.
type userWatch struct{ m *Machine }

// UserCall implements riscv.UserWatcher.
func (w userWatch) UserCall(h *riscv.Hart, _ uint64) {
	if w.m.tracer.Wants(h.X(regA7), h.X(regA1)) {
		w.m.tracer.Enter(w.regs(h))
	}
}

// UserReturn implements riscv.UserWatcher.
func (w userWatch) UserReturn(h *riscv.Hart) {
	w.m.runs(w.m.harts[h.ID()])
	if w.m.tracer.Active() {
		w.m.tracer.Return(w.regs(h))
	}
}

// Maintained implements riscv.UserWatcher.
func (w userWatch) Maintained(h *riscv.Hart, _ mem.Op, addr mmio.PhysAddr) {
	if w.m.tracer.Active() && h.Priv() == riscv.Supervisor {
		// In the kernel the task is in tp.
		w.m.tracer.Maintained(h.Context().TP, addr&^(mem.LineSize-1))
	}
}

func (w userWatch) regs(h *riscv.Hart) strace.Regs {
	r := strace.Regs{Regs: w.m.context(int(h.ID()))}
	for i := range r.A {
		r.A[i] = h.X(regA0 + i)
	}
	return r
}
