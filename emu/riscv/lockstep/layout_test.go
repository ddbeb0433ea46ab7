// SPDX-License-Identifier: Apache-2.0

// Package lockstep_test runs the same random programs on the hart and on QEMU and
// compares everything that they leave behind.
//
// A program is an image of RAM: a supervisor of some hundred instructions
// (supervisor_test.go), page tables, and thousands of cases. A case is a register
// file, a few random instructions and a privilege mode to run them in. The
// supervisor runs one case after the other, records the traps and the registers
// afterwards in RAM, and stops the machine. QEMU keeps its RAM in a file, so that
// the result can simply be read from there.
package lockstep_test

import "encoding/binary"

// Both machines have RAM here, and a register that stops them.
const (
	ramBase  = 0x8000_0000
	ramSize  = 64 << 20
	usedSize = 40 << 20 // compared; QEMU puts a device tree at the end of RAM

	stopAddr  = 0x10_0000 // SiFive's test device
	stopValue = 0x5555
)

// Where things lie.
const (
	tableBase  = ramBase + 0x2_0000   // page tables
	dummyWord  = ramBase + 0x3_0000   // target of the store that ends a reservation
	codeBase   = ramBase + 0x20_0000  // instructions of the cases
	recordBase = ramBase + 0x100_0000 // what goes in and comes out
	windowBase = ramBase + 0x210_0000 // memory of the cases
	pagesBase  = ramBase + 0x240_0000 // frames of the pages with special permissions

	windowSize = 256
	maxCases   = (windowBase - recordBase) / recordSize
)

// Offsets within a case's record. Slot 0 of the x registers holds the pc on the way
// in and the number of traps on the way out.
const (
	inX       = 0
	inF       = inX + 32*8
	inFCSR    = inF + 32*8
	inMstatus = inFCSR + 8
	inEnd     = inMstatus + 8 // where to go on after a failed instruction fetch

	outX     = inEnd + 8
	outF     = outX + 32*8
	outFCSR  = outF + 32*8
	outTraps = outFCSR + 8
	trapSize = 3 * 8 // mcause, mepc, mtval
	maxTraps = 8

	recordSize = outTraps + maxTraps*trapSize
)

// The address spaces. M-mode sees physical addresses. Under Sv39 RAM appears twice,
// for S-mode at its own address and for U-mode at userBase; specialBase is a region
// of pages with all sorts of permissions.
const (
	userBase    = 0xc000_0000
	specialBase = 0x1_0000_0000
)

// image is RAM under construction or after a run.
type image []byte

func (m image) put(addr, v uint64)     { binary.LittleEndian.PutUint64(m[addr-ramBase:], v) }
func (m image) get(addr uint64) uint64 { return binary.LittleEndian.Uint64(m[addr-ramBase:]) }
func (m image) copy(addr uint64, b []byte) {
	copy(m[addr-ramBase:], b)
}

func recordAddr(k int) uint64 { return recordBase + uint64(k)*recordSize }
func windowAddr(k int) uint64 { return windowBase + uint64(k)*windowSize }

// Page table entry bits (privileged specification, 12.4.1).
const (
	pteV = 1 << iota
	pteR
	pteW
	pteX
	pteU
	pteG
	pteA
	pteD
)

// specialPages are the permissions of the pages at specialBase. Neighbours differ,
// so that an access across a boundary may fail on either side.
var specialPages = []uint64{
	pteV | pteR | pteW | pteA | pteD,
	pteV | pteR | pteA,
	pteV | pteR | pteW | pteA | pteD,
	pteV | pteX | pteA,
	pteV | pteR | pteW | pteU | pteA | pteD,
	pteV | pteR | pteU | pteA,
	pteV | pteR | pteW | pteX | pteU | pteA | pteD,
	0,
	pteV | pteR | pteW | pteA | pteD,
	pteV | pteW | pteA | pteD, // reserved
	pteV | pteR | pteW,        // A and D set by the hart
	pteV | pteR | pteW | pteU, // the same for U-mode
	pteV | pteR | pteW | pteA,
	pteV | pteX | pteU | pteA,
	pteV | pteR | pteW | pteU | pteA | pteD,
	pteV | pteU, // a pointer with U: reserved
}

// buildTables writes Sv39 page tables and returns satp.
func buildTables(m image) uint64 {
	const root, mid, leaf = tableBase, tableBase + 0x1000, tableBase + 0x2000
	entry := func(pa, flags uint64) uint64 { return pa>>12<<10 | flags }
	m.put(root+2*8, entry(ramBase, pteV|pteR|pteW|pteX|pteA|pteD))
	m.put(root+3*8, entry(ramBase, pteV|pteR|pteW|pteX|pteU|pteA|pteD))
	m.put(root+4*8, entry(mid, pteV))
	m.put(mid, entry(leaf, pteV))
	for i, flags := range specialPages {
		m.put(leaf+uint64(i)*8, entry(pagesBase+uint64(i)<<12, flags))
	}
	return 8<<60 | root>>12
}
