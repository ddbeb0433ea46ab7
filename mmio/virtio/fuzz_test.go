// SPDX-License-Identifier: Apache-2.0

package virtio

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// fuzzDevices makes one device of each kind, wired to env, and says how the host
// pokes it.
var fuzzDevices = [...]func(cfg Config) (dev mmio.RegisterDevice, host func(op byte)){
	func(cfg Config) (mmio.RegisterDevice, func(byte)) {
		return NewBlk(BlkConfig{Config: cfg, Backend: newTestDisk()}), func(byte) {}
	},
	func(cfg Config) (mmio.RegisterDevice, func(byte)) {
		return NewBlk(BlkConfig{Config: cfg, Backend: newTestDisk(), Latency: time.Microsecond}), func(byte) {}
	},
	func(cfg Config) (mmio.RegisterDevice, func(byte)) {
		return NewRNG(RNGConfig{Config: cfg}), func(byte) {}
	},
	func(cfg Config) (mmio.RegisterDevice, func(byte)) {
		c := NewConsole(ConsoleConfig{Config: cfg, Cols: 80, Rows: 25,
			Ports: []PortConfig{{Console: true}, {Name: "vdev.agent"}}})
		budget := 0
		for i := range c.Ports() {
			c.Port(i).OnReceive = func(p []byte) int {
				n := min(len(p), budget)
				budget -= n
				return n
			}
		}
		return c, func(op byte) {
			p := c.Port(int(op) % c.Ports())
			switch op >> 1 % 4 {
			case 0:
				p.Send(make([]byte, op))
			case 1:
				budget = int(op)
				p.Resume()
			case 2:
				p.Open(op>>3&1 != 0)
			case 3:
				c.Resize(uint16(op), 25)
			}
		}
	},
}

// meter counts the transfers of a DMA port.
type meter struct {
	mmio.DMA
	calls int
}

func (m *meter) ReadDMA(addr mmio.IOVA, p []byte) error {
	m.calls++
	return m.DMA.ReadDMA(addr, p)
}

func (m *meter) WriteDMA(addr mmio.IOVA, p []byte) error {
	m.calls++
	return m.DMA.WriteDMA(addr, p)
}

// Each queue of a fuzzed device has this many descriptors, in a memory of this size.
const (
	fuzzQueue  = 8
	fuzzMemory = 32 << 10

	// fuzzWork bounds the transfers that one register write may cause: a full
	// console (every queue once), every chain with as many segments as the device's
	// queues have descriptors, each with a descriptor fetch and a data transfer.
	fuzzWork = 6 * fuzzQueue * (2*128 + 8)
)

// FuzzRings gives a device, initialised as a driver would, arbitrary descriptors and
// rings. A script is a sequence of steps of 8 bytes; the first byte of all picks the
// device. No step may panic or do unbounded work, and a device that has asked for a
// reset must leave memory alone.
func FuzzRings(f *testing.F) {
	for seed := range uint64(16) {
		rng := rand.New(rand.NewPCG(seed, 5))
		script := []byte{byte(seed)}
		for range 400 {
			script = binary.LittleEndian.AppendUint64(script, rng.Uint64())
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) == 0 {
			return
		}
		env := mmiotest.NewEnv()
		env.Memory.Bytes = env.Memory.Bytes[:fuzzMemory]
		port := &meter{DMA: &env.Memory}
		cfg := testConfig(env)
		cfg.DMA = port
		dev, host := fuzzDevices[int(script[0])%len(fuzzDevices)](cfg)
		z := fuzzGuest{guest: newGuest(t, env, dev), host: host, port: port}
		z.start()
		for script = script[1:]; len(script) >= 8; script = script[8:] {
			z.step(binary.LittleEndian.Uint64(script))
		}
	})
}

// fuzzGuest is a driver without manners.
type fuzzGuest struct {
	*guest
	host func(byte)
	port *meter
	all  []*vq
}

// start initialises the device properly.
func (z *fuzzGuest) start() {
	z.brk = mmiotest.MemoryBase
	z.all = nil
	z.negotiate(allFeatures)
	for i := 0; ; i++ {
		z.bench.Write("QueueSel", uint64(i))
		if z.bench.Read("QueueNumMax") == 0 {
			break
		}
		z.all = append(z.all, z.queue(i, fuzzQueue))
	}
	z.ready()
}

// step does one thing. From the low end: 8 bits what, 8 bits which queue, 8 bits which
// descriptor, 8 bits of flags, 32 bits of value.
func (z *fuzzGuest) step(s uint64) {
	v := z.all[int(s>>8&0xff)%len(z.all)]
	index, flags, value := uint16(s>>16&0xff)%fuzzQueue, uint16(s>>24&0xff), uint32(s>>32)
	z.port.calls = 0
	broken := z.bench.Read("Status")&statusNeedsReset != 0
	switch s & 15 {
	case 0, 1, 2, 3: // a descriptor, mostly sound
		addr := mmiotest.MemoryBase + mmio.IOVA(value%fuzzMemory)
		n := value >> 16 & 0x3ff
		if flags&0xc0 == 0xc0 {
			n = value
		}
		z.putDesc(v.desc, index, addr, n, flags&3|flags>>4&flags>>5&descIndirect, uint16(flags>>3)%(fuzzQueue+1))
	case 4: // an indirect table
		z.putDesc(v.desc, index, v.tables, (value%8)*descSize, descIndirect, 0)
		z.putDesc(v.tables, uint16(value>>8)%8, mmiotest.MemoryBase+mmio.IOVA(value>>8%fuzzMemory),
			value>>20&0x1ff, flags&3, flags>>3%9)
	case 5: // any memory
		z.put16(mmiotest.MemoryBase+mmio.IOVA(value%(fuzzMemory-1)), uint16(value>>16))
	case 6, 7, 8:
		v.publish(index)
		fallthrough
	case 9, 10:
		z.bench.Write("QueueNotify", uint64(v.index))
	case 11:
		z.host(byte(value))
	case 12:
		z.env.Clock.Advance(time.Duration(value % 5000))
	case 13: // any register
		z.bench.RawWrite(uint64(flags)<<2&0x1fc, 4, uint64(value>>(value&31)))
	case 14: // a control message or the start of a block request, and its descriptors
		at := mmiotest.MemoryBase + mmio.IOVA(value%(fuzzMemory-4096))
		binary.LittleEndian.PutUint64(z.bytes(at, 8), uint64(flags&15)|uint64(value>>16&7)<<32|uint64(index&1)<<48)
		binary.LittleEndian.PutUint64(z.bytes(at+8, 8), uint64(value>>20%(testDiskSectors+8)))
		if z.bench.Read("DeviceID") != idBlock {
			z.putDesc(v.desc, index, at, controlSize+uint32(flags>>6), ^uint16(v.index)<<1&descWrite, 0)
			v.publish(index)
			z.bench.Write("QueueNotify", uint64(v.index))
			break
		}
		second, third := (index+1)%fuzzQueue, (index+2)%fuzzQueue
		z.putDesc(v.desc, index, at, blkHeaderSize, descNext, second)
		z.putDesc(v.desc, second, at+64, uint32(flags>>4&7)*SectorSize/2, descNext|^flags<<1&descWrite, third)
		z.putDesc(v.desc, third, at+32, 1, descWrite, 0)
		v.publish(index)
		z.bench.Write("QueueNotify", uint64(v.index))
	case 15:
		if z.bench.Read("Status") != statusAcknowledge|statusDriver|statusFeaturesOK|statusDriverOK {
			z.start()
			return
		}
	}
	if z.port.calls > fuzzWork {
		z.t.Fatalf("step %#x made %d transfers", s, z.port.calls)
	}
	if broken && z.port.calls != 0 && z.bench.Read("Status")&statusNeedsReset != 0 {
		z.t.Fatalf("step %#x: a stopped device made %d transfers", s, z.port.calls)
	}
}

// TestFuzzScriptsReachDevices keeps the seeds honest: each device must get to
// complete chains.
func TestFuzzScriptsReachDevices(t *testing.T) {
	for i, newDev := range fuzzDevices {
		used := 0
		for seed := range uint64(20) {
			env := mmiotest.NewEnv()
			env.Memory.Bytes = env.Memory.Bytes[:fuzzMemory]
			port := &meter{DMA: &env.Memory}
			cfg := testConfig(env)
			cfg.DMA = port
			dev, host := newDev(cfg)
			z := fuzzGuest{guest: newGuest(t, env, dev), host: host, port: port}
			z.start()
			rng := rand.New(rand.NewPCG(seed, 6))
			for range 1000 {
				z.step(rng.Uint64())
				used += int(z.bench.Read("InterruptStatus") & interruptUsed)
				z.bench.Write("InterruptACK", interruptUsed)
			}
		}
		if used < 20 {
			t.Errorf("device %d completed chains only %d times", i, used)
		}
	}
}

func FuzzBlkRegisters(f *testing.F)     { fuzzRegisters(f, 0) }
func FuzzRNGRegisters(f *testing.F)     { fuzzRegisters(f, 2) }
func FuzzConsoleRegisters(f *testing.F) { fuzzRegisters(f, 3) }

func fuzzRegisters(f *testing.F, device int) {
	mmiotest.FuzzDevice(f, func(env *mmiotest.Env) mmio.Device {
		dev, _ := fuzzDevices[device](testConfig(env))
		return dev
	})
}
