// SPDX-License-Identifier: Apache-2.0

package symbols

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
)

// btf answers one question about a kernel's type information: where in a struct is a
// member. It reads the section front to back once (Documentation/bpf/btf.rst).
type btf struct {
	types   []uint32          // offset of each type's record in data, by id
	structs map[string]uint32 // ids
	data    []byte            // the type section
	strings []byte
}

var errBTF = errors.New("malformed BTF")

// Kinds of types in BTF.
const (
	btfInt = 1 + iota
	btfPtr
	btfArray
	btfStruct
	btfUnion
	btfEnum
	btfFwd
	btfTypedef
	btfVolatile
	btfConst
	btfRestrict
	btfFunc
	btfFuncProto
	btfVar
	btfDatasec
	btfFloat
	btfDeclTag
	btfTypeTag
	btfEnum64
	btfKinds
)

// btfExtra is the length in bytes of what follows the common part of a type: fixed
// and for each of its members.
func btfExtra() [btfKinds]struct{ fixed, each int } {
	return [btfKinds]struct{ fixed, each int }{
		btfInt: {4, 0}, btfArray: {12, 0}, btfStruct: {0, 12}, btfUnion: {0, 12}, btfEnum: {0, 8},
		btfFuncProto: {0, 8}, btfVar: {4, 0}, btfDatasec: {0, 12}, btfDeclTag: {4, 0}, btfEnum64: {0, 12},
	}
}

const (
	btfMagic      = 0xeb9f
	btfTypeSize   = 12 // struct btf_type
	btfMemberSize = 12 // struct btf_member
)

func parseBTF(section []byte) (*btf, error) {
	le := binary.LittleEndian
	if len(section) < 24 || le.Uint16(section) != btfMagic {
		return nil, errBTF
	}
	head := uint64(le.Uint32(section[4:]))
	part := func(off, n uint32) []byte {
		from := head + uint64(off)
		if from+uint64(n) > uint64(len(section)) {
			return nil
		}
		return section[from : from+uint64(n)]
	}
	b := &btf{
		data:    part(le.Uint32(section[8:]), le.Uint32(section[12:])),
		strings: part(le.Uint32(section[16:]), le.Uint32(section[20:])),
		types:   []uint32{0}, // id 0 is void
		structs: make(map[string]uint32),
	}
	extra := btfExtra()
	for off := 0; off < len(b.data); {
		if off+btfTypeSize > len(b.data) {
			return nil, errBTF
		}
		kind, members := b.info(uint32(off))
		if kind == 0 || kind >= btfKinds {
			return nil, fmt.Errorf("%w: kind %d", errBTF, kind)
		}
		id := uint32(len(b.types))
		b.types = append(b.types, uint32(off))
		if kind == btfStruct || kind == btfUnion {
			if name := b.name(le.Uint32(b.data[off:])); name != "" {
				b.structs[name] = id
			}
		}
		off += btfTypeSize + extra[kind].fixed + members*extra[kind].each
		if off > len(b.data) {
			return nil, errBTF
		}
	}
	return b, nil
}

func (b *btf) info(off uint32) (kind, members int) {
	v := binary.LittleEndian.Uint32(b.data[off+4:])
	return int(v >> 24 & 0x1f), int(v & 0xffff)
}

func (b *btf) name(off uint32) string {
	if uint64(off) >= uint64(len(b.strings)) {
		return ""
	}
	s := b.strings[off:]
	if i := bytes.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	return string(s)
}

// offset is where a member is in a struct or union, in bytes; members of anonymous
// members count.
func (b *btf) offset(structName, member string) (uint64, error) {
	if id, ok := b.structs[structName]; ok {
		if off, _, ok := b.member(id, member, 0); ok {
			return off, nil
		}
	}
	return 0, fmt.Errorf("BTF has no %s.%s", structName, member)
}

// maxNesting bounds anonymous structs within each other.
const maxNesting = 8

// member finds a member of the struct or union id: its offset in bytes, and its type.
func (b *btf) member(id uint32, name string, depth int) (offset uint64, typ uint32, ok bool) {
	le := binary.LittleEndian
	id = b.unqualified(id)
	if depth > maxNesting || id == 0 {
		return 0, 0, false
	}
	off := b.types[id]
	kind, members := b.info(off)
	if kind != btfStruct && kind != btfUnion {
		return 0, 0, false
	}
	bitfields := le.Uint32(b.data[off+4:])>>31 != 0
	for i := range members {
		m := b.data[int(off)+btfTypeSize+i*btfMemberSize:]
		at, typ := le.Uint32(m[8:]), le.Uint32(m[4:])
		if bitfields {
			at &= 0xffffff
		}
		switch b.name(le.Uint32(m)) {
		case name:
			return uint64(at / 8), typ, true
		case "":
			if in, inner, ok := b.member(typ, name, depth+1); ok {
				return uint64(at/8) + in, inner, true
			}
		}
	}
	return 0, 0, false
}

// size is the length of a value of the type in bytes; 0 if it has none.
func (b *btf) size(id uint32) uint64 {
	le := binary.LittleEndian
	count := uint64(1)
	for range maxNesting {
		if id = b.unqualified(id); id == 0 {
			return 0
		}
		off := b.types[id]
		switch kind, _ := b.info(off); kind {
		case btfPtr:
			return count * 8
		case btfInt, btfStruct, btfUnion, btfEnum, btfEnum64, btfFloat:
			return count * uint64(le.Uint32(b.data[off+8:]))
		case btfArray:
			count *= uint64(le.Uint32(b.data[off+btfTypeSize+8:]))
			id = le.Uint32(b.data[off+btfTypeSize:])
		default:
			return 0
		}
	}
	return 0
}

// unqualified follows typedefs and qualifiers.
func (b *btf) unqualified(id uint32) uint32 {
	for range maxNesting {
		if id == 0 || uint64(id) >= uint64(len(b.types)) {
			return 0
		}
		off := b.types[id]
		switch kind, _ := b.info(off); kind {
		case btfTypedef, btfVolatile, btfConst, btfRestrict, btfTypeTag:
			id = binary.LittleEndian.Uint32(b.data[off+8:])
		default:
			return id
		}
	}
	return 0
}

// Layout is where in the kernel's structures things are, as offsets in bytes.
type Layout struct {
	pid, tgid, comm, mm uint64 // in task_struct
	startCode, exeFile  uint64 // in mm_struct
	fileDentry          uint64 // in file
	dentryName          uint64 // in dentry: the pointer to the characters

	modules    moduleLayout
	hasModules bool
}

// ReadLayout reads the layout from a vmlinux with a section .BTF. It is quick
// enough to be done at every start.
func ReadLayout(vmlinux string) (*Layout, error) {
	f, err := elf.Open(vmlinux)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return layoutOf(f)
}

func layoutOf(f *elf.File) (*Layout, error) {
	b, err := btfOf(f)
	if err != nil {
		return nil, err
	}
	return b.layout()
}

// btfOf reads the type information of a kernel.
func btfOf(f *elf.File) (*btf, error) {
	section := f.Section(".BTF")
	if section == nil {
		return nil, errors.New("the kernel has no BTF (CONFIG_DEBUG_INFO_BTF)")
	}
	data, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("cannot read BTF: %w", err)
	}
	return parseBTF(data)
}

func (b *btf) layout() (_ *Layout, err error) {
	// at adds up the offsets of struct, member, struct, member, ...
	at := func(path ...string) (sum uint64) {
		for i := 0; i < len(path); i += 2 {
			off, e := b.offset(path[i], path[i+1])
			err = errors.Join(err, e)
			sum += off
		}
		return sum
	}
	l := &Layout{
		pid: at("task_struct", "pid"), tgid: at("task_struct", "tgid"),
		comm: at("task_struct", "comm"), mm: at("task_struct", "mm"),
		startCode: at("mm_struct", "start_code"), exeFile: at("mm_struct", "exe_file"),
		fileDentry: at("file", "f_path", "path", "dentry"),
		dentryName: at("dentry", "d_name", "qstr", "name"),
	}
	if err != nil {
		return nil, err
	}
	l.modules, l.hasModules = moduleLayoutOf(b)
	return l, nil
}

// commSize is TASK_COMM_LEN (include/linux/sched.h).
const commSize = 16

// Task reads the name of the task at the address of a task_struct.
func (l *Layout) Task(mem Memory, task, satp uint64) (Task, bool) {
	var ids [8]byte
	var comm [commSize]byte
	if l.tgid == l.pid+4 {
		if !mem.ReadVirt(satp, task+l.pid, ids[:]) {
			return Task{}, false
		}
	} else if !mem.ReadVirt(satp, task+l.pid, ids[:4]) || !mem.ReadVirt(satp, task+l.tgid, ids[4:]) {
		return Task{}, false
	}
	if !mem.ReadVirt(satp, task+l.comm, comm[:]) {
		return Task{}, false
	}
	return Task{
		PID:  int(int32(binary.LittleEndian.Uint32(ids[:]))),
		TGID: int(int32(binary.LittleEndian.Uint32(ids[4:]))),
		Comm: cString(comm[:]),
	}, true
}

func cString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// executable reads the base name of the task's program and the address that its code
// was loaded to.
func (l *Layout) executable(mem Memory, task, satp uint64) (name string, startCode uint64, ok bool) {
	ok = true
	follow := func(at uint64) uint64 {
		var b [8]byte
		ok = ok && mem.ReadVirt(satp, at, b[:])
		return binary.LittleEndian.Uint64(b[:])
	}
	mm := follow(task + l.mm)
	if mm == 0 || !ok {
		return "", 0, false
	}
	startCode = follow(mm + l.startCode)
	dentry := follow(follow(mm+l.exeFile) + l.fileDentry)
	chars := follow(dentry + l.dentryName)
	if !ok {
		return "", 0, false
	}
	var buf [64]byte
	n := min(uint64(len(buf)), 4096-chars%4096)
	if !mem.ReadVirt(satp, chars, buf[:n]) {
		return "", startCode, false
	}
	return cString(buf[:n]), startCode, true
}
