// SPDX-License-Identifier: Apache-2.0

package program

import (
	"encoding/binary"
	"strings"
	"testing"
)

// elf builds the head of an ELF file with the given class, machine and type
// and, when interp is not empty, a PT_INTERP segment.
func elf(class byte, machine, typ uint16, interp string) []byte {
	b := make([]byte, sizeEhdr+sizePhdr)
	copy(b, "\x7fELF")
	b[4], b[5] = class, dataLittle
	le := binary.LittleEndian
	le.PutUint16(b[16:], typ)
	le.PutUint16(b[18:], machine)
	le.PutUint64(b[32:], sizeEhdr)
	le.PutUint16(b[54:], sizePhdr)
	le.PutUint16(b[56:], 1)
	if interp != "" {
		ph := b[sizeEhdr:]
		le.PutUint32(ph, segInterp)
		le.PutUint64(ph[8:], uint64(len(b)))
		le.PutUint64(ph[32:], uint64(len(interp)+1))
		b = append(append(b, interp...), 0)
	}
	return b
}

func TestInspect(t *testing.T) {
	bigEndian := elf(classELF64, machineRISCV, typeExec, "")
	bigEndian[5] = 2
	cases := []struct {
		name string
		in   []byte
		want Info
		err  string // part of the expected error; empty for none
	}{
		{"static", elf(classELF64, machineRISCV, typeExec, ""), Info{}, ""},
		{"static pie", elf(classELF64, machineRISCV, typeDyn, ""), Info{}, ""},
		{"dynamic", elf(classELF64, machineRISCV, typeDyn, "/lib/ld.so.1"), Info{Interp: "/lib/ld.so.1"}, ""},
		{"script", []byte("#! /bin/sh -e\necho\n"), Info{Interp: "/bin/sh", Script: true}, ""},
		{"script without newline", []byte("#!/bin/sh"), Info{Interp: "/bin/sh", Script: true}, ""},
		{"script without interpreter", []byte("#!  \n"), Info{}, "names no interpreter"},
		{"empty", nil, Info{}, "is empty"},
		{"text", []byte("hello"), Info{}, "neither an ELF"},
		{"truncated header", elf(classELF64, machineRISCV, typeExec, "")[:40], Info{}, "truncated"},
		{"truncated segments", elf(classELF64, machineRISCV, typeExec, "")[:90], Info{}, "truncated"},
		{"amd64", elf(classELF64, 62, typeExec, ""), Info{}, "built for amd64"},
		{"riscv32", elf(1, machineRISCV, typeExec, ""), Info{}, "built for riscv32"},
		{"unknown machine", elf(classELF64, 4711, typeExec, ""), Info{}, "ELF machine 4711"},
		{"big-endian", bigEndian, Info{}, "big-endian"},
		{"object file", elf(classELF64, machineRISCV, 1, ""), Info{}, "no program"},
	}
	for _, c := range cases {
		got, err := Inspect(c.in)
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: got error %v, want %q", c.name, err, c.err)
			continue
		}
		if got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func FuzzInspect(f *testing.F) {
	f.Add(elf(classELF64, machineRISCV, typeDyn, "/lib/ld.so.1"))
	f.Add([]byte("#!/bin/sh\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		info, err := Inspect(in)
		if err == nil && info.Script && info.Interp == "" {
			t.Error("script without interpreter was accepted")
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("error of more than one line: %q", err)
		}
	})
}
