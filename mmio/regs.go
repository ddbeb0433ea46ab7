// SPDX-License-Identifier: Apache-2.0

package mmio

import (
	"fmt"
)

// Regs is a register file: the values of the registers that a Block declares, and
// the decoder in front of them. Device models embed it and thereby have all of
// Device; most add their own Reset, which calls the embedded one first.
//
// A Regs is used from one goroutine.
type Regs struct {
	name   string
	block  Block
	events EventSink
	sizes  uint8
	bank   int

	values []uint64 // one per element of every register
	slots  []slot   // parallel to values
	first  []int    // per RegID, the index of its first element in values

	// The decoder: dir picks a page for each 4 KiB of the window (0 is the empty
	// page), a page has one entry per granule and bank. Windows are sparse (the PLIC's
	// has 64 MiB and some hundred registers), pages are not.
	dir   []uint16
	pages [][]entry
	shift uint // log2 of the granule, the narrowest register of the table
	perBk int  // entries per page and bank

	trace func(Trace)
}

// slot is one element of a register.
type slot struct {
	reg *Reg
	id  RegID
	i   int
	off uint64
}

// entry is what answers at one granule: 1 + the slot index, 0 for nobody.
type entry struct{ read, write uint32 }

const pageShift = 12

// Trace describes one guest access, for whoever called SetTrace.
type Trace struct {
	Device string
	Reg    *Reg
	Index  int // element
	Write  bool
	Size   int
	Value  uint64 // the low Size bytes read or written
}

// NewRegs builds the register file of the device instance called name, in its reset
// state. A contradictory table is a broken invariant, so it panics; tests find it
// first with Block.Check. A nil sink discards events.
func NewRegs(name string, block Block, events EventSink) *Regs {
	if errs := block.Check(); len(errs) != 0 {
		panic(fmt.Sprintf("BUG: register table of %s: %v", name, errs))
	}
	if events == nil {
		events = discard()
	}
	r := &Regs{name: name, block: block, events: events, shift: 3}
	r.block.Regs = make([]Reg, len(block.Regs))
	for i := range block.Regs {
		r.block.Regs[i] = block.Regs[i].withDefaults()
		reg := &r.block.Regs[i]
		r.sizes |= reg.Sizes
		for 1<<r.shift > reg.Width {
			r.shift--
		}
	}
	if r.sizes == 0 {
		r.sizes = 4
	}
	r.index()
	r.Reset()
	return r
}

// index builds slots and the decoder.
func (r *Regs) index() {
	banks := banksOf(r.block.Regs)
	r.perBk = 1 << (pageShift - r.shift)
	r.dir = make([]uint16, (r.block.Size+1<<pageShift-1)>>pageShift)
	r.pages = [][]entry{make([]entry, banks*r.perBk)}
	r.first = make([]int, len(r.block.Regs))
	for id := range r.block.Regs {
		reg := &r.block.Regs[id]
		r.first[id] = len(r.slots)
		for i := range reg.Count {
			s := slot{reg: reg, id: RegID(id), i: i, off: reg.Offset + uint64(i)*reg.Stride}
			r.slots = append(r.slots, s)
			for off := s.off; off < s.off+uint64(reg.Width); off += 1 << r.shift {
				page := &r.dir[off>>pageShift]
				if *page == 0 {
					r.pages = append(r.pages, make([]entry, banks*r.perBk))
					*page = uint16(len(r.pages) - 1)
				}
				for b := range banks {
					if reg.Banks>>b&1 == 0 {
						continue
					}
					e := &r.pages[*page][b*r.perBk+int(off&(1<<pageShift-1)>>r.shift)]
					if reg.Access != WO {
						e.read = uint32(len(r.slots))
					}
					if reg.Access != RO {
						e.write = uint32(len(r.slots))
					}
				}
			}
		}
	}
	if len(r.pages) > 1<<16 {
		panic("BUG: register table of " + r.name + " is spread over too many pages")
	}
	r.values = make([]uint64, len(r.slots))
}

// Name is the instance name.
func (r *Regs) Name() string { return r.name }

// Size is the length of the window in bytes.
func (r *Regs) Size() uint64 { return r.block.Size }

// AccessSizes is the union of what the registers take.
func (r *Regs) AccessSizes() uint8 { return r.sizes }

// Reset gives every register its reset value and selects bank 0. No hook runs.
func (r *Regs) Reset() {
	r.bank = 0
	for i := range r.slots {
		r.values[i] = r.slots[i].reg.Reset
	}
}

// SetBank selects which of the registers that share offsets are visible (the
// divisor latch of a 16550, for instance).
func (r *Regs) SetBank(n int) {
	if n < 0 || (n+1)*r.perBk > len(r.pages[0]) {
		panic(fmt.Sprintf("BUG: %s has no register bank %d", r.name, n))
	}
	r.bank = n
}

// SetTrace makes fn see every guest access to a register, after its effect on the
// value and before its side effects; nil ends it.
func (r *Regs) SetTrace(fn func(Trace)) { r.trace = fn }

// Report sends an event in this device's name. what must be a fixed identifier.
func (r *Regs) Report(kind EventKind, what string, off, v uint64) {
	r.events.Event(Event{Device: r.name, Kind: kind, What: what, Offset: off, Value: v})
}

func (r *Regs) entry(off uint64) entry {
	if off>>pageShift >= uint64(len(r.dir)) {
		return entry{}
	}
	return r.pages[r.dir[off>>pageShift]][r.bank*r.perBk+int(off&(1<<pageShift-1)>>r.shift)]
}

// StartsAt tells whether a write at off makes the device work on memory (Reg.Starts),
// and the register's name.
func (r *Regs) StartsAt(off uint64) (name string, ok bool) {
	e := r.entry(off)
	if e.write == 0 {
		return "", false
	}
	reg := r.slots[e.write-1].reg
	return reg.Name, reg.Starts
}

// take decides whether the slot takes this access; if not it says why.
func (r *Regs) take(s *slot, off uint64, size int, v uint64) bool {
	if int(s.reg.Sizes)&size == 0 || off&uint64(size-1) != 0 {
		r.Report(EventAccessSize, s.reg.Name, off, v)
		return false
	}
	return true
}

// ReadMMIO performs a guest read.
func (r *Regs) ReadMMIO(off uint64, size int) uint64 {
	e := r.entry(off)
	if e.read == 0 {
		if e.write != 0 {
			r.Report(EventWriteOnly, r.slots[e.write-1].reg.Name, off, 0)
		} else {
			r.Report(EventHole, "read", off, 0)
		}
		return 0
	}
	s := &r.slots[e.read-1]
	if !r.take(s, off, size, 0) {
		return 0
	}
	reg := s.reg
	if size > reg.Width {
		var v uint64
		for n := 0; n < size; n += reg.Width {
			v |= r.ReadMMIO(off+uint64(n), reg.Width) << (8 * uint(n))
		}
		return v
	}
	value := &r.values[e.read-1]
	if reg.PreRead != nil {
		*value = reg.PreRead(s.i, *value) & reg.widthMask()
	}
	full := *value
	lane := 8 * uint(off-s.off)
	*value = full &^ (reg.RC & (sizeMask(size) << lane))
	v := full >> lane & sizeMask(size)
	if r.trace != nil {
		r.trace(Trace{r.name, reg, s.i, false, size, v})
	}
	if reg.PostRead != nil {
		reg.PostRead(s.i, full)
	}
	return v
}

// WriteMMIO performs a guest write.
func (r *Regs) WriteMMIO(off uint64, size int, v uint64) {
	e := r.entry(off)
	if e.write == 0 {
		if e.read != 0 {
			r.Report(EventReadOnly, r.slots[e.read-1].reg.Name, off, v)
		} else {
			r.Report(EventHole, "write", off, v)
		}
		return
	}
	s := &r.slots[e.write-1]
	if !r.take(s, off, size, v) {
		return
	}
	reg := s.reg
	if size > reg.Width {
		for n := 0; n < size; n += reg.Width {
			r.WriteMMIO(off+uint64(n), reg.Width, v>>(8*uint(n))&reg.widthMask())
		}
		return
	}
	lane := 8 * uint(off-s.off)
	we := sizeMask(size) << lane
	in := v << lane & we
	value := &r.values[e.write-1]
	if reg.PreRead != nil {
		*value = reg.PreRead(s.i, *value) & reg.widthMask()
	}
	old := *value
	if wrong := (in ^ reg.Reset) & we & (reg.Reserved | reg.Unimplemented); wrong != 0 {
		if wrong&reg.Reserved != 0 {
			r.Report(EventReserved, reg.Name, off, v)
		}
		if wrong&reg.Unimplemented != 0 {
			r.Report(EventUnimplemented, reg.Name, off, v)
		}
	}
	now := reg.merge(old, in, we)
	if reg.PreWrite != nil {
		now = reg.PreWrite(s.i, old, now) & reg.widthMask()
	}
	*value = now
	if r.trace != nil {
		r.trace(Trace{r.name, reg, s.i, true, size, v & sizeMask(size)})
	}
	if reg.PostWrite != nil {
		reg.PostWrite(s.i, old, now)
	}
}

// at is the slot of element i; out of range is a broken invariant.
func (r *Regs) at(id RegID, i int) int {
	if i < 0 || i >= r.block.Regs[id].Count {
		panic(fmt.Sprintf("BUG: %s.%s[%d]", r.name, r.block.Regs[id].Name, i))
	}
	return r.first[id] + i
}

// Get is the stored value of a register, for the device's own use: no masks, no
// hooks.
func (r *Regs) Get(id RegID) uint64 { return r.values[r.first[id]] }

// Set stores a value, for the device's own use.
func (r *Regs) Set(id RegID, v uint64) {
	r.values[r.first[id]] = v & r.block.Regs[id].widthMask()
}

// GetAt is Get for element i of an array.
func (r *Regs) GetAt(id RegID, i int) uint64 { return r.values[r.at(id, i)] }

// SetAt is Set for element i of an array.
func (r *Regs) SetAt(id RegID, i int, v uint64) {
	r.values[r.at(id, i)] = v & r.block.Regs[id].widthMask()
}

// Peek is what a guest would read, without the side effects of reading.
func (r *Regs) Peek(id RegID, i int) uint64 {
	v := r.values[r.at(id, i)]
	if reg := &r.block.Regs[id]; reg.PreRead != nil {
		v = reg.PreRead(i, v) & reg.widthMask()
	}
	return v
}

// Registers returns r, so that a device which embeds a Regs shows its registers.
func (r *Regs) Registers() *Regs { return r }

// RegisterDevice is a device built on a register table; the debugger and
// `vdev devices` look for it.
type RegisterDevice interface {
	Device
	Registers() *Regs
}

// Block returns the declaration, defaults filled in. It must not be changed.
func (r *Regs) Block() *Block { return &r.block }

// Reg returns the declaration of one register, defaults filled in.
func (r *Regs) Reg(id RegID) *Reg { return &r.block.Regs[id] }

// Lookup finds a register by name.
func (r *Regs) Lookup(name string) (RegID, bool) {
	for i := range r.block.Regs {
		if r.block.Regs[i].Name == name {
			return RegID(i), true
		}
	}
	return 0, false
}

// RegsState is the content of a register file, for snapshots.
type RegsState struct {
	Values []uint64
	Bank   int
}

// State copies the content out.
func (r *Regs) State() RegsState {
	return RegsState{Values: append([]uint64(nil), r.values...), Bank: r.bank}
}

// SetState copies the content in. It fails, changing nothing, if the state does not
// fit the table: another model version wrote it, or it is damaged.
func (r *Regs) SetState(s RegsState) error {
	if len(s.Values) != len(r.values) {
		return fmt.Errorf("%s: state has %d register values, not %d", r.name, len(s.Values), len(r.values))
	}
	if s.Bank < 0 || (s.Bank+1)*r.perBk > len(r.pages[0]) {
		return fmt.Errorf("%s: state selects register bank %d", r.name, s.Bank)
	}
	for i, v := range s.Values {
		reg := r.slots[i].reg
		if v&^reg.widthMask() != 0 || (v^reg.Reset)&reg.Reserved != 0 {
			return fmt.Errorf("%s: state has impossible value %#x in %s", r.name, v, reg.Name)
		}
	}
	copy(r.values, s.Values)
	r.bank = s.Bank
	return nil
}
