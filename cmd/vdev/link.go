// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"io"
	"sync"

	"vdev/guest/wire"
)

// link joins the guest agent's port, whose callbacks run on the machine's goroutine,
// with the agent's client, whose goroutines run as the host schedules them. It does
// so in a way that the guest cannot tell how fast the host is:
//
// Whenever the guest has sent a frame that obliges the client to answer, the machine
// stands still until the whole answer is there, and with it virtual time. The
// answers are: to Hello, everything up to Run; to credit for stdin, that much stdin
// or its end (if stdin is ordered, that is, a file); to output, credit in steps of a
// fixed size, which the link makes of the client's own.
//
// What comes from the host at a time of its own choosing is delivered as soon as it
// is there, and makes a run irreproducible: signals, stdin from a pipe or a terminal,
// new terminal sizes, and the news that nobody reads the program's output.
type link struct {
	port port
	post func(fn func()) // runs fn on the machine's goroutine
	// ordered says that stdin comes from where it can be waited for.
	ordered bool
	// onOver, if set, is called on the machine's goroutine at the guest's last word
	// about the run.
	onOver func()
	// onStdinEnd, if set, is called from any goroutine when no more stdin will come.
	onStdinEnd func()

	mu      sync.Mutex
	changed *sync.Cond // on mu
	toHost  []byte     // guarded by mu; not yet read by the client
	toGuest []byte     // guarded by mu; not yet taken by the port
	guest   frames     // the guest's side of the conversation; machine's goroutine
	host    frames     // guarded by mu; the client's side
	waiting bool       // guarded by mu; the machine stands still
	full    bool       // guarded by mu; the port will call when it takes more
	urgent  bool       // guarded by mu; do not stand still for long
	ended   bool       // guarded by mu; the guest's end is gone
	closed  bool       // guarded by mu; the client's end is gone
	talk    conversation
}

// port is what a link needs of a *virtio.Port.
type port interface{ Send(p []byte) int }

// conversation is how far the protocol has got; guarded by link.mu.
type conversation struct {
	hello    bool // the guest has said Hello
	asked    bool // the client has sent all of its request
	started  bool // the program runs
	over     bool // the run has ended
	stdinEOF bool // the client has nothing more to send, or the guest wants no more
	allowed  uint64
	sent     uint64 // bytes of stdin; allowed is how many the guest takes
	out      [wire.Stderr + 1]flow
}

// flow counts the bytes of one output stream.
type flow struct {
	received uint64 // from the guest
	credited uint64 // by the client
	granted  uint64 // to the guest
}

const (
	// grantStep is the size of the credits that the guest gets; one is due when two
	// are outstanding. The client may keep less than one to itself for ever.
	grantStep = wire.DefaultWindow / 4
	// toGuestMax bounds what waits for the guest. It is more than fits into the
	// guest's receive buffers (64 pages), so that a machine which waits until so much
	// is there fills them all.
	toGuestMax = 1 << 20
	// toHostMax bounds what waits for the client; windows bound only output.
	toHostMax = 4 * wire.DefaultWindow
)

func newLink(p port, post func(func())) *link {
	l := &link{port: p, post: post}
	l.changed = sync.NewCond(&l.mu)
	return l
}

// receive takes the guest's bytes; it is the port's OnReceive.
func (l *link) receive(p []byte) int {
	l.guest.add(p)
	for {
		f, raw, ok := l.guest.next()
		if !ok {
			return len(p)
		}
		l.mu.Lock()
		l.toHost = append(l.toHost, raw...)
		hadEOF := l.talk.stdinEOF
		over := l.talk.guestSaid(f)
		if !hadEOF && l.talk.stdinEOF && l.onStdinEnd != nil {
			l.onStdinEnd()
		}
		l.changed.Broadcast()
		l.settle()
		l.mu.Unlock()
		if over && l.onOver != nil {
			l.onOver()
		}
	}
}

// open is the port's OnOpen.
func (l *link) open(open bool) {
	if open {
		return
	}
	l.end()
}

// room is the port's OnRoom.
func (l *link) room() {
	l.mu.Lock()
	l.full = false
	l.settle()
	l.mu.Unlock()
}

// settle stands still until the client has answered, and gives the guest the answer.
// It runs on the machine's goroutine, with mu held.
func (l *link) settle() {
	for {
		l.waiting = true
		for l.pause() {
			l.changed.Wait()
		}
		l.waiting = false
		hurry := l.urgent || l.closed
		l.urgent = false
		l.flush()
		if l.full || hurry || !l.owes() {
			return
		}
	}
}

// pause says whether the machine has to wait for the client.
func (l *link) pause() bool {
	return !l.urgent && !l.closed && !l.ended &&
		(l.owes() && len(l.toGuest) < toGuestMax || len(l.toHost) > toHostMax)
}

// owes says whether the client must say something.
func (l *link) owes() bool {
	t := &l.talk
	switch {
	case t.over || l.ended || l.closed:
		return false
	case t.hello && !t.asked:
		return true
	case l.ordered && t.asked && !t.stdinEOF && t.sent < t.allowed:
		return true
	}
	for i := range t.out {
		if f := &t.out[i]; f.due() && f.credited < f.granted+grantStep {
			return true
		}
	}
	return false
}

// due says whether the guest is to get credit.
func (f *flow) due() bool { return f.received-f.granted >= 2*grantStep }

// flush gives the guest the credit that it is due and all bytes that wait. It runs
// on the machine's goroutine, with mu held.
func (l *link) flush() {
	for i := range l.talk.out {
		for f := &l.talk.out[i]; f.due() && f.credited >= f.granted+grantStep; f.granted += grantStep {
			l.toGuest = wire.Append(l.toGuest, wire.Frame{Type: wire.TypeWindow, Stream: uint8(i), Run: l.host.run, Payload: wire.Uint32(grantStep)})
		}
	}
	if l.full || len(l.toGuest) == 0 {
		return
	}
	n := l.port.Send(l.toGuest)
	l.toGuest = l.toGuest[:copy(l.toGuest, l.toGuest[n:])]
	l.full = len(l.toGuest) > 0
	l.changed.Broadcast()
}

// end says that the guest will not say anything more: its port or its machine is
// closed.
func (l *link) end() {
	l.mu.Lock()
	l.ended = true
	l.changed.Broadcast()
	l.mu.Unlock()
}

// started says whether the guest has reported that the program runs.
func (l *link) started() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.talk.started
}

// Read implements io.Reader for the client.
func (l *link) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.toHost) == 0 {
		if l.closed {
			return 0, io.ErrClosedPipe
		}
		if l.ended {
			return 0, io.EOF
		}
		l.changed.Wait()
	}
	n := copy(p, l.toHost)
	l.toHost = l.toHost[:copy(l.toHost, l.toHost[n:])]
	l.changed.Broadcast()
	return n, nil
}

// Write implements io.Writer for the client.
func (l *link) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.host.add(p)
	for {
		f, raw, ok := l.host.next()
		if !ok {
			break
		}
		hadEOF := l.talk.stdinEOF
		if l.talk.hostSaid(f) {
			l.urgent = true
		}
		if f.Type == wire.TypeWindow && f.Stream != wire.Stdin {
			continue // flush makes its own
		}
		l.toGuest = append(l.toGuest, raw...)
		l.wake()
		if !hadEOF && l.talk.stdinEOF && l.onStdinEnd != nil {
			l.onStdinEnd() // after wake, so that the guest hears of it first
		}
		for len(l.toGuest) >= toGuestMax && !l.closed && !l.ended {
			l.changed.Wait()
		}
	}
	l.wake()
	if l.closed || l.ended {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

// wake makes the machine look at what the client has written.
func (l *link) wake() {
	l.changed.Broadcast()
	if l.waiting || l.full {
		return
	}
	l.post(func() {
		l.mu.Lock()
		l.urgent = false
		l.flush()
		l.mu.Unlock()
	})
}

// Close implements io.Closer for the client. What it has written before still
// reaches a guest that runs on.
func (l *link) Close() error {
	l.mu.Lock()
	l.closed = true
	l.changed.Broadcast()
	l.mu.Unlock()
	return nil
}

// guestSaid notes what a frame of the guest means. It returns true for the last one
// of a run.
func (t *conversation) guestSaid(f wire.Frame) bool {
	switch f.Type {
	case wire.TypeHello:
		if h, err := wire.ParseHello(f.Payload); err == nil {
			t.hello, t.allowed = true, uint64(h.Window)
		}
	case wire.TypeStarted:
		t.started = true
	case wire.TypeData:
		t.out[f.Stream].received += uint64(len(f.Payload))
	case wire.TypeWindow:
		if n, err := wire.ParseUint32(f.Payload); err == nil {
			t.allowed += uint64(n)
		}
	case wire.TypeStop:
		t.stdinEOF = true
	case wire.TypeExit, wire.TypeError:
		over := t.over
		t.over = true
		return !over
	}
	return false
}

// hostSaid notes what a frame of the client means. It returns true for one that
// comes unasked and cannot wait.
func (t *conversation) hostSaid(f wire.Frame) bool {
	switch f.Type {
	case wire.TypeExec:
		e, err := wire.ParseExec(f.Payload)
		t.stdinEOF = err != nil || e.Flags&wire.ExecStdin == 0
	case wire.TypeRun:
		t.asked = true
	case wire.TypeData:
		t.sent += uint64(len(f.Payload))
	case wire.TypeEOF:
		t.stdinEOF = true
	case wire.TypeWindow:
		if n, err := wire.ParseUint32(f.Payload); err == nil {
			t.out[f.Stream].credited += uint64(n)
		}
	case wire.TypeSignal, wire.TypeResize, wire.TypeStop, wire.TypeDone:
		return true
	}
	return false
}

// frames cuts a stream of bytes into frames as they come.
type frames struct {
	buf   []byte
	taken int    // bytes at the start of buf that next has returned
	run   uint16 // of the latest frame
	bad   bool   // bytes that are no frames: the other side will complain
}

func (s *frames) add(p []byte) {
	s.buf = append(s.buf[:copy(s.buf, s.buf[s.taken:])], p...)
	s.taken = 0
}

// next returns the next complete frame and its bytes, both valid until the next add.
// Of a stream that is none of frames, the bytes come with an empty frame.
func (s *frames) next() (f wire.Frame, raw []byte, ok bool) {
	b := s.buf[s.taken:]
	if len(b) == 0 {
		return f, nil, false
	}
	if !s.bad {
		if len(b) < wire.HeaderSize {
			return f, nil, false
		}
		n := uint64(binary.LittleEndian.Uint32(b[4:]))
		if s.bad = n > wire.MaxPayload || b[1] > wire.Stderr; !s.bad {
			n += wire.HeaderSize
			if uint64(len(b)) < n {
				return f, nil, false
			}
			s.taken += int(n)
			s.run = binary.LittleEndian.Uint16(b[2:])
			return wire.Frame{Type: wire.Type(b[0]), Stream: b[1], Run: s.run, Payload: b[wire.HeaderSize:n]}, b[:n], true
		}
	}
	s.taken = len(s.buf)
	return wire.Frame{}, b, true
}
