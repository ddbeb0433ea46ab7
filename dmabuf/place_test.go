// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// copier is a Memory that notes what it is told, and fills pages with a byte each.
type copier struct {
	noMemory
	bytes map[uint64]byte // by page
	moved int
}

func (m *copier) Zero(addr, n uint64) {
	for a := addr; a < addr+n; a += PageSize {
		m.bytes[a] = 0
	}
}

func (m *copier) Copy(dst, src, n uint64) {
	for o := uint64(0); o < n; o += PageSize {
		m.bytes[dst+o] = m.bytes[src+o]
	}
}

func (m *copier) Moved(*Buffer, []Extent, []Extent) { m.moved++ }

// Preview runs from camera to display; then an encoder joins that reaches only low
// memory.
func TestLateEncoder(t *testing.T) {
	const size = 5 * PageSize
	mem := &copier{bytes: map[uint64]byte{}}
	r := newRig(t, func(c *Config) { c.Memory = mem })
	cl := r.client(1, "app")
	camera := r.device("camera", Constraints{IOMMU: true, Contiguous: true})
	display := r.device("display", Constraints{Contiguous: true})
	encoder := r.device("encoder", Constraints{AddressLimit: lowLimit, Align: 4 * PageSize})
	buffer := func() (*Buffer, *Attachment, *Attachment) {
		b := must(cl.NewBuffer(Spec{Size: size}))
		return b, must(b.Attach(cl, camera, AttachOptions{})), must(b.Attach(cl, display, AttachOptions{}))
	}
	low := func(b *Buffer) bool {
		return encoder.spec.Constraints.hold(b.backing) && display.spec.Constraints.hold(b.backing)
	}
	must2 := func(_ []Extent, err error) { r.Helper(); r.ok(err) }

	b, cam, dis := buffer()
	if b.Backing() != nil {
		t.Fatal("backing before the first map")
	}
	must2(cam.Map(FromDevice))
	if low(b) {
		t.Fatal("placed in low memory for nothing; the test makes no sense")
	}
	for i := range uint64(size / PageSize) {
		mem.bytes[b.backing[0].Addr+i*PageSize] = byte(i + 1)
	}
	_, err := b.Attach(cl, encoder, AttachOptions{})
	r.want(EBUSY, err)
	r.ok(cam.Unmap(FromDevice))
	must2(dis.Map(ToDevice))
	_, err = b.Attach(cl, encoder, AttachOptions{})
	r.want(EBUSY, err)
	r.ok(dis.Unmap(ToDevice))
	r.ok(b.Prep(cl, Whole(1), Read, 0, nil))
	_, err = b.Attach(cl, encoder, AttachOptions{})
	r.want(EBUSY, err)
	r.ok(b.Fini(cl))
	lock := r.sync(cl, SyncOptions{}, Write, b)
	r.ok(lock.Lock(cl, nil))
	_, err = b.Attach(cl, encoder, AttachOptions{})
	r.want(EBUSY, err)
	r.ok(lock.Unlock(cl))
	fence := must(cl.NewFence("f"))
	r.ok(b.AddFence(fence, Write))
	_, err = b.Attach(cl, encoder, AttachOptions{})
	r.want(EBUSY, err)
	r.ok(fence.Signal(0))

	// Attached, but not mapped: it moves, with its contents.
	enc := must(b.Attach(cl, encoder, AttachOptions{}))
	if !low(b) || mem.moved != 1 || r.Stats().Migrations != 1 {
		t.Fatalf("at %x, moved %d times", b.backing, mem.moved)
	}
	for i := range uint64(size / PageSize) {
		if got := mem.bytes[b.backing[0].Addr+i*PageSize]; got != byte(i+1) {
			t.Errorf("page %d holds %d", i, got)
		}
	}
	must2(enc.Map(ToDevice))
	must2(dis.Map(ToDevice))

	// The other way: all are attached before the first use. Nothing moves.
	b, cam, _ = buffer()
	must(b.Attach(cl, encoder, AttachOptions{}))
	must2(cam.Map(FromDevice))
	if !low(b) || mem.moved != 1 {
		t.Errorf("at %x, moved %d times", b.backing, mem.moved)
	}
	// And a device that needs nothing more joins at any time.
	must(b.Attach(cl, camera, AttachOptions{}))
	r.nothingLeft()
}

func TestNoMemory(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Pool = NewPagePool(Extent{poolLow, 8 * PageSize}, Extent{poolTop, 8 * PageSize}) })
	cl := r.client(1, "app")
	low := r.device("low", Constraints{AddressLimit: lowLimit})
	any := r.device("any", Constraints{})
	whole := r.device("whole", Constraints{Contiguous: true})

	big := must(cl.NewBuffer(Spec{Size: 17 * PageSize}))
	for name, d := range map[string]*Device{"for any device": any, "in low memory": low, "contiguous": whole} {
		if _, err := big.Attach(cl, d, AttachOptions{}); err != ENOSPC {
			t.Errorf("more than there is, %s: %v", name, err)
		}
	}
	r.want(ENOMEM, big.BeginCPU(cl, Whole(1), Read))
	r.want(ENOMEM, big.Prep(cl, Whole(1), Read, 0, nil))
	r.want(EINVAL, big.EndCPU(cl, Whole(1), Read)) // nothing is held

	half := must(cl.NewBuffer(Spec{Size: 8 * PageSize}))
	a := must(half.Attach(cl, low, AttachOptions{}))
	must(a.Map(ToDevice))
	other := must(cl.NewBuffer(Spec{Size: PageSize}))
	b := must(other.Attach(cl, low, AttachOptions{}))
	_, err := b.Map(ToDevice)
	r.want(ENOMEM, err)
	if b.Mapped() || other.Backing() != nil {
		t.Error("mapped without memory")
	}
	r.ok(b.Detach())
	r.ok(other.BeginCPU(cl, Whole(1), Read))
	r.ok(other.EndCPU(cl, Whole(1), Read))
	_, err = other.Attach(cl, low, AttachOptions{}) // would have to move
	r.want(ENOMEM, err)
	r.ok(a.Unmap(ToDevice))
	r.ok(a.Detach())
	r.ok(cl.Release(half))
	must(other.Attach(cl, low, AttachOptions{}))

	foreign := must(cl.NewBuffer(Spec{Size: PageSize, Backing: []Extent{{0x9_0000_0000, PageSize}}}))
	must(must(foreign.Attach(cl, low, AttachOptions{})).Map(ToDevice)) // its exporter knows
	r.nothingLeft()
}

// Each page of a foreign buffer is kept account of from the start, so there is an end.
func TestForeignSize(t *testing.T) {
	r := newRig(t)
	cl := r.client(1, "app")
	for _, test := range []struct {
		size uint64
		want error
	}{{PageSize, nil}, {MaxForeign + 1, EINVAL}, {MaxSize, EINVAL}} {
		_, err := cl.NewBuffer(Spec{Size: test.size, Backing: []Extent{{1 << 41, pages(test.size) * PageSize}}})
		r.want(test.want, err)
	}
	must(cl.NewBuffer(Spec{Size: MaxSize})) // a size alone costs nothing
	r.nothingLeft()
}

func TestConstraintsOfAll(t *testing.T) {
	near, nearer := Constraints{AddressLimit: 1 << 32, Align: 1 << 16}, Constraints{AddressLimit: 1 << 28, LargePages: true}
	want := Constraints{AddressLimit: 1 << 28, Align: 1 << 16, Contiguous: true, LargePages: true}
	all := []Constraints{near, nearer, {Contiguous: true}, {IOMMU: true, AddressLimit: 1, Align: 1 << 30, MaxSegment: PageSize}}
	for range all {
		var got Constraints
		for _, c := range all {
			got = got.and(c.placing())
		}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		all = append(all[1:], all[0])
	}
}

func TestSegments(t *testing.T) {
	r := newRig(t)
	cl := r.client(1, "app")
	b := must(cl.NewBuffer(Spec{Size: 5*PageSize - 1}))
	a := must(b.Attach(cl, r.device("d", Constraints{MaxSegment: 2 * PageSize}), AttachOptions{}))
	got := must(a.Map(Bidirectional))
	at := b.Backing()[0].Addr
	if want := []Extent{{at, 2 * PageSize}, {at + 2*PageSize, 2 * PageSize}, {at + 4*PageSize, PageSize}}; !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	// Who takes one piece takes none that is too long, unless an IOMMU makes it.
	one := Constraints{Contiguous: true, MaxSegment: 4 * PageSize}
	_, err := b.Attach(cl, r.device("one", one), AttachOptions{})
	r.want(ENOSPC, err)
	one.MaxSegment += PageSize
	must(b.Attach(cl, r.device("longer", one), AttachOptions{}))
	must(b.Attach(cl, r.device("behind an IOMMU", Constraints{Contiguous: true, MaxSegment: PageSize, IOMMU: true}), AttachOptions{}))
}

// What is free behind an aligned address counts to its last page.
func TestAlignedPieces(t *testing.T) {
	const k = 1024
	for _, test := range []struct {
		name string
		free []Extent
		c    Constraints
		size uint64
		want []Extent
	}{
		{"one and a quarter", []Extent{{0x10_0000, 48 * k}, {0x20_0000, 48 * k}}, Constraints{Align: 64 * k}, 60 * k,
			[]Extent{{0x10_0000, 12 * k}, {0x20_0000, 48 * k}}},
		{"all", []Extent{{0x10_0000, 48 * k}, {0x20_0000, 48 * k}}, Constraints{Align: 64 * k}, 96 * k,
			[]Extent{{0x10_0000, 48 * k}, {0x20_0000, 48 * k}}},
		{"not before the aligned address", []Extent{{0x10_1000, 92 * k}}, Constraints{Align: 64 * k}, 32 * k,
			[]Extent{{0x11_0000, 32 * k}}},
		{"not more than there is", []Extent{{0x10_1000, 92 * k}}, Constraints{Align: 64 * k}, 36 * k, nil},
		{"up to the limit", []Extent{{0x10_0000, 48 * k}}, Constraints{AddressLimit: 0x10_0000 + 9*k}, 8 * k,
			[]Extent{{0x10_0000, 8 * k}}},
		// A large page would leave too little that is aligned.
		{"large pages are a preference", []Extent{{2 * LargePage, LargePage + LargePage/2}},
			Constraints{LargePages: true, Align: 2 * LargePage}, LargePage + LargePage/2, []Extent{{2 * LargePage, LargePage + LargePage/2}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := NewPagePool(test.free...)
			got, _ := p.Alloc(test.size, test.c)
			if !slices.Equal(got, test.want) {
				t.Errorf("got %x, want %x", got, test.want)
			}
			p.Free(got)
			if !slices.Equal(p.free, p.all) {
				t.Errorf("free is %x", p.free)
			}
		})
	}
}

// usable is how much of the pieces can be part of a buffer with the constraints, page by
// page.
func usable(free []Extent, c Constraints) uint64 {
	n := uint64(0)
	for _, x := range free {
		begun := false
		for at := x.Addr; at < x.Addr+x.Len && (c.AddressLimit == 0 || at+PageSize <= c.AddressLimit); at += PageSize {
			begun = begun || c.Align <= PageSize || at%c.Align == 0
			if begun {
				n += PageSize
			}
		}
	}
	return n
}

// Whatever is asked of a pool and given back, what it hands out satisfies the
// constraints, belongs to it, and is nobody else's; and it refuses only what it
// does not have.
func TestPool(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ranges := []Extent{{0x10_0000, 64 * PageSize}, {LargePage, 4 * LargePage}, {1 << 32, 40 * PageSize}}
		p := NewPagePool(ranges...)
		total := p.FreeBytes()
		var taken [][]Extent
		for _, op := range schedule(60).Draw(t, "ops") {
			o := choices(op)
			if o.pick(3) == 0 && len(taken) > 0 {
				i := o.pick(len(taken))
				p.Free(taken[i])
				taken = slices.Delete(taken, i, i+1)
				continue
			}
			size := uint64(1 + o.pick([]int{20, 3 * LargePage}[o.pick(2)]*100))
			c := Constraints{Contiguous: o.pick(2) == 0, LargePages: o.pick(2) == 0, Align: []uint64{0, 1, 8, 4 * PageSize, LargePage}[o.pick(5)],
				AddressLimit: []uint64{0, 0, 1 << 32, LargePage, 0x12_0000, 1}[o.pick(6)]}
			free := p.FreeBytes()
			x, err := p.Alloc(size, c)
			if err != nil {
				if p.FreeBytes() != free {
					t.Fatalf("%+v: a refused allocation of %d took something", c, size)
				}
				if n := usable(p.free, c); !c.Contiguous && n >= pages(size)*PageSize {
					t.Fatalf("%+v: %d bytes refused, %d are free", c, size, n)
				}
				continue
			}
			n := uint64(0)
			for i, e := range x {
				n += e.Len
				inside := slices.ContainsFunc(ranges, func(r Extent) bool { return e.Addr >= r.Addr && e.Addr+e.Len <= r.Addr+r.Len })
				if !inside || e.Addr%PageSize != 0 || e.Len%PageSize != 0 || e.Len == 0 {
					t.Fatalf("piece %x", e)
				}
				if i > 0 && e.Addr <= x[i-1].Addr+x[i-1].Len {
					t.Fatalf("pieces %x are not in order, or not joined", x)
				}
				for _, o := range slices.Concat(taken...) {
					if e.Addr < o.Addr+o.Len && o.Addr < e.Addr+e.Len {
						t.Fatalf("piece %x is taken: %x", e, o)
					}
				}
			}
			if n != pages(size)*PageSize || !c.hold(x) || !p.Fits(size, c) {
				t.Fatalf("%+v: %x for %d", c, x, size)
			}
			taken = append(taken, x)
		}
		for _, x := range taken {
			p.Free(x)
		}
		if p.FreeBytes() != total || !slices.Equal(p.free, p.all) {
			t.Fatalf("left: %x of %x", p.free, p.all)
		}
	})
}
