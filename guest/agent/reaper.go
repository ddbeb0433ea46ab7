// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"sync"
	"syscall"
)

// reaper collects the wait status of children. As init's it also collects
// the orphans that the kernel hands over; otherwise it waits for the children
// it started and leaves those of other parts of the process alone.
type reaper struct {
	orphans bool

	mu      sync.Mutex
	wake    *sync.Cond                        // on mu; waiting is no longer empty
	waiting map[int]chan<- syscall.WaitStatus // guarded by mu; by pid
}

// newReaper returns a reaper. One for orphans has a goroutine that runs for
// the life of the process, and there can be only one.
func newReaper(orphans bool) *reaper {
	r := &reaper{orphans: orphans, waiting: map[int]chan<- syscall.WaitStatus{}}
	r.wake = sync.NewCond(&r.mu)
	if orphans {
		go r.loop()
	}
	return r
}

// start runs fork, which returns the pid of a new child. The channel receives
// the child's wait status once.
func (r *reaper) start(fork func() (pid int, err error)) (int, <-chan syscall.WaitStatus, error) {
	// Under the lock, so that a child that ends at once is not collected
	// before somebody waits for it.
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := fork()
	if err != nil {
		return 0, nil, err
	}
	ch := make(chan syscall.WaitStatus, 1)
	if r.orphans {
		r.waiting[pid] = ch
		r.wake.Signal()
	} else {
		go func() { ch <- waitFor(pid) }()
	}
	return pid, ch, nil
}

// waitFor waits for the end of one child of ours.
func waitFor(pid int) syscall.WaitStatus {
	for {
		var ws syscall.WaitStatus
		got, err := syscall.Wait4(pid, &ws, 0, nil)
		if got == pid && (ws.Exited() || ws.Signaled()) {
			return ws
		}
		if err != nil && err != syscall.EINTR {
			panic("BUG: agent: wait4: " + err.Error())
		}
	}
}

func (r *reaper) loop() {
	for {
		r.mu.Lock()
		for len(r.waiting) == 0 {
			r.wake.Wait()
		}
		r.mu.Unlock()
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WALL, nil)
		if err == syscall.ECHILD {
			panic("BUG: agent: a child that nobody collected is gone")
		}
		if err != nil || !ws.Exited() && !ws.Signaled() {
			continue
		}
		r.mu.Lock()
		if ch := r.waiting[pid]; ch != nil {
			delete(r.waiting, pid)
			ch <- ws
		}
		r.mu.Unlock()
	}
}
