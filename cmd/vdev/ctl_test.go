// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runtimeDir is a directory of its own for the sockets of a test's machines.
type runtimeDir string

func newRuntimeDir(t testing.TB) runtimeDir {
	t.Helper()
	return runtimeDir(t.TempDir())
}

// in makes a command use the directory.
func (d runtimeDir) in(cmd *exec.Cmd) *exec.Cmd {
	cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+string(d), ctlVariable+"=")
	return cmd
}

// ctl runs "vdev ctl".
func (d runtimeDir) ctl(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	return outcome(t, d.in(vdev(t, append([]string{"ctl"}, args...)...)))
}

// guest is a boot of the test guest that waits for input.
type guest struct {
	*exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	socket string
}

func (d runtimeDir) boot(t *testing.T, args ...string) guest {
	t.Helper()
	g := guest{Cmd: d.in(bare(t, args...))}
	g.in, g.out = pipes(t, g.Cmd)
	expect(t, g.out, greeting)
	g.socket = filepath.Join(string(d), "vdev", fmt.Sprint(g.Process.Pid)+socketSuffix)
	return g
}

// ctl runs "vdev ctl" on the guest's machine, in this process.
func (g *guest) ctl(args ...string) (status int, stdout, stderr string) {
	var out bytes.Buffer
	root := newRootCmd()
	root.SetOut(&out)
	root.SetArgs(append([]string{"ctl", "--ctl", g.socket}, args...))
	if err := root.Execute(); err != nil {
		return statusFailure, out.String(), "vdev: " + err.Error() + "\n"
	}
	return 0, out.String(), ""
}

// alive checks that the guest still answers.
func (g *guest) alive(t *testing.T) {
	t.Helper()
	io.WriteString(g.in, "a")
	expect(t, g.out, "a")
}

// end lets the guest switch itself off.
func (g *guest) end(t *testing.T) {
	t.Helper()
	io.WriteString(g.in, string(cmdPowerOff))
	if got := statusOf(t, g.Wait()); got != 0 {
		t.Errorf("status %d", got)
	}
}

func TestCtl(t *testing.T) {
	d := newRuntimeDir(t)
	g := d.boot(t)
	if st, err := os.Stat(g.socket); err != nil || st.Mode() != os.ModeSocket|0o600 {
		t.Errorf("the socket is %v, %v", st.Mode(), err)
	}
	for _, c := range []struct {
		args   string
		status int
		want   string // part of what was said
	}{
		{"devices", 0, "uart0           0x10000000"},
		{"dev --json", 0, `"name":"uart0","base":"0x10000000","size":256,"irq":[10]`},
		{"info harts", 0, "hart 0"},
		{"info regs", 0, "mstatus"},
		{"info time", 0, "virtual time"},
		{"info events", 0, "none"},
		{"info events --json", statusFailure, "info events has no --json"},
		{"reports", 0, "none"},
		{"reports --json", 0, "[]"},
		{"reports 1", statusFailure, "there is no finding 1"},
		{"reports -- -1", statusFailure, `"-1" is not the number`},
		{"info", statusFailure, "which one: info harts, "},
		{"films", statusFailure, `no command "films"; there are info harts, `},
		{"buffers", 0, "0 buffers in 0 pages;"},
		{"buf --json", 0, `{"buffers":[],"stats":{"clients":0,`},
		{"info buffers", 0, "0 rules broken"},
		{"pause now", statusFailure, "write pause"},
		{"screenshot", statusFailure, "write screenshot FILE.png"},
		{"screenshot a.jpg", statusFailure, "FILE.png"},
		{"screenshot no/such/a.png", statusFailure, "no such file"},
		{"resume", statusFailure, "not paused"},
		{"pause", 0, ""},
		{"pause", statusFailure, "paused already"},
		{"info harts", 0, "hart 0"},
		{"cont", 0, ""},
	} {
		status, out, errs := g.ctl(strings.Fields(c.args)...)
		if status != c.status {
			t.Errorf("%s: status %d, want %d", c.args, status, c.status)
		}
		said, silent := out, errs
		if status != 0 {
			said, silent = errs, out
			if !strings.HasPrefix(errs, "vdev: ") || strings.Count(errs, "\n") != 1 {
				t.Errorf("%s: said %q, want one line", c.args, errs)
			}
		}
		if !strings.Contains(said, c.want) || c.want == "" && said != "" || silent != "" {
			t.Errorf("%s: output %q, standard error %q, want %q", c.args, out, errs, c.want)
		}
	}
	g.alive(t)
	if status, _, errs := d.ctl(t, "quit"); status != 0 || errs != "" {
		t.Errorf("quit: status %d, said %q", status, errs)
	}
	if got := statusOf(t, g.Wait()); got != 0 {
		t.Errorf("status %d", got)
	}
	if _, err := os.Lstat(g.socket); err == nil {
		t.Error("the socket is still there")
	}
}

// A paused machine answers, and its time stands still.
func TestCtlPause(t *testing.T) {
	d := newRuntimeDir(t)
	g := d.boot(t)
	now := func() string {
		t.Helper()
		status, out, errs := g.ctl("info", "time")
		if status != 0 {
			t.Fatal(errs)
		}
		return out
	}
	g.ctl("pause")
	before := now()
	io.WriteString(g.in, "x")
	time.Sleep(50 * time.Millisecond)
	if after := now(); after != before {
		t.Errorf("time went on from\n%sto\n%s", before, after)
	}
	g.ctl("resume")
	expect(t, g.out, "x")
	if after := now(); after == before {
		t.Error("time stands still")
	}
	// The guest may restart, and the user stop vdev, while somebody has it paused.
	io.WriteString(g.in, string(cmdReboot))
	expect(t, g.out, greeting)
	g.ctl("pause")
	g.Process.Signal(syscall.SIGTERM)
	if got := statusOf(t, g.Wait()); got != 128+int(syscall.SIGTERM) {
		t.Errorf("status %d", got)
	}
}

func TestCtlFindsTheMachine(t *testing.T) {
	d := newRuntimeDir(t)
	fails := func(want ...string) {
		t.Helper()
		status, _, errs := d.ctl(t, "info", "time")
		if status != statusFailure || strings.Count(errs, "\n") != 1 {
			t.Errorf("status %d, said %q", status, errs)
		}
		for _, w := range want {
			if !strings.Contains(errs, w) {
				t.Errorf("said %q, want %q", errs, w)
			}
		}
	}
	fails("no machine runs")
	a := d.boot(t)
	// What a process that was killed left behind.
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(filepath.Dir(a.socket), fmt.Sprint(gone.Process.Pid)+socketSuffix)
	abandonedSocket(t, stale)
	if status, _, errs := d.ctl(t, "info", "time"); status != 0 {
		t.Errorf("with one machine: status %d, said %q", status, errs)
	}
	if _, err := os.Lstat(stale); err == nil {
		t.Error("the socket of a process that is gone is still there")
	}
	b := d.boot(t)
	fails("2 machines run", a.socket, b.socket)
	if status, _, errs := d.ctl(t, "--ctl", b.socket, "quit"); status != 0 {
		t.Error(errs)
	}
	b.Wait()
	cmd := d.in(vdev(t, "ctl", "info", "time"))
	cmd.Env = append(cmd.Env, ctlVariable+"="+a.socket)
	if status, _, errs := outcome(t, cmd); status != 0 {
		t.Error(errs)
	}
	cmd = d.in(vdev(t, "ctl", "info", "time"))
	cmd.Env = append(cmd.Env, ctlVariable+"="+b.socket)
	if status, _, errs := outcome(t, cmd); status != statusFailure || !strings.Contains(errs, "no such file") {
		t.Error(errs)
	}
	a.end(t)
	fails("no machine runs")
}

// abandonedSocket makes a socket at which nobody listens.
func abandonedSocket(t *testing.T, name string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

// The socket that --ctl names takes the place of an abandoned one, but of nothing else.
func TestCtlSocket(t *testing.T) {
	d := newRuntimeDir(t)
	dir := t.TempDir()
	name := filepath.Join(dir, "s")
	abandonedSocket(t, name)
	g := d.boot(t, "--ctl", name)
	expectFiles(t, string(d))
	if status, _, errs := d.ctl(t, "--ctl", name, "devices"); status != 0 {
		t.Error(errs)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for bad, want := range map[string]string{
		name:                            "belongs to a machine that runs",
		file:                            "is not a socket",
		dir:                             "is not a socket",
		filepath.Join(dir, "no", "s"):   "no such file",
		dir + strings.Repeat("/./", 50): "is not a socket",
		filepath.Join(dir, strings.Repeat("x", 200)): "at most 107 bytes",
	} {
		status, _, errs := outcome(t, d.in(bare(t, "--ctl", bad)))
		if status != statusFailure || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: status %d, said %q, want %q", bad, status, errs, want)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "precious" {
		t.Errorf("the file has %q, %v", got, err)
	}
	g.end(t)
	expectFiles(t, dir, "file")
}

// Only a runtime directory that is there, and the user's own, is used.
func TestSocketDir(t *testing.T) {
	own, temp := t.TempDir(), t.TempDir()
	file := filepath.Join(own, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", temp)
	cases := map[string]string{own: filepath.Join(own, "vdev")}
	others := []string{"", "relative", own + "/none", file}
	if os.Geteuid() != 0 {
		others = append(others, "/")
	}
	for _, dir := range others {
		cases[dir] = filepath.Join(temp, fmt.Sprintf("vdev-%d", os.Geteuid()))
	}
	for dir, want := range cases {
		t.Setenv("XDG_RUNTIME_DIR", dir)
		if got := socketDir(); got != want {
			t.Errorf("%q: %s, want %s", dir, got, want)
		}
	}
}

// A directory that others could have made or can write to is not used, and the
// machine runs without.
func TestCtlDirectory(t *testing.T) {
	d := newRuntimeDir(t)
	dir := filepath.Join(string(d), "vdev")
	elsewhere := t.TempDir()
	for want, make := range map[string]func() error{
		"open to others":     func() error { return os.Mkdir(dir, 0o755) },
		"is not a directory": func() error { return os.Symlink(elsewhere, dir) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		status, out, errs := outcome(t, d.in(bare(t, "--exit-at-prompt")))
		if status != 0 || out != greeting || !strings.Contains(errs, "no control socket: ") || !strings.Contains(errs, want) {
			t.Errorf("status %d, output %q, said %q, want %q", status, out, errs, want)
		}
		if status, _, errs := d.ctl(t, "devices"); status != statusFailure || !strings.Contains(errs, want) && !strings.Contains(errs, "no machine") {
			t.Errorf("ctl: status %d, said %q", status, errs)
		}
		expectFiles(t, elsewhere)
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
	}
}

func dial(t *testing.T, socket string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// The protocol, as a program of somebody else speaks it.
func TestCtlProtocol(t *testing.T) {
	d := newRuntimeDir(t)
	g := d.boot(t)
	c := dial(t, g.socket)
	answers := bufio.NewScanner(c)
	for _, e := range []struct{ request, key, want string }{
		{`{"command":"devices"}`, "text", "uart0"},
		{`{"command":"info time","more":1}`, "text", "virtual time"},
		{`{"command":"nonsense"}`, "error", "no command"},
		{`{"command":""}`, "error", "which one"},
		{`{}`, "error", "which one"},
		{`[]`, "error", "not a line of JSON"},
		{`{"command":7}`, "error", "not a line of JSON"},
		{`nonsense`, "error", "not a line of JSON"},
		{``, "error", "not a line of JSON"},
		{"\x00\xff{", "error", "not a line of JSON"},
		{`{"command":"screenshot x.png"}`, "error", "too many words"},
		{`{"command":"pause"}`, "", ""},
		{`{"command":"pause"}`, "error", "paused already"},
		{`{"command":"resume"}`, "", ""},
	} {
		io.WriteString(c, e.request+"\n")
		if !answers.Scan() {
			t.Fatalf("%s: %v", e.request, answers.Err())
		}
		var got map[string]any
		if err := json.Unmarshal(answers.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v in %s", e.request, err, answers.Bytes())
		}
		if e.key == "" {
			if len(got) != 0 {
				t.Errorf("%s: answer %v", e.request, got)
			}
		} else if text, _ := got[e.key].(string); !strings.Contains(text, e.want) {
			t.Errorf("%s: answer %v, want %q", e.request, got, e.want)
		}
	}
	g.end(t)
}

// Clients that behave badly harm nobody but themselves.
func TestCtlHostileClients(t *testing.T) {
	d := newRuntimeDir(t)
	g := d.boot(t)
	t.Run("huge request", func(t *testing.T) {
		c := dial(t, g.socket)
		go c.Write(bytes.Repeat([]byte("x"), 1<<20))
		line, err := bufio.NewReader(c).ReadString('\n')
		if !strings.Contains(line, "too long") {
			t.Errorf("answer %q, %v", line, err)
		}
	})
	t.Run("half a request", func(t *testing.T) {
		c := dial(t, g.socket)
		io.WriteString(c, `{"command":"pa`)
		c.Close()
	})
	t.Run("never reads", func(t *testing.T) {
		c := dial(t, g.socket)
		c.SetDeadline(time.Now().Add(200 * time.Millisecond))
		for {
			if _, err := io.WriteString(c, `{"command":"devices"}`+"\n"); err != nil {
				break
			}
		}
		// The connection stays, with answers in it.
	})
	t.Run("many", func(t *testing.T) {
		var conns []net.Conn
		for range 3 * ctlClients {
			conns = append(conns, dial(t, g.socket))
		}
		line, err := bufio.NewReader(conns[len(conns)-1]).ReadString('\n')
		if !strings.Contains(line, "too many") {
			t.Errorf("answer %q, %v", line, err)
		}
		for _, c := range conns {
			c.Close()
		}
	})
	g.alive(t)
	wait(t, "a free connection", func() bool {
		status, _, _ := g.ctl("info", "time")
		return status == 0
	})
	start := time.Now()
	g.end(t)
	if took := time.Since(start); took > 5*ctlFarewell {
		t.Errorf("the end took %v", took)
	}
}

func TestCtlOfExec(t *testing.T) {
	needImage(t)
	d := newRuntimeDir(t)
	socket := filepath.Join(t.TempDir(), "s")
	cmd := d.in(vdev(t, "exec", "--ctl", socket, "sh", "-c", "echo ready; while true; do sleep 1; done"))
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	expect(t, out, "ready\n")
	for _, words := range []string{"pause", "info harts", "devices", "resume", "pause", "quit"} {
		if status, _, errs := d.ctl(t, append([]string{"--ctl", socket}, strings.Fields(words)...)...); status != 0 {
			t.Errorf("%s: %s", words, errs)
		}
	}
	if got := statusOf(t, cmd.Wait()); got != 128+int(syscall.SIGINT) {
		t.Errorf("status %d, want that of Ctrl-A x", got)
	}
	expectFiles(t, filepath.Dir(socket))
	expectFiles(t, string(d)) // without --ctl there would be no socket
}

// Who only looks, or pauses, does not change the run.
func TestCtlDoesNotChangeTheRun(t *testing.T) {
	needImage(t)
	d := newRuntimeDir(t)
	run := func(watch bool) string {
		socket := filepath.Join(t.TempDir(), "s")
		cmd := d.in(vdev(t, "exec", "--digest", "--harts", "2", "--cache", "random", "--ctl", socket,
			"sh", "-c", "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; sleep 3; cat /proc/interrupts"))
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		looks := 0
		if watch {
			wait(t, "socket", func() bool { return answers(socket) == nil })
			c := dial(t, socket)
			in := bufio.NewReader(c)
			for alive := true; alive; looks++ {
				for _, what := range []string{"screenshot", "devices", "reports", "info regs", "info time", "pause", "screenshot", "resume"} {
					fmt.Fprintf(c, "{\"command\":%q}\n", what)
					_, err := in.ReadBytes('\n')
					alive = alive && err == nil
				}
			}
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err, errs.String())
		}
		if watch && looks < 10 {
			t.Errorf("looked only %d times", looks)
		}
		return errs.String()
	}
	if a, b := run(false), run(true); a != b || !strings.Contains(a, " retired ") {
		t.Errorf("unseen %q, watched %q", a, b)
	}
}
