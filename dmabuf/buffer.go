// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"slices"
)

// Spec describes a new buffer.
type Spec struct {
	Name     string // for people; may be empty
	Exporter string // who made it, for people
	Size     uint64 // in bytes; backing is in whole pages
	// Backing is where a buffer is that somebody else made, in whole pages: such a
	// foreign buffer never moves and puts no conditions on attaching, as its exporter
	// sees to that, as to all maintenance. The host has to check that there is memory.
	// Nil for a buffer that gets its backing from the core's pool when that is first
	// needed.
	Backing []Extent
}

// Sizes of the largest buffers, in bytes.
const (
	// MaxSize is that of buffers that can be described.
	MaxSize = 1 << 40
	// MaxForeign is that of foreign ones. Others are limited by the pool, as each page
	// that backs a buffer is kept account of.
	MaxForeign = 1 << 34
)

// Buffer is a buffer that can be shared. It exists as long as anybody refers to it:
// a client, an attachment, a sync object, an open CPU access.
type Buffer struct {
	core    *Core
	id      ID
	spec    Spec
	backing []Extent
	starts  []uint64 // offset in the buffer of each piece of backing
	refs    int
	dead    bool
	kicked  bool
	link    link[Buffer]

	attachments list[Attachment]
	interests   list[interest] // the same, by device
	needs       []need         // of the attachments, without repetitions
	mapped      int            // attachments that are mapped
	transient   int            // those among them whose mapping means use

	holders   list[entry] // of the lock: one writer, or readers
	partial   int         // those among them whose sync object still lacks other buffers
	queue     list[entry] // those who wait for it, oldest ticket first
	members   list[entry] // all sync objects that it is in
	inUse     list[use]   // by jobs in flight
	cpu       openAccesses
	kmaps     list[kmap]
	preps     list[Wait] // those who wait in Prep
	polls     list[Wait] // and in WaitFences
	marks     list[pending]
	fences    list[fenceUse]
	exclusive int // those that write

	broken bool // a writer's lock was taken away, or its job aborted, and no writer has finished since

	// What maintenance is due: bytes that a non-coherent device may have written since
	// the last invalidate, and bytes that the CPU wrote since the last clean.
	stale, dirty rangeSet

	frame  frame
	failed failedPrep
	last   Side // the last access
}

// NewBuffer makes a buffer, to which cl has a reference.
//
// EBADF: cl is closed. EINVAL: the size is 0 or above MaxSize, or Backing is not
// whole pages that hold it, or more than MaxForeign. EEXIST: Backing belongs to another buffer already.
// ENFILE: too many objects.
func (cl *Client) NewBuffer(s Spec) (*Buffer, error) {
	if !cl.alive() {
		return nil, EBADF
	}
	if s.Size == 0 || s.Size > MaxSize {
		return nil, EINVAL
	}
	c := cl.core
	if s.Backing != nil {
		if err := c.checkForeign(s); err != nil {
			return nil, err
		}
	}
	b := &Buffer{core: c, spec: s}
	id, err := c.add(b)
	if err != nil {
		return nil, err
	}
	b.id = id
	c.buffers.pushBack(&b.link, b)
	c.stats.Buffers++
	if s.Backing != nil {
		b.settleAt(append([]Extent(nil), s.Backing...))
	}
	cl.addRef(b)
	return b, nil
}

// checkForeign tells whether a buffer can be where the specification says.
func (c *Core) checkForeign(s Spec) error {
	if s.Size > MaxForeign {
		return EINVAL
	}
	left := pages(s.Size)
	for _, x := range s.Backing {
		n := x.Len / PageSize
		if x.Addr%PageSize != 0 || x.Len%PageSize != 0 || n == 0 || n > left || x.Addr+x.Len < x.Addr {
			return EINVAL
		}
		left -= n
	}
	if left != 0 {
		return EINVAL
	}
	sorted := slices.SortedFunc(slices.Values(s.Backing), byAddr)
	for i, x := range sorted[1:] {
		if x.Addr < sorted[i].Addr+sorted[i].Len {
			return EINVAL
		}
	}
	for _, x := range sorted {
		if c.pages.any(x) {
			return EEXIST
		}
	}
	return nil
}

// Open gives the client one more reference to the buffer.
//
// EBADF: the client is closed, or the buffer is gone.
func (cl *Client) Open(b *Buffer) error {
	if !cl.alive() || !b.alive() {
		return EBADF
	}
	cl.addRef(b)
	return nil
}

func (cl *Client) addRef(b *Buffer) {
	r := cl.refOf[b]
	if r == nil {
		r = &ref{buf: b}
		cl.refOf[b] = r
		cl.refs.pushBack(&r.link, r)
	}
	r.n++
	b.refs++
}

// Release drops one of the client's references to the buffer.
//
// EBADF: the client is closed. EINVAL: it has no reference to the buffer.
func (cl *Client) Release(b *Buffer) error {
	if !cl.alive() {
		return EBADF
	}
	r := cl.refOf[b]
	if r == nil {
		return EINVAL
	}
	c := cl.core
	c.enter()
	defer c.leave()
	if r.n--; r.n == 0 {
		r.link.remove()
		delete(cl.refOf, b)
	}
	b.unref(1)
	return nil
}

// unref drops n references, and the buffer with the last.
func (b *Buffer) unref(n int) {
	if b.refs -= n; b.refs > 0 {
		return
	}
	if b.refs < 0 {
		panic("BUG: dmabuf: more references dropped than taken")
	}
	c := b.core
	b.dead = true
	for _, waits := range []*list[Wait]{&b.preps, &b.polls} {
		for w := waits.first(); w != nil; w = waits.first() {
			w.fail(EBADF)
		}
	}
	for p := b.marks.first(); p != nil; p = b.marks.first() {
		p.drop()
	}
	for m := b.kmaps.first(); m != nil; m = b.kmaps.first() {
		m.drop()
	}
	for u := b.fences.first(); u != nil; u = b.fences.first() {
		u.drop()
	}
	if b.backing != nil {
		old := b.backing
		b.leave()
		if !b.Foreign() {
			c.cfg.Pool.Free(old)
		}
	}
	b.link.remove()
	delete(c.objects, b.id)
	c.stats.Buffers--
}

func (b *Buffer) alive() bool { return b != nil && !b.dead }

// ID is the buffer's number.
func (b *Buffer) ID() ID { return b.id }

// Name is what people call it.
func (b *Buffer) Name() string { return b.spec.Name }

// SetName changes the name.
func (b *Buffer) SetName(s string) { b.spec.Name = s }

// Exporter is who made it.
func (b *Buffer) Exporter() string { return b.spec.Exporter }

// Size is in bytes, as it was asked for.
func (b *Buffer) Size() uint64 { return b.spec.Size }

// Foreign tells whether somebody else placed it.
func (b *Buffer) Foreign() bool { return b.spec.Backing != nil }

// Backing is where the buffer is, in order; nil if it has no backing yet. It is only
// to be read, and valid until the buffer moves.
func (b *Buffer) Backing() []Extent { return b.backing }

// Refs is the number of references to it.
func (b *Buffer) Refs() int { return b.refs }

// Populate gives the buffer its backing now, for a host that needs pages without a
// device or an access (a mapping into an address space).
//
// EBADF: the buffer is gone. ENOMEM: there is no memory for it.
func (b *Buffer) Populate() error {
	if !b.alive() {
		return EBADF
	}
	return b.place()
}

// whole is all of the buffer.
func (b *Buffer) whole() Range { return Range{0, b.spec.Size} }

// pending is a client's mark that it has commands for a buffer in a batch that it
// has not submitted.
type pending struct {
	cl       *Client
	buf      *Buffer
	n        int
	when     moment
	ofClient link[pending]
	ofBuffer link[pending]
}

// MarkPending says that cl has put commands that use the buffer into a batch, and
// not submitted them: until ClearPending, a Prep would return too early, so it
// fails. Marks count.
//
// EBADF: the client is closed, or the buffer is gone.
func (b *Buffer) MarkPending(cl *Client) error {
	if !cl.alive() || !b.alive() {
		return EBADF
	}
	p := b.pendingOf(cl)
	if p == nil {
		p = &pending{cl: cl, buf: b}
		b.marks.pushBack(&p.ofBuffer, p)
		cl.marks.pushBack(&p.ofClient, p)
	}
	p.n++
	p.when = cl.now()
	return nil
}

// ClearPending takes one mark back, as the commands have been submitted or dropped.
//
// EBADF: the client is closed, or the buffer is gone. EINVAL: cl has no mark on it.
func (b *Buffer) ClearPending(cl *Client) error {
	if !cl.alive() || !b.alive() {
		return EBADF
	}
	p := b.pendingOf(cl)
	if p == nil {
		return EINVAL
	}
	if p.n--; p.n == 0 {
		p.drop()
	}
	return nil
}

// Pending is the number of marks on the buffer.
func (b *Buffer) Pending() int {
	n := 0
	for k := b.marks.head; k != nil; k = k.next {
		n += k.v.n
	}
	return n
}

// pendingOf finds the client's mark.
func (b *Buffer) pendingOf(cl *Client) *pending {
	for k := shorter(&b.marks, &cl.marks).head; k != nil; k = k.next {
		if k.v.cl == cl && k.v.buf == b {
			return k.v
		}
	}
	return nil
}

func (p *pending) drop() {
	p.ofBuffer.remove()
	p.ofClient.remove()
}
