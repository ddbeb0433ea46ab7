// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"sync"
	"time"

	"vdev/guest/drm"
	"vdev/guest/share"
	"vdev/guest/tests/coherency"
)

// slot is one of the buffers that go round between a camera and who looks at its frames.
type slot struct {
	buf   *drm.DMABuf
	mem   []byte
	frame *coherency.Buffer // buf, for the camera
}

// The DMA tester, as a camera, writes frames into two buffers in turns, and says that each
// is one to be seen. Who looks at them gives the buffers back.
//
// Broken: the camera does not wait for that. Whoever looks is slow, and finds the last
// frames only.
func cameraOverruns(b *Bench, broken bool) bool {
	const frames = 6
	c, camera := b.client(), b.tester()
	var slots [2]slot
	full, empty := make(chan int, frames), make(chan bool, frames+len(slots))
	for i := range slots {
		buf := b.buffer(c, "frame", page)
		slots[i] = slot{buf, b.mapped(buf), imported(camera, buf)}
		empty <- true
	}

	var tasks sync.WaitGroup
	tasks.Go(func() { // camera
		for i := range frames {
			if !broken {
				<-empty
			}
			f := slots[i%len(slots)].frame
			must(f.Map(page, coherency.FromDevice))
			must(f.StartDeviceFrame(0, page, byte(i), time.Millisecond))
			must(camera.Wait())
			must(f.Unmap())
			full <- i
		}
		close(full)
	})
	if broken {
		tasks.Wait()
	}
	right := true
	for i := range full {
		s := slots[i%len(slots)]
		must(c.Prep(s.buf, 0, page, share.Read, share.Forever))
		right = all(s.mem, byte(i)) && right
		must(c.Fini(s.buf))
		empty <- true
	}
	tasks.Wait()
	return right
}
