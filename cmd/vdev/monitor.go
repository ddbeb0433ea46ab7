// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
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

// commands are those that all have, and those that only make sense here.
func (m *monitor) commands() []command {
	say := func(fn func()) func(*control, string) (reply, error) {
		return func(*control, string) (reply, error) { fn(); return reply{}, nil }
	}
	return append(commands(),
		command{name: "console", help: "back to the guest, like Ctrl-A c", do: say(m.toggle)},
		command{name: "help", help: "this list", do: say(func() { m.print(helpText(m.commands())) })})
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

// run runs a command.
func (m *monitor) run(line string) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return
	}
	c, arg, err := findCommand(m.commands(), words)
	var r reply
	if err == nil {
		r, err = c.do(&m.s.console.control, arg)
	}
	if err == nil && c.picture {
		err = writePicture(arg, r.PNG)
	}
	if err != nil {
		m.print(err.Error() + "\n")
		return
	}
	m.print(r.Text)
}
