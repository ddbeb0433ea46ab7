// SPDX-License-Identifier: Apache-2.0

// Package mmio is the device side of the machine: the bus that routes guest
// physical accesses to devices, the register-declaration table from which every
// device is built, and the few interfaces through which a device sees the rest
// of the machine. It imports nothing else of vdev; a device never knows which
// machine it sits in.
package mmio

import "time"

// PhysAddr is a guest physical address, as the harts and page tables use it.
type PhysAddr uint64

// IOVA is an address as a bus master emits it, before any IOMMU. With no IOMMU in
// between it equals the guest physical address.
type IOVA uint64

// IRQLine is one level-sensitive interrupt wire. Setting the level it already has
// is a no-op. It lives here, once, for all devices and interrupt controllers.
type IRQLine interface {
	Set(level bool)
}

// IRQFunc adapts a function to an IRQLine.
type IRQFunc func(level bool)

// Set drives the wire.
func (f IRQFunc) Set(level bool) { f(level) }

// DMA is a device's bus-master port. A transfer is all or nothing as far as the
// device can tell: on error the device must assume that any prefix was moved.
// The error names the first address that failed (*DMAError).
type DMA interface {
	// ReadDMA copies len(p) bytes at addr into p.
	ReadDMA(addr IOVA, p []byte) error
	// WriteDMA copies p to addr.
	WriteDMA(addr IOVA, p []byte) error
}

// Clock is the machine's virtual time: it advances with retired instructions and
// skips idle time. Devices have no other notion of time.
type Clock interface {
	// Now is the virtual time since power-on.
	Now() time.Duration
	// NewTimer makes a disarmed one-shot timer that calls fn, on the machine's own
	// goroutine, at or just after the time it is armed for. name identifies it in
	// snapshots and must be unique within the machine.
	NewTimer(name string, fn func()) Timer
}

// Timer is a one-shot virtual-time timer.
type Timer interface {
	// Arm schedules the timer for the absolute virtual time at, replacing an earlier
	// schedule. A time that has passed fires at the next opportunity.
	Arm(at time.Duration)
	// Disarm cancels; a disarmed timer never fires.
	Disarm()
}

// Device is anything on the bus. The bus has already checked that the access lies
// in the device's window and has one of the sizes that AccessSizes allows.
type Device interface {
	// Name is the instance name, unique in a machine ("uart0").
	Name() string
	// Size is the length of the register window in bytes.
	Size() uint64
	// AccessSizes is the set of legal access widths, as a bit mask: an access of n
	// bytes (1, 2, 4 or 8) is legal if AccessSizes()&n != 0.
	AccessSizes() uint8
	// ReadMMIO returns the zero-extended value at offset off, size bytes wide.
	ReadMMIO(off uint64, size int) uint64
	// WriteMMIO stores the low size bytes of v at offset off.
	WriteMMIO(off uint64, size int, v uint64)
	// Reset puts the device into its power-on state.
	Reset()
}

// DTNode is a device-tree node under construction. Property values may be nil
// (empty property), string, []string, uint32, []uint32 (cells), uint64 (two
// cells), []byte, or a DTRef (phandle of another node).
type DTNode interface {
	SetProp(name string, value any)
	// Child adds (or returns the existing) child node with that full name.
	Child(name string) DTNode
	// Ref returns a reference that becomes this node's phandle.
	Ref() DTRef
}

// DTRef stands for the phandle of a node; the tree resolves it when it is encoded.
type DTRef any

// DTDescriber is implemented by devices that appear in the device tree. The
// machine creates the node, named DTName@base, and writes reg, interrupts and
// interrupt-parent itself; the device adds all that is its own.
type DTDescriber interface {
	DTName() string
	DescribeDT(n DTNode)
}
