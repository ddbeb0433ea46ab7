// SPDX-License-Identifier: Apache-2.0

package ioctl

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// memory is pieces of memory by their addresses.
type memory map[uint64][]byte

func (m memory) Read(addr uint64, p []byte) bool {
	for base, b := range m {
		if addr >= base && addr-base <= uint64(len(b)) && uint64(len(b))-(addr-base) >= uint64(len(p)) {
			copy(p, b[addr-base:])
			return true
		}
	}
	return len(p) == 0
}

// put writes values one after another at an address.
func (m memory) put(t *testing.T, addr uint64, values ...any) {
	t.Helper()
	var b bytes.Buffer
	for _, v := range values {
		if s, ok := v.(string); ok {
			v = []byte(s)
		}
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	m[addr] = b.Bytes()
}

func text(s string) (b [32]byte) {
	copy(b[:], s)
	return b
}

const at = 0x7fff0000 // of the argument

// cases is each kind of field at least once, and each family.
func TestDecode(t *testing.T) {
	for _, c := range []struct {
		name    string
		req     Request
		family  Family
		before  any
		data    map[uint64][]any // what the argument points to, before
		after   any              // nil: as before
		written map[uint64][]any // what it points to, after
		call    string
		in, out string
	}{
		{name: "numbers", req: DRM_IOCTL_MODE_CREATE_DUMB,
			before: DRMModeCreateDumb{Height: 720, Width: 1280, Bpp: 32},
			after:  DRMModeCreateDumb{Height: 720, Width: 1280, Bpp: 32, Handle: 1, Pitch: 5120, Size: 3686400},
			call:   "DRM_IOCTL_MODE_CREATE_DUMB",
			in:     "{height=720, width=1280, bpp=32, flags=0x0}", out: "{handle=1, pitch=5120, size=3686400}"},
		{name: "no argument", req: DRM_IOCTL_SET_MASTER, call: "DRM_IOCTL_SET_MASTER"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := memory{}
			for a, v := range c.data {
				m.put(t, a, v...)
			}
			if c.before != nil {
				m.put(t, at, c.before)
			}
			call := Begin(c.req, c.family, m, at)
			in := call.In(nil)
			for a, v := range c.written {
				m.put(t, a, v...)
			}
			if c.after != nil {
				m.put(t, at, c.after)
			}
			if out := call.Out(nil); call.Name() != c.call || in != c.in || out != c.out {
				t.Errorf("got  %s, %s => %s\nwant %s, %s => %s", call.Name(), in, out, c.call, c.in, c.out)
			}
		})
	}
}
