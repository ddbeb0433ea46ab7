// SPDX-License-Identifier: Apache-2.0

package iommu

import "vdev/mmio"

// translation is a cached result: one leaf of either or both stages, in the smaller
// one's size. A stage that is bare allows everything.
type translation struct {
	// What it was made for.
	Nested, Paged bool // there is a second stage; there is a first stage
	GSCID, PSCID  uint32
	IOVA, Size    uint64
	// What it says. Guest is the guest physical address, Addr the physical one.
	Guest, Addr   uint64
	First, Second uint64 // leaf PTEs
	FirstSize     uint64 // of the first stage's leaf, which may be bigger than Size
	GuestSize     uint64 // of the second stage's
	Global        bool
	MSI           bool // Second is that of an MSI page table
}

// allPTE stands for the leaf of a stage that is bare.
const allPTE = pteV | pteR | pteW | pteX | pteU | pteA | pteD

func (t *translation) covers(iova uint64) bool { return (iova^t.IOVA)&^(t.Size-1) == 0 }

// result is the answer for one address.
func (t *translation) result(r *Request) Result {
	both := t.First & t.Second
	res := Result{Size: t.Size, PBMT: uint8(pbmt(t.First)), MSI: t.MSI}
	res.Addr = mmio.PhysAddr(t.Addr&^(t.Size-1) | uint64(r.Addr)&(t.Size-1))
	if res.PBMT == 0 {
		res.PBMT = uint8(pbmt(t.Second))
	}
	if r.Type == TranslationRequest {
		res.Read = both&pteR != 0
		res.Write = both&(pteW|pteD) == pteW|pteD
		res.Execute = res.Read && both&pteX != 0 && r.Execute
		res.Global = t.Global && r.HasProcess && !t.MSI
	}
	return res
}

// Translate finds out where a request goes (section 2.3). If it is refused, the fault
// has been reported already. A TranslationRequest that finds no permission is not
// refused, but granted nothing.
func (u *IOMMU) Translate(r Request) (Result, *Fault) {
	r.DeviceID &= 1<<24 - 1
	res, f, dtf := u.translate(&r)
	if f == nil {
		return res, nil
	}
	u.report(f, dtf)
	if r.Type == TranslationRequest && !answersWithError(f.Cause) {
		return Result{Addr: mmio.PhysAddr(r.Addr), Size: pageSize}, nil
	}
	return Result{}, f
}

// translate is Translate without the report; dtf is the device context's DTF, once
// that is known.
func (u *IOMMU) translate(r *Request) (res Result, f *Fault, dtf bool) {
	w := walk{u: u, req: *r, ids: ids{device: r.DeviceID, process: r.ProcessID, hasProcess: r.HasProcess}}
	identity := Result{Addr: mmio.PhysAddr(r.Addr), Size: pageSize}
	ats := r.translated() || r.Type == TranslationRequest
	switch {
	case r.Type == TranslationRequest:
		u.count(eventTranslationRequest, &w.ids)
	case r.translated():
		u.count(eventTranslated, &w.ids)
	default:
		u.count(eventUntranslated, &w.ids)
	}
	switch ddtp := u.Get(regDdtp) & 15; {
	case ddtp == ddtpOff:
		return res, w.fault(CauseAllDisallowed), false
	case ddtp == ddtpBare && !ats && r.known():
		return identity, nil, false
	case ddtp == ddtpBare || !u.reaches(r.DeviceID):
		return res, w.fault(CauseTypeDisallowed), false
	}
	d, cause := u.findDevice(r.DeviceID, &w.ids)
	if cause != 0 {
		return res, w.fault(cause), false
	}
	w.dc, dtf = *d, d.TC&tcDTF != 0
	root, pscid, f := w.space(ats)
	if f != nil {
		return res, f, dtf
	}
	if r.translated() {
		return identity, nil, dtf // without T2GPA it has been translated before
	}
	if mode(root) == modeBare && !w.dc.nested() {
		identity.Size = bareSize
		identity.Read, identity.Write, identity.Execute = true, true, r.Execute
		return identity, nil, dtf
	}
	t, f := w.lookup(root, pscid)
	if f != nil {
		return res, f, dtf
	}
	return t.result(r), nil, dtf
}

// known tells whether the type is that of a memory access or of a translation request.
func (r *Request) known() bool {
	return r.Type >= UntranslatedExecute && r.Type <= UntranslatedWrite || r.translated() || r.Type == TranslationRequest
}

// space finds the first stage that the request goes through, and its PSCID (section
// 2.3 steps 7 to 16).
func (w *walk) space(ats bool) (root uint64, pscid uint32, f *Fault) {
	r, d := &w.req, &w.dc
	pdtv := d.TC&tcPDTV != 0
	switch {
	case ats && d.TC&tcATS == 0, !r.known(), r.HasProcess && !pdtv,
		// A bare directory takes processes of any width.
		r.HasProcess && r.ProcessID>>processBits(mode(d.FSC)) != 0:
		return 0, 0, w.fault(CauseTypeDisallowed)
	case !pdtv:
		return d.FSC, softID(d.TA), nil
	}
	process := r.ProcessID
	if !r.HasProcess {
		if d.TC&tcDPE == 0 {
			return 0, 0, nil
		}
		process = 0
	}
	if mode(d.FSC) == modeBare || r.translated() {
		return 0, 0, nil
	}
	p, f := w.findProcess(process)
	if f != nil {
		return 0, 0, f
	}
	if r.supervisor() && p.TA&pcENS == 0 {
		return 0, 0, w.fault(CauseTypeDisallowed)
	}
	w.sum = p.TA&pcSUM != 0
	return p.FSC, softID(p.TA), nil
}

// lookup takes the translation from the cache, or walks the tables and caches what it
// finds. The cached one decides even if the tables have changed since; only bits A and
// D, which the IOMMU itself would set, are looked for again.
func (w *walk) lookup(root uint64, pscid uint32) (*translation, *Fault) {
	u, iova := w.u, uint64(w.req.Addr)
	key := translation{Nested: w.dc.nested(), Paged: mode(root) != modeBare}
	if key.Nested {
		key.GSCID, w.ids.gscid, w.ids.hasG = w.dc.gscid(), w.dc.gscid(), true
	}
	if key.Paged {
		key.PSCID, w.ids.pscid, w.ids.hasP = pscid, pscid, true
	}
	t := u.translations.find(func(t *translation) bool {
		return t.Nested == key.Nested && t.Paged == key.Paged && t.GSCID == key.GSCID &&
			(t.PSCID == key.PSCID || t.Global) && t.covers(iova)
	})
	if t != nil {
		if !w.req.writes() || t.undirtied() == 0 {
			return t, w.permit(t)
		}
		// The page becomes dirty: walk again, and remember it.
		u.translations.drop(func(x *translation) bool { return x == t })
	}
	u.count(eventTLBMiss, &w.ids)
	return w.clone().tables(key, root)
}

// tables walks the tables and caches the outcome; key has what it is made for.
func (w *walk) tables(key translation, root uint64) (*translation, *Fault) {
	iova := uint64(w.req.Addr)
	first := leaf{pte: allPTE, addr: iova, size: bareSize}
	var f *Fault
	if key.Paged {
		if first, f = w.firstStage(root, iova); f != nil {
			return nil, f
		}
	}
	second := leaf{pte: allPTE, addr: first.addr, size: bareSize}
	if key.Nested {
		second, key.MSI, f = w.interruptFile(first.addr)
		if f == nil && !key.MSI {
			second, f = w.secondStage(first.addr)
		}
		if f != nil {
			return nil, f
		}
	}
	key.Guest, key.Addr = first.addr, second.addr
	key.First, key.Second, key.Global = first.pte, second.pte, first.global
	key.FirstSize, key.GuestSize = first.size, second.size
	key.Size = min(first.size, second.size)
	if !key.MSI && key.Nested && w.overlapsInterruptFiles(first.addr, key.Size) {
		key.Size = pageSize
	}
	key.IOVA = iova &^ (key.Size - 1)
	w.u.translations.add(key)
	return &key, nil
}

// undirtied has the bits that a write still has to set in either leaf.
func (t *translation) undirtied() uint64 {
	return (t.First&pteW<<5&^t.First | t.Second&pteW<<5&^t.Second) & pteD
}

// permit checks a request against a cached translation.
func (w *walk) permit(t *translation) *Fault {
	want, c := w.wants(), w.req.causes()
	denied := func(pte uint64) bool {
		return want.read && pte&pteR == 0 || want.write && pte&pteW == 0 || want.execute && pte&pteX == 0
	}
	if t.Paged && (denied(t.First) || !w.mayUse(t.First&pteU != 0)) {
		return w.fault(c.page)
	}
	if denied(t.Second) {
		if t.MSI {
			return w.fault(c.access)
		}
		f := w.fault(c.guest)
		f.IOTVal2 = (t.Guest&^(t.Size-1) | uint64(w.req.Addr)&(t.Size-1)) &^ 3
		return f
	}
	return nil
}
