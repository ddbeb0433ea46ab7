// SPDX-License-Identifier: Apache-2.0

package mmio

// RegID identifies a register within its device: its position in the table. Device
// packages declare their identifiers with iota and write the table as a keyed
// literal, so that the two cannot drift apart.
type RegID int

// Access is what the guest may do with a register as a whole.
type Access uint8

// The access classes. Single bits of a RW register are restricted with its masks.
const (
	RW Access = iota
	RO        // a write is counted and ignored
	WO        // a read is counted and gives zero
)

// String returns the class as register tables print it.
func (a Access) String() string {
	switch a {
	case RW:
		return "RW"
	case RO:
		return "RO"
	case WO:
		return "WO"
	}
	return "?"
}

// Enum names one value of a field.
type Enum struct {
	Value uint64
	Name  string
}

// Field is a named range of bits, Lo to Hi inclusive.
type Field struct {
	Name   string
	Lo, Hi uint
	Enum   []Enum
	Doc    string
}

// Bit declares a field of one bit.
func Bit(n uint, name, doc string) Field { return Field{Name: name, Lo: n, Hi: n, Doc: doc} }

// Bits declares a field from bit hi down to bit lo, in a datasheet's order.
func Bits(hi, lo uint, name, doc string) Field {
	return Field{Name: name, Lo: lo, Hi: hi, Doc: doc}
}

// Mask is the field's bits in place.
func (f Field) Mask() uint64 { return Mask(f.Hi, f.Lo) }

// Get extracts the field from a register value.
func (f Field) Get(v uint64) uint64 { return v & f.Mask() >> f.Lo }

// Mask has bits hi down to lo set.
func Mask(hi, lo uint) uint64 { return (^uint64(0) >> (63 - hi)) &^ (1<<lo - 1) }

// Reg declares a register, or an array of Count equal registers Stride bytes apart.
// It is the only place where anything about the register is written down.
//
// A bit of a RW register that is in none of the masks is plain storage.
type Reg struct {
	Name   string // as in the datasheet or the Linux driver
	Offset uint64 // of the first element, in bytes, a multiple of Width
	Width  int    // bytes: 1, 2, 4 or 8; 0 means 4
	Count  int    // elements; 0 means 1
	Stride uint64 // bytes between elements; 0 means Width
	Sizes  uint8  // access widths taken, a bit mask as in Device.AccessSizes; 0 means Width only
	Banks  uint8  // bank selections under which it is visible, bit n for bank n; 0 means all
	Access Access
	Reset  uint64 // value of every element after reset
	Doc    string // one sentence
	// Starts says that a write makes the device work on memory: with it the device's
	// next DMA can be traced back to whoever wrote.
	Starts bool

	ROMask        uint64 // the guest cannot change these
	W1C           uint64 // writing 1 clears, writing 0 keeps
	RC            uint64 // reading clears; writes do not matter
	Reserved      uint64 // must be written with their reset value; cannot be changed
	Unimplemented uint64 // storage only, counted when set differently from reset: the model lacks what they do

	Fields []Field

	// PreRead returns the current value of element i, given the stored one. It must
	// have no side effect: it also serves the debugger and partial writes. Its result
	// is stored.
	PreRead func(i int, stored uint64) uint64
	// PostRead is the side effect of a guest's read that returned v (pop a FIFO,
	// claim an interrupt).
	PostRead func(i int, v uint64)
	// PreWrite may change what is stored: old is the present value, v the merged one.
	PreWrite func(i int, old, v uint64) uint64
	// PostWrite is the side effect of a write, after v has replaced old.
	PostWrite func(i int, old, v uint64)
}

// Block is the declaration of a device's register window.
type Block struct {
	Title string // what the device is, for people
	Doc   string // paragraph for the documentation page
	Size  uint64 // of the window in bytes
	Regs  []Reg
}

// merge computes what a guest write of v makes of old: the one formula for every
// register of every device. we has the bits that the access reaches.
func (r *Reg) merge(old, v, we uint64) uint64 {
	keep := r.ROMask | r.W1C | r.RC | r.Reserved | ^we
	return (v&^keep | old&keep) &^ (v & we & r.W1C)
}

// widthMask has all bits of the register set.
func (r *Reg) widthMask() uint64 { return sizeMask(r.Width) }

// end is the offset just behind the last element.
func (r *Reg) end() uint64 { return r.Offset + uint64(r.Count-1)*r.Stride + uint64(r.Width) }

// withDefaults fills in what zero values stand for.
func (r Reg) withDefaults() Reg {
	if r.Width == 0 {
		r.Width = 4
	}
	if r.Count == 0 {
		r.Count = 1
	}
	if r.Stride == 0 {
		r.Stride = uint64(r.Width)
	}
	if r.Sizes == 0 {
		r.Sizes = uint8(r.Width)
	}
	if r.Banks == 0 {
		r.Banks = 0xff
	}
	return r
}

// sizeMask has the low n bytes set.
func sizeMask(n int) uint64 {
	if n >= 8 {
		return ^uint64(0)
	}
	return 1<<(8*uint(n)) - 1
}
