// SPDX-License-Identifier: Apache-2.0

package rtc

import (
	"testing"
	"time"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// epoch is the time at power-on; it has a low half that is about to overflow, to catch torn reads.
const epoch = 0x17_ffff_ff00

func newRTC(env *mmiotest.Env) *RTC {
	return New(Config{Name: "rtc", Clock: &env.Clock, Epoch: time.Unix(0, epoch), IRQ: env.Line("irq"), Events: &env.Events})
}

func fixture(t *testing.T) (*mmiotest.Env, *RTC, *mmiotest.Bench) {
	env := mmiotest.NewEnv()
	r := newRTC(env)
	return env, r, mmiotest.NewBench(t, r, &env.Events)
}

func TestTable(t *testing.T) {
	mmiotest.CheckTable(t, func(env *mmiotest.Env) mmio.RegisterDevice { return newRTC(env) })
}

func FuzzRTC(f *testing.F) {
	mmiotest.FuzzDevice(f, func(env *mmiotest.Env) mmio.Device { return newRTC(env) })
}

func read(b *mmiotest.Bench) uint64 {
	low := b.Read("TIME_LOW")
	return b.Read("TIME_HIGH")<<32 | low
}

func setAlarm(b *mmiotest.Bench, v uint64) {
	b.Write("ALARM_HIGH", v>>32)
	b.Write("ALARM_LOW", v&0xffffffff)
}

func TestTimeIsReadWhole(t *testing.T) {
	env, _, b := fixture(t)
	low := b.Read("TIME_LOW")
	env.Clock.Advance(0x200) // the high half changes in between
	if got := b.Read("TIME_HIGH")<<32 | low; got != epoch {
		t.Errorf("time %#x", got)
	}
	if got := read(b); got != 0x18_0000_0100 {
		t.Errorf("later %#x", got)
	}
}

func TestSettingTheTime(t *testing.T) {
	env, r, b := fixture(t)
	env.Clock.Advance(5)
	b.Write("TIME_HIGH", 0x12345678)
	b.Write("TIME_LOW", 0x9abcdef0)
	env.Clock.Advance(0x10)
	if got := read(b); got != 0x123456789abcdf00 {
		t.Errorf("time %#x", got)
	}
	r.Reset()
	if got := read(b); got != 0x17_ffff_ff15 {
		t.Errorf("time after reset %#x", got)
	}
}

func TestAlarm(t *testing.T) {
	env, _, b := fixture(t)
	irq := env.Line("irq")
	b.Write("IRQ_ENABLED", 1)
	setAlarm(b, epoch+1000)
	b.Want("ALARM_STATUS", 1)
	env.Clock.Advance(999)
	if irq.Level {
		t.Error("went off too early")
	}
	env.Clock.Advance(1)
	b.Want("ALARM_STATUS", 0)
	if !irq.Level {
		t.Error("did not go off")
	}
	b.Write("IRQ_ENABLED", 0)
	if irq.Level {
		t.Error("interrupts while disabled")
	}
	b.Write("IRQ_ENABLED", 1)
	b.Write("CLEAR_INTERRUPT", 1)
	if irq.Level {
		t.Error("not cleared")
	}
}

func TestAlarmInThePastGoesOffAtOnce(t *testing.T) {
	env, _, b := fixture(t)
	b.Write("IRQ_ENABLED", 1)
	setAlarm(b, 17)
	if !env.Line("irq").Level {
		t.Error("did not go off")
	}
	b.Want("ALARM_STATUS", 0)
}

func TestClearedAlarm(t *testing.T) {
	env, _, b := fixture(t)
	b.Write("IRQ_ENABLED", 1)
	setAlarm(b, epoch+1000)
	b.Write("CLEAR_ALARM", 1)
	b.Want("ALARM_STATUS", 0)
	env.Clock.Advance(time.Second)
	if env.Line("irq").Level {
		t.Error("went off")
	}
}

func TestAlarmFollowsTheTimeBeingSet(t *testing.T) {
	env, _, b := fixture(t)
	b.Write("IRQ_ENABLED", 1)
	setAlarm(b, 0x20_0000_0000)
	b.Write("TIME_HIGH", 0x1f)
	b.Write("TIME_LOW", 0xffffff00)
	env.Clock.Advance(0xff)
	if env.Line("irq").Level {
		t.Error("too early")
	}
	env.Clock.Advance(1)
	if !env.Line("irq").Level {
		t.Error("too late")
	}
}

func TestFarAlarm(t *testing.T) {
	env, _, b := fixture(t)
	setAlarm(b, ^uint64(0))
	if _, ok := env.Clock.Next(); ok {
		t.Error("a timer is armed beyond the end of time")
	}
	b.Want("ALARM_STATUS", 1)
}

// TestOffsets compares with Linux's include/clocksource/timer-goldfish.h.
func TestOffsets(t *testing.T) {
	_, r, _ := fixture(t)
	for off, name := range []string{"TIME_LOW", "TIME_HIGH", "ALARM_LOW", "ALARM_HIGH", "IRQ_ENABLED", "CLEAR_ALARM", "ALARM_STATUS", "CLEAR_INTERRUPT"} {
		id, ok := r.Lookup(name)
		if !ok || r.Reg(id).Offset != uint64(4*off) {
			t.Errorf("%s is not at %#x", name, 4*off)
		}
	}
}
