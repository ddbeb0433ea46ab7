// SPDX-License-Identifier: Apache-2.0

package riscv_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"vdev/emu/riscv"
	"vdev/emu/riscv/isa"
	"vdev/emu/riscv/riscvtest"
)

// The world of the property test: RAM of a few pages, of which the first holds the
// code that accesses memory, the next ones page tables, and the rest words that tell
// where they lie, as instructions.
const (
	worldPages = 32
	tables     = ramBase + 2<<12
	numTables  = 10
	data       = tables + numTables<<12
	accessCode = ramBase + 1<<12 // one instruction for each of accessOps
)

var accessOps = []isa.Op{isa.OpLB, isa.OpLH, isa.OpLW, isa.OpLD, isa.OpSB, isa.OpSH, isa.OpSW, isa.OpSD}

const (
	accessBase  = riscvtest.A0 // registers of the instructions at accessCode
	accessValue = riscvtest.A1
)

// marker is an instruction at pa that puts a number for pa into accessValue.
func marker(pa uint64) uint32 {
	w, err := isa.Encode(isa.Inst{Op: isa.OpLUI, Rd: accessValue, Imm: int64(pa-ramBase) >> 2 << 12, Len: 4})
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return w
}

// world is the hart, the reference, and the choices of one example.
type world struct {
	*rapid.T
	m   *machine
	ref *reference
	vas []uint64

	last struct { // an access that succeeded, worth trying again after a change
		va, pa uint64
		kind   int
		priv   riscv.Priv
	}

	seen map[riscv.Cause]int // by cause; noTrap for accesses that reached memory
}

const noTrap = riscv.Cause(^uint64(0))

func newWorld(tb testing.TB, t *rapid.T, seen map[riscv.Cause]int) *world {
	m := newMachine(tb, worldPages)
	m.program(accessCode, func(a *riscvtest.Asm) {
		for _, op := range accessOps {
			if op.Info().Access == isa.AccessLoad {
				a.I(op, accessValue, accessBase, 0)
			} else {
				a.Store(op, accessValue, accessBase, 0)
			}
		}
	})
	for pa := uint64(data); pa < ramBase+worldPages<<12; pa += 4 {
		m.store(pa, 4, uint64(marker(pa)))
	}
	w := &world{T: t, m: m, ref: &reference{}, seen: seen}
	for range rapid.IntRange(2, 6).Draw(t, "addresses") {
		w.vas = append(w.vas, w.drawVA())
	}
	w.ref.satp = w.drawMode()<<60 | uint64(tables)>>12
	w.ref.menvcfg = pick[uint64](w, "first menvcfg", envADUE, envADUE|envPBMTE, 0)
	for _, va := range w.vas {
		w.mapPath(va)
	}
	w.ref.cfg[15], w.ref.addr[15] = 0x1f, 1<<54-1
	// The code is always reachable, whatever else is locked.
	w.ref.cfg[0], w.ref.addr[0] = 0x9f, ramBase>>2|0x3ff
	w.ref.ram = bytes.Clone(m.mem.Bytes())
	w.sync()
	return w
}

// draw draws a number below n, evenly, unlike the generators of package rapid, which
// prefer small ones. Examples shrink towards 0.
func (w *world) draw(n uint64, why string) uint64 {
	v := rapid.Uint64().Draw(w.T, why)
	for range 2 { // mixes the bits and keeps 0
		v = (v ^ v>>32) * 0xd6e8feb86659fd93
	}
	return (v ^ v>>32) % n
}

func pick[T any](w *world, why string, values ...T) T {
	return values[w.draw(uint64(len(values)), why)]
}

// chance is true in percent of all cases. Examples shrink towards false.
func (w *world) chance(percent uint64, why string) bool { return w.draw(100, why) >= 100-percent }

func (w *world) drawMode() uint64 {
	return pick[uint64](w, "mode", 8, 9, 10, 8, 9, 10, 8, 9, 10, 0)
}

// drawVA draws an address whose low bits reach RAM also through a superpage.
func (w *world) drawVA() uint64 {
	off := w.draw(worldPages<<12, "offset")
	if w.chance(30, "page end") {
		off = off&^0xfff | (0xff8 + w.draw(8, "last bytes"))
	}
	va := pick[uint64](w, "high", 0, 1<<31, 1<<31|1<<35, 1<<37|1<<31, 1<<46|1<<31, 1<<55|1<<31,
		0xffff_ffc0_8000_0000, 0xffff_8000_0000_0000, 0xff00_0000_8000_0000)
	if w.chance(3, "not canonical") {
		va ^= 1 << (38 + w.draw(26, "bit"))
	}
	return va + off
}

// mapPath writes page table entries on the way of va, most of them good.
func (w *world) mapPath(va uint64) {
	levels := int(w.ref.satp>>60) - 8 + 3
	if w.ref.satp>>60 == 0 {
		return
	}
	table := uint64(tables)
	for i := levels - 1; i >= 0; i-- {
		at := table + va>>(12+9*i)&511*8
		if pte := w.m.word(at); i > 0 && pte&(pteV|pteR|pteX) == pteV && w.chance(90, "follow") {
			if table = pte >> 10 << 12; table < tables || table >= data {
				return
			}
			continue
		}
		if i > 0 && !w.chance(15, "superpage") {
			next := tables + (1+w.draw(numTables-1, "table"))<<12
			w.m.setWord(at, w.spoil(next>>12<<10|pteV, 3))
			table = next
			continue
		}
		w.m.setWord(at, w.drawLeaf(i))
		return
	}
}

func (w *world) drawLeaf(level int) uint64 {
	ppn := uint64(ramBase >> 12)
	switch {
	case level == 0:
		ppn += w.draw(worldPages, "page")
	case level > 2: // covers more than what is below RAM
		ppn = 0
	}
	if w.chance(3, "outside") {
		ppn ^= 1 << w.draw(44, "ppn bit")
	}
	perm := pick[uint64](w, "rwx", pteR, pteR|pteW, pteR|pteW|pteX, pteX, pteR|pteX)
	pte := ppn<<10 | pteV | perm
	for _, b := range []struct {
		bit     uint64
		percent uint64
	}{{pteA, 80}, {pteD, 70}, {pteU, 50}, {pteG, 20}, {1 << 61, 8}, {1 << 62, 8}, {1 << 8, 10}} {
		if w.chance(b.percent, "bit") {
			pte |= b.bit
		}
	}
	if level == 0 && w.chance(15, "napot") {
		pte = pte&^(15<<10) | 8<<10 | pteN
	}
	return w.spoil(pte, 5)
}

// spoil flips any bit now and then.
func (w *world) spoil(pte, percent uint64) uint64 {
	if w.chance(percent, "spoil") {
		pte ^= 1 << w.draw(64, "flip")
	}
	return pte
}

// sync puts the reference's CSRs into the hart.
func (w *world) sync() {
	w.m.setCSR(csrSatp, w.ref.satp)
	w.m.setCSR(csrMenvcfg, w.ref.menvcfg)
	w.syncPMP()
}

func (w *world) syncPMP() {
	for i := range uint16(16) {
		w.m.setCSR(csrPmpaddr0+i, w.ref.addr[i])
	}
	for reg := range 2 {
		var v uint64
		for k := range 8 {
			v |= uint64(w.ref.cfg[reg*8+k]) << (8 * k)
		}
		w.m.setCSR(csrPmpcfg0+uint16(reg)*2, v)
	}
}

// access makes one access on both sides and compares.
func (w *world) access() {
	va := w.near()
	p := pick(w, "privilege", riscv.User, riscv.Supervisor, riscv.User, riscv.Supervisor, riscv.Supervisor, riscv.Machine)
	w.do(va, int(w.draw(uint64(len(accessOps))+3, "kind")), p)
}

// again repeats an access that succeeded before.
func (w *world) again() {
	if w.last.va != 0 {
		w.do(w.last.va, w.last.kind, w.last.priv)
	}
}

func (w *world) do(va uint64, kind int, p riscv.Priv) {
	if p == riscv.Machine || w.ref.satp>>60 == 0 {
		va = ramBase + va%(1<<13*worldPages)
	}
	before := w.seen[noTrap]
	if kind < len(accessOps) {
		w.data(va, kind, p)
	} else {
		w.fetch(va&^3, p)
	}
	if w.seen[noTrap] != before {
		w.last.va, w.last.kind, w.last.priv = va, kind, p
	}
	w.compareRAM()
}

// near draws an address on a page for which there may be a translation.
func (w *world) near() uint64 {
	va := pick(w, "va", w.vas...)
	switch w.draw(4, "where") {
	case 0:
		return va&^0xfff + pick[uint64](w, "in page", 0, 8, 0xff0, 0xffc, 0xffd, 0xfff)
	case 1:
		return va ^ w.draw(32, "pages away")<<12
	}
	return va
}

func (w *world) data(va uint64, k int, p riscv.Priv) {
	info := accessOps[k].Info()
	kind, n := read, uint64(info.Size)
	if info.Access == isa.AccessStore {
		kind = write
	}
	before := bytes.Clone(w.ref.ram)
	places, cause, tval, ok := w.ref.access(va, n, kind, p)
	if ok && kind == write && min(places[0], places[n-1]) < data {
		w.ref.ram = before // would destroy the code or make the tables senseless
		return
	}

	value := rapid.Uint64().Draw(w.T, "value")
	w.m.SetX(accessBase, va)
	w.m.SetX(accessValue, value)
	w.m.setCSR(csrMstatus, w.ref.mstatus|stMPRV|uint64(p)<<mppShift)
	pc := uint64(accessCode + 4*k)
	w.m.SetPC(pc)
	w.m.steps(1)
	what := fmt.Sprintf("%v at %#x as %v", accessOps[k], va, p)
	if !ok {
		w.seen[cause]++
		w.trapped(what, trap{cause, pc, tval})
		return
	}
	if w.m.PC() != pc+4 {
		w.Fatalf("%s: trap %#x, want access to %#x", what, w.m.mtrap(), places[0])
	}
	w.seen[noTrap]++
	w.last.pa = places[0]
	var want uint64
	for i, pa := range places {
		if kind == write {
			w.ref.ram[pa-ramBase] = byte(value >> (8 * i))
		} else {
			want |= uint64(w.ref.ram[pa-ramBase]) << (8 * i)
		}
	}
	if sh := 64 - 8*n; kind == read && w.m.X(accessValue)<<sh != want<<sh {
		w.Fatalf("%s: %#x, want %#x from %#x", what, w.m.X(accessValue), want, places[0])
	}
}

func (w *world) fetch(va uint64, p riscv.Priv) {
	before := bytes.Clone(w.ref.ram)
	places, cause, tval, ok := w.ref.access(va, 4, fetch, p)
	var want uint64
	if ok {
		at := places[0] - ramBase
		word := binary.LittleEndian.Uint32(w.ref.ram[at:])
		if places[0] < data || word != marker(places[0]) {
			w.ref.ram = before // stores have been there: it may be any instruction
			return
		}
		want = uint64(int64(int32(word &^ 0xfff)))
	}
	w.m.enter(p, va, w.ref.mstatus)
	w.m.SetX(accessValue, 0)
	w.m.steps(1)
	what := fmt.Sprintf("fetch at %#x as %v", va, p)
	if !ok {
		w.seen[cause]++
		w.trapped(what, trap{cause, va, tval})
	} else if w.m.PC() != va+4 || w.m.X(accessValue) != want {
		w.Fatalf("%s: at %#x with %#x, trap %#x, want instruction from %#x", what, w.m.PC(), w.m.X(accessValue), w.m.mtrap(), places[0])
	} else {
		w.seen[noTrap]++
		w.last.pa = places[0]
	}
	if w.m.Priv() != riscv.Machine { // back by way of a trap
		w.m.SetPC(1 << 62)
		w.m.steps(1)
	}
}

func (w *world) trapped(what string, want trap) {
	if got := w.m.mtrap(); w.m.PC() != trapVector || got != want {
		w.Fatalf("%s: at %#x, trap %#x, want %#x", what, w.m.PC(), got, want)
	}
}

// compareRAM compares all memory, accessed and dirty bits with it.
func (w *world) compareRAM() {
	got := w.m.mem.Bytes()
	if bytes.Equal(got, w.ref.ram) {
		return
	}
	for i := range got {
		if got[i] != w.ref.ram[i] {
			at := ramBase + uint64(i)&^7
			w.Fatalf("memory at %#x is %#x, want %#x", at, w.m.word(at), w.ref.word(at))
		}
	}
}

// remap changes the leaf of an address and tells the hart by the narrowest
// sfence.vma that covers it, through any address of the page.
func (w *world) remap() {
	va := pick(w, "va", w.vas...)
	if w.last.va != 0 && w.chance(70, "last") {
		va = w.last.va
	}
	saved := bytes.Clone(w.ref.ram)
	_, leaf, _, ok := w.ref.translate(va, read, riscv.Supervisor)
	copy(w.ref.ram, saved) // asking is not accessing
	if leaf < tables || leaf >= data {
		return
	}
	pte := w.ref.word(leaf)
	if w.chance(50, "permissions only") {
		pte ^= 1 << pick(w, "flag", 0, 1, 2, 3, 4, 6, 7)
	} else {
		pte = pte&^(0x3f<<10) ^ w.draw(worldPages, "page")<<10
	}
	w.ref.setWord(leaf, pte)
	w.m.setWord(leaf, pte)
	fence := va
	if ok && w.chance(50, "other page") {
		// Any page of the leaf will do; a page outside is never enough.
		if span := w.leafSpan(va); span > 1<<12 {
			fence = va&^(span-1) | w.draw(span, "fence")
		}
	}
	if w.ref.satp>>60 == 0 || w.shared(leaf) || w.chance(30, "all") {
		fence = 0
	}
	w.sfence(fence)
}

// leafSpan is the number of bytes that the page of va covers.
func (w *world) leafSpan(va uint64) uint64 {
	a := w.ref.satp & (1<<44 - 1) << 12
	for i := int(w.ref.satp>>60) - 8 + 2; i >= 0; i-- {
		pte := w.ref.word(a + va>>(12+9*i)&511*8)
		if pte&(pteR|pteX) != 0 {
			if pte&pteN != 0 {
				return 1 << 16
			}
			return 1 << (12 + 9*i)
		}
		if a = pte >> 10 & (1<<44 - 1) << 12; !w.ref.inRAM(a, 4096) {
			break
		}
	}
	return 1 << 12
}

// shared tells whether the entry at leaf lies on the way of several addresses, or
// serves at several levels, as random tables do.
func (w *world) shared(leaf uint64) bool {
	ways := 0
	for at := uint64(tables); at < data; at += 8 {
		if pte := w.ref.word(at); pte&pteV != 0 && pte>>10&(1<<44-1) == leaf>>12 {
			ways++
		}
	}
	return ways != 1
}

// sfence executes sfence.vma; for all addresses if va is 0.
func (w *world) sfence(va uint64) {
	const at = gate + 0x40
	i := isa.Inst{Op: isa.OpSFENCE_VMA, Len: 4}
	place := uint64(at)
	if va != 0 {
		i.Rs1, place = accessBase, at+4
		w.m.SetX(accessBase, va)
	}
	if w.m.word(at) == 0 {
		w.m.program(at, func(a *riscvtest.Asm) {
			a.Inst(isa.Inst{Op: isa.OpSFENCE_VMA, Len: 4})
			a.Inst(isa.Inst{Op: isa.OpSFENCE_VMA, Rs1: accessBase, Len: 4})
		})
		copy(w.ref.ram, w.m.mem.Bytes()[:4096])
	}
	w.m.SetPC(place)
	w.m.steps(1)
}

func (w *world) status() {
	w.ref.mstatus ^= pick[uint64](w, "mstatus", stSUM, stMXR, stSUM|stMXR)
}

func (w *world) envcfg() {
	w.ref.menvcfg ^= pick[uint64](w, "menvcfg", envADUE, envPBMTE)
	w.sync()
	w.sfence(0)
}

func (w *world) mode() {
	w.ref.satp = w.drawMode()<<60 | uint64(tables)>>12
	w.sync()
	w.sfence(0)
}

// protect changes a PMP entry.
func (w *world) protect() {
	i := int(1 + w.draw(15, "entry"))
	if w.ref.cfg[i]&0x80 != 0 || i < 15 && w.ref.cfg[i+1]&0x98 == 0x88 {
		return // locked
	}
	at := uint64(ramBase) + w.draw(worldPages<<12, "from")
	if w.last.pa >= ramBase && w.chance(70, "near") {
		at = w.last.pa + w.draw(32, "distance")&^3 - 16
	}
	if w.chance(40, "page") {
		at &^= 0xfff
	}
	cfg := pick[uint8](w, "match", 0x08, 0x10, 0x18, 0x18, 0x18, 0) | pick[uint8](w, "rwx", 0, 1, 3, 4, 5, 7)
	if w.chance(2, "lock") {
		cfg |= 0x80
	}
	addr := at >> 2
	if cfg&0x18 == 0x18 {
		size := pick[uint64](w, "size", 0, 1, 2, 3, 6, 9, 10, 16)
		addr = addr&^(1<<(size+1)-1) | (1<<size - 1)
	}
	w.ref.cfg[i], w.ref.addr[i] = cfg, addr
	w.syncPMP()
	w.sfence(0)
}

// repair makes new page tables and takes away the protection that is not locked, lest
// in the end nothing is accessible.
func (w *world) repair() {
	for i := 1; i < 15; i++ {
		if w.ref.cfg[i]&0x80 == 0 {
			w.ref.cfg[i] = 0
		}
	}
	w.syncPMP()
	w.m.put(tables, make([]byte, numTables<<12))
	for _, va := range w.vas {
		w.mapPath(va)
	}
	copy(w.ref.ram[tables-ramBase:data-ramBase], w.m.mem.Bytes()[tables-ramBase:])
	w.sfence(0)
}

// TestMMUAgainstReference: whatever the page tables, the protection and the mode, an
// access reaches the same bytes as in the reference or ends in the same trap, and
// sets the same accessed and dirty bits.
func TestMMUAgainstReference(t *testing.T) {
	seen := map[riscv.Cause]int{}
	changes := 150
	if testing.Short() {
		changes = 30
	}
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rt, seen)
		for range rapid.IntRange(10, changes).Draw(rt, "changes") {
			change := pick(w, "step", w.remap, w.remap, w.remap, w.status, w.envcfg, w.mode, w.protect, w.protect, w.repair)
			for range w.draw(8, "accesses") {
				w.access()
			}
			w.again()
			change()
			w.again()
		}
	})
	t.Logf("accesses by cause: %v", seen)
	for _, c := range []riscv.Cause{noTrap, riscv.CauseLoadPageFault, riscv.CauseStorePageFault, riscv.CauseInstPageFault,
		riscv.CauseLoadAccess, riscv.CauseStoreAccess, riscv.CauseInstAccess} {
		if seen[c] == 0 {
			t.Errorf("no access ended with %#x", c)
		}
	}
}
