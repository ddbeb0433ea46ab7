// SPDX-License-Identifier: Apache-2.0

package riscv

import (
	"math/bits"

	"vdev/emu/mem"
	"vdev/emu/riscv/isa"
	sf "vdev/emu/riscv/softfloat"
)

// exec is the interpreter: it runs blocks from h.pc until limit steps are done or
// something asks to leave, and keeps h.pc and h.n true on every way out, including
// into slow paths.
//
// Within it n counts the steps done before the current block and pc is the block's
// first address. The switch holds what compilers emit all the time; the other
// operations are reached through slowOps. There is no check for interrupts,
// debuggers or limits between the instructions of a block: a block is cut to the
// limit beforehand, and instructions that can change anything leave it.
func (h *Hart) exec(limit uint64) Exit {
	x := &h.x
	n := uint64(0)
	pc := h.pc

restart:
	h.pc, h.n = pc, n
	if h.exitAsked {
		h.exitAsked = false
		return h.askedExit
	}
	if n >= limit {
		return ExitLimit
	}
	if h.takeInterrupt() {
		pc = h.pc
	}
	rt, wt := h.mmu.rd, h.mmu.wr

lookup:
	if n >= limit {
		h.pc, h.n = pc, n
		return ExitLimit
	}
	var b *Block
	if e := &h.jump[pc>>1&jumpMask]; e.pc == pc && e.gen == h.jumpGen {
		b = e.block
	} else {
		h.n = n
		if b = h.findBlock(pc); b == nil {
			h.trapped(pc)
			pc = h.pc
			n++
			goto restart
		}
	}

run:
	code := b.code
	if rem := limit - n; uint64(len(code)) > rem {
		if rem == 0 {
			h.pc, h.n = pc, n
			return ExitLimit
		}
		code = code[:rem]
	}
	var st status
	i := 0
	{
	loop:
		for ; i < len(code); i++ {
			in := &code[i]
			switch in.op {

			// RV64I
			case isa.OpLUI:
				x[in.rd] = uint64(int64(in.imm))
			case isa.OpAUIPC:
				x[in.rd] = pc + uint64(in.off) + uint64(int64(in.imm))
			case isa.OpADDI:
				x[in.rd] = x[in.rs1] + uint64(int64(in.imm))
			case isa.OpSLTI:
				x[in.rd] = b2u(int64(x[in.rs1]) < int64(in.imm))
			case isa.OpSLTIU:
				x[in.rd] = b2u(x[in.rs1] < uint64(int64(in.imm)))
			case isa.OpXORI:
				x[in.rd] = x[in.rs1] ^ uint64(int64(in.imm))
			case isa.OpORI:
				x[in.rd] = x[in.rs1] | uint64(int64(in.imm))
			case isa.OpANDI:
				x[in.rd] = x[in.rs1] & uint64(int64(in.imm))
			case isa.OpSLLI:
				x[in.rd] = x[in.rs1] << (uint32(in.imm) & 63)
			case isa.OpSRLI:
				x[in.rd] = x[in.rs1] >> (uint32(in.imm) & 63)
			case isa.OpSRAI:
				x[in.rd] = uint64(int64(x[in.rs1]) >> (uint32(in.imm) & 63))
			case isa.OpADD:
				x[in.rd] = x[in.rs1] + x[in.rs2]
			case isa.OpSUB:
				x[in.rd] = x[in.rs1] - x[in.rs2]
			case isa.OpSLL:
				x[in.rd] = x[in.rs1] << (x[in.rs2] & 63)
			case isa.OpSLT:
				x[in.rd] = b2u(int64(x[in.rs1]) < int64(x[in.rs2]))
			case isa.OpSLTU:
				x[in.rd] = b2u(x[in.rs1] < x[in.rs2])
			case isa.OpXOR:
				x[in.rd] = x[in.rs1] ^ x[in.rs2]
			case isa.OpSRL:
				x[in.rd] = x[in.rs1] >> (x[in.rs2] & 63)
			case isa.OpSRA:
				x[in.rd] = uint64(int64(x[in.rs1]) >> (x[in.rs2] & 63))
			case isa.OpOR:
				x[in.rd] = x[in.rs1] | x[in.rs2]
			case isa.OpAND:
				x[in.rd] = x[in.rs1] & x[in.rs2]
			case isa.OpADDIW:
				x[in.rd] = uint64(int64(int32(uint32(x[in.rs1]) + uint32(in.imm))))
			case isa.OpSLLIW:
				x[in.rd] = uint64(int64(int32(uint32(x[in.rs1]) << (uint32(in.imm) & 31))))
			case isa.OpSRLIW:
				x[in.rd] = uint64(int64(int32(uint32(x[in.rs1]) >> (uint32(in.imm) & 31))))
			case isa.OpSRAIW:
				x[in.rd] = uint64(int64(int32(x[in.rs1]) >> (uint32(in.imm) & 31)))
			case isa.OpADDW:
				x[in.rd] = uint64(int64(int32(uint32(x[in.rs1]) + uint32(x[in.rs2]))))
			case isa.OpSUBW:
				x[in.rd] = uint64(int64(int32(uint32(x[in.rs1]) - uint32(x[in.rs2]))))
			case isa.OpSLLW:
				x[in.rd] = uint64(int64(int32(uint32(x[in.rs1]) << (x[in.rs2] & 31))))
			case isa.OpSRLW:
				x[in.rd] = uint64(int64(int32(uint32(x[in.rs1]) >> (x[in.rs2] & 31))))
			case isa.OpSRAW:
				x[in.rd] = uint64(int64(int32(x[in.rs1]) >> (x[in.rs2] & 31)))
			case isa.OpFENCE:
				// The harts of this machine are sequentially consistent.
			case isa.OpLD:
				va := x[in.rs1] + uint64(int64(in.imm))
				e := &rt.entry[va>>pageBits&tlbMask]
				if va&^0xff8 == e.tag ||
					va&^0xff8|tagTracked == e.tag && rt.page[va>>pageBits&tlbMask].Fast[va>>lineBits&lineMask]&mem.FastRead != 0 {
					x[in.rd] = *host64(e.host, va&pageMask)
					continue
				}
				h.n, h.pc = n+uint64(i), pc+uint64(in.off)
				if st = h.loadOp(in, va); st != stNext {
					break loop
				}
			case isa.OpLW:
				va := x[in.rs1] + uint64(int64(in.imm))
				e := &rt.entry[va>>pageBits&tlbMask]
				if va&^0xffc == e.tag ||
					va&^0xffc|tagTracked == e.tag && rt.page[va>>pageBits&tlbMask].Fast[va>>lineBits&lineMask]&mem.FastRead != 0 {
					x[in.rd] = uint64(int64(int32(*host32(e.host, va&pageMask))))
					continue
				}
				h.n, h.pc = n+uint64(i), pc+uint64(in.off)
				if st = h.loadOp(in, va); st != stNext {
					break loop
				}
			case isa.OpLWU:
				va := x[in.rs1] + uint64(int64(in.imm))
				e := &rt.entry[va>>pageBits&tlbMask]
				if va&^0xffc == e.tag ||
					va&^0xffc|tagTracked == e.tag && rt.page[va>>pageBits&tlbMask].Fast[va>>lineBits&lineMask]&mem.FastRead != 0 {
					x[in.rd] = uint64(*host32(e.host, va&pageMask))
					continue
				}
				h.n, h.pc = n+uint64(i), pc+uint64(in.off)
				if st = h.loadOp(in, va); st != stNext {
					break loop
				}
			case isa.OpLH:
				va := x[in.rs1] + uint64(int64(in.imm))
				e := &rt.entry[va>>pageBits&tlbMask]
				if va&^0xffe == e.tag ||
					va&^0xffe|tagTracked == e.tag && rt.page[va>>pageBits&tlbMask].Fast[va>>lineBits&lineMask]&mem.FastRead != 0 {
					x[in.rd] = uint64(int64(int16(*host16(e.host, va&pageMask))))
					continue
				}
				h.n, h.pc = n+uint64(i), pc+uint64(in.off)
				if st = h.loadOp(in, va); st != stNext {
					break loop
				}
			case isa.OpLHU:
				va := x[in.rs1] + uint64(int64(in.imm))
				e := &rt.entry[va>>pageBits&tlbMask]
				if va&^0xffe == e.tag ||
					va&^0xffe|tagTracked == e.tag && rt.page[va>>pageBits&tlbMask].Fast[va>>lineBits&lineMask]&mem.FastRead != 0 {
					x[in.rd] = uint64(*host16(e.host, va&pageMask))
					continue
				}
				h.n, h.pc = n+uint64(i), pc+uint64(in.off)
				if st = h.loadOp(in, va); st != stNext {
					break loop
				}
			case isa.OpLB:
				va := x[in.rs1] + uint64(int64(in.imm))
				e := &rt.entry[va>>pageBits&tlbMask]
				if va&^0xfff == e.tag ||
					va&^0xfff|tagTracked == e.tag && rt.page[va>>pageBits&tlbMask].Fast[va>>lineBits&lineMask]&mem.FastRead != 0 {
					x[in.rd] = uint64(int64(int8(*host8(e.host, va&pageMask))))
					continue
				}
				h.n, h.pc = n+uint64(i), pc+uint64(in.off)
				if st = h.loadOp(in, va); st != stNext {
					break loop
				}
			case isa.OpLBU:
				va := x[in.rs1] + uint64(int64(in.imm))
				e := &rt.entry[va>>pageBits&tlbMask]
				if va&^0xfff == e.tag ||
					va&^0xfff|tagTracked == e.tag && rt.page[va>>pageBits&tlbMask].Fast[va>>lineBits&lineMask]&mem.FastRead != 0 {
					x[in.rd] = uint64(*host8(e.host, va&pageMask))
					continue
				}
				h.n, h.pc = n+uint64(i), pc+uint64(in.off)
				if st = h.loadOp(in, va); st != stNext {
					break loop
				}
			case isa.OpSD:
				va := x[in.rs1] + uint64(int64(in.imm))
				e := &wt.entry[va>>pageBits&tlbMask]
				if va&^0xff8 == e.tag {
					*host64(e.host, va&pageMask) = x[in.rs2]
					continue
				}
				if va&^0xff8|tagTracked == e.tag {
					if p, l := wt.page[va>>pageBits&tlbMask], va>>lineBits&lineMask; p.Fast[l]&mem.FastWrite != 0 {
						p.Wrote[l] |= 0xff << (va & (mem.LineSize - 1))
						*host64(e.host, va&pageMask) = x[in.rs2]
						continue
					}
				}
				h.n, h.pc = n+uint64(i), pc+uint64(in.off)
				if st = h.storeOp(in, va); st != stNext {
					break loop
				}
			case isa.OpSW:
				va := x[in.rs1] + uint64(int64(in.imm))
				e := &wt.entry[va>>pageBits&tlbMask]
				if va&^0xffc == e.tag {
					*host32(e.host, va&pageMask) = uint32(x[in.rs2])
					continue
				}
				if va&^0xffc|tagTracked == e.tag {
					if p, l := wt.page[va>>pageBits&tlbMask], va>>lineBits&lineMask; p.Fast[l]&mem.FastWrite != 0 {
						p.Wrote[l] |= 0xf << (va & (mem.LineSize - 1))
						*host32(e.host, va&pageMask) = uint32(x[in.rs2])
						continue
					}
				}
				h.n, h.pc = n+uint64(i), pc+uint64(in.off)
				if st = h.storeOp(in, va); st != stNext {
					break loop
				}
			case isa.OpSH:
				va := x[in.rs1] + uint64(int64(in.imm))
				e := &wt.entry[va>>pageBits&tlbMask]
				if va&^0xffe == e.tag {
					*host16(e.host, va&pageMask) = uint16(x[in.rs2])
					continue
				}
				if va&^0xffe|tagTracked == e.tag {
					if p, l := wt.page[va>>pageBits&tlbMask], va>>lineBits&lineMask; p.Fast[l]&mem.FastWrite != 0 {
						p.Wrote[l] |= 0x3 << (va & (mem.LineSize - 1))
						*host16(e.host, va&pageMask) = uint16(x[in.rs2])
						continue
					}
				}
				h.n, h.pc = n+uint64(i), pc+uint64(in.off)
				if st = h.storeOp(in, va); st != stNext {
					break loop
				}
			case isa.OpSB:
				va := x[in.rs1] + uint64(int64(in.imm))
				e := &wt.entry[va>>pageBits&tlbMask]
				if va&^0xfff == e.tag {
					*host8(e.host, va&pageMask) = uint8(x[in.rs2])
					continue
				}
				if va&^0xfff|tagTracked == e.tag {
					if p, l := wt.page[va>>pageBits&tlbMask], va>>lineBits&lineMask; p.Fast[l]&mem.FastWrite != 0 {
						p.Wrote[l] |= 0x1 << (va & (mem.LineSize - 1))
						*host8(e.host, va&pageMask) = uint8(x[in.rs2])
						continue
					}
				}
				h.n, h.pc = n+uint64(i), pc+uint64(in.off)
				if st = h.storeOp(in, va); st != stNext {
					break loop
				}
			case isa.OpBEQ:
				if x[in.rs1] == x[in.rs2] {
					goto taken
				}
			case isa.OpBNE:
				if x[in.rs1] != x[in.rs2] {
					goto taken
				}
			case isa.OpBLT:
				if int64(x[in.rs1]) < int64(x[in.rs2]) {
					goto taken
				}
			case isa.OpBGE:
				if int64(x[in.rs1]) >= int64(x[in.rs2]) {
					goto taken
				}
			case isa.OpBLTU:
				if x[in.rs1] < x[in.rs2] {
					goto taken
				}
			case isa.OpBGEU:
				if x[in.rs1] >= x[in.rs2] {
					goto taken
				}
			case isa.OpJAL:
				x[in.rd] = pc + uint64(in.off) + uint64(in.len)
				goto taken
			case isa.OpJALR:
				t := (x[in.rs1] + uint64(int64(in.imm))) &^ 1
				x[in.rd] = pc + uint64(in.off) + uint64(in.len)
				pc = t
				n += uint64(len(code))
				goto lookup

			// M
			case isa.OpMUL:
				x[in.rd] = x[in.rs1] * x[in.rs2]
			case isa.OpMULW:
				x[in.rd] = uint64(int64(int32(uint32(x[in.rs1]) * uint32(x[in.rs2]))))
			case isa.OpMULHU:
				x[in.rd], _ = bits.Mul64(x[in.rs1], x[in.rs2])
			case isa.OpMULH:
				x[in.rd] = mulh(x[in.rs1], x[in.rs2])
			case isa.OpMULHSU:
				x[in.rd] = mulhsu(x[in.rs1], x[in.rs2])
			case isa.OpDIV:
				x[in.rd] = div(x[in.rs1], x[in.rs2])
			case isa.OpDIVU:
				x[in.rd] = divu(x[in.rs1], x[in.rs2])
			case isa.OpREM:
				x[in.rd] = rem(x[in.rs1], x[in.rs2])
			case isa.OpREMU:
				x[in.rd] = remu(x[in.rs1], x[in.rs2])
			case isa.OpDIVW:
				x[in.rd] = divw(x[in.rs1], x[in.rs2])
			case isa.OpDIVUW:
				x[in.rd] = divuw(x[in.rs1], x[in.rs2])
			case isa.OpREMW:
				x[in.rd] = remw(x[in.rs1], x[in.rs2])
			case isa.OpREMUW:
				x[in.rd] = remuw(x[in.rs1], x[in.rs2])

			// Zba, Zbb, Zbs: those that compilers use most; the others are in exec_b.go
			case isa.OpADD_UW:
				x[in.rd] = uint64(uint32(x[in.rs1])) + x[in.rs2]
			case isa.OpSH1ADD:
				x[in.rd] = x[in.rs1]<<1 + x[in.rs2]
			case isa.OpSH2ADD:
				x[in.rd] = x[in.rs1]<<2 + x[in.rs2]
			case isa.OpSH3ADD:
				x[in.rd] = x[in.rs1]<<3 + x[in.rs2]
			case isa.OpSH1ADD_UW:
				x[in.rd] = uint64(uint32(x[in.rs1]))<<1 + x[in.rs2]
			case isa.OpSH2ADD_UW:
				x[in.rd] = uint64(uint32(x[in.rs1]))<<2 + x[in.rs2]
			case isa.OpSH3ADD_UW:
				x[in.rd] = uint64(uint32(x[in.rs1]))<<3 + x[in.rs2]
			case isa.OpSLLI_UW:
				x[in.rd] = uint64(uint32(x[in.rs1])) << (uint32(in.imm) & 63)
			case isa.OpANDN:
				x[in.rd] = x[in.rs1] &^ x[in.rs2]
			case isa.OpSEXT_B:
				x[in.rd] = uint64(int64(int8(x[in.rs1])))
			case isa.OpSEXT_H:
				x[in.rd] = uint64(int64(int16(x[in.rs1])))
			case isa.OpZEXT_H:
				x[in.rd] = uint64(uint16(x[in.rs1]))
			case isa.OpMIN:
				x[in.rd] = uint64(min(int64(x[in.rs1]), int64(x[in.rs2])))
			case isa.OpMAX:
				x[in.rd] = uint64(max(int64(x[in.rs1]), int64(x[in.rs2])))
			case isa.OpMINU:
				x[in.rd] = min(x[in.rs1], x[in.rs2])
			case isa.OpMAXU:
				x[in.rd] = max(x[in.rs1], x[in.rs2])
			case isa.OpBEXTI:
				x[in.rd] = x[in.rs1] >> (uint32(in.imm) & 63) & 1
			case isa.OpBEXT:
				x[in.rd] = x[in.rs1] >> (x[in.rs2] & 63) & 1
			// F and D: what numerical code is made of, while the FPU is on and its state
			// known to be dirty
			case isa.OpFLD:
				va := x[in.rs1] + uint64(int64(in.imm))
				e := &rt.entry[va>>pageBits&tlbMask]
				if (va&^0xff8 == e.tag ||
					va&^0xff8|tagTracked == e.tag && rt.page[va>>pageBits&tlbMask].Fast[va>>lineBits&lineMask]&mem.FastRead != 0) &&
					h.csr.mstatus&mstatusFS == mstatusFS {
					h.f[in.rd&31] = *host64(e.host, va&pageMask)
					continue
				}
				if st = h.slow(in, n+uint64(i), pc+uint64(in.off)); st != stNext {
					break loop
				}
			case isa.OpFSD:
				va := x[in.rs1] + uint64(int64(in.imm))
				e := &wt.entry[va>>pageBits&tlbMask]
				if va&^0xff8 == e.tag && h.csr.mstatus&mstatusFS == mstatusFS {
					*host64(e.host, va&pageMask) = h.f[in.rs2&31]
					continue
				}
				if st = h.slow(in, n+uint64(i), pc+uint64(in.off)); st != stNext {
					break loop
				}
			case isa.OpFSGNJ_D:
				if h.csr.mstatus&mstatusFS == mstatusFS {
					h.f[in.rd&31] = h.f[in.rs1&31]&^sign64 | h.f[in.rs2&31]&sign64
					continue
				}
				if st = h.slow(in, n+uint64(i), pc+uint64(in.off)); st != stNext {
					break loop
				}
			case isa.OpFADD_D:
				if h.fastRounding(in) {
					h.f[in.rd&31] = sf.AddF64(h.f[in.rs1&31], h.f[in.rs2&31], sf.RNE, &h.fflags)
					continue
				}
				if st = h.slow(in, n+uint64(i), pc+uint64(in.off)); st != stNext {
					break loop
				}
			case isa.OpFSUB_D:
				if h.fastRounding(in) {
					h.f[in.rd&31] = sf.SubF64(h.f[in.rs1&31], h.f[in.rs2&31], sf.RNE, &h.fflags)
					continue
				}
				if st = h.slow(in, n+uint64(i), pc+uint64(in.off)); st != stNext {
					break loop
				}
			case isa.OpFMUL_D:
				if h.fastRounding(in) {
					h.f[in.rd&31] = sf.MulF64(h.f[in.rs1&31], h.f[in.rs2&31], sf.RNE, &h.fflags)
					continue
				}
				if st = h.slow(in, n+uint64(i), pc+uint64(in.off)); st != stNext {
					break loop
				}
			case isa.OpFMADD_D:
				if h.fastRounding(in) {
					h.f[in.rd&31] = sf.MulAddF64(h.f[in.rs1&31], h.f[in.rs2&31], h.f[in.rs3&31], sf.RNE, &h.fflags)
					continue
				}
				if st = h.slow(in, n+uint64(i), pc+uint64(in.off)); st != stNext {
					break loop
				}
			case isa.OpFMSUB_D:
				if h.fastRounding(in) {
					h.f[in.rd&31] = sf.MulAddF64(h.f[in.rs1&31], h.f[in.rs2&31], h.f[in.rs3&31]^sign64, sf.RNE, &h.fflags)
					continue
				}
				if st = h.slow(in, n+uint64(i), pc+uint64(in.off)); st != stNext {
					break loop
				}
			case isa.OpFNMSUB_D:
				if h.fastRounding(in) {
					h.f[in.rd&31] = sf.MulAddF64(h.f[in.rs1&31]^sign64, h.f[in.rs2&31], h.f[in.rs3&31], sf.RNE, &h.fflags)
					continue
				}
				if st = h.slow(in, n+uint64(i), pc+uint64(in.off)); st != stNext {
					break loop
				}
			case isa.OpFNMADD_D:
				if h.fastRounding(in) {
					h.f[in.rd&31] = sf.MulAddF64(h.f[in.rs1&31]^sign64, h.f[in.rs2&31], h.f[in.rs3&31]^sign64, sf.RNE, &h.fflags)
					continue
				}
				if st = h.slow(in, n+uint64(i), pc+uint64(in.off)); st != stNext {
					break loop
				}

			default:
				if st = h.slow(in, n+uint64(i), pc+uint64(in.off)); st != stNext {
					break loop
				}
			}
		}
	}

	switch st {
	case stNext:
		n += uint64(len(code))
		if len(code) != len(b.code) { // cut short: the limit is reached
			pc += uint64(b.code[len(code)].off)
			goto lookup
		}
		from := pc
		pc += uint64(b.size)
		if nb := b.next[0]; nb != nil {
			b = nb
			goto run
		}
		if nb := h.successor(b, 0, pc, from); nb != nil {
			b = nb
			goto run
		}
		goto lookup
	case stTrap:
		h.trapped(pc + uint64(code[i].off))
		n += uint64(i) + 1
		pc = h.pc
		goto restart
	case stExit:
		h.exitAfter = false
		n += uint64(i) + 1
		pc += uint64(code[i].off) + uint64(code[i].len)
		goto restart
	default: // stJump
		h.exitAfter = false
		n += uint64(i) + 1
		pc = h.pc
		goto restart
	}

taken:
	{
		// A branch is always the last instruction of its block.
		n += uint64(len(code))
		from := pc
		pc += uint64(int64(code[len(code)-1].imm))
		if nb := b.next[1]; nb != nil {
			b = nb
			goto run
		}
		if nb := h.successor(b, 1, pc, from); nb != nil {
			b = nb
			goto run
		}
		goto lookup
	}
}

// slow does an operation that is not in exec's switch, or that the switch does only
// in the common case.
func (h *Hart) slow(in *uop, n, pc uint64) status {
	h.n, h.pc = n, pc
	st := slowOps[in.op](h, in, pc)
	if st == stNext && h.exitAfter {
		return stExit
	}
	return st
}

// fastRounding tells whether in rounds to nearest even, and the FPU needs no
// attention.
func (h *Hart) fastRounding(in *uop) bool {
	return h.csr.mstatus&mstatusFS == mstatusFS && (in.rm == uint8(sf.RNE) || in.rm == rmDyn && h.frm == uint8(sf.RNE))
}

// loadOp does the load in at va by the slow path and writes rd.
func (h *Hart) loadOp(in *uop, va uint64) status {
	info := in.op.Info()
	v, ok := h.loadSlow(va, int(info.Size))
	if !ok {
		return stTrap
	}
	switch in.op {
	case isa.OpLW:
		v = uint64(int64(int32(v)))
	case isa.OpLH:
		v = uint64(int64(int16(v)))
	case isa.OpLB:
		v = uint64(int64(int8(v)))
	}
	h.x[in.rd] = v
	return h.afterAccess()
}

// storeOp does the store in at va by the slow path.
func (h *Hart) storeOp(in *uop, va uint64) status {
	if !h.storeSlow(va, int(in.op.Info().Size), h.x[in.rs2]) {
		return stTrap
	}
	return h.afterAccess()
}

// afterAccess leaves the block after an access to a device, whose effects may be
// an interrupt.
func (h *Hart) afterAccess() status {
	if h.exitAfter {
		return stExit
	}
	return stNext
}

func b2u(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
