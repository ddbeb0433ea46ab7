// SPDX-License-Identifier: Apache-2.0

package aclint

import (
	"fmt"

	"vdev/mmio"
)

// regSetSSIP is the SSWI device's register array, ACLINT specification section 4.1.
const regSetSSIP mmio.RegID = 0

func (s *SSWI) block() mmio.Block {
	return mmio.Block{
		Title: "supervisor software interrupts",
		Size:  0x4000,
		Regs: []mmio.Reg{
			regSetSSIP: {Name: "SETSSIP", Count: s.harts, ROMask: mmio.Mask(31, 1),
				Doc:       "Writing 1 sets the supervisor software interrupt of hart n, which the hart itself clears; reads 0.",
				Fields:    []mmio.Field{mmio.Bit(0, "setssip", "")},
				PostWrite: s.wrote},
		},
	}
}

// SSWIConfig wires an SSWI device.
type SSWIConfig struct {
	Name  string
	Harts int
	// SetSSIP sets the SSIP bit of a hart's mip. It is an edge: nothing here clears it.
	SetSSIP func(hart int)
	Events  mmio.EventSink
}

// SSWI lets a supervisor interrupt other harts without calling its firmware.
type SSWI struct {
	*mmio.Regs
	harts   int
	setSSIP func(int)
	intc    []mmio.DTRef
}

var _ interface {
	mmio.RegisterDevice
	mmio.Snapshotter
	mmio.DTDescriber
} = (*SSWI)(nil)

// NewSSWI makes an SSWI device.
func NewSSWI(c SSWIConfig) *SSWI {
	if c.Harts < 1 || c.Harts > maxHarts {
		panic(fmt.Sprintf("BUG: %s with %d harts", c.Name, c.Harts))
	}
	s := &SSWI{harts: c.Harts, setSSIP: c.SetSSIP}
	s.Regs = mmio.NewRegs(c.Name, s.block(), c.Events)
	return s
}

func (s *SSWI) wrote(hart int, _, v uint64) {
	s.SetAt(regSetSSIP, hart, 0)
	if v&1 != 0 {
		s.setSSIP(hart)
	}
}

// SaveState returns the registers; the pending bits are the harts'.
func (s *SSWI) SaveState() ([]byte, error) { return mmio.EncodeState(s.State()) }

// LoadState is the inverse of SaveState.
func (s *SSWI) LoadState(data []byte) error {
	st, err := mmio.DecodeState[mmio.RegsState](s.Name(), data)
	if err != nil {
		return err
	}
	return s.SetState(st)
}

// causeSupervisorSoftware is the interrupt's number in the local controller.
const causeSupervisorSoftware = 1

// WireDT is as for ACLINT.
func (s *SSWI) WireDT(intc []mmio.DTRef) { s.intc = intc }

// DTName is the generic node name.
func (s *SSWI) DTName() string { return "interrupt-controller" }

// DescribeDT writes the node; WireDT must have been called.
func (s *SSWI) DescribeDT(n mmio.DTNode) {
	if len(s.intc) != s.harts {
		panic("BUG: " + s.Name() + ": DescribeDT without WireDT")
	}
	n.SetProp("compatible", "riscv,aclint-sswi")
	n.SetProp("interrupt-controller", nil)
	n.SetProp("#interrupt-cells", uint32(0))
	var ext []any
	for _, ref := range s.intc {
		ext = append(ext, ref, uint32(causeSupervisorSoftware))
	}
	n.SetProp("interrupts-extended", ext)
}
