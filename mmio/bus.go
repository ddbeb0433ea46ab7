// SPDX-License-Identifier: Apache-2.0

package mmio

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
)

// Region is the window of one device in the physical address space.
type Region struct {
	Base   PhysAddr
	Size   uint64 // bytes
	Device Device
}

// Last is the highest address of the window.
func (r Region) Last() PhysAddr { return r.Base + PhysAddr(r.Size-1) }

// String names the device and its window, as error messages show it.
func (r Region) String() string {
	return fmt.Sprintf("%s [%#x-%#x]", r.Device.Name(), uint64(r.Base), uint64(r.Last()))
}

// window is a Region with what every access needs, so that routing an access calls
// the device once and not three times.
type window struct {
	base  PhysAddr
	size  uint64
	sizes uint8
	dev   Device
}

// Bus routes physical accesses to devices. It is built with Map, then frozen; from
// then on only Read and Write are called, on the machine's goroutine, and neither
// locks nor allocates.
type Bus struct {
	windows []window // sorted by base, disjoint
	last    int      // the window that answered last: accesses come in runs
	frozen  bool
	events  EventSink
}

// NewBus makes an empty bus that reports wrong accesses to events. A nil sink
// discards them.
func NewBus(events EventSink) *Bus {
	if events == nil {
		events = discard()
	}
	return &Bus{events: events}
}

// discard is the sink of whoever does not want events.
func discard() EventSink { return EventFunc(func(Event) {}) }

// ErrFrozen is returned by Map after Freeze.
var ErrFrozen = errors.New("mmio: the bus is frozen")

// Map puts a device at base. It fails if the window is empty, wraps around the
// address space, overlaps another window, or if the device's name is taken.
func (b *Bus) Map(base PhysAddr, d Device) error {
	if b.frozen {
		return fmt.Errorf("mapping %s: %w", d.Name(), ErrFrozen)
	}
	size := d.Size()
	if size == 0 {
		return fmt.Errorf("mmio: %s at %#x has an empty window", d.Name(), uint64(base))
	}
	if size-1 > math.MaxUint64-uint64(base) {
		return fmt.Errorf("mmio: %s at %#x wraps around the address space", d.Name(), uint64(base))
	}
	w := window{base: base, size: size, sizes: d.AccessSizes(), dev: d}
	if w.sizes&15 == 0 || w.sizes > 15 {
		return fmt.Errorf("mmio: %s declares impossible access sizes %#x", d.Name(), w.sizes)
	}
	mine := w.region()
	for _, o := range b.windows {
		other := o.region()
		if mine.Base <= other.Last() && other.Base <= mine.Last() {
			return fmt.Errorf("mmio: %v overlaps %v", mine, other)
		}
		if o.dev.Name() == d.Name() {
			return fmt.Errorf("mmio: %v and %v have the same name", mine, other)
		}
	}
	at := sort.Search(len(b.windows), func(i int) bool { return b.windows[i].base > base })
	b.windows = slices.Insert(b.windows, at, w)
	return nil
}

// Freeze ends construction: Map fails from now on.
func (b *Bus) Freeze() { b.frozen = true }

func (w *window) region() Region { return Region{Base: w.base, Size: w.size, Device: w.dev} }

// Regions lists all windows in address order.
func (b *Bus) Regions() []Region {
	rs := make([]Region, len(b.windows))
	for i := range b.windows {
		rs[i] = b.windows[i].region()
	}
	return rs
}

// Find returns the window that contains addr.
func (b *Bus) Find(addr PhysAddr) (Region, bool) {
	if w := b.find(addr); w != nil {
		return w.region(), true
	}
	return Region{}, false
}

func (b *Bus) find(addr PhysAddr) *window {
	if b.last < len(b.windows) {
		if w := &b.windows[b.last]; uint64(addr-w.base) < w.size {
			return w
		}
	}
	lo, hi := 0, len(b.windows)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if b.windows[mid].base <= addr {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return nil
	}
	if w := &b.windows[lo-1]; uint64(addr-w.base) < w.size {
		b.last = lo - 1
		return w
	}
	return nil
}

// Read loads size bytes (1, 2, 4 or 8) at addr, zero-extended. It returns false,
// an access fault for the hart, if no device answers for the whole range. A device
// that answers but does not take this width, or not at this alignment, reads zero:
// the interconnect of a real SoC drops such a transfer rather than failing it.
func (b *Bus) Read(addr PhysAddr, size int) (uint64, bool) {
	w := b.find(addr)
	if w == nil {
		b.events.Event(Event{Device: "bus", Kind: EventNoDevice, What: "read", Offset: uint64(addr)})
		return 0, false
	}
	off := uint64(addr - w.base)
	if w.size-off < uint64(size) {
		b.events.Event(Event{Device: "bus", Kind: EventNoDevice, What: "read across window end", Offset: uint64(addr)})
		return 0, false
	}
	if int(w.sizes)&size == 0 || off&uint64(size-1) != 0 {
		b.events.Event(Event{Device: w.dev.Name(), Kind: EventAccessSize, What: "read", Offset: off})
		return 0, true
	}
	return w.dev.ReadMMIO(off, size), true
}

// Write stores the low size bytes of v at addr. It returns false under the same
// conditions as Read; a width or alignment that the device does not take is
// ignored.
func (b *Bus) Write(addr PhysAddr, size int, v uint64) bool {
	w := b.find(addr)
	if w == nil {
		b.events.Event(Event{Device: "bus", Kind: EventNoDevice, What: "write", Offset: uint64(addr), Value: v})
		return false
	}
	off := uint64(addr - w.base)
	if w.size-off < uint64(size) {
		b.events.Event(Event{Device: "bus", Kind: EventNoDevice, What: "write across window end", Offset: uint64(addr), Value: v})
		return false
	}
	if int(w.sizes)&size == 0 || off&uint64(size-1) != 0 {
		b.events.Event(Event{Device: w.dev.Name(), Kind: EventAccessSize, What: "write", Offset: off, Value: v})
		return true
	}
	if size < 8 {
		v &= 1<<(8*uint(size)) - 1
	}
	w.dev.WriteMMIO(off, size, v)
	return true
}

// Reset puts every device into its power-on state, in address order.
func (b *Bus) Reset() {
	for i := range b.windows {
		b.windows[i].dev.Reset()
	}
}
