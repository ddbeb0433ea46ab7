// SPDX-License-Identifier: Apache-2.0

package riscv_test

import (
	"encoding/binary"

	"vdev/emu/riscv"
)

// This file reads the privileged specification's rules of address translation and
// protection as literally as possible, without a thought for speed: it is what the
// hart's MMU is compared with.

// Kinds of accesses.
const (
	read = iota
	write
	fetch
)

// Page table entry bits.
const (
	pteV = 1 << 0
	pteR = 1 << 1
	pteW = 1 << 2
	pteX = 1 << 3
	pteU = 1 << 4
	pteG = 1 << 5
	pteA = 1 << 6
	pteD = 1 << 7
	pteN = 1 << 63

	ptePBMT     = 3 << 61
	pteReserved = 0x7f << 54
)

// reference is the state that translation depends on.
type reference struct {
	ram     []byte // at ramBase
	satp    uint64
	mstatus uint64
	menvcfg uint64
	cfg     [16]uint8
	addr    [16]uint64
}

func (r *reference) inRAM(pa, n uint64) bool {
	return pa >= ramBase && pa-ramBase < uint64(len(r.ram)) && n <= uint64(len(r.ram))-(pa-ramBase)
}

func (r *reference) word(pa uint64) uint64 {
	return binary.LittleEndian.Uint64(r.ram[pa-ramBase:])
}

func (r *reference) setWord(pa, v uint64) {
	binary.LittleEndian.PutUint64(r.ram[pa-ramBase:], v)
}

// pmpMatches tells whether entry i matches the byte at pa (3.7.1).
func (r *reference) pmpMatches(i int, pa uint64) bool {
	switch r.cfg[i] >> 3 & 3 {
	case 1: // TOR
		low := uint64(0)
		if i > 0 {
			low = r.addr[i-1]
		}
		return pa>>2 >= low && pa>>2 < r.addr[i]
	case 2: // NA4
		return pa>>2 == r.addr[i]
	case 3: // NAPOT: ones at the end of the address say how many bits not to look at
		ignore := uint64(0)
		for b := uint64(1); r.addr[i]&b != 0; b <<= 1 {
			ignore |= b
		}
		ignore = ignore<<1 | 1
		return (pa>>2)&^ignore == r.addr[i]&^ignore
	}
	return false
}

// pmpAllows tells whether n bytes at pa may be accessed (3.7.1).
func (r *reference) pmpAllows(pa, n uint64, kind int, p riscv.Priv) bool {
	for i := range r.cfg {
		matched := uint64(0)
		for b := range n {
			if r.pmpMatches(i, pa+b) {
				matched++
			}
		}
		if matched == 0 {
			continue
		}
		if matched < n {
			return false
		}
		if p == riscv.Machine && r.cfg[i]&0x80 == 0 {
			return true
		}
		return r.cfg[i]&[]uint8{read: 1, write: 2, fetch: 4}[kind] != 0
	}
	return p == riscv.Machine
}

func pageFault(kind int) riscv.Cause {
	return []riscv.Cause{read: riscv.CauseLoadPageFault, write: riscv.CauseStorePageFault, fetch: riscv.CauseInstPageFault}[kind]
}

func accessFault(kind int) riscv.Cause {
	return []riscv.Cause{read: riscv.CauseLoadAccess, write: riscv.CauseStoreAccess, fetch: riscv.CauseInstAccess}[kind]
}

// translate follows the algorithm of section 12.3.2, step by step, with Svnapot and
// Svpbmt. It returns the leaf's address too, for tests that change it.
func (r *reference) translate(va uint64, kind int, p riscv.Priv) (pa, leaf uint64, cause riscv.Cause, ok bool) {
	levels := map[uint64]int{8: 3, 9: 4, 10: 5}[r.satp>>60]
	if p == riscv.Machine || levels == 0 {
		return va, 0, 0, true
	}
	bits := 12 + 9*levels
	top := va >> (bits - 1)
	if top != 0 && top != 1<<(64-bits+1)-1 {
		return 0, 0, pageFault(kind), false
	}
	a := r.satp & (1<<44 - 1) * 4096
	for i := levels - 1; ; i-- {
		vpn := va >> (12 + 9*i) & 511
		at := a + vpn*8
		if !r.inRAM(at, 8) || !r.pmpAllows(at, 8, read, riscv.Supervisor) {
			return 0, 0, accessFault(kind), false
		}
		pte := r.word(at)
		if pte&pteV == 0 || pte&pteR == 0 && pte&pteW != 0 || pte&pteReserved != 0 {
			return 0, at, pageFault(kind), false
		}
		ppn := pte >> 10 & (1<<44 - 1)
		if pte&(pteR|pteX) == 0 {
			if pte&(pteD|pteA|pteU|pteN|ptePBMT) != 0 || i == 0 {
				return 0, at, pageFault(kind), false
			}
			a = ppn * 4096
			continue
		}
		if !r.leafAllows(pte, kind, p) {
			return 0, at, pageFault(kind), false
		}
		napot := pte&pteN != 0
		if i > 0 && ppn&(1<<(9*i)-1) != 0 || napot && (i > 0 || ppn&15 != 8) {
			return 0, at, pageFault(kind), false
		}
		if pbmt := pte & ptePBMT >> 61; pbmt == 3 || pbmt != 0 && r.menvcfg&envPBMTE == 0 {
			return 0, at, pageFault(kind), false
		}
		want := pte | pteA
		if kind == write {
			want |= pteD
		}
		if want != pte {
			if r.menvcfg&envADUE == 0 {
				return 0, at, pageFault(kind), false
			}
			if !r.pmpAllows(at, 8, write, riscv.Supervisor) {
				return 0, at, accessFault(kind), false
			}
			r.setWord(at, want)
		}
		keep := uint64(1)<<(12+9*i) - 1
		if napot {
			keep = 1<<16 - 1
		}
		return (ppn*4096)&^keep | va&keep, at, 0, true
	}
}

func (r *reference) leafAllows(pte uint64, kind int, p riscv.Priv) bool {
	switch {
	case pte&pteU != 0 && p == riscv.Supervisor && (kind == fetch || r.mstatus&stSUM == 0):
		return false
	case pte&pteU == 0 && p == riscv.User:
		return false
	}
	switch kind {
	case read:
		return pte&pteR != 0 || r.mstatus&stMXR != 0 && pte&pteX != 0
	case write:
		return pte&pteW != 0
	}
	return pte&pteX != 0
}

// access is a whole access of n bytes that need not be aligned: it returns the
// places of its bytes, or the trap. Both pages of one that crosses are translated
// before either is used.
func (r *reference) access(va, n uint64, kind int, p riscv.Priv) ([]uint64, riscv.Cause, uint64, bool) {
	first := min(n, 4096-va%4096)
	var places []uint64
	for _, part := range [][2]uint64{{va, first}, {va + first, n - first}} {
		if part[1] == 0 {
			continue
		}
		pa, _, cause, ok := r.translate(part[0], kind, p)
		if !ok {
			return nil, cause, part[0], false
		}
		if !r.pmpAllows(pa, part[1], kind, p) {
			return nil, accessFault(kind), part[0], false
		}
		for b := range part[1] {
			places = append(places, pa+b)
		}
	}
	for _, pa := range places {
		if !r.inRAM(pa, 1) {
			return nil, accessFault(kind), va, false
		}
	}
	return places, 0, 0, true
}
