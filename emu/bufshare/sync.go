// SPDX-License-Identifier: Apache-2.0

package bufshare

import (
	"vdev/dmabuf"
	"vdev/ioctl"
)

func (c *call) syncObject(id int32) (*dmabuf.SyncObject, error) {
	return c.s.core.SyncObject(dmabuf.ID(id))
}

func (c *call) fence(id int32) (*dmabuf.Fence, error) { return c.s.core.Fence(dmabuf.ID(id)) }

func syncInit(c *call, a *ioctl.VdevSyncInit) error {
	if err := flagsWithin(a.Flags, ioctl.VDEV_SYNC_BACKOFF|ioctl.VDEV_SYNC_UNLIMITED); err != nil {
		return err
	}
	o := dmabuf.SyncOptions{Timeout: timeout(a.Timeout), Backoff: a.Flags&ioctl.VDEV_SYNC_BACKOFF != 0}
	if a.Flags&ioctl.VDEV_SYNC_UNLIMITED != 0 {
		if a.Timeout != 0 {
			return dmabuf.EINVAL
		}
		o.Timeout = -1
	}
	s, err := c.client.NewSync(o)
	if err != nil {
		return err
	}
	a.Sync = int32(s.ID())
	return nil
}

func syncGet(c *call, a *ioctl.VdevSyncGet) error {
	s, err := c.syncObject(a.Sync)
	if err != nil {
		return err
	}
	all, err := elements[ioctl.VdevSyncBuffer](c, a.Count)
	if err != nil || len(all) == 0 {
		return dmabuf.EINVAL
	}
	for i, e := range all {
		b, acc, err := c.bufferFor(e.Fd, e.Access)
		if err == nil {
			err = s.Get(b, acc)
		}
		if err == nil {
			continue
		}
		for _, e := range all[:i] {
			if b, gone := c.buffer(e.Fd); gone == nil {
				_ = s.Put(b) // it was just added
			}
		}
		return err
	}
	return nil
}

func syncLock(c *call, a *ioctl.VdevSyncLock) error {
	s, err := c.syncObject(a.Sync)
	if err != nil {
		return err
	}
	if err := flagsWithin(a.Flags, ioctl.VDEV_DMABUF_NOWAIT); err != nil {
		return err
	}
	return c.waiting(a.Flags&ioctl.VDEV_DMABUF_NOWAIT != 0, a.Timeout, func(w *dmabuf.Wait) error {
		return s.Lock(c.client.Client, w)
	}, func() {
		a.Backoffs, a.State = s.Backoffs(), 0
		if s.Inconsistent() {
			a.State = ioctl.VDEV_SYNC_INCONSISTENT
		}
	})
}

func syncUnlock(c *call, a *ioctl.VdevSyncObject) error {
	s, err := c.syncObject(a.Sync)
	if err != nil {
		return err
	}
	return s.Unlock(c.client.Client)
}

func syncPut(c *call, a *ioctl.VdevSyncPut) error {
	s, err := c.syncObject(a.Sync)
	if err != nil {
		return err
	}
	b, err := c.buffer(a.Fd)
	if err != nil {
		return err
	}
	return s.Put(b)
}

func syncPutAll(c *call, a *ioctl.VdevSyncObject) error {
	s, err := c.syncObject(a.Sync)
	if err != nil {
		return err
	}
	return s.PutAll()
}

func syncFini(c *call, a *ioctl.VdevSyncObject) error {
	s, err := c.syncObject(a.Sync)
	if err != nil {
		return err
	}
	return s.Fini()
}

func fenceCreate(c *call, a *ioctl.VdevFenceCreate) error {
	f, err := c.client.NewFence(name(a.Name))
	if err != nil {
		return err
	}
	a.Fence, a.Id = int32(f.ID()), uint32(f.ID())
	return nil
}

func fenceMerge(c *call, a *ioctl.VdevFenceMerge) error {
	f1, err := c.fence(a.Fence1)
	if err != nil {
		return err
	}
	f2, err := c.fence(a.Fence2)
	if err != nil {
		return err
	}
	f, err := c.client.MergeFences(name(a.Name), f1, f2)
	if err != nil {
		return err
	}
	a.Fence = int32(f.ID())
	return nil
}

// maxErrno is the highest number of an error that programs know: EHWPOISON.
const maxErrno = 133

func fenceSignal(c *call, a *ioctl.VdevFenceSignal) error {
	f, err := c.fence(a.Fence)
	if err != nil {
		return err
	}
	if a.Error > maxErrno {
		return dmabuf.EINVAL
	}
	return f.Signal(dmabuf.Errno(a.Error))
}

func fenceAdd(c *call, a *ioctl.VdevFenceAdd) error {
	f, err := c.fence(a.Fence)
	if err != nil {
		return err
	}
	b, acc, err := c.bufferFor(a.Fd, a.Access)
	if err != nil {
		return err
	}
	return b.AddFence(f, acc)
}

func fenceWait(c *call, a *ioctl.VdevFenceWait) error {
	f, err := c.fence(a.Fence)
	if err != nil {
		return err
	}
	if err := flagsWithin(a.Flags, ioctl.VDEV_DMABUF_NOWAIT); err != nil {
		return err
	}
	return c.waiting(a.Flags&ioctl.VDEV_DMABUF_NOWAIT != 0, a.Timeout, func(w *dmabuf.Wait) error {
		return f.Wait(c.client.Client, w)
	}, nil)
}
