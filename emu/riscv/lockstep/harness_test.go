// SPDX-License-Identifier: Apache-2.0

package lockstep_test

import (
	"slices"
	"strings"
	"testing"

	"vdev/emu/riscv/isa"
)

// selfSeed is the seed of tests of the harness itself.
const selfSeed = 4

// TestWrongResultIsNamed runs a program and one in which a single instruction is
// another, and expects the comparison to name exactly that case.
func TestWrongResultIsNamed(t *testing.T) {
	good := newProgram(selfSeed, casesFor(selfSeed, 2000))
	want, err := runHart(good.ram)
	if err != nil {
		t.Fatal(err)
	}
	if m := good.compare(want, want); m != nil {
		t.Fatalf("a run differs from itself: %v", m)
	}
	// An addition that becomes a subtraction shows unless it adds 0.
	wrong, tried := newProgram(selfSeed, casesFor(selfSeed, 2000)), 0
	for k, c := range good.cases {
		if len(c.items) != 1 {
			continue
		}
		i := isa.Decode(c.items[0].bits)
		if i.Op != isa.OpADD || i.Len != 4 || i.Rd == 0 || c.x[i.Rs2]<<1 == 0 {
			continue
		}
		tried++
		i.Op = isa.OpSUB
		w, err := isa.Encode(i)
		if err != nil {
			t.Fatal(err)
		}
		broken := slices.Clone(wrong.ram)
		p := &program{ram: broken, cases: wrong.cases, place: wrong.place}
		p.putInst(p.place[k][0], w)
		got, err := runHart(broken)
		if err != nil {
			t.Fatal(err)
		}
		m := good.compare(want, got)
		if m == nil || m.k != k {
			t.Errorf("sub instead of add in case %d: reported as %v", k, m)
			continue
		}
		if !strings.Contains(good.listing(k), "add\t") {
			t.Errorf("the listing does not show the instruction:\n%s", good.listing(k))
		}
	}
	if tried == 0 {
		t.Fatal("no case begins with an addition")
	}
}

// TestEveryKindOfStateIsCompared changes one word of a run's result at a time.
func TestEveryKindOfStateIsCompared(t *testing.T) {
	p := newProgram(selfSeed, casesFor(selfSeed, 100))
	want, err := runHart(p.ram)
	if err != nil {
		t.Fatal(err)
	}
	const k = 50
	trapped := slices.IndexFunc(p.cases, func(c testCase) bool {
		return len(c.items) > 0 && c.items[0].bits == 0
	})
	for _, tt := range []struct {
		what string
		addr uint64
		k    int
	}{
		{"x31", recordAddr(k) + outX + 31*8, k},
		{"x1", recordAddr(k) + outX + 8, k},
		{"number of traps", recordAddr(k) + outX, k},
		{"f0", recordAddr(k) + outF, k},
		{"f31", recordAddr(k) + outF + 31*8, k},
		{"fcsr", recordAddr(k) + outFCSR, k},
		{"window", windowAddr(k) + 8, -1},
		{"page table", tableBase + 0x2000 + 10*8, -1},
		{"special page", pagesBase + 8, -1},
	} {
		got := slices.Clone(want)
		got.put(tt.addr, got.get(tt.addr)^1)
		if m := p.compare(want, got); m == nil || m.k != tt.k {
			t.Errorf("%s of case %d changed: reported as %v", tt.what, tt.k, m)
		}
	}
	if trapped >= 0 {
		got := slices.Clone(want)
		at := recordAddr(trapped) + outTraps
		got.put(at, got.get(at)+1)
		if m := p.compare(want, got); m == nil || m.k != trapped {
			t.Errorf("cause of a trap of case %d changed: reported as %v", trapped, m)
		}
	}
}

// TestEveryOperationIsGenerated counts what the default cases hold.
func TestEveryOperationIsGenerated(t *testing.T) {
	seen := map[isa.Op]bool{}
	modes := map[mode]int{}
	for _, seed := range seeds {
		for _, c := range casesFor(seed, *casesFlag) {
			modes[c.mode]++
			for _, it := range c.items {
				seen[isa.Decode(it.bits).Op] = true
			}
		}
	}
	for _, m := range []mode{modeU, modeS, modeM} {
		if modes[m] == 0 {
			t.Errorf("no case in %v-mode", m)
		}
	}
	// What the other tests of the hart have to cover: waiting, cache blocks, and
	// what would end or move a case.
	elsewhere := map[isa.Op]bool{isa.OpECALL: true, isa.OpWFI: true, isa.OpWRS_NTO: true, isa.OpWRS_STO: true,
		isa.OpPAUSE:     true,
		isa.OpCBO_INVAL: true, isa.OpCBO_CLEAN: true, isa.OpCBO_FLUSH: true, isa.OpCBO_ZERO: true}
	for op := isa.OpIllegal; op < isa.NumOps; op++ {
		_, not := notGenerated[op]
		if !seen[op] && !not && !elsewhere[op] {
			t.Errorf("%v never occurs", op)
		}
	}
}
