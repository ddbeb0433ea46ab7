// SPDX-License-Identifier: Apache-2.0

//go:build linux

package dmabuf

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vdev/guest/drm"
	"vdev/guest/share"
	"vdev/guest/tests/internal/child"
	"vdev/ioctl"
)

// received is the buffer that the test sends, and a client for it.
func received() (*drm.Channel, *share.Client, *drm.DMABuf, error) {
	ch := child.Parent()
	var message string
	fds, err := ch.Receive(&message)
	if err != nil {
		return nil, nil, nil, err
	}
	c, err := share.Open()
	if err != nil {
		return nil, nil, nil, err
	}
	b, err := drm.NewDMABuf(fds[0])
	return ch, c, b, err
}

// status tells what went wrong in a child.
func status(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// receiver gets a buffer and adds one to each byte.
func receiver() int {
	ch, c, b, err := received()
	if err != nil {
		return status(err)
	}
	mem, err := b.Map()
	if err != nil {
		return status(err)
	}
	if err := c.Prep(b, 0, uint64(b.Size), share.ReadWrite, share.Forever); err != nil {
		return status(err)
	}
	for i := range mem {
		mem[i]++
	}
	if err := c.Fini(b); err != nil {
		return status(err)
	}
	return status(ch.Send("done"))
}

// TestPassing passes a buffer to another process.
func TestPassing(t *testing.T) {
	c := open(t)
	b := create(t, c, 2*page)
	mem := mapped(t, b)
	must(t, c.Prep(b, 0, 2*page, share.Write, share.Forever))
	for i := range mem {
		mem[i] = byte(i)
	}
	must(t, c.Fini(b))
	cmd, ch := start(t, "receiver")
	must(t, ch.Send("buffer", b.FD()))
	var message string
	if _, err := ch.Receive(&message); err != nil {
		t.Error(err)
	}
	must(t, cmd.Wait())
	must(t, c.Prep(b, 0, 2*page, share.Read, share.Forever))
	for i := range mem {
		if mem[i] != byte(i+1) {
			t.Fatalf("byte %d is %d", i, mem[i])
		}
	}
	must(t, c.Fini(b))
}

// holder takes all there is to take, and waits to be killed.
func holder() int {
	ch, c, b, err := received()
	if err != nil {
		return status(err)
	}
	mem, err := b.Map()
	if err != nil {
		return status(err)
	}
	if err := c.Prep(b, 0, page, share.ReadWrite, share.Forever); err != nil {
		return status(err)
	}
	mem[0] = 1
	s, err := c.NewSync(share.SyncOptions{Timeout: -1})
	if err != nil {
		return status(err)
	}
	if err := s.Get(share.Use{Buf: b, Access: share.Write}); err != nil {
		return status(err)
	}
	if _, err := s.Lock(share.Forever); err != nil {
		return status(err)
	}
	f, err := c.NewFence("never")
	if err != nil {
		return status(err)
	}
	a, err := c.Attach(b, "g2d", nil)
	if err == nil {
		_, err = a.Map(share.ToDevice)
	}
	if err == nil {
		err = f.Add(b, share.Write)
	}
	if err == nil {
		err = c.MarkPending(b)
	}
	if err == nil {
		err = ch.Send("held")
	}
	if err != nil {
		return status(err)
	}
	for {
		time.Sleep(time.Hour)
	}
}

// waiter waits for a lock.
func waiter() int {
	ch, c, b, err := received()
	if err != nil {
		return status(err)
	}
	s, err := c.NewSync(share.SyncOptions{})
	if err != nil {
		return status(err)
	}
	if err := s.Get(share.Use{Buf: b, Access: share.Write}); err != nil {
		return status(err)
	}
	if err := ch.Send("waiting"); err != nil {
		return status(err)
	}
	_, err = s.Lock(share.Forever)
	return status(err)
}

// waits waits until the core has as many waiting calls.
func waits(t *testing.T, c *share.Client, n uint32) {
	t.Helper()
	for range 1000 {
		s, err := c.Stats()
		must(t, err)
		if s.Waits == n {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("there are never %d calls that wait", n)
}

// TestKilledWaiter kills a process that waits; open checks that nothing remains of it.
func TestKilledWaiter(t *testing.T) {
	c := open(t)
	b := create(t, c, page)
	s := newSync(t, c, share.SyncOptions{}, share.Use{Buf: b, Access: share.Write})
	if _, err := s.Lock(share.Forever); err != nil {
		t.Fatal(err)
	}
	cmd, ch := start(t, "waiter")
	must(t, ch.Send("buffer", b.FD()))
	var message string
	if _, err := ch.Receive(&message); err != nil {
		t.Fatal(err)
	}
	waits(t, c, 1)
	must(t, cmd.Process.Kill())
	if err := cmd.Wait(); err == nil {
		t.Error("killed, and ended well")
	}
	waits(t, c, 0)
	must(t, s.Unlock())
}

// TestInterrupted has signals end calls that wait, or start them again.
func TestInterrupted(t *testing.T) {
	c := open(t)
	b := create(t, c, page)
	held := newSync(t, c, share.SyncOptions{Timeout: -1}, share.Use{Buf: b, Access: share.Write})
	if _, err := held.Lock(share.Forever); err != nil {
		t.Fatal(err)
	}
	s := newSync(t, c, share.SyncOptions{}, share.Use{Buf: b, Access: share.Write})
	for _, w := range []share.Wait{share.Forever, share.Wait(10 * time.Second)} {
		tid, done := make(chan int), make(chan error)
		go func() {
			// The thread is the goroutine's own, and ends with it.
			runtime.LockOSThread()
			tid <- unix.Gettid()
			_, err := s.Lock(w)
			done <- err
		}()
		thread := <-tid
		waits(t, c, 1)
		// The handlers of Go's runtime have SA_RESTART.
		must(t, unix.Tgkill(unix.Getpid(), thread, syscall.SIGURG))
		if w == share.Forever {
			time.Sleep(5 * time.Millisecond)
			waits(t, c, 1)
			must(t, held.Unlock())
			must(t, <-done)
			must(t, s.Unlock())
			if _, err := held.Lock(share.Forever); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want(t, "interrupted", <-done, unix.EINTR)
		waits(t, c, 0)
	}
	must(t, held.Unlock())
}

// TestForeign registers a dma-buf of a heap.
func TestForeign(t *testing.T) {
	c := open(t)
	b, err := drm.AllocHeap(drm.HeapSystem, 3*page)
	must(t, err)
	defer b.Close()
	want(t, "not registered", second(c.Info(b)), unix.EINVAL)
	must(t, b.SetName("of a heap"))
	must(t, c.Register(b))
	want(t, "registered", c.Register(b), unix.EEXIST)
	own := create(t, c, page)
	want(t, "the core's own", c.Register(own), unix.EEXIST)
	want(t, "not foreign", c.Unregister(own), unix.EINVAL)
	i, err := c.Info(b)
	if err != nil || i.Flags != ioctl.VDEV_DMABUF_INFO_FOREIGN|ioctl.VDEV_DMABUF_INFO_PLACED || i.Size != 3*page ||
		string(i.Name[:9]) != "of a heap" {
		t.Errorf("%+v, %v", i, err)
	}
	mem := mapped(t, b)
	must(t, c.Prep(b, 0, 3*page, share.Write, share.Forever))
	copy(mem, "foreign")
	must(t, c.Fini(b))
	must(t, c.Unregister(b))
	want(t, "gone", c.Prep(b, 0, 3*page, share.Read, share.Forever), unix.EINVAL)
	must(t, c.Register(b)) // until the client is closed
}

// TestForeignOutlives uses a foreign buffer for longer than who registered it.
func TestForeignOutlives(t *testing.T) {
	c := open(t)
	b, err := drm.AllocHeap(drm.HeapSystem, page)
	must(t, err)
	defer b.Close()
	mem := mapped(t, b)
	other, err := share.Open()
	must(t, err)
	must(t, other.Register(b))
	s := newSync(t, c, share.SyncOptions{}, share.Use{Buf: b, Access: share.Write})
	must(t, other.Close())
	want(t, "still in use", c.Register(b), unix.EEXIST)
	if _, err := s.Lock(share.Forever); err != nil {
		t.Fatal(err)
	}
	mem[0] = 1
	must(t, s.Unlock())
	must(t, s.PutAll())
	want(t, "not in use", second(c.Info(b)), unix.EINVAL)
	must(t, c.Register(b))
}
