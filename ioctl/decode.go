// SPDX-License-Identifier: Apache-2.0

package ioctl

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// Reader is the memory of the process that makes the ioctl. Read fills p from the
// virtual address addr, or returns false if it cannot read all of it.
type Reader interface {
	Read(addr uint64, p []byte) bool
}

// Kind is what a number stands for.
type Kind uint8

// The kinds. Handles are those of the open file that the ioctl is made on.
const (
	KindNone        Kind = iota
	KindFD               // a file descriptor, as an int32
	KindHandle           // a GEM handle, or that of a DMA tester's buffer
	KindSyncobj          // a handle of a synchronisation object
	KindObject           // an object or property of mode setting, or a blob
	KindFourCC           // a format of pixels
	KindModifier         // a layout of pixels
	KindG2DRegister      // the offset of a register of the G2D
)

// Annotate says more about a number: it returns the text to print in its place, or
// "" for the plain number. It is asked for file descriptors, handles, objects and
// registers.
type Annotate func(kind Kind, v uint64) string

// How much is shown.
const (
	maxElements = 32 // numbers of an array
	maxStructs  = 8  // structures of an array
	maxText     = 64 // bytes of a string or of data

	maxSummed = 1024 // numbers that are added up for the length of another array
)

// Call is an ioctl under way: what was passed, before the kernel changes it.
type Call struct {
	// Request and Arg are the two arguments.
	Request Request
	Arg     uint64
	// Desc is what is declared about it; nil if nothing is.
	Desc *Desc

	mem    Reader
	before []byte // of the structure; nil if it cannot be read
}

// Begin reads what a call passes, for Lookup(r, f).
func Begin(r Request, f Family, mem Reader, arg uint64) *Call {
	c := &Call{Request: r, Arg: arg, mem: mem}
	c.Desc, _ = Lookup(r, f)
	c.before = c.read()
	return c
}

// read is the argument as it is now, as large as it is declared: what the request has
// not is zero. It is nil if it cannot be read, or is no structure.
func (c *Call) read() []byte {
	if c.Desc == nil || c.Desc.Form != FormStruct {
		return nil
	}
	b := make([]byte, c.Desc.layout.size)
	if !c.mem.Read(c.Arg, b[:min(len(b), c.Request.Size())]) {
		return nil
	}
	return b
}

// Name is the request's name, or its parts if it is unknown; it tells if the argument
// has another size than the declared one.
func (c *Call) Name() string {
	if c.Desc == nil {
		return c.Request.Format()
	}
	if have, want := c.Request.Size(), c.Desc.Request.Size(); have != want {
		return fmt.Sprintf("%s /* %d of %d bytes */", c.Desc.Name, have, want)
	}
	return c.Desc.Name
}

// In is the argument as it was passed, with what it points to as that is now; ""
// if the request has none. Call it before the kernel changes anything.
func (c *Call) In(a Annotate) string {
	p := printer{mem: c.mem, annotate: a}
	switch {
	case c.Desc == nil:
		return address(c.Arg)
	case c.Desc.Form == FormNone:
		return ""
	case c.Desc.Form == FormString:
		return p.text(c.Arg)
	case !c.Request.Writes() || !c.Desc.Request.Writes() || c.before == nil:
		return address(c.Arg)
	}
	p.before, p.now = c.before, c.before
	p.argument(c.Desc.layout, c.Arg, c.Request.Size())
	return p.b.String()
}

// Out is what the kernel wrote, after a call that has succeeded; "" if it writes
// nothing. Arguments that are just a number are only read.
func (c *Call) Out(a Annotate) string {
	if c.before == nil || c.Desc.layout.scalar != nil || !c.Request.Reads() || !c.Desc.Request.Reads() {
		return ""
	}
	now := c.read()
	if now == nil {
		return ""
	}
	p := printer{mem: c.mem, annotate: a, before: c.before, now: now, out: true}
	p.argument(c.Desc.layout, c.Arg, c.Request.Size())
	return p.b.String()
}

// Read reads a structure, or a number, from memory.
func Read[T any](mem Reader, addr uint64) (T, bool) {
	var v T
	b := make([]byte, binary.Size(v))
	if !mem.Read(addr, b) {
		return v, false
	}
	_, err := binary.Decode(b, binary.LittleEndian, &v)
	return v, err == nil
}

// address is a pointer that is not followed.
func address(v uint64) string {
	if v == 0 {
		return "NULL"
	}
	return fmt.Sprintf("%#x", v)
}

// printer writes an argument. It follows pointers of the argument itself, but not of
// what they point to, so its work is bounded.
type printer struct {
	b           strings.Builder
	mem         Reader
	annotate    Annotate
	before, now []byte // of the argument
	out         bool   // after the call
}

// argument writes the argument; of a structure only fields that are within size.
func (p *printer) argument(l *layout, addr uint64, size int) {
	if l.scalar != nil {
		p.b.WriteByte('[')
		p.element(l.scalar, p.now)
		p.b.WriteByte(']')
		return
	}
	p.b.WriteByte('{')
	first := p.b.Len()
	for i := range l.fields {
		f := &l.fields[i]
		if f.offset >= size {
			break
		}
		if !p.shown(l, f) {
			continue
		}
		if p.b.Len() > first {
			p.b.WriteString(", ")
		}
		p.b.WriteString(p.nameOf(f) + "=")
		if f.shape == shapePointer {
			p.pointer(l, f)
		} else {
			p.field(f, p.now[f.offset:])
		}
		if f.tail != nil && !p.out {
			p.b.WriteString(", " + f.tailName + "=")
			p.array(f, f.tail, addr+uint64(l.size), number(f, p.now[f.offset:]))
		}
	}
	p.b.WriteByte('}')
	if p.out && p.b.Len() == first+1 {
		p.b.Reset()
	}
}

func (p *printer) nameOf(f *field) string {
	if p.out {
		return f.outName
	}
	return f.name
}

// shown tells whether a field of the argument is printed.
func (p *printer) shown(l *layout, f *field) bool {
	switch {
	case f.hidden || f.unused:
		return false
	case f.when != "" && p.zero(l, f.when):
		return false
	case f.pad:
		return !p.out && number(f, p.now[f.offset:]) != 0
	case p.out:
		return f.dir != dirIn
	}
	// What is to be filled is passed too.
	return f.dir != dirOut || f.shape == shapePointer
}

// zero tells whether a field of the argument is 0.
func (p *printer) zero(l *layout, goName string) bool {
	f := l.find(goName)
	return number(f, p.now[f.offset:]) == 0
}

// structure writes all of a structure that is not the argument.
func (p *printer) structure(l *layout, b []byte) {
	p.b.WriteByte('{')
	n := 0
	for i := range l.fields {
		f := &l.fields[i]
		if f.hidden || f.pad && number(f, b[f.offset:]) == 0 {
			continue
		}
		if n++; n > 1 {
			p.b.WriteString(", ")
		}
		p.b.WriteString(f.name + "=")
		p.field(f, b[f.offset:])
	}
	p.b.WriteByte('}')
}

// field writes a field that begins at b.
func (p *printer) field(f *field, b []byte) {
	switch {
	case f.shape == shapeText:
		p.characters(b[:f.width], f.width)
	case f.count == 0:
		p.element(f, b)
	default:
		p.b.WriteByte('[')
		for i := range f.count {
			if i > 0 {
				p.b.WriteString(", ")
			}
			p.element(f, b[i*f.width:])
		}
		p.b.WriteByte(']')
	}
}

func (p *printer) element(f *field, b []byte) {
	if f.shape == shapeStruct {
		p.structure(f.elem, b)
		return
	}
	p.b.WriteString(p.number(f, number(f, b)))
}

// number is the value of a field that begins at b; of an array, its first element.
func number(f *field, b []byte) uint64 {
	switch f.width {
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		v := binary.LittleEndian.Uint32(b)
		if f.signed {
			return uint64(int32(v))
		}
		return uint64(v)
	default:
		return binary.LittleEndian.Uint64(b)
	}
}

// number is the text of a number that the field has, or points to.
func (p *printer) number(f *field, v uint64) string {
	switch f.kind {
	case KindFourCC:
		return FourCC(uint32(v))
	case KindModifier:
		return valuesOf("drm_format_mod").one(v)
	case KindFD:
		v = uint64(int32(v))
	case KindG2DRegister:
		if v&G2D_BUF_USERPTR != 0 {
			return p.number(f, v&^G2D_BUF_USERPTR) + "|G2D_BUF_USERPTR"
		}
	}
	if f.kind != KindNone && p.annotate != nil {
		if s := p.annotate(f.kind, v); s != "" {
			return s
		}
	}
	switch {
	case f.flags != nil:
		return flagNames(f.flags, v)
	case f.enum != nil:
		return f.enum.one(v)
	case f.fixed:
		return fixed(v)
	case f.signed || f.kind == KindFD:
		return strconv.FormatInt(int64(v), 10)
	case f.hex:
		return hex(v)
	}
	return strconv.FormatUint(v, 10)
}

// pointer writes what a field of the argument points to.
func (p *printer) pointer(l *layout, f *field) {
	addr := number(f, p.now[f.offset:])
	if addr == 0 || f.dir == dirOut && !p.out || f.dir == dirIn && p.out {
		p.b.WriteString(address(addr))
		return
	}
	count, ok := p.length(l, f, p.now)
	switch room, _ := p.length(l, f, p.before); {
	case f.room == roomPartial:
		count = min(count, room)
	case count > room, count < room && f.room == roomExact:
		ok = false // nothing was written
	}
	if !ok {
		p.b.WriteString(address(addr))
		return
	}
	if f.elem != nil {
		p.array(f, f.elem, addr, count)
		return
	}
	b := make([]byte, min(count, maxText))
	if !p.mem.Read(addr, b) {
		p.b.WriteString(address(addr))
		return
	}
	if f.to == "str" {
		p.characters(b, int(min(count, maxText+1)))
		return
	}
	p.b.WriteString(quoteBytes(b))
	if count > maxText {
		p.b.WriteString("...")
	}
}

// length is how many elements a pointer points to, by what the argument says. It
// fails if that is an array that cannot be read.
func (p *printer) length(l *layout, f *field, arg []byte) (uint64, bool) {
	n := l.find(f.len)
	v := number(n, arg[n.offset:])
	if !f.sum {
		return v, true
	}
	count, _ := p.length(l, n, arg)
	b := make([]byte, min(count, maxSummed)*uint64(n.elem.size))
	if !p.mem.Read(v, b) {
		return 0, false
	}
	sum := uint64(0)
	for ; len(b) > 0; b = b[n.elem.size:] {
		sum += number(n.elem.scalar, b)
	}
	return sum, true
}

// array writes an array. Its numbers are what the field says.
func (p *printer) array(f *field, elem *layout, addr, count uint64) {
	limit := uint64(maxStructs)
	if elem.scalar != nil {
		limit = maxElements
	}
	b := make([]byte, min(count, limit)*uint64(elem.size))
	if !p.mem.Read(addr, b) {
		p.b.WriteString(address(addr))
		return
	}
	p.b.WriteByte('[')
	for i := 0; i < len(b); i += elem.size {
		if i > 0 {
			p.b.WriteString(", ")
		}
		if elem.scalar == nil {
			p.structure(elem, b[i:])
			continue
		}
		p.b.WriteString(p.number(f, number(elem.scalar, b[i:])))
	}
	if count > limit {
		p.b.WriteString(", ...")
	}
	p.b.WriteByte(']')
}

// characters writes text that ends with NUL or after n bytes, of which b has those
// that are shown.
func (p *printer) characters(b []byte, n int) {
	if i := strings.IndexByte(string(b), 0); i >= 0 {
		b, n = b[:i], i
	}
	more := n > len(b)
	if len(b) > maxText {
		b, more = b[:maxText], true
	}
	p.b.WriteString(quoteBytes(b))
	if more {
		p.b.WriteString("...")
	}
}

// text is the string at an address, or the address.
func (p *printer) text(addr uint64) string {
	var b []byte
	// Bytewise, as the memory behind it may not be there.
	for c := [1]byte{}; len(b) <= maxText; b = append(b, c[0]) {
		if !p.mem.Read(addr+uint64(len(b)), c[:]) {
			return address(addr)
		}
		if c[0] == 0 {
			break
		}
	}
	p.characters(b, len(b))
	return p.b.String()
}

// quoteBytes quotes bytes as C does.
func quoteBytes(b []byte) string {
	var s strings.Builder
	s.WriteByte('"')
	for _, c := range b {
		switch {
		case c == '"' || c == '\\':
			s.WriteByte('\\')
			s.WriteByte(c)
		case c >= ' ' && c <= '~':
			s.WriteByte(c)
		default:
			fmt.Fprintf(&s, "\\x%02x", c)
		}
	}
	s.WriteByte('"')
	return s.String()
}
