// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tests

import (
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"vdev/guest/tests/internal/raw"
)

// bit is the mask of one signal.
func bit(s syscall.Signal) uint64 { return 1 << (s - 1) }

// catch returns a channel that receives sig for the length of the test.
func catch(t *testing.T, sig ...os.Signal) chan os.Signal {
	c := make(chan os.Signal, 64)
	signal.Notify(c, sig...)
	t.Cleanup(func() { signal.Stop(c) })
	return c
}

// next waits for a signal, but not for ever.
func next(t *testing.T, c chan os.Signal) os.Signal {
	t.Helper()
	select {
	case s := <-c:
		return s
	case <-time.After(10 * time.Second):
		t.Fatal("the signal does not come")
		return nil
	}
}

func TestHandlers(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGCHLD, syscall.SIGWINCH, 40, 63} {
		c := catch(t, sig)
		for range 3 {
			must(t, syscall.Kill(os.Getpid(), sig))
			if got := next(t, c); got != sig {
				t.Errorf("got %v, want %v", got, sig)
			}
		}
	}
}

func TestManySignalsWhileComputing(t *testing.T) {
	// Registers, vector and floating-point state must survive handlers
	// that interrupt anywhere.
	c := catch(t, syscall.SIGUSR1)
	var stop atomic.Bool
	var sender sync.WaitGroup
	sender.Go(func() {
		for {
			if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
				t.Error(err)
			}
			if stop.Load() {
				return
			}
			time.Sleep(100 * time.Microsecond)
		}
	})
	want := mix(20000)
	for range 20 {
		if v := mix(20000); v != want {
			t.Errorf("computed %#x, want %#x", v, want)
		}
	}
	stop.Store(true)
	sender.Wait()
	next(t, c)
}

// mix is a computation with integers and floating point.
func mix(rounds int) uint64 {
	h, f := uint64(0x9e3779b97f4a7c15), 1.0
	for i := range rounds {
		h ^= h << 13
		h ^= h >> 7
		h ^= h << 17
		f = float64(f*1.0000001) + float64(h>>40)*0x1p-60
		h += uint64(f*0x1p40) + uint64(i)
	}
	return h
}

func TestBlockedSignalsWait(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	sig := syscall.Signal(50)
	catch(t, sig) // so that a stray one does no harm
	old, err := raw.SigProcMask(0, bit(sig))
	must(t, err)
	defer raw.SigProcMask(2, old)
	tid := syscall.Gettid()
	// Real-time signals queue in order, each with its value.
	for v := int64(1); v <= 3; v++ {
		must(t, raw.SigQueue(tid, sig, v<<32|v))
	}
	if set, err := raw.SigPending(); set&bit(sig) == 0 || err != nil {
		t.Errorf("pending %#x, %v", set, err)
	}
	for v := int64(1); v <= 3; v++ {
		info, err := raw.SigTimedWait(bit(sig), time.Second)
		if err != nil || info.Signo != int32(sig) || info.Value != v<<32|v || int(info.Pid) != os.Getpid() {
			t.Errorf("got %+v, %v, want value %d", info, err, v)
		}
	}
	start := time.Now()
	_, err = raw.SigTimedWait(bit(sig), 10*time.Millisecond)
	wantErrno(t, "wait for no signal", err, syscall.EAGAIN)
	if took := time.Since(start); took < 10*time.Millisecond {
		t.Errorf("the wait of 10 ms took %v", took)
	}
	// A standard signal is pending once, however often it is sent.
	_, err = raw.SigProcMask(0, bit(syscall.SIGUSR2))
	must(t, err)
	for range 5 {
		must(t, raw.TgKill(tid, syscall.SIGUSR2))
	}
	if _, err := raw.SigTimedWait(bit(syscall.SIGUSR2), time.Second); err != nil {
		t.Error(err)
	}
	_, err = raw.SigTimedWait(bit(syscall.SIGUSR2), time.Millisecond)
	wantErrno(t, "second of the same signal", err, syscall.EAGAIN)
}

func TestAlternateStack(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s, err := raw.SigAltStack()
	must(t, err)
	// Go gives every thread one.
	const disabled, onStack = 2, 1
	if s.Flags&(disabled|onStack) != 0 || s.Size < 2048 || s.Base == 0 {
		t.Errorf("got %+v", s)
	}
}

func TestFaultsInManyPlaces(t *testing.T) {
	m := anonymous(t, 1, syscall.PROT_NONE)
	for offset := uintptr(0); offset < page; offset += 8 {
		wantFault(t, "load", m.Addr+offset, func() { load(m, offset) })
	}
	// Addresses that no page table can map.
	for _, addr := range []uintptr{8, 1 << 62, 1<<63 + 64} {
		bad := raw.Mapping{Addr: addr, Size: 1}
		if _, ok := fault(func() { load(bad, 0) }); !ok {
			t.Errorf("load at %#x does not fault", addr)
		}
	}
}

func TestFaultsOnManyThreads(t *testing.T) {
	m := anonymous(t, 8, syscall.PROT_NONE)
	threads(8, func(i int) {
		for range 100 {
			at := uintptr(i)*page + 24
			if got, ok := fault(func() { load(m, at) }); !ok || got != m.Addr+at {
				t.Errorf("thread %d: fault %v at %#x, want %#x", i, ok, got, m.Addr+at)
			}
		}
	})
}

func TestIntervalTimers(t *testing.T) {
	cases := []struct {
		name  string
		which int
		sig   syscall.Signal
		burn  bool // the timer counts CPU time
	}{
		{"real", 0, syscall.SIGALRM, false},
		{"virtual", 1, syscall.SIGVTALRM, true},
	}
	for _, tc := range cases {
		c := catch(t, tc.sig)
		const tick = 10000 // microseconds
		must(t, raw.SetITimer(tc.which, raw.Itimerval{Interval: syscall.Timeval{Usec: tick}, Value: syscall.Timeval{Usec: tick}}))
		deadline := time.Now().Add(20 * time.Second)
		start := time.Now()
		for ticks := 0; ticks < 3; {
			if !tc.burn {
				next(t, c)
				ticks++
				continue
			}
			if mix(1000) == 0 {
				t.Error("the computation gives zero")
			}
			select {
			case <-c:
				ticks++
			default:
			}
			if time.Now().After(deadline) {
				t.Errorf("%s: only %d ticks", tc.name, ticks)
				break
			}
		}
		took := time.Since(start)
		must(t, raw.SetITimer(tc.which, raw.Itimerval{}))
		if took < 2*tick*time.Microsecond {
			t.Errorf("%s: three ticks in %v", tc.name, took)
		}
	}
}

func TestInterruptedSleep(t *testing.T) {
	// A handled signal ends ppoll and friends with EINTR.
	catch(t, syscall.SIGUSR1)
	tids, errs := make(chan int), make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		tids <- syscall.Gettid()
		ts := syscall.Timespec{Sec: 30}
		var left syscall.Timespec
		errs <- syscall.Nanosleep(&ts, &left)
	}()
	tid := <-tids
	awaitSleep(t, tid, syscall.SYS_NANOSLEEP, 0)
	must(t, raw.TgKill(tid, syscall.SIGUSR1))
	wantErrno(t, "nanosleep", <-errs, syscall.EINTR)
}
