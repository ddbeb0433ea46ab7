// SPDX-License-Identifier: Apache-2.0

//go:build linux

package drm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"vdev/ioctl"
)

// The drivers of the guest, by the names that they report.
const (
	Exynos = "exynos" // display and 2D engine
	VGEM   = "vgem"   // buffers and fences without a device
)

// Card is an open DRM device. It is one client: GEM handles and 2D command lists
// belong to it, and go when it is closed.
type Card struct {
	file   *os.File
	Driver string
}

// Open opens the first card of a driver. Without one the error is fs.ErrNotExist. Only
// the first to open it can change the display, until it is closed.
func Open(driver string) (*Card, error) { return open("/dev/dri/card*", driver) }

// OpenRender opens a card for all but its display. Any number of clients can.
func OpenRender(driver string) (*Card, error) { return open("/dev/dri/renderD*", driver) }

func open(pattern, driver string) (*Card, error) {
	nodes, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	slices.Sort(nodes)
	for _, node := range nodes {
		c, err := OpenNode(node)
		if err != nil {
			return nil, err
		}
		if c.Driver == driver {
			return c, nil
		}
		if err := c.Close(); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("no card with driver %s in /dev/dri: %w", driver, fs.ErrNotExist)
}

// OpenNode opens a card by the name of its device node.
func OpenNode(path string) (*Card, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	c := &Card{file: f}
	if c.Driver, err = c.driver(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return c, nil
}

func (c *Card) driver() (string, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	name := make([]byte, 64)
	v := ioctl.DRMVersion{NameLen: uint64(len(name)), Name: ioctl.Pointer(&pin, name)}
	if err := ioctl.Do(c.FD(), ioctl.DRM_IOCTL_VERSION, &v); err != nil {
		return "", fmt.Errorf("%s: version: %w", c.file.Name(), err)
	}
	return string(name[:min(v.NameLen, uint64(len(name)))]), nil
}

// Close closes the device.
func (c *Card) Close() error { return c.file.Close() }

// FD is the file descriptor, for poll and the like.
func (c *Card) FD() int { return int(c.file.Fd()) }

// SetCap makes the kernel treat this client as one that knows of a feature, like
// DRM_CLIENT_CAP_ATOMIC.
func (c *Card) SetCap(capability, value uint64) error {
	if err := ioctl.Do(c.FD(), ioctl.DRM_IOCTL_SET_CLIENT_CAP, &ioctl.DRMSetClientCap{Capability: capability, Value: value}); err != nil {
		return fmt.Errorf("client capability %d: %w", capability, err)
	}
	return nil
}

// DropMaster lets another client change the display.
func (c *Card) DropMaster() error {
	if err := ioctl.DoNone(c.FD(), ioctl.DRM_IOCTL_DROP_MASTER); err != nil {
		return fmt.Errorf("drop master: %w", err)
	}
	return nil
}

// SetMaster makes this the client that can change the display, if no other one is.
func (c *Card) SetMaster() error {
	if err := ioctl.DoNone(c.FD(), ioctl.DRM_IOCTL_SET_MASTER); err != nil {
		return fmt.Errorf("set master: %w", err)
	}
	return nil
}
