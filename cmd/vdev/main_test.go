// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary is vdev itself when this variable is set.
const asVdev = "VDEV_TEST_AS"

func TestMain(m *testing.M) {
	switch os.Getenv(asVdev) {
	case "vdev":
		os.Exit(run(context.Background(), os.Args[1:]))
	case "panic":
		panicWhileRaw()
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for what takes a moment.
const patience = 20 * time.Second

// vdev is the command with these arguments.
func vdev(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, exe, args...)
	c.Env = append(os.Environ(), asVdev+"=vdev")
	return c
}

// bare is a boot of the test guest.
func bare(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	return vdev(t, append([]string{"boot", "--firmware", "none", "--memory", "2M", "--kernel", bareGuest(t)}, args...)...)
}

// statusOf is the exit status of a command that has ended, with 128+n for a signal.
func statusOf(t testing.TB, err error) int {
	t.Helper()
	var ee *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &ee):
		t.Fatal(err)
	}
	if w := ee.Sys().(syscall.WaitStatus); w.Signaled() {
		return 1000 + int(w.Signal()) // no status of vdev's own: it always exits
	}
	return ee.ExitCode()
}

func TestBootEnds(t *testing.T) {
	cases := []struct {
		name   string
		input  string
		args   []string
		status int
		out    string // whole standard output
		errs   string // part of standard error; empty for nothing at all
	}{
		{"power-off", "abq", nil, 0, greeting + "ab", ""},
		{"failure", "f", nil, failCode, greeting, "failure code 5"},
		{"restart", "rq", []string{"--no-reboot"}, 0, greeting, ""},
		{"panic", "p", nil, statusPanic, greeting + panicWords, "vdev: the guest's kernel panicked\n"},
		{"last words", "p", nil, statusPanic, greeting + panicWords, "Kernel panic - not syncing: test\n"},
		{"failed test", "t", nil, testNumber, greeting, "vdev: test 7 failed\n"},
		{"stuck", "w", nil, statusFailure, greeting, "the guest hangs"},
		{"at prompt", "", []string{"--exit-at-prompt"}, 0, greeting, ""},
		{"timeout", "", []string{"--timeout", "100ms"}, statusTimeout, greeting, "still ran after 100ms"},
		{"digest", "", []string{"--exit-at-prompt", "--digest"}, 0, greeting, "vdev: digest "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd := bare(t, c.args...)
			var out, errs bytes.Buffer
			cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(c.input), &out, &errs
			if got := statusOf(t, cmd.Run()); got != c.status {
				t.Errorf("status %d, want %d", got, c.status)
			}
			if out.String() != c.out {
				t.Errorf("output %q, want %q", out.String(), c.out)
			}
			if !strings.Contains(errs.String(), c.errs) || c.errs == "" && errs.Len() > 0 {
				t.Errorf("standard error %q, want %q", errs.String(), c.errs)
			}
		})
	}
}

func TestBootRestarts(t *testing.T) {
	cmd := bare(t)
	in, out := pipes(t, cmd)
	for range 3 {
		expect(t, out, greeting)
		io.WriteString(in, string(cmdReboot))
	}
	expect(t, out, greeting)
	io.WriteString(in, string(cmdPowerOff))
	if got := statusOf(t, cmd.Wait()); got != 0 {
		t.Errorf("status %d", got)
	}
}

func TestBootIsReproducible(t *testing.T) {
	digest := func() string {
		cmd := bare(t, "--exit-at-prompt", "--digest")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		return errs.String()
	}
	if a, b := digest(), digest(); a != b || !strings.Contains(a, " retired ") {
		t.Errorf("first %q, then %q", a, b)
	}
}

func TestBootWithoutReader(t *testing.T) {
	cmd := bare(t)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	in, out := pipes(t, cmd)
	expect(t, out, greeting)
	out.Close()
	io.WriteString(in, "abc")
	if got := statusOf(t, cmd.Wait()); got != 128+int(syscall.SIGPIPE) {
		t.Errorf("status %d", got)
	}
	if errs.Len() > 0 {
		t.Errorf("standard error %q", errs.String())
	}
}

func TestBootWithoutStdin(t *testing.T) {
	cmd := bare(t, "--timeout", "300ms")
	cmd.Stdin = nil // /dev/null
	out, err := cmd.Output()
	if got := statusOf(t, err); got != statusTimeout {
		t.Errorf("status %d, want it to run on until the timeout", got)
	}
	if string(out) != greeting {
		t.Errorf("output %q", out)
	}
}

func TestBadCommandLines(t *testing.T) {
	dir := t.TempDir()
	text := dir + "/text"
	if err := os.WriteFile(text, []byte("not a kernel\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		args []string
		want string // part of the one line
	}{
		{[]string{"boot", "--memory", "lots", "--kernel", text}, "512M"},
		{[]string{"boot", "--memory", "100", "--kernel", text, "--initrd", "none"}, "memory"},
		{[]string{"boot", "--harts", "9", "--kernel", text, "--initrd", "none"}, "1 to 8"},
		{[]string{"boot", "--kernel", dir + "/nothing", "--initrd", "none"}, "no such file"},
		{[]string{"boot", "--kernel", text, "--initrd", "none"}, "text"},
		{[]string{"boot", "--kernel", text, "--initrd", text}, "text"},
		{[]string{"boot", "--kernel", dir, "--initrd", "none"}, "directory"},
		{[]string{"boot", "--image", dir}, "holds no image"},
		{[]string{"boot", "--firmware", dir + "/nothing", "--kernel", text, "--initrd", "none"}, "no such file"},
		{[]string{"boot", "--disk", dir + "/nothing", "--kernel", text, "--initrd", "none"}, "no such file"},
		{[]string{"boot", "--kernal", text}, "--kernal"},
		{[]string{"boot", "extra"}, "extra"},
		{[]string{"exec"}, "no program"},
		{[]string{"exec", dir + "/nothing"}, "no such file"},
		{[]string{"exec", dir}, "is not a file"},
		{[]string{"exec", text}, "neither an ELF program"},
		{[]string{"exec", exe}, "riscv64"},
		{[]string{"exec", "--env", "=x", "prog"}, "KEY=VALUE"},
		{[]string{"exec", "--file", dir + "/nothing", "prog"}, "no such file"},
		{[]string{"exec", "--image", dir, "prog", "--image"}, "holds no image"},
		{[]string{"devices", "nothing"}, "uart0"},
		{[]string{"nonsense"}, "nonsense"},
	}
	for _, c := range cases {
		cmd := vdev(t, c.args...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if got := statusOf(t, cmd.Run()); got != statusFailure {
			t.Errorf("%q: status %d, want %d", c.args, got, statusFailure)
		}
		got := errs.String()
		if !strings.HasPrefix(got, "vdev: ") || strings.Count(got, "\n") != 1 || !strings.Contains(got, c.want) {
			t.Errorf("%q: said %q, want one line with %q", c.args, got, c.want)
		}
	}
}

func TestDevices(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"uart0", "0x10000000", "virtio-blk", "plic"}},
		{[]string{"uart0"}, []string{"NS16550A", "LSR", "0x10000000"}},
		{[]string{"plic", "--markdown"}, []string{"# plic:", "| offset |"}},
		{[]string{"--dts"}, []string{"/dts-v1/", "riscv,isa-extensions", "serial@10000000"}},
	} {
		out, err := vdev(t, append([]string{"devices"}, c.args...)...).Output()
		if err != nil {
			t.Errorf("%q: %v", c.args, err)
		}
		for _, w := range c.want {
			if !bytes.Contains(out, []byte(w)) {
				t.Errorf("%q: %q is not in the output:\n%s", c.args, w, out)
			}
		}
	}
}

// pipes starts cmd with pipes.
func pipes(t *testing.T, cmd *exec.Cmd) (in io.WriteCloser, out io.ReadCloser) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err == nil {
		out, err = cmd.StdoutPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return in, out
}

// expect reads until it has seen want.
func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	var got []byte
	b := make([]byte, 1)
	for !bytes.HasSuffix(got, []byte(want)) {
		if _, err := r.Read(b); err != nil {
			t.Fatalf("%v after %q, want %q", err, got, want)
		}
		got = append(got, b...)
	}
}
