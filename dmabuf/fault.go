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

// seenAt finds who was at the address as the device sees it.
func (g *graves) seenAt(d *Device, addr uint64) *grave {
	return g.newest(d, func(r *grave) bool {
		places := r.bus
		if len(places) == 0 {
			places = r.segments
		}
		_, ok := find(places, addr)
		return ok
	})
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
// found by what Bind was told, or else by physical addresses: one that is mapped now
// before one that was, as addresses are used again.
func (d *Device) DMAFault(a DMAAccess) {
	if at := d.mappingAt(a.Addr); at != nil {
		rule := NeverMapped
		if at.dir.Device()&accessOf(a.Write) == 0 {
			rule = WrongDirectionDMA
		}
		at.refused(rule, &a)
	} else if at := d.formerAt(a.Addr); at != nil {
		at.refused(AfterUnmap, &a)
	} else if g := d.core.graves.seenAt(d, a.Addr); g != nil {
		d.violatedGrave(AfterUnmap, &a, g, a.Addr, a.Len)
	} else if at, by := d.mappingBefore(a.Addr); at != nil {
		d.beyond(&a, at, by, a.Len)
	} else {
		d.core.violation(NeverMapped, nil, Range{}, d.side(&a), Side{})
	}
}

// refused reports a fault at the buffer.
func (a *Attachment) refused(rule Detail, x *DMAAccess) {
	off, _ := find(a.places(), x.Addr)
	a.core.violation(rule, a.buf, Range{off, x.Len}, a.dev.side(x), a.side())
}

// mappingAt finds what the device has mapped at an address.
func (d *Device) mappingAt(addr uint64) *Attachment {
	for k := d.attachments.head; k != nil; k = k.next {
		if k.v.mapped && k.v.has(addr) {
			return k.v
		}
	}
	return nil
}

// formerAt finds what it had mapped there last and still has attached.
func (d *Device) formerAt(addr uint64) (last *Attachment) {
	for k := d.attachments.head; k != nil; k = k.next {
		if a := k.v; !a.mapped && a.has(addr) && (last == nil || a.when.at >= last.when.at) {
			last = a
		}
	}
	return last
}

// mappingBefore finds the nearest mapping that ends before the address, and how far.
func (d *Device) mappingBefore(addr uint64) (nearest *Attachment, by uint64) {
	by = beyondReach
	for k := d.attachments.head; k != nil; k = k.next {
		if !k.v.mapped {
			continue
		}
		places := k.v.places()
		last := places[len(places)-1]
		if end := last.Addr + last.Len; addr >= end && addr-end < by {
			nearest, by = k.v, addr-end
		}
	}
	return nearest, by
}

// has tells whether the device sees, or saw, the buffer at the address.
func (a *Attachment) has(addr uint64) bool {
	_, ok := find(a.places(), addr)
	return ok
}

// places are where the device sees the buffer.
func (a *Attachment) places() []Extent {
	if len(a.bus) > 0 {
		return a.bus
	}
	return a.segments
}
