// SPDX-License-Identifier: Apache-2.0

// Package client is the host's side of the agent protocol: it hands programs
// to the agent in a guest and carries their streams, signals and exit status.
// It needs nothing but a byte stream to the guest's "vdev.agent" port.
package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"vdev/guest/wire"
)

// ErrGuestGone is wrapped by errors about a connection that ended before the
// run did: the guest crashed, powered off, or closed its port.
var ErrGuestGone = errors.New("the guest went away")

// AgentError is a failure that the agent reports in place of an exit status:
// the program could not be stored or started. Text is one line.
type AgentError struct{ Text string }

func (e *AgentError) Error() string { return e.Text }

// File is one more file for the guest.
type File struct {
	Path string      // in the guest; relative to Request.Dir
	Mode os.FileMode // permission bits
	Data io.Reader
	Size int64 // bytes that Data gives
}

// Request is one program run.
type Request struct {
	// Prog is the program file. Nil means that Args[0] names a program of
	// the guest, looked up in its PATH.
	Prog []byte
	// ProgName is the file name under which the guest stores Prog; only
	// its last element counts.
	ProgName string
	// Args is argv without argv[0] when Prog is given, all of argv when not.
	Args []string
	// Env has KEY=VALUE settings in addition to the agent's own.
	Env []string
	// Dir is the working directory in the guest, made if missing. Empty
	// means /tmp.
	Dir   string
	Files []File

	// Stdin may be nil: the program reads /dev/null. A reader that blocks
	// stays blocked after Run returned, and may lose what it reads then.
	Stdin io.Reader
	// Stdout and Stderr may be nil, which discards. Both are written by
	// one goroutine, in the order of arrival. When a write fails, the
	// program's next write to that stream finds it closed (SIGPIPE).
	Stdout, Stderr io.Writer
	// Signals carries Linux signal numbers for the program's process
	// group. Nil is fine.
	Signals <-chan int

	// Terminal, when set, gives the program a terminal in place of three
	// pipes; all output goes to Stdout.
	Terminal *Size
	// Resizes carries later sizes of the terminal.
	Resizes <-chan Size
}

// Size is a terminal's size in characters.
type Size struct{ Rows, Cols uint16 }

// Result is how a program ended.
type Result struct {
	ExitCode int // 0 to 255; 0 when Signal is set
	Signal   int // Linux number of the signal that killed it, or 0
}

// Status is the exit status by the shell's convention: 128+n for a program
// killed by signal n.
func (r Result) Status() int {
	if r.Signal != 0 {
		return 128 + r.Signal
	}
	return r.ExitCode
}

// Client is a connection to an agent. Its methods may be called from any
// goroutine, but only one Run is under way at a time.
type Client struct {
	conn   io.ReadWriteCloser
	out    *sendQueue
	frames chan wire.Frame // from the guest; closed when the connection ends
	closed chan struct{}   // closed by Close

	closeOnce sync.Once
	closeErr  error

	mu      sync.Mutex
	run     uint16      // guarded by mu; number of the latest run
	busy    bool        // guarded by mu
	readErr error       // guarded by mu; why frames is closed
	hello   *wire.Hello // guarded by mu; the agent's, once it came
}

// New returns a client of the agent at the other end of conn and starts
// listening to it. The caller must Close it.
func New(conn io.ReadWriteCloser) *Client {
	c := &Client{
		conn:   conn,
		frames: make(chan wire.Frame, 16),
		closed: make(chan struct{}),
	}
	c.out = newSendQueue(conn)
	go c.read()
	return c
}

// read passes the guest's frames on until the connection ends.
func (c *Client) read() {
	defer close(c.frames)
	r := wire.NewReader(c.conn)
	for {
		f, err := r.Next()
		if err != nil {
			c.mu.Lock()
			c.readErr = err
			c.mu.Unlock()
			return
		}
		f.Payload = append([]byte(nil), f.Payload...)
		select {
		case c.frames <- f:
		case <-c.closed:
			return
		}
	}
}

// Close tells the agent to power the guest off and closes the connection. It
// does not wait for the guest. A run under way fails.
func (c *Client) Close() error {
	c.closeOnce.Do(func() {
		close(c.closed)
		c.out.finish(wire.Frame{Type: wire.TypeDone})
		c.closeErr = c.conn.Close()
	})
	return c.closeErr
}

// gone is the error for a connection that ended.
func (c *Client) gone() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.readErr
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) {
		return ErrGuestGone
	}
	if errors.Is(err, wire.ErrProtocol) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrGuestGone, err)
}

// handshake waits for the agent's Hello, which it sends when it has booted,
// and answers it. Only the first run has something to wait for.
func (c *Client) handshake(ctx context.Context) error {
	c.mu.Lock()
	done := c.hello != nil
	c.mu.Unlock()
	if done {
		return nil
	}
	for {
		select {
		case f, ok := <-c.frames:
			switch {
			case !ok:
				return c.gone()
			case f.Type == wire.TypeError:
				return &AgentError{Text: string(f.Payload)}
			case f.Type != wire.TypeHello:
				return fmt.Errorf("%w: %v before Hello", wire.ErrProtocol, f.Type)
			}
			h, err := wire.ParseHello(f.Payload)
			if err != nil {
				return err
			}
			c.mu.Lock()
			c.hello = &h
			c.mu.Unlock()
			mine := wire.Hello{Version: wire.Version, Window: wire.DefaultWindow}
			c.out.put(wire.Frame{Type: wire.TypeHello, Payload: mine.Append(nil)})
			return nil
		case <-c.closed:
			return ErrGuestGone
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// begin reserves the client for one run and numbers it.
func (c *Client) begin() (run uint16, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy {
		return 0, errors.New("another program is running on this connection")
	}
	c.busy = true
	if c.run++; c.run == 0 {
		c.run = 1
	}
	return c.run, nil
}

func (c *Client) end() {
	c.mu.Lock()
	c.busy = false
	c.mu.Unlock()
}
