// SPDX-License-Identifier: Apache-2.0

package graphics

// Silent is the verdict on a program that does everything right.
const Silent = ""

// Pair is a broken program and its correct twin.
type Pair struct {
	Name string
	// Code is what the sanitizer says of the broken program; Silent if there is no
	// broken program.
	Code string
	// Func is the function that both are, one with an argument that says so. It, or
	// Helper, which works for it in another thread or process, is in the backtraces of
	// reports.
	Func, Helper string
	// Buffer is the name of the dma-buf that reports are about.
	Buffer string
	// Device is the bus master in reports.
	Device string
	// Corrupts lists the cache modes in which the broken program surely finds wrong
	// bytes.
	Corrupts []string
}

// Pairs lists the programs whose correct form is silent.
func Pairs() []Pair {
	lazy, eager, both := []string{"lazy"}, []string{"eager"}, []string{"lazy", "eager"}
	silent := func(name, fn string) Pair { return Pair{Name: name, Func: fn} }
	return []Pair{
		{"draw-then-copy", "device-read-dirty", "drawThenCopy", "drawThenCopy", "source", "g2d", lazy},
		{"draw-then-copy-cma", "device-read-dirty", "drawThenCopyCMA", "drawThenCopyCMA", "source", "g2d", lazy},
		{"draw-then-show", "device-read-dirty", "drawThenShow", "drawThenShow", "shown", "fimd", nil},
		{"fill-then-read", "cpu-read-stale", "fillThenRead", "fillThenRead", "result", "g2d", both},
		{"fill-then-read-cma", "cpu-read-stale", "fillThenReadCMA", "fillThenReadCMA", "result", "g2d", both},
		{"read-too-early", "early-invalidate", "readTooEarly", "readTooEarly", "result", "g2d", eager},
		{"draw-then-fill", "writeback-over-dma", "drawThenFill", "drawThenFill", "result", "g2d", eager},
		{"shared-line", "writeback-over-dma", "sharedLine", "sharedLine", "halves", "g2d", eager},
		{"draw-into-filled", "clobber-by-fill", "drawIntoFilled", "drawIntoFilled", "mixed", "g2d", both},
		{"draw-before-start", "invalidate-dirty", "drawBeforeStart", "drawBeforeStart", "source", "g2d", both},
		{"other-process", "device-read-dirty", "otherProcess", "paintFrames", "foreign", "g2d", lazy},
		{"fence-too-early", "device-read-dirty", "fenceTooEarly", "fencedProducer", "fenced", "g2d", nil},
		silent("all-kinds", "allKinds"),
		silent("all-operations", "allOperations"),
		silent("through-vgem", "throughVGEM"),
		silent("user-memory", "userMemory"),
		silent("flips", "flips"),
		silent("flips-fenced", "flipsFenced"),
		silent("implicit-fence", "implicitFence"),
		silent("ring-of-buffers", "ringOfBuffers"),
		silent("killed-while-drawing", "killedWhileDrawing"),
		silent("killed-while-shown", "killedWhileShown"),
	}
}

// Finding is a correct program that meets a bug of Linux.
type Finding struct {
	Name string
	Func string
	// Codes are those of all reports, in alphabetical order, each once.
	Codes []string
	// Buffer is the name of the dma-buf that they are about; "" if there is none.
	Buffer string
	// Console is a line of the kernel's log that tells of the bug.
	Console string
	// Panics tells whether Linux does not survive.
	Panics bool
	// Wrong tells whether the program finds out by itself.
	Wrong bool
}

// Findings lists the bugs of docs/findings.md that programs meet.
func Findings() []Finding {
	return []Finding{
		{Name: "udmabuf-source", Func: "udmabufSource", Codes: []string{"device-read-dirty", "sync-no-op"}, Buffer: "user pages"},
		{Name: "udmabuf-result", Func: "udmabufResult", Codes: []string{"sync-no-op", "writeback-over-dma"}, Buffer: "user pages"},
		{Name: "userptr-source", Func: "userptrSource", Codes: []string{"device-read-dirty"}},
		{Name: "userptr-result", Func: "userptrResult", Codes: []string{"cpu-read-stale"}},
		{Name: "userptr-refcount", Func: "userptrRefcount", Console: "refcount_t: decrement hit 0; leaking memory."},
		{Name: "vgem-zeroes", Func: "vgemZeroes", Codes: []string{"alias-mismatch"}, Buffer: "shmem"},
		{Name: "freed-after-flip", Func: "freedAfterFlip", Codes: []string{"dma-after-unmap"}},
		{Name: "two-events", Func: "twoEvents", Console: "drm_send_event_helper", Panics: true},
		{Name: "leaked-lists", Func: "leakedLists", Console: "there is no free cmdlist", Wrong: true},
		{Name: "written-twice", Func: "writtenTwice", Wrong: true},
	}
}
