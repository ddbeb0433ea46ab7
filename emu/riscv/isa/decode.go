// SPDX-License-Identifier: Apache-2.0

package isa

//go:generate go run ./gen rv64.isa .

// Decode decodes one instruction. A compressed one (the lowest two bits are not
// 11) lies in the lower half of bits, and the upper half is ignored; it yields the
// operation that it expands to, with Len 2.
//
// Illegal and reserved encodings yield Op OpIllegal, and only Len besides.
// Encodings that announce more than 32 bits are illegal with Len 4. Reserved
// rounding modes are no matter of the decoder: RM holds whatever the field holds.
func Decode(bits uint32) Inst {
	if bits&3 == 3 {
		return decode32(bits)
	}
	i, _ := decode16(bits & 0xffff)
	return i
}
