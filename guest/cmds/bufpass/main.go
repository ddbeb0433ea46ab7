// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Bufpass passes a picture from process to process and from device to device without
// copying it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"time"

	"vdev/guest/cmds/internal/cli"
	"vdev/guest/drm"
	"vdev/guest/drm/pixel"
	"vdev/ioctl"
)

const help = `usage: bufpass [FLAGS] [FILE.png]

Three processes share two buffers. The first one draws a picture, with the CPU, into a
buffer that it exports as a dma-buf. The second one gets it through a Unix socket
(SCM_RIGHTS), imports it into the 2D engine, and has that scale it into a buffer of its
own. The third one gets that, imports it into the display, and shows it until Ctrl-C;
or, with -o, reads it with the CPU and saves it. No process copies a pixel.
`

type options struct {
	out    string
	size   string
	buffer string
	stay   time.Duration
}

// childFlag makes bufpass one of its own children.
const childFlag = "child"

func main() {
	var o options
	var child string
	cli.Main("bufpass", help, func(f *flag.FlagSet) {
		f.StringVar(&o.out, "o", "", "save the result as `FILE.png` and don't show it; - for standard output")
		f.StringVar(&o.size, "size", "", "size of the result, `WxH` (default that of the display, with -o 640x360)")
		f.StringVar(&o.buffer, "buffer", "system", "`kind` of memory: gem (uncached); system, cma, udmabuf (cached)")
		f.DurationVar(&o.stay, "for", 0, "end after this time instead of at Ctrl-C, and leave the picture on the display")
		f.StringVar(&child, childFlag, "", "for internal use: be the second (`scale`) or third (show) process")
	}, func(ctx context.Context, args []string) error {
		kind, err := drm.ParseKind(o.buffer)
		switch {
		case err != nil:
			return cli.Usage(err)
		case kind == drm.Dumb:
			return cli.Usage(errors.New("dumb buffers are for clients that have the display; use gem"))
		}
		file, err := cli.File(args)
		switch {
		case err != nil:
			return err
		case child == "scale":
			return scale(kind)
		case child == "show":
			return show(ctx, o)
		}
		return draw(ctx, kind, o, file)
	})
}

// message is what processes send each other, with a buffer or without.
type message struct {
	Layout drm.Layout  // of the picture in the buffer
	Size   image.Point // that the picture should have
}

// The file descriptors of the children's sockets.
const (
	toParent = 3
	toNext   = 4
)

// draw is the first process: it draws, passes the buffer on, and waits for the others.
func draw(ctx context.Context, kind drm.Kind, o options, file string) error {
	picture, err := cli.Picture(file, 320, 180, 0)
	if err != nil {
		return err
	}
	card, err := drm.OpenRender(drm.Exynos)
	if err != nil {
		return err
	}
	defer card.Close()
	img, err := card.NewImage(kind, picture.Width, picture.Height, pixel.XRGB8888)
	if err != nil {
		return err
	}
	if err := errors.Join(img.Buf.SetName("drawn"), img.Draw(picture)); err != nil {
		return err
	}

	scaler, scalerEnd, err := drm.NewChannel()
	if err != nil {
		return err
	}
	between, otherEnd, err := drm.NewChannel()
	if err != nil {
		return err
	}
	second := start(ctx, "scale", scalerEnd, between.File())
	third := start(ctx, "show", otherEnd)
	if err := errors.Join(second.Start(), third.Start()); err != nil {
		return err
	}
	// The ends that the children have: a child that dies is to be noticed.
	for _, end := range []*os.File{scalerEnd, between.File(), otherEnd} {
		if err := end.Close(); err != nil {
			return err
		}
	}
	// If a child has gone, waiting for it tells more than the error of sending.
	err = scaler.Send(message{Layout: img.Layout}, img.Buf.FD())
	if err == nil {
		_, err = receive(scaler)
	}
	for _, child := range []*exec.Cmd{second, third} {
		var status *exec.ExitError
		switch ended := child.Wait(); {
		case ctx.Err() != nil: // Ctrl-C
		case errors.As(ended, &status) && status.Exited():
			return cli.ErrReported
		case ended != nil:
			return fmt.Errorf("a process ended: %w", ended)
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// start makes a child with the same flags, and files from number 3 on. Ctrl-C ends it,
// too, when it is only this process that is told.
func start(ctx context.Context, child string, files ...*os.File) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", append([]string{"-" + childFlag, child}, os.Args[1:]...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.ExtraFiles, cmd.Stdout, cmd.Stderr = files, os.Stdout, os.Stderr
	return cmd
}

// scale is the second process. Its card is another client than that of the first, so
// that nothing but the file descriptor connects them.
func scale(kind drm.Kind) error {
	parent, next := drm.ChannelOf(toParent), drm.ChannelOf(toNext)
	card, err := drm.OpenRender(drm.Exynos)
	if err != nil {
		return err
	}
	defer card.Close()
	src, err := receiveImage(card, parent)
	if err != nil {
		return err
	}
	wish, err := receive(next)
	if err != nil {
		return err
	}
	dst, err := card.NewImage(kind, wish.Size.X, wish.Size.Y, pixel.XRGB8888)
	if err != nil {
		return err
	}
	if err := dst.Buf.SetName("scaled"); err != nil {
		return err
	}
	// The CPU has no part in this: nothing to sync.
	err = card.Run(drm.Scale(dst.Surface(), dst.Bounds(), src.Surface(), src.Bounds(), true))
	if err != nil {
		return err
	}
	if err := parent.Send(message{}); err != nil { // the source is free
		return err
	}
	if err := next.Send(message{Layout: dst.Layout}, dst.Buf.FD()); err != nil {
		return err
	}
	_, err = receive(next) // until the result is shown
	return err
}

// show is the third process, the only one that opens the display. It says first how
// large the picture should be.
func show(ctx context.Context, o options) error {
	if o.out != "" {
		return save(o)
	}
	parent := drm.ChannelOf(toParent)
	card, err := drm.Open(drm.Exynos)
	if err != nil {
		return err
	}
	defer card.Close()
	out, err := card.Output()
	if err != nil {
		return err
	}
	size, err := o.wish(image.Pt(int(out.Mode.Hdisplay), int(out.Mode.Vdisplay)))
	if err != nil {
		return err
	}
	if err := parent.Send(message{Size: size}); err != nil {
		return err
	}
	img, err := receiveImage(card, parent)
	if err != nil {
		return err
	}
	fb, err := img.AddFB()
	if err != nil {
		return err
	}
	err = out.NewCommit().Enable().Show(&out.Planes[0], fb, img.Bounds(), image.Point{}).Do(ioctl.DRM_MODE_ATOMIC_ALLOW_MODESET, 0)
	if err != nil {
		return err
	}
	// The display keeps the buffer; nobody else needs to.
	if err := parent.Send(message{}); err != nil {
		return err
	}
	cli.Stay(ctx, o.stay)
	if ctx.Err() != nil {
		return nil // closing the card switches the display off
	}
	return fb.Leave()
}

// save is the third process without a display.
func save(o options) error {
	parent := drm.ChannelOf(toParent)
	size, err := o.wish(image.Pt(640, 360))
	if err != nil {
		return err
	}
	if err := parent.Send(message{Size: size}); err != nil {
		return err
	}
	card, err := drm.OpenRender(drm.Exynos)
	if err != nil {
		return err
	}
	defer card.Close()
	img, err := receiveImage(card, parent)
	if err != nil {
		return err
	}
	result, err := img.Read()
	if err != nil {
		return err
	}
	if err := cli.Save(result, o.out); err != nil {
		return err
	}
	return parent.Send(message{})
}

// wish is the size of the result.
func (o options) wish(size image.Point) (image.Point, error) {
	var err error
	if o.size != "" {
		size.X, size.Y, err = cli.ParseSize(o.size)
	}
	return size, err
}

// receiveImage waits for a buffer and imports it.
func receiveImage(card *drm.Card, from *drm.Channel) (*drm.Image, error) {
	m, err := receive(from)
	if err != nil {
		return nil, err
	}
	if m.buf == nil {
		return nil, errors.New("a message without a buffer")
	}
	return card.ImportImage(m.buf, m.Layout)
}

type received struct {
	message
	buf *drm.DMABuf
}

// receive waits for a message, with a buffer or without.
func receive(from *drm.Channel) (received, error) {
	var m received
	fds, err := from.Receive(&m.message)
	if errors.Is(err, io.EOF) {
		return m, cli.ErrReported // the other process has gone, and said why
	}
	if err == nil && len(fds) > 0 {
		m.buf, err = drm.NewDMABuf(fds[0])
	}
	return m, err
}
