// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"bytes"
	"fmt"
	"testing"

	"vdev/dmabuf"
	"vdev/emu/mem"
	"vdev/mmio"
)

// TestSharedMemory has the core's decisions done to memory that harts and devices used
// before, in every cache mode.
func TestSharedMemory(t *testing.T) {
	for _, mode := range []mem.Mode{mem.Coherent, mem.Lazy, mem.Eager, mem.Random} {
		t.Run(mode.String(), func(t *testing.T) {
			m, err := New(Config{Memory: 64 << 20, Harts: 1, BufferPool: 9 << 20, Cache: mem.CacheConfig{Mode: mode, EvictRate: 0.5, FillRate: 0.5}})
			if err != nil {
				t.Fatal(err)
			}
			pool := m.cfg.bufferPool()
			if pool != (dmabuf.Extent{Addr: uint64(RAMBase) + 56<<20, Len: 8 << 20}) || len(m.Buffers()) != 0 {
				t.Errorf("pool %+v, buffers %v", pool, m.Buffers())
			}
			s, port := sharedMemory{m}, m.mem.NewPort("device", false)
			page := func(i uint64) uint64 { return pool.Addr + i*mem.PageSize }
			see := func(what string, at uint64, want byte) {
				t.Helper()
				device, hart := make([]byte, mem.PageSize), make([]byte, mem.PageSize)
				if err := port.ReadDMA(mmio.IOVA(at), device); err != nil {
					t.Fatal(err)
				}
				if !m.mem.Peek(mmio.PhysAddr(at), hart) {
					t.Fatal("no memory")
				}
				all := bytes.Repeat([]byte{want}, mem.PageSize)
				if !bytes.Equal(device, all) || !bytes.Equal(hart, all) {
					t.Errorf("%s: the device sees %#x..., a hart %#x..., want %#x", what, device[0], hart[0], want)
				}
			}
			fill := func(b byte) []byte { return bytes.Repeat([]byte{b}, mem.PageSize) }
			// A page that a hart wrote, one that a device wrote, and a new one.
			m.mem.Write(mmio.PhysAddr(page(1)), fill(1))
			if err := port.WriteDMA(mmio.IOVA(page(2)), fill(2)); err != nil {
				t.Fatal(err)
			}
			s.Zero(page(1), 3*mem.PageSize)
			for i := range uint64(3) {
				see(fmt.Sprintf("page %d", 1+i), page(1+i), 0)
			}
			m.mem.Write(mmio.PhysAddr(page(1)), fill(3))
			s.Copy(page(5), page(1), mem.PageSize)
			see("the copy", page(5), 3)
			s.Maintain(dmabuf.Clean, page(1), mem.PageSize)
			see("cleaned", page(1), 3)
			if err := port.WriteDMA(mmio.IOVA(page(1)), fill(4)); err != nil {
				t.Fatal(err)
			}
			s.Maintain(dmabuf.Invalidate, page(1), mem.PageSize)
			see("invalidated", page(1), 4)
		})
	}
}

func TestPoolIsLimited(t *testing.T) {
	cfg := Config{Memory: 64 << 20, Harts: 1, BufferPool: 33 << 20}
	if err := cfg.Check(); err == nil {
		t.Error("a pool of more than half of the memory")
	}
	for memory, want := range map[uint64]uint64{512 << 20: 64 << 20, 256 << 20: 64 << 20, 255 << 20: 0} {
		if got := DefaultBufferPool(memory); got != want {
			t.Errorf("memory of %d: pool of %d", memory, got)
		}
	}
}
