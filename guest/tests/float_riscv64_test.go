// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tests

import (
	"math"
	"math/big"
	"math/rand"
	"testing"

	"vdev/guest/tests/internal/rv"
)

// Exception flags in fcsr, "Floating-Point Control and Status Register" in
// the unprivileged specification.
const (
	nx = 1 << iota // inexact
	uf             // underflow
	of             // overflow
	dz             // division by zero
	nv             // invalid
)

// Rounding modes, the frm field.
const (
	rne = iota // to nearest, ties to even
	rtz        // towards zero
	rdn        // down
	rup        // up
	rmm        // to nearest, ties away from zero
)

// bigModes are the rounding modes in the order of frm.
func bigModes() []big.RoundingMode {
	return []big.RoundingMode{big.ToNearestEven, big.ToZero, big.ToNegativeInf, big.ToPositiveInf, big.ToNearestAway}
}

// fpCode loads the code around an instruction that takes and gives doubles or
// singles in f10 to f12.
func fpCode(t *testing.T, double bool, inst uint32) rv.Code {
	t.Helper()
	c, err := rv.NewCode()
	must(t, err)
	t.Cleanup(func() { c.Free() })
	if double {
		must(t, c.Load(rv.FMVDX10, rv.FMVDX11, rv.FMVDX12, inst, rv.FMVXD10, rv.Ret))
	} else {
		must(t, c.Load(rv.FMVWX10, rv.FMVWX11, rv.FMVWX12, inst, rv.FMVXW10, rv.Ret))
	}
	return c
}

// binaryOps are operations with two or three operands, with their exact
// value by math/big.
func binaryOps() []struct {
	name   string
	funct7 uint32 // of the double form; zero for the fused ones
	fma    uint32
	exact  func(z, a, b, c *big.Float)
} {
	return []struct {
		name   string
		funct7 uint32
		fma    uint32
		exact  func(z, a, b, c *big.Float)
	}{
		{"fadd", 0x01, 0, func(z, a, b, c *big.Float) { z.Add(a, b) }},
		{"fsub", 0x05, 0, func(z, a, b, c *big.Float) { z.Sub(a, b) }},
		{"fmul", 0x09, 0, func(z, a, b, c *big.Float) { z.Mul(a, b) }},
		{"fdiv", 0x0d, 0, func(z, a, b, c *big.Float) { z.Quo(a, b) }},
		{"fmadd", 0, 0x43, func(z, a, b, c *big.Float) { fused(z, a, b, c, false, false) }},
		{"fmsub", 0, 0x47, func(z, a, b, c *big.Float) { fused(z, a, b, c, false, true) }},
		{"fnmsub", 0, 0x4b, func(z, a, b, c *big.Float) { fused(z, a, b, c, true, false) }},
		{"fnmadd", 0, 0x4f, func(z, a, b, c *big.Float) { fused(z, a, b, c, true, true) }},
	}
}

// fused sets z to (-)a*b +- c with one rounding.
func fused(z, a, b, c *big.Float, negProduct, negAddend bool) {
	product := new(big.Float).SetPrec(200).Mul(a, b)
	addend := new(big.Float).Set(c)
	if negProduct {
		product.Neg(product)
	}
	if negAddend {
		addend.Neg(addend)
	}
	z.Add(product, addend)
}

func TestRoundingAgainstBig(t *testing.T) {
	for _, double := range []bool{true, false} {
		prec, format, expBits := uint(53), uint32(1), uint(11)
		if !double {
			prec, format, expBits = 24, 0, 8
		}
		for _, op := range binaryOps() {
			inst := rv.FP(op.funct7, 11)
			switch {
			case op.fma != 0:
				inst = rv.FMA(op.fma, format)
			case !double:
				inst = rv.FP(op.funct7-1, 11)
			}
			code := fpCode(t, double, inst)
			rng := rand.New(rand.NewSource(1))
			for range 400 {
				a, b, c := randomFloat(rng, prec), randomFloat(rng, prec), randomFloat(rng, prec)
				for frm, mode := range bigModes() {
					z := new(big.Float).SetPrec(prec).SetMode(mode)
					op.exact(z, a, b, c)
					if z.Sign() == 0 {
						continue // the sign of zero has a test of its own
					}
					want := floatBits(z, prec, expBits)
					flags := uint64(0)
					if z.Acc() != big.Exact {
						flags = nx
					}
					got, _, fcsr := code.Call(floatBits(a, prec, expBits), floatBits(b, prec, expBits), floatBits(c, prec, expBits), uint64(frm)<<5)
					if !double {
						got &= math.MaxUint32
					}
					if got != want || fcsr&31 != flags {
						t.Fatalf("%s, %d bits, rounding mode %d: %v, %v, %v gives %#x flags %#x, want %#x flags %#x", op.name, prec, frm, a, b, c, got, fcsr&31, want, flags)
					}
				}
			}
		}
	}
}

// randomFloat returns a number of prec bits near 1, so that sums cancel and
// tie now and then, and no result of one operation leaves the normal range.
func randomFloat(rng *rand.Rand, prec uint) *big.Float {
	m := rng.Int63()>>(63-prec) | 1<<(prec-1)
	if rng.Intn(3) == 0 {
		m = m >> (prec / 2) << (prec / 2) // few bits: exact results and ties
	}
	if rng.Intn(2) == 0 {
		m = -m
	}
	f := new(big.Float).SetPrec(prec).SetInt64(m)
	return f.SetMantExp(f, rng.Intn(40)-20-int(prec))
}

// floatBits encodes a number that is normal in the format.
func floatBits(f *big.Float, prec, expBits uint) uint64 {
	m := new(big.Float)
	exp := f.MantExp(m) // f = m * 2^exp, 0.5 <= |m| < 1
	mant, _ := new(big.Float).SetMantExp(m.Abs(m), int(prec)).Uint64()
	bits := mant&(1<<(prec-1)-1) | uint64(exp-1+1<<(expBits-1)-1)<<(prec-1)
	if f.Signbit() {
		bits |= 1 << (prec - 1 + expBits)
	}
	return bits
}

func TestSquareRootAgainstBig(t *testing.T) {
	code := fpCode(t, true, rv.FP(0x2d, 0))
	rng := rand.New(rand.NewSource(2))
	for range 300 {
		a := randomFloat(rng, 53)
		a.Abs(a)
		if rng.Intn(4) == 0 {
			a.SetPrec(20).SetPrec(53)
			a.SetPrec(53).Mul(a, a) // exact
		}
		for frm, mode := range bigModes() {
			if mode == big.ToNearestAway {
				continue // as to even: a root is never half-way
			}
			wide := new(big.Float).SetPrec(200).Sqrt(a)
			z := new(big.Float).SetPrec(53).SetMode(mode).Set(wide)
			flags := uint64(nx)
			if new(big.Float).SetPrec(200).Mul(z, z).Cmp(a) == 0 {
				flags = 0
			}
			got, _, fcsr := code.Call(floatBits(a, 53, 11), 0, 0, uint64(frm)<<5)
			if want := floatBits(z, 53, 11); got != want || fcsr&31 != flags {
				t.Fatalf("rounding mode %d: root of %v is %#x flags %#x, want %#x flags %#x", frm, a, got, fcsr&31, want, flags)
			}
		}
	}
}

// Special values of double precision.
const (
	pInf     = 0x7ff0000000000000
	nInf     = 0xfff0000000000000
	qNaN     = 0x7ff8000000000000 // the canonical one, the only one ever made
	sNaN     = 0x7ff0000000000001
	payload  = 0xfff8000000001234
	pZero    = 0
	nZero    = 1 << 63
	one      = 0x3ff0000000000000
	two      = 0x4000000000000000
	maxFloat = 0x7fefffffffffffff
	minNorm  = 0x0010000000000000
	minSub   = 1
)

func TestSpecialDoubles(t *testing.T) {
	fadd, fsub, fmul, fdiv := rv.FP(0x01, 11), rv.FP(0x05, 11), rv.FP(0x09, 11), rv.FP(0x0d, 11)
	fsqrt := rv.FP(0x2d, 0)
	fmin, fmax := rv.FP3(0x15, 11, 0), rv.FP3(0x15, 11, 1)
	fsgnj, fsgnjn, fsgnjx := rv.FP3(0x11, 11, 0), rv.FP3(0x11, 11, 1), rv.FP3(0x11, 11, 2)
	cases := []struct {
		name  string
		inst  uint32
		a, b  uint64
		frm   uint64
		want  uint64
		flags uint64
	}{
		{"inf - inf", fsub, pInf, pInf, rne, qNaN, nv},
		{"0 * inf", fmul, pZero, nInf, rne, qNaN, nv},
		{"0 / 0", fdiv, pZero, nZero, rne, qNaN, nv},
		{"inf / inf", fdiv, pInf, nInf, rne, qNaN, nv},
		{"1 / 0", fdiv, one, pZero, rne, pInf, dz},
		{"1 / -0", fdiv, one, nZero, rne, nInf, dz},
		{"quiet NaN loses its payload", fadd, payload, one, rne, qNaN, 0},
		{"signalling NaN", fadd, one, sNaN, rne, qNaN, nv},
		{"root of -1", fsqrt, one | 1<<63, 0, rne, qNaN, nv},
		{"root of -0", fsqrt, nZero, 0, rne, nZero, 0},
		{"x - x", fsub, one, one, rne, pZero, 0},
		{"x - x down", fsub, one, one, rdn, nZero, 0},
		{"-0 + -0", fadd, nZero, nZero, rne, nZero, 0},
		{"-0 + 0", fadd, nZero, pZero, rne, pZero, 0},
		{"-0 + 0 down", fadd, nZero, pZero, rdn, nZero, 0},
		{"overflow", fmul, maxFloat, two, rne, pInf, of | nx},
		{"overflow to zero", fmul, maxFloat, two, rtz, maxFloat, of | nx},
		{"overflow down", fmul, maxFloat, two, rdn, maxFloat, of | nx},
		{"negative overflow down", fmul, maxFloat | 1<<63, two, rdn, nInf, of | nx},
		{"negative overflow up", fmul, maxFloat | 1<<63, two, rup, maxFloat | 1<<63, of | nx},
		{"overflow away", fmul, maxFloat, two, rmm, pInf, of | nx},
		{"exact subnormal", fdiv, minNorm, two, rne, minNorm >> 1, 0},
		{"inexact subnormal", fdiv, minSub, two, rne, pZero, uf | nx},
		{"inexact subnormal up", fdiv, minSub, two, rup, minSub, uf | nx},
		{"inexact subnormal away", fdiv, minSub, two, rmm, minSub, uf | nx},
		{"subnormal sum", fadd, minSub, minSub, rne, 2, 0},
		// Tininess is detected after rounding as if the exponent had no
		// limit: the second product rounds to the smallest normal number.
		{"tiny after rounding", fmul, 0x3fefffffffffffff, minNorm, rne, minNorm, uf | nx},
		{"not tiny after rounding", fmul, 0x3ff0000000000001, 0x000fffffffffffff, rne, minNorm, nx},
		{"min of zeros", fmin, pZero, nZero, rne, nZero, 0},
		{"max of zeros", fmax, nZero, pZero, rne, pZero, 0},
		{"min with a quiet NaN", fmin, payload, one, rne, one, 0},
		{"min with a signalling NaN", fmin, sNaN, one, rne, one, nv},
		{"max of NaNs", fmax, payload, payload, rne, qNaN, 0},
		{"sign injection", fsgnj, one, nZero, rne, one | 1<<63, 0},
		{"negated sign injection of a NaN", fsgnjn, sNaN, nZero, rne, sNaN, 0},
		{"xored sign injection", fsgnjx, one | 1<<63, nZero, rne, one, 0},
	}
	for _, c := range cases {
		got, _, fcsr := fpCode(t, true, c.inst).Call(c.a, c.b, 0, c.frm<<5)
		if got != c.want || fcsr&31 != c.flags {
			t.Errorf("%s: got %#x flags %#x, want %#x flags %#x", c.name, got, fcsr&31, c.want, c.flags)
		}
	}
}

func TestFlagsAccumulate(t *testing.T) {
	code := fpCode(t, true, rv.FP(0x0d, 11))
	_, _, fcsr := code.Call(one, pZero, 0, nv|uf)
	if fcsr != nv|uf|dz {
		t.Errorf("flags %#x, want the old ones and dz", fcsr)
	}
}

func TestConversions(t *testing.T) {
	// The code moves a0 to f10, converts to a0: rs2 picks the integer type.
	toInt := func(rs2 uint32) []uint32 { return []uint32{rv.FMVDX10, rv.FP(0x61, rs2), rv.Ret} }
	fromInt := func(rs2 uint32) []uint32 { return []uint32{rv.FP(0x69, rs2), rv.FMVXD10, rv.Ret} }
	const w, wu, l, lu = 0, 1, 2, 3
	bits := math.Float64bits
	cases := []struct {
		name  string
		code  []uint32
		in    uint64
		frm   uint64
		want  uint64
		flags uint64
	}{
		{"2.5 to w", toInt(w), bits(2.5), rne, 2, nx},
		{"3.5 to w", toInt(w), bits(3.5), rne, 4, nx},
		{"2.5 to w away", toInt(w), bits(2.5), rmm, 3, nx},
		{"-2.5 to w away", toInt(w), bits(-2.5), rmm, ^uint64(2), nx},
		{"-2.5 to w down", toInt(w), bits(-2.5), rdn, ^uint64(2), nx},
		{"-2.5 to w up", toInt(w), bits(-2.5), rup, ^uint64(1), nx},
		{"2^31 to w", toInt(w), bits(1 << 31), rne, 1<<31 - 1, nv},
		{"-2^31 to w", toInt(w), bits(-1 << 31), rne, 0xffffffff80000000, 0},
		{"NaN to w", toInt(w), qNaN, rne, 1<<31 - 1, nv},
		{"-inf to w", toInt(w), nInf, rne, 0xffffffff80000000, nv},
		{"2^32-1 to wu is sign-extended", toInt(wu), bits(1<<32 - 1), rne, math.MaxUint64, 0},
		{"-1 to wu", toInt(wu), bits(-1), rne, 0, nv},
		{"-0.5 to wu", toInt(wu), bits(-0.5), rtz, 0, nx},
		{"-0.5 to wu down", toInt(wu), bits(-0.5), rdn, 0, nv},
		{"2^63 to l", toInt(l), bits(1 << 63), rne, 1<<63 - 1, nv},
		{"-2^63 to l", toInt(l), bits(-1 << 63), rne, 1 << 63, 0},
		{"2^63 to lu", toInt(lu), bits(1 << 63), rne, 1 << 63, 0},
		{"2^64 to lu", toInt(lu), bits(1 << 64), rne, math.MaxUint64, nv},
		{"NaN to lu", toInt(lu), sNaN, rne, math.MaxUint64, nv},
		{"from w ignores the upper half", fromInt(w), 0xdeadbeef_ffffffff, rne, bits(-1), 0},
		{"from wu", fromInt(wu), 0xdeadbeef_ffffffff, rne, bits(1<<32 - 1), 0},
		{"2^53+1 from l", fromInt(l), 1<<53 + 1, rne, bits(1 << 53), nx},
		{"2^53+1 from l up", fromInt(l), 1<<53 + 1, rup, bits(1<<53 + 2), nx},
		{"2^53+1 from l away", fromInt(l), 1<<53 + 1, rmm, bits(1<<53 + 2), nx},
		{"-1 from lu", fromInt(lu), math.MaxUint64, rne, bits(1 << 64), nx},
		{"-1 from lu to zero", fromInt(lu), math.MaxUint64, rtz, bits(0xfffffffffffff800), nx},
		// fclass.d, funct3 1: one bit for each kind of number.
		{"class of -inf", []uint32{rv.FMVDX10, rv.FP3(0x71, 0, 1), rv.Ret}, nInf, rne, 1 << 0, 0},
		{"class of -1", []uint32{rv.FMVDX10, rv.FP3(0x71, 0, 1), rv.Ret}, bits(-1), rne, 1 << 1, 0},
		{"class of -0", []uint32{rv.FMVDX10, rv.FP3(0x71, 0, 1), rv.Ret}, nZero, rne, 1 << 3, 0},
		{"class of a subnormal", []uint32{rv.FMVDX10, rv.FP3(0x71, 0, 1), rv.Ret}, minSub, rne, 1 << 5, 0},
		{"class of a signalling NaN", []uint32{rv.FMVDX10, rv.FP3(0x71, 0, 1), rv.Ret}, sNaN, rne, 1 << 8, 0},
		{"class of a quiet NaN", []uint32{rv.FMVDX10, rv.FP3(0x71, 0, 1), rv.Ret}, payload, rne, 1 << 9, 0},
		// fcvt.s.d gives a boxed single; fcvt.d.s reads one.
		{"double to single", []uint32{rv.FMVDX10, rv.FP(0x20, 1), rv.FMVXD10, rv.Ret}, bits(1.1), rne, 0xffffffff_3f8ccccd, nx},
		{"double to single, tiny", []uint32{rv.FMVDX10, rv.FP(0x20, 1), rv.FMVXD10, rv.Ret}, bits(0x1p-200), rup, 0xffffffff_00000001, uf | nx},
		{"boxed single to double", []uint32{rv.FMVDX10, rv.FP(0x21, 0), rv.FMVXD10, rv.Ret}, 0xffffffff_3fc00000, rne, bits(1.5), 0},
		{"unboxed single is a NaN", []uint32{rv.FMVDX10, rv.FP(0x21, 0), rv.FMVXD10, rv.Ret}, 0xfffffffe_3fc00000, rne, qNaN, 0},
	}
	code, err := rv.NewCode()
	must(t, err)
	defer code.Free()
	for _, c := range cases {
		must(t, code.Load(c.code...))
		got, _, fcsr := code.Call(c.in, 0, 0, c.frm<<5)
		if got != c.want || fcsr&31 != c.flags {
			t.Errorf("%s: got %#x flags %#x, want %#x flags %#x", c.name, got, fcsr&31, c.want, c.flags)
		}
	}
}

func TestReservedRoundingMode(t *testing.T) {
	// A dynamic rounding mode of 5 makes the instruction illegal; the test
	// asks a child, which dies of it.
	p := tiny{name: "frm5", riscv64: []uint32{
		0x00500293, // li t0, 5
		0x00229073, // csrw frm, t0
		rv.FP(0x01, 11),
	}}
	if ws := wait(t, spawn(t, p.path(t), 0), 0); !ws.Signaled() || ws.Signal() != 4 {
		t.Errorf("got %#x, want death by SIGILL", ws)
	}
}
