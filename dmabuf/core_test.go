// SPDX-License-Identifier: Apache-2.0

package dmabuf

import "testing"

func TestIDs(t *testing.T) {
	r := newRig(t)
	cl := r.client(1, "task")
	d := r.device("dev", Constraints{})
	b := must(cl.NewBuffer(Spec{Size: 1}))
	a := must(b.Attach(cl, d, AttachOptions{}))
	s, f := must(cl.NewSync(SyncOptions{})), must(cl.NewFence("f"))
	finders := []struct {
		kind string
		id   ID
		find func(ID) error
		end  func() error
	}{
		{"client", cl.ID(), func(id ID) error { return second(r.Core.Client(id)) }, nil},
		{"device", d.ID(), func(id ID) error { return second(r.Core.Device(id)) }, nil},
		{"attachment", a.ID(), func(id ID) error { return second(r.Core.Attachment(id)) }, a.Detach},
		{"buffer", b.ID(), func(id ID) error { return second(r.Core.Buffer(id)) }, func() error { return cl.Release(b) }},
		{"sync object", s.ID(), func(id ID) error { return second(r.Core.SyncObject(id)) }, s.Fini},
		{"fence", f.ID(), func(id ID) error { return second(r.Core.Fence(id)) }, f.Close},
	}
	for _, x := range finders {
		for _, y := range finders {
			want := error(EINVAL)
			if x.kind == y.kind {
				want = nil
			}
			if err := x.find(y.id); err != want {
				t.Errorf("%s looked up as a %s: %v, want %v", y.kind, x.kind, err, want)
			}
		}
		r.want(EBADF, x.find(0))
		r.want(EBADF, x.find(1000))
	}
	for _, x := range finders {
		if x.end != nil {
			r.ok(x.end())
			r.want(EBADF, x.find(x.id))
		}
	}
	// After 2^32 objects the numbers begin again, with those that are free.
	r.lastID = ^ID(0) - 1
	for _, want := range []ID{^ID(0), b.ID(), a.ID()} {
		if got := must(cl.NewFence("f")).ID(); got != want {
			t.Errorf("got ID %d, want %d", got, want)
		}
	}
}

// What a program can do again and again has an end.
func TestLimits(t *testing.T) {
	const most = 20
	r := newRig(t, func(c *Config) { c.MaxObjects = most })
	cl := r.client(1, "task")
	b := must(cl.NewBuffer(Spec{Size: 2 * most * PageSize}))
	for range most {
		r.ok(b.BeginCPU(cl, b.whole(), Read))
	}
	r.want(ENOMEM, b.BeginCPU(cl, b.whole(), Read))
	r.want(ENOMEM, b.Prep(cl, b.whole(), Read, 0, nil))
	r.ok(b.EndCPU(cl, b.whole(), Read))
	r.ok(b.BeginCPU(cl, b.whole(), Read))

	for page := range uint64(most) {
		if b.Kmap(cl, page).Bogus {
			t.Errorf("page %d is garbage", page)
		}
	}
	if b.Kmap(cl, 0).Bogus || !b.Kmap(cl, most).Bogus {
		t.Error("the limit is on pages, not on mappings of them")
	}
	r.want(EINVAL, b.Kunmap(cl, most))
	must(b.KmapAtomic(cl, most))

	f := must(cl.NewFence("f"))
	for range 2 * most {
		r.ok(b.AddFence(f, Read))
	}
	r.ok(b.AddFence(f, Write))
	n := 0
	b.Fences(Read, func(_ *Fence, a Access) { n++ })
	if n != 1 {
		t.Errorf("%d fences, want one that stands for both accesses", n)
	}
	var others []*Buffer
	for range 7 {
		others = append(others, must(cl.NewBuffer(Spec{Size: 1})))
	}
	var err error
	added := 1
	for range 7 {
		f := must(cl.NewFence("f"))
		for _, b := range others {
			if err = b.AddFence(f, Read); err == nil {
				added++
			}
		}
	}
	if added != most || err != ENFILE {
		t.Errorf("%d fences on buffers, then %v", added, err)
	}
	if len(r.events) != 0 {
		t.Errorf("events: %v", r.details())
	}
	r.nothingLeft()
}

// All pages behind a buffer are one, however many somebody maps.
func TestKmapBehind(t *testing.T) {
	r := newRig(t)
	cl := r.client(1, "task")
	b := must(cl.NewBuffer(Spec{Size: 1}))
	for page := range uint64(10) {
		if k := b.Kmap(cl, page<<40+1); k != (Kmap{poison, true}) {
			t.Errorf("got %+v", k)
		}
	}
	if len(r.kmaps) != 1 || r.Stats().Kmaps != 10 {
		t.Errorf("%d pages, %d mappings", len(r.kmaps), r.Stats().Kmaps)
	}
	for page := range uint64(10) {
		r.ok(b.Kunmap(cl, page<<40+1))
	}
	r.want(EINVAL, b.Kunmap(cl, 1))
	var none *Buffer
	_, err := none.KmapAtomic(cl, 0)
	r.want(EBADF, err)
	if k := none.Kmap(cl, 0); !k.Bogus {
		t.Errorf("page of no buffer: %+v", k)
	}
	r.nothingLeft()
}

func TestBufferAt(t *testing.T) {
	s := newScene(t)
	at := s.place()
	for off, want := range map[uint64]*Buffer{0: s.buf, sceneSize - 1: s.buf, 3*PageSize - 1: s.buf, 3 * PageSize: nil} {
		if b, o := s.BufferAt(at + off); b != want || b != nil && o != off {
			t.Errorf("at %d: %v, %d", off, b, o)
		}
	}
	s.ObserveCPU(CPUAccess{Addr: at, Len: ^uint64(0)}) // ends
}

func TestRangeSet(t *testing.T) {
	var s rangeSet
	in := map[uint64]bool{}
	r := noise(1, 4000)
	for len(r) >= 3 {
		x := Range{uint64(r[0] % 64), uint64(r[1]%16) + 1}
		if r[2]%2 == 0 {
			s.add(x)
		} else {
			s.take(x, func(got Range) {
				for o := got.Off; o < got.End(); o++ {
					if !in[o] || !x.contains(Range{o, 1}) {
						t.Fatalf("took %d", o)
					}
				}
			})
		}
		for o := x.Off; o < x.End(); o++ {
			in[o] = r[2]%2 == 0
		}
		r = r[3:]
		at := uint64(0)
		for i, c := range s {
			if c.Len == 0 || i > 0 && c.Off <= s[i-1].End() {
				t.Fatalf("not in order, or not joined: %v", s)
			}
			for ; at < c.End(); at++ {
				if in[at] != (at >= c.Off) {
					t.Fatalf("%v, but %d is %v", s, at, in[at])
				}
			}
		}
		for ; at < 100; at++ {
			if in[at] {
				t.Fatalf("%v lacks %d", s, at)
			}
		}
	}
}

// TestKmapped asks where pages are that are mapped in each way, or not any more.
func TestKmapped(t *testing.T) {
	r := newRig(t)
	cl, other := r.client(1, "task"), r.client(2, "other")
	b := must(cl.NewBuffer(Spec{Size: 2 * PageSize}))
	is := func(what string, cl *Client, page uint64, want Kmap, mapped bool) {
		t.Helper()
		if m, ok := b.Kmapped(cl, page); m != want || ok != mapped {
			t.Errorf("%s: %+v, %v", what, m, ok)
		}
	}
	garbage := Kmap{poison, true}
	is("not mapped", cl, 1, garbage, false)
	all := b.whole()
	r.ok(b.BeginCPU(cl, all, Read))
	at := b.Kmap(cl, 1)
	is("mapped", cl, 1, at, true)
	is("another page", cl, 0, garbage, false)
	is("another client", other, 1, garbage, false)
	r.ok(b.Kunmap(cl, 1))
	is("unmapped", cl, 1, garbage, false)
	at = must(b.KmapAtomic(cl, 1))
	is("mapped atomically", cl, 1, at, true)
	if r.ok(b.EndCPU(cl, all, Read)); len(r.events) != 1 {
		t.Errorf("events %v", r.events)
	}
	is("the access has ended", cl, 1, garbage, true)
	if n := len(r.events); n != 2 || r.events[1].Detail != KmapOutside {
		t.Errorf("events %v", r.events)
	}
	r.ok(cl.Close())
	is("closed", cl, 1, garbage, false)
}
