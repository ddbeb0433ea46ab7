// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"time"

	"vdev/guest/share"
	"vdev/guest/tests/coherency"
)

// The DMA tester, as a camera, writes frame after frame into a buffer, the CPU reads
// all but the first. A CPU fetches what is mapped cacheable whenever it likes, so the
// lines must be invalidated when a frame is there.
//
// Broken: that is done when the buffer has been handed to the camera, and nothing when
// it comes back, as if it were early enough to get the lock before the DMA. Unless the
// CPU has fetched something in between, that even works.
func earlyInvalidate(b *Bench, broken bool) bool {
	c := b.client()
	buf := b.buffer(c, "frame", page)
	mem := b.mapped(buf)
	camera := get(coherency.Open())
	b.later(camera.Close)
	frame := get(camera.Import(buf.FD()))
	b.later(frame.Free)
	reader := b.sync(c, share.SyncOptions{}, share.Use{Buf: buf, Access: share.Read})

	right := true
	for i := byte(1); i <= 3; i++ {
		must(frame.Map(page, coherency.FromDevice)) // qbuf
		must(frame.StartDeviceFill(0, page, i, time.Millisecond))
		if i == 1 { // which is dark
			must(camera.Wait())
			must(frame.Unmap())
			continue
		}
		if broken {
			get(reader.Lock(share.Forever))
		}
		must(camera.Wait())
		must(frame.Unmap()) // dqbuf
		if !broken {
			get(reader.Lock(share.Forever))
		}
		right = all(mem, i) && right
		must(reader.Unlock())
	}
	return right
}
