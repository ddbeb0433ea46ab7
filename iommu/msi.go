// SPDX-License-Identifier: Apache-2.0

package iommu

// Bits of an MSI PTE (section 2.3.3; RISC-V Advanced Interrupt Architecture, chapter
// 9).
const (
	msiV      = 1 << 0
	msiMode   = 3 << 1
	msiBasic  = 3 << 1
	msiZero   = 0x7fc0_0000_0000_03f8
	msiCustom = 1 << 63
)

// isInterruptFile tells whether a guest physical address is that of a virtual
// interrupt file (section 2.1.3.7).
func (d *deviceContext) isInterruptFile(gpa uint64) bool {
	return mode(d.MSIPTP) != 0 && (gpa>>12^d.MSIPattern)&^d.MSIMask == 0
}

// extract gathers the bits of x that mask selects.
func extract(x, mask uint64) uint64 {
	var v uint64
	for n := 0; mask != 0; n++ {
		low := mask & -mask
		if x&low != 0 {
			v |= 1 << n
		}
		mask &^= low
	}
	return v
}

// interruptFile translates the address of a virtual interrupt file through the MSI
// page table. It returns false for other addresses, which the second stage translates.
func (w *walk) interruptFile(gpa uint64) (leaf, bool, *Fault) {
	d := &w.dc
	if !d.isInterruptFile(gpa) {
		return leaf{}, false, nil
	}
	var pte [2]uint64 // the second doubleword is software's own
	if err := w.u.load(rootPPN(d.MSIPTP)<<12|extract(gpa>>12, d.MSIMask)<<4, pte[:]); err != nil {
		return leaf{}, true, w.fault(failed(err, CauseMSIAccessFault, CauseMSICorrupt))
	}
	switch {
	case pte[0]&msiV == 0:
		return leaf{}, true, w.fault(CauseMSIInvalid)
	case pte[0]&msiCustom != 0, pte[0]&msiMode != msiBasic, pte[0]&msiZero != 0:
		// There is no custom format and no memory-resident interrupt file.
		return leaf{}, true, w.fault(CauseMSIMisconfigured)
	case w.req.executes() && w.req.Type != TranslationRequest:
		return leaf{}, true, w.fault(CauseInstructionAccessFault)
	}
	return leaf{pte: allPTE &^ pteX, addr: ppn(pte[0])<<12 | gpa&(pageSize-1), size: pageSize}, true, nil
}

// overlapsInterruptFiles tells whether there may be a virtual interrupt file in the
// naturally aligned range of that size around gpa. Such a range must not be cached as
// a whole.
func (w *walk) overlapsInterruptFiles(gpa, size uint64) bool {
	d := &w.dc
	return mode(d.MSIPTP) != 0 && (gpa>>12^d.MSIPattern)&^(d.MSIMask|(size-1)>>12) == 0
}
