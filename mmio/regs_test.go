// SPDX-License-Identifier: Apache-2.0

package mmio

import (
	"fmt"
	"strings"
	"testing"
)

const (
	tCtrl RegID = iota
	tStat
	tCount
	tData
	tCmd
	tBank0
	tBank1
	tWide
	tArr
	tFeat
)

// toy is a block with one register of every kind.
func toy() Block {
	return Block{Title: "toy", Size: 0x3000, Regs: []Reg{
		tCtrl:  {Name: "CTRL", Offset: 0, Reset: 0x80000005, ROMask: 0xf, Reserved: 0xff000000, Sizes: 1 | 2 | 4},
		tStat:  {Name: "STAT", Offset: 4, W1C: 0xff, RC: 0xff00, Sizes: 2 | 4},
		tCount: {Name: "COUNT", Offset: 8, Access: RO, Reset: 7},
		tData:  {Name: "DATA", Offset: 8, Access: WO},
		tCmd:   {Name: "CMD", Offset: 12, Access: WO},
		tBank0: {Name: "BANK0", Offset: 16, Banks: 1},
		tBank1: {Name: "BANK1", Offset: 16, Banks: 2, Reset: 9},
		tWide:  {Name: "WIDE", Offset: 24, Width: 8, Sizes: 4 | 8},
		tArr:   {Name: "ARR", Offset: 0x2000, Count: 4, Sizes: 4 | 8, Reset: 1},
		tFeat:  {Name: "FEAT", Offset: 0x2ffc, Unimplemented: 0xf0},
	}}
}

type recorder []string

func (r *recorder) Event(e Event) {
	*r = append(*r, fmt.Sprintf("%v %s %#x", e.Kind, e.What, e.Offset))
}

// TestAccess runs one-line scripts: each write, then the read, the value expected,
// and the events that all of it causes.
func TestAccess(t *testing.T) {
	type wr struct {
		off  uint64
		size int
		v    uint64
	}
	for _, c := range []struct {
		name   string
		writes []wr
		off    uint64
		size   int
		want   uint64
		events string
	}{
		{"reset", nil, 0, 4, 0x80000005, ""},
		{"ro and reserved keep", []wr{{0, 4, 0xffffffff}}, 0, 4, 0x80fffff5, "reserved CTRL 0x0"},
		{"byte lane", []wr{{2, 1, 0xab}}, 0, 4, 0x80ab0005, ""},
		{"byte read", []wr{{2, 1, 0xab}}, 2, 1, 0xab, ""},
		{"half lane", []wr{{0, 2, 0xffff}}, 0, 2, 0xfff5, ""},
		{"reserved lane untouched", []wr{{0, 1, 0}}, 0, 4, 0x80000005, ""},
		{"access size", []wr{{4, 1, 1}}, 0, 4, 0x80000005, "access-size STAT 0x4"},
		{"misaligned", nil, 2, 4, 0, "access-size CTRL 0x2"},
		{"read only side", []wr{{8, 4, 55}}, 8, 4, 7, ""},
		{"write only", nil, 12, 4, 0, "write-only CMD 0xc"},
		{"hole", []wr{{0x1000, 4, 1}}, 0x1000, 4, 0, "hole write 0x1000;hole read 0x1000"},
		{"beyond", nil, 0x5000, 4, 0, "hole read 0x5000"},
		{"bank 0", []wr{{16, 4, 3}}, 16, 4, 3, ""},
		{"wide halves", []wr{{24, 4, 1}, {28, 4, 2}}, 24, 8, 0x200000001, ""},
		{"wide half", []wr{{24, 8, 0x300000004}}, 28, 4, 3, ""},
		{"two elements at once", []wr{{0x2008, 8, 0x700000006}}, 0x200c, 4, 7, ""},
		{"read two at once", nil, 0x2000, 8, 0x100000001, ""},
		{"unimplemented", []wr{{0x2ffc, 4, 0x1f}}, 0x2ffc, 4, 0x1f, "unimplemented FEAT 0x2ffc"},
		{"unimplemented left alone", []wr{{0x2ffc, 4, 0xf}}, 0x2ffc, 4, 0xf, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var ev recorder
			r := NewRegs("toy", toy(), &ev)
			for _, w := range c.writes {
				r.WriteMMIO(w.off, w.size, w.v)
			}
			if got := r.ReadMMIO(c.off, c.size); got != c.want {
				t.Errorf("read %#x, want %#x", got, c.want)
			}
			if got := strings.Join(ev, ";"); got != c.events {
				t.Errorf("events %q, want %q", got, c.events)
			}
		})
	}
}

func TestClearingBits(t *testing.T) {
	r := NewRegs("toy", toy(), nil)
	r.Set(tStat, 0xabcd)
	r.WriteMMIO(4, 4, 0xff0c)
	if v := r.Get(tStat); v != 0xabc1 {
		t.Errorf("after writing ones: %#x", v)
	}
	if v := r.Peek(tStat, 0); v != 0xabc1 || r.Get(tStat) != 0xabc1 {
		t.Errorf("peek changed the register")
	}
	if v := r.ReadMMIO(4, 2); v != 0xabc1 {
		t.Errorf("read %#x", v)
	}
	if v := r.Get(tStat); v != 0xc1 {
		t.Errorf("after reading: %#x", v)
	}
}

func TestBanks(t *testing.T) {
	r := NewRegs("toy", toy(), nil)
	r.SetBank(1)
	r.WriteMMIO(16, 4, 5)
	if v := r.Get(tBank1); v != 5 {
		t.Errorf("bank 1 holds %d", v)
	}
	if v := r.Get(tBank0); v != 0 {
		t.Errorf("bank 0 holds %d", v)
	}
	if v := r.ReadMMIO(0, 4); v != 0x80000005 {
		t.Errorf("register of all banks reads %#x", v)
	}
	r.Reset()
	if v := r.ReadMMIO(16, 4); v != 0 {
		t.Errorf("reset did not select bank 0: %d", v)
	}
}

func TestHooks(t *testing.T) {
	var log recorder
	b := Block{Size: 8, Regs: []Reg{{
		Name: "H", Count: 2, ROMask: 1,
		PreRead:  func(i int, v uint64) uint64 { return v | 1 },
		PostRead: func(i int, v uint64) { log = append(log, fmt.Sprint("read ", i, v)) },
		PreWrite: func(i int, old, v uint64) uint64 {
			if v > 100 {
				return old
			}
			return v
		},
		PostWrite: func(i int, old, v uint64) { log = append(log, fmt.Sprint("write ", i, old, v)) },
	}}}
	r := NewRegs("h", b, nil)
	r.WriteMMIO(4, 4, 6)
	r.WriteMMIO(4, 4, 102)
	r.ReadMMIO(4, 4)
	r.Peek(0, 1)
	if got, want := strings.Join(log, ";"), "write 1 1 7;write 1 7 7;read 1 7"; got != want {
		t.Errorf("hooks ran %q, want %q", got, want)
	}
}

func TestState(t *testing.T) {
	r := NewRegs("toy", toy(), nil)
	r.WriteMMIO(0x2004, 4, 77)
	s := r.State()
	q := NewRegs("toy", toy(), nil)
	if err := q.SetState(s); err != nil || q.GetAt(tArr, 1) != 77 {
		t.Errorf("state not restored: %v", err)
	}
	for name, damage := range map[string]func(*RegsState){
		"short":    func(s *RegsState) { s.Values = s.Values[1:] },
		"wide":     func(s *RegsState) { s.Values[0] |= 1 << 40 },
		"reserved": func(s *RegsState) { s.Values[0] = 0x5 },
		"bank":     func(s *RegsState) { s.Bank = 2 },
	} {
		s := r.State()
		damage(&s)
		if q.SetState(s) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestCheckFinds proves that each contradiction is found, by name.
func TestCheckFinds(t *testing.T) {
	for _, c := range []struct {
		want string
		regs []Reg
	}{
		{"", toy().Regs},
		{"no name", []Reg{{}}},
		{"declared twice", []Reg{{Name: "A"}, {Name: "A", Offset: 4}}},
		{"overlap", []Reg{{Name: "A", Width: 8}, {Name: "B", Offset: 4}}},
		{"overlap", []Reg{{Name: "A", Count: 3, Stride: 16}, {Name: "B", Offset: 32}}},
		{"overlap", []Reg{{Name: "A", Access: RO}, {Name: "B"}}},
		{"not aligned", []Reg{{Name: "A", Offset: 2}}},
		{"beyond the window", []Reg{{Name: "A", Offset: 0x3000}}},
		{"beyond the window", []Reg{{Name: "A", Offset: 0x2ff0, Count: 5}}},
		{"width", []Reg{{Name: "A", Width: 3}}},
		{"stride", []Reg{{Name: "A", Stride: 2}}},
		{"reset", []Reg{{Name: "A", Width: 1, Reset: 0x100}}},
		{"does not fit", []Reg{{Name: "A", W1C: 1 << 32}}},
		{"share bits", []Reg{{Name: "A", W1C: 1, ROMask: 3}}},
		{"read-only, yet", []Reg{{Name: "A", Access: RO, PostWrite: func(int, uint64, uint64) {}}}},
		{"write-only, yet", []Reg{{Name: "A", Access: WO, RC: 1}}},
		{"field F [32:0]", []Reg{{Name: "A", Fields: []Field{Bits(32, 0, "F", "")}}}},
		{"overlaps another", []Reg{{Name: "A", Fields: []Field{Bits(3, 0, "F", ""), Bit(3, "G", "")}}}},
		{"named twice", []Reg{{Name: "A", Fields: []Field{{Name: "F", Hi: 1, Enum: []Enum{{4, "x"}}}}}}},
		{"not contiguous", []Reg{{Name: "A", Count: 2, Stride: 8, Sizes: 8}}},
	} {
		b := Block{Size: 0x3000, Regs: c.regs}
		got := fmt.Sprint(b.Check())
		if c.want == "" && got != "[]" || !strings.Contains(got, c.want) {
			t.Errorf("want %q, got %s", c.want, got)
		}
	}
}

func TestAccessDoesNotAllocate(t *testing.T) {
	r := NewRegs("toy", toy(), nil)
	b := NewBus(nil)
	if err := b.Map(0x1000, r); err != nil {
		t.Fatal(err)
	}
	b.Freeze()
	if n := testing.AllocsPerRun(100, func() {
		b.Write(0x1000, 4, 0xffffffff)
		b.Read(0x1004, 4)
		b.Read(0x2000, 4) // hole
		b.Read(0x9000, 4) // nobody
	}); n != 0 {
		t.Errorf("%v allocations per access", n)
	}
}

func BenchmarkRead(b *testing.B) {
	r := NewRegs("toy", toy(), nil)
	bus := NewBus(nil)
	if err := bus.Map(0x1000, r); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		bus.Read(0x1004, 4)
	}
}
