// SPDX-License-Identifier: Apache-2.0

//go:build linux

package graphics

import (
	"errors"
	"image"
	"time"

	"vdev/guest/drm"
	"vdev/guest/drm/pixel"
	"vdev/ioctl"
)

func programs() map[string]program {
	return map[string]program{
		"drawThenCopy":    drawThenCopy,
		"drawThenCopyCMA": drawThenCopyCMA,
		"drawThenShow":    drawThenShow,
		"fillThenRead":    fillThenRead,
		"fillThenReadCMA": fillThenReadCMA,
		"readTooEarly":    readTooEarly,
		"drawThenFill":    drawThenFill,
		"sharedLine":      sharedLine,
		"drawIntoFilled":  drawIntoFilled,
		"drawBeforeStart": drawBeforeStart,
		"otherProcess":    otherProcess,
		"fenceTooEarly":   fenceTooEarly,

		"allKinds":           allKinds,
		"allOperations":      allOperations,
		"throughVGEM":        throughVGEM,
		"userMemory":         userMemory,
		"flips":              flips,
		"flipsFenced":        flipsFenced,
		"implicitFence":      implicitFence,
		"ringOfBuffers":      ringOfBuffers,
		"killedWhileDrawing": killedWhileDrawing,
		"killedWhileShown":   killedWhileShown,

		"udmabufSource":   udmabufSource,
		"udmabufResult":   udmabufResult,
		"userptrSource":   userptrSource,
		"userptrResult":   userptrResult,
		"userptrRefcount": userptrRefcount,
		"vgemZeroes":      vgemZeroes,
		"twoEvents":       twoEvents,
		"freedAfterFlip":  freedAfterFlip,
		"leakedLists":     leakedLists,
		"writtenTwice":    writtenTwice,
	}
}

// The colours that the engine fills with.
const (
	ground = 0xff204060
	paint  = 0xffe0a030
)

// The CPU draws, the engine copies. Broken: no SYNC END in between.
func drawThenCopy(b *Bench, broken bool) (bool, error) { return drawAndCopy(b, drm.SystemHeap, broken) }

// The same with contiguous memory.
func drawThenCopyCMA(b *Bench, broken bool) (bool, error) { return drawAndCopy(b, drm.CMAHeap, broken) }

func drawAndCopy(b *Bench, kind drm.Kind, broken bool) (bool, error) {
	m, err := b.images(kind, "source", "copy")
	if err != nil {
		return false, err
	}
	picture := pixel.TestPicture(width, height, 0)
	if err := m[0].Buf.Begin(drm.Write); err != nil {
		return false, err
	}
	store(m[0], picture)
	if !broken {
		if err := m[0].Buf.End(drm.Write); err != nil {
			return false, err
		}
	}
	if err := b.copy(m[1], m[0]); err != nil {
		return false, err
	}
	got, err := m[1].Read()
	return err == nil && same(got, picture), err
}

// The CPU draws into an imported buffer, the display shows it. Broken: no SYNC END in
// between.
func drawThenShow(b *Bench, broken bool) (bool, error) {
	m, err := b.image(drm.SystemHeap, "shown")
	if err != nil {
		return false, err
	}
	d, err := b.display()
	if err != nil {
		return false, err
	}
	fb, err := m.AddFB()
	if err != nil {
		return false, err
	}
	if err := m.Buf.Begin(drm.Write); err != nil {
		return false, err
	}
	store(m, pixel.TestPicture(width, height, 0))
	if !broken {
		if err := m.Buf.End(drm.Write); err != nil {
			return false, err
		}
	}
	// The commit returns at a vertical blank; the next frame has been read when there is
	// another one.
	show := func() error {
		return d.NewCommit().Enable().Show(&d.Planes[0], fb, m.Bounds(), image.Point{}).Do(ioctl.DRM_MODE_ATOMIC_ALLOW_MODESET, 0)
	}
	return true, errors.Join(show(), show())
}

// The engine fills, the CPU reads. Broken: no SYNC START in between.
func fillThenRead(b *Bench, broken bool) (bool, error) { return fillAndRead(b, drm.SystemHeap, broken) }

// The same with contiguous memory.
func fillThenReadCMA(b *Bench, broken bool) (bool, error) { return fillAndRead(b, drm.CMAHeap, broken) }

func fillAndRead(b *Bench, kind drm.Kind, broken bool) (bool, error) {
	m, err := b.image(kind, "result")
	if err != nil {
		return false, err
	}
	// As with most buffers, the CPU has used it before.
	if err := m.Draw(pixel.TestPicture(width, height, 0)); err != nil {
		return false, err
	}
	if err := b.fill(m, paint); err != nil {
		return false, err
	}
	if !broken {
		if err := m.Buf.Begin(drm.Read); err != nil {
			return false, err
		}
	}
	right := same(load(m), plain(paint))
	return right, m.Buf.End(drm.Read)
}

// The engine works for a while. Broken: SYNC START comes before the event that says that
// the work is done.
func readTooEarly(b *Bench, broken bool) (bool, error) {
	m, err := b.image(drm.SystemHeap, "result")
	if err != nil {
		return false, err
	}
	slow, err := b.imageOf(drm.Dumb, "delay", 512, 512, pixel.XRGB8888)
	if err != nil {
		return false, err
	}
	if err := m.Draw(pixel.TestPicture(width, height, 0)); err != nil {
		return false, err
	}
	err = b.Card.Submit(
		drm.Fill(slow.Surface(), slow.Bounds(), ground), // takes a millisecond
		drm.Fill(m.Surface(), m.Bounds(), paint).WithEvent(1))
	if err != nil {
		return false, err
	}
	if err := b.Card.Exec(true); err != nil {
		return false, err
	}
	if broken {
		if err := m.Buf.Begin(drm.Read); err != nil {
			return false, err
		}
	}
	if err := b.drawn(); err != nil {
		return false, err
	}
	if !broken {
		if err := m.Buf.Begin(drm.Read); err != nil {
			return false, err
		}
	}
	right := same(load(m), plain(paint))
	return right, m.Buf.End(drm.Read)
}

// drawn waits for the event of a list.
func (b *Bench) drawn() error {
	events, err := b.Card.Events(time.Second)
	if err == nil && (len(events) != 1 || !events[0].Drawn()) {
		err = errors.New("the engine's event did not come")
	}
	return err
}

// The CPU draws, then the engine fills all of it. Broken: no SYNC END in between, since
// nobody wants what the CPU drew.
func drawThenFill(b *Bench, broken bool) (bool, error) {
	m, err := b.image(drm.SystemHeap, "result")
	if err != nil {
		return false, err
	}
	if err := m.Buf.Begin(drm.Write); err != nil {
		return false, err
	}
	store(m, pixel.TestPicture(width, height, 0))
	if !broken {
		if err := m.Buf.End(drm.Write); err != nil {
			return false, err
		}
	}
	if err := b.fill(m, paint); err != nil {
		return false, err
	}
	got, err := m.Read()
	return err == nil && same(got, plain(paint)), err
}

// CPU and engine share the work: one draws the left part, the other the right part at
// the same time. Broken: the border is not that of a cache line.
func sharedLine(b *Bench, broken bool) (bool, error) {
	m, err := b.image(drm.SystemHeap, "halves")
	if err != nil {
		return false, err
	}
	border := width / 2
	if broken {
		border += 8
	}
	picture := pixel.TestPicture(width, height, 0)
	if err := m.Buf.Begin(drm.ReadWrite); err != nil {
		return false, err
	}
	for y := range height {
		storeRow(m, y, picture.Pix[y*width:y*width+border])
	}
	if err := b.Card.Run(drm.Fill(m.Surface(), image.Rect(border, 0, width, height), paint)); err != nil {
		return false, err
	}
	if err := m.Buf.End(drm.ReadWrite); err != nil {
		return false, err
	}
	picture.Fill(image.Rect(border, 0, width, height), paint)
	got, err := m.Read()
	return err == nil && same(got, picture), err
}

// storeRow writes the start of a row without a sync.
//
//go:noinline
func storeRow(m *drm.Image, y int, pixels []uint32) {
	p := pixel.Picture{Width: len(pixels), Height: 1, Pix: pixels}
	p.Store(m.Mem[y*m.Stride:], m.Stride, m.Format)
}

// The engine fills, the CPU draws a column, the engine copies all. Broken: the CPU says
// that it writes only, so that START drops no old lines, of which it writes a part.
func drawIntoFilled(b *Bench, broken bool) (bool, error) {
	m, err := b.images(drm.SystemHeap, "mixed", "copy")
	if err != nil {
		return false, err
	}
	if err := m[0].Draw(plain(ground)); err != nil {
		return false, err
	}
	if err := b.fill(m[0], paint); err != nil {
		return false, err
	}
	access := drm.ReadWrite
	if broken {
		access = drm.Write
	}
	if err := m[0].Buf.Begin(access); err != nil {
		return false, err
	}
	for y := range height {
		storeRow(m[0], y, []uint32{ground, ground, ground})
	}
	if err := m[0].Buf.End(access); err != nil {
		return false, err
	}
	if err := b.copy(m[1], m[0]); err != nil {
		return false, err
	}
	want := plain(paint)
	want.Fill(image.Rect(0, 0, 3, height), ground)
	got, err := m[1].Read()
	return err == nil && same(got, want), err
}

// The CPU takes the buffer and draws. Broken: it draws and takes it then.
func drawBeforeStart(b *Bench, broken bool) (bool, error) {
	m, err := b.images(drm.SystemHeap, "source", "copy")
	if err != nil {
		return false, err
	}
	if err := b.fill(m[0], ground); err != nil {
		return false, err
	}
	picture := pixel.TestPicture(width, height, 0)
	if broken {
		store(m[0], picture)
	}
	if err := m[0].Buf.Begin(drm.ReadWrite); err != nil {
		return false, err
	}
	if !broken {
		store(m[0], picture)
	}
	if err := m[0].Buf.End(drm.ReadWrite); err != nil {
		return false, err
	}
	if err := b.copy(m[1], m[0]); err != nil {
		return false, err
	}
	got, err := m[1].Read()
	return err == nil && same(got, picture), err
}

// One thread draws and signals a fence, another one waits for it and has the engine
// copy. Broken: the fence signals before SYNC END.
func fenceTooEarly(b *Bench, broken bool) (bool, error) {
	m, err := b.images(drm.SystemHeap, "fenced", "copy")
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
	picture := pixel.TestPicture(width, height, 0)
	copied, producer := make(chan error, 1), make(chan error, 1)
	go func() { producer <- fencedProducer(m[0], picture, timeline, broken, copied) }()
	ok, err := fence.Wait(time.Second)
	if err == nil && !ok {
		err = errors.New("the fence did not signal")
	}
	if err == nil {
		err = b.copy(m[1], m[0])
	}
	copied <- err
	if err := errors.Join(err, <-producer); err != nil {
		return false, err
	}
	got, err := m[1].Read()
	return err == nil && same(got, picture), err
}

// fencedProducer is the thread that draws.
//
//go:noinline
func fencedProducer(m *drm.Image, p *pixel.Picture, t *drm.Timeline, broken bool, copied <-chan error) error {
	if err := m.Buf.Begin(drm.Write); err != nil {
		return err
	}
	store(m, p)
	if broken {
		if err := t.Advance(1); err != nil {
			return err
		}
		<-copied // which is what happens if this thread is slow
		return m.Buf.End(drm.Write)
	}
	if err := m.Buf.End(drm.Write); err != nil {
		return err
	}
	return t.Advance(1)
}
