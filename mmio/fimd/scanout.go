// SPDX-License-Identifier: Apache-2.0

package fimd

import (
	"bytes"
	"errors"
	"image"
	"time"

	"vdev/mmio"
)

// touch is a write of a register that takes effect at the next vsync.
func (d *FIMD) touch() {
	if d.e.On && !d.e.Pending {
		d.e.Pending = true
		d.arm()
	}
}

// touchWindow is touch for a window's own register.
func (d *FIMD) touchWindow(i int) {
	if d.e.On {
		d.e.Touched |= 1 << i
		d.touch()
	}
}

// forget drops all that was read and shown.
func (d *FIMD) forget() {
	for i := range d.layers {
		d.layers[i] = layer{palette: d.layers[i].palette}
		d.access[i].release()
	}
	d.shown, d.spare = nil, nil
}

// vsync is the beginning of a frame: registers take effect, and memory is read.
func (d *FIMD) vsync(at time.Duration) {
	e := &d.e
	if d.Get(regVidCon0)&vidEnableFrame == 0 {
		d.off()
		return
	}
	latched, touched := e.Pending, e.Touched
	if latched {
		d.latch(at)
	}
	touched &^= e.Touched // a protected window's count later
	read := d.scan(func(i int) bool {
		return e.Failed[i] || d.stale(i, latched || d.onFrame != nil) && (touched>>i&1 != 0 || d.settled(i))
	})
	if d.onFrame != nil && (latched || read || d.shown == nil) {
		d.present(at)
	}
}

// latch makes registers take effect.
func (d *FIMD) latch(at time.Duration) {
	e := &d.e
	e.Pending = false
	resized := false
	if t := d.timing(); t != e.Timing {
		if d.possible(&t) {
			resized = t.W != e.Timing.W || t.H != e.Timing.H
			e.Timing, e.Origin = t, at
		} else {
			d.blame(mmio.EventBadValue, regVidTCon2, 0)
		}
	}
	colors := uint32(d.Get(regBlendCon)) != e.BlendCon
	e.BlendCon = uint32(d.Get(regBlendCon))
	if low := uint32(d.Get(regWPalConL)); low&palUpdate == 0 {
		con := [2]uint32{low, uint32(d.Get(regWPalConH))}
		colors = colors || con != e.PalCon
		e.PalCon = con
		for i := range e.Palettes {
			for j := range e.Palettes[i] {
				v := uint32(d.GetAt(regPalette, i*paletteSize+j))
				colors = colors || v != e.Palettes[i][j]
				e.Palettes[i][j] = v
			}
		}
	}
	for i := range e.Windows {
		w := d.window(i)
		switch {
		case d.protected(i):
			w = e.Windows[i]
		case !d.admit(i, e.reads(&w)):
			// It goes on to show what it has read, and asks again.
			e.Pending, w = true, e.Windows[i]
			if resized {
				w = window{}
			}
		default:
			e.Touched &^= 1 << i
		}
		changed := w != e.Windows[i]
		if !changed && !colors && !resized && d.layers[i].decoded {
			continue
		}
		e.Windows[i] = w
		d.layers[i].decode(e, i)
		d.SetAt(regShadowStart, i, uint64(w.Start))
		d.SetAt(regShadowEnd, i, uint64(w.End))
		d.SetAt(regShadowSize, i, uint64(w.Size))
		e.Failed[i] = false
		if changed {
			d.check(i)
		}
	}
}

// scan reads the windows from memory that were not read since they took their present
// shape, and those that want says; it tells whether there were any.
func (d *FIMD) scan(want func(i int) bool) bool {
	read := false
	for i := range d.layers {
		if l := &d.layers[i]; l.w != 0 && !l.mapped && d.mayRead(i) && (!l.valid || want(i)) {
			d.readWindow(i)
			read = true
		}
	}
	return read
}

// stale tells whether reading a window again could give something new; unknown is the
// answer if memory cannot tell.
func (d *FIMD) stale(i int, unknown bool) bool {
	l := &d.layers[i]
	if d.tracker == nil {
		return unknown
	}
	now := d.tracker.ChangeStamp()
	if l.stamp.Still(now) {
		return false
	}
	if l.any(func(addr mmio.IOVA, n uint64) bool { return d.tracker.ChangedSince(addr, n, l.stamp) }) {
		return true
	}
	l.stamp = now
	return false
}

// any asks something about the memory of a layer.
func (l *layer) any(ask func(addr mmio.IOVA, n uint64) bool) bool {
	rows := 1
	if l.pitch-l.line < smallGap { // what is between the lines may then count too
		rows = l.h
	}
	for y := 0; y < l.h; y += rows {
		if ask(mmio.IOVA(l.start+uint64(y)*uint64(l.pitch)), uint64((rows-1)*l.pitch+l.line)) {
			return true
		}
	}
	return false
}

// What software draws into a buffer that is shown is dirty in the cache until it is
// done. To read it before is not worth reporting, as hardware shows the rest one frame
// later; to find it dirty long after is.
const (
	quietFrames = 2  // without a change, for what is dirty to count
	mostWaiting = 60 // frames, whatever goes on
)

// settled tells whether what a window has changed may be read now, at a vsync: nothing is
// dirty there, or software seems to have left it so.
func (d *FIMD) settled(i int) bool {
	l := &d.layers[i]
	if d.tracker == nil || !l.any(d.tracker.DirtyDMA) {
		return true
	}
	seen := l.seen
	l.seen = d.tracker.ChangeStamp()
	if l.any(func(addr mmio.IOVA, n uint64) bool { return d.tracker.ChangedSince(addr, n, seen) }) {
		l.quiet = 0
	} else {
		l.quiet++
	}
	l.waited++
	return l.quiet >= quietFrames || l.waited >= mostWaiting
}

// smallGap is how many bytes between lines do not matter when memory is asked for
// changes: a page.
const smallGap = 4096

// readSize is how many bytes are read at a time, at most, if lines are contiguous.
const readSize = 1 << 16

// readWindow does the scan-out of a window. After a bus error, the rest of it is zeros.
func (d *FIMD) readWindow(i int) {
	l := &d.layers[i]
	d.reading = i
	defer func() { d.reading = -1 }()
	l.valid = true
	l.stamp, l.quiet, l.waited = mmio.ChangeStamp{}, 0, 0
	if d.tracker != nil {
		l.stamp = d.tracker.ChangeStamp()
	}
	if err := l.fetch(d.read); err != nil {
		d.underrun(i, err)
		return
	}
	d.e.Failed[i] = false
}

// fetch reads the lines of a layer. After an error, the rest is zeros.
func (l *layer) fetch(read func(addr uint64, p []byte) error) error {
	if n := l.line * l.h; cap(l.raw) < n {
		l.raw = make([]byte, n)
	} else {
		l.raw = l.raw[:n]
	}
	rows := 1
	if l.pitch == l.line {
		rows = max(1, readSize/l.line)
	}
	for y := 0; y < l.h; y += rows {
		rest := l.raw[y*l.line:]
		part := rest[:min(rows, l.h-y)*l.line]
		at := l.start + uint64(y)*uint64(l.pitch)
		err := read(at, part)
		if de, ok := errors.AsType[*mmio.DMAError](err); ok && rows > 1 {
			// Lines that are whole do not depend on how many are read at a time.
			whole := int(min(uint64(de.Addr)-at, uint64(len(part)))) / l.line * l.line
			if read(at, part[:whole]) == nil {
				flipLines(part[:whole], l)
				rest = rest[whole:]
			}
		}
		if err != nil {
			clear(rest)
			return err
		}
		flipLines(part, l)
	}
	return nil
}

func flipLines(p []byte, l *layer) {
	if l.flip != 0 { // lines are whole words then
		flip(p, l.flip)
	}
}

// addressEnd is just behind the last address that the device can form.
const addressEnd = 1 << 32

var errAddress = errors.New("beyond the 32 address bits of the device")

func (d *FIMD) read(addr uint64, p []byte) error {
	if addr+uint64(len(p)) > addressEnd {
		return &mmio.DMAError{Addr: mmio.IOVA(max(addr, addressEnd)), Err: errAddress}
	}
	return d.dma.ReadDMA(mmio.IOVA(addr), p)
}

// underrun is a window's FIFO that ran empty because the bus failed.
func (d *FIMD) underrun(i int, err error) {
	d.e.Failed[i] = true
	addr := d.layers[i].start
	if de, ok := errors.AsType[*mmio.DMAError](err); ok {
		addr = uint64(de.Addr)
	}
	reg := d.Reg(regBufStart0)
	d.Report(mmio.EventBadDMA, reg.Name, reg.Offset+uint64(i)*reg.Stride, addr)
	con := d.Get(regVidIntCon0)
	if con&intEnable != 0 && con&intFIFOEnable != 0 && con&fifoSelect(i) != 0 && con>>intFIFOLvlLo&7 < fifoFull {
		d.raise(pendFIFO)
	}
}

// present composes the picture and shows it to onFrame if it is another one.
func (d *FIMD) present(at time.Duration) {
	img := d.picture(d.spare)
	d.spare = nil
	if d.shown != nil && d.shown.Rect == img.Rect && bytes.Equal(d.shown.Pix, img.Pix) {
		d.spare = img
		return
	}
	d.shown, d.spare = img, d.shown
	d.onFrame(img, at)
}

// picture composes what was read into room, if that is of the right size, or a new
// image.
func (d *FIMD) picture(room *image.RGBA) *image.RGBA {
	r := image.Rect(0, 0, d.e.Timing.W, d.e.Timing.H)
	if room == nil || room.Rect != r {
		room = image.NewRGBA(r)
	}
	d.compose(room)
	return room
}
