// SPDX-License-Identifier: Apache-2.0

//go:build linux

package mappings

import (
	"errors"
	"fmt"
	"image"
	"time"

	"vdev/guest/drm"
	"vdev/guest/drm/pixel"
	"vdev/guest/tests/coherency"
	"vdev/ioctl"
)

// size is how much of a buffer the programs use, in bytes.
const size = 1024

// delay is long enough for a program to be first.
const delay = 20 * time.Millisecond

// Run runs the program with that code, in its broken or its correct form.
func Run(code string, broken bool) error {
	switch code {
	case "dma-unmapped":
		return unmapped(broken)
	case "dma-after-unmap":
		return withTester(afterUnmap, broken)
	case "dma-direction":
		return withTester(direction, broken)
	case "dma-out-of-range":
		return outOfRange(broken)
	}
	return fmt.Errorf("there is no program %q", code)
}

// withTester gives a program a buffer for the DMA tester.
func withTester(run func(d *coherency.Device, b *coherency.Buffer, broken bool) error, broken bool) error {
	d, err := coherency.Open()
	if err != nil {
		return err
	}
	defer d.Close()
	b, err := d.Alloc(coherency.PageSize)
	if err != nil {
		return err
	}
	err = run(d, b, broken)
	if broken && err == nil {
		return errors.New("the device did not fail")
	}
	if broken {
		return nil // the IOMMU has stopped the device
	}
	return err
}

// The device uses the buffer twice. Broken: it is unmapped before the device has
// finished the second time.
func afterUnmap(d *coherency.Device, b *coherency.Buffer, broken bool) error {
	if err := b.Map(size, coherency.FromDevice); err != nil {
		return err
	}
	if err := b.DeviceFill(0, size, 1); err != nil {
		return err
	}
	return startAgain(d, b, broken)
}

func startAgain(d *coherency.Device, b *coherency.Buffer, broken bool) error {
	if err := b.StartDeviceFill(0, size, 2, delay); err != nil {
		return err
	}
	if broken {
		return errors.Join(b.Unmap(), d.Wait())
	}
	return errors.Join(d.Wait(), b.Unmap())
}

// The device writes. Broken: the buffer is mapped for reading.
func direction(_ *coherency.Device, b *coherency.Buffer, broken bool) error {
	dir := coherency.FromDevice
	if broken {
		dir = coherency.ToDevice
	}
	if err := b.Map(size, dir); err != nil {
		return err
	}
	return errors.Join(b.DeviceFill(0, size, 1), b.Unmap())
}

// Registers of the G2D for a pattern ("vdev devices g2d").
const (
	regThirdOperand = 0x610
	regROP4         = 0x614
	regPatBase      = 0x500
	regPatSize      = 0x504
	regPatMode      = 0x508
	regPatOffset    = 0x50c
	regPatStride    = 0x510
)

const side = 64 // of pictures

// paint is an operation of the G2D that fills dst with a pattern of its size, whose
// buffer is still to be named.
func paint(dst *drm.Image) drm.Operation {
	const patternCopy = 0xf0 // the raster operation: the third operand as it is
	return drm.Copy(dst.Surface(), image.Point{}, dst.Surface(), dst.Bounds()).
		Set(regROP4, patternCopy|patternCopy<<8).Set(regThirdOperand, 0).
		Set(regPatSize, side<<16|side).Set(regPatMode, 1).Set(regPatOffset, 0).Set(regPatStride, side*4)
}

// The G2D paints with a pattern. Broken: nobody says where that is, which Linux 7.2
// does not notice, so that it is at address 0.
func unmapped(broken bool) error {
	card, err := drm.Open("exynos")
	if err != nil {
		return err
	}
	defer card.Close()
	dst, err := card.NewImage(drm.ExynosGEM, side, side, pixel.XRGB8888)
	if err != nil {
		return err
	}
	defer dst.Close()
	op := paint(dst)
	if !broken {
		op = op.SetBuffer(regPatBase, dst.GEM)
	}
	return card.Run(op)
}

// The G2D paints with a pattern. Broken: the pattern's buffer is smaller than the
// command says, which Linux 7.2 does not check for patterns.
func outOfRange(broken bool) error {
	card, err := drm.Open("exynos")
	if err != nil {
		return err
	}
	defer card.Close()
	dst, err := card.NewImage(drm.ExynosGEM, side, side, pixel.XRGB8888)
	if err != nil {
		return err
	}
	defer dst.Close()
	// Nothing is mapped behind the pattern: what was, is gone.
	above, err := card.CreateExynos(1<<20, ioctl.EXYNOS_BO_CONTIG)
	if err != nil {
		return err
	}
	n := side * side * 4
	if broken {
		n = 4096
	}
	pattern, err := card.CreateExynos(n, ioctl.EXYNOS_BO_CONTIG)
	if err != nil {
		return err
	}
	if err := above.Close(); err != nil {
		return err
	}
	return card.Run(paint(dst).SetBuffer(regPatBase, pattern))
}
