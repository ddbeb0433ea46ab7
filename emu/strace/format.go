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
	fmt.Fprintf(&b, "%s ioctl(%s, %s) = %s", seconds(c.start), c.target, t.request(c, o), o)
	if out := t.out(c, o); out != "" {
		b.WriteString(" => " + out)
	}
	if s := c.sync; s != nil && (s.Done && s.Errno == 0 || s.Lines.Maintained > 0) {
		b.WriteString(" " + s.Lines.String())
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

// fdText is a file descriptor of a task and what it is.
func (t *Tracer) fdText(task, satp uint64, fd int) string {
	f, ok := t.cfg.Kernel.File(task, satp, fd)
	if !ok {
		return strconv.Itoa(fd)
	}
	return fmt.Sprintf("%d<%s>", fd, t.fileText(&f, satp))
}

func (t *Tracer) fileText(f *linux.File, satp uint64) string {
	switch {
	case f.Kind == linux.FileDMABuf:
		if buf, ok := t.cfg.Kernel.DMABuf(*f, satp); ok {
			return bufferText(buf)
		}
		return "dmabuf"
	case f.Kind == linux.FileSyncFile:
		return "sync_file"
	case f.Path != "":
		return plain(f.Path)
	case f.Kind == linux.FileChar:
		return fmt.Sprintf("char %d:%d", f.Major, f.Minor)
	}
	return "?"
}

// bufferText is a dma-buf: by its name or else by its inode number.
func bufferText(b linux.DMABuf) string {
	if b.Name != "" {
		return "dmabuf:" + plain(b.Exporter) + " " + strconv.QuoteToASCII(b.Name)
	}
	return fmt.Sprintf("dmabuf:%s #%d", plain(b.Exporter), b.Inode)
}
