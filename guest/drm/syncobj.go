// SPDX-License-Identifier: Apache-2.0

//go:build linux

package drm

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"vdev/ioctl"
)

// SyncObj is a container for a fence that belongs to a card: what Vulkan calls a
// semaphore.
type SyncObj struct {
	card   *Card
	Handle uint32
}

// CreateSyncObj makes one, signalled or empty.
func (c *Card) CreateSyncObj(signalled bool) (*SyncObj, error) {
	var arg ioctl.DRMSyncobjCreate
	if signalled {
		arg.Flags = ioctl.DRM_SYNCOBJ_CREATE_SIGNALED
	}
	if err := ioctl.Do(c.FD(), ioctl.DRM_IOCTL_SYNCOBJ_CREATE, &arg); err != nil {
		return nil, fmt.Errorf("create syncobj: %w", err)
	}
	return &SyncObj{c, arg.Handle}, nil
}

// Close gives the handle back.
func (s *SyncObj) Close() error {
	if err := ioctl.Do(s.card.FD(), ioctl.DRM_IOCTL_SYNCOBJ_DESTROY, &ioctl.DRMSyncobjDestroy{Handle: s.Handle}); err != nil {
		return fmt.Errorf("destroy syncobj %d: %w", s.Handle, err)
	}
	return nil
}

// Import replaces the fence by that of a sync_file.
func (s *SyncObj) Import(f *SyncFile) error {
	arg := ioctl.DRMSyncobjHandle{Handle: s.Handle, Flags: ioctl.DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE, Fd: int32(f.FD())}
	if err := ioctl.Do(s.card.FD(), ioctl.DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &arg); err != nil {
		return fmt.Errorf("fence into syncobj %d: %w", s.Handle, err)
	}
	return nil
}

// Export returns the fence that is in the syncobj now.
func (s *SyncObj) Export() (*SyncFile, error) {
	arg := ioctl.DRMSyncobjHandle{Handle: s.Handle, Flags: ioctl.DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE, Fd: -1}
	if err := ioctl.Do(s.card.FD(), ioctl.DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &arg); err != nil {
		return nil, fmt.Errorf("fence of syncobj %d: %w", s.Handle, err)
	}
	return NewSyncFile(int(arg.Fd)), nil
}

// Signal replaces the fence by one that has signalled.
func (s *SyncObj) Signal() error { return s.array(ioctl.DRM_IOCTL_SYNCOBJ_SIGNAL, "signal") }

// Reset empties the syncobj.
func (s *SyncObj) Reset() error { return s.array(ioctl.DRM_IOCTL_SYNCOBJ_RESET, "reset") }

func (s *SyncObj) array(req ioctl.Request, what string) error {
	var pin runtime.Pinner
	defer pin.Unpin()
	arg := ioctl.DRMSyncobjArray{Handles: ioctl.Pointer(&pin, []uint32{s.Handle}), CountHandles: 1}
	if err := ioctl.Do(s.card.FD(), req, &arg); err != nil {
		return fmt.Errorf("%s syncobj %d: %w", what, s.Handle, err)
	}
	return nil
}

// Wait waits for the fence until a moment of the monotonic clock, in nanoseconds, and
// tells whether it has signalled. An empty syncobj is an error, unless forFence lets it
// wait for a fence to come as well.
func (s *SyncObj) Wait(until int64, forFence bool) (bool, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	arg := ioctl.DRMSyncobjWait{Handles: ioctl.Pointer(&pin, []uint32{s.Handle}), CountHandles: 1, TimeoutNsec: until}
	if forFence {
		arg.Flags = ioctl.DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT
	}
	err := ioctl.Do(s.card.FD(), ioctl.DRM_IOCTL_SYNCOBJ_WAIT, &arg)
	if errors.Is(err, unix.ETIME) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("wait for syncobj %d: %w", s.Handle, err)
	}
	return true, nil
}
