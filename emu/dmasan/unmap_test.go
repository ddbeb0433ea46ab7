// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"testing"
	"time"

	"vdev/emu/mem"
	"vdev/iommu"
	"vdev/mmio"
)

// Who unmapped a page is the other side of a use after that, if it is sure.
func TestWhoUnmapped(t *testing.T) {
	const mine, others = 7, 8
	all := iommu.Invalidation{PSCID: mine, HasPSCID: true}
	exact := func(space uint32, page mmio.IOVA) iommu.Invalidation {
		return iommu.Invalidation{PSCID: space, HasPSCID: true, Addr: page, HasAddr: true}
	}
	for _, tt := range []struct {
		name    string
		used    bool // the page, before
		unmaps  []iommu.Invalidation
		want    string
		unmaper int // the index of the invalidation whose maker is the other side, or -1
	}{
		{"the page", true, []iommu.Invalidation{exact(mine, 0x1000)}, "dma-after-unmap", 0},
		{"the page, then others", true, []iommu.Invalidation{exact(mine, 0x1000), exact(mine, 0x2000), all}, "dma-after-unmap", 0},
		{"everything", true, []iommu.Invalidation{all}, "dma-after-unmap", 0},
		{"everything twice", true, []iommu.Invalidation{all, all}, "dma-after-unmap", -1},
		{"every address space", true, []iommu.Invalidation{{}}, "dma-after-unmap", 0},
		{"another address space", true, []iommu.Invalidation{exact(others, 0x1000)}, "dma-after-unmap", -1},
		{"nobody", true, nil, "dma-after-unmap", -1},
		{"the page, never used", false, []iommu.Invalidation{exact(mine, 0x1000)}, "dma-after-unmap", 0},
		{"everything, never used", false, []iommu.Invalidation{all}, "dma-unmapped", -1},
		{"another address space, never used", false, []iommu.Invalidation{exact(others, 0x1000)}, "dma-unmapped", -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newIOMMURig(t, mem.Lazy)
			r.port.(*port).Space = func() (uint32, bool) { return mine, true }
			if tt.used {
				r.page(1, "rw")
				r.write(0x1000, 8)
				r.page(1, "")
			}
			for i, v := range tt.unmaps {
				r.now += time.Millisecond
				r.regs.PC = 0xffffffff80001000 + 4*uint64(i)
				r.san.Invalidated(v, 0)
			}
			r.write(0x1010, 8)
			if got := codes(r.rig); got != tt.want {
				t.Fatalf("found %q", got)
			}
			f := r.san.Reports()[0]
			got := -1
			if f.Other != nil && f.Other.What == "unmap" {
				got = int(f.Other.Regs.PC-0xffffffff80001000) / 4
			}
			if got != tt.unmaper || (got < 0) != (f.Other == nil || f.Other.Hart < 0) {
				t.Errorf("the other side is %+v", f.Other)
			}
		})
	}
}

// Old invalidations are forgotten, and then nobody is blamed who need not be to blame.
func TestUnmapsAreBounded(t *testing.T) {
	r := newIOMMURig(t, mem.Lazy)
	r.port.(*port).Space = func() (uint32, bool) { return 7, true }
	r.page(1, "rw")
	r.write(0x1000, 8)
	r.page(1, "")
	for i := range 2 * len(r.san.unmaps.ring) {
		r.now += time.Millisecond
		v := iommu.Invalidation{PSCID: 7, HasPSCID: true, Addr: 0x1000, HasAddr: true}
		if i > 0 {
			v.PSCID = 8
		}
		r.san.Invalidated(v, 0)
	}
	r.write(0x1010, 8)
	if f := r.san.Reports()[0]; f.Code != DMAAfterUnmap || f.Other == nil || f.Other.What == "unmap" {
		t.Errorf("%s, other %+v", f.Code, f.Other)
	}
}
