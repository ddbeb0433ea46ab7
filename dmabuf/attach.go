// SPDX-License-Identifier: Apache-2.0

package dmabuf

// AttachOptions change what an attachment means.
type AttachOptions struct {
	// Constraints instead of the device's, for a function of it that needs others
	// (scan-out, say). Nil for the device's.
	Constraints *Constraints
	// Persistent: the buffer will be mapped once and stay so, as DRM drivers do with
	// what they import, so that the mapping does not mean that the device is using the
	// buffer: only its jobs and fences do. Otherwise a Prep waits until it is
	// unmapped.
	Persistent bool
}

// Attachment is a device's interest in a buffer.
type Attachment struct {
	core        *Core
	id          ID
	buf         *Buffer
	dev         *Device
	owner       *Client
	constraints Constraints
	persistent  bool
	interest    *interest // which it is part of
	dead        bool

	mapped   bool
	dir      Direction
	segments []Extent // of the mapping, or of the last one; none if the buffer has moved since
	bus      []Extent // where the device sees it, if it was told
	when     moment   // it was mapped or unmapped last
	everUsed bool     // was mapped at some time

	ofBuffer link[Attachment]
	ofDevice link[Attachment]
	ofClient link[Attachment]
}

// Attach announces that a device will use the buffer, with its needs. The first Map
// allocates backing that suits all who are attached by then. If there is backing
// already and it does not suit the newcomer, the buffer moves, with its contents.
//
// EBADF: the client is closed, or the buffer is gone. EINVAL: the constraints make
// no sense. ENOSPC: no memory of the pool, even if all were free, suits all attached
// devices. EBUSY: the buffer would have to move, but is mapped, in use by the CPU,
// locked, part of a job, or has a fence. ENOMEM: it would have to move, and there is
// no memory now. ENFILE: too many objects.
func (b *Buffer) Attach(cl *Client, d *Device, o AttachOptions) (*Attachment, error) {
	if !cl.alive() || !b.alive() {
		return nil, EBADF
	}
	k := d.spec.Constraints
	if o.Constraints != nil {
		k = *o.Constraints
	}
	if !k.valid() {
		return nil, EINVAL
	}
	c := b.core
	c.enter()
	defer c.leave()
	if len(c.objects) >= c.cfg.MaxObjects {
		return nil, ENFILE
	}
	if !b.Foreign() {
		if !k.takes(b.spec.Size) {
			return nil, ENOSPC
		}
		if b.attachments.n == 0 && b.backing != nil {
			b.wroteCached(b.whole()) // perhaps: without devices nobody has to say so
		}
		if err := b.accommodate(k.placing()); err != nil {
			return nil, err
		}
	}
	a := &Attachment{core: c, buf: b, dev: d, owner: cl, constraints: k, persistent: o.Persistent}
	a.id, _ = c.add(a)
	a.join()
	d.attachments.pushBack(&a.ofDevice, a)
	cl.attached.pushBack(&a.ofClient, a)
	b.refs++
	c.stats.Attachments++
	return a, nil
}

// accommodate makes sure that the buffer's place suits, or will suit, one more
// device.
func (b *Buffer) accommodate(k Constraints) error {
	all := b.constraints().and(k)
	if b.core.cfg.Pool == nil || !b.core.cfg.Pool.Fits(b.spec.Size, all) {
		return ENOSPC
	}
	if b.backing == nil || k.hold(b.backing) {
		return nil
	}
	if b.pinned() {
		return EBUSY
	}
	return b.migrate(all)
}

// ID is the attachment's number.
func (a *Attachment) ID() ID { return a.id }

// Buffer is what is attached.
func (a *Attachment) Buffer() *Buffer { return a.buf }

// Device is what it is attached to.
func (a *Attachment) Device() *Device { return a.dev }

// Mapped tells whether the device can use the buffer now.
func (a *Attachment) Mapped() bool { return a != nil && a.mapped }

// Map lets the device use the buffer. All DMA by devices that were unmapped before,
// and all CPU accesses that had ended, are visible to it. The result is where the
// pieces of the buffer are, split to what the device can take; it is only to be
// read, and valid until Unmap.
//
// EBADF: detached. EINVAL: no such direction. EBUSY: mapped already. ENOMEM: there is
// no memory for the buffer, and nothing is mapped.
func (a *Attachment) Map(dir Direction) ([]Extent, error) {
	switch {
	case a == nil || a.dead:
		return nil, EBADF
	case !dir.Valid():
		return nil, EINVAL
	case a.mapped:
		return nil, EBUSY
	}
	b, c := a.buf, a.core
	c.enter()
	defer c.leave()
	if err := b.place(); err != nil {
		return nil, err
	}
	a.split()
	b.deviceBegins(a.dev, b.whole())
	a.mapped, a.dir, a.bus, a.everUsed = true, dir, a.bus[:0], true
	a.when = a.dev.client.now()
	a.countMapping(1)
	if !a.persistent {
		b.frame.usedFor(dir.Device())
	}
	c.stats.Mapped++
	c.stats.Maps++
	return a.segments, nil
}

// split makes the list of segments for the device.
func (a *Attachment) split() {
	a.segments = a.segments[:0]
	longest := a.constraints.MaxSegment
	if longest == 0 {
		longest = ^uint64(0)
	}
	for _, x := range a.buf.backing {
		for x.Len > 0 {
			n := min(x.Len, longest)
			a.segments = append(a.segments, Extent{x.Addr, n})
			x = Extent{x.Addr + n, x.Len - n}
		}
	}
}

// Bind tells where the device sees the mapped buffer, if that is not at its physical
// addresses, so that faults can be explained (Core.DMAFault).
//
// EBADF: detached. EINVAL: not mapped.
func (a *Attachment) Bind(bus []Extent) error {
	if a == nil || a.dead {
		return EBADF
	}
	if !a.mapped {
		return EINVAL
	}
	a.bus = append(a.bus[:0], bus...)
	return nil
}

// Unmap ends the device's use of the buffer; from now on what it wrote is certain to
// be there.
//
// EBADF: detached. EINVAL: not mapped, or in another direction.
func (a *Attachment) Unmap(dir Direction) error {
	switch {
	case a == nil || a.dead:
		return EBADF
	case !a.mapped || a.dir != dir:
		return EINVAL
	}
	a.core.enter()
	defer a.core.leave()
	a.unmap()
	return nil
}

func (a *Attachment) unmap() {
	b, c := a.buf, a.core
	if a.dir.Device().writes() {
		b.deviceWrote(a.dev, b.whole())
	}
	a.mapped = false
	a.when = a.dev.client.now()
	a.countMapping(-1)
	if !a.persistent {
		c.kick(b)
	}
	c.stats.Mapped--
}

// Detach ends the device's interest in the buffer.
//
// EBADF: detached already. EBUSY: mapped.
func (a *Attachment) Detach() error {
	switch {
	case a == nil || a.dead:
		return EBADF
	case a.mapped:
		return EBUSY
	}
	a.core.enter()
	defer a.core.leave()
	a.drop()
	return nil
}

// drop detaches, mapped or not.
func (a *Attachment) drop() {
	b, c := a.buf, a.core
	if a.mapped {
		a.unmap()
	}
	a.dead = true
	a.part()
	a.ofDevice.remove()
	a.ofClient.remove()
	delete(c.objects, a.id)
	c.stats.Attachments--
	if a.everUsed {
		c.graves.bury(a)
	}
	b.unref(1)
}
