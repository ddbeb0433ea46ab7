// SPDX-License-Identifier: Apache-2.0

//go:build linux

package drm

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"vdev/ioctl"
)

// SyncFile is a fence as a file descriptor: one that signals once, when work is done.
type SyncFile struct{ file *os.File }

// NewSyncFile takes over the file descriptor of a sync_file.
func NewSyncFile(fd int) *SyncFile {
	return &SyncFile{os.NewFile(uintptr(fd), fmt.Sprintf("sync_file %d", fd))}
}

// FD is the file descriptor.
func (s *SyncFile) FD() int { return int(s.file.Fd()) }

// Close gives the file descriptor back.
func (s *SyncFile) Close() error { return s.file.Close() }

// Wait waits for the fence, and tells whether it signalled within the time; less than
// 0 is no limit.
func (s *SyncFile) Wait(limit time.Duration) (bool, error) { return poll(s.FD(), unix.POLLIN, limit) }

// Merge returns a fence that signals when both have.
func (s *SyncFile) Merge(other *SyncFile, name string) (*SyncFile, error) {
	arg := ioctl.SyncMergeData{Fd2: int32(other.FD())}
	copy(arg.Name[:len(arg.Name)-1], name)
	if err := ioctl.Do(s.FD(), ioctl.SYNC_IOC_MERGE, &arg); err != nil {
		return nil, fmt.Errorf("merge fences: %w", err)
	}
	return NewSyncFile(int(arg.Fence)), nil
}

// FenceInfo describes one of the fences in a sync_file.
type FenceInfo struct {
	Driver, Timeline string
	// Status is 0 while the fence is pending, 1 when it has signalled, and negative if
	// the work failed.
	Status int
	// Time is when it signalled, on the monotonic clock.
	Time time.Duration
}

// Info lists the fences that make up the sync_file.
func (s *SyncFile) Info() ([]FenceInfo, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	var arg ioctl.SyncFileInfo
	if err := ioctl.Do(s.FD(), ioctl.SYNC_IOC_FILE_INFO, &arg); err != nil {
		return nil, fmt.Errorf("fence info: %w", err)
	}
	fences := make([]ioctl.SyncFenceInfo, arg.NumFences)
	arg = ioctl.SyncFileInfo{NumFences: arg.NumFences, SyncFenceInfo: ioctl.Pointer(&pin, fences)}
	if err := ioctl.Do(s.FD(), ioctl.SYNC_IOC_FILE_INFO, &arg); err != nil {
		return nil, fmt.Errorf("fence info: %w", err)
	}
	var all []FenceInfo
	for _, f := range fences[:arg.NumFences] {
		all = append(all, FenceInfo{unix.ByteSliceToString(f.DriverName[:]), unix.ByteSliceToString(f.ObjName[:]),
			int(f.Status), time.Duration(f.TimestampNs)})
	}
	return all, nil
}

// Timeline is a software timeline: a counter that goes up when the program says so,
// with fences that signal at its values (drivers/dma-buf/sw_sync.c).
type Timeline struct{ file *os.File }

// NewTimeline makes a timeline at 0. It needs debugfs.
func NewTimeline() (*Timeline, error) {
	f, err := os.OpenFile("/sys/kernel/debug/sync/sw_sync", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &Timeline{f}, nil
}

// Fence returns a fence that signals when the timeline reaches a value.
func (t *Timeline) Fence(value uint32, name string) (*SyncFile, error) {
	arg := ioctl.SwSyncCreateFenceData{Value: value}
	copy(arg.Name[:len(arg.Name)-1], name)
	if err := ioctl.Do(int(t.file.Fd()), ioctl.SW_SYNC_IOC_CREATE_FENCE, &arg); err != nil {
		return nil, fmt.Errorf("fence at %d: %w", value, err)
	}
	return NewSyncFile(int(arg.Fence)), nil
}

// Advance moves the timeline on by n.
func (t *Timeline) Advance(n uint32) error {
	if err := ioctl.Do(int(t.file.Fd()), ioctl.SW_SYNC_IOC_INC, &n); err != nil {
		return fmt.Errorf("advance timeline: %w", err)
	}
	return nil
}

// Close ends the timeline; its pending fences signal with an error.
func (t *Timeline) Close() error { return t.file.Close() }

// AttachFence marks a vgem buffer as being read, or written, until SignalFence. The
// kernel signals it after ten seconds.
func (g *GEM) AttachFence(a Access) (uint32, error) {
	arg := ioctl.DRMVgemFenceAttach{Handle: g.Handle}
	if a&Write != 0 {
		arg.Flags = ioctl.VGEM_FENCE_WRITE
	}
	if err := ioctl.Do(g.Card.FD(), ioctl.DRM_IOCTL_VGEM_FENCE_ATTACH, &arg); err != nil {
		return 0, fmt.Errorf("attach fence to GEM handle %d: %w", g.Handle, err)
	}
	return arg.OutFence, nil
}

// SignalFence signals a fence of AttachFence.
func (c *Card) SignalFence(fence uint32) error {
	if err := ioctl.Do(c.FD(), ioctl.DRM_IOCTL_VGEM_FENCE_SIGNAL, &ioctl.DRMVgemFenceSignal{Fence: fence}); err != nil {
		return fmt.Errorf("signal fence %d: %w", fence, err)
	}
	return nil
}
