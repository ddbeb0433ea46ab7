// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"vdev/emu"
)

// console is the end of the console that stays when the guest restarts.
type console struct {
	control
	eof bool // guarded by mu; input has ended

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
	c.attachLocked(m)
	c.tail, c.prompt = t, make(chan struct{})
	c.lastOutput.Store(0)
	if c.eof {
		c.idleWithoutInput()
	}
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
