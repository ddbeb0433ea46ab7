// SPDX-License-Identifier: Apache-2.0

//go:build linux

package graphics

import (
	"errors"
	"image"
	"time"

	"golang.org/x/sys/unix"

	"vdev/guest/drm"
	"vdev/guest/drm/pixel"
	"vdev/ioctl"
)

// What goes wrong in these programs is in docs/findings.md. All but the last two do
// nothing but what they should.

// udmabufSource draws into a udmabuf, with all syncs, and has the engine copy it.
func udmabufSource(b *Bench, _ bool) (bool, error) {
	src, err := b.image(drm.UDMABuf, "user pages")
	if err != nil {
		return false, err
	}
	dst, err := b.image(drm.Dumb, "copy")
	if err != nil {
		return false, err
	}
	picture := pixel.TestPicture(width, height, 0)
	err = errors.Join(b.copy(dst, src), src.Draw(picture), b.copy(dst, src))
	if err != nil {
		return false, err
	}
	got, err := dst.Read()
	return err == nil && same(got, picture), err
}

// udmabufResult reads a udmabuf that the engine has filled, with all syncs.
func udmabufResult(b *Bench, _ bool) (bool, error) {
	m, err := b.image(drm.UDMABuf, "user pages")
	if err != nil {
		return false, err
	}
	if _, err := m.Read(); err != nil {
		return false, err
	}
	if err := b.fill(m, paint); err != nil {
		return false, err
	}
	got, err := m.Read()
	return err == nil && same(got, plain(paint)), err
}

// user makes user memory for a picture.
func user() (*drm.UserMemory, drm.Layout, error) {
	l := drm.NewLayout(width, height, pixel.XRGB8888)
	m, err := drm.NewUserMemory(l.Size())
	return m, l, err
}

// userptrSource has one client copy user memory twice, with other contents.
func userptrSource(b *Bench, _ bool) (bool, error) {
	mem, l, err := user()
	if err != nil {
		return false, err
	}
	dst, err := b.image(drm.Dumb, "copy")
	if err != nil {
		return false, err
	}
	right := true
	for i := range 2 {
		picture := pixel.TestPicture(width, height, i)
		picture.Store(mem.Mem, l.Stride, l.Format)
		if err := b.Card.Run(drm.Copy(dst.Surface(), image.Point{}, mem.Surface(l), l.Bounds())); err != nil {
			return false, err
		}
		got, err := dst.Read()
		if err != nil {
			return false, err
		}
		right = right && same(got, picture)
	}
	return right, nil
}

// userptrResult has the engine fill user memory, and reads it.
func userptrResult(b *Bench, _ bool) (bool, error) {
	mem, l, err := user()
	if err != nil {
		return false, err
	}
	if err := b.Card.Run(drm.Fill(mem.Surface(l), l.Bounds(), paint)); err != nil {
		return false, err
	}
	return same(pixel.Load(mem.Mem, width, height, l.Stride, l.Format), plain(paint)), nil
}

// userptrRefcount has the engine use user memory once.
func userptrRefcount(b *Bench, _ bool) (bool, error) {
	mem, l, err := user()
	if err != nil {
		return false, err
	}
	return true, b.Card.Run(drm.Fill(mem.Surface(l), l.Bounds(), paint))
}

// vgemZeroes writes to a fresh buffer of vgem through its mapping, and reads it.
func vgemZeroes(b *Bench, _ bool) (bool, error) {
	vgem, err := drm.Open(drm.VGEM)
	if err != nil {
		return false, err
	}
	b.later(vgem)
	gem, stride, err := vgem.CreateDumb(width, height, 32)
	if err != nil {
		return false, err
	}
	buf, err := gem.Export()
	if err != nil {
		return false, err
	}
	b.later(buf)
	if err := buf.SetName("shmem"); err != nil {
		return false, err
	}
	mem, err := gem.Map(height * stride)
	if err != nil {
		return false, err
	}
	picture := pixel.TestPicture(width, height, 0)
	picture.Store(mem, stride, pixel.XRGB8888)
	return same(pixel.Load(mem, width, height, stride, pixel.XRGB8888), picture), nil
}

// twoEvents asks for an event of each of two operations.
func twoEvents(b *Bench, _ bool) (bool, error) {
	m, err := b.image(drm.Dumb, "filled")
	if err != nil {
		return false, err
	}
	fill := drm.Fill(m.Surface(), m.Bounds(), paint)
	if err := b.Card.Submit(fill.WithEvent(1), fill.WithEvent(2)); err != nil {
		return false, err
	}
	if err := b.Card.Exec(true); err != nil {
		return false, err
	}
	return true, errors.Join(b.drawn(), b.drawn())
}

// freedAfterFlip gives a buffer back when an event has said that another one is on the
// display, and commits something else. When is a little different each time, about the
// next vertical sync.
func freedAfterFlip(b *Bench, _ bool) (bool, error) {
	d, err := b.display()
	if err != nil {
		return false, err
	}
	stay, err := b.shown(drm.Dumb, "stays")
	if err != nil {
		return false, err
	}
	porch := time.Duration(d.Mode.VsyncStart-d.Mode.Vdisplay) * time.Duration(d.Mode.Htotal) * time.Millisecond / time.Duration(d.Mode.Clock)
	for lead := 15 * time.Microsecond; lead < 35*time.Microsecond; lead += 50 * time.Nanosecond {
		m, err := b.Card.NewImage(drm.SystemHeap, width, height, pixel.XRGB8888)
		if err != nil {
			return false, err
		}
		fb, err := m.AddFB()
		if err != nil {
			return false, err
		}
		goes := shown{m, fb}
		if err := goes.commit(d).Enable().Do(ioctl.DRM_MODE_ATOMIC_ALLOW_MODESET, 0); err != nil {
			return false, err
		}
		if err := m.Close(); err != nil { // from now on, only the framebuffer keeps it
			return false, err
		}
		if err := stay.commit(d).Do(flip, 1); err != nil {
			return false, err
		}
		e, err := b.flipped(1) // which comes when the porch begins
		if err != nil {
			return false, err
		}
		if err := fb.Close(); err != nil {
			return false, err
		}
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
			return false, err
		}
		for end := time.Now().Add(e.Time + porch - lead - time.Duration(now.Nano())); time.Now().Before(end); {
		}
		if err := stay.commit(d).Do(0, 0); err != nil {
			return false, err
		}
	}
	return true, nil
}

// leakedLists asks for command lists that are too long, which Linux refuses, and then
// for a good one.
func leakedLists(b *Bench, _ bool) (bool, error) {
	m, err := b.image(drm.Dumb, "filled")
	if err != nil {
		return false, err
	}
	const lists, longest = 64, 254
	fill := drm.Fill(m.Surface(), m.Bounds(), paint)
	long := fill
	for range longest {
		long = long.Set(0x70c, paint)
	}
	for range lists {
		if err := b.Card.Submit(long); !errors.Is(err, unix.EINVAL) {
			return false, err
		}
	}
	err = b.Card.Run(fill)
	if errors.Is(err, unix.ENOMEM) {
		return false, nil
	}
	return true, err
}

// writtenTwice fills an image with a list that sets the rectangle twice: to one that is
// inside, and to one that goes on behind the end of the buffer. Another client's image is
// there. It tells whether that one is still as it was.
func writtenTwice(b *Bench, _ bool) (bool, error) {
	other, err := newBench()
	if err != nil {
		return false, err
	}
	defer other.done()
	foreign, err := other.image(drm.Dumb, "foreign")
	if err != nil {
		return false, err
	}
	m, err := b.image(drm.Dumb, "own")
	if err != nil {
		return false, err
	}
	if err := errors.Join(foreign.Draw(plain(ground)), m.Draw(plain(ground))); err != nil {
		return false, err
	}
	const rightBottom = 0x414
	err = b.Card.Run(drm.Fill(m.Surface(), m.Bounds(), paint).Set(rightBottom, 2*height<<16|width))
	if err != nil {
		return false, err
	}
	got, err := foreign.Read()
	return err == nil && same(got, plain(ground)), err
}
