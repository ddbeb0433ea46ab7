// SPDX-License-Identifier: Apache-2.0

#include "textflag.h"

// func overFour(s, d *uint32, n int)
//
// The channels of four pixels are 16 words in two registers, those of the even bytes
// and those of the odd bytes. For each: t = d*(255-alpha) + 128; (t + t>>8) >> 8.
TEXT ·overFour(SB), NOSPLIT, $0-24
	MOVQ s+0(FP), SI
	MOVQ d+8(FP), DI
	MOVQ n+16(FP), CX
	PCMPEQL X8, X8  // all ones
	MOVO X8, X9
	PSRLW $8, X9    // 0x00ff in each word
	MOVO X8, X10
	PSLLW $8, X10   // 0xff00
	MOVO X8, X11
	PSRLW $15, X11
	PSLLW $7, X11   // 0x0080

loop:
	MOVOU (SI), X0
	MOVOU (DI), X1
	MOVO X0, X2
	PXOR X8, X2
	PSRLL $24, X2   // 255-alpha in the low word of a pixel
	MOVO X2, X3
	PSLLL $16, X3
	POR X3, X2      // and in the high word
	MOVO X1, X4
	PAND X9, X4     // blue and red
	PSRLW $8, X1    // green and alpha
	PMULLW X2, X4
	PMULLW X2, X1
	PADDW X11, X4
	PADDW X11, X1
	MOVO X4, X5
	MOVO X1, X6
	PSRLW $8, X5
	PSRLW $8, X6
	PADDW X5, X4
	PADDW X6, X1
	PSRLW $8, X4
	PAND X10, X1
	POR X4, X1
	PADDUSB X1, X0  // at most 255
	MOVOU X0, (SI)
	ADDQ $16, SI
	ADDQ $16, DI
	SUBQ $4, CX
	JNZ loop
	RET
