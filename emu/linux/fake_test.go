// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"encoding/binary"
	"errors"
	"testing"

	"vdev/emu/symbols"
)

// fakeTypes is a kernel that was never built: every member is 8 bytes unless it is
// listed, and they lie one after the other in the order in which they are first
// asked for.
type fakeTypes struct {
	members map[string]symbols.Member
	sizes   map[string]uint64
	symbols map[string]uint64
	next    map[string]uint64 // by structure: where the next member goes
}

func newFakeTypes() *fakeTypes {
	return &fakeTypes{
		members: map[string]symbols.Member{},
		sizes: map[string]uint64{
			"task_struct.pid": 4, "task_struct.tgid": 4, "task_struct.flags": 4, "task_struct.exit_state": 4, "task_struct.comm": 16,
			"fdtable.max_fds": 4, "inode.i_mode": 2, "inode.i_rdev": 4,
			"xa_node.shift": 1, "xa_node.slots": 64 * 8, "idr.idr_base": 4, "xarray.xa_head": 8, "idr.idr_rt": 16,
		},
		symbols: map[string]uint64{"handle_exception": 0x1000, "dma_buf_fops": 0x2000, "sync_file_fops": 0x2100,
			"system_heap_buf_ops": 0x2200, "dmabuf_list": 0x9_0000},
		next: map[string]uint64{},
	}
}

func (f *fakeTypes) Member(path string) (symbols.Member, bool) {
	if path == "" || path[0] == '?' {
		return symbols.Member{}, false
	}
	m, ok := f.members[path]
	if !ok {
		object := path[:max(0, indexByte(path, '.'))]
		m = symbols.Member{Offset: f.next[object], Size: 8}
		if size, ok := f.sizes[path]; ok {
			m.Size = size
		}
		f.next[object] += (m.Size + 15) &^ 7 // a gap after each
		f.members[path] = m
	}
	return m, true
}

func indexByte(s string, c byte) int {
	for i := range len(s) {
		if s[i] == c {
			return i
		}
	}
	return -1
}

func (f *fakeTypes) Address(name string) (uint64, bool) { a, ok := f.symbols[name]; return a, ok }

func (f *fakeTypes) Variable(addr uint64) string {
	for name, a := range f.symbols {
		if a == addr {
			return name
		}
	}
	return ""
}

const pageBytes = 4096

// fakeMemory has the pages that were written.
type fakeMemory map[uint64]*[pageBytes]byte

func (m fakeMemory) ReadVirt(_, va uint64, p []byte) bool {
	for i := range p {
		a := va + uint64(i)
		page := m[a/pageBytes]
		if page == nil {
			return false
		}
		p[i] = page[a%pageBytes]
	}
	return true
}

func (m fakeMemory) write(va uint64, p []byte) {
	for i, b := range p {
		a := va + uint64(i)
		if m[a/pageBytes] == nil {
			m[a/pageBytes] = new([pageBytes]byte)
		}
		m[a/pageBytes][a%pageBytes] = b
	}
}

// guest is a kernel with its memory.
type guest struct {
	*Kernel
	types *fakeTypes
	mem   fakeMemory
}

func newGuest() *guest {
	types, mem := newFakeTypes(), fakeMemory{}
	return &guest{New(mem, func() (Types, error) { return types, nil }), types, mem}
}

// set writes a member of the object at obj.
func (g *guest) set(obj uint64, path string, v uint64) {
	m, _ := g.types.Member(path)
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	g.mem.write(obj+m.Offset, b[:m.Size])
}

func (g *guest) word(at, v uint64) {
	g.mem.write(at, binary.LittleEndian.AppendUint64(nil, v))
}

func (g *guest) text(at uint64, s string) uint64 {
	g.mem.write(at, append([]byte(s), 0))
	return at
}

// at is where a member is.
func (g *guest) at(obj uint64, path string) uint64 {
	m, _ := g.types.Member(path)
	return obj + m.Offset
}

func TestWithoutAKernelsFileNothingIsKnown(t *testing.T) {
	opened := 0
	k := New(fakeMemory{}, func() (Types, error) { opened++; return nil, errors.New("none") })
	k.SetBase(0x1000)
	if _, ok := k.Task(0x1000, 0); ok || k.Known() {
		t.Error("something is known")
	}
	if _, ok := k.File(0x1000, 0, 0); ok || k.Variable(0x2000) != "" {
		t.Error("there are files")
	}
	k.DMABufs(0, func(DMABuf) bool { t.Error("there are dma-bufs"); return true })
	if opened != 1 {
		t.Errorf("the file was opened %d times", opened)
	}
}

func TestSlide(t *testing.T) {
	g := newGuest()
	g.SetBase(0x1000 + 0x20_0000)
	if a, ok := g.Symbol("dma_buf_fops"); a != 0x20_2000 || !ok {
		t.Errorf("dma_buf_fops is at %#x", a)
	}
	if v := g.Variable(0x20_2000); v != "dma_buf_fops" {
		t.Errorf("%q is there", v)
	}
	if v := g.Variable(0x2000); v != "" {
		t.Errorf("%q is where it was linked", v)
	}
}
