// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"sync"
	"sync/atomic"
	"time"

	"vdev/guest/drm"
	"vdev/guest/share"
)

// Many readers and a writer: readers share the lock, the writer excludes them, and as
// the oldest always wins it need not wait until all readers happen to be away. No reader
// sees half of a frame.
//
// Broken: the readers, another process, prepare the buffer. That is a barrier and no
// lock: each has it whenever it wants, also while the writer is at work.
func readersAndWriter(b *Bench, broken bool) bool {
	c := b.client()
	frame := b.buffer(c, "frame", page)
	mem := b.mapped(frame)
	lock := b.sync(c, share.SyncOptions{}, share.Use{Buf: frame, Access: share.Write})

	process := b.start("readers")
	must(process.Send(broken, frame.FD()))
	get(process.Receive(new(string))) // they have begun
	for i := byte(1); i <= lastFrame; i++ {
		get(lock.Lock(share.Forever))
		fill(mem[:page/2], i)
		time.Sleep(time.Millisecond)
		fill(mem[page/2:], i)
		must(lock.Unlock())
	}
	var seen seen
	get(process.Receive(&seen))
	b.Note("together", min(seen.Together, 2)) // how many is a question of time
	return seen.Torn == 0
}

const lastFrame = 10

// seen is what readers have seen: half frames, and how many had the buffer at once.
type seen struct{ Torn, Together uint64 }

// readers are the process of the readers: four tasks that read until the last frame.
func readers(parent *drm.Channel) {
	var broken bool
	frame := get(drm.NewDMABuf(get(parent.Receive(&broken))[0]))
	mem := get(frame.Map())
	var torn, inside, together atomic.Uint64
	var tasks, begun sync.WaitGroup
	for range 4 {
		c := get(share.Open())
		lock := get(c.NewSync(share.SyncOptions{}))
		if !broken {
			must(lock.Get(share.Use{Buf: frame, Access: share.Read}))
		}
		begun.Add(1)
		tasks.Go(func() {
			for i := 0; ; i++ {
				if broken {
					must(c.Prep(frame, 0, page, share.Read, share.Forever))
				} else {
					get(lock.Lock(share.Forever))
				}
				if n := inside.Add(1); n > together.Load() {
					together.Store(n)
				}
				first := mem[0]
				if !all(mem, first) {
					torn.Add(1)
				}
				time.Sleep(100 * time.Microsecond)
				inside.Add(^uint64(0))
				if broken {
					must(c.Fini(frame))
				} else {
					must(lock.Unlock())
				}
				if i == 0 {
					begun.Done()
				}
				if first == lastFrame {
					return
				}
			}
		})
	}
	begun.Wait()
	must(parent.Send("begun"))
	tasks.Wait()
	must(parent.Send(seen{torn.Load(), together.Load()}))
}
