// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"bytes"
	"testing"

	"vdev/mmio"
)

// quietMemory can be looked at, and fails whoever does not only look.
type quietMemory struct {
	mmio.DMA
	r *rig
}

func (q quietMemory) PeekDMA(a mmio.IOVA, p []byte) bool { return q.r.peek(mmio.PhysAddr(a), p) }

func (q quietMemory) ReadDMA(mmio.IOVA, []byte) error {
	q.r.t.Error("memory was read")
	return nil
}

func TestPortPeek(t *testing.T) {
	r := newRig(t, Config{})
	table := r.table(modeSv39, 1)
	// Neighbours for the device, far apart in memory.
	r.enter(table, 0x1000, 0, leafPTE(memBase+0x90000, userRW))
	r.enter(table, 0x2000, 0, leafPTE(memBase+0x80000, userRW))
	r.enter(table, 0x4000, 0, leafPTE(0x2_0000_0000, userRW))
	r.device(3, tcV, 0, 0, table)
	copy(r.env.Memory.Bytes[0x90ff8:], "left of ")
	copy(r.env.Memory.Bytes[0x80000:], "the border")
	quiet := quietMemory{r: r}
	r.u.memory = quiet
	faults := 0
	p := r.u.Port(3, quiet, func(Fault) { faults++ }).(mmio.Peeker)
	got := make([]byte, 18)
	if !p.PeekDMA(0x1ff8, got) || string(got) != "left of the border" {
		t.Errorf("%q", got)
	}
	for name, at := range map[string]mmio.IOVA{"no page": 0x2ff8, "no memory": 0x4000} {
		if p.PeekDMA(at, got) {
			t.Errorf("%s: found %q", name, got)
		}
	}
	if r.u.Port(4, quiet, nil).(mmio.Peeker).PeekDMA(0x1000, got) {
		t.Error("found for a device that there is not")
	}
	if faults != 0 || len(r.env.Events.List) != 0 {
		t.Errorf("%d faults, events %v", faults, r.env.Events.List)
	}
	// Memory that cannot be looked at without a trace is not looked at.
	if r.u.Port(3, &r.env.Memory, nil).(mmio.Peeker).PeekDMA(0x1000, got) && bytes.Equal(got[:8], []byte("left of ")) {
		t.Error("found through a port that cannot look")
	}
}
