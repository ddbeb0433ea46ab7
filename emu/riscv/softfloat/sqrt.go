// SPDX-License-Identifier: Apache-2.0

package softfloat

import (
	"math"
	"math/bits"
)

// SqrtF64 is the square root of a (FSQRT.D).
func SqrtF64(a uint64, rm Rounding, fl *Flags) uint64 {
	// The sign bit makes negative operands fail the comparison.
	if rm == RNE && a>>52 < 0x7ff && hasResidual(a) {
		x := math.Float64frombits(a)
		root := math.Sqrt(x)
		if *fl&NX == 0 && math.FMA(root, root, -x) != 0 {
			*fl |= NX
		}
		return math.Float64bits(root)
	}
	return binary64().sqrt(a, rm, fl)
}

// SqrtF32 is the square root of a (FSQRT.S).
func SqrtF32(a uint32, rm Rounding, fl *Flags) uint32 {
	if rm == RNE && a>>23 < 0xff {
		x := float64(math.Float32frombits(a))
		// The binary64 root has more than twice the bits plus two, so rounding it again rounds correctly.
		root := float32(math.Sqrt(x))
		if float64(root)*float64(root) != x {
			*fl |= NX
		}
		return math.Float32bits(root)
	}
	return uint32(binary32().sqrt(uint64(a), rm, fl))
}

// sqrt is the square root of a.
func (f format) sqrt(av uint64, rm Rounding, fl *Flags) uint64 {
	a := f.unpack(av)
	switch {
	case a.isNaN():
		return f.nan(a.kind == signaling, fl)
	case a.kind == zero:
		return av
	case a.neg:
		return f.invalid(fl)
	case a.kind == infinite:
		return av
	}
	// The operand is m * 4^(exp>>1) with m = sig/2^63 or twice that, so 1 <= m < 4. The host rounds the root of m to the
	// nearest of 53 bits; comparing its square with m shows on which side of it the exact root lies, and a value just
	// beside it rounds as the exact root does, because no rounding boundary is that near.
	even := a.exp&^1 == a.exp
	m := a.sig >> 11 // exact, in units of 2^-52
	hi, lo := m>>12, m<<52
	if !even {
		hi, lo = m>>11, m<<53
		m <<= 1
	}
	root := uint64(math.Sqrt(float64(m)*0x1p-52) * 0x1p52) // exact scaling, 53 bits
	sqHi, sqLo := bits.Mul64(root, root)
	sig := root << 11
	switch {
	case sqHi < hi || sqHi == hi && sqLo < lo:
		sig |= 1
	case sqHi != hi || sqLo != lo:
		sig--
	}
	return f.round(false, a.exp>>1, sig, rm, fl)
}
