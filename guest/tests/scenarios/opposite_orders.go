// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"sync"

	"vdev/guest/share"
)

// oppositeOrders is the deadlock case of 2013: a task locks A then B, another one C then
// A, over and over. Whoever came first gets what both want, the other one gives back
// what it has, and waits. Nobody waits for ever.
func oppositeOrders(b *Bench, _ bool) bool {
	const rounds = 200
	setup := b.client()
	bufA, bufB, bufC := b.buffer(setup, "A", page), b.buffer(setup, "B", page), b.buffer(setup, "C", page)
	mem := b.mapped(bufA)
	orders := [][]share.Use{
		{{Buf: bufA, Access: share.ReadWrite}, {Buf: bufB, Access: share.ReadWrite}},
		{{Buf: bufC, Access: share.ReadWrite}, {Buf: bufA, Access: share.ReadWrite}},
	}
	var tasks sync.WaitGroup
	for _, uses := range orders {
		task := b.client()
		locks := b.sync(task, share.SyncOptions{}, uses...)
		tasks.Go(func() {
			for range rounds {
				get(locks.Lock(share.Forever))
				mem[0]++
				must(locks.Unlock())
			}
		})
	}
	tasks.Wait()
	s := stats(setup)
	b.Note("locks", s.Locks)
	b.Note("backoffs", s.Backoffs)
	return true
}
