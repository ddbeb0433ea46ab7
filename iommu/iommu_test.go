// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

func variants() map[string]Config {
	return map[string]Config{"plain": {}, "msi": {MSI: true}, "ats": {ATS: true}, "all": {MSI: true, ATS: true}}
}

func TestTable(t *testing.T) {
	for name, c := range variants() {
		t.Run(name, func(t *testing.T) {
			mmiotest.CheckTable(t, func(env *mmiotest.Env) mmio.RegisterDevice { return newDevice(env, c) })
		})
	}
}

func FuzzRegisters(f *testing.F) {
	mmiotest.FuzzDevice(f, func(env *mmiotest.Env) mmio.Device {
		// Memory full of numbers that are at times valid as entries and commands.
		for i := range env.Memory.Bytes {
			env.Memory.Bytes[i] = byte(i>>3*7) & 0x87
		}
		return newDevice(env, Config{MSI: true, ATS: true})
	})
}

// Linux finds out about the hardware like this (drivers/iommu/riscv/iommu.c).
func TestProbe(t *testing.T) {
	r := newRig(t, Config{})
	caps := r.Read("capabilities")
	if caps&0xff != 0x10 || caps>>28&3 != 1 || caps>>32&63 != 56 || caps&(capATS|capMSIFlat) != 0 {
		t.Errorf("capabilities are %#x", caps)
	}
	if r.Read("fctl") != fctlWSI {
		t.Errorf("fctl is %#x", r.Read("fctl"))
	}
	r.Write("cqcsr", 0)
	r.Write("cqb", 31)
	r.Want("cqb", 15) // LOG2SZ-1: the largest queue has 65536 entries, anywhere
	r.Write("ddtp", rigDDT>>2|7)
	r.Want("ddtp", rigDDT>>2|ddtp1LVL)
	// From one depth to another only by way of off or bare (section 5.5).
	r.Write("ddtp", rigTable>>2|ddtp3LVL)
	r.Want("ddtp", rigDDT>>2|ddtp1LVL)
	r.Write("icvec", 0x3214)
	r.Want("icvec", 0x3210) // there are four wires
	n := mmiotest.Describe(r.u)
	if n.Props["compatible"] != "riscv,iommu" || n.Props["#iommu-cells"] != uint32(1) {
		t.Errorf("device tree: %v", n.Props)
	}
}

func TestModesWithoutDirectory(t *testing.T) {
	r := newRig(t, Config{})
	r.mode(ddtpOff, 0)
	r.wantFault(read(1, 0x1234), CauseAllDisallowed, 0)
	r.mode(ddtpBare, 0)
	r.wantOK(read(1, 0x1234), 0x1234)
	r.wantFault(Request{DeviceID: 1, Type: TranslatedRead}, CauseTypeDisallowed, 0)
	r.wantFault(Request{DeviceID: 1, Type: TranslationRequest}, CauseTypeDisallowed, 0)
}

// The directory's depth and the format of contexts decide how many bits of the
// device_id there are.
func TestDirectoryLevels(t *testing.T) {
	for _, c := range []struct {
		msi    bool
		mode   uint64
		device uint32 // the greatest
		leaf   int    // bits of the lowest index
	}{
		{false, 2, 1<<7 - 1, 7}, {false, 3, 1<<16 - 1, 7}, {false, 4, 1<<24 - 1, 7},
		{true, 2, 1<<6 - 1, 6}, {true, 3, 1<<15 - 1, 6}, {true, 4, 1<<24 - 1, 6},
	} {
		r := newRig(t, Config{MSI: c.msi})
		r.mode(ddtpOff, 0)
		r.mode(c.mode, rigDDT)
		at, id := rigDDT, uint64(c.device)
		for level := int(c.mode) - 2; level > 0; level-- {
			next := r.alloc(1)
			r.put(at+8*(id>>(c.leaf+9*(level-1))&511), next>>2|1)
			at = next
		}
		r.put(at+id&(1<<c.leaf-1)*(pageSize>>c.leaf), tcV)
		r.wantOK(write(c.device, 0xabc), 0xabc)
		if c.mode < ddtp3LVL {
			r.wantFault(read(c.device+1, 0), CauseTypeDisallowed, 0)
		}
		r.wantFault(read(c.device-1, 0), CauseDDTInvalid, 0)
	}
}

func TestDirectoryFaults(t *testing.T) {
	r := newRig(t, Config{})
	r.mode(ddtpOff, 0)
	r.mode(ddtp1LVL+1, rigDDT)
	r.put(rigDDT, 0, rigPages>>2|3, outside>>2|1, 1<<54|1)
	for i, cause := range []Cause{CauseDDTInvalid, CauseDDTMisconfigured, CauseDDTAccessFault, CauseDDTMisconfigured} {
		r.wantFault(read(uint32(i<<7), 0x77), cause, 0)
	}
	r.mode(ddtpOff, 0)
	r.mode(ddtp1LVL, outside)
	r.wantFault(read(0, 0), CauseDDTAccessFault, 0)
}

// Each of these contexts breaks one rule of section 2.1.4.
func TestMisconfiguredContexts(t *testing.T) {
	for _, c := range []struct {
		name  string
		conf  Config
		words []uint64
		ok    bool
	}{
		{"minimal", Config{}, []uint64{tcV}, true},
		{"custom bits", Config{}, []uint64{tcV | 0xff<<24}, true},
		{"tc bit 12", Config{}, []uint64{tcV | 1<<12}, false},
		{"tc bit 32", Config{}, []uint64{tcV | 1<<32}, false},
		{"ATS without the capability", Config{}, []uint64{tcV | tcATS}, false},
		{"ATS", Config{ATS: true}, []uint64{tcV | tcATS}, true},
		{"PRI without ATS", Config{ATS: true}, []uint64{tcV | tcPRI}, false},
		{"PRPR without PRI", Config{ATS: true}, []uint64{tcV | tcATS | tcPRPR}, false},
		{"all of ATS", Config{ATS: true}, []uint64{tcV | tcATS | tcPRI | tcPRPR}, true},
		{"T2GPA", Config{ATS: true}, []uint64{tcV | tcATS | tcT2GPA, 8 << 60}, false},
		{"big-endian", Config{}, []uint64{tcV | tcSBE}, false},
		{"SXL", Config{}, []uint64{tcV | tcSXL}, false},
		{"DPE without PDTV", Config{}, []uint64{tcV | tcDPE}, false},
		{"DPE", Config{}, []uint64{tcV | tcDPE | tcPDTV}, true},
		{"A and D updates", Config{}, []uint64{tcV | tcSADE | tcGADE}, true},
		{"pdtp mode 4", Config{}, []uint64{tcV | tcPDTV, 0, 0, 4 << 60}, false},
		{"iosatp mode 1", Config{}, []uint64{tcV, 0, 0, 1 << 60}, false},
		{"iosatp mode 11", Config{}, []uint64{tcV, 0, 0, 11 << 60}, false},
		{"iosatp reserved", Config{}, []uint64{tcV, 0, 0, 1 << 44}, false},
		{"iohgatp mode 7", Config{}, []uint64{tcV, 7 << 60}, false},
		{"iohgatp root", Config{}, []uint64{tcV, 8<<60 | 0x80002}, false},
		{"ta low", Config{}, []uint64{tcV, 0, 1}, false},
		{"RCID", Config{}, []uint64{tcV, 0, 1 << 40}, false},
		{"MSI", Config{MSI: true}, []uint64{tcV, 8 << 60, 0, 0, 1 << 60}, false}, // its walk fails, see below
		{"MSI without second stage", Config{MSI: true}, []uint64{tcV, 0, 0, 0, 1 << 60}, false},
		{"MSI mode 2", Config{MSI: true}, []uint64{tcV, 8 << 60, 0, 0, 2 << 60}, false},
		{"MSI mask", Config{MSI: true}, []uint64{tcV, 0, 0, 0, 0, 1 << 47}, false},
		{"MSI pattern", Config{MSI: true}, []uint64{tcV, 0, 0, 0, 0, 0, 1 << 47}, false},
		{"last word", Config{MSI: true}, []uint64{tcV, 0, 0, 0, 0, 0, 0, 1}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, c.conf)
			r.device(5, c.words...)
			switch {
			case c.ok:
				r.wantOK(read(5, 0x123), 0x123)
			case c.name == "MSI":
				r.wantFault(read(5, 0x8000_0000), CauseReadAccessFault, 0)
			default:
				r.wantFault(read(5, 0x8000_0000), CauseDDTMisconfigured, 0)
			}
		})
	}
}

func TestFirstStage(t *testing.T) {
	for _, mode := range []uint64{modeSv39, modeSv48, modeSv57} {
		r := newRig(t, Config{})
		root := r.table(mode, 1)
		r.device(3, tcV, 0, 7<<12, root)
		page := r.alloc(1)
		top := uint64(1)<<(12+9*levels(root)-1) - pageSize // the highest of the lower half
		r.enter(root, top, 0, leafPTE(page, userRW))
		r.enter(root, -top-pageSize, 0, leafPTE(page+pageSize, userRX))
		r.enter(root, 0x4000_0000, 1, leafPTE(0x4000_0000, userRW)|1<<61)
		r.enter(root, 0x1_0000, 0, leafPTE(0x4002_8000, userRW)|pteN)

		r.wantOK(write(3, top|0x18), page|0x18)
		r.wantOK(fetch(3, -top-8), page+pageSize+0xff8)
		r.wantOK(read(3, 0x4012_3456), 0x4012_3456)
		r.wantOK(read(3, 0x1_0abc), 0x4002_0abc)
		res, _ := r.u.Translate(read(3, 0x4012_3456))
		if res.PBMT != 1 || res.Size != 2<<20 {
			t.Errorf("a non-cacheable superpage gave %+v", res)
		}
		r.wantFault(fetch(3, top), CauseInstructionPageFault, 0)
		r.wantFault(write(3, -top-8), CauseWritePageFault, 0)
		r.wantFault(read(3, 0x5000_0000), CauseReadPageFault, 0)
		r.wantFault(read(3, top+pageSize), CauseReadPageFault, 0) // not canonical
	}
}

// Every malformed PTE is a page fault of the request's kind.
func TestPTEs(t *testing.T) {
	for _, c := range []struct {
		name  string
		level int
		pte   uint64
		ok    bool
	}{
		{"good", 0, leafPTE(memBase, userRW), true},
		{"invalid", 0, leafPTE(memBase, userRW&^pteV), false},
		{"write only", 0, leafPTE(memBase, userRW&^pteR), false},
		{"not user", 0, leafPTE(memBase, userRW&^pteU), false},
		{"not accessed", 0, leafPTE(memBase, userRW&^pteA), false},
		{"not dirty", 0, leafPTE(memBase, userRW&^pteD), false},
		{"reserved 54", 0, leafPTE(memBase, userRW) | 1<<54, false},
		{"reserved 60", 0, leafPTE(memBase, userRW) | 1<<60, false},
		{"PBMT 2", 0, leafPTE(memBase, userRW) | 2<<61, true},
		{"PBMT 3", 0, leafPTE(memBase, userRW) | 3<<61, false},
		{"superpage", 2, leafPTE(memBase, userRW), true},
		{"misaligned superpage", 1, leafPTE(memBase+pageSize, userRW), false},
		{"NAPOT of 128 KiB", 0, leafPTE(memBase, userRW) | 0x10<<10 | pteN, false},
		{"NAPOT of 32 KiB", 0, leafPTE(memBase, userRW) | 4<<10 | pteN, false},
		{"NAPOT of no size", 0, leafPTE(memBase, userRW) | 0xc<<10 | pteN, false},
		{"NAPOT superpage", 1, leafPTE(memBase, userRW) | pteN, false},
		{"pointer at the last level", 0, leafPTE(memBase, pteV), false},
		{"pointer", 1, leafPTE(rigTable, pteV), true},
		{"pointer with A", 1, leafPTE(rigTable, pteV|pteA), false},
		{"pointer with D", 1, leafPTE(rigTable, pteV|pteD), false},
		{"pointer with U", 1, leafPTE(rigTable, pteV|pteU), false},
		{"pointer with PBMT", 1, leafPTE(rigTable, pteV) | 1<<61, false},
		{"pointer with N", 1, leafPTE(rigTable, pteV) | pteN, false},
	} {
		for _, noSvpbmt := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, noSvpbmt), func(t *testing.T) {
				r := newRig(t, Config{NoSvpbmt: noSvpbmt})
				root := r.table(modeSv39, 1)
				r.device(3, tcV, 0, 0, root)
				r.put(rigTable, leafPTE(memBase, userRW))
				r.enter(root, 0, c.level, c.pte)
				if c.ok && (!noSvpbmt || pbmt(c.pte) == 0) {
					r.wantOK(write(3, 0x123), memBase+0x123)
				} else {
					r.wantFault(write(3, 0x123), CauseWritePageFault, 0)
				}
			})
		}
	}
}

func TestTableAccessFaults(t *testing.T) {
	r := newRig(t, Config{})
	r.device(3, tcV, 0, 0, 8<<60|outside>>12)
	r.wantFault(read(3, 0), CauseReadAccessFault, 0)
	r.wantFault(write(3, 0), CauseWriteAccessFault, 0)
	r.wantFault(fetch(3, 0), CauseInstructionAccessFault, 0)
}

func TestAccessedAndDirty(t *testing.T) {
	r := newRig(t, Config{})
	root := r.table(modeSv39, 1)
	r.device(3, tcV|tcSADE, 0, 0, root)
	at := r.enter(root, 0, 0, leafPTE(memBase, userRW&^(pteA|pteD)))
	want := func(bits uint64) {
		t.Helper()
		if got := r.get(at) & (pteA | pteD); got != bits {
			t.Errorf("A and D are %#x, want %#x", got, bits)
		}
	}
	r.wantFault(fetch(3, 0), CauseInstructionPageFault, 0)
	want(0)
	r.wantOK(read(3, 0), memBase)
	want(pteA)
	r.wantOK(write(3, 8), memBase+8) // though it is cached
	want(pteA | pteD)

	// In a second stage, writing A is a write to the table.
	g := r.table(modeSv39, 4)
	r.enter(g, memBase, 2, leafPTE(memBase, userRW&^(pteA|pteD)))
	gat := r.entry(g, memBase, 2)
	r.device(4, tcV|tcSADE|tcGADE, g, 0, root)
	r.put(at, leafPTE(memBase, userRW&^(pteA|pteD)))
	r.wantOK(read(4, 0), memBase)
	want(pteA)
	if got := r.get(gat) & (pteA | pteD); got != pteA|pteD {
		t.Errorf("second stage: A and D are %#x", got)
	}
	// Not allowed to write there, it is a fault of the implicit write.
	r.put(gat, leafPTE(memBase, userRW&^pteW))
	r.put(at, leafPTE(memBase, userRW&^(pteA|pteD)))
	r.flush()
	r.wantFault(read(4, 0), CauseReadGuestPageFault, at|3)
}

func TestTwoStages(t *testing.T) {
	for mode := modeSv39; mode <= modeSv57; mode++ {
		r := newRig(t, Config{})
		g := r.table(uint64(mode), 4)
		root := r.table(modeSv39, 1)
		r.enter(g, memBase, 2, leafPTE(memBase, userRW)) // for the first stage's tables
		page := r.alloc(1)
		high := uint64(1)<<(12+9*levels(g)+2) - pageSize // the last guest page
		r.enter(g, high, 0, leafPTE(page, userRW)|2<<61)
		first := r.enter(root, 0x1000, 0, leafPTE(high&(1<<56-1), userRW))
		r.enter(root, 0x2000, 0, leafPTE(0x1000, userRW))
		r.device(3, tcV, g|1<<44, 2<<12, root)
		r.device(4, tcV, g|1<<44, 0, 0) // second stage only
		if levels(g) < 5 {
			r.wantOK(write(3, 0x1008), page|8)
			if res, _ := r.u.Translate(read(3, 0x1008)); res.PBMT != 2 {
				t.Errorf("memory type %d", res.PBMT)
			}
		}
		r.wantOK(write(4, high|4), page|4)
		r.wantFault(read(3, 0x2ff7), CauseReadGuestPageFault, 0x1ff4)
		r.wantFault(write(4, high+pageSize), CauseWriteGuestPageFault, high+pageSize)
		r.wantFault(fetch(4, high), CauseInstructionGuestPageFault, high)
		// The first stage's table lies where the guest has nothing.
		r.put(r.entry(root, 0x1000, 1), leafPTE(0x5000, pteV))
		r.flush()
		r.wantFault(write(3, 0x1000), CauseWriteGuestPageFault, 0x5000+first&0xff8|1)
		// The second stage's own tables are missing.
		r.put(r.entry(g, memBase, 2), leafPTE(outside, pteV))
		r.wantFault(write(3, 0x1000), CauseWriteAccessFault, 0)
	}
}

// Processes, with directories of every depth.
func TestProcesses(t *testing.T) {
	for pd, id := range map[uint64]uint32{1: 0xfe, 2: 0x1_fffe, 3: 0xf_fffe} {
		r := newRig(t, Config{})
		dir := r.alloc(1)
		at := dir
		for level := int(pd) - 1; level > 0; level-- {
			next := r.alloc(1)
			r.put(at+8*(uint64(id)>>(8*1+9*(level-1))&511), next>>2|1)
			at = next
		}
		root := r.table(modeSv39, 1)
		r.enter(root, 0x1000, 0, leafPTE(memBase, userRW|pteX))
		r.enter(root, 0x2000, 0, leafPTE(memBase, userRW|pteX)&^pteU)
		r.device(3, tcV|tcPDTV, 0, 0, pd<<60|dir>>12)
		pc := at + 16*uint64(id&255)
		set := func(ta uint64) { r.put(pc, pcV|ta|9<<12, root); r.flush() }

		set(0)
		r.wantOK(read(3, 0x1000).process(id, false), memBase)
		r.wantFault(read(3, 0x2000).process(id, false), CauseReadPageFault, 0)
		r.wantFault(read(3, 0x1000).process(id, true), CauseTypeDisallowed, 0) // no ENS
		set(pcENS)
		r.wantOK(fetch(3, 0x2000).process(id, true), memBase)
		r.wantFault(write(3, 0x1000).process(id, true), CauseWritePageFault, 0) // no SUM
		set(pcENS | pcSUM)
		r.wantOK(write(3, 0x1000).process(id, true), memBase)
		r.wantFault(fetch(3, 0x1000).process(id, true), CauseInstructionPageFault, 0) // whatever SUM is

		r.wantFault(read(3, 0).process(id+1, false), CausePDTInvalid, 0)
		if bits := processBits(pd); bits < 20 {
			r.wantFault(read(3, 0).process(1<<bits, false), CauseTypeDisallowed, 0)
		}
		r.wantOK(read(3, 0x5678), 0x5678) // without a process there is no first stage
		set(1 << 3)
		r.wantFault(read(3, 0).process(id, false), CausePDTMisconfigured, 0)
		r.put(pc, pcV, 4<<60)
		r.wantFault(read(3, 0).process(id, false), CausePDTMisconfigured, 0)
		if pd > 1 {
			r.put(dir+8*(uint64(id)>>(8+9*(pd-2))&511), rigPages>>2|1|2)
			r.wantFault(read(3, 0).process(id, false), CausePDTMisconfigured, 0)
		}
		r.device(3, tcV|tcPDTV, 0, 0, pd<<60|outside>>12)
		r.flush()
		r.wantFault(read(3, 0).process(id, false), CausePDTAccessFault, 0)
		r.device(3, tcV, 0, 0, 0)
		r.flush()
		r.wantFault(read(3, 0).process(id, false), CauseTypeDisallowed, 0) // no PDTV
	}
}

func TestDefaultProcess(t *testing.T) {
	r := newRig(t, Config{})
	dir, root := r.alloc(1), r.table(modeSv39, 1)
	r.enter(root, 0x1000, 0, leafPTE(memBase, userRW))
	r.put(dir, pcV, root)
	r.device(3, tcV|tcPDTV|tcDPE, 0, 0, 1<<60|dir>>12)
	r.wantOK(read(3, 0x1000), memBase)
	r.wantFault(read(3, 0x2000), CauseReadPageFault, 0) // a record without a process
}

// The process directory is in guest memory if there is a second stage.
func TestGuestProcessDirectory(t *testing.T) {
	r := newRig(t, Config{})
	g := r.table(modeSv39, 4)
	dir := r.alloc(1)
	r.put(dir+16*5, pcV, 0)
	r.device(3, tcV|tcPDTV, g, 0, 1<<60|0x7)
	r.wantFault(write(3, 0x1000).process(5, false), CauseWriteGuestPageFault, 0x7050|1)
	r.enter(g, 0x7000, 0, leafPTE(dir, userRW))
	r.enter(g, 0x1000, 0, leafPTE(memBase, userRW))
	r.wantOK(write(3, 0x1000).process(5, false), memBase)
	r.put(r.entry(g, 0x7000, 1), leafPTE(outside, pteV))
	r.flush()
	r.wantFault(write(3, 0x1000).process(5, false), CausePDTAccessFault, 0)
}

// DTF keeps faults of the translation from being queued, and no others.
func TestDTF(t *testing.T) {
	r := newRig(t, Config{})
	r.device(3, tcV|tcDTF, 0, 0, r.table(modeSv39, 1))
	for _, req := range []Request{read(3, 0), read(3, 0).process(1, false)} {
		if _, f := r.u.Translate(req); f == nil || f.Queued || r.fault() != nil {
			t.Errorf("%+v: %v", req, f)
		}
	}
	r.device(4, tcV|tcDTF|tcSXL)
	r.wantFault(read(4, 0), CauseDDTMisconfigured, 0)
}

func TestMSI(t *testing.T) {
	r := newRig(t, Config{MSI: true})
	g := r.table(modeSv39, 4)
	table := r.alloc(1)
	// Files at 0x28000 and at every combination of bits 12 and 14 on top.
	r.device(3, tcV, g, 0, 0, 1<<60|table>>12, 5, 0x28)
	r.put(table+16*3, leafPTE(0x2400_0000, msiV|msiBasic), ^uint64(0))
	r.put(table+16, leafPTE(0x2400_0000, msiV|msiBasic|1<<3), 0)
	r.put(table+16*2, leafPTE(0x2400_0000, msiV|1<<1), 0)
	r.enter(g, 0, 1, leafPTE(0x4000_0000, userRW))
	r.wantOK(write(3, 0x2d004), 0x2400_0004)
	r.wantOK(write(3, 0x2e004), 0x4002_e004) // no interrupt file, and the superpage around is not all cached
	r.wantOK(write(3, 0x2d008), 0x2400_0008)
	r.wantFault(fetch(3, 0x2d004), CauseInstructionAccessFault, 0)
	r.flush()
	r.wantFault(fetch(3, 0x2d004), CauseInstructionAccessFault, 0)
	r.wantFault(write(3, 0x2c000), CauseMSIMisconfigured, 0)
	r.wantFault(write(3, 0x29000), CauseMSIMisconfigured, 0)
	r.wantFault(write(3, 0x28000), CauseMSIInvalid, 0)
	r.device(3, tcV, g, 0, 0, 1<<60|outside>>12, 5, 0x28)
	r.flush()
	r.wantFault(write(3, 0x2d004), CauseMSIAccessFault, 0)
}

func TestPort(t *testing.T) {
	r := newRig(t, Config{})
	root := r.table(modeSv39, 1)
	r.device(3, tcV, 0, 0, root)
	a, b := r.alloc(1), r.alloc(1)
	r.enter(root, 0x1000, 0, leafPTE(b, userRW))
	r.enter(root, 0x2000, 0, leafPTE(a, userRW))
	r.enter(root, 0x3000, 0, leafPTE(outside, userRW))
	var seen []Fault
	p := r.u.Port(3, &r.env.Memory, func(f Fault) { seen = append(seen, f) })
	if err := p.WriteDMA(0x1ffe, []byte{1, 2, 3, 4}); err != nil {
		t.Fatal(err)
	}
	if got := r.bytes(b + 0xffe)[:2]; got[0] != 1 || got[1] != 2 {
		t.Errorf("the first page has %v", got)
	}
	got := make([]byte, 4)
	if err := p.ReadDMA(0x1ffe, got); err != nil || got[3] != 4 || r.bytes(a)[0] != 3 {
		t.Errorf("read %v, %v", got, err)
	}
	// A fault names the master's address; so does what fails behind the IOMMU.
	var de *mmio.DMAError
	var f *Fault
	err := p.ReadDMA(0x0fff, got)
	if !errors.As(err, &de) || de.Addr != 0xfff || de.Write || !errors.As(err, &f) || f.Cause != CauseReadPageFault || len(seen) != 1 {
		t.Errorf("%v, %d faults seen", err, len(seen))
	}
	err = p.WriteDMA(0x2ffe, got)
	if !errors.As(err, &de) || de.Addr != 0x3000 || !de.Write || errors.As(err, &f) && f.Cause != CauseReadPageFault {
		t.Errorf("%v", err)
	}
	// What fails in the middle of a page is named exactly.
	r.env.Memory.Bytes = r.env.Memory.Bytes[:a+0x800-memBase]
	if err := p.ReadDMA(0x27fe, got); !errors.As(err, &de) || de.Addr != 0x2800 || errors.As(err, &f) && f.Request.Addr == 0x2800 {
		t.Errorf("%v", err)
	}
	// Around the end of the address space.
	if err := p.WriteDMA(^mmio.IOVA(0), got); !errors.As(err, &de) || de.Addr != ^mmio.IOVA(0) {
		t.Errorf("%v", err)
	}
}

func TestDebugTranslation(t *testing.T) {
	r := newRig(t, Config{})
	root := r.table(modeSv39, 1)
	r.device(3, tcV, 0, 0, root)
	r.enter(root, 0x20_0000, 1, leafPTE(0x8040_0000, userRW)|1<<61)
	r.enter(root, 0x1000, 0, leafPTE(0x8040_0000, userRW&^pteW))
	ask := func(iova, ctl uint64) uint64 {
		r.Write("tr_req_iova", iova)
		r.Write("tr_req_ctl", 3<<40|ctl|trGo)
		r.Want("tr_req_ctl", 3<<40|ctl)
		return r.Read("tr_response")
	}
	if got, want := ask(0x20_1000, 0), uint64(0x804ff<<10|1<<9|1<<7); got != want {
		t.Errorf("superpage: %#x, want %#x", got, want)
	}
	if got, want := ask(0x1000, trNW), uint64(0x80400<<10); got != want {
		t.Errorf("page: %#x, want %#x", got, want)
	}
	if got := ask(0x1000, 0); got != 1 || r.fault()[0]&0xfff != uint64(CauseWritePageFault) {
		t.Errorf("forbidden write: %#x", got)
	}
	if got := ask(0x1000, trNW|trExe); got != 1 || r.fault()[0]&0xfff != uint64(CauseInstructionPageFault) {
		t.Errorf("forbidden fetch: %#x", got)
	}
}

func TestCycleCounter(t *testing.T) {
	r := newRig(t, Config{})
	r.env.Clock.Advance(1000)
	r.Want("iohpmcycles", 1000)
	r.Write("iocountinh", 1)
	r.env.Clock.Advance(1000)
	r.Want("iohpmcycles", 1000)
	r.Write("iohpmcycles", 1<<63-5)
	r.Write("iocountinh", 0)
	r.env.Clock.Advance(4)
	r.Want("iocountovf", 0)
	r.env.Clock.Advance(3)
	r.Want("iohpmcycles", hpmOF|2)
	r.Want("iocountovf", 1)
	r.Want("ipsr", 1<<ipCounter)
	if !r.env.Line("wire2").Level {
		t.Error("no interrupt")
	}
	r.env.Clock.Advance(time.Second)
	r.Want("iohpmcycles", hpmOF|2+1e9)
}

// OF that is still set keeps the next overflow from interrupting.
func TestCycleCounterInterruptsOnce(t *testing.T) {
	r := newRig(t, Config{})
	r.Write("iohpmcycles", hpmOF|(1<<63-5))
	r.env.Clock.Advance(7)
	r.Want("iohpmcycles", hpmOF|2)
	r.Want("ipsr", 0)
}

func TestReset(t *testing.T) {
	r := newRig(t, Config{})
	r.WriteAt("iohpmevt", 0, uint64(eventUntranslated))
	r.Write("iohpmcycles", 1<<63-5)
	r.wantFault(read(3, 0), CauseDDTInvalid, 0)
	r.u.Reset()
	if r.env.Line("wire1").Level {
		t.Error("a wire stays high")
	}
	if _, f := r.u.Translate(read(3, 0)); f == nil || f.Cause != CauseAllDisallowed || f.Queued {
		t.Errorf("after reset: %v", f)
	}
	r.WantAt("iohpmctr", 0, 0)
	r.env.Clock.Advance(10)
	r.Want("iohpmcycles", 10)
	r.Want("ipsr", 0)
}

func TestEventCounters(t *testing.T) {
	r := newRig(t, Config{})
	root := r.table(modeSv39, 1)
	r.enter(root, 0x1000, 0, leafPTE(memBase, userRW))
	r.device(3, tcV, 0, 7<<12, root)
	r.device(4, tcV, 0, 7<<12, root)
	set := func(n int, evt uint64) { r.WriteAt("iohpmevt", n, evt) }
	set(0, uint64(eventUntranslated))
	set(1, uint64(eventTLBMiss)|evtIDT|evtPV|7<<16)
	set(2, uint64(eventTLBMiss)|evtIDT|evtPV|8<<16)
	set(3, uint64(eventDeviceWalk)|evtDV|4<<36)
	set(4, uint64(eventDeviceWalk)|evtDV|evtDMASK|3<<36) // devices 0 to 7
	set(5, uint64(eventDeviceWalk)|evtIDT|evtPV|7<<16)   // cannot be filtered so
	set(6, uint64(eventFirstStageWalk))
	set(30, 9) // no such event
	r.WantAt("iohpmevt", 30, 0)
	r.WriteAt("iohpmctr", 0, ^uint64(0))
	for range 2 {
		r.wantOK(read(3, 0x1000), memBase)
		r.wantOK(read(4, 0x1000), memBase)
	}
	for n, want := range []uint64{3, 1, 0, 1, 2, 0, 1} {
		r.WantAt("iohpmctr", n, want)
	}
	r.Want("iocountovf", 2)
	r.Want("ipsr", 1<<ipCounter)
	r.Write("iocountinh", 2)
	r.wantOK(read(3, 0x1000), memBase)
	r.WantAt("iohpmctr", 0, 3)
}

// Every cause that is raised has a name, and a fault says what there is to know.
func TestFaultText(t *testing.T) {
	for cause := range CausePDTMisconfigured + 1 {
		raised := cause == 1 || cause == 5 || cause == 7 || cause >= 12 && cause <= 15 && cause != 14 ||
			cause >= 20 && cause <= 23 && cause != 22 || cause >= 256 && cause != 264
		if named := !strings.HasPrefix(cause.String(), "cause "); named != raised {
			t.Errorf("cause %d is called %q", uint16(cause), cause)
		}
	}
	f := Fault{Cause: CauseWritePageFault, Request: write(3, 0x1230).process(5, false)}
	if got, want := f.Error(), "IOMMU: device 0x3 process 0x5: write/AMO page fault at 0x1230"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDeviceTree(t *testing.T) {
	env := mmiotest.NewEnv()
	n := mmiotest.Describe(newDevice(env, Config{NonCoherent: true}))
	if _, ok := n.Props["dma-noncoherent"]; !ok {
		t.Errorf("%v", n.Props)
	}
}

// A damaged state is refused, and changes nothing.
func TestDamagedState(t *testing.T) {
	r := newRig(t, Config{})
	root, dir := r.table(modeSv39, 1), r.alloc(1)
	r.enter(root, 0x1000, 0, leafPTE(memBase, userRW))
	r.put(dir, pcV, root)
	r.device(3, tcV|tcPDTV, 0, 0, 1<<60|dir>>12)
	r.wantOK(read(3, 0x1000).process(0, false), memBase)
	good, err := r.u.SaveState()
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(*state){
		"cache too small":    func(s *state) { s.Translations.Slots = s.Translations.Slots[1:] },
		"next out of range":  func(s *state) { s.Devices.Next = deviceCacheSize },
		"last out of range":  func(s *state) { s.Processes.Last = -1 },
		"page of odd size":   func(s *state) { s.Translations.Slots[0].Entry.Size = 5000 },
		"impossible device":  func(s *state) { s.Devices.Slots[0].Entry.FSC = 9 << 60 },
		"impossible process": func(s *state) { s.Processes.Slots[0].Entry.FSC = 1 << 60 },
		"negative time":      func(s *state) { s.CyclesAt = -1 },
		"too few registers":  func(s *state) { s.Regs.Values = s.Regs.Values[1:] },
	} {
		s, err := mmio.DecodeState[state]("iommu", good)
		if err != nil {
			t.Fatal(err)
		}
		damage(&s)
		bad, err := mmio.EncodeState(s)
		if err != nil {
			t.Fatal(err)
		}
		if r.u.LoadState(bad) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	after, err := r.u.SaveState()
	if err != nil || !bytes.Equal(good, after) {
		t.Errorf("a refused state left a trace (%v)", err)
	}
}
