// SPDX-License-Identifier: Apache-2.0

package softfloat

import "math"

// F32ToF64 widens a (FCVT.D.S), exactly.
func F32ToF64(a uint32, fl *Flags) uint64 {
	if x := math.Float32frombits(a); x == x {
		return math.Float64bits(float64(x))
	}
	return binary32().convert(uint64(a), binary64(), RNE, fl)
}

// F64ToF32 narrows a (FCVT.S.D).
func F64ToF32(a uint64, rm Rounding, fl *Flags) uint32 {
	x := math.Float64frombits(a)
	rounded := float32(x)
	if float64(rounded) == x {
		return math.Float32bits(rounded) // exact in all rounding modes, also if subnormal
	}
	if r := math.Float32bits(rounded); rm == RNE && r>>23&0xff-2 < 0xff-2 {
		*fl |= NX
		return r
	}
	return uint32(binary64().convert(a, binary32(), rm, fl))
}

// F16ToF32 widens a (FCVT.S.H), exactly.
func F16ToF32(a uint16, fl *Flags) uint32 {
	return uint32(binary16().convert(uint64(a), binary32(), RNE, fl))
}

// F16ToF64 widens a (FCVT.D.H), exactly.
func F16ToF64(a uint16, fl *Flags) uint64 {
	return binary16().convert(uint64(a), binary64(), RNE, fl)
}

// F32ToF16 narrows a (FCVT.H.S).
func F32ToF16(a uint32, rm Rounding, fl *Flags) uint16 {
	return uint16(binary32().convert(uint64(a), binary16(), rm, fl))
}

// F64ToF16 narrows a (FCVT.H.D).
func F64ToF16(a uint64, rm Rounding, fl *Flags) uint16 {
	return uint16(binary64().convert(a, binary16(), rm, fl))
}

// convert is the pattern v of format f in format to.
func (f format) convert(v uint64, to format, rm Rounding, fl *Flags) uint64 {
	n := f.unpack(v)
	switch n.kind {
	case nonzero:
		return to.round(n.neg, n.exp, n.sig, rm, fl)
	case zero:
		return to.signBit(n.neg)
	case infinite:
		return to.signBit(n.neg) | to.infinity()
	default:
		return to.nan(n.kind == signaling, fl)
	}
}
