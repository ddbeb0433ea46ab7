// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"fmt"
	"slices"
	"testing"

	"vdev/emu/mem"
	"vdev/mmio"
)

// TestWatch looks at which accesses are told, in all modes of the cache.
func TestWatch(t *testing.T) {
	for _, mode := range []mem.Mode{mem.Coherent, mem.Lazy, mem.Eager, mem.Random} {
		r := newRig(t, mem.CacheConfig{Mode: mode, EvictRate: 0.5, FillRate: 0.5}, false)
		var told []string
		device := false // whoever makes accesses
		r.san.cfg.Access = func(a mmio.PhysAddr, n int, write bool) bool {
			if !device {
				told = append(told, fmt.Sprintf("%d+%d %v", a-rigBase, n, write))
			}
			return !device
		}
		read := func(at mmio.PhysAddr, n int) { r.must(r.mem.Read(rigBase+at, make([]byte, n))) }
		write := func(at mmio.PhysAddr, n int) { r.must(r.mem.Write(rigBase+at, make([]byte, n))) }
		is := func(what string, want ...string) {
			t.Helper()
			if !slices.Equal(told, want) {
				t.Errorf("%v: %s: told %q, want %q", mode, what, told, want)
			}
			told = nil
		}
		read(0, 8)
		write(0, 8)
		is("not watched")
		r.san.Watch(rigBase, 2*mem.PageSize, mem.NoisyWrite)
		read(0, 8)
		is("reads do not matter")
		write(60, 8)
		write(62, 8)
		write(4096, 1)
		write(8192, 1)
		is("writes, once for each line", "60+4 true", "64+4 true", "4096+1 true")
		device = true
		if err := r.dev.WriteDMA(mmio.IOVA(rigBase)+128, make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
		device = false
		r.mem.CBO(mem.OpFlush, rigBase)
		is("devices and maintenance")
		write(128, 8)
		is("a line that a device wrote before", "128+8 true")
		r.mem.CBO(mem.OpZero, rigBase+192)
		r.mem.StoreNC(rigBase+256, 8, 1)
		is("zeroed and non-cacheable", "192+64 true", "256+8 true")
		if !r.san.Seen() {
			t.Error("nothing was seen")
		}
		r.san.Rewatch()
		write(61, 1)
		is("again", "61+1 true")
		r.san.Watch(rigBase, mem.PageSize, mem.NoisyRead|mem.NoisyWrite)
		read(61, 1)
		read(61, 1)
		is("reads matter", "61+1 false")
		r.san.Watch(rigBase, 2*mem.PageSize, 0)
		r.san.Rewatch()
		read(300, 1)
		write(300, 1)
		write(4096, 1)
		is("not watched any more")
	}
}
