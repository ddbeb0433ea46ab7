// SPDX-License-Identifier: Apache-2.0

//go:build linux

package ownership

import (
	"errors"
	"fmt"
	"image"
	"time"

	"vdev/guest/drm"
	"vdev/guest/drm/pixel"
	"vdev/guest/share"
)

// Pictures are large enough for the 2D engine to take milliseconds.
const width, height = 640, 480

// bench is what a program works with.
type bench struct {
	*share.Client
	card *drm.Card
}

// Run runs the program with that name, in its broken or its correct form.
func Run(name string, broken bool) error {
	run, ok := map[string]func(b *bench, broken bool) error{
		"access-in-flight": inFlight, "prep-fini": prepared, "sync-lock": locked, "overwrite-unconsumed": overwrite, Enforced: deviceWaits,
	}[name]
	if !ok {
		return fmt.Errorf("there is no program %q", name)
	}
	c, err := share.Open()
	if err != nil {
		return err
	}
	defer c.Close()
	card, err := drm.Open(drm.Exynos)
	if err != nil {
		return err
	}
	defer card.Close()
	return run(&bench{c, card}, broken)
}

// picture makes an image that CPU and 2D engine share.
func (b *bench) picture(name string) (*drm.Image, error) {
	l := drm.NewLayout(width, height, pixel.XRGB8888)
	buf, err := b.Create(name, uint64(l.Size()))
	if err != nil {
		return nil, err
	}
	return b.card.ImportImage(buf, l)
}

// start has the 2D engine fill an image, and does not wait for it.
func (b *bench) start(m *drm.Image) error {
	if err := b.card.Submit(drm.Fill(m.Surface(), m.Bounds(), 0xff336699).WithEvent(1)); err != nil {
		return err
	}
	return b.card.Exec(true)
}

// finished waits for the 2D engine, and tells whether it was in time.
func (b *bench) finished(in time.Duration) (bool, error) {
	e, err := b.card.Events(in)
	return len(e) > 0, err
}

// draw draws a line with the CPU.
func draw(m *drm.Image) {
	row := m.Mem[m.Stride*(height-1):]
	for i := range 4 * width {
		row[i] = 0xff
	}
}

// prepare draws a line with the CPU, between CPU_PREP and CPU_FINI.
func (b *bench) prepare(m *drm.Image, access share.Access) error {
	if err := b.Prep(m.Buf, 0, uint64(m.Size()), access, share.Forever); err != nil {
		return err
	}
	draw(m)
	return b.Fini(m.Buf)
}

// The CPU draws over what the 2D engine has drawn. Broken: it does not wait.
func inFlight(b *bench, broken bool) error {
	m, err := b.picture("frame")
	if err != nil {
		return err
	}
	defer m.Close()
	if err := b.start(m); err != nil {
		return err
	}
	time.Sleep(100 * time.Microsecond) // the driver has a queue
	if broken {
		draw(m)
		_, err := b.finished(time.Second)
		return err
	}
	if ok, err := b.finished(time.Second); err != nil || !ok {
		return errors.Join(errors.New("the 2D engine does not finish"), err)
	}
	return b.prepare(m, share.Write)
}

// The CPU draws. Broken: it has announced that it will only read.
func prepared(b *bench, broken bool) error {
	m, err := b.picture("frame")
	if err != nil {
		return err
	}
	defer m.Close()
	if broken {
		return b.prepare(m, share.Read)
	}
	return b.prepare(m, share.Write)
}

// lock is a lock for writing of one buffer.
func (b *bench) lock(m *drm.Image) (*share.Sync, error) {
	s, err := b.NewSync(share.SyncOptions{})
	if err != nil {
		return nil, err
	}
	if err := s.Get(share.Use{Buf: m.Buf, Access: share.Write}); err != nil {
		return nil, err
	}
	_, err = s.Lock(share.Forever)
	return s, err
}

// The CPU draws, then the 2D engine. Broken: the CPU still has the lock.
func locked(b *bench, broken bool) error {
	m, err := b.picture("frame")
	if err != nil {
		return err
	}
	defer m.Close()
	s, err := b.lock(m)
	if err != nil {
		return err
	}
	defer s.Close()
	draw(m)
	engine := func() error { return b.card.Run(drm.Fill(m.Surface(), m.Bounds(), 0xff336699)) }
	if broken {
		return errors.Join(engine(), s.Unlock())
	}
	return errors.Join(s.Unlock(), engine())
}

// The CPU produces two frames in the same buffer, for the 2D engine. Broken: it does not
// wait until the engine has read the first.
func overwrite(b *bench, broken bool) error {
	m, err := b.picture("frame")
	if err != nil {
		return err
	}
	defer m.Close()
	screen, err := b.picture("screen")
	if err != nil {
		return err
	}
	defer screen.Close()
	for i := range 2 {
		if err := b.prepare(m, share.Write|share.Frame); err != nil {
			return err
		}
		if broken && i == 0 {
			continue
		}
		if err := b.card.Run(drm.Copy(screen.Surface(), image.Point{}, m.Surface(), m.Bounds())); err != nil {
			return err
		}
	}
	return nil
}

// The 2D engine is started while the CPU has the lock, and waits for it.
func deviceWaits(b *bench, _ bool) error {
	m, err := b.picture("frame")
	if err != nil {
		return err
	}
	defer m.Close()
	s, err := b.lock(m)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := b.start(m); err != nil {
		return err
	}
	early, err := b.finished(100 * time.Millisecond)
	if err != nil || early {
		return errors.Join(errors.New("the 2D engine did not wait"), err)
	}
	draw(m)
	if err := s.Unlock(); err != nil {
		return err
	}
	if ok, err := b.finished(time.Second); err != nil || !ok {
		return errors.Join(errors.New("the 2D engine waits for ever"), err)
	}
	st, err := b.Stats()
	if err != nil || st.Locked != 0 || st.Jobs != 0 || st.Waits != 0 {
		return fmt.Errorf("something remains: %+v, %w", st, err)
	}
	if _, err := s.Lock(share.Forever); err != nil {
		return err
	}
	defer s.Unlock()
	if got := pixel.Load(m.Mem, m.Width, m.Height, m.Stride, m.Format); got.At(5, height-1) != 0xff336699 {
		return fmt.Errorf("the last line is %#x: it came before the CPU's", got.At(5, height-1))
	}
	return nil
}
