// SPDX-License-Identifier: Apache-2.0

//go:build linux

package graphics

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vdev/guest/drm/pixel"
)

// command returns one of the guest's graphics commands.
func command(t *testing.T, line string, args ...string) (cmd *exec.Cmd, out, errs *bytes.Buffer) {
	t.Helper()
	must(t, bench(t).done()) // skips; and the command must be the only one at the display
	words := append(strings.Fields(line), args...)
	path, err := exec.LookPath(words[0])
	if err != nil {
		t.Skip("this guest has no " + words[0])
	}
	out, errs = new(bytes.Buffer), new(bytes.Buffer)
	cmd = exec.Command(path, words[1:]...)
	cmd.Stdout, cmd.Stderr = out, errs
	return cmd, out, errs
}

func status(err error) int {
	var e *exec.ExitError
	if errors.As(err, &e) {
		return e.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

func TestCommandErrors(t *testing.T) {
	for _, c := range []struct {
		line   string
		status int
		says   string // in the one line on standard error
	}{
		{"kmsshow -plane 5 -for 1ms", 2, "planes 0 to 4"},
		{"kmsshow -format NV12", 2, "XR24"},
		{"kmsshow -buffer none", 2, "dumb, gem, system"},
		{"kmsshow -size 3", 2, "WxH"},
		{"kmsshow -size 3x4x5", 2, "WxH"},
		{"kmsshow -alpha 0.5 -for 1ms", 1, "alpha"},
		{"kmsshow -for", 2, "kmsshow -h"},
		{"kmsshow a b", 2, "more than one"},
		{"kmsshow none.png", 1, "none.png"},
		{"kmsshow /proc/self/exe", 1, "not a PNG"},
		{"g2ddraw -nonsense", 2, "g2ddraw -h"},
		{"g2ddraw -o /none/x.png -size 32x32", 1, "/none/x.png"},
		{"g2ddraw -size 9000x4 -o -", 1, "command list"},
		{"bufpass -buffer dumb", 2, "gem"},
		{"bufpass none.png", 1, "none.png"},
		{"bufpass -o /none/x.png -size 32x32", 1, "/none/x.png"},
	} {
		cmd, out, errs := command(t, c.line)
		got := status(cmd.Run())
		text := errs.String()
		if got != c.status || out.Len() != 0 || strings.Count(text, "\n") != 1 || !strings.Contains(text, c.says) {
			t.Errorf("%s: status %d, want %d; prints %q and %q, want a line about %q", c.line, got, c.status, out, text, c.says)
		}
	}
}

func TestCommandHelp(t *testing.T) {
	for _, name := range []string{"kmsshow", "g2ddraw", "bufpass"} {
		cmd, out, errs := command(t, name+" -h")
		if err := cmd.Run(); err != nil || !strings.Contains(out.String(), "usage: "+name) || !strings.Contains(out.String(), "\n  -buffer") || errs.Len() != 0 {
			t.Errorf("%s -h: %v\n%s%s", name, err, out, errs)
		}
	}
}

// TestCommandsEndWithCtrlC has the display be free afterwards.
func TestCommandsEndWithCtrlC(t *testing.T) {
	for _, line := range []string{"kmsshow -size 32x32", "kmsshow -size 32x32 -flips 1000000", "g2ddraw -size 32x32", "bufpass -size 32x32"} {
		cmd, _, errs := command(t, line)
		must(t, cmd.Start())
		time.Sleep(300 * time.Millisecond)
		must(t, cmd.Process.Signal(os.Interrupt))
		if err := cmd.Wait(); err != nil || errs.Len() != 0 {
			t.Errorf("%s: %v, %s", line, err, errs)
		}
	}
}

// TestPictureFiles saves pictures and reads them again.
func TestPictureFiles(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.png")
	cmd, _, errs := command(t, "g2ddraw -size 48x40 -o", name)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, errs)
	}
	f := get(os.Open(name)).or(t)
	defer f.Close()
	saved := get(pixel.DecodePNG(f)).or(t)

	cmd, out, errs := command(t, "bufpass -size 48x40 -o -", name)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, errs)
	}
	if d := saved.Diff(get(pixel.DecodePNG(out)).or(t)); d != "" {
		t.Errorf("passed on at the same size: %s", d)
	}
}
