// SPDX-License-Identifier: Apache-2.0

// Package ownership has a broken program, and its correct twin, for each rule of the
// sanitizer on who owns a shared buffer.
package ownership

// Pair is a broken program and its correct twin.
type Pair struct {
	// Code is what the sanitizer says of the broken program, and its name.
	Code string
	// Func is the function that both are, one with an argument that says so.
	Func string
	// Sentence is how the report begins to explain it.
	Sentence string
	// Also are other rules that the broken program cannot help breaking.
	Also []string
}

// Pairs lists all programs.
func Pairs() []Pair {
	return []Pair{
		{"access-in-flight", "inFlight", "The CPU touched a buffer while a device owned it.", []string{"prep-fini", "writeback-over-dma", "clobber-by-fill"}},
		{"prep-fini", "prepared", "The CPU accessed a buffer in a way for which it was not prepared.", nil},
		{"sync-lock", "locked", "A device used a buffer that somebody had locked.", []string{"writeback-over-dma"}},
		{"overwrite-unconsumed", "overwrite", "A producer overwrote a frame that nobody had read.", nil},
	}
}

// Enforced is the name of a program that is correct, if devices wait for locks.
const Enforced = "device-waits"
