// SPDX-License-Identifier: Apache-2.0

package softfloat

import (
	"math"
	"math/bits"
)

// MulAddF64 is a * b + c with one rounding (FMADD.D). The other fused instructions negate operands.
func MulAddF64(a, b, c uint64, rm Rounding, fl *Flags) uint64 {
	if rm == RNE {
		x, y := math.Float64frombits(a), math.Float64frombits(b)
		if *fl&NX != 0 {
			// Exponent 1 might be rounded up from a tiny result.
			if r := math.Float64bits(math.FMA(x, y, math.Float64frombits(c))); r>>52&0x7ff-2 < 0x7ff-2 {
				return r
			}
		}
		// If the product is exact this is an addition.
		product := float64(x * y)
		p := math.Float64bits(product)
		if hasResidual(p) && math.FMA(x, y, -product) == 0 || p<<1 == 0 && (a<<1 == 0 || b<<1 == 0) {
			return AddF64(p, c, RNE, fl)
		}
	}
	return binary64().mulAdd(a, b, c, rm, fl)
}

// MulAddF32 is a * b + c with one rounding (FMADD.S). The other fused instructions negate operands.
func MulAddF32(a, b, c uint32, rm Rounding, fl *Flags) uint32 {
	if rm == RNE {
		x, y, z := math.Float32frombits(a), math.Float32frombits(b), float64(math.Float32frombits(c))
		product := float64(float64(x) * float64(y)) // exact
		sum := product + z
		lost := sumError(product, z, sum)
		if lost != 0 {
			// Round to odd instead: binary64 has enough bits that the second rounding is then the only one.
			if s := math.Float64bits(sum); s&1 == 0 {
				if (lost > 0) == (sum > 0) {
					s++
				} else {
					s--
				}
				sum = math.Float64frombits(s)
			}
		}
		rounded := float32(sum)
		r := math.Float32bits(rounded)
		if r>>23&0xff-2 < 0xff-2 || sum == 0 {
			if float64(rounded) != sum {
				*fl |= NX
			}
			return r
		}
	}
	return uint32(binary32().mulAdd(uint64(a), uint64(b), uint64(c), rm, fl))
}

// mulAdd is a * b + c with one rounding.
func (f format) mulAdd(av, bv, cv uint64, rm Rounding, fl *Flags) uint64 {
	a, b, c := f.unpack(av), f.unpack(bv), f.unpack(cv)
	neg := a.neg != b.neg
	switch {
	case a.kind == infinite && b.kind == zero, a.kind == zero && b.kind == infinite:
		return f.invalid(fl) // even if c is a quiet NaN
	case a.isNaN() || b.isNaN() || c.isNaN():
		return f.nan(a.kind == signaling || b.kind == signaling || c.kind == signaling, fl)
	case a.kind == infinite || b.kind == infinite:
		if c.kind == infinite && c.neg != neg {
			return f.invalid(fl)
		}
		return f.signBit(neg) | f.infinity()
	case c.kind == infinite:
		return cv
	case a.kind == zero || b.kind == zero:
		if c.kind == zero {
			return f.zeroSum(neg, c.neg, rm)
		}
		return cv
	}
	// The product has at most 106 significant bits: it keeps them all with its first one in bit 126, where it leaves
	// room for a carry.
	hi, lo := bits.Mul64(a.sig, b.sig)
	exp := a.exp + b.exp
	if hi>>63 != 0 {
		hi, lo = hi>>1, hi<<63|lo>>1
		exp++
	}
	if c.kind == nonzero {
		cHi, cLo := c.sig>>1, c.sig<<63
		if exp >= c.exp {
			cHi, cLo = shiftRightJam128(cHi, cLo, exp-c.exp)
		} else {
			hi, lo = shiftRightJam128(hi, lo, c.exp-exp)
			exp = c.exp
		}
		if neg == c.neg {
			var carry uint64
			lo, carry = bits.Add64(lo, cLo, 0)
			hi, _ = bits.Add64(hi, cHi, carry)
		} else {
			var borrow uint64
			lo, borrow = bits.Sub64(lo, cLo, 0)
			hi, borrow = bits.Sub64(hi, cHi, borrow)
			if borrow != 0 {
				neg = c.neg
				lo, borrow = bits.Sub64(0, lo, 0)
				hi, _ = bits.Sub64(0, hi, borrow)
			}
		}
		if hi == 0 {
			if lo == 0 {
				return f.zeroSum(neg, !neg, rm)
			}
			hi, lo, exp = lo, 0, exp-64
		}
	}
	lz := bits.LeadingZeros64(hi)
	hi, lo = hi<<lz|lo>>(64-lz), lo<<lz
	return f.round(neg, exp+1-lz, hi|jam(lo), rm, fl)
}
