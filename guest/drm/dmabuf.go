// SPDX-License-Identifier: Apache-2.0

//go:build linux

package drm

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"vdev/ioctl"
)

// DMABuf is a dma-buf: a buffer as a file descriptor, which can be passed on to other
// devices and processes.
type DMABuf struct {
	file *os.File
	Size int // in bytes
}

// Access says what the CPU, or a device, does with a buffer.
type Access uint64

// The accesses.
const (
	Read      Access = ioctl.DMA_BUF_SYNC_READ
	Write     Access = ioctl.DMA_BUF_SYNC_WRITE
	ReadWrite Access = Read | Write
)

// NewDMABuf takes over the file descriptor of a dma-buf.
func NewDMABuf(fd int) (*DMABuf, error) {
	f := os.NewFile(uintptr(fd), fmt.Sprintf("dma-buf %d", fd))
	size, err := f.Seek(0, 2) // no other calls: dma-bufs seek to start or end
	if err == nil {
		_, err = f.Seek(0, 0)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &DMABuf{f, int(size)}, nil
}

// FD is the file descriptor.
func (b *DMABuf) FD() int { return int(b.file.Fd()) }

// String is for messages.
func (b *DMABuf) String() string { return b.file.Name() }

// Close gives the file descriptor back. The buffer stays as long as anybody uses it.
func (b *DMABuf) Close() error { return b.file.Close() }

// Map maps the whole buffer. Around accesses belong Begin and End.
func (b *DMABuf) Map() ([]byte, error) { return mmap(b.file, 0, b.Size) }

// SetName names the buffer in debugfs, and in reports.
func (b *DMABuf) SetName(name string) error {
	if err := ioctl.SetName(b.FD(), name); err != nil {
		return fmt.Errorf("name %s %q: %w", b, name, err)
	}
	return nil
}

// Begin says that the CPU is about to access the buffer through its mapping
// (DMA_BUF_IOCTL_SYNC with START). Whatever devices wrote before is visible then, if
// the access includes Read. It waits for fences of devices that are at work.
func (b *DMABuf) Begin(a Access) error { return b.sync(ioctl.DMA_BUF_SYNC_START, a) }

// End says that it has (DMA_BUF_IOCTL_SYNC with END, and the access that Begin had).
// Whatever the CPU wrote is visible to devices then.
func (b *DMABuf) End(a Access) error { return b.sync(ioctl.DMA_BUF_SYNC_END, a) }

func (b *DMABuf) sync(step uint64, a Access) error {
	if err := ioctl.Do(b.FD(), ioctl.DMA_BUF_IOCTL_SYNC, &ioctl.DMABufSync{Flags: step | uint64(a)}); err != nil {
		return fmt.Errorf("sync %s: %w", b, err)
	}
	return nil
}

// ExportSyncFile returns a fence that signals when the buffer may be accessed: for
// Read when all that write to it now have finished, for Write when the readers have,
// too.
func (b *DMABuf) ExportSyncFile(a Access) (*SyncFile, error) {
	arg := ioctl.DMABufExportSyncFile{Flags: uint32(a), Fd: -1}
	if err := ioctl.Do(b.FD(), ioctl.DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg); err != nil {
		return nil, fmt.Errorf("fence of %s: %w", b, err)
	}
	return NewSyncFile(int(arg.Fd)), nil
}

// ImportSyncFile makes everybody who uses the buffer implicitly wait for a fence: for
// Write as one who writes, for Read as one who only reads.
func (b *DMABuf) ImportSyncFile(s *SyncFile, a Access) error {
	arg := ioctl.DMABufImportSyncFile{Flags: uint32(a), Fd: int32(s.FD())}
	if err := ioctl.Do(b.FD(), ioctl.DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &arg); err != nil {
		return fmt.Errorf("fence into %s: %w", b, err)
	}
	return nil
}

// Wait waits until the buffer may be read (or written), by polling the file descriptor.
// It tells whether that was within the time; less than 0 is no limit.
func (b *DMABuf) Wait(a Access, limit time.Duration) (bool, error) {
	events := int16(unix.POLLIN)
	if a&Write != 0 {
		events = unix.POLLOUT
	}
	return poll(b.FD(), events, limit)
}

func poll(fd int, events int16, limit time.Duration) (bool, error) {
	var end time.Time
	if limit >= 0 {
		end = time.Now().Add(limit)
	}
	for {
		ms := -1
		if limit >= 0 {
			ms = int((max(0, time.Until(end)) + time.Millisecond - 1) / time.Millisecond) // no less than the limit
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, ms)
		if !errors.Is(err, unix.EINTR) {
			return n > 0, err
		}
	}
}
