// SPDX-License-Identifier: Apache-2.0

package mem

import (
	"bytes"
	"errors"
	"testing"

	"vdev/mmio"
)

func newMemory(t *testing.T, c CacheConfig) *Memory {
	m, err := New(modelBase, modelPages*PageSize)
	if err != nil {
		t.Fatal(err)
	}
	m.SetCache(c)
	return m
}

func TestModeNames(t *testing.T) {
	for m := Coherent; m <= Random; m++ {
		if got, err := ParseMode(m.String()); got != m || err != nil {
			t.Errorf("ParseMode(%q) is %v, %v", m, got, err)
		}
	}
	if _, err := ParseMode("write-through"); err == nil {
		t.Error("a mode that there is not")
	}
}

// What is known of a page when it becomes tracked.
func TestTrack(t *testing.T) {
	for _, tt := range []struct {
		name  string
		setup func(m *Memory)
		state LineState
		wrote uint64
		dram  byte // of a page that holds 7
	}{
		{"initial", func(m *Memory) {}, LineInvalid, 0, 7},
		{"read", func(m *Memory) { m.Load(modelBase, 8) }, LineInvalid, 0, 7},
		{"written", func(m *Memory) { m.Store(modelBase+PageSize-8, 8, 0x0707070707070707) }, LineDirty, ^uint64(0), 0},
		{"zeroed and written back to 7", func(m *Memory) {
			m.CBO(OpZero, modelBase)
			m.Write(modelBase, bytes.Repeat([]byte{7}, LineSize))
		}, LineDirty, ^uint64(0), 0},
		{"writable for a hart", func(m *Memory) { m.NoteWritable(modelBase + 5) }, LineDirty, ^uint64(0), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMemory(t, CacheConfig{Mode: Lazy})
			m.Init(modelBase, bytes.Repeat([]byte{7}, PageSize))
			tt.setup(m)
			p := m.Track(modelBase + 100)
			if p.Addr != modelBase || m.TrackedAt(modelBase+PageSize-1) != p || m.Track(modelBase) != p {
				t.Error("not the page that was asked for")
			}
			if m.TrackedAt(modelBase+PageSize) != nil || m.NumTracked() != 1 {
				t.Error("more pages are tracked")
			}
			for i := range linesPerPage {
				if p.State(i) != tt.state || p.Wrote[i] != tt.wrote || p.DRAM(i)[3] != tt.dram || p.CPU(i)[3] != 7 {
					t.Fatalf("line %d: %s, wrote %x, %d over %d", i, p.State(i), p.Wrote[i], p.CPU(i)[3], p.DRAM(i)[3])
				}
			}
		})
	}
}

// watcher remembers what it was told.
type watcher struct{ protect, forget []mmio.PhysAddr }

func (w *watcher) ProtectPage(a mmio.PhysAddr) { w.protect = append(w.protect, a) }
func (w *watcher) ForgetPage(a mmio.PhysAddr)  { w.forget = append(w.forget, a) }

func TestTrackTellsHolders(t *testing.T) {
	m, w := newMemory(t, CacheConfig{Mode: Lazy}), &watcher{}
	m.Watch(w)
	m.Track(modelBase + 8)
	m.Track(modelBase + 16)
	if len(w.forget) != 1 || w.forget[0] != modelBase {
		t.Errorf("told to forget %#x", w.forget)
	}
}

// In coherent mode there is one memory for all.
func TestCoherentMode(t *testing.T) {
	m := newMemory(t, CacheConfig{Mode: Coherent})
	p := m.NewPort("dev", false)
	if !p.Coherent() {
		t.Error("the port is not coherent")
	}
	m.Store(modelBase, 8, 1)
	b := make([]byte, 8)
	if err := p.ReadDMA(mmio.IOVA(modelBase), b); err != nil || b[0] != 1 {
		t.Errorf("a device reads %x, %v", b, err)
	}
	if err := p.WriteDMA(mmio.IOVA(modelBase), []byte{2}); err != nil {
		t.Error(err)
	}
	if v, _ := m.LoadNC(modelBase, 1); v != 2 {
		t.Errorf("%d past the cache", v)
	}
	m.StoreNC(modelBase, 1, 3)
	m.CBO(OpInval, modelBase)
	if v, _ := m.Load(modelBase, 1); v != 3 {
		t.Errorf("%d through the cache", v)
	}
	if m.CBO(OpZero, modelBase+5); m.NumTracked() != 0 || m.Track(modelBase) != nil {
		t.Error("a page is tracked")
	}
	if v, _ := m.Load(modelBase, 1); v != 0 {
		t.Errorf("%d after zeroing", v)
	}
}

// A coherent port sees what the harts see, next to one that does not.
func TestPorts(t *testing.T) {
	m := newMemory(t, CacheConfig{Mode: Lazy})
	far, near := m.NewPort("far", false), m.NewPort("near", true)
	if far.Coherent() || !near.Coherent() {
		t.Error("the wrong port is coherent")
	}
	at := mmio.IOVA(modelBase + 60) // across lines
	want := func(p *Port, v byte) {
		t.Helper()
		b := make([]byte, 8)
		if err := p.ReadDMA(at, b); err != nil || !bytes.Equal(b, bytes.Repeat([]byte{v}, 8)) {
			t.Errorf("read %x, %v; want %d", b, err, v)
		}
	}
	want(far, 0)
	m.Write(mmio.PhysAddr(at), bytes.Repeat([]byte{1}, 8))
	want(far, 0)
	want(near, 1)
	m.CBO(OpFlush, modelBase)
	m.CBO(OpFlush, modelBase+64)
	want(far, 1)
	if err := far.WriteDMA(at, bytes.Repeat([]byte{2}, 8)); err != nil {
		t.Fatal(err)
	}
	want(far, 2)
	want(near, 2) // nothing was cached
	if err := near.WriteDMA(at, bytes.Repeat([]byte{3}, 8)); err != nil {
		t.Fatal(err)
	}
	want(near, 3)
	want(far, 2)
}

func TestPortErrors(t *testing.T) {
	const end = modelBase + modelPages*PageSize
	for _, coherent := range []bool{false, true} {
		m := newMemory(t, CacheConfig{Mode: Lazy})
		p := m.NewPort("dev", coherent)
		for _, tt := range []struct {
			addr mmio.PhysAddr
			n    int
			bad  mmio.PhysAddr
		}{
			{modelBase - 1, 1, modelBase - 1}, {end, 1, end}, {end - 4, 8, end}, {end + 100, 8, end + 100}, {modelBase, modelPages*PageSize + 1, end},
		} {
			b := bytes.Repeat([]byte{9}, tt.n)
			for _, write := range []bool{false, true} {
				err := p.ReadDMA(mmio.IOVA(tt.addr), b)
				if write {
					err = p.WriteDMA(mmio.IOVA(tt.addr), b)
				}
				var de *mmio.DMAError
				if !errors.As(err, &de) || de.Addr != mmio.IOVA(tt.bad) || de.Write != write || !errors.Is(err, ErrNoMemory) {
					t.Errorf("%d bytes at %#x, write %v: %v", tt.n, tt.addr, write, err)
				}
			}
		}
		if m.NumTracked() != 0 {
			t.Error("failed transfers track pages")
		}
		if v, _ := m.Load(end-4, 4); v != 0 {
			t.Errorf("a failed transfer wrote %#x", v)
		}
		if err := p.WriteDMA(mmio.IOVA(modelBase), nil); err != nil {
			t.Errorf("nothing: %v", err)
		}
	}
}

func TestOutOfRange(t *testing.T) {
	m := newMemory(t, CacheConfig{Mode: Lazy})
	const end = modelBase + modelPages*PageSize
	for name, ok := range map[string]bool{
		"CBO":      m.CBO(OpClean, end),
		"CBO zero": m.CBO(OpZero, modelBase-1),
		"StoreNC":  m.StoreNC(end, 1, 0),
		"Peek":     m.Peek(end-1, make([]byte, 2)),
		"Read":     m.Read(end-1, make([]byte, 2)),
		"Write":    m.Write(modelBase-1, make([]byte, 2)),
	} {
		if ok {
			t.Errorf("%s works outside of RAM", name)
		}
	}
	if _, ok := m.LoadNC(end, 1); ok {
		t.Error("LoadNC works outside of RAM")
	}
}

// What each mode does after a hart dirtied a line and a device wrote under it.
func TestModesDiffer(t *testing.T) {
	// The line's state and first byte as seen by a hart and by a device, after: a store
	// of 1, a flush, a DMA write of 2; and after: a store of 1, a DMA write of 2.
	for _, tt := range []struct {
		mode         Mode
		state        LineState
		after, dirty LineState
		lost         bool
	}{
		{Lazy, LineInvalid, LineInvalid, LineDirty, false},
		{Eager, LineClean, LineClean, LineClean, true},
	} {
		m := newMemory(t, CacheConfig{Mode: tt.mode})
		dev := m.NewPort("dev", false)
		p := m.Track(modelBase)
		m.Store(modelBase, 1, 1)
		m.CBO(OpFlush, modelBase)
		if p.State(0) != tt.state {
			t.Errorf("%s: %s after a flush", tt.mode, p.State(0))
		}
		if err := dev.WriteDMA(mmio.IOVA(modelBase), []byte{2}); err != nil {
			t.Fatal(err)
		}
		if p.State(0) != tt.after {
			t.Errorf("%s: %s after a DMA write", tt.mode, p.State(0))
		}
		m.Store(modelBase+64, 1, 1)
		if err := dev.WriteDMA(mmio.IOVA(modelBase+64), []byte{2}); err != nil {
			t.Fatal(err)
		}
		if p.State(1) != tt.dirty || p.DRAM(1)[0] == 1 != tt.lost {
			t.Errorf("%s: %s after a DMA write to a dirty line, DRAM %d", tt.mode, p.State(1), p.DRAM(1)[0])
		}
		// A line that nobody has used yet: fetched just before the device writes it.
		if err := dev.WriteDMA(mmio.IOVA(modelBase+128), []byte{2}); err != nil {
			t.Fatal(err)
		}
		if v, _ := m.Load(modelBase+128, 1); v != 2 != tt.lost {
			t.Errorf("%s: a hart sees %d", tt.mode, v)
		}
	}
}

// Random mode depends on nothing but the seed, and both of its rates matter.
func TestRandomMode(t *testing.T) {
	count := func(c CacheConfig) (evicted, filled int) {
		c.Mode = Random
		m := newMemory(t, c)
		p := m.Track(modelBase)
		for i := range linesPerPage {
			if i%2 == 0 {
				m.Store(modelBase+mmio.PhysAddr(i*LineSize), 8, 1)
			}
		}
		for range 2000 {
			m.Tick()
		}
		for i := range linesPerPage {
			switch {
			case i%2 == 0 && p.State(i) != LineDirty:
				evicted++
			case i%2 == 1 && p.State(i) != LineInvalid:
				filled++
			}
		}
		return evicted, filled
	}
	const all = linesPerPage / 2
	if e, f := count(CacheConfig{EvictRate: 1}); e != all || f != 0 {
		t.Errorf("only evictions: %d evicted, %d filled", e, f)
	}
	if e, f := count(CacheConfig{FillRate: 1}); e != 0 || f != all {
		t.Errorf("only fills: %d evicted, %d filled", e, f)
	}
	if e, f := count(CacheConfig{}); e != 0 || f != 0 {
		t.Errorf("neither: %d evicted, %d filled", e, f)
	}
	e1, f1 := count(CacheConfig{Seed: 1, EvictRate: 0.001, FillRate: 0.001})
	e2, f2 := count(CacheConfig{Seed: 1, EvictRate: 0.001, FillRate: 0.001})
	if e1 != e2 || f1 != f2 {
		t.Errorf("the same seed: %d, %d and %d, %d", e1, f1, e2, f2)
	}
}

func TestEventAddr(t *testing.T) {
	e := Event{Page: &TrackedPage{Addr: modelBase}, Line: 2, Mask: 0xf0}
	if e.Addr() != modelBase+2*LineSize+4 {
		t.Errorf("%#x", e.Addr())
	}
}

func TestFetchIsNotSeen(t *testing.T) {
	m := newMemory(t, CacheConfig{Mode: Lazy})
	m.Init(modelBase, []byte{1, 2, 3, 4})
	p := m.Track(modelBase)
	m.SetObserver(refuser{t})
	if v, ok := m.Fetch(modelBase, 4); !ok || v != 0x04030201 || p.State(0) != LineClean {
		t.Errorf("fetched %#x, %v, the line is %s", v, ok, p.State(0))
	}
	if _, ok := m.Fetch(modelBase-2, 2); ok {
		t.Error("fetched from nowhere")
	}
}

// refuser is an Observer that must not see anything.
type refuser struct{ t *testing.T }

func (r refuser) Tracked(*TrackedPage) {}
func (r refuser) Observe(e *Event)     { r.t.Errorf("seen: %s", e.Op) }

// A page that is shown in coherent mode is still one memory for all, and the observer
// sees the accesses that it asks for.
func TestShowInCoherentMode(t *testing.T) {
	m := newMemory(t, CacheConfig{Mode: Coherent})
	seen := map[Op]int{}
	m.SetObserver(observerFunc(func(e *Event) { seen[e.Op]++ }))
	p := m.NewPort("dev", false)
	m.Init(modelBase, bytes.Repeat([]byte{7}, PageSize))
	page := m.Show(modelBase)
	page.SetNoise(0, NoisyRead|NoisyWrite)
	page.SetNoise(1, NoisyWrite)
	value := func(what string, want uint64) {
		t.Helper()
		if v, _ := m.Load(modelBase, 1); v != want {
			t.Errorf("%s: %d, want %d", what, v, want)
		}
	}
	value("at first", 7)
	m.Store(modelBase, 8, 1)
	for _, op := range []Op{OpInval, OpFlush, OpClean} {
		m.CBO(op, modelBase)
		value(op.String(), 1)
	}
	if err := p.WriteDMA(mmio.IOVA(modelBase), []byte{2}); err != nil {
		t.Error(err)
	}
	value("written by a device", 2)
	m.StoreNC(modelBase, 1, 3)
	value("written past the cache", 3)
	if v, _ := m.LoadNC(modelBase, 1); v != 3 {
		t.Errorf("%d past the cache", v)
	}
	b := []byte{0}
	if !p.PeekDMA(mmio.IOVA(modelBase), b) || b[0] != 3 || p.ReadDMA(mmio.IOVA(modelBase), b) != nil || b[0] != 3 {
		t.Errorf("a device sees %d", b[0])
	}
	m.Tick()
	m.CBO(OpZero, modelBase)
	value("zeroed", 0)
	m.Load(modelBase+LineSize, 8)
	m.Store(modelBase+LineSize, 8, 1)
	if seen[OpCPURead] == 0 || seen[OpCPUWrite] != 4 || seen[OpZero] != 1 || len(seen) != 3 {
		t.Errorf("seen: %v", seen)
	}
}

type observerFunc func(*Event)

func (observerFunc) Tracked(*TrackedPage) {}
func (f observerFunc) Observe(e *Event)   { f(e) }
