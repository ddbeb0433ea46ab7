// SPDX-License-Identifier: Apache-2.0

//go:build linux

package coherency

import (
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// Result is what a program found out.
type Result struct {
	// Right tells whether all bytes were as they should.
	Right bool
	// Phys and Size are the buffer that it is about.
	Phys uint64
	Size int
}

// size is how much of a buffer the programs use, in bytes: several lines, and less
// than the page.
const size = 1024

// line is the length of a cache line in bytes.
const line = 64

// The bytes that programs and device write.
const (
	byCPU    = 0xc5
	byDevice = 0xd7
)

// Run runs a program by the name of its pair, in its broken or its correct form.
func Run(name string, broken bool) (Result, error) {
	for _, p := range Pairs() {
		if p.Name != name {
			continue
		}
		if broken && p.Code == Silent {
			return Result{}, fmt.Errorf("%s has no broken form", name)
		}
		run, ok := programs()[p.Func]
		if !ok {
			panic("BUG: coherency: no program " + p.Func)
		}
		d, err := Open()
		if err != nil {
			return Result{}, err
		}
		defer d.Close()
		b, err := d.Alloc(PageSize)
		if err != nil {
			return Result{}, err
		}
		right, err := run(b, broken)
		return Result{right, b.Phys, PageSize}, err
	}
	return Result{}, fmt.Errorf("there is no program %q", name)
}

// program uses the first size bytes of a fresh buffer, and tells whether it found
// them as they should be.
type program func(b *Buffer, broken bool) (right bool, err error)

func programs() map[string]program {
	return map[string]program{
		"deviceReadDirty":        deviceReadDirty,
		"deviceReadDirtyKernel":  deviceReadDirtyKernel,
		"cpuReadStale":           cpuReadStale,
		"cpuReadStaleKernel":     cpuReadStaleKernel,
		"cpuReadStaleUnmap":      cpuReadStaleUnmap,
		"earlyInvalidate":        earlyInvalidate,
		"writebackOverDMA":       writebackOverDMA,
		"writebackOverDMAShared": writebackOverDMAShared,
		"clobberByFill":          clobberByFill,
		"invalidateDirty":        invalidateDirty,
		"invalidateDirtyOrder":   invalidateDirtyOrder,
		"aliasMismatch":          aliasMismatch,
		"aliasMismatchRead":      aliasMismatchRead,
		"coherentBuffer":         coherentBuffer,
		"copyChain":              copyChain,
	}
}

// fill stores v to all of p. Like the others it is a function of its own in
// backtraces.
//
//go:noinline
func fill(p []byte, v byte) {
	for i := range p {
		p[i] = v
	}
}

// all tells whether all of p is v.
//
//go:noinline
func all(p []byte, v byte) bool {
	same := true
	for i := range p {
		if p[i] != v { // and go on: what is read must not depend on what is found
			same = false
		}
	}
	return same
}

// sumOf is the CRC-32 of n times v.
func sumOf(v byte, n int) uint32 {
	p := make([]byte, n)
	fill(p, v)
	return crc32.ChecksumIEEE(p)
}

// The CPU writes, the device reads. Broken: nobody cleans the lines in between.
func deviceReadDirty(b *Buffer, broken bool) (bool, error) {
	if err := b.Map(size, ToDevice); err != nil {
		return false, err
	}
	fill(b.Mem[:size], byCPU)
	if !broken {
		if err := b.SyncForDevice(0, size, ToDevice); err != nil {
			return false, err
		}
	}
	sum, err := b.DeviceSum(0, size)
	return sum == sumOf(byCPU, size), err
}

// The same, but it is the kernel that writes.
func deviceReadDirtyKernel(b *Buffer, broken bool) (bool, error) {
	if err := b.Map(size, ToDevice); err != nil {
		return false, err
	}
	if err := b.KernelFill(0, size, byCPU); err != nil {
		return false, err
	}
	if !broken {
		if err := b.SyncForDevice(0, size, ToDevice); err != nil {
			return false, err
		}
	}
	sum, err := b.DeviceSum(0, size)
	return sum == sumOf(byCPU, size), err
}

// The device writes, the CPU reads. Broken: nobody invalidates the lines in between.
func cpuReadStale(b *Buffer, broken bool) (bool, error) {
	if err := b.Map(size, FromDevice); err != nil {
		return false, err
	}
	all(b.Mem[:size], 0) // the lines are in the cache now
	if err := b.DeviceFill(0, size, byDevice); err != nil {
		return false, err
	}
	if !broken {
		if err := b.SyncForCPU(0, size, FromDevice); err != nil {
			return false, err
		}
	}
	return all(b.Mem[:size], byDevice), nil
}

// The same, but it is the kernel that reads.
func cpuReadStaleKernel(b *Buffer, broken bool) (bool, error) {
	if err := b.Map(size, FromDevice); err != nil {
		return false, err
	}
	all(b.Mem[:size], 0)
	if err := b.DeviceFill(0, size, byDevice); err != nil {
		return false, err
	}
	if !broken {
		if err := b.SyncForCPU(0, size, FromDevice); err != nil {
			return false, err
		}
	}
	sum, err := b.KernelSum(0, size)
	return sum == size*byDevice, err
}

// Unmapping hands the buffer to the CPU, too. Broken: it is told not to.
func cpuReadStaleUnmap(b *Buffer, broken bool) (bool, error) {
	if err := b.Map(size, FromDevice); err != nil {
		return false, err
	}
	all(b.Mem[:size], 0)
	if err := b.DeviceFill(0, size, byDevice); err != nil {
		return false, err
	}
	unmap := b.Unmap
	if broken {
		unmap = b.UnmapSkip
	}
	if err := unmap(); err != nil {
		return false, err
	}
	return all(b.Mem[:size], byDevice), nil
}

// The device writes after a while. Broken: the lines are invalidated before it has.
func earlyInvalidate(b *Buffer, broken bool) (bool, error) {
	if err := b.Map(size, FromDevice); err != nil {
		return false, err
	}
	// Long enough for this program to be first.
	if err := b.StartDeviceFill(0, size, byDevice, 20*time.Millisecond); err != nil {
		return false, err
	}
	if broken {
		if err := b.SyncForCPU(0, size, FromDevice); err != nil {
			return false, err
		}
	}
	if err := b.dev.Wait(); err != nil {
		return false, err
	}
	if !broken {
		if err := b.SyncForCPU(0, size, FromDevice); err != nil {
			return false, err
		}
	}
	return all(b.Mem[:size], byDevice), nil
}

// The device writes to lines that the CPU wrote before. Broken: mapping does not
// clean them.
func writebackOverDMA(b *Buffer, broken bool) (bool, error) {
	// As with most buffers, this is not its first transfer.
	if err := errors.Join(b.Map(size, FromDevice), b.Unmap()); err != nil {
		return false, err
	}
	fill(b.Mem[:size], byCPU)
	mapFor := b.Map
	if broken {
		mapFor = b.MapSkip
	}
	if err := mapFor(size, FromDevice); err != nil {
		return false, err
	}
	if err := b.DeviceFill(0, size, byDevice); err != nil {
		return false, err
	}
	if err := b.SyncForCPU(0, size, FromDevice); err != nil {
		return false, err
	}
	return all(b.Mem[:size], byDevice), nil
}

// The CPU counts while the device writes. Broken: the counter is in the last line of
// the device's buffer. What the device wrote is looked at past the cache, because
// invalidating the line would be wrong as well.
func writebackOverDMAShared(b *Buffer, broken bool) (bool, error) {
	counter := size
	if broken {
		counter = size - 8
	}
	if err := b.Map(size, Both); err != nil {
		return false, err
	}
	b.Mem[counter]++
	if err := b.DeviceFill(0, size-line/2, byDevice); err != nil {
		return false, err
	}
	sum, err := b.DeviceSum(0, size-line/2)
	return sum == sumOf(byDevice, size-line/2) && b.Mem[counter] == 1, err
}

// The device writes a packet, the CPU changes the first bytes of it, the device reads
// the rest. Broken: the CPU's stores go to the old lines.
func clobberByFill(b *Buffer, broken bool) (bool, error) {
	if err := b.Map(size, Both); err != nil {
		return false, err
	}
	all(b.Mem[:size], 0)
	if err := b.DeviceFill(0, size, byDevice); err != nil {
		return false, err
	}
	if !broken {
		if err := b.SyncForCPU(0, size, Both); err != nil {
			return false, err
		}
	}
	fill(b.Mem[:8], byCPU)
	if err := b.SyncForDevice(0, size, Both); err != nil {
		return false, err
	}
	sum, err := b.DeviceSum(8, size-8)
	return sum == sumOf(byDevice, size-8), err
}

// The CPU keeps a value behind the device's buffer, in a line of its own. Broken: the
// range that is handed to the CPU is a line too long.
func invalidateDirty(b *Buffer, broken bool) (bool, error) {
	if err := b.Map(PageSize, FromDevice); err != nil {
		return false, err
	}
	fill(b.Mem[size:size+8], byCPU)
	if err := b.DeviceFill(0, size, byDevice); err != nil {
		return false, err
	}
	n := size
	if broken {
		n = size + 8
	}
	if err := b.SyncForCPU(0, n, FromDevice); err != nil {
		return false, err
	}
	return all(b.Mem[size:size+8], byCPU) && all(b.Mem[:size], byDevice), nil
}

// The CPU takes the buffer, writes, and hands it to the device. Broken: it writes
// before it takes it.
func invalidateDirtyOrder(b *Buffer, broken bool) (bool, error) {
	if err := b.Map(size, Both); err != nil {
		return false, err
	}
	if broken {
		fill(b.Mem[:size], byCPU)
	}
	if err := b.SyncForCPU(0, size, Both); err != nil {
		return false, err
	}
	if !broken {
		fill(b.Mem[:size], byCPU)
	}
	if err := b.SyncForDevice(0, size, Both); err != nil {
		return false, err
	}
	sum, err := b.DeviceSum(0, size)
	return sum == sumOf(byCPU, size), err
}

// flush writes the lines back and drops them.
func flush(b *Buffer) error {
	if err := b.SyncForDevice(0, size, Both); err != nil {
		return err
	}
	return b.SyncForCPU(0, size, Both)
}

// The CPU writes through the cacheable mapping and reads through the other one.
// Broken: nobody flushes in between.
func aliasMismatch(b *Buffer, broken bool) (bool, error) {
	if err := b.Map(size, Both); err != nil {
		return false, err
	}
	fill(b.Mem[:size], byCPU)
	if !broken {
		if err := flush(b); err != nil {
			return false, err
		}
	}
	return all(b.NC[:size], byCPU), nil
}

// The other way round.
func aliasMismatchRead(b *Buffer, broken bool) (bool, error) {
	if err := b.Map(size, Both); err != nil {
		return false, err
	}
	all(b.Mem[:size], 0)
	if err := flush(b); err != nil {
		return false, err
	}
	all(b.Mem[:size], 0)
	fill(b.NC[:size], byCPU)
	if !broken {
		if err := b.SyncForCPU(0, size, Both); err != nil {
			return false, err
		}
	}
	return all(b.Mem[:size], byCPU), nil
}

// A coherent buffer needs no maintenance. The cached one is not used.
func coherentBuffer(b *Buffer, _ bool) (bool, error) {
	c, err := b.dev.AllocCoherent(PageSize)
	if err != nil {
		return false, err
	}
	right := true
	for i := range 3 {
		fill(c.Mem[:size], byCPU+byte(i))
		sum, err := c.DeviceSum(0, size)
		if err != nil {
			return false, err
		}
		right = right && sum == sumOf(byCPU+byte(i), size)
		if err := c.DeviceFill(0, size, byDevice+byte(i)); err != nil {
			return false, err
		}
		right = right && all(c.Mem[:size], byDevice+byte(i))
	}
	return right, nil
}

// Bytes that nobody has written as lines: from the CPU through two buffers and the
// device and back, over and over, at odd addresses.
func copyChain(b *Buffer, _ bool) (bool, error) {
	c, err := b.dev.Alloc(2 * PageSize)
	if err != nil {
		return false, err
	}
	right := true
	for i := range 20 {
		n, off := 64*i+13, 7*i
		fill(b.Mem[off:off+n], byte(i+1))
		if err := b.Map(off+n, ToDevice); err != nil {
			return false, err
		}
		if err := c.Map(2*PageSize, FromDevice); err != nil {
			return false, err
		}
		if err := b.DeviceCopy(off, n, c, PageSize-off); err != nil {
			return false, err
		}
		if err := b.Unmap(); err != nil {
			return false, err
		}
		if err := c.Unmap(); err != nil {
			return false, err
		}
		right = right && all(c.Mem[PageSize-off:PageSize-off+n], byte(i+1))
	}
	return right, nil
}
