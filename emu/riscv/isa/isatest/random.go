// SPDX-License-Identifier: Apache-2.0

// Package isatest makes random instructions for tests.
package isatest

import (
	"math/rand/v2"

	"vdev/emu/riscv/isa"
)

// Constraint changes the operands of a random instruction, so that a test can keep
// it within what it wants to try. It may change every member but Op and Len.
type Constraint func(*isa.Inst, *rand.Rand)

// Random returns the encoding of a random instruction with the given operation. All
// operands have random values, fields that harts ignore too. The constraints are
// applied in order; with any, ignored fields are 0. It panics if op is no operation,
// or if a constraint leaves an instruction that cannot be encoded.
func Random(op isa.Op, r *rand.Rand, constraints ...Constraint) uint32 {
	mask, match := op.Encoding()
	if mask == 0 {
		panic("BUG: isatest: no operation")
	}
	// Encodings that belong to an operation inside this one's picture are skipped.
	bits := match | r.Uint32()&^mask
	for isa.Decode(bits).Op != op {
		bits = match | r.Uint32()&^mask
	}
	if len(constraints) == 0 {
		return bits
	}
	i := isa.Decode(bits)
	for _, c := range constraints {
		c(&i, r)
	}
	bits, err := isa.Encode(i)
	if err != nil {
		panic("BUG: isatest: " + err.Error())
	}
	return bits
}

// RandomCompressed returns a random legal compressed instruction for which keep
// holds; a nil keep keeps all. It does not return if keep refuses everything.
func RandomCompressed(r *rand.Rand, keep func(isa.Inst) bool) uint16 {
	for {
		bits := uint16(r.Uint32())
		if bits&3 == 3 {
			continue
		}
		i := isa.Decode(uint32(bits))
		if i.Op != isa.OpIllegal && (keep == nil || keep(i)) {
			return bits
		}
	}
}

// ValidRM replaces the reserved rounding modes 5 and 6.
func ValidRM(i *isa.Inst, r *rand.Rand) {
	for i.RM == 5 || i.RM == 6 {
		i.RM = uint8(r.UintN(8))
	}
}

// Registers returns a constraint that keeps integer registers within set (bit n
// stands for xn). Floating-point registers stay as they are. set must not be 0.
func Registers(set uint32) Constraint {
	if set == 0 {
		panic("BUG: isatest: no registers")
	}
	pick := func(n *uint8, file isa.RegFile, r *rand.Rand) {
		for file == isa.RegX && set>>*n&1 == 0 {
			*n = uint8(r.UintN(32))
		}
	}
	return func(i *isa.Inst, r *rand.Rand) {
		info := i.Op.Info()
		pick(&i.Rd, info.Rd, r)
		pick(&i.Rs1, info.Rs1, r)
		pick(&i.Rs2, info.Rs2, r)
	}
}
