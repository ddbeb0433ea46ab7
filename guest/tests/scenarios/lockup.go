// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"vdev/guest/share"
	"vdev/ioctl"
)

// A task that keeps its lock, while others wait. When the time is over the lock is taken
// away, and everybody learns of it: who wait go on, and are told that the buffer may hold
// half of something, until somebody has written it anew; who had the lock is told by its
// next call.
//
// Correct: it unlocks in time, and there is nothing to tell.
func lockup(b *Bench, broken bool) bool {
	const limit = 20 * time.Millisecond
	c := b.client()
	buf := b.buffer(c, "picture", page)
	mem := b.mapped(buf)
	slow := b.sync(b.client(), share.SyncOptions{Timeout: limit}, share.Use{Buf: buf, Access: share.Write})
	reader := b.sync(b.client(), share.SyncOptions{}, share.Use{Buf: buf, Access: share.Read})
	writer := b.sync(b.client(), share.SyncOptions{}, share.Use{Buf: buf, Access: share.Write})

	get(slow.Lock(share.Forever))
	fill(mem[:page/2], 1)
	var told [3]uint32 // of the reader and the writer, and of the reader afterwards
	var tasks sync.WaitGroup
	for i, s := range []*share.Sync{reader, writer} {
		tasks.Go(func() {
			told[i] = get(s.Lock(share.Forever)).State
			if s == writer {
				fill(mem, 2)
			}
			must(s.Unlock())
		})
		waiting(c, uint32(i+1)) // so that they come in this order
	}
	if !broken {
		fill(mem[page/2:], 1)
		must(slow.Unlock())
	}
	tasks.Wait()
	told[2] = get(reader.Lock(share.Forever)).State
	right := all(mem, 2)
	must(reader.Unlock())

	news := uint64(0)
	if broken {
		if err := slow.Unlock(); errors.Is(err, unix.EOWNERDEAD) {
			news++
		}
		get(slow.Lock(share.Forever)) // and from now on all is as before
		must(slow.Unlock())
	}
	b.Note("lockups", b.since(c).Lockups)
	b.Note("news", news)
	for i, who := range []string{"reader", "writer", "afterwards"} {
		b.Note(who, uint64(told[i]&ioctl.VDEV_SYNC_INCONSISTENT))
	}
	return right
}

// waiting waits until the core has as many calls that wait.
func waiting(c *share.Client, n uint32) {
	for stats(c).Waits != n {
		time.Sleep(100 * time.Microsecond)
	}
}
