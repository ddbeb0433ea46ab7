// SPDX-License-Identifier: Apache-2.0

// Package blocking makes package dmabuf usable from several goroutines: one at a
// time gets at the core, calls that have to wait block, and time is that of the
// host.
//
//	c := blocking.New(dmabuf.Config{Pool: pool})
//	err := c.Do(func(core *dmabuf.Core) (err error) {
//		client, err = core.NewClient(dmabuf.Task{ID: 1, Name: "me"})
//		return err
//	})
//	err = c.Wait(ctx, func(w *dmabuf.Wait) error { return object.Lock(client, w) })
//
// All objects of the core, and their methods, are to be used inside of the functions
// that are given to Do and Wait only. The host's functions in the configuration are
// called there, too, and must not call Do or Wait.
package blocking

import (
	"context"
	"errors"
	"sync"
	"time"

	"vdev/dmabuf"
)

// Core is a dmabuf.Core for several goroutines.
type Core struct {
	mu      sync.Mutex
	core    *dmabuf.Core // guarded by mu
	waiters sync.Pool    // of *waiter
}

// New makes a core. If the configuration has no clock, it gets the host's.
func New(cfg dmabuf.Config) *Core {
	c := &Core{}
	c.waiters.New = func() any {
		w := &waiter{over: make(chan error, 1)}
		w.Done = func(err error) { w.over <- err }
		return w
	}
	if cfg.Now == nil || cfg.NewTimer == nil {
		k := clock{time.Now()}
		cfg.Now, cfg.NewTimer = k.now, k.newTimer
	}
	newTimer := cfg.NewTimer
	cfg.NewTimer = func(fn func()) dmabuf.Timer {
		return newTimer(func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			fn()
		})
	}
	c.core = dmabuf.New(cfg)
	return c
}

// Do calls f while no other goroutine uses the core, and returns what it returns. f
// must not block.
func (c *Core) Do(f func(core *dmabuf.Core) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return f(c.core)
}

// waiter is a Wait that a goroutine blocks on.
type waiter struct {
	dmabuf.Wait
	over chan error
}

// Wait calls call, as Do does, with a Wait that it has to pass on to a method of the
// core that may wait, and returns the outcome. If ctx ends meanwhile the wait does,
// with EINTR, or ETIMEDOUT if it was ctx's deadline; but an outcome that is certain
// by then stands. call may set Wait.Timeout, and nothing else in it.
func (c *Core) Wait(ctx context.Context, call func(w *dmabuf.Wait) error) error {
	w := c.waiters.Get().(*waiter)
	defer c.waiters.Put(w)
	w.Timeout = 0
	if err := c.Do(func(*dmabuf.Core) error { return call(&w.Wait) }); err != dmabuf.EINPROGRESS {
		return err
	}
	select {
	case err := <-w.over:
		return err
	case <-ctx.Done():
	}
	interrupted := false
	_ = c.Do(func(*dmabuf.Core) error { interrupted = w.Interrupt(); return nil })
	err := <-w.over
	if interrupted && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return dmabuf.ETIMEDOUT
	}
	return err
}
