// SPDX-License-Identifier: Apache-2.0

//go:build linux

package graphics

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"vdev/guest/drm"
	"vdev/guest/drm/pixel"
	"vdev/guest/tests/internal/child"
)

// Child does the work of a child process and exits, if this is one. Programs that call
// Run must call it first.
func Child() {
	name := child.Name()
	if name == "" {
		return
	}
	run := map[string]func(*drm.Channel) error{
		"painter":        painter,
		"painter broken": brokenPainter,
		"victim":         victim,
		"presenter":      presenter,
	}[name]
	err := run(child.Parent())
	if err != nil && !errors.Is(err, io.EOF) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// process is a child with a channel to it.
type process struct {
	*drm.Channel
	cmd *exec.Cmd
}

// start starts a child.
func start(name string) (*process, error) {
	cmd, c, err := child.Start(name)
	if err != nil {
		return nil, err
	}
	return &process{c, cmd}, nil
}

// kill ends the child at once, and returns when all that it had is closed.
func (p *process) kill() error {
	if p.cmd.ProcessState != nil {
		return nil
	}
	err := p.cmd.Process.Signal(syscall.SIGKILL)
	_ = p.cmd.Wait() // killed, as it should be
	return errors.Join(err, p.Close())
}

// target is a buffer in a process without a card.
type target struct {
	drm.Layout
	buf *drm.DMABuf
	mem []byte
}

// targets receives a layout and buffers of it.
func targets(c *drm.Channel) ([]target, error) {
	var l drm.Layout
	fds, err := c.Receive(&l)
	if err != nil {
		return nil, err
	}
	var all []target
	for _, fd := range fds {
		buf, err := drm.NewDMABuf(fd)
		if err != nil {
			return nil, err
		}
		mem, err := buf.Map()
		if err != nil {
			return nil, err
		}
		all = append(all, target{l, buf, mem})
	}
	return all, nil
}

// painter gets buffers, and draws the frame with each number that it gets into the next
// one.
func painter(c *drm.Channel) error { return paintFrames(c, false) }

// brokenPainter forgets SYNC END, but for the first frame.
func brokenPainter(c *drm.Channel) error { return paintFrames(c, true) }

//go:noinline
func paintFrames(c *drm.Channel, broken bool) error {
	ring, err := targets(c)
	if err != nil {
		return err
	}
	for {
		var frame int
		if _, err := c.Receive(&frame); err != nil {
			return err
		}
		t := ring[frame%len(ring)]
		if err := t.buf.Begin(drm.Write); err != nil {
			return err
		}
		pixel.TestPicture(t.Width, t.Height, frame).Store(t.mem, t.Stride, t.Format)
		if !broken || frame == 0 {
			if err := t.buf.End(drm.Write); err != nil {
				return err
			}
		}
		if err := c.Send(frame); err != nil {
			return err
		}
	}
}

// A child draws two frames into a buffer that it was given, and the engine copies each.
// Broken: the child forgets a SYNC END.
func otherProcess(b *Bench, broken bool) (bool, error) {
	m, err := b.images(drm.SystemHeap, "foreign", "copy")
	if err != nil {
		return false, err
	}
	name := "painter"
	if broken {
		name += " broken"
	}
	c, err := start(name)
	if err != nil {
		return false, err
	}
	defer c.kill()
	if err := c.Send(m[0].Layout, m[0].Buf.FD()); err != nil {
		return false, err
	}
	right := true
	for frame := range 2 {
		if err := c.Send(frame); err != nil {
			return false, err
		}
		var drawn int
		if _, err := c.Receive(&drawn); err != nil {
			return false, err
		}
		if err := b.copy(m[1], m[0]); err != nil {
			return false, err
		}
		got, err := m[1].Read()
		if err != nil {
			return false, err
		}
		right = right && same(got, pixel.TestPicture(width, height, frame))
	}
	return right, nil
}

// victim draws half a picture into one buffer, has the engine work on another one, and
// waits for its end.
func victim(c *drm.Channel) error {
	bufs, err := targets(c)
	if err != nil {
		return err
	}
	if len(bufs) != 2 {
		return fmt.Errorf("%d buffers", len(bufs))
	}
	drawn, filled := bufs[0], bufs[1]
	if err := drawn.buf.Begin(drm.Write); err != nil {
		return err
	}
	half := pixel.TestPicture(drawn.Width, drawn.Height/2, 5)
	half.Store(drawn.mem, drawn.Stride, drawn.Format)

	card, err := drm.OpenRender(drm.Exynos)
	if err != nil {
		return err
	}
	img, err := card.ImportImage(filled.buf, filled.Layout)
	if err != nil {
		return err
	}
	slow, err := card.NewImage(drm.ExynosGEM, 512, 512, pixel.XRGB8888)
	if err != nil {
		return err
	}
	err = card.Submit(drm.Fill(slow.Surface(), slow.Bounds(), ground), drm.Fill(img.Surface(), img.Bounds(), paint))
	if err != nil {
		return err
	}
	if err := card.Exec(true); err != nil {
		return err
	}
	// And one that will never run.
	if err := card.Submit(drm.Fill(img.Surface(), img.Bounds(), ground)); err != nil {
		return err
	}
	if err := c.Send(true); err != nil {
		return err
	}
	time.Sleep(time.Hour)
	return nil
}
