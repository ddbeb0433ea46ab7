// SPDX-License-Identifier: Apache-2.0

package strace

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"vdev/emu/linux"
)

// line is what is printed of a call:
//
//	[pid 123 kmsshow] 0.512345678 ioctl(3</dev/dri/card0>, REQUEST, {in}) = 0 => {out} [lines: ...] <0.000012345>
func (t *Tracer) line(c *call, o outcome) string {
	var b strings.Builder
	if c.task != nil {
		fmt.Fprintf(&b, "[pid %d %s] ", c.task.PID, plain(c.task.Comm))
	} else {
		fmt.Fprintf(&b, "[task %#x] ", c.regs.taskAt())
	}
	fmt.Fprintf(&b, "%s ioctl(%s, %s) = %s", seconds(c.start), c.target, c.in, o)
	if out := t.formatOut(c, o); out != "" {
		b.WriteString(" => " + out)
	}
	if c.sync != nil {
		b.WriteString(" " + c.sync.Lines.String())
	}
	fmt.Fprintf(&b, " <%s>", seconds(t.cfg.Now()-c.start))
	return b.String()
}

// String is the result as strace shows it.
func (o outcome) String() string {
	if o.regs == nil {
		return "?"
	}
	if o.restart != "" {
		return "? " + o.restart
	}
	if e, ok := o.errno(); ok {
		return "-1 " + errorText(e)
	}
	return strconv.FormatInt(int64(o.value), 10)
}

func seconds(d time.Duration) string {
	return fmt.Sprintf("%d.%09d", d/time.Second, d%time.Second)
}

// plain makes text of the guest's harmless for terminals and parsers.
func plain(s string) string {
	if q := strconv.QuoteToASCII(s); q[1:len(q)-1] != s {
		return q
	}
	return s
}

// fdText is a file descriptor of the task and what it is.
func (t *Tracer) fdText(r *Regs, fd int) string {
	f, ok := t.cfg.Kernel.File(r.taskAt(), r.Satp, fd)
	if !ok {
		return strconv.Itoa(fd)
	}
	what := plain(f.Path)
	if buf, ok := t.cfg.Kernel.DMABuf(f, r.Satp); ok {
		what = "dmabuf:" + plain(buf.Exporter)
		if buf.Name != "" {
			what += " " + strconv.QuoteToASCII(buf.Name)
		} else {
			what += fmt.Sprintf(" #%d", buf.Inode)
		}
	}
	if f.Kind == linux.FileSyncFile {
		what = "sync_file"
	}
	return fmt.Sprintf("%d<%s>", fd, what)
}

// formatIn is the request and what the program passes with it.
func (t *Tracer) formatIn(c *call) string {
	return fmt.Sprintf("%s, %#x", c.req, c.arg)
}

// formatOut is what the program got back; empty if nothing.
func (t *Tracer) formatOut(c *call, o outcome) string { return "" }
