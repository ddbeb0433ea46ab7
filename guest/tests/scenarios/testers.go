// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"bytes"
	"hash/crc32"

	"vdev/guest/drm"
	"vdev/guest/share"
	"vdev/guest/tests/coherency"
	"vdev/ioctl"
)

// tester opens the DMA tester, which is whatever device a scenario lacks. It takes
// 32-bit addresses, and each buffer in one piece.
func (b *Bench) tester() *coherency.Device {
	d := get(coherency.Open())
	b.later(d.Close)
	return d
}

// imported attaches the tester to a buffer.
func imported(d *coherency.Device, buf *drm.DMABuf) *coherency.Buffer {
	return get(d.Import(buf.FD()))
}

// sums has the tester read a whole buffer, and tells whether all bytes are v.
func sums(t *coherency.Buffer, buf *drm.DMABuf, v byte) bool {
	must(t.Map(buf.Size, coherency.ToDevice))
	sum := get(t.DeviceSum(0, buf.Size))
	must(t.Unmap())
	return sum == sumOf(buf.Size, v)
}

// sumOf is what the tester makes of n bytes v.
func sumOf(n int, v byte) uint32 { return crc32.ChecksumIEEE(bytes.Repeat([]byte{v}, n)) }

// fills has the tester write v to all of a buffer.
func fills(t *coherency.Buffer, buf *drm.DMABuf, v byte) {
	must(t.Map(buf.Size, coherency.FromDevice))
	must(t.DeviceFill(0, buf.Size, v))
	must(t.Unmap())
}

// info tells about a buffer.
func info(c *share.Client, buf *drm.DMABuf) ioctl.VdevDMABufInfo { return get(c.Info(buf)) }

// write has the program write v to all of a buffer, as it should.
func write(c *share.Client, buf *drm.DMABuf, mem []byte, v byte) {
	must(c.Prep(buf, 0, uint64(buf.Size), share.Write, share.Forever))
	fill(mem, v)
	must(c.Fini(buf))
}

// reads has the program read all of a buffer, as it should, and tells whether all is v.
func reads(c *share.Client, buf *drm.DMABuf, mem []byte, v byte) bool {
	must(c.Prep(buf, 0, uint64(buf.Size), share.Read, share.Forever))
	right := all(mem, v)
	must(c.Fini(buf))
	return right
}

// below4GiB is 1 if all of a buffer is where devices with 32-bit addresses reach it.
func below4GiB(i *ioctl.VdevDMABufInfo) uint64 {
	if i.Extents == 1 && i.Phys+i.Size <= 1<<32 {
		return 1
	}
	return 0
}
