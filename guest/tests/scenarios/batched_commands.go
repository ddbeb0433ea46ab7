// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"errors"

	"golang.org/x/sys/unix"

	"vdev/guest/drm"
	"vdev/guest/share"
)

// What the kernel does not know of, it cannot wait for: a program, or its graphics
// library, has put commands for a buffer into a batch, and not submitted it. The engine
// is idle, and CPU_PREP would return at once, with the old picture. So whoever batches
// marks the buffer, and CPU_PREP fails with EAGAIN, which means: submit first.
//
// Broken: the other half of the program reads without a submission.
func batchedCommands(b *Bench, broken bool) bool {
	c := b.client()
	card := get(drm.Open(drm.Exynos))
	b.later(card.Close)
	picture := b.image(c, card, "picture", 32)
	buf, size := picture.Buf, uint64(picture.Buf.Size)
	write(c, buf, picture.Mem, 1)

	// The library batches. The driver has the commands, but not the order to run them.
	must(c.MarkPending(buf))
	must(card.Submit(drm.Fill(picture.Surface(), picture.Bounds(), 0x02020202)))

	right := true
	if broken {
		again := uint64(0)
		if err := c.Prep(buf, 0, size, share.Read, share.Forever); errors.Is(err, unix.EAGAIN) {
			again++
		}
		b.Note("again", again)
		right = drawn(picture, 2)
	}
	// An order may wait in the driver, which is no better. So this one is waited for.
	must(card.Exec(false))
	must(c.Submit(buf))

	must(c.Prep(buf, 0, size, share.Read, share.Forever))
	right = drawn(picture, 2) && right
	must(c.Fini(buf))
	return right
}
