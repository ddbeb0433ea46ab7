// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"errors"

	"golang.org/x/sys/unix"

	"vdev/guest/drm"
	"vdev/guest/share"
	"vdev/guest/tests/coherency"
)

// The two ways to hit "record" while buffers circulate between those who make pictures
// and the display. Of the buffers one is always being shown, and so mapped.

// frame is a buffer that circulates.
type frame struct {
	buf     *drm.DMABuf
	mem     []byte
	display *share.Attachment
	encoder *coherency.Buffer // nil before recording
}

// newFrame makes a frame, and attaches those who will use it.
func newFrame(c *share.Client, name string, encoder *coherency.Device) *frame {
	f := &frame{buf: get(c.Create(name, 4*page))}
	f.display = get(c.Attach(f.buf, "fimd", nil))
	if encoder != nil {
		f.encoder = imported(encoder, f.buf)
	}
	f.mem = get(f.buf.Map())
	return f
}

// drop gives a frame up.
func (f *frame) drop() {
	must(f.display.Detach())
	if f.encoder != nil {
		must(f.encoder.Free())
	}
	must(unix.Munmap(f.mem))
	must(f.buf.Close())
}

// circulate has n pictures drawn, shown and, with an encoder, recorded. The display keeps
// what it shows until it gets another one: shown, which may be nil at first.
func circulate(c *share.Client, n int, frames []*frame, shown *frame) (last *frame, right bool) {
	right = true
	for i := range n {
		f, picture := frames[i%len(frames)], byte(i+1)
		write(c, f.buf, f.mem, picture)
		get(f.display.Map(share.ToDevice))
		if shown != nil {
			must(shown.display.Unmap(share.ToDevice))
		}
		shown = f
		if f.encoder != nil {
			right = sums(f.encoder, f.buf, picture) && right
		}
	}
	return shown, right
}

// frames makes n of them.
func frames(c *share.Client, n int, name string, encoder *coherency.Device) []*frame {
	var all []*frame
	for range n {
		all = append(all, newFrame(c, name, encoder))
	}
	return all
}

// recordNewSet drops the buffers of the preview, and makes others, to which the encoder
// attaches before the first use.
func recordNewSet(b *Bench, _ bool) bool {
	c, encoder := b.client(), b.tester()
	preview := frames(c, 2, "preview", nil)
	shown, _ := circulate(c, 5, preview, nil)
	_, err := encoder.Import(shown.buf.FD())
	busy := errors.Is(err, unix.EBUSY)

	recorded := frames(c, 2, "recorded", encoder)
	shown, right := circulate(c, 1, recorded, shown) // from now on no old one is shown
	for _, f := range preview {
		f.drop()
	}
	shown, ok := circulate(c, 6, []*frame{recorded[1], recorded[0]}, shown)
	must(shown.display.Unmap(share.ToDevice))
	b.Note("buffers", uint64(stats(c).Buffers))
	b.Note("migrations", b.since(c).Migrations)
	for _, f := range recorded {
		f.drop()
	}
	return right && ok && busy
}

// recordAttachFirst attaches the encoder before the preview begins, in case. Then nothing
// has to be done when recording begins.
func recordAttachFirst(b *Bench, _ bool) bool {
	c := b.client()
	set := frames(c, 2, "frame", b.tester())
	encoders := []*coherency.Buffer{set[0].encoder, set[1].encoder}
	set[0].encoder, set[1].encoder = nil, nil // attached, and idle
	shown, _ := circulate(c, 5, set, nil)
	for i, f := range set {
		f.encoder = encoders[i]
	}
	shown, right := circulate(c, 6, []*frame{set[1], set[0]}, shown)
	must(shown.display.Unmap(share.ToDevice))
	b.Note("migrations", b.since(c).Migrations)
	for _, f := range set {
		f.drop()
	}
	return right
}
