// SPDX-License-Identifier: Apache-2.0

package riscv

// Priv is a privilege mode, encoded as in mstatus.MPP.
type Priv uint8

// The privilege modes (privileged specification, 1.2).
const (
	User       Priv = 0
	Supervisor Priv = 1
	Machine    Priv = 3
)

// String returns the mode's letter.
func (p Priv) String() string {
	switch p {
	case User:
		return "U"
	case Supervisor:
		return "S"
	case Machine:
		return "M"
	}
	return "?"
}

// Cause is a trap cause as in mcause: the interrupt bit and the code.
type Cause uint64

const interruptBit Cause = 1 << 63

// Exception and interrupt causes (privileged specification, table 14).
const (
	CauseInstMisaligned  Cause = 0
	CauseInstAccess      Cause = 1
	CauseIllegalInst     Cause = 2
	CauseBreakpoint      Cause = 3
	CauseLoadMisaligned  Cause = 4
	CauseLoadAccess      Cause = 5
	CauseStoreMisaligned Cause = 6
	CauseStoreAccess     Cause = 7
	CauseEcallU          Cause = 8
	CauseEcallS          Cause = 9
	CauseEcallM          Cause = 11
	CauseInstPageFault   Cause = 12
	CauseLoadPageFault   Cause = 13
	CauseStorePageFault  Cause = 15

	CauseSSoft  = interruptBit | 1
	CauseMSoft  = interruptBit | 3
	CauseSTimer = interruptBit | 5
	CauseMTimer = interruptBit | 7
	CauseSExt   = interruptBit | 9
	CauseMExt   = interruptBit | 11
)

// Interrupt bits of mip and mie: 1 << code.
const (
	IntSSoft  uint64 = 1 << 1
	IntMSoft  uint64 = 1 << 3
	IntSTimer uint64 = 1 << 5
	IntMTimer uint64 = 1 << 7
	IntSExt   uint64 = 1 << 9
	IntMExt   uint64 = 1 << 11

	sInts   = IntSSoft | IntSTimer | IntSExt
	allInts = sInts | IntMSoft | IntMTimer | IntMExt
)

// mstatus fields (privileged specification, 3.1.6).
const (
	mstatusSIE  uint64 = 1 << 1
	mstatusMIE  uint64 = 1 << 3
	mstatusSPIE uint64 = 1 << 5
	mstatusMPIE uint64 = 1 << 7
	mstatusSPP  uint64 = 1 << 8
	mstatusMPP  uint64 = 3 << 11
	mstatusFS   uint64 = 3 << 13
	mstatusMPRV uint64 = 1 << 17
	mstatusSUM  uint64 = 1 << 18
	mstatusMXR  uint64 = 1 << 19
	mstatusTVM  uint64 = 1 << 20
	mstatusTW   uint64 = 1 << 21
	mstatusTSR  uint64 = 1 << 22
	mstatusUXL  uint64 = 2 << 32 // read-only: 64 bits
	mstatusSXL  uint64 = 2 << 34
	mstatusSD   uint64 = 1 << 63

	mstatusMPPShift = 11

	// What software may write. SD is derived from FS.
	mstatusWritable = mstatusSIE | mstatusMIE | mstatusSPIE | mstatusMPIE | mstatusSPP |
		mstatusMPP | mstatusFS | mstatusMPRV | mstatusSUM | mstatusMXR | mstatusTVM | mstatusTW | mstatusTSR
	sstatusWritable = mstatusSIE | mstatusSPIE | mstatusSPP | mstatusFS | mstatusSUM | mstatusMXR
	sstatusReadable = sstatusWritable | mstatusUXL | mstatusSD
)

// menvcfg and senvcfg fields (privileged specification, 3.1.18 and 12.1.10).
const (
	envcfgFIOM  uint64 = 1 << 0
	envcfgCBIE  uint64 = 3 << 4
	envcfgCBCFE uint64 = 1 << 6
	envcfgCBZE  uint64 = 1 << 7
	envcfgADUE  uint64 = 1 << 61
	envcfgPBMTE uint64 = 1 << 62
	envcfgSTCE  uint64 = 1 << 63

	envcfgCBIEShift = 4

	senvcfgWritable = envcfgFIOM | envcfgCBIE | envcfgCBCFE | envcfgCBZE
	menvcfgWritable = senvcfgWritable | envcfgADUE | envcfgPBMTE | envcfgSTCE
)

// satp fields (privileged specification, 12.1.11).
const (
	satpModeShift = 60
	satpPPN       = 1<<44 - 1

	satpBare = 0
	satpSv39 = 8
	satpSv48 = 9
	satpSv57 = 10
)

// misa: RV64 with A, C, D, F, I, M, S, U.
const misaValue uint64 = 2<<62 | 1<<0 | 1<<('c'-'a') | 1<<('d'-'a') | 1<<('f'-'a') |
	1<<('i'-'a') | 1<<('m'-'a') | 1<<('s'-'a') | 1<<('u'-'a')

// Exceptions that may be delegated to S-mode: all but environment calls from M-mode.
const medelegWritable uint64 = 1<<CauseInstMisaligned | 1<<CauseInstAccess | 1<<CauseIllegalInst |
	1<<CauseBreakpoint | 1<<CauseLoadMisaligned | 1<<CauseLoadAccess | 1<<CauseStoreMisaligned |
	1<<CauseStoreAccess | 1<<CauseEcallU | 1<<CauseEcallS | 1<<CauseInstPageFault |
	1<<CauseLoadPageFault | 1<<CauseStorePageFault
