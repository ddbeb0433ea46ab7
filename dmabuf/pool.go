// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"cmp"
	"slices"
)

// Constraints say what memory a device can reach.
type Constraints struct {
	// Contiguous: the device takes one address and a length, not a list of pieces; so
	// MaxSegment limits the size of the buffer.
	Contiguous bool
	// IOMMU: the device sits behind one, which makes any pages look as the device
	// needs them. All else here but LargePages and MaxSegment then says nothing about
	// where the pages are.
	IOMMU bool
	// AddressLimit is the first address that the device cannot reach; 0 for none.
	AddressLimit uint64
	// Align is what the address of each piece must be a multiple of, a power of two;
	// 0 for a page.
	Align uint64
	// MaxSegment is the length of the longest piece that it takes, in bytes, a
	// multiple of the page size and of Align: longer ones are split when the buffer is
	// mapped. 0 for any.
	MaxSegment uint64
	// LargePages: the device is faster with pieces of 2 MiB, aligned to their size.
	LargePages bool
}

// LargePage is the size of pieces that LargePages asks for.
const LargePage = 2 << 20

func (c Constraints) valid() bool {
	return c.Align&(c.Align-1) == 0 && c.MaxSegment%max(c.Align, PageSize) == 0
}

// placing is what remains of the constraints for the place of the pages.
func (c Constraints) placing() Constraints {
	if c.IOMMU {
		return Constraints{LargePages: c.LargePages}
	}
	c.MaxSegment = 0
	return c
}

// takes tells whether there can be memory for a buffer of that size that the device can
// use.
func (c Constraints) takes(size uint64) bool {
	return c.IOMMU || !c.Contiguous || c.MaxSegment == 0 || size <= c.MaxSegment
}

// and are the constraints of both.
func (c Constraints) and(o Constraints) Constraints {
	c.Contiguous = c.Contiguous || o.Contiguous
	c.LargePages = c.LargePages || o.LargePages
	c.Align = max(c.Align, o.Align)
	if c.AddressLimit == 0 || o.AddressLimit != 0 && o.AddressLimit < c.AddressLimit {
		c.AddressLimit = o.AddressLimit
	}
	return c
}

// hold tells whether the device can use pages at these places, with its preferences
// left aside.
func (c Constraints) hold(at []Extent) bool {
	if c.Contiguous && len(at) > 1 {
		return false
	}
	for _, x := range at {
		if c.Align > 1 && x.Addr%c.Align != 0 || c.AddressLimit != 0 && x.Addr+x.Len > c.AddressLimit {
			return false
		}
	}
	return true
}

// Pool hands out physical pages.
type Pool interface {
	// Alloc finds whole pages for size bytes; neighbouring pages are in one extent. The
	// error is ENOMEM, and then nothing is taken.
	Alloc(size uint64, c Constraints) ([]Extent, error)
	// Free takes back what Alloc returned.
	Free(x []Extent)
	// Fits tells whether Alloc could succeed if nothing were taken.
	Fits(size uint64, c Constraints) bool
	// Has tells whether the address is in one of the pool's pages, taken or not.
	Has(addr uint64) bool
}

// PagePool is a Pool of ranges of physical memory. Unless told otherwise it takes
// pages from the highest addresses, so that the low ones remain for devices that
// reach no others. It always finds memory if there is any, so it may be slow in one
// that is fragmented.
type PagePool struct {
	all  []Extent // ascending, merged
	free []Extent // the same
}

// NewPagePool makes a pool of these ranges, of which only whole pages count. They
// must not overlap.
func NewPagePool(ranges ...Extent) *PagePool {
	p := &PagePool{}
	for _, r := range ranges {
		lo := (r.Addr + PageSize - 1) &^ (PageSize - 1)
		if hi := (r.Addr + r.Len) &^ (PageSize - 1); hi > lo {
			p.insert(Extent{lo, hi - lo})
		}
	}
	p.all = slices.Clone(p.free)
	return p
}

// FreeBytes is how much is left.
func (p *PagePool) FreeBytes() uint64 {
	n := uint64(0)
	for _, x := range p.free {
		n += x.Len
	}
	return n
}

func byAddr(a, b Extent) int { return cmp.Compare(a.Addr, b.Addr) }

func pages(size uint64) uint64 { return (size + PageSize - 1) / PageSize }

// Has tells whether the memory at the address is the pool's.
func (p *PagePool) Has(addr uint64) bool {
	_, found := slices.BinarySearchFunc(p.all, addr, func(x Extent, a uint64) int {
		switch {
		case x.Addr+x.Len <= a:
			return -1
		case x.Addr > a:
			return 1
		}
		return 0
	})
	return found
}

// Fits tells whether there is such memory, taken or not.
func (p *PagePool) Fits(size uint64, c Constraints) bool {
	q := PagePool{free: slices.Clone(p.all)}
	_, err := q.Alloc(size, c)
	return err == nil
}

// Alloc finds memory.
func (p *PagePool) Alloc(size uint64, c Constraints) ([]Extent, error) {
	need := pages(size) * PageSize
	find := p.pieces
	if c.Contiguous {
		find = p.onePiece
	}
	if c.LargePages && need >= LargePage {
		if got := find(need, c); got != nil {
			return got, nil
		}
		c.LargePages = false // a preference
	}
	if got := find(need, c); got != nil {
		return got, nil
	}
	return nil, ENOMEM
}

// onePiece takes n bytes in a row, or nothing.
func (p *PagePool) onePiece(n uint64, c Constraints) []Extent {
	align := c.Align
	if c.LargePages {
		align = max(align, LargePage)
	}
	x, ok := p.run(n, align, c.AddressLimit)
	if !ok {
		return nil
	}
	p.take(x)
	return []Extent{x}
}

// pieces takes n bytes in few pieces, or nothing.
func (p *PagePool) pieces(n uint64, c Constraints) []Extent {
	before := slices.Clone(p.free)
	var got []Extent
	get := func(x Extent) {
		p.take(x)
		got = append(got, x)
		n -= x.Len
	}
	for c.LargePages && n >= LargePage {
		x, ok := p.run(LargePage, max(c.Align, LargePage), c.AddressLimit)
		if !ok {
			break
		}
		get(x)
	}
	for _, x := range p.aligned(c) { // the largest first, until what is left fits into one
		if n <= x.Len {
			break
		}
		get(x)
	}
	if n > 0 {
		x, ok := p.run(n, c.Align, c.AddressLimit)
		if !ok {
			p.free = before
			return nil
		}
		get(x)
	}
	return joined(got)
}

// aligned are the longest pieces that are free and satisfy the constraints, the longest
// first, and of those the highest.
func (p *PagePool) aligned(c Constraints) []Extent {
	align := max(c.Align, PageSize)
	var all []Extent
	for _, f := range p.free {
		end := f.Addr + f.Len
		if c.AddressLimit != 0 {
			end = min(end, c.AddressLimit&^(PageSize-1))
		}
		if at := (f.Addr + align - 1) &^ (align - 1); at >= f.Addr && at < end {
			all = append(all, Extent{at, end - at})
		}
	}
	slices.SortFunc(all, func(a, b Extent) int {
		return cmp.Or(cmp.Compare(b.Len, a.Len), cmp.Compare(b.Addr, a.Addr))
	})
	return all
}

// joined sorts pieces and makes neighbours one. Each still begins aligned, as the
// first of those that it was made of does.
func joined(x []Extent) []Extent {
	slices.SortFunc(x, byAddr)
	out := x[:1]
	for _, e := range x[1:] {
		if last := &out[len(out)-1]; last.Addr+last.Len == e.Addr {
			last.Len += e.Len
		} else {
			out = append(out, e)
		}
	}
	return out
}

// run finds n free bytes in a row, as high as possible.
func (p *PagePool) run(n, align, limit uint64) (Extent, bool) {
	align = max(align, PageSize)
	for i := len(p.free) - 1; i >= 0; i-- {
		x := p.free[i]
		end := x.Addr + x.Len
		if limit != 0 && end > limit {
			end = limit
		}
		if end < x.Addr+n {
			continue
		}
		if at := (end - n) &^ (align - 1); at >= x.Addr {
			return Extent{at, n}, true
		}
	}
	return Extent{}, false
}

// take removes what is in one piece of the free list.
func (p *PagePool) take(x Extent) {
	i, _ := slices.BinarySearchFunc(p.free, x.Addr, func(f Extent, a uint64) int {
		if f.Addr+f.Len <= a {
			return -1
		}
		return 1
	})
	f := p.free[i]
	left := Extent{f.Addr, x.Addr - f.Addr}
	right := Extent{x.Addr + x.Len, f.Addr + f.Len - x.Addr - x.Len}
	switch {
	case left.Len > 0 && right.Len > 0:
		p.free[i] = left
		p.free = slices.Insert(p.free, i+1, right)
	case left.Len > 0:
		p.free[i] = left
	case right.Len > 0:
		p.free[i] = right
	default:
		p.free = slices.Delete(p.free, i, i+1)
	}
}

// Free takes pages back.
func (p *PagePool) Free(x []Extent) {
	for _, e := range x {
		p.insert(e)
	}
}

func (p *PagePool) insert(x Extent) {
	i, _ := slices.BinarySearchFunc(p.free, x.Addr, func(f Extent, a uint64) int { return cmp.Compare(f.Addr, a) })
	if i > 0 && p.free[i-1].Addr+p.free[i-1].Len > x.Addr || i < len(p.free) && x.Addr+x.Len > p.free[i].Addr {
		panic("BUG: dmabuf: pages are free already")
	}
	if i < len(p.free) && x.Addr+x.Len == p.free[i].Addr {
		x.Len += p.free[i].Len
		p.free = slices.Delete(p.free, i, i+1)
	}
	if i > 0 && p.free[i-1].Addr+p.free[i-1].Len == x.Addr {
		p.free[i-1].Len += x.Len
		return
	}
	p.free = slices.Insert(p.free, i, x)
}
