// SPDX-License-Identifier: Apache-2.0

package sbi

// What the base extension (4) reports.
const (
	specVersion = 2 << 24 // major<<24 | minor
	// implID is "vdev" in ASCII. The registry of implementation ids (4.9) has small
	// numbers only, and Linux prints one it does not know.
	implID      = 0x76646576
	implVersion = 1
)

// constant makes a function that always returns v.
func constant(v uint64) func(*Firmware, int, [6]uint64) Ret {
	return func(*Firmware, int, [6]uint64) Ret { return success(v) }
}

// notSupported is a function that the specification has and this machine lacks.
func notSupported(*Firmware, int, [6]uint64) Ret { return fail(ErrNotSupported) }

func (f *Firmware) probe(_ int, args [6]uint64) Ret {
	for i := range f.exts {
		if f.exts[i].EID == args[0] {
			return success(1)
		}
	}
	return success(0)
}

// setTimer serves the time extension (6.1) and its legacy twin (5.1).
func (f *Firmware) setTimer(hart int, args [6]uint64) Ret {
	f.platform.SetTimer(hart, args[0])
	return success(0)
}
