// SPDX-License-Identifier: Apache-2.0

//go:build linux

package share

import (
	"os"
	"runtime"
	"time"

	"vdev/guest/drm"
	"vdev/ioctl"
)

// Sync is a sync object: it locks any number of buffers at once.
type Sync struct {
	client *Client
	file   *os.File
}

// SyncOptions change how a sync object behaves.
type SyncOptions struct {
	// Timeout is how long it may be locked; 0 for the core's limit, less for ever.
	Timeout time.Duration
	// Backoff: Lock fails with EDEADLK when it has to back off.
	Backoff bool
}

// NewSync makes a sync object (init).
func (c *Client) NewSync(o SyncOptions) (*Sync, error) {
	var a ioctl.VdevSyncInit
	if o.Timeout < 0 {
		a.Flags = ioctl.VDEV_SYNC_UNLIMITED
	} else {
		a.Timeout = uint64(o.Timeout)
	}
	if o.Backoff {
		a.Flags |= ioctl.VDEV_SYNC_BACKOFF
	}
	if err := do(c, "sync init", ioctl.VDEV_SYNC_IOC_INIT, &a); err != nil {
		return nil, err
	}
	return &Sync{c, os.NewFile(uintptr(a.Sync), "sync object")}, nil
}

// Use is a buffer and what it is locked for.
type Use struct {
	Buf    *drm.DMABuf
	Access Access
}

// FD is the file descriptor.
func (s *Sync) FD() int { return int(s.file.Fd()) }

// Of is the same object for another client.
func (s *Sync) Of(c *Client) *Sync { return &Sync{c, s.file} }

// Get adds buffers.
func (s *Sync) Get(uses ...Use) error {
	var pin runtime.Pinner
	defer pin.Unpin()
	list := make([]ioctl.VdevSyncBuffer, len(uses))
	for i, u := range uses {
		list[i] = ioctl.VdevSyncBuffer{Fd: int32(u.Buf.FD()), Access: uint32(u.Access)}
	}
	return do(s.client, "get", ioctl.VDEV_SYNC_IOC_GET, &ioctl.VdevSyncGet{
		Sync: int32(s.FD()), Count: uint32(len(list)), Buffers: ioctl.Pointer(&pin, list)})
}

// Lock locks all buffers.
func (s *Sync) Lock(w Wait) (ioctl.VdevSyncLock, error) {
	flags, timeout := w.request()
	a := ioctl.VdevSyncLock{Sync: int32(s.FD()), Flags: flags, Timeout: timeout}
	err := do(s.client, "lock", ioctl.VDEV_SYNC_IOC_LOCK, &a)
	return a, err
}

func (s *Sync) object(what string, req ioctl.Request) error {
	return do(s.client, what, req, &ioctl.VdevSyncObject{Sync: int32(s.FD())})
}

// Unlock unlocks them.
func (s *Sync) Unlock() error { return s.object("unlock", ioctl.VDEV_SYNC_IOC_UNLOCK) }

// Put removes a buffer.
func (s *Sync) Put(b *drm.DMABuf) error {
	return do(s.client, "put", ioctl.VDEV_SYNC_IOC_PUT, &ioctl.VdevSyncPut{Sync: int32(s.FD()), Fd: int32(b.FD())})
}

// PutAll removes all.
func (s *Sync) PutAll() error { return s.object("put all", ioctl.VDEV_SYNC_IOC_PUT_ALL) }

// Fini ends the object; the file descriptor remains to be closed.
func (s *Sync) Fini() error { return s.object("fini", ioctl.VDEV_SYNC_IOC_FINI) }

// Close closes the file descriptor, which ends the object.
func (s *Sync) Close() error { return s.file.Close() }

// Fence is something that will be over.
type Fence struct {
	client *Client
	file   *os.File
}

// NewFence makes a fence that this program signals.
func (c *Client) NewFence(fence string) (*Fence, error) {
	a := ioctl.VdevFenceCreate{Name: name(fence)}
	if err := do(c, "create fence", ioctl.VDEV_FENCE_IOC_CREATE, &a); err != nil {
		return nil, err
	}
	return &Fence{c, os.NewFile(uintptr(a.Fence), "fence")}, nil
}

// FD is the file descriptor.
func (f *Fence) FD() int { return int(f.file.Fd()) }

// Merge makes a fence that is signalled when both are.
func (f *Fence) Merge(fence string, o *Fence) (*Fence, error) {
	a := ioctl.VdevFenceMerge{Name: name(fence), Fence1: int32(f.FD()), Fence2: int32(o.FD())}
	if err := do(f.client, "merge fences", ioctl.VDEV_FENCE_IOC_MERGE, &a); err != nil {
		return nil, err
	}
	return &Fence{f.client, os.NewFile(uintptr(a.Fence), "fence")}, nil
}

// Signal signals it, with the number of an error or 0.
func (f *Fence) Signal(errno uint32) error {
	return do(f.client, "signal", ioctl.VDEV_FENCE_IOC_SIGNAL, &ioctl.VdevFenceSignal{Fence: int32(f.FD()), Error: errno})
}

// Add puts it on a buffer.
func (f *Fence) Add(b *drm.DMABuf, a Access) error {
	return do(f.client, "add fence", ioctl.VDEV_FENCE_IOC_ADD, &ioctl.VdevFenceAdd{
		Fence: int32(f.FD()), Fd: int32(b.FD()), Access: uint32(a)})
}

// Wait waits until it is signalled.
func (f *Fence) Wait(w Wait) error {
	flags, timeout := w.request()
	return do(f.client, "wait for fence", ioctl.VDEV_FENCE_IOC_WAIT, &ioctl.VdevFenceWait{
		Fence: int32(f.FD()), Flags: flags, Timeout: timeout})
}

// Close closes the file descriptor. A fence that is not signalled is then, with
// EOWNERDEAD.
func (f *Fence) Close() error { return f.file.Close() }
