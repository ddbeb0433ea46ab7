// SPDX-License-Identifier: Apache-2.0

package lockstep_test

import (
	"math"
	"math/rand/v2"

	"vdev/emu/riscv/isa"
	"vdev/emu/riscv/isa/isatest"
	. "vdev/emu/riscv/riscvtest"
)

// mode is where a case runs.
type mode uint8

const (
	modeU mode = 0
	modeS mode = 1
	modeM mode = 3
)

func (m mode) String() string { return map[mode]string{modeU: "U", modeS: "S", modeM: "M"}[m] }

// item is one instruction of a case. A pc-relative one, or a jalr that follows an
// auipc, goes to the item with index target; -1 stands for none.
type item struct {
	bits   uint32
	target int
}

func (it item) size() uint64 {
	if it.bits&3 != 3 {
		return 2
	}
	return 4
}

// testCase is what a case is made from. It does not depend on other cases.
type testCase struct {
	mode   mode
	status uint64 // mstatus without MPP
	x, f   [32]uint64
	fcsr   uint64
	items  []item
}

// generator makes cases.
type generator struct {
	*rand.Rand
	c *testCase

	window   uint64 // the case's memory, in its address space
	pointers uint32 // registers that hold addresses and are not written
	special  bool   // pointers go to specialBase
	keep     uint32 // further registers that may not be written now
}

// ops are the operations by the way in which they are generated.
var ops = func() (o struct{ alu, float, load, store, amo []isa.Op }) {
	for op := isa.OpIllegal + 1; op < isa.NumOps; op++ {
		info := op.Info()
		_, not := notGenerated[op]
		switch {
		case not:
		case info.Access == isa.AccessLoad:
			o.load = append(o.load, op)
		case info.Access == isa.AccessStore:
			o.store = append(o.store, op)
		case info.Access == isa.AccessAMO:
			o.amo = append(o.amo, op)
		case info.Access != isa.AccessNone || info.Flow != isa.FlowNone:
		case info.Ext == "F" || info.Ext == "D" || info.Ext == "Zfhmin":
			o.float = append(o.float, op)
		default:
			o.alu = append(o.alu, op)
		}
	}
	return o
}()

// compressed are all legal 16-bit encodings by operation.
var compressed = func() map[isa.Op][]uint16 {
	m := map[isa.Op][]uint16{}
	for bits := range 1 << 16 {
		if bits&3 == 3 {
			continue
		}
		if i := isa.Decode(uint32(bits)); i.Op != isa.OpIllegal {
			m[i.Op] = append(m[i.Op], uint16(bits))
		}
	}
	return m
}()

func newCase(r *rand.Rand, k int) testCase {
	c := testCase{mode: []mode{modeM, modeS, modeU}[r.IntN(3)]}
	g := &generator{Rand: r, c: &c, window: windowAddr(k)}
	if c.mode == modeU {
		g.window += userBase - ramBase
	}
	g.special = c.mode != modeM && r.IntN(3) == 0
	g.registers()
	for range 1 + r.IntN(2)*r.IntN(12) {
		g.step()
	}
	return c
}

func (g *generator) pick(l []isa.Op) isa.Op { return l[g.IntN(len(l))] }
func (g *generator) chance(percent int) bool {
	return g.IntN(100) < percent
}

// registers fills the register file.
func (g *generator) registers() {
	c := g.c
	c.status = uint64(1+g.IntN(3)) << mstatusFSShift
	if g.chance(4) {
		c.status = 0 // floating point off
	}
	if g.chance(50) {
		c.status |= mstatusSUM
	}
	if g.chance(50) {
		c.status |= mstatusMXR
	}
	for i := 1; i < 32; i++ {
		c.x[i] = g.integer()
	}
	for i := range c.f {
		c.f[i] = g.float()
	}
	c.fcsr = uint64(g.IntN(5)) << 5
	if g.chance(8) {
		c.fcsr = uint64(5+g.IntN(3)) << 5
	}
	if g.chance(40) {
		c.fcsr |= g.Uint64() & 31
	}
	// Compressed loads and stores take x8 to x15, and x2.
	g.pointers = 1<<(8+g.IntN(4)) | 1<<(12+g.IntN(4)) | 1<<(1+g.IntN(31))
	if g.chance(50) {
		g.pointers |= 1 << SP
	}
	for i := range c.x {
		if g.pointers>>i&1 != 0 {
			c.x[i] = g.address()
		}
	}
}

// address is a place in memory, mostly one that the case may access.
func (g *generator) address() uint64 {
	switch {
	case g.chance(2):
		return 1<<(40+g.IntN(24)) + g.Uint64N(1<<30)&^7 // no memory
	case g.special:
		// Not below specialBase, where RAM ends: which half of an access that has two
		// kinds of faults counts is up to the hart.
		page := specialBase + g.Uint64N(uint64(len(specialPages)))<<12
		return max(specialBase+64, page+[]uint64{0, 64, 2048, 4088, 4092, 4095}[g.IntN(6)])
	case g.chance(75):
		return g.window + 64 + g.Uint64N(windowSize-128)&^7
	}
	return g.window + 64 + g.Uint64N(windowSize-128)
}

// integer is a value near which something happens to operations.
func (g *generator) integer() uint64 {
	switch g.IntN(6) {
	case 0:
		return []uint64{0, 1, math.MaxUint64, 1 << 63, 1<<63 - 1, 1<<31 - 1, 1 << 31, math.MaxUint32,
			^uint64(1<<31 - 1), 0x8000_0000_8000_0000}[g.IntN(10)]
	case 1:
		return g.Uint64N(64)
	case 2:
		return -g.Uint64N(64)
	case 3:
		return 1 << g.IntN(64) // single-bit instructions
	case 4:
		return uint64(int64(int32(g.Uint32())))
	}
	return g.Uint64()
}

// float is a value in one of the formats, or none.
func (g *generator) float() uint64 {
	const box32, box16 = uint64(math.MaxUint32) << 32, uint64(1<<48-1) << 16
	switch g.IntN(8) {
	case 0:
		return g.Uint64()
	case 1:
		return math.Float64bits(float64(g.IntN(1<<20)-1<<19) / float64(uint64(1)<<g.IntN(20)))
	case 2:
		return g.special64()
	case 3, 4:
		return box32 | uint64(g.special32())
	case 5:
		return box32 | uint64(math.Float32bits(float32(g.IntN(1<<20)-1<<19)/float32(uint64(1)<<g.IntN(20))))
	case 6:
		return box16 | g.Uint64N(1<<16)
	}
	return g.special64() &^ (1 << 62) // not boxed, if it was
}

// special64 is a double with an extreme exponent or fraction.
func (g *generator) special64() uint64 {
	exp := []uint64{0, 1, 2, 51, 1022, 1023, 1024, 1023 - 127, 1023 - 149, 1023 + 127, 1023 - 25, 1023 + 63, 1023 + 31, 2046, 2047}[g.IntN(15)]
	frac := []uint64{0, 1, 1 << 51, 1<<52 - 1, 1<<51 - 1, 1 << 29, 1<<29 - 1, g.Uint64N(1 << 52)}[g.IntN(8)]
	return g.Uint64N(2)<<63 | exp<<52 | frac
}

func (g *generator) special32() uint32 {
	exp := []uint32{0, 1, 2, 22, 23, 126, 127, 128, 127 + 31, 127 + 63, 127 - 15, 127 + 16, 253, 254, 255}[g.IntN(15)]
	frac := []uint32{0, 1, 1 << 22, 1<<23 - 1, 1<<22 - 1, 1 << 13, 1<<13 - 1, g.Uint32N(1 << 23)}[g.IntN(8)]
	return g.Uint32N(2)<<31 | exp<<23 | frac
}

func (g *generator) add(it item) int {
	g.c.items = append(g.c.items, it)
	return len(g.c.items) - 1
}

func (g *generator) bits(w uint32) { g.add(item{w, -1}) }

func (g *generator) inst(i isa.Inst, target int) int {
	i.Len = 4
	w, err := isa.Encode(i)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return g.add(item{w, target})
}

// writable is the set of integer registers that may change.
func (g *generator) writable() uint32 { return ^(g.pointers | g.keep) }

// setRd keeps an instruction from writing registers that have to stay. An ori to
// zero may be a prefetch.
func (g *generator) setRd(i *isa.Inst, r *rand.Rand) {
	for i.Op.Info().Rd == isa.RegX && (g.writable()>>i.Rd&1 == 0 || i.Op == isa.OpORI && i.Rd == 0) {
		i.Rd = uint8(r.UintN(32))
	}
}

// setBase makes an instruction use an address.
func (g *generator) setBase(i *isa.Inst, r *rand.Rand) {
	for g.pointers>>i.Rs1&1 == 0 || i.Rs1 == 0 {
		i.Rs1 = uint8(r.UintN(32))
	}
	if i.Op.Info().Access == isa.AccessLoad || i.Op.Info().Access == isa.AccessStore {
		i.Imm = int64(r.IntN(128) - 64)
		if r.IntN(3) != 0 {
			i.Imm &^= int64(i.Op.Info().Size) - 1
		}
	}
}

// step appends one instruction, or a few that belong together.
func (g *generator) step() {
	switch k := g.IntN(100); {
	case k < 20:
		g.bits(isatest.Random(g.pick(ops.alu), g.Rand, g.setRd))
	case k < 45:
		g.bits(isatest.Random(g.pick(ops.float), g.Rand, g.setRd, g.setRM))
	case k < 55:
		g.bits(isatest.Random(g.pick(ops.load), g.Rand, g.setRd, g.setBase))
	case k < 63:
		g.bits(isatest.Random(g.pick(ops.store), g.Rand, g.setBase))
	case k < 69:
		g.bits(isatest.Random(g.pick(ops.amo), g.Rand, g.setRd, g.setBase))
	case k < 72:
		g.reserve()
	case k < 82:
		g.bits(uint32(isatest.RandomCompressed(g.Rand, g.allowsCompressed)))
	case k < 88:
		g.csr()
	case k < 93:
		g.branch()
	case k < 95:
		g.loop()
	case k < 97:
		g.indirect()
	case k < 98:
		g.wild()
	default:
		g.system()
	}
}

// setRM makes reserved rounding modes rare.
func (g *generator) setRM(i *isa.Inst, r *rand.Rand) {
	if r.IntN(10) != 0 {
		isatest.ValidRM(i, r)
	}
}

// reserve appends a load-reserved and a store-conditional to the same place. The
// place is one that can be reserved: a store-conditional that fails for want of a
// reservation does not even look at its address in QEMU.
func (g *generator) reserve() {
	base := uint8(g.IntN(32))
	if at := g.c.x[base]; g.pointers>>base&1 == 0 || at-g.window >= windowSize || at%8 != 0 {
		return
	}
	op := [][2]isa.Op{{isa.OpLR_W, isa.OpSC_W}, {isa.OpLR_D, isa.OpSC_D}}[g.IntN(2)]
	lr := isa.Decode(isatest.Random(op[0], g.Rand, g.setRd))
	lr.Rs1 = base
	g.inst(lr, -1)
	if g.chance(50) {
		g.bits(isatest.Random(g.pick(ops.alu), g.Rand, g.setRd))
	}
	sc := isa.Decode(isatest.Random(op[1], g.Rand, g.setRd))
	sc.Rs1 = base
	g.inst(sc, -1)
	if g.chance(30) {
		g.inst(sc, -1) // there is no reservation any more
	}
}

func (g *generator) allowsCompressed(i isa.Inst) bool {
	info := i.Op.Info()
	if info.Flow != isa.FlowNone && i.Op != isa.OpEBREAK {
		return false
	}
	if info.Rd == isa.RegX && g.writable()>>i.Rd&1 == 0 {
		return false
	}
	return info.Access == isa.AccessNone || g.pointers>>i.Rs1&1 != 0
}

// caseCSRs are registers that cases use: floating point, plain storage of S-mode,
// one that is read-only, and one that does not exist.
var caseCSRs = []int64{0x001, 0x002, 0x003, 0x003, 0x140, 0x142, 0x143, csrMhartid, 0x8c0}

func (g *generator) csr() {
	csrOps := []isa.Op{isa.OpCSRRW, isa.OpCSRRS, isa.OpCSRRC, isa.OpCSRRWI, isa.OpCSRRSI, isa.OpCSRRCI}
	g.bits(isatest.Random(g.pick(csrOps), g.Rand, g.setRd, func(i *isa.Inst, r *rand.Rand) {
		i.Imm = caseCSRs[r.IntN(len(caseCSRs))]
		// QEMU lets a read-only CSR be written by setting or clearing no bits.
		if i.Imm == csrMhartid && (i.Op == isa.OpCSRRS || i.Op == isa.OpCSRRC) {
			i.Rs1 = 0
		}
	}))
}

var branches = []isa.Op{isa.OpBEQ, isa.OpBNE, isa.OpBLT, isa.OpBGE, isa.OpBLTU, isa.OpBGEU}

// ahead is a target a few items further on; place cuts it to the end of the case.
func (g *generator) ahead() int { return len(g.c.items) + 1 + g.IntN(4) }

// branch appends a jump or a branch forward, compressed or not.
func (g *generator) branch() {
	target := g.ahead()
	switch g.IntN(4) {
	case 0:
		i := isa.Inst{Op: isa.OpJAL, Rd: uint8(g.IntN(32))}
		g.setRd(&i, g.Rand)
		g.inst(i, target)
	case 1:
		l := compressed[[]isa.Op{isa.OpJAL, isa.OpBEQ, isa.OpBNE}[g.IntN(3)]]
		g.add(item{uint32(l[g.IntN(len(l))]), target})
	default:
		g.inst(isa.Inst{Op: g.pick(branches), Rs1: uint8(g.IntN(32)), Rs2: uint8(g.IntN(32))}, target)
	}
}

// loop appends a loop with a counter.
func (g *generator) loop() {
	counter := uint8(1 + g.IntN(31))
	if g.writable()>>counter&1 == 0 {
		return
	}
	keep := g.keep
	g.keep |= 1 << counter
	first := g.inst(isa.Inst{Op: isa.OpADDI, Rd: counter, Imm: 1 + g.Int64N(4)}, -1)
	for range 1 + g.IntN(3) {
		switch g.IntN(3) {
		case 0:
			g.bits(isatest.Random(g.pick(ops.alu), g.Rand, g.setRd))
		case 1:
			g.bits(isatest.Random(g.pick(ops.float), g.Rand, g.setRd, isatest.ValidRM))
		default:
			g.bits(isatest.Random(g.pick(ops.store), g.Rand, g.setBase))
		}
	}
	g.inst(isa.Inst{Op: isa.OpADDI, Rd: counter, Rs1: counter, Imm: -1}, -1)
	last := g.inst(isa.Inst{Op: isa.OpBNE, Rs1: counter}, first+1)
	g.keep = keep
	g.together(first, last)
}

// together keeps earlier branches from entering a group of items but at its first.
func (g *generator) together(first, last int) {
	for i := range g.c.items[:first] {
		if t := &g.c.items[i].target; *t > first && *t <= last {
			*t = first
		}
	}
}

// indirect appends a jump through a register.
func (g *generator) indirect() {
	through := uint8(1 + g.IntN(31))
	if g.writable()>>through&1 == 0 {
		return
	}
	first := g.inst(isa.Inst{Op: isa.OpAUIPC, Rd: through}, -1)
	i := isa.Inst{Op: isa.OpJALR, Rd: uint8(g.IntN(32)), Rs1: through}
	g.setRd(&i, g.Rand)
	g.together(first, g.inst(i, g.ahead()))
}

// wild appends a jump to where no code is.
func (g *generator) wild() {
	through := uint8(1 + g.IntN(31))
	if g.writable()>>through&1 == 0 {
		return
	}
	first := len(g.c.items)
	if g.chance(50) {
		g.inst(isa.Inst{Op: isa.OpLUI, Rd: through, Imm: math.MinInt32 + g.Int64N(1<<19)<<12}, -1)
	} else {
		g.inst(isa.Inst{Op: isa.OpADDI, Rd: through, Imm: -8 * (1 + g.Int64N(200))}, -1)
	}
	i := isa.Inst{Op: isa.OpJALR, Rd: uint8(g.IntN(32)), Rs1: through}
	g.setRd(&i, g.Rand)
	g.together(first, g.inst(i, -1))
}

// system appends something that traps, or may.
func (g *generator) system() {
	switch g.IntN(6) {
	case 0:
		g.bits(0) // illegal, compressed
	case 1:
		g.bits(0xffff_ffff)
	case 2:
		g.inst(isa.Inst{Op: isa.OpEBREAK}, -1)
	case 3:
		g.inst(isa.Inst{Op: isa.OpFENCE_I}, -1)
	case 4:
		op := []isa.Op{isa.OpSFENCE_VMA, isa.OpSINVAL_VMA, isa.OpSFENCE_W_INVAL, isa.OpSFENCE_INVAL_IR}[g.IntN(4)]
		if g.c.mode == modeU {
			op = isa.OpSFENCE_VMA // QEMU 7.2 lets U-mode have some of Svinval
		}
		i := isa.Inst{Op: op}
		if op.Info().Rs1 == isa.RegX {
			i.Rs1, i.Rs2 = uint8(g.IntN(32)), uint8(g.IntN(32))
		}
		g.inst(i, -1)
	default:
		if g.c.mode == modeU { // illegal there; elsewhere it would end the case
			g.inst(isa.Inst{Op: []isa.Op{isa.OpSRET, isa.OpMRET}[g.IntN(2)]}, -1)
		}
	}
}
