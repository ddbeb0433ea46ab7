// SPDX-License-Identifier: Apache-2.0

package linux

import "vdev/emu/symbols"

// commSize is TASK_COMM_LEN (include/linux/sched.h).
const commSize = 16

// Task is the name of the task at the address of a task_struct.
func (k *Kernel) Task(task, satp uint64) (symbols.Task, bool) {
	r := k.Reader(satp)
	t := symbols.Task{
		PID:  int(int32(r.Get(task, "task_struct.pid"))),
		TGID: int(int32(r.Get(task, "task_struct.tgid"))),
		Comm: r.String(r.Addr(task, "task_struct.comm"), commSize),
	}
	return t, r.OK()
}

// pfExiting is PF_EXITING (include/linux/sched.h).
const pfExiting = 4

// Alive tells whether the task_struct at an address is that of a living thread with
// that pid. Memory that cannot be read tells nothing, so counts as alive.
func (k *Kernel) Alive(task, satp uint64, pid int) bool {
	r := k.Reader(satp)
	now := int(int32(r.Get(task, "task_struct.pid")))
	exiting := r.Get(task, "task_struct.exit_state") != 0 || r.Get(task, "task_struct.flags")&pfExiting != 0
	return !r.OK() || now == pid && !exiting
}
