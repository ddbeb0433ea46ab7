// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tests

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"vdev/guest/tests/internal/raw"
)

func TestExitStatus(t *testing.T) {
	path := tinyExit().path(t)
	for _, args := range []int{0, 1, 6, 126, 127, 254, 255} {
		ws := wait(t, spawn(t, path, args), 0)
		if want := (args + 1) & 0xff; !ws.Exited() || ws.ExitStatus() != want {
			t.Errorf("%d arguments: got %#x, want exit status %d", args, ws, want)
		}
	}
}

func TestManyChildren(t *testing.T) {
	path := tinyExit().path(t)
	const n = 100
	want := map[int]int{}
	for i := range n {
		want[spawn(t, path, i)] = i + 1
	}
	if len(want) != n {
		t.Fatalf("%d distinct pids, want %d", len(want), n)
	}
	for pid, status := range want {
		if ws := wait(t, pid, 0); !ws.Exited() || ws.ExitStatus() != status {
			t.Errorf("pid %d: got %#x, want exit status %d", pid, ws, status)
		}
	}
}

func TestDeathBySignal(t *testing.T) {
	cases := []struct {
		p    tiny
		want syscall.Signal
	}{
		{tinyIllegal(), syscall.SIGILL},
		{tinyBreakpoint(), syscall.SIGTRAP},
		{tinyNullLoad(), syscall.SIGSEGV},
		{tinyWriteText(), syscall.SIGSEGV},
		{tinyRunStack(), syscall.SIGSEGV},
	}
	for _, c := range cases {
		ws := wait(t, spawn(t, c.p.path(t), 0), 0)
		if !ws.Signaled() || ws.Signal() != c.want {
			t.Errorf("%s: got %#x, want death by %v", c.p.name, ws, c.want)
		}
	}
}

func TestKillAndStop(t *testing.T) {
	path := tinyPause().path(t)
	pid := spawn(t, path, 0)
	var ws syscall.WaitStatus
	if got, err := syscall.Wait4(pid, &ws, syscall.WNOHANG, nil); got != 0 || err != nil {
		t.Errorf("WNOHANG while it runs: got %d, %v", got, err)
	}
	must(t, syscall.Kill(pid, syscall.SIGSTOP))
	if ws := wait(t, pid, syscall.WUNTRACED); !ws.Stopped() || ws.StopSignal() != syscall.SIGSTOP {
		t.Errorf("after SIGSTOP: got %#x", ws)
	}
	must(t, syscall.Kill(pid, syscall.SIGCONT))
	if ws := wait(t, pid, syscall.WCONTINUED); !ws.Continued() {
		t.Errorf("after SIGCONT: got %#x", ws)
	}
	must(t, syscall.Kill(pid, syscall.SIGTERM))
	if ws := wait(t, pid, 0); !ws.Signaled() || ws.Signal() != syscall.SIGTERM {
		t.Errorf("after SIGTERM: got %#x", ws)
	}
	wantErrno(t, "kill after wait", syscall.Kill(pid, 0), syscall.ESRCH)
	_, err := syscall.Wait4(pid, &ws, 0, nil)
	wantErrno(t, "second wait", err, syscall.ECHILD)
}

func TestProcessGroup(t *testing.T) {
	path := tinyPause().path(t)
	var pids []int
	for range 3 {
		attr := &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Setpgid: true}}
		if len(pids) > 0 {
			attr.Sys.Pgid = pids[0]
		}
		pid, err := syscall.ForkExec(path, []string{"pause"}, attr)
		must(t, err)
		pids = append(pids, pid)
	}
	for _, pid := range pids {
		if got, err := syscall.Getpgid(pid); got != pids[0] || err != nil {
			t.Errorf("pid %d: group %d, %v, want %d", pid, got, err, pids[0])
		}
	}
	must(t, syscall.Kill(-pids[0], syscall.SIGKILL))
	for _, pid := range pids {
		if ws := wait(t, pid, 0); !ws.Signaled() || ws.Signal() != syscall.SIGKILL {
			t.Errorf("pid %d: got %#x, want death by SIGKILL", pid, ws)
		}
	}
}

func echoArgs(args []string) int {
	fmt.Printf("%s|%s\n", strings.Join(args, ","), os.Getenv("MARK"))
	return len(args)
}

func TestArgumentsAndEnvironment(t *testing.T) {
	cmd := child(t, "echo-args", "a b", "", "ü")
	cmd.Env = append(cmd.Env, "MARK=x=y")
	out, err := cmd.Output()
	if string(out) != "a b,,ü|x=y\n" || cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestArgumentLimit(t *testing.T) {
	const limit = 32 * 4096 // MAX_ARG_STRLEN, with the terminating zero
	path := tinyExit().path(t)
	for _, c := range []struct {
		size int
		want error
	}{{limit - 1, nil}, {limit, syscall.E2BIG}} {
		pid, err := syscall.ForkExec(path, []string{"exit", strings.Repeat("x", c.size)}, nil)
		if err == nil {
			wait(t, pid, 0)
		}
		if err != c.want && !(c.want == nil && err == nil) {
			t.Errorf("argument of %d bytes: got %v, want %v", c.size, err, c.want)
		}
	}
}

func TestExecErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		must(t, os.WriteFile(dir+"/"+name, []byte(text), mode))
		return dir + "/" + name
	}
	wrong := tinyELF(40, nil) // 32-bit Arm in a 64-bit file
	cases := []struct {
		name, path string
		want       syscall.Errno
	}{
		{"missing", dir + "/none", syscall.ENOENT},
		{"directory", dir, syscall.EACCES},
		{"not executable", write("plain", "x", 0o644), syscall.EACCES},
		{"text", write("text", "hello", 0o755), syscall.ENOEXEC},
		{"empty", write("empty", "", 0o755), syscall.ENOEXEC},
		{"wrong machine", write("arm", string(wrong), 0o755), syscall.ENOEXEC},
		{"missing interpreter", write("script", "#!/no/such\n", 0o755), syscall.ENOENT},
	}
	for _, c := range cases {
		_, err := syscall.ForkExec(c.path, []string{"x"}, nil)
		wantErrno(t, c.name, err, c.want)
	}
}

// orphanParent starts a program that outlives it and prints its pid.
func orphanParent(args []string) int {
	pid, err := syscall.ForkExec(args[0], []string{"pause"}, nil)
	if err != nil {
		return 1
	}
	fmt.Println(pid)
	return 0
}

func TestOrphanGoesToSubreaper(t *testing.T) {
	const setChildSubreaper = 36 // PR_SET_CHILD_SUBREAPER, include/uapi/linux/prctl.h
	must(t, raw.Prctl(setChildSubreaper, 1))
	defer raw.Prctl(setChildSubreaper, 0)
	out, err := child(t, "orphan-parent", tinyPause().path(t)).Output()
	must(t, err)
	orphan, err := strconv.Atoi(strings.TrimSpace(string(out)))
	must(t, err)
	must(t, syscall.Kill(orphan, syscall.SIGKILL))
	if ws := wait(t, orphan, 0); ws.Signal() != syscall.SIGKILL {
		t.Errorf("got %#x, want death by SIGKILL", ws)
	}
}

func TestDescriptorsAcrossExec(t *testing.T) {
	// Of two pipes only the one passed on may reach the child: when the
	// test closes its write ends, the other reads end of file.
	r1, w1, err := os.Pipe()
	must(t, err)
	r2, w2, err := os.Pipe()
	must(t, err)
	cmd := exec.Command(tinyPause().path(t))
	cmd.ExtraFiles = []*os.File{w1}
	must(t, cmd.Start())
	w1.Close()
	w2.Close()
	if n, err := r2.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("close-on-exec pipe: got %d, %v, want end of file", n, err)
	}
	must(t, r1.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
	if _, err := r1.Read(make([]byte, 1)); !os.IsTimeout(err) {
		t.Errorf("inherited pipe: got %v, want a timeout", err)
	}
	must(t, cmd.Process.Kill())
	if err := cmd.Wait(); err == nil {
		t.Error("the killed child ended with success")
	}
	must(t, r1.SetReadDeadline(time.Now().Add(10*time.Second)))
	if n, err := r1.Read(make([]byte, 1)); n != 0 || err == nil || os.IsTimeout(err) {
		t.Errorf("after the child's death: got %d, %v, want end of file", n, err)
	}
}

func TestResourceUsage(t *testing.T) {
	cmd := child(t, "echo-args")
	var out bytes.Buffer
	cmd.Stdout = &out
	must(t, cmd.Run())
	ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok || ru.Maxrss < 500 || ru.Minflt < 50 {
		t.Errorf("got %+v, want some hundred KiB and page faults", ru)
	}
}
