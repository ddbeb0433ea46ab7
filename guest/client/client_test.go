// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"vdev/guest/wire"
)

// guest is a scripted agent.
type guest struct {
	t   *testing.T
	c   net.Conn
	in  *wire.Reader
	out *wire.Writer
}

// fake returns a client whose guest does what script says, then hangs up. The
// connection is unbuffered: whoever writes waits for the reader.
func fake(t *testing.T, script func(g *guest)) *Client {
	t.Helper()
	host, c := net.Pipe()
	g := &guest{t, c, wire.NewReader(c), wire.NewWriter(c)}
	go func() {
		defer c.Close()
		script(g)
	}()
	client := New(host)
	t.Cleanup(func() { client.Close() })
	return client
}

// send sends a frame; the host may be gone.
func (g *guest) send(typ wire.Type, stream uint8, run uint16, payload []byte) {
	_ = g.out.Send(wire.Frame{Type: typ, Stream: stream, Run: run, Payload: payload})
}

func (g *guest) hello() {
	g.send(wire.TypeHello, 0, 0, wire.Hello{Version: wire.Version, Window: wire.DefaultWindow}.Append(nil))
}

// skipTo reads frames up to the first of a type and returns its payload.
func (g *guest) skipTo(typ wire.Type) []byte {
	for {
		f, err := g.in.Next()
		if err != nil {
			return nil
		}
		if f.Type == typ {
			return f.Payload
		}
	}
}

// discard reads until the host hangs up.
func (g *guest) discard() { g.skipTo(wire.TypeDone) }

func testRun(t *testing.T, c *Client, req Request) (Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Second, errors.New("the test hangs"))
	defer cancel()
	if req.Prog == nil && req.Args == nil {
		req.Args = []string{"x"}
	}
	return c.Run(ctx, req)
}

func TestGuestTrouble(t *testing.T) {
	cases := []struct {
		name   string
		script func(g *guest)
		want   string // in the error
		gone   bool   // the error wraps ErrGuestGone
	}{
		{"dies before its Hello", func(g *guest) {}, "the guest went away", true},
		{"dies with the request half read", func(g *guest) { g.hello(); g.skipTo(wire.TypeExec) }, "the guest went away", true},
		{"dies with the program running", func(g *guest) {
			g.hello()
			g.skipTo(wire.TypeRun)
			g.send(wire.TypeStarted, 0, 1, wire.Uint32(7))
		}, "the guest went away", true},
		{"dies inside a frame", func(g *guest) {
			g.hello()
			g.skipTo(wire.TypeRun)
			g.c.Write(wire.Append(nil, wire.Frame{Type: wire.TypeExit, Run: 1, Payload: wire.Exit{}.Append(nil)})[:9])
		}, "the guest went away", true},
		{"speaks another version", func(g *guest) {
			g.send(wire.TypeHello, 0, 0, wire.Hello{Version: 2, Window: wire.DefaultWindow}.Append(nil))
			g.discard()
		}, "version 2", false},
		{"is no agent", func(g *guest) { io.WriteString(g.c, "login: login: login: "); g.discard() }, "unknown frame type", false},
		{"sends garbage later", func(g *guest) {
			g.hello()
			g.skipTo(wire.TypeRun)
			io.WriteString(g.c, "\xff\xff\xff\xff\xff\xff\xff\xff")
			g.discard()
		}, "unknown frame type 255", false},
		{"fails before Hello", func(g *guest) { g.send(wire.TypeError, 0, 0, []byte("no memory")); g.discard() }, "no memory", false},
		{"fails in several lines", func(g *guest) {
			g.hello()
			g.skipTo(wire.TypeRun)
			g.send(wire.TypeError, 0, 1, []byte("first\nsecond\n"))
			g.discard()
		}, "first", false},
		{"ignores the window", func(g *guest) {
			g.hello()
			g.skipTo(wire.TypeRun)
			go g.discard()
			for range wire.DefaultWindow/wire.MaxPayload + 1 {
				g.send(wire.TypeData, wire.Stdout, 1, make([]byte, wire.MaxPayload))
			}
		}, "output without credit", false},
		{"sends a bad exit", func(g *guest) {
			g.hello()
			g.skipTo(wire.TypeRun)
			g.send(wire.TypeExit, 0, 1, wire.Exit{Status: 999}.Append(nil))
			g.discard()
		}, "bad Exit", false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			stall := make(chan struct{})
			t.Cleanup(func() { close(stall) })
			out := io.Discard
			if tc.name == "ignores the window" {
				out = blockedWriter{stall}
			}
			_, err := testRun(t, fake(t, tc.script), Request{Stdout: out})
			if err == nil || !strings.Contains(err.Error(), tc.want) || errors.Is(err, ErrGuestGone) != tc.gone {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %q", err)
			}
		})
	}
}

// blockedWriter takes nothing until it is released.
type blockedWriter struct{ release chan struct{} }

func (w blockedWriter) Write(p []byte) (int, error) {
	<-w.release
	return len(p), nil
}

func TestTimeoutBeforeTheGuestSpeaks(t *testing.T) {
	cause := errors.New("time is up")
	for name, script := range map[string]func(*guest){
		"silent":           func(g *guest) { g.discard() },
		"reads nothing":    func(g *guest) { g.hello(); time.Sleep(time.Second) },
		"stops in the mid": func(g *guest) { g.hello(); g.skipTo(wire.TypeFile); time.Sleep(time.Second) },
	} {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, cause)
		_, err := fake(t, script).Run(ctx, Request{Prog: make([]byte, 4<<20), ProgName: "big"})
		cancel()
		if err != cause {
			t.Errorf("%s: got %v, want the context's cause", name, err)
		}
	}
}

func TestRequestOnTheWire(t *testing.T) {
	type seen struct {
		exec  wire.Exec
		args  []string
		env   []string
		files []string
	}
	got := make(chan seen, 1)
	c := fake(t, func(g *guest) {
		g.hello()
		var s seen
		for {
			f, err := g.in.Next()
			if err != nil {
				return
			}
			switch f.Type {
			case wire.TypeExec:
				s.exec, _ = wire.ParseExec(f.Payload)
			case wire.TypeArg:
				s.args = append(s.args, string(f.Payload))
			case wire.TypeEnv:
				s.env = append(s.env, string(f.Payload))
			case wire.TypeFile:
				file, _ := wire.ParseFile(f.Payload)
				s.files = append(s.files, file.Path+":")
			case wire.TypeFileData:
				s.files[len(s.files)-1] += string(f.Payload)
			case wire.TypeRun:
				got <- s
				g.send(wire.TypeExit, 0, f.Run+1, wire.Exit{Status: 99}.Append(nil)) // another run's
				g.send(wire.TypeExit, 0, f.Run, wire.Exit{Status: 3}.Append(nil))
				g.discard()
				return
			}
		}
	})
	res, err := testRun(t, c, Request{
		Prog: []byte("PROG"), ProgName: "/host/dir/prog", Args: []string{"a", ""}, Env: []string{"K=V"}, Dir: "/work",
		Files: []File{{Path: "f", Mode: 0o644, Data: strings.NewReader("data"), Size: 4}},
	})
	if err != nil || res.Status() != 3 {
		t.Fatalf("got %+v, %v", res, err)
	}
	s := <-got
	if s.exec.Flags != wire.ExecProgram || s.exec.Dir != "/work" ||
		strings.Join(s.args, ",") != "/host/dir/prog,a," || strings.Join(s.env, ",") != "K=V" || strings.Join(s.files, ",") != "prog:PROG,f:data" {
		t.Errorf("the guest saw %+v", s)
	}
}

func TestBadRequests(t *testing.T) {
	c := fake(t, (*guest).discard)
	for name, req := range map[string]Request{
		"nothing to run":    {},
		"zero in argument":  {Args: []string{"a\x00b"}},
		"endless argument":  {Args: []string{strings.Repeat("x", wire.MaxPayload+1)}},
		"nameless file":     {Args: []string{"x"}, Files: []File{{}}},
		"directory too far": {Args: []string{"x"}, Dir: strings.Repeat("d", 5000)},
	} {
		if _, err := c.Run(t.Context(), req); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestOutputOrder(t *testing.T) {
	c := fake(t, func(g *guest) {
		g.hello()
		g.skipTo(wire.TypeRun)
		for i := range byte(100) {
			g.send(wire.TypeData, wire.Stdout+i&1, 1, []byte{'a' + i%26})
		}
		g.send(wire.TypeExit, 0, 1, wire.Exit{}.Append(nil))
		g.discard()
	})
	var both bytes.Buffer // one writer for two streams: order of arrival
	if _, err := testRun(t, c, Request{Stdout: &both, Stderr: &both}); err != nil {
		t.Fatal(err)
	}
	for i, b := range both.Bytes() {
		if b != 'a'+byte(i)%26 {
			t.Fatalf("byte %d is %q", i, b)
		}
	}
	if both.Len() != 100 {
		t.Errorf("%d bytes, want 100", both.Len())
	}
}

func TestCloseEndsARun(t *testing.T) {
	c := fake(t, func(g *guest) { g.hello(); g.discard() })
	time.AfterFunc(50*time.Millisecond, func() { c.Close() })
	if _, err := testRun(t, c, Request{}); !errors.Is(err, ErrGuestGone) {
		t.Errorf("got %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestCheck(t *testing.T) {
	if err := Check("/bin/x", []byte("hello")); err == nil || !strings.HasPrefix(err.Error(), "/bin/x is neither") {
		t.Errorf("got %v", err)
	}
}

// FuzzGuest lets a guest send anything: the client must end with an error or
// a result, in time and without panic.
func FuzzGuest(f *testing.F) {
	hello := wire.Append(nil, wire.Frame{Type: wire.TypeHello, Payload: wire.Hello{Version: wire.Version, Window: wire.DefaultWindow}.Append(nil)})
	f.Add([]byte("garbage"))
	f.Add(hello)
	f.Add(wire.Append(bytes.Clone(hello), wire.Frame{Type: wire.TypeExit, Run: 1, Payload: wire.Exit{Status: 1}.Append(nil)}))
	f.Add(wire.Append(bytes.Clone(hello), wire.Frame{Type: wire.TypeData, Stream: 2, Run: 1, Payload: []byte("x")}))
	f.Fuzz(func(t *testing.T, in []byte) {
		host, c := net.Pipe()
		go func() {
			go io.Copy(io.Discard, c)
			c.Write(in)
			c.Close()
		}()
		cl := New(host)
		defer cl.Close()
		if _, err := testRun(t, cl, Request{Stdin: strings.NewReader("in"), Stdout: io.Discard}); err != nil && err.Error() == "the test hangs" {
			t.Error(err)
		}
	})
}
