// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"vdev/guest/share"
	"vdev/ioctl"
)

// The scheme of 2011: a buffer is at first a handle with a size. Whoever is going to use
// it attaches, and says what it can reach: the display wants one piece, the 2D engine
// has an IOMMU and takes any pages, the DMA tester wants one piece below 4 GiB. The first
// mapping, of any of them, finds memory that is right for all.
func deferredAllocation(b *Bench, _ bool) bool {
	const size = 16 * page
	c := b.client()
	buf := b.buffer(c, "picture", size)
	display := get(c.Attach(buf, "fimd", &share.Constraints{Contiguous: true}))
	engine := get(c.Attach(buf, "g2d", &share.Constraints{IOMMU: true}))
	camera := imported(b.tester(), buf)
	right := info(c, buf).Flags&ioctl.VDEV_DMABUF_INFO_PLACED == 0 && stats(c).Pages == 0

	pieces := get(engine.Map(share.FromDevice)) // the one that needs least
	placed := info(c, buf)
	right = right && len(pieces) == 1 && pieces[0] == ioctl.VdevDMABufExtent{Addr: placed.Phys, Length: size}
	must(engine.Unmap(share.FromDevice))
	get(display.Map(share.ToDevice))
	must(display.Unmap(share.ToDevice))
	fills(camera, buf, 7)
	right = right && reads(c, buf, b.mapped(buf), 7) && info(c, buf).Phys == placed.Phys

	// An engine alone leaves low memory to those who need it.
	alone := b.buffer(c, "alone", size)
	get(get(c.Attach(alone, "g2d", &share.Constraints{IOMMU: true})).Map(share.FromDevice))
	other := info(c, alone)
	b.Note("all-below-4g", below4GiB(&placed))
	b.Note("engine-below-4g", below4GiB(&other))
	b.Note("migrations", b.since(c).Migrations)
	return right
}
