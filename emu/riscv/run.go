// SPDX-License-Identifier: Apache-2.0

package riscv

// status is what a slow path reports to exec.
type status uint8

const (
	stNext status = iota // go on with the next instruction
	stTrap               // h.trapCause and h.trapTval are set; the instruction did nothing
	stExit               // done; leave the block before the next instruction
	stJump               // done; h.pc is set
)

// Run executes up to limit steps and tells why it stopped. Interrupts that are
// pending at the start are taken at once, those that an instruction brings about
// right after it.
func (h *Hart) Run(limit uint64) Exit {
	h.n = 0
	h.exitAsked, h.exitAfter = false, false
	h.UpdateTimer()
	exit := h.exec(limit)
	h.steps += h.n
	h.n = 0
	return exit
}

// Step executes one step.
func (h *Hart) Step() Exit { return h.Run(1) }

// takeInterrupt enters the pending interrupt with the highest priority, if there
// is one that is enabled.
func (h *Hart) takeInterrupt() bool {
	cause, ok := h.pendingInterrupt()
	if ok {
		h.enterTrap(cause, 0, h.pc)
	}
	return ok
}

// trapped enters the trap that the instruction at pc raised, and counts the step.
func (h *Hart) trapped(pc uint64) {
	h.exitAfter = false
	h.notRetired++
	h.enterTrap(h.trapCause, h.trapTval, pc)
}

// successor returns the block at pc on the same page as b, for chaining b's exit k
// to it; nil if it is to be looked up by its address.
func (h *Hart) successor(b *Block, k int, pc, from uint64) *Block {
	if b.page == nil || (pc^from)&^pageMask != 0 {
		return nil
	}
	nb := h.code.block(b.page, pc&pageMask)
	if nb != nil && nb.page == b.page {
		b.next[k] = nb
	}
	return nb
}
