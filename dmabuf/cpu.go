// SPDX-License-Identifier: Apache-2.0

package dmabuf

// MaxAtomicKmaps is how many pages a client can have mapped atomically at a time.
const MaxAtomicKmaps = 2

// cpuAccess is a range of a buffer that the CPU may use, between BeginCPU and EndCPU
// or between Prep and Fini. They are reused, and never seen outside.
type cpuAccess struct {
	buf    *Buffer
	cl     *Client
	rng    Range
	access Access
	prep   bool
	when   moment // it began

	ofBuffer link[cpuAccess]
	ofClient link[cpuAccess]
	free     *cpuAccess
}

// openAccesses are the accesses by CPU to a buffer that are open, with what need not be
// looked for among them then.
type openAccesses struct {
	list[cpuAccess]
	writers int // those that write
	// Those of the whole buffer that read, and that write.
	allRead, allWrite int
}

// count takes n of the access into account: 1 or -1.
func (o *openAccesses) count(a *cpuAccess, n int) {
	if a.access.writes() {
		o.writers += n
	}
	if !a.rng.contains(a.buf.whole()) {
		return
	}
	if a.access&Read != 0 {
		o.allRead += n
	}
	if a.access.writes() {
		o.allWrite += n
	}
}

// forAll tells whether one of them permits this access everywhere.
func (o *openAccesses) forAll(a Access) bool {
	return a&Read != 0 && o.allRead > 0 || a.writes() && o.allWrite > 0
}

// newest finds the client's newest open access to the buffer that f likes.
func (b *Buffer) newest(cl *Client, f func(*cpuAccess) bool) *cpuAccess {
	for k := shorter(&b.cpu.list, &cl.cpu).tail; k != nil; k = k.prev {
		if a := k.v; a.cl == cl && a.buf == b && f(a) {
			return a
		}
	}
	return nil
}

// BeginCPU prepares a range of the buffer for the kernel's accesses by CPU: it makes
// sure that there is memory, and that the CPU sees what devices wrote that have been
// unmapped since. It does not wait for devices. Ranges may overlap, and each has its
// own EndCPU.
//
// EBADF: the client is closed, or the buffer is gone. EINVAL: the range is empty or
// not in the buffer, or the access is none. ENOMEM: there is no memory for the
// buffer, or there are too many accesses. After an error nothing is held.
func (b *Buffer) BeginCPU(cl *Client, r Range, a Access) error {
	if err := b.checkCPU(cl, r, a); err != nil {
		return err
	}
	b.core.enter()
	defer b.core.leave()
	return b.begin(cl, r, a, false, cl.now())
}

func (b *Buffer) checkCPU(cl *Client, r Range, a Access) error {
	if !cl.alive() || !b.alive() {
		return EBADF
	}
	if !r.within(b.spec.Size) || !a.valid() {
		return EINVAL
	}
	return nil
}

func (b *Buffer) begin(cl *Client, r Range, access Access, prep bool, when moment) error {
	c := b.core
	if c.stats.CPUAccesses >= c.cfg.MaxObjects {
		return ENOMEM
	}
	if err := b.place(); err != nil {
		return err
	}
	b.useCached(r, nil)
	a := c.freeCPU
	if a == nil {
		a = &cpuAccess{}
	} else {
		c.freeCPU = a.free
	}
	*a = cpuAccess{buf: b, cl: cl, rng: r, access: access, prep: prep, when: when}
	b.cpu.pushBack(&a.ofBuffer, a)
	b.cpu.count(a, 1)
	cl.cpu.pushBack(&a.ofClient, a)
	b.refs++
	c.stats.CPUAccesses++
	if b.frame.matters(access) {
		b.frameBegins(a.side(), cl, access)
	}
	return nil
}

// EndCPU ends the access that cl began last with this range and access. Devices that
// are mapped from now on see what the CPU wrote. Pages of the range that are still
// mapped with Kmap are garbage from now on.
//
// EBADF: the client is closed, or the buffer is gone. EINVAL: no such access was
// begun.
func (b *Buffer) EndCPU(cl *Client, r Range, access Access) error {
	if !cl.alive() || !b.alive() {
		return EBADF
	}
	c := b.core
	c.enter()
	defer c.leave()
	a := b.newest(cl, func(a *cpuAccess) bool { return !a.prep && a.rng == r && a.access == access })
	if a != nil {
		a.finish()
		b.kmapsLeft(cl)
		return nil
	}
	if r.within(b.spec.Size) {
		c.violation(UnbalancedFini, b, r, cl.side("end of CPU access", access), Side{})
	}
	return EINVAL
}

// finish ends the access because its client says that it has done what it wanted.
func (a *cpuAccess) finish() {
	a.buf.frameEnds(a.cl, a.access)
	a.end()
}

// AbandonCPU ends what the task that calls has begun with cl, and not ended: it is gone.
func (b *Buffer) AbandonCPU(cl *Client) {
	task := cl.caller()
	if !cl.alive() || !b.alive() || task.ID == 0 {
		return
	}
	c := b.core
	c.enter()
	defer c.leave()
	b.cpu.each(func(a *cpuAccess) {
		if a.cl == cl && !a.prep && a.when.task.ID == task.ID {
			c.violation(OpenAtExit, b, a.rng, cl.side("end of the program", 0), a.side())
			a.end()
		}
	})
}

// end ends the access.
func (a *cpuAccess) end() {
	b, c := a.buf, a.buf.core
	if a.access.writes() {
		b.wroteCached(a.rng)
	}
	b.cpu.count(a, -1)
	a.ofBuffer.remove()
	a.ofClient.remove()
	c.stats.CPUAccesses--
	a.free, c.freeCPU = c.freeCPU, a
	b.unref(1)
}

func (a *cpuAccess) side() Side {
	op := "CPU access"
	if a.prep {
		op = "CPU_PREP"
	}
	return a.cl.sideAt(op, a.access, a.when)
}

// Kmap is a page that the kernel can use.
type Kmap struct {
	Addr  uint64 // physical
	Bogus bool   // it is the page Config.Poison, because the page was not prepared
}

// kmap counts a client's mappings of a page.
type kmap struct {
	kmapKey
	n        int
	ofBuffer link[kmap]
	ofClient link[kmap]
}

type kmapKey struct {
	buf    *Buffer
	cl     *Client
	page   uint64
	atomic bool
}

// Kmap maps a page of the buffer, any number of times, for as long as an access that
// contains any byte of it has begun and not ended. It never fails: for any other page
// the caller gets a page of garbage, and that is reported. Bytes of the page outside of
// the prepared range may be stale.
//
// When everybody together has Config.MaxObjects pages mapped, which is more than
// kernels have room for, the caller gets garbage as well, and nothing is mapped.
func (b *Buffer) Kmap(cl *Client, page uint64) Kmap {
	if !cl.alive() || !b.alive() {
		return b.bogus()
	}
	return b.kmap(b.kmapKey(cl, page, false))
}

// KmapAtomic is Kmap for code that must not sleep. It never waits.
//
// EBADF: the client is closed, or the buffer is gone. ENOSPC: the client has
// MaxAtomicKmaps of them already.
func (b *Buffer) KmapAtomic(cl *Client, page uint64) (Kmap, error) {
	if !cl.alive() || !b.alive() {
		return b.bogus(), EBADF
	}
	if cl.atomics >= MaxAtomicKmaps {
		b.core.violation(TooManyAtomic, b, b.pageRange(page), cl.side("kmap_atomic", 0), Side{})
		return b.bogus(), ENOSPC
	}
	cl.atomics++
	return b.kmap(b.kmapKey(cl, page, true)), nil
}

// bogus is the page of garbage. Without a buffer nobody knows where that is.
func (b *Buffer) bogus() Kmap {
	if b == nil {
		return Kmap{Bogus: true}
	}
	return Kmap{b.core.cfg.Poison, true}
}

// kmapKey names a mapping. Pages behind the buffer are all the same.
func (b *Buffer) kmapKey(cl *Client, page uint64, atomic bool) kmapKey {
	return kmapKey{b, cl, min(page, pages(b.spec.Size)), atomic}
}

// pageRange is the part of a page that is in the buffer.
func (b *Buffer) pageRange(page uint64) Range {
	if page >= pages(b.spec.Size) {
		return Range{b.spec.Size, 0}
	}
	off := page * PageSize
	return Range{off, min(PageSize, b.spec.Size-off)}
}

func (b *Buffer) kmap(k kmapKey) Kmap {
	m := b.pageFor(k)
	if !b.core.countKmap(k) {
		return b.bogus()
	}
	return m
}

// Kmapped is where a page that cl has mapped is now: where it was, or the page of garbage,
// which is reported, if the access that it was mapped for has ended. False: cl has not
// mapped it.
func (b *Buffer) Kmapped(cl *Client, page uint64) (Kmap, bool) {
	if !cl.alive() || !b.alive() {
		return b.bogus(), false
	}
	k := b.kmapKey(cl, page, false)
	if b.core.kmaps[k] == nil {
		if k.atomic = true; b.core.kmaps[k] == nil {
			return b.bogus(), false
		}
	}
	return b.pageFor(k), true
}

// pageFor is the page, if the client may use it now.
func (b *Buffer) pageFor(k kmapKey) Kmap {
	r := b.pageRange(k.page)
	if !b.prepared(k.cl, r) {
		b.core.violation(KmapOutside, b, r, k.cl.side("kmap", 0), Side{})
		return b.bogus()
	}
	at := k.page * PageSize
	i := b.pieceAt(at)
	return Kmap{Addr: b.backing[i].Addr + at - b.starts[i]}
}

// countKmap notes one more mapping of a page, unless there are too many.
func (c *Core) countKmap(k kmapKey) bool {
	m := c.kmaps[k]
	if m == nil {
		if len(c.kmaps) >= c.cfg.MaxObjects && !k.atomic { // of those clients have few
			return false
		}
		m = &kmap{kmapKey: k}
		c.kmaps[k] = m
		k.buf.kmaps.pushBack(&m.ofBuffer, m)
		k.cl.kmaps.pushBack(&m.ofClient, m)
	}
	m.n++
	c.stats.Kmaps++
	return true
}

// prepared tells whether cl may use any byte of the range.
func (b *Buffer) prepared(cl *Client, r Range) bool {
	return r.Len > 0 && b.newest(cl, func(a *cpuAccess) bool { return a.rng.overlaps(r) }) != nil
}

// Kunmap takes back one Kmap of the page.
//
// EBADF: the client is closed, or the buffer is gone. EINVAL: cl has not mapped the
// page.
func (b *Buffer) Kunmap(cl *Client, page uint64) error { return b.kunmap(cl, page, false) }

// KunmapAtomic takes back one KmapAtomic of the page. Errors are those of Kunmap.
func (b *Buffer) KunmapAtomic(cl *Client, page uint64) error { return b.kunmap(cl, page, true) }

func (b *Buffer) kunmap(cl *Client, page uint64, atomic bool) error {
	if !cl.alive() || !b.alive() {
		return EBADF
	}
	m := b.core.kmaps[b.kmapKey(cl, page, atomic)]
	if m == nil {
		return EINVAL
	}
	m.uncount(1)
	return nil
}

// drop takes back all of a client's mappings of the page.
func (m *kmap) drop() { m.uncount(m.n) }

// uncount takes n of them back.
func (m *kmap) uncount(n int) {
	c := m.buf.core
	c.stats.Kmaps -= n
	if m.atomic {
		m.cl.atomics -= n
	}
	if m.n -= n; m.n == 0 {
		delete(c.kmaps, m.kmapKey)
		m.ofBuffer.remove()
		m.ofClient.remove()
	}
}

// kmapsLeft reports pages that are mapped although no access to them is open.
func (b *Buffer) kmapsLeft(cl *Client) {
	for k := shorter(&b.kmaps, &cl.kmaps).head; k != nil; k = k.next {
		m := k.v
		if r := b.pageRange(m.page); m.cl == cl && m.buf == b && r.Len > 0 && !b.prepared(cl, r) {
			b.core.violation(KmapLeft, b, r, cl.side("end of CPU access", 0), Side{})
		}
	}
}
