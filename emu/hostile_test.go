// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"vdev/mmio"
)

// spin is a raw program for M-mode: it jumps to itself.
var spin = binary.LittleEndian.AppendUint32(nil, 0x0000006f)

// memDisk is a disk in memory.
type memDisk []byte

func (d memDisk) ReadAt(p []byte, off int64) (int, error)  { return copy(p, d[off:]), nil }
func (d memDisk) WriteAt(p []byte, off int64) (int, error) { return copy(d[off:], p), nil }
func (d memDisk) Size() int64                              { return int64(len(d)) }
func (d memDisk) Flush() error                             { return nil }
func (d memDisk) ReadOnly() bool                           { return false }

func spinning(tb testing.TB, harts int) *Machine {
	tb.Helper()
	m, err := New(Config{Memory: 4 << 20, Harts: harts, FirmwareMode: FirmwareFile,
		Firmware: &File{"spin", spin}, Disk: make(memDisk, 1<<20)})
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// poke makes n random accesses to every device, lets time pass between them, and
// checks that every access returned. The guest may do all this at any time.
func poke(m *Machine, r *rand.Rand, n int) {
	regions := m.bus.Regions()
	for range n {
		reg := regions[r.IntN(len(regions))]
		size := 1 << r.IntN(4)
		// Registers crowd at the start of a window; the rest is visited too.
		span := min(reg.Size, 1<<(3+r.IntN(26)))
		addr := reg.Base + mmio.PhysAddr(r.Uint64N(span)&^uint64(size-1))
		if r.IntN(2) == 0 {
			m.bus.Read(addr, size)
		} else {
			m.bus.Write(addr, size, randomValue(r, m))
		}
		if r.IntN(16) == 0 {
			m.now += time.Duration(r.IntN(1_000_000))
			m.fire()
		}
		m.result = nil // a power-off does not end the ordeal
	}
}

// randomValue favours what drivers write: small numbers, single bits, addresses.
func randomValue(r *rand.Rand, m *Machine) uint64 {
	switch r.IntN(5) {
	case 0:
		return uint64(r.IntN(32))
	case 1:
		return 1 << r.IntN(64)
	case 2:
		return uint64(RAMBase) + r.Uint64N(m.mem.Size()+4096)
	case 3:
		return ^uint64(0) >> r.IntN(64)
	}
	return r.Uint64()
}

func TestRandomRegisterAccessesLeaveTheMachineRunning(t *testing.T) {
	n := 200_000
	if testing.Short() {
		n = 20_000
	}
	for seed := range uint64(4) {
		m := spinning(t, 2)
		r := rand.New(rand.NewPCG(seed, 0))
		ram := m.mem.Bytes() // rings full of nonsense
		for i := range ram[1<<20:] {
			ram[1<<20+i] = byte(r.Uint32())
		}
		poke(m, r, n)
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		before := m.Retired()
		if res := m.Run(ctx); res.Reason != Canceled {
			t.Errorf("seed %d: the run ended with %+v", seed, res)
		}
		cancel()
		if m.Retired() == before {
			t.Errorf("seed %d: the harts retire nothing any more", seed)
		}
	}
}

func FuzzRegisterAccesses(f *testing.F) {
	f.Add(uint64(1), uint16(100))
	f.Fuzz(func(t *testing.T, seed uint64, n uint16) {
		m := spinning(t, 1)
		poke(m, rand.New(rand.NewPCG(seed, 1)), int(n))
	})
}

func TestTrapLoopEndsTheRun(t *testing.T) {
	m, err := New(Config{Memory: 4 << 20, Harts: 2, FirmwareMode: FirmwareFile,
		Firmware: &File{"zeros", make([]byte, 64)}}) // no instruction at all
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if r := m.Run(ctx); r.Reason != TrapLoop {
		t.Errorf("the run ended with %+v", r)
	}
}
