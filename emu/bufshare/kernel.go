// SPDX-License-Identifier: Apache-2.0

package bufshare

import (
	"strconv"
	"strings"

	"vdev/dmabuf"
	"vdev/ioctl"
)

func open(c *call, a *ioctl.VdevBSUOpen) error {
	k, err := c.s.newClient(dmabuf.Task{ID: uint64(a.Pid), Name: name(a.Name)})
	if err != nil {
		return err
	}
	c.s.clients[uint32(k.ID())] = &client{Client: k, attachments: map[uint32]*dmabuf.Attachment{},
		prepared: map[dmabuf.ID]dmabuf.Access{}}
	a.Client = uint32(k.ID())
	return nil
}

// none is the argument of requests that have none.
type none struct{}

func closeFile(c *call, _ *none) error {
	delete(c.s.clients, uint32(c.client.ID()))
	return c.s.closeClient(c.client.Client)
}

func cancel(c *call, a *ioctl.VdevBSUNumber) error {
	// It may have ended meanwhile.
	if r := c.r.InFlight(a.Number); r != nil {
		c.s.Cancel(r)
	}
	return nil
}

// release ends a dma-buf.
func release(c *call, a *ioctl.VdevBSUNumber) error {
	e := c.s.exports[dmabuf.ID(a.Number)]
	if e == nil {
		return dmabuf.EBADF
	}
	delete(c.s.exports, dmabuf.ID(a.Number))
	return c.s.closeClient(e.Client)
}

// closeObject ends a sync object or fence, unless its client has gone already.
func closeObject(c *call, a *ioctl.VdevBSUNumber) error {
	id := dmabuf.ID(a.Number)
	if s, err := c.s.core.SyncObject(id); err == nil {
		return s.Fini()
	}
	if f, err := c.s.core.Fence(id); err == nil {
		return f.Close()
	}
	return nil
}

func (c *call) export(id uint32) (*export, error) {
	if e := c.s.exports[dmabuf.ID(id)]; e != nil {
		return e, nil
	}
	return nil, dmabuf.EBADF
}

// place gives a buffer memory if it has none, as for the first access through a
// mapping into an address space. It prepares nothing.
func place(c *call, a *ioctl.VdevBSUPlace) error {
	e, err := c.export(a.Buffer)
	if err != nil {
		return err
	}
	if e.buf.Backing() == nil {
		all := dmabuf.Whole(e.buf.Size())
		if err := e.buf.BeginCPU(e.Client, all, dmabuf.Read); err != nil {
			return err
		}
		if err := e.buf.EndCPU(e.Client, all, dmabuf.Read); err != nil {
			return err
		}
	}
	page := a.Page
	for _, x := range e.buf.Backing() {
		n := x.Len / dmabuf.PageSize
		if page < n {
			a.Addr, a.Pages = x.Addr+page*dmabuf.PageSize, n-page
			return nil
		}
		page -= n
	}
	return dmabuf.EINVAL
}

// deviceOf is the device that the guest's kernel calls name, or a new one.
func (s *Share) deviceOf(name string, k dmabuf.Constraints) *device {
	// Platform devices are named after the address of their registers.
	base, _, _ := strings.Cut(name, ".")
	at, err := strconv.ParseUint(base, 16, 64)
	for _, d := range s.devices {
		if err == nil && d.Base != 0 && uint64(d.Base) == at || d.Name == name {
			return d
		}
	}
	return s.addDevice(Device{DeviceSpec: dmabuf.DeviceSpec{Name: name, Coherent: true, Constraints: k}})
}

// limits are what Linux says that a device can reach.
func limits(a *ioctl.VdevBSUAttach) dmabuf.Constraints {
	k := dmabuf.Constraints{IOMMU: a.Flags&ioctl.VDEV_DMABUF_ATTACH_IOMMU != 0, MaxSegment: a.MaxSegment &^ (dmabuf.PageSize - 1)}
	if a.Mask != ^uint64(0) {
		k.AddressLimit = a.Mask + 1
	}
	return k
}

func attachDriver(c *call, a *ioctl.VdevBSUAttach) error {
	e, err := c.export(a.Buffer)
	if err != nil {
		return err
	}
	k := limits(a)
	first := c.s.deviceOf(name(a.Device), k)
	if first == nil {
		return dmabuf.ENFILE
	}
	at := &attachment{export: e}
	for _, d := range c.s.devices {
		if d != first && (first.Group == "" || d.Group != first.Group) {
			continue
		}
		own := d.Constraints
		own.IOMMU = own.IOMMU || k.IOMMU
		if k.AddressLimit != 0 && (own.AddressLimit == 0 || k.AddressLimit < own.AddressLimit) {
			own.AddressLimit = k.AddressLimit
		}
		x, err := e.buf.Attach(e.Client, d.core, dmabuf.AttachOptions{Constraints: &own, Persistent: d.Persistent})
		if err != nil {
			at.detach()
			return err
		}
		at.each = append(at.each, x)
	}
	a.Attachment = uint32(at.each[0].ID())
	c.s.attachments[a.Attachment] = at
	return nil
}

// detach ends all attachments, mapped or not.
func (at *attachment) detach() {
	for _, x := range at.each {
		_ = x.Detach()
	}
}

func (c *call) attachment(n uint32) (*attachment, error) {
	if at := c.s.attachments[n]; at != nil {
		return at, nil
	}
	return nil, dmabuf.EBADF
}

func detachDriver(c *call, a *ioctl.VdevBSUNumber) error {
	at, err := c.attachment(a.Number)
	if err != nil {
		return err
	}
	if at.mapped > 0 {
		return dmabuf.EBUSY
	}
	delete(c.s.attachments, a.Number)
	at.detach()
	return nil
}

// mapDriver maps for all devices of a group. As a driver may map an attachment several
// times, the first one counts.
func mapDriver(c *call, a *ioctl.VdevBSUNumber) error {
	at, err := c.attachment(a.Number)
	if err != nil {
		return err
	}
	dir, err := direction(a.Dir)
	if err != nil {
		return err
	}
	if at.mapped == 0 {
		for i, x := range at.each {
			if _, err := x.Map(dir); err != nil {
				for _, y := range at.each[:i] {
					_ = y.Unmap(dir)
				}
				return err
			}
		}
		at.dir = dir
	} else if dir != at.dir {
		return dmabuf.EBUSY
	}
	at.mapped++
	a.Number = uint32(len(at.export.buf.Backing()))
	return nil
}

func unmapDriver(c *call, a *ioctl.VdevBSUNumber) error {
	at, err := c.attachment(a.Number)
	if err != nil {
		return err
	}
	if at.mapped == 0 || dmabuf.Direction(a.Dir) != at.dir {
		return dmabuf.EINVAL
	}
	if at.mapped--; at.mapped > 0 {
		return nil
	}
	for _, x := range at.each {
		if err := x.Unmap(at.dir); err != nil {
			return err
		}
	}
	return nil
}

// kernelAccess is what the kernel says of its access, by a direction of mapping.
func (c *call) kernelAccess(a *ioctl.VdevBSUNumber) (*export, dmabuf.Access, error) {
	e, err := c.export(a.Number)
	if err != nil {
		return nil, 0, err
	}
	dir, err := direction(a.Dir)
	return e, dir.CPU(), err
}

func beginKernel(c *call, a *ioctl.VdevBSUNumber) error {
	e, acc, err := c.kernelAccess(a)
	if err != nil {
		return err
	}
	return e.buf.BeginCPU(e.Client, dmabuf.Whole(e.buf.Size()), acc)
}

func endKernel(c *call, a *ioctl.VdevBSUNumber) error {
	e, acc, err := c.kernelAccess(a)
	if err != nil {
		return err
	}
	return e.buf.EndCPU(e.Client, dmabuf.Whole(e.buf.Size()), acc)
}

// leave ends what a program began that is gone.
func leave(c *call, a *ioctl.VdevBSUNumber) error {
	e, err := c.export(a.Number)
	if err == nil {
		e.buf.AbandonCPU(e.Client)
	}
	return err
}
