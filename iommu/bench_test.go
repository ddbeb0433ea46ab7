// SPDX-License-Identifier: Apache-2.0

package iommu

import "testing"

func BenchmarkCachedTranslation(b *testing.B) {
	r := newRig(b, Config{})
	root := r.table(modeSv48, 1)
	r.device(3, tcV, 0, 0, root)
	for i := range uint64(16) {
		r.enter(root, i<<12, 0, leafPTE(memBase, userRW))
	}
	for i := range b.N {
		if _, f := r.u.Translate(read(3, uint64(i)%16<<12)); f != nil {
			b.Fatal(f)
		}
	}
}

// A translation that is cached costs no memory.
func TestCachedTranslationAllocatesNothing(t *testing.T) {
	r := newRig(t, Config{})
	root := r.table(modeSv48, 1)
	r.device(3, tcV, 0, 0, root)
	r.enter(root, 0, 0, leafPTE(memBase, userRW))
	req := read(3, 0)
	if n := testing.AllocsPerRun(100, func() { _, _ = r.u.Translate(req) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
