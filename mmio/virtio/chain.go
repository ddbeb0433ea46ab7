// SPDX-License-Identifier: Apache-2.0

package virtio

import "vdev/mmio"

// maxChainBytes bounds one chain. The specification's own bound is 4 GiB (section
// 2.7.5.2), far too much work for one register write. It must leave room for
// the largest request that a device invites, see blkMaxSegment.
const maxChainBytes = 32 << 20

// segment is one buffer of a chain; addr+len does not wrap.
type segment struct {
	addr mmio.IOVA
	len  uint32
}

// chain is one validated descriptor chain: first the segments that the device may
// read, then those that it may write (section 2.6.4.2). It is reused from one
// request to the next, so that requests do not allocate.
type chain struct {
	head     uint16
	segs     []segment
	readable int    // segs[:readable] are device-readable
	readLen  uint32 // their total length in bytes
	writeLen uint32 // total length of the device-writable rest
}

func (c *chain) clear(head uint16) {
	*c = chain{head: head, segs: c.segs[:0]}
}

// cursor is a position in one half of a chain.
type cursor struct {
	seg int
	off uint32
}

// readStart and writeStart are the beginnings of the two halves.
func (c *chain) readStart() cursor  { return cursor{} }
func (c *chain) writeStart() cursor { return cursor{seg: c.readable} }

// next returns the address of at most n contiguous bytes at the cursor and how
// many they are, and moves the cursor past them. The caller stays within the half.
func (c *chain) next(cur *cursor, n uint32) (mmio.IOVA, uint32) {
	s := c.segs[cur.seg]
	addr := s.addr + mmio.IOVA(cur.off)
	n = min(n, s.len-cur.off)
	cur.off += n
	if cur.off == s.len {
		*cur = cursor{seg: cur.seg + 1}
	}
	return addr, n
}

// last returns the address of the chain's last byte.
func (c *chain) last() mmio.IOVA {
	s := c.segs[len(c.segs)-1]
	return s.addr + mmio.IOVA(s.len-1)
}
