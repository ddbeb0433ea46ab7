// SPDX-License-Identifier: Apache-2.0

package isa_test

import (
	"math/bits"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"vdev/emu/riscv/isa"
	"vdev/emu/riscv/isa/isatest"
)

// decodeCases pin what the manual says in prose; instructions by the rule are
// compared with GNU's disassembler.
var decodeCases = []struct {
	name string
	bits uint32
	want isa.Inst
}{
	{"all zeros", 0, isa.Inst{Len: 2}},
	{"all ones", 0xffffffff, isa.Inst{Len: 4}},
	{"48-bit encoding", 0x0000001f, isa.Inst{Len: 4}},
	{"the upper half of a compressed one is ignored", 0xffff4505, isa.Inst{Op: isa.OpADDI, Rd: 10, Imm: 1, Len: 2}},
	{"lui is sign-extended", 0x800000b7, isa.Inst{Op: isa.OpLUI, Rd: 1, Imm: -1 << 31, Len: 4}},
	{"auipc", 0x12345097, isa.Inst{Op: isa.OpAUIPC, Rd: 1, Imm: 0x12345000, Len: 4}},
	{"jal to itself minus 2", 0xfffff0ef, isa.Inst{Op: isa.OpJAL, Rd: 1, Imm: -2, Len: 4}},
	{"beq as far back as can be", 0x80208063, isa.Inst{Op: isa.OpBEQ, Rs1: 1, Rs2: 2, Imm: -4096, Len: 4}},
	{"shift by 63", 0x43f0d093, isa.Inst{Op: isa.OpSRAI, Rd: 1, Rs1: 1, Imm: 63, Len: 4}},
	{"word shift by 32", 0x0200909b, isa.Inst{Len: 4}},
	{"csrrwi", 0x300fd0f3, isa.Inst{Op: isa.OpCSRRWI, Rd: 1, Rs1: 31, Imm: 0x300, Len: 4}},
	{"fence", 0x0ff0000f, isa.Inst{Op: isa.OpFENCE, Imm: 0xff, Len: 4}},
	{"fence.tso", 0x8330000f, isa.Inst{Op: isa.OpFENCE, Imm: 0x833, Len: 4}},
	{"fence with reserved fields", 0x4ff0808f, isa.Inst{Op: isa.OpFENCE, Imm: 0x4ff, Len: 4}},
	{"fence.i with reserved fields", 0xfff0908f, isa.Inst{Op: isa.OpFENCE_I, Len: 4}},
	{"pause", 0x0100000f, isa.Inst{Op: isa.OpPAUSE, Len: 4}},
	{"fence with pause's sets and a reserved field", 0x0100008f, isa.Inst{Op: isa.OpFENCE, Imm: 0x10, Len: 4}},
	{"ori to x0 without prefetch", 0x00206013, isa.Inst{Op: isa.OpORI, Imm: 2, Len: 4}},
	{"prefetch.w", 0xfe32e013, isa.Inst{Op: isa.OpPREFETCH_W, Rs1: 5, Imm: -32, Len: 4}},
	{"lr.d.aq", 0x1400b0af, isa.Inst{Op: isa.OpLR_D, Rd: 1, Rs1: 1, RM: 2, Len: 4}},
	{"lr.w with rs2", 0x1010a0af, isa.Inst{Len: 4}},
	{"fadd.s with a reserved rounding mode", 0x0020d0d3, isa.Inst{Op: isa.OpFADD_S, Rd: 1, Rs1: 1, Rs2: 2, RM: 5, Len: 4}},
	{"zext.h", 0x080140bb, isa.Inst{Op: isa.OpZEXT_H, Rd: 1, Rs1: 2, Len: 4}},
	{"packw is not there", 0x083140bb, isa.Inst{Len: 4}},
	{"RV32's zext.h", 0x080140b3, isa.Inst{Len: 4}},
	{"rev8", 0x6b815093, isa.Inst{Op: isa.OpREV8, Rd: 1, Rs1: 2, Len: 4}},
	{"RV32's rev8", 0x69815093, isa.Inst{Len: 4}},
	{"orc.b", 0x28715093, isa.Inst{Op: isa.OpORC_B, Rd: 1, Rs1: 2, Len: 4}},
	{"c.addi4spn without immediate", 0x0004, isa.Inst{Len: 2}},
	{"c.addiw of x0", 0x2005, isa.Inst{Len: 2}},
	{"c.lui without immediate", 0x6081, isa.Inst{Len: 2}},
	{"c.lui of x0 is a hint", 0x6005, isa.Inst{Op: isa.OpLUI, Imm: 1 << 12, Len: 2}},
	{"c.addi16sp without immediate", 0x6101, isa.Inst{Len: 2}},
	{"c.lwsp to x0", 0x4002, isa.Inst{Len: 2}},
	{"c.ldsp to x0", 0x6002, isa.Inst{Len: 2}},
	{"c.fldsp to f0", 0x2002, isa.Inst{Op: isa.OpFLD, Rs1: 2, Len: 2}},
	{"c.jr to x0", 0x8002, isa.Inst{Len: 2}},
	{"c.ebreak", 0x9002, isa.Inst{Op: isa.OpEBREAK, Len: 2}},
	{"c.jalr", 0x9282, isa.Inst{Op: isa.OpJALR, Rd: 1, Rs1: 5, Len: 2}},
	{"Zcb's c.lbu is not there", 0x8000, isa.Inst{Len: 2}},
}

func TestDecode(t *testing.T) {
	for _, c := range decodeCases {
		if got := isa.Decode(c.bits); got != c.want {
			t.Errorf("%s: %#x: %#v, want %#v", c.name, c.bits, got, c.want)
		}
	}
}

// TestRandomDecodes demands that encodings made for an operation decode to it, and
// survive being decoded and encoded.
func TestRandomDecodes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for op := isa.OpIllegal + 1; op < isa.NumOps; op++ {
		mask, _ := op.Encoding()
		ignored := ^mask
		for range 200 {
			bits := isatest.Random(op, r)
			i := isa.Decode(bits)
			if i.Op != op || i.Len != 4 {
				t.Fatalf("%v: %#08x decodes to %#v", op, bits, i)
			}
			back, err := isa.Encode(i)
			if err != nil {
				t.Fatalf("%v: %#08x: %v", op, bits, err)
			}
			ignored &^= back // what Encode ever sets is not ignored
			if isa.Decode(back) != i {
				t.Errorf("%v: %#08x: encoded again as %#08x", op, bits, back)
			}
			if op != isa.OpFENCE && op != isa.OpFENCE_I && back != bits {
				t.Errorf("%v: %#08x: encoded again as %#08x", op, bits, back)
			}
		}
		if wide := op == isa.OpFENCE || op == isa.OpFENCE_I; (ignored != 0) != wide {
			t.Errorf("%v: bits %#08x are ignored", op, ignored)
		}
	}
}

// TestDecodeAgainstPictures compares the decoder's decisions with a search through
// all pictures, of which the one with most fixed bits wins.
func TestDecodeAgainstPictures(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	search := func(w uint32) (best isa.Op) {
		most := 0
		for op := isa.OpIllegal + 1; op < isa.NumOps; op++ {
			mask, match := op.Encoding()
			if n := bits.OnesCount32(mask); w&mask == match && n > most {
				best, most = op, n
			}
		}
		return best
	}
	for op := isa.OpIllegal + 1; op < isa.NumOps; op++ {
		for range 50 {
			near := isatest.Random(op, r) ^ 1<<(2+r.UintN(30)) ^ 1<<(2+r.UintN(30))
			for _, w := range []uint32{isatest.Random(op, r), near, r.Uint32() | 3} {
				if got, want := isa.Decode(w).Op, search(w); got != want {
					t.Errorf("%#08x: %v, the pictures say %v", w, got, want)
				}
			}
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, i := range []isa.Inst{
		{},
		{Op: isa.NumOps},
		{Op: isa.OpADDI, Imm: 2048},
		{Op: isa.OpADDI, Rs2: 1},
		{Op: isa.OpADD, Rd: 32},
		{Op: isa.OpBEQ, Imm: 3},
		{Op: isa.OpLUI, Imm: 1},
		{Op: isa.OpSLLIW, Imm: 32},
		{Op: isa.OpLR_W, RM: 4},
		{Op: isa.OpORI, Imm: 3}, // would be prefetch.w
	} {
		if bits, err := isa.Encode(i); err == nil {
			t.Errorf("%#v: encoded as %#08x", i, bits)
		}
	}
}

func TestInfo(t *testing.T) {
	for op := isa.OpIllegal; op < isa.NumOps; op++ {
		i := op.Info()
		if i.Name == "" || (i.Ext == "") != (op == isa.OpIllegal) {
			t.Errorf("%d: no name or extension: %#v", op, i)
		}
		if (i.Access == isa.AccessNone) != (i.Size == 0) {
			t.Errorf("%v: access without size, or the reverse", op)
		}
		wide := strings.HasSuffix(i.Name, ".d") || strings.HasSuffix(i.Name, ".w")
		if i.Ext == "A" && (!wide || i.Rd != isa.RegX || i.Rs1 != isa.RegX) {
			t.Errorf("%v: %#v", op, i)
		}
	}
	if got := (isa.NumOps + 1).String(); got != "illegal" {
		t.Errorf("number beyond the operations: %q", got)
	}
	fld := isa.OpFLD.Info()
	if fld.Rd != isa.RegF || fld.Rs1 != isa.RegX || fld.Access != isa.AccessLoad || fld.Size != 8 || fld.EndsBlock() {
		t.Errorf("fld: %#v", fld)
	}
	if csr := isa.OpCSRRWI.Info(); csr.Rs1 != isa.RegNone || !csr.EndsBlock() {
		t.Errorf("csrrwi: %#v", csr)
	}
}

func TestString(t *testing.T) {
	for _, c := range []struct {
		bits uint32
		want string
	}{
		{0x00208463, "beq\tra,sp,.+8"},
		{0xfe208ee3, "beq\tra,sp,.-4"},
		{0x4505, "addi\ta0,zero,1"},
		{0, "illegal"},
		{0x02a5f553, "fadd.d\tfa0,fa1,fa0"},
		{0x30002573, "csrrs\ta0,mstatus,zero"},
	} {
		if got := isa.Decode(c.bits).String(); got != c.want {
			t.Errorf("%#x: %q, want %q", c.bits, got, c.want)
		}
	}
	if got, want := isa.Disasm(0x4505, 0), "c.li\ta0,1"; got != want {
		t.Errorf("Disasm: %q, want %q", got, want)
	}
	if got, want := isa.Disasm(0xfe208ee3, 0), "beq\tra,sp,0xfffffffffffffffc"; got != want {
		t.Errorf("Disasm: %q, want %q", got, want)
	}
}

func TestInstSize(t *testing.T) {
	if n := reflect.TypeFor[isa.Inst]().Size(); n != 16 {
		t.Errorf("Inst has %d bytes, not 16", n)
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range decodeCases {
		f.Add(c.bits, uint64(0x80000000))
	}
	f.Fuzz(func(t *testing.T, bits uint32, pc uint64) {
		i := isa.Decode(bits)
		length := uint8(2)
		if bits&3 == 3 {
			length = 4
		}
		if i.Len != length || i.Op >= isa.NumOps {
			t.Fatalf("%#x: %#v", bits, i)
		}
		text := isa.Disasm(bits, pc)
		if illegal := strings.HasPrefix(text, "."); illegal != (i.Op == isa.OpIllegal) {
			t.Errorf("%#x: %#v is written as %q", bits, i, text)
		}
		if i.Op == isa.OpIllegal {
			if i != (isa.Inst{Len: length}) {
				t.Errorf("%#x: illegal with operands: %#v", bits, i)
			}
			return
		}
		if length == 2 && isa.Decode(bits|0xffff0000) != i {
			t.Errorf("%#x: the upper half matters", bits)
		}
		back, err := isa.Encode(i)
		if err != nil {
			t.Fatalf("%#x: %v", bits, err)
		}
		i.Len = 4
		if again := isa.Decode(back); again != i {
			t.Errorf("%#x: %#v, encoded and decoded: %#v", bits, i, again)
		}
		_ = i.String()
	})
}

// someInsts is a mixture of long and compressed instructions.
func someInsts() []uint32 {
	r := rand.New(rand.NewPCG(9, 10))
	var all []uint32
	for op := isa.OpIllegal + 1; op < isa.NumOps; op++ {
		all = append(all, isatest.Random(op, r), uint32(isatest.RandomCompressed(r, nil)))
	}
	return all
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	all := someInsts()
	n := testing.AllocsPerRun(10, func() {
		for _, bits := range all {
			if isa.Decode(bits).Op == isa.OpIllegal {
				t.Fail()
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	all := someInsts()
	for k := 0; b.Loop(); k++ {
		if isa.Decode(all[k%len(all)]).Op == isa.OpIllegal {
			b.Fatal("illegal")
		}
	}
}
