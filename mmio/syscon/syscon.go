// SPDX-License-Identifier: Apache-2.0

// Package syscon models the power-control register of SiFive's test finisher, which
// Linux reaches through its syscon-poweroff and syscon-reboot drivers and OpenSBI
// directly.
package syscon

import (
	"fmt"

	"vdev/mmio"
)

const regFinish mmio.RegID = 0

// Codes in the low half of FINISH.
const (
	codeFail   = 0x3333
	codePass   = 0x5555
	codeReboot = 0x7777
)

const windowSize = 0x1000

func (s *Syscon) block() mmio.Block {
	return mmio.Block{
		Title: "power-off and reboot",
		Size:  windowSize,
		Regs: []mmio.Reg{
			regFinish: {Name: "FINISH", Sizes: 2 | 4, Doc: "Ends the run; reads 0.",
				Fields: []mmio.Field{
					{Name: "CODE", Lo: 0, Hi: 15, Enum: []mmio.Enum{{Value: codeFail, Name: "fail"}, {Value: codePass, Name: "poweroff"}, {Value: codeReboot, Name: "reboot"}}},
					mmio.Bits(31, 16, "STATUS", "exit status of a failure"),
				},
				PostWrite: s.wrote},
		},
	}
}

// Action is what the guest asked for.
type Action uint8

// The actions.
const (
	PowerOff Action = iota // end the run with success
	Fail                   // end the run with the given status
	Reboot                 // reset the machine
)

// String names the action.
func (a Action) String() string {
	switch a {
	case PowerOff:
		return "power-off"
	case Fail:
		return "fail"
	case Reboot:
		return "reboot"
	}
	return fmt.Sprintf("Action(%d)", uint8(a))
}

// Config wires a Syscon.
type Config struct {
	Name string
	// Finish is called from within the guest's write. status is 0 unless the action is
	// Fail; a Fail may have status 0 too.
	Finish func(a Action, status uint16)
	Events mmio.EventSink
}

// Syscon is the power-control register.
type Syscon struct {
	*mmio.Regs
	finish func(Action, uint16)
}

var _ interface {
	mmio.RegisterDevice
	mmio.Snapshotter
	mmio.DTDescriber
} = (*Syscon)(nil)

// New makes a Syscon.
func New(c Config) *Syscon {
	s := &Syscon{finish: c.Finish}
	if s.finish == nil {
		s.finish = func(Action, uint16) {}
	}
	s.Regs = mmio.NewRegs(c.Name, s.block(), c.Events)
	return s
}

func (s *Syscon) wrote(_ int, _, v uint64) {
	s.Set(regFinish, 0)
	switch v & 0xffff {
	case codePass:
		s.finish(PowerOff, 0)
	case codeFail:
		s.finish(Fail, uint16(v>>16))
	case codeReboot:
		s.finish(Reboot, 0)
	default:
		s.Report(mmio.EventBadValue, "FINISH", s.Reg(regFinish).Offset, v)
	}
}

// SaveState returns the registers, which is all there is.
func (s *Syscon) SaveState() ([]byte, error) { return mmio.EncodeState(s.State()) }

// LoadState is the inverse of SaveState.
func (s *Syscon) LoadState(data []byte) error {
	st, err := mmio.DecodeState[mmio.RegsState](s.Name(), data)
	if err != nil {
		return err
	}
	return s.SetState(st)
}

// DTName is the node name that SiFive's device has.
func (s *Syscon) DTName() string { return "test" }

// DescribeDT writes the node and, as its children, one for each of Linux's two
// drivers. "simple-mfd" makes Linux look at the children.
func (s *Syscon) DescribeDT(n mmio.DTNode) {
	n.SetProp("compatible", []string{"sifive,test1", "sifive,test0", "syscon", "simple-mfd"})
	for _, c := range []struct {
		name, compatible string
		value            uint32
	}{
		{"poweroff", "syscon-poweroff", codePass},
		{"reboot", "syscon-reboot", codeReboot},
	} {
		child := n.Child(c.name)
		child.SetProp("compatible", c.compatible)
		child.SetProp("regmap", n.Ref())
		child.SetProp("offset", uint32(s.Reg(regFinish).Offset))
		child.SetProp("value", c.value)
	}
}
