// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"vdev/guest/drm"
	"vdev/guest/drm/pixel"
	"vdev/ioctl"
)

// flips shows two pictures of the display's size in turn, n times, each at the next
// vsync. What it returns is how many frames of the display that took.
func flips(n int) uint64 {
	check := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	card, err := drm.Open(drm.Exynos)
	check(err)
	defer card.Close()
	out, err := card.Output()
	check(err)
	var fbs [2]*drm.Framebuffer
	var img *drm.Image
	for i := range fbs {
		img, err = card.NewImage(drm.Dumb, int(out.Mode.Hdisplay), int(out.Mode.Vdisplay), pixel.XRGB8888)
		check(err)
		fbs[i], err = img.AddFB()
		check(err)
	}
	show := func(i int, flags uint32) {
		c := out.NewCommit()
		if i == 0 {
			c.Enable()
		}
		check(c.Show(&out.Planes[0], fbs[i%2], img.Bounds(), img.Bounds().Min).Do(flags, 1))
	}
	show(0, ioctl.DRM_MODE_ATOMIC_ALLOW_MODESET)
	first, last := uint32(0), uint32(0)
	for i := 1; i <= n; i++ {
		show(i, ioctl.DRM_MODE_ATOMIC_NONBLOCK|ioctl.DRM_MODE_PAGE_FLIP_EVENT)
		for flipped := false; !flipped; {
			events, err := card.Events(time.Second)
			check(err)
			for _, e := range events {
				if e.Flipped() {
					flipped, last = true, e.Sequence
				}
			}
		}
		if i == 1 {
			first = last
		}
	}
	return uint64(last - first)
}
