// SPDX-License-Identifier: Apache-2.0

package softfloat

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// opFunc is an operation with all operands and results widened to 64 bits: signed integers by their sign, truth as 0 or
// 1. Operations ignore the operands and the rounding mode they do not have.
type opFunc func(a, b, c uint64, rm Rounding, fl *Flags) uint64

// refFunc is the reference of an opFunc. It gives the flags that the operation raises.
type refFunc func(a, b, c uint64, rm Rounding) (uint64, Flags)

// op is an operation under test.
type op struct {
	name     string
	operands domain
	arity    int
	do       opFunc
	slow     opFunc // the integer path behind do, or nil if there is nothing before it
	ref      refFunc
}

// domain is what an operand may be: a pattern of a floating-point format, or else an integer.
type domain struct {
	float    refFormat
	width    uint
	isSigned bool
}

var (
	f16 = domain{float: ref16, width: 16}
	f32 = domain{float: ref32, width: 32}
	f64 = domain{float: ref64, width: 64}
	i32 = domain{width: 32, isSigned: true}
	i64 = domain{width: 64, isSigned: true}
	u32 = domain{width: 32}
	u64 = domain{width: 64}
)

func (d domain) isFloat() bool { return d.float.exp != 0 }

// operand makes raw an operand.
func (d domain) operand(raw uint64) uint64 {
	switch {
	case d.isSigned && d.width == 32:
		return uint64(int32(raw))
	default:
		return raw & (^uint64(0) >> (64 - d.width))
	}
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// The adapters make an opFunc of functions of the shapes of the package.

func op64x1(f func(uint64, Rounding, *Flags) uint64) opFunc {
	return func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return f(a, rm, fl) }
}

func op64x2(f func(a, b uint64, rm Rounding, fl *Flags) uint64) opFunc {
	return func(a, b, _ uint64, rm Rounding, fl *Flags) uint64 { return f(a, b, rm, fl) }
}

func op32x2(f func(a, b uint32, rm Rounding, fl *Flags) uint32) opFunc {
	return func(a, b, _ uint64, rm Rounding, fl *Flags) uint64 { return uint64(f(uint32(a), uint32(b), rm, fl)) }
}

// unsigned and signed conversions from A to R.
func conv[A uint16 | uint32 | uint64 | int32 | int64, R uint16 | uint32 | uint64 | int32 | int64](f func(A, Rounding, *Flags) R) opFunc {
	return func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return uint64(f(A(a), rm, fl)) }
}

func widen[A uint16 | uint32, R uint32 | uint64](f func(A, *Flags) R) opFunc {
	return func(a, _, _ uint64, _ Rounding, fl *Flags) uint64 { return uint64(f(A(a), fl)) }
}

func cmp[A uint32 | uint64](f func(a, b A, fl *Flags) bool) opFunc {
	return func(a, b, _ uint64, _ Rounding, fl *Flags) uint64 { return truth(f(A(a), A(b), fl)) }
}

func pick[A uint32 | uint64](f func(a, b A, fl *Flags) A) opFunc {
	return func(a, b, _ uint64, _ Rounding, fl *Flags) uint64 { return uint64(f(A(a), A(b), fl)) }
}

func class[A uint32 | uint64](f func(A) uint64) opFunc {
	return func(a, _, _ uint64, _ Rounding, _ *Flags) uint64 { return f(A(a)) }
}

func slowTo(from, to format) opFunc {
	return func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return from.convert(a, to, rm, fl) }
}

func slowSigned(f format, width uint) opFunc {
	return func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return uint64(f.toSigned(a, width, rm, fl)) }
}

func slowUnsigned(f format, width uint) opFunc {
	return func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return f.toUnsigned(a, width, rm, fl) }
}

func slowFromSigned(f format) opFunc {
	return func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return f.fromSigned(int64(a), rm, fl) }
}

func slowFromUnsigned(f format) opFunc {
	return func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return f.fromUnsigned(false, a, rm, fl) }
}

func slowSub(f format) opFunc {
	return func(a, b, _ uint64, rm Rounding, fl *Flags) uint64 { return f.add(a, b^f.signBit(true), rm, fl) }
}

// ops is every operation of the package.
func ops() []op {
	b32, b64 := binary32(), binary64()
	return []op{
		{"AddF64", f64, 2, op64x2(AddF64), op64x2(b64.add), ref64.add},
		{"SubF64", f64, 2, op64x2(SubF64), slowSub(b64), ref64.sub},
		{"MulF64", f64, 2, op64x2(MulF64), op64x2(b64.mul), ref64.mul},
		{"DivF64", f64, 2, op64x2(DivF64), op64x2(b64.div), ref64.div},
		{"SqrtF64", f64, 1, op64x1(SqrtF64), op64x1(b64.sqrt), ref64.sqrt},
		{"MulAddF64", f64, 3, MulAddF64, b64.mulAdd, ref64.mulAdd},
		{"AddF32", f32, 2, op32x2(AddF32), op64x2(b32.add), ref32.add},
		{"SubF32", f32, 2, op32x2(SubF32), slowSub(b32), ref32.sub},
		{"MulF32", f32, 2, op32x2(MulF32), op64x2(b32.mul), ref32.mul},
		{"DivF32", f32, 2, op32x2(DivF32), op64x2(b32.div), ref32.div},
		{"SqrtF32", f32, 1, conv(SqrtF32), op64x1(b32.sqrt), ref32.sqrt},
		{"MulAddF32", f32, 3, func(a, b, c uint64, rm Rounding, fl *Flags) uint64 {
			return uint64(MulAddF32(uint32(a), uint32(b), uint32(c), rm, fl))
		}, b32.mulAdd, ref32.mulAdd},

		{"EqF64", f64, 2, cmp(EqF64), nil, ref64.compare(true, 0)},
		{"LtF64", f64, 2, cmp(LtF64), nil, ref64.compare(false, -1)},
		{"LeF64", f64, 2, cmp(LeF64), nil, ref64.compare(false, -1, 0)},
		{"MinF64", f64, 2, pick(MinF64), nil, ref64.pick(-1)},
		{"MaxF64", f64, 2, pick(MaxF64), nil, ref64.pick(1)},
		{"ClassF64", f64, 1, class(ClassF64), nil, ref64.class},
		{"EqF32", f32, 2, cmp(EqF32), nil, ref32.compare(true, 0)},
		{"LtF32", f32, 2, cmp(LtF32), nil, ref32.compare(false, -1)},
		{"LeF32", f32, 2, cmp(LeF32), nil, ref32.compare(false, -1, 0)},
		{"MinF32", f32, 2, pick(MinF32), nil, ref32.pick(-1)},
		{"MaxF32", f32, 2, pick(MaxF32), nil, ref32.pick(1)},
		{"ClassF32", f32, 1, class(ClassF32), nil, ref32.class},

		{"F64ToI32", f64, 1, conv(F64ToI32), slowSigned(b64, 32), ref64.toInt(32, true)},
		{"F64ToI64", f64, 1, conv(F64ToI64), slowSigned(b64, 64), ref64.toInt(64, true)},
		{"F64ToU32", f64, 1, conv(F64ToU32), slowUnsigned(b64, 32), ref64.toInt(32, false)},
		{"F64ToU64", f64, 1, conv(F64ToU64), slowUnsigned(b64, 64), ref64.toInt(64, false)},
		{"F32ToI32", f32, 1, conv(F32ToI32), slowSigned(b32, 32), ref32.toInt(32, true)},
		{"F32ToI64", f32, 1, conv(F32ToI64), slowSigned(b32, 64), ref32.toInt(64, true)},
		{"F32ToU32", f32, 1, conv(F32ToU32), slowUnsigned(b32, 32), ref32.toInt(32, false)},
		{"F32ToU64", f32, 1, conv(F32ToU64), slowUnsigned(b32, 64), ref32.toInt(64, false)},

		{"I32ToF64", i32, 1, conv(I32ToF64), slowFromSigned(b64), ref64.fromInt(true)},
		{"I64ToF64", i64, 1, conv(I64ToF64), slowFromSigned(b64), ref64.fromInt(true)},
		{"U32ToF64", u32, 1, conv(U32ToF64), slowFromUnsigned(b64), ref64.fromInt(false)},
		{"U64ToF64", u64, 1, conv(U64ToF64), slowFromUnsigned(b64), ref64.fromInt(false)},
		{"I32ToF32", i32, 1, conv(I32ToF32), slowFromSigned(b32), ref32.fromInt(true)},
		{"I64ToF32", i64, 1, conv(I64ToF32), slowFromSigned(b32), ref32.fromInt(true)},
		{"U32ToF32", u32, 1, conv(U32ToF32), slowFromUnsigned(b32), ref32.fromInt(false)},
		{"U64ToF32", u64, 1, conv(U64ToF32), slowFromUnsigned(b32), ref32.fromInt(false)},

		{"F16ToF32", f16, 1, widen(F16ToF32), nil, ref16.to(ref32)},
		{"F16ToF64", f16, 1, widen(F16ToF64), nil, ref16.to(ref64)},
		{"F32ToF64", f32, 1, widen(F32ToF64), slowTo(b32, b64), ref32.to(ref64)},
		{"F32ToF16", f32, 1, conv(F32ToF16), nil, ref32.to(ref16)},
		{"F64ToF16", f64, 1, conv(F64ToF16), nil, ref64.to(ref16)},
		{"F64ToF32", f64, 1, conv(F64ToF32), slowTo(b64, b32), ref64.to(ref32)},
	}
}

var roundings = [...]Rounding{RNE, RTZ, RDN, RUP, RMM}

// before is the flags that are set before an operation: those with NX take the shorter short cuts.
var before = [...]Flags{0, NX, UF | OF | DZ | NV}

// check compares o with the reference, and with its integer path, for one rounding mode.
func (o op) check(t interface {
	Helper()
	Fatalf(string, ...any)
}, a, b, c uint64, rm Rounding) {
	t.Helper()
	want, raised := o.ref(a, b, c, rm)
	for _, already := range before {
		for path, f := range []opFunc{o.do, o.slow} {
			if f == nil {
				continue
			}
			fl := already
			got := f(a, b, c, rm, &fl)
			if got != want || fl != already|raised {
				t.Fatalf("%s (path %d) of %#x %#x %#x rounding %d, flags %#x: got %#x flags %#x, want %#x flags %#x",
					o.name, path, a, b, c, rm, already, got, fl, want, already|raised)
			}
		}
	}
}

// special is patterns of f at and beside its own limits. All of them is a large number.
func (f refFormat) special(all bool) []uint64 {
	ones := uint64(1)<<f.frac - 1
	exps := []int{0, 1, f.bias() - 1, f.bias(), 1<<f.exp - 2}
	fracs := []uint64{0, 1, ones}
	if all {
		exps = append(exps, 2, f.frac-8, f.bias()-f.frac-1, f.bias()+f.frac, 1<<f.exp-3)
		fracs = append(fracs, ones>>1+1)
	}
	var vs []uint64
	for _, e := range exps {
		for _, m := range fracs {
			vs = append(vs, uint64(e)<<f.frac|m)
		}
	}
	vs = append(vs, f.inf(), f.nan(), f.inf()+1, f.inf()|ones, f.nan()-1)
	for _, v := range vs {
		vs = append(vs, v|f.sign())
	}
	return vs
}

// boundaries is patterns of f beside the boundaries of other formats and of integers, for conversions and roots.
func (f refFormat) boundaries() []uint64 {
	ones := uint64(1)<<f.frac - 1
	var vs []uint64
	for _, e := range []int{
		-1074, -1023, -150, -149, -148, -127, -126, -125, -26, -25, -24, -16, -15, -14, -2, -1, 0, 1, 2, 15, 16, 17,
		30, 31, 32, 51, 52, 53, 54, 61, 62, 63, 64, 65, 127, 128, 1023,
	} {
		biased := e + f.bias()
		if biased < 0 || biased >= 1<<f.exp-1 {
			continue
		}
		base := uint64(biased) << f.frac
		for _, kept := range []int{0, 1, 2, 10, 23, 30, 31, 51} {
			if kept >= f.frac {
				continue
			}
			below := ones >> kept // the fraction bits after the kept ones
			half := below/2 + 1
			for _, top := range []uint64{0, ones &^ below, below + 1} {
				for _, m := range []uint64{0, 1, half - 1, half, half + 1, below} {
					vs = append(vs, base|(top|m)&ones, base|(top|m)&ones|f.sign())
				}
			}
		}
	}
	return vs
}

// corners is the operands worth crossing with each other, fewer for operations with more operands.
func (d domain) corners(arity int) []uint64 {
	if d.isFloat() {
		switch arity {
		case 1:
			return append(d.float.special(true), d.float.boundaries()...)
		case 2:
			return d.float.special(true)
		default:
			return d.float.special(false)
		}
	}
	var vs []uint64
	for shift := range d.width {
		p := uint64(1) << shift
		for _, v := range []uint64{p - 1, p, p + 1, p | p>>24, p | p>>24 | 1, p | p>>25, p | p>>53, p | p>>53 | 1, p - p>>24, p - p>>53, 3 * p} {
			vs = append(vs, d.operand(v), d.operand(-v))
		}
	}
	return vs
}

func TestCorners(t *testing.T) {
	for _, o := range ops() {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			vs := o.operands.corners(o.arity)
			bs, cs := vs[:1], vs[:1]
			if o.arity > 1 {
				bs = vs
			}
			if o.arity > 2 {
				cs = vs
			}
			n := 0
			for _, a := range vs {
				for _, b := range bs {
					for _, c := range cs {
						modes := roundings[:]
						if testing.Short() { // one of them, in turn
							modes = roundings[n%len(roundings):][:1]
						}
						n++
						for _, rm := range modes {
							o.check(t, a, b, c, rm)
						}
					}
				}
			}
		})
	}
}

// random is an operand; exponents are near each other, near the limits, or anywhere, and fractions often sparse.
func (d domain) random(r *rand.Rand) uint64 {
	if !d.isFloat() {
		v := r.Uint64() >> r.UintN(64)
		if r.UintN(2) == 0 {
			v = -v
		}
		return d.operand(v)
	}
	f := d.float
	var e int
	switch r.UintN(4) {
	case 0:
		e = r.IntN(1 << f.exp)
	case 1:
		e = r.IntN(f.frac + 4)
	default:
		e = min(max(f.bias()+r.IntN(2*f.frac)-f.frac, 0), 1<<f.exp-1)
	}
	m := r.Uint64()
	switch r.UintN(4) {
	case 0:
		m &= r.Uint64() & r.Uint64() & r.Uint64()
	case 1:
		m |= r.Uint64() | r.Uint64() | r.Uint64()
	case 2:
		m &= ^uint64(0) << r.UintN(uint(f.frac))
	}
	return f.signed(r.UintN(2) == 0, uint64(e)<<f.frac|m&(1<<f.frac-1))
}

func TestRandom(t *testing.T) {
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	for i, o := range ops() {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, uint64(i)))
			for range rounds {
				a, b, c := o.operands.random(r), o.operands.random(r), o.operands.random(r)
				if o.operands.isFloat() && r.UintN(4) == 0 {
					// Provoke cancellation: the addend next to minus the product.
					f := o.operands.float
					if p, _ := f.mul(a, b, 0, RNE); o.arity == 3 {
						c = o.operands.operand(p ^ f.sign() + r.Uint64N(3))
					} else {
						b = o.operands.operand(a ^ f.sign() + r.Uint64N(1<<r.UintN(uint(f.frac))))
					}
				}
				o.check(t, a, b, c, roundings[r.IntN(len(roundings))])
			}
		})
	}
}

// TestFusedTies multiplies two integers whose product lies halfway between two numbers of the format, so that the
// tiniest addend decides the rounding.
func TestFusedTies(t *testing.T) {
	factors := map[string][2]float64{
		"MulAddF32": {97, 172961},          // 2^24 + 1
		"MulAddF64": {321, 28059810762433}, // 2^53 + 1
	}
	found := 0
	for _, o := range ops() {
		xy, ok := factors[o.name]
		if !ok {
			continue
		}
		found++
		f := o.operands.float
		x, _ := ref64.to(f)(math.Float64bits(xy[0]), 0, 0, RNE)
		y, _ := ref64.to(f)(math.Float64bits(xy[1]), 0, 0, RNE)
		for _, addend := range []uint64{0, 1, 1 << f.frac, uint64(f.bias()-f.frac) << f.frac} {
			for _, rm := range roundings {
				for signs := range 4 {
					o.check(t, f.signed(signs&1 != 0, x), y, f.signed(signs&2 != 0, addend), rm)
				}
			}
		}
	}
	if found != len(factors) {
		t.Errorf("%d of %d operations were found", found, len(factors))
	}
}

// TestHalfExhaustive converts every binary16 pattern to the wider formats and back.
func TestHalfExhaustive(t *testing.T) {
	for v := range uint64(1 << 16) {
		var fl Flags
		wide, wider := F16ToF32(uint16(v), &fl), F16ToF64(uint16(v), &fl)
		if !ref16.isNaN(v) && fl != 0 {
			t.Fatalf("widening %#x raises %#x", v, fl)
		}
		back, back2 := F32ToF16(wide, RNE, &fl), F64ToF16(wider, RNE, &fl)
		want := uint16(v)
		if ref16.isNaN(v) {
			want = 0x7e00
		}
		if back != want || back2 != want {
			t.Fatalf("%#x comes back as %#x and %#x", v, back, back2)
		}
	}
}

func TestProperties(t *testing.T) {
	all := ops()
	rapid.Check(t, func(t *rapid.T) {
		o := all[rapid.IntRange(0, len(all)-1).Draw(t, "op")]
		rm := rapid.SampledFrom(roundings[:]).Draw(t, "rm")
		raw := rapid.Uint64()
		a, b, c := o.operands.operand(raw.Draw(t, "a")), o.operands.operand(raw.Draw(t, "b")), o.operands.operand(raw.Draw(t, "c"))
		o.check(t, a, b, c, rm)
	})
}

func FuzzOperations(f *testing.F) {
	all := ops()
	for i, o := range all {
		vs := o.operands.corners(o.arity)
		f.Add(uint8(i), uint8(i%len(roundings)), vs[len(vs)/2], vs[len(vs)/3], vs[len(vs)/4])
	}
	f.Fuzz(func(t *testing.T, index, rm uint8, a, b, c uint64) {
		o := all[int(index)%len(all)]
		o.check(t, o.operands.operand(a), o.operands.operand(b), o.operands.operand(c), Rounding(rm)%5)
	})
}

// TestHost compares with the machine's own arithmetic, a judge that shares no code with the integer paths.
func TestHost(t *testing.T) {
	host := map[string]opFunc{}
	for name, f := range map[string]func(x, y, z float64) float64{
		"AddF64":    func(x, y, _ float64) float64 { return x + y },
		"SubF64":    func(x, y, _ float64) float64 { return x - y },
		"MulF64":    func(x, y, _ float64) float64 { return x * y },
		"DivF64":    func(x, y, _ float64) float64 { return x / y },
		"SqrtF64":   func(x, _, _ float64) float64 { return math.Sqrt(x) },
		"MulAddF64": func(x, y, z float64) float64 { return math.FMA(x, y, z) },
	} {
		host[name] = func(a, b, c uint64, _ Rounding, _ *Flags) uint64 {
			r := f(math.Float64frombits(a), math.Float64frombits(b), math.Float64frombits(c))
			if r != r {
				return 0x7ff8000000000000
			}
			return math.Float64bits(r)
		}
	}
	for name, f := range map[string]func(x, y float32) float32{
		"AddF32":  func(x, y float32) float32 { return x + y },
		"SubF32":  func(x, y float32) float32 { return x - y },
		"MulF32":  func(x, y float32) float32 { return x * y },
		"DivF32":  func(x, y float32) float32 { return x / y },
		"SqrtF32": func(x, _ float32) float32 { return float32(math.Sqrt(float64(x))) },
	} {
		host[name] = func(a, b, _ uint64, _ Rounding, _ *Flags) uint64 {
			r := f(math.Float32frombits(uint32(a)), math.Float32frombits(uint32(b)))
			if r != r {
				return 0x7fc00000
			}
			return uint64(math.Float32bits(r))
		}
	}
	compared := 0
	for _, o := range ops() {
		f, ok := host[o.name]
		if !ok {
			continue
		}
		compared++
		t.Run(o.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(2, 3))
			for range 100_000 {
				a, b, c := o.operands.random(r), o.operands.random(r), o.operands.random(r)
				var fl Flags
				if got, want := o.slow(a, b, c, RNE, &fl), f(a, b, c, RNE, nil); got != want {
					t.Fatalf("%#x %#x %#x: got %#x, the host says %#x", a, b, c, got, want)
				}
			}
		})
	}
	if compared != len(host) {
		t.Errorf("%d of %d host functions were compared", compared, len(host))
	}
}

// TestReferenceRejects shows that check can fail: a result or a flag that is off is found.
func TestReferenceRejects(t *testing.T) {
	o := ops()[0]
	for name, wrong := range map[string]opFunc{
		"result": func(a, b, c uint64, rm Rounding, fl *Flags) uint64 { return o.do(a, b, c, rm, fl) ^ 1 },
		"flag": func(a, b, c uint64, rm Rounding, fl *Flags) uint64 {
			*fl |= UF
			return o.do(a, b, c, rm, fl)
		},
	} {
		broken := o
		broken.do = wrong
		var r recorder
		broken.check(&r, 0x3ff0000000000000, 0x3ff0000000000000, 0, RNE)
		if r == 0 {
			t.Errorf("a wrong %s passes", name)
		}
	}
}

// recorder counts failures instead of failing.
type recorder int

func (r *recorder) Helper()               {}
func (r *recorder) Fatalf(string, ...any) { *r++ }

func TestNoAllocations(t *testing.T) {
	for _, o := range ops() {
		vs := o.operands.corners(o.arity)
		fl := new(Flags) // through opFunc it escapes
		for _, rm := range roundings {
			if n := testing.AllocsPerRun(10, func() {
				*fl = 0
				for i, a := range vs {
					o.do(a, vs[len(vs)-1-i], vs[i/2], rm, fl)
				}
			}); n != 0 {
				t.Errorf("%s, rounding %d: %v allocations", o.name, rm, n)
			}
		}
	}
}

// benchOperand gives normal operands near one: 1.xxx for floats, and small integers.
func (d domain) benchOperand(r *rand.Rand) uint64 {
	if d.isFloat() {
		return uint64(d.float.bias())<<d.float.frac | r.Uint64()&(1<<d.float.frac-1)
	}
	return d.operand(r.Uint64() >> 40)
}

// BenchmarkOperations times each operation on ordinary operands: with NX set before, with NX clear each time, and in
// its integer path.
func BenchmarkOperations(b *testing.B) {
	for _, o := range ops() {
		r := rand.New(rand.NewPCG(4, 5))
		var vs [256]uint64
		for i := range vs {
			vs[i] = o.operands.benchOperand(r)
		}
		for _, variant := range []struct {
			name string
			do   opFunc
			keep Flags
		}{
			{"inexact", o.do, NX}, {"clear", o.do, 0}, {"integer", o.slow, NX},
		} {
			if variant.do == nil {
				continue
			}
			b.Run(fmt.Sprintf("%s/%s", o.name, variant.name), func(b *testing.B) {
				fl := variant.keep
				i := uint8(0)
				for b.Loop() {
					variant.do(vs[i], vs[i+1], vs[i+2], RNE, &fl)
					fl &= variant.keep
					i++
				}
			})
		}
	}
}
