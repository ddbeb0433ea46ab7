// SPDX-License-Identifier: Apache-2.0

// Package sbi is the machine's built-in supervisor firmware: it answers the
// environment calls of S-mode software as the RISC-V Supervisor Binary Interface
// Specification v2.0 lays down, in place of an M-mode program. Section numbers in
// this package are those of that specification.
//
// One table (table.go) declares every extension and function; dispatch, probing
// and tracing all read it.
package sbi

import (
	"fmt"

	"vdev/mmio"
)

// Standard error codes (3).
const (
	Success             int64 = 0
	ErrFailed           int64 = -1
	ErrNotSupported     int64 = -2
	ErrInvalidParam     int64 = -3
	ErrDenied           int64 = -4
	ErrInvalidAddress   int64 = -5
	ErrAlreadyAvailable int64 = -6
	ErrAlreadyStarted   int64 = -7
	ErrAlreadyStopped   int64 = -8
	ErrNoShmem          int64 = -9
)

// State is the state of a hart as the hart state management extension numbers it
// (9).
type State uint64

// The states of a hart.
const (
	Started State = iota
	Stopped
	StartPending
	StopPending
	Suspended
	SuspendPending
	ResumePending
)

// Kinds of system reset (10.1), and the reasons given for one.
const (
	ResetShutdown uint32 = 0
	ResetCold     uint32 = 1
	ResetWarm     uint32 = 2

	ReasonNone          uint32 = 0
	ReasonSystemFailure uint32 = 1
)

// Platform is what the firmware needs of the machine. Hart numbers are hart ids,
// 0 to NumHarts()-1; the firmware passes no others.
type Platform interface {
	// NumHarts is the number of harts, stopped ones included.
	NumHarts() int
	// SetTimer makes the hart's supervisor timer interrupt pending once the time
	// CSR reaches ticks, and clears it until then.
	SetTimer(hart int, ticks uint64)
	// SendIPI makes the hart's supervisor software interrupt pending (sip.SSIP).
	SendIPI(hart int)
	// RemoteFenceI executes fence.i on the hart.
	RemoteFenceI(hart int)
	// RemoteSFenceVMA executes sfence.vma on the hart for size bytes of virtual
	// addresses from start, and for one address space if hasASID. A size of all ones
	// means every address.
	RemoteSFenceVMA(hart int, start, size uint64, asid uint64, hasASID bool)
	// HartStatus is the hart's present state.
	HartStatus(hart int) State
	// HartStart starts a stopped hart in S-mode at the physical address addr with
	// a0 its hart id, a1 opaque, satp and sstatus.SIE zero, and nothing cached of
	// earlier translations or code: fences do not reach stopped harts. It reports
	// false, and does nothing, if no code can be fetched from addr.
	HartStart(hart int, addr, opaque uint64) bool
	// HartStop stops the hart.
	HartStop(hart int)
	// HartSuspend suspends the hart until it has an interrupt pending that sie
	// enables. It then continues behind the ecall, or, if nonRetentive, at the
	// physical address resume in the state that HartStart describes.
	HartSuspend(hart int, nonRetentive bool, resume, opaque uint64)
	// Reset ends or restarts the machine: kind is one of the Reset constants, reason
	// one of the Reason constants. It may return.
	Reset(kind, reason uint32)
	// ConsoleWrite takes up to len(p) bytes, without blocking, and says how many.
	ConsoleWrite(p []byte) int
	// ConsoleRead fetches up to len(p) bytes of input that is there, and says how
	// many.
	ConsoleRead(p []byte) int
	// ReadPhys copies guest memory to p as a hart sees it; false, with p undefined,
	// unless all of it is RAM.
	ReadPhys(addr mmio.PhysAddr, p []byte) bool
	// WritePhys copies p to guest memory as a hart would; false, with nothing
	// written, unless all of it is RAM.
	WritePhys(addr mmio.PhysAddr, p []byte) bool
}

// Ret is the outcome of a call.
type Ret struct {
	// Error goes to a0: one of the error codes, or the result of a legacy call.
	Error int64
	// Value goes to a1, but not for a legacy call.
	Value uint64
	// Legacy says that only a0 is written.
	Legacy bool
	// NoReturn says that the call does not return: the hart was stopped, was
	// suspended so that it will resume elsewhere, or the machine is being reset. No
	// register of the hart may be written.
	NoReturn bool
}

// String shows the result as traces have it.
func (r Ret) String() string {
	switch {
	case r.NoReturn:
		return "does not return"
	case r.Legacy:
		return fmt.Sprintf("%d", r.Error)
	case r.Error == Success:
		return fmt.Sprintf("%#x", r.Value)
	}
	return ErrorName(r.Error)
}

// ErrorName is the specification's name of an error code without its SBI_ prefix.
func ErrorName(code int64) string {
	names := [...]string{
		"SUCCESS", "ERR_FAILED", "ERR_NOT_SUPPORTED", "ERR_INVALID_PARAM", "ERR_DENIED",
		"ERR_INVALID_ADDRESS", "ERR_ALREADY_AVAILABLE", "ERR_ALREADY_STARTED",
		"ERR_ALREADY_STOPPED", "ERR_NO_SHMEM",
	}
	if code <= 0 && code > -int64(len(names)) {
		return names[-code]
	}
	return fmt.Sprintf("error %d", code)
}

// Firmware answers the environment calls of a machine's harts. Between calls it
// keeps no state of the guest's.
type Firmware struct {
	platform Platform
	exts     []Extension
	trace    func(Call)
}

// New makes the firmware of the machine p.
func New(p Platform) *Firmware {
	return &Firmware{platform: p, exts: Extensions()}
}

// Call describes one finished environment call to a tracer.
type Call struct {
	Hart     int
	EID, FID uint64
	Args     [6]uint64
	Function *Function // nil if there is none with these numbers
	Name     string    // "hsm.hart_start", or the numbers of an unknown call
	Ret      Ret
}

// String is the call on one line.
func (c Call) String() string {
	s := fmt.Sprintf("hart %d: %s(", c.Hart, c.Name)
	if c.Function != nil {
		for i, arg := range c.Function.Args {
			if i > 0 {
				s += ", "
			}
			s += fmt.Sprintf("%s=%#x", arg, c.Args[i])
		}
	}
	return s + ") = " + c.Ret.String()
}

// SetTrace has fn called after every environment call; nil ends that. A call that
// does not return is traced too.
func (f *Firmware) SetTrace(fn func(Call)) { f.trace = fn }

// Ecall performs the call that S-mode software of the hart made with EID a7, FID
// a6 and arguments a0 to a5. Bad calls get error codes; Ecall itself cannot fail.
func (f *Firmware) Ecall(hart int, eid, fid uint64, args [6]uint64) Ret {
	ext, fn := f.lookup(eid, fid)
	ret := Ret{Error: ErrNotSupported}
	if fn != nil {
		ret = fn.call(f, hart, args)
	}
	// The numbers of legacy calls stay theirs even where the call is missing (5).
	ret.Legacy = ext != nil && ext.Legacy || ext == nil && eid <= lastLegacyEID
	if f.trace != nil {
		c := Call{Hart: hart, EID: eid, FID: fid, Args: args, Function: fn, Ret: ret}
		switch {
		case fn != nil:
			c.Name = ext.Name + "." + fn.Name
		case ext != nil:
			c.Name = fmt.Sprintf("%s.%#x", ext.Name, fid)
		default:
			c.Name = fmt.Sprintf("%#x.%#x", eid, fid)
		}
		f.trace(c)
	}
	return ret
}

func (f *Firmware) lookup(eid, fid uint64) (*Extension, *Function) {
	for i := range f.exts {
		e := &f.exts[i]
		if e.EID != eid {
			continue
		}
		if e.Legacy { // these have no FID
			return e, &e.Functions[0]
		}
		for j := range e.Functions {
			if e.Functions[j].FID == fid {
				return e, &e.Functions[j]
			}
		}
		return e, nil
	}
	return nil, nil
}

func fail(code int64) Ret       { return Ret{Error: code} }
func success(value uint64) Ret  { return Ret{Value: value} }
func legacyResult(a0 int64) Ret { return Ret{Error: a0} } // Ecall marks it
