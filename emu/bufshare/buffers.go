// SPDX-License-Identifier: Apache-2.0

package bufshare

import (
	"slices"

	"vdev/dmabuf"
	"vdev/ioctl"
)

func create(c *call, a *ioctl.VdevDMABufCreate) error {
	b, err := c.client.NewBuffer(dmabuf.Spec{Name: name(a.Name), Exporter: "vdev", Size: a.Size})
	if err != nil {
		return err
	}
	// From now on the dma-buf refers to it, and not the file of who made it.
	defer func() { _ = c.client.Release(b) }()
	k, err := c.s.newClient(dmabuf.Task{Name: "kernel"})
	if err != nil {
		return err
	}
	if err := k.Open(b); err != nil {
		return err
	}
	c.s.exports[b.ID()] = &export{k, b}
	a.Fd, a.Id = int32(b.ID()), uint32(b.ID())
	return nil
}

func info(c *call, a *ioctl.VdevDMABufInfo) error {
	b, err := c.buffer(a.Fd)
	if err != nil {
		return err
	}
	i := b.Info()
	a.Id, a.Size, a.Flags = uint32(i.ID), i.Size, infoFlags(&i)
	a.Refs, a.Pending = uint32(i.Refs), uint32(i.Pending)
	a.Attached, a.Mapped = uint32(len(i.Attached)+len(i.Mapped)), uint32(len(i.Mapped))
	a.Extents, a.Phys = uint32(len(i.Backing)), phys(&i)
	a.Name = text(i.Name)
	return nil
}

func infoFlags(i *dmabuf.BufferInfo) uint32 {
	flags := uint32(0)
	if i.Foreign {
		flags |= ioctl.VDEV_DMABUF_INFO_FOREIGN
	}
	if i.Backing != nil {
		flags |= ioctl.VDEV_DMABUF_INFO_PLACED
	}
	return flags
}

func phys(i *dmabuf.BufferInfo) uint64 {
	if i.Backing == nil {
		return 0
	}
	return i.Backing[0].Addr
}

// register makes a dma-buf of another exporter known; the client has the only
// reference.
func register(c *call, a *ioctl.VdevBSURegister) error {
	const size = 16
	pieces, err := elements[ioctl.VdevDMABufExtent](c, uint32(len(c.lists)/size))
	if err != nil || len(pieces) == 0 {
		return dmabuf.EINVAL
	}
	backing := make([]dmabuf.Extent, len(pieces))
	for i, p := range pieces {
		backing[i] = dmabuf.Extent{Addr: p.Addr, Len: p.Length}
	}
	b, err := c.client.NewBuffer(dmabuf.Spec{Name: name(a.Name), Exporter: name(a.Exporter), Size: a.Size, Backing: backing})
	if err != nil {
		return err
	}
	a.Id = uint32(b.ID())
	c.s.foreign = append(c.s.foreign, b.ID())
	return nil
}

// noteGone looks for foreign buffers that are gone. Others may use them for longer than who
// registered them, and so long the driver keeps the dma-buf.
func (s *Share) noteGone() {
	if len(s.foreign) == 0 {
		return
	}
	n := s.core.Stats().Buffers
	if n == s.buffers {
		return
	}
	s.buffers = n
	s.foreign = slices.DeleteFunc(s.foreign, func(id dmabuf.ID) bool {
		_, err := s.core.Buffer(id)
		if err != nil {
			s.gone = append(s.gone, id)
		}
		return err != nil
	})
}

// gone tells of one of them.
func gone(c *call, a *ioctl.VdevBSUNumber) error {
	a.Number = 0
	if len(c.s.gone) > 0 {
		a.Number = uint32(c.s.gone[0])
		c.s.gone = c.s.gone[1:]
	}
	return nil
}

func unregister(c *call, a *ioctl.VdevDMABufBuffer) error {
	b, err := c.buffer(a.Fd)
	if err != nil {
		return err
	}
	if !b.Foreign() {
		return dmabuf.EINVAL
	}
	return c.client.Release(b)
}

// constraints are those of a request that states some.
func constraints(a *ioctl.VdevDMABufAttach) *dmabuf.Constraints {
	return &dmabuf.Constraints{
		Contiguous:   a.Flags&ioctl.VDEV_DMABUF_ATTACH_CONTIGUOUS != 0,
		IOMMU:        a.Flags&ioctl.VDEV_DMABUF_ATTACH_IOMMU != 0,
		LargePages:   a.Flags&ioctl.VDEV_DMABUF_ATTACH_LARGE_PAGES != 0,
		AddressLimit: a.AddressLimit, Align: a.Align, MaxSegment: a.MaxSegment,
	}
}

func attach(c *call, a *ioctl.VdevDMABufAttach) error {
	const constrained = ioctl.VDEV_DMABUF_ATTACH_CONTIGUOUS | ioctl.VDEV_DMABUF_ATTACH_IOMMU | ioctl.VDEV_DMABUF_ATTACH_LARGE_PAGES
	b, err := c.buffer(a.Fd)
	if err != nil {
		return err
	}
	o := dmabuf.AttachOptions{Persistent: a.Flags&ioctl.VDEV_DMABUF_ATTACH_PERSISTENT != 0}
	known := uint32(ioctl.VDEV_DMABUF_ATTACH_CONSTRAINED | ioctl.VDEV_DMABUF_ATTACH_PERSISTENT)
	if a.Flags&ioctl.VDEV_DMABUF_ATTACH_CONSTRAINED != 0 {
		o.Constraints = constraints(a)
		known |= constrained
	} else if a.AddressLimit|a.Align|a.MaxSegment != 0 {
		return dmabuf.EINVAL
	}
	if err := flagsWithin(a.Flags, known); err != nil {
		return err
	}
	d := c.s.Device(name(a.Device))
	if d == nil {
		return enodev
	}
	at, err := b.Attach(c.client.Client, d, o)
	if err != nil {
		return err
	}
	a.Attachment = uint32(at.ID())
	c.client.attachments[a.Attachment] = at
	return nil
}

func detach(c *call, a *ioctl.VdevDMABufDetach) error {
	at := c.client.attachments[a.Attachment]
	if at == nil {
		return dmabuf.EINVAL
	}
	if err := at.Detach(); err != nil {
		return err
	}
	delete(c.client.attachments, a.Attachment)
	return nil
}

// direction is the direction of a field.
func direction(v uint32) (dmabuf.Direction, error) {
	if v > ioctl.VDEV_DMABUF_FROM_DEVICE {
		return 0, dmabuf.EINVAL
	}
	return dmabuf.Direction(v), nil
}

func mapDevice(c *call, a *ioctl.VdevDMABufMap) error {
	at := c.client.attachments[a.Attachment]
	dir, err := direction(a.Dir)
	if at == nil || err != nil {
		return dmabuf.EINVAL
	}
	x, err := at.Map(dir)
	if err != nil {
		return err
	}
	c.extents(x[:min(len(x), int(a.Count))])
	a.Count = uint32(len(x))
	return nil
}

func unmapDevice(c *call, a *ioctl.VdevDMABufUnmap) error {
	at := c.client.attachments[a.Attachment]
	dir, err := direction(a.Dir)
	if at == nil || err != nil {
		return dmabuf.EINVAL
	}
	return at.Unmap(dir)
}

// Stats are the counters of the core, but for the clients: those of dma-bufs are none that
// anybody knows of.
func (s *Share) Stats() dmabuf.Stats {
	st := s.core.Stats()
	st.Clients = len(s.clients)
	return st
}

func stats(c *call, a *ioctl.VdevStats) error {
	s := c.s.Stats()
	n := func(v int) uint32 { return uint32(v) }
	*a = ioctl.VdevStats{
		Clients: n(s.Clients), Devices: n(s.Devices), Buffers: n(s.Buffers), Attachments: n(s.Attachments), Mapped: n(s.Mapped),
		SyncObjects: n(s.SyncObjects), Fences: n(s.Fences), Locked: n(s.Locked), CPUAccesses: n(s.CPUAccesses),
		Kmaps: n(s.Kmaps), Jobs: n(s.Jobs), Waits: n(s.Waits), Pages: n(s.Pages),
		Locks: s.Locks, Backoffs: s.Backoffs, Lockups: s.Lockups, Migrations: s.Migrations, Preps: s.Preps, Maps: s.Maps,
		Violations: s.Violations, PoolSize: c.s.size,
	}
	if c.s.pool != nil {
		a.PoolFree = c.s.pool.FreeBytes()
	}
	return nil
}

func tableOf(c *call, a *ioctl.VdevTable) error {
	all := c.s.core.Buffers()
	rows := make([]ioctl.VdevTableRow, min(len(all), int(a.Count)))
	for i := range rows {
		b := &all[i]
		rows[i] = ioctl.VdevTableRow{
			Id: uint32(b.ID), Flags: infoFlags(b), Size: b.Size, Phys: phys(b), Refs: uint32(b.Refs), Pending: uint32(b.Pending),
			Attached: uint32(len(b.Attached)), Mapped: uint32(len(b.Mapped)), Locked: uint32(len(b.Locked)),
			Queued: uint32(len(b.Queued)), CPU: uint32(len(b.CPU)),
			Name: text(b.Name), Exporter: text(b.Exporter), Owner: text(b.Owner.Name),
		}
	}
	list(c, rows)
	a.Count = uint32(len(all))
	return nil
}
