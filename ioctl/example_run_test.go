// SPDX-License-Identifier: Apache-2.0

//go:build linux

package ioctl_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"vdev/ioctl"
)

// The examples of the documentation do what they say. They need the guest:
//
//	GOOS=linux GOARCH=riscv64 go test -exec 'vdev exec' -run TestExamples ./ioctl
func TestExamples(t *testing.T) {
	dev := open(t, ioctl.VDEV_DMABUF_DEVICE)
	tester := open(t, ioctl.VDEV_DMATEST_DEVICE)
	heap := open(t, "/dev/dma_heap/system")
	fds, err := makeBuffers(dev)
	if err != nil {
		t.Fatal(err)
	}
	one, other := fds[0], fds[1]
	fence := func() int32 {
		create := ioctl.VdevFenceCreate{}
		if err := ioctl.Do(dev, ioctl.VDEV_FENCE_IOC_CREATE, &create); err != nil {
			t.Fatal(err)
		}
		if err := ioctl.Do(dev, ioctl.VDEV_FENCE_IOC_SIGNAL, &ioctl.VdevFenceSignal{Fence: create.Fence}); err != nil {
			t.Fatal(err)
		}
		return create.Fence
	}
	worked := false
	for _, e := range []struct {
		name string
		run  func() error
	}{
		{"useHeap", func() error { return useHeap(dev, heap) }},
		{"attachTwo", func() error { return attachTwo(dev, one) }},
		{"invert", func() error { return invert(dev, one) }},
		{"draw", func() error { return draw(dev, one, make([]byte, 8192)) }},
		{"batch", func() error { return batch(dev, one) }},
		{"fenced", func() error { return fenced(dev, one) }},
		{"waitForBoth", func() error { return waitForBoth(dev, fence(), fence()) }},
		{"transform", func() error { return transform(dev, one, other, func() { worked = true }) }},
		{"nothingHeld", func() error { return nothingHeld(dev) }},
		{"list", func() error { return list(dev) }},
		{"fill", func() error { return fill(tester) }},
		{"fillShared", func() error { return fillShared(tester, other) }},
	} {
		if err := e.run(); err != nil {
			t.Errorf("%s: %v", e.name, err)
		}
	}
	if !worked {
		t.Error("transform did no work")
	}
}

// open opens a device that only the guest has.
func open(t *testing.T, name string) int {
	t.Helper()
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("no %s here: this runs in the guest", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}
