// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"vdev/emu"
	"vdev/emu/display"
	"vdev/emu/dmasan"
	"vdev/emu/riscv"
	"vdev/emu/riscv/isa"
)

// command is what can be asked of a running machine, in the monitor and with "vdev
// ctl".
type command struct {
	name  string
	alias string // another name; may be empty
	arg   string // what the argument is, in brackets if it can be left out; empty for none
	help  string
	// picture means that the argument is the file that the reply's picture goes to. It
	// belongs to whoever asks, and do does not see it.
	picture bool
	do      func(c *control, arg string) (reply, error)
}

// reply is the answer to a command.
type reply struct {
	Text  string          `json:"text,omitempty"`  // for people, of whole lines
	Value json.RawMessage `json:"value,omitempty"` // the same for programs
	PNG   []byte          `json:"png,omitempty"`   // a picture
}

// commands lists them.
func commands() []command {
	return []command{
		{name: "info harts", help: "what each hart does", do: looking(harts)},
		{name: "info regs", help: "integer registers and the main CSRs of each hart", do: looking(registers)},
		{name: "info events", help: "what guest and host did that devices do not expect", do: looking(events)},
		{name: "info time", help: "virtual time and retired instructions", do: looking(virtualTime)},
		{name: "devices", alias: "info devices", help: "the devices, their addresses and how many events each has had", do: looking(devices)},
		{name: "buffers", alias: "info buffers", help: "the shared buffers: where they are, and who has them for what", do: looking(buffers)},
		{name: "reports", alias: "info reports", arg: "[NUMBER]", help: "what the sanitizer has found so far; one finding in full", do: reports},
		{name: "screenshot", arg: "FILE.png", help: "save the picture on the display", picture: true, do: screenshot},
		{name: "pause", help: "hold the machine up", do: pause},
		{name: "resume", alias: "cont", help: "let it go on", do: resume},
		{name: "quit", help: "end the run", do: func(c *control, _ string) (reply, error) { c.quit(); return reply{}, nil }},
	}
}

// usage is the command as it is to be written.
func (c *command) usage() string { return strings.TrimSpace(c.name + " " + c.arg) }

// findCommand finds the command that words begin with, and its argument. Any
// unambiguous beginning of each of its words will do.
func findCommand(list []command, words []string) (c command, arg string, err error) {
	var found []command
	for _, c := range list {
		if slices.ContainsFunc([]string{c.name, c.alias}, func(name string) bool { return begins(name, words) }) {
			found = append(found, c)
		}
	}
	line := strings.Join(words, " ")
	switch {
	case len(found) == 0:
		return c, "", fmt.Errorf("no command %q; there are %s", line, commandNames(list))
	case len(found) > 1:
		return c, "", fmt.Errorf("which one: %s", commandNames(found))
	}
	c = found[0]
	n := len(strings.Fields(c.name))
	if !begins(c.name, words) {
		n = len(strings.Fields(c.alias))
	}
	rest := words[min(n, len(words)):]
	switch {
	case len(rest) > 1, len(rest) == 1 && c.arg == "":
		return c, "", fmt.Errorf("too many words in %q; write %s", line, c.usage())
	case len(rest) == 1:
		arg = rest[0]
	case c.arg != "" && c.arg[0] != '[':
		return c, "", fmt.Errorf("%s lacks something; write %s", c.name, c.usage())
	}
	return c, arg, nil
}

// begins says whether each of the words begins the one of name at its place; what
// comes after is an argument.
func begins(name string, words []string) bool {
	full := strings.Fields(name)
	for i, w := range words[:min(len(words), len(full))] {
		if !strings.HasPrefix(full[i], w) {
			return false
		}
	}
	return len(full) > 0
}

func commandNames(list []command) string {
	var names []string
	for _, c := range list {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// helpText is the list of commands for people.
func helpText(list []command) string {
	return columns(func(w io.Writer) {
		for _, c := range list {
			fmt.Fprintf(w, "%s\t%s\n", c.usage(), c.help)
		}
	})
}

// columns aligns what write writes.
func columns(write func(w io.Writer)) string {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	write(w)
	w.Flush()
	return b.String()
}

// looking makes a command of a function that looks at the machine.
func looking(fn func(m *emu.Machine) (reply, error)) func(*control, string) (reply, error) {
	return func(c *control, _ string) (reply, error) { return c.look(fn) }
}

func harts(m *emu.Machine) (reply, error) {
	return reply{Text: columns(func(w io.Writer) {
		for i := range m.Harts() {
			h := m.Hart(i)
			fmt.Fprintf(w, "hart %d\t%s\tpc %#x\tretired %d\n", i, h.Priv(), h.PC(), h.Retired())
		}
	})}, nil
}

func registers(m *emu.Machine) (reply, error) {
	return reply{Text: columns(func(w io.Writer) {
		for i := range m.Harts() {
			h := m.Hart(i)
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
	})}, nil
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

func events(m *emu.Machine) (reply, error) {
	if len(m.Events()) == 0 {
		return reply{Text: "none\n"}, nil
	}
	return reply{Text: columns(func(w io.Writer) {
		for _, e := range m.Events() {
			fmt.Fprintf(w, "%d\t%s\n", e.Count, e)
		}
	})}, nil
}

func virtualTime(m *emu.Machine) (reply, error) {
	return reply{Text: columns(func(w io.Writer) {
		fmt.Fprintf(w, "virtual time\t%v\nretired\t%d\n", m.Now(), m.Retired())
	})}, nil
}

func devices(m *emu.Machine) (reply, error) {
	list := describeDevices(m)
	value, err := json.Marshal(list)
	return reply{Text: columns(func(w io.Writer) { listDevices(w, list, true) }), Value: value}, err
}

// reportsMax is how many findings a list has; nobody reads more.
const reportsMax = 1000

// jsonFinding is one of the values of "reports".
type jsonFinding struct {
	Count  int             `json:"count"`
	Report json.RawMessage `json:"report"`
}

func reports(c *control, arg string) (reply, error) {
	id := 0
	if arg != "" {
		var err error
		if id, err = strconv.Atoi(arg); err != nil || id < 1 {
			return reply{}, fmt.Errorf("%q is not the number of a finding", arg)
		}
	}
	return c.look(func(m *emu.Machine) (reply, error) {
		all := m.Reports()
		switch {
		case id > len(all):
			return reply{}, fmt.Errorf("there is no finding %d; there are %d", id, len(all))
		case id != 0:
			return findings(all[id-1:id], all[id-1].Text())
		case len(all) == 0:
			return findings(nil, "none\n")
		}
		shown := all[:min(len(all), reportsMax)]
		text := columns(func(w io.Writer) {
			fmt.Fprintln(w, "NUMBER\tTIMES\tFIRST\tFINDING")
			for _, r := range shown {
				fmt.Fprintf(w, "%d\t%d\t%v\t%s\n", r.ID, r.Count, r.At, strings.TrimPrefix(r.Title(), dmasan.TitlePrefix))
			}
		})
		if len(shown) < len(all) {
			text += fmt.Sprintf("and %d more\n", len(all)-len(shown))
		}
		return findings(shown, text)
	})
}

// findings makes a reply of reports.
func findings(list []*dmasan.Report, text string) (reply, error) {
	values := []jsonFinding{}
	for _, r := range list {
		values = append(values, jsonFinding{r.Count, r.JSON()})
	}
	value, err := json.Marshal(values)
	return reply{Text: strings.Map(harmless, text), Value: value}, err
}

// harmless replaces what names that the guest chose could do to a terminal.
func harmless(r rune) rune {
	if r != '\n' && !unicode.IsPrint(r) {
		return unicode.ReplacementChar
	}
	return r
}

var errDisplayOff = errors.New("the display is off")

func screenshot(c *control, _ string) (reply, error) {
	var img *image.RGBA
	r, err := c.look(func(m *emu.Machine) (reply, error) {
		if img = m.Display().Screenshot(); img == nil {
			return reply{}, errDisplayOff
		}
		return reply{}, nil
	})
	if err != nil {
		return r, err
	}
	// Compressing takes a while: not on the machine's goroutine.
	var b bytes.Buffer
	if err := display.WritePNG(&b, img); err != nil {
		return r, err
	}
	r.PNG = b.Bytes()
	return r, nil
}

func pause(c *control, _ string) (reply, error) {
	return c.look(func(m *emu.Machine) (reply, error) {
		if !m.Pause() {
			return reply{}, errors.New("paused already")
		}
		return reply{}, nil
	})
}

func resume(c *control, _ string) (reply, error) {
	return c.look(func(m *emu.Machine) (reply, error) {
		if !m.Resume() {
			return reply{}, errors.New("not paused")
		}
		return reply{}, nil
	})
}
