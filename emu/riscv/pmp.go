// SPDX-License-Identifier: Apache-2.0

package riscv

// Physical memory protection (privileged specification, 3.7): 16 entries with a
// granularity of four bytes.
const (
	pmpEntries = 16

	pmpR uint8 = 1 << 0
	pmpW uint8 = 1 << 1
	pmpX uint8 = 1 << 2
	pmpL uint8 = 1 << 7

	pmpAShift       = 3
	pmpOff    uint8 = 0
	pmpTOR    uint8 = 1
	pmpNA4    uint8 = 2
	pmpNAPOT  uint8 = 3

	pmpAddrMask uint64 = 1<<54 - 1
)

// pmpState is the PMP CSRs and the address ranges derived from them.
type pmpState struct {
	cfg  [pmpEntries]uint8
	addr [pmpEntries]uint64

	lo, hi [pmpEntries]uint64 // [lo, hi) in bytes, valid for entries that are not off
	used   int                // entries from here on are off
	locked bool               // some entry binds M-mode too
}

// update derives the ranges after a change.
func (p *pmpState) update() {
	p.used, p.locked = 0, false
	for i := range p.cfg {
		switch p.cfg[i] >> pmpAShift & 3 {
		case pmpOff:
			p.lo[i], p.hi[i] = 0, 0
			continue
		case pmpTOR:
			p.lo[i] = 0
			if i > 0 {
				p.lo[i] = p.addr[i-1] << 2
			}
			p.hi[i] = p.addr[i] << 2
		case pmpNA4:
			p.lo[i] = p.addr[i] << 2
			p.hi[i] = p.lo[i] + 4
		case pmpNAPOT:
			ones := p.addr[i] ^ (p.addr[i] + 1) // trailing ones and the zero above them
			p.lo[i] = (p.addr[i] &^ ones) << 2
			p.hi[i] = (p.addr[i]|ones)<<2 + 4
		}
		p.used = i + 1
		if p.cfg[i]&pmpL != 0 {
			p.locked = true
		}
	}
}

// check tells whether an access of n bytes at addr with the permission bits need
// is allowed in mode priv. same says that the answer holds for the whole 4 KiB page.
func (p *pmpState) check(addr, n uint64, need uint8, priv Priv) (ok, same bool) {
	page, pageEnd := addr&^0xfff, addr&^0xfff+0x1000
	same = true
	for i := 0; i < p.used; i++ {
		lo, hi := p.lo[i], p.hi[i]
		if lo >= hi {
			continue
		}
		if hi <= page || lo >= pageEnd {
			continue
		}
		if lo > page || hi < pageEnd {
			same = false
			if hi <= addr || lo >= addr+n {
				continue
			}
		}
		if lo > addr || hi < addr+n { // a partial match fails whatever the permissions
			return false, same
		}
		if priv == Machine && p.cfg[i]&pmpL == 0 {
			return true, same
		}
		return p.cfg[i]&need == need, same
	}
	return priv == Machine, same
}

// writeCfg stores pmpcfg register reg (0, 2): eight entries.
func (p *pmpState) writeCfg(reg int, v uint64) {
	for k := range 8 {
		i := reg*4 + k
		c := uint8(v>>(8*k)) &^ 0x60
		if p.cfg[i]&pmpL != 0 {
			continue
		}
		if c&(pmpR|pmpW) == pmpW { // reserved combination: keep the legal part
			c &^= pmpW
		}
		p.cfg[i] = c
	}
	p.update()
}

func (p *pmpState) readCfg(reg int) uint64 {
	var v uint64
	for k := range 8 {
		v |= uint64(p.cfg[reg*4+k]) << (8 * k)
	}
	return v
}

func (p *pmpState) writeAddr(i int, v uint64) {
	if p.cfg[i]&pmpL != 0 {
		return
	}
	// A locked TOR entry also locks the address below it.
	if i+1 < pmpEntries && p.cfg[i+1]&pmpL != 0 && p.cfg[i+1]>>pmpAShift&3 == pmpTOR {
		return
	}
	p.addr[i] = v & pmpAddrMask
	p.update()
}
