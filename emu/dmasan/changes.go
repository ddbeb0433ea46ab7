// SPDX-License-Identifier: Apache-2.0

package dmasan

import "vdev/mmio"

// Both ends of a port pass on what memory knows of changes.

var _, _ mmio.ChangeTracker = (*port)(nil), (*translated)(nil)

// ChangeStamp implements mmio.ChangeTracker.
func (p *port) ChangeStamp() mmio.ChangeStamp { return stamp(p.up) }

// ChangedSince implements mmio.ChangeTracker.
func (p *port) ChangedSince(addr mmio.IOVA, n uint64, s mmio.ChangeStamp) bool {
	return changedSince(p.up, addr, n, s)
}

// ChangeStamp implements mmio.ChangeTracker.
func (t *translated) ChangeStamp() mmio.ChangeStamp { return stamp(t.down) }

// ChangedSince implements mmio.ChangeTracker.
func (t *translated) ChangedSince(addr mmio.IOVA, n uint64, s mmio.ChangeStamp) bool {
	return changedSince(t.down, addr, n, s)
}

// DirtyDMA implements mmio.ChangeTracker.
func (p *port) DirtyDMA(addr mmio.IOVA, n uint64) bool { return dirty(p.up, addr, n) }

// DirtyDMA implements mmio.ChangeTracker.
func (t *translated) DirtyDMA(addr mmio.IOVA, n uint64) bool { return dirty(t.down, addr, n) }

func dirty(d mmio.DMA, addr mmio.IOVA, n uint64) bool {
	t, ok := d.(mmio.ChangeTracker)
	return ok && t.DirtyDMA(addr, n)
}

func stamp(d mmio.DMA) mmio.ChangeStamp {
	if t, ok := d.(mmio.ChangeTracker); ok {
		return t.ChangeStamp()
	}
	return mmio.ChangeStamp{}
}

func changedSince(d mmio.DMA, addr mmio.IOVA, n uint64, s mmio.ChangeStamp) bool {
	t, ok := d.(mmio.ChangeTracker)
	return !ok || t.ChangedSince(addr, n, s)
}
