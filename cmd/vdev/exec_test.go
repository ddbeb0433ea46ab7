// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"vdev/images"
)

// needImage skips a test where there is no guest image yet, unless the environment
// says that everything must be there.
func needImage(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("boots the guest image")
	}
	if _, err := images.Find(t.Context(), images.Options{}); err != nil {
		if os.Getenv("VDEV_REQUIRE_TOOLS") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// outcome runs a command to its end.
func outcome(t *testing.T, cmd *exec.Cmd) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	status = statusOf(t, cmd.Run())
	return status, out.String(), errs.String()
}

func TestExec(t *testing.T) {
	needImage(t)
	file := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(file, []byte("contents"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name   string
		args   []string
		stdin  string
		status int
		out    string
		errs   string // part of standard error; empty for nothing at all
	}{
		{"status", []string{"sh", "-c", "exit 7"}, "", 7, "", ""},
		{"signal", []string{"sh", "-c", "kill -9 $$; sleep 5"}, "", 128 + 9, "", ""},
		{"streams", []string{"sh", "-c", "echo out; echo err >&2"}, "", 0, "out\n", "err\n"},
		{"stdin from a pipe", []string{"cat"}, "a\x00b\n", 0, "a\x00b\n", ""},
		{"arguments", []string{"echo", "a b", "--digest", "-t"}, "", 0, "a b --digest -t\n", ""},
		{"environment", []string{"--env", "A=1 2", "sh", "-c", "echo $A"}, "", 0, "1 2\n", ""},
		{"file", []string{"--file", file + ":/x/y", "--cwd", "/x", "cat", "y"}, "", 0, "contents", ""},
		{"four harts", []string{"--harts", "4", "sh", "-c", "echo $((6*7))"}, "", 0, "42\n", ""},
		{"no such program", []string{"nonsense"}, "", statusFailure, "", "vdev: program nonsense: "},
		{"timeout", []string{"--timeout", "3s", "yes"}, "", statusTimeout, "-", "did not end within 3s"},
		{"panic", []string{"--append", "rdinit=/nowhere root=/dev/none", "true"}, "", statusFailure, "",
			"Kernel panic - not syncing: "},
		{"idle time is skipped", []string{"sleep", "1000"}, "", 0, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd := vdev(t, append([]string{"exec"}, c.args...)...)
			if c.stdin != "" {
				cmd.Stdin = strings.NewReader(c.stdin)
			}
			status, out, errs := outcome(t, cmd)
			if status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			if out != c.out && c.out != "-" {
				t.Errorf("output %q, want %q", out, c.out)
			}
			if !strings.Contains(errs, c.errs) || c.errs == "" && errs != "" {
				t.Errorf("standard error %q, want %q", errs, c.errs)
			}
		})
	}
}

// The guest cannot tell how fast the host reads, and not what its stdin is made of.
func TestExecIsReproducible(t *testing.T) {
	needImage(t)
	name := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(name, bytes.Repeat([]byte("0123456789abcdef"), 50_000), 0o600); err != nil {
		t.Fatal(err)
	}
	digest := func(slowly bool) string {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd := vdev(t, "exec", "--digest", "cat")
		var errs bytes.Buffer
		cmd.Stdin, cmd.Stderr = f, &errs
		out := writerFunc(func(p []byte) (int, error) { return len(p), nil })
		cmd.Stdout = out
		if slowly {
			cmd.Stdout = slow{Writer: out}
		}
		if err := cmd.Run(); err != nil {
			t.Fatal(err, errs.String())
		}
		return errs.String()
	}
	if a, b := digest(false), digest(true); a != b || !strings.Contains(a, " retired ") {
		t.Errorf("first %q, then %q", a, b)
	}
}

func TestExecForwardsSignals(t *testing.T) {
	needImage(t)
	cases := []struct {
		name   string
		script string
		sigs   []os.Signal
		status int
	}{
		{"deadly", "echo ready; cat", []os.Signal{syscall.SIGTERM}, 128 + 15},
		{"second one ends vdev", "trap 'echo ready' INT; echo ready; while true; do sleep 1; done",
			[]os.Signal{syscall.SIGINT, syscall.SIGINT}, 128 + 2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd := vdev(t, "exec", "sh", "-c", c.script)
			in, out := pipes(t, cmd)
			defer in.Close()
			expect(t, out, "ready\n")
			for _, s := range c.sigs {
				cmd.Process.Signal(s)
			}
			go io.Copy(io.Discard, out)
			if got := statusOf(t, cmd.Wait()); got != c.status {
				t.Errorf("status %d, want %d", got, c.status)
			}
		})
	}
}

func TestExecTerminal(t *testing.T) {
	needImage(t)
	cmd := vdev(t, "exec", "--tty", "cat")
	master, slave, before := onTerminal(t, cmd)
	wait(t, "raw mode", func() bool { return isRaw(mode(t, slave)) })
	io.WriteString(master, "abc\r")
	expect(t, master, "abc\r\nabc\r\n") // echoed by the guest's terminal, and by cat
	io.WriteString(master, "\x03")
	go io.Copy(io.Discard, master)
	if got := statusOf(t, cmd.Wait()); got != 128+2 {
		t.Errorf("status %d, want that of SIGINT", got)
	}
	if after := mode(t, slave); after != before {
		t.Errorf("the terminal was\n%+v, now it is\n%+v", before, after)
	}
}
