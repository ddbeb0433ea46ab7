// SPDX-License-Identifier: Apache-2.0

package mem

import (
	"fmt"
	"math/rand/v2"

	"vdev/mmio"
)

// Mode says what the cache does of its own accord, within what hardware is free to
// do.
type Mode uint8

// The modes.
const (
	// Coherent turns the model off: everybody sees the same bytes. Pages are tracked only
	// for an Observer (Memory.Show).
	Coherent Mode = iota
	// Lazy never evicts and never fetches ahead: the worst case for a missing clean or
	// invalidate.
	Lazy
	// Eager fetches invalid lines at once and writes dirty lines back as soon as a bus
	// master is near: the worst case for an invalidate that came too early, and for
	// a dirty line that is written back over DMA data.
	Eager
	// Random does both now and then.
	Random
)

var modeNames = [...]string{Coherent: "coherent", Lazy: "lazy", Eager: "eager", Random: "random"}

// String returns the mode's name.
func (m Mode) String() string { return modeNames[m] }

// ParseMode is the inverse of String.
func ParseMode(s string) (Mode, error) {
	for m, name := range modeNames {
		if s == name {
			return Mode(m), nil
		}
	}
	return 0, fmt.Errorf("%q is not a cache mode; there are lazy, eager, random and coherent", s)
}

// CacheConfig configures the cache model.
type CacheConfig struct {
	Mode Mode
	Seed uint64
	// EvictRate and FillRate are the probabilities, at each opportunity in Random
	// mode, that a dirty line is written back and that an invalid line is fetched.
	EvictRate, FillRate float64
}

// DefaultRate is the rate of spontaneous evictions and fills in Random mode.
const DefaultRate = 0.2

// adversary decides what the cache does spontaneously. Its decisions depend on the
// order of the accesses that it is asked about and on the seed, on nothing else.
type adversary struct {
	mode        Mode
	rng         *rand.Rand
	evict, fill float64
}

func newAdversary(c CacheConfig) adversary {
	return adversary{mode: c.Mode, rng: rand.New(rand.NewPCG(c.Seed, 2)), evict: c.EvictRate, fill: c.FillRate}
}

// beforeDMA is the opportunity right before a bus master touches a line.
func (a *adversary) beforeDMA(p *TrackedPage, i int, write bool) {
	switch a.mode {
	case Eager:
		if p.state[i] == LineDirty && !write {
			p.writeBack(i)
		}
		if p.state[i] == LineInvalid {
			p.fill(i)
		}
	case Random:
		a.spontaneous(p, i)
	}
}

// after is the opportunity right after a line was touched by a bus master or by
// cache maintenance.
func (a *adversary) after(p *TrackedPage, i int) {
	switch a.mode {
	case Eager:
		if p.state[i] == LineDirty {
			p.writeBack(i)
		}
		if p.state[i] == LineInvalid {
			p.fill(i)
		}
	case Random:
		a.spontaneous(p, i)
	}
}

func (a *adversary) spontaneous(p *TrackedPage, i int) {
	switch p.state[i] {
	case LineDirty:
		if a.rng.Float64() < a.evict {
			p.writeBack(i)
			if a.rng.Uint32()&1 != 0 {
				p.setState(i, LineInvalid)
			}
		}
	case LineInvalid:
		if a.rng.Float64() < a.fill {
			p.fill(i)
		}
	case LineClean:
		if a.rng.Float64() < a.evict {
			p.setState(i, LineInvalid)
		}
	}
}

// Tick gives the adversary of Random mode an opportunity at some lines that nobody
// touches. The machine calls it now and then, at times that are part of the run.
func (m *Memory) Tick() {
	a := &m.adversary
	if a.mode != Random || len(m.trackedList) == 0 {
		return
	}
	for range 4 {
		p := m.trackedList[a.rng.IntN(len(m.trackedList))]
		a.spontaneous(p, a.rng.IntN(linesPerPage))
	}
}

// Op is a kind of access to a tracked line.
type Op uint8

// The kinds.
const (
	OpCPURead  Op = iota // cacheable load
	OpCPUWrite           // cacheable store
	OpNCRead             // non-cacheable load (Svpbmt)
	OpNCWrite            // non-cacheable store
	OpDMARead            // read by a bus master on a non-coherent port
	OpDMAWrite           // write by one
	OpClean              // cbo.clean
	OpInval              // cbo.inval
	OpFlush              // cbo.flush
	OpZero               // cbo.zero
)

var opNames = [...]string{"CPU read", "CPU write", "non-cacheable read", "non-cacheable write",
	"DMA read", "DMA write", "clean", "invalidate", "flush", "zero"}

// String describes the kind.
func (o Op) String() string { return opNames[o] }

// Event is one access to bytes of one tracked line.
type Event struct {
	Op   Op
	Page *TrackedPage
	Line int    // index of the line within the page
	Mask uint64 // the bytes accessed; all ones for cache maintenance
	By   Agent
}

// Addr is the address of the first byte accessed.
func (e *Event) Addr() mmio.PhysAddr {
	a := e.Page.Addr + mmio.PhysAddr(e.Line*LineSize)
	for m := e.Mask; m != 0 && m&1 == 0; m >>= 1 {
		a++
	}
	return a
}

// Agent is who makes an access.
type Agent struct {
	Hart   int    // of CPU accesses; -1 for a bus master
	Master string // name of the bus master
}

// Observer sees the accesses to tracked lines in their order, before they take
// effect. CPU reads and writes are seen only where it asked for them (SetNoise) or
// where the cache has to act.
type Observer interface {
	// Tracked tells that a page has become tracked.
	Tracked(p *TrackedPage)
	// Observe must not keep e.
	Observe(e *Event)
}
