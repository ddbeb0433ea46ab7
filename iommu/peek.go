// SPDX-License-Identifier: Apache-2.0

package iommu

import "vdev/mmio"

var _ mmio.Peeker = (*port)(nil)

// PeekDMA implements mmio.Peeker. It follows the tables as they are in memory now, and
// not what is cached of them.
func (p *port) PeekDMA(addr mmio.IOVA, data []byte) bool {
	tables, ok := p.u.memory.(mmio.Peeker)
	down, ok2 := p.down.(mmio.Peeker)
	if !ok || !ok2 {
		return false
	}
	peek := func(at mmio.PhysAddr, b []byte) bool { return tables.PeekDMA(mmio.IOVA(at), b) }
	for len(data) > 0 {
		n := min(len(data), pageSize-int(addr%pageSize))
		at, ok := p.u.Resolve(peek, Request{DeviceID: p.device, Type: UntranslatedRead, Addr: addr})
		if !ok || !down.PeekDMA(mmio.IOVA(at), data[:n]) {
			return false
		}
		addr += mmio.IOVA(n)
		data = data[n:]
	}
	return true
}
