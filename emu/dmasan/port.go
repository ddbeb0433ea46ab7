// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"errors"
	"time"

	"vdev/iommu"
	"vdev/mmio"
)

// PortConfig describes a bus master behind an IOMMU.
type PortConfig struct {
	// Master is the bus master's name, as its port to memory knows it.
	Master string
	// Through puts the IOMMU before memory.
	Through func(down mmio.DMA) mmio.DMA
	// Mapped tells where the tables, as they are now, lead a read or a write of the bus
	// master; false if they forbid it. It must leave no trace.
	Mapped func(addr mmio.IOVA, write bool) (mmio.PhysAddr, bool)
	// Space is the PSCID of the bus master's address space; false if it has none. May be
	// nil.
	Space func() (pscid uint32, ok bool)
}

// port is a bus master's way through an IOMMU. It sits at both ends, so that it knows
// which pages the master has used, and where they were.
type port struct {
	PortConfig
	s        *Sanitizer
	up, down mmio.DMA
	pages    usedPages
	at       mmio.IOVA // of the transfer under way, what comes next
	end      mmio.IOVA
}

// Port makes the port of a bus master behind an IOMMU, on top of its port to physical
// memory. Accesses that the IOMMU refuses are reported.
func (s *Sanitizer) Port(c PortConfig, down mmio.DMA) mmio.DMA {
	p := &port{PortConfig: c, s: s, down: down}
	p.up = c.Through((*translated)(p))
	s.translated = append(s.translated, c.Master)
	return p
}

// ReadDMA implements mmio.DMA.
func (p *port) ReadDMA(addr mmio.IOVA, b []byte) error {
	return p.transfer(addr, b, false, p.up.ReadDMA)
}

// WriteDMA implements mmio.DMA.
func (p *port) WriteDMA(addr mmio.IOVA, b []byte) error {
	return p.transfer(addr, b, true, p.up.WriteDMA)
}

func (p *port) transfer(addr mmio.IOVA, b []byte, write bool, move func(mmio.IOVA, []byte) error) error {
	p.at, p.end = addr, addr+mmio.IOVA(len(b))
	err := move(addr, b)
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*iommu.Fault](err); ok {
		p.refused(f.Request.Addr, write, f.Cause)
	}
	return err
}

// translated is the lower end of a port: it sees the pieces of a transfer that the
// IOMMU let through, one after the other.
type translated port

// ReadDMA implements mmio.DMA.
func (t *translated) ReadDMA(addr mmio.IOVA, b []byte) error {
	t.note(addr, len(b), false)
	return t.down.ReadDMA(addr, b)
}

// WriteDMA implements mmio.DMA.
func (t *translated) WriteDMA(addr mmio.IOVA, b []byte) error {
	t.note(addr, len(b), true)
	return t.down.WriteDMA(addr, b)
}

func (t *translated) note(addr mmio.IOVA, n int, write bool) {
	t.pages.use(t.at&^(pageSize-1), mmio.PhysAddr(addr)&^(pageSize-1), t.s.cfg.Now(), t.s.jobs[t.Master], write)
	t.at += mmio.IOVA(n)
}

const pageSize = 4096

// usedPage is a page of a bus master's address space that it has used.
type usedPage struct {
	valid bool
	write bool // the last use was a write
	iova  mmio.IOVA
	phys  mmio.PhysAddr
	since time.Duration // when it was first seen to be there
	last  time.Duration
	job   *access // what the master was working on when it was last used
}

// usedPages remembers what a bus master used lately: a page is forgotten when another
// one takes its place in the table.
type usedPages struct {
	slots []usedPage
}

// usedSlots is enough for several frames of HDTV.
const usedSlots = 1 << 13

func (u *usedPages) slot(iova mmio.IOVA) *usedPage {
	if u.slots == nil {
		u.slots = make([]usedPage, usedSlots)
	}
	n := uint64(iova) / pageSize
	return &u.slots[(n^n/usedSlots)%usedSlots]
}

func (u *usedPages) use(iova mmio.IOVA, phys mmio.PhysAddr, now time.Duration, job *access, write bool) {
	s := u.slot(iova)
	if !s.valid || s.iova != iova || s.phys != phys {
		*s = usedPage{valid: true, iova: iova, phys: phys, since: now}
	}
	s.last, s.job, s.write = now, job, write
}

// find returns what is known of a page, or nil.
func (u *usedPages) find(iova mmio.IOVA) *usedPage {
	if s := u.slot(iova); s.valid && s.iova == iova {
		return s
	}
	return nil
}
