// SPDX-License-Identifier: Apache-2.0

package mem

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"vdev/mmio"
)

// Whatever happens, what a port reads differs only where it says so.
func TestChangedSince(t *testing.T) {
	const pages, size = 4, 4 * PageSize
	for mode := Coherent; mode <= Random; mode++ {
		for _, coherent := range []bool{false, true} {
			m, err := New(0x1000, size)
			if err != nil {
				t.Fatal(err)
			}
			m.SetCache(CacheConfig{Mode: mode, Seed: 1, EvictRate: 0.3, FillRate: 0.3})
			port, other := m.NewPort("display", coherent), m.NewPort("other", false)
			buf := make([]byte, size)
			read := func() {
				if err := port.ReadDMA(0x1000, buf); err != nil {
					t.Fatal(err)
				}
			}
			// view is what the port would read if the cache did nothing of its own accord.
			view := func() []byte {
				b := make([]byte, size)
				m.Peek(0x1000, b)
				for i := 0; i < pages && !port.Coherent(); i++ {
					copy(b[i*PageSize:], m.TrackedAt(mmio.PhysAddr(0x1000 + i*PageSize)).dram[:])
				}
				return b
			}
			rng := rand.New(rand.NewPCG(uint64(mode), 7))
			saidNo := 0
			for range 2000 {
				read()
				stamp, before := port.ChangeStamp(), view()
				for range rng.IntN(4) {
					m.SetHart(0)
					addr := mmio.PhysAddr(0x1000 + rng.IntN(size/8)*8)
					switch rng.IntN(8) {
					case 0, 1:
						m.Store(addr, 8, rng.Uint64())
					case 2:
						m.StoreNC(addr, 8, rng.Uint64())
					case 3:
						m.CBO(OpClean+Op(rng.IntN(4)), addr)
					case 4:
						if err := other.WriteDMA(mmio.IOVA(addr), []byte{byte(rng.Uint32())}); err != nil {
							t.Fatal(err)
						}
					case 5:
						m.Tick()
					default:
						m.Load(addr, 8)
					}
				}
				after := view()
				for i := range pages {
					differs := !bytes.Equal(before[i*PageSize:][:PageSize], after[i*PageSize:][:PageSize])
					said := port.ChangedSince(mmio.IOVA(0x1000+i*PageSize), PageSize, stamp)
					if differs && (!said || stamp.Still(port.ChangeStamp())) {
						t.Fatalf("%v, coherent %v: page %d changed and nobody said so", mode, coherent, i)
					}
					if !said {
						saidNo++
					}
				}
			}
			if saidNo < 100 {
				t.Errorf("%v, coherent %v: unchanged only %d times", mode, coherent, saidNo)
			}
		}
	}
}

func TestChangedSinceByHand(t *testing.T) {
	m, err := New(0, 4*PageSize)
	if err != nil {
		t.Fatal(err)
	}
	m.SetCache(CacheConfig{Mode: Lazy})
	p := m.NewPort("display", false)
	buf := make([]byte, 2*PageSize)
	if !p.ChangedSince(0, 1, mmio.ChangeStamp{}) {
		t.Error("nothing is known of memory that was never read")
	}
	if err := p.ReadDMA(0, buf); err != nil {
		t.Fatal(err)
	}
	s := p.ChangeStamp()
	dirty := func(what string, addr mmio.IOVA, n uint64, want bool) {
		t.Helper()
		if got := p.DirtyDMA(addr, n); got != want {
			t.Errorf("%s: %d bytes at %#x dirty: %v", what, n, uint64(addr), got)
		}
	}
	check := func(what string, first, second bool) {
		t.Helper()
		if got := p.ChangedSince(0, PageSize, s); got != first {
			t.Errorf("%s: first page changed: %v", what, got)
		}
		if got := p.ChangedSince(PageSize, PageSize, s); got != second {
			t.Errorf("%s: second page changed: %v", what, got)
		}
		s = p.ChangeStamp()
	}
	check("nothing", false, false)
	m.Store(8, 8, 1)
	check("a line becomes dirty", true, false)
	dirty("its first byte", 0, 1, true)
	dirty("its last byte", LineSize-1, 1, true)
	dirty("the next line", LineSize, 4*PageSize-LineSize, false)
	dirty("no bytes", 0, 0, false)
	dirty("what is not memory", 0, 4*PageSize+1, false)
	m.Store(8, 8, 2)
	check("a line is dirty", false, false)
	m.CBO(OpClean, 8)
	check("it is written back", true, false)
	m.CBO(OpClean, 8)
	check("a clean line is cleaned", false, false)
	m.StoreNC(PageSize, 8, 1)
	check("a store around the cache", false, true)
	dirty("all, cleaned", 0, 4*PageSize, false)
	m.Store(2*PageSize-8, 8, 1)
	dirty("the last line", 8, 2*PageSize-8-LineSize, false)
	dirty("the last line", 8, 2*PageSize-8-LineSize+1, true)
	dirty("a plain page", 2*PageSize, PageSize, false)
	check("a line becomes dirty", false, true)
	if err := p.WriteDMA(PageSize-1, buf[:2]); err != nil {
		t.Fatal(err)
	}
	check("a device's write", true, true)
	m.Load(PageSize, 8)
	check("a load", false, false)
	m.Track(2 * PageSize)
	if p.ChangedSince(0, 2*PageSize, s) || !p.ChangedSince(PageSize, 2*PageSize, s) {
		t.Error("a page that has met DMA just now")
	}
	if !p.ChangedSince(4*PageSize-1, 2, s) {
		t.Error("nothing is known of what is not memory")
	}
}
