// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"fmt"
	"testing"

	"vdev/mmio"
)

// poisoned is memory that is damaged at one address.
type poisoned struct {
	mmio.DMA
	at uint64
}

func (m *poisoned) ReadDMA(addr mmio.IOVA, p []byte) error {
	if uint64(addr) == m.at {
		return &mmio.DMAError{Addr: addr, Err: fmt.Errorf("uncorrectable: %w", ErrCorrupt)}
	}
	return m.DMA.ReadDMA(addr, p)
}

// Damaged data has causes of its own, by what it belongs to (sections 2.3.1 to 2.3.3 and
// 3.2), of which DTF holds back all but that of the device directory.
func TestCorruptData(t *testing.T) {
	r := newRig(t, Config{MSI: true, ATS: true})
	mem := &poisoned{DMA: r.u.memory}
	r.u.memory = mem
	g, root, dir, msi := r.table(modeSv39, 4), r.table(modeSv39, 1), r.alloc(1), r.alloc(1)
	r.enter(g, memBase, 2, leafPTE(memBase, userRW)) // one to one, for the tables
	r.put(dir, pcV, root)
	first := r.enter(root, 0x1000, 0, leafPTE(memBase, userRW))
	second := r.entry(g, memBase, 2)
	processes := 1<<60 | dir>>12
	for _, dtf := range []uint64{0, tcDTF} {
		tc := tcV | tcATS | dtf
		r.device(3, tc, 0, 0, root)
		r.device(4, tc|tcPDTV, g, 0, processes)
		r.device(5, tc, g, 0, 0, msiFlat<<60|msi>>12, 0, 0x7000)
		read1 := read(3, 0x1008)
		asking := Request{DeviceID: 3, Type: TranslationRequest, Addr: 0x1008}
		for _, c := range []struct {
			name  string
			at    uint64
			req   Request
			cause Cause
		}{
			{"device context", rigDDT + 3*64, read1, CauseDDTCorrupt},
			{"page table", first, read1, CauseTableCorrupt},
			{"page table, for ATS", first, asking, CauseTableCorrupt},
			{"process context", dir, read(4, 0x1000).process(0, false), CausePDTCorrupt},
			{"the directory's second stage", second, read(4, 0x1000).process(0, false), CausePDTCorrupt},
			{"second stage", second, read(5, memBase), CauseTableCorrupt},
			{"MSI page table", msi, write(5, 0x700_0000), CauseMSICorrupt},
		} {
			r.flush()
			mem.at = c.at
			if dtf == 0 || c.cause == CauseDDTCorrupt {
				r.wantFault(c.req, c.cause, 0)
			} else if _, f := r.u.Translate(c.req); f == nil || f.Cause != c.cause || f.Queued || r.fault() != nil {
				t.Errorf("%s with DTF: %+v", c.name, f)
			}
			mem.at = 0
			if t.Failed() {
				t.Fatal(c.name)
			}
		}
	}
	r.put(msi, leafPTE(memBase, msiV|msiBasic))
	r.flush()
	if res, f := r.u.Translate(write(5, 0x700_0000)); f != nil || !res.MSI {
		t.Errorf("an interrupt file: %+v, %v", res, f)
	}
	if res, f := r.u.Translate(write(5, memBase)); f != nil || res.MSI {
		t.Errorf("no interrupt file: %+v, %v", res, f)
	}
}
