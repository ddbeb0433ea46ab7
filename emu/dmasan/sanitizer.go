// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"io"
	"time"

	"vdev/emu/linux"
	"vdev/emu/mem"
	"vdev/emu/symbols"
	"vdev/mmio"
)

// Config is what a Sanitizer needs from the machine. Only Now, Context and Memory
// are required.
type Config struct {
	// Now is the virtual time.
	Now func() time.Duration
	// Context is the registers of a hart at the instruction that it is executing.
	Context func(hart int) symbols.Regs
	// Memory reads guest memory behind the scenes.
	Memory symbols.Memory
	// RAM is what the sanitizer observes. Without it nothing is known of lines that
	// nobody is accessing (Count).
	RAM *mem.Memory
	// Task reads a task's name while it is sure to exist. It is called for every
	// recorded access, so it must be cheap. Without it names are read when a report is
	// made, if the Resolver can.
	Task func(task, satp uint64) (symbols.Task, bool)
	// Resolver is called when the first report is made; it may return nil.
	Resolver func() symbols.Resolver
	// Job tells what a bus master is doing (mmio.JobDescriber), in the middle of an access
	// by it; empty if that is not known. It may be nil.
	Job func(master string) string
	// Buffer finds the buffer that a physical address belongs to. It is called when a
	// report is made; may be nil.
	Buffer func(mmio.PhysAddr) (linux.Buffer, bool)
	// Device tells how the kernel names a bus master's device, and whether it takes it for
	// coherent; false if that is not known for sure. It is called when a report is made;
	// may be nil.
	Device func(master string) (name string, coherent bool)
	// Disk tells whether a bus master is a disk: Linux lets programs write to pages that a
	// disk reads (racesWithOwner). Nil means that any may be one.
	Disk func(master string) bool
	// Shares tells whether a bus master uses shared buffers. Nil means that none does.
	Shares func(master string) bool
	// Access is told of n bytes in one line that a hart is about to access, in a page that is
	// watched (Watch). It is required for that. True says that it need not be told of the next
	// such access to the line; false, that it was no hart or that other bytes may matter more.
	Access func(addr mmio.PhysAddr, n int, write bool) bool
	// Text gets reports for people, JSON gets a line of JSON for each (json.go).
	Text, JSON io.Writer
	// ReportLatent shows also what only a later access would make matter.
	ReportLatent bool
}

// Sanitizer is a mem.Observer that reports misuse of lines shared with devices. It
// belongs to one machine and is not safe for concurrent use.
type Sanitizer struct {
	cfg     Config
	seq     uint64
	recent  [maxRecent]*access // accesses recorded or added to last, the latest first
	captor  symbols.Captor
	jobs    map[string]*access // by bus master: what it is working on
	masters []string           // by number
	// translated are the bus masters behind an IOMMU.
	translated []string
	started    starts
	syncs      syncCalls
	unmaps     unmaps
	marks      marks
	seen       []seenLine // since the last Rewatch
	// wiring has the bus masters whose wiring was looked at.
	wiring map[string]struct{}
	pages  []*mem.TrackedPage // in the order in which they became tracked

	resolver symbols.Resolver
	resolved bool // Resolver was called

	reports []*Report
	byCode  map[placesKey]*Report // places as addresses
	byName  map[string]*Report    // places as source lines
	errors  int
}

// New makes a sanitizer; attach it with Memory.SetObserver before the run.
func New(cfg Config) *Sanitizer {
	return &Sanitizer{cfg: cfg, captor: symbols.Captor{Memory: cfg.Memory}, jobs: make(map[string]*access), wiring: make(map[string]struct{}),
		byCode: make(map[placesKey]*Report), byName: make(map[string]*Report)}
}

// Errors is the number of different errors found; latent ones do not count.
func (s *Sanitizer) Errors() int { return s.errors }

// Reports is what was found, in order. The reports belong to the sanitizer, which
// goes on counting in them.
func (s *Sanitizer) Reports() []*Report { return s.reports }

// names is the resolver, or nil.
func (s *Sanitizer) names() symbols.Resolver {
	if !s.resolved {
		s.resolved = true
		if s.cfg.Resolver != nil {
			s.resolver = s.cfg.Resolver()
		}
	}
	return s.resolver
}

// buffer is the buffer at a physical address, or nil.
func (s *Sanitizer) buffer(addr mmio.PhysAddr) *linux.Buffer {
	if s.cfg.Buffer == nil {
		return nil
	}
	if b, ok := s.cfg.Buffer(addr); ok {
		return &b
	}
	return nil
}
