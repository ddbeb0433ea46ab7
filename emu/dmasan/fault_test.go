// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"vdev/emu/linux"
	"vdev/emu/mem"
	"vdev/emu/symbols"
	"vdev/iommu"
	"vdev/mmio"
)

// mapping is a page table of one level.
type mapping map[mmio.IOVA]struct {
	phys mmio.PhysAddr
	perm string // r, w or rw
}

func (m mapping) find(a mmio.IOVA, write bool) (mmio.PhysAddr, bool) {
	e, ok := m[a&^(pageSize-1)]
	want := "r"
	if write {
		want = "w"
	}
	return e.phys + mmio.PhysAddr(a%pageSize), ok && strings.Contains(e.perm, want)
}

// through is an IOMMU that asks the mapping.
type through struct {
	mapping
	down mmio.DMA
}

func (d through) each(a mmio.IOVA, p []byte, write bool, move func(mmio.IOVA, []byte) error) error {
	for len(p) > 0 {
		n := min(len(p), int(pageSize-a%pageSize))
		phys, ok := d.find(a, write)
		if !ok {
			f := &iommu.Fault{Cause: iommu.CauseReadPageFault, Request: iommu.Request{Addr: a}}
			if write {
				f.Cause = iommu.CauseWritePageFault
			}
			return &mmio.DMAError{Addr: a, Write: write, Err: f}
		}
		if err := move(mmio.IOVA(phys), p[:n]); err != nil {
			return err
		}
		a, p = a+mmio.IOVA(n), p[n:]
	}
	return nil
}

func (d through) ReadDMA(a mmio.IOVA, p []byte) error  { return d.each(a, p, false, d.down.ReadDMA) }
func (d through) WriteDMA(a mmio.IOVA, p []byte) error { return d.each(a, p, true, d.down.WriteDMA) }

// iommuRig is a rig whose bus master is behind an IOMMU.
type iommuRig struct {
	*rig
	mapping
	port    mmio.DMA
	buffers []linux.Buffer // Offset is the physical address here
}

func newIOMMURig(t *testing.T, mode mem.Mode) *iommuRig {
	r := &iommuRig{rig: newRig(t, mem.CacheConfig{Mode: mode}, false), mapping: mapping{}}
	r.san.cfg.Resolver = func() symbols.Resolver { return names{} }
	r.san.cfg.Job = func(string) string { return "fill 4x4" }
	r.san.cfg.Buffer = func(a mmio.PhysAddr) (linux.Buffer, bool) {
		for _, b := range r.buffers {
			if off := uint64(a) - b.Offset; off < b.Size {
				b.Offset = off
				return b, true
			}
		}
		return linux.Buffer{}, false
	}
	r.port = r.san.Port(PortConfig{Master: "disk", Mapped: r.mapping.find,
		Through: func(down mmio.DMA) mmio.DMA { return through{r.mapping, down} }}, r.dev)
	return r
}

// page maps page n of the bus master's to page n of memory, or with "" unmaps it.
func (r *iommuRig) page(n int, perm string) {
	a := mmio.IOVA(n * pageSize)
	if perm == "" {
		delete(r.mapping, a)
		return
	}
	e := r.mapping[a]
	e.phys, e.perm = rigBase+mmio.PhysAddr(a), perm
	r.mapping[a] = e
}

func (r *iommuRig) start() {
	r.now += time.Millisecond
	r.san.JobStarted("disk", "store to START", 0)
}

func (r *iommuRig) read(at, n int) bool {
	r.now += time.Microsecond
	return r.port.ReadDMA(mmio.IOVA(at), make([]byte, n)) == nil
}

func (r *iommuRig) write(at, n int) bool {
	r.now += time.Microsecond
	return r.port.WriteDMA(mmio.IOVA(at), make([]byte, n)) == nil
}

func TestMappings(t *testing.T) {
	for _, tt := range []struct {
		name string
		play func(r *iommuRig)
		want string
		phys mmio.PhysAddr // 0 if none is known
		end  mmio.IOVA
	}{
		{"right", func(r *iommuRig) {
			r.page(1, "r")
			r.page(2, "rw")
			r.read(0x1000, 0x2000)
			r.write(0x2000, 0x1000)
		}, "", 0, 0},
		{"never mapped", func(r *iommuRig) { r.read(0x5010, 4) }, "dma-unmapped", 0, 0},
		{"not writable", func(r *iommuRig) { r.page(1, "r"); r.write(0x1010, 4) }, "dma-direction", rigBase + 0x1010, 0},
		{"not readable", func(r *iommuRig) { r.page(1, "w"); r.read(0x1010, 4) }, "dma-direction", rigBase + 0x1010, 0},
		{"unmapped", func(r *iommuRig) {
			r.page(1, "rw")
			r.write(0x1000, 4)
			r.page(1, "")
			r.write(0x1010, 4)
		}, "dma-after-unmap", rigBase + 0x1010, 0},
		{"unmapped without a use", func(r *iommuRig) {
			r.page(1, "rw")
			r.page(1, "")
			r.write(0x1010, 4)
		}, "dma-unmapped", 0, 0},
		{"one transfer runs over", func(r *iommuRig) { r.page(1, "rw"); r.read(0x1ff0, 0x20) }, "dma-out-of-range", rigBase + 0x1fff, 0x2000},
		{"one job runs over", func(r *iommuRig) {
			r.page(1, "rw")
			r.start()
			r.read(0x1000, 0x800)
			r.read(0x1800, 0x800)
			r.read(0x2000, 0x800)
		}, "dma-out-of-range", rigBase + 0x1fff, 0x2000},
		{"one job runs over with a long step", func(r *iommuRig) {
			r.page(1, "rw")
			r.start()
			r.read(0x1000, 0x10)
			r.read(0x4000, 0x10)
		}, "dma-out-of-range", rigBase + 0x1fff, 0x2000},
		{"one job far from another", func(r *iommuRig) {
			r.page(1, "rw")
			r.start()
			r.read(0x1000, 0x10)
			r.start()
			r.read(0x2000, 0x10)
		}, "dma-unmapped", 0, 0},
		{"much further on", func(r *iommuRig) { r.page(1, "rw"); r.start(); r.read(0x1000, 8); r.read(0x40000, 8) }, "dma-unmapped", 0, 0},
		{"runs over to where another buffer was", func(r *iommuRig) {
			r.page(2, "rw")
			r.start()
			r.read(0x2000, 8)
			r.page(2, "")
			r.page(1, "rw")
			r.start()
			r.read(0x1000, 0x1008)
		}, "dma-out-of-range", rigBase + 0x1fff, 0x2000},
		{"its second half was unmapped", func(r *iommuRig) {
			r.page(1, "rw")
			r.page(2, "rw")
			r.start()
			r.read(0x1000, 0x2000)
			r.page(2, "")
			r.start()
			r.read(0x1000, 0x1008)
		}, "dma-after-unmap", rigBase + 0x2000, 0},
		{"a buffer that ends there, next to one that was", func(r *iommuRig) {
			r.buffers = []linux.Buffer{{Size: 0x800, Offset: uint64(rigBase) + 0x1000}}
			r.page(1, "rw")
			r.page(2, "rw")
			r.start()
			r.read(0x1000, 0x2000)
			r.page(2, "")
			r.start()
			r.read(0x1000, 0x1008)
		}, "dma-out-of-range", rigBase + 0x1fff, 0x2000},
		{"unmapped in the middle of a job", func(r *iommuRig) {
			r.page(1, "rw")
			r.start()
			r.read(0x1000, 8)
			r.page(1, "")
			r.read(0x1008, 8)
		}, "dma-after-unmap", rigBase + 0x1008, 0},
		{"below address zero", func(r *iommuRig) { r.read(0, 8) }, "dma-unmapped", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, mode := range []mem.Mode{mem.Coherent, mem.Lazy} {
				r := newIOMMURig(t, mode)
				tt.play(r)
				if got := codes(r.rig); got != tt.want {
					t.Fatalf("%v: found %q, want %q", mode, got, tt.want)
				}
				if tt.want == "" {
					return
				}
				f := r.san.Reports()[0]
				if f.Refusal.HasPhys != (tt.phys != 0) || f.Refusal.Phys != tt.phys || f.Refusal.End != tt.end || r.san.Errors() != 1 {
					t.Errorf("%v: %+v", mode, f.Refusal)
				}
				if (f.Code == DMAAfterUnmap) != (f.Other != nil) {
					t.Errorf("%v: the other side is %+v", mode, f.Other)
				}
			}
		})
	}
}

// What was refused, who did it and which buffer it is about is in the report.
func TestMappingReports(t *testing.T) {
	r := newIOMMURig(t, mem.Lazy)
	r.buffers = []linux.Buffer{{Name: "frame0", Exporter: "system heap", Size: 0x10000, Inode: 17, Offset: uint64(rigBase),
		Attached: []string{"g2d", "display"}, Handles: []linux.Handle{{ID: 3, Comm: "prog", PID: 33}}}}
	r.page(1, "rw")
	for range 3 {
		r.start()
		r.write(0x1100, 0x40)
		r.page(1, "")
		r.write(0x1200, 0x40)
		r.page(1, "rw")
	}
	r.san.Finish()
	text := r.text.String()
	for _, want := range []string{
		"BUG: vdev: dma-after-unmap in disk, started in step0+0x4 [prog 40]\n",
		"Address: 64 bytes to be written at I/O virtual address 0x1200; the IOMMU says: write/AMO page fault\n  it was mapped to physical address 0x80001200, and last used at 0.001001s\n" +
			"  in buffer \"frame0\" (dma-buf 17, GEM handle 3 of prog (pid 33), system heap, 65536 bytes), offset 0x1200, line 72\n  attached to it: g2d, display\n",
		"\nDMA write by device disk at 0.001002s\n  doing fill 4x4, started by hart 0, prog (pid 40) at 0.001000s\n",
		"\nEarlier: DMA write by device disk at 0.001001s\n  doing store to START, started by",
		"\nMissing: a wait for the device",
		"\nvdev: 3 times: BUG: vdev: dma-after-unmap",
		"\nvdev: 1 different DMA error\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "History") {
		t.Errorf("a line has no part in it:\n%s", text)
	}
	line, _, _ := strings.Cut(r.json.String(), "\n")
	var j jsonReport
	if err := json.Unmarshal([]byte(line), &j); err != nil {
		t.Fatal(err)
	}
	if j.Code != "dma-after-unmap" || j.Memory != nil || j.Address == nil || *j.Address != (jsonRefusal{"0x1200", 64, true, "write/AMO page fault", "0x80001200", 1001000, ""}) ||
		j.This.Job != "fill 4x4" || j.Buffer == nil || j.Buffer.Name != "frame0" || j.Buffer.Line != 72 || len(j.Buffer.Handles) != 1 || len(j.Buffer.Attached) != 2 {
		t.Errorf("%s", line)
	}
}

// A job from another place makes another report.
func TestMappingsAreToldApartByWhoStarted(t *testing.T) {
	r := newIOMMURig(t, mem.Lazy)
	for i := range 4 {
		r.regs.PC = 0xffffffff80000000 + 4*uint64(i%2)
		r.start()
		r.read(0x5000, 4)
		r.write(0x5000, 4)
	}
	if got := codes(r.rig); got != strings.TrimSpace(strings.Repeat("dma-unmapped ", 4)) {
		t.Errorf("found %s", got)
	}
}

// What is remembered of pages is bounded, and no two are mixed up.
func TestUsedPagesAreBounded(t *testing.T) {
	r := newIOMMURig(t, mem.Lazy)
	for n := range 3 * usedSlots {
		a := mmio.IOVA(n * 7 * pageSize)
		e := r.mapping[a]
		e.phys, e.perm = rigBase, "r"
		r.mapping[a] = e
		r.read(int(a), 8)
	}
	last := mmio.IOVA((3*usedSlots - 1) * 7 * pageSize)
	p := r.port.(*port)
	if len(p.pages.slots) != usedSlots || p.pages.find(last) == nil || p.pages.find(last+pageSize) != nil {
		t.Errorf("%d slots", len(p.pages.slots))
	}
}
