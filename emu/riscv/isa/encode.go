// SPDX-License-Identifier: Apache-2.0

package isa

import "fmt"

// encoding is the picture of a 32-bit instruction.
type encoding struct {
	mask, match uint32
	ignored     uint32 // bits that the hart ignores
	fields      string // letters of its fields
}

// field says where the bits of a letter of the 32-bit pictures go.
type field struct {
	letter byte
	member member
	pieces []piece
}

// piece says that width bits from bit enc of the encoding are the bits from val of
// the value.
type piece struct{ enc, val, width uint8 }

// member names a member of Inst.
type member uint8

const (
	memberRd member = iota
	memberRs1
	memberRs2
	memberRs3
	memberRM
	memberImm
)

func (i *Inst) member(m member) uint64 {
	switch m {
	case memberRd:
		return uint64(i.Rd)
	case memberRs1:
		return uint64(i.Rs1)
	case memberRs2:
		return uint64(i.Rs2)
	case memberRs3:
		return uint64(i.Rs3)
	case memberRM:
		return uint64(i.RM)
	case memberImm:
		return uint64(i.Imm)
	}
	panic("BUG: isa: unknown member")
}

// Encoding returns the operation's 32-bit picture: an encoding e belongs to op if
// e&mask == match and no more specific operation claims it (PREFETCH.I lies inside
// ORI). Both are 0 for OpIllegal.
func (op Op) Encoding() (mask, match uint32) {
	if op >= NumOps {
		return 0, 0
	}
	return encodings[op].mask, encodings[op].match
}

// Encode returns the 32-bit encoding of an instruction, whatever its Len: it undoes
// Decode. Bits that the hart ignores become 0, but for one of a FENCE that would be
// PAUSE otherwise. It fails if the operation cannot have these operands: a member out
// of its range, or set without belonging to the operation.
func Encode(i Inst) (uint32, error) {
	if i.Op == OpIllegal || i.Op >= NumOps {
		return 0, fmt.Errorf("isa: operation %d has no encoding", i.Op)
	}
	e := encodings[i.Op]
	bits := e.match
	for k := range len(e.fields) {
		bits |= fieldBits(&i, e.fields[k])
	}
	i.Len = 4
	back := decode32(bits)
	if back.Op != i.Op && e.ignored != 0 {
		// A more specific operation has claimed the encoding with zeros: FENCE W,0 is
		// PAUSE. The lowest ignored bit tells them apart.
		bits |= e.ignored & -e.ignored
		back = decode32(bits)
	}
	if back != i {
		return 0, fmt.Errorf("isa: %s cannot have the operands of %#v", i.Op, i)
	}
	return bits, nil
}

// fieldBits places one field's value in an encoding; bits of the value that have no
// place are dropped.
func fieldBits(i *Inst, letter byte) uint32 {
	for _, f := range fields {
		if f.letter != letter {
			continue
		}
		v := i.member(f.member)
		var bits uint32
		for _, p := range f.pieces {
			bits |= uint32(v>>p.val) & (1<<p.width - 1) << p.enc
		}
		return bits
	}
	panic("BUG: isa: unknown field")
}
