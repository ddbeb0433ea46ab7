// SPDX-License-Identifier: Apache-2.0

package lockstep_test

import (
	"math/rand/v2"

	"vdev/emu/riscv/isa"
)

// program is an image and where its cases lie in it.
type program struct {
	ram   image
	cases []testCase
	place [][]uint64 // physical address of each item, and of the end
}

// newProgram builds the image that runs the cases; seed is that of its memory.
func newProgram(seed uint64, cases []testCase) *program {
	p := &program{ram: make(image, usedSize), cases: cases}
	r := rand.New(rand.NewPCG(seed, 1))
	for a := uint64(windowBase - 4096); a < windowAddr(len(cases))+4096; a += 8 {
		p.ram.put(a, r.Uint64())
	}
	for i := range specialPages {
		// Zero bytes are illegal instructions, wherever execution enters.
		for a := uint64(0); a < 4096 && specialPages[i]&pteX == 0; a += 8 {
			p.ram.put(pagesBase+uint64(i)<<12+a, r.Uint64())
		}
	}
	p.ram.copy(ramBase, supervisor(buildTables(p.ram), len(cases)))
	at := uint64(codeBase)
	for k := range cases {
		at = p.placeCase(k, at)
	}
	return p
}

// placeCase writes the code of case k at a physical address, and its record.
func (p *program) placeCase(k int, at uint64) uint64 {
	c := &p.cases[k]
	place := make([]uint64, 0, len(c.items)+1)
	start := at
	for _, it := range c.items {
		place = append(place, at)
		at += it.size()
	}
	end := at
	place = append(place, end)
	for i, it := range c.items {
		w := it.bits
		if it.target >= 0 {
			w = aim(w, int64(place[min(it.target, len(c.items))])-int64(place[i]))
		}
		p.putInst(place[i], w)
	}
	p.putInst(end, 0x0000_0073) // ecall
	at = (end + 4 + 3) &^ 3
	if at > recordBase-4096 {
		panic("BUG: too much code")
	}

	space := uint64(0)
	if c.mode == modeU {
		space = userBase - ramBase
	}
	rec := recordAddr(k)
	for i := range 32 {
		p.ram.put(rec+inX+uint64(i)*8, c.x[i])
		p.ram.put(rec+inF+uint64(i)*8, c.f[i])
	}
	p.ram.put(rec+inX, start+space)
	p.ram.put(rec+inFCSR, c.fcsr)
	p.ram.put(rec+inMstatus, c.status|uint64(c.mode)<<mstatusMPPShift)
	p.ram.put(rec+inEnd, end+space)
	p.place = append(p.place, place)
	return at
}

func (p *program) putInst(at uint64, w uint32) {
	b := p.ram[at-ramBase:]
	b[0], b[1] = byte(w), byte(w>>8)
	if w&3 == 3 {
		b[2], b[3] = byte(w>>16), byte(w>>24)
	}
}

// itemAt is the index of the item at a physical or virtual address, or -1.
func (p *program) itemAt(k int, pc uint64) int {
	pa := ramBase | pc&(userBase-ramBase-1)
	for i, at := range p.place[k] {
		if at == pa {
			return i
		}
	}
	return -1
}

// aim makes the jump or branch w go a distance in bytes.
func aim(w uint32, distance int64) uint32 {
	i := isa.Decode(w)
	if i.Op == isa.OpJALR {
		i.Imm = distance + 4 // from the auipc before it
	} else {
		i.Imm = distance
	}
	if i.Len == 4 {
		w, err := isa.Encode(i)
		if err != nil {
			panic("BUG: " + err.Error())
		}
		return w
	}
	for _, c := range compressed[i.Op] {
		if isa.Decode(uint32(c)) == i {
			return uint32(c)
		}
	}
	panic("BUG: no compressed form of " + i.String())
}
