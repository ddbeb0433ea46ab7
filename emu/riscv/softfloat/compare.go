// SPDX-License-Identifier: Apache-2.0

package softfloat

import "math"

// EqF64 is a == b (FEQ.D): false for NaN, and NV for signaling NaN only.
func EqF64(a, b uint64, fl *Flags) bool {
	x, y := math.Float64frombits(a), math.Float64frombits(b)
	if x != x || y != y {
		binary64().signalNaN(a, b, fl)
	}
	return x == y
}

// LtF64 is a < b (FLT.D): false and NV for any NaN.
func LtF64(a, b uint64, fl *Flags) bool {
	x, y := math.Float64frombits(a), math.Float64frombits(b)
	if x != x || y != y {
		*fl |= NV
	}
	return x < y
}

// LeF64 is a <= b (FLE.D): false and NV for any NaN.
func LeF64(a, b uint64, fl *Flags) bool {
	x, y := math.Float64frombits(a), math.Float64frombits(b)
	if x != x || y != y {
		*fl |= NV
	}
	return x <= y
}

// MinF64 is the smaller of a and b (FMIN.D): the number if the other is a NaN, the canonical NaN if both are, and NV
// for signaling NaN.
func MinF64(a, b uint64, fl *Flags) uint64 { return binary64().choose(a, b, true, fl) }

// MaxF64 is the larger of a and b (FMAX.D), with NaN treated as by MinF64.
func MaxF64(a, b uint64, fl *Flags) uint64 { return binary64().choose(a, b, false, fl) }

// ClassF64 is the mask that FCLASS.D writes: one of its bits 0 to 9 is set.
func ClassF64(a uint64) uint64 { return binary64().class(a) }

// EqF32 is EqF64 for binary32 (FEQ.S).
func EqF32(a, b uint32, fl *Flags) bool {
	x, y := math.Float32frombits(a), math.Float32frombits(b)
	if x != x || y != y {
		binary32().signalNaN(uint64(a), uint64(b), fl)
	}
	return x == y
}

// LtF32 is LtF64 for binary32 (FLT.S).
func LtF32(a, b uint32, fl *Flags) bool {
	x, y := math.Float32frombits(a), math.Float32frombits(b)
	if x != x || y != y {
		*fl |= NV
	}
	return x < y
}

// LeF32 is LeF64 for binary32 (FLE.S).
func LeF32(a, b uint32, fl *Flags) bool {
	x, y := math.Float32frombits(a), math.Float32frombits(b)
	if x != x || y != y {
		*fl |= NV
	}
	return x <= y
}

// MinF32 is MinF64 for binary32 (FMIN.S).
func MinF32(a, b uint32, fl *Flags) uint32 {
	return uint32(binary32().choose(uint64(a), uint64(b), true, fl))
}

// MaxF32 is MaxF64 for binary32 (FMAX.S).
func MaxF32(a, b uint32, fl *Flags) uint32 {
	return uint32(binary32().choose(uint64(a), uint64(b), false, fl))
}

// ClassF32 is ClassF64 for binary32 (FCLASS.S).
func ClassF32(a uint32) uint64 { return binary32().class(uint64(a)) }

// signalNaN raises NV if a or b is a signaling NaN.
func (f format) signalNaN(a, b uint64, fl *Flags) {
	if f.isSignaling(a) || f.isSignaling(b) {
		*fl |= NV
	}
}

// order maps the patterns of numbers to integers that compare as the numbers do, with -0 before +0.
func (f format) order(v uint64) int64 {
	if f.isNeg(v) {
		return ^int64(f.magnitude(v))
	}
	return int64(v)
}

// choose is minimumNumber or maximumNumber (IEEE 754-2019 section 9.6) of a and b.
func (f format) choose(a, b uint64, smaller bool, fl *Flags) uint64 {
	nanA, nanB := f.isNaN(a), f.isNaN(b)
	if nanA || nanB {
		f.signalNaN(a, b, fl)
		switch {
		case !nanA:
			return a
		case !nanB:
			return b
		default:
			return f.canonical()
		}
	}
	if (f.order(a) < f.order(b)) == smaller {
		return a
	}
	return b
}

// The bits of the FCLASS result (unprivileged manual, "Single-Precision Floating-Point Classify Instruction"). Of the
// first four and the second four, the latter mirror the former for positive numbers.
const (
	classInfinite  = 0
	classNormal    = 1
	classSubnormal = 2
	classZero      = 3
	classPositive  = 7 // minus the bit of the negative number
	classSignaling = 8
	classQuiet     = 9
)

func (f format) class(v uint64) uint64 {
	var bit int
	switch m := f.magnitude(v); {
	case f.isSignaling(v):
		return 1 << classSignaling
	case f.isNaN(v):
		return 1 << classQuiet
	case m == f.infinity():
		bit = classInfinite
	case m == 0:
		bit = classZero
	case m < f.hidden():
		bit = classSubnormal
	default:
		bit = classNormal
	}
	if !f.isNeg(v) {
		bit = classPositive - bit
	}
	return 1 << bit
}
