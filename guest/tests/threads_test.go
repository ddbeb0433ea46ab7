// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tests

import (
	"math/bits"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"vdev/guest/tests/internal/raw"
)

// threads runs f on n goroutines, each with a thread of its own, which start
// together, and waits for them.
func threads(n int, f func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			<-start
			f(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

func TestThreadIDs(t *testing.T) {
	const n = 32
	var tids [n]int
	threads(n, func(i int) { tids[i] = syscall.Gettid() })
	seen := map[int]bool{}
	for _, tid := range tids {
		if seen[tid] {
			t.Errorf("thread %d ran two locked goroutines at once", tid)
		}
		seen[tid] = true
	}
}

func TestMutexUnderContention(t *testing.T) {
	const n, rounds = 8, 5000
	var mu sync.Mutex
	var counter, inside int
	threads(n, func(int) {
		for range rounds {
			mu.Lock()
			if inside++; inside != 1 {
				t.Error("two threads hold the mutex")
			}
			counter++
			inside--
			mu.Unlock()
		}
	})
	if counter != n*rounds {
		t.Errorf("counted %d, want %d", counter, n*rounds)
	}
}

func TestPingPong(t *testing.T) {
	a, b := make(chan int), make(chan int)
	go func() {
		runtime.LockOSThread()
		for v := range a {
			b <- v + 1
		}
		close(b)
	}()
	v := 0
	for range 2000 {
		a <- v
		v = <-b
	}
	close(a)
	if _, open := <-b; open || v != 2000 {
		t.Errorf("got %d, %v, want 2000 and a closed channel", v, open)
	}
}

func TestCondBroadcast(t *testing.T) {
	const n = 16
	var mu sync.Mutex
	cond := sync.NewCond(&mu)
	var round, arrived int
	threads(n, func(int) {
		for want := 1; want <= 50; want++ {
			mu.Lock()
			if arrived++; arrived == n {
				arrived = 0
				round++
				cond.Broadcast()
			}
			for round < want {
				cond.Wait()
			}
			mu.Unlock()
		}
	})
	if round != 50 {
		t.Errorf("%d rounds, want 50", round)
	}
}

func TestAffinity(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	all, err := raw.SchedGetAffinity()
	must(t, err)
	if bits.OnesCount64(uint64(all)) != runtime.NumCPU() && runtime.NumCPU() <= 64 {
		t.Errorf("affinity %#x, but %d CPUs", all, runtime.NumCPU())
	}
	defer raw.SchedSetAffinity(all)
	for cpu := range 64 {
		if all>>cpu&1 == 0 {
			continue
		}
		must(t, raw.SchedSetAffinity(1<<cpu))
		if got, err := raw.GetCPU(); got != cpu || err != nil {
			t.Errorf("bound to CPU %d, runs on %d, %v", cpu, got, err)
		}
	}
}

func TestThreadsRunOnAllHarts(t *testing.T) {
	all, err := raw.SchedGetAffinity()
	must(t, err)
	var cpus []int
	for cpu := range 64 {
		if all>>cpu&1 != 0 {
			cpus = append(cpus, cpu)
		}
	}
	// Each thread passes the token on; a hart that does not run stops it.
	var token atomic.Int64
	const rounds = 200
	threads(len(cpus), func(i int) {
		if err := raw.SchedSetAffinity(1 << cpus[i]); err != nil {
			t.Error(err)
		}
		for r := range rounds {
			for token.Load() != int64(r*len(cpus)+i) {
				runtime.Gosched()
			}
			token.Add(1)
		}
		if err := raw.SchedSetAffinity(all); err != nil {
			t.Error(err)
		}
	})
	if want := int64(rounds * len(cpus)); token.Load() != want {
		t.Errorf("the token went %d steps, want %d", token.Load(), want)
	}
}

func TestThreadLocalState(t *testing.T) {
	// A thread's own directory (unshare CLONE_FS) is the kernel's view of
	// which thread a call comes from.
	const n = 4
	var dirs [n]string
	for i := range dirs {
		dirs[i] = t.TempDir()
	}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread ends with us
			if err := syscall.Unshare(syscall.CLONE_FS); err != nil {
				t.Error(err)
				return
			}
			for range 20 {
				if err := syscall.Chdir(dirs[i]); err != nil {
					t.Error(err)
				}
				runtime.Gosched()
				if got, err := os.Readlink("/proc/thread-self/cwd"); got != dirs[i] || err != nil {
					t.Errorf("thread %d is in %q, %v, want %q", i, got, err, dirs[i])
				}
			}
		})
	}
	wg.Wait()
}
