// SPDX-License-Identifier: Apache-2.0

// Package program tells whether the guest's Linux can run a program, from
// the first bytes of its file. The host asks before it boots anything, the
// agent before it starts the program, because Linux answers all the cases
// with the same two error numbers (ENOEXEC and ENOENT).
package program

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// HeadSize is how many bytes from the start of a file [Inspect] wants to
// see: ELF header, program headers and the interpreter's name are there in
// every program that linkers make.
const HeadSize = 8192

// Values from the ELF specification and the RISC-V ELF psABI.
const (
	classELF64   = 2
	dataLittle   = 1
	typeExec     = 2
	typeDyn      = 3
	machineRISCV = 243
	segInterp    = 3
	sizeEhdr     = 64
	sizePhdr     = 56
)

// Info is what matters of a program that can run.
type Info struct {
	// Interp is the absolute path of the interpreter that the kernel will
	// look for: the dynamic linker of an ELF file, or the program in the
	// first line of a script. Empty for a static program.
	Interp string
	// Script is true for a file that begins with "#!".
	Script bool
}

// Error says in one line why a file cannot run on riscv64 Linux; it does not
// name the file.
type Error string

func (e Error) Error() string { return string(e) }

// Inspect looks at the head of a program file: its first [HeadSize] bytes, or
// all of them when it is shorter. The error is an [Error].
func Inspect(head []byte) (Info, error) {
	if bytes.HasPrefix(head, []byte("#!")) {
		return inspectScript(head)
	}
	if !bytes.HasPrefix(head, []byte("\x7fELF")) {
		if len(head) == 0 {
			return Info{}, Error("is empty")
		}
		return Info{}, Error("is neither an ELF program nor a script with #!")
	}
	if len(head) < sizeEhdr {
		return Info{}, Error("is a truncated ELF file")
	}
	le := binary.LittleEndian
	if head[5] != dataLittle {
		return Info{}, Error("is a big-endian ELF file, the guest is riscv64: build it with GOARCH=riscv64")
	}
	if m := le.Uint16(head[18:]); m != machineRISCV || head[4] != classELF64 {
		return Info{}, Error("is built for " + machineName(m, head[4]) + ", the guest is riscv64: build it with GOARCH=riscv64")
	}
	if t := le.Uint16(head[16:]); t != typeExec && t != typeDyn {
		return Info{}, Error("is an ELF file but no program (ELF type " + strconv.Itoa(int(t)) + ")")
	}
	phoff, phentsize, phnum := le.Uint64(head[32:]), le.Uint16(head[54:]), le.Uint16(head[56:])
	if phentsize != sizePhdr || phnum == 0 {
		return Info{}, Error("is an ELF file without program headers")
	}
	var info Info
	for i := range uint64(phnum) {
		at := phoff + i*sizePhdr
		if phoff > HeadSize || at+sizePhdr > uint64(len(head)) {
			if len(head) < HeadSize {
				return Info{}, Error("is a truncated ELF file")
			}
			break // headers in an odd place: let the kernel judge
		}
		ph := head[at:]
		if le.Uint32(ph) != segInterp {
			continue
		}
		off, size := le.Uint64(ph[8:]), le.Uint64(ph[32:])
		if off < uint64(len(head)) && size <= uint64(len(head))-off {
			name, _, _ := bytes.Cut(head[off:off+size], []byte{0})
			info.Interp = string(name)
		}
	}
	return info, nil
}

// inspectScript reads the "#!" line as the kernel does, see
// load_script in fs/binfmt_script.c.
func inspectScript(head []byte) (Info, error) {
	line, _, _ := bytes.Cut(head[2:], []byte{'\n'})
	fields := bytes.Fields(line)
	if len(fields) == 0 {
		return Info{}, Error("is a script that names no interpreter after #!")
	}
	return Info{Interp: string(fields[0]), Script: true}, nil
}

// machineName names an ELF e_machine value in Go's words where there are any.
func machineName(machine uint16, class byte) string {
	switch machine {
	case 3:
		return "386"
	case 40:
		return "arm"
	case 62:
		return "amd64"
	case 183:
		return "arm64"
	case 258:
		return "loong64"
	case machineRISCV:
		if class != classELF64 {
			return "riscv32"
		}
	}
	return "ELF machine " + strconv.Itoa(int(machine))
}

// MissingInterp is the one-line reason why a program that needs info.Interp
// cannot start in a guest that lacks that file.
func MissingInterp(info Info) Error {
	if info.Script {
		return Error("is a script for " + info.Interp + ", which the guest does not have; pass that with --file")
	}
	return Error("is dynamically linked: needs " + info.Interp + "; link it statically or pass that with --file")
}
