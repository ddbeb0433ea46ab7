// SPDX-License-Identifier: Apache-2.0

//go:build linux

package graphics

import (
	"errors"
	"fmt"
	"image"

	"vdev/guest/drm"
	"vdev/guest/drm/pixel"
)

// allKinds copies from each kind of memory to each kind whose syncs Linux does.
func allKinds(b *Bench, _ bool) (bool, error) {
	right := true
	kinds := []drm.Kind{drm.Dumb, drm.ExynosGEM, drm.SystemHeap, drm.CMAHeap}
	for i, from := range kinds {
		for j, to := range kinds {
			src, err := b.image(from, "from "+string(from))
			if err != nil {
				return false, err
			}
			dst, err := b.image(to, "to "+string(to))
			if err != nil {
				return false, err
			}
			picture := pixel.TestPicture(width, height, 4*i+j)
			if err := errors.Join(dst.Draw(plain(ground)), src.Draw(picture), b.copy(dst, src)); err != nil {
				return false, err
			}
			got, err := dst.Read()
			if err != nil {
				return false, err
			}
			right = right && same(got, picture)
		}
	}
	return right, nil
}

// throughVGEM has a buffer of exynos go to vgem and back: it is the same one, whatever
// its name.
func throughVGEM(b *Bench, _ bool) (bool, error) {
	vgem, err := drm.Open(drm.VGEM)
	if err != nil {
		return false, err
	}
	b.later(vgem)
	src, err := b.image(drm.ExynosGEM, "travels")
	if err != nil {
		return false, err
	}
	other, err := vgem.Import(src.Buf)
	if err != nil {
		return false, err
	}
	b.later(other)
	picture := pixel.TestPicture(width, height, 0)
	back, err := other.Export()
	if err != nil {
		return false, err
	}
	b.later(back)
	mem, err := back.Map()
	if err != nil {
		return false, err
	}
	picture.Store(mem, src.Stride, src.Format)
	again, err := b.Card.Import(back)
	if err != nil {
		return false, err
	}
	if again.Handle != src.GEM.Handle {
		return false, fmt.Errorf("handle %d came back as %d", src.GEM.Handle, again.Handle)
	}
	dst, err := b.image(drm.Dumb, "copy")
	if err != nil {
		return false, err
	}
	if err := b.copy(dst, src); err != nil {
		return false, err
	}
	got, err := dst.Read()
	return err == nil && same(got, picture) && same(pixel.Load(mem, width, height, src.Stride, src.Format), picture), err
}

// userMemory has the engine read and write the program's own memory, each time with a
// client of its own: the kernel maintains the caches when it maps the memory for a
// client, and when it unmaps it as the client goes.
func userMemory(b *Bench, _ bool) (bool, error) {
	l := drm.NewLayout(width, height, pixel.XRGB8888)
	mem, err := drm.NewUserMemory(l.Size())
	if err != nil {
		return false, err
	}
	defer mem.Free()
	dst, err := b.image(drm.Dumb, "copy")
	if err != nil {
		return false, err
	}
	right := true
	for i := range 3 {
		picture := pixel.TestPicture(width, height, i)
		picture.Store(mem.Mem, l.Stride, l.Format)
		if err := once(func(c *drm.Card) error {
			to, err := c.Import(dst.Buf)
			if err != nil {
				return err
			}
			img := drm.Image{Layout: dst.Layout, GEM: to}
			return c.Run(drm.Copy(img.Surface(), image.Point{}, mem.Surface(l), l.Bounds()))
		}); err != nil {
			return false, err
		}
		got, err := dst.Read()
		if err != nil {
			return false, err
		}
		right = right && same(got, picture)

		if err := once(func(c *drm.Card) error {
			return c.Run(drm.Fill(mem.Surface(l), l.Bounds(), paint))
		}); err != nil {
			return false, err
		}
		right = right && same(pixel.Load(mem.Mem, width, height, l.Stride, l.Format), plain(paint))
	}
	return right, nil
}

// once has a client of its own do something.
func once(do func(*drm.Card) error) error {
	card, err := drm.OpenRender(drm.Exynos)
	if err != nil {
		return err
	}
	return errors.Join(do(card), card.Close())
}

// ringOfBuffers has a child process draw frames into three buffers in turn, and the
// engine put them next to each other.
func ringOfBuffers(b *Bench, _ bool) (bool, error) {
	const frames, buffers = 7, 3
	strip, err := b.imageOf(drm.CMAHeap, "strip", frames*width, height, pixel.XRGB8888)
	if err != nil {
		return false, err
	}
	c, err := start("painter")
	if err != nil {
		return false, err
	}
	defer c.kill()
	var ring []*drm.Image
	var fds []int
	for i := range buffers {
		m, err := b.image(drm.SystemHeap, fmt.Sprintf("ring %d", i))
		if err != nil {
			return false, err
		}
		ring, fds = append(ring, m), append(fds, m.Buf.FD())
	}
	if err := c.Send(ring[0].Layout, fds...); err != nil {
		return false, err
	}
	want := pixel.New(frames*width, height)
	for i := range frames + 1 {
		if i < frames { // the child draws the next frame while the engine copies this one
			if err := c.Send(i); err != nil {
				return false, err
			}
		}
		if i > 0 {
			src := ring[(i-1)%buffers]
			if err := b.Card.Run(drm.Copy(strip.Surface(), image.Pt((i-1)*width, 0), src.Surface(), src.Bounds())); err != nil {
				return false, err
			}
			frame := pixel.TestPicture(width, height, i-1)
			for y := range height {
				copy(want.Pix[y*want.Width+(i-1)*width:], frame.Pix[y*width:(y+1)*width])
			}
		}
		if i < frames {
			var drawn int
			if _, err := c.Receive(&drawn); err != nil {
				return false, err
			}
		}
	}
	got, err := strip.Read()
	return err == nil && same(got, want), err
}

// killedWhileDrawing kills a child in the middle of the CPU's access to one buffer and
// of the engine's to another one. Both are good for use afterwards, though not for what
// is in them.
func killedWhileDrawing(b *Bench, _ bool) (bool, error) {
	m, err := b.images(drm.SystemHeap, "half drawn", "half filled", "copy")
	if err != nil {
		return false, err
	}
	c, err := start("victim")
	if err != nil {
		return false, err
	}
	defer c.kill()
	if err := c.Send(m[0].Layout, m[0].Buf.FD(), m[1].Buf.FD()); err != nil {
		return false, err
	}
	var busy bool
	if _, err := c.Receive(&busy); err != nil {
		return false, err
	}
	if err := c.kill(); err != nil {
		return false, err
	}
	right := true
	for i, victim := range m[:2] {
		picture := pixel.TestPicture(width, height, i)
		if err := errors.Join(victim.Draw(picture), b.copy(m[2], victim)); err != nil {
			return false, err
		}
		got, err := m[2].Read()
		if err != nil {
			return false, err
		}
		right = right && same(got, picture)
	}
	return right, nil
}

// killedWhileShown kills a child whose picture is on the display, with a commit under
// way that waits for a fence which nobody will signal any more.
func killedWhileShown(b *Bench, _ bool) (bool, error) {
	if err := b.Card.DropMaster(); err != nil {
		return false, err
	}
	c, err := start("presenter")
	if err != nil {
		return false, err
	}
	defer c.kill()
	var shown bool
	if _, err := c.Receive(&shown); err != nil {
		return false, err
	}
	if err := c.kill(); err != nil {
		return false, err
	}
	if err := b.Card.SetMaster(); err != nil {
		return false, err
	}
	return flips(b, false)
}
