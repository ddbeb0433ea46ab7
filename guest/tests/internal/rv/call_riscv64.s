// SPDX-License-Identifier: Apache-2.0

#include "textflag.h"

// func call(code uintptr, a, b, c, fcsr uint64) (r0, r1, fcsrOut uint64)
//
// Calls code with a, b, c in a0, a1, a2 (x10, x11, x12) and fcsr set; returns
// a0, a1 and fcsr. The code may change x5 to x7, x10 to x17, x28 to x30 and
// all floating-point registers, which ABI0 does not preserve.
TEXT ·call(SB), NOSPLIT, $16-64
	MOV	a+8(FP), X10
	MOV	b+16(FP), X11
	MOV	c+24(FP), X12
	MOV	fcsr+32(FP), X6
	WORD	$0x003313f3		// csrrw x7, fcsr, x6
	MOV	X7, 8(X2)
	MOV	code+0(FP), X5
	JALR	X1, (X5)
	MOV	8(X2), X6
	WORD	$0x003313f3		// csrrw x7, fcsr, x6
	MOV	X10, r0+40(FP)
	MOV	X11, r1+48(FP)
	MOV	X7, fcsrOut+56(FP)
	RET
