// SPDX-License-Identifier: Apache-2.0

//go:build linux

package coherency

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"vdev/ioctl"
)

// PageSize is the granule of buffers, in bytes.
const PageSize = 4096

// Dir is the direction of a transfer.
type Dir uint32

// The directions.
const (
	Both       Dir = ioctl.VDEV_DMATEST_BIDIRECTIONAL
	ToDevice   Dir = ioctl.VDEV_DMATEST_TO_DEVICE
	FromDevice Dir = ioctl.VDEV_DMATEST_FROM_DEVICE
)

// Device is the DMA tester.
type Device struct {
	file *os.File
}

// Open opens the DMA tester.
func Open() (*Device, error) {
	f, err := os.OpenFile(ioctl.VDEV_DMATEST_DEVICE, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &Device{f}, nil
}

func (d *Device) fd() int { return int(d.file.Fd()) }

// Close gives back all buffers that are not mapped to user space any more.
func (d *Device) Close() error { return d.file.Close() }

// Buffer is memory for the device and the program.
type Buffer struct {
	dev    *Device
	handle uint32
	// Mem is a mapping like the kernel's: cacheable, but for coherent buffers.
	Mem []byte
	// NC is a non-cacheable mapping of the same memory; nil for coherent buffers.
	NC []byte
	// Phys is its physical address.
	Phys uint64
}

// Alloc makes a cached buffer of zeros.
func (d *Device) Alloc(size int) (*Buffer, error) { return d.alloc(size, ioctl.VDEV_DMATEST_CACHED) }

// AllocCoherent makes a coherent buffer of zeros.
func (d *Device) AllocCoherent(size int) (*Buffer, error) {
	return d.alloc(size, ioctl.VDEV_DMATEST_COHERENT)
}

func (d *Device) alloc(size int, kind uint32) (*Buffer, error) {
	arg := ioctl.DMATestAlloc{Size: uint64(size), Kind: kind}
	if err := ioctl.Do(d.fd(), ioctl.VDEV_DMATEST_IOC_ALLOC, &arg); err != nil {
		return nil, fmt.Errorf("alloc: %w", err)
	}
	b := &Buffer{dev: d, handle: arg.Handle, Phys: arg.Phys}
	var err error
	if b.Mem, err = d.mmap(arg.Offset, arg.Size); err != nil {
		return nil, err
	}
	if arg.OffsetNC != 0 {
		if b.NC, err = d.mmap(arg.OffsetNC, arg.Size); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// Import makes a dma-buf a buffer of the device, to be mapped and unmapped like others.
// Programs access it through the dma-buf.
func (d *Device) Import(dmabuf int) (*Buffer, error) {
	arg := ioctl.DMATestImport{Fd: int32(dmabuf)}
	if err := ioctl.Do(d.fd(), ioctl.VDEV_DMATEST_IOC_IMPORT, &arg); err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	return &Buffer{dev: d, handle: arg.Handle}, nil
}

func (d *Device) mmap(offset, size uint64) ([]byte, error) {
	p, err := unix.Mmap(int(d.file.Fd()), int64(offset), int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mmap at %#x: %w", offset, err)
	}
	return p, nil
}

// Free gives a buffer up, with its mappings to user space.
func (b *Buffer) Free() error {
	var err error
	if b.Mem != nil { // not of imported buffers
		err = unix.Munmap(b.Mem)
	}
	if b.NC != nil {
		err = errors.Join(err, unix.Munmap(b.NC))
	}
	b.Mem, b.NC = nil, nil
	return errors.Join(err, ioctl.Do(b.dev.fd(), ioctl.VDEV_DMATEST_IOC_FREE, &ioctl.DMATestFree{Handle: b.handle}))
}

// Map maps the first n bytes for the device: dma_map_single, with all its cache
// maintenance.
func (b *Buffer) Map(n int, dir Dir) error { return b.mapAttrs(n, dir, 0) }

// MapSkip is Map without cache maintenance: DMA_ATTR_SKIP_CPU_SYNC.
func (b *Buffer) MapSkip(n int, dir Dir) error {
	return b.mapAttrs(n, dir, ioctl.VDEV_DMATEST_SKIP_CPU_SYNC)
}

func (b *Buffer) mapAttrs(n int, dir Dir, attrs uint32) error {
	arg := ioctl.DMATestMap{Handle: b.handle, Dir: uint32(dir), Attrs: attrs, Length: uint64(n)}
	if err := ioctl.Do(b.dev.fd(), ioctl.VDEV_DMATEST_IOC_MAP, &arg); err != nil {
		return fmt.Errorf("map: %w", err)
	}
	return nil
}

// Unmap ends the mapping: dma_unmap_single, with all its cache maintenance.
func (b *Buffer) Unmap() error { return b.unmapAttrs(0) }

// UnmapSkip is Unmap without cache maintenance.
func (b *Buffer) UnmapSkip() error { return b.unmapAttrs(ioctl.VDEV_DMATEST_SKIP_CPU_SYNC) }

func (b *Buffer) unmapAttrs(attrs uint32) error {
	if err := ioctl.Do(b.dev.fd(), ioctl.VDEV_DMATEST_IOC_UNMAP, &ioctl.DMATestUnmap{Handle: b.handle, Attrs: attrs}); err != nil {
		return fmt.Errorf("unmap: %w", err)
	}
	return nil
}

// SyncForDevice hands n bytes at off to the device: dma_sync_single_for_device.
func (b *Buffer) SyncForDevice(off, n int, dir Dir) error {
	return b.sync(ioctl.VDEV_DMATEST_IOC_SYNC_FOR_DEVICE, off, n, dir)
}

// SyncForCPU hands n bytes at off to the CPU: dma_sync_single_for_cpu.
func (b *Buffer) SyncForCPU(off, n int, dir Dir) error {
	return b.sync(ioctl.VDEV_DMATEST_IOC_SYNC_FOR_CPU, off, n, dir)
}

func (b *Buffer) sync(req ioctl.Request, off, n int, dir Dir) error {
	arg := ioctl.DMATestSync{Handle: b.handle, Dir: uint32(dir), Offset: uint64(off), Length: uint64(n)}
	if err := ioctl.Do(b.dev.fd(), req, &arg); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return nil
}

// KernelFill has the kernel store n times the byte v at off.
func (b *Buffer) KernelFill(off, n int, v byte) error {
	arg := ioctl.DMATestAccess{Handle: b.handle, Access: ioctl.VDEV_DMATEST_WRITE, Offset: uint64(off), Length: uint64(n), Value: uint32(v)}
	if err := ioctl.Do(b.dev.fd(), ioctl.VDEV_DMATEST_IOC_ACCESS, &arg); err != nil {
		return fmt.Errorf("kernel write: %w", err)
	}
	return nil
}

// KernelSum has the kernel load n bytes at off and add them up.
func (b *Buffer) KernelSum(off, n int) (uint32, error) {
	arg := ioctl.DMATestAccess{Handle: b.handle, Access: ioctl.VDEV_DMATEST_READ, Offset: uint64(off), Length: uint64(n)}
	if err := ioctl.Do(b.dev.fd(), ioctl.VDEV_DMATEST_IOC_ACCESS, &arg); err != nil {
		return 0, fmt.Errorf("kernel read: %w", err)
	}
	return arg.Result, nil
}

// fault turns the device's ERROR register into an error.
func fault(code uint32) error {
	if code == 0 {
		return nil
	}
	return fmt.Errorf("the device failed with error %d", code)
}

func (d *Device) run(arg *ioctl.DMATestRun) error {
	if err := ioctl.Do(d.fd(), ioctl.VDEV_DMATEST_IOC_RUN, arg); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return fault(arg.Error)
}

// pattern is what makes the device write the byte v everywhere.
func pattern(v byte) uint64 { return 0x0101010101010101 * uint64(v) }

// DeviceFill has the device write n times the byte v at off, and waits for it.
func (b *Buffer) DeviceFill(off, n int, v byte) error {
	return b.dev.run(&ioctl.DMATestRun{Op: ioctl.VDEV_DMATEST_FILL, Dst: b.handle, DstOffset: uint64(off), Length: uint32(n), Pattern: pattern(v)})
}

// StartDeviceFill is DeviceFill that comes true after a delay. Wait waits for it.
func (b *Buffer) StartDeviceFill(off, n int, v byte, delay time.Duration) error {
	return b.startFill(0, off, n, v, delay)
}

// StartDeviceFrame is StartDeviceFill of a frame that somebody is to read.
func (b *Buffer) StartDeviceFrame(off, n int, v byte, delay time.Duration) error {
	return b.startFill(ioctl.VDEV_DMATEST_FRAME, off, n, v, delay)
}

func (b *Buffer) startFill(flags uint32, off, n int, v byte, delay time.Duration) error {
	return b.dev.run(&ioctl.DMATestRun{Op: ioctl.VDEV_DMATEST_FILL, Flags: ioctl.VDEV_DMATEST_ASYNC | flags, Dst: b.handle, DstOffset: uint64(off),
		Length: uint32(n), Pattern: pattern(v), Delay: uint32(delay)})
}

// DeviceSum has the device read n bytes at off and returns their CRC-32.
func (b *Buffer) DeviceSum(off, n int) (uint32, error) {
	arg := ioctl.DMATestRun{Op: ioctl.VDEV_DMATEST_CHECKSUM, Src: b.handle, SrcOffset: uint64(off), Length: uint32(n)}
	err := b.dev.run(&arg)
	return arg.Result, err
}

// DeviceCopy has the device copy n bytes at off to another buffer.
func (b *Buffer) DeviceCopy(off, n int, dst *Buffer, dstOff int) error {
	return b.dev.run(&ioctl.DMATestRun{Op: ioctl.VDEV_DMATEST_COPY, Src: b.handle, SrcOffset: uint64(off), Dst: dst.handle, DstOffset: uint64(dstOff), Length: uint32(n)})
}

// StartDeviceSum is DeviceSum that comes true after a delay. WaitSum waits for it.
func (b *Buffer) StartDeviceSum(off, n int, delay time.Duration) error {
	return b.dev.run(&ioctl.DMATestRun{Op: ioctl.VDEV_DMATEST_CHECKSUM, Flags: ioctl.VDEV_DMATEST_ASYNC, Src: b.handle, SrcOffset: uint64(off),
		Length: uint32(n), Delay: uint32(delay)})
}

// Wait waits for the end of what Start… began.
func (d *Device) Wait() error {
	_, err := d.WaitSum()
	return err
}

// WaitSum is Wait, and returns the CRC-32 of StartDeviceSum.
func (d *Device) WaitSum() (uint32, error) {
	var arg ioctl.DMATestWait
	if err := ioctl.Do(d.fd(), ioctl.VDEV_DMATEST_IOC_WAIT, &arg); err != nil {
		return 0, fmt.Errorf("wait: %w", err)
	}
	return arg.Result, fault(arg.Error)
}
