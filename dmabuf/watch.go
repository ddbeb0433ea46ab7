// SPDX-License-Identifier: Apache-2.0

package dmabuf

import "iter"

// All are all buffers, oldest first. Buffers must be neither made nor released
// meanwhile.
func (c *Core) All() iter.Seq[*Buffer] {
	return func(yield func(*Buffer) bool) {
		for k := c.buffers.head; k != nil; k = k.next {
			if !yield(k.v) {
				return
			}
		}
	}
}

// CPUMatters tells whether loads and stores of the buffer by the CPU, whoever makes
// them, can break a rule now, or mean something to one: whether the host has to tell of
// them (ObserveCPU). Without backing, there are none.
func (b *Buffer) CPUMatters() (reads, writes bool) {
	switch {
	case b.backing == nil:
		return false, false
	case b.holders.n > 0 || b.hasMembers():
		return true, true // it depends on who
	}
	reads = b.frame.unread
	conflict := func(a Access) {
		writes = true
		reads = reads || a.writes()
	}
	for k := b.interests.head; k != nil; k = k.next {
		t := &k.v.transient
		writes = writes || t.any()
		reads = reads || t.permits(Write)
	}
	for k := b.inUse.head; k != nil; k = k.next {
		if !k.v.job.hold {
			conflict(k.v.access)
		}
	}
	if b.cpu.n > 0 || b.needsPrep(b.whole()) {
		reads = reads || !b.cpu.forAll(Read)
		writes = writes || !b.cpu.forAll(Write)
	}
	return reads, writes
}

// hasMembers tells whether a task may lock the buffer.
func (b *Buffer) hasMembers() bool {
	for k := b.members.head; k != nil; k = k.next {
		if k.v.obj.job == nil {
			return true
		}
	}
	return false
}
