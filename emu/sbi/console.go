// SPDX-License-Identifier: Apache-2.0

package sbi

import (
	"fmt"

	"vdev/mmio"
)

// consoleChunk bounds what one call moves. The specification lets both calls move
// less than they were asked to (12.1, 12.2), and the caller must loop anyway.
const consoleChunk = 4096

// consoleBuffer fetches the start of the memory that the arguments of a console
// call name, or nil if they are bad.
func (f *Firmware) consoleBuffer(args [6]uint64) []byte {
	size, addr, high := args[0], args[1], args[2]
	if high != 0 || size != 0 && addr > -size { // beyond 2^64
		return nil
	}
	p := make([]byte, min(size, consoleChunk))
	if len(p) != 0 && !f.platform.ReadPhys(mmio.PhysAddr(addr), p) {
		return nil
	}
	return p
}

func (f *Firmware) consoleWrite(_ int, args [6]uint64) Ret {
	p := f.consoleBuffer(args)
	if p == nil {
		return fail(ErrInvalidParam)
	}
	return success(uint64(f.write(p)))
}

func (f *Firmware) consoleRead(_ int, args [6]uint64) Ret {
	// The memory is tried first: input that has been taken cannot be put back.
	p := f.consoleBuffer(args)
	if p == nil {
		return fail(ErrInvalidParam)
	}
	n := f.read(p)
	if n != 0 && !f.platform.WritePhys(mmio.PhysAddr(args[1]), p[:n]) {
		return fail(ErrFailed)
	}
	return success(uint64(n))
}

func (f *Firmware) consoleWriteByte(_ int, args [6]uint64) Ret {
	if f.write([]byte{byte(args[0])}) != 1 {
		return fail(ErrFailed)
	}
	return success(0)
}

func (f *Firmware) legacyPutchar(_ int, args [6]uint64) Ret {
	f.write([]byte{byte(args[0])})
	return legacyResult(0)
}

func (f *Firmware) legacyGetchar(int, [6]uint64) Ret {
	var p [1]byte
	if f.read(p[:]) != 1 {
		return legacyResult(-1)
	}
	return legacyResult(int64(p[0]))
}

func (f *Firmware) write(p []byte) int {
	if len(p) == 0 {
		return 0
	}
	return checkCount("written", f.platform.ConsoleWrite(p), len(p))
}

func (f *Firmware) read(p []byte) int {
	if len(p) == 0 {
		return 0
	}
	return checkCount("read", f.platform.ConsoleRead(p), len(p))
}

func checkCount(what string, n, limit int) int {
	if n < 0 || n > limit {
		panic(fmt.Sprintf("BUG: sbi: console has %s %d of %d bytes", what, n, limit))
	}
	return n
}
