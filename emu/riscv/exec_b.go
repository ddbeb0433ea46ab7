// SPDX-License-Identifier: Apache-2.0

package riscv

import (
	"math/bits"

	"vdev/emu/riscv/isa"
)

// Zba, Zbb and Zbs operations that are not in exec's switch: rd from rs1 and the
// second operand, which is rs2 or the immediate (unprivileged specification, 28).

type intOp func(a, b uint64) uint64

var bitOps = map[isa.Op]intOp{
	isa.OpORN:   func(a, b uint64) uint64 { return a | ^b },
	isa.OpXNOR:  func(a, b uint64) uint64 { return ^(a ^ b) },
	isa.OpROL:   func(a, b uint64) uint64 { return bits.RotateLeft64(a, int(b&63)) },
	isa.OpROR:   func(a, b uint64) uint64 { return bits.RotateLeft64(a, -int(b&63)) },
	isa.OpROLW:  func(a, b uint64) uint64 { return sext32(bits.RotateLeft32(uint32(a), int(b&31))) },
	isa.OpRORW:  func(a, b uint64) uint64 { return sext32(bits.RotateLeft32(uint32(a), -int(b&31))) },
	isa.OpBCLR:  func(a, b uint64) uint64 { return a &^ (1 << (b & 63)) },
	isa.OpBINV:  func(a, b uint64) uint64 { return a ^ 1<<(b&63) },
	isa.OpBSET:  func(a, b uint64) uint64 { return a | 1<<(b&63) },
	isa.OpCLZ:   func(a, _ uint64) uint64 { return uint64(bits.LeadingZeros64(a)) },
	isa.OpCLZW:  func(a, _ uint64) uint64 { return uint64(bits.LeadingZeros32(uint32(a))) },
	isa.OpCTZ:   func(a, _ uint64) uint64 { return uint64(bits.TrailingZeros64(a)) },
	isa.OpCTZW:  func(a, _ uint64) uint64 { return uint64(bits.TrailingZeros32(uint32(a))) },
	isa.OpCPOP:  func(a, _ uint64) uint64 { return uint64(bits.OnesCount64(a)) },
	isa.OpCPOPW: func(a, _ uint64) uint64 { return uint64(bits.OnesCount32(uint32(a))) },
	isa.OpREV8:  func(a, _ uint64) uint64 { return bits.ReverseBytes64(a) },
	isa.OpORC_B: func(a, _ uint64) uint64 { return orcb(a) },
}

// immOps maps the immediate forms to the operations they share.
var bitImmOps = map[isa.Op]isa.Op{
	isa.OpRORI:  isa.OpROR,
	isa.OpRORIW: isa.OpRORW,
	isa.OpBCLRI: isa.OpBCLR,
	isa.OpBINVI: isa.OpBINV,
	isa.OpBSETI: isa.OpBSET,
}

func addBitOps(t *slowTable) {
	for op, f := range bitOps {
		t[op] = func(h *Hart, u *uop, _ uint64) status {
			h.x[u.rd] = f(h.x[u.rs1], h.x[u.rs2])
			return stNext
		}
	}
	for op, base := range bitImmOps {
		f := bitOps[base]
		t[op] = func(h *Hart, u *uop, _ uint64) status {
			h.x[u.rd] = f(h.x[u.rs1], uint64(u.imm))
			return stNext
		}
	}
}

func sext32(v uint32) uint64 { return uint64(int64(int32(v))) }

// orcb makes every byte 0xff that has any bit set.
func orcb(a uint64) uint64 {
	const low7 = 0x7f7f7f7f7f7f7f7f
	set := ((a & low7) + low7 | a) &^ low7 // 0x80 in every byte that is not zero
	return set >> 7 * 0xff
}
