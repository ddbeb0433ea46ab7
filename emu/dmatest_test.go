// SPDX-License-Identifier: Apache-2.0

package emu_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"testing"
	"time"

	"vdev/emu/mem"
	"vdev/mmio"
	"vdev/mmio/dmatest"
	"vdev/mmio/mmiotest"
)

// The DMA tester and a hart share memory, as a driver and its device do: each line
// belongs to one of them at a time, and is cleaned when it goes to the device and
// invalidated when it comes back. Then, whatever the caches do of their own accord,
// memory is what it is without them: an array of bytes.

const (
	sharedBase  = mmio.PhysAddr(0x8000_0000)
	sharedLines = 3 * mem.PageSize / mem.LineSize
	sharedSize  = sharedLines * mem.LineSize
)

// sharing is a hart, the device, and what memory should hold.
type sharing struct {
	t        *testing.T
	rng      *rand.Rand
	mem      *mem.Memory
	env      *mmiotest.Env
	bench    *mmiotest.Bench
	maintain bool // do the cache maintenance
	device   [sharedLines]bool
	want     [sharedSize]byte
}

func newSharing(t *testing.T, c mem.CacheConfig, coherentPort bool) *sharing {
	m, err := mem.New(sharedBase, 4*mem.PageSize)
	if err != nil {
		t.Fatal(err)
	}
	m.SetCache(c)
	env := mmiotest.NewEnv()
	d := dmatest.New(dmatest.Config{Name: "dma", Clock: &env.Clock, DMA: m.NewPort("dma", coherentPort), Events: &env.Events})
	return &sharing{t: t, rng: rand.New(rand.NewPCG(c.Seed, 7)), mem: m, env: env,
		bench: mmiotest.NewBench(t, d, &env.Events), maintain: !coherentPort && c.Mode != mem.Coherent}
}

// lines picks a run of lines with one owner, and returns its range in bytes; n is 0
// if the line picked belongs to the other one.
func (s *sharing) lines(device bool) (off, n int) {
	first := s.rng.IntN(sharedLines)
	last := first
	for last < sharedLines && s.device[last] == device && last-first < 40 {
		last++
	}
	return first * mem.LineSize, (last - first) * mem.LineSize
}

// within picks a part of a range.
func (s *sharing) within(off, n int) (int, int) {
	a := s.rng.IntN(n)
	return off + a, 1 + s.rng.IntN(n-a)
}

// hand gives lines to the device or takes them back.
func (s *sharing) hand(toDevice bool) {
	off, n := s.lines(!toDevice)
	for a := off; a < off+n; a += mem.LineSize {
		s.device[a/mem.LineSize] = toDevice
		if !s.maintain {
			continue
		}
		op := mem.OpInval
		if toDevice {
			op = []mem.Op{mem.OpClean, mem.OpFlush}[s.rng.IntN(2)]
		}
		if !s.mem.CBO(op, sharedBase+mmio.PhysAddr(a)) {
			s.t.Fatal("cbo fails")
		}
	}
}

func (s *sharing) hartWrites() {
	off, n := s.lines(false)
	if n == 0 {
		return
	}
	off, n = s.within(off, n)
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(s.rng.Uint32())
	}
	s.mem.Write(sharedBase+mmio.PhysAddr(off), p)
	copy(s.want[off:], p)
}

func (s *sharing) hartReads() {
	off, n := s.lines(false)
	if !s.right(off, n) {
		s.t.Errorf("the hart reads wrong bytes in %d at %#x", n, off)
	}
}

// right tells whether the hart reads what it should.
func (s *sharing) right(off, n int) bool {
	p := make([]byte, n)
	s.mem.Read(sharedBase+mmio.PhysAddr(off), p)
	return string(p) == string(s.want[off:off+n])
}

// command has the device work, and time pass until it has.
func (s *sharing) command(op dmatest.Op, src, dst, n int, pattern uint64) {
	delay := s.rng.IntN(1000)
	s.bench.Write("SRC", uint64(sharedBase)+uint64(src))
	s.bench.Write("DST", uint64(sharedBase)+uint64(dst))
	s.bench.Write("LENGTH", uint64(n))
	s.bench.Write("PATTERN", pattern)
	s.bench.Write("DELAY", uint64(delay))
	s.bench.Write("COMMAND", uint64(op))
	s.mem.Tick()
	s.env.Clock.Advance(time.Duration(delay))
	s.bench.Want("STATUS", dmatest.StatusDone)
	s.bench.Write("STATUS", dmatest.StatusDone)
}

func (s *sharing) deviceWorks() {
	off, n := s.lines(true)
	if n == 0 {
		return
	}
	off, n = s.within(off, n)
	switch s.rng.IntN(3) {
	case 0:
		var pattern [8]byte
		binary.LittleEndian.PutUint64(pattern[:], s.rng.Uint64())
		s.command(dmatest.OpFill, 0, off, n, binary.LittleEndian.Uint64(pattern[:]))
		for i := range n {
			s.want[off+i] = pattern[i%8]
		}
	case 1:
		s.command(dmatest.OpChecksum, off, 0, n, 0)
		s.bench.Want("RESULT", uint64(crc32.ChecksumIEEE(s.want[off:off+n])))
	default:
		to, m := s.lines(true)
		if m == 0 {
			return
		}
		to, m = s.within(to, m)
		n = min(n, m)
		if to < off+n && off < to+n {
			return
		}
		s.command(dmatest.OpCopy, off, to, n, 0)
		copy(s.want[to:to+n], s.want[off:off+n])
	}
}

func TestDMATesterSharesMemory(t *testing.T) {
	steps := 20000
	if testing.Short() {
		steps = 2000
	}
	type config struct {
		mem.CacheConfig
		coherentPort bool
	}
	all := []config{{mem.CacheConfig{Mode: mem.Coherent}, false}, {mem.CacheConfig{Mode: mem.Lazy}, false},
		{mem.CacheConfig{Mode: mem.Eager}, false}, {mem.CacheConfig{Mode: mem.Eager}, true}, {mem.CacheConfig{Mode: mem.Lazy}, true}}
	for seed := range uint64(4) {
		all = append(all, config{mem.CacheConfig{Mode: mem.Random, Seed: seed, EvictRate: mem.DefaultRate, FillRate: mem.DefaultRate}, false})
	}
	for _, c := range all {
		t.Run(fmt.Sprintf("%v seed %d coherent port %v", c.Mode, c.Seed, c.coherentPort), func(t *testing.T) {
			s := newSharing(t, c.CacheConfig, c.coherentPort)
			for range steps {
				s.step()
				if t.Failed() {
					return
				}
			}
			if len(s.env.Events.List) != 0 {
				t.Errorf("events %v", s.env.Events.List)
			}
		})
	}
}

func (s *sharing) step() {
	s.t.Helper()
	switch s.rng.IntN(6) {
	case 0:
		s.hand(true)
	case 1:
		s.hand(false)
	case 2:
		s.hartReads()
	case 3:
		s.mem.Tick()
		s.hartWrites()
	default:
		s.deviceWorks()
	}
}

// TestDMATesterShowsMissingMaintenance leaves the maintenance out, so that the test
// above is known to be able to fail: in every mode but coherent, bytes go wrong.
func TestDMATesterShowsMissingMaintenance(t *testing.T) {
	for _, mode := range []mem.Mode{mem.Coherent, mem.Lazy, mem.Eager, mem.Random} {
		s := newSharing(t, mem.CacheConfig{Mode: mode, EvictRate: mem.DefaultRate, FillRate: mem.DefaultRate}, false)
		s.maintain = false
		wrong := false
		for range 2000 {
			s.hand(s.rng.IntN(2) == 0)
			s.hartWrites()
			if off, n := s.lines(true); n != 0 {
				s.command(dmatest.OpChecksum, off, 0, n, 0)
				wrong = wrong || s.bench.Read("RESULT") != uint64(crc32.ChecksumIEEE(s.want[off:off+n]))
				s.command(dmatest.OpFill, 0, off, n, 0)
				clear(s.want[off : off+n])
			}
			wrong = wrong || !s.right(s.lines(false))
		}
		if wrong != (mode != mem.Coherent) {
			t.Errorf("%v: wrong bytes: %v", mode, wrong)
		}
	}
}
