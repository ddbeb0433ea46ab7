// SPDX-License-Identifier: Apache-2.0

package mmio

import (
	"strings"
	"testing"
)

func shown() Block {
	return Block{Title: "a device", Doc: "It shows things.", Size: 0x100, Regs: []Reg{
		{Name: "MODE", Offset: 0, Reserved: 0xff00, Doc: "Operating mode.", Fields: []Field{
			{Name: "FMT", Lo: 0, Hi: 1, Enum: []Enum{{0, "rgb"}, {2, "yuv"}}, Doc: "pixel format"},
			Bit(4, "EN", "enable"), Bits(31, 16, "LEN", ""),
		}},
		{Name: "KEY", Offset: 4, Width: 1, Access: WO},
		{Name: "WIN", Offset: 0x20, Count: 3, Stride: 16, Width: 8, Reset: 1},
	}}
}

func TestDump(t *testing.T) {
	r := NewRegs("dev", shown(), nil)
	r.Set(0, 2|1<<4|0x12<<16)
	r.SetAt(2, 1, 0xabc)
	var b strings.Builder
	if err := r.Dump(&b); err != nil {
		t.Fatal(err)
	}
	want := "000000 MODE                     00120012 FMT=yuv EN LEN=0x12\n" +
		"000004 KEY                      00\n" +
		"000030 WIN[1]                   0000000000000abc\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestWriteMarkdown(t *testing.T) {
	block := shown()
	var b strings.Builder
	if err := block.WriteMarkdown(&b, "dev0"); err != nil {
		t.Fatal(err)
	}
	want := `# dev0: a device

It shows things.

Window: 0x100 bytes.

| offset | name | bits | access | reset | description |
|---|---|---|---|---|---|
| 0x0 | MODE | 32 | RW | 0x0 | Operating mode. Reserved: 0xff00. |
| 0x4 | KEY | 8 | WO | 0x0 |  |
| 0x20 + 0x10·n | WIN[n], n < 3 | 64 | RW | 0x1 |  |

## MODE

| bits | field | description |
|---|---|---|
| 1:0 | FMT | pixel format 0=rgb 2=yuv |
| 4 | EN | enable |
| 31:16 | LEN |  |
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}

func TestTrace(t *testing.T) {
	r := NewRegs("dev", shown(), nil)
	var got []Trace
	r.SetTrace(func(x Trace) { got = append(got, x) })
	r.WriteMMIO(0x30, 8, 5)
	r.ReadMMIO(0x30, 8)
	r.ReadMMIO(0x50, 4) // a hole: no register to trace
	r.SetTrace(nil)
	r.ReadMMIO(0x30, 8)
	win := r.Reg(2)
	if len(got) != 2 || got[0] != (Trace{"dev", win, 1, true, 8, 5}) || got[1] != (Trace{"dev", win, 1, false, 8, 5}) {
		t.Errorf("traced %+v", got)
	}
}
