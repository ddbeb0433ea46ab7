// SPDX-License-Identifier: Apache-2.0

package fimd

import (
	"fmt"
	"iter"

	"vdev/mmio"
)

// access is a window's right to read its memory, which it has as long as it is latched.
type access struct {
	job   mmio.GatedJob
	bytes mmio.DMARange // that the job is for; none if the length is 0
	ok    bool          // it may read them

	// What job.Start gets: made once.
	what  func() string
	each  iter.Seq[mmio.DMARange]
	start func()
}

func newAccess(g mmio.JobGate, win int) *access {
	a := &access{job: mmio.NewGatedJob(g, true)}
	a.what = func() string { return fmt.Sprintf("scan-out of window %d at %#x", win, uint64(a.bytes.Addr)) }
	a.each = func(yield func(mmio.DMARange) bool) { yield(a.bytes) }
	a.start = func() { a.ok = true }
	return a
}

// waits tells whether the window waits for memory that somebody else has.
func (a *access) waits() bool { return a.bytes.Len != 0 && !a.ok }

// release gives all back.
func (a *access) release() {
	if a.waits() {
		a.job.Abort()
	} else {
		a.job.Finish()
	}
	a.bytes, a.ok = mmio.DMARange{}, false
}

// admit tells whether window i may read these bytes from now on; if not, it is asked
// again at each vsync. What it read until now it gives back first, as who waits must not
// hold anything.
func (d *FIMD) admit(i int, r mmio.DMARange) bool {
	a := d.access[i]
	if r != a.bytes {
		a.release()
		a.bytes = r
		if r.Len != 0 {
			a.ok = a.job.Start(a.what, a.each, a.start)
		}
	}
	return !a.waits()
}

// reads is what a window with these registers reads, from the first line to the last.
func (e *engine) reads(w *window) mmio.DMARange {
	var l layer
	if !l.place(e, w) {
		return mmio.DMARange{}
	}
	end := min(l.start+uint64(l.h-1)*uint64(l.pitch)+uint64(l.line), addressEnd)
	return mmio.DMARange{Addr: mmio.IOVA(l.start), Len: end - l.start, Read: true}
}

// mayRead tells whether the scan-out of a window that is in force may go on.
func (d *FIMD) mayRead(i int) bool {
	l := &d.layers[i]
	if d.access[i].waits() || !d.admit(i, d.e.reads(&d.e.Windows[i])) {
		if n := l.line * l.h; len(l.raw) < n {
			l.raw = make([]byte, n) // nothing is to be seen of it yet
		}
		return false
	}
	return true
}
