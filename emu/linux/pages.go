// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"math/bits"

	"vdev/mmio"
)

const (
	pageSize  = 4096
	pageShift = 12
	// maxPages bounds what is believed of a buffer: 4 GiB.
	maxPages = 1 << 20
	// maxSGEntries bounds scatter-gather lists.
	maxSGEntries = 1 << 20
)

// Pages is where the bytes of a dma-buf are in physical memory, in order; false if its
// exporter is not known here, or if it has no memory yet. Beyond the ranges there are
// pages that could not be found.
func (k *Kernel) Pages(buf DMABuf, satp uint64) ([]Range, bool) {
	r := k.Reader(satp)
	p := pageList{r: r, left: buf.Size}
	switch buf.Ops {
	case "system_heap_buf_ops":
		p.sgTable(r.Addr(buf.Priv, "system_heap_buffer.sg_table"))
	case "cma_heap_buf_ops":
		p.pointers(r.Get(buf.Priv, "cma_heap_buffer.pages"), r.Get(buf.Priv, "cma_heap_buffer.pagecount"))
	case "udmabuf_ops":
		p.pointers(r.Get(buf.Priv, "udmabuf.pages"), r.Get(buf.Priv, "udmabuf.pagecount"))
	case "drm_gem_prime_dmabuf_ops":
		return k.gemPages(buf.Priv, satp, 0)
	default:
		return nil, false
	}
	return p.ranges, r.OK() && p.ranges != nil
}

// pageList collects the pages of a buffer.
type pageList struct {
	r      *Reader
	ranges []Range
	left   uint64 // bytes that are still to come
	model  *memoryModel
}

// add adds n bytes of physical memory.
func (p *pageList) add(addr mmio.PhysAddr, n uint64) {
	n = min(n, p.left)
	if n == 0 || p.r.bad {
		return
	}
	p.left -= n
	if i := len(p.ranges) - 1; i >= 0 && p.ranges[i].Addr+mmio.PhysAddr(p.ranges[i].Len) == addr {
		p.ranges[i].Len += n
		return
	}
	p.ranges = append(p.ranges, Range{addr, n})
}

// page adds n bytes from off on of the page with its struct page at that address.
func (p *pageList) page(page, off, n uint64) {
	if p.model == nil {
		m := p.r.memoryModel()
		p.model = &m
	}
	addr, ok := p.model.phys(page)
	if !ok {
		p.r.bad = true
	}
	p.add(addr+mmio.PhysAddr(off), n)
}

// pointers adds the pages of an array of n pointers to struct page.
func (p *pageList) pointers(array, n uint64) {
	if n > maxPages {
		p.r.bad = true
	}
	for i := uint64(0); i < n && p.left > 0 && !p.r.bad; i++ {
		p.page(p.r.Word(array+8*i), 0, pageSize)
	}
}

// Bits of scatterlist.page_link (include/linux/scatterlist.h).
const (
	sgChain = 1
	sgEnd   = 2
)

// sgTable adds the pages of the struct sg_table at that address, in the order of the
// list, as the CPU knows them.
func (p *pageList) sgTable(table uint64) {
	r := p.r
	m, ok := r.k.Member("scatterlist")
	if !ok || m.Size == 0 {
		r.bad = true
	}
	at := r.Get(table, "sg_table.sgl")
	n := r.Get(table, "sg_table.orig_nents")
	for i := uint64(0); i < n && p.left > 0 && !r.bad; i++ {
		if i == maxSGEntries {
			r.bad = true
		}
		link := r.Get(at, "scatterlist.page_link")
		p.page(link&^(sgChain|sgEnd), r.Get(at, "scatterlist.offset"), r.Get(at, "scatterlist.length"))
		if link&sgEnd != 0 {
			return
		}
		at += m.Size
		if link = r.Get(at, "scatterlist.page_link"); i+1 < n && link&sgChain != 0 {
			at = link &^ (sgChain | sgEnd)
		}
	}
}

// memoryModel says where the struct page of a page is.
type memoryModel struct {
	first uint64 // the first struct page, of page number pfn
	pfn   uint64
	count uint64
	size  uint64 // of a struct page
}

// memoryModel finds out where the kernel has its array of struct page: that of
// FLATMEM, or that of SPARSEMEM_VMEMMAP (arch/riscv/include/asm/pgtable.h).
func (r *Reader) memoryModel() (m memoryModel) {
	page, ok := r.k.Member("page")
	if !ok || page.Size == 0 {
		r.bad = true
		return m
	}
	m.size = page.Size
	base := r.variable("phys_ram_base") >> pageShift
	if _, flat := r.k.Symbol("mem_map"); flat {
		m.first, m.pfn, m.count = r.variable("mem_map"), base, r.variable("max_mapnr")
		return m
	}
	m.pfn = base
	if _, ok := r.k.Symbol("vmemmap_start_pfn"); ok {
		m.pfn = r.variable("vmemmap_start_pfn")
	}
	kernelMap, _ := r.k.Symbol("kernel_map")
	vaBits := 9*(r.satp>>60-8) + 39 // Sv39, Sv48, Sv57
	vmalloc := r.Get(kernelMap, "kernel_mapping.page_offset") - 1<<(vaBits-3)
	order := bits.Len64(page.Size - 1)
	entries := uint64(1) << (vaBits - pageShift - 1)
	m.first, m.count = vmalloc-entries<<order, entries
	return m
}

// variable is the value of a kernel's variable of 8 bytes.
func (r *Reader) variable(name string) uint64 {
	a, ok := r.k.Symbol(name)
	if !ok {
		r.bad = true
		return 0
	}
	return r.Word(a)
}

// phys is the physical address of the page of a struct page; false if it is none.
func (m *memoryModel) phys(page uint64) (mmio.PhysAddr, bool) {
	off := page - m.first
	if m.size == 0 || page < m.first || off%m.size != 0 || off/m.size >= m.count {
		return 0, false
	}
	return mmio.PhysAddr((m.pfn + off/m.size) << pageShift), true
}
