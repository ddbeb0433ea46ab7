// SPDX-License-Identifier: Apache-2.0

package mmiotest

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"vdev/mmio"
)

// FuzzDevice drives a device with random reads and writes of all sizes, through a
// bus, while time passes. No access may panic; the same accesses to a second device
// must read the same, even if, half-way, that one is saved and continued in a third
// (devices that are a mmio.Snapshotter); and Reset must bring the registers back to
// their power-on state. Under plain `go test` some thousand accesses are made from
// fixed seeds.
//
// With -fuzz, add -fuzzminimizetime=1x: the fuzzer would otherwise spend most of its
// time on minimizing scripts.
func FuzzDevice(f *testing.F, newDev func(*Env) mmio.Device) {
	f.Helper()
	for seed := range uint64(8) {
		checkScript(f, newDev, randomBytes(seed, 400*stepSize))
		// The corpus has short scripts: the fuzzer minimizes what it finds interesting,
		// and would spend all its time on long ones.
		f.Add(randomBytes(seed, 10*stepSize))
	}
	f.Fuzz(func(t *testing.T, script []byte) { checkScript(t, newDev, script) })
}

func checkScript(t testing.TB, newDev func(*Env) mmio.Device, script []byte) {
	t.Helper()
	straight := start(t, newDev)
	straight.play(script)
	straight.end()

	broken := start(t, newDev)
	half := len(script) / stepSize / 2 * stepSize
	broken.play(script[:half])
	broken = broken.migrate(newDev)
	broken.play(script[half:])
	broken.end()

	if !slices.Equal(straight.seen, broken.seen) {
		t.Error("the same accesses were answered differently")
	}
}

func randomBytes(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
	return p
}

// step is one access of a script: what to do, where, and with which value.
//
//	byte 0: bit 0 write, bits 2:1 log2 of the size, bit 3 raw offset, bit 4 small
//	        value, bits 7:5 how far time advances afterwards
//	bytes 1-4: register or offset, bytes 5-12: value
const stepSize = 13

// player plays a script to one device.
type player struct {
	t     testing.TB
	env   *Env
	bus   *mmio.Bus
	dev   mmio.Device
	table *mmio.Regs // nil if the device has none
	power mmio.RegsState
	seen  []uint64 // all values read
}

func start(t testing.TB, newDev func(*Env) mmio.Device) *player {
	t.Helper()
	p := &player{t: t, env: NewEnv()}
	p.dev = newDev(p.env)
	p.bus = mmio.NewBus(&p.env.Events)
	if err := p.bus.Map(benchBase, p.dev); err != nil {
		t.Fatal(err)
	}
	p.dev.Reset()
	if rd, ok := p.dev.(mmio.RegisterDevice); ok {
		p.table = rd.Registers()
		p.power = p.table.State()
	}
	return p
}

// migrate continues in a fresh device.
func (p *player) migrate(newDev func(*Env) mmio.Device) *player {
	p.t.Helper()
	from, ok := p.dev.(mmio.Snapshotter)
	if !ok {
		return p
	}
	data, err := from.SaveState()
	if err != nil {
		p.t.Fatal(err)
	}
	q := start(p.t, newDev)
	q.env.Clock.Advance(p.env.Clock.Now())
	q.env.Memory = p.env.Memory
	to := q.dev.(mmio.Snapshotter)
	if err := to.LoadState(data); err != nil {
		p.t.Fatal(err)
	}
	again, err := to.SaveState()
	if err != nil || !bytes.Equal(data, again) {
		p.t.Fatalf("saved state\n%s\nbecame, loaded and saved again (%v),\n%s", data, err, again)
	}
	if to.LoadState(data[:len(data)/2]) == nil {
		p.t.Error("half a state was accepted")
	}
	for name, line := range p.env.lines {
		if got := q.env.Line(name).Level; got != line.Level {
			p.t.Errorf("wire %s is %v after loading, was %v", name, got, line.Level)
		}
	}
	q.seen = p.seen
	return q
}

func (p *player) play(script []byte) {
	p.t.Helper()
	for ; len(script) >= stepSize; script = script[stepSize:] {
		op, where := script[0], binary.LittleEndian.Uint32(script[1:])
		v := binary.LittleEndian.Uint64(script[5:])
		if op>>4&1 != 0 {
			v &= 0xff
		}
		size := 1 << (op >> 1 & 3)
		// A little more than the window, so that its end is tried too.
		off := uint64(where) % (p.dev.Size() + 16)
		if op>>3&1 == 0 && p.table != nil && len(p.table.Block().Regs) != 0 {
			reg := p.table.Reg(mmio.RegID(where % uint32(len(p.table.Block().Regs))))
			off = reg.Offset + uint64(where>>16)%uint64(reg.Count)*reg.Stride
			if op>>1&3 == 3 {
				size = reg.Width // the width that is most likely taken
			}
		}
		if op&1 != 0 {
			p.bus.Write(benchBase+mmio.PhysAddr(off), size, v)
		} else {
			got, _ := p.bus.Read(benchBase+mmio.PhysAddr(off), size)
			if size < 8 && got>>(8*size) != 0 {
				p.t.Fatalf("read of %d bytes at %#x gave %#x", size, off, got)
			}
			p.seen = append(p.seen, got)
		}
		p.env.Clock.Advance(time.Duration(1)<<(4*(op>>5)) - 1)
	}
}

func (p *player) end() {
	p.t.Helper()
	p.dev.Reset()
	if p.table != nil && !reflect.DeepEqual(p.power, p.table.State()) {
		p.t.Error("Reset did not bring the registers back to their power-on state")
	}
}
