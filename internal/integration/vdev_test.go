// SPDX-License-Identifier: Apache-2.0

// Package integration tests the vdev command as its users see it: with the guest
// image, Debian's own kernel and real firmware.
package integration

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vdev/images"
)

// binary is the vdev under test, built by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "vdev")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "vdev")
	build := exec.Command("go", "build", "-o", binary, "vdev/cmd/vdev")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building vdev: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// required tells whether what a test needs must be there.
func required() bool { return os.Getenv("VDEV_REQUIRE_TOOLS") != "" }

func missing(t *testing.T, what string) {
	t.Helper()
	if required() {
		t.Fatal(what)
	}
	t.Skip(what)
}

// needImage skips tests on a developer's machine that has no guest image yet.
func needImage(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("boots the guest image")
	}
	if _, err := images.Find(t.Context(), images.Options{}); err != nil {
		missing(t, err.Error())
	}
}

// outcome is how a vdev process ended.
type outcome struct {
	status         int
	stdout, stderr string
}

// limit is how long one vdev may take on a slow machine before it counts as hanging.
const limit = 4 * time.Minute

// vdev runs the command with that standard input, which comes at a time of its own.
func vdev(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	return command(t, strings.NewReader(stdin), args)
}

// vdevAlone runs the command without standard input: nothing comes from outside, and
// the run is the same each time.
func vdevAlone(t *testing.T, args ...string) outcome {
	t.Helper()
	return command(t, nil, args)
}

func command(t *testing.T, stdin io.Reader, args []string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &errs
	err := cmd.Run()
	if ctx.Err() != nil || cmd.ProcessState == nil {
		t.Fatalf("vdev %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// guestProgram builds a package as a program for the guest.
func guestProgram(t *testing.T, pkg string) string {
	t.Helper()
	prog := filepath.Join(t.TempDir(), filepath.Base(pkg))
	if err := goForGuest("build", "-o", prog, pkg); err != nil {
		t.Fatal(err)
	}
	return prog
}

// digestLine is the line that --digest prints.
func (o outcome) digestLine(t *testing.T) string {
	t.Helper()
	for line := range strings.Lines(o.stdout + o.stderr) {
		if strings.Contains(line, "digest ") && strings.Contains(line, "retired ") {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("no digest; status %d\n%s%s", o.status, o.stdout, o.stderr)
	return ""
}

// goForGuest runs the go command for programs of the guest.
func goForGuest(args ...string) error {
	build := exec.Command("go", args...)
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=riscv64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
