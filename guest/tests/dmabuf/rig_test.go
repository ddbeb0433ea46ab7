// SPDX-License-Identifier: Apache-2.0

//go:build linux

package dmabuf

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vdev/guest/drm"
	"vdev/guest/share"
	"vdev/guest/tests/internal/child"
	"vdev/ioctl"
)

func TestMain(m *testing.M) {
	if name := child.Name(); name != "" {
		run, ok := children()[name]
		if !ok {
			os.Exit(111)
		}
		os.Exit(run())
	}
	if _, err := os.Stat(ioctl.VDEV_DMABUF_DEVICE); err != nil && runtime.GOARCH != "riscv64" {
		fmt.Println("no dma-buf core here: run this with vdev exec")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// children are programs that tests start.
func children() map[string]func() int {
	return map[string]func() int{"receiver": receiver, "holder": holder, "waiter": waiter, "leaver": leaver, "random": random}
}

// start starts one of children, with a channel to it.
func start(t *testing.T, name string) (*exec.Cmd, *drm.Channel) {
	t.Helper()
	cmd, c, err := child.Start(name)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return cmd, c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want checks an error's number; 0 is success.
func want(t *testing.T, what string, err error, errno unix.Errno) {
	t.Helper()
	if errno == 0 && err != nil || errno != 0 && !errors.Is(err, errno) {
		t.Errorf("%s: error %v, want %v", what, err, errno)
	}
}

// open makes a client, and checks at the end that nothing of the test remains.
func open(t *testing.T) *share.Client {
	t.Helper()
	c, err := share.Open()
	must(t, err)
	before, err := c.Stats()
	must(t, err)
	t.Cleanup(func() {
		_ = c.Close()
		c, err := share.Open()
		must(t, err)
		defer c.Close()
		var after ioctl.VdevStats
		// What dead processes had goes some time after they have been waited for: Linux
		// drops files that were passed through sockets late.
		for start := time.Now(); time.Since(start) < 5*time.Second; {
			after, err = c.Stats()
			must(t, err)
			if now(after) == now(before) {
				return
			}
			time.Sleep(time.Millisecond)
		}
		t.Errorf("something remains:\n%+v, was\n%+v", now(after), now(before))
	})
	return c
}

// now is what the core has.
func now(s ioctl.VdevStats) ioctl.VdevStats {
	return ioctl.VdevStats{Clients: s.Clients, Buffers: s.Buffers, Attachments: s.Attachments, Mapped: s.Mapped,
		SyncObjects: s.SyncObjects, Fences: s.Fences, Locked: s.Locked, CPUAccesses: s.CPUAccesses, Kmaps: s.Kmaps,
		Jobs: s.Jobs, Waits: s.Waits, Pages: s.Pages, PoolFree: s.PoolFree}
}

// create makes a buffer for the time of a test.
func create(t *testing.T, c *share.Client, size uint64) *drm.DMABuf {
	t.Helper()
	b, err := c.Create(t.Name(), size)
	must(t, err)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// mapped maps a buffer for the time of a test.
func mapped(t *testing.T, b *drm.DMABuf) []byte {
	t.Helper()
	p, err := b.Map()
	must(t, err)
	t.Cleanup(func() { must(t, unix.Munmap(p)) })
	return p
}

// newSync makes a sync object for the time of a test.
func newSync(t *testing.T, c *share.Client, o share.SyncOptions, uses ...share.Use) *share.Sync {
	t.Helper()
	s, err := c.NewSync(o)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	if len(uses) > 0 {
		must(t, s.Get(uses...))
	}
	return s
}
