// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"vdev/emu"
	"vdev/emu/riscv"
	"vdev/emu/riscv/isa"
)

// monitor is the prompt behind Ctrl-A c. It belongs to the goroutine that reads the
// keys.
type monitor struct {
	s    *session
	open bool
	line []byte
	cr   bool // the last key was a carriage return
}

func newMonitor(s *session) *monitor { return &monitor{s: s} }

const monitorPrompt = "(vdev) "

// monitorCommand is one command of the monitor.
type monitorCommand struct {
	name, help string
	do         func(m *monitor)
}

// commands lists what the monitor understands.
func (m *monitor) commands() []monitorCommand {
	return []monitorCommand{
		{"help", "this list", (*monitor).help},
		{"info harts", "what each hart does", (*monitor).harts},
		{"info regs", "integer registers and the main CSRs of each hart", (*monitor).regs},
		{"info devices", "the devices and their addresses", (*monitor).devices},
		{"info events", "what guest and host did that devices do not expect", (*monitor).events},
		{"info time", "virtual time and retired instructions", (*monitor).time},
		{"pause", "hold the machine up", (*monitor).pause},
		{"cont", "let it go on", (*monitor).cont},
		{"console", "back to the guest, like Ctrl-A c", (*monitor).toggle},
		{"quit", "end the run, like Ctrl-A x", func(m *monitor) { m.s.ask(nil) }},
	}
}

// toggle opens or closes the monitor. The guest runs on meanwhile.
func (m *monitor) toggle() {
	m.open = !m.open
	m.line = m.line[:0]
	if m.open {
		m.print("\nvdev monitor, \"help\" for help\n" + monitorPrompt)
	} else {
		m.print("\n")
	}
}

func (m *monitor) print(text string) {
	os.Stdout.WriteString(strings.ReplaceAll(text, "\n", "\r\n"))
}

// key takes one key of the line.
func (m *monitor) key(c byte) {
	const (
		ctrlC, ctrlD, backspace, ctrlU, del = 3, 4, 8, 21, 127
	)
	afterCR := m.cr
	m.cr = c == '\r'
	switch {
	case c == '\n' && afterCR: // a pasted line end
	case c == '\r' || c == '\n':
		m.print("\n")
		line := string(m.line)
		m.line = m.line[:0]
		m.run(line)
		if m.open {
			m.print(monitorPrompt)
		}
	case c == ctrlD:
		m.toggle()
	case c == ctrlC || c == ctrlU:
		m.line = m.line[:0]
		m.print("\n" + monitorPrompt)
	case (c == backspace || c == del) && len(m.line) > 0:
		m.line = m.line[:len(m.line)-1]
		m.print("\b \b")
	case c >= ' ' && c < del && len(m.line) < lineMax:
		m.line = append(m.line, c)
		m.print(string(c))
	}
}

// run runs a command; any unambiguous beginning of its words will do.
func (m *monitor) run(line string) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return
	}
	var found []monitorCommand
	for _, c := range m.commands() {
		if matches(strings.Fields(c.name), words) {
			found = append(found, c)
		}
	}
	switch len(found) {
	case 0:
		m.print(fmt.Sprintf("no command %q; try \"help\"\n", line))
	case 1:
		found[0].do(m)
	default:
		var names []string
		for _, c := range found {
			names = append(names, c.name)
		}
		m.print("which one: " + strings.Join(names, ", ") + "\n")
	}
}

// matches says whether each word begins the one of the command at its place.
func matches(command, words []string) bool {
	if len(words) > len(command) {
		return false
	}
	for i, w := range words {
		if !strings.HasPrefix(command[i], w) {
			return false
		}
	}
	return true
}

func (m *monitor) help() {
	m.table(func(w *tabwriter.Writer) {
		for _, c := range m.commands() {
			fmt.Fprintf(w, "%s\t%s\n", c.name, c.help)
		}
	})
}

// table prints what write writes, in columns.
func (m *monitor) table(write func(w *tabwriter.Writer)) {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	write(w)
	w.Flush()
	m.print(b.String())
}

// look prints what write finds out, on the machine's goroutine.
func (m *monitor) look(write func(mach *emu.Machine, w *tabwriter.Writer)) {
	m.table(func(w *tabwriter.Writer) {
		if !m.s.console.inspect(func(mach *emu.Machine) { write(mach, w) }) {
			fmt.Fprintln(w, "the machine has ended")
		}
	})
}

func (m *monitor) harts() {
	m.look(func(mach *emu.Machine, w *tabwriter.Writer) {
		for i := range mach.Harts() {
			h := mach.Hart(i)
			fmt.Fprintf(w, "hart %d\t%s\tpc %#x\tretired %d\n", i, h.Priv(), h.PC(), h.Retired())
		}
	})
}

func (m *monitor) regs() {
	m.look(func(mach *emu.Machine, w *tabwriter.Writer) {
		for i := range mach.Harts() {
			h := mach.Hart(i)
			fmt.Fprintf(w, "hart %d\t%s\tpc %#x\n", i, h.Priv(), h.PC())
			const columns = 4
			for r := range 32 {
				fmt.Fprintf(w, "%s\t%016x", isa.XName(uint8(r)), h.X(r))
				if r%columns == columns-1 {
					fmt.Fprintln(w)
				} else {
					fmt.Fprint(w, "\t")
				}
			}
			n := 0
			for _, c := range riscv.CSRs() {
				if !mainCSR(c.Name) {
					continue
				}
				if v, ok := h.CSR(c.Num); ok {
					fmt.Fprintf(w, "%s\t%016x", c.Name, v)
					if n++; n%columns == 0 {
						fmt.Fprintln(w)
					} else {
						fmt.Fprint(w, "\t")
					}
				}
			}
			fmt.Fprintln(w)
		}
	})
}

// mainCSR says whether people look at a CSR when they ask where a hart is.
func mainCSR(name string) bool {
	switch name {
	case "mstatus", "mie", "mip", "mepc", "mcause", "mtval", "mtvec",
		"sepc", "scause", "stval", "stvec", "satp", "stimecmp":
		return true
	}
	return false
}

func (m *monitor) devices() {
	m.look(func(mach *emu.Machine, w *tabwriter.Writer) { listDevices(w, mach) })
}

func (m *monitor) events() {
	m.look(func(mach *emu.Machine, w *tabwriter.Writer) {
		if len(mach.Events()) == 0 {
			fmt.Fprintln(w, "none")
		}
		for _, e := range mach.Events() {
			fmt.Fprintf(w, "%d\t%s\n", e.Count, e)
		}
	})
}

func (m *monitor) time() {
	m.look(func(mach *emu.Machine, w *tabwriter.Writer) {
		fmt.Fprintf(w, "virtual time\t%v\nretired\t%d\n", mach.Now(), mach.Retired())
	})
}

func (m *monitor) pause() {
	if !m.s.console.pauseMachine() {
		m.print("paused already\n")
	}
}

func (m *monitor) cont() {
	if !m.s.console.continueMachine() {
		m.print("not paused\n")
	}
}
