// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"sync"
	"time"

	"vdev/emu"
)

// control is the way to a running machine for those who look at it or direct it from
// outside: the monitor, and whoever comes through the control socket. It stays when
// the guest restarts.
type control struct {
	// quit asks for the end of the run.
	quit func()

	mu      sync.Mutex
	machine *emu.Machine  // guarded by mu for writing; written on the machine's goroutine
	gone    chan struct{} // guarded by mu; closed when machine has ended
	turn    chan struct{} // guarded by mu; holds a value while somebody looks at machine
	over    bool          // guarded by mu; no machine is to run any more
}

// attach makes m the present machine.
func (c *control) attach(m *emu.Machine) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attachLocked(m)
}

// attachLocked is attach with mu held.
func (c *control) attachLocked(m *emu.Machine) {
	c.machine, c.gone, c.turn = m, make(chan struct{}), make(chan struct{}, 1)
	if c.over {
		m.Stop()
	}
}

// detach says that the present machine has ended.
func (c *control) detach() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.gone)
}

// end stops the present machine and all that might follow.
func (c *control) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.machine != nil {
		c.machine.Stop()
	}
}

// current is the present machine, and a channel that is closed when it has ended.
func (c *control) current() (*emu.Machine, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.machine, c.gone
}

// lookPatience is how long a machine may take to answer. It does so between two
// rounds, unless it waits for somebody: the reader of its output, say.
const lookPatience = 10 * time.Second

var (
	errEnded = errors.New("the machine has ended")
	errHeld  = errors.New("the machine does not answer: whoever reads its output holds it up")
)

// look calls fn on the machine's goroutine and returns what it does. One at a time is
// let in, so that the machine gets on however many want to look.
func (c *control) look(fn func(m *emu.Machine) (reply, error)) (reply, error) {
	c.mu.Lock()
	m, gone, turn := c.machine, c.gone, c.turn
	c.mu.Unlock()
	if m == nil {
		return reply{}, errEnded
	}
	patience := time.NewTimer(lookPatience)
	defer patience.Stop()
	select {
	case turn <- struct{}{}:
	case <-gone:
		return reply{}, errEnded
	case <-patience.C:
		return reply{}, errHeld
	}
	type answer struct {
		reply reply
		err   error
	}
	done := make(chan answer, 1) // nobody may be there any more to take it
	m.Post(func() {
		r, err := fn(m)
		done <- answer{r, err}
		<-turn
	})
	select {
	case a := <-done:
		return a.reply, a.err
	case <-gone:
		return reply{}, errEnded
	case <-patience.C:
		return reply{}, errHeld
	}
}
