// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openPTY returns both ends of a new pseudo-terminal.
func openPTY(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

// onTerminal starts cmd as a user at a terminal would; before is the terminal's mode.
func onTerminal(t *testing.T, cmd *exec.Cmd) (master, slave *os.File, before unix.Termios) {
	t.Helper()
	master, slave = openPTY(t)
	before = mode(t, slave)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return master, slave, before
}

func mode(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	m, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *m
}

func isRaw(m unix.Termios) bool { return m.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) == 0 }

// wait polls until done.
func wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

func TestTerminalIsRestored(t *testing.T) {
	send := func(s string) func(*exec.Cmd, *os.File) {
		return func(_ *exec.Cmd, master *os.File) { io.WriteString(master, s) }
	}
	kill := func(sig syscall.Signal) func(*exec.Cmd, *os.File) {
		return func(cmd *exec.Cmd, _ *os.File) { cmd.Process.Signal(sig) }
	}
	cases := []struct {
		name   string
		args   []string
		do     func(*exec.Cmd, *os.File)
		status int
	}{
		{"Ctrl-A x", nil, send("\x01x"), 0},
		{"power-off", nil, send("q"), 0},
		{"failure", nil, send("f"), failCode},
		{"panic", nil, send("p"), statusPanic},
		{"SIGTERM", nil, kill(syscall.SIGTERM), 128 + 15},
		{"SIGHUP", nil, kill(syscall.SIGHUP), 128 + 1},
		{"SIGINT", nil, kill(syscall.SIGINT), 128 + 2},
		{"SIGQUIT", nil, kill(syscall.SIGQUIT), 128 + 3},
		{"timeout", []string{"--timeout", "2s"}, func(*exec.Cmd, *os.File) {}, statusTimeout},
		{"quit while paused", nil, send("\x01cpause\rinfo harts\r\x01x"), 0},
		{"quit in the monitor", nil, send("\x01cquit\r"), 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd := bare(t, c.args...)
			master, slave, before := onTerminal(t, cmd)
			expect(t, master, greeting)
			if m := mode(t, slave); !isRaw(m) {
				t.Errorf("the terminal is not raw: %+v", m)
			}
			c.do(cmd, master)
			go io.Copy(io.Discard, master)
			if got := statusOf(t, cmd.Wait()); got != c.status {
				t.Errorf("status %d, want %d", got, c.status)
			}
			if after := mode(t, slave); after != before {
				t.Errorf("the terminal was\n%+v, now it is\n%+v", before, after)
			}
		})
	}
}

func TestTerminalWhileStopped(t *testing.T) {
	cmd := bare(t)
	master, slave, _ := onTerminal(t, cmd)
	expect(t, master, greeting)
	cmd.Process.Signal(syscall.SIGTSTP)
	wait(t, "stop", func() bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
		return err == nil && bytes.Contains(b, []byte(") T "))
	})
	if isRaw(mode(t, slave)) {
		t.Error("the terminal is raw while vdev is stopped")
	}
	cmd.Process.Signal(syscall.SIGCONT)
	wait(t, "raw mode after going on", func() bool { return isRaw(mode(t, slave)) })
	io.WriteString(master, "abc")
	expect(t, master, "abc")
	io.WriteString(master, "q")
	if got := statusOf(t, cmd.Wait()); got != 0 {
		t.Errorf("status %d", got)
	}
}

func TestMonitor(t *testing.T) {
	cmd := bare(t)
	master, _, _ := onTerminal(t, cmd)
	expect(t, master, greeting)
	for _, c := range []struct{ keys, want string }{
		{"\x01h", "Ctrl-A x"},
		{"\x01c", monitorPrompt},
		{"help\r", "info harts"},
		{"info harts\r", "hart 0"},
		{"info regs\r", "mstatus"},
		{"info dev\r", "uart0"},
		{"info events\r", "none"},
		{"info time\r", "virtual time"},
		{"reports\r", "none"},
		{"screenshot\r", "write screenshot FILE.png"},
		{"screenshot x.png\r", "the display is off"},
		{"info\r", "which one"},
		{"nonsense\r", "no command"},
		{"pause\r", monitorPrompt},
		{"pause\r", "paused already"},
		{"info regs\r", "mstatus"},
		{"cont\r", monitorPrompt},
		{"cont\r", "not paused"},
		{"\x01c", "\r\n"},
		{"xyz", "xyz"},
		{"\x01\x01", "\x01"},
	} {
		io.WriteString(master, c.keys)
		expect(t, master, c.want)
	}
	io.WriteString(master, "q")
	if got := statusOf(t, cmd.Wait()); got != 0 {
		t.Errorf("status %d", got)
	}
}

// panicWhileRaw is what the test binary does as a vdev that has a bug.
func panicWhileRaw() {
	t := openTerminal(os.Stdin)
	if err := t.Raw(); err != nil {
		os.Exit(3)
	}
	go func() {
		defer t.Restore()
		panic("BUG: on purpose")
	}()
	select {}
}

func TestTerminalAfterPanic(t *testing.T) {
	cmd := vdev(t)
	cmd.Env = append(os.Environ(), asVdev+"=panic")
	master, slave, before := onTerminal(t, cmd)
	var out strings.Builder
	go io.Copy(&out, master)
	if got := statusOf(t, cmd.Wait()); got != 2 {
		t.Errorf("status %d, want that of a Go panic", got)
	}
	if after := mode(t, slave); after != before {
		t.Errorf("the terminal was\n%+v, now it is\n%+v", before, after)
	}
}

func TestTerminalGoesAway(t *testing.T) {
	cmd := bare(t)
	master, slave, _ := onTerminal(t, cmd)
	expect(t, master, greeting)
	slave.Close()
	master.Close()
	if got := statusOf(t, cmd.Wait()); got != 128+int(syscall.SIGHUP) {
		t.Errorf("status %d", got)
	}
}
