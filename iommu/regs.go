// SPDX-License-Identifier: Apache-2.0

package iommu

import "vdev/mmio"

// The registers, with the specification's names (section 5.1).
const (
	regCapabilities mmio.RegID = iota
	regFctl
	regDdtp
	regCqb
	regCqh
	regCqt
	regFqb
	regFqh
	regFqt
	regPqb
	regPqh
	regPqt
	regCqcsr
	regFqcsr
	regPqcsr
	regIpsr
	regIocountovf
	regIocountinh
	regIohpmcycles
	regIohpmctr
	regIohpmevt
	regTrReqIova
	regTrReqCtl
	regTrResponse
	regIommuQosid
	regIcvec
	regMsiAddr
	regMsiData
	regMsiVecCtl
)

const (
	windowSize = 0x1000
	numEvents  = 31 // event counters
	numVectors = 16 // that icvec can name
)

// Bits of capabilities (section 5.3).
const (
	capVersion  = 0x10
	capSv39     = 1 << 9
	capSv48     = 1 << 10
	capSv57     = 1 << 11
	capSvpbmt   = 1 << 15
	capSv39x4   = 1 << 17
	capSv48x4   = 1 << 18
	capSv57x4   = 1 << 19
	capMSIFlat  = 1 << 22
	capAMOHWAD  = 1 << 24
	capATS      = 1 << 25
	capIGSWires = 1 << 28
	capHPM      = 1 << 30
	capDBG      = 1 << 31
	capPAS56    = 56 << 32
	capPD8      = 1 << 38
	capPD17     = 1 << 39
	capPD20     = 1 << 40
)

// fctlWSI says that interrupts are wires (section 5.4).
const fctlWSI = 1 << 1

// Modes of ddtp (section 5.5).
const (
	ddtpOff  = 0
	ddtpBare = 1
	ddtp1LVL = 2
	ddtp3LVL = 4
)

// Bits that the three queues' control registers share, and the errors of each
// (sections 5.15 to 5.17).
const (
	csrEnable    = 1 << 0
	csrInterrupt = 1 << 1
	csrMemFault  = 1 << 8
	csrOverflow  = 1 << 9 // of the queues that the IOMMU fills
	csrTimeout   = 1 << 9 // of the command queue
	csrIllegal   = 1 << 10
	csrFence     = 1 << 11
	csrOn        = 1 << 16

	fillErrors    = csrMemFault | csrOverflow
	commandErrors = csrMemFault | csrTimeout | csrIllegal
)

// Bits of ipsr, and the position of a cause's vector in icvec divided by 4 (sections
// 5.18 and 5.27).
const (
	ipCommand = iota
	ipFault
	ipCounter
	ipPage
	numIP
)

// Bits of the event selectors and the cycle counter (sections 5.21 and 5.23).
const (
	evtDMASK = 1 << 15
	evtPV    = 1 << 60
	evtDV    = 1 << 61
	evtIDT   = 1 << 62
	hpmOF    = 1 << 63
)

// Bits of tr_req_ctl (section 5.25).
const (
	trGo   = 1 << 0
	trPriv = 1 << 1
	trExe  = 1 << 2
	trNW   = 1 << 3
	trPV   = 1 << 32
)
