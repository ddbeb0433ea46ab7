// SPDX-License-Identifier: Apache-2.0

package isa_test

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"vdev/emu/riscv/isa"
	"vdev/emu/riscv/isa/isatest"
)

func TestCompressedAgainstGNU(t *testing.T) {
	needObjdump(t)
	var code []byte
	for v := range 1 << 16 {
		if v&3 != 3 {
			code = binary.LittleEndian.AppendUint16(code, uint16(v))
		}
	}
	text := objdump(t, code)
	bad := 0
	for at := 0; at < len(code); at += 2 {
		v := binary.LittleEndian.Uint16(code[at:])
		got := isa.StyleNumeric.Disasm(uint32(v), uint64(at))
		if want := text[uint64(at)]; got != want {
			bad++
			if bad < 3000 {
				t.Errorf("%#04x: %q, GNU says %q", v, got, want)
			}
		}
	}
}

func TestAgainstGNU(t *testing.T) {
	needObjdump(t)
	r := rand.New(rand.NewPCG(1, 2))
	var code []byte
	for op := isa.OpIllegal + 1; op < isa.NumOps; op++ {
		for range 40 {
			code = binary.LittleEndian.AppendUint32(code, isatest.Random(op, r))
		}
	}
	text := objdump(t, code)
	bad := map[isa.Op]int{}
	for at := 0; at < len(code); at += 4 {
		v := binary.LittleEndian.Uint32(code[at:])
		got := isa.StyleNumeric.Disasm(v, uint64(at))
		if want := text[uint64(at)]; got != want && !strings.HasPrefix(got, "csr") {
			op := isa.Decode(v).Op
			bad[op]++
			if bad[op] < 4 {
				t.Errorf("%#04x: %q, GNU says %q", v, got, want)
			}
		}
	}
}
