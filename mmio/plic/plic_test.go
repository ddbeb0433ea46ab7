// SPDX-License-Identifier: Apache-2.0

package plic

import (
	"math/rand/v2"
	"strings"
	"testing"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// newPLIC makes a PLIC of 40 sources (two words) and two harts.
func newPLIC(env *mmiotest.Env) *PLIC {
	return New(Config{Name: "plic", Sources: 40, Events: &env.Events, Harts: []Hart{
		{M: env.Line("m0"), S: env.Line("s0")},
		{M: env.Line("m1"), S: env.Line("s1")},
	}})
}

func TestTable(t *testing.T) {
	mmiotest.CheckTable(t, func(env *mmiotest.Env) mmio.RegisterDevice { return newPLIC(env) })
}

func FuzzPLIC(f *testing.F) {
	mmiotest.FuzzDevice(f, func(env *mmiotest.Env) mmio.Device { return newPLIC(env) })
}

// fixture has source 5 at priority 3 and source 33 at priority 3, both enabled for
// hart 0's supervisor context (1).
func fixture(t *testing.T) (*mmiotest.Env, *PLIC, *mmiotest.Bench) {
	env := mmiotest.NewEnv()
	p := newPLIC(env)
	b := mmiotest.NewBench(t, p, &env.Events)
	b.WriteAt("PRIORITY", 5-1, 3)
	b.WriteAt("PRIORITY", 33-1, 3)
	b.WriteAt("ENABLE", 1*enableWords+0, 1<<5)
	b.WriteAt("ENABLE", 1*enableWords+1, 1<<1)
	return env, p, b
}

func TestClaimAndComplete(t *testing.T) {
	env, p, b := fixture(t)
	s0 := env.Line("s0")
	p.Line(5).Set(true)
	if !s0.Level || env.Line("m0").Level || env.Line("s1").Level {
		t.Fatalf("outputs: s0 %v m0 %v s1 %v", s0.Level, env.Line("m0").Level, env.Line("s1").Level)
	}
	b.WantAt("PENDING", 0, 1<<5)
	b.WantAt("CLAIM", 1, 5)
	b.WantAt("PENDING", 0, 0)
	b.WantAt("CLAIM", 1, 0)
	if s0.Level {
		t.Error("interrupt stays after the claim")
	}
	b.WriteAt("CLAIM", 1, 5)
	if !s0.Level {
		t.Error("the wire is still high after completion, but the source is not pending again")
	}
	b.WantAt("CLAIM", 1, 5)
	p.Line(5).Set(false)
	b.WriteAt("CLAIM", 1, 5)
	if s0.Level || len(env.Events.List) != 0 {
		t.Errorf("interrupt %v, events %v", s0.Level, env.Events.List)
	}
}

func TestPendingIsLatched(t *testing.T) {
	env, p, b := fixture(t)
	p.Line(5).Set(true)
	p.Line(5).Set(false)
	if !env.Line("s0").Level {
		t.Error("a short pulse was lost")
	}
	b.WantAt("CLAIM", 1, 5)
}

func TestOrderOfClaims(t *testing.T) {
	for _, c := range []struct {
		prio5, prio33 uint64
		want          [3]uint64
	}{
		{3, 3, [3]uint64{5, 33, 0}},
		{3, 4, [3]uint64{33, 5, 0}},
		{0, 1, [3]uint64{33, 0, 0}},
		{0, 0, [3]uint64{0, 0, 0}},
	} {
		_, p, b := fixture(t)
		b.WriteAt("PRIORITY", 4, c.prio5)
		b.WriteAt("PRIORITY", 32, c.prio33)
		p.Line(33).Set(true)
		p.Line(5).Set(true)
		for _, want := range c.want {
			b.WantAt("CLAIM", 1, want)
		}
	}
}

func TestThreshold(t *testing.T) {
	env, p, b := fixture(t)
	p.Line(5).Set(true)
	for threshold, want := range []bool{true, true, true, false, false} {
		b.WriteAt("THRESHOLD", 1, uint64(threshold))
		if env.Line("s0").Level != want {
			t.Errorf("threshold %d: interrupt %v", threshold, !want)
		}
	}
	b.WantAt("CLAIM", 1, 5) // a claim does not look at the threshold
}

func TestRegistersAreWARL(t *testing.T) {
	_, _, b := fixture(t)
	b.WriteAt("PRIORITY", 0, 0xffffffff)
	b.WantAt("PRIORITY", 0, 7)
	for w, want := range []uint64{0xfffffffe, 0x1ff, 0} {
		b.WriteAt("ENABLE", w, 0xffffffff)
		b.WantAt("ENABLE", w, want)
	}
}

func TestWrongCompletionIsIgnored(t *testing.T) {
	env, p, b := fixture(t)
	p.Line(5).Set(true)
	b.WantAt("CLAIM", 1, 5)
	for _, v := range []uint64{0, 41, 0xffffffff, 7} {
		b.WriteAt("CLAIM", 1, v)
	}
	b.WriteAt("CLAIM", 0, 5) // not enabled for this context
	if env.Line("s0").Level {
		t.Error("a wrong completion ended the service")
	}
	if n := env.Events.Count(mmio.EventBadValue, ""); n != 5 {
		t.Errorf("%d events, want 5", n)
	}
}

func TestResetKeepsWires(t *testing.T) {
	env, p, b := fixture(t)
	p.Line(5).Set(true)
	b.WantAt("CLAIM", 1, 5)
	p.Reset()
	b.WantAt("PENDING", 0, 1<<5)
	if env.Line("s0").Level {
		t.Error("reset left the source enabled")
	}
}

// TestAgainstModel plays random wires, claims and completions against a model that
// follows the specification's text with one struct per source.
func TestAgainstModel(t *testing.T) {
	type source struct{ level, pending, service bool }
	env := mmiotest.NewEnv()
	p := newPLIC(env)
	b := mmiotest.NewBench(t, p, &env.Events)
	rng := rand.New(rand.NewPCG(1, 2))
	var src [41]source
	var prio [41]uint64
	for s := 1; s <= 40; s++ {
		prio[s] = rng.Uint64N(8)
		b.WriteAt("PRIORITY", s-1, prio[s])
	}
	enabled := func(ctx, s int) bool { return (s+ctx)%3 != 0 }
	for ctx := range 4 {
		b.WriteAt("THRESHOLD", ctx, uint64(ctx))
		for w := range 2 {
			var v uint64
			for bit := range 32 {
				if enabled(ctx, 32*w+bit) {
					v |= 1 << bit
				}
			}
			b.WriteAt("ENABLE", ctx*enableWords+w, v)
		}
	}
	best := func(ctx int, above uint64) int {
		found := 0
		for s := 1; s <= 40; s++ {
			if src[s].pending && enabled(ctx, s) && prio[s] > above {
				found, above = s, prio[s]
			}
		}
		return found
	}
	outs := []*mmiotest.Line{env.Line("m0"), env.Line("s0"), env.Line("m1"), env.Line("s1")}
	claims := 0
	for range 20000 {
		s, ctx := 1+rng.IntN(40), rng.IntN(4)
		switch rng.IntN(3) {
		case 0:
			src[s].level = !src[s].level
			p.Line(s).Set(src[s].level)
		case 1:
			want := best(ctx, 0)
			b.WantAt("CLAIM", ctx, uint64(want))
			if want != 0 {
				src[want].pending, src[want].service = false, true
				claims++
			}
		case 2:
			b.WriteAt("CLAIM", ctx, uint64(s))
			if enabled(ctx, s) {
				src[s].service = false
			}
		}
		for s := range src {
			if src[s].level && !src[s].service {
				src[s].pending = true
			}
		}
		for ctx, out := range outs {
			if want := best(ctx, uint64(ctx)) != 0; out.Level != want {
				t.Fatalf("context %d: output %v, want %v", ctx, out.Level, want)
			}
		}
	}
	if claims < 1000 {
		t.Errorf("only %d claims were tried", claims)
	}
}

func TestLoadStateRefuses(t *testing.T) {
	p := newPLIC(mmiotest.NewEnv())
	for _, bad := range []string{`{}`, `nonsense`, `{"Level":[1,0],"Service":[0,0]}`} {
		if p.LoadState([]byte(bad)) == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestDeviceTree(t *testing.T) {
	p := newPLIC(mmiotest.NewEnv())
	p.WireDT([]mmio.DTRef{"hart0", "hart1"})
	n := mmiotest.Describe(p)
	if n.Props["riscv,ndev"] != uint32(40) {
		t.Errorf("ndev %v", n.Props["riscv,ndev"])
	}
	want := []any{"hart0", uint32(11), "hart0", uint32(9), "hart1", uint32(11), "hart1", uint32(9)}
	got := n.Props["interrupts-extended"].([]any)
	if len(got) != len(want) {
		t.Fatalf("interrupts-extended %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("interrupts-extended[%d] = %v, want %v", i, got[i], want[i])
		}
	}
}

// TestOffsets compares with the offsets in Linux's irq-sifive-plic.c.
func TestOffsets(t *testing.T) {
	p := newPLIC(mmiotest.NewEnv())
	for name, at := range map[string][2]uint64{ // element, offset
		"PRIORITY": {0, 4}, "PENDING": {0, 0x1000}, "ENABLE": {enableWords, 0x2080}, "THRESHOLD": {1, 0x201000}, "CLAIM": {3, 0x203004},
	} {
		id, ok := p.Lookup(name)
		if r := p.Reg(id); !ok || r.Offset+at[0]*r.Stride != at[1] {
			t.Errorf("%s[%d] is not at %#x", name, at[0], at[1])
		}
	}
	var doc strings.Builder
	if err := p.Block().WriteMarkdown(&doc, "plic"); err != nil || !strings.Contains(doc.String(), "| 0x200004 + 0x1000·n | CLAIM[n], n < 4 | 32 | RW |") {
		t.Errorf("documentation: %v\n%s", err, doc.String())
	}
}
