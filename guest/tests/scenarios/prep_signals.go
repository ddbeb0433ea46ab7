// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"errors"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vdev/guest/drm"
	"vdev/guest/share"
	"vdev/guest/tests/coherency"
)

// A signal ends CPU_PREP that waits: with a timeout it fails with EINTR, without one Linux
// starts it again, as the handlers of Go's runtime want it (SA_RESTART).
func prepInterrupted(b *Bench, _ bool) bool {
	c := b.client()
	buf := b.buffer(c, "frame", page)
	camera := imported(b.tester(), buf)
	must(camera.Map(page, coherency.FromDevice))
	right := true
	for _, wait := range []share.Wait{share.Wait(time.Minute), share.Forever} {
		thread, done := make(chan int), make(chan error)
		go func() {
			runtime.LockOSThread() // which ends with the goroutine
			thread <- unix.Gettid()
			done <- c.Prep(buf, 0, page, share.Read, wait)
		}()
		id := <-thread
		waiting(c, 1)
		must(unix.Tgkill(unix.Getpid(), id, syscall.SIGURG))
		if wait != share.Forever {
			right = errors.Is(<-done, unix.EINTR) && stats(c).Waits == 0 && stats(c).CPUAccesses == 0 && right
			continue
		}
		time.Sleep(time.Millisecond)
		waiting(c, 1)
		must(camera.DeviceFill(0, page, 3))
		must(camera.Unmap())
		must(<-done)
	}
	right = all(b.mapped(buf), 3) && right
	must(c.Fini(buf))
	return right
}

// Of a process that is killed while CPU_PREP waits, nothing remains.
//
// Broken: CPU_PREP has returned, and CPU_FINI is missing. Nothing remains either, and
// what the process wrote may be lost.
func prepKilled(b *Bench, broken bool) bool {
	c := b.client()
	buf := b.buffer(c, "frame", page)
	camera := imported(b.tester(), buf)
	before := stats(c)
	if !broken {
		must(camera.Map(page, coherency.FromDevice))
	}
	child, channel := spawn("preparing")
	defer channel.Close()
	must(channel.Send("prepare", buf.FD()))
	if broken {
		var held string
		get(channel.Receive(&held))
		b.Note("held", uint64(stats(c).CPUAccesses))
	} else {
		waiting(c, 1)
	}
	must(child.Process.Kill())
	_ = child.Wait() // which says that it was killed
	if !broken {
		must(camera.Unmap())
	}
	return nothingRemains(c, before) == nil
}

// preparing prepares the buffer that it gets, and keeps it.
func preparing(parent *drm.Channel) {
	var message string
	buf := get(drm.NewDMABuf(get(parent.Receive(&message))[0]))
	c := get(share.Open())
	must(c.Prep(buf, 0, page, share.Write, share.Forever))
	must(parent.Send("held"))
	select {}
}
