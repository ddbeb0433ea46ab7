// SPDX-License-Identifier: Apache-2.0

//go:build linux

package ioctl_test

import (
	"os"
	"os/signal"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vdev/ioctl"
)

// TestInterruptedExporter has a signal come while CPU_PREP waits for a fence of Linux on
// a buffer of another exporter: the call is made again, and finds nothing left of the
// first time.
func TestInterruptedExporter(t *testing.T) {
	dev := open(t, ioctl.VDEV_DMABUF_DEVICE)
	heap := open(t, "/dev/dma_heap/system")
	timeline := open(t, "/sys/kernel/debug/sync/sw_sync")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	alloc := ioctl.DMAHeapAllocationData{Len: 4096, FdFlags: ioctl.O_RDWR | ioctl.O_CLOEXEC}
	must(ioctl.Do(heap, ioctl.DMA_HEAP_IOCTL_ALLOC, &alloc))
	fd := int32(alloc.Fd)
	must(ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_REGISTER, &ioctl.VdevDMABufRegister{Fd: fd}))
	fence := ioctl.SwSyncCreateFenceData{Value: 1}
	must(ioctl.Do(timeline, ioctl.SW_SYNC_IOC_CREATE_FENCE, &fence))
	must(ioctl.Do(int(fd), ioctl.DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &ioctl.DMABufImportSyncFile{Flags: ioctl.DMA_BUF_SYNC_WRITE, Fd: fence.Fence}))

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGUSR1)
	defer signal.Stop(signals)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread := unix.Gettid()
	go func() {
		time.Sleep(10 * time.Millisecond)
		_ = unix.Tgkill(os.Getpid(), thread, unix.SIGUSR1)
		time.Sleep(10 * time.Millisecond)
		step := uint32(1)
		_ = ioctl.Do(timeline, ioctl.SW_SYNC_IOC_INC, &step)
	}()
	start := time.Now()
	prep := ioctl.VdevDMABufPrep{Fd: fd, Access: ioctl.VDEV_DMABUF_READ, Length: 4096}
	must(ioctl.Once(dev, ioctl.VDEV_DMABUF_IOC_CPU_PREP, &prep))
	if waited := time.Since(start); waited < 20*time.Millisecond {
		t.Errorf("it waited %v, and not for the fence", waited)
	}
	must(ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_CPU_FINI, &ioctl.VdevDMABufBuffer{Fd: fd}))
	var stats ioctl.VdevStats
	must(ioctl.Do(dev, ioctl.VDEV_DMABUF_IOC_STATS, &stats))
	if stats.CPUAccesses != 0 {
		t.Errorf("%d accesses are open", stats.CPUAccesses)
	}
}
