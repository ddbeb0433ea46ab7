// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"runtime"

	"vdev/emu/mem"
)

// Digest is a hash of the state of all harts and of RAM, and of the virtual time.
// Two runs of the same machine with the same input have the same digest at the
// same point.
func (m *Machine) Digest() string {
	s := sha256.New()
	var b []byte
	b = binary.LittleEndian.AppendUint64(b, uint64(m.Now()))
	for _, h := range m.harts {
		b = binary.LittleEndian.AppendUint64(b, uint64(h.state))
		b = h.AppendState(b)
	}
	s.Write(b)
	// Pages of zeros count too, but cheaply: by their number.
	ram, zero := m.mem.Bytes(), make([]byte, mem.PageSize)
	var skipped uint64
	for off := 0; off < len(ram); off += mem.PageSize {
		page := ram[off : off+mem.PageSize]
		if bytes.Equal(page, zero) {
			skipped++
			continue
		}
		s.Write(binary.LittleEndian.AppendUint64(nil, skipped))
		s.Write(page)
		skipped = 0
	}
	m.mem.HashTracked(s)
	runtime.KeepAlive(m) // and with it the mapping behind ram
	return hex.EncodeToString(s.Sum(nil))
}

// Retired is the number of instructions that all harts together have retired.
func (m *Machine) Retired() uint64 {
	var n uint64
	for _, h := range m.harts {
		n += h.Retired()
	}
	return n
}
