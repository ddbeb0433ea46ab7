// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"fmt"
	"io"
	"math/bits"
	"strings"
	"time"

	"vdev/emu/linux"
	"vdev/emu/symbols"
)

// write shows a new report to whoever wants to see it. Reports that cannot be
// written are no reason to stop the guest; they remain in Reports.
func (s *Sanitizer) write(r *Report) {
	if s.cfg.Text != nil {
		_, _ = io.WriteString(s.cfg.Text, r.Text())
	}
	if s.cfg.JSON != nil {
		_, _ = s.cfg.JSON.Write(r.jsonLine())
	}
}

// TitlePrefix begins every title, so that those who search logs for bugs find it.
const TitlePrefix = "BUG: vdev: "

// Title is the report's first line: what, in which function, in which task.
func (r *Report) Title() string {
	s := TitlePrefix + r.Code.String()
	if r.Latent {
		s += " (latent)"
	}
	return s + " in " + r.This.where()
}

// Text is the report for people, ending with an empty line.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", r.Title(), r.sentence())
	if r.Latent {
		b.WriteString("Latent: only a later access would make it matter, or it is a race that Linux allows.\n")
	}
	b.WriteByte('\n')
	switch {
	case r.Ownership != nil:
		r.Ownership.write(&b, r.Buffer)
	case r.Refusal != nil:
		r.Refusal.write(&b, r.Code)
	case r.Code == WrongCoherency:
		fmt.Fprintf(&b, "Device: %s, which the kernel knows as %s; dma_coherent is set\n", r.This.Master, r.Device)
	default:
		r.Bytes.write(&b, r.This)
	}
	if r.Ownership == nil {
		writeBuffer(&b, r.Buffer)
	}
	section(&b, "", r.This)
	section(&b, "Earlier: ", r.Other)
	if r.Other == nil && (r.Code == DeviceReadDirty || r.Code == WritebackOverDMA) {
		b.WriteString("\nEarlier: a store before the page was first used with a device\n")
	}
	section(&b, "Used afterwards: ", r.Noticed)
	if r.Code == SyncNoOp {
		fmt.Fprintf(&b, "\nIn between: %s\n  %s\n", r.Sync, r.Sync.lines())
		trace(&b, &r.Sync.Trace)
	}
	if r.onLine() {
		b.WriteString("\nHistory of the line:\n")
		history(&b, "last DMA", r.LastDMA)
		history(&b, "last maintenance", r.LastMaintenance)
		history(&b, "last store that made it dirty", r.LastWrite)
		if r.Sync != nil && r.Code != SyncNoOp {
			fmt.Fprintf(&b, "  last sync call: %s,\n    %s\n", r.Sync, r.Sync.lines())
		}
	}
	fmt.Fprintf(&b, "\nMissing: %s.\n\n", r.Missing)
	return b.String()
}

// sentence says which rule was broken.
func (r *Report) sentence() string {
	if r.Ownership != nil {
		return r.Ownership.Detail.String()
	}
	return r.Code.rule().sentence
}

// onLine tells whether it is about the bytes of a line.
func (r *Report) onLine() bool {
	return r.Refusal == nil && r.Ownership == nil && r.Code != WrongCoherency
}

func (b *Bytes) write(w io.Writer, by *Access) {
	n := bits.OnesCount64(b.Mask)
	fmt.Fprintf(w, "Memory: %s at physical address %#x, in the line at %#x\n", count(n, "byte"), uint64(b.Addr), uint64(b.Line))
	seen := "used"
	if by.Hart < 0 {
		seen = "read by the device"
	}
	if b.Seen != nil {
		fmt.Fprintf(w, "  %s: %s\n", seen, hexDump(b.Seen))
	}
	if b.Want != nil {
		fmt.Fprintf(w, "  should have been: %s", hexDump(b.Want))
		if string(b.Seen) == string(b.Want) {
			fmt.Fprintf(w, " (the same, by luck)")
		}
		fmt.Fprintln(w)
	}
}

// writeBuffer names the buffer and the place in it.
func writeBuffer(w io.Writer, b *linux.Buffer) {
	if b == nil {
		return
	}
	what := "buffer"
	if b.Name == "" {
		what = "unnamed buffer"
	}
	fmt.Fprintf(w, "  in %s %s, offset %#x, line %d\n", what, b, b.Offset, b.Line())
	if len(b.Attached) > 0 {
		fmt.Fprintf(w, "  attached to it: %s\n", strings.Join(b.Attached, ", "))
	}
	if len(b.Open) > 0 {
		var open []string
		for _, f := range b.Open {
			open = append(open, fmt.Sprintf("fd %d of %s (pid %d)", f.FD, f.Comm, f.PID))
		}
		fmt.Fprintf(w, "  open as: %s\n", strings.Join(open, ", "))
	}
}

// hexDump shows at most 16 bytes.
func hexDump(p []byte) string {
	const most = 16
	if len(p) > most {
		return fmt.Sprintf("% x ... (%d bytes)", p[:most], len(p))
	}
	return fmt.Sprintf("% x", p)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func section(b *strings.Builder, prefix string, a *Access) {
	if a == nil {
		return
	}
	fmt.Fprintf(b, "\n%s%s by %s at %s\n", prefix, a.What, a.who(), clock(a.At))
	if a.Hart != -1 {
		trace(b, &a.Trace)
		return
	}
	switch st := a.Starter; {
	case st != nil:
		fmt.Fprintf(b, "  doing %s, started by %s at %s\n", a.Job, st.who(), clock(st.At))
		trace(b, &st.Trace)
	case a.Job != "":
		fmt.Fprintf(b, "  doing %s\n", a.Job)
	}
}

func trace(b *strings.Builder, t *symbols.Trace) {
	for _, f := range t.Kernel {
		fmt.Fprintf(b, "  %s\n", f)
	}
	if len(t.User) == 0 {
		return
	}
	if t.Binary != "" {
		fmt.Fprintf(b, "  user program %s:\n", t.Binary)
	} else {
		b.WriteString("  user program:\n")
	}
	for _, f := range t.User {
		fmt.Fprintf(b, "    %s\n", f)
	}
}

func history(b *strings.Builder, what string, a *Access) {
	if a == nil {
		fmt.Fprintf(b, "  %s: none\n", what)
		return
	}
	fmt.Fprintf(b, "  %s: %s at %s by %s", what, a.What, clock(a.At), a.who())
	if a.Hart >= 0 {
		fmt.Fprintf(b, " in %s", a.function())
	}
	if a.maintenance {
		fmt.Fprintf(b, ",\n    %s from %#x to %#x, %d of them with stores and %d with bytes of a device", count(a.Lines, "line"),
			uint64(a.First), uint64(a.Last)+63, a.Dirty, a.Stale)
	}
	b.WriteByte('\n')
}

// who is the hart and its task, or the bus master.
func (a *Access) who() string {
	var who []string
	switch {
	case a.Hart >= 0:
		who = append(who, fmt.Sprintf("hart %d", a.Hart))
	case a.Hart == -1:
		return "device " + a.Master
	}
	if t := a.Trace.Task; t != nil {
		who = append(who, fmt.Sprintf("%s (pid %d)", t.Comm, t.TGID))
	}
	if len(who) == 0 {
		return "the kernel"
	}
	return strings.Join(who, ", ")
}

// where is the function and the task, or the bus master and who started it.
func (a *Access) where() string {
	switch {
	case a.Hart == NoHart:
		return a.who()
	case a.Hart < 0:
		if a.Starter != nil {
			return a.Master + ", started in " + a.Starter.where()
		}
		return a.Master
	}
	s := a.function()
	if t := a.Trace.Task; t != nil {
		s += fmt.Sprintf(" [%s %d]", t.Comm, t.TGID)
	}
	return s
}

// function is the innermost function.
func (a *Access) function() string {
	order := [][]symbols.Frame{a.Trace.Kernel, a.Trace.User}
	if a.call && len(a.calls()) > 0 {
		order = [][]symbols.Frame{a.calls()}
	}
	for _, frames := range order {
		for _, f := range frames {
			if f.Func != "" && !f.Inline {
				return fmt.Sprintf("%s+%#x", f.Func, f.Offset)
			}
		}
		if len(frames) > 0 {
			return fmt.Sprintf("%#x", frames[0].PC)
		}
	}
	return fmt.Sprintf("%#x", a.Regs.PC)
}

// clock shows virtual time as the kernel's log does.
func clock(d time.Duration) string {
	return fmt.Sprintf("%d.%06ds", d/time.Second, d%time.Second/time.Microsecond)
}
