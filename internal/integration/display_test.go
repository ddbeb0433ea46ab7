// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// panel is a display small enough not to take long.
const (
	panel                   = "64x48@60"
	panelWidth, panelHeight = 64, 48
)

// panelPicture writes a PNG of the panel's size in which no two pixels are the same.
func panelPicture(t *testing.T) (name string, img *image.RGBA) {
	t.Helper()
	img = image.NewRGBA(image.Rect(0, 0, panelWidth, panelHeight))
	for y := range panelHeight {
		for x := range panelWidth {
			img.SetRGBA(x, y, color.RGBA{R: uint8(4 * x), G: uint8(5 * y), B: uint8(x ^ 7*y), A: 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	name = filepath.Join(t.TempDir(), "in.png")
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name, img
}

// comparePicture compares a PNG in a file with a picture.
func comparePicture(name string, want *image.RGBA) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	got, err := png.Decode(f)
	if err != nil {
		return err
	}
	if got.Bounds() != want.Rect {
		return fmt.Errorf("size %v, want %v", got.Bounds(), want.Rect)
	}
	for y := range want.Rect.Dy() {
		for x := range want.Rect.Dx() {
			if g, w := color.RGBAModel.Convert(got.At(x, y)), want.RGBAAt(x, y); g != w {
				return fmt.Errorf("pixel %d, %d is %v, want %v", x, y, g, w)
			}
		}
	}
	return nil
}

// What Linux shows is what the program drew, and is still there when it has ended.
func TestDisplayPNG(t *testing.T) {
	needImage(t)
	kmsshow := guestProgram(t, "vdev/guest/cmds/kmsshow")
	in, want := panelPicture(t)
	for _, kind := range []string{"dumb", "system"} {
		out := filepath.Join(t.TempDir(), "out.png")
		o := vdev(t, "", "exec", "--panel", panel, "--file", in+":/tmp/in.png", "--display", out,
			kmsshow, "-buffer", kind, "-for", "100ms", "in.png")
		if o.status != 0 || o.stderr != "" {
			t.Fatalf("%s: status %d\n%s", kind, o.status, o.stderr)
		}
		if err := comparePicture(out, want); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// A video has a frame for each flip, at its own vsync, and is the same in each run.
func TestDisplayVideo(t *testing.T) {
	needImage(t)
	const flips = 5
	kmsshow := guestProgram(t, "vdev/guest/cmds/kmsshow")
	run := func() string {
		out := filepath.Join(t.TempDir(), "out.y4m")
		o := vdev(t, "", "exec", "--panel", panel, "--display", out, kmsshow, "-flips", fmt.Sprint(flips), "-for", "100ms")
		if o.status != 0 {
			t.Fatalf("status %d\n%s", o.status, o.stderr)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	video := run()
	header, rest, _ := strings.Cut(video, "\n")
	if !strings.HasPrefix(header, "YUV4MPEG2 W64 H48 F60:1 ") {
		t.Errorf("header %q", header)
	}
	const size = panelWidth * panelHeight
	last, pictures := time.Duration(-1), 0
	for rest != "" {
		head, planes, _ := strings.Cut(rest, "\n")
		var ns int64
		if n, err := fmt.Sscanf(head, "FRAME XVDEV_TIME_NS=%d", &ns); n != 1 || len(planes) < 3*size {
			t.Fatalf("frame %q: %v, %d bytes", head, err, len(planes))
		}
		at := time.Duration(ns)
		if step := at - last; last >= 0 && step < time.Second/60-time.Microsecond {
			t.Errorf("frames at %v and %v, nearer than the refresh rate", last, at)
		}
		last = at
		if strings.Trim(planes[:size], "\x00") != "" { // not the black of before and after
			pictures++
		}
		rest = planes[3*size:]
	}
	// The first flip may come before the first picture has been shown at a vsync.
	if pictures != flips && pictures != flips+1 {
		t.Errorf("%d pictures after %d flips", pictures, flips)
	}
	if again := run(); again != video {
		t.Error("another run gives another video")
	}
}

// watched runs "vdev exec --ctl" and lets look talk to it meanwhile, through ask.
func watched(t *testing.T, look func(ask func(command string) (answer map[string]any, ok bool)), args ...string) (status int, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	socket := filepath.Join(t.TempDir(), "s")
	cmd := exec.CommandContext(ctx, binary, append([]string{"exec", "--ctl", socket}, args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	var conn net.Conn
	for conn == nil {
		select {
		case <-ended:
			t.Fatal("no socket: ", errs.String())
		case <-time.After(time.Millisecond):
			conn, _ = net.Dial("unix", socket)
		}
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	look(func(command string) (map[string]any, bool) {
		line, err := json.Marshal(map[string]string{"command": command})
		if err == nil {
			_, err = conn.Write(append(line, '\n'))
		}
		if err == nil {
			line, err = in.ReadBytes('\n')
		}
		var answer map[string]any
		ok := err == nil && json.Unmarshal(line, &answer) == nil
		return answer, ok
	})
	<-ended
	return cmd.ProcessState.ExitCode(), errs.String()
}

// held starts "vdev exec --ctl" with a stdin that stays open, so that idle time is not
// skipped, and returns a function that runs "vdev ctl" on it. The test ends it with
// "quit".
func held(t *testing.T, args ...string) (ctl func(args ...string) outcome, end func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	socket := filepath.Join(t.TempDir(), "s")
	cmd := exec.CommandContext(ctx, binary, append([]string{"exec", "--ctl", socket}, args...)...)
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	ctl = func(args ...string) outcome {
		t.Helper()
		if ctx.Err() != nil {
			t.Fatal("the machine did not do in time what it should")
		}
		return vdev(t, "", append([]string{"ctl", "--ctl", socket}, args...)...)
	}
	return ctl, func() {
		t.Helper()
		if o := ctl("quit"); o.status != 0 {
			t.Error(o.stderr)
		}
		_ = cmd.Wait() // its status follows
		stdin.Close()
		if got := cmd.ProcessState.ExitCode(); got != 128+2 {
			t.Errorf("status %d, want that of Ctrl-A x", got)
		}
	}
}

// retry waits before a condition is looked at again.
func retry() { time.Sleep(100 * time.Millisecond) }

// A person sees the picture while the program shows it, also of a paused machine.
func TestScreenshot(t *testing.T) {
	needImage(t)
	kmsshow := guestProgram(t, "vdev/guest/cmds/kmsshow")
	in, want := panelPicture(t)
	ctl, end := held(t, "--panel", panel, "--file", in+":/tmp/in.png", kmsshow, "-buffer", "system", "-for", "1000h", "in.png")
	shot := filepath.Join(t.TempDir(), "shot.png")
	// The display is off at first, and then black until a vsync.
	for ctl("screenshot", shot).status != 0 || comparePicture(shot, want) != nil {
		retry()
	}
	for _, command := range []string{"pause", "resume"} {
		if o := ctl(command); o.status != 0 {
			t.Error(o.stderr)
		}
		if o := ctl("screenshot", shot); o.status != 0 {
			t.Errorf("after %s: %s", command, o.stderr)
		} else if err := comparePicture(shot, want); err != nil {
			t.Errorf("after %s: %v", command, err)
		}
	}
	end()
}

// What the sanitizer has found can be asked for while the machine runs.
func TestCtlReports(t *testing.T) {
	needImage(t)
	prog, err := coherencyProgram()
	if err != nil {
		t.Fatal(err)
	}
	ctl, end := held(t, "--file", prog+":/tmp/prog", "sh", "-c", "/tmp/prog device-read-dirty broken; sleep 100000")
	for o := ctl("reports"); o.status != 0 || o.stdout == "none\n"; o = ctl("reports") {
		retry()
	}
	for _, c := range []struct{ args, want string }{
		{"reports", "device-read-dirty in dma-tester, started in "},
		{"reports 1", "BUG: vdev: device-read-dirty in dma-tester"},
		{"reports 1", "Missing: "},
		{"reports --json", `"code":"device-read-dirty"`},
	} {
		if o := ctl(strings.Fields(c.args)...); o.status != 0 || !strings.Contains(o.stdout, c.want) {
			t.Errorf("%s: status %d, no %q in\n%s%s", c.args, o.status, c.want, o.stdout, o.stderr)
		}
	}
	var list []struct {
		Count  int
		Report struct{ ID int }
	}
	if err := json.Unmarshal([]byte(ctl("reports", "--json").stdout), &list); err != nil || len(list) == 0 || list[0].Count < 1 || list[0].Report.ID != 1 {
		t.Errorf("%v, %v", list, err)
	}
	end()
}

// Neither screenshots nor a recording change a run, nor what the sanitizer says of it.
func TestLookingDoesNotChangeTheRun(t *testing.T) {
	needImage(t)
	kmsshow := guestProgram(t, "vdev/guest/cmds/kmsshow")
	dir := t.TempDir()
	show := func(flags ...string) []string {
		return append(flags, "--digest", "--harts", "2", "--cache", "random", "--seed", "5", "--panel", panel, "--report-only",
			kmsshow, "-buffer", "system", "-flips", "20", "-for", "500ms")
	}
	unseen := func(func(string) (map[string]any, bool)) {}
	status, plain := watched(t, unseen, show()...)
	if status != 0 || !strings.Contains(plain, "digest ") {
		t.Fatalf("status %d\n%s", status, plain)
	}
	if status, recorded := watched(t, unseen, show("--display", filepath.Join(dir, "out.y4m"))...); status != 0 || recorded != plain {
		t.Errorf("recorded: status %d\n%s, want\n%s", status, recorded, plain)
	}
	shots := 0
	status, seen := watched(t, func(ask func(string) (map[string]any, bool)) {
		for {
			for _, command := range []string{"screenshot", "reports", "devices", "pause", "screenshot", "info regs", "resume"} {
				answer, ok := ask(command)
				if !ok {
					return
				}
				if answer["png"] != nil {
					shots++
				}
			}
		}
	}, show()...)
	if status != 0 || seen != plain {
		t.Errorf("watched: status %d\n%s, want\n%s", status, seen, plain)
	}
	if shots < 3 {
		t.Errorf("%d screenshots", shots)
	}
}
