// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"bytes"
	"encoding/binary"
)

// Reader follows the kernel's pointers. After the first one that leads nowhere, or the
// first member that the kernel does not have, everything reads as zero and OK is
// false, so that only the end result need be looked at.
type Reader struct {
	k    *Kernel
	satp uint64
	bad  bool
}

// Reader reads what is mapped under the page tables of satp. The kernel's part is the
// same in all.
func (k *Kernel) Reader(satp uint64) *Reader { return &Reader{k: k, satp: satp} }

// OK tells whether all went well so far.
func (r *Reader) OK() bool { return !r.bad }

// Fail makes r fail: what was read makes no sense.
func (r *Reader) Fail() { r.bad = true }

// Read fills p from address at; with zeros if that fails.
func (r *Reader) Read(at uint64, p []byte) bool {
	if r.bad || !r.k.memory.ReadVirt(r.satp, at, p) {
		r.bad = true
		clear(p)
	}
	return !r.bad
}

// Uint reads a little-endian number of size bytes, 1 to 8.
func (r *Reader) Uint(at uint64, size int) uint64 {
	var b [8]byte
	r.Read(at, b[:size])
	return binary.LittleEndian.Uint64(b[:])
}

// Word reads the pointer or long at an address.
func (r *Reader) Word(at uint64) uint64 { return r.Uint(at, 8) }

// Addr is the address of a member of the object at obj: Addr(f, "file.f_path"). A null
// pointer has no members.
func (r *Reader) Addr(obj uint64, path string) uint64 {
	m, ok := r.k.Member(path)
	if !ok || obj == 0 {
		r.bad = true
	}
	if r.bad {
		return 0
	}
	return obj + m.Offset
}

// Get is the value of a member of at most 8 bytes, zero-extended.
func (r *Reader) Get(obj uint64, path string) uint64 {
	at := r.Addr(obj, path)
	m, _ := r.k.Member(path)
	if m.Size == 0 || m.Size > 8 {
		r.bad = true
	}
	if r.bad {
		return 0
	}
	return r.Uint(at, int(m.Size))
}

// Container is the object whose member is at an address: Container(p, "mount.mnt").
func (r *Reader) Container(at uint64, path string) uint64 {
	m, ok := r.k.Member(path)
	if !ok || at == 0 {
		r.bad = true
	}
	if r.bad {
		return 0
	}
	return at - m.Offset
}

// String reads characters up to a zero byte, at most limit.
func (r *Reader) String(at uint64, limit int) string {
	var s []byte
	for len(s) < limit && !r.bad {
		// Not beyond the page: what follows need not be mapped.
		chunk := make([]byte, min(uint64(limit-len(s)), 4096-at%4096, 64))
		if !r.Read(at, chunk) {
			return ""
		}
		if i := bytes.IndexByte(chunk, 0); i >= 0 {
			return string(append(s, chunk[:i]...))
		}
		s = append(s, chunk...)
		at += uint64(len(chunk))
	}
	return string(s)
}

// MaxList bounds lists: longer ones are broken.
const MaxList = 1 << 16

// List calls f for each object on the list with its head at that address, whose
// struct list_head is the member at path, until f returns false.
func (r *Reader) List(head uint64, path string, f func(obj uint64) bool) {
	at := r.Word(head)
	for n := 0; at != head && !r.bad; n++ {
		if n == MaxList {
			r.bad = true
			return
		}
		obj := r.Container(at, path)
		next := r.Word(at)
		if r.bad || !f(obj) {
			return
		}
		at = next
	}
}
