// SPDX-License-Identifier: Apache-2.0

//go:build linux

package drm

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"vdev/ioctl"
)

// GEM is a handle for a buffer on a card.
type GEM struct {
	Card   *Card
	Handle uint32
	Size   int // in bytes; 0 if the card has not said
}

// CreateDumb makes a buffer for pictures of the given size and bits per pixel, with
// DRM_IOCTL_MODE_CREATE_DUMB, and returns the bytes from row to row as well. Its
// mapping is write-combined, so that it needs no sync.
func (c *Card) CreateDumb(width, height, bpp int) (*GEM, int, error) {
	arg := ioctl.DRMModeCreateDumb{Width: uint32(width), Height: uint32(height), Bpp: uint32(bpp)}
	if err := ioctl.Do(c.FD(), ioctl.DRM_IOCTL_MODE_CREATE_DUMB, &arg); err != nil {
		return nil, 0, fmt.Errorf("dumb buffer of %dx%d, %d bits: %w", width, height, bpp, err)
	}
	return &GEM{c, arg.Handle, int(arg.Size)}, int(arg.Pitch), nil
}

// CreateExynos makes a buffer with DRM_IOCTL_EXYNOS_GEM_CREATE. Flags are those of
// enum e_drm_exynos_gem_mem_type. Whatever they say of caching, the mapping of a buffer
// for a device that is not coherent is write-combined on RISC-V (dma_pgprot in
// kernel/dma/mapping.c).
func (c *Card) CreateExynos(size int, flags uint32) (*GEM, error) {
	arg := ioctl.DRMExynosGemCreate{Size: uint64(size), Flags: flags}
	if err := ioctl.Do(c.FD(), ioctl.DRM_IOCTL_EXYNOS_GEM_CREATE, &arg); err != nil {
		return nil, fmt.Errorf("exynos buffer of %d bytes: %w", size, err)
	}
	return &GEM{c, arg.Handle, size}, nil
}

// Close gives the handle back. The memory stays as long as anybody uses it.
func (g *GEM) Close() error {
	if err := ioctl.Do(g.Card.FD(), ioctl.DRM_IOCTL_GEM_CLOSE, &ioctl.DRMGemClose{Handle: g.Handle}); err != nil {
		return fmt.Errorf("close GEM handle %d: %w", g.Handle, err)
	}
	return nil
}

// Map maps the first n bytes.
func (g *GEM) Map(n int) ([]byte, error) {
	arg := ioctl.DRMModeMapDumb{Handle: g.Handle}
	if err := ioctl.Do(g.Card.FD(), ioctl.DRM_IOCTL_MODE_MAP_DUMB, &arg); err != nil {
		return nil, fmt.Errorf("map GEM handle %d: %w", g.Handle, err)
	}
	return mmap(g.Card.file, int64(arg.Offset), n)
}

// Export makes a dma-buf of the buffer, with DRM_IOCTL_PRIME_HANDLE_TO_FD.
func (g *GEM) Export() (*DMABuf, error) {
	arg := ioctl.DRMPrimeHandle{Handle: g.Handle, Flags: unix.O_RDWR | unix.O_CLOEXEC}
	if err := ioctl.Do(g.Card.FD(), ioctl.DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg); err != nil {
		return nil, fmt.Errorf("export GEM handle %d: %w", g.Handle, err)
	}
	return NewDMABuf(int(arg.Fd))
}

// Import makes a handle on this card for a dma-buf, with DRM_IOCTL_PRIME_FD_TO_HANDLE:
// the same one each time, for the card's own buffers the one that they had. With that,
// the exporter maps the buffer for the card's device until the last handle is closed.
func (c *Card) Import(b *DMABuf) (*GEM, error) {
	arg := ioctl.DRMPrimeHandle{Fd: int32(b.FD())}
	if err := ioctl.Do(c.FD(), ioctl.DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg); err != nil {
		return nil, fmt.Errorf("import %s into %s: %w", b, c.Driver, err)
	}
	return &GEM{c, arg.Handle, b.Size}, nil
}

func mmap(f *os.File, offset int64, n int) ([]byte, error) {
	mem, err := unix.Mmap(int(f.Fd()), offset, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mmap %d bytes of %s: %w", n, f.Name(), err)
	}
	return mem, nil
}

// closeAll closes several things and joins their errors.
func closeAll(close ...func() error) error {
	var all error
	for _, c := range close {
		all = errors.Join(all, c())
	}
	return all
}
