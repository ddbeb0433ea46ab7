// SPDX-License-Identifier: Apache-2.0

package softfloat

import (
	"math"
	"math/bits"
)

// residualExp is the least biased binary64 exponent for which the short cuts compute residuals: the lowest bit of the
// product of two significands lies at most 105 places below the product's exponent, and thus is representable.
const residualExp = 107

// hasResidual tells whether the exponent of v is at least residualExp, and v finite.
func hasResidual(v uint64) bool {
	return v>>52&0x7ff-residualExp < 0x7ff-residualExp
}

// MulF64 is a * b (FMUL.D).
func MulF64(a, b uint64, rm Rounding, fl *Flags) uint64 {
	if rm == RNE {
		x, y := math.Float64frombits(a), math.Float64frombits(b)
		product := x * y
		r := math.Float64bits(product)
		if hasResidual(r) {
			if *fl&NX == 0 && math.FMA(x, y, -product) != 0 {
				*fl |= NX
			}
			return r
		}
		if r<<1 == 0 && (a<<1 == 0 || b<<1 == 0) {
			return r
		}
	}
	return binary64().mul(a, b, rm, fl)
}

// MulF32 is a * b (FMUL.S).
func MulF32(a, b uint32, rm Rounding, fl *Flags) uint32 {
	if rm == RNE {
		// Exact: 24 + 24 bits, and the exponent range of binary64 is wide enough.
		product := float64(math.Float32frombits(a)) * float64(math.Float32frombits(b))
		rounded := float32(product)
		r := math.Float32bits(rounded)
		if r>>23&0xff-2 < 0xff-2 || product == 0 {
			if float64(rounded) != product {
				*fl |= NX
			}
			return r
		}
	}
	return uint32(binary32().mul(uint64(a), uint64(b), rm, fl))
}

// mul is a * b.
func (f format) mul(av, bv uint64, rm Rounding, fl *Flags) uint64 {
	a, b := f.unpack(av), f.unpack(bv)
	neg := a.neg != b.neg
	switch {
	case a.isNaN() || b.isNaN():
		return f.nan(a.kind == signaling || b.kind == signaling, fl)
	case a.kind == infinite && b.kind == zero, a.kind == zero && b.kind == infinite:
		return f.invalid(fl)
	case a.kind == infinite || b.kind == infinite:
		return f.signBit(neg) | f.infinity()
	case a.kind == zero || b.kind == zero:
		return f.signBit(neg)
	}
	hi, lo := bits.Mul64(a.sig, b.sig)
	// hi has at most one leading zero, so that lo is far below the last place and matters only as a sticky bit.
	return f.normRound(neg, a.exp+b.exp+1, hi|jam(lo), rm, fl)
}
