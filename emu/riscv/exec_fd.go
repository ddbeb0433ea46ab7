// SPDX-License-Identifier: Apache-2.0

package riscv

import (
	"vdev/emu/riscv/isa"
	sf "vdev/emu/riscv/softfloat"
)

// F, D and Zfhmin (unprivileged specification, 20, 21 and 22). A narrower value in
// a register is NaN-boxed: all higher bits are ones, and a register without them
// reads as the canonical NaN.

const (
	nan32 = 0x7fc00000
	nan16 = 0x7e00
	box32 = 0xffffffff_00000000
	box16 = 0xffffffff_ffff0000

	rmDyn = 7
)

func (h *Hart) f32(r uint8) uint32 {
	v := h.f[r&31]
	if v < box32 {
		return nan32
	}
	return uint32(v)
}

func (h *Hart) f16(r uint8) uint16 {
	v := h.f[r&31]
	if v < box16 {
		return nan16
	}
	return uint16(v)
}

func (h *Hart) f64(r uint8) uint64       { return h.f[r&31] }
func (h *Hart) setF64(r uint8, v uint64) { h.f[r&31] = v; h.dirtyFP() }
func (h *Hart) setF32(r uint8, v uint32) { h.setF64(r, box32|uint64(v)) }
func (h *Hart) setF16(r uint8, v uint16) { h.setF64(r, box16|uint64(v)) }

// rounding resolves an instruction's rounding mode; false means a reserved one.
func (h *Hart) rounding(u *uop) (sf.Rounding, bool) {
	rm := u.rm
	if rm == rmDyn {
		rm = h.frm
	}
	return sf.Rounding(rm), rm <= uint8(sf.RMM)
}

// flags is where operations accumulate exceptions. A change makes the state dirty,
// and so does writing a register; operations that write an x register only mark it
// if they raised something new.
func (h *Hart) withFlags(f func(fl *sf.Flags) uint64) uint64 {
	old := h.fflags
	v := f(&h.fflags)
	if h.fflags != old {
		h.dirtyFP()
	}
	return v
}

// floatOp wraps an operation that needs the FPU on.
func floatOp(f func(h *Hart, u *uop)) slowOp {
	return func(h *Hart, u *uop, pc uint64) status {
		if h.csr.mstatus&mstatusFS == 0 {
			return h.illegal(pc)
		}
		f(h, u)
		return stNext
	}
}

// roundedOp wraps an operation that also rounds.
func roundedOp(f func(h *Hart, u *uop, rm sf.Rounding)) slowOp {
	return func(h *Hart, u *uop, pc uint64) status {
		rm, ok := h.rounding(u)
		if !ok || h.csr.mstatus&mstatusFS == 0 {
			return h.illegal(pc)
		}
		f(h, u, rm)
		return stNext
	}
}

const (
	sign64 uint64 = 1 << 63
	sign32 uint32 = 1 << 31
)

func addFloatOps(t *slowTable) {
	addFloatMemory(t)
	addFloatArith(t)
	addFloatCompare(t)
	addFloatConvert(t)
}

// floatAccess wraps a load or store of an f register.
func floatAccess(f func(h *Hart, u *uop, va uint64) bool) slowOp {
	return func(h *Hart, u *uop, pc uint64) status {
		if h.csr.mstatus&mstatusFS == 0 {
			return h.illegal(pc)
		}
		if !f(h, u, h.x[u.rs1]+uint64(int64(u.imm))) {
			return stTrap
		}
		return h.afterAccess()
	}
}

func addFloatMemory(t *slowTable) {
	load := func(size int, box uint64) slowOp {
		return floatAccess(func(h *Hart, u *uop, va uint64) bool {
			v, ok := h.load(va, size)
			if ok {
				h.setF64(u.rd, box|v)
			}
			return ok
		})
	}
	store := func(size int) slowOp {
		return floatAccess(func(h *Hart, u *uop, va uint64) bool {
			return h.store(va, size, h.f64(u.rs2))
		})
	}
	t[isa.OpFLH], t[isa.OpFSH] = load(2, box16), store(2)
	t[isa.OpFLW], t[isa.OpFSW] = load(4, box32), store(4)
	t[isa.OpFLD], t[isa.OpFSD] = load(8, 0), store(8)
}

func addFloatArith(t *slowTable) {
	for op, f := range map[isa.Op]func(a, b uint64, rm sf.Rounding, fl *sf.Flags) uint64{
		isa.OpFADD_D: sf.AddF64, isa.OpFSUB_D: sf.SubF64, isa.OpFMUL_D: sf.MulF64, isa.OpFDIV_D: sf.DivF64,
	} {
		t[op] = roundedOp(func(h *Hart, u *uop, rm sf.Rounding) {
			h.setF64(u.rd, f(h.f64(u.rs1), h.f64(u.rs2), rm, &h.fflags))
		})
	}
	for op, f := range map[isa.Op]func(a, b uint32, rm sf.Rounding, fl *sf.Flags) uint32{
		isa.OpFADD_S: sf.AddF32, isa.OpFSUB_S: sf.SubF32, isa.OpFMUL_S: sf.MulF32, isa.OpFDIV_S: sf.DivF32,
	} {
		t[op] = roundedOp(func(h *Hart, u *uop, rm sf.Rounding) {
			h.setF32(u.rd, f(h.f32(u.rs1), h.f32(u.rs2), rm, &h.fflags))
		})
	}
	t[isa.OpFSQRT_D] = roundedOp(func(h *Hart, u *uop, rm sf.Rounding) {
		h.setF64(u.rd, sf.SqrtF64(h.f64(u.rs1), rm, &h.fflags))
	})
	t[isa.OpFSQRT_S] = roundedOp(func(h *Hart, u *uop, rm sf.Rounding) {
		h.setF32(u.rd, sf.SqrtF32(h.f32(u.rs1), rm, &h.fflags))
	})
	// The four fused forms differ in the signs of the product and the addend.
	for _, m := range []struct {
		s, d         isa.Op
		negMul, negC bool
	}{
		{isa.OpFMADD_S, isa.OpFMADD_D, false, false},
		{isa.OpFMSUB_S, isa.OpFMSUB_D, false, true},
		{isa.OpFNMSUB_S, isa.OpFNMSUB_D, true, false},
		{isa.OpFNMADD_S, isa.OpFNMADD_D, true, true},
	} {
		mul64, add64 := b2u(m.negMul)*sign64, b2u(m.negC)*sign64
		mul32, add32 := uint32(mul64>>32), uint32(add64>>32)
		t[m.d] = roundedOp(func(h *Hart, u *uop, rm sf.Rounding) {
			h.setF64(u.rd, sf.MulAddF64(h.f64(u.rs1)^mul64, h.f64(u.rs2), h.f64(u.rs3)^add64, rm, &h.fflags))
		})
		t[m.s] = roundedOp(func(h *Hart, u *uop, rm sf.Rounding) {
			h.setF32(u.rd, sf.MulAddF32(h.f32(u.rs1)^mul32, h.f32(u.rs2), h.f32(u.rs3)^add32, rm, &h.fflags))
		})
	}
	for op, f := range map[isa.Op]func(a, b uint64) uint64{
		isa.OpFSGNJ_D:  func(a, b uint64) uint64 { return a&^sign64 | b&sign64 },
		isa.OpFSGNJN_D: func(a, b uint64) uint64 { return a&^sign64 | ^b&sign64 },
		isa.OpFSGNJX_D: func(a, b uint64) uint64 { return a ^ b&sign64 },
	} {
		t[op] = floatOp(func(h *Hart, u *uop) { h.setF64(u.rd, f(h.f64(u.rs1), h.f64(u.rs2))) })
	}
	for op, f := range map[isa.Op]func(a, b uint32) uint32{
		isa.OpFSGNJ_S:  func(a, b uint32) uint32 { return a&^sign32 | b&sign32 },
		isa.OpFSGNJN_S: func(a, b uint32) uint32 { return a&^sign32 | ^b&sign32 },
		isa.OpFSGNJX_S: func(a, b uint32) uint32 { return a ^ b&sign32 },
	} {
		t[op] = floatOp(func(h *Hart, u *uop) { h.setF32(u.rd, f(h.f32(u.rs1), h.f32(u.rs2))) })
	}
	for op, f := range map[isa.Op]func(a, b uint64, fl *sf.Flags) uint64{
		isa.OpFMIN_D: sf.MinF64, isa.OpFMAX_D: sf.MaxF64,
	} {
		t[op] = floatOp(func(h *Hart, u *uop) { h.setF64(u.rd, f(h.f64(u.rs1), h.f64(u.rs2), &h.fflags)) })
	}
	for op, f := range map[isa.Op]func(a, b uint32, fl *sf.Flags) uint32{
		isa.OpFMIN_S: sf.MinF32, isa.OpFMAX_S: sf.MaxF32,
	} {
		t[op] = floatOp(func(h *Hart, u *uop) { h.setF32(u.rd, f(h.f32(u.rs1), h.f32(u.rs2), &h.fflags)) })
	}
}

func addFloatCompare(t *slowTable) {
	for op, f := range map[isa.Op]func(a, b uint64, fl *sf.Flags) bool{
		isa.OpFEQ_D: sf.EqF64, isa.OpFLT_D: sf.LtF64, isa.OpFLE_D: sf.LeF64,
	} {
		t[op] = floatOp(func(h *Hart, u *uop) {
			h.x[u.rd] = h.withFlags(func(fl *sf.Flags) uint64 { return b2u(f(h.f64(u.rs1), h.f64(u.rs2), fl)) })
		})
	}
	for op, f := range map[isa.Op]func(a, b uint32, fl *sf.Flags) bool{
		isa.OpFEQ_S: sf.EqF32, isa.OpFLT_S: sf.LtF32, isa.OpFLE_S: sf.LeF32,
	} {
		t[op] = floatOp(func(h *Hart, u *uop) {
			h.x[u.rd] = h.withFlags(func(fl *sf.Flags) uint64 { return b2u(f(h.f32(u.rs1), h.f32(u.rs2), fl)) })
		})
	}
	t[isa.OpFCLASS_D] = floatOp(func(h *Hart, u *uop) { h.x[u.rd] = sf.ClassF64(h.f64(u.rs1)) })
	t[isa.OpFCLASS_S] = floatOp(func(h *Hart, u *uop) { h.x[u.rd] = sf.ClassF32(h.f32(u.rs1)) })
}

func addFloatConvert(t *slowTable) {
	// From floating point to integers; 32-bit results are sign-extended, also the
	// unsigned ones.
	type toInt64 = func(a uint64, rm sf.Rounding, fl *sf.Flags) uint64
	type toInt32 = func(a uint32, rm sf.Rounding, fl *sf.Flags) uint64
	for op, f := range map[isa.Op]toInt64{
		isa.OpFCVT_W_D:  func(a uint64, rm sf.Rounding, fl *sf.Flags) uint64 { return uint64(int64(sf.F64ToI32(a, rm, fl))) },
		isa.OpFCVT_WU_D: func(a uint64, rm sf.Rounding, fl *sf.Flags) uint64 { return sext32(sf.F64ToU32(a, rm, fl)) },
		isa.OpFCVT_L_D:  func(a uint64, rm sf.Rounding, fl *sf.Flags) uint64 { return uint64(sf.F64ToI64(a, rm, fl)) },
		isa.OpFCVT_LU_D: sf.F64ToU64,
	} {
		t[op] = roundedOp(func(h *Hart, u *uop, rm sf.Rounding) {
			h.x[u.rd] = h.withFlags(func(fl *sf.Flags) uint64 { return f(h.f64(u.rs1), rm, fl) })
		})
	}
	for op, f := range map[isa.Op]toInt32{
		isa.OpFCVT_W_S:  func(a uint32, rm sf.Rounding, fl *sf.Flags) uint64 { return uint64(int64(sf.F32ToI32(a, rm, fl))) },
		isa.OpFCVT_WU_S: func(a uint32, rm sf.Rounding, fl *sf.Flags) uint64 { return sext32(sf.F32ToU32(a, rm, fl)) },
		isa.OpFCVT_L_S:  func(a uint32, rm sf.Rounding, fl *sf.Flags) uint64 { return uint64(sf.F32ToI64(a, rm, fl)) },
		isa.OpFCVT_LU_S: sf.F32ToU64,
	} {
		t[op] = roundedOp(func(h *Hart, u *uop, rm sf.Rounding) {
			h.x[u.rd] = h.withFlags(func(fl *sf.Flags) uint64 { return f(h.f32(u.rs1), rm, fl) })
		})
	}
	// From integers.
	for op, f := range map[isa.Op]toInt64{
		isa.OpFCVT_D_W:  func(a uint64, rm sf.Rounding, fl *sf.Flags) uint64 { return sf.I32ToF64(int32(a), rm, fl) },
		isa.OpFCVT_D_WU: func(a uint64, rm sf.Rounding, fl *sf.Flags) uint64 { return sf.U32ToF64(uint32(a), rm, fl) },
		isa.OpFCVT_D_L:  func(a uint64, rm sf.Rounding, fl *sf.Flags) uint64 { return sf.I64ToF64(int64(a), rm, fl) },
		isa.OpFCVT_D_LU: sf.U64ToF64,
	} {
		t[op] = roundedOp(func(h *Hart, u *uop, rm sf.Rounding) {
			h.setF64(u.rd, f(h.x[u.rs1], rm, &h.fflags))
		})
	}
	for op, f := range map[isa.Op]func(a uint64, rm sf.Rounding, fl *sf.Flags) uint32{
		isa.OpFCVT_S_W:  func(a uint64, rm sf.Rounding, fl *sf.Flags) uint32 { return sf.I32ToF32(int32(a), rm, fl) },
		isa.OpFCVT_S_WU: func(a uint64, rm sf.Rounding, fl *sf.Flags) uint32 { return sf.U32ToF32(uint32(a), rm, fl) },
		isa.OpFCVT_S_L:  func(a uint64, rm sf.Rounding, fl *sf.Flags) uint32 { return sf.I64ToF32(int64(a), rm, fl) },
		isa.OpFCVT_S_LU: sf.U64ToF32,
	} {
		t[op] = roundedOp(func(h *Hart, u *uop, rm sf.Rounding) {
			h.setF32(u.rd, f(h.x[u.rs1], rm, &h.fflags))
		})
	}
	// Between formats.
	t[isa.OpFCVT_S_D] = roundedOp(func(h *Hart, u *uop, rm sf.Rounding) {
		h.setF32(u.rd, sf.F64ToF32(h.f64(u.rs1), rm, &h.fflags))
	})
	t[isa.OpFCVT_D_S] = roundedOp(func(h *Hart, u *uop, _ sf.Rounding) {
		h.setF64(u.rd, sf.F32ToF64(h.f32(u.rs1), &h.fflags))
	})
	t[isa.OpFCVT_H_S] = roundedOp(func(h *Hart, u *uop, rm sf.Rounding) {
		h.setF16(u.rd, sf.F32ToF16(h.f32(u.rs1), rm, &h.fflags))
	})
	t[isa.OpFCVT_H_D] = roundedOp(func(h *Hart, u *uop, rm sf.Rounding) {
		h.setF16(u.rd, sf.F64ToF16(h.f64(u.rs1), rm, &h.fflags))
	})
	t[isa.OpFCVT_S_H] = roundedOp(func(h *Hart, u *uop, _ sf.Rounding) {
		h.setF32(u.rd, sf.F16ToF32(h.f16(u.rs1), &h.fflags))
	})
	t[isa.OpFCVT_D_H] = roundedOp(func(h *Hart, u *uop, _ sf.Rounding) {
		h.setF64(u.rd, sf.F16ToF64(h.f16(u.rs1), &h.fflags))
	})
	// Bits, unchanged.
	t[isa.OpFMV_X_D] = floatOp(func(h *Hart, u *uop) { h.x[u.rd] = h.f64(u.rs1) })
	t[isa.OpFMV_X_W] = floatOp(func(h *Hart, u *uop) { h.x[u.rd] = sext32(uint32(h.f64(u.rs1))) })
	t[isa.OpFMV_X_H] = floatOp(func(h *Hart, u *uop) { h.x[u.rd] = uint64(int64(int16(h.f64(u.rs1)))) })
	t[isa.OpFMV_D_X] = floatOp(func(h *Hart, u *uop) { h.setF64(u.rd, h.x[u.rs1]) })
	t[isa.OpFMV_W_X] = floatOp(func(h *Hart, u *uop) { h.setF32(u.rd, uint32(h.x[u.rs1])) })
	t[isa.OpFMV_H_X] = floatOp(func(h *Hart, u *uop) { h.setF16(u.rd, uint16(h.x[u.rs1])) })
}
