// SPDX-License-Identifier: Apache-2.0

package isa_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const objdumpName = "riscv64-linux-gnu-objdump"

// objdumpArch names what GNU's disassembler shall know. It takes it from the ELF
// file's attributes.
const objdumpArch = "rv64i2p1_m2p0_a2p1_f2p2_d2p2_c2p0_zicsr2p0_zifencei2p0_zihintpause2p0" +
	"_zicbom1p0_zicboz1p0_zicbop1p0_zba1p0_zbb1p0_zbs1p0_zfhmin1p0_zawrs1p0_svinval1p0"

// needObjdump skips the test where GNU's disassembler is missing, and fails it where
// tools are demanded.
func needObjdump(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath(objdumpName); err != nil {
		if os.Getenv("VDEV_REQUIRE_TOOLS") != "" {
			t.Fatal(err)
		}
		t.Skipf("%v (Debian package binutils-riscv64-linux-gnu)", err)
	}
}

// noAliases are the options for the notation that isa.StyleNumeric has too.
const noAliases = "no-aliases,numeric,priv-spec=1.12"

// objdump disassembles code with GNU's disassembler and returns the text of each
// instruction by address: mnemonic, tab, operands.
func objdump(t *testing.T, code []byte, options string) map[uint64]string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "code.elf")
	if err := os.WriteFile(name, elfFile(code), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(objdumpName, "-d", "-z", "-M", options, name)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
	}
	text := map[uint64]string{}
	for line := range strings.Lines(string(out)) {
		cols := strings.SplitN(strings.TrimRight(line, "\n"), "\t", 3)
		address, ok := strings.CutSuffix(strings.TrimSpace(cols[0]), ":")
		if !ok || len(cols) != 3 {
			continue
		}
		a, err := strconv.ParseUint(address, 16, 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		// A comment shows an address that GNU computed from several instructions.
		s, _, _ := strings.Cut(cols[2], " # ")
		text[a] = strings.TrimSpace(s)
	}
	return text
}

// elfFile is a RISC-V executable with one section of code, at address 0, and the
// attributes that name the architecture.
func elfFile(code []byte) []byte {
	le := binary.LittleEndian
	const names = "\x00.text\x00.riscv.attributes\x00.shstrtab\x00"
	// psABI, "Attributes": format version, then per vendor a length, the name, and
	// subsections; tag 1 is the file's, tag 5 in it the architecture.
	arch := append([]byte{5}, objdumpArch+"\x00"...)
	sub := append(le.AppendUint32([]byte{1}, uint32(5+len(arch))), arch...)
	vendor := append([]byte("riscv\x00"), sub...)
	attributes := append(le.AppendUint32([]byte{'A'}, uint32(4+len(vendor))), vendor...)

	const headerSize, sectionSize = 64, 64
	codeAt := headerSize
	attributesAt := codeAt + len(code)
	namesAt := attributesAt + len(attributes)
	sectionsAt := (namesAt + len(names) + 7) &^ 7

	b := []byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	b = le.AppendUint16(b, 2)   // ET_EXEC
	b = le.AppendUint16(b, 243) // EM_RISCV
	b = le.AppendUint32(b, 1)
	b = le.AppendUint64(b, 0) // entry
	b = le.AppendUint64(b, 0) // no program headers
	b = le.AppendUint64(b, uint64(sectionsAt))
	b = le.AppendUint32(b, 5) // RVC, double-float ABI
	for _, v := range []uint16{headerSize, 0, 0, sectionSize, 4, 3} {
		b = le.AppendUint16(b, v)
	}
	b = append(append(append(b, code...), attributes...), names...)
	b = append(b, make([]byte, sectionsAt-len(b))...)
	b = append(b, make([]byte, sectionSize)...)
	section := func(name, kind uint32, flags uint64, at, size int) {
		b = le.AppendUint32(le.AppendUint32(b, name), kind)
		b = le.AppendUint64(le.AppendUint64(b, flags), 0)
		b = le.AppendUint64(le.AppendUint64(b, uint64(at)), uint64(size))
		b = le.AppendUint64(b, 0) // link, info
		b = le.AppendUint64(le.AppendUint64(b, 1), 0)
	}
	section(1, 1, 6, codeAt, len(code))                      // SHT_PROGBITS, alloc and exec
	section(7, 0x70000003, 0, attributesAt, len(attributes)) // SHT_RISCV_ATTRIBUTES
	section(25, 3, 0, namesAt, len(names))                   // SHT_STRTAB
	return b
}
