// SPDX-License-Identifier: Apache-2.0

package symbols

import (
	"fmt"
	"strings"
)

// Frame is one line of a backtrace. Functions that were inlined have a frame of
// their own.
type Frame struct {
	PC     uint64 `json:"pc"`
	Func   string `json:"func,omitempty"`   // empty if unknown
	Offset uint64 `json:"offset,omitempty"` // of PC in Func, in bytes
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Inline bool   `json:"inline,omitempty"` // inlined into the frame that follows
	Module string `json:"module,omitempty"` // of the kernel
	Asm    bool   `json:"-"`                // written in assembler: Line is not where the bug is
}

// String is the frame as a backtrace shows it.
func (f Frame) String() string {
	s := fmt.Sprintf("%#x", f.PC)
	switch {
	case f.Func != "" && f.Inline:
		s = f.Func + " (inlined)"
	case f.Func != "":
		s = fmt.Sprintf("%s+%#x", f.Func, f.Offset)
	}
	if f.Module != "" && !strings.HasPrefix(f.Func, "[") {
		s += " [" + f.Module + "]"
	}
	if f.File != "" {
		s += fmt.Sprintf("  %s:%d", f.File, f.Line)
	}
	return s
}

// Task is who the kernel was working for.
type Task struct {
	PID  int    `json:"pid"`  // of the thread
	TGID int    `json:"tgid"` // of the process
	Comm string `json:"comm"`
}

// Trace is a Stack with names.
type Trace struct {
	Task   *Task   `json:"task,omitempty"`
	Kernel []Frame `json:"kernel,omitempty"`
	User   []Frame `json:"user,omitempty"`
	// Binary is the program that User belongs to, if known.
	Binary string `json:"binary,omitempty"`
}

// Resolver finds names.
type Resolver interface {
	// Task is the task at the address of a task_struct, as it is now.
	Task(task, satp uint64) (Task, bool)
	// Trace names the frames of a captured stack.
	Trace(s *Stack, task *Task) Trace
}
