// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"vdev/mmio"
)

const (
	ramBase = 0x8000_0000
	mib     = 1 << 20
)

func image(size, textOffset uint64) *Kernel {
	return &Kernel{Name: "Image", Kind: KindImage, TextOffset: textOffset, Segments: []Segment{{MemSize: size}}}
}

func raw(size uint64) *Kernel {
	return &Kernel{Name: "fw", Kind: KindRaw, Segments: []Segment{{MemSize: size}}}
}

func fixed(segs ...Segment) *Kernel {
	return &Kernel{Name: "elf", Kind: KindELF, Fixed: true, Segments: segs, Entry: segs[0].Addr}
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name string
		req  Request
		want Layout
	}{
		{"kernel alone", Request{RAMSize: 64 * mib, Kernel: image(8*mib, 2*mib)},
			Layout{Kernel: 0x8020_0000, KernelEntry: 0x8020_0000}},
		{"usual", Request{RAMSize: 512 * mib, Kernel: image(8*mib, 2*mib), InitrdSize: 5*mib + 1, DTBSize: 4000},
			Layout{Kernel: 0x8020_0000, KernelEntry: 0x8020_0000, DTB: 0x9ffe_f000, Initrd: 0x9fae_e000}},
		{"above 4 GiB", Request{RAMSize: 8192 * mib, Kernel: image(8*mib, 2*mib), InitrdSize: mib, DTBSize: 4096},
			Layout{Kernel: 0x8020_0000, KernelEntry: 0x8020_0000, DTB: 0xfffe_f000, Initrd: 0xffee_f000}},
		{"no text offset", Request{RAMSize: 64 * mib, Kernel: image(8*mib, 0)},
			Layout{Kernel: 0x8020_0000, KernelEntry: 0x8020_0000}},
		{"large text offset", Request{RAMSize: 64 * mib, Kernel: image(8*mib, 4*mib)},
			Layout{Kernel: 0x8040_0000, KernelEntry: 0x8040_0000}},
		{"firmware", Request{RAMSize: 64 * mib, Kernel: image(8*mib, 2*mib), Firmware: raw(300_000), DTBSize: 1},
			Layout{Firmware: ramBase, FirmwareEntry: ramBase, Kernel: 0x8020_0000, KernelEntry: 0x8020_0000, DTB: 0x83fe_f000, DynamicInfo: 0x83fe_e000}},
		{"large firmware", Request{RAMSize: 64 * mib, Kernel: image(8*mib, 2*mib), Firmware: raw(2*mib + 1)},
			Layout{Firmware: ramBase, FirmwareEntry: ramBase, Kernel: 0x8040_0000, KernelEntry: 0x8040_0000, DynamicInfo: 0x83ff_f000}},
		{"firmware alone", Request{RAMSize: mib, Firmware: raw(300_000)},
			Layout{Firmware: ramBase, FirmwareEntry: ramBase, DynamicInfo: 0x800f_f000}},
		{"bare-metal test", Request{RAMSize: mib, Kernel: fixed(Segment{Addr: ramBase, MemSize: 100}), DTBSize: 100},
			Layout{KernelEntry: ramBase, DTB: 0x800e_f000}},
		{"segment at the end of RAM", Request{RAMSize: mib, DTBSize: 100,
			Kernel: fixed(Segment{Addr: ramBase, MemSize: 100}, Segment{Addr: ramBase + mib - 0x2001, MemSize: 1})},
			Layout{KernelEntry: ramBase, DTB: 0x800e_c000}},
	} {
		c.req.RAMBase = ramBase
		got, err := Plan(c.req)
		if err != nil || got != c.want {
			t.Errorf("%s: got  %x, %v\nwant %x", c.name, got, err, c.want)
		}
	}
}

func TestPlanErrors(t *testing.T) {
	for _, c := range []struct {
		want string
		req  Request
	}{
		{"nothing to run", Request{RAMSize: mib}},
		{"memory too small: need at least 27 MiB", Request{RAMSize: 16 * mib, Kernel: image(8*mib, 2*mib), DTBSize: 100}},
		{"memory too small: need at least 1 MiB", Request{RAMSize: 0, Kernel: fixed(Segment{Addr: ramBase, MemSize: 100})}},
		{"memory too small: need at least 129 MiB", Request{RAMSize: 64 * mib, Kernel: fixed(Segment{Addr: ramBase + 128*mib, MemSize: 1})}},
		{"no RAM; link it to 0x80000000", Request{RAMSize: mib, Kernel: fixed(Segment{Addr: 0x1_0000, MemSize: 100})}},
		{"no RAM", Request{RAMSize: mib, Kernel: fixed(Segment{Addr: 1<<64 - 4096, MemSize: 4095})}},
		{"no RAM", Request{RAMSize: mib, Kernel: fixed(Segment{Addr: ramBase - 1, MemSize: 100})}},
		{"on top of fw", Request{RAMSize: mib, Kernel: fixed(Segment{Addr: ramBase + 99, MemSize: 100}), Firmware: raw(100)}},
		{"below 4 GiB", Request{RAMSize: 8192 * mib, Kernel: image(8*mib, 2*mib), InitrdSize: 2048 * mib}},
		{"below 4 GiB", Request{RAMSize: 64 * mib, Kernel: image(8*mib, 2*mib), InitrdSize: 2048 * mib}},
		{"below 4 GiB", Request{RAMSize: 64 * mib, Kernel: image(8*mib, 2*mib), InitrdSize: 1<<64 - 1, DTBSize: 1<<64 - 1}},
	} {
		c.req.RAMBase = ramBase
		checkError(t, c.want, second(Plan(c.req)))
	}
}

// TestPlanProperties checks, for random requests, that a layout has no overlaps
// and lies in RAM, and that the size a refusal names is enough and the least.
func TestPlanProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	upTo := func(n uint64) uint64 { return 1 + r.Uint64N(n) }
	fits, refusals := 0, 0
	for range 20000 {
		req := Request{RAMBase: ramBase, RAMSize: upTo(64) * mib, DTBSize: upTo(20000), InitrdSize: upTo(30 * mib)}
		switch r.IntN(3) {
		case 0:
			req.Kernel = image(upTo(30*mib), upTo(4)*2*mib)
		case 1:
			a := upTo(10 * mib)
			b := a + upTo(20*mib)
			req.Kernel = fixed(Segment{Addr: ramBase + mmio.PhysAddr(a), MemSize: upTo(b - a)}, Segment{Addr: ramBase + mmio.PhysAddr(b), MemSize: upTo(10 * mib)})
		}
		if req.Kernel == nil || r.IntN(2) == 0 {
			req.Firmware = raw(upTo(4 * mib))
		}
		l, err := Plan(req)
		if err == nil {
			fits++
			checkLayout(t, req, l)
			continue
		}
		if strings.Contains(err.Error(), "on top of") {
			continue
		}
		var n uint64
		if _, serr := fmt.Sscanf(err.Error(), "memory too small: need at least %d MiB", &n); serr != nil {
			// With fixed addresses the pieces of free memory can be too small.
			if req.Kernel == nil || !req.Kernel.Fixed {
				t.Errorf("unexpected error %v", err)
			}
			continue
		}
		refusals++
		was := req.RAMSize
		req.RAMSize = n * mib
		if l, err := Plan(req); err != nil || n*mib <= was {
			t.Errorf("%d MiB are not enough, though they were said to be (%v)", n, err)
		} else {
			checkLayout(t, req, l)
		}
		if req.RAMSize = (n - 1) * mib; n > 1 && (req.Kernel == nil || !req.Kernel.Fixed) {
			if _, err := Plan(req); err == nil {
				t.Errorf("%d MiB are enough, though one more was asked for", n-1)
			}
		}
	}
	if fits < 1000 || refusals < 1000 {
		t.Errorf("one-sided test: %d fit, %d do not", fits, refusals)
	}
}

func checkLayout(t *testing.T, req Request, l Layout) {
	t.Helper()
	type area struct {
		name       string
		start, end uint64
	}
	var areas []area
	add := func(name string, start mmio.PhysAddr, size uint64) {
		a := area{name, uint64(start), uint64(start) + size}
		if a.start < ramBase || a.end > ramBase+req.RAMSize {
			t.Errorf("%s at %#x-%#x is outside %d MiB of RAM", name, a.start, a.end, req.RAMSize/mib)
		}
		for _, b := range areas {
			if a.start < b.end && b.start < a.end {
				t.Errorf("%s at %#x-%#x overlaps %s at %#x-%#x", name, a.start, a.end, b.name, b.start, b.end)
			}
		}
		areas = append(areas, a)
	}
	if fw := req.Firmware; fw != nil {
		add("firmware", l.Firmware, fw.Size())
		add("dynamic info", l.DynamicInfo, dynamicInfoSize)
	}
	if k := req.Kernel; k != nil {
		for _, s := range k.Segments {
			add("kernel", l.Kernel+s.Addr, s.MemSize)
		}
		if !k.Fixed && l.Kernel%(2*mib) != 0 {
			t.Errorf("kernel is misaligned at %#x", l.Kernel)
		}
		if l.KernelEntry != l.Kernel+k.Entry {
			t.Errorf("entry %#x of kernel at %#x", l.KernelEntry, l.Kernel)
		}
	}
	add("dtb", l.DTB, req.DTBSize+dtbSlack)
	add("initrd", l.Initrd, req.InitrdSize)
	if l.DTB%pageSize != 0 || l.Initrd%pageSize != 0 {
		t.Errorf("dtb at %#x or initrd at %#x is misaligned", l.DTB, l.Initrd)
	}
}

func TestDynamicInfo(t *testing.T) {
	b := DynamicInfo(0x8020_0000, 3)
	if string(b[:4]) != "OSBI" || len(b) != dynamicInfoSize {
		t.Errorf("got % x", b)
	}
}
