// SPDX-License-Identifier: Apache-2.0

package dmabuf

const chunkPages = 512

// pageRef is what a physical page belongs to.
type pageRef struct {
	buf  *Buffer
	page uint64 // its number within the buffer
}

type pageChunk struct {
	refs [chunkPages]pageRef
	used int
}

// pageIndex finds the buffer of a physical page.
type pageIndex struct {
	chunks map[uint64]*pageChunk // by page frame number / chunkPages
	lastNo uint64
	last   *pageChunk // the one found last, or nil
}

func (p *pageIndex) chunk(pfn uint64) *pageChunk {
	no := pfn / chunkPages
	if p.last == nil || p.lastNo != no {
		p.last, p.lastNo = p.chunks[no], no
	}
	return p.last
}

// find returns the buffer at a physical address, and the offset in it; nil if there
// is none.
func (p *pageIndex) find(addr uint64) (*Buffer, uint64) {
	ch := p.chunk(addr / PageSize)
	if ch == nil {
		return nil, 0
	}
	r := ch.refs[addr/PageSize%chunkPages]
	return r.buf, r.page*PageSize + addr%PageSize
}

func (p *pageIndex) any(x Extent) bool {
	for a := x.Addr; a < x.Addr+x.Len; a += PageSize {
		if b, _ := p.find(a); b != nil {
			return true
		}
	}
	return false
}

func (p *pageIndex) add(b *Buffer, x []Extent) {
	page := uint64(0)
	for _, e := range x {
		for pfn := e.Addr / PageSize; pfn < (e.Addr+e.Len)/PageSize; pfn++ {
			ch := p.chunk(pfn)
			if ch == nil {
				ch = &pageChunk{}
				p.chunks[pfn/chunkPages] = ch
				p.last = ch
			}
			ch.refs[pfn%chunkPages] = pageRef{b, page}
			ch.used++
			page++
		}
	}
}

func (p *pageIndex) remove(x []Extent) {
	for _, e := range x {
		for pfn := e.Addr / PageSize; pfn < (e.Addr+e.Len)/PageSize; pfn++ {
			ch := p.chunk(pfn)
			ch.refs[pfn%chunkPages] = pageRef{}
			if ch.used--; ch.used == 0 {
				delete(p.chunks, pfn/chunkPages)
				p.last = nil
			}
		}
	}
}

// settleAt makes x the buffer's backing.
func (b *Buffer) settleAt(x []Extent) {
	b.backing, b.starts = x, b.starts[:0]
	at := uint64(0)
	for _, e := range x {
		b.starts = append(b.starts, at)
		at += e.Len
	}
	b.core.pages.add(b, x)
	b.core.stats.Pages += int(pages(b.spec.Size))
}

// leave makes the buffer one without backing.
func (b *Buffer) leave() {
	b.core.pages.remove(b.backing)
	b.core.stats.Pages -= int(pages(b.spec.Size))
	b.backing = nil
}

// pieceAt is the index of the piece of backing that has the byte at off; 0 if there is
// no backing.
func (b *Buffer) pieceAt(off uint64) int {
	i, end := 0, len(b.starts)
	for end-i > 1 {
		if mid := (i + end) / 2; b.starts[mid] <= off {
			i = mid
		} else {
			end = mid
		}
	}
	return i
}

// place gives the buffer backing, if it has none, that satisfies all attached
// devices.
func (b *Buffer) place() error {
	if b.backing != nil {
		return nil
	}
	x, err := b.core.alloc(b.spec.Size, b.constraints())
	if err != nil {
		return err
	}
	for _, e := range x {
		b.core.cfg.Memory.Zero(e.Addr, e.Len)
	}
	b.settleAt(x)
	return nil
}

func (c *Core) alloc(size uint64, k Constraints) ([]Extent, error) {
	if c.cfg.Pool == nil {
		return nil, ENOMEM
	}
	return c.cfg.Pool.Alloc(size, k)
}

// pinned tells whether the backing must stay where it is, because somebody may be
// accessing it.
func (b *Buffer) pinned() bool {
	return b.mapped > 0 || b.cpu.n > 0 || b.inUse.n > 0 || b.holders.n > 0 || b.fences.n > 0
}

// migrate moves the buffer, with its contents, to where k holds.
func (b *Buffer) migrate(k Constraints) error {
	c := b.core
	now, err := c.alloc(b.spec.Size, k)
	if err != nil {
		return err
	}
	old := b.backing
	b.buryPlace()
	// The copy is made as the CPU sees it: drop what hides a device's writes.
	b.useCached(b.whole(), nil)
	b.dirty.clear()
	copyExtents(c.cfg.Memory, now, old)
	b.leave()
	b.settleAt(now)
	c.cfg.Memory.Moved(b, old, now)
	c.cfg.Pool.Free(old)
	c.stats.Migrations++
	return nil
}

// buryPlace remembers which devices know the place that the buffer is leaving.
func (b *Buffer) buryPlace() {
	for k := b.attachments.head; k != nil; k = k.next {
		if a := k.v; len(a.segments) > 0 {
			b.core.graves.bury(a)
			a.segments = a.segments[:0]
		}
	}
}

// copyExtents copies all of src to dst, which are of the same length.
func copyExtents(m Memory, dst, src []Extent) {
	var d, s Extent
	for len(dst) > 0 || d.Len > 0 {
		if d.Len == 0 {
			d, dst = dst[0], dst[1:]
		}
		if s.Len == 0 {
			s, src = src[0], src[1:]
		}
		n := min(d.Len, s.Len)
		m.Copy(d.Addr, s.Addr, n)
		d, s = Extent{d.Addr + n, d.Len - n}, Extent{s.Addr + n, s.Len - n}
	}
}
