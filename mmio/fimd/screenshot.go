// SPDX-License-Identifier: Apache-2.0

package fimd

import (
	"errors"
	"image"

	"vdev/mmio"
)

// Screenshot is what the panel shows now, in an image of the caller's own; nil while
// the display is off. It leaves no trace: nothing that the guest or the sanitizer can
// see depends on whether somebody looked. If the port is no mmio.Peeker, it is the
// picture as it was read last; only what was never read is read then.
func (d *FIMD) Screenshot() *image.RGBA {
	if !d.e.On {
		return nil
	}
	p, ok := d.dma.(mmio.Peeker)
	if !ok {
		d.scan(func(int) bool { return false })
	} else {
		scanned := d.layers
		defer func() { d.layers = scanned }()
		for i := range d.layers {
			if l := &d.layers[i]; l.w != 0 && !l.mapped {
				l.raw = nil            // that of the scan-out stays as it is
				_ = l.fetch(peeker(p)) // what cannot be read is zeros, as in the scan-out
			}
		}
	}
	return d.picture(nil)
}

var errHidden = errors.New("not to be seen")

// peeker reads without a trace.
func peeker(p mmio.Peeker) func(addr uint64, b []byte) error {
	return func(addr uint64, b []byte) error {
		if addr+uint64(len(b)) <= addressEnd && p.PeekDMA(mmio.IOVA(addr), b) {
			return nil
		}
		// As of a transfer, the error tells how far one gets: to the end of a page.
		for size, done := uint64(len(b)), uint64(0); done < size; {
			at := addr + done
			n := min(page-at%page, size-done)
			if at >= addressEnd || !p.PeekDMA(mmio.IOVA(at), b[done:done+n]) {
				return &mmio.DMAError{Addr: mmio.IOVA(at), Err: errHidden}
			}
			done += n
		}
		return nil
	}
}

// page is the smallest unit of what memory there is, and of what the IOMMU maps.
const page = 4096
