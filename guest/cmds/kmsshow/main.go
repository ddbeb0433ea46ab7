// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Kmsshow shows a picture on a plane of the display, with atomic commits.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"time"

	"vdev/guest/cmds/internal/cli"
	"vdev/guest/drm"
	"vdev/guest/drm/pixel"
	"vdev/ioctl"
)

const help = `usage: kmsshow [FLAGS] [FILE.png]

Shows a PNG, or a test picture, on a plane of the first display, until Ctrl-C. With
-flips it alternates between two buffers: a picture with its bars moved on is drawn
into the one that is not shown, a commit that does not block swaps them, and an event
says that it has. With -fence, fences do that: the commit waits for one that stands for
the drawing, and another one tells when the old buffer is free.
`

type options struct {
	plane      int
	format     string
	buffer     string
	size       string
	x, y       int
	alpha      float64
	flips      int
	fence      bool
	stay       time.Duration
	background bool
}

func main() {
	var o options
	cli.Main("kmsshow", help, func(f *flag.FlagSet) {
		f.IntVar(&o.plane, "plane", 0, "show it on plane `N`; 0 is the primary one, at the bottom")
		f.StringVar(&o.format, "format", "XR24", "pixel format, a `fourcc`: XR24, AR24, RG16 and others")
		f.StringVar(&o.buffer, "buffer", "dumb", "`kind` of memory: dumb, gem (uncached); system, cma, udmabuf (cached)")
		f.StringVar(&o.size, "size", "", "size of the test picture, `WxH` (default that of the display)")
		f.IntVar(&o.x, "x", 0, "where on the display its left edge is")
		f.IntVar(&o.y, "y", 0, "where on the display its top edge is")
		f.Float64Var(&o.alpha, "alpha", 1, "how opaque the plane is, 0 to 1; not for plane 0")
		f.BoolVar(&o.background, "background", false, "show the test picture on plane 0, too")
		f.IntVar(&o.flips, "flips", 0, "flip `N` times between two buffers")
		f.BoolVar(&o.fence, "fence", false, "use fences for the flips")
		f.DurationVar(&o.stay, "for", 0, "end after this time instead of at Ctrl-C, and leave the picture on the display")
	}, func(ctx context.Context, args []string) error {
		file, err := cli.File(args)
		if err != nil {
			return err
		}
		return show(ctx, o, file)
	})
}

// frame is one of the buffers that take turns on the plane.
type frame struct {
	*drm.Image
	fb *drm.Framebuffer
}

func show(ctx context.Context, o options, file string) error {
	format, err := pixel.ParseFormat(o.format)
	if err != nil {
		return cli.Usage(err)
	}
	kind, err := drm.ParseKind(o.buffer)
	if err != nil {
		return cli.Usage(err)
	}
	card, err := drm.Open(drm.Exynos)
	if err != nil {
		return err
	}
	defer card.Close() // and with it all that belongs to it; the display goes off
	out, err := card.Output()
	if err != nil {
		return err
	}
	if o.plane < 0 || o.plane >= len(out.Planes) {
		return cli.Usage(fmt.Errorf("plane %d: the display has planes 0 to %d", o.plane, len(out.Planes)-1))
	}
	plane := &out.Planes[o.plane]
	if !plane.Supports(format) {
		return fmt.Errorf("plane %d does not show %v", o.plane, format)
	}
	width, height := int(out.Mode.Hdisplay), int(out.Mode.Vdisplay)
	var fbs []*drm.Framebuffer
	commit := out.NewCommit().Enable()
	if o.background {
		fb, err := background(card, out, commit, width, height)
		if err != nil {
			return err
		}
		fbs = append(fbs, fb)
	}
	if o.size != "" {
		if width, height, err = cli.ParseSize(o.size); err != nil {
			return err
		}
	}
	picture, err := cli.Picture(file, width, height, 0)
	if err != nil {
		return err
	}

	var frames []frame
	for i := range min(o.flips+1, 2) {
		img, err := card.NewImage(kind, picture.Width, picture.Height, format)
		if err != nil {
			return err
		}
		if err := img.Buf.SetName(fmt.Sprintf("kmsshow-%d", i)); err != nil {
			return err
		}
		fb, err := img.AddFB()
		if err != nil {
			return err
		}
		frames, fbs = append(frames, frame{img, fb}), append(fbs, fb)
	}
	if err := frames[0].Draw(picture); err != nil {
		return err
	}
	if o.alpha != 1 {
		commit.Set(plane.ID, "alpha", uint64(o.alpha*0xffff))
	}
	s := shower{out, plane, image.Pt(o.x, o.y)}
	err = s.put(commit, frames[0]).Do(ioctl.DRM_MODE_ATOMIC_ALLOW_MODESET, 0)
	if err != nil {
		return err
	}
	for i := 1; i <= o.flips && ctx.Err() == nil; i++ {
		if file == "" {
			picture = pixel.TestPicture(width, height, i)
		}
		flip := s.flip
		if o.fence {
			flip = s.flipFenced
		}
		if err := flip(frames[i%2], picture); err != nil {
			return err
		}
	}
	cli.Stay(ctx, o.stay)
	if ctx.Err() != nil {
		return nil // closing the card switches the display off
	}
	return leave(fbs)
}

// leave has the display go on showing framebuffers when they are gone.
func leave(fbs []*drm.Framebuffer) error {
	for _, fb := range fbs {
		if err := fb.Leave(); err != nil {
			return err
		}
	}
	return nil
}

// background puts the test picture on the primary plane.
func background(card *drm.Card, out *drm.Output, commit *drm.Commit, width, height int) (*drm.Framebuffer, error) {
	img, err := card.NewImage(drm.Dumb, width, height, pixel.XRGB8888)
	if err != nil {
		return nil, err
	}
	if err := img.Draw(pixel.TestPicture(width, height, 0)); err != nil {
		return nil, err
	}
	fb, err := img.AddFB()
	if err != nil {
		return nil, err
	}
	commit.Show(&out.Planes[0], fb, img.Bounds(), image.Point{})
	return fb, nil
}

// shower puts frames on a plane.
type shower struct {
	out   *drm.Output
	plane *drm.Plane
	at    image.Point
}

func (s *shower) put(c *drm.Commit, f frame) *drm.Commit {
	return c.Show(s.plane, f.fb, f.Bounds(), s.at)
}

// flip draws a picture into a frame that is not shown, and shows it.
func (s *shower) flip(f frame, p *pixel.Picture) error {
	if err := f.Draw(p); err != nil {
		return err
	}
	err := s.put(s.out.NewCommit(), f).Do(ioctl.DRM_MODE_ATOMIC_NONBLOCK|ioctl.DRM_MODE_PAGE_FLIP_EVENT, 1)
	if err != nil {
		return err
	}
	for {
		events, err := s.out.Card.Events(time.Second)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return errors.New("no flip within a second")
		}
		for _, e := range events {
			if e.Flipped() && e.UserData == 1 {
				return nil // the other frame is free
			}
		}
	}
}

// flipFenced does the same in another order: the commit comes first and waits for a
// fence, which signals when the picture is drawn. Who draws may be another process, or a
// device. Here it is the CPU, and a software timeline makes the fence.
func (s *shower) flipFenced(f frame, p *pixel.Picture) error {
	timeline, err := drm.NewTimeline()
	if err != nil {
		return err
	}
	defer timeline.Close()
	drawn, err := timeline.Fence(1, "drawn")
	if err != nil {
		return err
	}
	defer drawn.Close()
	shown, err := s.put(s.out.NewCommit(), f).After(s.plane, drawn).DoFenced(ioctl.DRM_MODE_ATOMIC_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer shown.Close()
	if err := f.Draw(p); err != nil {
		return err
	}
	if err := timeline.Advance(1); err != nil {
		return err
	}
	ok, err := shown.Wait(time.Second)
	if err == nil && !ok {
		err = errors.New("no flip within a second")
	}
	return err
}
