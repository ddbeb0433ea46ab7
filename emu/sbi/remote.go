// SPDX-License-Identifier: Apache-2.0

package sbi

const allOnes = ^uint64(0)

// eachHart calls do for every hart of a hart mask (3.1) that can be interrupted,
// in the order of their ids. It touches none if the mask is bad. A stopped hart is
// a valid but idle target: it starts without anything that a fence would have to
// remove.
func (f *Firmware) eachHart(mask, base uint64, do func(hart int)) Ret {
	n := uint64(f.platform.NumHarts())
	all := base == allOnes
	if !all {
		if base >= n {
			return fail(ErrInvalidParam)
		}
		if mask>>(n-base) != 0 { // zero if there are 64 more harts
			return fail(ErrInvalidParam)
		}
	}
	for hart := range n {
		if !all && (hart < base || mask>>(hart-base)&1 == 0) {
			continue
		}
		if s := f.platform.HartStatus(int(hart)); s != Stopped && s != StopPending {
			do(int(hart))
		}
	}
	return success(0)
}

func (f *Firmware) sendIPI(_ int, args [6]uint64) Ret {
	return f.eachHart(args[0], args[1], f.platform.SendIPI)
}

func (f *Firmware) remoteFenceI(_ int, args [6]uint64) Ret {
	return f.eachHart(args[0], args[1], f.platform.RemoteFenceI)
}

func (f *Firmware) remoteSFenceVMA(_ int, args [6]uint64) Ret {
	return f.sfence(args, false)
}

func (f *Firmware) remoteSFenceVMAASID(_ int, args [6]uint64) Ret {
	return f.sfence(args, true)
}

func (f *Firmware) sfence(args [6]uint64, hasASID bool) Ret {
	start, size, asid := args[2], args[3], args[4]
	if !hasASID {
		asid = 0 // a4 is not an argument
	}
	switch {
	case size == allOnes || start == 0 && size == 0: // the two ways to say everything (8)
		start, size = 0, allOnes
	case size != 0 && start > -size: // reaches beyond 2^64
		return fail(ErrInvalidAddress)
	}
	return f.eachHart(args[0], args[1], func(hart int) {
		if size != 0 {
			f.platform.RemoteSFenceVMA(hart, start, size, asid, hasASID)
		}
	})
}
