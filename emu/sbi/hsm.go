// SPDX-License-Identifier: Apache-2.0

package sbi

import "vdev/mmio"

// The default suspend types (9.4). All others are reserved, or a
// platform's own, of which this one has none.
const (
	suspendRetentive    uint32 = 0
	suspendNonRetentive uint32 = 0x8000_0000
)

func (f *Firmware) validHart(id uint64) bool { return id < uint64(f.platform.NumHarts()) }

func (f *Firmware) hartStart(_ int, args [6]uint64) Ret {
	id, addr, opaque := args[0], args[1], args[2]
	if !f.validHart(id) {
		return fail(ErrInvalidParam)
	}
	switch f.platform.HartStatus(int(id)) {
	case Stopped:
	case StopPending: // neither available nor startable
		return fail(ErrFailed)
	default:
		return fail(ErrAlreadyAvailable)
	}
	if addr&1 != 0 || !f.platform.HartStart(int(id), addr, opaque) {
		return fail(ErrInvalidAddress)
	}
	return success(0)
}

func (f *Firmware) hartStop(hart int, _ [6]uint64) Ret {
	f.platform.HartStop(hart)
	return Ret{NoReturn: true}
}

func (f *Firmware) hartStatus(_ int, args [6]uint64) Ret {
	if !f.validHart(args[0]) {
		return fail(ErrInvalidParam)
	}
	return success(uint64(f.platform.HartStatus(int(args[0]))))
}

func (f *Firmware) hartSuspend(hart int, args [6]uint64) Ret {
	// The type is a uint32_t; what the upper half of the register holds is nobody's
	// business.
	switch kind, resume, opaque := uint32(args[0]), args[1], args[2]; kind {
	case suspendRetentive:
		f.platform.HartSuspend(hart, false, 0, 0)
		return success(0) // already in the registers when the hart continues
	case suspendNonRetentive:
		var insn [2]byte
		if resume&1 != 0 || !f.platform.ReadPhys(mmio.PhysAddr(resume), insn[:]) {
			return fail(ErrInvalidAddress)
		}
		f.platform.HartSuspend(hart, true, resume, opaque)
		return Ret{NoReturn: true}
	}
	return fail(ErrInvalidParam)
}

func (f *Firmware) systemReset(_ int, args [6]uint64) Ret {
	kind, reason := uint32(args[0]), uint32(args[1])
	if kind > ResetWarm || reason > ReasonSystemFailure {
		return fail(ErrInvalidParam)
	}
	f.platform.Reset(kind, reason)
	return Ret{NoReturn: true}
}

func (f *Firmware) legacyShutdown(int, [6]uint64) Ret {
	f.platform.Reset(ResetShutdown, ReasonNone)
	return Ret{NoReturn: true}
}
