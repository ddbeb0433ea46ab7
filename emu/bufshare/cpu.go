// SPDX-License-Identifier: Apache-2.0

package bufshare

import (
	"vdev/dmabuf"
	"vdev/ioctl"
)

func cpuBegin(c *call, a *ioctl.VdevDMABufRange) error {
	b, acc, err := c.bufferFor(a.Fd, a.Access)
	if err != nil {
		return err
	}
	r := dmabuf.Range{Off: a.Offset, Len: a.Length}
	if err := b.BeginCPU(c.client.Client, r, acc); err != nil {
		return err
	}
	c.exporter(b, acc, ioctl.VDEV_BSU_EXPORTER_BEGIN)
	return nil
}

func cpuEnd(c *call, a *ioctl.VdevDMABufRange) error {
	b, acc, err := c.bufferFor(a.Fd, a.Access)
	if err != nil {
		return err
	}
	if err := b.EndCPU(c.client.Client, dmabuf.Range{Off: a.Offset, Len: a.Length}, acc); err != nil {
		return err
	}
	c.exporter(b, acc, ioctl.VDEV_BSU_EXPORTER_END)
	return nil
}

// exporter asks the driver to have the exporter of a foreign buffer do its part.
func (c *call) exporter(b *dmabuf.Buffer, a dmabuf.Access, flag uint32) {
	if !b.Foreign() {
		return
	}
	dir := dmabuf.Bidirectional
	switch a &^ dmabuf.Frame {
	case dmabuf.Read:
		dir = dmabuf.FromDevice
	case dmabuf.Write:
		dir = dmabuf.ToDevice
	}
	c.flags |= flag | uint32(dir)<<8
}

// kmapOf is the buffer that a request is about, and whether the mapping is atomic.
func (c *call) kmapOf(a *ioctl.VdevDMABufKmap) (b *dmabuf.Buffer, atomic bool, err error) {
	if b, err = c.buffer(a.Fd); err != nil {
		return nil, false, err
	}
	return b, a.Flags&ioctl.VDEV_DMABUF_KMAP_ATOMIC != 0, flagsWithin(a.Flags, ioctl.VDEV_DMABUF_KMAP_ATOMIC)
}

func kmap(c *call, a *ioctl.VdevDMABufKmap) error {
	b, atomic, err := c.kmapOf(a)
	if err != nil {
		return err
	}
	var m dmabuf.Kmap
	if atomic {
		if m, err = b.KmapAtomic(c.client.Client, a.Page); err != nil {
			return err
		}
	} else {
		m = b.Kmap(c.client.Client, a.Page)
	}
	a.Bogus = 0
	if m.Bogus {
		a.Bogus = 1
	}
	return nil
}

func kunmap(c *call, a *ioctl.VdevDMABufKmap) error {
	b, atomic, err := c.kmapOf(a)
	switch {
	case err != nil:
		return err
	case atomic:
		return b.KunmapAtomic(c.client.Client, a.Page)
	}
	return b.Kunmap(c.client.Client, a.Page)
}

// kaccess tells where a page is that the kernel has mapped and is going to access.
func kaccess(c *call, a *ioctl.VdevDMABufAccess) error {
	b, err := c.buffer(a.Fd)
	if err != nil {
		return err
	}
	if a.Length == 0 || a.Offset >= dmabuf.PageSize || a.Length > dmabuf.PageSize-a.Offset {
		return dmabuf.EINVAL
	}
	m, ok := b.Kmapped(c.client.Client, a.Page)
	if !ok {
		return dmabuf.EINVAL
	}
	a.Phys = m.Addr
	return nil
}

func prep(c *call, a *ioctl.VdevDMABufPrep) error {
	b, acc, err := c.bufferFor(a.Fd, a.Access)
	if err != nil {
		return err
	}
	if err := flagsWithin(a.Flags, ioctl.VDEV_DMABUF_NOWAIT|ioctl.VDEV_DMABUF_IGNORE_PENDING); err != nil {
		return err
	}
	var flags dmabuf.PrepFlags
	if a.Flags&ioctl.VDEV_DMABUF_IGNORE_PENDING != 0 {
		flags = dmabuf.PrepIgnorePending
	}
	r := dmabuf.Range{Off: a.Offset, Len: a.Length}
	return c.waiting(a.Flags&ioctl.VDEV_DMABUF_NOWAIT != 0, a.Timeout, func(w *dmabuf.Wait) error {
		return b.Prep(c.client.Client, r, acc, flags, w)
	}, func() {
		c.exporter(b, acc, ioctl.VDEV_BSU_EXPORTER_BEGIN)
		c.client.prepared[b.ID()] = acc
	})
}

func fini(c *call, a *ioctl.VdevDMABufBuffer) error {
	b, err := c.buffer(a.Fd)
	if err != nil {
		return err
	}
	if err := b.Fini(c.client.Client); err != nil {
		return err
	}
	c.exporter(b, c.client.prepared[b.ID()], ioctl.VDEV_BSU_EXPORTER_END)
	delete(c.client.prepared, b.ID())
	return nil
}

// unprep takes Prep back.
func unprep(c *call, a *ioctl.VdevDMABufPrep) error {
	return fini(c, &ioctl.VdevDMABufBuffer{Fd: a.Fd})
}

func markPending(c *call, a *ioctl.VdevDMABufBuffer) error {
	b, err := c.buffer(a.Fd)
	if err != nil {
		return err
	}
	return b.MarkPending(c.client.Client)
}

func submit(c *call, a *ioctl.VdevDMABufBuffer) error {
	b, err := c.buffer(a.Fd)
	if err != nil {
		return err
	}
	return b.ClearPending(c.client.Client)
}

func waitBuffer(c *call, a *ioctl.VdevDMABufWait) error {
	b, acc, err := c.bufferFor(a.Fd, a.Access)
	if err != nil {
		return err
	}
	if err := flagsWithin(a.Flags, ioctl.VDEV_DMABUF_NOWAIT); err != nil {
		return err
	}
	return c.waiting(a.Flags&ioctl.VDEV_DMABUF_NOWAIT != 0, a.Timeout, func(w *dmabuf.Wait) error {
		return b.WaitFences(c.client.Client, acc, w)
	}, nil)
}
