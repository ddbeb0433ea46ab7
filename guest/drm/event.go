// SPDX-License-Identifier: Apache-2.0

//go:build linux

package drm

import (
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"vdev/ioctl"
)

// Event is something that a card has to tell.
type Event struct {
	Type     uint32 // DRM_EVENT_FLIP_COMPLETE, DRM_EXYNOS_G2D_EVENT, ...
	UserData uint64 // what the program gave with its request
	Time     time.Duration
	// Sequence is the number of the frame on the display, or of the command list.
	Sequence uint32
}

// Flipped tells whether a commit has reached the display.
func (e *Event) Flipped() bool { return e.Type == ioctl.DRM_EVENT_FLIP_COMPLETE }

// Drawn tells whether the 2D engine has finished a command list.
func (e *Event) Drawn() bool { return e.Type == ioctl.DRM_EXYNOS_G2D_EVENT }

// Events waits for events, and returns those there are; none if the time is over. Less
// than 0 is no limit.
func (c *Card) Events(limit time.Duration) ([]Event, error) {
	ready, err := poll(c.FD(), unix.POLLIN, limit)
	if err != nil || !ready {
		return nil, err
	}
	buf := make([]byte, 4096)
	n, err := unix.Read(c.FD(), buf)
	if err != nil {
		return nil, fmt.Errorf("%s: events: %w", c.Driver, err)
	}
	// struct drm_event is type and length. The events that there are all go on with
	// user_data, tv_sec, tv_usec and a number.
	const header, size = 8, 28
	var all []Event
	for b := buf[:n]; len(b) >= header; {
		le := binary.LittleEndian
		length := le.Uint32(b[4:])
		if length < size || int(length) > len(b) {
			return nil, fmt.Errorf("%s: event of type %#x has %d bytes", c.Driver, le.Uint32(b), length)
		}
		all = append(all, Event{
			Type: le.Uint32(b), UserData: le.Uint64(b[8:]), Sequence: le.Uint32(b[24:]),
			Time: time.Duration(le.Uint32(b[16:]))*time.Second + time.Duration(le.Uint32(b[20:]))*time.Microsecond,
		})
		b = b[length:]
	}
	return all, nil
}
