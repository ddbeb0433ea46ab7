// SPDX-License-Identifier: Apache-2.0

package iommu

import "testing"

// Translations that differ in all that commands select by.
const (
	pagedHost   = iota // device 3: first stage, PSCID 7, 0x1000
	globalHost         // device 3: the same, a global mapping, 0x2000
	otherHost          // device 4: PSCID 8, 0x1000
	bigHost            // device 3: 0x40_0000 in a superpage
	nestedGuest        // device 5: both stages, GSCID 1, PSCID 7, 0x1000
	globalGuest        // device 5: the same, a global mapping, 0x2000
	secondOnly         // device 6: second stage only, GSCID 1, 0x5000
	otherGuest         // device 8: second stage only, GSCID 2, 0x5000
	numStale
)

// Each command makes the IOMMU see the changes that it is for, and no others.
func TestStaleTranslations(t *testing.T) {
	none := [numStale]bool{}
	only := func(which ...int) (s [numStale]bool) {
		for _, i := range which {
			s[i] = true
		}
		return s
	}
	const av, pscv, gv = opAV, opPSCV, opGV
	psc := func(id uint64) uint64 { return pscv | id<<12 }
	gsc := func(id uint64) uint64 { return gv | id<<44 }
	addr := func(a uint64) uint64 { return a >> 12 << 10 }
	for _, c := range []struct {
		name  string
		a, b  uint64
		fresh [numStale]bool
	}{
		{"nothing but a fence", cmdFence, 0, none},
		{"VMA", cmdInvalVMA, 0, only(pagedHost, globalHost, otherHost, bigHost)},
		{"VMA PSCV", cmdInvalVMA | psc(7), 0, only(pagedHost, bigHost)},
		{"VMA AV", cmdInvalVMA | av, addr(0x1000), only(pagedHost, otherHost)},
		{"VMA AV, global", cmdInvalVMA | av, addr(0x2000), only(globalHost)},
		{"VMA AV PSCV, global", cmdInvalVMA | av | psc(7), addr(0x2000), none},
		{"VMA AV PSCV", cmdInvalVMA | av | psc(8), addr(0x1000), only(otherHost)},
		{"VMA AV elsewhere in a superpage", cmdInvalVMA | av, addr(0x5f_f000), only(bigHost)},
		{"VMA AV behind a superpage", cmdInvalVMA | av, addr(0x60_0000), none},
		{"VMA GV", cmdInvalVMA | gsc(1), 0, only(nestedGuest, globalGuest, secondOnly)},
		{"VMA GV of another", cmdInvalVMA | gsc(3), 0, none},
		{"VMA GV PSCV", cmdInvalVMA | gsc(1) | psc(7), 0, only(nestedGuest)},
		{"VMA GV AV", cmdInvalVMA | gsc(1) | av, addr(0x2000), only(globalGuest)},
		{"VMA GV AV of the second stage", cmdInvalVMA | gsc(1) | av, addr(0x5000), none},
		{"GVMA", cmdInvalGVMA, 0, only(nestedGuest, globalGuest, secondOnly, otherGuest)},
		{"GVMA GV", cmdInvalGVMA | gsc(2), 0, only(otherGuest)},
		{"GVMA GV AV", cmdInvalGVMA | gsc(1) | av, addr(0x5000), only(secondOnly, nestedGuest, globalGuest)},
		{"GVMA GV AV elsewhere", cmdInvalGVMA | gsc(1) | av, addr(0x9000), none},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, Config{})
			old, now := uint64(0x4000_0000), uint64(0x5000_0000)
			host, other, guest := r.table(modeSv39, 1), r.table(modeSv39, 1), r.table(modeSv39, 1)
			g := r.table(modeSv39, 4)
			r.enter(g, memBase, 2, leafPTE(memBase, userRW))
			r.device(3, tcV, 0, 7<<12, host)
			r.device(4, tcV, 0, 8<<12, other)
			r.device(5, tcV, g|1<<44, 7<<12, guest)
			r.device(6, tcV, g|1<<44, 0, 0)
			r.device(8, tcV, g|2<<44, 0, 0)
			fill := func(to uint64) {
				r.enter(host, 0x1000, 0, leafPTE(to, userRW))
				r.enter(host, 0x2000, 0, leafPTE(to, userRW|pteG))
				r.enter(host, 0x40_0000, 1, leafPTE(to, userRW))
				r.enter(other, 0x1000, 0, leafPTE(to, userRW))
				r.enter(guest, 0x1000, 0, leafPTE(0x5000, userRW))
				r.enter(guest, 0x2000, 0, leafPTE(0x5000, userRW|pteG))
				r.enter(g, 0x5000, 0, leafPTE(to, userRW))
			}
			reqs := [numStale]Request{pagedHost: read(3, 0x1000), globalHost: read(3, 0x2000), otherHost: read(4, 0x1000),
				bigHost: read(3, 0x40_0000), nestedGuest: read(5, 0x1000), globalGuest: read(5, 0x2000),
				secondOnly: read(6, 0x5000), otherGuest: read(8, 0x5000)}
			fill(old)
			for _, req := range reqs {
				r.wantOK(req, old)
			}
			fill(now)
			r.command(c.a, c.b)
			for i, req := range reqs {
				want := old
				if c.fresh[i] {
					want = now
				}
				r.wantOK(req, want)
			}
		})
	}
}

// A directory entry that changes is not seen before its invalidation.
func TestStaleDirectories(t *testing.T) {
	const stale, fresh = 0x4000_0000, 0x5000_0000
	for _, c := range []struct {
		name    string
		a       uint64
		devices [2]bool // 3 and 4 see their new context
		process [2]bool // 5 and 6 of device 7 do
	}{
		{"DDT of all", cmdInvalDDT, [2]bool{true, true}, [2]bool{true, true}},
		{"DDT of one", cmdInvalDDT | opDV | 4<<40, [2]bool{false, true}, [2]bool{}},
		{"DDT of the device with processes", cmdInvalDDT | opDV | 7<<40, [2]bool{}, [2]bool{true, true}},
		{"PDT", cmdInvalPDT | opDV | 7<<40 | 6<<12, [2]bool{}, [2]bool{false, true}},
		{"PDT of another device", cmdInvalPDT | opDV | 4<<40 | 6<<12, [2]bool{}, [2]bool{}},
		{"VMA", cmdInvalVMA, [2]bool{}, [2]bool{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, Config{})
			before, after, pdt := r.table(modeSv39, 1), r.table(modeSv39, 1), r.alloc(1)
			r.enter(before, 0x1000, 0, leafPTE(stale, userRW))
			r.enter(after, 0x1000, 0, leafPTE(fresh, userRW))
			fill := func(root, pscid uint64) {
				r.device(3, tcV, 0, pscid<<12, root)
				r.device(4, tcV, 0, pscid<<12, root)
				r.put(pdt+16*5, pcV|pscid<<12, root)
				r.put(pdt+16*6, pcV|pscid<<12, root)
			}
			r.device(7, tcV|tcPDTV, 0, 0, 1<<60|pdt>>12)
			reqs := []Request{read(3, 0x1000), read(4, 0x1000),
				read(7, 0x1000).process(5, false), read(7, 0x1000).process(6, false)}
			fill(before, 1)
			for _, req := range reqs {
				r.wantOK(req, stale)
			}
			fill(after, 2)
			r.command(c.a, 0)
			for i, seen := range append(c.devices[:], c.process[:]...) {
				want := uint64(stale)
				if seen {
					want = fresh
				}
				r.wantOK(reqs[i], want)
			}
		})
	}
}

// Invalidating one address drops all of a big page, even where the other stage cut it
// to pieces.
func TestInvalidationOfCutPages(t *testing.T) {
	const old, now = 0x4000_0000, 0x5000_0000
	r := newRig(t, Config{})
	big, small := r.table(modeSv39, 1), r.table(modeSv39, 1) // first stages
	g := r.table(modeSv39, 4)
	r.enter(g, memBase, 2, leafPTE(memBase, userRW))
	r.enter(g, 0x20_3000, 0, leafPTE(old, userRW))
	r.enter(g, 0x40_0000, 1, leafPTE(old, userRW))
	r.enter(big, 0x20_0000, 1, leafPTE(0x20_0000, userRW))
	r.enter(small, 0x3000, 0, leafPTE(0x40_3000, userRW))
	r.device(3, tcV, g|1<<44, 1<<12, big)
	r.device(4, tcV, g|1<<44, 2<<12, small)
	cutBySecond, cutByFirst := read(3, 0x20_3000), read(4, 0x3000)
	r.wantOK(cutBySecond, old)
	r.wantOK(cutByFirst, old+0x3000)
	r.enter(g, 0x20_3000, 0, leafPTE(now, userRW))
	r.enter(g, 0x40_0000, 1, leafPTE(now, userRW))
	r.command(cmdInvalVMA|opGV|1<<44|opAV|opPSCV|1<<12, 0x3f_f000>>12<<10)
	r.wantOK(cutBySecond, now)
	r.wantOK(cutByFirst, old+0x3000)
	r.command(cmdInvalGVMA|opGV|1<<44|opAV, 0x5f_f000>>12<<10)
	r.wantOK(cutByFirst, now+0x3000)
}

// A global mapping, made so at whatever level, serves all processes.
func TestGlobalMappings(t *testing.T) {
	r := newRig(t, Config{})
	root := r.table(modeSv39, 1)
	r.device(3, tcV, 0, 1<<12, root)
	r.device(4, tcV, 0, 2<<12, r.table(modeSv39, 1))
	r.enter(root, 0x1000, 0, leafPTE(memBase, userRW))
	r.enter(root, 0x4000_1000, 0, leafPTE(memBase, userRW))
	at := r.entry(root, 0x4000_1000, 2)
	r.put(at, r.get(at)|pteG)
	r.wantOK(read(3, 0x1000), memBase)
	r.wantOK(read(3, 0x4000_1000), memBase)
	r.wantFault(read(4, 0x1000), CauseReadPageFault, 0)
	r.wantOK(read(4, 0x4000_1000), memBase)
}

// What is not valid is never cached: making it valid needs no invalidation (section
// 2.8).
func TestInvalidIsNotCached(t *testing.T) {
	r := newRig(t, Config{})
	root := r.table(modeSv39, 1)
	r.wantFault(read(3, 0x1000), CauseDDTInvalid, 0)
	r.device(3, tcV, 0, 0, root)
	r.wantFault(read(3, 0x1000), CauseReadPageFault, 0)
	r.enter(root, 0x1000, 0, leafPTE(memBase, userRW))
	r.wantOK(read(3, 0x1000), memBase)
}

// A stale translation keeps its permissions too.
func TestStalePermissions(t *testing.T) {
	r := newRig(t, Config{})
	g, root := r.table(modeSv39, 4), r.table(modeSv39, 1)
	r.device(3, tcV, 0, 0, root)
	r.device(4, tcV, g, 0, 0)
	for _, table := range []uint64{root, g} {
		r.enter(table, 0x1000, 0, leafPTE(memBase, userRW))
		r.enter(table, 0x2000, 0, leafPTE(memBase, userRX|pteR))
	}
	for _, c := range []struct {
		device          uint32
		table           uint64
		onRead, onWrite Cause
		iotval2Of       func(addr uint64) uint64
	}{
		{3, root, CauseReadPageFault, CauseWritePageFault, func(uint64) uint64 { return 0 }},
		{4, g, CauseReadGuestPageFault, CauseWriteGuestPageFault, func(addr uint64) uint64 { return addr &^ 3 }},
	} {
		r.wantOK(write(c.device, 0x1000), memBase)
		r.wantOK(read(c.device, 0x2000), memBase)
		r.put(r.entry(c.table, 0x1000, 0), 0)
		r.put(r.entry(c.table, 0x2000, 0), leafPTE(memBase, userRW))
		r.wantOK(write(c.device, 0x1000), memBase)
		r.wantFault(write(c.device, 0x2007), c.onWrite, c.iotval2Of(0x2007))
		r.command(cmdInvalVMA, 0)
		r.command(cmdInvalGVMA, 0)
		r.wantOK(write(c.device, 0x2000), memBase)
		r.wantFault(read(c.device, 0x1000), c.onRead, c.iotval2Of(0x1000))
	}
}

// The caches are bounded; what was cached first goes first.
func TestReplacement(t *testing.T) {
	r := newRig(t, Config{})
	root := r.table(modeSv39, 1)
	r.device(3, tcV, 0, 0, root)
	for i := range uint64(translationCacheSize + 1) {
		r.enter(root, i<<12, 0, leafPTE(memBase, userRW))
	}
	for i := range uint64(translationCacheSize) {
		r.wantOK(read(3, i<<12), memBase)
	}
	r.wantOK(read(3, 0), memBase) // using it does not keep it
	for i := range uint64(translationCacheSize + 1) {
		r.put(r.entry(root, i<<12, 0), 0)
	}
	r.enter(root, translationCacheSize<<12, 0, leafPTE(memBase, userRW))
	for i := range uint64(translationCacheSize) {
		r.wantOK(read(3, i<<12), memBase)
	}
	r.wantOK(read(3, translationCacheSize<<12), memBase)
	r.wantFault(read(3, 0), CauseReadPageFault, 0)
	r.wantOK(read(3, 1<<12), memBase)
}

// Stale translations survive a snapshot, and not a reset.
func TestStaleAfterLoad(t *testing.T) {
	r := newRig(t, Config{})
	root := r.table(modeSv39, 1)
	r.device(3, tcV, 0, 0, root)
	at := r.enter(root, 0x1000, 0, leafPTE(memBase, userRW))
	r.wantOK(read(3, 0x1000), memBase)
	r.put(at, 0)
	data, err := r.u.SaveState()
	if err != nil {
		t.Fatal(err)
	}
	r.u.Reset()
	r.mode(ddtp1LVL, rigDDT)
	if _, f := r.u.Translate(read(3, 0x1000)); f == nil || f.Cause != CauseReadPageFault {
		t.Errorf("after a reset: %v", f)
	}
	if err := r.u.LoadState(data); err != nil {
		t.Fatal(err)
	}
	r.wantOK(read(3, 0x1000), memBase)
}
