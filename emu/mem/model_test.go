// SPDX-License-Identifier: Apache-2.0

package mem

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"vdev/mmio"
)

// The reference for memory with caches: of each line what the cache holds, what DRAM
// holds, and a state.

type refLine struct {
	state     LineState
	cpu, dram [LineSize]byte
	wrote     uint64
	noise     Noise
}

type refPage struct {
	tracked, written bool
	lines            [linesPerPage]refLine
}

// after lists what can become of a line when the cache may act of its own accord: a
// dirty line is written back, a clean one dropped, an invalid one fetched.
func (l refLine) after() []refLine {
	all := []refLine{l}
	for i := 0; i < len(all); i++ {
		n := all[i]
		switch n.state {
		case LineDirty:
			n.state, n.dram = LineClean, n.cpu
		case LineClean:
			n.state = LineInvalid
		case LineInvalid:
			n.state, n.cpu = LineClean, n.dram
		}
		if !slices.ContainsFunc(all, n.same) {
			all = append(all, n)
		}
	}
	return all
}

// same tells whether nobody can tell two lines apart: the cached bytes of an invalid
// line do not matter.
func (l refLine) same(o refLine) bool {
	return l.state == o.state && l.dram == o.dram && l.wrote == o.wrote && (l.state == LineInvalid || l.cpu == o.cpu)
}

// seen is an event, comparable.
type seen struct {
	op   Op
	page mmio.PhysAddr
	line int
	mask uint64
	by   Agent
}

// checker plays random accesses on a memory and on the reference.
type checker struct {
	t    *testing.T
	rng  *rand.Rand
	mem  *Memory
	mode Mode
	port [2]*Port // not coherent, coherent
	ref  [modelPages]refPage
	got  []seen
	want []seen
	log  string // what is being done
}

const (
	modelPages = 4
	modelBase  = mmio.PhysAddr(0x8000_0000)
)

// Tracked implements Observer.
func (c *checker) Tracked(p *TrackedPage) {
	if p.Addr < modelBase || p.Addr >= modelBase+modelPages*PageSize {
		c.t.Fatalf("%s: page %#x became tracked", c.log, p.Addr)
	}
}

// Observe implements Observer: nothing may have happened yet.
func (c *checker) Observe(e *Event) {
	c.got = append(c.got, seen{e.Op, e.Page.Addr, e.Line, e.Mask, e.By})
	c.track(e.Page.Addr)
	ref := c.line(e.Page.Addr + mmio.PhysAddr(e.Line*LineSize))
	if now := lineNow(e.Page, e.Line); !slices.ContainsFunc(c.may(*ref), now.same) {
		c.t.Fatalf("%s: the %s was seen after it had an effect", c.log, e.Op)
	}
}

func lineNow(p *TrackedPage, i int) refLine {
	l := refLine{state: p.State(i), wrote: p.Wrote[i]}
	copy(l.cpu[:], p.CPU(i))
	copy(l.dram[:], p.DRAM(i))
	return l
}

func (c *checker) page(a mmio.PhysAddr) *refPage { return &c.ref[(a-modelBase)/PageSize] }

func (c *checker) line(a mmio.PhysAddr) *refLine { return &c.page(a).lines[lineOf(a)] }

// may is what a line may be after the cache had an opportunity to act.
func (c *checker) may(l refLine) []refLine {
	if c.mode == Lazy {
		return []refLine{l}
	}
	return l.after()
}

// pieces cuts [a, a+n) at lines.
func pieces(a mmio.PhysAddr, n int, f func(a mmio.PhysAddr, from, to int)) {
	for from := 0; from < n; {
		to := min(n, from+LineSize-int(a+mmio.PhysAddr(from))%LineSize)
		f(a+mmio.PhysAddr(from), from, to)
		from = to
	}
}

// track makes the page of a tracked in the reference.
func (c *checker) track(a mmio.PhysAddr) {
	p := c.page(a)
	if p.tracked {
		return
	}
	p.tracked = true
	for i := range p.lines {
		l := &p.lines[i]
		if p.written {
			l.state, l.wrote, l.dram = LineDirty, ^uint64(0), [LineSize]byte{}
		} else {
			l.state, l.dram = LineInvalid, l.cpu
		}
	}
}

// access does one access to n bytes at a on the reference. data is what is written,
// or was read. It returns an error if no behaviour of the cache explains data or what
// the line now is.
func (c *checker) access(op Op, a mmio.PhysAddr, data []byte, by Agent) error {
	var err error
	pieces(a, len(data), func(a mmio.PhysAddr, from, to int) {
		p, l := c.page(a), c.line(a)
		b, off := data[from:to], int(a%LineSize)
		mask := byteMask(uint64(off), uint64(to-from))
		if op == OpCPUWrite || op == OpZero {
			p.written = true
		}
		switch op {
		case OpNCRead, OpNCWrite, OpDMARead, OpDMAWrite, OpClean, OpInval, OpFlush:
			c.track(a)
			if op == OpNCWrite || op == OpDMAWrite {
				p.written = true
			}
		}
		if !p.tracked {
			switch op {
			case OpCPURead:
				if !bytes.Equal(l.cpu[off:][:len(b)], b) {
					err = fmt.Errorf("%#x is read as %x, should be %x", a, b, l.cpu[off:][:len(b)])
				}
			case OpCPUWrite:
				copy(l.cpu[off:], b)
			case OpZero:
				clear(l.cpu[:])
			}
			return
		}
		quiet := op == OpCPURead && l.state != LineInvalid && l.noise&NoisyRead == 0 ||
			op == OpCPUWrite && l.state == LineDirty && l.noise&NoisyWrite == 0
		if !quiet {
			c.want = append(c.want, seen{op, a &^ (PageSize - 1), lineOf(a), mask, by})
		}
		now := lineNow(c.mem.TrackedAt(a), lineOf(a))
		// Around a DMA access and after maintenance the cache may act, never else.
		before, after := []refLine{*l}, func(l refLine) []refLine { return []refLine{l} }
		switch op {
		case OpDMARead, OpDMAWrite:
			before, after = c.may(*l), c.may
		case OpClean, OpInval, OpFlush:
			after = c.may
		}
		for _, x := range before {
			if x, ok := x.effect(op, off, b, mask); ok {
				for _, y := range after(x) {
					if y.same(now) {
						y.noise = l.noise
						*l = y
						return
					}
				}
			}
		}
		err = fmt.Errorf("line %#x was %s, %x over %x, wrote %x;\nnow it is %s, %x over %x, wrote %x", a&^(LineSize-1),
			l.state, l.cpu, l.dram, l.wrote, now.state, now.cpu, now.dram, now.wrote)
	})
	return err
}

// effect is what an access to b at off makes of a line; false if b would not have
// been read.
func (l refLine) effect(op Op, off int, b []byte, mask uint64) (refLine, bool) {
	fill := func() {
		if l.state == LineInvalid {
			l.state, l.cpu = LineClean, l.dram
		}
	}
	switch op {
	case OpCPURead:
		fill()
		return l, bytes.Equal(l.cpu[off:][:len(b)], b)
	case OpCPUWrite:
		fill()
		copy(l.cpu[off:], b)
		l.state = LineDirty
		l.wrote |= mask
	case OpZero:
		l.state, l.cpu, l.wrote = LineDirty, [LineSize]byte{}, ^uint64(0)
	case OpNCRead, OpDMARead:
		return l, bytes.Equal(l.dram[off:][:len(b)], b)
	case OpNCWrite, OpDMAWrite:
		copy(l.dram[off:], b)
	case OpClean, OpFlush, OpInval:
		if op != OpInval && l.state == LineDirty {
			l.state, l.dram = LineClean, l.cpu
		}
		if op != OpClean {
			l.state = LineInvalid
		}
		l.wrote = 0
	}
	return l, true
}

// addr draws a place for n bytes: pages 0 to 2 are used a lot, near their beginning.
func (c *checker) addr(n int) mmio.PhysAddr {
	page := c.rng.IntN(modelPages)
	off := c.rng.IntN(3 * LineSize)
	if c.rng.IntN(16) == 0 {
		off = PageSize - 1 - c.rng.IntN(LineSize) // across the page's end
	}
	return min(modelBase+mmio.PhysAddr(page*PageSize+off), modelBase+modelPages*PageSize-mmio.PhysAddr(n))
}

func (c *checker) random(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(c.rng.Uint32())
	}
	return b
}

func (c *checker) ok(ok bool) {
	if !ok {
		c.t.Fatalf("%s: refused", c.log)
	}
}

// step does one random thing.
func (c *checker) step() error {
	hart := c.rng.IntN(2)
	c.mem.SetHart(hart)
	cpu := Agent{Hart: hart}
	n := 1 + c.rng.IntN(2*LineSize)
	a := c.addr(n)
	size := 1 << c.rng.IntN(4)
	at := a &^ mmio.PhysAddr(size-1)
	data := c.random(n)
	word := data[:min(size, len(data))]
	value := func() uint64 { return loadLE(append(slices.Clone(word), make([]byte, 8)...), len(word)) }
	if len(word) < size {
		return nil
	}
	read := func(v uint64, ok bool) []byte {
		c.ok(ok)
		b := make([]byte, 8)
		storeLE(b, 8, v)
		return b[:size]
	}
	switch kind := c.rng.IntN(20); kind {
	case 0:
		c.ok(c.mem.Read(a, data))
		return c.access(OpCPURead, a, data, cpu)
	case 1:
		c.ok(c.mem.Write(a, data))
		return c.access(OpCPUWrite, a, data, cpu)
	case 2, 3:
		return c.access(OpCPURead, at, read(c.mem.Load(at, size)), cpu)
	case 4, 5:
		c.ok(c.mem.Store(at, size, value()))
		return c.access(OpCPUWrite, at, word, cpu)
	case 6:
		return c.access(OpNCRead, at, read(c.mem.LoadNC(at, size)), cpu)
	case 7:
		c.ok(c.mem.StoreNC(at, size, value()))
		return c.access(OpNCWrite, at, word, cpu)
	case 8, 9, 10, 11:
		op := [...]Op{OpClean, OpInval, OpFlush, OpZero}[kind-8]
		c.ok(c.mem.CBO(op, a))
		return c.access(op, a&^(LineSize-1), make([]byte, LineSize), cpu)
	case 12, 13:
		c.ok(c.port[0].ReadDMA(mmio.IOVA(a), data) == nil)
		return c.access(OpDMARead, a, data, Agent{Hart: -1, Master: "dev"})
	case 14, 15:
		c.ok(c.port[0].WriteDMA(mmio.IOVA(a), data) == nil)
		return c.access(OpDMAWrite, a, data, Agent{Hart: -1, Master: "dev"})
	case 16:
		c.ok(c.port[1].ReadDMA(mmio.IOVA(a), data) == nil)
		return c.access(OpCPURead, a, data, cpu)
	case 17:
		return c.fastStore(at, word)
	case 18:
		return c.setNoise(at)
	default:
		return c.tick(a)
	}
}

// fastStore stores as a hart does when the line allows it.
func (c *checker) fastStore(a mmio.PhysAddr, b []byte) error {
	t := c.mem.TrackedAt(a)
	if t == nil || t.Fast[lineOf(a)]&FastWrite == 0 {
		return nil
	}
	copy(t.CPU(lineOf(a))[a%LineSize:], b)
	t.Wrote[lineOf(a)] |= byteMask(uint64(a%LineSize), uint64(len(b)))
	return c.access(OpCPUWrite, a, b, Agent{})
}

func (c *checker) setNoise(a mmio.PhysAddr) error {
	if t := c.mem.TrackedAt(a); t != nil {
		noise := Noise(c.rng.IntN(4))
		t.SetNoise(lineOf(a), noise)
		c.line(a).noise = noise
	}
	return nil
}

// tick lets the cache act anywhere, and looks at everything without touching it.
func (c *checker) tick(a mmio.PhysAddr) error {
	c.mem.Tick()
	for p := range c.ref {
		page := &c.ref[p]
		base := modelBase + mmio.PhysAddr(p*PageSize)
		t := c.mem.TrackedAt(base)
		if t == nil != !page.tracked {
			return fmt.Errorf("page %#x: tracked is %v", base, t != nil)
		}
		for i := range page.lines {
			l := &page.lines[i]
			addr := base + mmio.PhysAddr(i*LineSize)
			if t != nil {
				now := lineNow(t, i)
				possible := []refLine{*l}
				if c.mode == Random {
					possible = l.after()
				}
				if !slices.ContainsFunc(possible, now.same) {
					return fmt.Errorf("line %#x changed from %s to %s, to %x over %x", addr, l.state, now.state, now.cpu, now.dram)
				}
				now.noise = l.noise
				*l = now
				var fast uint8
				if l.state != LineInvalid && l.noise&NoisyRead == 0 {
					fast |= FastRead
				}
				if l.state == LineDirty && l.noise&NoisyWrite == 0 {
					fast |= FastWrite
				}
				if t.Fast[i] != fast {
					return fmt.Errorf("line %#x: fast %b, want %b", addr, t.Fast[i], fast)
				}
			}
			want := l.cpu
			if t != nil && l.state == LineInvalid {
				want = l.dram
			}
			var b [LineSize]byte
			if !c.mem.Peek(addr, b[:]) || b != want {
				return fmt.Errorf("line %#x: peeked %x, want %x", addr, b, want)
			}
		}
	}
	return nil
}

// play does steps steps on a fresh memory.
func play(t *testing.T, cfg CacheConfig, steps int) {
	m, err := New(modelBase, modelPages*PageSize)
	if err != nil {
		t.Fatal(err)
	}
	c := &checker{t: t, mem: m, mode: cfg.Mode, rng: rand.New(rand.NewPCG(cfg.Seed, uint64(cfg.Mode)))}
	c.port = [2]*Port{m.NewPort("dev", false), m.NewPort("dev", true)}
	m.SetCache(cfg)
	m.SetObserver(c)
	start := c.random(modelPages * PageSize)
	m.Init(modelBase, start)
	for p := range c.ref {
		for i := range c.ref[p].lines {
			copy(c.ref[p].lines[i].cpu[:], start[p*PageSize+i*LineSize:])
		}
	}
	for i := range steps {
		c.got, c.want = c.got[:0], c.want[:0]
		c.log = fmt.Sprintf("%s, seed %d, step %d", cfg.Mode, cfg.Seed, i)
		if err := c.step(); err != nil {
			t.Fatalf("%s: %v", c.log, err)
		}
		if !slices.Equal(c.got, c.want) {
			t.Fatalf("%s: seen %v, want %v", c.log, c.got, c.want)
		}
	}
}

// Memory does what the reference does, in each mode, whoever accesses it and how.
func TestAgainstModel(t *testing.T) {
	// Many short runs and a few long ones: pages become tracked only once in each.
	runs, short, long := 400, 500, 400_000
	if testing.Short() {
		runs, long = 40, 20_000
	}
	for _, mode := range []Mode{Lazy, Eager, Random} {
		t.Run(mode.String(), func(t *testing.T) {
			for seed := range uint64(runs) {
				play(t, CacheConfig{Mode: mode, Seed: seed, EvictRate: 0.3, FillRate: 0.3}, short)
			}
			play(t, CacheConfig{Mode: mode, Seed: 1 << 32, EvictRate: 0.3, FillRate: 0.3}, long)
		})
	}
}
