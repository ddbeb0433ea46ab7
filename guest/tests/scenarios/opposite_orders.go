// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"vdev/guest/drm"
	"vdev/guest/share"
)

// The deadlock case of 2013: a task locks A and B, another one C and A, over and over,
// each with one sync object. Who came later backs off: it gives back what it has, waits
// for the buffer that it lacked, then takes the others again. And as the earlier one
// always wins, they take turns.
//
// Broken: a sync object for each buffer, locked one after the other.
func oppositeOrders(b *Bench, broken bool) bool {
	const rounds = 50
	setup := b.client()
	bufA, bufB, bufC := b.buffer(setup, "A", page), b.buffer(setup, "B", page), b.buffer(setup, "C", page)
	if broken {
		return oneByOne(b, bufA, bufB)
	}
	// What both lock is for both to write: how often each has had it.
	turns := b.mapped(bufA)[:2]

	var tasks sync.WaitGroup
	var deadlocks [2]uint64
	for task, order := range [][]*drm.DMABuf{{bufA, bufB}, {bufC, bufA}} {
		locks := b.sync(b.client(), share.SyncOptions{Backoff: true}, writes(order...)...)
		tasks.Go(func() {
			for done := false; !done; {
				deadlocks[task] += lockInSpite(locks)
				turns[task]++
				done = int(turns[0])+int(turns[1]) >= rounds
				time.Sleep(100 * time.Microsecond)
				must(locks.Unlock())
			}
		})
	}
	tasks.Wait()

	s := b.since(setup)
	b.Note("locks", s.Locks)
	b.Note("backoffs", s.Backoffs)
	must(setup.Prep(bufA, 0, page, share.Read, share.Forever))
	first, second := int(turns[0]), int(turns[1])
	must(setup.Fini(bufA))
	return max(first, second)-min(first, second) <= 3 && s.Backoffs == deadlocks[0]+deadlocks[1]
}

// writes locks buffers for reading and writing.
func writes(bufs ...*drm.DMABuf) (uses []share.Use) {
	for _, buf := range bufs {
		uses = append(uses, share.Use{Buf: buf, Access: share.ReadWrite})
	}
	return uses
}

// lockInSpite locks, and tells how often it had to back off. Then it holds nothing, but
// has its place in the queue.
func lockInSpite(locks *share.Sync) (deadlocks uint64) {
	for {
		_, err := locks.Lock(share.Forever)
		if !errors.Is(err, unix.EDEADLK) {
			must(err)
			return deadlocks
		}
		deadlocks++
	}
}

// oneByOne has two tasks lock A then B, and B then A, so that each has what the other one
// wants. Only the timer of the first lock ends that.
func oneByOne(b *Bench, bufA, bufB *drm.DMABuf) (right bool) {
	var tasks, halfway sync.WaitGroup
	halfway.Add(2)
	right = true
	for task, order := range [][]*drm.DMABuf{{bufA, bufB}, {bufB, bufA}} {
		client := b.client()
		limits := []time.Duration{5 * time.Millisecond, -1}
		first := b.sync(client, share.SyncOptions{Timeout: limits[task]}, writes(order[0])...)
		second := b.sync(client, share.SyncOptions{Timeout: -1}, writes(order[1])...)
		tasks.Go(func() {
			get(first.Lock(share.Forever))
			halfway.Done()
			halfway.Wait()
			get(second.Lock(share.Forever))
			must(second.Unlock())
			if err := first.Unlock(); task == 0 && errors.Is(err, unix.EOWNERDEAD) {
				right = false
			} else {
				must(err)
			}
		})
	}
	tasks.Wait()
	b.Note("lockups", b.since(b.client()).Lockups)
	return right
}
