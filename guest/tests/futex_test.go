// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tests

import (
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"vdev/guest/tests/internal/raw"
)

func TestFutexValueMismatch(t *testing.T) {
	word := uint32(1)
	_, err := raw.Futex(&word, raw.FutexWait, 2, 0)
	wantErrno(t, "wait for 2 on 1", err, syscall.EAGAIN)
}

func TestFutexTimeout(t *testing.T) {
	for _, d := range []time.Duration{time.Millisecond, 20 * time.Millisecond} {
		word := uint32(1)
		start := time.Now()
		_, err := raw.Futex(&word, raw.FutexWait, 1, d)
		took := time.Since(start)
		wantErrno(t, "wait with a timeout", err, syscall.ETIMEDOUT)
		if took < d {
			t.Errorf("timeout of %v came after %v", d, took)
		}
	}
}

func TestFutexMisaligned(t *testing.T) {
	m, err := raw.Map(0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE, nil, 0)
	must(t, err)
	defer m.Unmap(0, m.Size)
	_, err = raw.Futex(m.Word32(2), raw.FutexWake, 1, 0)
	wantErrno(t, "misaligned address", err, syscall.EINVAL)
	must(t, m.Protect(0, m.Size, syscall.PROT_NONE))
	_, err = raw.Futex(m.Word32(0), raw.FutexWait, 0, 0)
	wantErrno(t, "inaccessible address", err, syscall.EFAULT)
}

// sleepers starts n threads that wait on word while it is zero and returns
// when all sleep; woken receives each as it wakes.
func sleepers(t *testing.T, word *uint32, n int) (woken chan int) {
	t.Helper()
	woken = make(chan int, n)
	for i := range n {
		tid := make(chan int)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			tid <- syscall.Gettid()
			for atomic.LoadUint32(word) == 0 {
				_, err := raw.Futex(word, raw.FutexWait, 0, 0)
				if err == nil {
					break
				}
				if err != syscall.EAGAIN && err != syscall.EINTR {
					t.Error(err)
					break
				}
			}
			woken <- i
		}()
		awaitSleep(t, <-tid, syscall.SYS_FUTEX, raw.Address(word))
	}
	return woken
}

func TestFutexWakesInOrder(t *testing.T) {
	var word uint32
	const n = 6
	woken := sleepers(t, &word, n)
	for want := range n {
		if got, err := raw.Futex(&word, raw.FutexWake, 1, 0); got != 1 || err != nil {
			t.Fatalf("wake 1: got %d, %v", got, err)
		}
		// All waiters have the same priority: first come, first served.
		if got := <-woken; got != want {
			t.Errorf("waiter %d woke, want %d", got, want)
		}
	}
	if got, err := raw.Futex(&word, raw.FutexWake, 1, 0); got != 0 || err != nil {
		t.Errorf("wake without waiters: got %d, %v", got, err)
	}
}

func TestFutexWakesMany(t *testing.T) {
	var word uint32
	const n = 6
	woken := sleepers(t, &word, n)
	if got, err := raw.Futex(&word, raw.FutexWake, 4, 0); got != 4 || err != nil {
		t.Errorf("wake 4: got %d, %v", got, err)
	}
	if got, err := raw.Futex(&word, raw.FutexWake, 1<<30, 0); got != n-4 || err != nil {
		t.Errorf("wake the rest: got %d, %v", got, err)
	}
	for range n {
		<-woken
	}
}

func TestFutexRequeue(t *testing.T) {
	var from, to uint32
	const n = 5
	woken := sleepers(t, &from, n)
	_, err := raw.Futex2(&from, raw.FutexCmpRequeue, 1, n, &to, 99)
	wantErrno(t, "requeue with a stale value", err, syscall.EAGAIN)
	if got, err := raw.Futex2(&from, raw.FutexCmpRequeue, 1, n, &to, 0); got != n || err != nil {
		t.Errorf("requeue: got %d, %v, want %d (one woken, the others moved)", got, err, n)
	}
	<-woken
	if got, err := raw.Futex(&from, raw.FutexWake, n, 0); got != 0 || err != nil {
		t.Errorf("wake on the old word: got %d, %v", got, err)
	}
	if got, err := raw.Futex(&to, raw.FutexWake, n, 0); got != n-1 || err != nil {
		t.Errorf("wake on the new word: got %d, %v", got, err)
	}
	for range n - 1 {
		<-woken
	}
}

func TestFutexWakeOp(t *testing.T) {
	var a, b uint32
	b = 5
	woken := sleepers(t, &a, 1)
	// *b += 3, and wake on b too if it was 5: op ADD, cmp EQ.
	const op = 1<<28 | 0<<24 | 3<<12 | 5
	if got, err := raw.Futex2(&a, raw.FutexWakeOp, 1, 1, &b, op); got != 1 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
	<-woken
	if b != 8 {
		t.Errorf("the second word is %d, want 8", b)
	}
}

func TestFutexMutex(t *testing.T) {
	// The classic three-state mutex: 0 free, 1 held, 2 held with waiters.
	var state uint32
	lock := func() {
		if atomic.CompareAndSwapUint32(&state, 0, 1) {
			return
		}
		for atomic.SwapUint32(&state, 2) != 0 {
			_, err := raw.Futex(&state, raw.FutexWait, 2, 0)
			if err != nil && err != syscall.EAGAIN && err != syscall.EINTR {
				t.Error(err)
			}
		}
	}
	unlock := func() {
		if atomic.SwapUint32(&state, 0) == 2 {
			if _, err := raw.Futex(&state, raw.FutexWake, 1, 0); err != nil {
				t.Error(err)
			}
		}
	}
	const n, rounds = 6, 2000
	counter := 0
	threads(n, func(int) {
		for i := range rounds {
			lock()
			counter++
			if i%64 == 0 {
				runtime.Gosched() // hold it for longer now and then
			}
			unlock()
		}
	})
	if counter != n*rounds {
		t.Errorf("counted %d, want %d", counter, n*rounds)
	}
}

func TestFutexPI(t *testing.T) {
	var word uint32
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if _, err := raw.Futex(&word, raw.FutexLockPI, 0, 0); err == syscall.ENOSYS {
		t.Skip("the kernel has no FUTEX_PI")
	} else {
		must(t, err)
	}
	if atomic.LoadUint32(&word) != uint32(syscall.Gettid()) {
		t.Errorf("owner %d, want %d", word, syscall.Gettid())
	}
	tid := make(chan int)
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		tid <- syscall.Gettid()
		if _, err := raw.Futex(&word, raw.FutexLockPI, 0, 0); err != nil {
			t.Error(err)
		}
		if _, err := raw.Futex(&word, raw.FutexUnlockPI, 0, 0); err != nil {
			t.Error(err)
		}
	})
	awaitSleep(t, <-tid, syscall.SYS_FUTEX, raw.Address(&word))
	if atomic.LoadUint32(&word)&(1<<31) == 0 {
		t.Errorf("word %#x lacks FUTEX_WAITERS", word)
	}
	_, err := raw.Futex(&word, raw.FutexUnlockPI, 0, 0)
	must(t, err)
	wg.Wait()
	if atomic.LoadUint32(&word) != 0 {
		t.Errorf("word %#x after the last unlock", word)
	}
}
