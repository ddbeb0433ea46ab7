// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tests

import (
	"encoding/binary"
	"runtime"
	"syscall"
	"testing"
	"time"

	"vdev/guest/tests/internal/raw"
)

// late bounds how late a timer may be on a loaded host; on vdev, where time
// is the guest's own, timers are never near it.
const late = 2 * time.Second

// clock reads a clock.
func clock(t *testing.T, id int) int64 {
	t.Helper()
	v, err := raw.ClockGettime(id)
	must(t, err)
	return v
}

func TestClocksAdvance(t *testing.T) {
	runtime.LockOSThread() // one of the clocks is the thread's
	defer runtime.UnlockOSThread()
	for _, id := range []int{raw.ClockRealtime, raw.ClockMonotonic, raw.ClockProcess, raw.ClockThread, raw.ClockRaw, raw.ClockBoot} {
		last := clock(t, id)
		first := last
		for range 1000 {
			v := clock(t, id)
			if v < last {
				t.Errorf("clock %d went back by %d ns", id, last-v)
			}
			last = v
		}
		if last == first {
			t.Errorf("clock %d stands still", id)
		}
	}
}

func TestClocksAgree(t *testing.T) {
	// The vDSO and the kernel read the same clock.
	for range 200 {
		before := clock(t, raw.ClockRealtime)
		now := time.Now().UnixNano()
		after := clock(t, raw.ClockRealtime)
		if now < before || now > after {
			t.Fatalf("time.Now gives %d, between kernel readings %d and %d", now, before, after)
		}
	}
	mono0, raw0, boot0 := clock(t, raw.ClockMonotonic), clock(t, raw.ClockRaw), clock(t, raw.ClockBoot)
	time.Sleep(50 * time.Millisecond)
	mono1, raw1, boot1 := clock(t, raw.ClockMonotonic), clock(t, raw.ClockRaw), clock(t, raw.ClockBoot)
	for _, d := range []int64{raw1 - raw0, boot1 - boot0} {
		if diff := d - (mono1 - mono0); diff < -20e6 || diff > int64(late) {
			t.Errorf("in %d ns another clock went %d ns", mono1-mono0, d)
		}
	}
}

func TestSleepNeverEndsEarly(t *testing.T) {
	for _, d := range []time.Duration{1, time.Microsecond, 100 * time.Microsecond, 3 * time.Millisecond, 40 * time.Millisecond} {
		ts := syscall.NsecToTimespec(int64(d))
		start := clock(t, raw.ClockMonotonic)
		for syscall.Nanosleep(&ts, &ts) == syscall.EINTR {
		}
		if took := time.Duration(clock(t, raw.ClockMonotonic) - start); took < d || took > d+late {
			t.Errorf("sleep of %v took %v", d, took)
		}
	}
}

func TestAbsoluteSleep(t *testing.T) {
	for _, id := range []int{raw.ClockMonotonic, raw.ClockRealtime, raw.ClockBoot} {
		until := clock(t, id) + int64(5*time.Millisecond)
		for raw.ClockNanosleep(id, until) == syscall.EINTR {
		}
		if now := clock(t, id); now < until || now > until+int64(late) {
			t.Errorf("clock %d: woke at %d, wanted %d", id, now, until)
		}
	}
	must(t, raw.ClockNanosleep(raw.ClockMonotonic, 1)) // long past: returns at once
}

func TestTimerFD(t *testing.T) {
	const first, interval = 20 * time.Millisecond, 10 * time.Millisecond
	start := clock(t, raw.ClockMonotonic)
	f, err := raw.TimerFD(first, interval)
	must(t, err)
	defer f.Close()
	total := uint64(0)
	buf := make([]byte, 8)
	for total < 5 {
		_, err := f.Read(buf)
		must(t, err)
		n := binary.NativeEndian.Uint64(buf)
		total += n
		took := time.Duration(clock(t, raw.ClockMonotonic) - start)
		if due := first + time.Duration(total-1)*interval; took < due || n == 0 {
			t.Errorf("%d expirations after %v, the last is due after %v", total, took, due)
		}
	}
	// Expirations that nobody reads are counted, not lost.
	time.Sleep(5 * interval)
	_, err = f.Read(buf)
	must(t, err)
	if n := binary.NativeEndian.Uint64(buf); n < 4 {
		t.Errorf("%d expirations in 5 intervals", n)
	}
}

// Each timer fires once, and not early. In which order their functions get to run is
// a matter of scheduling.
func TestTimersFire(t *testing.T) {
	type firing struct {
		timer int
		after time.Duration
	}
	due := func(i int) time.Duration { return time.Duration(20+10*i) * time.Millisecond }
	fired := make(chan firing, 10)
	start := time.Now()
	for i := 9; i >= 0; i-- {
		time.AfterFunc(due(i), func() { fired <- firing{i, time.Since(start)} })
	}
	seen := map[int]bool{}
	for range 10 {
		f := <-fired
		if f.after < due(f.timer) {
			t.Errorf("timer %d fired after %v, want %v", f.timer, f.after, due(f.timer))
		}
		seen[f.timer] = true
	}
	if len(seen) != 10 {
		t.Errorf("fired: %v", seen)
	}
}

func TestCPUTimeIsNotSleepTime(t *testing.T) {
	cpu, mono := clock(t, raw.ClockProcess), clock(t, raw.ClockMonotonic)
	time.Sleep(300 * time.Millisecond)
	cpu, mono = clock(t, raw.ClockProcess)-cpu, clock(t, raw.ClockMonotonic)-mono
	if cpu > mono/2 {
		t.Errorf("asleep for %d ns the process used %d ns", mono, cpu)
	}
}
