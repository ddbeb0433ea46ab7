// SPDX-License-Identifier: Apache-2.0

//go:build linux

package share

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"vdev/guest/drm"
	"vdev/ioctl"
)

// Access is what is done to bytes of a buffer.
type Access uint32

// The accesses.
const (
	Read      Access = ioctl.VDEV_DMABUF_READ
	Write     Access = ioctl.VDEV_DMABUF_WRITE
	ReadWrite Access = Read | Write
	// Frame, with Write, makes a frame that somebody is to read.
	Frame Access = ioctl.VDEV_DMABUF_FRAME
)

// Dir is the direction of a mapping for a device.
type Dir uint32

// The directions.
const (
	Bidirectional Dir = ioctl.VDEV_DMABUF_BIDIRECTIONAL
	ToDevice      Dir = ioctl.VDEV_DMABUF_TO_DEVICE
	FromDevice    Dir = ioctl.VDEV_DMABUF_FROM_DEVICE
)

// Wait says how long to wait: a time, or one of the constants.
type Wait time.Duration

// Waits.
const (
	Forever Wait = 0
	NoWait  Wait = -1 // fail with EBUSY
)

// request is the wait as requests have it.
func (w Wait) request() (flags uint32, timeout uint64) {
	if w < 0 {
		return ioctl.VDEV_DMABUF_NOWAIT, 0
	}
	return 0, uint64(w)
}

// Client is an open file of the core's device. What it has is released when it is
// closed.
type Client struct{ file *os.File }

// Open makes a client.
func Open() (*Client, error) {
	f, err := os.OpenFile(ioctl.VDEV_DMABUF_DEVICE, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &Client{f}, nil
}

// Close releases all that the client has but buffers.
func (c *Client) Close() error { return c.file.Close() }

// FD is the file descriptor.
func (c *Client) FD() int { return int(c.file.Fd()) }

// do makes a request. What a signal interrupts is not started again here: without a
// timeout the kernel does so.
func do[A any](c *Client, what string, req ioctl.Request, arg *A) error {
	if err := ioctl.Once(c.FD(), req, arg); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// name is a name in a request; what is too long is cut.
func name(s string) (b [ioctl.VDEV_DMABUF_NAME_LEN]uint8) {
	copy(b[:], s)
	return b
}

// Create makes a buffer without memory.
func (c *Client) Create(buffer string, size uint64) (*drm.DMABuf, error) {
	a := ioctl.VdevDMABufCreate{Size: size, Name: name(buffer)}
	if err := do(c, "create buffer", ioctl.VDEV_DMABUF_IOC_CREATE, &a); err != nil {
		return nil, err
	}
	return drm.NewDMABuf(int(a.Fd))
}

// Info tells about a buffer.
func (c *Client) Info(b *drm.DMABuf) (ioctl.VdevDMABufInfo, error) {
	a := ioctl.VdevDMABufInfo{Fd: int32(b.FD())}
	err := do(c, "info", ioctl.VDEV_DMABUF_IOC_INFO, &a)
	return a, err
}

// Register makes a dma-buf of somebody else known.
func (c *Client) Register(b *drm.DMABuf) error {
	return do(c, "register", ioctl.VDEV_DMABUF_IOC_REGISTER, &ioctl.VdevDMABufRegister{Fd: int32(b.FD())})
}

func (c *Client) buffer(what string, req ioctl.Request, b *drm.DMABuf) error {
	return do(c, what, req, &ioctl.VdevDMABufBuffer{Fd: int32(b.FD())})
}

// Unregister takes that back.
func (c *Client) Unregister(b *drm.DMABuf) error {
	return c.buffer("unregister", ioctl.VDEV_DMABUF_IOC_UNREGISTER, b)
}

// Stats are the core's counters.
func (c *Client) Stats() (ioctl.VdevStats, error) {
	var a ioctl.VdevStats
	err := do(c, "stats", ioctl.VDEV_DMABUF_IOC_STATS, &a)
	return a, err
}

// Table lists all buffers.
func (c *Client) Table() ([]ioctl.VdevTableRow, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	rows := make([]ioctl.VdevTableRow, 16)
	for {
		a := ioctl.VdevTable{Rows: ioctl.Pointer(&pin, rows), Count: uint32(len(rows))}
		if err := do(c, "table", ioctl.VDEV_DMABUF_IOC_TABLE, &a); err != nil {
			return nil, err
		}
		if int(a.Count) <= len(rows) {
			return rows[:a.Count], nil
		}
		rows = make([]ioctl.VdevTableRow, a.Count)
	}
}

// Prep prepares a part of a buffer for accesses through its mapping.
func (c *Client) Prep(b *drm.DMABuf, off, n uint64, a Access, w Wait) error {
	flags, timeout := w.request()
	return do(c, "prepare", ioctl.VDEV_DMABUF_IOC_CPU_PREP, &ioctl.VdevDMABufPrep{
		Fd: int32(b.FD()), Access: uint32(a), Flags: flags, Offset: off, Length: n, Timeout: timeout})
}

// Fini ends that.
func (c *Client) Fini(b *drm.DMABuf) error {
	return c.buffer("finish", ioctl.VDEV_DMABUF_IOC_CPU_FINI, b)
}

// MarkPending says that commands for the buffer are in a batch.
func (c *Client) MarkPending(b *drm.DMABuf) error {
	return c.buffer("mark", ioctl.VDEV_DMABUF_IOC_MARK_PENDING, b)
}

// Submit takes a mark back.
func (c *Client) Submit(b *drm.DMABuf) error {
	return c.buffer("submit", ioctl.VDEV_DMABUF_IOC_SUBMIT, b)
}

// WaitFences waits for the fences on a buffer that an access conflicts with.
func (c *Client) WaitFences(b *drm.DMABuf, a Access, w Wait) error {
	flags, timeout := w.request()
	return do(c, "wait", ioctl.VDEV_DMABUF_IOC_WAIT, &ioctl.VdevDMABufWait{
		Fd: int32(b.FD()), Access: uint32(a), Flags: flags, Timeout: timeout})
}
