// SPDX-License-Identifier: Apache-2.0

package linux

import "vdev/mmio"

// Translator is a symbols.Memory that knows where an address leads. Without one,
// memory that the kernel knows by its own addresses only is not found.
type Translator interface {
	// Translate is the physical address of va under the page tables of satp; false if it
	// is not mapped. It leaves no trace.
	Translate(satp, va uint64) (mmio.PhysAddr, bool)
}

// virtual adds n bytes that are contiguous in the kernel's address space.
func (p *pageList) virtual(va, n uint64) {
	t, ok := p.r.k.memory.(Translator)
	if !ok || va%pageSize != 0 || n > maxPages*pageSize {
		p.r.bad = true
		return
	}
	for off := uint64(0); off < n && !p.r.bad; off += pageSize {
		addr, ok := t.Translate(p.r.satp, va+off)
		if !ok {
			p.r.bad = true
		}
		p.add(addr, min(pageSize, n-off))
	}
}

// maxImports bounds imports of imports.
const maxImports = 4

// gemPages is where the bytes of the GEM object with its struct drm_gem_object at that
// address are.
func (k *Kernel) gemPages(obj, satp uint64, depth int) ([]Range, bool) {
	r := k.Reader(satp)
	p := pageList{r: r, left: r.Get(obj, "drm_gem_object.size")}
	if attach := r.Get(obj, "drm_gem_object.import_attach"); attach != 0 {
		if depth == maxImports {
			return nil, false
		}
		buf, ok := k.DMABufAt(r.Get(attach, "dma_buf_attachment.dmabuf"), satp)
		switch {
		case !ok || !r.OK():
			return nil, false
		case buf.Ops == "drm_gem_prime_dmabuf_ops":
			return k.gemPages(buf.Priv, satp, depth+1)
		}
		return k.Pages(buf, satp)
	}
	switch k.Variable(r.Get(obj, "drm_gem_object.funcs")) {
	case "exynos_drm_gem_object_funcs":
		gem := r.Container(obj, "exynos_drm_gem.base")
		cookie := r.Get(gem, "exynos_drm_gem.cookie")
		// DMA_ATTR_NO_KERNEL_MAPPING without an IOMMU makes it a struct page.
		m := r.memoryModel()
		if addr, ok := m.phys(cookie); ok {
			p.add(addr, p.left)
		} else {
			p.virtual(cookie, p.left)
		}
	case "drm_gem_shmem_funcs":
		gem := r.Container(obj, "drm_gem_shmem_object.base")
		if pages := r.Get(gem, "drm_gem_shmem_object.pages"); pages != 0 {
			p.pointers(pages, (p.left+pageSize-1)/pageSize)
		}
	}
	return p.ranges, r.OK() && p.ranges != nil
}
