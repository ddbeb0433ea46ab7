// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"vdev/mmio"
)

// reference translates like the specification reads: without caches, structure or
// concern for speed. It shares no code and no constants with the model.
type reference struct {
	mem  []byte
	ddtp uint64
	msi  bool

	req             Request
	dc              [8]uint64
	exec, rd, wr    bool
	super, sum      bool
	hasSecond, sade bool
	gade            bool
}

// verdict is what comes out: an address and a memory type, or a cause.
type verdict struct {
	addr    uint64
	pbmt    uint64
	cause   int
	iotval2 uint64
}

func (v verdict) String() string {
	return fmt.Sprintf("address %#x type %d cause %d iotval2 %#x", v.addr, v.pbmt, v.cause, v.iotval2)
}

func stop(cause int, iotval2 uint64) { panic(verdict{cause: cause, iotval2: iotval2}) }

// byKind picks a cause by the kind of access.
func (x *reference) byKind(exec, read, write int) int {
	if x.exec {
		return exec
	}
	if x.rd {
		return read
	}
	return write
}

func (x *reference) load(addr uint64, cause int) uint64 {
	if addr < memBase || addr-memBase > uint64(len(x.mem))-8 {
		stop(cause, 0)
	}
	return binary.LittleEndian.Uint64(x.mem[addr-memBase:])
}

func bitsOf(v uint64, hi, lo int) uint64 { return v << (63 - hi) >> (63 - hi + lo) }

func (x *reference) translate(req Request) (v verdict) {
	defer func() {
		if e := recover(); e != nil {
			v = e.(verdict)
		}
	}()
	x.req = req
	x.exec, x.rd, x.wr = req.Type == 1, req.Type == 2, req.Type == 3
	x.super = req.HasProcess && req.Privileged
	x.sum = false
	iova := uint64(req.Addr)
	switch x.ddtp & 15 {
	case 0:
		stop(256, 0)
	case 1:
		return verdict{addr: iova}
	}
	x.findDC()
	tc, iohgatp, ta, fsc := x.dc[0], x.dc[1], x.dc[2], x.dc[3]
	_ = ta
	x.hasSecond, x.sade, x.gade = iohgatp>>60 != 0, tc>>8&1 == 1, tc>>7&1 == 1
	pdtv, dpe := tc>>5&1 == 1, tc>>9&1 == 1
	if req.HasProcess && !pdtv {
		stop(260, 0)
	}
	if pdtv && req.HasProcess {
		limit := map[uint64]uint32{0: 1 << 20, 1: 1 << 8, 2: 1 << 17, 3: 1 << 20}[fsc>>60]
		if req.ProcessID >= limit {
			stop(260, 0)
		}
	}
	iosatp := fsc
	if pdtv {
		iosatp = 0
		if (req.HasProcess || dpe) && fsc>>60 != 0 {
			iosatp = x.findPC(fsc)
		}
	}
	gpa, pbmt1 := iova, uint64(0)
	if iosatp>>60 != 0 {
		gpa, pbmt1 = x.first(iosatp, iova)
	}
	spa, pbmt2 := gpa, uint64(0)
	if x.hasSecond {
		if x.isMSI(gpa) {
			spa = x.msiPTE(gpa)
		} else {
			spa, pbmt2 = x.second(gpa, x.rd, x.wr, x.exec, x.wr, 0)
		}
	}
	if pbmt1 == 0 {
		pbmt1 = pbmt2
	}
	return verdict{addr: spa, pbmt: pbmt1}
}

func (x *reference) findDC() {
	id, low := uint64(x.req.DeviceID), 6
	size := uint64(32)
	if x.msi {
		size, low = 64, 5
	}
	ddi := []uint64{bitsOf(id, low, 0), bitsOf(id, low+9, low+1), bitsOf(id, 23, low+10)}
	depth := int(x.ddtp&15) - 1
	for i := depth; i < 3; i++ {
		if ddi[i] != 0 {
			stop(260, 0)
		}
	}
	a := bitsOf(x.ddtp, 53, 10) * 4096
	for i := depth - 1; i > 0; i-- {
		e := x.load(a+ddi[i]*8, 257)
		if e&1 == 0 {
			stop(258, 0)
		}
		if bitsOf(e, 9, 1) != 0 || bitsOf(e, 63, 54) != 0 {
			stop(259, 0)
		}
		a = bitsOf(e, 53, 10) * 4096
	}
	x.dc = [8]uint64{}
	for i := range size / 8 {
		x.dc[i] = x.load(a+ddi[0]*size+8*i, 257)
	}
	tc, iohgatp, ta, fsc, msiptp := x.dc[0], x.dc[1], x.dc[2], x.dc[3], x.dc[4]
	if tc&1 == 0 {
		stop(258, 0)
	}
	bit := func(n int) bool { return tc>>n&1 == 1 }
	paged := func(v uint64) bool { m := v >> 60; return m == 0 || m == 8 || m == 9 || m == 10 }
	bad := bitsOf(tc, 23, 12) != 0 || bitsOf(tc, 63, 32) != 0 ||
		bit(1) || bit(2) || bit(3) || bit(6) || bit(10) || bit(11) ||
		bit(5) && fsc>>60 > 3 || !bit(5) && (!paged(fsc) || bit(9)) ||
		!paged(iohgatp) || iohgatp>>60 != 0 && iohgatp%4 != 0 ||
		bitsOf(ta, 11, 0) != 0 || bitsOf(ta, 63, 32) != 0 || bitsOf(fsc, 59, 44) != 0 ||
		msiptp>>60 > 1 || msiptp>>60 == 1 && iohgatp>>60 == 0 || bitsOf(msiptp, 59, 44) != 0 ||
		x.dc[5]>>47 != 0 || x.dc[6]>>47 != 0 || x.dc[7] != 0
	if bad {
		stop(259, 0)
	}
}

// implicit is the address of a first-stage structure as a physical one.
func (x *reference) implicit(gpa uint64) uint64 {
	if !x.hasSecond {
		return gpa
	}
	spa, _ := x.second(gpa, true, false, false, false, 1)
	return spa
}

func (x *reference) findPC(pdtp uint64) uint64 {
	// An access fault on the way is one of the directory.
	defer func() {
		if e := recover(); e != nil {
			v := e.(verdict)
			if v.cause < 10 {
				v.cause = 265
			}
			panic(v)
		}
	}()
	id := uint64(0)
	if x.req.HasProcess {
		id = uint64(x.req.ProcessID)
	}
	pdi := []uint64{bitsOf(id, 7, 0), bitsOf(id, 16, 8), bitsOf(id, 19, 17)}
	a := bitsOf(pdtp, 43, 0) * 4096
	for i := int(pdtp>>60) - 1; i > 0; i-- {
		e := x.load(x.implicit(a+pdi[i]*8), 265)
		if e&1 == 0 {
			stop(266, 0)
		}
		if bitsOf(e, 9, 1) != 0 || bitsOf(e, 63, 54) != 0 {
			stop(267, 0)
		}
		a = bitsOf(e, 53, 10) * 4096
	}
	a = x.implicit(a + pdi[0]*16)
	ta, fsc := x.load(a, 265), x.load(a+8, 265)
	if ta&1 == 0 {
		stop(266, 0)
	}
	m := fsc >> 60
	if bitsOf(ta, 11, 3) != 0 || bitsOf(ta, 63, 32) != 0 || bitsOf(fsc, 59, 44) != 0 || m != 0 && (m < 8 || m > 10) {
		stop(267, 0)
	}
	if x.super && ta>>1&1 == 0 {
		stop(260, 0)
	}
	x.sum = ta>>2&1 == 1
	return fsc
}

// decoded is a PTE taken apart.
type decoded struct {
	v, r, w, x, u, a, d, n bool
	reserved, pbmt, ppn    uint64
}

func decode(e uint64) decoded {
	b := func(n int) bool { return e>>n&1 == 1 }
	return decoded{v: b(0), r: b(1), w: b(2), x: b(3), u: b(4), a: b(6), d: b(7), n: b(63),
		reserved: bitsOf(e, 60, 54), pbmt: bitsOf(e, 62, 61), ppn: bitsOf(e, 53, 10)}
}

// table follows a table and returns its leaf, where that is, and how many bits of the
// address it leaves alone. fail stops with a page fault.
func (x *reference) table(root uint64, depth int, addr uint64, top int, where func(uint64) uint64, fail func()) (decoded, uint64, uint64, int) {
	a := root * 4096
	for i := depth - 1; i >= 0; i-- {
		hi := 12 + 9*i + 8
		if i == depth-1 {
			hi = top
		}
		at := a + bitsOf(addr, hi, 12+9*i)*8
		spa := where(at)
		p := decode(x.load(spa, x.byKind(1, 5, 7)))
		if !p.v || !p.r && p.w || p.pbmt == 3 || p.reserved != 0 || i > 0 && p.n {
			fail()
		}
		if !p.r && !p.x {
			if p.pbmt != 0 || p.d || p.a || p.u || i == 0 {
				fail()
			}
			a = p.ppn * 4096
			continue
		}
		width := 12 + 9*i
		if p.ppn%(1<<(9*i)) != 0 {
			fail()
		}
		if p.n {
			if p.ppn%16 != 8 {
				fail()
			}
			width = 16
		}
		return p, at, spa, width
	}
	panic("unreachable")
}

// finish checks permissions and sets A and D.
func (x *reference) finish(p decoded, spa uint64, rd, wr, exec, dirty, user, update bool, fail func(), writable func()) {
	if rd && !p.r || wr && !p.w || exec && !p.x || !user {
		fail()
	}
	if p.a && (p.d || !dirty) {
		return
	}
	if !update {
		fail()
	}
	writable()
	x.mem[spa-memBase] |= 1 << 6
	if dirty {
		x.mem[spa-memBase] |= 1 << 7
	}
}

func (x *reference) first(iosatp, va uint64) (uint64, uint64) {
	fail := func() { stop(x.byKind(12, 13, 15), 0) }
	depth := int(iosatp>>60) - 5
	top := 12 + 9*depth - 1
	if sign := bitsOf(va, 63, top); sign != 0 && sign != bitsOf(^uint64(0), 63, top) {
		fail()
	}
	p, at, spa, width := x.table(bitsOf(iosatp, 43, 0), depth, va, top, x.implicit, fail)
	user := p.u
	if x.super {
		user = !p.u || x.sum && !x.exec
	}
	x.finish(p, spa, x.rd, x.wr, x.exec, x.wr, user, x.sade, fail, func() {
		if x.hasSecond {
			x.second(at, false, true, false, true, 3)
		}
	})
	return p.ppn*4096>>width<<width | bitsOf(va, width-1, 0), p.pbmt
}

func (x *reference) second(gpa uint64, rd, wr, exec, dirty bool, flags uint64) (uint64, uint64) {
	fail := func() { stop(x.byKind(20, 21, 23), gpa>>2<<2|flags) }
	iohgatp := x.dc[1]
	depth := int(iohgatp>>60) - 5
	top := 12 + 9*depth + 1
	if gpa>>(top+1) != 0 {
		fail()
	}
	p, _, spa, width := x.table(bitsOf(iohgatp, 43, 0), depth, gpa, top, func(a uint64) uint64 { return a }, fail)
	x.finish(p, spa, rd, wr, exec, dirty, p.u, x.gade, fail, func() {})
	return p.ppn*4096>>width<<width | bitsOf(gpa, width-1, 0), p.pbmt
}

func (x *reference) isMSI(gpa uint64) bool {
	return x.dc[4]>>60 == 1 && gpa>>12&^x.dc[5] == x.dc[6]&^x.dc[5]
}

func (x *reference) msiPTE(gpa uint64) uint64 {
	var index, n uint64
	for i := range 52 {
		if x.dc[5]>>i&1 == 1 {
			index |= gpa >> (12 + i) & 1 << n
			n++
		}
	}
	at := bitsOf(x.dc[4], 43, 0)*4096 | index*16
	a, _ := x.load(at, 261), x.load(at+8, 261)
	if a&1 == 0 {
		stop(262, 0)
	}
	if bitsOf(a, 2, 1) != 3 || bitsOf(a, 9, 3) != 0 || bitsOf(a, 63, 54) != 0 {
		stop(263, 0)
	}
	if x.exec {
		stop(1, 0)
	}
	return bitsOf(a, 53, 10)*4096 | gpa&0xfff
}

// jungle fills a rig's memory with structures that point at each other at random, so
// that there are loops, tables that are also directories, and all sorts of errors, but
// mostly things that work.
type jungle struct {
	*rand.Rand
	r *rig
}

func (j jungle) one(in int) bool { return j.IntN(in) == 0 }

// page is the number of a page among the tables: most of them in memory.
func (j jungle) page() uint64 {
	switch {
	case j.one(60):
		return outside >> 12
	case j.one(200):
		return j.Uint64() >> 20
	}
	return memBase>>12 + 64 + 4*j.Uint64N(16)
}

func (j jungle) pte() uint64 {
	v := leafPTE(j.page()<<12, pteV)
	if j.one(3) {
		v |= pteR | pteU | pteA | j.Uint64()&(pteW|pteX|pteD|pteG)
		if j.one(2) {
			v |= pteW | pteD
		}
		switch {
		case j.one(4):
			v = v&0x3ff | memBase>>2 // aligned for 1 GiB
		case j.one(4):
			v = v&^(15<<10) | 8<<10 | pteN
		}
		if j.one(8) {
			v |= j.Uint64N(3) << 61
		}
		if j.one(6) {
			v &^= 1 << j.Uint64N(8)
		}
	}
	switch {
	case j.one(60):
		v ^= 1 << j.Uint64N(64)
	case j.one(60):
		v ^= 1 << j.Uint64N(14) // in the bits that mean most
	}
	return v
}

func (j jungle) mode(highest uint64) uint64 {
	if j.one(3) {
		return 0
	}
	if j.one(100) {
		return j.Uint64N(16)
	}
	return highest - j.Uint64N(3)
}

func (j jungle) device() []uint64 {
	tc := uint64(tcV) | j.Uint64()&(tcSADE|tcGADE)
	iohgatp := j.mode(modeSv57)<<60 | j.Uint64N(3)<<44 | j.page()
	fsc := j.mode(modeSv57)<<60 | j.page()&(1<<44-1)
	if j.one(2) {
		tc |= tcPDTV | j.Uint64()&tcDPE
		fsc = j.mode(pdtpPD20)<<60 | (memBase>>12 + 160 + j.Uint64N(8))
	}
	words := []uint64{tc, iohgatp, j.Uint64N(4) << 12, fsc, 0, 0, 0, 0}
	if j.r.u.msi && iohgatp>>60 != 0 && j.one(2) {
		words[4], words[5], words[6] = 1<<60|(memBase>>12+176), 7, memBase>>12+64
		if j.one(6) {
			words[4] = 1<<60 | outside>>12
		}
	}
	if j.one(20) {
		words[j.IntN(4)] ^= 1 << j.Uint64N(64)
	}
	if j.one(20) {
		words[0] &^= tcV
	}
	return words
}

func (j jungle) grow() {
	r := j.r
	for at := memBase + 64<<12; at < memBase+160<<12; at += 8 {
		r.put(at, j.pte())
	}
	// Process directories: leaves and what points at them.
	for at := memBase + 160<<12; at < memBase+176<<12; at += 16 {
		switch {
		case j.one(3):
			r.put(at, leafPTE(memBase+(160+j.Uint64N(16))<<12, pteV), leafPTE(memBase+(160+j.Uint64N(16))<<12, pteV))
		case j.one(10):
			r.put(at, j.pte(), j.pte())
		default:
			r.put(at, pcV|j.Uint64()&(pcENS|pcSUM)|j.Uint64N(4)<<12, j.mode(modeSv57)<<60|j.page()&(1<<44-1))
		}
	}
	for at := memBase + 176<<12; at < memBase+177<<12; at += 16 {
		r.put(at, leafPTE(j.page()<<12, msiV|msiBasic), j.Uint64())
		if j.one(3) {
			r.put(at, r.get(at)^1<<j.Uint64N(10))
		}
	}
	for id := range uint64(64) {
		words := j.device()
		if !r.u.msi {
			words = words[:4]
		}
		r.device(id, words...)
	}
}

func (j jungle) request() Request {
	addr := j.Uint64()
	switch {
	case j.one(2):
		addr &= 1<<38 - 1
	case j.one(2):
		addr = memBase + addr&(1<<20-1)
	case j.one(2):
		addr = memBase + 64<<12 + addr&(8<<12-1)
	}
	r := Request{DeviceID: j.Uint32N(64), Type: Transaction(1 + j.IntN(3)), Addr: mmio.IOVA(addr)}
	if j.one(2) {
		r = r.process(j.Uint32()>>(12+j.Uint32N(13)), j.one(2))
	}
	return r
}

// The model and the reference agree on every translation and every fault, and on what
// they write to the tables.
func TestAgainstReference(t *testing.T) {
	seen := map[int]int{}
	var mem []byte
	for seed := range uint64(24) {
		r := newRig(t, Config{MSI: seed%2 == 1})
		// Nothing is behind the tables, so that copies are small.
		r.env.Memory.Bytes = r.env.Memory.Bytes[:177<<12]
		j := jungle{rand.New(rand.NewPCG(seed, 4)), r}
		j.grow()
		for range 1000 {
			r.flush()
			req := j.request()
			x := &reference{mem: append(mem[:0], r.env.Memory.Bytes...), ddtp: r.Read("ddtp"), msi: r.u.msi}
			mem = x.mem
			want := x.translate(req)
			seen[want.cause]++
			got := verdict{}
			res, f := r.u.Translate(req)
			if f != nil {
				got.cause, got.iotval2 = int(f.Cause), f.IOTVal2
				r.fault()
			} else {
				got.addr, got.pbmt = uint64(res.Addr), uint64(res.PBMT)
			}
			if got != want {
				t.Fatalf("seed %d: %+v: model says %v, reference %v, context %#x", seed, req, got, want, x.dc)
			}
			tables := r.env.Memory.Bytes[64<<12:]
			if !bytes.Equal(tables, x.mem[64<<12:]) {
				t.Fatalf("seed %d: %+v: model and reference left different tables", seed, req)
			}
			if f != nil {
				continue
			}
			// All of the range that the answer covers translates alike, and from the cache
			// like from the tables.
			// But for NAPOT ranges, as the other entries of those are not what they should be.
			near, size := req, res.Size
			if size == 64<<10 {
				size = pageSize
			}
			near.Addr ^= mmio.IOVA(j.Uint64() & (size - 1))
			again, f := r.u.Translate(near)
			want = x.translate(near)
			if f != nil || want.cause != 0 || uint64(again.Addr) != want.addr {
				t.Fatalf("seed %d: %+v, near one that gave %+v: %+v, %v; reference %v", seed, near, res, again, f, want)
			}
		}
	}
	for _, cause := range []int{0, 1, 5, 7, 12, 13, 15, 20, 21, 23, 258, 259, 260, 261, 262, 263, 265, 266, 267} {
		if seen[cause] == 0 {
			t.Errorf("no request had cause %d: %v", cause, seen)
		}
	}
}
