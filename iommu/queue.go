// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"encoding/binary"

	"vdev/mmio"
)

// queue is one of the rings in memory that software and the IOMMU talk through
// (section 3). Its state is in the registers.
type queue struct {
	u                     *IOMMU
	name                  string // of its base register
	off                   uint64 // of its base register
	base, head, tail, csr mmio.RegID
	own                   mmio.RegID // the index that the IOMMU moves
	ip                    uint
	entry                 int    // bytes
	errors                uint64 // bits of csr that stop it
	pends                 uint64 // bits of csr that interrupt
}

// mask has the bits of an index.
func (q *queue) mask() uint64 { return 2<<(q.u.Get(q.base)&31) - 1 }

// at is the address of an entry. The base has to be aligned to the queue's size (section
// 5.6); if it is not, entries come to lie upon each other.
func (q *queue) at(index uint64) mmio.IOVA {
	return mmio.IOVA(ppn(q.u.Get(q.base))<<12 | index*uint64(q.entry))
}

// set sets bits of the control register.
func (q *queue) set(bits uint64) {
	q.u.Set(q.csr, q.u.Get(q.csr)|bits)
	q.u.update()
}

// on tells whether the queue is active and not stopped by an error.
func (q *queue) on() bool { return q.u.Get(q.csr)&(csrOn|q.errors) == csrOn }

// controlled follows a write of the control register (sections 5.15 to 5.17).
func (q *queue) controlled(old, v uint64) {
	switch {
	case v&csrEnable == 0:
		v &^= csrOn
	case old&csrEnable == 0:
		if base, size := ppn(q.u.Get(q.base))<<12, (q.mask()+1)*uint64(q.entry); base&(size-1) != 0 {
			q.u.Report(mmio.EventBadValue, q.name, q.off, base)
		}
		v = v&^q.pends | csrOn
		q.u.Set(q.own, 0)
	}
	q.u.Set(q.csr, v)
	q.u.update()
}

// push appends a record, if the queue takes records. It returns false if the record
// is lost.
func (q *queue) push(record []uint64) bool {
	if !q.on() {
		return false
	}
	tail := q.u.Get(q.tail)
	// Software may have put a head behind the queue's end by shrinking it.
	next := (tail + 1) & q.mask()
	if next == q.u.Get(q.head) {
		q.set(csrOverflow)
		return false
	}
	p := make([]byte, 0, 32)
	for _, v := range record {
		p = binary.LittleEndian.AppendUint64(p, v)
	}
	if q.u.memory.WriteDMA(q.at(tail), p) != nil {
		q.set(csrMemFault)
		return false
	}
	q.u.Set(q.tail, next)
	if q.u.Get(q.csr)&csrInterrupt != 0 {
		q.u.pend(q.ip)
	}
	return true
}
