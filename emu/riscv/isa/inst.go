// SPDX-License-Identifier: Apache-2.0

// Package isa holds the one declaration of every instruction that vdev's harts
// know (rv64.isa) and what is generated from it: operation names, the decoder, the
// disassembler and the source of random instructions for tests.
package isa

// Op identifies an operation: "Op" plus the manual's mnemonic in upper case, with
// dots written as underscores (OpADDI, OpAMOADD_D, OpFCVT_W_S, OpCBO_CLEAN).
// Compressed instructions decode to the base operation they expand to.
type Op uint16

// Inst is one decoded instruction: 16 bytes, without pointers, so that a basic
// block is a dense array.
//
// Imm is the sign-extended immediate with its final scaling (for LUI and AUIPC
// already shifted left by 12), the shift amount, the CSR number for Zicsr
// (whose uimm, for the immediate forms, is in Rs1), or for FENCE the low 12 bits
// fm:pred:succ. Unused fields are zero.
type Inst struct {
	Imm int64
	Op  Op
	Rd  uint8
	Rs1 uint8
	Rs2 uint8
	Rs3 uint8
	RM  uint8 // rounding mode field of F/D/Zfh instructions; aq<<1|rl for A
	Len uint8 // 2 or 4: length of the encoding in bytes
}
