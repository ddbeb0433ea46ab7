// SPDX-License-Identifier: Apache-2.0

package scenarios

import "slices"

// Silent is the verdict on a scenario that has no broken form.
const Silent = ""

// Scenario is a program in a correct form, which is never reported, and a broken one.
type Scenario struct {
	Name string
	// Code is what the broken form is reported for.
	Code string
	// Also lists codes for which it may be reported besides.
	Also []string
	// Func is in the backtraces of each report, as the function of the program, or one
	// that works for it in another task.
	Func string
	// Buffer is the name of the buffer that reports are about.
	Buffer string
	// Missing is a part of the advice in reports.
	Missing string
	// Corrupts lists the cache modes in which the broken form surely finds wrong bytes.
	Corrupts []string
	// Caches says that it is about caches alone: when they are coherent, nothing is wrong
	// with the broken form.
	Caches bool
	// Flags are for the command that runs it.
	Flags []string
	// Notes are what the correct form, and BrokenNotes what the broken one, counts that
	// must be the same in each run: "lockups=1", or "backoffs>0" for at least one.
	Notes, BrokenNotes []string
}

// All lists the scenarios.
func All() []Scenario { return slices.Concat(locking(), accesses()) }
