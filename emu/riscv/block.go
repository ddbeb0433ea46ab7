// SPDX-License-Identifier: Apache-2.0

package riscv

import (
	"vdev/emu/mem"
	"vdev/emu/riscv/isa"
	"vdev/mmio"
)

// uop is one decoded instruction as exec runs it: an isa.Inst with the immediate
// narrowed, the place in the block added, and writes to x0 redirected to regSink.
type uop struct {
	imm int32  // for branches and jal: from the start of the block
	off uint16 // of the instruction from the start of the block, in bytes
	op  isa.Op // or one of the op... constants of this package
	rd  uint8
	rs1 uint8
	rs2 uint8
	rs3 uint8
	rm  uint8
	len uint8 // of the encoding in bytes
}

// Block is a decoded basic block: straight code within one physical page, up to the
// first instruction that may go elsewhere. It is found by physical address, so it
// survives changes of the page tables. An engine that compiles blocks hangs its
// code on it; the interpreter runs code.
type Block struct {
	code []uop
	page *codePage // nil for a block that belongs to no single page
	size uint16    // length in bytes
	// next are the successors on the same page: not taken or straight on, and taken.
	next [2]*Block
}

const (
	maxBlock = 64 // instructions

	// maxCachedOps bounds the memory of a CodeCache; beyond it everything is dropped.
	maxCachedOps = 4 << 20
)

// codePage is the decoded code of one physical page: blocks by the parcel at which
// they start. Blocks of a page point only to each other, so they die together.
type codePage struct {
	addr   mmio.PhysAddr
	start  [mem.PageSize / 2]uint16 // index into blocks; 0 is none
	blocks []*Block
}

// CodeCache holds the decoded blocks of a machine, shared by its harts.
type CodeCache struct {
	mem   *mem.Memory
	pages map[mmio.PhysAddr]*codePage
	ops   int
	harts []*Hart
}

// NewCodeCache makes an empty cache over m.
func NewCodeCache(m *mem.Memory) *CodeCache {
	return &CodeCache{mem: m, pages: make(map[mmio.PhysAddr]*codePage)}
}

// Sync makes stores to instructions visible: it drops the decoded code of pages
// that were written since. This is fence.i, for all harts at once.
func (c *CodeCache) Sync() {
	dirty := c.mem.TakeDirtyCode()
	for _, a := range dirty {
		if p := c.pages[a]; p != nil {
			for _, b := range p.blocks[1:] {
				c.ops -= len(b.code)
			}
			delete(c.pages, a)
		}
	}
	if len(dirty) != 0 {
		c.flushJumps()
	}
}

func (c *CodeCache) flushJumps() {
	for _, h := range c.harts {
		h.flushJumps()
	}
}

// pageAt returns the code page at addr, which is page-aligned RAM.
func (c *CodeCache) pageAt(addr mmio.PhysAddr) *codePage {
	p := c.pages[addr]
	if p == nil {
		p = &codePage{addr: addr, blocks: make([]*Block, 1, 8)}
		c.pages[addr] = p
	}
	return p
}

// block returns the block that starts off bytes into p, decoding it if necessary;
// nil if the instruction there crosses into the next page.
func (c *CodeCache) block(p *codePage, off uint64) *Block {
	if i := p.start[off/2]; i != 0 {
		return p.blocks[i]
	}
	return c.decode(p, off)
}

func (c *CodeCache) decode(p *codePage, off uint64) *Block {
	if c.ops > maxCachedOps {
		c.drop()
		p = c.pageAt(p.addr)
	}
	c.mem.MarkCode(p.addr)
	b := &Block{page: p}
	var buf [maxBlock]uop
	n := 0
	for at := off; n < maxBlock && at < mem.PageSize; {
		bits, _ := c.mem.Fetch(p.addr+mmio.PhysAddr(at), 2)
		if bits&3 == 3 {
			if at+4 > mem.PageSize {
				break
			}
			hi, _ := c.mem.Fetch(p.addr+mmio.PhysAddr(at+2), 2)
			bits |= hi << 16
		}
		u, ends := makeUop(isa.Decode(uint32(bits)), uint16(at-off))
		buf[n] = u
		n++
		at += uint64(u.len)
		b.size = uint16(at - off)
		if ends {
			break
		}
	}
	if n == 0 {
		return nil
	}
	b.code = append(make([]uop, 0, n), buf[:n]...)
	c.ops += n
	p.start[off/2] = uint16(len(p.blocks))
	p.blocks = append(p.blocks, b)
	return b
}

// drop forgets all decoded code.
func (c *CodeCache) drop() {
	clear(c.pages)
	c.ops = 0
	c.flushJumps()
}

// makeUop prepares i, which lies off bytes into its block, and tells whether the
// block ends with it.
func makeUop(i isa.Inst, off uint16) (uop, bool) {
	info := i.Op.Info()
	u := uop{imm: int32(i.Imm), off: off, op: i.Op, rd: i.Rd, rs1: i.Rs1, rs2: i.Rs2, rs3: i.Rs3, rm: i.RM, len: i.Len}
	if info.Rd == isa.RegX && u.rd == 0 {
		u.rd = regSink
	}
	switch info.Flow {
	case isa.FlowBranch:
		u.imm += int32(off)
	case isa.FlowJump:
		if i.Op == isa.OpJAL {
			u.imm += int32(off)
		}
	}
	return u, info.EndsBlock() || i.Op == isa.OpIllegal || i.Op == isa.OpPAUSE
}

// jumpEntry finds the block at a virtual address, in the privilege mode whose table
// it is in.
type jumpEntry struct {
	pc    uint64
	gen   uint64
	block *Block
}

const (
	jumpSize = 4096
	jumpMask = jumpSize - 1
)

// flushJumps forgets the blocks found by virtual address.
func (h *Hart) flushJumps() {
	h.jumpGen++
	h.jumpPages = pageHint{}
}

// pageHint is a set of pages that may say yes too often.
type pageHint [16]uint64

func (p *pageHint) add(va uint64)      { p[va>>18&15] |= 1 << (va >> pageBits & 63) }
func (p *pageHint) has(va uint64) bool { return p[va>>18&15]>>(va>>pageBits&63)&1 != 0 }

// findBlock returns the block at pc, or nil after recording an exception.
func (h *Hart) findBlock(pc uint64) *Block {
	pa, same, ok := h.translateFetch(pc, 2)
	if !ok {
		return nil
	}
	if !same {
		return h.singleBlock(pc, pa)
	}
	off := uint64(pa & pageMask)
	b := h.code.block(h.code.pageAt(pa&^pageMask), off)
	if b == nil {
		b = h.singleBlock(pc, pa)
		if b == nil {
			return nil
		}
		h.code.mem.MarkCode(pa &^ pageMask)
	}
	h.jump[pc>>1&jumpMask] = jumpEntry{pc: pc, gen: h.jumpGen, block: b}
	h.jumpPages.add(pc)
	h.jumpPages.add(pc + 2)
	return b
}

// singleBlock makes a block of the one instruction at pc, whose first two bytes are
// at pa: it crosses a page, or the page may not be cached as a whole.
func (h *Hart) singleBlock(pc uint64, pa mmio.PhysAddr) *Block {
	bits, _ := h.mem.Fetch(pa, 2)
	if bits&3 == 3 {
		pa2, _, ok := h.translateFetch(pc+2, 2)
		if !ok {
			return nil
		}
		hi, _ := h.mem.Fetch(pa2, 2)
		bits |= hi << 16
		h.code.mem.MarkCode(pa2 &^ pageMask)
	}
	u, _ := makeUop(isa.Decode(uint32(bits)), 0)
	return &Block{code: []uop{u}, size: uint16(u.len)}
}
