// SPDX-License-Identifier: Apache-2.0

//go:build linux

// G2ddraw has the 2D engine draw a picture out of fills, copies, blends and scaled
// copies, and shows or saves it.
package main

import (
	"context"
	"errors"
	"flag"
	"image"
	"time"

	"vdev/guest/cmds/internal/cli"
	"vdev/guest/drm"
	"vdev/guest/drm/pixel"
	"vdev/ioctl"
)

const help = `usage: g2ddraw [FLAGS] [FILE.png]

Has the G2D draw a picture: it fills the ground, copies a PNG, or a test picture, into
the middle, puts copies of half and twice the size into the corners, and blends a
translucent disc over all. The command lists run one after the other; -async returns
from EXEC at once and waits for an event of the last one. The result is on the display
until Ctrl-C, or in a file with -o.
`

type options struct {
	out    string
	size   string
	format string
	buffer string
	async  bool
	stay   time.Duration
}

func main() {
	var o options
	cli.Main("g2ddraw", help, func(f *flag.FlagSet) {
		f.StringVar(&o.out, "o", "", "save the result as `FILE.png` and don't show it; - for standard output")
		f.StringVar(&o.size, "size", "", "size of the result, `WxH` (default that of the display, with -o 640x360)")
		f.StringVar(&o.format, "format", "XR24", "pixel format of the result, a `fourcc`: XR24, RG16 and others")
		f.StringVar(&o.buffer, "buffer", "dumb", "`kind` of memory: dumb, gem (uncached); system, cma, udmabuf (cached)")
		f.BoolVar(&o.async, "async", false, "wait for an event instead of in EXEC")
		f.DurationVar(&o.stay, "for", 0, "end after this time instead of at Ctrl-C, and leave the picture on the display")
	}, func(ctx context.Context, args []string) error {
		file, err := cli.File(args)
		if err != nil {
			return err
		}
		return run(ctx, o, file)
	})
}

func run(ctx context.Context, o options, file string) error {
	format, err := pixel.ParseFormat(o.format)
	if err != nil {
		return cli.Usage(err)
	}
	kind, err := drm.ParseKind(o.buffer)
	if err != nil {
		return cli.Usage(err)
	}
	width, height := 640, 360
	if o.size != "" {
		if width, height, err = cli.ParseSize(o.size); err != nil {
			return err
		}
	}
	card, err := drm.Open(drm.Exynos)
	if err != nil {
		return err
	}
	defer card.Close()
	var display *drm.Output
	if o.out == "" {
		if display, err = card.Output(); err != nil {
			return err
		}
		if o.size == "" {
			width, height = int(display.Mode.Hdisplay), int(display.Mode.Vdisplay)
		}
	}
	picture, err := cli.Picture(file, width/2, height/2, 0)
	if err != nil {
		return err
	}

	canvas, err := newImage(card, kind, width, height, format, "canvas")
	if err != nil {
		return err
	}
	sprite, err := newImage(card, kind, picture.Width, picture.Height, pixel.XRGB8888, "sprite")
	if err != nil {
		return err
	}
	shade := disc(height / 2)
	overlay, err := newImage(card, kind, shade.Width, shade.Height, pixel.ARGB8888, "overlay")
	if err != nil {
		return err
	}
	if err := errors.Join(sprite.Draw(picture), overlay.Draw(shade)); err != nil {
		return err
	}
	if err := draw(card, scene(canvas, sprite, overlay), o.async); err != nil {
		return err
	}

	if o.out != "" {
		result, err := canvas.Read()
		if err != nil {
			return err
		}
		return cli.Save(result, o.out)
	}
	fb, err := canvas.AddFB()
	if err != nil {
		return err
	}
	err = display.NewCommit().Enable().Show(&display.Planes[0], fb, canvas.Bounds(), image.Point{}).Do(ioctl.DRM_MODE_ATOMIC_ALLOW_MODESET, 0)
	if err != nil {
		return err
	}
	cli.Stay(ctx, o.stay)
	if ctx.Err() != nil {
		return nil // closing the card switches the display off
	}
	return fb.Leave()
}

func newImage(card *drm.Card, kind drm.Kind, width, height int, f pixel.Format, name string) (*drm.Image, error) {
	m, err := card.NewImage(kind, width, height, f)
	if err != nil {
		return nil, err
	}
	return m, m.Buf.SetName(name)
}

// disc is a picture of a disc that fades out towards its edge, premultiplied.
func disc(size int) *pixel.Picture {
	p := pixel.New(size, size)
	for y := range size {
		for x := range size {
			dx, dy := 2*x+1-size, 2*y+1-size
			if d := dx*dx + dy*dy; d < size*size {
				a := uint32(200 - 200*d/(size*size))
				p.Set(x, y, a<<24|a<<16|a/2<<8)
			}
		}
	}
	return p
}

// scene is what the engine does, in order.
func scene(canvas, sprite, overlay *drm.Image) []drm.Operation {
	dst, src := canvas.Surface(), sprite.Surface()
	all, pic := canvas.Bounds(), sprite.Bounds()
	w, h := all.Dx(), all.Dy()

	ops := []drm.Operation{drm.Fill(dst, all, 0xff102840)}
	const frame = 4
	ops = append(ops, drm.Fill(dst, image.Rect(frame, frame, w-frame, h-frame), 0xff406080))
	middle := image.Pt((w-min(w, pic.Dx()))/2, (h-min(h, pic.Dy()))/2)
	ops = append(ops, drm.Copy(dst, middle, src, pic.Intersect(all)))

	// The whole picture at half size in one corner, its first quarter at twice the size
	// in another.
	corner := image.Rect(0, 0, min(w/2, pic.Dx()/2), min(h/2, pic.Dy()/2))
	ops = append(ops,
		drm.Scale(dst, corner.Add(image.Pt(2*frame, 2*frame)), src, pic, false),
		drm.Scale(dst, corner.Add(image.Pt(w-corner.Dx()-2*frame, h-corner.Dy()-2*frame)), src,
			image.Rect(0, 0, corner.Dx()/2, corner.Dy()/2), true))

	at := image.Pt((w-overlay.Width)/2, (h-overlay.Height)/2)
	return append(ops, drm.Blend(dst, at, overlay.Surface(), overlay.Bounds()))
}

// draw runs operations.
func draw(card *drm.Card, ops []drm.Operation, async bool) error {
	if !async {
		return card.Run(ops...)
	}
	// One event tells that all are done. Linux 7.2 does not survive two from one EXEC.
	last := len(ops) - 1
	if err := card.Submit(append(ops[:last:last], ops[last].WithEvent(1))...); err != nil {
		return err
	}
	if err := card.Exec(true); err != nil {
		return err
	}
	for {
		events, err := card.Events(time.Second)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return errors.New("the command lists were not done within a second")
		}
		for _, e := range events {
			if e.Drawn() && e.UserData == 1 {
				return nil
			}
		}
	}
}
