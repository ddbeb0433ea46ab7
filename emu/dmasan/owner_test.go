// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"vdev/dmabuf"
	"vdev/emu/mem"
	"vdev/emu/symbols"
)

// TestEveryDetailHasARuleAndAdvice goes through all that the dma-buf core can say.
func TestEveryDetailHasARuleAndAdvice(t *testing.T) {
	for _, d := range dmabuf.Details() {
		if _, ok := codeNamed(string(d.Code())); !ok {
			t.Errorf("%v: no code %s", d, d.Code())
		}
		if ownershipFix(d) == d.String() {
			t.Errorf("%v: no advice", d)
		}
	}
}

// TestRuleBroken reports events with all kinds of sides.
func TestRuleBroken(t *testing.T) {
	r := newRig(t, mem.CacheConfig{Mode: mem.Lazy}, false)
	r.san.cfg.Task = func(ptr, _ uint64) (symbols.Task, bool) {
		return symbols.Task{PID: int(ptr), TGID: int(ptr), Comm: map[uint64]string{7: "cam", 9: "enc"}[ptr]}, ptr != 0
	}
	mark := func(pc uint64, ptr uint64) uint64 {
		r.now += time.Millisecond
		r.regs = symbols.Regs{Priv: symbols.User, PC: pc, Sscratch: ptr, Satp: 1}
		return r.san.Mark(mem.Agent{Hart: 1})
	}
	device := func() uint64 { return r.san.Mark(mem.Agent{Hart: -1, Master: "g2d"}) }
	cam := func(op string, a dmabuf.Access, m uint64) dmabuf.Side {
		return dmabuf.Side{Kind: dmabuf.TaskSide, ID: 7, Name: "cam", Op: op, Access: a, Mark: m, At: 5 * time.Millisecond}
	}
	g2d := func(op string, a dmabuf.Access, m uint64) dmabuf.Side {
		return dmabuf.Side{Kind: dmabuf.DeviceSide, ID: 1, Name: "g2d", Op: op, Access: a, Job: "fill", Mark: m}
	}
	r.regs = symbols.Regs{Priv: symbols.Supervisor, PC: 0xffffffff80000000}
	r.san.JobStarted("g2d", "store to START", 0)
	here, there, stranger := mark(0x100, 7), mark(0x200, 7), mark(0x300, 9)
	for _, c := range []struct {
		d           dmabuf.Detail
		this, other dmabuf.Side
		title       string
		text        []string
	}{
		{dmabuf.CPUWhileDevice, cam("access", dmabuf.Write, here), g2d("job", dmabuf.Read, device()), "access-in-flight in 0x100 [cam 7]",
			[]string{"The CPU touched a buffer while a device owned it.", "CPU write by hart 1, cam (pid 7) at", "Earlier: job read by device g2d", "doing fill, started by hart 0",
				`8 bytes at offset 0x10 of buffer "frame" (number 3, vdev, 4096 bytes)`, "Missing: ioctl(fd, VDEV_DMABUF_IOC_CPU_PREP)"}},
		// Who made it go on is not who did it.
		{dmabuf.DeviceWithoutLock, g2d("job", dmabuf.Write, there), cam("lock", dmabuf.Write, stranger), "sync-lock in g2d, started in 0xffffffff80000000",
			[]string{"job write by device g2d", "Earlier: lock write by cam (pid 7) at"}},
		{dmabuf.AfterUnmap, g2d("DMA", dmabuf.Read, 0), g2d("unmap to-device", dmabuf.Read, here), "dma-after-unmap in g2d",
			[]string{"DMA read by device g2d", "Earlier: unmap to-device for g2d by hart 1, cam (pid 7)"}},
		{dmabuf.LockKept, cam("close", 0, 1<<40), dmabuf.Side{}, "sync-lock in cam (pid 7)", []string{"close by cam (pid 7) at 0.005000s"}},
		{dmabuf.NotLocked, dmabuf.Side{Kind: dmabuf.TaskSide, Op: "unlock"}, dmabuf.Side{}, "sync-lock in the kernel", nil},
	} {
		r.text.Reset()
		r.json.Reset()
		e := dmabuf.Event{Detail: c.d, ID: 3, Name: "frame", Exporter: "vdev", Size: 4096, Range: dmabuf.Range{Off: 16, Len: 8}, This: c.this, Other: c.other}
		before := len(r.san.Reports())
		r.san.RuleBroken(&e)
		r.san.RuleBroken(&e)
		if n := len(r.san.Reports()) - before; n != 1 || r.san.Reports()[before].Count != 2 || r.san.Errors() != before+1 {
			t.Fatalf("%v: %d reports", c.d, n)
		}
		text := r.text.String()
		for _, want := range append(c.text, TitlePrefix+c.title) {
			if !strings.Contains(text, want) {
				t.Errorf("%v: no %q in\n%s", c.d, want, text)
			}
		}
		var j struct {
			Code, Explain string
			Memory        *struct{}
			Buffer        struct{ Name string }
			Ownership     struct{ Offset, Bytes uint64 }
		}
		if err := json.Unmarshal(r.json.Bytes(), &j); err != nil || j.Code != string(c.d.Code()) || j.Explain != c.d.String() || j.Memory != nil ||
			j.Buffer.Name != "frame" || j.Ownership.Offset != 16 || j.Ownership.Bytes != 8 {
			t.Errorf("%v: %v, %s", c.d, err, r.json.Bytes())
		}
	}
}

func TestMarksAreForgotten(t *testing.T) {
	r := newRig(t, mem.CacheConfig{Mode: mem.Lazy}, false)
	first := r.san.Mark(mem.Agent{})
	for range maxMarks - 1 {
		r.san.Mark(mem.Agent{})
	}
	if r.san.marks.at(first) == nil || r.san.marks.at(0) != nil || r.san.marks.at(maxMarks+1) != nil {
		t.Error("the wrong ones")
	}
	last := r.san.Mark(mem.Agent{})
	if r.san.marks.at(first) != nil || r.san.marks.at(last).seq != uint64(maxMarks)+1 {
		t.Error("the first one is still there, or the last one is not")
	}
}
