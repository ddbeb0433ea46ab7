// SPDX-License-Identifier: Apache-2.0

//go:build linux

package drm

import (
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"vdev/guest/drm/pixel"
	"vdev/ioctl"
)

// Kind says where the memory of an image comes from.
type Kind string

// The kinds. The CPU's mapping of the first two is write-combined, that of the others
// cached.
const (
	Dumb       Kind = "dumb"    // DRM_IOCTL_MODE_CREATE_DUMB
	ExynosGEM  Kind = "gem"     // DRM_IOCTL_EXYNOS_GEM_CREATE, contiguous
	SystemHeap Kind = "system"  // dma-heap "system"
	CMAHeap    Kind = "cma"     // dma-heap of contiguous memory
	UDMABuf    Kind = "udmabuf" // a memfd, through /dev/udmabuf
)

// Kinds lists all kinds.
func Kinds() []Kind { return []Kind{Dumb, ExynosGEM, SystemHeap, CMAHeap, UDMABuf} }

// ParseKind returns the kind with a name.
func ParseKind(s string) (Kind, error) {
	if slices.Contains(Kinds(), Kind(s)) {
		return Kind(s), nil
	}
	var names []string
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return "", fmt.Errorf("buffer %q: not one of %s", s, strings.Join(names, ", "))
}

// Cached tells whether the CPU's mapping is cached, so that leaving out a sync is a
// mistake that shows.
func (k Kind) Cached() bool { return k != Dumb && k != ExynosGEM }

// Layout is how an image lies in its buffer, from the first byte on.
type Layout struct {
	Width, Height int
	Stride        int // bytes from row to row
	Format        pixel.Format
}

// NewLayout has rows begin with cache lines, so that no two share one.
func NewLayout(width, height int, f pixel.Format) Layout {
	const line = 64
	return Layout{width, height, (width*f.Bytes() + line - 1) / line * line, f}
}

// Size is in bytes.
func (l Layout) Size() int { return l.Height * l.Stride }

// Bounds is all of the image.
func (l Layout) Bounds() image.Rectangle { return image.Rect(0, 0, l.Width, l.Height) }

// Image is a picture in a buffer that a card's devices and the CPU share.
type Image struct {
	Layout
	GEM *GEM    // for the card
	Buf *DMABuf // for the CPU, and to pass on
	Mem []byte  // the CPU's mapping: accesses belong between Buf.Begin and Buf.End
}

// NewImage makes an image of some kind of memory, mapped for this card and for the CPU.
func (c *Card) NewImage(kind Kind, width, height int, f pixel.Format) (*Image, error) {
	l := NewLayout(width, height, f)
	switch kind {
	case Dumb, ExynosGEM:
		var gem *GEM
		var err error
		if kind == Dumb {
			gem, l.Stride, err = c.CreateDumb(width, height, 8*f.Bytes())
		} else {
			gem, err = c.CreateExynos(l.Size(), ioctl.EXYNOS_BO_CONTIG|ioctl.EXYNOS_BO_NONCACHABLE)
		}
		if err != nil {
			return nil, err
		}
		buf, err := gem.Export()
		if err != nil {
			return nil, errors.Join(err, gem.Close())
		}
		return newImage(l, gem, buf)
	}
	buf, err := Alloc(kind, l.Size())
	if err != nil {
		return nil, err
	}
	return c.ImportImage(buf, l)
}

// Alloc makes a dma-buf of a kind that needs no card.
func Alloc(kind Kind, size int) (*DMABuf, error) {
	switch kind {
	case SystemHeap:
		return AllocHeap(HeapSystem, size)
	case CMAHeap:
		return AllocHeap(HeapCMA, size)
	case UDMABuf:
		return AllocUDMABuf(size)
	}
	return nil, fmt.Errorf("buffers of kind %s need a card", kind)
}

// ImportImage makes an image of somebody's dma-buf, which it takes over.
func (c *Card) ImportImage(buf *DMABuf, l Layout) (*Image, error) {
	if buf.Size < l.Size() {
		return nil, errors.Join(fmt.Errorf("%s has %d bytes, the image %d", buf, buf.Size, l.Size()), buf.Close())
	}
	gem, err := c.Import(buf)
	if err != nil {
		return nil, errors.Join(err, buf.Close())
	}
	return newImage(l, gem, buf)
}

// newImage maps the buffer. A GEM buffer's dma-buf has the same mapping as its handle.
func newImage(l Layout, gem *GEM, buf *DMABuf) (*Image, error) {
	mem, err := buf.Map()
	if err != nil {
		return nil, errors.Join(err, gem.Close(), buf.Close())
	}
	return &Image{l, gem, buf, mem}, nil
}

// Close gives up mapping, handle and file descriptor.
func (m *Image) Close() error {
	mem := m.Mem
	m.Mem = nil
	return errors.Join(unix.Munmap(mem), m.GEM.Close(), m.Buf.Close())
}

// Draw stores a picture of the image's size.
func (m *Image) Draw(p *pixel.Picture) error {
	if p.Width != m.Width || p.Height != m.Height {
		return fmt.Errorf("picture of %dx%d for an image of %dx%d", p.Width, p.Height, m.Width, m.Height)
	}
	if err := m.Buf.Begin(Write); err != nil {
		return err
	}
	p.Store(m.Mem, m.Stride, m.Format)
	return m.Buf.End(Write)
}

// Read loads the picture.
func (m *Image) Read() (*pixel.Picture, error) {
	if err := m.Buf.Begin(Read); err != nil {
		return nil, err
	}
	p := pixel.Load(m.Mem, m.Width, m.Height, m.Stride, m.Format)
	return p, m.Buf.End(Read)
}

// AddFB makes a framebuffer of the image.
func (m *Image) AddFB() (*Framebuffer, error) {
	return m.GEM.AddFB(m.Width, m.Height, m.Stride, m.Format)
}
