// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeScreen shows what a test tells it.
type fakeScreen struct {
	onFrame func(*image.RGBA, time.Duration)
}

var _ screen = (*fakeScreen)(nil)

func (f *fakeScreen) SetOnFrame(fn func(*image.RGBA, time.Duration)) { f.onFrame = fn }
func (f *fakeScreen) Refresh() (num, den int)                        { return 60, 1 }

// plainPicture is a picture of one colour.
func plainPicture(w, h int, c color.RGBA) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

func red() color.RGBA   { return color.RGBA{R: 255, A: 255} }
func white() color.RGBA { return color.RGBA{R: 255, G: 255, B: 255, A: 255} }

// recording is a recorder and what it said.
type recording struct {
	*recorder
	said []string
}

func record(t *testing.T, name string) *recording {
	t.Helper()
	r := &recording{}
	var f machineFlags
	if err := f.display.Set(name); err != nil {
		t.Fatal(err)
	}
	var err error
	if r.recorder, err = f.openRecorder(func(line string) { r.said = append(r.said, line) }); err != nil {
		t.Fatal(err)
	}
	return r
}

// expectSaid checks that one line with all of want was said, or none if want is empty.
func (r *recording) expectSaid(t *testing.T, want ...string) {
	t.Helper()
	n := min(len(want), 1)
	if len(r.said) != n {
		t.Fatalf("said %q, want %d line", r.said, n)
	}
	for _, w := range want {
		if !strings.Contains(r.said[0], w) || strings.Contains(r.said[0], "\n") {
			t.Errorf("said %q, want one line with %q", r.said[0], w)
		}
	}
}

// expectFiles checks what is in a directory: nothing temporary stays.
func expectFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the directory has %q, want %q", got, want)
	}
}

func TestDisplayFlag(t *testing.T) {
	for name, ok := range map[string]bool{
		"none": true, "a.png": true, "dir/a.PNG": true, "a.b.y4m": true, "/x/./a.y4m": true,
		"": false, "a": false, "a.gif": false, "png": false, ".png": false, "dir/.y4m": false, "vnc:1": false, "a.png/b": false,
	} {
		var d displayFlag
		if err := d.Set(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestRecordPNG(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.png")
	r := record(t, name)
	var s fakeScreen
	r.watch(&s)
	s.onFrame(plainPicture(3, 2, red()), 0)
	s.onFrame(plainPicture(3, 2, white()), time.Second)
	expectFiles(t, dir)
	if err := r.finish(nil); err != nil {
		t.Error(err)
	}
	s.onFrame(plainPicture(3, 2, red()), 2*time.Second) // a machine that does not stop
	r.expectSaid(t)
	expectFiles(t, dir, "a.png")
	expectPNG(t, name, plainPicture(3, 2, white()))
}

// expectPNG checks a file's picture.
func expectPNG(t *testing.T, name string, want *image.RGBA) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounds() != want.Rect {
		t.Fatalf("size %v, want %v", got.Bounds(), want.Rect)
	}
	for y := range want.Rect.Dy() {
		for x := range want.Rect.Dx() {
			if g, w := color.RGBAModel.Convert(got.At(x, y)), want.RGBAAt(x, y); g != w {
				t.Fatalf("pixel %d, %d is %v, want %v", x, y, g, w)
			}
		}
	}
}

const (
	y4mHeader = "YUV4MPEG2 W2 H1 F60:1 Ip A1:1 C444 XCOLORRANGE=FULL XVDEV_MATRIX=BT601\n"
	redYUV    = "\x4c\x4c\x55\x55\xff\xff"
	whiteYUV  = "\xff\xff\x80\x80\x80\x80"
)

// A restarted guest goes on where the one before it ended.
func TestRecordY4M(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.y4m")
	r := record(t, name)
	var s, again fakeScreen
	r.watch(&s)
	s.onFrame(plainPicture(2, 1, red()), time.Second)
	r.watch(&again)
	again.onFrame(plainPicture(2, 1, white()), 500*time.Nanosecond)
	if err := r.finish(nil); err != nil {
		t.Error(err)
	}
	r.expectSaid(t)
	got, err := os.ReadFile(name)
	want := y4mHeader + "FRAME XVDEV_TIME_NS=1000000000\n" + redYUV + "FRAME XVDEV_TIME_NS=1000000500\n" + whiteYUV
	if err != nil || string(got) != want {
		t.Errorf("%v\n%q, want\n%q", err, got, want)
	}
}

func TestRecordNothing(t *testing.T) {
	for _, base := range []string{"a.png", "a.y4m"} {
		dir := t.TempDir()
		r := record(t, filepath.Join(dir, base))
		r.watch(&fakeScreen{})
		if err := r.finish(nil); err != nil {
			t.Error(err)
		}
		r.expectSaid(t, base, "nothing was shown")
		expectFiles(t, dir)

		r = record(t, filepath.Join(dir, base)) // the machine never came to be
		want := errors.New("no machine")
		if err := r.finish(want); err != want {
			t.Errorf("error %v", err)
		}
		r.expectSaid(t)
		expectFiles(t, dir)
	}
}

// status is the exit status that an error stands for.
func status(err error) int {
	var se *statusError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &se):
		return se.status
	}
	return statusFailure
}

// What the host cannot write is said once, in one line, and seen in the exit status.
func TestRecordFails(t *testing.T) {
	for _, base := range []string{"a.png", "a.y4m"} {
		name := filepath.Join(t.TempDir(), base)
		if err := os.Symlink("/dev/full", name); err != nil {
			t.Fatal(err)
		}
		r := record(t, name)
		var s fakeScreen
		r.watch(&s)
		for range 3 {
			s.onFrame(plainPicture(2, 1, red()), time.Second)
		}
		if got := status(r.finish(nil)); got != statusFailure {
			t.Errorf("%s: status %d", base, got)
		}
		r.expectSaid(t, name, "no space left on device")
		if got := status(r.finish(&statusError{status: 7})); got != 7 {
			t.Errorf("%s: status %d, want the program's", base, got)
		}
	}
}

func TestRecordWhere(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"dir.png", "dir.y4m"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"none/a.png": "no such file", "none/a.y4m": "no such file",
		"dir.png": "is a directory", "dir.y4m": "is a directory",
		"file/a.png": "not a directory", "file/a.y4m": "not a directory",
	} {
		f := machineFlags{display: displayFlag(filepath.Join(dir, name))}
		_, err := f.openRecorder(nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// A screenshot replaces the file that a link leads to, not the link, and in one step.
func TestWritePicture(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file.png"), filepath.Join(dir, "link.png")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file.png", link); err != nil {
		t.Fatal(err)
	}
	if err := writePicture(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "new" {
		t.Errorf("%q, %v", got, err)
	}
	if st, err := os.Lstat(link); err != nil || st.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link is now %v, %v", st, err)
	}
	failing := func(io.Writer) error { return errors.New("failed") }
	if err := savePicture(file, failing); err == nil {
		t.Error("no error")
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "new" {
		t.Errorf("after a failure: %q, %v", got, err)
	}
	expectFiles(t, dir, "file.png", "link.png")
	if err := writePicture(filepath.Join(dir, "x.jpg"), nil); err == nil || !strings.Contains(err.Error(), "FILE.png") {
		t.Errorf("a JPEG: %v", err)
	}
}

// fifo makes a pipe with a name, and opens it for reading when the writer is there.
func fifo(t *testing.T) (name string, reader func() *os.File) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "a.y4m")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	opened := make(chan *os.File, 1)
	go func() {
		f, err := os.Open(name)
		if err != nil {
			t.Error(err)
		}
		opened <- f
	}()
	return name, func() *os.File { return <-opened }
}

func TestRecordPipe(t *testing.T) {
	name, reader := fifo(t)
	r := record(t, name)
	in := reader()
	var s fakeScreen
	r.watch(&s)
	s.onFrame(plainPicture(2, 1, red()), 0)
	expect(t, in, y4mHeader+"FRAME XVDEV_TIME_NS=0\n"+redYUV)
	in.Close()
	for range 3 {
		s.onFrame(plainPicture(2, 1, white()), time.Second)
	}
	r.expectSaid(t, name, "broken pipe", "ends at 1s")
	if got := status(r.finish(nil)); got != statusFailure {
		t.Errorf("status %d", got)
	}
	r.expectSaid(t, "broken pipe")
	if _, err := os.Lstat(name); err != nil {
		t.Error("the pipe was removed:", err)
	}
}

// Somebody who opens a pipe and does not read it holds up the machine, but not its end.
func TestRecordPipeThatNobodyReads(t *testing.T) {
	name, reader := fifo(t)
	r := record(t, name)
	defer reader().Close()
	var s fakeScreen
	r.watch(&s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.onFrame(plainPicture(1000, 1000, red()), 0)
	}()
	select {
	case <-done:
		t.Error("the frame fits into the pipe")
	case <-time.After(50 * time.Millisecond):
	}
	r.hurry()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("hangs")
	}
	if got := status(r.finish(nil)); got != statusFailure {
		t.Errorf("status %d", got)
	}
	r.expectSaid(t, name, "timeout")
}

// shows waits until a screenshot of the guest is all of one colour.
func (g *guest) shows(t *testing.T, c color.RGBA) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "shot.png")
	wait(t, "the picture", func() bool {
		if status, _, _ := g.ctl("screenshot", name); status != 0 {
			return false // off as yet
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		img, err := png.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		return img.Bounds().Size() == image.Pt(pictureWidth, pictureHeight) && color.RGBAModel.Convert(img.At(5, 5)) == c
	})
}

// However a run ends, what was shown is in the file.
func TestDisplayWhateverTheEnd(t *testing.T) {
	key := func(c byte) func(*testing.T, *guest) {
		return func(_ *testing.T, g *guest) { io.WriteString(g.in, string(c)) }
	}
	signal := func(sig syscall.Signal) func(*testing.T, *guest) {
		return func(_ *testing.T, g *guest) { g.Process.Signal(sig) }
	}
	for _, c := range []struct {
		name   string
		args   []string
		end    func(*testing.T, *guest)
		status int
	}{
		{"power-off", nil, key(cmdPowerOff), 0},
		{"guest panic", nil, key(cmdPanic), statusPanic},
		{"SIGINT", nil, signal(syscall.SIGINT), 128 + 2},
		{"SIGTERM", nil, signal(syscall.SIGTERM), 128 + 15},
		{"timeout", []string{"--timeout", "6s"}, func(*testing.T, *guest) {}, statusTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range []string{"png", "y4m"} {
				d := newRuntimeDir(t)
				dir := t.TempDir()
				name := filepath.Join(dir, "out."+kind)
				g := d.boot(t, append(c.args, "--display", name)...)
				io.WriteString(g.in, string(cmdRed))
				g.shows(t, red())
				io.WriteString(g.in, string(cmdWhite))
				g.shows(t, white())
				io.WriteString(g.in, string(cmdOff))
				wait(t, "the display to go off", func() bool {
					_, _, errs := g.ctl("screenshot", filepath.Join(t.TempDir(), "shot.png"))
					return strings.Contains(errs, "the display is off")
				})
				c.end(t, &g)
				go io.Copy(io.Discard, g.out)
				if got := statusOf(t, g.Wait()); got != c.status {
					t.Errorf("%s: status %d, want %d", kind, got, c.status)
				}
				expectFiles(t, dir, "out."+kind)
				if kind == "png" {
					expectPNG(t, name, plainPicture(pictureWidth, pictureHeight, white()))
				} else if n := len(videoFrames(t, name)); n != 2 {
					t.Errorf("%d frames, want 2", n)
				}
			}
		})
	}
}

// videoFrames takes a video of the test guest apart: header and luma of each frame.
func videoFrames(t *testing.T, name string) (list []string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	header, rest, _ := strings.Cut(string(data), "\n")
	if !strings.HasPrefix(header, "YUV4MPEG2 W16 H8 F") || strings.Contains(header, "F0:0") {
		t.Fatalf("header %q", header)
	}
	const size = pictureWidth * pictureHeight
	for rest != "" {
		head, planes, _ := strings.Cut(rest, "\n")
		if !strings.HasPrefix(head, "FRAME XVDEV_TIME_NS=") || len(planes) < 3*size {
			t.Fatalf("frame %d begins with %q and has %d bytes", len(list), head, len(planes))
		}
		list = append(list, head+"\n"+planes[:size])
		rest = planes[3*size:]
	}
	return list
}

// A picture that becomes smaller stays in the corner.
func TestDisplaySizeChanges(t *testing.T) {
	d := newRuntimeDir(t)
	name := filepath.Join(t.TempDir(), "out.y4m")
	g := d.boot(t, "--display", name)
	io.WriteString(g.in, string(cmdRed)+string(cmdSmall))
	wait(t, "the second frame", func() bool {
		st, err := os.Stat(name)
		return err == nil && st.Size() > 2*3*pictureWidth*pictureHeight
	})
	g.end(t)
	head, luma, _ := strings.Cut(videoFrames(t, name)[1], "\n")
	if !strings.HasSuffix(head, " XVDEV_SIZE=8x4") {
		t.Errorf("frame %q", head)
	}
	for i, y := range []byte(luma) {
		want := byte(0)
		if i%pictureWidth < smallWidth && i/pictureWidth < smallHeight {
			want = 76
		}
		if y != want {
			t.Fatalf("luma of pixel %d is %d, want %d", i, y, want)
		}
	}
}

// Where the host takes no more, the video ends behind its last whole frame; the guest
// runs on.
func TestDisplayOnAFullDisk(t *testing.T) {
	d := newRuntimeDir(t)
	name := filepath.Join(t.TempDir(), "out.y4m")
	limited := d.in(bare(t, "--display", name))
	cmd := exec.Command("sh", append([]string{"-c", `ulimit -f 1; exec "$@"`, "sh"}, limited.Args...)...)
	cmd.Env = limited.Env
	said, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	cmd.Stderr = said
	g := guest{Cmd: cmd}
	g.in, g.out = pipes(t, cmd)
	t.Cleanup(func() { cmd.Process.Kill() })
	expect(t, g.out, greeting)
	pictures := 0
	wait(t, "the limit", func() bool { // a block holds no three frames, whatever its size is here
		io.WriteString(g.in, string([]byte{cmdRed, cmdWhite}[pictures%2]))
		pictures++
		st, err := said.Stat()
		return err == nil && st.Size() > 0
	})
	g.alive(t)
	io.WriteString(g.in, string(cmdPowerOff))
	if got := statusOf(t, g.Wait()); got != statusFailure {
		t.Errorf("status %d", got)
	}
	got, err := os.ReadFile(said.Name())
	if err != nil || bytes.Count(got, []byte("\n")) != 1 || !bytes.Contains(got, []byte("file too large; the recording ends at ")) {
		t.Errorf("said %q, %v", got, err)
	}
	if n := len(videoFrames(t, name)); n == 0 {
		t.Errorf("%d frames", n)
	}
}

func TestScreenshot(t *testing.T) {
	d := newRuntimeDir(t)
	g := d.boot(t)
	name := filepath.Join(t.TempDir(), "shot.png")
	if status, _, errs := g.ctl("screenshot", name); status != statusFailure || errs != "vdev: the display is off\n" {
		t.Errorf("status %d, said %q", status, errs)
	}
	io.WriteString(g.in, string(cmdRed))
	g.shows(t, red())
	g.ctl("pause")
	g.shows(t, red())
	g.ctl("resume")
	status, out, errs := g.ctl("screenshot", name)
	if status != 0 || out != "" || errs != "" {
		t.Errorf("status %d, output %q, said %q", status, out, errs)
	}
	expectPNG(t, name, plainPicture(pictureWidth, pictureHeight, red()))
	g.end(t)
}
