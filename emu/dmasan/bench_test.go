// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"testing"

	"vdev/emu/mem"
	"vdev/mmio"
)

// BenchmarkStreaming is a page that goes to a device and comes back, with all that
// Linux does about it, with the sanitizer and without. Time is for each page.
func BenchmarkStreaming(b *testing.B) {
	for _, on := range []bool{true, false} {
		name := "without"
		if on {
			name = "with sanitizer"
		}
		b.Run(name, func(b *testing.B) {
			r := newRig(b, mem.CacheConfig{Mode: mem.Lazy}, false)
			if !on {
				r.mem.SetObserver(nil)
			}
			page := make([]byte, mem.PageSize)
			each := func(f func(a mmio.PhysAddr)) {
				r.regs.PC += 4
				for a := rigBase; a < rigBase+mem.PageSize; a += mem.LineSize {
					r.now += 10
					f(a)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				each(func(a mmio.PhysAddr) { r.mem.Store(a, 8, 1) })
				each(func(a mmio.PhysAddr) { r.mem.CBO(mem.OpClean, a) })
				_ = r.dev.ReadDMA(mmio.IOVA(rigBase), page)
				each(func(a mmio.PhysAddr) { r.mem.CBO(mem.OpClean, a) })
				_ = r.dev.WriteDMA(mmio.IOVA(rigBase), page)
				each(func(a mmio.PhysAddr) { r.mem.CBO(mem.OpInval, a) })
				each(func(a mmio.PhysAddr) { r.mem.Load(a, 8) })
			}
			if n := len(r.san.Reports()); n != 0 {
				b.Errorf("%d reports", n)
			}
		})
	}
}
