// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"fmt"
	"io"
	"time"

	"vdev/emu/mem"
	"vdev/iommu"
	"vdev/mmio"
)

// Refusal is an access of a bus master that the IOMMU did not let through.
type Refusal struct {
	IOVA  mmio.IOVA // of the first byte that was refused
	Bytes int       // from there to the end of the transfer
	Write bool
	Cause string // in the words of the IOMMU's specification
	// Phys is a physical address that belongs to it, if HasPhys: where the page is
	// mapped (dma-direction), where it was (dma-after-unmap), or where the byte before
	// End is (dma-out-of-range).
	Phys    mmio.PhysAddr
	HasPhys bool
	// LastUse is when the device last used the page, for dma-after-unmap; 0 if never.
	LastUse time.Duration
	// End is where the mapping ends that a transfer ran over.
	End mmio.IOVA
}

// maxSkip is how far beyond the end of a mapping an access may be, in pages, to count
// as having run over it: the longest step from one line of a picture to the next.
const maxSkip = 16

// refused reports an access that the IOMMU refused.
func (p *port) refused(addr mmio.IOVA, write bool, cause iommu.Cause) {
	s := p.s
	here := s.newAccess(mem.Agent{Hart: -1, Master: p.Master}, s.cfg.Now(), noRegs())
	here.op = mem.OpDMARead
	if write {
		here.op = mem.OpDMAWrite
	}
	here.lines = 1
	here.job, here.doing = s.jobs[p.Master], s.job(p.Master)
	r := Refusal{IOVA: addr, Bytes: int(p.end - addr), Write: write, Cause: cause.String()}
	code, used := p.judge(&r, here.job)
	f := finding{this: here}
	since := time.Duration(0)
	if used != nil {
		since, r.LastUse = used.last, used.last
	}
	if code == DMAAfterUnmap {
		f.other = s.unmaps.unmapped(addr, p.space(), since)
	}
	if f.other == nil && used != nil {
		f.other = s.newAccess(here.by, used.last, noRegs())
		f.other.op, f.other.job = mem.OpDMARead, used.job
		if used.write {
			f.other.op = mem.OpDMAWrite
		}
	}
	key := placesKey{code, false, s.place(here), s.place(here.job)}
	if s.again(key) {
		return
	}
	rep := &Report{Code: code, This: s.name(f.this), Other: s.name(f.other), Refusal: &r}
	s.publish(rep, key, fmt.Sprint(code, rep.This.place(), rep.This.Starter.place()), func() {
		if r.HasPhys {
			rep.Buffer = s.buffer(r.Phys)
		}
	})
}

// space is the PSCID of the bus master's address space, or noSpace.
func (p *port) space() uint32 {
	if p.Space != nil {
		if pscid, ok := p.Space(); ok {
			return pscid
		}
	}
	return noSpace
}

// judge tells which rule an access broke, and adds to r what is known of the mapping.
// For dma-after-unmap it returns the last use of the page.
func (p *port) judge(r *Refusal, job *access) (Code, *usedPage) {
	page, off := r.IOVA&^(pageSize-1), r.IOVA%pageSize
	if phys, ok := p.Mapped(r.IOVA, !r.Write); ok {
		r.Phys, r.HasPhys = phys, true
		return DMADirection, nil
	}
	used := p.pages.find(page)
	over, end := p.runOver(page, job)
	if over != nil && used != nil && p.outlasts(used, over, job) {
		over = nil
	}
	switch {
	case over != nil:
		r.End = end
		r.Phys, r.HasPhys = p.Mapped(end-1, false)
		return DMAOutOfRange, nil
	case used != nil:
		r.Phys, r.HasPhys = used.phys+mmio.PhysAddr(off), true
		return DMAAfterUnmap, used
	}
	if p.s.unmaps.exact(r.IOVA, p.space()) != nil {
		return DMAAfterUnmap, nil
	}
	return DMAUnmapped, nil
}

// runOver finds the mapping below a page that the same job has used, and where it
// ends.
func (p *port) runOver(page mmio.IOVA, job *access) (over *usedPage, end mmio.IOVA) {
	from := p.s.cfg.Now()
	if job != nil {
		from = job.at
	}
	end = page
	for range maxSkip {
		below := end - pageSize
		if below > page { // wrapped around
			return nil, 0
		}
		if _, ok := p.Mapped(below, false); ok {
			if u := p.pages.find(below); u != nil && u.last >= from {
				return u, end
			}
			return nil, 0
		}
		end = below
	}
	return nil, 0
}

// outlasts tells whether a page that is not mapped any more belonged to the mapping
// below it, rather than to another one that was there before.
func (p *port) outlasts(gone, below *usedPage, job *access) bool {
	if job != nil && gone.last >= job.at {
		return true
	}
	if b := p.s.buffer(below.phys); b != nil && b.Size > b.Offset {
		left := (b.Size-b.Offset+pageSize-1)/pageSize*pageSize + uint64(below.iova)
		return uint64(gone.iova) < left
	}
	return gone.last >= below.since
}

// write shows the address, for people.
func (r *Refusal) write(w io.Writer, c Code) {
	verb := "read"
	if r.Write {
		verb = "written"
	}
	fmt.Fprintf(w, "Address: %s to be %s at I/O virtual address %#x; the IOMMU says: %s\n", count(r.Bytes, "byte"), verb, uint64(r.IOVA), r.Cause)
	if !r.HasPhys {
		return
	}
	switch c {
	case DMADirection:
		only := "reading"
		if !r.Write {
			only = "writing"
		}
		fmt.Fprintf(w, "  mapped to physical address %#x, for %s only\n", uint64(r.Phys), only)
	case DMAAfterUnmap:
		fmt.Fprintf(w, "  it was mapped to physical address %#x, and last used at %s\n", uint64(r.Phys), clock(r.LastUse))
	case DMAOutOfRange:
		fmt.Fprintf(w, "  the mapping that the device came from ends at %#x, after physical address %#x\n", uint64(r.End), uint64(r.Phys))
	}
}
