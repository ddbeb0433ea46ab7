// SPDX-License-Identifier: Apache-2.0

package images

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// reporter tells a person how far the build is: on a terminal with one live line
// that is redrawn, elsewhere with a plain line now and then.
type reporter struct {
	w   io.Writer // nil: silent
	tty bool
	fd  int // of the terminal

	mu    sync.Mutex
	drawn bool      // guarded by mu: a live line is on the screen
	last  time.Time // guarded by mu: when it was drawn
	task  string    // guarded by mu: the task of the last plain line
	tenth int64     // guarded by mu: and how many tenths of it were done
}

func newReporter(w io.Writer) *reporter {
	r := &reporter{w: w}
	if f, ok := w.(*os.File); ok && f != nil {
		r.fd = int(f.Fd())
		r.tty = term.IsTerminal(r.fd)
	}
	return r
}

// step prints a line that stays.
func (r *reporter) step(format string, args ...any) {
	if r == nil || r.w == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wipe()
	fmt.Fprintf(r.w, "vdev: "+format+"\n", args...)
}

// wipe removes the live line. Preconditions: mu is held.
func (r *reporter) wipe() {
	if r.drawn {
		io.WriteString(r.w, "\r\x1b[K")
		r.drawn = false
	}
}

// clear removes the live line, if there is one.
func (r *reporter) clear() {
	if r == nil || r.w == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wipe()
}

// live says that done of total units of a task are done, and what is being done.
// A total of 0 is unknown.
func (r *reporter) live(task string, done, total int64, detail string) {
	if r == nil || r.w == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if total > 0 {
		done = min(done, total)
	}
	if !r.tty {
		// A line for each tenth is enough for a log.
		var tenth int64
		if total > 0 {
			tenth = done * 10 / total
		}
		if task == r.task && tenth == r.tenth {
			return
		}
		r.task, r.tenth = task, tenth
		if total > 0 {
			fmt.Fprintf(r.w, "vdev: %s: %d%%\n", task, tenth*10)
		} else {
			fmt.Fprintf(r.w, "vdev: %s\n", task)
		}
		return
	}
	const redraw = 80 * time.Millisecond
	now := time.Now()
	if r.drawn && r.task == task && now.Sub(r.last) < redraw {
		return
	}
	r.last, r.drawn, r.task = now, true, task
	width, _, err := term.GetSize(r.fd)
	if err != nil || width < 20 {
		width = 80
	}
	io.WriteString(r.w, "\r"+liveLine(task, done, total, detail, width-1)+"\x1b[K")
}

// barWidth is the length of a progress bar in characters.
const barWidth = 24

// liveLine lays out the live line in at most width characters.
func liveLine(task string, done, total int64, detail string, width int) string {
	var b strings.Builder
	b.WriteString(task)
	if total > 0 {
		full := int(done * barWidth / total)
		fmt.Fprintf(&b, " [%s%s] %3d%%", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), done*100/total)
	}
	if detail != "" {
		b.WriteString(" " + detail)
	}
	line := b.String()
	if utf8.RuneCountInString(line) > width {
		line = string([]rune(line)[:width])
	}
	return line
}

// formatBytes writes a size for people.
func formatBytes(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.0f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}

// progressReader reports how much of a file of known size has been read.
type progressReader struct {
	r           io.Reader
	report      *reporter
	task        string
	done, total int64 // bytes
}

func (p *progressReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.done += int64(n)
	p.report.live(p.task, p.done, p.total, formatBytes(p.done))
	return n, err
}
