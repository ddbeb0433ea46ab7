// SPDX-License-Identifier: Apache-2.0

//go:build linux

package drm

import (
	"fmt"

	"vdev/guest/drm/pixel"
	"vdev/ioctl"
)

// Framebuffer is a GEM buffer with what a display must know to show it.
type Framebuffer struct {
	card *Card
	ID   uint32
}

// AddFB makes a framebuffer, with DRM_IOCTL_MODE_ADDFB2. Stride is the bytes from row
// to row.
func (g *GEM) AddFB(width, height, stride int, f pixel.Format) (*Framebuffer, error) {
	arg := ioctl.DRMModeFbCmd2{Width: uint32(width), Height: uint32(height), PixelFormat: uint32(f),
		Handles: [4]uint32{g.Handle}, Pitches: [4]uint32{uint32(stride)}}
	if err := ioctl.Do(g.Card.FD(), ioctl.DRM_IOCTL_MODE_ADDFB2, &arg); err != nil {
		return nil, fmt.Errorf("framebuffer of %dx%d, %v: %w", width, height, f, err)
	}
	return &Framebuffer{g.Card, arg.FbId}, nil
}

// Close removes the framebuffer, and switches planes off that show it.
func (f *Framebuffer) Close() error {
	if err := ioctl.Do(f.card.FD(), ioctl.DRM_IOCTL_MODE_RMFB, &f.ID); err != nil {
		return fmt.Errorf("remove framebuffer %d: %w", f.ID, err)
	}
	return nil
}

// Leave gives the framebuffer up, too, but what shows it goes on showing it, even when
// the card is closed.
func (f *Framebuffer) Leave() error {
	if err := ioctl.Do(f.card.FD(), ioctl.DRM_IOCTL_MODE_CLOSEFB, &ioctl.DRMModeClosefb{FbId: f.ID}); err != nil {
		return fmt.Errorf("leave framebuffer %d: %w", f.ID, err)
	}
	return nil
}
