// SPDX-License-Identifier: Apache-2.0

package dmasan

import "vdev/mmio"

// Both ends of a port let people look through.

var _, _ mmio.Peeker = (*port)(nil), (*translated)(nil)

// PeekDMA implements mmio.Peeker.
func (p *port) PeekDMA(addr mmio.IOVA, b []byte) bool { return peek(p.up, addr, b) }

// PeekDMA implements mmio.Peeker.
func (t *translated) PeekDMA(addr mmio.IOVA, b []byte) bool { return peek(t.down, addr, b) }

func peek(d mmio.DMA, addr mmio.IOVA, b []byte) bool {
	p, ok := d.(mmio.Peeker)
	return ok && p.PeekDMA(addr, b)
}
