// SPDX-License-Identifier: Apache-2.0

package isa_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"vdev/emu/riscv/isa"
	"vdev/emu/riscv/isa/isatest"
)

// difference is a place where GNU's disassembler (binutils 2.40) and the manual, or
// the set of extensions of these harts, part ways.
type difference struct {
	reason string
	// applies tells whether a 32-bit encoding, which reads as ours and GNU's texts,
	// is of this kind.
	applies func(bits uint32, ours, gnu string) bool
}

var differences = []difference{
	{
		"GNU knows no FENCE with reserved fields; the manual has it execute as a normal fence",
		func(bits uint32, ours, gnu string) bool {
			reserved := bits>>28 != 0 || bits>>7&31 != 0 || bits>>15&31 != 0
			return isa.Decode(bits).Op == isa.OpFENCE && reserved && unknown(gnu)
		},
	},
	{
		"GNU knows no FENCE.I with reserved fields; the manual has them ignored",
		func(bits uint32, ours, gnu string) bool {
			return isa.Decode(bits).Op == isa.OpFENCE_I && bits != 0x100f && unknown(gnu)
		},
	},
	{
		"GNU knows exact conversions with RNE only",
		func(bits uint32, ours, gnu string) bool {
			exact := strings.HasSuffix(isa.Decode(bits).Op.Info().Operands, "rm0")
			return exact && bits>>12&7 != 0 && unknown(gnu)
		},
	},
	{
		"GNU knows control and status registers that these harts do not have",
		func(bits uint32, ours, gnu string) bool {
			if isa.Decode(bits).Op.Info().Ext != "Zicsr" || isa.CSRName(uint16(bits>>20)) != "" {
				return false
			}
			cols := strings.Split(gnu, ",")
			if len(cols) != 3 || !foreignCSR.MatchString(cols[1]) {
				return false
			}
			i := strings.Split(ours, ",")
			return len(i) == 3 && i[0] == cols[0] && i[2] == cols[2]
		},
	},
	{
		"GNU knows returns and fences out of drafts of the privileged manual, whatever the architecture",
		func(bits uint32, ours, gnu string) bool {
			return unknown(ours) && foreignInst.MatchString(gnu)
		},
	},
}

// foreignCSR are the registers of RV32 and of the extensions for vectors, entropy, the
// hypervisor, advanced interrupts, state enable and debugging.
var foreignCSR = regexp.MustCompile(`^(.*h|v.*|seed|h.*|[ms]state.*|[ms](iselect|ireg|topei|topi)|stop(ei|i)|mvi(en|p)|` +
	`mtinst|mtval2|[sm]s?context|tcontrol|d(csr|pc|scratch[01]))$`)

// foreignInst are instructions that never were ratified.
var foreignInst = regexp.MustCompile(`^(uret|hret|sfence\.vm)\b`)

func unknown(text string) bool {
	return strings.HasPrefix(text, ".4byte\t") || strings.HasPrefix(text, ".2byte\t")
}

// compareLong compares our reading of 32-bit encodings with GNU's, and returns how
// often each known difference occurred.
func compareLong(t *testing.T, words []uint32) []int {
	t.Helper()
	var code []byte
	for _, w := range words {
		code = binary.LittleEndian.AppendUint32(code, w)
	}
	text := objdump(t, code, noAliases)
	counts := make([]int, len(differences))
	bad := map[isa.Op]int{}
words:
	for k, bits := range words {
		at := uint64(4 * k)
		ours, gnu := isa.StyleNumeric.Disasm(bits, at), text[at]
		if ours == gnu {
			continue
		}
		for n, d := range differences {
			if d.applies(bits, ours, gnu) {
				counts[n]++
				continue words
			}
		}
		// A few of each kind are enough to see what is wrong.
		op := isa.Decode(bits).Op
		if bad[op]++; bad[op] <= 3 {
			t.Errorf("%#08x: %q, GNU says %q", bits, ours, gnu)
		}
	}
	return counts
}

func TestOperationsAgainstGNU(t *testing.T) {
	needObjdump(t)
	r := rand.New(rand.NewPCG(1, 2))
	var words []uint32
	for op := isa.OpIllegal + 1; op < isa.NumOps; op++ {
		for range 100 {
			words = append(words, isatest.Random(op, r))
		}
	}
	words = append(words, 0x8330000f) // fence.tso: too rare to come up
	compareLong(t, words)
}

// TestNearMissesAgainstGNU tries what lies next to instructions, and words without
// any plan: what GNU takes for no instruction must be illegal, and the reverse.
func TestNearMissesAgainstGNU(t *testing.T) {
	needObjdump(t)
	r := rand.New(rand.NewPCG(3, 4))
	var words []uint32
	for op := isa.OpIllegal + 1; op < isa.NumOps; op++ {
		for bit := 2; bit < 32; bit++ {
			for range 5 {
				w := isatest.Random(op, r) ^ 1<<bit
				if w&0x1f != 0x1f {
					words = append(words, w)
				}
			}
		}
	}
	for len(words) < 200_000 {
		if w := r.Uint32() | 3; w&0x1f != 0x1f {
			words = append(words, w)
		}
	}
	for k, n := range compareLong(t, words) {
		if n == 0 {
			t.Errorf("difference %q no longer occurs", differences[k].reason)
		}
	}
}

// shortDifferences are the compressed encodings that GNU reads otherwise.
var shortDifferences = map[uint16]string{
	0x0000: "GNU has a name, c.unimp, for the illegal instruction",
	0x6101: "GNU reads the reserved c.addi16sp with immediate 0",
}

func TestCompressedAgainstGNU(t *testing.T) {
	needObjdump(t)
	var code []byte
	for v := range 1 << 16 {
		if v&3 != 3 {
			code = binary.LittleEndian.AppendUint16(code, uint16(v))
		}
	}
	text := objdump(t, code, noAliases)
	for at := 0; at < len(code); at += 2 {
		v := binary.LittleEndian.Uint16(code[at:])
		got, want := isa.StyleNumeric.Disasm(uint32(v), uint64(at)), text[uint64(at)]
		reason := shortDifferences[v]
		if (got == want) != (reason == "") {
			t.Errorf("%#04x: %q, GNU says %q; known difference: %q", v, got, want, reason)
		}
		if legal := isa.Decode(uint32(v)).Op != isa.OpIllegal; legal == unknown(got) {
			t.Errorf("%#04x: legal is %v, text is %q", v, legal, got)
		}
	}
}

// TestExpansionAgainstGNU judges what compressed instructions expand to: with
// pseudo-instructions switched on, GNU writes them like the base instruction that
// they stand for.
func TestExpansionAgainstGNU(t *testing.T) {
	needObjdump(t)
	var short, long []byte
	for v := range uint32(1 << 16) {
		i := isa.Decode(v)
		if v&3 == 3 || i.Op == isa.OpIllegal {
			continue
		}
		w, err := isa.Encode(i)
		if err != nil {
			t.Fatalf("%#04x: %v", v, err)
		}
		const nop = 1
		short = binary.LittleEndian.AppendUint16(short, uint16(v))
		short = binary.LittleEndian.AppendUint16(short, nop)
		long = binary.LittleEndian.AppendUint32(long, w)
	}
	shortText, longText := objdump(t, short, "numeric"), objdump(t, long, "numeric")
	hints := 0
	for at := 0; at < len(long); at += 4 {
		got, want := longText[uint64(at)], shortText[uint64(at)]
		v := binary.LittleEndian.Uint16(short[at:])
		i := isa.Decode(uint32(v))
		switch {
		case got == want:
		case isHint(i) && (strings.HasPrefix(want, "c.") || want == "nop"):
			// GNU does not write hints like anything but themselves.
			hints++
		case want == gnuCopy(i):
			// The same thing in other words.
		default:
			t.Errorf("%#04x: expands to %q, GNU says %q", v, got, want)
		}
	}
	t.Logf("%d expansions, %d of them hints", len(long)/4, hints)
}

// gnuCopy is how GNU writes a compressed instruction that copies a register, which it
// writes differently when it is long; "" for other instructions.
func gnuCopy(i isa.Inst) string {
	switch {
	case i.Op == isa.OpADDI && i.Imm == 0:
		return fmt.Sprintf("add\tx%d,x%d,0", i.Rd, i.Rs1)
	case i.Op == isa.OpADD && i.Rs1 == 0:
		return fmt.Sprintf("mv\tx%d,x%d", i.Rd, i.Rs2)
	}
	return ""
}

// isHint reports whether an instruction can change no register and has no other
// effect.
func isHint(i isa.Inst) bool {
	info := i.Op.Info()
	if info.Rd != isa.RegX || info.Access != isa.AccessNone || info.Flow != isa.FlowNone {
		return false
	}
	unchanged := i.Rd == i.Rs1 && i.Imm == 0 &&
		(i.Op == isa.OpADDI || i.Op == isa.OpSLLI || i.Op == isa.OpSRLI || i.Op == isa.OpSRAI)
	return i.Rd == 0 || unchanged
}

// TestCSRNamesAgainstGNU compares all names of control and status registers, and
// demands a reason for each that only GNU has.
func TestCSRNamesAgainstGNU(t *testing.T) {
	needObjdump(t)
	var words []uint32
	for n := range uint32(1 << 12) {
		words = append(words, n<<20|0x2073) // csrrs x0,n,x0
	}
	compareLong(t, words)
}
