// SPDX-License-Identifier: Apache-2.0

package mmio

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Dump writes every readable register's present value with its decoded fields, one
// register to a line, without side effects. Array elements that still have their
// reset value are left out, since some arrays have hundreds.
func (r *Regs) Dump(w io.Writer) error {
	var buf bytes.Buffer
	for i := range r.slots {
		s := &r.slots[i]
		v := r.Peek(s.id, s.i)
		if s.reg.Count > 1 && v == s.reg.Reset {
			continue
		}
		fmt.Fprintf(&buf, "%06x %-24s %0*x%s\n", s.off, s.reg.element(s.i), 2*s.reg.Width, v, s.reg.decode(v))
	}
	_, err := w.Write(buf.Bytes())
	return err
}

// element is the register's name with the index that arrays need.
func (r *Reg) element(i int) string {
	if r.Count > 1 {
		return fmt.Sprintf("%s[%d]", r.Name, i)
	}
	return r.Name
}

// decode renders the fields of v, zero ones left out.
func (r *Reg) decode(v uint64) string {
	var b strings.Builder
	for _, f := range r.Fields {
		x := f.Get(v)
		name := f.valueName(x)
		switch {
		case name != "":
			fmt.Fprintf(&b, " %s=%s", f.Name, name)
		case x == 0:
		case f.Lo == f.Hi:
			b.WriteString(" " + f.Name)
		default:
			fmt.Fprintf(&b, " %s=%#x", f.Name, x)
		}
	}
	return b.String()
}

func (f Field) valueName(x uint64) string {
	for _, e := range f.Enum {
		if e.Value == x {
			return e.Name
		}
	}
	return ""
}

// WriteMarkdown writes the documentation page of the block: one row for each
// register, then the fields of those that have any.
func (b *Block) WriteMarkdown(w io.Writer, name string) error {
	var buf bytes.Buffer
	fmt.Fprintf(&buf, "# %s: %s\n\n", name, b.Title)
	if b.Doc != "" {
		fmt.Fprintf(&buf, "%s\n\n", b.Doc)
	}
	fmt.Fprintf(&buf, "Window: %#x bytes.\n\n| offset | name | bits | access | reset | description |\n|---|---|---|---|---|---|\n", b.Size)
	for i := range b.Regs {
		r := b.Regs[i].withDefaults()
		off, label := fmt.Sprintf("%#x", r.Offset), r.Name
		if r.Count > 1 {
			off += fmt.Sprintf(" + %#x·n", r.Stride)
			label += fmt.Sprintf("[n], n < %d", r.Count)
		}
		fmt.Fprintf(&buf, "| %s | %s | %d | %s | %#x | %s |\n", off, label, 8*r.Width, r.Access, r.Reset, r.describe())
	}
	for i := range b.Regs {
		r := b.Regs[i].withDefaults()
		if len(r.Fields) == 0 {
			continue
		}
		fmt.Fprintf(&buf, "\n## %s\n\n| bits | field | description |\n|---|---|---|\n", r.Name)
		for _, f := range r.Fields {
			bits := fmt.Sprintf("%d:%d", f.Hi, f.Lo)
			if f.Hi == f.Lo {
				bits = fmt.Sprint(f.Lo)
			}
			doc := f.Doc
			for _, e := range f.Enum {
				doc += fmt.Sprintf(" %d=%s", e.Value, e.Name)
			}
			fmt.Fprintf(&buf, "| %s | %s | %s |\n", bits, f.Name, strings.TrimSpace(doc))
		}
	}
	_, err := w.Write(buf.Bytes())
	return err
}

// describe is the register's sentence followed by what its masks say.
func (r *Reg) describe() string {
	d := r.Doc
	for _, m := range []struct {
		bits uint64
		text string
	}{
		{r.ROMask, "read-only"}, {r.W1C, "write 1 to clear"}, {r.RC, "cleared by reading"},
		{r.Reserved, "reserved"}, {r.Unimplemented, "not implemented"},
	} {
		if m.bits != 0 {
			d += fmt.Sprintf(" %s: %#x.", strings.ToUpper(m.text[:1])+m.text[1:], m.bits)
		}
	}
	return strings.TrimSpace(d)
}
