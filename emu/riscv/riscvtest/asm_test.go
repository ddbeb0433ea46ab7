// SPDX-License-Identifier: Apache-2.0

package riscvtest_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"vdev/emu/riscv/isa"
	. "vdev/emu/riscv/riscvtest"
)

// run interprets what Li emits: enough of an independent reading to check it.
func run(t *testing.T, code []byte) uint64 {
	t.Helper()
	var r uint64
	for ; len(code) > 0; code = code[4:] {
		i := isa.Decode(uint32(code[0]) | uint32(code[1])<<8 | uint32(code[2])<<16 | uint32(code[3])<<24)
		src := r
		if i.Rs1 == 0 {
			src = 0
		}
		switch i.Op {
		case isa.OpADDI:
			r = src + uint64(i.Imm)
		case isa.OpADDIW:
			r = uint64(int64(int32(src + uint64(i.Imm))))
		case isa.OpLUI:
			r = uint64(i.Imm)
		case isa.OpSLLI:
			r = src << uint(i.Imm)
		default:
			t.Fatalf("unexpected %v", i)
		}
	}
	return r
}

func TestLiLoadsEveryKindOfConstant(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	values := []uint64{0, 1, ^uint64(0), 0x7ff, 0x800, 0xfff, 0x1000, 0x7fffffff, 0x80000000, 0xffffffff,
		0x7ffff800, 0x8000000000000000, 0xffffffff80000000, 0x123456789abcdef0}
	for range 2000 {
		v := r.Uint64() >> r.UintN(64) << r.UintN(64)
		values = append(values, v, -v)
	}
	for _, v := range values {
		a := New(0)
		a.Li(T0, v)
		if got := run(t, a.Bytes()); got != v {
			t.Errorf("Li(%#x) loads %#x", v, got)
		}
	}
}

func TestLabelsResolveBothWays(t *testing.T) {
	a := New(0x1000)
	a.Label("back")
	a.Branch(isa.OpBEQ, T0, T1, "ahead")
	a.Jal(Zero, "back")
	a.Label("ahead")
	b := a.Bytes()
	word := func(k int) uint32 {
		return uint32(b[k]) | uint32(b[k+1])<<8 | uint32(b[k+2])<<16 | uint32(b[k+3])<<24
	}
	if i := isa.Decode(word(0)); i.Imm != 8 {
		t.Errorf("branch ahead goes %d bytes", i.Imm)
	}
	if i := isa.Decode(word(4)); i.Imm != -4 {
		t.Errorf("jump back goes %d bytes", i.Imm)
	}
}

func TestMissingLabelPanics(t *testing.T) {
	defer func() {
		if s, ok := recover().(string); !ok || !strings.Contains(s, "nowhere") {
			t.Errorf("panic %q does not name the label", s)
		}
	}()
	a := New(0)
	a.Jal(Zero, "nowhere")
	a.Bytes()
}
