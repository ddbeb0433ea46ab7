// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Ioctls makes ioctls of all kinds for a test of their trace: those that work, that
// fail, that block, that signals interrupt, and one that its task does not survive.
// It prints nothing; the trace is compared with what is written here.
//
//	ioctls NAME    makes those of one function below
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"vdev/ioctl"
)

func main() {
	runtime.LockOSThread() // so that it is known which calls are made by which thread
	err := errors.New("usage: ioctls NAME")
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "buffers":
			err = buffers()
		case "imported":
			err = imported()
		case "tester":
			err = tester()
		case "mistakes":
			err = mistakes()
		case "interrupted":
			err = interrupted()
		case "stopped":
			err = stopped()
		case "blocked":
			err = blocked()
		case "threads":
			err = threads()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ioctls:", err)
		os.Exit(1)
	}
}

// heapBuffer makes a dma-buf of the system heap.
func heapBuffer(size uint64) (int, error) {
	heap, err := unix.Open("/dev/dma_heap/system", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(heap)
	arg := ioctl.DMAHeapAllocationData{Len: size, FdFlags: unix.O_RDWR | unix.O_CLOEXEC}
	err = ioctl.Do(heap, ioctl.DMA_HEAP_IOCTL_ALLOC, &arg)
	return int(arg.Fd), err
}

func sync(fd int, flags uint64) error {
	return ioctl.Do(fd, ioctl.DMA_BUF_IOCTL_SYNC, &ioctl.DMABufSync{Flags: flags})
}

// buffers has a dma-buf with a name, of which two lines are written. No device is
// attached to it.
func buffers() error {
	fd, err := heapBuffer(8192)
	if err != nil {
		return err
	}
	return write(fd)
}

// imported is the same when the display has the buffer, too.
func imported() error {
	fd, err := heapBuffer(8192)
	if err != nil {
		return err
	}
	card, err := openCard("exynos")
	if err != nil {
		return err
	}
	if err := ioctl.Do(card, ioctl.DRM_IOCTL_PRIME_FD_TO_HANDLE, &ioctl.DRMPrimeHandle{Fd: int32(fd)}); err != nil {
		return err
	}
	return write(fd)
}

// write names a dma-buf of two pages and writes to each.
func write(fd int) error {
	mem, err := unix.Mmap(fd, 0, 8192, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	err = errors.Join(
		ioctl.SetName(fd, "frame \"0\""),
		sync(fd, ioctl.DMA_BUF_SYNC_START|ioctl.DMA_BUF_SYNC_WRITE))
	mem[0], mem[5000] = 1, 1
	return errors.Join(err,
		sync(fd, ioctl.DMA_BUF_SYNC_END|ioctl.DMA_BUF_SYNC_WRITE))
}

// device is the DMA tester with a buffer of a page in use.
type device struct {
	fd     int
	handle uint32
	mem    []byte
}

func openTester() (*device, error) {
	fd, err := unix.Open(ioctl.VDEV_DMATEST_DEVICE, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	arg := ioctl.DMATestAlloc{Size: 4096, Kind: ioctl.VDEV_DMATEST_CACHED}
	if err := ioctl.Do(fd, ioctl.VDEV_DMATEST_IOC_ALLOC, &arg); err != nil {
		return nil, err
	}
	mem, err := unix.Mmap(fd, int64(arg.Offset), 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return &device{fd, arg.Handle, mem}, err
}

// start makes the device fill 1 KiB after some time.
func (d *device) start(delay time.Duration) error {
	return ioctl.Do(d.fd, ioctl.VDEV_DMATEST_IOC_RUN, &ioctl.DMATestRun{Op: ioctl.VDEV_DMATEST_FILL,
		Flags: ioctl.VDEV_DMATEST_ASYNC, Dst: d.handle, Length: 1024, Delay: uint32(delay)})
}

func (d *device) wait() error {
	return ioctl.Do(d.fd, ioctl.VDEV_DMATEST_IOC_WAIT, &ioctl.DMATestWait{})
}

func (d *device) sync(req ioctl.Request, offset, length uint64) error {
	return ioctl.Do(d.fd, req, &ioctl.DMATestSync{Handle: d.handle, Dir: ioctl.VDEV_DMATEST_BIDIRECTIONAL, Offset: offset, Length: length})
}

// tester has the CPU and the DMA tester take turns.
func tester() error {
	d, err := openTester()
	if err != nil {
		return err
	}
	err = ioctl.Do(d.fd, ioctl.VDEV_DMATEST_IOC_MAP,
		&ioctl.DMATestMap{Handle: d.handle, Dir: ioctl.VDEV_DMATEST_BIDIRECTIONAL, Length: 2048})
	d.mem[0], d.mem[100] = 1, 2 // two lines
	err = errors.Join(err,
		d.sync(ioctl.VDEV_DMATEST_IOC_SYNC_FOR_DEVICE, 0, 1000),
		d.start(0), // writes 16 lines
		d.wait(),
		d.sync(ioctl.VDEV_DMATEST_IOC_SYNC_FOR_CPU, 60, 8),
		ioctl.Do(d.fd, ioctl.VDEV_DMATEST_IOC_UNMAP,
			&ioctl.DMATestUnmap{Handle: d.handle, Attrs: ioctl.VDEV_DMATEST_SKIP_CPU_SYNC}),
		ioctl.Do(d.fd, ioctl.VDEV_DMATEST_IOC_FREE, &ioctl.DMATestFree{Handle: d.handle}))
	return err
}

// mistakes makes requests that do not exist, of files that do not, with addresses
// that lead nowhere.
func mistakes() error {
	fd, err := heapBuffer(4096)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		fd  int
		req ioctl.Request
		arg uintptr
	}{
		{fd, ioctl.DMA_BUF_IOCTL_SYNC, 8},
		{fd, ioctl.DMA_BUF_IOCTL_SYNC, ^uintptr(0) - 3},
		{fd, 0xc004d7ff, 0},
		{fd, 0, 0},
		{99, ioctl.DMA_BUF_IOCTL_SYNC, 0},
		{-1, 0x1234, 1},
	} {
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(c.fd), uintptr(c.req), c.arg); e == 0 {
			return fmt.Errorf("%v succeeded", c.req)
		}
	}
	if err := sync(fd, 0x80); err != unix.EINVAL {
		return fmt.Errorf("unknown flags: %v", err)
	}
	return nil
}

// onThread runs f on a thread of its own, sends that thread a signal when it has had
// time to block, and then calls release.
func onThread(f, release func() error) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGUSR1)
	defer signal.Stop(signals)
	tid := make(chan int)
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		tid <- unix.Gettid()
		done <- f()
	}()
	id := <-tid
	time.Sleep(20 * time.Millisecond)
	if err := unix.Tgkill(unix.Getpid(), id, unix.SIGUSR1); err != nil {
		return err
	}
	<-signals
	time.Sleep(20 * time.Millisecond)
	return errors.Join(release(), <-done)
}

// interrupted waits for the device, and for a fence, when a signal with a handler
// comes. The first is told so, the second is restarted by the kernel.
func interrupted() error {
	d, err := openTester()
	if err != nil {
		return err
	}
	err = errors.Join(
		ioctl.Do(d.fd, ioctl.VDEV_DMATEST_IOC_MAP,
			&ioctl.DMATestMap{Handle: d.handle, Dir: ioctl.VDEV_DMATEST_FROM_DEVICE, Length: 1024}),
		d.start(50*time.Millisecond),
		onThread(d.wait, func() error { return nil }))
	if err != nil {
		return err
	}
	buf, signalFence, err := fenced()
	if err != nil {
		return err
	}
	return onThread(func() error { return sync(buf, ioctl.DMA_BUF_SYNC_START|ioctl.DMA_BUF_SYNC_READ) }, signalFence)
}

// fenced is a dma-buf that the CPU must wait for, until signal.
func fenced() (buf int, signal func() error, err error) {
	card, err := openCard("vgem")
	if err != nil {
		return 0, nil, err
	}
	dumb := ioctl.DRMModeCreateDumb{Width: 32, Height: 32, Bpp: 32}
	if err := ioctl.Do(card, ioctl.DRM_IOCTL_MODE_CREATE_DUMB, &dumb); err != nil {
		return 0, nil, err
	}
	prime := ioctl.DRMPrimeHandle{Handle: dumb.Handle, Flags: unix.O_RDWR | unix.O_CLOEXEC}
	if err := ioctl.Do(card, ioctl.DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime); err != nil {
		return 0, nil, err
	}
	fence := ioctl.DRMVgemFenceAttach{Handle: dumb.Handle, Flags: ioctl.VGEM_FENCE_WRITE}
	if err := ioctl.Do(card, ioctl.DRM_IOCTL_VGEM_FENCE_ATTACH, &fence); err != nil {
		return 0, nil, err
	}
	return int(prime.Fd), func() error {
		return ioctl.Do(card, ioctl.DRM_IOCTL_VGEM_FENCE_SIGNAL, &ioctl.DRMVgemFenceSignal{Fence: fence.OutFence})
	}, nil
}

// openCard opens the card of a driver.
func openCard(driver string) (int, error) {
	for n := range 4 {
		fd, err := unix.Open(fmt.Sprintf("/dev/dri/card%d", n), unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		var pin runtime.Pinner
		name := make([]byte, 16)
		v := ioctl.DRMVersion{NameLen: uint64(len(name)), Name: ioctl.Pointer(&pin, name)}
		err = ioctl.Do(fd, ioctl.DRM_IOCTL_VERSION, &v)
		pin.Unpin()
		if err == nil && string(name[:min(v.NameLen, uint64(len(name)))]) == driver {
			return fd, nil
		}
		unix.Close(fd)
	}
	return 0, errors.New("no card of " + driver)
}

// stopped has a process that blocks be stopped and continued, which restarts the call
// without the process noticing, and then killed.
func stopped() error {
	child := exec.Command(os.Args[0], "blocked")
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		return err
	}
	var err error
	for _, s := range []unix.Signal{unix.SIGSTOP, unix.SIGCONT, unix.SIGKILL} {
		time.Sleep(20 * time.Millisecond)
		err = errors.Join(err, unix.Kill(child.Process.Pid, s))
	}
	_ = child.Wait() // it was killed
	return err
}

// blocked waits for a fence that nobody signals.
func blocked() error {
	buf, _, err := fenced()
	if err != nil {
		return err
	}
	return sync(buf, ioctl.DMA_BUF_SYNC_START|ioctl.DMA_BUF_SYNC_READ)
}

// threads has several threads make calls at the same time.
func threads() error {
	const n = 4
	done := make(chan error, n)
	for i := range n {
		go func() {
			runtime.LockOSThread()
			fd, err := heapBuffer(4096)
			for range 20 {
				err = errors.Join(err, sync(fd, ioctl.DMA_BUF_SYNC_START|ioctl.DMA_BUF_SYNC_RW))
				time.Sleep(time.Duration(i) * time.Microsecond)
				err = errors.Join(err, sync(fd, ioctl.DMA_BUF_SYNC_END|ioctl.DMA_BUF_SYNC_RW))
			}
			done <- err
		}()
	}
	var err error
	for range n {
		err = errors.Join(err, <-done)
	}
	return err
}
