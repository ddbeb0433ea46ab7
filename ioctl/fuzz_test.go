// SPDX-License-Identifier: Apache-2.0

package ioctl

import (
	"encoding/binary"
	"testing"
)

// hostile is memory that has something at every address, but for some pages: its
// contents follow from the fuzzer's and from the address.
type hostile struct {
	data  []byte
	reads int // bytes
	calls int
}

func (m *hostile) Read(addr uint64, p []byte) bool {
	m.calls++
	m.reads += len(p)
	for i := range p {
		a := addr + uint64(i)
		if a>>12%7 == 3 {
			return false
		}
		if len(m.data) > 0 {
			p[i] = m.data[a%uint64(len(m.data))]
		}
	}
	return true
}

// FuzzDecode: whatever is in memory, decoding ends soon and with a short line.
func FuzzDecode(f *testing.F) {
	for i, d := range Table() {
		f.Add(uint32(d.Request), uint8(d.Family), uint64(i)<<8, []byte{0, 1, byte(i), 0xff, 0x80, 0, 0})
		f.Add(uint32(d.Request)^1<<16, uint8(0), ^uint64(0), []byte{0xff})
	}
	f.Fuzz(func(t *testing.T, req uint32, family uint8, arg uint64, data []byte) {
		m := &hostile{data: data}
		annotate := func(kind Kind, v uint64) string {
			if kind == KindHandle && v&1 != 0 {
				return "handle"
			}
			return ""
		}
		call := Begin(Request(req), Family(family), m, arg)
		in := call.In(annotate)
		if len(data) > 0 {
			// The kernel, or another thread, has changed it all.
			m.data = append([]byte{data[len(data)-1] ^ 0x55}, data...)
		}
		out := call.Out(annotate)
		if len(call.Name()) > 100 || len(in) > 16<<10 || len(out) > 16<<10 || m.reads > 64<<10 || m.calls > 500 {
			t.Errorf("%s: in %d bytes, out %d, %d bytes read in %d times", call.Name(), len(in), len(out), m.reads, m.calls)
		}
		for _, s := range []string{call.Name(), in, out} {
			for _, c := range []byte(s) {
				if c < ' ' || c > '~' {
					t.Fatalf("unprintable %#x in %q", c, s)
				}
			}
		}
	})
}

// TestUnreadableMemory takes memory away from every call, from each place on.
func TestUnreadableMemory(t *testing.T) {
	for _, d := range Table() {
		for fail := range 8 {
			for _, word := range []uint64{0, 1, 2, 40, 1 << 31, 1<<63 | 1} {
				n := 0
				mem := reader(func(addr uint64, p []byte) bool {
					if n++; n > fail {
						return false
					}
					for i := 0; i+4 <= len(p); i += 4 {
						binary.LittleEndian.PutUint32(p[i:], uint32(word>>(i%8*8)))
					}
					return true
				})
				call := Begin(d.Request, d.Family, mem, 0x1000)
				call.In(nil)
				n = min(n, fail-1)
				call.Out(nil)
			}
		}
	}
}

type reader func(addr uint64, p []byte) bool

func (r reader) Read(addr uint64, p []byte) bool { return r(addr, p) }
