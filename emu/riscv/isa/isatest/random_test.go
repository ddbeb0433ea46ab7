// SPDX-License-Identifier: Apache-2.0

package isatest

import (
	"math/rand/v2"
	"testing"

	"vdev/emu/riscv/isa"
)

func TestConstraints(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const some = 1<<5 | 1<<10 | 1<<31
	in := func(n uint8) bool { return some>>n&1 != 0 }
	for range 100 {
		i := isa.Decode(Random(isa.OpADD, r, Registers(some)))
		if i.Op != isa.OpADD || !in(i.Rd) || !in(i.Rs1) || !in(i.Rs2) {
			t.Errorf("%v uses other registers", i)
		}
		i = isa.Decode(Random(isa.OpFADD_D, r, ValidRM))
		if i.Op != isa.OpFADD_D || i.RM == 5 || i.RM == 6 {
			t.Errorf("%v has a reserved rounding mode", i)
		}
		c := RandomCompressed(r, func(i isa.Inst) bool { return i.Op == isa.OpJALR })
		if i := isa.Decode(uint32(c)); i.Op != isa.OpJALR || i.Len != 2 {
			t.Errorf("%#04x: %v", c, i)
		}
	}
}

func TestRandomRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tooBig := func(i *isa.Inst, _ *rand.Rand) { i.Imm = 1 << 20 }
	for name, f := range map[string]func(){
		"no operation":          func() { Random(isa.OpIllegal, r) },
		"no registers":          func() { Registers(0) },
		"operand not encodable": func() { Random(isa.OpADDI, r, tooBig) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}
