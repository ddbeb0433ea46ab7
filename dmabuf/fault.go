// SPDX-License-Identifier: Apache-2.0

package dmabuf

import "slices"

// graveCount is how many places are remembered that devices must not access any more.
const graveCount = 256

// grave is what is remembered of an attachment that is gone, or whose buffer has moved.
type grave struct {
	dev      *Device
	id       ID
	name     string
	exporter string
	size     uint64
	segments []Extent
	bus      []Extent
	side     Side
}

// graves are the places that were left last, as a ring.
type graves struct {
	ring [graveCount]grave
	next int
}

// bury remembers where the device had the buffer. Where a foreign one was its exporter
// has the memory back and may give it to the device again, so of that only addresses on
// the bus are kept: a fault there is one in any case.
func (g *graves) bury(a *Attachment) {
	b, segments := a.buf, slices.Clone(a.segments)
	if b.Foreign() {
		if len(a.bus) == 0 {
			return
		}
		segments = nil
	}
	g.ring[g.next] = grave{a.dev, b.id, b.spec.Name, b.spec.Exporter, b.spec.Size, segments, slices.Clone(a.bus), a.side()}
	g.next = (g.next + 1) % graveCount
	a.dev.buried++
}

// newest finds the youngest grave of the device that f likes.
func (g *graves) newest(d *Device, f func(*grave) bool) *grave {
	if d.buried == 0 {
		return nil
	}
	for i := 1; i <= graveCount; i++ {
		if r := &g.ring[(g.next-i+graveCount)%graveCount]; r.dev == d && f(r) {
			return r
		}
	}
	return nil
}

// at finds who was at the physical address.
func (g *graves) at(d *Device, addr uint64) *grave {
	return g.newest(d, func(r *grave) bool { _, ok := find(r.segments, addr); return ok })
}

// of finds the attachment of a buffer.
func (g *graves) of(d *Device, id ID) *grave {
	return g.newest(d, func(r *grave) bool { return r.id == id })
}

// find tells whether the address is in one of the pieces, and how many bytes of all
// pieces come before it.
func find(x []Extent, addr uint64) (uint64, bool) {
	at := uint64(0)
	for _, e := range x {
		if addr >= e.Addr && addr-e.Addr < e.Len {
			return at + addr - e.Addr, true
		}
		at += e.Len
	}
	return 0, false
}

// violatedGrave reports an access to n bytes at addr, where the buffer was.
func (d *Device) violatedGrave(det Detail, a *DMAAccess, g *grave, addr, n uint64) {
	off, _ := find(g.segments, addr)
	if o, ok := find(g.bus, addr); ok {
		off = o
	}
	b, _ := d.core.Buffer(g.id)
	d.core.violated(Event{Detail: det, ID: g.id, Name: g.name, Exporter: g.exporter, Size: g.size,
		Range: Range{off, n}, This: d.side(a), Other: g.side}, b)
}

// beyondReach is how far past the end of a mapping an access is still taken for one
// that ran past its end.
const beyondReach = 1 << 20

// DMAFault tells of an access, at an address as the device sees it, that was refused:
// by the IOMMU, or because there is no memory. The buffer that is or was there is
// found by what Bind was told, or else by physical addresses.
func (d *Device) DMAFault(a DMAAccess) {
	var past *Attachment
	var pastBy uint64
	for k := d.attachments.head; k != nil; k = k.next {
		at := k.v
		places := at.places()
		if off, ok := find(places, a.Addr); ok && at.everUsed {
			switch r := (Range{off, a.Len}); {
			case !at.mapped:
				d.core.violation(AfterUnmap, at.buf, r, d.side(&a), at.side())
			case at.dir.Device()&accessOf(a.Write) == 0:
				d.core.violation(WrongDirectionDMA, at.buf, r, d.side(&a), at.side())
			default:
				d.core.violation(NeverMapped, at.buf, r, d.side(&a), at.side())
			}
			return
		}
		if len(places) == 0 || !at.mapped {
			continue
		}
		last := places[len(places)-1]
		if by := a.Addr - (last.Addr + last.Len); a.Addr >= last.Addr+last.Len && by < beyondReach && (past == nil || by < pastBy) {
			past, pastBy = at, by
		}
	}
	g := d.core.graves.newest(d, func(r *grave) bool {
		if len(r.bus) > 0 {
			_, ok := find(r.bus, a.Addr)
			return ok
		}
		_, ok := find(r.segments, a.Addr)
		return ok
	})
	switch {
	case g != nil:
		d.violatedGrave(AfterUnmap, &a, g, a.Addr, a.Len)
	case past != nil:
		d.beyond(&a, past, pastBy, a.Len)
	default:
		d.core.violation(NeverMapped, nil, Range{}, d.side(&a), Side{})
	}
}

// places are where the device sees the buffer.
func (a *Attachment) places() []Extent {
	if len(a.bus) > 0 {
		return a.bus
	}
	return a.segments
}
