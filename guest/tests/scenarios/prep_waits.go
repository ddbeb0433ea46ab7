// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"errors"
	"image"
	"time"

	"golang.org/x/sys/unix"

	"vdev/guest/drm"
	"vdev/guest/drm/pixel"
	"vdev/guest/share"
	"vdev/guest/tests/coherency"
)

// CPU_PREP waits for all devices: here for the DMA tester, which sums a picture up, and
// for the 2D engine, which copies it, and needs longer. Who does not want to wait gets
// EBUSY, who does not want to wait for so long ETIMEDOUT, and then the buffer is not his.
// To read along with devices that read nobody has to wait, except for a mapping.
//
// Broken: the program does not look at the error.
func prepWaits(b *Bench, broken bool) bool {
	const wide, copies = 256, 16
	c, tester := b.client(), b.tester()
	card := get(drm.Open(drm.Exynos))
	b.later(card.Close)
	const size = 4 * wide * wide
	buf := get(c.Create("picture", size))
	sum := imported(tester, buf) // first, as the engine's driver maps at once
	picture, another := b.imageIn(card, buf, wide), b.image(c, card, "copy", wide)
	write(c, buf, picture.Mem, 1)
	prep := func(a share.Access, w share.Wait) error { return c.Prep(buf, 0, size, a, w) }

	must(sum.Map(buf.Size, coherency.ToDevice))
	must(sum.StartDeviceSum(0, buf.Size, 2*time.Millisecond))
	for range copies {
		must(card.Submit(drm.Copy(another.Surface(), image.Point{}, picture.Surface(), picture.Bounds())))
	}
	must(card.Exec(true))

	right := errors.Is(prep(share.Write, share.NoWait), unix.EBUSY)
	start := time.Now()
	right = errors.Is(prep(share.Write, share.Wait(time.Millisecond)), unix.ETIMEDOUT) && time.Since(start) >= time.Millisecond && right
	if broken {
		fill(picture.Mem, 2)
		right = false
	}
	right = get(tester.WaitSum()) == sumOf(buf.Size, 1) && right
	must(sum.Unmap())
	if broken {
		return right
	}

	// The engine is still at it.
	right = errors.Is(prep(share.Write, share.NoWait), unix.EBUSY) && right
	must(prep(share.Read, share.NoWait))
	right = all(picture.Mem, 1) && right
	must(c.Fini(buf))
	must(prep(share.Write, share.Forever))
	fill(picture.Mem, 2)
	must(c.Fini(buf))
	must(c.Prep(another.Buf, 0, size, share.Read, share.Forever))
	right = drawn(another, 1) && right
	must(c.Fini(another.Buf))
	return right
}

// image makes a square picture in a buffer of the core.
func (b *Bench) image(c *share.Client, card *drm.Card, name string, size int) *drm.Image {
	return b.imageIn(card, get(c.Create(name, uint64(4*size*size))), size)
}

// imageIn is image in a buffer that there is, which goes with the picture.
func (b *Bench) imageIn(card *drm.Card, buf *drm.DMABuf, size int) *drm.Image {
	m := get(card.ImportImage(buf, drm.NewLayout(size, size, pixel.XRGB8888)))
	b.later(m.Close)
	return m
}

// drawn tells whether all colours of a picture are v. The engine makes pixels opaque.
//
//go:noinline
func drawn(m *drm.Image, v byte) bool {
	right := true
	for i, got := range m.Mem[:m.Size()] {
		if i%4 != 3 && got != v {
			right = false
		}
	}
	return right
}
