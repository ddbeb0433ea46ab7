// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"sync"

	"vdev/guest/share"
)

// The conventional pipeline: the task of the camera and that of the display tell each
// other when they are done with the picture, and access buffers between CPU_PREP and
// CPU_FINI.
//
// Broken: the message back is missing. The camera does not wait for the display, and
// overwrites pictures that nobody has seen.
func pipelineMessages(b *Bench, broken bool) bool {
	const frames = 4
	c := b.client()
	p := b.pipeline(c)
	size := uint64(p.raw.Size)
	full, empty := make(chan byte, frames), make(chan bool, frames+1)
	empty <- true

	var tasks sync.WaitGroup
	tasks.Go(func() { // camera
		for i := byte(1); i <= frames; i++ {
			if !broken {
				<-empty
			}
			p.expose(i)
			must(c.Prep(p.raw, 0, size, share.Read, share.Forever))
			must(c.Prep(p.frame.Buf, 0, size, share.Write|share.Frame, share.Forever))
			copy(p.frame.Mem, p.rawMem)
			must(c.Fini(p.frame.Buf))
			must(c.Fini(p.raw))
			full <- i
		}
		close(full)
	})
	if broken {
		tasks.Wait() // the display is slow
	}
	right := true
	for i := range full { // display
		screen := p.scale()
		must(c.Prep(screen.Buf, 0, size, share.Read, share.Forever))
		right = number(screen) == i && right
		must(c.Fini(screen.Buf))
		p.show()
		empty <- true
	}
	tasks.Wait()
	return right
}
