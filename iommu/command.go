// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"encoding/binary"

	"vdev/mmio"
)

// Commands: opcode in bits 6:0 and func3 in bits 9:7 (section 3.1).
const (
	cmdInvalVMA  = 1 | 0<<7
	cmdInvalGVMA = 1 | 1<<7
	cmdFence     = 2 | 0<<7
	cmdInvalDDT  = 3 | 0<<7
	cmdInvalPDT  = 3 | 1<<7
	cmdATSInval  = 4 | 0<<7
	cmdATSGroup  = 4 | 1<<7

	cmdKind = 1<<10 - 1

	// cmdWaits is no bit of cqcsr: the command is to be fetched again when a device has
	// answered.
	cmdWaits = 1 << 32
)

// Operands, and the bits of either doubleword that must be 0.
const (
	opAV   = 1 << 10
	opPSCV = 1 << 32
	opGV   = 1 << 33
	opWSI  = 1 << 11 // IOFENCE.C
	opDV   = 1 << 33 // IODIR
	opPV   = 1 << 32 // ATS
	opDSV  = 1 << 33 // ATS

	invalReserved0 = 0xf000_0ffc_0000_0800
	invalReserved1 = 0xc000_0000_0000_03ff
	fenceReserved0 = 0x0000_0000_ffff_c000
	fenceReserved1 = 0xc000_0000_0000_0000
	dirReserved0   = 0x0000_00fd_0000_0c00
	dirProcess     = 0x0000_0000_ffff_f000
	atsReserved0   = 0x0000_00fc_0000_0c00
)

// runCommands executes what is in the command queue, until it is empty or stopped by
// an error or waits for a device. Every command but ATS.INVAL is complete when the next
// one is fetched.
func (u *IOMMU) runCommands() {
	// An IOFENCE.C may write to a register that brings us here again.
	if u.running {
		return
	}
	u.running = true
	defer func() { u.running = false }()
	for range u.cq.mask() + 1 {
		if !u.runCommand() {
			return
		}
	}
}

// runCommand executes the next command, if there is one and nothing stops it. It
// returns whether to go on.
func (u *IOMMU) runCommand() bool {
	head := u.Get(regCqh)
	if !u.cq.on() || head == u.Get(regCqt) {
		return false
	}
	var cmd [2]uint64
	if u.load(uint64(u.cq.at(head)), cmd[:]) != nil {
		u.cq.set(csrMemFault)
		return false
	}
	bits := u.execute(cmd[0], cmd[1])
	if bits == cmdWaits {
		return false
	}
	if bits&csrIllegal != 0 {
		u.Report(mmio.EventBadDescriptor, "command", head, cmd[0])
	}
	if bits&commandErrors == 0 { // else cqh stays at the command
		u.Set(regCqh, (head+1)&u.cq.mask())
	}
	if bits != 0 {
		u.cq.set(bits)
	}
	return bits&commandErrors == 0
}

// execute performs one command and returns the bits of cqcsr that it sets, or
// cmdWaits.
func (u *IOMMU) execute(a, b uint64) uint64 {
	switch a & cmdKind {
	case cmdInvalVMA, cmdInvalGVMA:
		guest := a&cmdKind == cmdInvalGVMA
		if a&invalReserved0 != 0 || b&invalReserved1 != 0 || guest && a&opPSCV != 0 {
			return csrIllegal
		}
		v := invalidation{av: a&opAV != 0, gv: a&opGV != 0, pscv: a&opPSCV != 0,
			pscid: softID(a), gscid: uint32(a >> 44 & 0xffff), addr: b >> 10 << 12}
		if guest {
			u.translations.drop(v.matchesSecond)
			u.forgetPages(nil)
		} else {
			u.translations.drop(v.matchesFirst)
			u.forgetPages(&v)
			if u.onInvalidate != nil {
				u.onInvalidate(Invalidation{v.pscid, v.pscv, mmio.IOVA(v.addr), v.av})
			}
		}
	case cmdFence:
		return u.fence(a, b)
	case cmdInvalDDT, cmdInvalPDT:
		return u.invalidateDirectory(a, b)
	case cmdATSInval, cmdATSGroup:
		if !u.ats || a&atsReserved0 != 0 {
			return csrIllegal
		}
		m := Message{Invalidate: a&cmdKind == cmdATSInval, Device: uint16(a >> 40), HasSegment: a&opDSV != 0, Segment: uint8(a >> 56),
			HasProcess: a&opPV != 0, ProcessID: softID(a), Payload: b}
		if !m.Invalidate {
			u.send(m)
		} else if !u.sendInvalidation(m) {
			return cmdWaits
		}
	default:
		return csrIllegal
	}
	return 0
}

// fence is IOFENCE.C (section 3.1.2). It waits for the completion of ATS.INVAL. All
// accesses so far are done, whatever PR and PW say.
func (u *IOMMU) fence(a, b uint64) uint64 {
	if a&fenceReserved0 != 0 || b&fenceReserved1 != 0 {
		return csrIllegal
	}
	if u.unanswered() {
		return cmdWaits
	}
	if u.invalTimedOut {
		u.invalTimedOut = false
		return csrTimeout
	}
	if a&opAV != 0 {
		data := binary.LittleEndian.AppendUint32(nil, uint32(a>>32))
		if u.memory.WriteDMA(mmio.IOVA(b<<2), data) != nil {
			return csrMemFault
		}
	}
	if a&opWSI != 0 {
		return csrFence
	}
	return 0
}

// invalidateDirectory is IODIR.INVAL_DDT and IODIR.INVAL_PDT (section 3.1.3).
func (u *IOMMU) invalidateDirectory(a, b uint64) uint64 {
	process := a&cmdKind == cmdInvalPDT
	device, one := uint32(a>>40), a&opDV != 0
	switch mode := u.Get(regDdtp) & 15; {
	case a&dirReserved0 != 0, b != 0, process && !one, !process && a&dirProcess != 0,
		one && mode >= ddtp1LVL && !u.reaches(device):
		return csrIllegal
	}
	u.forgetPages(nil)
	if !process {
		u.devices.drop(func(d *deviceContext) bool { return !one || d.Device == device })
	}
	id := softID(a)
	u.processes.drop(func(p *processContext) bool {
		return !one || p.Device == device && (!process || p.Process == id)
	})
	return 0
}

// Invalidation is an IOTINVAL.VMA: of the translations of one address, if HasAddr, and
// of one address space, if HasPSCID; else of all.
type Invalidation struct {
	PSCID    uint32
	HasPSCID bool
	Addr     mmio.IOVA
	HasAddr  bool
}

// invalidation has the operands of IOTINVAL (section 3.1.1).
type invalidation struct {
	av, gv, pscv bool
	pscid, gscid uint32
	addr         uint64
}

// matchesFirst decides for IOTINVAL.VMA. Without GV it is about the host's address
// spaces, those without a second stage.
func (v *invalidation) matchesFirst(t *translation) bool {
	switch {
	case t.Nested != v.gv, v.gv && t.GSCID != v.gscid,
		v.pscv && (!t.Paged || t.Global || t.PSCID != v.pscid),
		v.av && (!t.Paged || (v.addr^t.IOVA)&^(t.FirstSize-1) != 0):
		return false
	}
	return true
}

// matchesSecond decides for IOTINVAL.GVMA.
func (v *invalidation) matchesSecond(t *translation) bool {
	switch {
	case !t.Nested, v.gv && t.GSCID != v.gscid:
		return false
	}
	return !v.gv || !v.av || (v.addr^t.Guest)&^(t.GuestSize-1) == 0
}
