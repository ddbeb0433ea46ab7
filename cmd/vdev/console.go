// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"vdev/emu"
)

// console is the end of the console that stays when the guest restarts: it knows the
// present machine.
type console struct {
	mu      sync.Mutex
	machine *emu.Machine  // guarded by mu for writing; written on the machine's goroutine
	gone    chan struct{} // guarded by mu; closed when machine has ended
	over    bool          // guarded by mu; no machine is to run any more
	eof     bool          // guarded by mu; input has ended
	resume  chan struct{} // guarded by mu; closed to let a paused machine go on, nil when not paused
	work    chan func()   // what a paused machine does meanwhile

	realtime bool // time passes at the pace of the clock

	prompt     chan struct{} // guarded by mu; closed when the present machine has shown a shell prompt
	lastOutput atomic.Int64  // when the guest printed something, Unix time in nanoseconds; 0 for never

	tail *tail // of the present machine; belongs to its goroutine
	err  error // why output failed; belongs to the machine's goroutine
}

// attach makes m the present machine.
func (c *console) attach(m *emu.Machine, t *tail) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.machine, c.tail, c.gone, c.prompt = m, t, make(chan struct{}), make(chan struct{})
	c.lastOutput.Store(0)
	if c.eof {
		c.idleWithoutInput()
	}
	if c.over {
		m.Stop()
	}
}

// detach says that the present machine has ended.
func (c *console) detach() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.gone)
}

// end stops the present machine and all that might follow.
func (c *console) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.machine != nil {
		c.machine.Stop()
	}
	c.cont()
}

// current is the present machine, and a channel that is closed when it has ended.
func (c *console) current() (*emu.Machine, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.machine, c.gone
}

// noMoreInput says that nobody will type anything.
func (c *console) noMoreInput() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.eof = true
	c.idleWithoutInput()
}

// idleWithoutInput lets a guest that waits for ever end its run, since nothing will
// wake it.
func (c *console) idleWithoutInput() { c.machine.SetIdle(c.realtime, false) }

// pauseMachine holds the machine up where it is; false if it is held up already.
func (c *console) pauseMachine() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.resume != nil {
		return false
	}
	resume := make(chan struct{})
	c.resume = resume
	c.machine.Post(func() {
		for {
			select {
			case fn := <-c.work:
				fn()
			case <-resume:
				return
			}
		}
	})
	return true
}

// continueMachine lets a paused machine go on; false if it was not paused.
func (c *console) continueMachine() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cont()
}

// inspect calls fn on the machine's goroutine and waits for it; false if the machine
// has ended.
func (c *console) inspect(fn func(m *emu.Machine)) bool {
	m, gone := c.current()
	done := make(chan struct{})
	do := func() { fn(m); close(done) }
	c.mu.Lock()
	paused := c.resume != nil
	c.mu.Unlock()
	if paused {
		select {
		case c.work <- do:
		case <-gone:
			return false
		}
	} else {
		m.Post(do)
	}
	select {
	case <-done:
		return true
	case <-gone:
		return false
	}
}

// cont lets a paused machine go on; false if it was not paused. mu is held.
func (c *console) cont() bool {
	if c.resume == nil {
		return false
	}
	close(c.resume)
	c.resume = nil
	return true
}

// input types what comes from in into the console.
func (s *session) input(in *os.File) {
	defer s.term.Restore() // also when it panics
	var keys escapes
	buf := make([]byte, 4096)
	for {
		n, err := in.Read(buf)
		if s.term == nil {
			s.feed(buf[:n])
		} else {
			s.keys(&keys, buf[:n])
		}
		switch {
		case err != nil && s.term != nil: // a raw terminal has no end of input: it is gone
			s.ask(&statusError{status: 128 + int(syscall.SIGHUP)})
			return
		case err != nil:
			s.console.noMoreInput()
			return
		}
	}
}

// feed gives the guest input.
func (s *session) feed(p []byte) {
	if len(p) == 0 {
		return
	}
	s.console.awaitPrompt()
	m, gone := s.console.current()
	m.Feed(gone, p)
}

// Input that comes without a typist waits for the guest: Linux throws away what
// arrives before a program has the console open. A guest that has been silent for
// this long, after it printed something or never, is taken to wait for input.
const (
	silence      = time.Second
	firstSilence = 5 * time.Second
)

// awaitPrompt returns when the guest is ready for input, or has ended.
func (c *console) awaitPrompt() {
	c.mu.Lock()
	prompt, gone := c.prompt, c.gone
	c.mu.Unlock()
	start := time.Now()
	poll := time.NewTicker(silence / 10)
	defer poll.Stop()
	for {
		select {
		case <-prompt:
			return
		case <-gone:
			return
		case <-poll.C:
		}
		patience, since := firstSilence, time.Since(start)
		if last := c.lastOutput.Load(); last != 0 {
			patience, since = silence, min(since, time.Since(time.Unix(0, last)))
		}
		if since >= patience {
			return
		}
	}
}

// keys takes what the user typed: for the guest, the monitor, or vdev.
func (s *session) keys(e *escapes, p []byte) {
	m, _ := s.console.current()
	var guest []byte
	for _, c := range p {
		cmd, pass := e.next(c)
		switch {
		case pass && s.monitor.open:
			s.monitor.key(c)
		case pass:
			guest = append(guest, c)
		case cmd == escapeQuit:
			s.ask(nil)
		case cmd == escapeMonitor:
			s.monitor.toggle()
		case cmd == escapeHelp:
			s.term.Say(bootHelp)
		}
	}
	if len(guest) > 0 {
		m.Input(guest) // a typist cannot be told to wait
	}
}

const bootHelp = `
Ctrl-A x       quit
Ctrl-A c       monitor
Ctrl-A h       this help
Ctrl-A Ctrl-A  Ctrl-A`

// ask asks for the end of the session.
func (s *session) ask(err error) {
	select {
	case s.quit <- err:
	default:
	}
}
