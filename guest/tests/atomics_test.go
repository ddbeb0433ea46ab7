// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tests

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"testing"
)

func TestAtomicCounters(t *testing.T) {
	const n, rounds = 4, 20000
	var add32 atomic.Uint32
	var add64 atomic.Uint64
	var cas atomic.Uint64
	var swapped atomic.Uint64
	var ors, ands atomic.Uint64
	ands.Store(^uint64(0))
	var sum [n]uint64
	threads(n, func(i int) {
		for r := range uint64(rounds) {
			add32.Add(3)
			add64.Add(1<<33 + 1)
			for {
				old := cas.Load()
				if cas.CompareAndSwap(old, old+5) {
					break
				}
			}
			sum[i] += swapped.Swap(r + 1) // every value goes to one thread
			ors.Or(1 << (uint(i)*16 + uint(r)%16))
			ands.And(^(uint64(1) << (uint(i)*16 + uint(r)%15)))
		}
	})
	if got := add32.Load(); got != n*rounds*3 {
		t.Errorf("32-bit add: %d, want %d", got, n*rounds*3)
	}
	if got, want := add64.Load(), uint64(n*rounds)*(1<<33+1); got != want {
		t.Errorf("64-bit add: %#x, want %#x", got, want)
	}
	if got := cas.Load(); got != n*rounds*5 {
		t.Errorf("compare and swap: %d, want %d", got, n*rounds*5)
	}
	total := swapped.Load()
	for _, s := range sum {
		total += s
	}
	if want := uint64(n) * rounds * (rounds + 1) / 2; total != want {
		t.Errorf("swap: sum %d, want %d: a value was lost or doubled", total, want)
	}
	if ors.Load() != ^uint64(0) || bits.OnesCount64(ands.Load()) != n {
		t.Errorf("or: %#x, and: %#x", ors.Load(), ands.Load())
	}
}

func TestNeighbouringWords(t *testing.T) {
	// Plain stores to the bytes beside an atomic word must not be lost,
	// nor disturb it.
	m := anonymous(t, 1, rw)
	word := m.Word32(64)
	const n, rounds = 4, 5000
	threads(n, func(i int) {
		at := 68 + i
		for r := range rounds {
			atomic.AddUint32(word, 1)
			m.Bytes()[at] = byte(r)
			if got := m.Bytes()[at]; got != byte(r) {
				t.Errorf("thread %d: its byte is %d, want %d", i, got, byte(r))
				return
			}
		}
	})
	if got := atomic.LoadUint32(word); got != n*rounds {
		t.Errorf("counted %d, want %d", got, n*rounds)
	}
}

func TestLockFreeStack(t *testing.T) {
	// A stack of indices with a version number in the upper half of its
	// head: breaks on any store-conditional that should have failed.
	const n, nodes, rounds = 4, 64, 5000
	var head atomic.Uint64
	var next [nodes + 1]atomic.Uint32
	var owner [nodes + 1]atomic.Int32
	push := func(node uint32) {
		for {
			h := head.Load()
			next[node].Store(uint32(h))
			if head.CompareAndSwap(h, h>>32<<32+1<<32|uint64(node)) {
				return
			}
		}
	}
	pop := func() uint32 {
		for {
			h := head.Load()
			if uint32(h) == 0 {
				return 0
			}
			if head.CompareAndSwap(h, h>>32<<32+1<<32|uint64(next[uint32(h)].Load())) {
				return uint32(h)
			}
		}
	}
	for i := uint32(1); i <= nodes; i++ {
		push(i)
	}
	threads(n, func(int) {
		for r := range rounds {
			node := pop()
			if node == 0 {
				continue
			}
			if owner[node].Add(1) != 1 {
				t.Errorf("node %d was popped twice", node)
			}
			if r%128 == 0 {
				runtime.Gosched()
			}
			owner[node].Add(-1)
			push(node)
		}
	})
	seen := 0
	for pop() != 0 {
		seen++
	}
	if seen != nodes {
		t.Errorf("%d nodes at the end, want %d", seen, nodes)
	}
}

func TestMessagePassing(t *testing.T) {
	var data, flag atomic.Uint64
	const rounds = 20000
	var stale int
	threads(2, func(i int) {
		for r := uint64(1); r <= rounds; r++ {
			if i == 0 {
				data.Store(r)
				flag.Store(r)
				continue
			}
			f := flag.Load()
			if d := data.Load(); d < f {
				stale++
			}
			if r%256 == 0 {
				runtime.Gosched()
			}
		}
	})
	if stale != 0 {
		t.Errorf("%d times the flag was seen before the data", stale)
	}
}

func TestStoreBuffering(t *testing.T) {
	// Go's atomics are sequentially consistent: not both threads may miss
	// the other's store.
	const rounds = 1000
	var x, y atomic.Uint32
	var r1, r2 [rounds]uint32
	var turn atomic.Int64
	threads(2, func(i int) {
		for r := range rounds {
			turn.Add(1)
			for turn.Load() < int64(4*r+2) {
				runtime.Gosched()
			}
			if i == 0 {
				x.Store(uint32(r + 1))
				r1[r] = y.Load()
			} else {
				y.Store(uint32(r + 1))
				r2[r] = x.Load()
			}
			turn.Add(1)
			for turn.Load() < int64(4*r+4) {
				runtime.Gosched()
			}
		}
	})
	for r := range rounds {
		if r1[r] != uint32(r+1) && r2[r] != uint32(r+1) {
			t.Fatalf("round %d: both loads are older than both stores", r)
		}
	}
}

func TestCoherenceOfOneWord(t *testing.T) {
	// All readers see the values of one word in the order written.
	var word atomic.Uint64
	threads(4, func(i int) {
		last := uint64(0)
		for r := uint64(1); r <= 10000; r++ {
			if i == 0 {
				word.Store(r)
				continue
			}
			v := word.Load()
			if v < last {
				t.Errorf("reader %d saw %d after %d", i, v, last)
				return
			}
			last = v
		}
	})
}
