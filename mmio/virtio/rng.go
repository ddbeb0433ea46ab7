// SPDX-License-Identifier: Apache-2.0

package virtio

import "math/rand/v2"

// rngMaxBytes bounds what one request gets. A driver takes less than it asked
// for in its stride (section 5.4.6.2).
const rngMaxBytes = 4096

// RNGConfig configures an entropy source.
type RNGConfig struct {
	Config
	// Seed determines every byte that the device will ever return. Reset starts
	// over, so that a machine's second boot equals its first.
	Seed [32]byte
}

// RNG is an entropy source (section 5.4), a deterministic one: a run must be
// repeatable.
type RNG struct {
	transport
	seed   [32]byte
	source *rand.ChaCha8
	queue  *queue
	chain  chain
	bytes  [rngMaxBytes]byte
}

// NewRNG makes an entropy source.
func NewRNG(cfg RNGConfig) *RNG {
	r := &RNG{seed: cfg.Seed, source: rand.NewChaCha8(cfg.Seed)}
	r.init(cfg.Config, r, deviceSpec{
		id: idEntropy, title: "virtio entropy source",
		doc:    "A seeded random number generator over virtio-mmio (virtio 1.2, section 5.4).",
		queues: []uint16{64},
	})
	r.queue = r.queues[0]
	return r
}

// Reset puts the device into its power-on state, with the seed's first byte next.
// A driver's reset does not repeat bytes.
func (r *RNG) Reset() {
	r.transport.Reset()
	r.source.Seed(r.seed)
}

func (r *RNG) start() {}

func (r *RNG) stopQueue(int) {}

func (r *RNG) reset() {}

func (r *RNG) notify(int) {
	for r.queue.pop(&r.chain) {
		if r.chain.readLen > 0 {
			r.queue.bad("rng-readable", uint64(r.chain.readLen))
			break
		}
		p := r.bytes[:min(r.chain.writeLen, rngMaxBytes)]
		// ChaCha8's Read never fails.
		_, _ = r.source.Read(p)
		out := r.chain.writeStart()
		if !r.queue.write(&r.chain, &out, p) {
			break
		}
		r.queue.push(r.chain.head, uint32(len(p)))
	}
	r.queue.flush()
}
