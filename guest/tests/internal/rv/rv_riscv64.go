// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package rv runs single RISC-V instructions for tests: it writes them to
// executable memory and calls them. So a table of encodings is all that a
// test needs for any instruction, and every use exercises code that was just
// written. On other architectures the package is empty.
package rv

import (
	"syscall"

	"vdev/guest/tests/internal/raw"
)

// Fixed instructions used around the one under test.
const (
	Ret     = 0x00008067 // jalr x0, 0(x1)
	FMVDX10 = 0xf2050553 // fmv.d.x f10, x10
	FMVDX11 = 0xf20585d3 // fmv.d.x f11, x11
	FMVDX12 = 0xf2060653 // fmv.d.x f12, x12
	FMVXD10 = 0xe2050553 // fmv.x.d x10, f10
	FMVWX10 = 0xf0050553 // fmv.w.x f10, x10
	FMVWX11 = 0xf00585d3 // fmv.w.x f11, x11
	FMVWX12 = 0xf0060653 // fmv.w.x f12, x12
	FMVXW10 = 0xe0050553 // fmv.x.w x10, f10
)

// Registers of the calling convention that the encoders below use.
const (
	zero = 0
	a0   = 10
	a1   = 11
	a2   = 12
)

// R encodes an R-type instruction on a0 (result and first source), a1.
func R(opcode, funct3, funct7 uint32) uint32 {
	return funct7<<25 | a1<<20 | a0<<15 | funct3<<12 | a0<<7 | opcode
}

// FP encodes OP-FP with f10 as result and first source, dynamic rounding and
// the given rs2 field.
func FP(funct7, rs2 uint32) uint32 {
	return funct7<<25 | rs2<<20 | a0<<15 | 7<<12 | a0<<7 | 0x53
}

// FP3 is FP with a fixed funct3 in place of the rounding mode.
func FP3(funct7, rs2, funct3 uint32) uint32 {
	return funct7<<25 | rs2<<20 | a0<<15 | funct3<<12 | a0<<7 | 0x53
}

// FMA encodes a fused multiply-add: opcode 0x43 fmadd, 0x47 fmsub, 0x4b
// fnmsub, 0x4f fnmadd; format 0 single, 1 double.
func FMA(opcode, format uint32) uint32 {
	return a2<<27 | format<<25 | a1<<20 | a0<<15 | 7<<12 | a0<<7 | opcode
}

// LI encodes addi a0, x0, imm.
func LI(imm int32) uint32 { return uint32(imm)<<20 | zero<<15 | a0<<7 | 0x13 }

// Code is memory for instructions.
type Code struct{ m raw.Mapping }

// NewCode maps a page that can be written and executed.
func NewCode() (Code, error) {
	m, err := raw.Map(0, 4096, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_PRIVATE, nil, 0)
	return Code{m}, err
}

// Free unmaps the memory.
func (c Code) Free() error { return c.m.Unmap(0, c.m.Size) }

// Addr is where the code starts.
func (c Code) Addr() uintptr { return c.m.Addr }

// Write puts instructions at the start of the memory without any fence.
func (c Code) Write(code ...uint32) { copy(c.m.Words(), code) }

// Load writes instructions and makes every hart see them.
func (c Code) Load(code ...uint32) error {
	c.Write(code...)
	return raw.FlushICache(c.m.Addr, c.m.Addr+c.m.Size)
}

// Call runs the code with a, b, c in a0 to a2 and the given fcsr. It returns
// a0, a1 and fcsr.
func (c Code) Call(a, b, d, fcsr uint64) (r0, r1, fcsrOut uint64) {
	return call(c.m.Addr, a, b, d, fcsr)
}

// call is in call_riscv64.s.
func call(code uintptr, a, b, c, fcsr uint64) (r0, r1, fcsrOut uint64)

// CallAt runs code at any address with zero arguments and returns a0.
func CallAt(code uintptr) uint64 {
	r0, _, _ := call(code, 0, 0, 0, 0)
	return r0
}
