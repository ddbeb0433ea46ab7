// SPDX-License-Identifier: Apache-2.0

//go:build linux

package drm

import (
	"fmt"
	"image"
	"runtime"
	"slices"

	"vdev/guest/drm/pixel"
	"vdev/ioctl"
)

// Registers of the FIMG2D 4.1 that operations write; "vdev devices g2d" has all.
const (
	regBitbltCommand = 0x104
	regBlendFunction = 0x108
	regSrcBase       = 0x304
	regSrcRepeat     = 0x31c
	regSrcScaleCtrl  = 0x328
	regSrcXScale     = 0x32c
	regSrcYScale     = 0x330
	regDstBase       = 0x404
	regFillColor     = 0x70c
)

// Values of these registers.
const (
	commandBlend = 1 << 20
	commandFill  = 1 << 28

	blendOver = 2<<8 | 1<<18 // source times 1, destination times 1 - source alpha

	repeatClamp   = 3
	scaleNearest  = 1
	scaleBilinear = 2
)

// Surface is an image as the 2D engine sees it: in a GEM buffer, or in the program's
// own memory.
type Surface struct {
	Layout
	handle uint32
	user   *UserMemory
}

// Surface is the image for the 2D engine of its card.
func (m *Image) Surface() Surface { return Surface{Layout: m.Layout, handle: m.GEM.Handle} }

// Operation is one thing for the 2D engine to do: a list of register writes.
type Operation struct {
	commands []ioctl.DRMExynosG2DCmd
	buffers  []ioctl.DRMExynosG2DCmd // those that name buffers
	event    bool
	userData uint64
}

// WithEvent has the card send an event with userData when the operation is done.
func (o Operation) WithEvent(userData uint64) Operation {
	o.event, o.userData = true, userData
	return o
}

// Set adds a write of any register, by its offset.
func (o Operation) Set(register, value uint32) Operation {
	o.commands = append(slices.Clip(o.commands), ioctl.DRMExynosG2DCmd{Offset: register, Data: value})
	return o
}

// SetBuffer adds a write of a register that holds the address of a buffer.
func (o Operation) SetBuffer(register uint32, g *GEM) Operation {
	o.buffers = append(slices.Clip(o.buffers), ioctl.DRMExynosG2DCmd{Offset: register, Data: g.Handle})
	return o
}

// point packs coordinates as registers have them.
func point(x, y int) uint32 { return uint32(y)<<16 | uint32(x) }

// colorMode is the engine's name of a format.
func colorMode(f pixel.Format) uint32 {
	const mirrored = 2 << 4
	switch f {
	case pixel.XRGB8888:
		return 0
	case pixel.ARGB8888:
		return 1
	case pixel.RGB565:
		return 2
	case pixel.XRGB1555:
		return 3
	case pixel.XBGR8888:
		return 0 | mirrored
	case pixel.ABGR8888:
		return 1 | mirrored
	case pixel.BGR565:
		return 2 | mirrored
	case pixel.XBGR1555:
		return 3 | mirrored
	}
	panic("BUG: drm: format " + f.String())
}

// image sets the registers of source or destination, which start with base.
func (o Operation) image(base uint32, s Surface, r image.Rectangle) Operation {
	const sel, stride, mode, leftTop, rightBottom = ^uint32(3), 4, 8, 12, 16 // from base on
	const memory = 0                                                         // and not a colour, which is the default
	o = o.Set(base+sel, memory).Set(base+stride, uint32(s.Stride)).Set(base+mode, colorMode(s.Format)).
		Set(base+leftTop, point(r.Min.X, r.Min.Y)).Set(base+rightBottom, point(r.Max.X, r.Max.Y))
	buf := ioctl.DRMExynosG2DCmd{Offset: base, Data: s.handle}
	if s.user != nil {
		buf = ioctl.DRMExynosG2DCmd{Offset: base | ioctl.G2D_BUF_USERPTR, Data: s.user.descriptor}
	}
	o.buffers = append(slices.Clip(o.buffers), buf)
	return o
}

// Fill paints a rectangle with an ARGB8888 colour.
func Fill(dst Surface, r image.Rectangle, color uint32) Operation {
	// The register has the destination's format, but not its order of channels.
	f := dst.Format
	switch f {
	case pixel.XBGR8888, pixel.ABGR8888:
		f = pixel.ARGB8888
	case pixel.BGR565:
		f = pixel.RGB565
	case pixel.XBGR1555:
		f = pixel.XRGB1555
	}
	return Operation{}.Set(regBitbltCommand, commandFill).Set(regFillColor, f.Encode(color)).image(regDstBase, dst, r)
}

// Copy copies the rectangle r of src to dst, with its top left corner at a point, and
// converts between their formats.
func Copy(dst Surface, at image.Point, src Surface, r image.Rectangle) Operation {
	return Operation{}.image(regSrcBase, src, r).image(regDstBase, dst, r.Sub(r.Min).Add(at))
}

// Blend is Copy that puts the source, with colours premultiplied with alpha, over what
// is there.
func Blend(dst Surface, at image.Point, src Surface, r image.Rectangle) Operation {
	return Copy(dst, at, src, r).Set(regBitbltCommand, commandBlend).Set(regBlendFunction, blendOver)
}

// Scale is Copy from a rectangle to one of another size, with interpolation between
// pixels if bilinear.
func Scale(dst Surface, to image.Rectangle, src Surface, from image.Rectangle, bilinear bool) Operation {
	mode := uint32(scaleNearest)
	if bilinear {
		mode = scaleBilinear
	}
	ratio := func(from, to int) uint32 { return uint32(from << 16 / to) }
	return Operation{}.image(regSrcBase, src, from).image(regDstBase, dst, to).
		Set(regSrcScaleCtrl, mode).Set(regSrcRepeat, repeatClamp).
		Set(regSrcXScale, ratio(from.Dx(), to.Dx())).Set(regSrcYScale, ratio(from.Dy(), to.Dy()))
}

// Submit queues operations, in their order, until Exec runs them (DRM_IOCTL_EXYNOS_G2D_
// SET_CMDLIST). There is room for 64 from all clients together.
func (c *Card) Submit(ops ...Operation) error {
	for _, o := range ops {
		if err := c.submit(o); err != nil {
			return err
		}
	}
	return nil
}

func (c *Card) submit(o Operation) error {
	var pin runtime.Pinner
	defer pin.Unpin()
	arg := ioctl.DRMExynosG2DSetCmdlist{
		Cmd: ioctl.Pointer(&pin, o.commands), CmdNr: uint32(len(o.commands)),
		CmdBuf: ioctl.Pointer(&pin, o.buffers), CmdBufNr: uint32(len(o.buffers)),
	}
	if o.event {
		arg.EventType, arg.UserData = ioctl.G2D_EVENT_NONSTOP, o.userData
	}
	if err := ioctl.Do(c.FD(), ioctl.DRM_IOCTL_EXYNOS_G2D_SET_CMDLIST, &arg); err != nil {
		return fmt.Errorf("command list: %w", err)
	}
	return nil
}

// Exec runs what was queued, and waits until all is done; with async it returns at
// once, and only the events of operations tell when they are done.
func (c *Card) Exec(async bool) error {
	var arg ioctl.DRMExynosG2DExec
	if async {
		arg.Async = 1
	}
	if err := ioctl.Do(c.FD(), ioctl.DRM_IOCTL_EXYNOS_G2D_EXEC, &arg); err != nil {
		return fmt.Errorf("run command lists: %w", err)
	}
	return nil
}

// Run queues operations, runs them, and waits until they are done.
func (c *Card) Run(ops ...Operation) error {
	if err := c.Submit(ops...); err != nil {
		return err
	}
	return c.Exec(false)
}
