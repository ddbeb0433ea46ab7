// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"slices"
	"testing"
)

func TestCPUMatters(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Mode = Observe })
	cam, enc := r.client(1, "cam"), r.client(2, "enc")
	d := r.device("g2d", Constraints{})
	b := must(cam.NewBuffer(Spec{Size: 2 * PageSize}))
	is := func(what string, reads, writes bool) {
		t.Helper()
		if gr, gw := b.CPUMatters(); gr != reads || gw != writes {
			t.Errorf("%s: %v, %v", what, gr, gw)
		}
		// What does not matter is never reported, whoever does it.
		for _, w := range []bool{false, true} {
			if w && writes || !w && reads || b.Backing() == nil {
				continue
			}
			r.events = nil
			for task := range uint64(4) {
				for _, off := range []uint64{0, PageSize, 2*PageSize - 8} {
					r.ObserveCPU(CPUAccess{Task: Task{ID: task}, Addr: b.Backing()[0].Addr + off, Len: 8, Write: w})
				}
			}
			if len(r.events) != 0 {
				t.Errorf("%s: event %v", what, &r.events[0])
			}
		}
	}
	is("nowhere", false, false)
	r.ok(b.Populate())
	is("nobody's", false, false)
	r.ok(b.BeginCPU(cam, Range{0, 8}, Read))
	is("a part is prepared", true, true)
	r.ok(b.EndCPU(cam, Range{0, 8}, Read))
	is("ended", false, false)

	at := must(b.Attach(cam, d, AttachOptions{Persistent: true}))
	is("shared", true, true)
	r.ok(b.Prep(cam, b.whole(), Read, 0, nil))
	is("prepared for reading", false, true)
	r.ok(b.Prep(enc, b.whole(), Read|Write, 0, nil))
	is("prepared for all", false, false)
	must(at.Map(Bidirectional))
	is("mapped for good", false, false)
	job := d.NewJob("job", false)
	r.ok(job.Use(b, Range{0, 8}, Read))
	r.ok(job.Start(nil))
	is("a device reads", false, true)
	r.ok(job.Finish())
	r.ok(job.Clear())
	r.ok(job.Use(b, Range{0, 8}, Write))
	r.ok(job.Start(nil))
	is("a device writes", true, true)
	r.ok(job.Finish())
	r.ok(job.Clear())
	is("it has finished", false, false)

	s := r.sync(cam, SyncOptions{}, Read, b)
	is("takes part in locks", true, true)
	r.ok(s.PutAll())
	other := r.device("encoder", Constraints{})
	x := must(b.Attach(enc, other, AttachOptions{}))
	must(x.Map(ToDevice))
	is("mapped to read", false, true)
	r.ok(x.Unmap(ToDevice))
	must(x.Map(FromDevice))
	is("mapped to write", true, true)
	r.ok(x.Unmap(FromDevice))

	r.ok(b.Fini(cam))
	r.ok(b.Fini(enc))
	r.ok(b.Prep(cam, b.whole(), Read|Write|Frame, 0, nil))
	r.ok(b.Fini(cam))
	r.ok(b.Prep(enc, b.whole(), Read|Write, 0, nil))
	is("a frame that was prepared for reading", false, false)
	r.ok(b.Fini(enc))
	r.ok(at.Unmap(Bidirectional))
	is("prepared no more", true, true)
	r.ok(at.Detach())
	r.ok(x.Detach())
	is("what devices wrote", true, true)
	r.ok(b.Prep(enc, b.whole(), Read, 0, nil))
	r.ok(b.Fini(enc))
	is("made visible", false, false)
	if got := slices.Collect(r.All()); len(got) != 1 || got[0] != b {
		t.Errorf("all buffers: %v", got)
	}
	for range r.All() {
		break
	}
}
