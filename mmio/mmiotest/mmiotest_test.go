// SPDX-License-Identifier: Apache-2.0

package mmiotest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"vdev/mmio"
)

// recorder is a testing.TB that keeps the complaints of a check under test.
type recorder struct {
	testing.TB
	errs []string
}

type stop struct{}

func (r *recorder) Helper()                   {}
func (r *recorder) Error(args ...any)         { r.errs = append(r.errs, fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, a ...any) { r.errs = append(r.errs, fmt.Sprintf(f, a...)) }
func (r *recorder) Fatal(args ...any)         { r.Error(args...); panic(stop{}) }
func (r *recorder) Fatalf(f string, a ...any) { r.Errorf(f, a...); panic(stop{}) }

// complaints runs a check and returns what it complained about.
func complaints(t *testing.T, check func(testing.TB)) string {
	r := &recorder{TB: t}
	func() {
		defer func() {
			if e := recover(); e != nil && e != (stop{}) {
				panic(e)
			}
		}()
		check(r)
	}()
	return strings.Join(r.errs, "; ")
}

// device is a register file with one register and whatever is wrong with it.
type device struct {
	*mmio.Regs
	hidden    uint64
	keepReset bool
	forget    bool
}

func (d *device) Reset() {
	if !d.keepReset {
		d.Regs.Reset()
	}
}

type deviceState struct {
	Regs   mmio.RegsState
	Hidden uint64
}

func (d *device) SaveState() ([]byte, error) {
	s := deviceState{Regs: d.State()}
	if !d.forget {
		s.Hidden = d.hidden
	}
	return mmio.EncodeState(s)
}

func (d *device) LoadState(data []byte) error {
	s, err := mmio.DecodeState[deviceState]("dev", data)
	if err != nil {
		return err
	}
	d.hidden = s.Hidden
	return d.SetState(s.Regs)
}

func oneReg(reg mmio.Reg) mmio.Block {
	return mmio.Block{Title: "one register", Size: 4, Regs: []mmio.Reg{reg}}
}

func TestCheckTableCanFail(t *testing.T) {
	var d *device
	set := func(v uint64) func(int, uint64, uint64) {
		return func(int, uint64, uint64) { d.Set(0, v) }
	}
	for _, c := range []struct {
		name  string
		block mmio.Block
		want  string
	}{
		{"good", oneReg(mmio.Reg{Name: "R", ROMask: 0xf, W1C: 0xf0, RC: 0xf00, Reserved: 0xf000, Reset: 0x5555}), ""},
		{"no title", mmio.Block{Size: 4}, "no title"},
		{"reset value", oneReg(mmio.Reg{Name: "R"}), "reset value is"},
		{"reserved bit set", oneReg(mmio.Reg{Name: "R", Reserved: 1, PostWrite: set(1)}), "reserved bits became 0x1"},
		{"read-only bit set", oneReg(mmio.Reg{Name: "R", ROMask: 2, PreWrite: func(_ int, _, v uint64) uint64 { return v | 2 }}), "read-only bits went"},
	} {
		got := complaints(t, func(tb testing.TB) {
			CheckTable(tb, func(env *Env) mmio.RegisterDevice {
				d = &device{Regs: mmio.NewRegs("dev", c.block, &env.Events)}
				if c.name == "reset value" {
					d.Set(0, 7)
				}
				return d
			})
		})
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: complained %q, want %q", c.name, got, c.want)
		}
	}
}

func TestFuzzDeviceCanFail(t *testing.T) {
	calls := uint64(0)
	for _, c := range []struct {
		name  string
		setup func(*device)
		read  func(d *device) uint64
		want  string
	}{
		{"good", nil, func(d *device) uint64 { d.hidden++; return d.hidden }, ""},
		{"undetermined", nil, func(*device) uint64 { calls++; return calls }, "answered differently"},
		{"no reset", func(d *device) { d.keepReset = true }, nil, "Reset did not"},
		{"state lost", func(d *device) { d.forget = true }, func(d *device) uint64 { d.hidden++; return d.hidden }, "answered differently"},
	} {
		got := complaints(t, func(tb testing.TB) {
			checkScript(tb, func(env *Env) mmio.Device {
				d := &device{}
				reg := mmio.Reg{Name: "R"}
				if c.read != nil {
					reg = mmio.Reg{Name: "R", Sizes: 4, PostRead: func(int, uint64) { d.Set(0, c.read(d)) }}
				}
				d.Regs = mmio.NewRegs("dev", oneReg(reg), &env.Events)
				if c.setup != nil {
					c.setup(d)
				}
				return d
			}, randomBytes(1, 4096))
		})
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: complained %q, want %q", c.name, got, c.want)
		}
	}
}

func TestBenchRefusesUnknownNames(t *testing.T) {
	d := mmio.NewRegs("dev", oneReg(mmio.Reg{Name: "R"}), nil)
	for _, f := range []func(*Bench){
		func(b *Bench) { b.Read("S") },
		func(b *Bench) { b.WriteAt("R", 1, 0) },
		func(b *Bench) { b.Want("R", 1) },
	} {
		if complaints(t, func(tb testing.TB) { f(NewBench(tb, d, nil)) }) == "" {
			t.Error("no complaint")
		}
	}
}

func TestClockFiresInOrder(t *testing.T) {
	var c Clock
	var log []string
	add := func(name string) mmio.Timer {
		return c.NewTimer(name, func() { log = append(log, fmt.Sprint(name, int64(c.Now()))) })
	}
	a, b, gone := add("a"), add("b"), add("gone")
	var again mmio.Timer
	again = c.NewTimer("again", func() {
		log = append(log, fmt.Sprint("again", int64(c.Now())))
		if c.Now() < 40 {
			again.Arm(c.Now() + 20)
		}
	})
	c.Advance(5)
	a.Arm(30)
	b.Arm(30)
	again.Arm(1) // has passed
	gone.Arm(6)
	gone.Disarm()
	if at, ok := c.Next(); !ok || at != 1 {
		t.Errorf("next %v %v", at, ok)
	}
	c.Advance(100)
	if got, want := strings.Join(log, " "), "again5 again25 a30 b30 again45"; got != want {
		t.Errorf("fired %q, want %q", got, want)
	}
	if c.Now() != 105*time.Nanosecond {
		t.Errorf("now %v", c.Now())
	}
}

func TestMemoryNamesTheFirstBadAddress(t *testing.T) {
	m := Memory{Base: 0x100, Bytes: make([]byte, 0x10)}
	for _, c := range []struct {
		addr mmio.IOVA
		n    int
		bad  mmio.IOVA // 0 for success
	}{
		{0x100, 0x10, 0}, {0x10f, 1, 0}, {0x10f, 2, 0x110}, {0x110, 1, 0x110}, {0xff, 1, 0xff}, {0x200, 4, 0x200}, {^mmio.IOVA(0), 8, ^mmio.IOVA(0)},
	} {
		for _, err := range []error{m.ReadDMA(c.addr, make([]byte, c.n)), m.WriteDMA(c.addr, make([]byte, c.n))} {
			var de *mmio.DMAError
			switch {
			case c.bad == 0 && err != nil:
				t.Errorf("%#x+%d: %v", c.addr, c.n, err)
			case c.bad != 0 && (!errors.As(err, &de) || de.Addr != c.bad || !errors.Is(err, errNoMemory)):
				t.Errorf("%#x+%d: %v, want failure at %#x", c.addr, c.n, err, c.bad)
			}
		}
	}
}
