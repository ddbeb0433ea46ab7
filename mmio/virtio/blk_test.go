// SPDX-License-Identifier: Apache-2.0

package virtio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// ramDisk is a backend that can be told to fail.
type ramDisk struct {
	data     []byte
	readOnly bool
	fail     error
	flushes  int
}

func (d *ramDisk) ReadAt(p []byte, off int64) (int, error) {
	if d.fail != nil {
		return 0, d.fail
	}
	n := copy(p, d.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (d *ramDisk) WriteAt(p []byte, off int64) (int, error) {
	if d.fail != nil {
		return 0, d.fail
	}
	return copy(d.data[off:], p), nil
}

func (d *ramDisk) Size() int64    { return int64(len(d.data)) }
func (d *ramDisk) Flush() error   { d.flushes++; return d.fail }
func (d *ramDisk) ReadOnly() bool { return d.readOnly }

const testDiskSectors = 256

func newTestDisk() *ramDisk {
	d := &ramDisk{data: make([]byte, testDiskSectors*SectorSize)}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range d.data {
		d.data[i] = byte(rng.Uint32())
	}
	return d
}

// allFeatures lets the driver take whatever is offered.
const allFeatures = ^uint64(0)

// blkGuest is a guest with one block device, ready to take requests.
type blkGuest struct {
	*guest
	vq      *vq
	headers mmio.IOVA // one for each descriptor, taken in turn
	turn    int
	data    mmio.IOVA
	// Of the request submitted last.
	header, status mmio.IOVA
}

const (
	blkTestQueue   = 16
	blkTestRequest = blkHeaderSize + 1 // header and status
)

const blkDataSize = 256 << 10

func newBlkGuest(t testing.TB, cfg BlkConfig, features uint64) *blkGuest {
	t.Helper()
	env := mmiotest.NewEnv()
	cfg.Config = testConfig(env)
	g := newGuest(t, env, NewBlk(cfg))
	g.negotiate(features)
	b := &blkGuest{guest: g, vq: g.queue(0, blkTestQueue)}
	b.headers, b.data = g.alloc(blkTestQueue*blkTestRequest, 16), g.alloc(blkDataSize, 4096)
	b.next()
	g.ready()
	return b
}

// next moves on to the next header and status.
func (b *blkGuest) next() {
	b.header = b.headers + mmio.IOVA(b.turn)*blkTestRequest
	b.status = b.header + blkHeaderSize
	b.turn = (b.turn + 1) % blkTestQueue
}

// submit publishes a request and kicks.
func (b *blkGuest) submit(kind uint32, sector uint64, out, in []span) {
	b.t.Helper()
	b.next()
	h := b.bytes(b.header, blkHeaderSize)
	binary.LittleEndian.PutUint32(h, kind)
	binary.LittleEndian.PutUint64(h[8:], sector)
	b.bytes(b.status, 1)[0] = 0xff
	b.vq.add(append([]span{{b.header, blkHeaderSize}}, out...), append(in[:len(in):len(in)], span{b.status, 1}))
	b.vq.kick()
}

// request performs a request and returns its status and used length.
func (b *blkGuest) request(kind uint32, sector uint64, out, in []span) (status byte, n uint32) {
	b.t.Helper()
	b.submit(kind, sector, out, in)
	_, n = b.vq.must()
	return b.bytes(b.status, 1)[0], n
}

func TestBlkRegisterTable(t *testing.T) {
	mmiotest.CheckTable(t, func(env *mmiotest.Env) mmio.RegisterDevice {
		return NewBlk(BlkConfig{Config: testConfig(env), Backend: newTestDisk()})
	})
}

func TestBlkLargestRequestFitsChainLimit(t *testing.T) {
	const queue = 128
	if most := (queue-2)*blkMaxSegment + blkHeaderSize + 1; most > maxChainBytes {
		t.Errorf("a driver may build requests of %d bytes, chains end at %d", most, maxChainBytes)
	}
}

func TestBlkConfigSpace(t *testing.T) {
	b := newBlkGuest(t, BlkConfig{Backend: newTestDisk(), QueueSize: 64}, allFeatures)
	b.bench.Want("capacity", testDiskSectors)
	b.bench.Want("seg_max", 62)
	b.bench.Want("blk_size", 512)
	// Linux reads the capacity as two words; others read bytes.
	for _, size := range []int{1, 2, 4} {
		if v, ok := b.bench.Raw(configSpace, size); !ok || v != testDiskSectors&(1<<(8*size)-1) {
			t.Errorf("capacity by %d bytes reads %#x, %v", size, v, ok)
		}
	}
	b.noEvents()
}

// TestBlkTransfers reads and writes with every combination of ring features.
func TestBlkTransfers(t *testing.T) {
	for name, features := range map[string]uint64{
		"plain":    allFeatures &^ (featIndirectDesc | featEventIdx),
		"indirect": allFeatures &^ featEventIdx,
		"event":    allFeatures &^ featIndirectDesc,
		"both":     allFeatures,
	} {
		t.Run(name, func(t *testing.T) {
			disk := newTestDisk()
			b := newBlkGuest(t, BlkConfig{Backend: disk}, features)
			if st, n := b.request(blkIn, 8, nil, []span{{b.data, 1000}, {b.data + 4096, 24}, {b.data + 8192, 4096}}); st != blkOK || n != 5121 {
				t.Errorf("read: status %d, length %d", st, n)
			}
			got := append(append(append([]byte(nil), b.bytes(b.data, 1000)...), b.bytes(b.data+4096, 24)...), b.bytes(b.data+8192, 4096)...)
			if !bytes.Equal(got, disk.data[8*512:][:5120]) {
				t.Error("read wrong data")
			}
			if b.ack() != interruptUsed {
				t.Error("no interrupt after a read")
			}
			want := bytes.Repeat([]byte("virtio! "), 3*64)
			copy(b.bytes(b.data, 1536), want)
			if st, n := b.request(blkOut, 100, []span{{b.data, 500}, {b.data + 500, 1036}}, nil); st != blkOK || n != 1 {
				t.Errorf("write: status %d, length %d", st, n)
			}
			if !bytes.Equal(disk.data[100*512:][:1536], want) {
				t.Error("wrote wrong data")
			}
			if disk.flushes != 0 {
				t.Error("a write flushed although the driver knows how to")
			}
			if st, _ := b.request(blkFlush, 0, nil, nil); st != blkOK || disk.flushes != 1 {
				t.Errorf("flush: status %d, %d flushes", st, disk.flushes)
			}
			b.noEvents()
		})
	}
}

func TestBlkAnyLayout(t *testing.T) {
	// The header in two pieces, the status at the end of the data (section 2.6.4).
	disk := newTestDisk()
	b := newBlkGuest(t, BlkConfig{Backend: disk}, allFeatures)
	h := b.bytes(b.header, blkHeaderSize)
	binary.LittleEndian.PutUint64(h[8:], 3)
	b.bytes(b.data+512, 1)[0] = 0xff
	b.vq.add([]span{{b.header, 5}, {b.header + 5, 11}}, []span{{b.data, 513}})
	b.vq.kick()
	if _, n := b.vq.must(); n != 513 {
		t.Errorf("length %d", n)
	}
	if b.bytes(b.data+512, 1)[0] != blkOK || !bytes.Equal(b.bytes(b.data, 512), disk.data[3*512:][:512]) {
		t.Error("wrong status or data")
	}
	b.noEvents()
}

func TestBlkRefusals(t *testing.T) {
	sector := []span{{mmiotest.MemoryBase + 512<<10, 512}}
	for _, tc := range []struct {
		name    string
		kind    uint32
		sector  uint64
		out, in []span
		status  byte
		event   mmio.EventKind
		what    string
	}{
		{"read at the end", blkIn, testDiskSectors, nil, sector, blkIOErr, mmio.EventBadValue, "blk-read-range"},
		{"read over the end", blkIn, testDiskSectors - 1, nil, append(sector, sector...), blkIOErr, mmio.EventBadValue, "blk-read-range"},
		{"read far away", blkIn, 1<<64 - 1, nil, sector, blkIOErr, mmio.EventBadValue, "blk-read-range"},
		{"read whose offset wraps", blkIn, 1 << 55, nil, sector, blkIOErr, mmio.EventBadValue, "blk-read-range"},
		{"read part of a sector", blkIn, 0, nil, []span{{sector[0].at, 511}}, blkIOErr, mmio.EventBadValue, "blk-read-range"},
		{"write at the end", blkOut, testDiskSectors, sector, nil, blkIOErr, mmio.EventBadValue, "blk-write-range"},
		{"write part of a sector", blkOut, 0, []span{{sector[0].at, 513}}, nil, blkIOErr, mmio.EventBadValue, "blk-write-range"},
		{"zero without ranges", blkWriteZeroes, 0, nil, nil, blkIOErr, mmio.EventBadValue, "blk-zero-ranges"},
		{"unknown request", 77, 0, nil, sector, blkUnsupported, mmio.EventUnimplemented, "blk-request-type"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			disk := newTestDisk()
			before := bytes.Clone(disk.data)
			b := newBlkGuest(t, BlkConfig{Backend: disk}, allFeatures)
			if st, n := b.request(tc.kind, tc.sector, tc.out, tc.in); st != tc.status || n > 1 {
				t.Errorf("status %d, length %d, want status %d", st, n, tc.status)
			}
			if b.env.Events.Count(tc.event, tc.what) != 1 || len(b.env.Events.List) != 1 {
				t.Errorf("events %v, want %v %s", b.env.Events.List, tc.event, tc.what)
			}
			if !bytes.Equal(disk.data, before) {
				t.Error("the disk changed")
			}
			if st, _ := b.request(blkIn, 0, nil, sector); st != blkOK {
				t.Error("the device no longer works")
			}
		})
	}
}

func TestBlkReadOnly(t *testing.T) {
	disk := newTestDisk()
	disk.readOnly = true
	b := newBlkGuest(t, BlkConfig{Backend: disk}, allFeatures)
	if b.features&(blkFeatReadOnly|blkFeatWriteZeroes) != blkFeatReadOnly {
		t.Errorf("features %#x", b.features)
	}
	before := bytes.Clone(disk.data)
	if st, _ := b.request(blkOut, 0, []span{{b.data, 512}}, nil); st != blkIOErr || !bytes.Equal(before, disk.data) {
		t.Errorf("write to a read-only disk: status %d", st)
	}
}

func TestBlkBackendErrors(t *testing.T) {
	disk := newTestDisk()
	b := newBlkGuest(t, BlkConfig{Backend: disk}, allFeatures)
	disk.fail = errors.New("host disk on fire")
	data := []span{{b.data, 512}}
	for kind, what := range map[uint32]string{blkIn: "backend-read", blkOut: "backend-write", blkFlush: "backend-flush"} {
		var out, in []span
		switch kind {
		case blkIn:
			in = data
		case blkOut:
			out = data
		}
		if st, _ := b.request(kind, 0, out, in); st != blkIOErr {
			t.Errorf("request %d: status %d", kind, st)
		}
		if b.env.Events.Count(mmio.EventHostIO, what) != 1 {
			t.Errorf("no event %s", what)
		}
	}
}

func TestBlkWriteThroughWithoutFlushFeature(t *testing.T) {
	disk := newTestDisk()
	b := newBlkGuest(t, BlkConfig{Backend: disk}, allFeatures&^blkFeatFlush)
	if st, _ := b.request(blkOut, 0, []span{{b.data, 512}}, nil); st != blkOK || disk.flushes != 1 {
		t.Errorf("status %d, %d flushes", st, disk.flushes)
	}
}

func TestBlkGetID(t *testing.T) {
	b := newBlkGuest(t, BlkConfig{Backend: newTestDisk(), ID: "a serial number of more than 20 bytes"}, allFeatures)
	if st, n := b.request(blkGetID, 0, nil, []span{{b.data, 20}}); st != blkOK || n != 21 {
		t.Errorf("status %d, length %d", st, n)
	}
	if got := string(b.bytes(b.data, 20)); got != "a serial number of m" {
		t.Errorf("ID %q", got)
	}
}

func TestBlkWriteZeroes(t *testing.T) {
	disk := newTestDisk()
	b := newBlkGuest(t, BlkConfig{Backend: disk}, allFeatures)
	want := bytes.Clone(disk.data)
	clear(want[5*512 : 205*512])
	r := b.bytes(b.data, blkRangeSize)
	binary.LittleEndian.PutUint64(r, 5)
	binary.LittleEndian.PutUint32(r[8:], 200)
	if st, n := b.request(blkWriteZeroes, 0, []span{{b.data, blkRangeSize}}, nil); st != blkOK || n != 1 {
		t.Errorf("status %d, length %d", st, n)
	}
	if !bytes.Equal(disk.data, want) {
		t.Error("wrong sectors are zero")
	}
	b.noEvents()
	binary.LittleEndian.PutUint32(r[8:], testDiskSectors)
	if st, _ := b.request(blkWriteZeroes, 0, []span{{b.data, blkRangeSize}}, nil); st != blkIOErr {
		t.Errorf("zeroing past the end: status %d", st)
	}
	if !bytes.Equal(disk.data, want) {
		t.Error("a refused request wrote")
	}
}

func TestBlkWriteZeroesFlags(t *testing.T) {
	for flags, want := range map[uint32]byte{0: blkOK, 1: blkOK, 2: blkUnsupported} {
		b := newBlkGuest(t, BlkConfig{Backend: newTestDisk()}, allFeatures)
		r := b.bytes(b.data, blkRangeSize)
		binary.LittleEndian.PutUint32(r[8:], 1)
		binary.LittleEndian.PutUint32(r[12:], flags)
		if st, _ := b.request(blkWriteZeroes, 0, []span{{b.data, blkRangeSize}}, nil); st != want {
			t.Errorf("flags %d: status %d, want %d", flags, st, want)
		}
	}
	b := newBlkGuest(t, BlkConfig{Backend: newTestDisk()}, allFeatures&^blkFeatWriteZeroes)
	if st, _ := b.request(blkWriteZeroes, 0, []span{{b.data, blkRangeSize}}, nil); st != blkUnsupported {
		t.Errorf("not negotiated: status %d", st)
	}
}

func TestBlkShortBackend(t *testing.T) {
	disk := newTestDisk()
	b := newBlkGuest(t, BlkConfig{Backend: disk}, allFeatures)
	disk.data = disk.data[:512] // somebody truncated the file
	if st, _ := b.request(blkIn, 0, nil, []span{{b.data, 1024}}); st != blkIOErr {
		t.Errorf("status %d", st)
	}
	if b.env.Events.Count(mmio.EventHostIO, "backend-read") != 1 {
		t.Errorf("events %v", b.env.Events.List)
	}
}

func TestBlkBuffersOutsideMemory(t *testing.T) {
	const outside = mmio.IOVA(0x1000)
	for name, tc := range map[string]struct {
		kind    uint32
		out, in []span
	}{
		"read":   {blkIn, nil, []span{{outside, 512}}},
		"write":  {blkOut, []span{{outside, 512}}, nil},
		"id":     {blkGetID, nil, []span{{outside, 20}}},
		"zeroes": {blkWriteZeroes, []span{{outside, blkRangeSize}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			disk := newTestDisk()
			before := bytes.Clone(disk.data)
			b := newBlkGuest(t, BlkConfig{Backend: disk}, allFeatures)
			b.submit(tc.kind, 0, tc.out, tc.in)
			b.wantBroken(mmio.EventBadDMA, "buffer")
			if !bytes.Equal(before, disk.data) {
				t.Error("the disk changed")
			}
		})
	}
}

func TestBlkBrokenRequests(t *testing.T) {
	for name, chain := range map[string]struct{ out, in []span }{
		"short header": {[]span{{mmiotest.MemoryBase, 15}}, []span{{mmiotest.MemoryBase, 1}}},
		"no status":    {[]span{{mmiotest.MemoryBase, 16}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBlkGuest(t, BlkConfig{Backend: newTestDisk()}, allFeatures)
			b.vq.add(chain.out, chain.in)
			b.vq.kick()
			b.wantBroken(mmio.EventBadDescriptor, "blk-header")
		})
	}
}

func TestBlkLatency(t *testing.T) {
	const latency = 100 * time.Microsecond
	disk := newTestDisk()
	b := newBlkGuest(t, BlkConfig{Backend: disk, Latency: latency}, allFeatures)
	b.submit(blkIn, 1, nil, []span{{b.data, 512}})
	b.env.Clock.Advance(latency / 2)
	b.submit(blkIn, 2, nil, []span{{b.data + 512, 512}})
	b.env.Clock.Advance(latency/2 - 1)
	if _, _, ok := b.vq.done(); ok || b.line.Level {
		t.Fatal("completed too early")
	}
	b.env.Clock.Advance(1)
	b.vq.must()
	if !bytes.Equal(b.bytes(b.data, 512), disk.data[512:1024]) || b.ack() != interruptUsed {
		t.Error("wrong data or no interrupt")
	}
	if _, _, ok := b.vq.done(); ok {
		t.Fatal("second request completed with the first")
	}
	b.env.Clock.Advance(latency / 2)
	b.vq.must()
	if !bytes.Equal(b.bytes(b.data+512, 512), disk.data[1024:1536]) {
		t.Error("wrong data")
	}
	b.noEvents()
}

func TestBlkLatencyFullQueueGoesOn(t *testing.T) {
	// With every descriptor in flight the device must still ask for the next kick.
	b := newBlkGuest(t, BlkConfig{Backend: newTestDisk(), Latency: time.Millisecond}, allFeatures)
	for round := range 10 {
		for range b.vq.num {
			b.submit(blkIn, 0, nil, []span{{b.data, 512}})
		}
		b.env.Clock.Advance(time.Millisecond)
		for range b.vq.num {
			if _, _, ok := b.vq.done(); !ok {
				t.Fatalf("round %d: requests are stuck", round)
			}
		}
	}
	b.noEvents()
}

func TestBlkResetForgetsRequestsInFlight(t *testing.T) {
	b := newBlkGuest(t, BlkConfig{Backend: newTestDisk(), Latency: time.Millisecond}, allFeatures)
	before := bytes.Clone(b.bytes(b.data, 512))
	b.submit(blkIn, 0, nil, []span{{b.data, 512}})
	b.bench.Write("Status", 0)
	if _, ok := b.env.Clock.Next(); ok {
		t.Error("a timer is armed after reset")
	}
	b.env.Clock.Advance(time.Second)
	if !bytes.Equal(before, b.bytes(b.data, 512)) || b.get16(b.vq.used+2) != 0 {
		t.Error("the device wrote memory after reset")
	}
}

// TestBlkModel runs random requests against a plain byte slice, over enough of them
// for ring indices to wrap.
func TestBlkModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		disk := newTestDisk()
		model := bytes.Clone(disk.data)
		features := uint64(allFeatures)
		if rapid.Bool().Draw(rt, "no indirect") {
			features &^= featIndirectDesc
		}
		if rapid.Bool().Draw(rt, "no event index") {
			features &^= featEventIdx
		}
		var latency time.Duration
		if rapid.Bool().Draw(rt, "latency") {
			latency = time.Millisecond
		}
		b := newBlkGuest(t, BlkConfig{Backend: disk, Latency: latency}, features)
		for range rapid.IntRange(1, 60).Draw(rt, "requests") {
			sectors := rapid.IntRange(1, 32).Draw(rt, "sectors")
			sector := rapid.IntRange(0, testDiskSectors-sectors).Draw(rt, "sector")
			var parts []span
			for left, at := sectors*SectorSize, b.data; left > 0; {
				n := left
				if len(parts) < 12 {
					n = rapid.IntRange(1, left).Draw(rt, "part")
				}
				parts = append(parts, span{at, n})
				left -= n
				at += mmio.IOVA(n)
			}
			data, stored := b.bytes(b.data, sectors*SectorSize), model[sector*SectorSize:][:sectors*SectorSize]
			if rapid.Bool().Draw(rt, "write") {
				for i := range data {
					data[i] ^= byte(i * sectors)
				}
				copy(stored, data)
				b.submit(blkOut, uint64(sector), parts, nil)
			} else {
				b.submit(blkIn, uint64(sector), nil, parts)
			}
			b.env.Clock.Advance(latency)
			b.vq.must()
			if st := b.bytes(b.status, 1)[0]; st != blkOK || !bytes.Equal(data, stored) {
				rt.Fatalf("status %d or wrong data", st)
			}
		}
		if !bytes.Equal(disk.data, model) {
			rt.Fatal("the disk differs from the model")
		}
		b.noEvents()
	})
}

func TestBlkRequestsDoNotAllocate(t *testing.T) {
	b := newBlkGuest(t, BlkConfig{Backend: newTestDisk()}, allFeatures)
	b.request(blkIn, 0, nil, []span{{b.data, 512}, {b.data + 512, 512}})
	notify := b.bench
	idx := b.vq.availIdx
	if n := testing.AllocsPerRun(100, func() {
		// The same chain again and again: its descriptors are still in place.
		b.put16(b.vq.avail+ringHeader+mmio.IOVA(int(idx)%b.vq.num)*availEntry, 0)
		idx++
		b.put16(b.vq.avail+2, idx)
		notify.Write("QueueNotify", 0)
	}); n != 0 {
		t.Errorf("%v allocations for a request", n)
	}
	if got := b.get16(b.vq.used + 2); got != idx {
		t.Errorf("%d requests completed of %d", got, idx)
	}
	b.noEvents()
}

func BenchmarkBlkRead4K(bm *testing.B) {
	b := newBlkGuest(bm, BlkConfig{Backend: newTestDisk()}, allFeatures)
	data := []span{{b.data, 4096}}
	bm.SetBytes(4096)
	for bm.Loop() {
		b.request(blkIn, 0, nil, data)
	}
}
