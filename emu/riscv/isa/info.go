// SPDX-License-Identifier: Apache-2.0

package isa

// RegFile says to which registers an operand's number belongs.
type RegFile uint8

// The register files.
const (
	RegNone RegFile = iota // no register operand
	RegX                   // integer registers
	RegF                   // floating-point registers
)

// Access is the kind of memory access that an operation makes.
type Access uint8

// The kinds of memory access.
const (
	AccessNone  Access = iota
	AccessLoad         // reads
	AccessStore        // writes
	AccessAMO          // reads and writes at once
	AccessLR           // load-reserved
	AccessSC           // store-conditional
	AccessCBO          // works on a whole cache block
)

// Flow says whether and why a block of straight code ends with an operation.
type Flow uint8

// The reasons for a block to end.
const (
	FlowNone   Flow = iota // execution goes on with the next instruction
	FlowBranch             // conditional branch to pc+Imm
	FlowJump               // unconditional jump
	FlowSystem             // traps, waits, or may change how later code is fetched, translated or privileged
)

// OpInfo is what the specification says about an operation.
type OpInfo struct {
	Name     string // mnemonic, as in "fcvt.w.s"
	Ext      string // extension, as in "Zba"; "Priv" for the privileged base
	Operands string // operand list as in rv64.isa

	Rd, Rs1, Rs2, Rs3 RegFile // RegNone also where a member of Inst holds no register

	Access Access
	Size   uint8 // bytes accessed, 0 without an access
	Flow   Flow
}

// EndsBlock reports whether a block of straight code ends with the operation.
func (i OpInfo) EndsBlock() bool { return i.Flow != FlowNone }

// Info describes an operation; a number that is no operation is described like
// OpIllegal.
func (op Op) Info() OpInfo {
	if op >= NumOps {
		op = OpIllegal
	}
	return opInfos[op]
}

// String is the operation's mnemonic, "illegal" for OpIllegal.
func (op Op) String() string { return op.Info().Name }
