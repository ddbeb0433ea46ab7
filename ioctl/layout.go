// SPDX-License-Identifier: Apache-2.0

package ioctl

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// layout is how a type lies in memory and how it is shown.
type layout struct {
	size   int
	scalar *field // if it is not a structure
	fields []field
}

// direction is who writes a field.
type direction uint8

const (
	dirIn direction = iota
	dirOut
	dirInOut
)

// shape is how the bytes of a field are to be understood.
type shape uint8

const (
	shapeNumber  shape = iota
	shapeText          // characters, up to a NUL
	shapeStruct        // elem
	shapePointer       // to elem, text or bytes
)

// room says when the kernel fills an array.
type room uint8

const (
	roomAll     room = iota // if all elements have room
	roomPartial             // as much of it as has room
	roomExact               // if the room is the length
)

// field is a part of a structure.
type field struct {
	name, outName string // in C
	offset        int
	width         int // bytes of a number, or of the whole text
	count         int // elements of an array; 0 if it is none
	signed        bool
	dir           direction
	shape         shape
	kind          Kind

	pad, hidden, hex, fixed bool
	unused                  bool // by the request at hand

	flags []values
	enum  values

	elem *layout // of a structure, or of what is pointed to; nil for text and bytes
	to   string  // what is pointed to
	len  string  // the field of this structure with the length, by its Go name
	sum  bool    // the length is the sum of the array there
	when string  // the field that is 0 if this one means nothing
	room room    // what the kernel writes if the length is not the true one

	tail     *layout // what follows the structure, as many as this field says
	tailName string
	goName   string
}

// find is the field with a name of Go.
func (l *layout) find(goName string) *field {
	for i := range l.fields {
		if l.fields[i].goName == goName {
			return &l.fields[i]
		}
	}
	return nil
}

// layoutOf makes the layout of a type. Bad declarations panic: a test makes all.
func (t *tables) layoutOf(typ reflect.Type) *layout {
	if l := t.layouts[typ]; l != nil {
		return l
	}
	l := &layout{size: int(typ.Size())}
	t.layouts[typ] = l
	if typ.Kind() != reflect.Struct {
		l.scalar = &field{}
		l.scalar.setType(t, typ)
		return l
	}
	for f := range typ.Fields() {
		if f.Name == "_" {
			continue
		}
		d := field{goName: f.Name, name: CName(f.Name), offset: int(f.Offset)}
		d.setType(t, f.Type)
		d.setTag(t, f.Tag.Get("ioctl"))
		if d.outName == "" {
			d.outName = d.name
		}
		l.fields = append(l.fields, d)
	}
	for i := range l.fields {
		f := &l.fields[i]
		if f.shape == shapePointer && f.len == "" {
			panic(fmt.Sprintf("BUG: ioctl: %v.%s has no length", typ, f.goName))
		}
		for _, n := range []string{f.len, f.when} {
			if n != "" && l.find(n) == nil {
				panic(fmt.Sprintf("BUG: ioctl: %v has no field %s", typ, n))
			}
		}
	}
	return l
}

// directed is the layout of a structure of which a request reads and writes only
// these fields; the layout itself if it names none. A field can have other flags
// than usual, as in "Flags=SET".
func (l *layout) directed(in, out []string) *layout {
	if in == nil {
		return l
	}
	d := &layout{size: l.size, fields: slices.Clone(l.fields)}
	for i := range d.fields {
		f := &d.fields[i]
		f.unused, f.dir = !f.pad, dirIn
	}
	use := func(names []string, dir direction) {
		for _, name := range names {
			name, set, other := strings.Cut(name, "=")
			f := d.find(name)
			if f == nil {
				panic("BUG: ioctl: no field " + name)
			}
			if other {
				f.flags = []values{valuesOf(set)}
			}
			if f.unused {
				f.unused, f.dir = false, dir
			} else {
				f.dir = dirInOut
			}
		}
	}
	use(in, dirIn)
	use(out, dirOut)
	return d
}

func (f *field) setType(t *tables, typ reflect.Type) {
	if typ.Kind() == reflect.Array {
		f.count = typ.Len()
		typ = typ.Elem()
		if typ.Kind() == reflect.Uint8 {
			f.shape, f.width, f.count = shapeText, f.count, 0
			return
		}
	}
	f.width = int(typ.Size())
	switch typ.Kind() {
	case reflect.Int32, reflect.Int64:
		f.signed = true
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
	case reflect.Struct:
		f.shape, f.elem = shapeStruct, t.layoutOf(typ)
	default:
		panic(fmt.Sprintf("BUG: ioctl: %v has no place in the ABI", typ))
	}
}

func (f *field) setTag(t *tables, tag string) {
	if tag == "" {
		return
	}
	for word := range strings.SplitSeq(tag, ",") {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "out":
			f.dir = dirOut
		case "inout":
			f.dir = dirInOut
		case "pad":
			f.pad = true
		case "hidden":
			f.hidden = true
		case "hex":
			f.hex = true
		case "fixed":
			f.fixed = true
		case "signed":
			f.signed = true
		case "fd":
			f.kind = KindFD
		case "handle":
			f.kind = KindHandle
		case "syncobj":
			f.kind = KindSyncobj
		case "object":
			f.kind = KindObject
		case "g2dreg":
			f.kind = KindG2DRegister
		case "fourcc":
			f.kind = KindFourCC
		case "modifier":
			f.kind = KindModifier
		case "flags":
			for set := range strings.SplitSeq(value, "+") {
				f.flags = append(f.flags, valuesOf(set))
			}
		case "enum":
			f.enum = valuesOf(value)
		case "ptr":
			f.shape, f.to = shapePointer, value
			if value != "str" && value != "bytes" {
				f.elem = t.layoutOf(named(value))
			}
		case "len":
			f.len, f.sum = strings.CutPrefix(value, "sum(")
			f.len = strings.TrimSuffix(f.len, ")")
		case "partial":
			f.room = roomPartial
		case "exact":
			f.room = roomExact
		case "if":
			f.when = value
		case "tail":
			f.tail = t.layoutOf(named(value))
		case "tailname":
			f.tailName = value
		case "c":
			f.name = value[strings.LastIndexByte(value, '.')+1:]
		case "outname":
			f.outName = value
		default:
			panic("BUG: ioctl: tag " + strconv.Quote(tag))
		}
	}
}

// named is a type by the name that tags use.
func named(name string) reflect.Type {
	switch name {
	case "u16":
		return reflect.TypeFor[uint16]()
	case "u32":
		return reflect.TypeFor[uint32]()
	case "u64":
		return reflect.TypeFor[uint64]()
	}
	for _, t := range structTable() {
		if t.Name() == name {
			return t
		}
	}
	panic("BUG: ioctl: no structure " + name)
}

// CName turns a name of Go into C's: DRMExynosG2DCmd into drm_exynos_g2d_cmd. A run
// of capitals is one word, and digits belong to the word before them.
func CName(name string) string {
	var b strings.Builder
	r := []rune(name)
	upper := false // the character before, or before the digits before
	for i, c := range r {
		if unicode.IsUpper(c) {
			if i > 0 && (!upper || i+1 < len(r) && unicode.IsLower(r[i+1])) {
				b.WriteByte('_')
			}
			upper = true
		} else if !unicode.IsDigit(c) {
			upper = false
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
