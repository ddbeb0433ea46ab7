// SPDX-License-Identifier: Apache-2.0

package mem

import "vdev/mmio"

var _ mmio.Peeker = (*Port)(nil)

// PeekDMA implements mmio.Peeker; addresses are physical.
func (p *Port) PeekDMA(addr mmio.IOVA, b []byte) bool {
	at := mmio.PhysAddr(addr)
	if p.Coherent() {
		return p.mem.Peek(at, b)
	}
	if !p.mem.Contains(at, uint64(len(b))) {
		return false
	}
	p.mem.eachLine(at, b, func(t *TrackedPage, a mmio.PhysAddr, b []byte) {
		switch {
		case t != nil:
			copy(b, t.dram[a%PageSize:])
		case p.mem.Written(a): // as Track has it
			clear(b)
		default:
			copy(b, p.mem.ram[a-p.mem.base:])
		}
	})
	return true
}
