// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"errors"
	"fmt"

	"vdev/mmio"
)

// Cause is why a request was refused (section 3.2, CAUSE of a fault record).
type Cause uint16

// The causes that this model raises.
const (
	CauseInstructionAccessFault    Cause = 1
	CauseReadAccessFault           Cause = 5
	CauseWriteAccessFault          Cause = 7
	CauseInstructionPageFault      Cause = 12
	CauseReadPageFault             Cause = 13
	CauseWritePageFault            Cause = 15
	CauseInstructionGuestPageFault Cause = 20
	CauseReadGuestPageFault        Cause = 21
	CauseWriteGuestPageFault       Cause = 23
	CauseAllDisallowed             Cause = 256
	CauseDDTAccessFault            Cause = 257
	CauseDDTInvalid                Cause = 258
	CauseDDTMisconfigured          Cause = 259
	CauseTypeDisallowed            Cause = 260
	CauseMSIAccessFault            Cause = 261
	CauseMSIInvalid                Cause = 262
	CauseMSIMisconfigured          Cause = 263
	CausePDTAccessFault            Cause = 265
	CausePDTInvalid                Cause = 266
	CausePDTMisconfigured          Cause = 267
	CauseDDTCorrupt                Cause = 268
	CausePDTCorrupt                Cause = 269
	CauseMSICorrupt                Cause = 270
	CauseTableCorrupt              Cause = 274
)

// ErrCorrupt is in the error of Config.Memory if the data that was read is known to be
// damaged ("poisoned"): the cause is another one then.
var ErrCorrupt = errors.New("corrupted data")

// failed picks a cause by the error of an access to memory.
func failed(err error, access, corrupt Cause) Cause {
	if errors.Is(err, ErrCorrupt) {
		return corrupt
	}
	return access
}

// String returns the cause in the specification's words.
func (c Cause) String() string {
	switch c {
	case CauseInstructionAccessFault:
		return "instruction access fault"
	case CauseReadAccessFault:
		return "read access fault"
	case CauseWriteAccessFault:
		return "write/AMO access fault"
	case CauseInstructionPageFault:
		return "instruction page fault"
	case CauseReadPageFault:
		return "read page fault"
	case CauseWritePageFault:
		return "write/AMO page fault"
	case CauseInstructionGuestPageFault:
		return "instruction guest page fault"
	case CauseReadGuestPageFault:
		return "read guest-page fault"
	case CauseWriteGuestPageFault:
		return "write/AMO guest-page fault"
	case CauseAllDisallowed:
		return "all inbound transactions disallowed"
	case CauseDDTAccessFault:
		return "DDT entry load access fault"
	case CauseDDTInvalid:
		return "DDT entry not valid"
	case CauseDDTMisconfigured:
		return "DDT entry misconfigured"
	case CauseTypeDisallowed:
		return "transaction type disallowed"
	case CauseMSIAccessFault:
		return "MSI PTE load access fault"
	case CauseMSIInvalid:
		return "MSI PTE not valid"
	case CauseMSIMisconfigured:
		return "MSI PTE misconfigured"
	case CausePDTAccessFault:
		return "PDT entry load access fault"
	case CausePDTInvalid:
		return "PDT entry not valid"
	case CausePDTMisconfigured:
		return "PDT entry misconfigured"
	case CauseDDTCorrupt:
		return "DDT data corruption"
	case CausePDTCorrupt:
		return "PDT data corruption"
	case CauseMSICorrupt:
		return "MSI PT data corruption"
	case CauseTableCorrupt:
		return "first/second-stage PT data corruption"
	}
	return fmt.Sprintf("cause %d", uint16(c))
}

// muted tells whether tc.DTF keeps the fault out of the fault queue (section 3.2, the
// table's last column).
func (c Cause) muted() bool {
	return (c < CauseAllDisallowed || c > CauseDDTMisconfigured) && c != CauseDDTCorrupt
}

// Fault is a request that was refused. It is the error that a Port returns, inside a
// *mmio.DMAError.
type Fault struct {
	Cause   Cause
	Request Request
	// IOTVal2 is the guest physical address of a guest-page fault, without its two
	// lowest bits; bit 0: an implicit access of the first stage met it; bit 1: that
	// access was a write (section 3.2).
	IOTVal2 uint64
	// Queued tells whether a record of it reached the fault queue.
	Queued bool
}

// Error names cause, master and address.
func (f *Fault) Error() string {
	who := fmt.Sprintf("device %#x", f.Request.DeviceID)
	if f.Request.HasProcess {
		who += fmt.Sprintf(" process %#x", f.Request.ProcessID)
	}
	return fmt.Sprintf("IOMMU: %s: %v at %#x", who, f.Cause, uint64(f.Request.Addr))
}

// record is the fault in the form of section 3.2.
func (f *Fault) record() [4]uint64 {
	r := &f.Request
	head := uint64(f.Cause) | uint64(r.Type)<<34 | uint64(r.DeviceID&0xff_ffff)<<40
	if r.HasProcess {
		head |= uint64(r.ProcessID&0xf_ffff)<<12 | 1<<32
		if r.Privileged {
			head |= 1 << 33
		}
	}
	return [4]uint64{head, 0, uint64(r.Addr), f.IOTVal2}
}

// accessCauses are the causes that depend on the kind of access.
type accessCauses struct{ access, page, guest Cause }

// causes are those of the request's kind of access.
func (r *Request) causes() accessCauses {
	switch {
	case r.executes():
		return accessCauses{CauseInstructionAccessFault, CauseInstructionPageFault, CauseInstructionGuestPageFault}
	case r.writes() && r.Type != TranslationRequest:
		return accessCauses{CauseWriteAccessFault, CauseWritePageFault, CauseWriteGuestPageFault}
	}
	return accessCauses{CauseReadAccessFault, CauseReadPageFault, CauseReadGuestPageFault}
}

// report refuses the request: it queues a record, unless muted by DTF, and counts
// what memory failed as the guest's mistake.
func (u *IOMMU) report(f *Fault, dtf bool) {
	if f.Request.Type == TranslationRequest && !answersWithError(f.Cause) {
		return
	}
	u.Report(mmio.EventBadDMA, "fault", uint64(f.Cause), uint64(f.Request.Addr))
	if dtf && f.Cause.muted() {
		return
	}
	rec := f.record()
	f.Queued = u.fq.push(rec[:])
}
