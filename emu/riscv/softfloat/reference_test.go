// SPDX-License-Identifier: Apache-2.0

package softfloat

import "math/big"

// The reference computes exact rationals and rounds them as the standard's text says. It shares nothing with the
// package but the names of flags and rounding modes.

// refFormat is a binary interchange format by exponent and fraction width.
type refFormat struct{ exp, frac int }

var (
	ref16 = refFormat{5, 10}
	ref32 = refFormat{8, 23}
	ref64 = refFormat{11, 52}
)

func (f refFormat) bias() int            { return 1<<(f.exp-1) - 1 }
func (f refFormat) sign() uint64         { return 1 << (f.exp + f.frac) }
func (f refFormat) inf() uint64          { return (1<<f.exp - 1) << f.frac }
func (f refFormat) nan() uint64          { return f.inf() + 1<<(f.frac-1) }
func (f refFormat) isNaN(v uint64) bool  { return v%f.sign() > f.inf() }
func (f refFormat) isSNaN(v uint64) bool { return f.isNaN(v) && v%f.sign() < f.nan() }
func (f refFormat) isInf(v uint64) bool  { return v%f.sign() == f.inf() }
func (f refFormat) isZero(v uint64) bool { return v%f.sign() == 0 }
func (f refFormat) isNeg(v uint64) bool  { return v >= f.sign() }

func (f refFormat) signed(neg bool, magnitude uint64) uint64 {
	if neg {
		return magnitude + f.sign()
	}
	return magnitude
}

// pow2 is 2^e.
func pow2(e int) *big.Rat {
	one := big.NewInt(1)
	if e < 0 {
		return new(big.Rat).SetFrac(one, new(big.Int).Lsh(one, uint(-e)))
	}
	return new(big.Rat).SetInt(new(big.Int).Lsh(one, uint(e)))
}

func mulRat(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }

// value is the finite number v.
func (f refFormat) value(v uint64) *big.Rat {
	m := v % f.sign()
	exp, frac := int(m>>f.frac), m%(1<<f.frac)
	if exp == 0 {
		exp = 1
	} else {
		frac += 1 << f.frac
	}
	r := mulRat(new(big.Rat).SetInt(new(big.Int).SetUint64(frac)), pow2(exp-f.bias()-f.frac))
	if f.isNeg(v) {
		r.Neg(r)
	}
	return r
}

// refRoundInt rounds a magnitude to an integer.
func refRoundInt(m *big.Rat, neg bool, rm Rounding) (n *big.Int, inexact bool) {
	n, rem := new(big.Int).DivMod(m.Num(), m.Denom(), new(big.Int))
	if rem.Sign() == 0 {
		return n, false
	}
	half := rem.Lsh(rem, 1).Cmp(m.Denom())
	var up bool
	switch rm {
	case RNE:
		up = half > 0 || half == 0 && n.Bit(0) == 1
	case RDN:
		up = neg
	case RUP:
		up = !neg
	case RMM:
		up = half >= 0
	}
	if up {
		n.Add(n, big.NewInt(1))
	}
	return n, true
}

// floorLog2 is the e with 2^e <= m < 2^(e+1).
func floorLog2(m *big.Rat) int {
	e := m.Num().BitLen() - m.Denom().BitLen()
	if m.Cmp(pow2(e)) < 0 {
		e--
	}
	return e
}

// round is v, not zero, rounded to f.
func (f refFormat) round(v *big.Rat, rm Rounding) (uint64, Flags) {
	neg := v.Sign() < 0
	m := new(big.Rat).Abs(v)
	emin := 1 - f.bias()
	e := floorLog2(m)

	unbounded, _ := refRoundInt(mulRat(m, pow2(f.frac-e)), neg, rm)
	tiny := mulRat(new(big.Rat).SetInt(unbounded), pow2(e-f.frac)).Cmp(pow2(emin)) < 0

	quantum := max(e, emin) - f.frac
	n, inexact := refRoundInt(mulRat(m, pow2(-quantum)), neg, rm)
	var fl Flags
	if inexact {
		fl |= NX
		if tiny {
			fl |= UF
		}
	}
	if n.BitLen() > f.frac+1 {
		n.Rsh(n, 1)
		quantum++
	}
	if n.BitLen() <= f.frac {
		return f.signed(neg, n.Uint64()), fl
	}
	exp := quantum + f.frac + f.bias()
	if exp >= 1<<f.exp-1 {
		if rm == RTZ || rm == RDN && !neg || rm == RUP && neg {
			return f.signed(neg, f.inf()-1), OF | NX
		}
		return f.signed(neg, f.inf()), OF | NX
	}
	return f.signed(neg, uint64(exp)<<f.frac+n.Uint64()-1<<f.frac), fl
}

// anyNaN is the result if one of vs is a NaN.
func (f refFormat) anyNaN(vs ...uint64) (fl Flags, found bool) {
	for _, v := range vs {
		found = found || f.isNaN(v)
		if f.isSNaN(v) {
			fl = NV
		}
	}
	return fl, found
}

// sum rounds a + b, whose zero terms have the signs given.
func (f refFormat) sum(a, b *big.Rat, negA, negB bool, rm Rounding) (uint64, Flags) {
	s := new(big.Rat).Add(a, b)
	if s.Sign() != 0 {
		return f.round(s, rm)
	}
	if negA == negB {
		return f.signed(negA, 0), 0
	}
	return f.signed(rm == RDN, 0), 0
}

func (f refFormat) add(a, b, _ uint64, rm Rounding) (uint64, Flags) {
	if fl, found := f.anyNaN(a, b); found {
		return f.nan(), fl
	}
	switch {
	case f.isInf(a) && f.isInf(b) && a != b:
		return f.nan(), NV
	case f.isInf(a):
		return a, 0
	case f.isInf(b):
		return b, 0
	}
	return f.sum(f.value(a), f.value(b), f.isNeg(a), f.isNeg(b), rm)
}

func (f refFormat) sub(a, b, _ uint64, rm Rounding) (uint64, Flags) {
	return f.add(a, b^f.sign(), 0, rm)
}

func (f refFormat) mul(a, b, _ uint64, rm Rounding) (uint64, Flags) {
	neg := f.isNeg(a) != f.isNeg(b)
	if fl, found := f.anyNaN(a, b); found {
		return f.nan(), fl
	}
	switch {
	case f.isInf(a) && f.isZero(b), f.isZero(a) && f.isInf(b):
		return f.nan(), NV
	case f.isInf(a) || f.isInf(b):
		return f.signed(neg, f.inf()), 0
	case f.isZero(a) || f.isZero(b):
		return f.signed(neg, 0), 0
	}
	return f.round(mulRat(f.value(a), f.value(b)), rm)
}

func (f refFormat) div(a, b, _ uint64, rm Rounding) (uint64, Flags) {
	neg := f.isNeg(a) != f.isNeg(b)
	if fl, found := f.anyNaN(a, b); found {
		return f.nan(), fl
	}
	switch {
	case f.isInf(a) && f.isInf(b), f.isZero(a) && f.isZero(b):
		return f.nan(), NV
	case f.isInf(a):
		return f.signed(neg, f.inf()), 0
	case f.isZero(b):
		return f.signed(neg, f.inf()), DZ
	case f.isInf(b), f.isZero(a):
		return f.signed(neg, 0), 0
	}
	return f.round(new(big.Rat).Quo(f.value(a), f.value(b)), rm)
}

func (f refFormat) sqrt(a, _, _ uint64, rm Rounding) (uint64, Flags) {
	if fl, found := f.anyNaN(a); found {
		return f.nan(), fl
	}
	switch {
	case f.isZero(a):
		return a, 0
	case f.isNeg(a):
		return f.nan(), NV
	case f.isInf(a):
		return a, 0
	}
	// The root in units of 2^-700, finer than any rounding boundary; a half unit stands for the fraction, if any.
	const scale = 700
	square := mulRat(f.value(a), pow2(2*scale)).Num()
	root := new(big.Int).Sqrt(square)
	v := new(big.Rat).SetInt(root)
	if new(big.Int).Mul(root, root).Cmp(square) != 0 {
		v.Add(v, big.NewRat(1, 2))
	}
	return f.round(mulRat(v, pow2(-scale)), rm)
}

func (f refFormat) mulAdd(a, b, c uint64, rm Rounding) (uint64, Flags) {
	neg := f.isNeg(a) != f.isNeg(b)
	if f.isInf(a) && f.isZero(b) || f.isZero(a) && f.isInf(b) {
		return f.nan(), NV
	}
	if fl, found := f.anyNaN(a, b, c); found {
		return f.nan(), fl
	}
	switch {
	case f.isInf(a) || f.isInf(b):
		if f.isInf(c) && f.isNeg(c) != neg {
			return f.nan(), NV
		}
		return f.signed(neg, f.inf()), 0
	case f.isInf(c):
		return c, 0
	}
	return f.sum(mulRat(f.value(a), f.value(b)), f.value(c), neg, f.isNeg(c), rm)
}

// to converts to another format.
func (f refFormat) to(g refFormat) refFunc {
	return func(a, _, _ uint64, rm Rounding) (uint64, Flags) {
		if fl, found := f.anyNaN(a); found {
			return g.nan(), fl
		}
		switch {
		case f.isInf(a):
			return g.signed(f.isNeg(a), g.inf()), 0
		case f.isZero(a):
			return g.signed(f.isNeg(a), 0), 0
		}
		return g.round(f.value(a), rm)
	}
}

// intRange is the least and the greatest integer of a type.
func intRange(width uint, isSigned bool) (low, high *big.Int) {
	one := big.NewInt(1)
	if isSigned {
		low = new(big.Int).Lsh(one, width-1)
		high = new(big.Int).Sub(low, one)
		return low.Neg(low), high
	}
	return new(big.Int), high0(width)
}

func high0(width uint) *big.Int {
	h := new(big.Int).Lsh(big.NewInt(1), width)
	return h.Sub(h, big.NewInt(1))
}

// bits64 is the two's complement of n in 64 bits.
func bits64(n *big.Int) uint64 {
	return new(big.Int).And(n, high0(64)).Uint64()
}

// toInt converts to integers, sign-extended to 64 bits.
func (f refFormat) toInt(width uint, isSigned bool) refFunc {
	low, high := intRange(width, isSigned)
	return func(a, _, _ uint64, rm Rounding) (uint64, Flags) {
		switch {
		case f.isNaN(a), f.isInf(a) && !f.isNeg(a):
			return bits64(high), NV
		case f.isInf(a):
			return bits64(low), NV
		}
		v := f.value(a)
		n, inexact := refRoundInt(new(big.Rat).Abs(v), v.Sign() < 0, rm)
		if v.Sign() < 0 {
			n.Neg(n)
		}
		switch {
		case n.Cmp(low) < 0:
			return bits64(low), NV
		case n.Cmp(high) > 0:
			return bits64(high), NV
		case inexact:
			return bits64(n), NX
		}
		return bits64(n), 0
	}
}

// fromInt converts from integers held sign-extended or zero-extended in 64 bits.
func (f refFormat) fromInt(isSigned bool) refFunc {
	return func(a, _, _ uint64, rm Rounding) (uint64, Flags) {
		n := new(big.Int).SetUint64(a)
		if isSigned {
			n.SetInt64(int64(a))
		}
		if n.Sign() == 0 {
			return 0, 0
		}
		return f.round(new(big.Rat).SetInt(n), rm)
	}
}

// cmp orders numbers that are not NaN, with zeros equal.
func (f refFormat) cmp(a, b uint64) int {
	v := func(x uint64) *big.Rat {
		if f.isInf(x) {
			r := pow2(5000)
			if f.isNeg(x) {
				r.Neg(r)
			}
			return r
		}
		return f.value(x)
	}
	return v(a).Cmp(v(b))
}

// compare is a comparison that holds for the orders given, and is false for NaN.
func (f refFormat) compare(quiet bool, orders ...int) refFunc {
	return func(a, b, _ uint64, _ Rounding) (uint64, Flags) {
		if fl, found := f.anyNaN(a, b); found {
			if !quiet {
				fl = NV
			}
			return 0, fl
		}
		c := f.cmp(a, b)
		for _, o := range orders {
			if c == o {
				return 1, 0
			}
		}
		return 0, 0
	}
}

// pick is minimumNumber (order -1) or maximumNumber (order 1).
func (f refFormat) pick(order int) refFunc {
	return func(a, b, _ uint64, _ Rounding) (uint64, Flags) {
		fl, _ := f.anyNaN(a, b)
		switch {
		case f.isNaN(a) && f.isNaN(b):
			return f.nan(), fl
		case f.isNaN(a):
			return b, fl
		case f.isNaN(b):
			return a, fl
		}
		c := f.cmp(a, b)
		if c == 0 && a != b { // zeros of different sign
			c = 1
			if f.isNeg(a) {
				c = -1
			}
		}
		if c == order {
			return a, fl
		}
		return b, fl
	}
}

func (f refFormat) class(a, _, _ uint64, _ Rounding) (uint64, Flags) {
	subnormal := a%f.sign() < 1<<f.frac
	for bit, is := range []bool{
		f.isInf(a) && f.isNeg(a),
		!f.isNaN(a) && !f.isInf(a) && !subnormal && f.isNeg(a),
		subnormal && !f.isZero(a) && f.isNeg(a),
		f.isZero(a) && f.isNeg(a),
		f.isZero(a) && !f.isNeg(a),
		subnormal && !f.isZero(a) && !f.isNeg(a),
		!f.isNaN(a) && !f.isInf(a) && !subnormal && !f.isNeg(a),
		f.isInf(a) && !f.isNeg(a),
		f.isSNaN(a),
		f.isNaN(a) && !f.isSNaN(a),
	} {
		if is {
			return 1 << bit, 0
		}
	}
	panic("BUG: a pattern without a class")
}
