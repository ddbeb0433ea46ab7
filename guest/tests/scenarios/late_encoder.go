// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"errors"

	"golang.org/x/sys/unix"

	"vdev/guest/share"
)

// The case of 2011 to get right: a preview runs, and then somebody hits "record", so that
// an encoder attaches to a buffer that is in use. The encoder, which the DMA tester plays,
// reaches memory below 4 GiB alone, and the buffer is elsewhere: while it is mapped
// anywhere, the encoder is refused. While it is only attached, it moves, with what is in
// it, and the program's mapping follows.
func lateEncoder(b *Bench, _ bool) bool {
	const size = 16 * page
	c := b.client()
	frame := b.buffer(c, "frame", size)
	camera := get(c.Attach(frame, "g2d", nil)) // both are behind the IOMMU
	display := get(c.Attach(frame, "fimd", nil))
	mem := b.mapped(frame)
	get(camera.Map(share.FromDevice))
	must(camera.Unmap(share.FromDevice))
	write(c, frame, mem, 1)
	get(display.Map(share.ToDevice))
	preview := info(c, frame)

	encoder := b.tester()
	_, err := encoder.Import(frame.FD())
	busy := errors.Is(err, unix.EBUSY)
	right := info(c, frame).Phys == preview.Phys && info(c, frame).Attached == preview.Attached
	must(display.Unmap(share.ToDevice))
	late := imported(encoder, frame)
	recorded := info(c, frame)

	right = right && sums(late, frame, 1) && reads(c, frame, mem, 1)
	get(display.Map(share.ToDevice))
	must(display.Unmap(share.ToDevice))
	write(c, frame, mem, 2)
	right = right && sums(late, frame, 2)
	b.Note("preview-below-4g", below4GiB(&preview))
	b.Note("recorded-below-4g", below4GiB(&recorded))
	b.Note("migrations", b.since(c).Migrations)
	return right && busy
}
