// SPDX-License-Identifier: Apache-2.0

package dmabuf

import "time"

// Sizes that everybody agrees on, in bytes.
const (
	PageSize = 4096
	LineSize = 64
)

// Timer is a one-shot timer of the host.
type Timer interface {
	// Arm lets the timer fire at or just after the absolute time at, instead of at any
	// time that was set before.
	Arm(at time.Duration)
	// Disarm lets it not fire.
	Disarm()
}

// Extent is a run of physical addresses, or of addresses as a device sees them.
type Extent struct{ Addr, Len uint64 }

// Op is what is to be done to cache lines.
type Op uint8

// Operations. Lines that no cache holds are unaffected by all of them.
const (
	Clean      Op = iota // write dirty lines back
	Invalidate           // forget lines
	Flush                // both
)

// String is the name of the operation in lower case.
func (o Op) String() string { return [...]string{"clean", "invalidate", "flush"}[o] }

// Memory is what the host does to the memory of buffers when the core has decided
// that it must be done.
type Memory interface {
	// Maintain applies op to the cache lines of [addr, addr+n), both multiples of
	// LineSize. It is called before the operation that needs it has its effect.
	Maintain(op Op, addr, n uint64)
	// Zero fills new pages; CPU and devices see zeroes afterwards.
	Zero(addr, n uint64)
	// Copy copies n bytes as the CPU sees them; CPU and devices see the copy.
	Copy(dst, src, n uint64)
	// Moved says that the buffer's backing is now elsewhere, with the contents copied
	// and the old pages about to be freed: mappings into address spaces must go.
	Moved(b *Buffer, old, now []Extent)
}

// noMemory is the Memory of a host that has no bytes.
type noMemory struct{}

func (noMemory) Maintain(Op, uint64, uint64)       {}
func (noMemory) Zero(uint64, uint64)               {}
func (noMemory) Copy(uint64, uint64, uint64)       {}
func (noMemory) Moved(*Buffer, []Extent, []Extent) {}

// Mode says what devices do about locks.
type Mode uint8

// Modes.
const (
	Observe Mode = iota // jobs never wait, but a job that breaks a lock is reported
	Enforce             // jobs take the locks of their buffers, and wait for them
	Off                 // jobs know nothing of locks
)

// String is the name as the command line has it.
func (m Mode) String() string { return [...]string{"observe", "enforce", "off"}[m] }

// Tickets says who backs off when two want each other's buffers. Either way the oldest
// wins, and nobody waits for ever.
type Tickets uint8

// Rules for tickets.
const (
	// WoundWait: who comes later waits, and who comes earlier makes a younger one back
	// off that does not have all its buffers yet. Back-offs are rare.
	WoundWait Tickets = iota
	// WaitDie: who comes later backs off if it holds anything, and who comes earlier
	// waits. That is what ww_mutex did in 2013, and what the discussion of dmabuf-sync
	// describes; back-offs are frequent.
	WaitDie
)

// String is the name in lower case.
func (t Tickets) String() string { return [...]string{"wound-wait", "wait-die"}[t] }

// Config is what a core needs of its host.
type Config struct {
	// Now is the time since some fixed moment; it never goes back. Required.
	Now func() time.Duration
	// NewTimer makes a disarmed timer that calls fn, never from within a call of the
	// core. Required; it is called once.
	NewTimer func(fn func()) Timer
	// Pool is where backing comes from. Without one every allocation fails.
	Pool Pool
	// Memory does what the core decides; nil if there are no bytes to care for.
	Memory Memory
	// Observer is told of every broken rule. The event is valid during the call, in
	// which it must not call the core, except to ask.
	Observer func(e *Event)
	// Mark is called for everything that may become the other side of an event later,
	// and its result is kept with it (Side.Mark); the host can find there the stack of
	// that moment. May be nil.
	Mark func() uint64
	// Poison is the physical address of a page full of garbage, which a kmap outside
	// of the prepared range gets.
	Poison uint64
	// LockupTimeout is how long a sync object may be locked; 0 stands for
	// DefaultLockupTimeout, and less than 0 for ever.
	LockupTimeout time.Duration
	// Mode is what devices do about locks.
	Mode Mode
	// Caller is the task that is making a call now; ID 0 if that is not known. Nil stands for
	// that, too: then it is the client's. May be nil.
	Caller func() Task
	// Tickets says who backs off.
	Tickets Tickets
	// MaxObjects limits how many clients, buffers, attachments, sync objects and
	// fences there can be at a time, all together; and, each for itself, open accesses
	// by CPU, pages mapped with Kmap, and fences on buffers. 0 stands for
	// DefaultMaxObjects.
	MaxObjects int
}

// Defaults of the configuration.
const (
	DefaultLockupTimeout = 5 * time.Second
	DefaultMaxObjects    = 1 << 16
)
