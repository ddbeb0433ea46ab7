// SPDX-License-Identifier: Apache-2.0

package softfloat

import "math"

// AddF64 is a + b (FADD.D).
func AddF64(a, b uint64, rm Rounding, fl *Flags) uint64 {
	if rm == RNE {
		x, y := math.Float64frombits(a), math.Float64frombits(b)
		sum := x + y
		if r := math.Float64bits(sum); r>>52&0x7ff < 0x7ff {
			if *fl&NX == 0 && sumError(x, y, sum) != 0 {
				*fl |= NX
			}
			return r
		}
	}
	return binary64().add(a, b, rm, fl)
}

// SubF64 is a - b (FSUB.D).
func SubF64(a, b uint64, rm Rounding, fl *Flags) uint64 {
	return AddF64(a, b^1<<63, rm, fl)
}

// AddF32 is a + b (FADD.S).
func AddF32(a, b uint32, rm Rounding, fl *Flags) uint32 {
	if rm == RNE {
		x, y := math.Float32frombits(a), math.Float32frombits(b)
		sum := x + y
		if r := math.Float32bits(sum); r>>23&0xff < 0xff {
			if *fl&NX == 0 && sumError(x, y, sum) != 0 {
				*fl |= NX
			}
			return r
		}
	}
	return uint32(binary32().add(uint64(a), uint64(b), rm, fl))
}

// SubF32 is a - b (FSUB.S).
func SubF32(a, b uint32, rm Rounding, fl *Flags) uint32 {
	return AddF32(a, b^1<<31, rm, fl)
}

// sumError is x + y - sum, where sum is x + y rounded to nearest, and finite (Knuth's TwoSum, exact also for subnormal
// operands: a sum is inexact only if it is far above them). Beside the largest finite numbers an intermediate result
// may overflow; that takes an inexact sum, and then the error is infinite or NaN instead, thus not zero either.
func sumError[T float32 | float64](x, y, sum T) T {
	y1 := sum - x
	x1 := sum - y1
	return (x - x1) + (y - y1)
}

// add is a + b.
func (f format) add(av, bv uint64, rm Rounding, fl *Flags) uint64 {
	a, b := f.unpack(av), f.unpack(bv)
	switch {
	case a.isNaN() || b.isNaN():
		return f.nan(a.kind == signaling || b.kind == signaling, fl)
	case a.kind == infinite:
		if b.kind == infinite && a.neg != b.neg {
			return f.invalid(fl)
		}
		return av
	case b.kind == infinite:
		return bv
	case a.kind == zero && b.kind == zero:
		return f.zeroSum(a.neg, b.neg, rm)
	case a.kind == zero:
		return bv
	case b.kind == zero:
		return av
	}
	if a.exp < b.exp || a.exp == b.exp && a.sig < b.sig {
		a, b = b, a
	}
	// One bit of room for the carry. If ones are lost into the sticky bit the exponents differ by more than one, and
	// the difference keeps all but one of its leading bits.
	x, y := a.sig>>1, shiftRightJam(b.sig>>1, a.exp-b.exp)
	if a.neg == b.neg {
		return f.normRound(a.neg, a.exp+1, x+y, rm, fl)
	}
	if x == y {
		return f.zeroSum(a.neg, b.neg, rm)
	}
	return f.normRound(a.neg, a.exp+1, x-y, rm, fl)
}
