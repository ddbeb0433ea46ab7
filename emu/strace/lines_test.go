// SPDX-License-Identifier: Apache-2.0

package strace

import (
	"testing"

	"vdev/emu/linux"
	"vdev/mmio"
)

func TestLineSet(t *testing.T) {
	for _, tt := range []struct {
		name   string
		ranges []linux.Range
		total  int
		marks  []mmio.PhysAddr
		count  int
	}{
		{"nothing", nil, 0, []mmio.PhysAddr{0, 64}, 0},
		{"empty range", []linux.Range{{Addr: 0x1000}}, 0, []mmio.PhysAddr{0x1000}, 0},
		{"a page", []linux.Range{{Addr: 0x1000, Len: 0x1000}}, 64, []mmio.PhysAddr{0xfc0, 0x1000, 0x1fc0, 0x2000}, 2},
		{"one line, twice", []linux.Range{{Addr: 0x1000, Len: 64}}, 1, []mmio.PhysAddr{0x1000, 0x1000}, 1},
		{"a byte on each side", []linux.Range{{Addr: 0x103f, Len: 2}}, 2, []mmio.PhysAddr{0x1000, 0x1040, 0x1080}, 2},
		{"ranges that touch", []linux.Range{{Addr: 0x1040, Len: 64}, {Addr: 0x1000, Len: 64}}, 2, []mmio.PhysAddr{0x1000, 0x1040}, 2},
		{"a shared line", []linux.Range{{Addr: 0x1000, Len: 32}, {Addr: 0x1020, Len: 32 + 64}}, 2, []mmio.PhysAddr{0x1000, 0x1040}, 2},
		{"one within another", []linux.Range{{Addr: 0x1000, Len: 0x400}, {Addr: 0x1100, Len: 64}, {Addr: 0x1400, Len: 64}}, 17, []mmio.PhysAddr{0x1100, 0x13c0, 0x1400}, 3},
		{"overlaps the one before the last", []linux.Range{{Addr: 0x1000, Len: 0x400}, {Addr: 0x1100, Len: 64}, {Addr: 0x1200, Len: 0x400}}, 24,
			[]mmio.PhysAddr{0x1100, 0x13c0, 0x1400, 0x15c0, 0x1600}, 4},
		{"back and forth", []linux.Range{{Addr: 0x8000, Len: 64}, {Addr: 0x1000, Len: 64}, {Addr: 0x4000, Len: 64}}, 3,
			[]mmio.PhysAddr{0x8000, 0x1000, 0x2000, 0x4000, 0x9000, 0x8000, 0}, 3},
		{"around the end", []linux.Range{{Addr: ^mmio.PhysAddr(0) - 10, Len: 64}}, 0, nil, 0},
	} {
		s, ok := newLineSet(tt.ranges)
		if !ok {
			t.Fatalf("%s: too many", tt.name)
		}
		for _, a := range tt.marks {
			s.mark(a)
		}
		if s.total != tt.total || s.count != tt.count {
			t.Errorf("%s: %d lines, %d marked; want %d, %d", tt.name, s.total, s.count, tt.total, tt.count)
		}
		asked := 0
		s.state(func(r linux.Range) LineState { asked += int(r.Len / 64); return LineState{} })
		if asked != tt.total {
			t.Errorf("%s: the state of %d lines was asked for", tt.name, asked)
		}
	}
}

func TestLineSetIsBounded(t *testing.T) {
	const page = 4096
	for _, tt := range []struct {
		name   string
		ranges []linux.Range
		ok     bool
	}{
		{"half of all memory", []linux.Range{{Addr: 0, Len: 1 << 63}}, false},
		{"4 GiB", []linux.Range{{Addr: 1 << 32, Len: 4 << 30}}, true},
		{"and one byte", []linux.Range{{Addr: 1 << 33, Len: 4 << 30}, {Addr: 0, Len: 1}}, false},
		{"up to the last page", []linux.Range{{Addr: ^mmio.PhysAddr(0) - 2*page + 1, Len: page}}, true},
	} {
		if _, ok := newLineSet(tt.ranges); ok != tt.ok {
			t.Errorf("%s: %v", tt.name, ok)
		}
	}
}

func TestLinesText(t *testing.T) {
	for _, tt := range []struct {
		lines Lines
		want  string
	}{
		{Lines{Covered: 16, Known: true, LineState: LineState{3, 2}, HasState: true, Maintained: 5}, "[lines: 16 covered, 3 dirty, 2 stale, 5 maintained]"},
		{Lines{Covered: 16, Known: true, Maintained: 5}, "[lines: 16 covered, 5 maintained]"},
		{Lines{Maintained: 5}, "[lines: 5 maintained]"},
	} {
		if got := tt.lines.String(); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}
