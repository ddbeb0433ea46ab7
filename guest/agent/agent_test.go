// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vdev/guest/client"
)

// connect starts an agent that is not init and returns a client of it.
func connect(t *testing.T) *client.Client {
	t.Helper()
	host, guest := socketPair(t)
	cfg := config{progDir: filepath.Join(t.TempDir(), "prog"), dir: t.TempDir(), env: []string{"PATH=" + os.Getenv("PATH"), "HOME=/"}}
	done := make(chan error, 1)
	go func() {
		done <- serve(guest, cfg)
		guest.Close()
	}()
	c := client.New(host)
	t.Cleanup(func() {
		c.Close()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Error("the agent did not notice that the host left")
		}
	})
	return c
}

// socketPair returns the two ends of a connected stream.
func socketPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socketpair")
		ends[i], err = net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	return ends[0], ends[1]
}

// testContext ends a test that hangs.
func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), 30*time.Second, errors.New("the test hangs"))
	t.Cleanup(cancel)
	return ctx
}

// script is a request to run a shell script.
func script(text string) client.Request {
	return client.Request{Args: []string{"sh", "-c", text}}
}

func TestRun(t *testing.T) {
	cases := []struct {
		name   string
		req    client.Request
		stdin  string
		want   client.Result
		out    string
		errOut string
	}{
		{name: "streams stay apart", req: script("echo out; echo err >&2"), out: "out\n", errOut: "err\n"},
		{name: "exit status", req: script("exit 37"), want: client.Result{ExitCode: 37}},
		{name: "killed", req: script("kill -KILL $$"), want: client.Result{Signal: 9}},
		{name: "stdin", req: script("cat; echo end"), stdin: "some text\n", out: "some text\nend\n"},
		{name: "no stdin", req: script("cat; echo end"), out: "end\n"},
		{name: "environment", req: with(script("echo $A $HOME"), func(r *client.Request) { r.Env = []string{"A=1", "HOME=/h", "A=2"} }), out: "2 /h\n"},
		{name: "program", req: client.Request{Prog: []byte("#!/bin/sh\necho ${0##*/} \"$@\"\n"), ProgName: "some/dir/prog", Args: []string{"a b", ""}}, out: "prog a b \n"},
		{name: "no output after closing", req: script("exec >&- 2>&-; exit 3"), want: client.Result{ExitCode: 3}},
		{name: "survivor holds stdout", req: script("sleep 1000 & echo done"), out: "done\n"},
		{name: "files and directory", req: with(script("cat sub/a /dev/null; test -x sub/a && pwd | grep -o .ork$"), func(r *client.Request) {
			r.Dir = filepath.Join(t.TempDir(), "work")
			r.Files = []client.File{{Path: "sub/a", Mode: 0o755, Data: strings.NewReader("AAA\n"), Size: 4}, {Path: "empty", Mode: 0o600}}
		}), out: "AAA\nwork\n"},
	}
	c := connect(t)
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			tc.req.Stdout, tc.req.Stderr = &out, &errOut
			if tc.stdin != "" {
				tc.req.Stdin = strings.NewReader(tc.stdin)
			}
			got, err := c.Run(testContext(t), tc.req)
			if err != nil || got != tc.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tc.want)
			}
			if out.String() != tc.out || errOut.String() != tc.errOut {
				t.Errorf("got output %q and %q, want %q and %q", &out, &errOut, tc.out, tc.errOut)
			}
		})
	}
}

func with(r client.Request, change func(*client.Request)) client.Request {
	change(&r)
	return r
}

func TestLargeStreamsArriveWhole(t *testing.T) {
	data := make([]byte, 5<<20)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	var out bytes.Buffer
	got, err := connect(t).Run(testContext(t), client.Request{
		Args: []string{"cat"}, Stdin: bytes.NewReader(data), Stdout: &out,
	})
	if err != nil || got != (client.Result{}) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if !bytes.Equal(out.Bytes(), data) {
		t.Errorf("%d bytes came back, not the %d sent", out.Len(), len(data))
	}
}

func TestSignalsPassUnreadStdin(t *testing.T) {
	signals := make(chan int, 1)
	ready := writerFunc(func(p []byte) (int, error) {
		signals <- int(syscall.SIGTERM)
		return len(p), nil
	})
	got, err := connect(t).Run(testContext(t), client.Request{
		Args:  []string{"sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done"},
		Stdin: endless{}, Stdout: ready, Signals: signals,
	})
	if err != nil || got.ExitCode != 5 {
		t.Errorf("got %+v, %v, want exit status 5", got, err)
	}
}

func TestSignalBeforeTheStart(t *testing.T) {
	signals := make(chan int, 1)
	signals <- int(syscall.SIGINT)
	got, err := connect(t).Run(testContext(t), client.Request{Args: []string{"sleep", "1000"}, Signals: signals})
	if err != nil || got.Status() != 130 {
		t.Errorf("got %+v, %v, want status 130", got, err)
	}
}

func TestSignalGoesToTheGroup(t *testing.T) {
	signals := make(chan int, 1)
	ready := writerFunc(func(p []byte) (int, error) {
		signals <- int(syscall.SIGTERM)
		return len(p), nil
	})
	// The shell outlives the signal and tells how its child fared. The
	// child itself says that it is ready: between fork and exec it would
	// still have the shell's handler.
	got, err := connect(t).Run(testContext(t), client.Request{
		Args:   []string{"sh", "-c", "trap : TERM; sh -c 'echo ready; exec sleep 1000' & child=$!; wait $child; wait $child; exit $?"},
		Stdout: ready, Signals: signals,
	})
	if err != nil || got.ExitCode != 128+15 {
		t.Errorf("got %+v, %v, want exit status 143", got, err)
	}
}

func TestProgramThatReadsNoStdin(t *testing.T) {
	got, err := connect(t).Run(testContext(t), client.Request{Args: []string{"sh", "-c", "exec <&-; exit 4"}, Stdin: endless{}})
	if err != nil || got.ExitCode != 4 {
		t.Errorf("got %+v, %v, want exit status 4", got, err)
	}
}

func TestClosedStdoutEndsTheProgram(t *testing.T) {
	broken := writerFunc(func([]byte) (int, error) { return 0, syscall.EPIPE })
	got, err := connect(t).Run(testContext(t), client.Request{Args: []string{"yes"}, Stdout: broken})
	if err != nil || got.Signal != int(syscall.SIGPIPE) {
		t.Errorf("got %+v, %v, want death by SIGPIPE", got, err)
	}
}

func TestFullDiskUnderStdoutIsReported(t *testing.T) {
	full := writerFunc(func([]byte) (int, error) { return 0, syscall.ENOSPC })
	got, err := connect(t).Run(testContext(t), with(script("echo x; exit 0"), func(r *client.Request) { r.Stdout = full }))
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %+v, %v, want ENOSPC", got, err)
	}
}

func TestSlowReaderStopsTheProgram(t *testing.T) {
	// The program may run ahead by the window and two pipes, no further.
	release := make(chan struct{})
	var total int
	slow := writerFunc(func(p []byte) (int, error) {
		<-release
		total += len(p)
		return len(p), nil
	})
	progress := filepath.Join(t.TempDir(), "progress")
	time.AfterFunc(300*time.Millisecond, func() { close(release) })
	got, err := connect(t).Run(testContext(t), with(script(
		"head -c 262144 /dev/zero; head -c 262144 /dev/zero; head -c 262144 /dev/zero; date +%s%N >"+progress), func(r *client.Request) { r.Stdout = slow }))
	if err != nil || total != 3*262144 {
		t.Fatalf("got %+v, %v and %d bytes", got, err, total)
	}
	if _, err := os.Stat(progress); err != nil {
		t.Error(err)
	}
}

func TestAgentErrors(t *testing.T) {
	cases := []struct {
		name string
		req  client.Request
		want string
	}{
		{"no such program", client.Request{Args: []string{"no-such-program"}}, "the guest has no program no-such-program"},
		{"not executable", client.Request{Args: []string{"/etc/passwd"}}, "the guest has no program /etc/passwd"},
		{"not a program", client.Request{Prog: []byte("hello"), ProgName: "x"}, "x is neither an ELF program nor a script with #!"},
		{"no interpreter", client.Request{Prog: []byte("#!/no/sh\n"), ProgName: "x"}, "x is a script for /no/sh, which the guest does not have; pass that with --file"},
		{"file in a file", with(script("true"), func(r *client.Request) {
			r.Files = []client.File{{Path: "/dev/null/x"}}
		}), "mkdir /dev/null: not a directory"},
	}
	c := connect(t)
	for _, tc := range cases {
		_, err := c.Run(testContext(t), tc.req)
		var agentErr *client.AgentError
		if !errors.As(err, &agentErr) || agentErr.Text != tc.want {
			t.Errorf("%s: got %v, want %q", tc.name, err, tc.want)
		}
	}
	// The connection survives them all.
	if got, err := c.Run(testContext(t), script("exit 9")); err != nil || got.ExitCode != 9 {
		t.Errorf("afterwards: got %+v, %v", got, err)
	}
}

func TestFileShorterThanAnnounced(t *testing.T) {
	_, err := connect(t).Run(testContext(t), with(script("true"), func(r *client.Request) {
		r.Files = []client.File{{Path: "x", Data: strings.NewReader("abc"), Size: 10}}
	}))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

func TestTimeout(t *testing.T) {
	cause := errors.New("time is up")
	ctx, cancel := context.WithTimeoutCause(context.Background(), 100*time.Millisecond, cause)
	defer cancel()
	_, err := connect(t).Run(ctx, client.Request{Args: []string{"sleep", "1000"}})
	if err != cause {
		t.Errorf("got %v, want the context's cause", err)
	}
}

func TestTerminal(t *testing.T) {
	if _, err := os.Stat("/dev/ptmx"); err != nil {
		t.Skip("no pseudo-terminals here")
	}
	var out bytes.Buffer
	got, err := connect(t).Run(testContext(t), client.Request{
		Args:     []string{"sh", "-c", "test -t 0 && test -t 1 && stty size; read x; echo got $x; cat"},
		Terminal: &client.Size{Rows: 33, Cols: 77}, Stdin: strings.NewReader("line\n"), Stdout: &out,
	})
	if err != nil || got.ExitCode != 0 {
		t.Fatalf("got %+v, %v", got, err)
	}
	for _, want := range []string{"33 77\r\n", "got line\r\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output %q lacks %q", out.String(), want)
		}
	}
}

// endless is a stdin without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
