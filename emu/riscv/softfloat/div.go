// SPDX-License-Identifier: Apache-2.0

package softfloat

import (
	"math"
	"math/bits"
)

// DivF64 is a / b (FDIV.D).
func DivF64(a, b uint64, rm Rounding, fl *Flags) uint64 {
	if rm == RNE {
		x, y := math.Float64frombits(a), math.Float64frombits(b)
		quotient := x / y
		r := math.Float64bits(quotient)
		// The residual is a multiple of ulp(quotient)*ulp(y), which is representable because x is large enough.
		if hasResidual(r) && hasResidual(a) {
			if *fl&NX == 0 && math.FMA(quotient, y, -x) != 0 {
				*fl |= NX
			}
			return r
		}
	}
	return binary64().div(a, b, rm, fl)
}

// DivF32 is a / b (FDIV.S).
func DivF32(a, b uint32, rm Rounding, fl *Flags) uint32 {
	if rm == RNE {
		x, y := math.Float32frombits(a), math.Float32frombits(b)
		quotient := x / y
		r := math.Float32bits(quotient)
		// A quotient that is normal means a finite, nonzero divisor. The product of two binary32 numbers is exact.
		if r>>23&0xff-2 < 0xff-2 {
			if float64(quotient)*float64(y) != float64(x) {
				*fl |= NX
			}
			return r
		}
	}
	return uint32(binary32().div(uint64(a), uint64(b), rm, fl))
}

// div is a / b.
func (f format) div(av, bv uint64, rm Rounding, fl *Flags) uint64 {
	a, b := f.unpack(av), f.unpack(bv)
	neg := a.neg != b.neg
	switch {
	case a.isNaN() || b.isNaN():
		return f.nan(a.kind == signaling || b.kind == signaling, fl)
	case a.kind == infinite && b.kind == infinite, a.kind == zero && b.kind == zero:
		return f.invalid(fl)
	case a.kind == infinite:
		return f.signBit(neg) | f.infinity()
	case b.kind == zero:
		*fl |= DZ
		return f.signBit(neg) | f.infinity()
	case a.kind == zero || b.kind == infinite:
		return f.signBit(neg)
	}
	// Halve the dividend if need be, so that the quotient is below one and its 64 bits begin with a one.
	exp, hi, lo := a.exp-b.exp-1, a.sig, uint64(0)
	if a.sig >= b.sig {
		exp, hi, lo = exp+1, a.sig>>1, a.sig<<63
	}
	q, rem := bits.Div64(hi, lo, b.sig)
	return f.round(neg, exp, q|jam(rem), rm, fl)
}
