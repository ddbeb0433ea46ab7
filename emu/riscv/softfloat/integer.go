// SPDX-License-Identifier: Apache-2.0

package softfloat

import "math"

// F64ToI32 rounds a to an integer (FCVT.W.D). NaN and what is out of range give the nearest or, for NaN, the largest
// integer and NV alone.
func F64ToI32(a uint64, rm Rounding, fl *Flags) int32 {
	if i, ok := fastToInt(math.Float64frombits(a), rm, math.MinInt32, math.MaxInt32, fl); ok {
		return int32(i)
	}
	return int32(binary64().toSigned(a, 32, rm, fl))
}

// F64ToI64 rounds a to an integer (FCVT.L.D), saturating as F64ToI32 does.
func F64ToI64(a uint64, rm Rounding, fl *Flags) int64 {
	if i, ok := fastToInt(math.Float64frombits(a), rm, -fastIntLimit, fastIntLimit, fl); ok {
		return i
	}
	return binary64().toSigned(a, 64, rm, fl)
}

// F64ToU32 rounds a to an integer (FCVT.WU.D), saturating as F64ToI32 does.
func F64ToU32(a uint64, rm Rounding, fl *Flags) uint32 {
	if i, ok := fastToInt(math.Float64frombits(a), rm, 0, math.MaxUint32, fl); ok {
		return uint32(i)
	}
	return uint32(binary64().toUnsigned(a, 32, rm, fl))
}

// F64ToU64 rounds a to an integer (FCVT.LU.D), saturating as F64ToI32 does.
func F64ToU64(a uint64, rm Rounding, fl *Flags) uint64 {
	if i, ok := fastToInt(math.Float64frombits(a), rm, 0, fastIntLimit, fl); ok {
		return uint64(i)
	}
	return binary64().toUnsigned(a, 64, rm, fl)
}

// F32ToI32 is F64ToI32 for binary32 (FCVT.W.S).
func F32ToI32(a uint32, rm Rounding, fl *Flags) int32 {
	if i, ok := fastToInt(float64(math.Float32frombits(a)), rm, math.MinInt32, math.MaxInt32, fl); ok {
		return int32(i)
	}
	return int32(binary32().toSigned(uint64(a), 32, rm, fl))
}

// F32ToI64 is F64ToI64 for binary32 (FCVT.L.S).
func F32ToI64(a uint32, rm Rounding, fl *Flags) int64 {
	if i, ok := fastToInt(float64(math.Float32frombits(a)), rm, -fastIntLimit, fastIntLimit, fl); ok {
		return i
	}
	return binary32().toSigned(uint64(a), 64, rm, fl)
}

// F32ToU32 is F64ToU32 for binary32 (FCVT.WU.S).
func F32ToU32(a uint32, rm Rounding, fl *Flags) uint32 {
	if i, ok := fastToInt(float64(math.Float32frombits(a)), rm, 0, math.MaxUint32, fl); ok {
		return uint32(i)
	}
	return uint32(binary32().toUnsigned(uint64(a), 32, rm, fl))
}

// F32ToU64 is F64ToU64 for binary32 (FCVT.LU.S).
func F32ToU64(a uint32, rm Rounding, fl *Flags) uint64 {
	if i, ok := fastToInt(float64(math.Float32frombits(a)), rm, 0, fastIntLimit, fl); ok {
		return uint64(i)
	}
	return binary32().toUnsigned(uint64(a), 64, rm, fl)
}

// fastIntLimit bounds the short cut for 64-bit results, well inside what the host converts.
const fastIntLimit = 1 << 62

// fastToInt rounds x if the rounding mode has a host instruction and the result lies within low and high, which NaN and
// infinities do not.
func fastToInt(x float64, rm Rounding, low, high float64, fl *Flags) (int64, bool) {
	rounded := x
	switch rm {
	case RTZ:
		rounded = math.Trunc(x)
	case RNE:
		rounded = math.RoundToEven(x)
	case RDN:
		rounded = math.Floor(x)
	case RUP:
		rounded = math.Ceil(x)
	default:
		return 0, false
	}
	if !(rounded >= low && rounded <= high) {
		return 0, false
	}
	if rounded != x {
		*fl |= NX
	}
	return int64(rounded), true
}

// I32ToF64 converts i (FCVT.D.W), exactly: rm does not matter, and no flag is raised.
func I32ToF64(i int32, _ Rounding, _ *Flags) uint64 { return math.Float64bits(float64(i)) }

// U32ToF64 converts i (FCVT.D.WU), exactly: rm does not matter, and no flag is raised.
func U32ToF64(i uint32, _ Rounding, _ *Flags) uint64 { return math.Float64bits(float64(i)) }

// I64ToF64 converts i (FCVT.D.L).
func I64ToF64(i int64, rm Rounding, fl *Flags) uint64 {
	if isExactF64(i) {
		return math.Float64bits(float64(i))
	}
	return binary64().fromSigned(i, rm, fl)
}

// U64ToF64 converts i (FCVT.D.LU).
func U64ToF64(i uint64, rm Rounding, fl *Flags) uint64 {
	if i <= 1<<53 {
		return math.Float64bits(float64(int64(i)))
	}
	return binary64().fromUnsigned(false, i, rm, fl)
}

// I32ToF32 converts i (FCVT.S.W).
func I32ToF32(i int32, rm Rounding, fl *Flags) uint32 {
	return I64ToF32(int64(i), rm, fl)
}

// U32ToF32 converts i (FCVT.S.WU).
func U32ToF32(i uint32, rm Rounding, fl *Flags) uint32 {
	return I64ToF32(int64(i), rm, fl)
}

// I64ToF32 converts i (FCVT.S.L).
func I64ToF32(i int64, rm Rounding, fl *Flags) uint32 {
	if isExactF64(i) {
		return F64ToF32(math.Float64bits(float64(i)), rm, fl)
	}
	return uint32(binary32().fromSigned(i, rm, fl))
}

// U64ToF32 converts i (FCVT.S.LU).
func U64ToF32(i uint64, rm Rounding, fl *Flags) uint32 {
	if i <= 1<<53 {
		return F64ToF32(math.Float64bits(float64(int64(i))), rm, fl)
	}
	return uint32(binary32().fromUnsigned(false, i, rm, fl))
}

// isExactF64 tells whether the magnitude of i is at most 2^53.
func isExactF64(i int64) bool { return uint64(i+1<<53) <= 1<<54 }

// toInteger rounds v to an integer, as sign and magnitude. It is out of the range of any integer if ok is false: then
// the flags are untouched, and NaN counts as positive.
func (f format) toInteger(v uint64, rm Rounding) (neg bool, magnitude uint64, inexact, ok bool) {
	n := f.unpack(v)
	switch {
	case n.isNaN():
		return false, 0, false, false
	case n.kind == zero:
		return n.neg, 0, false, true
	case n.kind == infinite || n.exp > 63:
		return n.neg, 0, false, false
	case n.exp == 63:
		return n.neg, n.sig, false, true
	}
	// rem is the fraction in units of 2^-64. Magnitudes below one half all round alike.
	kept, rem := uint64(0), uint64(1)
	switch {
	case n.exp >= 0:
		kept, rem = n.sig>>(63-n.exp), n.sig<<(n.exp+1)
	case n.exp == -1:
		rem = n.sig
	}
	if increments(rm, n.neg, kept&1 != 0, rem, 1<<63) {
		kept++
	}
	return n.neg, kept, rem != 0, true
}

// toSigned rounds v to a signed integer of the width given, saturating.
func (f format) toSigned(v uint64, width uint, rm Rounding, fl *Flags) int64 {
	neg, magnitude, inexact, ok := f.toInteger(v, rm)
	limit := uint64(1) << (width - 1)
	if !neg {
		limit--
	}
	if !ok || magnitude > limit {
		*fl |= NV
		magnitude, inexact = limit, false
	}
	if inexact {
		*fl |= NX
	}
	if neg {
		return -int64(magnitude)
	}
	return int64(magnitude)
}

// toUnsigned rounds v to an unsigned integer of the width given, saturating.
func (f format) toUnsigned(v uint64, width uint, rm Rounding, fl *Flags) uint64 {
	neg, magnitude, inexact, ok := f.toInteger(v, rm)
	limit := ^uint64(0) >> (64 - width)
	if neg {
		limit = 0
	}
	if !ok || magnitude > limit {
		*fl |= NV
		magnitude, inexact = limit, false
	}
	if inexact {
		*fl |= NX
	}
	return magnitude
}

// fromSigned converts i.
func (f format) fromSigned(i int64, rm Rounding, fl *Flags) uint64 {
	if i < 0 {
		return f.fromUnsigned(true, -uint64(i), rm, fl)
	}
	return f.fromUnsigned(false, uint64(i), rm, fl)
}

// fromUnsigned converts the integer of the sign and magnitude given.
func (f format) fromUnsigned(neg bool, magnitude uint64, rm Rounding, fl *Flags) uint64 {
	if magnitude == 0 {
		return 0
	}
	return f.normRound(neg, 63, magnitude, rm, fl)
}
