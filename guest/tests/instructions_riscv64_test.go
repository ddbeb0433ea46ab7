// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tests

import (
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"

	"vdev/guest/tests/internal/raw"
	"vdev/guest/tests/internal/rv"
)

func TestIntegerCorners(t *testing.T) {
	const op, op32 = 0x33, 0x3b
	minInt, minInt32 := uint64(1)<<63, uint64(0xffffffff80000000)
	neg := func(v int64) uint64 { return uint64(-v) }
	cases := []struct {
		name string
		inst uint32
		a, b uint64
		want uint64
	}{
		{"div by zero", rv.R(op, 4, 1), 7, 0, math.MaxUint64},
		{"div overflow", rv.R(op, 4, 1), minInt, neg(1), minInt},
		{"divu by zero", rv.R(op, 5, 1), 7, 0, math.MaxUint64},
		{"rem by zero", rv.R(op, 6, 1), neg(7), 0, neg(7)},
		{"rem overflow", rv.R(op, 6, 1), minInt, neg(1), 0},
		{"rem takes the dividend's sign", rv.R(op, 6, 1), neg(7), 3, neg(1)},
		{"remu by zero", rv.R(op, 7, 1), 7, 0, 7},
		{"divw by zero", rv.R(op32, 4, 1), 7, 0, math.MaxUint64},
		{"divw overflow", rv.R(op32, 4, 1), minInt32, neg(1), minInt32},
		{"divuw sign-extends", rv.R(op32, 5, 1), 0xffffffff, 1, math.MaxUint64},
		{"remw by zero sign-extends", rv.R(op32, 6, 1), 0x80000001, 0, 0xffffffff80000001},
		{"remuw by zero", rv.R(op32, 7, 1), 0x80000001, 0, 0xffffffff80000001},
		{"mulh", rv.R(op, 1, 1), minInt, minInt, 1 << 62},
		{"mulhsu", rv.R(op, 2, 1), neg(1), math.MaxUint64, math.MaxUint64},
		{"mulhu", rv.R(op, 3, 1), math.MaxUint64, math.MaxUint64, math.MaxUint64 - 1},
		{"mulw", rv.R(op32, 0, 1), 0x10001, 0x10001, 0x20001},
		{"sll uses six bits", rv.R(op, 1, 0), 1, 65, 2},
		{"sllw uses five bits", rv.R(op32, 1, 0), 1, 63, minInt32},
		{"sra", rv.R(op, 5, 0x20), minInt, 63, math.MaxUint64},
		{"srlw of a negative", rv.R(op32, 5, 0), 0xffffffff_80000000, 0, minInt32},
		{"addw wraps", rv.R(op32, 0, 0), 0x7fffffff, 1, minInt32},
		{"subw", rv.R(op32, 0, 0x20), 0, 1, math.MaxUint64},
		{"slt", rv.R(op, 2, 0), minInt, 0, 1},
		{"sltu", rv.R(op, 3, 0), minInt, 0, 0},
	}
	code, err := rv.NewCode()
	must(t, err)
	defer code.Free()
	for _, c := range cases {
		must(t, code.Load(c.inst, rv.Ret))
		if got, _, _ := code.Call(c.a, c.b, 0, 0); got != c.want {
			t.Errorf("%s: %#x, %#x gives %#x, want %#x", c.name, c.a, c.b, got, c.want)
		}
	}
}

func TestBitManipulation(t *testing.T) {
	if !extension(t, "zba") || !extension(t, "zbb") || !extension(t, "zbs") {
		t.Skip("the machine lacks Zba, Zbb or Zbs")
	}
	const op, op32, imm, imm32 = 0x33, 0x3b, 0x13, 0x1b
	unary := func(opcode, funct3, funct12 uint32) uint32 {
		return funct12<<20 | 10<<15 | funct3<<12 | 10<<7 | opcode
	}
	x, y := uint64(0x8123456789abcdef), uint64(0x00000000fedcba98)
	cases := []struct {
		name string
		inst uint32
		a, b uint64
		want uint64
	}{
		{"sh1add", rv.R(op, 2, 0x10), 3, 100, 106},
		{"sh3add", rv.R(op, 6, 0x10), 3, 100, 124},
		{"add.uw", rv.R(op32, 0, 0x04), 0xffffffff_ffffffff, 1, 0x1_00000000},
		{"sh2add.uw", rv.R(op32, 4, 0x10), 0xffffffff_80000000, 1, 0x2_00000001},
		{"andn", rv.R(op, 7, 0x20), x, y, x &^ y},
		{"orn", rv.R(op, 6, 0x20), x, y, x | ^y},
		{"xnor", rv.R(op, 4, 0x20), x, y, ^(x ^ y)},
		{"clz", unary(imm, 1, 0x600), 0x00ffffff_00000000, 0, 8},
		{"clz of zero", unary(imm, 1, 0x600), 0, 0, 64},
		{"ctz of zero", unary(imm, 1, 0x601), 0, 0, 64},
		{"cpop", unary(imm, 1, 0x602), math.MaxUint64, 0, 64},
		{"clzw", unary(imm32, 1, 0x600), 0xffffffff_00000001, 0, 31},
		{"ctzw of zero", unary(imm32, 1, 0x601), 1 << 32, 0, 32},
		{"cpopw", unary(imm32, 1, 0x602), 0xffffffff_0000000f, 0, 4},
		{"max", rv.R(op, 6, 0x05), x, 1, 1},
		{"maxu", rv.R(op, 7, 0x05), x, 1, x},
		{"min", rv.R(op, 4, 0x05), x, 1, x},
		{"minu", rv.R(op, 5, 0x05), x, 1, 1},
		{"sext.b", unary(imm, 1, 0x604), 0x80, 0, 0xffffffffffffff80},
		{"sext.h", unary(imm, 1, 0x605), 0x18000, 0, 0xffffffffffff8000},
		{"zext.h", unary(op32, 4, 0x080), x, 0, 0xcdef},
		{"rol", rv.R(op, 1, 0x30), x, 4, 0x123456789abcdef8},
		{"ror", rv.R(op, 5, 0x30), x, 4, 0xf8123456789abcde},
		{"rolw", rv.R(op32, 1, 0x30), 0x80000001, 1, 3},
		{"rorw", rv.R(op32, 5, 0x30), 1, 1, 0xffffffff80000000},
		{"orc.b", unary(imm, 5, 0x287), 0x0100200003000080, 0, 0xff00ff00ff0000ff},
		{"rev8", unary(imm, 5, 0x6b8), x, 0, 0xefcdab8967452381},
		{"bset", rv.R(op, 1, 0x14), 0, 127, 1 << 63},
		{"bclr", rv.R(op, 1, 0x24), math.MaxUint64, 64, math.MaxUint64 - 1},
		{"binv", rv.R(op, 1, 0x34), 8, 3, 0},
		{"bext", rv.R(op, 5, 0x24), x, 63, 1},
	}
	code, err := rv.NewCode()
	must(t, err)
	defer code.Free()
	for _, c := range cases {
		must(t, code.Load(c.inst, rv.Ret))
		if got, _, _ := code.Call(c.a, c.b, 0, 0); got != c.want {
			t.Errorf("%s: %#x, %#x gives %#x, want %#x", c.name, c.a, c.b, got, c.want)
		}
	}
}

func TestAtomicInstructions(t *testing.T) {
	// amoOP a0, a1, (a2): old value in a0.
	amo := func(funct5, width uint32) uint32 {
		return funct5<<27 | 3<<25 | 11<<20 | 12<<15 | width<<12 | 10<<7 | 0x2f
	}
	const w, d = 2, 3
	m := anonymous(t, 1, rw)
	cases := []struct {
		name            string
		inst            uint32
		mem, arg        uint64
		old, wantMemory uint64
	}{
		{"amoswap.w", amo(1, w), 0x11111111_80000000, 5, 0xffffffff80000000, 0x11111111_00000005},
		{"amoadd.w", amo(0, w), 0x11111111_ffffffff, 1, math.MaxUint64, 0x11111111_00000000},
		{"amoxor.d", amo(4, d), 0xff00, 0x0ff0, 0xff00, 0xf0f0},
		{"amoand.d", amo(12, d), 0xff00, 0x0ff0, 0xff00, 0x0f00},
		{"amoor.d", amo(8, d), 0xff00, 0x0ff0, 0xff00, 0xfff0},
		{"amomin.w", amo(16, w), 0x11111111_00000001, 0x80000000, 1, 0x11111111_80000000},
		{"amomax.w", amo(20, w), 0x11111111_00000001, 0x80000000, 1, 0x11111111_00000001},
		{"amominu.w", amo(24, w), 0x11111111_00000001, 0x80000000, 1, 0x11111111_00000001},
		{"amomaxu.d", amo(28, d), 1, 1 << 63, 1, 1 << 63},
		{"amomin.d", amo(16, d), 1, 1 << 63, 1, 1 << 63},
	}
	code, err := rv.NewCode()
	must(t, err)
	defer code.Free()
	for _, c := range cases {
		*m.Word64(8) = c.mem
		must(t, code.Load(c.inst, rv.Ret))
		if got, _, _ := code.Call(0, c.arg, uint64(m.Addr+8), 0); got != c.old || *m.Word64(8) != c.wantMemory {
			t.Errorf("%s: old value %#x and memory %#x, want %#x and %#x", c.name, got, *m.Word64(8), c.old, c.wantMemory)
		}
	}
}

func TestReservation(t *testing.T) {
	const (
		lrD  = 0x1006352f // lr.d a0, (a2)
		scD  = 0x18b6352f // sc.d a0, a1, (a2)
		lrW  = 0x1006252f // lr.w a0, (a2)
		scW  = 0x18b6252f // sc.w a0, a1, (a2)
		move = 0x00050593 // mv a1, a0
	)
	m := anonymous(t, 2, rw)
	code, err := rv.NewCode()
	must(t, err)
	defer code.Free()
	// A store-conditional without reservation fails and stores nothing.
	*m.Word64(0) = 7
	must(t, code.Load(lrD, scD, scD, rv.Ret)) // the first takes the reservation
	if got, _, _ := code.Call(0, 9, uint64(m.Addr), 0); got == 0 || *m.Word64(0) != 9 {
		t.Errorf("second sc.d gives %d, memory %d", got, *m.Word64(0))
	}
	// To another address than reserved it fails.
	const nextPage = 0x000016b7 // lui a3, 1
	const add = 0x00d60633      // add a2, a2, a3
	must(t, code.Load(lrW, nextPage, add, scW, rv.Ret))
	*m.Word64(page) = 3
	if got, _, _ := code.Call(0, 9, uint64(m.Addr), 0); got == 0 || *m.Word64(page) != 3 {
		t.Errorf("sc.w elsewhere gives %d, memory %d", got, *m.Word64(page))
	}
	// A loop of LR and SC is atomic against other harts' loops and AMOs.
	const (
		addi  = 0x00150593 // addi a1, a0, 1
		retry = 0xfe051ae3 // bnez a0, -12
	)
	must(t, code.Load(lrD, addi, scD, retry, rv.Ret))
	*m.Word64(0) = 0
	const n, rounds = 4, 5000
	threads(n, func(i int) {
		for range rounds {
			if i%2 == 0 {
				code.Call(0, 0, uint64(m.Addr), 0)
			} else {
				atomic.AddUint64(m.Word64(0), 1)
			}
		}
	})
	if got := *m.Word64(0); got != n*rounds {
		t.Errorf("counted %d, want %d", got, n*rounds)
	}
}

func TestMisalignedAccess(t *testing.T) {
	m := anonymous(t, 2, rw)
	for i := range m.Bytes() {
		m.Bytes()[i] = byte(i*7 + i>>8)
	}
	for _, base := range []uintptr{0, 56, page - 8} { // inside, across lines, across pages
		for off := base; off < base+9; off++ {
			var want uint64
			for i := range uintptr(8) {
				want |= uint64(m.Bytes()[off+i]) << (8 * i)
			}
			if got := *m.Word64(off); got != want {
				t.Errorf("64-bit load at %d: %#x, want %#x", off, got, want)
			}
			if got := *m.Word32(off); got != uint32(want) {
				t.Errorf("32-bit load at %d: %#x, want %#x", off, got, uint32(want))
			}
			if got := *m.Word16(off); got != uint16(want) {
				t.Errorf("16-bit load at %d: %#x, want %#x", off, got, uint16(want))
			}
			before, after := m.Bytes()[off-min(off, 1)], m.Bytes()[off+8]
			*m.Word64(off) = ^want
			for i := range uintptr(8) {
				if got := m.Bytes()[off+i]; got != byte(^want>>(8*i)) {
					t.Errorf("64-bit store at %d: byte %d is %#x", off, i, got)
				}
			}
			if off > 0 && m.Bytes()[off-1] != before || m.Bytes()[off+8] != after {
				t.Errorf("64-bit store at %d touches its neighbours", off)
			}
			*m.Word64(off) = want
		}
	}
}

func TestMisalignedAcrossAFault(t *testing.T) {
	m := anonymous(t, 2, rw)
	must(t, m.Protect(page, page, syscall.PROT_NONE))
	*m.Word32(page - 4) = 0x11223344
	at := uintptr(page - 4)
	addr, ok := fault(func() { storeWord(m, at, math.MaxUint64) })
	if !ok || addr < m.Addr+at || addr >= m.Addr+page+4 {
		t.Errorf("fault %v at %#x, want one within the access at %#x", ok, addr, m.Addr+at)
	}
}

//go:noinline
func storeWord(m raw.Mapping, at uintptr, v uint64) { *m.Word64(at) = v }

func TestWrittenCode(t *testing.T) {
	code, err := rv.NewCode()
	must(t, err)
	defer code.Free()
	for i := range int32(2000) {
		must(t, code.Load(rv.LI(i), rv.Ret))
		if got, _, _ := code.Call(0, 0, 0, 0); got != uint64(i) {
			t.Fatalf("code %d returns %d", i, got)
		}
	}
}

func TestCodeWritesItself(t *testing.T) {
	// sw a1, 12(a2); fence.i; then the instruction at 12: the word in a1.
	const sw, fencei = 0x00b62623, 0x0000100f
	code, err := rv.NewCode()
	must(t, err)
	defer code.Free()
	must(t, code.Load(sw, fencei, 0x00000013, rv.LI(-1), rv.Ret))
	for i := range int32(200) {
		if got, _, _ := code.Call(0, uint64(rv.LI(i)), uint64(code.Addr()), 0); got != uint64(i) {
			t.Fatalf("round %d gives %d", i, int64(got))
		}
	}
}

func TestCodeOfOtherHarts(t *testing.T) {
	// One thread writes code for another, which may run on another hart.
	code, err := rv.NewCode()
	must(t, err)
	defer code.Free()
	var turn atomic.Int32
	const rounds = 300
	threads(2, func(i int) {
		for r := range int32(rounds) {
			for turn.Load() != 2*r+int32(i) {
				runtime.Gosched()
			}
			if i == 0 {
				if err := code.Load(rv.LI(r), rv.Ret); err != nil {
					t.Error(err)
				}
			} else if got, _, _ := code.Call(0, 0, 0, 0); got != uint64(r) {
				t.Errorf("round %d: the code returns %d", r, got)
			}
			turn.Add(1)
		}
	})
}

func TestCodeInNewMapping(t *testing.T) {
	// The same virtual address with other code behind it each time.
	where := uintptr(0)
	for i := range int32(100) {
		m, err := raw.Map(where, page, rw|syscall.PROT_EXEC, syscall.MAP_PRIVATE, nil, 0)
		must(t, err)
		where = m.Addr
		m.Words()[0], m.Words()[1] = rv.LI(i), rv.Ret
		must(t, raw.FlushICache(m.Addr, m.Addr+page))
		if got := rv.CallAt(m.Addr); got != uint64(i) {
			t.Errorf("mapping %d returns %d", i, got)
		}
		must(t, m.Unmap(0, page))
	}
}

func TestCountersReadable(t *testing.T) {
	const rdtime = 0xc0102573 // csrr a0, time
	code, err := rv.NewCode()
	must(t, err)
	defer code.Free()
	must(t, code.Load(rdtime, rv.Ret))
	last, _, _ := code.Call(0, 0, 0, 0)
	advanced := false
	for range 10000 {
		v, _, _ := code.Call(0, 0, 0, 0)
		if v < last {
			t.Fatalf("time goes from %d back to %d", last, v)
		}
		advanced = advanced || v > last
		last = v
	}
	if !advanced {
		t.Error("time stands still")
	}
}

func TestPrivilegedInstructionsAreIllegal(t *testing.T) {
	for _, inst := range []uint32{
		0x10002573, // csrr a0, sstatus
		0x30002573, // csrr a0, mstatus
		0x10200073, // sret
		0x30200073, // mret
		0x12000073, // sfence.vma
		0xc0101073, // csrw time, x0
		0x00000000, // defined illegal
		0xffffffff, // defined illegal
	} {
		p := tiny{name: fmt.Sprintf("%08x", inst), riscv64: []uint32{inst}}
		if ws := wait(t, spawn(t, p.path(t), 0), 0); !ws.Signaled() || ws.Signal() != syscall.SIGILL {
			t.Errorf("%#08x: got %#x, want death by SIGILL", inst, ws)
		}
	}
}
