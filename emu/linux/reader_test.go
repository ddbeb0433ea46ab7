// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"slices"
	"strings"
	"testing"
)

func TestReaderStopsAtTheFirstFailure(t *testing.T) {
	g := newGuest()
	g.set(0x1000, "a.b", 0x1122334455667788)
	for _, tt := range []struct {
		name string
		do   func(r *Reader) uint64
		want uint64
		ok   bool
	}{
		{"member", func(r *Reader) uint64 { return r.Get(0x1000, "a.b") }, 0x1122334455667788, true},
		{"short number", func(r *Reader) uint64 { return r.Uint(0x1001, 2) }, 0x6677, true},
		{"unknown member", func(r *Reader) uint64 { return r.Get(0x1000, "?") }, 0, false},
		{"null pointer", func(r *Reader) uint64 { return r.Get(0, "a.b") }, 0, false},
		{"unmapped", func(r *Reader) uint64 { return r.Word(0x5000) }, 0, false},
		{"half mapped", func(r *Reader) uint64 { return r.Word(0x1ffc) }, 0, false},
		{"no number", func(r *Reader) uint64 { return r.Get(0x1000, "task_struct.comm") }, 0, false},
		{"container", func(r *Reader) uint64 { return r.Container(r.Addr(0x1000, "a.c"), "a.c") }, 0x1000, true},
		{"container of nothing", func(r *Reader) uint64 { return r.Container(0, "a.c") }, 0, false},
	} {
		r := g.Reader(0)
		if got := tt.do(r); got != tt.want || r.OK() != tt.ok {
			t.Errorf("%s: %#x, %v", tt.name, got, r.OK())
		}
		if !tt.ok && (r.Word(0x1000) != 0 || r.OK()) {
			t.Errorf("%s: goes on", tt.name)
		}
	}
}

func TestString(t *testing.T) {
	g := newGuest()
	g.text(0x1ffa, "hello, world")
	g.text(0x5000, strings.Repeat("x", pageBytes-1))
	g.mem.write(0x8ffd, []byte("end"))
	for _, tt := range []struct {
		at    uint64
		limit int
		want  string
		ok    bool
	}{
		{0x1ffa, 64, "hello, world", true},
		{0x1ffa, 5, "hello", true},
		{0x1ffa, 12, "hello, world", true},
		{0x1ffa, 0, "", true},
		{0x5000, 9999, strings.Repeat("x", pageBytes-1), true},
		{0x8ffd, 3, "end", true},
		{0x8ffd, 4, "", false}, // goes on where nothing is mapped
		{0x7000, 4, "", false},
		{0xffff_ffff_ffff_fff0, 64, "", false},
	} {
		r := g.Reader(0)
		if s := r.String(tt.at, tt.limit); s != tt.want || r.OK() != tt.ok {
			t.Errorf("%#x: %q, %v", tt.at, s, r.OK())
		}
	}
}

// list links objects whose member node is a struct list_head.
func (g *guest) list(head uint64, objects ...uint64) {
	at := head
	for _, o := range objects {
		g.word(at, g.at(o, "obj.node"))
		at = g.at(o, "obj.node")
	}
	g.word(at, head)
}

func TestList(t *testing.T) {
	const head = 0x1000
	for _, tt := range []struct {
		name string
		make func(g *guest)
		want []uint64
		ok   bool
	}{
		{"empty", func(g *guest) { g.list(head) }, nil, true},
		{"three", func(g *guest) { g.list(head, 0x2000, 0x3000, 0x2100) }, []uint64{0x2000, 0x3000, 0x2100}, true},
		{"leads nowhere", func(g *guest) { g.list(head, 0x2000); g.word(g.at(0x2000, "obj.node"), 0xdead000) }, []uint64{0x2000}, false},
		{"null", func(g *guest) { g.word(head, 0) }, nil, false},
	} {
		g := newGuest()
		g.types.Member("obj.first")
		tt.make(g)
		var got []uint64
		r := g.Reader(0)
		r.List(head, "obj.node", func(o uint64) bool { got = append(got, o); return true })
		if !slices.Equal(got, tt.want) || r.OK() != tt.ok {
			t.Errorf("%s: %#x, %v", tt.name, got, r.OK())
		}
	}
	// A circle that does not come back to the head.
	g := newGuest()
	g.list(head, 0x2000, 0x3000)
	g.word(g.at(0x3000, "obj.node"), g.at(0x2000, "obj.node"))
	n := 0
	r := g.Reader(0)
	r.List(head, "obj.node", func(uint64) bool { n++; return true })
	if n != MaxList || r.OK() {
		t.Errorf("circle: %d objects, %v", n, r.OK())
	}
	n = 0
	g.Reader(0).List(head, "obj.node", func(uint64) bool { n++; return n < 7 })
	if n != 7 {
		t.Errorf("stopped after %d", n)
	}
}

// node puts a node of an xarray and returns the entry that points to it.
func (g *guest) node(at uint64, shift uint64, slots map[int]uint64) uint64 {
	g.mem.write(g.at(at, "xa_node.slots"), make([]byte, 64*8))
	g.set(at, "xa_node.shift", shift)
	for i, v := range slots {
		g.word(g.at(at, "xa_node.slots")+8*uint64(i), v)
	}
	return at | xaInternal
}

func TestXArray(t *testing.T) {
	type pair [2]uint64
	const sibling, zero = 1<<2 | 2, 257<<2 | 2
	for _, tt := range []struct {
		name string
		head func(g *guest) uint64
		want []pair
		ok   bool
		// Entries that are there for several indices: which ones, and what.
		also map[[2]uint64]uint64
	}{
		{"empty", func(*guest) uint64 { return 0 }, nil, true, nil},
		{"one entry, no node", func(*guest) uint64 { return 0x5550 }, []pair{{0, 0x5550}}, true, nil},
		{"one node", func(g *guest) uint64 {
			return g.node(0x2_0000, 0, map[int]uint64{1: 0x100, 2: sibling, 3: zero, 63: 0x200})
		}, []pair{{1, 0x100}, {63, 0x200}}, true, map[[2]uint64]uint64{{2, 2}: 0x100}},
		{"two levels", func(g *guest) uint64 {
			return g.node(0x2_0000, 6, map[int]uint64{
				0: g.node(0x3_0000, 0, map[int]uint64{5: 0x100}),
				2: g.node(0x4_0000, 0, map[int]uint64{0: 0x200, 1: 0x300}), 3: 0x400, // one entry for 64 indices
			})
		}, []pair{{5, 0x100}, {128, 0x200}, {129, 0x300}, {192, 0x400}}, true, map[[2]uint64]uint64{{193, 255}: 0x400}},
		{"a value", func(*guest) uint64 { return 7<<1 | 1 }, []pair{{0, 15}}, true, nil},
		{"its own child", func(g *guest) uint64 {
			return g.node(0x2_0000, 6, map[int]uint64{0: 0x100, 1: 0x2_0000 | xaInternal})
		}, []pair{{0, 0x100}}, false, map[[2]uint64]uint64{{1, 63}: 0x100}},
		{"a child of the lowest level", func(g *guest) uint64 {
			return g.node(0x2_0000, 0, map[int]uint64{1: g.node(0x3_0000, 0, nil)})
		}, nil, true, nil},
		{"leads nowhere", func(*guest) uint64 { return 0xdead_0000 | xaInternal }, nil, false, nil},
		{"too high", func(g *guest) uint64 { return g.node(0x2_0000, 64, nil) }, nil, false, nil},
	} {
		g := newGuest()
		g.set(0x1_0000, "xarray.xa_head", tt.head(g))
		var got []pair
		r := g.Reader(0)
		r.XArray(0x1_0000, func(i, e uint64) bool { got = append(got, pair{i, e}); return true })
		if !slices.Equal(got, tt.want) || r.OK() != tt.ok {
			t.Errorf("%s: %#x, %v", tt.name, got, r.OK())
		}
		for i := range uint64(300) {
			want := uint64(0)
			for _, p := range tt.want {
				if p[0] == i {
					want = p[1]
				}
			}
			for span, e := range tt.also {
				if span[0] <= i && i <= span[1] {
					want = e
				}
			}
			r := g.Reader(0)
			if e := r.XALoad(0x1_0000, i); e != want || tt.ok && !r.OK() {
				t.Errorf("%s: entry %d is %#x, %v", tt.name, i, e, r.OK())
			}
		}
		for _, i := range []uint64{1 << 12, 1 << 40, 1<<64 - 1} {
			if e := g.Reader(0).XALoad(0x1_0000, i); e != 0 {
				t.Errorf("%s: entry %d is %#x", tt.name, i, e)
			}
		}
	}
}

// A tree in which every slot leads to the same wide subtree ends all the same.
func TestXArrayIsBounded(t *testing.T) {
	g := newGuest()
	entry := uint64(0x100)
	for shift := uint64(0); shift < 60; shift += 6 {
		all := map[int]uint64{}
		for i := range 64 {
			all[i] = entry
		}
		entry = g.node(0x10_0000+shift<<12, shift, all)
	}
	g.set(0x1_0000, "xarray.xa_head", entry)
	n := 0
	r := g.Reader(0)
	r.XArray(0x1_0000, func(_, _ uint64) bool { n++; return true })
	if n > maxEntries || r.OK() {
		t.Errorf("%d entries, %v", n, r.OK())
	}
}

func TestIDR(t *testing.T) {
	g := newGuest()
	const idr = 0x1_0000
	g.set(idr, "idr.idr_base", 1)
	g.types.Member("idr.idr_rt")
	g.set(g.at(idr, "idr.idr_rt"), "xarray.xa_head", g.node(0x2_0000, 0, map[int]uint64{0: 0x100, 2: 0x200}))
	var ids []uint64
	g.Reader(0).IDR(idr, func(id, _ uint64) bool { ids = append(ids, id); return true })
	if !slices.Equal(ids, []uint64{1, 3}) {
		t.Errorf("found %d", ids)
	}
}
