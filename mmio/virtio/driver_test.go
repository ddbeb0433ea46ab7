// SPDX-License-Identifier: Apache-2.0

package virtio

import (
	"encoding/binary"
	"testing"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// guest drives one device as Linux's virtio_mmio.c and virtio_ring.c do.
type guest struct {
	t        testing.TB
	env      *mmiotest.Env
	bench    *mmiotest.Bench
	line     *mmiotest.Line
	features uint64
	vqs      map[int]*vq
	brk      mmio.IOVA // memory below is in use
}

func testConfig(env *mmiotest.Env) Config {
	return Config{Name: "virtio0", IRQ: env.Line("irq"), DMA: &env.Memory, Clock: &env.Clock, Events: &env.Events}
}

func newGuest(t testing.TB, env *mmiotest.Env, dev mmio.RegisterDevice) *guest {
	return &guest{
		t: t, env: env, bench: mmiotest.NewBench(t, dev, &env.Events), line: env.Line("irq"),
		vqs: map[int]*vq{}, brk: mmiotest.MemoryBase,
	}
}

// alloc takes zeroed memory.
func (g *guest) alloc(n int, align mmio.IOVA) mmio.IOVA {
	g.t.Helper()
	at := (g.brk + align - 1) &^ (align - 1)
	g.brk = at + mmio.IOVA(n)
	clear(g.bytes(at, n))
	return at
}

// bytes is the guest memory itself.
func (g *guest) bytes(at mmio.IOVA, n int) []byte {
	off := int(at - g.env.Memory.Base)
	return g.env.Memory.Bytes[off : off+n]
}

func (g *guest) get16(at mmio.IOVA) uint16 { return binary.LittleEndian.Uint16(g.bytes(at, 2)) }
func (g *guest) get32(at mmio.IOVA) uint32 { return binary.LittleEndian.Uint32(g.bytes(at, 4)) }
func (g *guest) put16(at mmio.IOVA, v uint16) {
	binary.LittleEndian.PutUint16(g.bytes(at, 2), v)
}

// negotiate performs device initialisation up to FEATURES_OK (section 3.1.1),
// accepting those of want that are offered.
func (g *guest) negotiate(want uint64) {
	g.t.Helper()
	g.bench.Want("MagicValue", magicValue)
	g.bench.Want("Version", 2)
	g.bench.Write("Status", 0)
	g.bench.Want("Status", 0)
	g.bench.Write("Status", statusAcknowledge)
	g.bench.Write("Status", statusAcknowledge|statusDriver)
	g.features = want & g.offered()
	for sel := range uint64(2) {
		g.bench.Write("DriverFeaturesSel", sel)
		g.bench.Write("DriverFeatures", half(g.features, sel))
	}
	g.bench.Write("Status", statusAcknowledge|statusDriver|statusFeaturesOK)
	g.bench.Want("Status", statusAcknowledge|statusDriver|statusFeaturesOK)
}

func (g *guest) offered() uint64 {
	var f uint64
	for sel := range uint64(2) {
		g.bench.Write("DeviceFeaturesSel", sel)
		f |= g.bench.Read("DeviceFeatures") << (32 * sel)
	}
	return f
}

// ready sets DRIVER_OK.
func (g *guest) ready() {
	g.bench.Write("Status", g.bench.Read("Status")|statusDriverOK)
}

// noEvents fails the test if the guest has made a mistake.
func (g *guest) noEvents() {
	g.t.Helper()
	for _, e := range g.env.Events.List {
		g.t.Errorf("unexpected event %v %s %#x %#x", e.Kind, e.What, e.Offset, e.Value)
	}
}

// wantBroken checks that the device stopped for this reason.
func (g *guest) wantBroken(kind mmio.EventKind, what string) {
	g.t.Helper()
	if g.env.Events.Count(kind, what) != 1 {
		g.t.Errorf("events %v, want one %v %s", g.env.Events.List, kind, what)
	}
	if g.bench.Read("Status")&statusNeedsReset == 0 {
		g.t.Error("the device does not ask for a reset")
	}
	if g.bench.Read("InterruptStatus")&interruptConfig == 0 || !g.line.Level {
		g.t.Error("the device does not interrupt for DEVICE_NEEDS_RESET")
	}
}

// span is a buffer in guest memory.
type span struct {
	at mmio.IOVA
	n  int
}

// vq is the driver's side of a split virtqueue.
type vq struct {
	g                  *guest
	index, num         int
	desc, avail, used  mmio.IOVA
	tables             mmio.IOVA // room for one indirect table per descriptor
	free               []uint16  // descriptors, the next one last
	chains             map[uint16][]uint16
	availIdx, lastUsed uint16
	added              uint16 // since the last kick
	kicks              int
}

const testTableSize = 32 // descriptors in an indirect table

// queue sets queue i up with num descriptors.
func (g *guest) queue(i, num int) *vq {
	g.t.Helper()
	b := g.bench
	b.Write("QueueSel", uint64(i))
	b.Want("QueueReady", 0)
	if most := b.Read("QueueNumMax"); most < uint64(num) {
		g.t.Fatalf("queue %d has at most %d descriptors", i, most)
	}
	v := &vq{
		g: g, index: i, num: num, chains: map[uint16][]uint16{},
		desc:   g.alloc(num*descSize, 16),
		avail:  g.alloc(ringHeader+num*availEntry+2, 2),
		used:   g.alloc(ringHeader+num*usedElemSize+2, 4),
		tables: g.alloc(num*testTableSize*descSize, 16),
	}
	for d := num - 1; d >= 0; d-- {
		v.free = append(v.free, uint16(d))
	}
	b.Write("QueueNum", uint64(num))
	for name, at := range map[string]mmio.IOVA{"QueueDesc": v.desc, "QueueDriver": v.avail, "QueueDevice": v.used} {
		b.Write(name+"Low", uint64(at)&0xffffffff)
		b.Write(name+"High", uint64(at)>>32)
	}
	b.Write("QueueReady", 1)
	b.Want("QueueReady", 1)
	g.vqs[i] = v
	return v
}

// putDesc writes entry i of a descriptor table.
func (g *guest) putDesc(table mmio.IOVA, i uint16, addr mmio.IOVA, n uint32, flags, next uint16) {
	d := g.bytes(table+mmio.IOVA(i)*descSize, descSize)
	binary.LittleEndian.PutUint64(d, uint64(addr))
	binary.LittleEndian.PutUint32(d[8:], n)
	binary.LittleEndian.PutUint16(d[12:], flags)
	binary.LittleEndian.PutUint16(d[14:], next)
}

// take removes a descriptor from the free list.
func (v *vq) take() uint16 {
	v.g.t.Helper()
	if len(v.free) == 0 {
		v.g.t.Fatal("the driver has no free descriptor")
	}
	d := v.free[len(v.free)-1]
	v.free = v.free[:len(v.free)-1]
	return d
}

// add publishes a chain and returns its head.
func (v *vq) add(out, in []span) uint16 {
	v.g.t.Helper()
	all := append(append([]span(nil), out...), in...)
	fill := func(table mmio.IOVA, ids []uint16) {
		for k, s := range all {
			flags, next := uint16(0), uint16(0)
			if k >= len(out) {
				flags |= descWrite
			}
			if k+1 < len(all) {
				flags |= descNext
				next = ids[k+1]
			}
			v.g.putDesc(table, ids[k], s.at, uint32(s.n), flags, next)
		}
	}
	var ids []uint16
	if v.g.features&featIndirectDesc != 0 && len(all) > 1 {
		head := v.take()
		table := v.tables + mmio.IOVA(head)*testTableSize*descSize
		for k := range all {
			ids = append(ids, uint16(k))
		}
		fill(table, ids)
		v.g.putDesc(v.desc, head, table, uint32(len(all)*descSize), descIndirect, 0)
		ids = []uint16{head}
	} else {
		for range all {
			ids = append(ids, v.take())
		}
		fill(v.desc, ids)
	}
	v.chains[ids[0]] = ids
	v.publish(ids[0])
	return ids[0]
}

// publish puts a head into the available ring.
func (v *vq) publish(head uint16) {
	v.g.put16(v.avail+ringHeader+mmio.IOVA(int(v.availIdx)%v.num)*availEntry, head)
	v.availIdx++
	v.g.put16(v.avail+2, v.availIdx)
	v.added++
}

// kick notifies the device if it wants that.
func (v *vq) kick() {
	v.g.t.Helper()
	need := v.g.get16(v.used)&1 == 0
	if v.g.features&featEventIdx != 0 {
		event := v.g.get16(v.used + ringHeader + mmio.IOVA(v.num)*usedElemSize)
		need = v.availIdx-event-1 < v.added
	}
	v.added = 0
	if need {
		v.kicks++
		v.g.bench.Write("QueueNotify", uint64(v.index))
	}
}

// done takes one chain that the device has returned.
func (v *vq) done() (head uint16, n uint32, ok bool) {
	v.g.t.Helper()
	if v.g.get16(v.used+2) == v.lastUsed {
		return 0, 0, false
	}
	elem := v.used + ringHeader + mmio.IOVA(int(v.lastUsed)%v.num)*usedElemSize
	id := v.g.get32(elem)
	ids, mine := v.chains[uint16(id)]
	if id >= uint32(v.num) || !mine {
		v.g.t.Fatalf("the device returned chain %d, which it does not have", id)
	}
	delete(v.chains, uint16(id))
	for k := len(ids) - 1; k >= 0; k-- {
		v.free = append(v.free, ids[k])
	}
	v.lastUsed++
	if v.g.features&featEventIdx != 0 {
		v.g.put16(v.avail+ringHeader+mmio.IOVA(v.num)*availEntry, v.lastUsed)
	}
	return uint16(id), v.g.get32(elem + 4), true
}

// must is done for a chain that has to be there.
func (v *vq) must() (head uint16, n uint32) {
	v.g.t.Helper()
	head, n, ok := v.done()
	if !ok {
		v.g.t.Fatalf("queue %d: the device returned nothing", v.index)
	}
	return head, n
}

// ack is the interrupt handler's entry: why was it, and let go of the wire.
func (g *guest) ack() uint64 {
	g.t.Helper()
	s := g.bench.Read("InterruptStatus")
	if g.line.Level != (s != 0) {
		g.t.Errorf("wire is %v with InterruptStatus %#x", g.line.Level, s)
	}
	g.bench.Write("InterruptACK", s)
	if g.line.Level {
		g.t.Error("wire stays high after InterruptACK")
	}
	return s
}
