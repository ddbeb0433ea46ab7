// SPDX-License-Identifier: Apache-2.0

//go:build linux

package drm

import (
	"fmt"
	"image"
	"runtime"

	"vdev/ioctl"
)

// Commit is a set of changes to an output that take effect together, at a vertical
// blank.
type Commit struct {
	out     *Output
	changes []change
	blob    uint32 // of the mode, destroyed after the commit
	err     error  // the first of the setters
}

type change struct {
	object, property uint32
	value            uint64
}

// NewCommit returns an empty commit. Errors of its setters come out of Do.
func (o *Output) NewCommit() *Commit { return &Commit{out: o} }

// Set changes a property of connector, CRTC or plane, by its name.
func (c *Commit) Set(object uint32, name string, value uint64) *Commit {
	id, ok := c.out.properties[object][name]
	if !ok && c.err == nil {
		c.err = fmt.Errorf("object %d has no property %q", object, name)
	}
	c.changes = append(c.changes, change{object, id, value})
	return c
}

// Enable switches the output on, in its mode. It needs the flag
// DRM_MODE_ATOMIC_ALLOW_MODESET.
func (c *Commit) Enable() *Commit {
	var pin runtime.Pinner
	defer pin.Unpin()
	mode := []ioctl.DRMModeModeinfo{c.out.Mode}
	arg := ioctl.DRMModeCreateBlob{Data: ioctl.Pointer(&pin, mode), Length: modeSize}
	if err := ioctl.Do(c.out.Card.FD(), ioctl.DRM_IOCTL_MODE_CREATEPROPBLOB, &arg); err != nil && c.err == nil {
		c.err = fmt.Errorf("mode: %w", err)
	}
	c.blob = arg.BlobId
	return c.Set(c.out.CRTC, "MODE_ID", uint64(c.blob)).Set(c.out.CRTC, "ACTIVE", 1).
		Set(c.out.Connector, "CRTC_ID", uint64(c.out.CRTC))
}

// modeSize is that of struct drm_mode_modeinfo.
const modeSize = 68

// Disable switches the output off, and all its planes.
func (c *Commit) Disable() *Commit {
	for i := range c.out.Planes {
		c.Hide(&c.out.Planes[i])
	}
	return c.Set(c.out.CRTC, "MODE_ID", 0).Set(c.out.CRTC, "ACTIVE", 0).Set(c.out.Connector, "CRTC_ID", 0)
}

// Show puts a part of a framebuffer on a plane, with its top left corner at a place on
// the display. Src is in pixels.
func (c *Commit) Show(p *Plane, fb *Framebuffer, src image.Rectangle, at image.Point) *Commit {
	for _, v := range [...]struct {
		name  string
		value int
	}{
		{"FB_ID", int(fb.ID)}, {"CRTC_ID", int(c.out.CRTC)},
		{"SRC_X", src.Min.X << 16}, {"SRC_Y", src.Min.Y << 16}, {"SRC_W", src.Dx() << 16}, {"SRC_H", src.Dy() << 16},
		{"CRTC_X", at.X}, {"CRTC_Y", at.Y}, {"CRTC_W", src.Dx()}, {"CRTC_H", src.Dy()},
	} {
		c.Set(p.ID, v.name, uint64(v.value))
	}
	return c
}

// Hide takes a plane off the display.
func (c *Commit) Hide(p *Plane) *Commit { return c.Set(p.ID, "FB_ID", 0).Set(p.ID, "CRTC_ID", 0) }

// After makes the commit wait for a fence before it shows the plane's framebuffer.
func (c *Commit) After(p *Plane, fence *SyncFile) *Commit {
	return c.Set(p.ID, "IN_FENCE_FD", uint64(fence.FD()))
}

// Do commits with flags like DRM_MODE_ATOMIC_NONBLOCK. With DRM_MODE_PAGE_FLIP_EVENT,
// an event with userData follows when the changes are on the display.
func (c *Commit) Do(flags uint32, userData uint64) error {
	_, err := c.commit(flags, userData, false)
	return err
}

// DoFenced is Do that returns a fence as well, which signals when the changes are on
// the display: what was there before is free then.
func (c *Commit) DoFenced(flags uint32, userData uint64) (*SyncFile, error) {
	return c.commit(flags, userData, true)
}

func (c *Commit) commit(flags uint32, userData uint64, fenced bool) (*SyncFile, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	fence := []int32{-1}
	if fenced {
		c.Set(c.out.CRTC, "OUT_FENCE_PTR", ioctl.Pointer(&pin, fence))
	}
	if c.err != nil {
		return nil, c.err
	}
	// The kernel wants the changes of an object together.
	var objects, counts, properties []uint32
	var values []uint64
	seen := map[uint32]bool{}
	for _, first := range c.changes {
		if seen[first.object] {
			continue
		}
		seen[first.object] = true
		objects, counts = append(objects, first.object), append(counts, 0)
		for _, ch := range c.changes {
			if ch.object == first.object {
				counts[len(counts)-1]++
				properties, values = append(properties, ch.property), append(values, ch.value)
			}
		}
	}
	arg := ioctl.DRMModeAtomic{Flags: flags, CountObjs: uint32(len(objects)), UserData: userData,
		ObjsPtr: ioctl.Pointer(&pin, objects), CountPropsPtr: ioctl.Pointer(&pin, counts),
		PropsPtr: ioctl.Pointer(&pin, properties), PropValuesPtr: ioctl.Pointer(&pin, values)}
	err := ioctl.Do(c.out.Card.FD(), ioctl.DRM_IOCTL_MODE_ATOMIC, &arg)
	if c.blob != 0 { // the display's state keeps what it needs
		_ = ioctl.Do(c.out.Card.FD(), ioctl.DRM_IOCTL_MODE_DESTROYPROPBLOB, &ioctl.DRMModeDestroyBlob{BlobId: c.blob})
	}
	if err != nil {
		return nil, fmt.Errorf("atomic commit: %w", err)
	}
	if !fenced {
		return nil, nil
	}
	return NewSyncFile(int(fence[0])), nil
}
