// SPDX-License-Identifier: Apache-2.0

package lockstep_test

import (
	"vdev/emu/riscv/isa"
	. "vdev/emu/riscv/riscvtest"
)

// CSRs and bits that the supervisor uses (privileged specification, tables 3 to 8).
const (
	csrFCSR     = 0x003
	csrSatp     = 0x180
	csrMstatus  = 0x300
	csrMedeleg  = 0x302
	csrMideleg  = 0x303
	csrMie      = 0x304
	csrMtvec    = 0x305
	csrMenvcfg  = 0x30a
	csrMscratch = 0x340
	csrMepc     = 0x341
	csrMcause   = 0x342
	csrMtval    = 0x343
	csrPmpcfg0  = 0x3a0
	csrPmpaddr0 = 0x3b0
	csrMhartid  = 0xf14

	mstatusFSShift  = 13
	mstatusFS       = 3 << mstatusFSShift
	mstatusMPPShift = 11
	mstatusSUM      = 1 << 18
	mstatusMXR      = 1 << 19

	menvcfgADUE = 1 << 61

	causeFetchAccess    = 1
	causeFetchPageFault = 12
	causeEcallU         = 8
	causeEcallS         = 9
	causeEcallM         = 11
)

// supervisor assembles the program that runs the given number of cases. During a
// case mscratch points to its record.
func supervisor(satp uint64, cases int) []byte {
	const rec = T6 // x31 points to the record whenever the supervisor runs
	a := New(ramBase)
	set := func(csr uint16, v uint64) {
		a.Li(T0, v)
		a.CSR(isa.OpCSRRW, Zero, csr, T0)
	}
	set(csrMedeleg, 0)
	set(csrMideleg, 0)
	set(csrMie, 0)
	set(csrPmpaddr0, 1<<54-1)
	set(csrPmpcfg0, 0x1f) // NAPOT, RWX: all that there is
	set(csrMenvcfg, menvcfgADUE)
	set(csrSatp, satp)
	a.Inst(isa.Inst{Op: isa.OpSFENCE_VMA, Len: 4})
	a.La(T0, "trap")
	a.CSR(isa.OpCSRRW, Zero, csrMtvec, T0)
	a.Li(rec, recordBase)

	a.Label("enter")
	a.CSR(isa.OpCSRRW, Zero, csrMscratch, rec)
	a.Li(T0, mstatusFS)
	a.CSR(isa.OpCSRRS, Zero, csrMstatus, T0)
	for i := range uint8(32) {
		a.I(isa.OpFLD, i, rec, inF+8*int64(i))
	}
	for _, c := range []struct {
		csr uint16
		at  int64
	}{{csrFCSR, inFCSR}, {csrMepc, inX}, {csrMstatus, inMstatus}} {
		a.I(isa.OpLD, T0, rec, c.at)
		a.CSR(isa.OpCSRRW, Zero, c.csr, T0)
	}
	for i := uint8(1); i < 32; i++ { // rec is x31 and goes last
		a.I(isa.OpLD, i, rec, inX+8*int64(i))
	}
	a.Op(isa.OpMRET)

	a.Align(4)
	a.Label("trap")
	a.CSR(isa.OpCSRRW, rec, csrMscratch, rec)
	for i := uint8(1); i < 31; i++ {
		a.Store(isa.OpSD, i, rec, outX+8*int64(i))
	}
	a.CSR(isa.OpCSRRW, T0, csrMscratch, rec)
	a.Store(isa.OpSD, T0, rec, outX+8*31)
	a.CSR(isa.OpCSRRS, T0, csrMcause, Zero)
	for _, cause := range []uint64{causeEcallU, causeEcallS, causeEcallM} {
		a.Li(T1, cause)
		a.Branch(isa.OpBEQ, T0, T1, "end")
	}
	a.I(isa.OpLD, T2, rec, outX) // traps so far
	a.Li(T1, maxTraps)
	a.Branch(isa.OpBGEU, T2, T1, "end")
	a.I(isa.OpADDI, T1, T2, 1)
	a.Store(isa.OpSD, T1, rec, outX)
	a.Li(T1, trapSize)
	a.R(isa.OpMUL, T2, T2, T1)
	a.R(isa.OpADD, T2, T2, rec)
	a.Store(isa.OpSD, T0, T2, outTraps)
	a.CSR(isa.OpCSRRS, A0, csrMepc, Zero)
	a.Store(isa.OpSD, A0, T2, outTraps+8)
	a.CSR(isa.OpCSRRS, A1, csrMtval, Zero)
	a.Store(isa.OpSD, A1, T2, outTraps+16)
	// After a fetch that failed there is no instruction to step over.
	for _, cause := range []uint64{causeFetchAccess, causeFetchPageFault} {
		a.Li(T1, cause)
		a.Branch(isa.OpBEQ, T0, T1, "abandon")
	}
	a.Li(T1, userBase-ramBase-1) // all addresses of code map to RAM by their low bits
	a.R(isa.OpAND, T1, A0, T1)
	a.Li(T2, ramBase)
	a.R(isa.OpOR, T1, T1, T2)
	a.I(isa.OpLHU, T1, T1, 0)
	a.I(isa.OpANDI, T1, T1, 3)
	a.I(isa.OpSLTIU, T1, T1, 3)
	a.I(isa.OpXORI, T1, T1, 1) // 1 if it is not compressed
	a.R(isa.OpSH1ADD, A0, T1, A0)
	a.I(isa.OpADDI, A0, A0, 2)
	a.Jal(Zero, "resume")
	a.Label("abandon")
	a.I(isa.OpLD, A0, rec, inEnd)
	a.Label("resume")
	a.CSR(isa.OpCSRRW, Zero, csrMepc, A0)
	for i := uint8(1); i < 32; i++ {
		a.I(isa.OpLD, i, rec, outX+8*int64(i))
	}
	a.Op(isa.OpMRET)

	a.Label("end")
	a.Li(T0, mstatusFS)
	a.CSR(isa.OpCSRRS, Zero, csrMstatus, T0)
	for i := range uint8(32) {
		a.Store(isa.OpFSD, i, rec, outF+8*int64(i))
	}
	a.CSR(isa.OpCSRRS, T0, csrFCSR, Zero)
	a.Store(isa.OpSD, T0, rec, outFCSR)
	a.Li(T0, dummyWord)
	a.R(isa.OpSC_W, Zero, T0, Zero) // ends a reservation
	a.Inst(isa.Inst{Op: isa.OpSFENCE_VMA, Len: 4})
	a.I(isa.OpADDI, rec, rec, recordSize)
	a.Li(T0, recordBase+uint64(cases)*recordSize)
	a.Branch(isa.OpBLTU, rec, T0, "more")
	a.Li(T0, stopAddr)
	a.Li(T1, stopValue)
	a.Store(isa.OpSW, T1, T0, 0)
	a.Label("stopped")
	a.Jal(Zero, "stopped")
	a.Label("more")
	a.Jal(Zero, "enter")

	return a.Bytes()
}
