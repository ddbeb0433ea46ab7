// SPDX-License-Identifier: Apache-2.0

package mmiotest

import (
	"errors"

	"vdev/mmio"
)

// Env is what a device under test is wired to.
type Env struct {
	Clock  Clock
	Events Events
	Memory Memory
	lines  map[string]*Line
}

// MemoryBase is where an Env's DMA memory begins: not at zero, so that a forgotten
// address is an error.
const MemoryBase mmio.IOVA = 0x8000_0000

// NewEnv makes an Env with 1 MiB of DMA memory.
func NewEnv() *Env {
	return &Env{
		Memory: Memory{Base: MemoryBase, Bytes: make([]byte, 1<<20)},
		lines:  map[string]*Line{},
	}
}

// Line returns the interrupt wire of that name, the same one each time.
func (e *Env) Line(name string) *Line {
	if e.lines[name] == nil {
		e.lines[name] = &Line{}
	}
	return e.lines[name]
}

// Line is an interrupt wire that remembers.
type Line struct {
	Level bool
	Rises int // changes from low to high
}

// Set drives the wire.
func (l *Line) Set(level bool) {
	if level && !l.Level {
		l.Rises++
	}
	l.Level = level
}

// Events records what a device reported.
type Events struct {
	List []mmio.Event
}

// Event appends e.
func (l *Events) Event(e mmio.Event) { l.List = append(l.List, e) }

// Count is how often kind was reported for what; an empty what matches all.
func (l *Events) Count(kind mmio.EventKind, what string) int {
	n := 0
	for _, e := range l.List {
		if e.Kind == kind && (what == "" || e.What == what) {
			n++
		}
	}
	return n
}

// Memory is DMA memory: Bytes, visible from Base on. All else fails.
type Memory struct {
	Base  mmio.IOVA
	Bytes []byte
}

var errNoMemory = errors.New("no memory")

func (m *Memory) at(addr mmio.IOVA, n int, write bool) ([]byte, error) {
	off, size := uint64(addr-m.Base), uint64(len(m.Bytes))
	if off > size || size-off < uint64(n) {
		first := addr
		if off < size { // it starts in memory and runs out of it
			first = m.Base + mmio.IOVA(size)
		}
		return nil, &mmio.DMAError{Addr: first, Write: write, Err: errNoMemory}
	}
	return m.Bytes[off : off+uint64(n)], nil
}

// ReadDMA copies memory at addr to p.
func (m *Memory) ReadDMA(addr mmio.IOVA, p []byte) error {
	b, err := m.at(addr, len(p), false)
	copy(p, b)
	return err
}

// PeekDMA implements mmio.Peeker.
func (m *Memory) PeekDMA(addr mmio.IOVA, p []byte) bool { return m.ReadDMA(addr, p) == nil }

// WriteDMA copies p to memory at addr.
func (m *Memory) WriteDMA(addr mmio.IOVA, p []byte) error {
	b, err := m.at(addr, len(p), true)
	copy(b, p)
	return err
}
