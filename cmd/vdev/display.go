// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vdev/emu/display"
)

// screen is a display controller, as emu.Machine.Display is one. Its methods are for
// the machine's goroutine.
type screen interface {
	// SetOnFrame sets a function that gets each picture that differs from the one
	// before, with the virtual time of its vsync. It must not keep img.
	SetOnFrame(fn func(img *image.RGBA, at time.Duration))
	// Refresh is the refresh rate in Hz, as a fraction.
	Refresh() (num, den int)
}

// displayFlag is where the picture goes: "none" or a file.
type displayFlag string

const noDisplay = "none"

func (d *displayFlag) String() string { return string(*d) }

func (d *displayFlag) Set(text string) error {
	if _, ok := pictureKind(text); text != noDisplay && !ok {
		return fmt.Errorf("%q is not a place for pictures; there are none, FILE.png and FILE.y4m", text)
	}
	*d = displayFlag(text)
	return nil
}

func (d *displayFlag) Type() string { return "FILE" }

// pictureKind is the format that a file's name asks for.
func pictureKind(name string) (string, bool) {
	switch kind := strings.ToLower(filepath.Ext(name)); kind {
	case ".png", ".y4m":
		return kind, filepath.Base(name) != filepath.Ext(name)
	}
	return "", false
}

// recorder puts the pictures of a run into a file. All methods work on nil, which
// records nothing.
type recorder struct {
	name string
	say  func(line string)
	// video is the open file; nil for a PNG, which is made at the end.
	video *os.File

	mu     sync.Mutex
	still  display.Still // guarded by mu, as are all below; for a PNG
	y4m    *display.Y4M  // nil before the first frame
	good   int64         // bytes up to the end of the last whole frame
	base   time.Duration // virtual time of the machines that were before
	last   time.Duration // of the last frame
	began  bool          // a machine was to be recorded
	ended  bool          // nothing more is to be recorded
	failed bool
}

// openRecorder makes what --display asks for. What goes wrong later is said by say.
func (f *machineFlags) openRecorder(say func(line string)) (*recorder, error) {
	if f.display == noDisplay {
		return nil, nil
	}
	r := &recorder{name: string(f.display), say: say}
	kind, _ := pictureKind(r.name)
	if kind == ".png" {
		return r, r.wrap(checkWritable(r.name))
	}
	// A limit of the size of files is to be an error like others.
	signal.Ignore(syscall.SIGXFSZ)
	var err error
	// Only for writing, so that a pipe is open when somebody reads it, and not longer.
	r.video, err = os.OpenFile(r.name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	return r, r.wrap(err)
}

// wrap says which file an error is about.
func (r *recorder) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("display %s: %w", r.name, plain(err))
}

// watch records what s shows, from before its machine runs.
func (r *recorder) watch(s screen) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.base, r.began = r.last, true
	s.SetOnFrame(func(img *image.RGBA, at time.Duration) { r.frame(s, img, at) })
}

// frame records a picture. A failure ends the recording, but not the run.
func (r *recorder) frame(s screen, img *image.RGBA, at time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	r.last = r.base + at
	if r.video == nil {
		r.still.Frame(img)
		return
	}
	if r.y4m == nil {
		num, den := s.Refresh()
		r.y4m = display.NewY4M(&counter{r.video, &r.good}, img.Rect.Dx(), img.Rect.Dy(), num, den)
	}
	whole := r.good
	if err := r.y4m.Frame(img, r.last); err != nil {
		r.good = whole
		r.fail(fmt.Errorf("%w; the recording ends at %v", plain(err), r.last))
	}
}

// counter counts the bytes that a writer takes.
type counter struct {
	io.Writer
	n *int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	*c.n += int64(n)
	return n, err
}

// fail says what went wrong and ends the recording.
func (r *recorder) fail(err error) {
	r.ended, r.failed = true, true
	r.say("vdev: " + r.wrap(err).Error())
}

// hurryPatience is how long the reader of a pipe may take for the rest of a frame
// when vdev is to end.
const hurryPatience = time.Second

// hurry makes sure that a machine which is to stop is not held up by the reader of a
// pipe.
func (r *recorder) hurry() {
	if r != nil && r.video != nil {
		_ = r.video.SetWriteDeadline(time.Now().Add(hurryPatience)) // files have none, and need none
	}
}

// finish ends the recording, and completes the error with which the run ends.
func (r *recorder) finish(err error) error {
	if r == nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end()
	if r.failed && err == nil {
		return &statusError{status: statusFailure} // the reason was said
	}
	return err
}

// end is finish with mu held.
func (r *recorder) end() {
	ended := r.ended
	r.ended = true
	if r.video != nil {
		if err := r.closeVideo(); err != nil && !ended {
			r.fail(err)
			return
		}
	}
	switch img := r.still.Image(); {
	case ended:
	case img != nil:
		if err := savePicture(r.name, func(w io.Writer) error { return display.WritePNG(w, img) }); err != nil {
			r.fail(err)
		}
	case r.y4m == nil && r.began:
		r.say("vdev: " + r.wrap(errors.New("nothing was shown, so nothing is written")).Error())
	}
}

// closeVideo leaves a file of whole frames, or none if nothing was shown.
func (r *recorder) closeVideo() error {
	st, err := r.video.Stat()
	if err == nil && st.Mode().IsRegular() {
		if r.good == 0 {
			err = os.Remove(r.name)
		} else if st.Size() > r.good {
			err = r.video.Truncate(r.good)
		}
	}
	if e := r.video.Close(); err == nil {
		err = e
	}
	return err
}

// checkPicture says in advance what would keep writePicture from making the file.
func checkPicture(name string) error {
	if kind, ok := pictureKind(name); !ok || kind != ".png" {
		return fmt.Errorf("%s: a screenshot is a PNG; call it FILE.png", name)
	}
	if err := checkWritable(name); err != nil {
		return fmt.Errorf("%s: %w", name, plain(err))
	}
	return nil
}

// writePicture writes a file that is whole or not there.
func writePicture(name string, png []byte) error {
	if err := checkPicture(name); err != nil {
		return err
	}
	err := savePicture(name, func(w io.Writer) error { _, err := w.Write(png); return err })
	if err != nil {
		return fmt.Errorf("%s: %w", name, plain(err))
	}
	return nil
}

// checkWritable says in advance what would keep savePicture from making the file.
func checkWritable(name string) error {
	dir := filepath.Dir(name)
	st, err := os.Stat(name)
	switch {
	case err == nil && st.IsDir():
		return errors.New("is a directory")
	case err == nil && !st.Mode().IsRegular():
		return unix.Access(name, unix.W_OK)
	}
	if st, err := os.Stat(dir); err != nil {
		return err
	} else if !st.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if err := unix.Access(dir, unix.W_OK); err != nil {
		return fmt.Errorf("directory %s: %w", dir, err)
	}
	return nil
}

// savePicture makes a file of what write writes, or leaves the old one: the new one
// takes its place in one step. A pipe or device is written to as it is.
func savePicture(name string, write func(w io.Writer) error) error {
	if full, err := filepath.EvalSymlinks(name); err == nil {
		name = full // replace the file, not the link to it
	}
	if st, err := os.Stat(name); err == nil && !st.Mode().IsRegular() {
		return into(name, os.O_WRONLY, write)
	}
	temp := filepath.Join(filepath.Dir(name), fmt.Sprintf(".%s.%d.tmp", filepath.Base(name), os.Getpid()))
	err := into(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, write)
	if err == nil {
		err = os.Rename(temp, name)
	}
	if err != nil {
		_ = os.Remove(temp) // it may not even exist
	}
	return err
}

// into writes to a file that is opened with flag.
func into(name string, flag int, write func(w io.Writer) error) error {
	f, err := os.OpenFile(name, flag, 0o666)
	if err != nil {
		return err
	}
	err = write(f)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
