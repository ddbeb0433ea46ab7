// SPDX-License-Identifier: Apache-2.0

package dmabuf

import "slices"

// interest is all attachments of a device to a buffer together: devices are few, but
// each may be attached any number of times.
type interest struct {
	dev       *Device
	attached  int
	mapped    mappings
	transient mappings // those among them whose mapping means use
	link      link[interest]
}

// mappings is how many there are in each direction.
type mappings [3]int

func (m *mappings) any() bool { return *m != mappings{} }

// permits tells whether one of them lets the device do that.
func (m *mappings) permits(a Access) bool {
	return m.some(func(by Access) bool { return by&a != 0 })
}

// conflicts tells whether one of them lets it do what conflicts with that.
func (m *mappings) conflicts(a Access) bool {
	return m.some(func(by Access) bool { return by.conflicts(a) })
}

func (m *mappings) some(f func(by Access) bool) bool {
	for dir, n := range m {
		if n > 0 && f(Direction(dir).Device()) {
			return true
		}
	}
	return false
}

// interestOf is the device's interest in the buffer; nil for none.
func (b *Buffer) interestOf(d *Device) *interest {
	for k := b.interests.head; k != nil; k = k.next {
		if k.v.dev == d {
			return k.v
		}
	}
	return nil
}

// join adds the attachment to the lists of the buffer.
func (a *Attachment) join() {
	b := a.buf
	i := b.interestOf(a.dev)
	if i == nil {
		i = &interest{dev: a.dev}
		b.interests.pushBack(&i.link, i)
	}
	i.attached++
	a.interest = i
	b.attachments.pushBack(&a.ofBuffer, a)
	b.addNeed(a.constraints.placing())
}

// part removes it.
func (a *Attachment) part() {
	b, i := a.buf, a.interest
	if i.attached--; i.attached == 0 {
		i.link.remove()
	}
	a.ofBuffer.remove()
	b.dropNeed(a.constraints.placing())
}

// countMapping takes n mappings in the attachment's direction into account.
func (a *Attachment) countMapping(n int) {
	b, i := a.buf, a.interest
	b.mapped += n
	i.mapped[a.dir] += n
	if !a.persistent {
		b.transient += n
		i.transient[a.dir] += n
	}
}

// mappedFor is a mapping of the buffer for the device, or nil.
func (b *Buffer) mappedFor(d *Device) *Attachment {
	return b.attachmentOf(d, func(a *Attachment) bool { return a.mapped })
}

// attachmentOf is the device's first attachment to the buffer that f likes, or nil. It
// looks through all: that is for reports.
func (b *Buffer) attachmentOf(d *Device, f func(*Attachment) bool) *Attachment {
	for k := b.attachments.head; k != nil; k = k.next {
		if k.v.dev == d && f(k.v) {
			return k.v
		}
	}
	return nil
}

// formerFor is the device's attachment to the buffer that was unmapped last, or nil.
func (b *Buffer) formerFor(d *Device) (last *Attachment) {
	for k := b.attachments.head; k != nil; k = k.next {
		if a := k.v; a.dev == d && a.everUsed && !a.mapped && (last == nil || a.when.at >= last.when.at) {
			last = a
		}
	}
	return last
}

// need is what some attachments ask of the buffer's place.
type need struct {
	Constraints
	n int
}

func (b *Buffer) addNeed(k Constraints) {
	for i := range b.needs {
		if b.needs[i].Constraints == k {
			b.needs[i].n++
			return
		}
	}
	b.needs = append(b.needs, need{k, 1})
}

func (b *Buffer) dropNeed(k Constraints) {
	i := slices.IndexFunc(b.needs, func(x need) bool { return x.Constraints == k })
	if b.needs[i].n--; b.needs[i].n == 0 {
		b.needs = slices.Delete(b.needs, i, i+1)
	}
}

// constraints are those of all attached devices together.
func (b *Buffer) constraints() Constraints {
	var c Constraints
	for _, k := range b.needs {
		c = c.and(k.Constraints)
	}
	return c
}
