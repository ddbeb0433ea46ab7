// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"encoding/binary"
	"fmt"
	"testing"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// Where a rig keeps things in its memory.
const (
	memBase   = uint64(mmiotest.MemoryBase)
	rigCQ     = memBase + 0x1000
	rigFQ     = memBase + 0x2000
	rigPQ     = memBase + 0x3000
	rigDDT    = memBase + 0x4000
	rigTable  = memBase + 0xd000  // for a single test's own
	rigPages  = memBase + 0x10000 // allocated from here
	rigQueue  = 5                 // log2 of the queues' entries
	outside   = uint64(0x4000_0000)
	rigFenceW = memBase + 0xff00
)

// rig is an IOMMU with its queues on and a way to build tables.
type rig struct {
	*mmiotest.Bench
	t   testing.TB
	env *mmiotest.Env
	u   *IOMMU
	top uint64 // of what has been allocated
	cqt uint64
	fqh uint64
	// The roots of second stages.
	wide map[uint64]bool
}

func newDevice(env *mmiotest.Env, c Config) *IOMMU {
	c.Name, c.Clock, c.Memory, c.Events = "iommu", &env.Clock, &env.Memory, &env.Events
	if c.IRQ == nil {
		for i := range 4 {
			c.IRQ = append(c.IRQ, env.Line(fmt.Sprint("wire", i)))
		}
	}
	return New(c)
}

// newRig makes a rig with a directory of one level.
func newRig(t testing.TB, c Config) *rig {
	t.Helper()
	env := mmiotest.NewEnv()
	u := newDevice(env, c)
	r := &rig{Bench: mmiotest.NewBench(t, u, &env.Events), t: t, env: env, u: u, top: rigPages, wide: map[uint64]bool{}}
	base := func(at uint64) uint64 { return at>>2 | rigQueue - 1 }
	r.Write("icvec", 0x3210)
	r.Write("cqb", base(rigCQ))
	r.Write("fqb", base(rigFQ))
	r.Write("cqcsr", 3)
	r.Write("fqcsr", 3)
	if c.ATS {
		r.Write("pqb", base(rigPQ))
		r.Write("pqcsr", 3)
	}
	r.mode(ddtp1LVL, rigDDT)
	return r
}

func (r *rig) mode(mode, at uint64) { r.t.Helper(); r.Write("ddtp", at>>2|mode) }

func (r *rig) bytes(at uint64) []byte { return r.env.Memory.Bytes[at-memBase:] }

func (r *rig) put(at uint64, words ...uint64) {
	for i, w := range words {
		binary.LittleEndian.PutUint64(r.bytes(at+8*uint64(i)), w)
	}
}

func (r *rig) get(at uint64) uint64 { return binary.LittleEndian.Uint64(r.bytes(at)) }

// alloc returns zeroed pages, aligned to their size.
func (r *rig) alloc(pages uint64) uint64 {
	size := pages * pageSize
	r.top = (r.top + size - 1) &^ (size - 1)
	at := r.top
	r.top += size
	if r.top > memBase+uint64(len(r.env.Memory.Bytes)) {
		r.t.Fatal("out of memory")
	}
	return at
}

// device writes a device context into a directory of one level.
func (r *rig) device(id uint64, words ...uint64) {
	size := uint64(32)
	if r.u.msi {
		size = 64
	}
	r.put(rigDDT+id*size, words...)
}

// table makes an empty table and its iosatp or, with a root of 4 pages, iohgatp.
func (r *rig) table(mode uint64, pages uint64) uint64 {
	root := mode<<60 | r.alloc(pages)>>12
	r.wide[root] = pages == 4
	return root
}

// leaf makes a PTE for addr.
func leafPTE(addr, flags uint64) uint64 { return addr>>2 | flags }

const (
	userRW = pteV | pteR | pteW | pteU | pteA | pteD
	userRX = pteV | pteR | pteX | pteU | pteA | pteD
)

// entry returns where the entry for addr at a level is, making tables on the way. Table
// addresses are physical, or guest physical ones that a second stage maps one to one.
func (r *rig) entry(root, addr uint64, level int) uint64 {
	at := rootPPN(root) << 12
	for i := levels(root) - 1; ; i-- {
		index := addr >> (12 + 9*i) & 511
		if i == levels(root)-1 && r.wide[root] {
			index = addr >> (12 + 9*i) & 2047
		}
		at += index * 8
		if i == level {
			return at
		}
		if r.get(at) == 0 {
			r.put(at, leafPTE(r.alloc(1), pteV))
		}
		at = ppn(r.get(at)) << 12
	}
}

// enter sets the entry for addr at a level and returns where it is.
func (r *rig) enter(root, addr uint64, level int, pte uint64) uint64 {
	at := r.entry(root, addr, level)
	r.put(at, pte)
	return at
}

// command queues a command.
func (r *rig) command(a, b uint64) {
	r.t.Helper()
	r.put(rigCQ+r.cqt*16, a, b)
	r.cqt = (r.cqt + 1) % (1 << rigQueue)
	r.Write("cqt", r.cqt)
}

// flush invalidates everything.
func (r *rig) flush() {
	r.t.Helper()
	r.command(cmdInvalDDT, 0)
	r.command(cmdInvalVMA, 0)
	r.command(cmdInvalGVMA, 0)
	for g := range uint64(3) {
		r.command(cmdInvalVMA|opGV|g<<44, 0)
	}
	if head := r.Read("cqh"); head != r.cqt {
		r.t.Fatalf("the command queue stopped at %d, cqcsr %#x", head, r.Read("cqcsr"))
	}
}

// fault takes the next record from the fault queue, or nil.
func (r *rig) fault() []uint64 {
	r.t.Helper()
	if r.Read("fqt") == r.fqh {
		return nil
	}
	at := rigFQ + r.fqh*32
	rec := []uint64{r.get(at), r.get(at + 8), r.get(at + 16), r.get(at + 24)}
	r.fqh = (r.fqh + 1) % (1 << rigQueue)
	r.Write("fqh", r.fqh)
	return rec
}

// wantOK translates and compares the physical address.
func (r *rig) wantOK(req Request, pa uint64) {
	r.t.Helper()
	res, f := r.u.Translate(req)
	if f != nil {
		r.t.Errorf("%+v: %v, iotval2 %#x", req, f, f.IOTVal2)
	} else if uint64(res.Addr) != pa {
		r.t.Errorf("%+v went to %#x, want %#x", req, uint64(res.Addr), pa)
	}
}

// wantFault translates and compares the cause and the whole record.
func (r *rig) wantFault(req Request, cause Cause, iotval2 uint64) {
	r.t.Helper()
	_, f := r.u.Translate(req)
	if f == nil {
		r.t.Errorf("%+v was granted, want cause %d", req, cause)
		return
	}
	if f.Cause != cause || f.IOTVal2 != iotval2 || !f.Queued {
		r.t.Errorf("%+v: cause %d, iotval2 %#x, queued %v, want %d, %#x", req, f.Cause, f.IOTVal2, f.Queued, cause, iotval2)
	}
	head := uint64(cause) | uint64(req.Type)<<34 | uint64(req.DeviceID)<<40
	if req.HasProcess {
		head |= uint64(req.ProcessID)<<12 | 1<<32
		if req.Privileged {
			head |= 1 << 33
		}
	}
	rec := r.fault()
	if rec == nil {
		r.t.Errorf("%+v: no record", req)
	} else if rec[0] != head || rec[1] != 0 || rec[2] != uint64(req.Addr) || rec[3] != iotval2 {
		r.t.Errorf("%+v: record %#x, want %#x 0 %#x %#x", req, rec, head, uint64(req.Addr), iotval2)
	}
}

func read(device uint32, addr uint64) Request {
	return Request{DeviceID: device, Type: UntranslatedRead, Addr: mmio.IOVA(addr)}
}

func write(device uint32, addr uint64) Request {
	return Request{DeviceID: device, Type: UntranslatedWrite, Addr: mmio.IOVA(addr)}
}

func fetch(device uint32, addr uint64) Request {
	return Request{DeviceID: device, Type: UntranslatedExecute, Addr: mmio.IOVA(addr)}
}

func (r Request) process(id uint32, privileged bool) Request {
	r.HasProcess, r.ProcessID, r.Privileged = true, id, privileged
	return r
}
