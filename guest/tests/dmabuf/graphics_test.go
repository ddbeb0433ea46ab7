// SPDX-License-Identifier: Apache-2.0

//go:build linux

package dmabuf

import (
	"image"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vdev/guest/drm"
	"vdev/guest/drm/pixel"
	"vdev/guest/share"
	"vdev/ioctl"
)

// openCard opens the exynos card for the time of a test; images must be made later.
func openCard(t *testing.T) *drm.Card {
	t.Helper()
	card, err := drm.Open(drm.Exynos)
	must(t, err)
	t.Cleanup(func() { _ = card.Close() })
	return card
}

// newImage makes an image in a buffer of the core, for the time of a test.
func newImage(t *testing.T, c *share.Client, card *drm.Card, name string) *drm.Image {
	t.Helper()
	l := drm.NewLayout(64, 48, pixel.XRGB8888)
	b, err := c.Create(name, uint64(l.Size()))
	must(t, err)
	m, err := card.ImportImage(b, l)
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	return m
}

// TestWrittenBeforeDevices has the 2D engine copy what was written before it was attached,
// when nobody had to prepare anything.
func TestWrittenBeforeDevices(t *testing.T) {
	c := open(t)
	card := openCard(t)
	dst := newImage(t, c, card, "destination")
	l := drm.NewLayout(dst.Width, dst.Height, dst.Format)
	b, err := c.Create("source", uint64(l.Size()))
	must(t, err)
	p := pixel.TestPicture(dst.Width, dst.Height, 0)
	p.Store(mapped(t, b), l.Stride, l.Format)
	src, err := card.ImportImage(b, l)
	must(t, err)
	t.Cleanup(func() { must(t, src.Close()) })
	must(t, card.Run(drm.Copy(dst.Surface(), image.Point{}, src.Surface(), src.Bounds())))
	must(t, c.Prep(dst.Buf, 0, uint64(dst.Size()), share.Read, share.Forever))
	got := pixel.Load(dst.Mem, dst.Width, dst.Height, dst.Stride, dst.Format)
	must(t, c.Fini(dst.Buf))
	if d := p.Diff(got); d != "" {
		t.Fatal(d)
	}
}

// TestGraphics has the 2D engine copy between buffers of the core.
func TestGraphics(t *testing.T) {
	c := open(t)
	card := openCard(t)
	src, dst := newImage(t, c, card, "source"), newImage(t, c, card, "destination")
	size := uint64(src.Size())
	p := pixel.TestPicture(src.Width, src.Height, 0)
	for range 3 {
		must(t, c.Prep(src.Buf, 0, size, share.Write, share.Forever))
		p.Store(src.Mem, src.Stride, src.Format)
		must(t, c.Fini(src.Buf))
		must(t, card.Run(drm.Copy(dst.Surface(), image.Point{}, src.Surface(), src.Bounds())))
		must(t, c.Prep(dst.Buf, 0, size, share.Read, share.Forever))
		got := pixel.Load(dst.Mem, dst.Width, dst.Height, dst.Stride, dst.Format)
		must(t, c.Fini(dst.Buf))
		if d := p.Diff(got); d != "" {
			t.Fatal(d)
		}
		// And with the calls that all dma-bufs have.
		must(t, card.Run(drm.Fill(dst.Surface(), dst.Bounds(), 0xff123456)))
		must(t, dst.Buf.Begin(drm.Read))
		got = pixel.Load(dst.Mem, dst.Width, dst.Height, dst.Stride, dst.Format)
		must(t, dst.Buf.End(drm.Read))
		if p.Diff(got) == "" {
			t.Fatal("the fill had no effect")
		}
	}
	i, err := c.Info(src.Buf)
	must(t, err)
	if i.Attached != 2 || i.Mapped != 2 {
		t.Errorf("attached to %d devices, mapped for %d", i.Attached, i.Mapped)
	}
}

// TestDisplay shows buffers of the core by turns, drawn by CPU and 2D engine.
func TestDisplay(t *testing.T) {
	c := open(t)
	card := openCard(t)
	d, err := card.Output()
	must(t, err)
	var two [2]*drm.Image
	var fb [2]*drm.Framebuffer
	for i := range two {
		two[i] = newImage(t, c, card, "frame")
		fb[i], err = two[i].AddFB()
		must(t, err)
		t.Cleanup(func() { must(t, fb[i].Close()) })
	}
	for i := range 4 {
		m := two[i%2]
		must(t, c.Prep(m.Buf, 0, uint64(m.Size()), share.Write, share.Forever))
		pixel.TestPicture(m.Width, m.Height, i).Store(m.Mem, m.Stride, m.Format)
		must(t, c.Fini(m.Buf))
		must(t, card.Run(drm.Fill(m.Surface(), image.Rect(0, 0, 16, 16), 0xff00ff00)))
		show := d.NewCommit().Enable().Show(&d.Planes[0], fb[i%2], m.Bounds(), image.Point{})
		must(t, show.Do(ioctl.DRM_MODE_ATOMIC_ALLOW_MODESET|ioctl.DRM_MODE_PAGE_FLIP_EVENT, uint64(i)))
		if e, err := card.Events(time.Second); err != nil || len(e) != 1 || !e[0].Flipped() {
			t.Fatalf("events %+v, %v", e, err)
		}
	}
	must(t, d.NewCommit().Disable().Hide(&d.Planes[0]).Do(ioctl.DRM_MODE_ATOMIC_ALLOW_MODESET, 0))
}

// TestLinuxFences has CPU_PREP wait for fences that the core does not know.
func TestLinuxFences(t *testing.T) {
	c := open(t)
	card := openCard(t)
	d, err := card.Output()
	must(t, err)
	m := newImage(t, c, card, "frame")
	fb, err := m.AddFB()
	must(t, err)
	t.Cleanup(func() { must(t, fb.Close()) })
	show := d.NewCommit().Enable().Show(&d.Planes[0], fb, m.Bounds(), image.Point{})
	must(t, show.Do(ioctl.DRM_MODE_ATOMIC_ALLOW_MODESET, 0))
	shown, err := d.NewCommit().Show(&d.Planes[0], fb, m.Bounds(), image.Point{}).DoFenced(ioctl.DRM_MODE_ATOMIC_NONBLOCK, 0)
	must(t, err)
	t.Cleanup(func() { must(t, shown.Close()) })
	b := create(t, c, page)
	must(t, b.ImportSyncFile(shown, drm.Read))
	for _, step := range []struct {
		what   string
		access share.Access
		wait   share.Wait
		errno  unix.Errno
	}{
		{"no conflict", share.Read, share.NoWait, 0},
		{"at once", share.Write, share.NoWait, unix.EBUSY},
		{"for a short time", share.ReadWrite, share.Wait(time.Microsecond), unix.ETIMEDOUT},
		{"for as long as it takes", share.Write, share.Forever, 0},
		{"nothing any more", share.ReadWrite, share.NoWait, 0},
	} {
		err := c.Prep(b, 0, page, step.access, step.wait)
		want(t, step.what, err, step.errno)
		if err == nil {
			must(t, c.Fini(b))
		}
	}
	must(t, d.NewCommit().Disable().Hide(&d.Planes[0]).Do(ioctl.DRM_MODE_ATOMIC_ALLOW_MODESET, 0))
}

// TestForeignImage registers a buffer that the graphics driver exported.
func TestForeignImage(t *testing.T) {
	c := open(t)
	card := openCard(t)
	m, err := card.NewImage(drm.Dumb, 64, 48, pixel.XRGB8888)
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	must(t, c.Register(m.Buf))
	rows, err := c.Table()
	must(t, err)
	if len(rows) != 1 || string(rows[0].Exporter[:4]) != "drm\x00" {
		t.Errorf("table: %+v", rows)
	}
	must(t, card.Run(drm.Fill(m.Surface(), m.Bounds(), 0xff123456)))
	must(t, c.Prep(m.Buf, 0, uint64(m.Size()), share.Read, share.Forever))
	if got := pixel.Load(m.Mem, m.Width, m.Height, m.Stride, m.Format); got.At(5, 5) != 0xff123456 {
		t.Errorf("pixel %#x", got.At(5, 5))
	}
	must(t, c.Fini(m.Buf))
}
