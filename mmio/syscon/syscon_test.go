// SPDX-License-Identifier: Apache-2.0

package syscon

import (
	"testing"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

func newSyscon(env *mmiotest.Env) *Syscon {
	return New(Config{Name: "syscon", Events: &env.Events})
}

func TestTable(t *testing.T) {
	mmiotest.CheckTable(t, func(env *mmiotest.Env) mmio.RegisterDevice { return newSyscon(env) })
}

func FuzzSyscon(f *testing.F) {
	mmiotest.FuzzDevice(f, func(env *mmiotest.Env) mmio.Device { return newSyscon(env) })
}

func TestFinish(t *testing.T) {
	type call struct {
		action Action
		status uint16
	}
	for _, c := range []struct {
		size int
		v    uint64
		want []call
	}{
		{4, 0x5555, []call{{PowerOff, 0}}},
		{2, 0x5555, []call{{PowerOff, 0}}},
		{4, 0x002a_3333, []call{{Fail, 42}}},
		{4, 0x7777, []call{{Reboot, 0}}},
		{4, 0x1234, nil},
		{1, 0x55, nil},
	} {
		var got []call
		var events mmiotest.Events
		s := New(Config{Name: "syscon", Events: &events, Finish: func(a Action, status uint16) { got = append(got, call{a, status}) }})
		b := mmiotest.NewBench(t, s, &events)
		b.RawWrite(0, c.size, c.v)
		if len(got) != len(c.want) || len(got) == 1 && got[0] != c.want[0] {
			t.Errorf("writing %#x, %d bytes: %v, want %v", c.v, c.size, got, c.want)
		}
		if (len(events.List) == 0) != (c.want != nil) {
			t.Errorf("writing %#x: events %v", c.v, events.List)
		}
		b.Want("FINISH", 0)
	}
}

func TestDeviceTree(t *testing.T) {
	n := mmiotest.Describe(newSyscon(mmiotest.NewEnv()))
	for name, value := range map[string]uint32{"poweroff": 0x5555, "reboot": 0x7777} {
		c := n.Children[name]
		if c == nil || c.Props["value"] != value || c.Props["compatible"] != "syscon-"+name || c.Props["regmap"] != n {
			t.Errorf("node %s: %v", name, c)
		}
	}
}
