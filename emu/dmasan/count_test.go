// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"testing"

	"vdev/emu/mem"
	"vdev/mmio"
)

func TestCount(t *testing.T) {
	for _, tt := range []struct {
		name         string
		script       script
		from         mmio.PhysAddr // from the base
		n            uint64
		dirty, stale int
	}{
		{"nothing", "", 0, 0x10000, 0, 0},
		{"written, no DMA yet: nobody knows which line", "W0.0+8", 0, mem.PageSize, 64, 0},
		{"the same, one line of it", "W0.0+8", 0x7f, 2, 2, 0},
		{"the same, next page", "W0.0+8", mem.PageSize, mem.PageSize, 0, 0},
		{"stores", "C0 W0.0+8 W1.0+1 W4.0+1", 0, mem.PageSize, 2, 0},
		{"stores in two pages", "C0 C4 W0.0+8 W1.0+1 W4.0+1", 0, 2 * mem.PageSize, 3, 0},
		{"not the line before", "C0 W0.0+8 W1.0+1", 0x40, mem.PageSize, 1, 0},
		{"the line of the last byte", "C0 W0 W1", 0x3f, 2, 2, 0},
		{"device", "C0 D0.0+1 D1", 0, mem.PageSize, 0, 2},
		{"both", "C0 D0.0+1 W0.8+1", 0, mem.PageSize, 1, 1},
		{"cleaned and invalidated", "C0 D0.0+1 I0 W1 C1", 0, mem.PageSize, 0, 0},
		{"below RAM", "C0 W0.0+1", 0, 2 * mem.PageSize, 1, 0},
		{"around", "C0 W0.0+1", 0x7000_0000, 1<<64 - 1, 0, 0},
		{"far more than RAM", "C0 W0.0+1", 0, 1<<64 - 1, 1, 0},
	} {
		for _, c := range machines() {
			r := tt.script.play(t, c, false)
			from := rigBase + tt.from
			if tt.name == "below RAM" {
				from = rigBase - mem.PageSize
			}
			if dirty, stale := r.san.Count(from, tt.n); dirty != tt.dirty || stale != tt.stale {
				t.Errorf("%s, %v: %d dirty, %d stale", tt.name, c.Mode, dirty, stale)
			}
		}
	}
}

func TestCountInCoherentMode(t *testing.T) {
	r := script("W0 D0").play(t, mem.CacheConfig{Mode: mem.Coherent}, false)
	if dirty, stale := r.san.Count(rigBase, mem.PageSize); dirty != 0 || stale != 0 {
		t.Errorf("%d dirty, %d stale", dirty, stale)
	}
}
