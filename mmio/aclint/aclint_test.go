// SPDX-License-Identifier: Apache-2.0

package aclint

import (
	"math"
	"testing"
	"time"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

func newACLINT(env *mmiotest.Env) *ACLINT {
	return New(Config{Name: "clint", Clock: &env.Clock, Events: &env.Events, Harts: []Hart{
		{MSIP: env.Line("msip0"), MTIP: env.Line("mtip0")},
		{MSIP: env.Line("msip1"), MTIP: env.Line("mtip1")},
	}})
}

func newSSWI(env *mmiotest.Env) *SSWI {
	return NewSSWI(SSWIConfig{Name: "sswi", Harts: 2, SetSSIP: func(h int) {
		env.Line([]string{"ssip0", "ssip1"}[h]).Set(true)
	}})
}

func TestTable(t *testing.T) {
	mmiotest.CheckTable(t, func(env *mmiotest.Env) mmio.RegisterDevice { return newACLINT(env) })
	mmiotest.CheckTable(t, func(env *mmiotest.Env) mmio.RegisterDevice { return newSSWI(env) })
}

func FuzzACLINT(f *testing.F) {
	mmiotest.FuzzDevice(f, func(env *mmiotest.Env) mmio.Device { return newACLINT(env) })
}

func FuzzSSWI(f *testing.F) {
	mmiotest.FuzzDevice(f, func(env *mmiotest.Env) mmio.Device {
		return NewSSWI(SSWIConfig{Name: "sswi", Harts: 2, SetSSIP: func(int) {}})
	})
}

func fixture(t *testing.T) (*mmiotest.Env, *ACLINT, *mmiotest.Bench) {
	env := mmiotest.NewEnv()
	a := newACLINT(env)
	return env, a, mmiotest.NewBench(t, a, &env.Events)
}

func TestSoftwareInterrupt(t *testing.T) {
	env, a, b := fixture(t)
	b.WriteAt("MSIP", 1, 0xffffffff)
	b.WantAt("MSIP", 1, 1)
	if !env.Line("msip1").Level || env.Line("msip0").Level {
		t.Error("wrong hart interrupted")
	}
	b.WriteAt("MSIP", 1, 0xfffffffe)
	if env.Line("msip1").Level {
		t.Error("not cleared")
	}
	b.WriteAt("MSIP", 0, 1)
	a.Reset()
	if env.Line("msip0").Level {
		t.Error("reset left the interrupt")
	}
}

// TestTimerFiresOnTheTick checks both sides of the exact nanosecond, for rates that
// do and do not divide a second.
func TestTimerFiresOnTheTick(t *testing.T) {
	for _, freq := range []uint64{10_000_000, 32_768, 3, 1_000_000_000, 7_777_777, 4_000_000_000} {
		for _, ticks := range []uint64{1, 2, 3, 99, 100, 101, 65_537} {
			env := mmiotest.NewEnv()
			a := New(Config{Name: "clint", Clock: &env.Clock, Frequency: freq, Harts: []Hart{{MTIP: env.Line("mtip")}}})
			b := mmiotest.NewBench(t, a, nil)
			env.Clock.Advance(12_345)
			cmp := a.MTime() + ticks
			b.Write("MTIMECMP", cmp)
			at, ok := env.Clock.Next()
			if !ok {
				t.Fatalf("%d Hz: no timer armed for %d", freq, cmp)
			}
			env.Clock.Advance(at - 1 - env.Clock.Now())
			if env.Line("mtip").Level || a.MTime() >= cmp {
				t.Errorf("%d Hz: fired a nanosecond before %d, mtime %d", freq, cmp, a.MTime())
			}
			env.Clock.Advance(1)
			if !env.Line("mtip").Level || a.MTime() < cmp {
				t.Errorf("%d Hz: did not fire at %d, mtime %d", freq, cmp, a.MTime())
			}
			if when, ok := a.When(cmp + 5); !ok || when <= env.Clock.Now() {
				t.Errorf("%d Hz: When(%d) = %v %v", freq, cmp+5, when, ok)
			}
		}
	}
}

func TestComparatorInHalves(t *testing.T) {
	env, _, b := fixture(t)
	env.Clock.Advance(time.Millisecond) // 10000 ticks
	// The sequence that the privileged specification recommends on RV32.
	b.RawWrite(0x4008, 4, 0xffffffff)
	b.RawWrite(0x400c, 4, 0)
	b.RawWrite(0x4008, 4, 10_001)
	b.WantAt("MTIMECMP", 1, 10_001)
	if env.Line("mtip1").Level || env.Line("mtip1").Rises != 0 {
		t.Error("fired too early")
	}
	env.Clock.Advance(100)
	if !env.Line("mtip1").Level || env.Line("mtip0").Level {
		t.Error("wrong timer interrupt")
	}
	b.WriteAt("MTIMECMP", 1, math.MaxUint64)
	if env.Line("mtip1").Level {
		t.Error("not cleared by a new comparator")
	}
}

func TestTimeIsWritable(t *testing.T) {
	env := mmiotest.NewEnv()
	told := 0
	a := New(Config{Name: "clint", Clock: &env.Clock, Harts: []Hart{{MTIP: env.Line("mtip0")}}, OnTimeSet: func() { told++ }})
	b := mmiotest.NewBench(t, a, nil)
	env.Clock.Advance(time.Second)
	b.Want("MTIME", 10_000_000)
	b.Write("MTIMECMP", 500)
	if !env.Line("mtip0").Level {
		t.Error("a comparator in the past does not interrupt")
	}
	b.Write("MTIME", 400)
	if env.Line("mtip0").Level || told != 1 {
		t.Errorf("setting the time back: interrupt %v, told %d times", env.Line("mtip0").Level, told)
	}
	env.Clock.Advance(100 * 100)
	b.Want("MTIME", 500)
	if !env.Line("mtip0").Level {
		t.Error("did not fire on the new time")
	}
	b.RawWrite(0xbffc, 4, 1)
	b.Want("MTIME", 1<<32|500)
	a.Reset()
	b.Want("MTIME", 10_000_100)
}

func TestTimeWraps(t *testing.T) {
	env, _, b := fixture(t)
	b.WriteAt("MTIMECMP", 0, 1000)
	b.Write("MTIME", ^uint64(0)-9)
	if !env.Line("mtip0").Level {
		t.Error("not pending before the wrap")
	}
	env.Clock.Advance(10 * 100)
	b.Want("MTIME", 0)
	if env.Line("mtip0").Level {
		t.Error("still pending after the wrap")
	}
	env.Clock.Advance(1000 * 100)
	if !env.Line("mtip0").Level {
		t.Error("not pending again")
	}
}

func TestFarComparatorNeverFires(t *testing.T) {
	env, a, b := fixture(t)
	b.WriteAt("MTIMECMP", 0, 1<<63)
	if _, ok := env.Clock.Next(); ok {
		t.Error("a timer is armed beyond the end of time")
	}
	if _, ok := a.When(1 << 63); ok {
		t.Error("When names a time beyond the end of time")
	}
	env.Clock.Advance(math.MaxInt64)
	if env.Line("mtip0").Level {
		t.Error("fired")
	}
}

func TestSetSSIP(t *testing.T) {
	env := mmiotest.NewEnv()
	b := mmiotest.NewBench(t, newSSWI(env), nil)
	b.WriteAt("SETSSIP", 0, 0xfffffffe)
	b.WriteAt("SETSSIP", 1, 1)
	b.WantAt("SETSSIP", 1, 0)
	if env.Line("ssip0").Level || !env.Line("ssip1").Level {
		t.Error("wrong hart interrupted")
	}
}

func TestDeviceTree(t *testing.T) {
	env := mmiotest.NewEnv()
	a, s := newACLINT(env), newSSWI(env)
	refs := []mmio.DTRef{"hart0", "hart1"}
	a.WireDT(refs)
	s.WireDT(refs)
	for _, c := range []struct {
		dev  mmio.DTDescriber
		want []any
	}{
		{a, []any{"hart0", uint32(3), "hart0", uint32(7), "hart1", uint32(3), "hart1", uint32(7)}},
		{s, []any{"hart0", uint32(1), "hart1", uint32(1)}},
	} {
		got := mmiotest.Describe(c.dev).Props["interrupts-extended"].([]any)
		if len(got) != len(c.want) {
			t.Fatalf("interrupts-extended %v", got)
		}
		for i := range c.want {
			if got[i] != c.want[i] {
				t.Errorf("interrupts-extended[%d] = %v, want %v", i, got[i], c.want[i])
			}
		}
	}
}
