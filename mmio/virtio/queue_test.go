// SPDX-License-Identifier: Apache-2.0

package virtio

import (
	"math/rand/v2"
	"testing"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// TestRingWraps sends more chains than a ring index can count, in batches of random
// size, and checks that no notification or interrupt gets lost on either side.
func TestRingWraps(t *testing.T) {
	for name, features := range map[string]uint64{
		"flags":       allFeatures &^ featEventIdx,
		"event index": allFeatures,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRNGGuest(t, features)
			rng := rand.New(rand.NewPCG(3, 4))
			sent := 0
			for sent < 70_000 {
				n := 1 + rng.IntN(rngTestQueue)
				for range n {
					r.vq.add(nil, []span{{r.data, 1}})
				}
				r.vq.kick()
				if r.ack() != interruptUsed {
					t.Fatalf("no interrupt after %d chains", sent)
				}
				for range n {
					r.vq.must()
				}
				sent += n
			}
			r.noEvents()
		})
	}
}

func TestInterruptSuppression(t *testing.T) {
	t.Run("flags", func(t *testing.T) {
		r := newRNGGuest(t, allFeatures&^featEventIdx)
		r.put16(r.vq.avail, availNoInterrupt)
		r.ask(1)
		if r.ack() != 0 {
			t.Error("interrupt although the driver wants none")
		}
		r.put16(r.vq.avail, 0)
		r.ask(1)
		if r.ack() != interruptUsed {
			t.Error("no interrupt")
		}
	})
	t.Run("event index", func(t *testing.T) {
		r := newRNGGuest(t, allFeatures)
		// Interrupt when the third chain (index 2) has been used.
		usedEvent := r.vq.avail + ringHeader + rngTestQueue*availEntry
		for i, want := range []uint64{0, 0, interruptUsed, 0} {
			r.put16(usedEvent, 2)
			r.vq.add(nil, []span{{r.data, 1}})
			r.vq.kick()
			if got := r.ack(); got != want {
				t.Errorf("chain %d: InterruptStatus %#x, want %#x", i, got, want)
			}
		}
	})
}

// TestNotificationSuppression: with the event index, a device that has not used up
// what it knows of lets the driver add buffers quietly.
func TestNotificationSuppression(t *testing.T) {
	c := newConsoleGuest(t, allFeatures, PortConfig{Console: true})
	c.handshake()
	port, rx := c.dev.Port(0), c.rx[0]
	port.Send([]byte("x"))
	rx.kicks = 0
	for range 3 {
		c.text(0)
		port.Send([]byte("x"))
	}
	if rx.kicks != 0 {
		t.Errorf("%d kicks for buffers that the device did not wait for", rx.kicks)
	}
	for port.Send([]byte("x")) == 1 {
	}
	c.text(0)
	if rx.kicks != 1 {
		t.Errorf("%d kicks for buffers that the device waits for", rx.kicks)
	}
}

// TestBrokenRings is the list of what a driver must not do to a ring.
func TestBrokenRings(t *testing.T) {
	const outside = mmio.IOVA(0x1000)
	type setup func(r *rngGuest)
	// direct publishes descriptor 0, whose content put has written.
	direct := func(put func(r *rngGuest)) setup {
		return func(r *rngGuest) {
			put(r)
			r.vq.publish(0)
		}
	}
	// indirect publishes descriptor 0 as an indirect table of n entries.
	indirect := func(n int, put func(r *rngGuest, table mmio.IOVA)) setup {
		return func(r *rngGuest) {
			table := r.alloc(n*descSize, 16)
			put(r, table)
			r.putDesc(r.vq.desc, 0, table, uint32(n*descSize), descIndirect, 0)
			r.vq.publish(0)
		}
	}
	for _, tc := range []struct {
		name     string
		features uint64
		do       setup
		kind     mmio.EventKind
		what     string
	}{
		{"avail index runs ahead", allFeatures, func(r *rngGuest) { r.put16(r.vq.avail+2, rngTestQueue+1) },
			mmio.EventBadDescriptor, "avail-index"},
		{"avail index runs back", allFeatures, func(r *rngGuest) { r.put16(r.vq.avail+2, 0xffff) },
			mmio.EventBadDescriptor, "avail-index"},
		{"head beyond the table", allFeatures, func(r *rngGuest) { r.vq.publish(rngTestQueue) },
			mmio.EventBadDescriptor, "desc-index"},
		{"next beyond the table", allFeatures, direct(func(r *rngGuest) {
			r.putDesc(r.vq.desc, 0, r.data, 1, descNext|descWrite, rngTestQueue)
		}), mmio.EventBadDescriptor, "desc-index"},
		{"loop", allFeatures, direct(func(r *rngGuest) {
			r.putDesc(r.vq.desc, 0, r.data, 1, descNext|descWrite, 1)
			r.putDesc(r.vq.desc, 1, r.data, 1, descNext|descWrite, 0)
		}), mmio.EventBadDescriptor, "chain-too-long"},
		{"empty descriptor", allFeatures, direct(func(r *rngGuest) { r.putDesc(r.vq.desc, 0, r.data, 0, descWrite, 0) }),
			mmio.EventBadDescriptor, "desc-empty"},
		{"wrapping descriptor", allFeatures, direct(func(r *rngGuest) {
			r.putDesc(r.vq.desc, 0, ^mmio.IOVA(0)-3, 8, descWrite, 0)
		}), mmio.EventBadDescriptor, "desc-wrap"},
		{"readable after writable", allFeatures, direct(func(r *rngGuest) {
			r.putDesc(r.vq.desc, 0, r.data, 1, descNext|descWrite, 1)
			r.putDesc(r.vq.desc, 1, r.data, 1, 0, 0)
		}), mmio.EventBadDescriptor, "desc-order"},
		{"too many bytes", allFeatures, direct(func(r *rngGuest) {
			r.putDesc(r.vq.desc, 0, r.data, maxChainBytes, descNext|descWrite, 1)
			r.putDesc(r.vq.desc, 1, r.data, 1, descWrite, 0)
		}), mmio.EventBadDescriptor, "chain-too-big"},
		{"buffer outside memory", allFeatures, direct(func(r *rngGuest) { r.putDesc(r.vq.desc, 0, outside, 8, descWrite, 0) }),
			mmio.EventBadDMA, "buffer"},
		{"indirect not negotiated", allFeatures &^ featIndirectDesc, indirect(1, func(r *rngGuest, table mmio.IOVA) {
			r.putDesc(table, 0, r.data, 1, descWrite, 0)
		}), mmio.EventBadDescriptor, "indirect-not-negotiated"},
		{"nested indirect", allFeatures, indirect(1, func(r *rngGuest, table mmio.IOVA) {
			r.putDesc(table, 0, table, descSize, descIndirect, 0)
		}), mmio.EventBadDescriptor, "indirect-nested"},
		{"indirect with next", allFeatures, direct(func(r *rngGuest) {
			r.putDesc(r.vq.desc, 0, r.data, descSize, descIndirect|descNext, 1)
		}), mmio.EventBadDescriptor, "indirect-next"},
		{"empty indirect table", allFeatures, direct(func(r *rngGuest) { r.putDesc(r.vq.desc, 0, r.data, 0, descIndirect, 0) }),
			mmio.EventBadDescriptor, "indirect-table"},
		{"odd indirect table", allFeatures, direct(func(r *rngGuest) {
			r.putDesc(r.vq.desc, 0, r.data, descSize+1, descIndirect, 0)
		}), mmio.EventBadDescriptor, "indirect-table"},
		{"wrapping indirect table", allFeatures, direct(func(r *rngGuest) {
			r.putDesc(r.vq.desc, 0, ^mmio.IOVA(0)-15, 2*descSize, descIndirect, 0)
		}), mmio.EventBadDescriptor, "indirect-table"},
		{"indirect table outside memory", allFeatures, direct(func(r *rngGuest) {
			r.putDesc(r.vq.desc, 0, outside, descSize, descIndirect, 0)
		}), mmio.EventBadDMA, "desc"},
		{"next beyond the indirect table", allFeatures, indirect(2, func(r *rngGuest, table mmio.IOVA) {
			r.putDesc(table, 0, r.data, 1, descNext|descWrite, 2)
		}), mmio.EventBadDescriptor, "desc-index"},
		{"loop in the indirect table", allFeatures, indirect(2, func(r *rngGuest, table mmio.IOVA) {
			r.putDesc(table, 0, r.data, 1, descNext|descWrite, 0)
		}), mmio.EventBadDescriptor, "chain-too-long"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRNGGuest(t, tc.features)
			tc.do(r)
			r.bench.Write("QueueNotify", 0)
			r.wantBroken(tc.kind, tc.what)
			if _, _, ok := r.vq.done(); ok {
				t.Error("the broken chain was used")
			}
			// It stays stopped, quietly, and a reset mends it.
			r.bench.Write("QueueNotify", 0)
			if len(r.env.Events.List) != 1 {
				t.Errorf("events %v", r.env.Events.List)
			}
			r.negotiate(tc.features)
			r.vq = r.queue(0, rngTestQueue)
			r.ready()
			if len(r.ask(4)) != 4 {
				t.Error("the device does not work after a reset")
			}
		})
	}
}

// TestRingsOutsideMemory enables queues over nothing.
func TestRingsOutsideMemory(t *testing.T) {
	for reg, what := range map[string]string{"QueueDescLow": "desc", "QueueDriverLow": "avail", "QueueDeviceLow": "used"} {
		t.Run(reg, func(t *testing.T) {
			env := mmiotest.NewEnv()
			r := &rngGuest{dev: NewRNG(RNGConfig{Config: testConfig(env)})}
			r.guest = newGuest(t, env, r.dev)
			r.negotiate(allFeatures &^ featEventIdx)
			r.vq = r.queue(0, rngTestQueue)
			r.data = r.alloc(16, 16)
			r.bench.Write("QueueReady", 0)
			r.bench.Write(reg, 0x1000)
			r.bench.Write("QueueReady", 1)
			r.ready()
			r.vq.add(nil, []span{{r.data, 1}})
			r.vq.kick()
			r.wantBroken(mmio.EventBadDMA, what)
		})
	}
}

func TestSameHeadTooOften(t *testing.T) {
	b := newBlkGuest(t, BlkConfig{Backend: newTestDisk(), Latency: 1}, allFeatures)
	b.submit(blkIn, 0, nil, []span{{b.data, 512}})
	for range b.vq.num {
		b.vq.publish(0)
		b.bench.Write("QueueNotify", 0)
	}
	b.wantBroken(mmio.EventBadDescriptor, "in-flight")
}

func TestDirectDescriptorsBeforeIndirect(t *testing.T) {
	// Section 2.7.5.3.2: normal descriptors, then one that is indirect.
	r := newRNGGuest(t, allFeatures)
	table := r.alloc(2*descSize, 16)
	r.putDesc(r.vq.desc, 0, r.data, 3, descNext|descWrite, 1)
	r.putDesc(r.vq.desc, 1, table, 2*descSize, descIndirect, 0)
	r.putDesc(table, 0, r.data+16, 4, descNext|descWrite, 1)
	r.putDesc(table, 1, r.data+32, 5, descWrite, 0)
	r.vq.chains[0] = []uint16{0, 1}
	r.vq.publish(0)
	r.vq.kick()
	if _, n := r.vq.must(); n != 12 {
		t.Errorf("length %d, want 12", n)
	}
	r.noEvents()
}

func TestLongIndirectTable(t *testing.T) {
	// More entries than are fetched at once, in an order that jumps about.
	r := newRNGGuest(t, allFeatures)
	const entries = 3 * windowDescs
	table := r.alloc(entries*descSize, 16)
	at := uint16(0)
	for i := range 10 {
		next := uint16((int(at) + 73) % entries)
		flags := uint16(descWrite | descNext)
		if i == 9 {
			flags = descWrite
		}
		r.putDesc(table, at, r.data+mmio.IOVA(i), 1, flags, next)
		at = next
	}
	r.putDesc(r.vq.desc, 0, table, entries*descSize, descIndirect, 0)
	r.vq.chains[0] = []uint16{0}
	r.vq.publish(0)
	r.vq.kick()
	if _, n := r.vq.must(); n != 10 {
		t.Errorf("length %d, want 10", n)
	}
	r.noEvents()
}

// dmaLog records what a device reads.
type dmaLog struct {
	mmio.DMA
	reads []span
}

func (l *dmaLog) ReadDMA(addr mmio.IOVA, p []byte) error {
	l.reads = append(l.reads, span{addr, len(p)})
	return l.DMA.ReadDMA(addr, p)
}

// TestReadsOnlyWhatWasPublished: bytes beside it may be dirty in a cache.
func TestReadsOnlyWhatWasPublished(t *testing.T) {
	env := mmiotest.NewEnv()
	log := &dmaLog{DMA: &env.Memory}
	cfg := testConfig(env)
	cfg.DMA = log
	g := newGuest(t, env, NewRNG(RNGConfig{Config: cfg}))
	g.negotiate(allFeatures)
	v := g.queue(0, 8)
	data := g.alloc(64, 64)
	g.ready()
	log.reads = nil
	v.add(nil, []span{{data, 1}})
	v.add(nil, []span{{data, 1}, {data + 8, 1}})
	v.kick()
	want := []span{
		{v.avail + 2, 2}, {v.avail + 4, 4}, // index, two entries
		{v.desc, 16}, {v.desc + 16, 16}, {v.tables + testTableSize*descSize, 32},
		{v.avail + 2, 2},                // nothing more
		{v.avail + 4 + 8*availEntry, 2}, // used_event
	}
	if len(log.reads) != len(want) {
		t.Fatalf("reads %x, want %x", log.reads, want)
	}
	for i := range want {
		if log.reads[i] != want[i] {
			t.Errorf("read %d is %x, want %x", i, log.reads[i], want[i])
		}
	}
}

// TestLongestChain: a chain may be as long as the device's Queue Size, even where
// the driver chose a smaller one for the ring.
func TestLongestChain(t *testing.T) {
	const most = 64 // QueueNumMax of the entropy source
	for _, n := range []int{most, most + 1} {
		r := newRNGGuest(t, allFeatures)
		r.bench.Want("QueueNumMax", most)
		table := r.alloc(n*descSize, 16)
		for i := range uint16(n) {
			flags := uint16(descWrite | descNext)
			if int(i) == n-1 {
				flags = descWrite
			}
			r.putDesc(table, i, r.data, 1, flags, i+1)
		}
		r.putDesc(r.vq.desc, 0, table, uint32(n*descSize), descIndirect, 0)
		r.vq.chains[0] = []uint16{0}
		r.vq.publish(0)
		r.vq.kick()
		if n > most {
			r.wantBroken(mmio.EventBadDescriptor, "chain-too-long")
		} else if _, got := r.vq.must(); got != most {
			t.Errorf("length %d, want %d", got, most)
		}
	}
}
