// SPDX-License-Identifier: Apache-2.0

package ioctl

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// Family is the kind of file that a request is for.
type Family uint8

// The families. FamilyDRM has what all DRM devices understand; FamilyExynos and
// FamilyVGEM have their drivers' own requests, with the same numbers.
const (
	FamilyUnknown Family = iota
	FamilyDRM
	FamilyExynos
	FamilyVGEM
	FamilyDMABuf
	FamilyDMAHeap
	FamilySyncFile
	FamilyUdmabuf
	FamilySwSync
	FamilyDMATest
	FamilyVdev
)

// String is the name of the family.
func (f Family) String() string {
	names := [...]string{"unknown", "drm", "exynos", "vgem", "dma-buf", "dma-heap", "sync_file", "udmabuf", "sw_sync", "dmatest", "vdev"}
	if int(f) < len(names) {
		return names[f]
	}
	return fmt.Sprintf("Family(%d)", uint8(f))
}

// resizable tells whether the kernel takes arguments of all sizes: drm_ioctl in
// drivers/gpu/drm/drm_ioctl.c, dma_heap_ioctl in drivers/dma-buf/dma-heap.c.
func (f Family) resizable() bool {
	return f == FamilyDRM || f == FamilyExynos || f == FamilyVGEM || f == FamilyDMAHeap
}

// has tells whether a file of this family, if it is known, takes the requests of
// another.
func (f Family) has(of Family) bool {
	switch f {
	case FamilyUnknown, of:
		return true
	case FamilyDRM:
		return of == FamilyExynos || of == FamilyVGEM
	case FamilyExynos, FamilyVGEM:
		return of == FamilyDRM
	}
	return false
}

// Form is what the argument of an ioctl is.
type Form uint8

// The forms.
const (
	FormNone   Form = iota // no argument
	FormStruct             // a pointer to a structure or a number
	FormString             // a pointer to text that ends with NUL
)

// Desc is what is declared about an ioctl.
type Desc struct {
	Name    string // in C
	Request Request
	Family  Family
	Form    Form
	// Arg is the type that the argument points to; nil unless it is FormStruct.
	Arg reflect.Type

	in, out []string // the fields that this one reads and writes; nil: by their tags
	layout  *layout  // of Arg
}

// tables are the declarations of this package, ready to be looked up.
type tables struct {
	descs   []Desc
	byNr    map[Request][]*Desc // by type and number, in the order of descs
	layouts map[reflect.Type]*layout
}

// declared makes the tables once; nothing changes them.
var declared = sync.OnceValue(func() *tables {
	t := &tables{descs: descTable(), byNr: map[Request][]*Desc{}, layouts: map[reflect.Type]*layout{}}
	for i := range t.descs {
		d := &t.descs[i]
		if d.Arg != nil {
			d.Form = FormStruct
			d.layout = t.layoutOf(d.Arg).directed(d.in, d.out)
		}
		t.byNr[d.Request.nr()] = append(t.byNr[d.Request.nr()], d)
	}
	return t
})

// nr is the type and number of a request alone.
func (r Request) nr() Request { return r & 0xffff }

// Table lists all declared ioctls, in the order of the files and in them.
func Table() []Desc { return append([]Desc(nil), declared().descs...) }

// Lookup finds what is declared about a request. f is the family of the file, if it
// is known: it decides between drivers that use the same number, and of unknown ones
// it is exynos. As in the kernel, a request of DRM or dma-heap may have another size
// than the declared one, which then differs from Request in what is found; every
// other request must be the same.
func Lookup(r Request, f Family) (*Desc, bool) {
	for _, d := range declared().byNr[r.nr()] {
		if f.has(d.Family) && (d.Request == r || d.Family.resizable()) {
			return d, true
		}
	}
	return nil, false
}

// Format is a request number as strace shows it when it does not know it.
func (r Request) Format() string {
	var dirs []string
	if r.Reads() {
		dirs = append(dirs, "_IOC_READ")
	}
	if r.Writes() {
		dirs = append(dirs, "_IOC_WRITE")
	}
	if dirs == nil {
		dirs = []string{"_IOC_NONE"}
	}
	return fmt.Sprintf("_IOC(%s, %s, %s, %s)", strings.Join(dirs, "|"), hex(uint64(r.Type())), hex(uint64(r.Number())), hex(uint64(r.Size())))
}

// hex is a number as C's %#x has it: 0 has no prefix.
func hex(v uint64) string {
	if v == 0 {
		return "0"
	}
	return fmt.Sprintf("%#x", v)
}
