// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"testing"

	"vdev/emu/mem"
	"vdev/mmio"
)

// Between a device and memory, a port knows what memory knows; over a bus master that
// knows nothing, it says so.
func TestPortChanges(t *testing.T) {
	r := newRig(t, mem.CacheConfig{Mode: mem.Lazy}, false)
	through := func(down mmio.DMA) mmio.DMA { return down }
	p := r.san.Port(PortConfig{Master: "display", Through: through}, r.mem.NewPort("display", false)).(mmio.ChangeTracker)
	s := p.ChangeStamp()
	if err := p.(mmio.DMA).ReadDMA(mmio.IOVA(rigBase), make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	s, before := p.ChangeStamp(), s
	if before.Still(s) || p.ChangedSince(mmio.IOVA(rigBase), 8, s) {
		t.Error("a page that becomes tracked is a change, having read it is none")
	}
	if p.DirtyDMA(mmio.IOVA(rigBase), 8) {
		t.Error("dirty before a store")
	}
	r.mem.Store(rigBase, 8, 1)
	if !p.DirtyDMA(mmio.IOVA(rigBase), 8) {
		t.Error("not dirty after a store")
	}
	if s.Still(p.ChangeStamp()) || !p.ChangedSince(mmio.IOVA(rigBase), 8, s) {
		t.Error("a change went unnoticed")
	}
	type only struct{ mmio.DMA }
	p = r.san.Port(PortConfig{Master: "other", Through: through}, only{r.mem.NewPort("other", false)}).(mmio.ChangeTracker)
	if s := p.ChangeStamp(); s.Still(p.ChangeStamp()) || !p.ChangedSince(mmio.IOVA(rigBase), 8, s) {
		t.Error("unchanged, says a port that cannot know")
	}
}
