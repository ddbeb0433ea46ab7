// SPDX-License-Identifier: Apache-2.0

package riscv

import (
	"vdev/emu/mem"
	"vdev/mmio"
)

// UserWatcher is told when user mode calls the kernel, and when the kernel is done. It
// may read the hart's registers and must change nothing. Without one, the three
// places cost a comparison each, none of which is on the fast path.
type UserWatcher interface {
	// UserCall tells of an environment call from U-mode at pc, about to trap.
	UserCall(h *Hart, pc uint64)
	// UserReturn tells that sret has put h into U-mode, at h.PC().
	UserReturn(h *Hart)
	// Maintained tells that h has done a cbo.clean, cbo.inval or cbo.flush on the line
	// at addr.
	Maintained(h *Hart, op mem.Op, addr mmio.PhysAddr)
}

// WatchUser attaches w; before the run.
func (h *Hart) WatchUser(w UserWatcher) { h.user = w }
