// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"fmt"
	"slices"
	"testing"
)

// opLog is a Memory that notes maintenance, by offsets in a buffer at one place.
type opLog struct {
	noMemory
	ops []string
}

func (m *opLog) Maintain(op Op, addr, n uint64) {
	m.ops = append(m.ops, fmt.Sprintf("%v %d+%d", op, addr%(16*PageSize), n))
}

// The contract says what must be visible; this says that no more is done for that
// than is needed.
func TestMaintenance(t *testing.T) {
	const lines = (sceneSize + LineSize - 1) / LineSize * LineSize
	all := func(op Op) string { return fmt.Sprintf("%v 0+%d", op, lines) }
	frame := func(s *scene, dir Direction) { s.mapped(s.att, dir); s.ok(s.att.Unmap(dir)) }
	cpu := func(s *scene, r Range, a Access) { s.prep(s.one, r, a); s.ok(s.buf.Fini(s.one)) }
	fence := func(s *scene, a Access) *Fence {
		f := must(s.one.NewFence("f"))
		s.ok(s.buf.AddFence(f, a))
		return f
	}
	for _, test := range []struct {
		name     string
		coherent bool
		do       func(s *scene)
		want     []string
	}{
		{"device writes, CPU reads", false, func(s *scene) {
			frame(s, FromDevice)
			cpu(s, s.buf.whole(), Read)
			cpu(s, s.buf.whole(), Read) // nothing new
		}, []string{all(Invalidate)}},
		{"CPU writes, device reads", false, func(s *scene) {
			cpu(s, s.buf.whole(), Write)
			frame(s, ToDevice)
			cpu(s, s.buf.whole(), Read)
		}, []string{all(Clean)}},
		{"device writes, CPU reads two parts", false, func(s *scene) {
			frame(s, FromDevice)
			cpu(s, Range{10, 60}, Read)
			cpu(s, Range{64, 128}, Read) // a line of it was done
			cpu(s, Range{0, 1}, Read)
		}, []string{"invalidate 0+128", "invalidate 128+64"}},
		{"CPU writes a part", false, func(s *scene) { cpu(s, Range{100, 1}, Write) }, []string{"clean 64+64"}},
		{"devices only", false, func(s *scene) {
			frame(s, FromDevice)
			s.mapped(s.att2, ToDevice)
			s.ok(s.att2.Unmap(ToDevice))
		}, nil},
		{"CPU only", false, func(s *scene) {
			s.giveUp()
			cpu(s, s.buf.whole(), Write)
			cpu(s, s.buf.whole(), Read|Write)
		}, nil},
		{"CPU may have written anything before somebody is attached", false, func(s *scene) {
			s.giveUp()
			cpu(s, Range{0, 64}, Write)
			s.att = must(s.buf.Attach(s.one, s.other, AttachOptions{}))
			frame(s, ToDevice)
			frame(s, ToDevice)
		}, []string{all(Clean)}},
		{"and again after", false, func(s *scene) {
			s.giveUp()
			cpu(s, Range{0, 64}, Write)
			s.att = must(s.buf.Attach(s.one, s.other, AttachOptions{}))
			cpu(s, Range{0, 64}, Write)
			frame(s, ToDevice)
		}, []string{"clean 0+64", fmt.Sprintf("clean 64+%d", lines-64)}},
		{"a move cleans what it copies", false, func(s *scene) {
			s.giveUp()
			cpu(s, s.buf.whole(), Write)
			s.att = must(s.buf.Attach(s.one, s.device("near", Constraints{AddressLimit: lowLimit}), AttachOptions{}))
			frame(s, ToDevice)
		}, nil},
		{"a lock does for the whole what CPU_PREP does", false, func(s *scene) {
			frame(s, FromDevice)
			s.ok(s.lock(s.one, Write).Unlock(s.one))
		}, []string{all(Invalidate), all(Clean)}},
		{"a job without a new mapping", false, func(s *scene) {
			s.ok(s.job(s.dev, Write, false).Finish())
			cpu(s, s.buf.whole(), Read)
		}, []string{all(Invalidate)}},
		{"a fence of a device whose mapping stays", false, func(s *scene) {
			s.giveUp()
			cpu(s, s.buf.whole(), Write)
			s.mapped(must(s.buf.Attach(s.one, s.dev, AttachOptions{Persistent: true})), Bidirectional)
			f := fence(s, Write)
			s.ok(f.Signal(0))
			cpu(s, s.buf.whole(), Read)
			s.ok(fence(s, Read).Signal(0))
			cpu(s, s.buf.whole(), Read)
		}, []string{all(Clean), all(Invalidate)}},
		{"a fence of nobody who could write", false, func(s *scene) {
			s.mapped(s.att, ToDevice)
			s.ok(fence(s, Write).Signal(0))
			s.ok(s.att.Unmap(ToDevice))
			cpu(s, s.buf.whole(), Read)
		}, nil},
		{"a coherent device reads when the fence of another is signalled", false, func(s *scene) {
			s.other.coherent = true
			for _, d := range []*Device{s.dev, s.other} {
				s.mapped(must(s.buf.Attach(s.one, d, AttachOptions{Persistent: true})), Bidirectional)
			}
			write, read := fence(s, Write), fence(s, Read)
			s.ok(write.Signal(0))
			s.ok(read.Signal(0))
		}, []string{all(Clean), all(Invalidate)}},
		{"coherent device", true, func(s *scene) {
			frame(s, FromDevice)
			cpu(s, s.buf.whole(), Read|Write)
			frame(s, ToDevice)
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := &opLog{}
			s := newScene(t, func(c *Config) { c.Memory = m })
			s.dev.coherent, s.other.coherent = test.coherent, test.coherent
			s.place()
			for s.buf.backing[0].Addr%(16*PageSize) != 0 { // offsets are easy to read then
				s.buf.leave()
				s.buf.settleAt(must(s.cfg.Pool.Alloc(sceneSize, Constraints{Contiguous: true, Align: 16 * PageSize})))
			}
			test.do(s)
			if !slices.Equal(m.ops, test.want) {
				t.Errorf("got %q, want %q", m.ops, test.want)
			}
		})
	}
}

// The pages of a buffer may lie in many pieces, and each is maintained, and mapped,
// where it is.
func TestPieces(t *testing.T) {
	const base, gap = 1 << 32, 16 * PageSize
	m := &opLog{}
	r := newRig(t, func(c *Config) {
		c.Memory = m
		c.Pool = NewPagePool(Extent{base, PageSize}, Extent{base + gap, 2 * PageSize}, Extent{base + 2*gap, PageSize})
	})
	cl := r.client(1, "task")
	b := must(cl.NewBuffer(Spec{Size: 4 * PageSize}))
	must(b.Attach(cl, r.device("dev", Constraints{}), AttachOptions{}))
	r.ok(b.BeginCPU(cl, b.whole(), Read))
	for page, want := range []uint64{base, base + gap, base + gap + PageSize, base + 2*gap} {
		if got := b.Kmap(cl, uint64(page)); got.Addr != want {
			t.Errorf("page %d at %#x, want %#x", page, got.Addr, want)
		}
		r.ok(b.Kunmap(cl, uint64(page)))
	}
	for _, rg := range []Range{{PageSize - 64, 2*PageSize + 128}, {PageSize, 64}, {2 * PageSize, 64}, {4*PageSize - 64, 64}} {
		r.ok(b.BeginCPU(cl, rg, Write))
		r.ok(b.EndCPU(cl, rg, Write))
	}
	want := []string{"clean 4032+64", "clean 0+8192", "clean 0+64", "clean 0+64", "clean 4096+64", "clean 4032+64"}
	if !slices.Equal(m.ops, want) {
		t.Errorf("got %q, want %q", m.ops, want)
	}
}
