// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"sync"
	"sync/atomic"

	"vdev/guest/share"
)

// The same pipeline as dmabuf-sync has it: CPU and devices take locks of the buffers, and
// nobody tells anybody anything. All pictures are whole and come in order, and if the
// camera is faster than the display, the display shows the latest one.
//
// Broken: nothing of that differs, but the camera says that each picture is one to be
// seen (share.Frame). Locks do not do that; it takes a message back.
func pipelineLocks(b *Bench, broken bool) bool {
	const frames = 4
	setup := b.client()
	p := b.pipeline(setup)
	access := share.Write
	if broken {
		access |= share.Frame
	}
	develop := b.sync(b.client(), share.SyncOptions{}, share.Use{Buf: p.raw, Access: share.Read},
		share.Use{Buf: p.frame.Buf, Access: access})
	var look [2]*share.Sync
	for i, screen := range p.screens {
		look[i] = b.sync(setup, share.SyncOptions{}, share.Use{Buf: screen.Buf, Access: share.Read})
	}

	var done atomic.Bool
	var first, tasks sync.WaitGroup
	first.Add(1)
	tasks.Go(func() { // camera
		for i := byte(1); !done.Load(); i++ {
			p.expose(i)
			get(develop.Lock(share.Forever))
			copy(p.frame.Mem, p.rawMem)
			must(develop.Unlock())
			if i == 1 {
				first.Done()
			}
		}
	})
	right, last := true, byte(0)
	first.Wait()
	for range frames { // display
		lock := look[p.shown%2]
		screen := p.scale()
		get(lock.Lock(share.Forever))
		i := number(screen)
		right = i > last && right
		last = i
		must(lock.Unlock())
		p.show()
	}
	done.Store(true)
	tasks.Wait()
	b.Note("lost", uint64(last)-frames)
	return right
}
