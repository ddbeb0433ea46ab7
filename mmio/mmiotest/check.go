// SPDX-License-Identifier: Apache-2.0

package mmiotest

import (
	"io"
	"testing"

	"vdev/mmio"
)

// CheckTable runs the mechanical checks on a device: its table is consistent, a
// fresh device holds the reset values, and writing all ones, then all zeros, to each
// register changes no bit that the guest may not change, and every bit that is plain
// storage. newDev makes a fresh device.
func CheckTable(t testing.TB, newDev func(*Env) mmio.RegisterDevice) {
	t.Helper()
	fresh := newDev(NewEnv())
	block := fresh.Registers().Block()
	for _, err := range block.Check() {
		t.Errorf("%s: %v", fresh.Name(), err)
	}
	if block.Title == "" {
		t.Errorf("%s has no title", fresh.Name())
	}
	for id := range block.Regs {
		checkReg(t, newDev, mmio.RegID(id))
	}
	if err := fresh.Registers().Dump(io.Discard); err != nil {
		t.Error(err)
	}
}

func checkReg(t testing.TB, newDev func(*Env) mmio.RegisterDevice, id mmio.RegID) {
	t.Helper()
	// A fresh device for each register: writing one may reset or start the device.
	dev := newDev(NewEnv())
	regs := dev.Registers()
	reg := regs.Reg(id)
	i := reg.Count - 1
	if got := regs.GetAt(id, i); got != reg.Reset {
		t.Errorf("%s: a fresh device holds %#x, reset value is %#x", reg.Name, got, reg.Reset)
	}
	if reg.Access == mmio.RO {
		return
	}
	// Hidden in other banks than the fresh device's: the device's own tests must look.
	if reg.Banks&1 == 0 {
		return
	}
	all := ^uint64(0) >> (64 - 8*uint(reg.Width))
	storage := all &^ (reg.ROMask | reg.W1C | reg.RC | reg.Reserved)
	hooked := reg.PreRead != nil || reg.PreWrite != nil || reg.PostWrite != nil
	for _, in := range []uint64{all, 0} {
		old := regs.GetAt(id, i)
		dev.WriteMMIO(reg.Offset+uint64(i)*reg.Stride, reg.Width, in)
		got := regs.GetAt(id, i)
		if !hooked && got&storage != in&storage {
			t.Errorf("%s: wrote %#x, storage bits %#x hold %#x", reg.Name, in, storage, got&storage)
		}
		if !hooked && got&reg.W1C != old&^in&reg.W1C {
			t.Errorf("%s: wrote %#x, write-1-to-clear bits went from %#x to %#x", reg.Name, in, old&reg.W1C, got&reg.W1C)
		}
		if reg.PreRead != nil {
			continue // read-only bits may follow the outside world
		}
		if fixed := reg.ROMask | reg.Reserved; (got^old)&fixed != 0 && reg.PostWrite == nil {
			t.Errorf("%s: wrote %#x, read-only bits went from %#x to %#x", reg.Name, in, old&fixed, got&fixed)
		}
		if (got^reg.Reset)&reg.Reserved != 0 {
			t.Errorf("%s: wrote %#x, reserved bits became %#x", reg.Name, in, got&reg.Reserved)
		}
	}
}
