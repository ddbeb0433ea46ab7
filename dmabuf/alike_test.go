// SPDX-License-Identifier: Apache-2.0

package dmabuf

import "testing"

// TestCPUAlike asks of each line of a buffer whose last line is not whole.
func TestCPUAlike(t *testing.T) {
	r := newRig(t)
	cl, d := r.client(1, "cam"), r.device("g2d", Constraints{})
	b := must(cl.NewBuffer(Spec{Size: 5*LineSize + 8}))
	r.ok(b.Populate())
	base := b.Backing()[0].Addr
	is := func(what string, want string) {
		t.Helper()
		got := ""
		for i := range uint64(7) {
			c := "-"
			if r.CPUAlike(base+i*LineSize, LineSize) {
				c = "+"
			}
			got += c
		}
		if got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	is("nobody has it", "+++++++")
	r.ok(b.Prep(cl, Range{LineSize + 4, 2 * LineSize}, Read, 0, nil))
	is("prepared from the middle of a line to that of another", "+-+-+++")
	r.ok(b.Fini(cl))
	r.ok(b.Prep(cl, b.whole(), Read, 0, nil))
	is("prepared as a whole", "+++++++")
	r.ok(b.Fini(cl))
	for _, hold := range []bool{false, true} {
		j := d.NewJob("job", hold)
		r.ok(j.Use(b, Range{0, 8}, Write))
		r.ok(j.Use(b, Range{2 * LineSize, LineSize}, Write))
		r.ok(j.Start(nil))
		is("in a job", map[bool]string{false: "-++++++", true: "+++++++"}[hold])
		r.ok(j.Finish())
	}
	if !r.CPUAlike(base-1<<20, LineSize) {
		t.Error("memory of no buffer")
	}
}
