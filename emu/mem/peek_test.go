// SPDX-License-Identifier: Apache-2.0

package mem

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"testing"

	"vdev/mmio"
)

// Whatever happened before, PeekDMA shows what ReadDMA reads, and leaves no trace.
func TestPeekDMA(t *testing.T) {
	const size = 6 * PageSize
	state := func(m *Memory) string {
		h := sha256.New()
		m.HashTracked(h)
		return string(h.Sum(m.Bytes()))
	}
	for seed := range uint64(50) {
		m, err := New(modelBase, size)
		if err != nil {
			t.Fatal(err)
		}
		m.SetCache(CacheConfig{Mode: Lazy})
		m.Init(modelBase, bytes.Repeat([]byte{0x77}, size/2))
		r := rand.New(rand.NewPCG(seed, 1))
		ports := []*Port{m.NewPort("display", false), m.NewPort("disk", true)}
		for range r.IntN(60) {
			a := modelBase + mmio.PhysAddr(r.IntN(size/8)*8)
			switch v := r.Uint64(); r.IntN(6) {
			case 0, 1:
				m.Store(a, 8, v)
			case 2:
				m.StoreNC(a, 8, v)
			case 3:
				m.CBO([]Op{OpClean, OpInval, OpFlush}[r.IntN(3)], a)
			case 4:
				m.Load(a, 8)
			default:
				if err := ports[r.IntN(2)].WriteDMA(mmio.IOVA(a), []byte{byte(v)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i, p := range ports {
			before, changes := state(m), p.ChangeStamp()
			off := r.IntN(size)
			peeked, read := make([]byte, r.IntN(size-off)), make([]byte, size)
			at := mmio.IOVA(modelBase) + mmio.IOVA(off)
			if !p.PeekDMA(at, peeked) {
				t.Fatalf("seed %d: no memory at %#x", seed, at)
			}
			if state(m) != before || p.ChangeStamp() != changes {
				t.Errorf("seed %d, port %d: looking left a trace", seed, i)
			}
			read = read[:len(peeked)]
			if err := p.ReadDMA(at, read); err != nil || !bytes.Equal(peeked, read) {
				t.Errorf("seed %d, port %d: peeked something else than is read, %v", seed, i, err)
			}
		}
		for _, p := range ports {
			if p.PeekDMA(mmio.IOVA(modelBase+size-1), make([]byte, 2)) || p.PeekDMA(0, make([]byte, 1)) {
				t.Error("peeked where there is no memory")
			}
		}
	}
}
