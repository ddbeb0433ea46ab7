// SPDX-License-Identifier: Apache-2.0

package mem

import (
	"io"

	"vdev/mmio"
)

// LineSize is the length of a cache line in bytes.
const LineSize = 64

const linesPerPage = PageSize / LineSize

// LineState is what the harts' cache holds of a line.
type LineState uint8

// The states of a line.
const (
	LineInvalid LineState = iota // not cached
	LineClean                    // cached, as DRAM held it when it was fetched
	LineDirty                    // cached, written by a hart and not yet written back
)

// String returns the state's name.
func (s LineState) String() string {
	switch s {
	case LineInvalid:
		return "invalid"
	case LineClean:
		return "clean"
	case LineDirty:
		return "dirty"
	}
	return "?"
}

// Bits of TrackedPage.Fast.
const (
	FastRead  uint8 = 1 << 0 // the cached bytes may be read without further ado
	FastWrite uint8 = 1 << 1 // and written, if the bytes are noted in Wrote
)

// TrackedPage is a page that has met DMA: every line has a state and two possible
// contents. What the CPU side sees is in RAM itself; DRAM is what bus masters on
// non-coherent ports and non-cacheable accesses see.
//
// Fast and Wrote are exported for the harts' fast path alone, which tests one byte
// of Fast and, for stores, adds to Wrote.
type TrackedPage struct {
	Fast [linesPerPage]uint8
	// Wrote has a bit for each byte of a line that a hart wrote since the last
	// operation that cleaned or dropped the line on software's request. Evictions do
	// not clear it: software could not rely on them.
	Wrote [linesPerPage]uint64

	Addr  mmio.PhysAddr // of the page
	state [linesPerPage]LineState
	noisy [linesPerPage]Noise
	dram  [PageSize]byte
	cpu   []byte // the page in RAM

	owner   *Memory
	changed uint64 // the owner's dramChanges after the last change here

	// Shadow belongs to the Observer.
	Shadow any
}

// Noise says which CPU accesses to a line an Observer wants to see.
type Noise uint8

// The kinds of accesses that can be asked for. All others are always seen.
const (
	NoisyRead  Noise = 1 << 0
	NoisyWrite Noise = 1 << 1
)

// State is the state of line i.
func (p *TrackedPage) State(i int) LineState { return p.state[i] }

// CPU is what the harts' cache holds of line i, meaningless if it is invalid.
func (p *TrackedPage) CPU(i int) []byte { return p.cpu[i*LineSize : (i+1)*LineSize] }

// DRAM is what memory holds of line i.
func (p *TrackedPage) DRAM(i int) []byte { return p.dram[i*LineSize : (i+1)*LineSize] }

// SetNoise tells which CPU accesses to line i the Observer wants to see from now on.
func (p *TrackedPage) SetNoise(i int, n Noise) {
	p.noisy[i] = n
	p.settle(i)
}

// settle recomputes the fast bits of line i.
func (p *TrackedPage) settle(i int) {
	var f uint8
	if p.state[i] != LineInvalid && p.noisy[i]&NoisyRead == 0 {
		f |= FastRead
	}
	if p.state[i] == LineDirty && p.noisy[i]&NoisyWrite == 0 {
		f |= FastWrite
	}
	p.Fast[i] = f
}

func (p *TrackedPage) setState(i int, s LineState) {
	p.state[i] = s
	p.settle(i)
}

// fill fetches an invalid line.
func (p *TrackedPage) fill(i int) {
	copy(p.CPU(i), p.DRAM(i))
	p.setState(i, LineClean)
}

// writeBack writes a dirty line to DRAM, all of it.
func (p *TrackedPage) writeBack(i int) {
	p.noteChange()
	copy(p.DRAM(i), p.CPU(i))
	p.setState(i, LineClean)
}

// byteMask has a bit for each of n bytes from off on.
func byteMask(off, n uint64) uint64 {
	return (^uint64(0) >> (LineSize - n)) << off
}

// HashTracked writes the state of all tracked pages to w, in a fixed order: what a
// digest of memory needs besides the bytes that the harts see.
func (m *Memory) HashTracked(w io.Writer) {
	for _, p := range m.trackedList {
		var state [linesPerPage]byte
		for i, s := range p.state {
			state[i] = byte(s)
		}
		_, _ = w.Write(state[:])
		_, _ = w.Write(p.dram[:])
	}
}
