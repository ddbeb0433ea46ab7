// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"vdev/guest/client"
	"vdev/guest/wire"
)

// fakeMachine is a machine's goroutine and the guest's end of a port: the test's own
// goroutine.
type fakeMachine struct {
	t    *testing.T
	l    *link
	room int // bytes the port takes
	got  []byte

	mu     sync.Mutex
	posted []func() // guarded by mu
}

func newFakeMachine(t *testing.T) *fakeMachine {
	m := &fakeMachine{t: t, room: 1 << 30}
	m.l = newLink(m, m.post)
	t.Cleanup(m.l.end)
	return m
}

// Send implements port.
func (m *fakeMachine) Send(p []byte) int {
	n := min(m.room, len(p))
	m.room -= n
	m.got = append(m.got, p[:n]...)
	return n
}

func (m *fakeMachine) post(fn func()) {
	m.mu.Lock()
	m.posted = append(m.posted, fn)
	m.mu.Unlock()
}

// runPosted does what was posted, and waits until something is.
func (m *fakeMachine) runPosted() {
	m.t.Helper()
	wait(m.t, "something posted", func() bool {
		m.mu.Lock()
		fns := m.posted
		m.posted = nil
		m.mu.Unlock()
		for _, fn := range fns {
			fn()
		}
		return len(fns) > 0
	})
}

// say sends a frame of the guest and returns the types of what came back by then.
func (m *fakeMachine) say(f wire.Frame) []wire.Type {
	m.t.Helper()
	b := wire.Append(nil, f)
	if n := m.l.receive(b); n != len(b) {
		m.t.Fatalf("took %d of %d bytes", n, len(b))
	}
	return m.heard()
}

// heard returns the types of all complete frames that have come since the last call.
func (m *fakeMachine) heard() []wire.Type {
	m.t.Helper()
	var types []wire.Type
	r := wire.NewReader(bytes.NewReader(m.got))
	for {
		f, err := r.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				m.t.Fatalf("the guest hears %q: %v", m.got, err)
			}
			m.got = nil
			return types
		}
		types = append(types, f.Type)
	}
}

func hello() wire.Frame {
	return wire.Frame{Type: wire.TypeHello, Payload: wire.Hello{Version: wire.Version, Window: wire.DefaultWindow}.Append(nil)}
}

func data(stream uint8, n int) wire.Frame {
	return wire.Frame{Type: wire.TypeData, Stream: stream, Run: 1, Payload: make([]byte, n)}
}

func exit(status uint32) wire.Frame {
	return wire.Frame{Type: wire.TypeExit, Run: 1, Payload: wire.Exit{Status: status}.Append(nil)}
}

// slow is a reader or writer that takes its time.
type slow struct {
	io.Reader
	io.Writer
}

func (s slow) Read(p []byte) (int, error)  { time.Sleep(time.Millisecond); return s.Reader.Read(p) }
func (s slow) Write(p []byte) (int, error) { time.Sleep(time.Millisecond); return s.Writer.Write(p) }

// exec starts a client with a request.
func (m *fakeMachine) exec(req client.Request) (*client.Client, <-chan client.Result) {
	c := client.New(m.l)
	m.t.Cleanup(func() { c.Close() })
	done := make(chan client.Result, 1)
	go func() {
		r, err := c.Run(context.Background(), req)
		if err != nil {
			m.t.Errorf("run: %v", err)
		}
		done <- r
	}()
	return c, done
}

func TestLinkWaitsForTheRequest(t *testing.T) {
	m := newFakeMachine(t)
	over := 0
	m.l.onOver = func() { over++ }
	file := client.File{Path: "f", Size: 3, Data: iotest.OneByteReader(slow{Reader: bytes.NewReader([]byte("abc"))})}
	_, done := m.exec(client.Request{Args: []string{"prog", "x"}, Env: []string{"A=1"}, Files: []client.File{file}})
	got := m.say(hello())
	want := []wire.Type{wire.TypeHello, wire.TypeExec, wire.TypeArg, wire.TypeArg, wire.TypeEnv, wire.TypeFile, wire.TypeFileData, wire.TypeRun}
	if !slices.Equal(got, want) {
		t.Errorf("after Hello the guest has %v, want %v", got, want)
	}
	if m.l.started() {
		t.Error("started before Started")
	}
	m.say(wire.Frame{Type: wire.TypeStarted, Run: 1, Payload: wire.Uint32(2)})
	if !m.l.started() || over != 0 {
		t.Errorf("started %v, over %d", m.l.started(), over)
	}
	m.say(exit(3))
	if r := <-done; r.Status() != 3 || over != 1 {
		t.Errorf("result %+v, over %d times", r, over)
	}
}

// The pieces in which a guest with little room gets a request do not depend on how
// fast the client is.
func TestLinkFillsThePort(t *testing.T) {
	const step = 300 << 10
	m := newFakeMachine(t)
	m.room = step
	prog := make([]byte, 2<<20)
	_, done := m.exec(client.Request{Args: []string{"prog"}, Files: []client.File{{
		Path: "f", Size: int64(len(prog)), Data: slow{Reader: bytes.NewReader(prog)}}}})
	b := wire.Append(nil, hello())
	m.l.receive(b)
	for len(m.got) < len(prog) {
		if m.room != 0 {
			t.Fatalf("%d bytes of room left at %d", m.room, len(m.got))
		}
		m.room = step
		m.l.room()
	}
	if got := m.heard(); got[len(got)-1] != wire.TypeRun {
		t.Errorf("ends with %v", got[len(got)-1])
	}
	m.say(exit(0))
	<-done
}

func TestLinkWaitsForAFile(t *testing.T) {
	m := newFakeMachine(t)
	m.l.ordered = true
	ends := 0
	m.l.onStdinEnd = func() { ends++ }
	in := make([]byte, wire.DefaultWindow+10)
	_, done := m.exec(client.Request{Args: []string{"prog"}, Stdin: slow{Reader: bytes.NewReader(in)}})
	got := m.say(hello())
	if n := countType(got, wire.TypeData); n != wire.DefaultWindow/wire.ChunkSize {
		t.Errorf("%d frames of stdin after the request, want a window full", n)
	}
	if ends != 0 {
		t.Error("stdin is said to have ended")
	}
	credit := wire.Frame{Type: wire.TypeWindow, Stream: wire.Stdin, Run: 1, Payload: wire.Uint32(wire.ChunkSize)}
	if got := m.say(credit); !slices.Equal(got, []wire.Type{wire.TypeData, wire.TypeEOF}) || ends != 1 {
		t.Errorf("after credit the guest has %v, %d ends", got, ends)
	}
	m.say(exit(0))
	<-done
}

func countType(types []wire.Type, want wire.Type) (n int) {
	for _, t := range types {
		if t == want {
			n++
		}
	}
	return n
}

// Credit comes at the same frame and in the same size however slow the reader is.
func TestLinkGivesCreditInSteps(t *testing.T) {
	m := newFakeMachine(t)
	var out bytes.Buffer
	_, done := m.exec(client.Request{Args: []string{"prog"}, Stdout: slow{Writer: &out}})
	m.say(hello())
	const piece = 1000
	total, due := 0, 0
	for range 700 {
		total += piece
		got := m.say(data(wire.Stdout, piece))
		want := 0
		if total-due >= 2*grantStep {
			want, due = 1, due+grantStep
		}
		if len(got) != want || countType(got, wire.TypeWindow) != want {
			t.Fatalf("after %d bytes the guest has %v", total, got)
		}
	}
	m.say(exit(0))
	<-done
	if out.Len() != total {
		t.Errorf("the reader has %d bytes of %d", out.Len(), total)
	}
}

// A signal gets through although nobody takes the program's output.
func TestLinkSignalWhileOutputIsBlocked(t *testing.T) {
	m := newFakeMachine(t)
	signals := make(chan int)
	unblock := make(chan struct{})
	_, done := m.exec(client.Request{Args: []string{"prog"}, Signals: signals, Stdout: writerFunc(func(p []byte) (int, error) {
		<-unblock
		return len(p), nil
	})})
	m.say(hello())
	go func() {
		time.Sleep(10 * time.Millisecond)
		signals <- 2
	}()
	var got []wire.Type
	for range 2 * grantStep / wire.ChunkSize { // the last makes credit due
		got = append(got, m.say(data(wire.Stdout, wire.ChunkSize))...)
	}
	if !slices.Equal(got, []wire.Type{wire.TypeSignal}) {
		t.Errorf("the guest has %v, want the signal alone", got)
	}
	close(unblock)
	m.runPosted() // the credit comes when it can
	for countType(m.heard(), wire.TypeWindow) == 0 {
		m.runPosted()
	}
	m.say(exit(0))
	<-done
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestLinkPassesLiveStdinOn(t *testing.T) {
	m := newFakeMachine(t)
	r, w := io.Pipe()
	_, done := m.exec(client.Request{Args: []string{"prog"}, Stdin: r})
	m.say(hello()) // does not wait for stdin
	io.WriteString(w, "x")
	m.runPosted()
	if got := m.heard(); !slices.Equal(got, []wire.Type{wire.TypeData}) {
		t.Errorf("the guest has %v", got)
	}
	w.Close()
	m.runPosted()
	if got := m.heard(); !slices.Equal(got, []wire.Type{wire.TypeEOF}) {
		t.Errorf("the guest has %v", got)
	}
	m.say(exit(0))
	<-done
}

func TestLinkEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(m *fakeMachine)
		want error
	}{
		{"machine ends", func(m *fakeMachine) { m.l.end() }, client.ErrGuestGone},
		{"port closes", func(m *fakeMachine) { m.l.open(false) }, client.ErrGuestGone},
		{"not the protocol", func(m *fakeMachine) { m.l.receive([]byte("garbage that is no frame")) }, wire.ErrProtocol},
		{"no frame of ours", func(m *fakeMachine) { m.l.receive([]byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}) }, wire.ErrProtocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newFakeMachine(t)
			cl := client.New(m.l)
			defer cl.Close()
			failed := make(chan error, 1)
			go func() {
				_, err := cl.Run(context.Background(), client.Request{Args: []string{"prog"}})
				failed <- err
			}()
			c.do(m)
			if err := <-failed; !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// A machine that waits for its client goes on when the client leaves.
func TestLinkCloseFreesTheMachine(t *testing.T) {
	m := newFakeMachine(t)
	go func() {
		time.Sleep(10 * time.Millisecond)
		m.l.Close()
	}()
	m.l.receive(wire.Append(nil, hello())) // nobody answers
	if _, err := m.l.Write([]byte{0}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("writing to a closed link: %v", err)
	}
	if _, err := io.ReadAll(m.l); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("reading from a closed link: %v", err)
	}
}
