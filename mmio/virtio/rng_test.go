// SPDX-License-Identifier: Apache-2.0

package virtio

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// rngGuest is a guest with an entropy source: the simplest device, so the tests of
// transport and rings use it too.
type rngGuest struct {
	*guest
	dev  *RNG
	vq   *vq
	data mmio.IOVA
}

const rngTestQueue = 8

func newRNGGuest(t testing.TB, features uint64) *rngGuest {
	t.Helper()
	env := mmiotest.NewEnv()
	r := &rngGuest{dev: NewRNG(RNGConfig{Config: testConfig(env), Seed: [32]byte{1}})}
	r.guest = newGuest(t, env, r.dev)
	r.negotiate(features)
	r.vq = r.queue(0, rngTestQueue)
	r.data = r.alloc(64<<10, 4096)
	r.ready()
	return r
}

// ask requests n bytes and returns what came.
func (r *rngGuest) ask(n int) []byte {
	r.t.Helper()
	r.vq.add(nil, []span{{r.data, n}})
	r.vq.kick()
	_, got := r.vq.must()
	return bytes.Clone(r.bytes(r.data, int(got)))
}

func TestRNGRegisterTable(t *testing.T) {
	mmiotest.CheckTable(t, func(env *mmiotest.Env) mmio.RegisterDevice {
		return NewRNG(RNGConfig{Config: testConfig(env)})
	})
}

func TestRNGIsTheSeededStream(t *testing.T) {
	want := make([]byte, 64+100)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(want)
	r := newRNGGuest(t, allFeatures)
	if got := append(r.ask(64), r.ask(100)...); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	if r.ack() != interruptUsed {
		t.Error("no interrupt")
	}
	r.dev.Reset()
	again := newRNGGuest(t, allFeatures)
	if !bytes.Equal(again.ask(64), want[:64]) {
		t.Error("a second machine differs")
	}
	r.noEvents()
}

func TestRNGPowerOnResetStartsOver(t *testing.T) {
	r := newRNGGuest(t, allFeatures)
	first := r.ask(32)
	start := func() {
		r.negotiate(allFeatures)
		r.vq = r.queue(0, rngTestQueue)
		r.ready()
	}
	start()
	if bytes.Equal(r.ask(32), first) {
		t.Error("the driver's reset repeats bytes")
	}
	r.dev.Reset()
	start()
	if !bytes.Equal(r.ask(32), first) {
		t.Error("the power-on reset does not start over")
	}
}

func TestRNGShortAnswerToLongRequest(t *testing.T) {
	r := newRNGGuest(t, allFeatures)
	if n := len(r.ask(64 << 10)); n != rngMaxBytes {
		t.Errorf("got %d bytes", n)
	}
}

func TestRNGRefusesReadableBuffers(t *testing.T) {
	r := newRNGGuest(t, allFeatures)
	r.vq.add([]span{{r.data, 8}}, []span{{r.data, 8}})
	r.vq.kick()
	r.wantBroken(mmio.EventBadDescriptor, "rng-readable")
}
