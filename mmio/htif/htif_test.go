// SPDX-License-Identifier: Apache-2.0

package htif

import (
	"encoding/binary"
	"testing"

	"vdev/mmio"
)

func TestHandle(t *testing.T) {
	for _, c := range []struct {
		v    uint64
		want Result
	}{
		{0, Result{}},
		{1, Result{Kind: Exit}},
		{2*1337 + 1, Result{Kind: Exit, Code: 1337}},
		{0x8000_1000, Result{Kind: Syscall, Addr: 0x8000_1000, Reply: 1}},
		{1<<56 | 1<<48 | 'A', Result{Kind: Putchar, Char: 'A', Reply: 1<<56 | 1<<48 | 0x100 | 'A'}},
		{1<<56 | 'A', Result{}},   // console input
		{2<<56 | 1<<48, Result{}}, // no such device
		{0xff<<48 | 1, Result{}},  // identify device 0
		{1<<48 - 1, Result{Kind: Exit, Code: 1<<47 - 1}},
	} {
		if got := Handle(c.v); got != c.want {
			t.Errorf("Handle(%#x) = %+v, want %+v", c.v, got, c.want)
		}
	}
}

// ram is memory from address 0x1000.
type ram []byte

func (m ram) slice(addr mmio.PhysAddr, n int) []byte {
	off := uint64(addr) - 0x1000
	if off > uint64(len(m)) || uint64(n) > uint64(len(m))-off {
		return nil
	}
	return m[off : off+uint64(n)]
}

func (m ram) ReadPhys(addr mmio.PhysAddr, p []byte) bool {
	s := m.slice(addr, len(p))
	return copy(p, s) == len(p)
}

func (m ram) WritePhys(addr mmio.PhysAddr, p []byte) bool {
	s := m.slice(addr, len(p))
	return copy(s, p) == len(p)
}

func TestProxy(t *testing.T) {
	const (
		block = 0x1000 // where the eight words are
		text  = 0x1080
	)
	for _, c := range []struct {
		name  string
		words [4]uint64
		want  Result
		ret   int64
		out   string
	}{
		{"write", [4]uint64{64, 1, text, 5}, Result{}, 5, "hello"},
		{"write to standard error", [4]uint64{64, 2, text, 2}, Result{}, 2, "he"},
		{"write nothing", [4]uint64{64, 1, text, 0}, Result{}, 0, ""},
		{"write to a file", [4]uint64{64, 3, text, 5}, Result{}, -9, ""},
		{"write from nowhere", [4]uint64{64, 1, 0x10, 5}, Result{}, -14, ""},
		{"write too much", [4]uint64{64, 1, text, ^uint64(0)}, Result{}, -14, ""},
		{"exit", [4]uint64{93, 3}, Result{Kind: Exit, Code: 3}, 93, ""},
		{"unknown", [4]uint64{222}, Result{}, -38, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := make(ram, 0x100)
			copy(m[text-0x1000:], "hello")
			for i, w := range c.words {
				binary.LittleEndian.PutUint64(m[8*i:], w)
			}
			var out []byte
			x := Proxy{Memory: m, Console: func(p []byte) { out = append(out, p...) }}
			if got := x.Syscall(block); got != c.want {
				t.Errorf("result %+v, want %+v", got, c.want)
			}
			if ret := int64(binary.LittleEndian.Uint64(m)); ret != c.ret || string(out) != c.out {
				t.Errorf("returned %d and wrote %q, want %d and %q", ret, out, c.ret, c.out)
			}
			if got := x.Syscall(0x10f8); got != (Result{}) {
				t.Errorf("words outside memory: %+v", got)
			}
		})
	}
}
