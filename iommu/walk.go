// SPDX-License-Identifier: Apache-2.0

package iommu

// Bits of a PTE (RISC-V privileged architecture, sections "Sv39", "Svnapot",
// "Svpbmt").
const (
	pteV = 1 << 0
	pteR = 1 << 1
	pteW = 1 << 2
	pteX = 1 << 3
	pteU = 1 << 4
	pteG = 1 << 5
	pteA = 1 << 6
	pteD = 1 << 7
	pteN = 1 << 63

	pteReserved = 0x1fc0_0000_0000_0000 // bits 60:54
)

func pbmt(pte uint64) uint64 { return pte >> 61 & 3 }

// walk is the translation of one request, with what all its steps need.
type walk struct {
	u   *IOMMU
	req Request
	dc  deviceContext
	ids ids
	sum bool // supervisor may access user pages
}

// clone is a copy to walk tables with. The original need not be on the heap, which
// keeps requests that need no walk cheap.
func (w *walk) clone() *walk {
	c := *w
	return &c
}

func (w *walk) fault(c Cause) *Fault { return &Fault{Cause: c, Request: w.req} }

// tableFault is the fault if the memory of a page table fails.
func (w *walk) tableFault(err error) *Fault {
	return w.fault(failed(err, w.req.causes().access, CauseTableCorrupt))
}

// access is what the leaf of a table must allow.
type access struct{ read, write, execute bool }

// wants is the request's own access. A fetch needs permission to execute only. A
// translation request asks for what there is: nothing is checked.
func (w *walk) wants() access {
	switch r := &w.req; {
	case r.Type == TranslationRequest:
		return access{}
	case r.executes():
		return access{execute: true}
	case r.writes():
		return access{write: true}
	}
	return access{read: true}
}

// leaf is the end of a walk.
type leaf struct {
	pte    uint64 // as it is after the update of A and D
	addr   uint64 // what the address translated to
	size   uint64 // of the page, or of the NAPOT range
	global bool   // by any entry on the way
}

// stage describes one of the two stages' tables.
type stage struct {
	root   uint64 // page number
	levels int
	wider  uint // bits more in the topmost index: 2 in the second stage
	update bool // A and D, else their absence is a fault
	dirty  bool // the access makes the page dirty
	want   access
	// entry translates the address of an entry to a physical one.
	entry func(addr uint64, write bool) (uint64, *Fault)
	// user decides by the U bit.
	user func(u bool) bool
	// page is the fault for what the table forbids.
	page func() *Fault
}

// levels is the depth of a mode.
func levels(root uint64) int { return int(mode(root)) - modeSv39 + 3 }

// follow walks one table (RISC-V privileged architecture, "Virtual address translation
// process"). Whatever the table holds, it ends after as many steps as there are levels.
func (w *walk) follow(s *stage, addr uint64) (leaf, *Fault) {
	at := s.root << 12
	global := false
	for i := s.levels - 1; i >= 0; i-- {
		bits := uint(9)
		if i == s.levels-1 {
			bits += s.wider
		}
		at += addr >> (12 + 9*i) & (1<<bits - 1) * 8
		spa, f := s.entry(at, false)
		if f != nil {
			return leaf{}, f
		}
		pte, err := w.u.load1(spa)
		if err != nil {
			return leaf{}, w.tableFault(err)
		}
		if pte&pteV == 0 || pte&(pteR|pteW) == pteW || pte&pteReserved != 0 || pbmt(pte) > w.u.pbmts {
			return leaf{}, s.page()
		}
		global = global || pte&pteG != 0
		if pte&(pteR|pteX) != 0 {
			return w.leaf(s, leaf{pte: pte, global: global}, i, addr, at, spa)
		}
		if pte&(pteU|pteA|pteD|pteN) != 0 || pbmt(pte) != 0 {
			return leaf{}, s.page()
		}
		at = ppn(pte) << 12
	}
	return leaf{}, s.page()
}

// leaf checks a leaf found at the given level, whose entry is at at, or physically at
// spa, and applies it.
func (w *walk) leaf(s *stage, l leaf, level int, addr, at, spa uint64) (leaf, *Fault) {
	pte, number := l.pte, ppn(l.pte)
	l.size = pageSize << (9 * level)
	aligned := number<<12&(l.size-1) == 0
	if pte&pteN != 0 {
		// 64 KiB is the only size of a NAPOT range.
		aligned = level == 0 && number&15 == 8
		l.size = 16 * pageSize
	}
	denied := s.want.read && pte&pteR == 0 || s.want.write && pte&pteW == 0 || s.want.execute && pte&pteX == 0
	if !aligned || denied || !s.user(pte&pteU != 0) {
		return leaf{}, s.page()
	}
	missing := uint64(pteA)
	if s.dirty && pte&pteW != 0 {
		missing |= pteD
	}
	if missing &^= pte; missing != 0 {
		if !s.update {
			return leaf{}, s.page()
		}
		// The update is a write to the table, which the second stage must allow.
		to, f := s.entry(at, true)
		if f != nil {
			return leaf{}, f
		}
		// Nobody else writes in between, so that comparing anew can only fail for tables in
		// what is not memory.
		now, err := w.u.load1(spa)
		if err != nil {
			return leaf{}, w.tableFault(err)
		}
		if to != spa || (now^pte)&^(pteA|pteD) != 0 {
			return leaf{}, s.page()
		}
		l.pte = now | missing
		if err := w.u.store(spa, l.pte); err != nil {
			return leaf{}, w.tableFault(err)
		}
	}
	l.addr = number<<12&^(l.size-1) | addr&(l.size-1)
	return l, nil
}

// firstStage translates an IOVA to a guest physical address, or a physical one if
// there is no second stage.
func (w *walk) firstStage(root uint64, iova uint64) (leaf, *Fault) {
	page := func() *Fault { return w.fault(w.req.causes().page) }
	n := levels(root)
	// The bits above the highest index repeat its highest bit.
	if high := int64(iova) >> (12 + 9*n - 1); high != 0 && high != -1 {
		return leaf{}, page()
	}
	w.u.count(eventFirstStageWalk, &w.ids)
	return w.follow(&stage{
		root: rootPPN(root), levels: n, update: w.dc.TC&tcSADE != 0, dirty: w.req.writes(), want: w.wants(),
		entry: w.implicit, page: page, user: w.mayUse,
	}, iova)
}

// mayUse decides whether the request's privilege may use a page by its U bit. Unlike a
// hart, a supervisor never fetches from a user page, whatever SUM is (section
// 2.2.3.1).
func (w *walk) mayUse(user bool) bool {
	if !w.req.supervisor() {
		return user
	}
	return !user || w.sum && !w.req.executes()
}

// secondStage translates a guest physical address for the request itself.
func (w *walk) secondStage(gpa uint64) (leaf, *Fault) {
	return w.guest(gpa, w.wants(), w.req.writes(), 0)
}

// implicit translates the address of a directory's or a first-stage table's entry.
func (w *walk) implicit(addr uint64, write bool) (uint64, *Fault) {
	if !w.dc.nested() {
		return addr, nil
	}
	flags := uint64(1)
	if write {
		flags |= 2
	}
	l, f := w.guest(addr, access{read: !write, write: write}, write, flags)
	return l.addr, f
}

// guest walks the second stage; flags are the low bits of iotval2 if that fails.
func (w *walk) guest(gpa uint64, want access, dirty bool, flags uint64) (leaf, *Fault) {
	page := func() *Fault {
		f := w.fault(w.req.causes().guest)
		f.IOTVal2 = gpa&^3 | flags
		return f
	}
	n := levels(w.dc.IOHGATP)
	if gpa>>(12+9*n+2) != 0 {
		return leaf{}, page()
	}
	w.u.count(eventSecondStageWalk, &w.ids)
	return w.follow(&stage{
		root: rootPPN(w.dc.IOHGATP), levels: n, wider: 2, update: w.dc.TC&tcGADE != 0, dirty: dirty, want: want,
		entry: func(addr uint64, _ bool) (uint64, *Fault) { return addr, nil },
		page:  page,
		// All accesses are those of a user here.
		user: func(user bool) bool { return user },
	}, gpa)
}
