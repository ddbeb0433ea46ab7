// SPDX-License-Identifier: Apache-2.0

package softfloat

import "math/bits"

// Flags is a set of accrued exceptions, laid out as fcsr.fflags (unprivileged manual, "Floating-Point Control and
// Status Register"). Operations add to the set they are given and never clear it.
type Flags uint8

// The accrued exceptions.
const (
	NX Flags = 1 << iota // inexact
	UF                   // underflow: tiny after rounding, and inexact
	OF                   // overflow
	DZ                   // division by zero
	NV                   // invalid operation
)

// Rounding is a rounding mode, encoded as fcsr.frm. The encodings above RMM are reserved or dynamic; the caller has
// resolved or rejected them.
type Rounding uint8

// The rounding modes.
const (
	RNE Rounding = iota // to nearest, ties to even
	RTZ                 // towards zero
	RDN                 // towards negative infinity
	RUP                 // towards positive infinity
	RMM                 // to nearest, ties away from zero
)

// format describes a binary interchange format of at most 64 bits. A pattern is held in the low bits of a uint64:
//
//	sign | exponent (expBits) | fraction (fracBits)
type format struct {
	expBits, fracBits uint8
}

func binary16() format { return format{5, 10} }
func binary32() format { return format{8, 23} }
func binary64() format { return format{11, 52} }

func (f format) expMask() int      { return 1<<f.expBits - 1 }
func (f format) bias() int         { return 1<<(f.expBits-1) - 1 }
func (f format) hidden() uint64    { return 1 << f.fracBits }
func (f format) infinity() uint64  { return uint64(f.expMask()) << f.fracBits }
func (f format) canonical() uint64 { return f.infinity() | 1<<(f.fracBits-1) }

func (f format) signBit(neg bool) uint64 {
	if neg {
		return 1 << (f.expBits + f.fracBits)
	}
	return 0
}

// magnitude is v without its sign.
func (f format) magnitude(v uint64) uint64 { return v &^ f.signBit(true) }

func (f format) isNeg(v uint64) bool { return v&f.signBit(true) != 0 }

func (f format) isNaN(v uint64) bool { return f.magnitude(v) > f.infinity() }

func (f format) isSignaling(v uint64) bool { return f.isNaN(v) && v>>(f.fracBits-1)&1 == 0 }

// invalid raises NV and is the canonical NaN.
func (f format) invalid(fl *Flags) uint64 {
	*fl |= NV
	return f.canonical()
}

// nan is the result of an operation with a NaN among its operands; signaling tells whether one of them was signaling.
func (f format) nan(signaling bool, fl *Flags) uint64 {
	if signaling {
		*fl |= NV
	}
	return f.canonical()
}

// kind sorts unpacked numbers. The NaN kinds are the last two.
type kind uint8

const (
	nonzero kind = iota // finite
	zero
	infinite
	quiet
	signaling
)

// number is an unpacked operand. If kind is nonzero its value is sig * 2^(exp-63), with bit 63 of sig set, for
// subnormal operands too; otherwise sig and exp have no meaning.
type number struct {
	sig  uint64
	exp  int
	neg  bool
	kind kind
}

func (n number) isNaN() bool { return n.kind >= quiet }

func (f format) unpack(v uint64) number {
	n := number{neg: f.isNeg(v)}
	exp := int(v>>f.fracBits) & f.expMask()
	frac := v & (f.hidden() - 1)
	switch {
	case exp == f.expMask():
		switch {
		case frac == 0:
			n.kind = infinite
		case f.isSignaling(v):
			n.kind = signaling
		default:
			n.kind = quiet
		}
	case exp != 0:
		n.sig = (frac | f.hidden()) << (63 - f.fracBits)
		n.exp = exp - f.bias()
	case frac != 0:
		lz := bits.LeadingZeros64(frac)
		n.sig = frac << lz
		n.exp = 1 - f.bias() + 63 - int(f.fracBits) - lz
	default:
		n.kind = zero
	}
	return n
}

// zeroSum is the sum of two zeros or of x and -x, whose signs are given: IEEE 754-2019 section 6.3.
func (f format) zeroSum(negA, negB bool, rm Rounding) uint64 {
	if negA == negB {
		return f.signBit(negA)
	}
	return f.signBit(rm == RDN)
}

// jam is 1 if any bit of v is set: a sticky bit.
func jam(v uint64) uint64 {
	if v != 0 {
		return 1
	}
	return 0
}

// shiftRightJam shifts right and keeps in bit 0 whether a one was lost. The distance is not negative.
func shiftRightJam(v uint64, distance int) uint64 {
	if distance >= 64 {
		return jam(v)
	}
	return v>>distance | jam(v<<(64-distance))
}

// shiftRightJam128 is shiftRightJam of the 128-bit number hi:lo.
func shiftRightJam128(hi, lo uint64, distance int) (uint64, uint64) {
	switch {
	case distance >= 128:
		return 0, jam(hi | lo)
	case distance >= 64:
		return 0, hi>>(distance-64) | jam(hi<<(128-distance)|lo)
	default:
		return hi >> distance, hi<<(64-distance) | lo>>distance | jam(lo<<(64-distance))
	}
}

// increments tells whether a magnitude whose last kept bit is odd and whose lost part is rem, in units where half is
// half a unit in the last place, is rounded away from zero.
func increments(rm Rounding, neg, odd bool, rem, half uint64) bool {
	switch rm {
	case RNE:
		return rem > half || rem == half && odd
	case RDN:
		return neg && rem != 0
	case RUP:
		return !neg && rem != 0
	case RMM:
		return rem >= half
	default:
		return false
	}
}

// normRound is round for a sig that is not zero but may have leading zeros.
func (f format) normRound(neg bool, exp int, sig uint64, rm Rounding, fl *Flags) uint64 {
	lz := bits.LeadingZeros64(sig)
	return f.round(neg, exp-lz, sig<<lz, rm, fl)
}

// round packs sig * 2^(exp-63), rounded, and raises the flags that rounding raises. Bit 63 of sig is set, and bit 0 may
// be a sticky bit: the widest format has 11 bits of sig below its last place.
func (f format) round(neg bool, exp int, sig uint64, rm Rounding, fl *Flags) uint64 {
	shift := 63 - f.fracBits
	half := uint64(1) << (shift - 1)
	mask := uint64(1)<<shift - 1
	biased := exp + f.bias()
	tiny := false
	if biased <= 0 {
		// Tininess after rounding: rounded as if exponents had no lower bound, is the result below the smallest normal
		// number? Only a carry out of the largest significand below it makes the result not tiny.
		carries := sig|mask == ^uint64(0) && increments(rm, neg, true, sig&mask, half)
		tiny = biased < 0 || !carries
		sig = shiftRightJam(sig, 1-biased)
		biased = 1
	}
	kept, rem := sig>>shift, sig&mask
	if increments(rm, neg, kept&1 != 0, rem, half) {
		kept++
	}
	if rem != 0 {
		*fl |= NX
		if tiny {
			*fl |= UF
		}
	}
	// kept holds the hidden bit, which adds one to the exponent field; a carry out of the fraction adds one more, and a
	// subnormal result, without hidden bit, gets exponent 0.
	packed := uint64(biased-1)<<f.fracBits + kept
	if packed >= f.infinity() {
		*fl |= OF | NX
		packed = f.infinity()
		if !increments(rm, neg, true, 1, 1) {
			packed-- // the largest finite number
		}
	}
	return f.signBit(neg) | packed
}
