// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"math/rand/v2"
	"testing"

	"vdev/mmio"
)

// counted is memory that counts the accesses to it, and is everywhere: what lies
// outside the rig's memory repeats it. Tables may point wherever they like.
type counted struct {
	r     *rig
	calls int
}

func (m *counted) at(addr mmio.IOVA, n int) []byte {
	m.calls++
	size := uint64(len(m.r.env.Memory.Bytes))
	return m.r.env.Memory.Bytes[uint64(addr)%(size-uint64(n)):][:n]
}

func (m *counted) ReadDMA(addr mmio.IOVA, p []byte) error {
	copy(p, m.at(addr, len(p)))
	return nil
}

func (m *counted) WriteDMA(addr mmio.IOVA, p []byte) error {
	copy(m.at(addr, len(p)), p)
	return nil
}

// mostSteps is how many accesses one request can cause: a device directory of 3
// levels; a process directory of 3 and a first stage of 5, the entry of each behind a
// second stage of 5, which sets A (2 accesses more); a last walk of the second stage;
// and the same once more for the first stage's A and D; MSI table; fault record.
const mostSteps = 3 + 9*(1+5+2) + (5 + 2) + (2 + 5 + 2) + 1 + 1

// Tables of nothing but noise, or full of the same pointer, end in a result or a fault
// after a bounded number of steps.
func TestHostileTables(t *testing.T) {
	for seed := range uint64(40) {
		r := newRig(t, Config{MSI: seed%2 == 0, ATS: true})
		mem := &counted{r: r}
		r.u.memory = mem
		j := jungle{rand.New(rand.NewPCG(seed, 5)), r}
		switch seed / 2 % 3 {
		case 0:
			for at := rigDDT; at < memBase+1<<20-8; at += 8 {
				r.put(at, j.Uint64())
			}
		case 1:
			// Everything is the same pointer to itself.
			for at := rigDDT; at < memBase+1<<20-8; at += 8 {
				r.put(at, leafPTE(memBase+64<<12, pteV))
			}
		case 2:
			j.grow()
		}
		p := r.u.Port(uint32(seed), mem, nil)
		for range 500 {
			r.mode(j.Uint64N(5), rigDDT)
			if j.one(3) {
				words := j.device()
				r.device(j.Uint64N(32), words[:len(words)/2]...)
				r.u.devices.drop(func(*deviceContext) bool { return true })
				r.u.translations.drop(func(*translation) bool { return true })
			}
			req := j.request()
			req.DeviceID = j.Uint32() >> j.Uint32N(32)
			req.Type = Transaction(j.IntN(11))
			req.ProcessID = j.Uint32()
			mem.calls = 0
			_, _ = r.u.Translate(req)
			if mem.calls > mostSteps {
				t.Fatalf("seed %d: %+v took %d steps", seed, req, mem.calls)
			}
			r.u.RequestPage(PageRequest{DeviceID: j.Uint32(), HasProcess: true, ProcessID: j.Uint32(), Payload: j.Uint64()})
			buf := make([]byte, j.IntN(3*pageSize))
			_ = p.WriteDMA(mmio.IOVA(j.Uint64()), buf)
			_ = p.ReadDMA(-mmio.IOVA(j.IntN(5000)), buf)
			r.fqh = r.Read("fqt")
			r.Write("fqh", r.fqh)
		}
	}
}

// A command queue full of garbage, of any size and anywhere, stops or ends.
func TestHostileCommands(t *testing.T) {
	for seed := range uint64(50) {
		r := newRig(t, Config{ATS: seed%2 == 0})
		j := jungle{rand.New(rand.NewPCG(seed, 6)), r}
		kinds := []uint64{cmdInvalVMA, cmdInvalGVMA, cmdFence, cmdInvalDDT, cmdInvalPDT, cmdATSInval, cmdATSGroup}
		for range 100 {
			a, b := kinds[j.IntN(len(kinds))]|j.Uint64()&j.Uint64()&j.Uint64()&^uint64(cmdKind), j.Uint64()&j.Uint64()&(1<<20-1)
			r.put(rigCQ+r.cqt*16, a, b)
			r.cqt = (r.cqt + 1) % (1 << rigQueue)
			r.Write("cqt", r.cqt)
			if head := r.Read("cqh"); head != r.cqt {
				if r.Read("cqcsr")&commandErrors == 0 {
					t.Fatalf("seed %d: the queue stopped at %#x %#x without an error", seed, a, b)
				}
				r.put(rigCQ+head*16, cmdFence, 0)
				r.Write("cqcsr", r.Read("cqcsr"))
			}
		}
		r.Write("cqb", j.Uint64())
		r.Write("cqt", j.Uint64()&0xffff_ffff)
		r.Write("cqcsr", 3|commandErrors)
	}
}

// registers is memory where the IOMMU's own registers are: an IOFENCE.C can write to
// them.
type registers struct{ u *IOMMU }

func (m registers) ReadDMA(_ mmio.IOVA, p []byte) error {
	clear(p)
	p[0] = byte(cmdFence)
	p[1] = opAV >> 8
	p[4] = 9 // the data
	if len(p) > 8 {
		p[8] = 36 >> 2 // the address: cqt
	}
	return nil
}

func (m registers) WriteDMA(addr mmio.IOVA, p []byte) error {
	m.u.WriteMMIO(uint64(addr), len(p), uint64(p[0]))
	return nil
}

func TestFenceToOwnRegisters(t *testing.T) {
	r := newRig(t, Config{})
	r.u.memory = registers{r.u}
	r.Write("cqt", 3)
	r.Want("cqt", 9)
	r.Want("cqh", 9)
}

// FuzzTables lets a fuzzer write the tables.
func FuzzTables(f *testing.F) {
	f.Add([]byte{1, 2, 3}, uint64(memBase), uint8(2))
	f.Add([]byte{0x01, 0, 0, 0x20, 0, 0, 0, 0x80}, uint64(0x1000), uint8(0x43))
	f.Fuzz(func(t *testing.T, tables []byte, addr uint64, how uint8) {
		r := newRig(t, Config{MSI: how&0x40 != 0, ATS: true})
		for at := rigDDT; at < memBase+1<<19; at += uint64(len(tables)) + 1 {
			copy(r.bytes(at), tables)
		}
		r.mode(uint64(how>>2&3)+1, rigDDT)
		mem := &counted{r: r}
		r.u.memory = mem
		req := Request{DeviceID: uint32(addr >> 32), Type: Transaction(how&3 + 1), Addr: mmio.IOVA(addr),
			HasProcess: how&0x10 != 0, ProcessID: uint32(addr), Privileged: how&0x20 != 0}
		_, _ = r.u.Translate(req)
		if mem.calls > mostSteps {
			t.Errorf("%+v took %d steps", req, mem.calls)
		}
	})
}
