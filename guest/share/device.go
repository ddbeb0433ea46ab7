// SPDX-License-Identifier: Apache-2.0

//go:build linux

package share

import (
	"runtime"

	"vdev/guest/drm"
	"vdev/ioctl"
)

// Constraints say what memory a device can reach; see ioctl.VdevDMABufAttach.
type Constraints struct {
	Contiguous, IOMMU, LargePages bool
	AddressLimit, Align           uint64
	MaxSegment                    uint64
}

// Attachment is a device's interest in a buffer.
type Attachment struct {
	client *Client
	id     uint32
}

// Attach announces that a device of the machine will use the buffer, with its own
// constraints if k is nil.
func (c *Client) Attach(b *drm.DMABuf, device string, k *Constraints) (*Attachment, error) {
	a := ioctl.VdevDMABufAttach{Fd: int32(b.FD()), Device: name(device)}
	if k != nil {
		a.Flags = ioctl.VDEV_DMABUF_ATTACH_CONSTRAINED
		a.AddressLimit, a.Align, a.MaxSegment = k.AddressLimit, k.Align, k.MaxSegment
		for _, f := range []struct {
			set  bool
			flag uint32
		}{
			{k.Contiguous, ioctl.VDEV_DMABUF_ATTACH_CONTIGUOUS}, {k.IOMMU, ioctl.VDEV_DMABUF_ATTACH_IOMMU},
			{k.LargePages, ioctl.VDEV_DMABUF_ATTACH_LARGE_PAGES},
		} {
			if f.set {
				a.Flags |= f.flag
			}
		}
	}
	if err := do(c, "attach "+device, ioctl.VDEV_DMABUF_IOC_ATTACH, &a); err != nil {
		return nil, err
	}
	return &Attachment{c, a.Attachment}, nil
}

// Detach ends it.
func (a *Attachment) Detach() error {
	return do(a.client, "detach", ioctl.VDEV_DMABUF_IOC_DETACH, &ioctl.VdevDMABufDetach{Attachment: a.id})
}

// Map lets the device use the buffer, and returns where its pieces are.
func (a *Attachment) Map(dir Dir) ([]ioctl.VdevDMABufExtent, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	x := make([]ioctl.VdevDMABufExtent, 256)
	m := ioctl.VdevDMABufMap{Attachment: a.id, Dir: uint32(dir), Extents: ioctl.Pointer(&pin, x), Count: uint32(len(x))}
	if err := do(a.client, "map", ioctl.VDEV_DMABUF_IOC_MAP, &m); err != nil {
		return nil, err
	}
	return x[:min(int(m.Count), len(x))], nil
}

// Unmap ends that.
func (a *Attachment) Unmap(dir Dir) error {
	return do(a.client, "unmap", ioctl.VDEV_DMABUF_IOC_UNMAP, &ioctl.VdevDMABufUnmap{Attachment: a.id, Dir: uint32(dir)})
}

// BeginCPU prepares a part of a buffer for the kernel.
func (c *Client) BeginCPU(b *drm.DMABuf, off, n uint64, a Access) error {
	return do(c, "begin", ioctl.VDEV_DMABUF_IOC_CPU_BEGIN, &ioctl.VdevDMABufRange{
		Fd: int32(b.FD()), Access: uint32(a), Offset: off, Length: n})
}

// EndCPU ends that.
func (c *Client) EndCPU(b *drm.DMABuf, off, n uint64, a Access) error {
	return do(c, "end", ioctl.VDEV_DMABUF_IOC_CPU_END, &ioctl.VdevDMABufRange{
		Fd: int32(b.FD()), Access: uint32(a), Offset: off, Length: n})
}

// Kmap maps a page for the kernel, and tells whether it is the page of garbage.
func (c *Client) Kmap(b *drm.DMABuf, page uint64, atomic bool) (bogus bool, err error) {
	a := kmap(b, page, atomic)
	err = do(c, "kmap", ioctl.VDEV_DMABUF_IOC_KMAP, &a)
	return a.Bogus != 0, err
}

// Kunmap takes that back.
func (c *Client) Kunmap(b *drm.DMABuf, page uint64, atomic bool) error {
	a := kmap(b, page, atomic)
	return do(c, "kunmap", ioctl.VDEV_DMABUF_IOC_KUNMAP, &a)
}

func kmap(b *drm.DMABuf, page uint64, atomic bool) ioctl.VdevDMABufKmap {
	a := ioctl.VdevDMABufKmap{Fd: int32(b.FD()), Page: page}
	if atomic {
		a.Flags = ioctl.VDEV_DMABUF_KMAP_ATOMIC
	}
	return a
}

// KernelRead has the kernel read bytes of a page that is mapped for it.
func (c *Client) KernelRead(b *drm.DMABuf, page uint64, off int, p []byte) error {
	return c.kernelAccess("kernel read", ioctl.VDEV_DMABUF_IOC_KREAD, b, page, off, p)
}

// KernelWrite has it write them.
func (c *Client) KernelWrite(b *drm.DMABuf, page uint64, off int, p []byte) error {
	return c.kernelAccess("kernel write", ioctl.VDEV_DMABUF_IOC_KWRITE, b, page, off, p)
}

func (c *Client) kernelAccess(what string, req ioctl.Request, b *drm.DMABuf, page uint64, off int, p []byte) error {
	var pin runtime.Pinner
	defer pin.Unpin()
	return do(c, what, req, &ioctl.VdevDMABufAccess{Fd: int32(b.FD()), Page: page, Offset: uint32(off), Length: uint32(len(p)),
		Data: ioctl.Pointer(&pin, p)})
}
