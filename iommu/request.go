// SPDX-License-Identifier: Apache-2.0

package iommu

import "vdev/mmio"

// Transaction is the type of a request, encoded as TTYP of a fault record (section
// 3.2).
type Transaction uint8

// The types of transactions.
const (
	UntranslatedExecute Transaction = 1
	UntranslatedRead    Transaction = 2
	UntranslatedWrite   Transaction = 3 // or an atomic
	TranslatedExecute   Transaction = 5
	TranslatedRead      Transaction = 6
	TranslatedWrite     Transaction = 7
	TranslationRequest  Transaction = 8 // PCIe ATS
	MessageRequest      Transaction = 9 // PCIe message
)

// Request is one access of a bus master, to bytes of one 4 KiB page.
type Request struct {
	DeviceID uint32 // 24 bits
	Type     Transaction
	Addr     mmio.IOVA
	// HasProcess says that the request carries a process_id (a PASID).
	HasProcess bool
	ProcessID  uint32 // 20 bits
	Privileged bool   // supervisor privilege; means nothing without a process_id
	// NoWrite and Execute qualify a TranslationRequest (section 2.6): the answer need
	// not allow writing; it is to allow fetching.
	NoWrite, Execute bool
}

// Result is where a request goes.
type Result struct {
	Addr mmio.PhysAddr // of the request's first byte
	// Size is the power of two for which naturally aligned neighbours translate alike,
	// at least 4096.
	Size uint64
	// PBMT is the memory type of Svpbmt: 0 the address's own, 1 non-cacheable, 2 I/O.
	PBMT uint8
	// MSI says that the address is that of a virtual interrupt file (section 2.1.3.6).
	MSI bool
	// Read, Write, Execute, Global are the answer to a TranslationRequest; other
	// requests were granted what they asked for.
	Read, Write, Execute, Global bool
}

const (
	pageSize = 4096
	// bareSize is the size of a translation without tables. It is the implementation's to
	// choose, and should be large (section 2.6).
	bareSize = 1 << 30
)

func (r *Request) translated() bool {
	return r.Type >= TranslatedExecute && r.Type <= TranslatedWrite
}

func (r *Request) executes() bool {
	return r.Type == UntranslatedExecute || r.Type == TranslatedExecute ||
		r.Type == TranslationRequest && r.Execute && r.HasProcess
}

func (r *Request) writes() bool {
	return r.Type == UntranslatedWrite || r.Type == TranslatedWrite || r.Type == TranslationRequest && !r.NoWrite
}

// supervisor tells the privilege that PTEs are checked against.
func (r *Request) supervisor() bool { return r.HasProcess && r.Privileged }

// answersWithError tells whether a TranslationRequest that meets the cause is
// answered with an error, and reported, instead of with no permissions (section 2.6).
func answersWithError(c Cause) bool {
	switch c {
	case CauseInstructionPageFault, CauseReadPageFault, CauseWritePageFault,
		CauseInstructionGuestPageFault, CauseReadGuestPageFault, CauseWriteGuestPageFault,
		CausePDTInvalid, CauseMSIInvalid:
		return false
	}
	return true
}
