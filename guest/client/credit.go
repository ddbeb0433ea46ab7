// SPDX-License-Identifier: Apache-2.0

package client

import "sync"

// credit counts how many bytes of a stream the peer still accepts.
type credit struct {
	mu      sync.Mutex
	changed *sync.Cond // on mu
	left    uint64     // guarded by mu
	stopped bool       // guarded by mu
}

func newCredit(window uint32) *credit {
	c := &credit{left: uint64(window)}
	c.changed = sync.NewCond(&c.mu)
	return c
}

// await returns how much may be sent, at least one byte; ok is false when
// the stream is over.
func (c *credit) await() (n uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.left == 0 && !c.stopped {
		c.changed.Wait()
	}
	return c.left, !c.stopped
}

// add takes credit from the peer.
func (c *credit) add(n uint32) {
	c.mu.Lock()
	c.left += uint64(n)
	c.changed.Signal()
	c.mu.Unlock()
}

// spend uses credit that await showed.
func (c *credit) spend(n int) {
	c.mu.Lock()
	c.left -= uint64(n)
	c.mu.Unlock()
}

// stop ends the stream.
func (c *credit) stop() {
	c.mu.Lock()
	c.stopped = true
	c.changed.Signal()
	c.mu.Unlock()
}
