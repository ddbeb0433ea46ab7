// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"fmt"
	"image"
	"time"

	"vdev/guest/drm"
	"vdev/guest/drm/pixel"
	"vdev/guest/share"
	"vdev/guest/tests/coherency"
	"vdev/ioctl"
)

// pipeline is what frames go through: the camera, which is the DMA tester, writes them to
// raw; the CPU makes pictures of them, in frame; the 2D engine copies these to one of the
// screens, which the display shows.
type pipeline struct {
	raw     *drm.DMABuf
	rawMem  []byte
	camera  *coherency.Device
	sensor  *coherency.Buffer // raw, for the camera
	card    *drm.Card
	output  *drm.Output
	frame   *drm.Image
	screens [2]*drm.Image
	fbs     [2]*drm.Framebuffer
	shown   int // frames so far
}

func (b *Bench) pipeline(c *share.Client) *pipeline {
	p := &pipeline{camera: get(coherency.Open()), card: get(drm.Open(drm.Exynos))}
	b.later(p.camera.Close)
	b.later(p.card.Close)
	layout := drm.NewLayout(64, 32, pixel.XRGB8888)
	p.raw = b.buffer(c, "raw", uint64(layout.Size()))
	p.rawMem = b.mapped(p.raw)
	p.sensor = get(p.camera.Import(p.raw.FD()))
	b.later(p.sensor.Free)

	picture := func(name string) *drm.Image {
		m := get(p.card.ImportImage(get(c.Create(name, uint64(layout.Size()))), layout))
		b.later(m.Close)
		return m
	}
	p.frame = picture("frame")
	for i := range p.screens {
		p.screens[i] = picture(fmt.Sprintf("screen %d", i))
		p.fbs[i] = get(p.screens[i].AddFB())
		b.later(p.fbs[i].Close)
	}
	p.output = get(p.card.Output())
	b.later(func() error {
		return p.output.NewCommit().Disable().Do(ioctl.DRM_MODE_ATOMIC_ALLOW_MODESET, 0)
	})
	return p
}

// expose has the camera write a frame of that number: all bytes of it are the number.
func (p *pipeline) expose(number byte) {
	must(p.sensor.Map(p.raw.Size, coherency.FromDevice))
	must(p.sensor.StartDeviceFill(0, p.raw.Size, number, time.Millisecond))
	must(p.camera.Wait())
	must(p.sensor.Unmap())
}

// scale has the 2D engine copy the picture to the screen that is not shown.
func (p *pipeline) scale() *drm.Image {
	screen := p.screens[p.shown%2]
	must(p.card.Run(drm.Copy(screen.Surface(), image.Point{}, p.frame.Surface(), p.frame.Bounds())))
	return screen
}

// number is that of the frame on a screen, and 0 if parts are of different ones.
//
//go:noinline
func number(screen *drm.Image) byte {
	picture := pixel.Load(screen.Mem, screen.Width, screen.Height, screen.Stride, screen.Format)
	first := picture.At(0, 0)
	for y := range screen.Height {
		for x := range screen.Width {
			if picture.At(x, y) != first {
				return 0
			}
		}
	}
	return byte(first)
}

// show has the display show that screen, and waits until it does.
func (p *pipeline) show() {
	i := p.shown % 2
	c := p.output.NewCommit().Enable().Show(&p.output.Planes[0], p.fbs[i], p.screens[i].Bounds(), image.Point{})
	must(c.Do(ioctl.DRM_MODE_ATOMIC_ALLOW_MODESET|ioctl.DRM_MODE_PAGE_FLIP_EVENT, 0))
	if events := get(p.card.Events(time.Second)); len(events) != 1 || !events[0].Flipped() {
		must(fmt.Errorf("events %+v, want a flip", events))
	}
	p.shown++
}
