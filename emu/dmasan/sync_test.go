// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"vdev/emu/linux"
	"vdev/emu/mem"
	"vdev/emu/strace"
	"vdev/emu/symbols"
	"vdev/ioctl"
)

// syncStep makes a sync call for lines 0 and 1, which does no maintenance itself.
func (r *rig) syncStep(c strace.SyncCall) {
	r.now += time.Millisecond
	c.FD, c.Start, c.End, c.Done = 5, r.now, r.now+time.Microsecond, true
	if c.Request == 0 {
		c.Request = ioctl.DMA_BUF_IOCTL_SYNC
	}
	if c.Ranges == nil {
		c.Ranges = []linux.Range{{Addr: rigBase, Len: 100}}
	}
	c.Lines.Covered, c.Lines.Dirty, c.Lines.Stale = 2, 1, 0
	c.Task = &symbols.Task{Comm: "prog", TGID: 40}
	r.san.SyncDone(&c)
}

func TestSyncThatDoesNothing(t *testing.T) {
	end := strace.SyncCall{Writes: true}
	start := strace.SyncCall{ToCPU: true, Reads: true}
	with := func(c strace.SyncCall, f func(*strace.SyncCall)) strace.SyncCall { f(&c); return c }
	for _, tt := range []struct {
		name          string
		before, after script
		call          strace.SyncCall
		want          string
	}{
		{"stores, END, DMA", "C0 W0", "d0", end, "sync-no-op"},
		{"stores before any DMA, END, DMA", "W0", "d0", end, "sync-no-op"},
		{"END, stores, DMA", "C0", "W0 d0", end, "device-read-dirty"},
		{"END before any store, DMA", "", "W0 d0", end, "device-read-dirty"},
		{"stores before any DMA, DMA of the next line, END, DMA", "W0 d0.0+1", "d0", end, "device-read-dirty sync-no-op"},
		{"stores, END, stores, DMA", "C0 W0", "W0 d0", end, "sync-no-op"},
		{"stores, END, device writes", "C0 W0", "D0", end, "sync-no-op"},
		{"stores to the next buffer's line", "C0 W2", "d2", end, "device-read-dirty"},
		{"last line of the range", "C0 W1", "d1", end, "sync-no-op"},
		{"END that did its work, stores, DMA", "C0 W0 C0", "W0 d0", end, "device-read-dirty"},
		{"START, not END", "C0 W0", "d0", start, "device-read-dirty"},
		{"END without WRITE", "C0 W0", "d0", strace.SyncCall{Reads: true}, "device-read-dirty"},
		{"END failed", "C0 W0", "d0", with(end, func(c *strace.SyncCall) { c.Errno = 4 }), "device-read-dirty"},
		{"not to be maintained", "C0 W0", "d0", with(end, func(c *strace.SyncCall) { c.Skip = true }), "device-read-dirty"},
		{"another call", "C0 W0", "d0", with(end, func(c *strace.SyncCall) { c.Request = ioctl.VDEV_DMATEST_IOC_SYNC_FOR_DEVICE }), "device-read-dirty"},
		{"another buffer", "C0 W0", "d0", with(end, func(c *strace.SyncCall) { c.Ranges = []linux.Range{{Addr: rigBase + 4096, Len: 4096}} }), "device-read-dirty"},
		{"DMA, START, load", "C0 D0", "R0", start, "sync-no-op"},
		{"DMA, START, load, invalidated before", "I0 D0", "R0", start, "sync-no-op"},
		{"START, DMA, load", "C0", "D0 R0", start, "cpu-read-stale"},
		{"DMA, START without READ, load", "C0 D0", "R0", strace.SyncCall{ToCPU: true, Writes: true}, "cpu-read-stale"},
		{"DMA, END, load", "C0 D0", "R0", end, "cpu-read-stale"},
		{"right, though the call did nothing", "C0 W0 C0", "d0", end, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, c := range machines() {
				r := newRig(t, c, false)
				n := 0
				for _, s := range tt.before.steps(t) {
					r.do(n, s)
					n++
				}
				r.syncStep(tt.call)
				for _, s := range tt.after.steps(t) {
					r.do(n, s)
					n++
				}
				if got := codes(r); got != tt.want {
					t.Errorf("%v: found %q, want %q", c.Mode, got, tt.want)
				}
			}
		})
	}
}

// The call is in the report, with what it did, also if it is not at fault.
func TestSyncCallInReports(t *testing.T) {
	r := newRig(t, mem.CacheConfig{Mode: mem.Lazy}, false)
	play := func(s script) {
		for i, st := range s.steps(t) {
			r.do(i, st)
		}
	}
	play("C0 W0")
	r.syncStep(strace.SyncCall{Writes: true, Reads: true})
	play("d0 D1")
	r.syncStep(strace.SyncCall{Writes: true})
	play("R1")
	text := r.text.String()
	for _, want := range []string{
		"\nIn between: ioctl(5, DMA_BUF_IOCTL_SYNC, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW) by prog (pid 40) at 0.003000s\n  2 lines covered, 1 of them with stores and 0 with bytes of a device; 0 maintained\n",
		"\n  last sync call: ioctl(5, DMA_BUF_IOCTL_SYNC, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE) by prog (pid 40) at 0.006000s,\n    2 lines covered",
		"the program did its part",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	line, _, _ := strings.Cut(r.json.String(), "\n")
	var j jsonReport
	if err := json.Unmarshal([]byte(line), &j); err != nil {
		t.Fatal(err)
	}
	if j.Code != "sync-no-op" || j.Sync == nil || j.Sync.Lines != (jsonLines{2, 1, 0, 0}) || j.Sync.Task == nil || j.Sync.TimeNS != 3e6 {
		t.Errorf("%s", line)
	}
}

// Old calls are forgotten, not mixed up.
func TestSyncCallsAreBounded(t *testing.T) {
	r := newRig(t, mem.CacheConfig{Mode: mem.Lazy}, false)
	play := func(s script) {
		for i, st := range s.steps(t) {
			r.do(i, st)
		}
	}
	play("C0 W0")
	r.syncStep(strace.SyncCall{Writes: true})
	for range 2 * len(r.san.syncs.ring) {
		r.syncStep(strace.SyncCall{Writes: true, Ranges: []linux.Range{{Addr: rigBase + 4096, Len: 1}}})
	}
	play("d0")
	if got := codes(r); got != "device-read-dirty" {
		t.Errorf("found %q", got)
	}
}
