// SPDX-License-Identifier: Apache-2.0

//go:build linux

package graphics

import (
	"errors"
	"fmt"
	"image"
	"time"

	"vdev/guest/drm"
	"vdev/guest/drm/pixel"
	"vdev/ioctl"
)

// frames is how long to wait for something that does not come: a few frames of the
// display.
const frames = 50 * time.Millisecond

func (b *Bench) display() (*drm.Output, error) {
	d, err := b.Card.Output()
	b.output = d
	return d, err
}

// shown is an image with its framebuffer.
type shown struct {
	*drm.Image
	fb *drm.Framebuffer
}

func (b *Bench) shown(kind drm.Kind, name string) (shown, error) {
	m, err := b.image(kind, name)
	if err != nil {
		return shown{}, err
	}
	fb, err := m.AddFB()
	if err != nil {
		return shown{}, err
	}
	b.later(fb)
	return shown{m, fb}, nil
}

// commit puts an image on the primary plane.
func (s shown) commit(d *drm.Output) *drm.Commit {
	return d.NewCommit().Show(&d.Planes[0], s.fb, s.Bounds(), image.Point{})
}

// twoShown makes two images, and shows the first.
func (b *Bench) twoShown(kind drm.Kind) (*drm.Output, [2]shown, error) {
	var two [2]shown
	d, err := b.display()
	if err != nil {
		return nil, two, err
	}
	for i := range two {
		if two[i], err = b.shown(kind, fmt.Sprintf("frame %d", i)); err != nil {
			return nil, two, err
		}
	}
	if err := two[0].Draw(plain(ground)); err != nil {
		return nil, two, err
	}
	return d, two, two[0].commit(d).Enable().Do(ioctl.DRM_MODE_ATOMIC_ALLOW_MODESET, 0)
}

const flip = ioctl.DRM_MODE_ATOMIC_NONBLOCK | ioctl.DRM_MODE_PAGE_FLIP_EVENT

// flipped waits for the event of a flip.
func (b *Bench) flipped(userData uint64) (drm.Event, error) {
	events, err := b.Card.Events(time.Second)
	if err != nil {
		return drm.Event{}, err
	}
	if len(events) != 1 || !events[0].Flipped() || events[0].UserData != userData {
		return drm.Event{}, fmt.Errorf("events %+v, want flip %d", events, userData)
	}
	return events[0], nil
}

// flips draws frames into imported buffers and shows them by turns. Frames go up one by
// one at the display's rate.
func flips(b *Bench, _ bool) (bool, error) {
	d, two, err := b.twoShown(drm.SystemHeap)
	if err != nil {
		return false, err
	}
	var last drm.Event
	for i := 1; i <= 4; i++ {
		next := two[i%2]
		if err := next.Draw(pixel.TestPicture(width, height, i)); err != nil {
			return false, err
		}
		if err := next.commit(d).Do(flip, uint64(i)); err != nil {
			return false, err
		}
		e, err := b.flipped(uint64(i))
		if err != nil {
			return false, err
		}
		period := time.Second / time.Duration(d.Mode.Vrefresh)
		if step := e.Time - last.Time; i > 1 && (e.Sequence <= last.Sequence || step < period*9/10) {
			return false, fmt.Errorf("flip %d: frame %d at %v, after frame %d at %v", i, e.Sequence, e.Time, last.Sequence, last.Time)
		}
		last = e
	}
	return true, nil
}

// flipsFenced commits before it draws: the display waits for a fence.
func flipsFenced(b *Bench, _ bool) (bool, error) {
	d, two, err := b.twoShown(drm.CMAHeap)
	if err != nil {
		return false, err
	}
	timeline, err := drm.NewTimeline()
	if err != nil {
		return false, err
	}
	b.later(timeline)
	for i := 1; i <= 3; i++ {
		next := two[i%2]
		drawn, err := timeline.Fence(uint32(i), "drawn")
		if err != nil {
			return false, err
		}
		b.later(drawn)
		onDisplay, err := next.commit(d).After(&d.Planes[0], drawn).DoFenced(ioctl.DRM_MODE_ATOMIC_NONBLOCK, 0)
		if err != nil {
			return false, err
		}
		b.later(onDisplay)
		if early, err := onDisplay.Wait(frames); err != nil || early {
			return false, errors.Join(err, fmt.Errorf("flip %d signalled before its fence: %v", i, early))
		}
		if err := errors.Join(next.Draw(pixel.TestPicture(width, height, i)), timeline.Advance(1)); err != nil {
			return false, err
		}
		if ok, err := onDisplay.Wait(time.Second); err != nil || !ok {
			return false, errors.Join(err, fmt.Errorf("flip %d came: %v", i, ok))
		}
	}
	return true, nil
}

// implicitFence has flips wait for fences that are in the buffer: one that a sync_file
// brought, and one of vgem.
func implicitFence(b *Bench, _ bool) (bool, error) {
	d, two, err := b.twoShown(drm.Dumb)
	if err != nil {
		return false, err
	}
	timeline, err := drm.NewTimeline()
	if err != nil {
		return false, err
	}
	b.later(timeline)
	fence, err := timeline.Fence(1, "drawn")
	if err != nil {
		return false, err
	}
	b.later(fence)
	vgem, err := drm.Open(drm.VGEM)
	if err != nil {
		return false, err
	}
	b.later(vgem)
	alias, err := vgem.Import(two[0].Buf)
	if err != nil {
		return false, err
	}
	b.later(alias)

	for i, c := range []struct {
		frame  shown
		attach func() error
		signal func() error
	}{
		{two[1], func() error { return two[1].Buf.ImportSyncFile(fence, drm.Write) }, func() error { return timeline.Advance(1) }},
		{two[0], func() error { return attach(alias) }, func() error { return vgem.SignalFence(1) }},
	} {
		// While a fence is there the CPU would wait in SYNC START: draw before.
		if err := errors.Join(c.frame.Draw(pixel.TestPicture(width, height, i)), c.attach()); err != nil {
			return false, err
		}
		if err := c.frame.commit(d).Do(flip, uint64(i)); err != nil {
			return false, err
		}
		if events, err := b.Card.Events(frames); err != nil || len(events) != 0 {
			return false, errors.Join(err, fmt.Errorf("events before the fence: %+v", events))
		}
		inside, err := c.frame.Buf.ExportSyncFile(drm.Read)
		if err != nil {
			return false, err
		}
		b.later(inside)
		if ok, err := inside.Wait(0); err != nil || ok {
			return false, errors.Join(err, fmt.Errorf("the exported fence has signalled: %v", ok))
		}
		if err := c.signal(); err != nil {
			return false, err
		}
		if _, err := b.flipped(uint64(i)); err != nil {
			return false, err
		}
		if ok, err := inside.Wait(0); err != nil || !ok {
			return false, errors.Join(err, fmt.Errorf("the exported fence has signalled: %v", ok))
		}
	}
	return true, nil
}

// attach attaches vgem's first fence.
func attach(g *drm.GEM) error {
	fence, err := g.AttachFence(drm.Write)
	if err == nil && fence != 1 {
		err = fmt.Errorf("vgem's first fence has number %d", fence)
	}
	return err
}

// presenter shows a picture, commits another one that waits for a fence, and waits for
// its end.
func presenter(c *drm.Channel) error {
	b, err := newBench()
	if err != nil {
		return err
	}
	d, two, err := b.twoShown(drm.SystemHeap)
	if err != nil {
		return err
	}
	timeline, err := drm.NewTimeline()
	if err != nil {
		return err
	}
	never, err := timeline.Fence(1, "never")
	if err != nil {
		return err
	}
	if err := two[1].Draw(plain(paint)); err != nil {
		return err
	}
	if err := two[1].commit(d).After(&d.Planes[0], never).Do(flip, 1); err != nil {
		return err
	}
	if err := c.Send(true); err != nil {
		return err
	}
	time.Sleep(time.Hour)
	return nil
}
