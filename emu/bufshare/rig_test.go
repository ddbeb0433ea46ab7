// SPDX-License-Identifier: Apache-2.0

package bufshare

import (
	"encoding/binary"
	"fmt"
	"testing"

	"vdev/dmabuf"
	"vdev/ioctl"
	"vdev/mmio"
	"vdev/mmio/bsu"
	"vdev/mmio/mmiotest"
)

// rig is a machine with the unit, and a test that plays the guest's driver.
type rig struct {
	t      testing.TB
	env    *mmiotest.Env
	b      *mmiotest.Bench
	share  *Share
	ops    []string // done to memory
	events []dmabuf.Detail
	tail   uint32
	head   uint64
	tag    uint32
	done   map[uint32]completed
	caller dmabuf.Task // who makes requests; ID 0: not known
}

// completed is how a request ended.
type completed struct {
	result int32
	flags  uint32
	data   []byte
}

const (
	ringEntries   = 64
	requestsAt    = uint64(mmiotest.MemoryBase)
	completionsAt = requestsAt + ringEntries*bsu.EntrySize
	payloadAt     = completionsAt + ringEntries*bsu.EntrySize
	payloadSize   = 0x800
	poolAt        = 0x9000_0000
	poolPages     = 16
)

func newRig(t testing.TB) *rig {
	r := &rig{t: t, env: mmiotest.NewEnv(), done: map[uint32]completed{}}
	r.share = New(Config{
		Clock: &r.env.Clock, Pool: dmabuf.Extent{Addr: poolAt, Len: (poolPages + 1) * dmabuf.PageSize}, Memory: memory{r},
		Caller:   func() dmabuf.Task { return r.caller },
		Observer: func(e *dmabuf.Event) { r.events = append(r.events, e.Detail) },
		Devices: []Device{
			{DeviceSpec: dmabuf.DeviceSpec{Name: "g2d"}, Base: 0x1080_0000, Group: "drm", Persistent: true},
			{DeviceSpec: dmabuf.DeviceSpec{Name: "fimd"}, Base: 0x11c0_0000, Group: "drm", Persistent: true},
			{DeviceSpec: dmabuf.DeviceSpec{Name: "dma-tester", Constraints: dmabuf.Constraints{Contiguous: true}}, Base: 0x1001_0000},
		},
	})
	u := bsu.New(bsu.Config{Name: "bsu", IRQ: r.env.Line("irq"), DMA: &r.env.Memory, Handler: r.share, Events: &r.env.Events})
	r.b = mmiotest.NewBench(t, u, &r.env.Events)
	r.b.Write("REQUEST_BASE", requestsAt)
	r.b.Write("REQUEST_SIZE", ringEntries)
	r.b.Write("COMPLETION_BASE", completionsAt)
	r.b.Write("COMPLETION_SIZE", ringEntries)
	r.b.Write("CONTROL", bsu.ControlEnable)
	return r
}

// memory notes what is done to it.
type memory struct{ r *rig }

func (m memory) note(format string, args ...any) {
	m.r.ops = append(m.r.ops, fmt.Sprintf(format, args...))
}
func (m memory) Maintain(op dmabuf.Op, addr, n uint64) { m.note("%v %#x+%#x", op, addr, n) }
func (m memory) Zero(addr, n uint64)                   { m.note("zero %#x+%#x", addr, n) }
func (m memory) Copy(dst, src, n uint64)               { m.note("copy %#x %#x+%#x", dst, src, n) }
func (m memory) Moved(*dmabuf.Buffer, []dmabuf.Extent, []dmabuf.Extent) {
	m.note("moved")
}

// begin makes a request and returns its tag.
func (r *rig) begin(op, client uint32, arg []byte, room int) uint32 {
	r.t.Helper()
	r.tag++
	at := payloadOf(r.tag)
	if err := r.env.Memory.WriteDMA(at, arg); err != nil {
		r.t.Fatal(err)
	}
	entry := mmio.IOVA(requestsAt + uint64(r.tail)*bsu.EntrySize)
	e := ioctl.VdevBSURequest{Op: op, Tag: r.tag, Client: client, Room: uint32(room), Addr: uint64(at), Length: uint32(len(arg))}
	if err := r.env.Memory.WriteDMA(entry, bytesOf(r.t, &e)); err != nil {
		r.t.Fatal(err)
	}
	r.tail = (r.tail + 1) % ringEntries
	r.b.Write("REQUEST_TAIL", uint64(r.tail))
	if read(r, entry, &e); e.State&ioctl.VDEV_BSU_DONE != 0 {
		r.note(r.tag, e.Result, e.Flags, e.Answer)
	}
	return r.tag
}

// payloadOf is where the argument and the answer of a request are.
func payloadOf(tag uint32) mmio.IOVA { return mmio.IOVA(payloadAt + uint64(tag%64)*payloadSize) }

// read decodes what is in memory.
func read[A any](r *rig, at mmio.IOVA, a *A) {
	r.t.Helper()
	b := make([]byte, binary.Size(a))
	err := r.env.Memory.ReadDMA(at, b)
	if err == nil {
		_, err = binary.Decode(b, binary.LittleEndian, a)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// note keeps how a request ended.
func (r *rig) note(tag uint32, result int32, flags, answer uint32) {
	r.t.Helper()
	c := completed{result: result, flags: flags, data: make([]byte, answer)}
	if err := r.env.Memory.ReadDMA(payloadOf(tag), c.data); err != nil {
		r.t.Fatal(err)
	}
	if _, twice := r.done[tag]; twice {
		r.t.Errorf("request %d ended twice", tag)
	}
	r.done[tag] = c
}

// ended takes completions, and tells whether the request of a tag has ended.
func (r *rig) ended(tag uint32) (completed, bool) {
	r.t.Helper()
	for r.b.Read("COMPLETION_TAIL") != r.head {
		var e ioctl.VdevBSUCompletion
		read(r, mmio.IOVA(completionsAt+r.head*bsu.EntrySize), &e)
		r.note(e.Tag, e.Result, e.Flags, e.Answer)
		r.head = (r.head + 1) % ringEntries
		r.b.Write("COMPLETION_HEAD", r.head)
	}
	c, ok := r.done[tag]
	return c, ok
}

// bytesOf encodes an argument and the lists behind it.
func bytesOf(t testing.TB, arg any, lists ...any) []byte {
	t.Helper()
	b, err := binary.Append(nil, binary.LittleEndian, arg)
	for _, l := range lists {
		b = append(b, make([]byte, align8(len(b))-len(b))...)
		b, err = binary.Append(b, binary.LittleEndian, l)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// do makes a request that ends at once, and decodes the answer into arg.
func do[A any](r *rig, op uint32, client uint32, arg *A, lists ...any) completed {
	r.t.Helper()
	b := bytesOf(r.t, arg, lists...)
	c, ok := r.ended(r.begin(op, client, b, 1024))
	if !ok {
		r.t.Fatalf("request %#x waits", op)
	}
	if c.result == 0 && len(c.data) >= binary.Size(arg) {
		if _, err := binary.Decode(c.data, binary.LittleEndian, arg); err != nil {
			r.t.Fatal(err)
		}
	}
	return c
}

// want complains if a request did not end with an error, or 0.
func (r *rig) want(what string, c completed, result int32) {
	r.t.Helper()
	if c.result != result {
		r.t.Errorf("%s: result %d, want %d", what, c.result, result)
	}
}

// open opens a client.
func (r *rig) open(pid uint32) uint32 {
	r.t.Helper()
	a := ioctl.VdevBSUOpen{Pid: pid, Name: text(fmt.Sprint("task ", pid))}
	r.want("open", do(r, ioctl.VDEV_BSU_OPEN, 0, &a), 0)
	return a.Client
}

// create makes a buffer.
func (r *rig) create(client uint32, size uint64) uint32 {
	r.t.Helper()
	a := ioctl.VdevDMABufCreate{Size: size, Name: text("buffer")}
	r.want("create", do(r, uint32(ioctl.VDEV_DMABUF_IOC_CREATE), client, &a), 0)
	return a.Id
}

// number is an operation about an object.
func (r *rig) number(op, n, dir uint32) completed {
	r.t.Helper()
	return do(r, op, 0, &ioctl.VdevBSUNumber{Number: n, Dir: dir})
}

// attach attaches a driver, and returns the attachment.
func (r *rig) attach(buffer uint32, device string) uint32 {
	r.t.Helper()
	a := ioctl.VdevBSUAttach{Buffer: buffer, Device: text(device), Mask: ^uint64(0)}
	r.want("attach", do(r, ioctl.VDEV_BSU_ATTACH, 0, &a), 0)
	return a.Attachment
}

// empty checks that nothing remains.
func (r *rig) empty() {
	r.t.Helper()
	s := r.share.Core().Stats()
	s.Devices = 0
	now := s
	now.Locks, now.Backoffs, now.Lockups, now.Migrations, now.Preps, now.Maps, now.Violations = 0, 0, 0, 0, 0, 0, 0
	if now != (dmabuf.Stats{}) || r.share.pool.FreeBytes() != poolPages*dmabuf.PageSize || len(r.share.calls) != 0 ||
		len(r.share.exports) != 0 || len(r.share.attachments) != 0 || len(r.share.clients) != 0 || len(r.share.open) != 0 {
		r.t.Errorf("something remains: %+v", s)
	}
}
