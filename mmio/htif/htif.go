// SPDX-License-Identifier: Apache-2.0

// Package htif understands the host-target interface of bare-metal RISC-V test
// programs: 64-bit words that the program stores at its symbol tohost, and answers
// that it reads from fromhost. The layout is that of the Berkeley
// riscv-isa-sim's fesvr: device in bits 63:56, command in bits 55:48, payload below.
package htif

import (
	"encoding/binary"

	"vdev/mmio"
)

// Kind says what a word asks for.
type Kind uint8

// The kinds.
const (
	None    Kind = iota // nothing, or something that is not supported
	Exit                // end with Result.Code; 0 is success
	Putchar             // print Result.Char
	Syscall             // perform the system call described at Result.Addr, see Proxy
)

// Result is what a word stored at tohost means. If Reply is not zero, the machine
// stores it at fromhost. In every case it then stores zero at tohost.
type Result struct {
	Kind  Kind
	Code  uint64 // for riscv-tests, the number of the test that failed
	Char  byte
	Addr  mmio.PhysAddr // of eight words: number, then arguments
	Reply uint64
}

const (
	deviceSyscall = 0
	deviceConsole = 1
	commandWrite  = 1

	payloadBits = 48
	payloadMask = 1<<payloadBits - 1
)

// Handle decodes a word stored at tohost.
func Handle(v uint64) Result {
	device, command, payload := v>>56, v>>payloadBits&0xff, v&payloadMask
	header := v &^ payloadMask
	switch {
	case device == deviceSyscall && command == 0 && payload&1 != 0:
		return Result{Kind: Exit, Code: payload >> 1}
	case device == deviceSyscall && command == 0 && payload != 0:
		return Result{Kind: Syscall, Addr: mmio.PhysAddr(payload), Reply: header | 1}
	case device == deviceConsole && command == commandWrite:
		return Result{Kind: Putchar, Char: byte(payload), Reply: header | 0x100 | payload&0xff}
	}
	return Result{}
}

// Memory is guest physical memory; both methods return false if any of the bytes is
// not RAM.
type Memory interface {
	ReadPhys(addr mmio.PhysAddr, p []byte) bool
	WritePhys(addr mmio.PhysAddr, p []byte) bool
}

// Numbers of the proxied system calls, Linux's generic table.
const (
	sysWrite = 64
	sysExit  = 93
)

const (
	errnoFault  = 14
	errnoBadF   = 9
	errnoNoSys  = 38
	maxTransfer = 1 << 20 // bytes; a longer write is a short write
)

// Proxy performs the system calls of test programs, as far as they need them: exit,
// and write to standard output and error.
type Proxy struct {
	Memory  Memory
	Console func(p []byte)
}

// Syscall performs the call described at addr and stores its result there. The
// returned Result is Exit if the program asked to end, otherwise None.
func (x Proxy) Syscall(addr mmio.PhysAddr) Result {
	var raw [64]byte
	if !x.Memory.ReadPhys(addr, raw[:]) {
		return Result{}
	}
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(raw[8*i:]) }
	var ret int64
	switch word(0) {
	case sysExit:
		return Result{Kind: Exit, Code: word(1)}
	case sysWrite:
		ret = x.write(word(1), mmio.PhysAddr(word(2)), word(3))
	default:
		ret = -errnoNoSys
	}
	binary.LittleEndian.PutUint64(raw[:], uint64(ret))
	x.Memory.WritePhys(addr, raw[:8])
	return Result{}
}

func (x Proxy) write(fd uint64, buf mmio.PhysAddr, n uint64) int64 {
	if fd != 1 && fd != 2 {
		return -errnoBadF
	}
	p := make([]byte, min(n, maxTransfer))
	if !x.Memory.ReadPhys(buf, p) {
		return -errnoFault
	}
	x.Console(p)
	return int64(len(p))
}
