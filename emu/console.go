// SPDX-License-Identifier: Apache-2.0

package emu

// Console input and output. The serial port takes no virtual time; output is passed
// on in chunks.

const outputChunk = 4096

// Input gives the guest's console bytes, from any goroutine.
func (m *Machine) Input(p []byte) {
	b := append([]byte(nil), p...)
	m.Post(func() {
		m.input = append(m.input, b...)
		m.feedConsole()
	})
}

// feedConsole hands over as much input as the serial port takes.
func (m *Machine) feedConsole() {
	if m.uart == nil || len(m.input) == 0 {
		return
	}
	m.tookInput(m.uart.Receive(m.input))
}

// OnConsoleByte sets a function that sees every byte of console output, on the
// machine's goroutine, at the instruction that sends it.
func (m *Machine) OnConsoleByte(fn func(c byte)) { m.onByte = fn }

func (m *Machine) consoleByte(c byte) {
	m.output = append(m.output, c)
	if m.onByte != nil {
		m.onByte(c)
	}
	if len(m.output) >= outputChunk {
		m.flushConsole()
	}
}

func (m *Machine) flushConsole() {
	if len(m.output) == 0 {
		return
	}
	if m.cfg.ConsoleOut != nil {
		m.cfg.ConsoleOut(m.output)
	}
	m.output = m.output[:0]
}
