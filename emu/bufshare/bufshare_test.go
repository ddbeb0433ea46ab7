// SPDX-License-Identifier: Apache-2.0

package bufshare

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"vdev/dmabuf"
	"vdev/ioctl"
	"vdev/mmio/bsu"
)

const page = dmabuf.PageSize

func TestBufferLivesAsLongAsItsDMABuf(t *testing.T) {
	r := newRig(t)
	cl := r.open(1)
	id := r.create(cl, 3*page)
	r.want("close", do(r, ioctl.VDEV_BSU_CLOSE, cl, &none{}), 0)
	p := ioctl.VdevBSUPlace{Buffer: id, Page: 1}
	r.want("place", do(r, ioctl.VDEV_BSU_PLACE, 0, &p), 0)
	if p.Pages != 2 || p.Addr < poolAt+2*page {
		t.Errorf("place: %+v", p)
	}
	r.want("place a page that there is not", do(r, ioctl.VDEV_BSU_PLACE, 0, &ioctl.VdevBSUPlace{Buffer: id, Page: 3}), -22)
	r.want("release", r.number(ioctl.VDEV_BSU_RELEASE, id, 0), 0)
	r.want("released", r.number(ioctl.VDEV_BSU_RELEASE, id, 0), -9)
	r.want("of no client", do(r, ioctl.VDEV_BSU_CLOSE, cl, &none{}), -9)
	r.empty()
}

// TestDriver imports a buffer as drivers do that keep their mappings, while the CPU
// uses it.
func TestDriver(t *testing.T) {
	r := newRig(t)
	cl := r.open(1)
	id := r.create(cl, page)
	a := r.attach(id, "10800000.g2d")
	if n := len(r.share.Core().Buffers()[0].Attached); n != 2 {
		t.Errorf("attached to %d devices of the group", n)
	}
	c := r.number(ioctl.VDEV_BSU_MAP, a, uint32(dmabuf.Bidirectional))
	if c.result != 0 || binary.LittleEndian.Uint32(c.data) != 1 {
		t.Errorf("map: %+v, want one piece", c)
	}
	r.want("map again", r.number(ioctl.VDEV_BSU_MAP, a, uint32(dmabuf.Bidirectional)), 0)
	r.want("another direction", r.number(ioctl.VDEV_BSU_MAP, a, uint32(dmabuf.ToDevice)), -16)
	r.want("detach", r.number(ioctl.VDEV_BSU_DETACH, a, 0), -16)
	r.ops = nil
	job := r.share.Device("g2d").NewJob("bitblt", false)
	buf, err := r.share.Core().Buffer(dmabuf.ID(id))
	if err != nil {
		t.Fatal(err)
	}
	if err := job.Use(buf, dmabuf.Whole(page), dmabuf.Write); err != nil {
		t.Fatal(err)
	}
	prep := ioctl.VdevDMABufPrep{Fd: int32(id), Access: ioctl.VDEV_DMABUF_READ, Offset: 100, Length: 50, Flags: ioctl.VDEV_DMABUF_NOWAIT}
	fini := ioctl.VdevDMABufBuffer{Fd: int32(id)}
	if err := job.Start(nil); err != nil {
		t.Fatal(err)
	}
	// It is the job that uses the buffer, and not the mapping.
	r.want("prepare", do(r, uint32(ioctl.VDEV_DMABUF_IOC_CPU_PREP), cl, &prep), -16)
	if err := job.Finish(); err != nil {
		t.Fatal(err)
	}
	if err := job.Clear(); err != nil {
		t.Fatal(err)
	}
	r.want("prepare", do(r, uint32(ioctl.VDEV_DMABUF_IOC_CPU_PREP), cl, &prep), 0)
	r.want("finish", do(r, uint32(ioctl.VDEV_DMABUF_IOC_CPU_FINI), cl, &fini), 0)
	// The lines of the range.
	if !slices.Equal(r.ops, []string{"invalidate 0x90010040+0x80"}) {
		t.Errorf("memory: %q", r.ops)
	}
	r.ops = nil
	r.want("begin", r.number(ioctl.VDEV_BSU_BEGIN, id, uint32(dmabuf.ToDevice)), 0)
	r.want("end", r.number(ioctl.VDEV_BSU_END, id, uint32(dmabuf.ToDevice)), 0)
	if last := len(r.ops) - 1; last < 0 || r.ops[last] != "clean 0x90010000+0x1000" {
		t.Errorf("memory: %q", r.ops)
	}
	r.want("end again", r.number(ioctl.VDEV_BSU_END, id, uint32(dmabuf.ToDevice)), -22)
	for range 2 {
		r.want("unmap", r.number(ioctl.VDEV_BSU_UNMAP, a, uint32(dmabuf.Bidirectional)), 0)
	}
	r.want("unmap", r.number(ioctl.VDEV_BSU_UNMAP, a, uint32(dmabuf.Bidirectional)), -22)
	r.want("detach", r.number(ioctl.VDEV_BSU_DETACH, a, 0), 0)
	// A device that the machine does not know is one by itself.
	b := r.attach(id, "vgem.0")
	r.want("detach", r.number(ioctl.VDEV_BSU_DETACH, b, 0), 0)
	r.want("release", r.number(ioctl.VDEV_BSU_RELEASE, id, 0), 0)
	r.want("close", do(r, ioctl.VDEV_BSU_CLOSE, cl, &none{}), 0)
	r.empty()
}

// TestForeignBufferOutlivesItsRegistration has somebody use a foreign buffer for longer than
// who registered it: so long the driver has to keep it.
func TestForeignBufferOutlivesItsRegistration(t *testing.T) {
	r := newRig(t)
	cl, other := r.open(1), r.open(2)
	reg := ioctl.VdevBSURegister{Size: page, Name: text("heap"), Exporter: text("heap")}
	at := []ioctl.VdevDMABufExtent{{Addr: 0x8100_0000, Length: page}}
	r.want("register", do(r, ioctl.VDEV_BSU_REGISTER, cl, &reg, at), 0)
	gone := func(want ...uint32) {
		t.Helper()
		for _, w := range append(want, 0) {
			a := ioctl.VdevBSUNumber{Number: 99}
			if r.want("gone", do(r, ioctl.VDEV_BSU_GONE, 0, &a), 0); a.Number != w {
				t.Errorf("gone: %d, want %d", a.Number, w)
			}
		}
	}
	sync := r.lock(other, reg.Id)
	if c := do(r, ioctl.VDEV_BSU_CLOSE, cl, &none{}); c.result != 0 || c.flags != 0 {
		t.Errorf("close: %+v", c)
	}
	gone()
	r.want("lock", do(r, uint32(ioctl.VDEV_SYNC_IOC_LOCK), other, &ioctl.VdevSyncLock{Sync: sync}), 0)
	r.want("unlock", do(r, uint32(ioctl.VDEV_SYNC_IOC_UNLOCK), other, &ioctl.VdevSyncObject{Sync: sync}), 0)
	if c := do(r, uint32(ioctl.VDEV_SYNC_IOC_PUT_ALL), other, &ioctl.VdevSyncObject{Sync: sync}); c.result != 0 || c.flags != ioctl.VDEV_BSU_FORGET {
		t.Errorf("put: %+v", c)
	}
	gone(reg.Id)
	r.want("register again", do(r, ioctl.VDEV_BSU_REGISTER, other, &reg, at), 0)
	r.want("close", do(r, ioctl.VDEV_BSU_CLOSE, other, &none{}), 0)
	gone(reg.Id)
	r.empty()
}

// TestLeave has programs end that the kernel began accesses for.
func TestLeave(t *testing.T) {
	r := newRig(t)
	cl := r.open(1)
	id := r.create(cl, page)
	for _, r.caller = range []dmabuf.Task{{ID: 7, Name: "one"}, {ID: 8, Name: "other"}, {}} {
		r.want("begin", r.number(ioctl.VDEV_BSU_BEGIN, id, uint32(dmabuf.ToDevice)), 0)
	}
	open := func(want int) {
		t.Helper()
		if n := r.share.Core().Stats().CPUAccesses; n != want {
			t.Errorf("%d open accesses, want %d", n, want)
		}
	}
	r.want("nobody in particular leaves", r.number(ioctl.VDEV_BSU_LEAVE, id, 0), 0)
	open(3)
	r.caller = dmabuf.Task{ID: 7}
	r.want("leave", r.number(ioctl.VDEV_BSU_LEAVE, id, 0), 0)
	open(2)
	r.want("leave", r.number(ioctl.VDEV_BSU_LEAVE, id, 0), 0)
	open(2)
	if !slices.Equal(r.events, []dmabuf.Detail{dmabuf.OpenAtExit}) {
		t.Errorf("events %v", r.events)
	}
	r.want("leave nothing", r.number(ioctl.VDEV_BSU_LEAVE, 1234, 0), -9)
	r.want("release", r.number(ioctl.VDEV_BSU_RELEASE, id, 0), 0)
	r.want("close", do(r, ioctl.VDEV_BSU_CLOSE, cl, &none{}), 0)
	r.empty()
}

// TestUnitsInterface compares what package ioctl says of the unit with the unit.
func TestUnitsInterface(t *testing.T) {
	r := newRig(t)
	for name, offset := range map[string]uint64{
		"ID": ioctl.VDEV_BSU_REG_ID, "VERSION": ioctl.VDEV_BSU_REG_VERSION,
		"REQUEST_BASE": ioctl.VDEV_BSU_REG_REQUEST_BASE, "REQUEST_SIZE": ioctl.VDEV_BSU_REG_REQUEST_SIZE,
		"REQUEST_TAIL":    ioctl.VDEV_BSU_REG_REQUEST_TAIL,
		"COMPLETION_BASE": ioctl.VDEV_BSU_REG_COMPLETION_BASE, "COMPLETION_SIZE": ioctl.VDEV_BSU_REG_COMPLETION_SIZE,
		"COMPLETION_HEAD": ioctl.VDEV_BSU_REG_COMPLETION_HEAD, "COMPLETION_TAIL": ioctl.VDEV_BSU_REG_COMPLETION_TAIL,
		"CONTROL": ioctl.VDEV_BSU_REG_CONTROL, "IRQ_STATUS": ioctl.VDEV_BSU_REG_IRQ_STATUS,
		"IRQ_ENABLE": ioctl.VDEV_BSU_REG_IRQ_ENABLE, "ERROR": ioctl.VDEV_BSU_REG_ERROR,
	} {
		if got := r.b.Offset(name); got != offset {
			t.Errorf("register %s is at %#x, for drivers at %#x", name, got, offset)
		}
	}
	for _, n := range []struct {
		what       string
		is, driver uint64
	}{
		{"ID", bsu.ID, ioctl.VDEV_BSU_ID}, {"version", bsu.Version, ioctl.VDEV_BSU_VERSION},
		{"enable", bsu.ControlEnable, ioctl.VDEV_BSU_ENABLE},
		{"completion interrupt", bsu.IRQCompletion, ioctl.VDEV_BSU_IRQ_COMPLETION},
		{"error interrupt", bsu.IRQError, ioctl.VDEV_BSU_IRQ_ERROR},
		{"inline room", bsu.InlineSize, ioctl.VDEV_BSU_INLINE},
		{"request entry", bsu.EntrySize, uint64(binary.Size(ioctl.VdevBSURequest{}))},
		{"completion entry", bsu.EntrySize, uint64(binary.Size(ioctl.VdevBSUCompletion{}))},
	} {
		if n.is != n.driver {
			t.Errorf("%s is %#x, for drivers %#x", n.what, n.is, n.driver)
		}
	}
}

// lock makes a sync object for a buffer.
func (r *rig) lock(cl, id uint32) int32 {
	r.t.Helper()
	var s ioctl.VdevSyncInit
	r.want("init", do(r, uint32(ioctl.VDEV_SYNC_IOC_INIT), cl, &s), 0)
	r.want("get", do(r, uint32(ioctl.VDEV_SYNC_IOC_GET), cl, &ioctl.VdevSyncGet{Sync: s.Sync, Count: 1},
		[]ioctl.VdevSyncBuffer{{Fd: int32(id), Access: ioctl.VDEV_DMABUF_WRITE}}), 0)
	return s.Sync
}

// TestWaiting has requests wait, and end in each way there is.
func TestWaiting(t *testing.T) {
	r := newRig(t)
	cl, other := r.open(1), r.open(2)
	id := r.create(cl, page)
	held, wanted := r.lock(cl, id), r.lock(other, id)
	r.want("lock", do(r, uint32(ioctl.VDEV_SYNC_IOC_LOCK), cl, &ioctl.VdevSyncLock{Sync: held}), 0)
	begin := func(timeout uint64) uint32 {
		t.Helper()
		tag := r.begin(uint32(ioctl.VDEV_SYNC_IOC_LOCK), other, bytesOf(t, &ioctl.VdevSyncLock{Sync: wanted, Timeout: timeout}), 64)
		if _, ok := r.ended(tag); ok {
			t.Fatal("it does not wait")
		}
		return tag
	}
	wantEnd := func(what string, tag uint32, result int32) {
		t.Helper()
		if c, ok := r.ended(tag); !ok || c.result != result {
			t.Errorf("%s: %+v, %v", what, c, ok)
		}
	}
	tag := begin(0)
	r.want("cancel", r.number(ioctl.VDEV_BSU_CANCEL, tag, 0), 0)
	wantEnd("interrupted", tag, -512) // Linux starts it again
	tag = begin(1000)
	r.want("cancel", r.number(ioctl.VDEV_BSU_CANCEL, tag, 0), 0)
	wantEnd("interrupted in time", tag, -4)
	r.want("cancel nothing", r.number(ioctl.VDEV_BSU_CANCEL, tag, 0), 0)
	tag = begin(1000)
	r.env.Clock.Advance(time.Microsecond)
	wantEnd("timeout", tag, -110)
	tag = begin(0)
	r.want("unlock", do(r, uint32(ioctl.VDEV_SYNC_IOC_UNLOCK), cl, &ioctl.VdevSyncObject{Sync: held}), 0)
	wantEnd("unlocked", tag, 0)
	r.want("lock", do(r, uint32(ioctl.VDEV_SYNC_IOC_LOCK), cl, &ioctl.VdevSyncLock{Sync: held, Flags: ioctl.VDEV_DMABUF_NOWAIT}), -16)
	// Who dies while waiting gets an answer that nobody takes, who dies with a lock loses it.
	tag = r.begin(uint32(ioctl.VDEV_SYNC_IOC_LOCK), cl, bytesOf(t, &ioctl.VdevSyncLock{Sync: held}), 64)
	r.want("close", do(r, ioctl.VDEV_BSU_CLOSE, cl, &none{}), 0)
	wantEnd("closed", tag, -125)
	r.want("object of the dead", r.number(ioctl.VDEV_BSU_CLOSE_OBJECT, uint32(held), 0), 0)
	r.want("close object", r.number(ioctl.VDEV_BSU_CLOSE_OBJECT, uint32(wanted), 0), 0)
	r.want("close", do(r, ioctl.VDEV_BSU_CLOSE, other, &none{}), 0)
	r.want("release", r.number(ioctl.VDEV_BSU_RELEASE, id, 0), 0)
	r.empty()
}

// TestTooManyWait has so many calls wait that there is no place for another: what ends at once
// still can, and so can they.
func TestTooManyWait(t *testing.T) {
	r := newRig(t)
	cl := r.open(1)
	fence := ioctl.VdevFenceCreate{}
	r.want("fence", do(r, uint32(ioctl.VDEV_FENCE_IOC_CREATE), cl, &fence), 0)
	wait := func() uint32 {
		return r.begin(uint32(ioctl.VDEV_FENCE_IOC_WAIT), cl, bytesOf(t, &ioctl.VdevFenceWait{Fence: fence.Fence}), 0)
	}
	var tags []uint32
	for range bsu.MaxWaiting {
		tags = append(tags, wait())
	}
	for range 2 {
		if c, ok := r.ended(wait()); !ok || c.result != -11 {
			t.Fatalf("one too many: %+v, %v", c, ok)
		}
		r.want("cancel", r.number(ioctl.VDEV_BSU_CANCEL, tags[7], 0), 0)
		if c, ok := r.ended(tags[7]); !ok || c.result != -512 {
			t.Errorf("cancelled: %+v, %v", c, ok)
		}
		tags[7] = wait()
	}
	r.want("signal", do(r, uint32(ioctl.VDEV_FENCE_IOC_SIGNAL), cl, &ioctl.VdevFenceSignal{Fence: fence.Fence}), 0)
	for _, tag := range tags {
		if c, ok := r.ended(tag); !ok || c.result != 0 {
			t.Fatalf("%d: %+v, %v", tag, c, ok)
		}
	}
	r.want("close", do(r, ioctl.VDEV_BSU_CLOSE_OBJECT, 0, &ioctl.VdevBSUNumber{Number: uint32(fence.Fence)}), 0)
	r.want("close", do(r, ioctl.VDEV_BSU_CLOSE, cl, &none{}), 0)
	r.empty()
}

// TestReset drops everything, at any moment.
func TestReset(t *testing.T) {
	r := newRig(t)
	cl := r.open(1)
	id := r.create(cl, page)
	a := r.attach(id, "11c00000.fimd")
	r.number(ioctl.VDEV_BSU_MAP, a, 0)
	held, wanted := r.lock(cl, id), r.lock(cl, id)
	do(r, uint32(ioctl.VDEV_SYNC_IOC_LOCK), cl, &ioctl.VdevSyncLock{Sync: held})
	r.begin(uint32(ioctl.VDEV_SYNC_IOC_LOCK), cl, bytesOf(t, &ioctl.VdevSyncLock{Sync: wanted}), 64)
	r.number(ioctl.VDEV_BSU_BEGIN, id, 0)
	r.b.Write("CONTROL", 0)
	r.empty()
}

func TestForeign(t *testing.T) {
	r := newRig(t)
	cl := r.open(1)
	reg := ioctl.VdevBSURegister{Size: 2 * page, Name: text("strange\x01"), Exporter: text("heap")}
	at := []ioctl.VdevDMABufExtent{{Addr: 0x8100_0000, Length: page}, {Addr: 0x8200_0000, Length: page}}
	r.want("too short", do(r, ioctl.VDEV_BSU_REGISTER, cl, &reg, at[:1]), -22)
	r.want("nothing", do(r, ioctl.VDEV_BSU_REGISTER, cl, &reg), -22)
	r.want("register", do(r, ioctl.VDEV_BSU_REGISTER, cl, &reg, at), 0)
	id := int32(reg.Id)
	r.want("twice", do(r, ioctl.VDEV_BSU_REGISTER, cl, &reg, at), -17)
	if b := r.share.Core().Buffers()[0]; b.Name != "strange?" || b.Exporter != "heap" || !b.Foreign {
		t.Errorf("%+v", b)
	}
	r.ops = nil
	c := do(r, uint32(ioctl.VDEV_DMABUF_IOC_CPU_PREP), cl, &ioctl.VdevDMABufPrep{Fd: id, Access: ioctl.VDEV_DMABUF_WRITE, Length: page})
	if c.result != 0 || c.flags != ioctl.VDEV_BSU_EXPORTER_BEGIN|uint32(dmabuf.ToDevice)<<8 {
		t.Errorf("prepare: %+v", c)
	}
	c = do(r, uint32(ioctl.VDEV_DMABUF_IOC_CPU_FINI), cl, &ioctl.VdevDMABufBuffer{Fd: id})
	if c.result != 0 || c.flags != ioctl.VDEV_BSU_EXPORTER_END|uint32(dmabuf.ToDevice)<<8 {
		t.Errorf("finish: %+v", c)
	}
	if len(r.ops) != 0 {
		t.Errorf("memory: %q", r.ops)
	}
	other := r.open(2)
	r.want("a stranger unregisters", do(r, uint32(ioctl.VDEV_DMABUF_IOC_UNREGISTER), other, &ioctl.VdevDMABufBuffer{Fd: id}), -22)
	r.want("unregister", do(r, uint32(ioctl.VDEV_DMABUF_IOC_UNREGISTER), cl, &ioctl.VdevDMABufBuffer{Fd: id}), 0)
	r.want("gone", do(r, uint32(ioctl.VDEV_DMABUF_IOC_INFO), cl, &ioctl.VdevDMABufInfo{Fd: id}), -9)
}

// TestEveryRequest has each operation take nothing, and numbers of nothing.
func TestEveryRequest(t *testing.T) {
	r := newRig(t)
	cl := r.open(1)
	id := r.create(cl, page)
	for _, d := range ioctl.Table() {
		if _, known := r.share.ops[uint32(d.Request)]; known != (d.Family == ioctl.FamilyVdev && d.Request != ioctl.VDEV_DMABUF_IOC_REGISTER) {
			t.Errorf("%s: known %v", d.Name, known)
		}
	}
	for op := range r.share.ops {
		if op == ioctl.VDEV_BSU_CLOSE {
			continue
		}
		for _, arg := range [][]byte{nil, make([]byte, 200), slices.Repeat([]byte{0xff}, 200), slices.Repeat([]byte{byte(id), 0, 0, 0}, 60)} {
			tag := r.begin(op, cl, arg, 1024)
			if _, ok := r.ended(tag); !ok {
				r.number(ioctl.VDEV_BSU_CANCEL, tag, 0)
				if _, ok := r.ended(tag); !ok {
					t.Errorf("request %#x does not end", op)
				}
			}
		}
	}
	r.want("unknown", do(r, 12345, cl, &none{}), -25)
	r.b.Write("CONTROL", 0)
	r.empty()
}

// FuzzRequests makes requests of all kinds with any arguments.
func FuzzRequests(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4})
	f.Add(slices.Repeat([]byte{5, 0, 0, 0, 1, 0, 0, 0, 3}, 30))
	f.Fuzz(func(t *testing.T, script []byte) {
		r := newRig(t)
		cl := r.open(1)
		for range 3 {
			r.create(cl, page)
		}
		ops := make([]uint32, 0, len(r.share.ops))
		for op := range r.share.ops {
			ops = append(ops, op)
		}
		slices.Sort(ops)
		for len(script) > 2 {
			op, n := ops[int(script[0])%len(ops)], min(int(script[1]), len(script)-2)
			r.ended(r.begin(op, cl, script[2:2+n], 512))
			script = script[2+n:]
			r.env.Clock.Advance(time.Millisecond)
		}
		r.b.Write("CONTROL", 0)
		r.empty()
	})
}
