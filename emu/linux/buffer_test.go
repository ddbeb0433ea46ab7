// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"fmt"
	"slices"
	"testing"

	"vdev/mmio"
)

// Where things are in these tests: struct page n is at pageArray + 64*n, and is that
// of the page at ram + 4096*n.
const (
	pageArray = 0x100_0000
	pages     = 1000
	ram       = 0x8000_0000
	vmalloc   = 0x200_0000 // mapped to ram, in reverse order of pages
)

// mapped is fakeMemory that knows where the addresses from vmalloc on lead.
type mapped struct{ fakeMemory }

func (mapped) Translate(_, va uint64) (mmio.PhysAddr, bool) {
	n := (va - vmalloc) / pageBytes
	return mmio.PhysAddr(ram + (pages-1-n)*pageBytes + va%pageBytes), va >= vmalloc && n < pages
}

// newBufferGuest is a guest whose memory is that of FLATMEM.
func newBufferGuest() *guest {
	g := newGuest()
	g.memory = mapped{g.mem}
	for path, n := range map[string]uint64{"page": 64, "scatterlist": 64, "scatterlist.offset": 4, "scatterlist.length": 4,
		"sg_table.orig_nents": 4, "system_heap_buffer.sg_table": 64, "dma_buf.attachments": 16, "drm_device.filelist": 16,
		"drm_file.object_idr": 64, "pid.tasks": 32, "task_struct.pid_links": 64, "exynos_drm_gem.base": 512, "drm_gem_shmem_object.base": 512} {
		g.types.sizes[path] = n
	}
	// These come first.
	g.types.Member("exynos_drm_gem.base")
	g.types.Member("drm_gem_shmem_object.base")
	for i, name := range []string{"mem_map", "max_mapnr", "phys_ram_base", "drm_minors_xa", "devices_kset", "init_task", "cma_heap_buf_ops",
		"udmabuf_ops", "drm_gem_prime_dmabuf_ops", "exynos_drm_gem_object_funcs", "drm_gem_shmem_funcs"} {
		g.types.symbols[name] = 0xa_0000 + uint64(i)*0x1000
	}
	g.word(g.types.symbols["mem_map"], pageArray)
	g.word(g.types.symbols["max_mapnr"], pages)
	g.word(g.types.symbols["phys_ram_base"], ram)
	g.set(g.types.symbols["drm_minors_xa"], "xarray.xa_head", 0)
	task := g.types.symbols["init_task"]
	g.word(g.at(task, "task_struct.tasks"), g.at(task, "task_struct.tasks"))
	g.word(g.types.symbols["dmabuf_list"], g.types.symbols["dmabuf_list"])
	return g
}

func page(n uint64) uint64 { return pageArray + 64*n }

func phys(n uint64) mmio.PhysAddr { return mmio.PhysAddr(ram + n*pageBytes) }

// dmabuf puts a struct dma_buf at at, with an exporter's object at priv.
func (g *guest) dmabuf(at uint64, ops string, priv, size uint64) {
	g.set(at, "dma_buf.size", size)
	g.set(at, "dma_buf.exp_name", g.text(at+0x800, "exp"))
	g.set(at, "dma_buf.name", g.text(at+0x900, "frame"))
	g.set(at, "dma_buf.ops", g.types.symbols[ops])
	g.set(at, "dma_buf.priv", priv)
	g.set(at, "dma_buf.file", at+0xa00)
	g.set(at+0xa00, "file.f_inode", at+0xc00)
	g.set(at+0xc00, "inode.i_ino", at>>16)
	g.word(g.at(at, "dma_buf.attachments"), g.at(at, "dma_buf.attachments"))
}

// sg puts a scatter-gather list at at: pairs of first page and number of pages; 0, n is
// a chain to the entry n places on.
func (g *guest) sg(at uint64, runs ...[2]uint64) {
	for i, r := range runs {
		link := page(r[0])
		switch {
		case r[0] == 0:
			link = at + 64*(uint64(i)+r[1]) | sgChain
		case i == len(runs)-1:
			link |= sgEnd
		}
		g.set(at+64*uint64(i), "scatterlist.page_link", link)
		g.set(at+64*uint64(i), "scatterlist.offset", 0)
		g.set(at+64*uint64(i), "scatterlist.length", r[1]*pageBytes)
	}
}

func (g *guest) pointers(at uint64, numbers ...uint64) uint64 {
	for i, n := range numbers {
		g.word(at+8*uint64(i), page(n))
	}
	return at
}

// gem puts a struct drm_gem_object.
func (g *guest) gem(at uint64, funcs string, size uint64) {
	g.set(at, "drm_gem_object.size", size)
	g.set(at, "drm_gem_object.funcs", g.types.symbols[funcs])
	g.set(at, "drm_gem_object.import_attach", 0)
	g.set(at, "drm_gem_object.dma_buf", 0)
}

const bufferAt, privAt, listAt, otherAt = 0x10_0000, 0x11_0000, 0x12_0000, 0x13_0000

// exporters are the ways in which buffers know their pages.
var exporters = []struct {
	name string
	ops  string
	size uint64
	make func(g *guest)
	want []Range // nil if they cannot be found
}{
	{"system heap", "system_heap_buf_ops", 0x5000, func(g *guest) {
		table := g.at(privAt, "system_heap_buffer.sg_table")
		g.set(table, "sg_table.sgl", listAt)
		g.set(table, "sg_table.orig_nents", 3)
		g.sg(listAt, [2]uint64{5, 1}, [2]uint64{6, 2}, [2]uint64{0, 2}, [2]uint64{9, 9}, [2]uint64{3, 8})
	}, []Range{{phys(5), 0x3000}, {phys(3), 0x2000}}},
	{"system heap, list ends early", "system_heap_buf_ops", 0x5000, func(g *guest) {
		table := g.at(privAt, "system_heap_buffer.sg_table")
		g.set(table, "sg_table.sgl", listAt)
		g.set(table, "sg_table.orig_nents", 3)
		g.sg(listAt, [2]uint64{5, 1})
	}, []Range{{phys(5), 0x1000}}},
	{"system heap, a chain in circles", "system_heap_buf_ops", 1 << 50, func(g *guest) {
		table := g.at(privAt, "system_heap_buffer.sg_table")
		g.set(table, "sg_table.sgl", listAt)
		g.set(table, "sg_table.orig_nents", 1<<32-1)
		g.sg(listAt, [2]uint64{5, 0}, [2]uint64{0, ^uint64(0)}, [2]uint64{5, 0})
	}, nil},
	{"system heap, no page", "system_heap_buf_ops", 0x5000, func(g *guest) {
		table := g.at(privAt, "system_heap_buffer.sg_table")
		g.set(table, "sg_table.sgl", listAt)
		g.set(table, "sg_table.orig_nents", 1)
		g.sg(listAt, [2]uint64{pages, 1})
	}, nil},
	{"CMA heap", "cma_heap_buf_ops", 0x2800, func(g *guest) {
		g.set(privAt, "cma_heap_buffer.pages", g.pointers(listAt, 7, 8, 9))
		g.set(privAt, "cma_heap_buffer.pagecount", 3)
	}, []Range{{phys(7), 0x2800}}},
	{"udmabuf", "udmabuf_ops", 0x3000, func(g *guest) {
		g.set(privAt, "udmabuf.pages", g.pointers(listAt, 9, 8, 7))
		g.set(privAt, "udmabuf.pagecount", 3)
	}, []Range{{phys(9), 0x1000}, {phys(8), 0x1000}, {phys(7), 0x1000}}},
	{"udmabuf, far too many pages", "udmabuf_ops", 1 << 60, func(g *guest) {
		g.set(privAt, "udmabuf.pages", g.pointers(listAt, 9))
		g.set(privAt, "udmabuf.pagecount", 1<<60)
	}, nil},
	{"udmabuf, not a struct page", "udmabuf_ops", 0x1000, func(g *guest) {
		g.word(listAt, page(3)+8)
		g.set(privAt, "udmabuf.pages", listAt)
		g.set(privAt, "udmabuf.pagecount", 1)
	}, nil},
	{"exynos GEM", "drm_gem_prime_dmabuf_ops", 0x2000, func(g *guest) {
		g.gem(privAt, "exynos_drm_gem_object_funcs", 0x2000)
		g.set(privAt, "exynos_drm_gem.cookie", vmalloc)
	}, []Range{{phys(pages - 1), 0x1000}, {phys(pages - 2), 0x1000}}},
	{"exynos GEM without a mapping", "drm_gem_prime_dmabuf_ops", 0x2000, func(g *guest) {
		g.gem(privAt, "exynos_drm_gem_object_funcs", 0x2000)
		g.set(privAt, "exynos_drm_gem.cookie", page(4))
	}, []Range{{phys(4), 0x2000}}},
	{"exynos GEM that leads nowhere", "drm_gem_prime_dmabuf_ops", 0x2000, func(g *guest) {
		g.gem(privAt, "exynos_drm_gem_object_funcs", 0x2000)
		g.set(privAt, "exynos_drm_gem.cookie", 0xdead_0000)
	}, nil},
	{"shmem GEM", "drm_gem_prime_dmabuf_ops", 0x1800, func(g *guest) {
		g.gem(privAt, "drm_gem_shmem_funcs", 0x1800)
		g.set(privAt, "drm_gem_shmem_object.pages", g.pointers(listAt, 2, 1))
	}, []Range{{phys(2), 0x1000}, {phys(1), 0x800}}},
	{"shmem GEM without memory", "drm_gem_prime_dmabuf_ops", 0x1800, func(g *guest) {
		g.gem(privAt, "drm_gem_shmem_funcs", 0x1800)
		g.set(privAt, "drm_gem_shmem_object.pages", 0)
	}, nil},
	{"GEM of somebody else", "drm_gem_prime_dmabuf_ops", 0x1800, func(g *guest) { g.gem(privAt, "?", 0x1800) }, nil},
	{"GEM that imports itself", "drm_gem_prime_dmabuf_ops", 0x1800, func(g *guest) {
		g.gem(privAt, "exynos_drm_gem_object_funcs", 0x1800)
		g.set(privAt, "drm_gem_object.import_attach", otherAt)
		g.set(otherAt, "dma_buf_attachment.dmabuf", bufferAt)
	}, nil},
	{"somebody else", "dma_buf_fops", 0x1000, func(*guest) {}, nil},
	{"nothing there", "udmabuf_ops", 0x1000, func(*guest) {}, nil},
}

func TestPages(t *testing.T) {
	for _, tt := range exporters {
		g := newBufferGuest()
		tt.make(g)
		got, ok := g.Pages(DMABuf{Addr: bufferAt, Ops: tt.ops, Priv: privAt, Size: tt.size}, 0)
		if ok != (tt.want != nil) || ok && !slices.Equal(got, tt.want) {
			t.Errorf("%s: %#x, %v", tt.name, got, ok)
		}
	}
}

// The array of struct page of SPARSEMEM_VMEMMAP.
func TestVmemmap(t *testing.T) {
	g := newBufferGuest()
	delete(g.types.symbols, "mem_map")
	g.types.symbols["vmemmap_start_pfn"], g.types.symbols["kernel_map"] = 0xd_0000, 0xe_0000
	g.word(0xd_0000, ram>>pageShift)
	g.set(0xe_0000, "kernel_mapping.page_offset", 0xffff_ffd6_0000_0000) // Sv39
	r := g.Reader(8 << 60)
	m := r.memoryModel()
	// Documentation/arch/riscv/vm-layout.rst.
	if m.first != 0xffff_ffc5_0000_0000 || !r.OK() {
		t.Errorf("vmemmap is at %#x, %v", m.first, r.OK())
	}
	if a, ok := m.phys(m.first + 64*3); !ok || a != phys(3) {
		t.Errorf("page 3 is at %#x, %v", uint64(a), ok)
	}
}

// attach links attachments of a dma-buf to devices with these names.
func (g *guest) attach(buf uint64, names ...string) {
	head := g.at(buf, "dma_buf.attachments")
	at := head
	for i, n := range names {
		a := uint64(0x20_0000 + 0x1000*i)
		g.word(at, g.at(a, "dma_buf_attachment.node"))
		at = g.at(a, "dma_buf_attachment.node")
		g.set(a, "dma_buf_attachment.dev", a+0x400)
		g.set(a+0x400, "device.kobj.name", g.text(a+0xf00, n))
	}
	g.word(at, head)
}

// process adds a task, with pid and name.
func (g *guest) process(at uint64, pid uint64, comm string) {
	g.set(at, "task_struct.pid", pid)
	g.set(at, "task_struct.tgid", pid)
	g.text(g.at(at, "task_struct.comm"), comm)
	g.set(at, "task_struct.files", at+0x400)
	g.set(at+0x400, "files_struct.fdt", at+0x500)
	g.set(at+0x500, "fdtable.max_fds", 8)
	g.set(at+0x500, "fdtable.fd", at+0x600)
	g.mem.write(at+0x600, make([]byte, 64))
	head := g.at(g.types.symbols["init_task"], "task_struct.tasks")
	var next [8]byte
	g.mem.ReadVirt(0, head, next[:])
	g.mem.write(g.at(at, "task_struct.tasks"), next[:])
	g.word(head, g.at(at, "task_struct.tasks"))
}

// card makes a DRM device with one file, of the process at owner, that knows objects by
// handles 1, 2, ...
func (g *guest) card(owner uint64, objects ...uint64) {
	const minor, dev, file, pid, drv = 0x30_0000, 0x31_0000, 0x32_0000, 0x33_0000, 0x34_0000
	g.set(g.types.symbols["drm_minors_xa"], "xarray.xa_head", g.node(0x35_0000, 0, map[int]uint64{0: minor, 1: minor}))
	g.set(minor, "drm_minor.dev", dev)
	g.set(dev, "drm_device.driver", drv)
	g.set(drv, "drm_driver.name", g.text(drv+0x800, "exynos"))
	head := g.at(dev, "drm_device.filelist")
	g.word(head, g.at(file, "drm_file.lhead"))
	g.word(g.at(file, "drm_file.lhead"), head)
	g.set(file, "drm_file.pid", pid)
	g.word(g.at(pid, "pid.tasks")+8, g.at(owner, "task_struct.pid_links")+16)
	idr := g.at(file, "drm_file.object_idr")
	g.set(idr, "idr.idr_base", 1)
	slots := map[int]uint64{}
	for i, o := range objects {
		slots[i] = o
	}
	g.set(g.at(idr, "idr.idr_rt"), "xarray.xa_head", g.node(0x36_0000, 0, slots))
}

func TestBuffer(t *testing.T) {
	const gem2, gem3, proc, proc2 = 0x14_0000, 0x15_0000, 0x16_0000, 0x17_0000
	g := newBufferGuest()
	// A dma-buf of the CMA heap, a GEM object that imports it, and one that was never
	// exported.
	g.set(privAt, "cma_heap_buffer.pages", g.pointers(listAt, 20, 21))
	g.set(privAt, "cma_heap_buffer.pagecount", 2)
	g.dmabuf(bufferAt, "cma_heap_buf_ops", privAt, 0x2000)
	head := g.types.symbols["dmabuf_list"]
	g.word(head, g.at(bufferAt, "dma_buf.list_node"))
	g.word(g.at(bufferAt, "dma_buf.list_node"), head)
	g.attach(bufferAt, "10850000.g2d", "10850000.g2d", "11c00000.fimd")
	g.gem(gem2, "exynos_drm_gem_object_funcs", 0x2000)
	g.set(gem2, "drm_gem_object.import_attach", otherAt)
	g.set(otherAt, "dma_buf_attachment.dmabuf", bufferAt)
	g.gem(gem3, "exynos_drm_gem_object_funcs", 0x3000)
	g.set(gem3, "exynos_drm_gem.cookie", vmalloc)
	g.process(proc, 33, "prog")
	g.process(proc2, 34, "other")
	g.word(proc+0x600+8*5, bufferAt+0xa00)
	g.word(proc+0x600+8*6, bufferAt+0xa00)
	g.word(proc2+0x600+8*2, bufferAt+0xa00)
	g.card(proc, gem3, gem2, gem3)
	for _, tt := range []struct {
		at   mmio.PhysAddr
		want string
	}{
		{phys(21) + 0x7f, `"frame" (dma-buf 16, GEM handle 2 of prog (pid 33), CMA heap exp, 8192 bytes) 0x107f 65 [10850000.g2d 11c00000.fimd] [{2 other 34} {5 prog 33}]`},
		{phys(22), ""},
		{phys(19) + 0xfff, ""},
		{phys(pages-3) + 1, `(GEM handle 1 of prog (pid 33), GEM handle 3 of prog (pid 33), exynos, 12288 bytes) 0x2001 128 [] []`},
		{phys(pages - 4), ""},
		{0, ""},
	} {
		b, ok := g.Buffer(tt.at, 0)
		got := ""
		if ok {
			got = fmt.Sprintf("%s %#x %d %v %v", &b, b.Offset, b.Line(), b.Attached, b.Open)
		}
		if got != tt.want {
			t.Errorf("%#x: %s", uint64(tt.at), got)
		}
	}
}

// Whatever is broken, the search ends, and finds what is not.
func TestBufferInGarbage(t *testing.T) {
	g := newBufferGuest()
	g.set(privAt, "udmabuf.pages", g.pointers(listAt, 20))
	g.set(privAt, "udmabuf.pagecount", 1)
	g.dmabuf(bufferAt, "udmabuf_ops", privAt, 0x1000)
	g.dmabuf(otherAt, "udmabuf_ops", 0xdead_0000, 0x1000)
	head := g.types.symbols["dmabuf_list"]
	g.word(head, g.at(otherAt, "dma_buf.list_node"))
	g.word(g.at(otherAt, "dma_buf.list_node"), g.at(bufferAt, "dma_buf.list_node"))
	g.word(g.at(bufferAt, "dma_buf.list_node"), 0xdead_0000)
	g.set(bufferAt, "dma_buf.file", 0)
	g.word(g.at(bufferAt, "dma_buf.attachments"), 0xdead_0000)
	g.set(g.types.symbols["drm_minors_xa"], "xarray.xa_head", 0xdead_0000|xaInternal)
	g.word(g.at(g.types.symbols["init_task"], "task_struct.tasks"), 0xdead_0000)
	if b, ok := g.Buffer(phys(20), 0); ok {
		t.Errorf("found %v, whose file is gone", b)
	}
	g.set(bufferAt, "dma_buf.file", bufferAt+0xa00)
	if b, ok := g.Buffer(phys(20), 0); !ok || b.Name != "frame" {
		t.Errorf("found %v, %v", b, ok)
	}
}

func TestDevice(t *testing.T) {
	g := newBufferGuest()
	const set = 0x40_0000
	g.word(g.types.symbols["devices_kset"], set)
	head := g.at(set, "kset.list")
	at := head
	for i, name := range []string{"platform", "10850000.g2d", "1085000.x"} {
		dev := uint64(0x41_0000 + 0x1000*i)
		g.set(dev, "device.flags", uint64(i)<<6)
		g.types.Member("device.kobj")
		kobj := g.at(dev, "device.kobj")
		g.set(kobj, "kobject.name", g.text(dev+0x800, name))
		g.word(at, g.at(kobj, "kobject.entry"))
		at = g.at(kobj, "kobject.entry")
	}
	g.word(at, head)
	dev, name, ok := g.Device(0x1085_0000, 0)
	if !ok || name != "10850000.g2d" || dev != 0x41_1000 {
		t.Errorf("device %#x %s, %v", dev, name, ok)
	}
	if _, name, ok := g.Device(0x108, 0); ok {
		t.Errorf("device %s", name)
	}
	// These types know no enumerators.
	if _, known := g.Coherent(dev, 0); known {
		t.Error("coherent or not is known")
	}
	k := New(g.memory, func() (Types, error) { return withEnumerator{g.types}, nil })
	for i, want := range []bool{false, true, false} {
		if coherent, known := k.Coherent(0x41_0000+0x1000*uint64(i), 0); !known || coherent != want {
			t.Errorf("device %d is coherent: %v, known %v", i, coherent, known)
		}
	}
	if _, known := k.Coherent(0xdead_0000, 0); known {
		t.Error("of a device that is not there")
	}
}

// withEnumerator are types that know one enumerator.
type withEnumerator struct{ *fakeTypes }

func (withEnumerator) Enumerator(name string) (int32, bool) {
	return 6, name == "DEV_FLAG_DMA_COHERENT"
}

func TestTheKernelSaysWhatIsCoherent(t *testing.T) {
	k := kernelFile(t)
	if v, ok := k.Enumerator("DEV_FLAG_DMA_COHERENT"); !ok || v < 1 || v > 63 {
		t.Errorf("%d, %v", v, ok)
	}
	if v, ok := k.Enumerator("DEV_FLAG_NO_SUCH"); ok {
		t.Errorf("no such enumerator is %d", v)
	}
}
