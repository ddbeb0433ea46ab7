// SPDX-License-Identifier: Apache-2.0

package dmabuf

// Fence is something that will be over at some time. It is signalled once, by its
// owner, or for it when it is closed.
type Fence struct {
	core     *Core
	id       ID
	name     string
	owner    *Client
	signaled bool
	err      Errno
	waits    list[Wait]
	uses     list[fenceUse]
	parts    list[fencePart] // of a merged one: those that are not signalled
	wholes   list[fencePart] // merged ones that this one is part of
	ofClient link[Fence]
}

// fencePart is a fence in a merged one, until either is signalled.
type fencePart struct {
	whole   *Fence
	ofWhole link[fencePart]
	ofPart  link[fencePart]
}

// fenceUse is a fence on a buffer, until it is signalled.
type fenceUse struct {
	fence    *Fence
	buf      *Buffer
	access   Access
	ofBuffer link[fenceUse]
	ofFence  link[fenceUse]
}

// NewFence makes a fence that cl will signal.
//
// EBADF: the client is closed. ENFILE: too many objects.
func (cl *Client) NewFence(name string) (*Fence, error) {
	if !cl.alive() {
		return nil, EBADF
	}
	f := &Fence{core: cl.core, name: name, owner: cl}
	id, err := cl.core.add(f)
	if err != nil {
		return nil, err
	}
	f.id = id
	cl.fences.pushBack(&f.ofClient, f)
	cl.core.stats.Fences++
	return f, nil
}

// MergeFences makes a fence that is signalled when all of the others are, with the
// first error among theirs.
//
// EBADF, ENFILE: as NewFence.
func (cl *Client) MergeFences(name string, of ...*Fence) (*Fence, error) {
	f, err := cl.NewFence(name)
	if err != nil {
		return nil, err
	}
	f.core.enter()
	defer f.core.leave()
	for _, o := range of {
		if !o.signaled {
			f.addPart(o)
		} else if f.err == 0 {
			f.err = o.err
		}
	}
	if f.parts.n == 0 {
		f.signal(f.err)
	}
	return f, nil
}

func (f *Fence) addPart(o *Fence) {
	p := &fencePart{whole: f}
	f.parts.pushBack(&p.ofWhole, p)
	o.wholes.pushBack(&p.ofPart, p)
}

func (p *fencePart) drop() {
	p.ofWhole.remove()
	p.ofPart.remove()
}

// signaled is called when the part is over.
func (p *fencePart) signaled(err Errno) {
	f := p.whole
	p.drop()
	if f.err == 0 {
		f.err = err
	}
	if f.parts.n == 0 {
		f.signal(f.err)
	}
}

// ID is the fence's number.
func (f *Fence) ID() ID { return f.id }

// Name is what people call it.
func (f *Fence) Name() string { return f.name }

// Signaled tells whether it is over, and with which error: nil, or an Errno.
func (f *Fence) Signaled() (bool, error) { return f.signaled, f.result() }

func (f *Fence) result() error {
	if f.err != 0 && f.signaled {
		return f.err
	}
	return nil
}

// Signal says that what the fence stands for is over; err is 0 if it went well.
//
// EINVAL: it is signalled already, or will be when those are that it was merged of.
func (f *Fence) Signal(err Errno) error {
	if f.signaled || f.parts.n > 0 {
		return EINVAL
	}
	f.core.enter()
	defer f.core.leave()
	f.signal(err)
	return nil
}

func (f *Fence) signal(err Errno) {
	if f.signaled {
		return
	}
	f.signaled, f.err = true, err
	for w := f.waits.first(); w != nil; w = f.waits.first() {
		w.finish(f.result())
	}
	for u := f.uses.first(); u != nil; u = f.uses.first() {
		u.drop()
		if u.access.writes() {
			u.buf.fenceWrote()
		}
		f.core.kick(u.buf)
	}
	for p := f.parts.first(); p != nil; p = f.parts.first() {
		p.drop() // closed before they were
	}
	for p := f.wholes.first(); p != nil; p = f.wholes.first() {
		p.signaled(err)
	}
}

// Close gives the fence up. If it was not signalled it is now, with EOWNERDEAD.
//
// EBADF: closed already.
func (f *Fence) Close() error {
	if f.core.objects[f.id] != f {
		return EBADF
	}
	f.core.enter()
	defer f.core.leave()
	f.signal(EOWNERDEAD)
	f.drop()
	return nil
}

func (f *Fence) drop() {
	f.ofClient.remove()
	delete(f.core.objects, f.id)
	f.core.stats.Fences--
}

// Wait waits until the fence is signalled, and returns its error.
//
// EBADF: the client is closed. EINVAL: w cannot be used. EBUSY: not signalled, and w
// is nil. EINPROGRESS: w waits, and gets the fence's error or ETIMEDOUT, EINTR,
// ECANCELED. The fence's error is what its owner signalled, and EOWNERDEAD if the
// owner is gone.
func (f *Fence) Wait(cl *Client, w *Wait) error {
	if !cl.alive() {
		return EBADF
	}
	if err := w.usable(); err != nil {
		return err
	}
	switch {
	case f.signaled:
		return f.result()
	case w == nil:
		return EBUSY
	}
	w.begin(cl)
	w.fence = f
	f.waits.pushBack(&w.on, w)
	return EINPROGRESS
}

// AddFence puts a fence on the buffer: until it is signalled, whoever it stands for
// reads the buffer (a shared fence), or writes it (an exclusive one). What CPU accesses
// that have ended wrote is visible to it, and what it writes is visible to those that
// begin when the fence is signalled. A signalled fence leaves no trace. One that is on
// the buffer already stands for both accesses.
//
// EBADF: the buffer is gone. EINVAL: the access is none. ENFILE: there are too many
// fences on buffers.
func (b *Buffer) AddFence(f *Fence, a Access) error {
	if !b.alive() {
		return EBADF
	}
	if !a.valid() {
		return EINVAL
	}
	if f.signaled {
		return nil
	}
	u := b.useOf(f)
	if u == nil {
		c := b.core
		if c.fenceUses >= c.cfg.MaxObjects {
			return ENFILE
		}
		c.fenceUses++
		u = &fenceUse{fence: f, buf: b}
		b.fences.pushBack(&u.ofBuffer, u)
		f.uses.pushBack(&u.ofFence, u)
	}
	u.grow(a)
	b.frame.usedFor(a)
	b.fenceBegins()
	return nil
}

// useOf finds a fence on the buffer.
func (b *Buffer) useOf(f *Fence) *fenceUse {
	for k := shorter(&b.fences, &f.uses).head; k != nil; k = k.next {
		if k.v.fence == f && k.v.buf == b {
			return k.v
		}
	}
	return nil
}

// Who a fence stands for it does not say. It may be any device that has the buffer
// mapped, as those whose mappings stay have nothing else to tell by when they are done;
// so all of them are taken to do what it does. If it is somebody else, some lines are
// cleaned or invalidated for nothing.

// fenceBegins is called before whoever a fence stands for can use the buffer.
func (b *Buffer) fenceBegins() {
	for k := b.interests.head; k != nil; k = k.next {
		if k.v.mapped.any() {
			b.deviceBegins(k.v.dev, b.whole())
		}
	}
}

// fenceWrote is called when whoever a fence stands for has written the buffer. Those
// that the remaining fences stand for go on without being asked again.
func (b *Buffer) fenceWrote() {
	for k := b.interests.head; k != nil; k = k.next {
		if k.v.mapped.permits(Write) {
			b.deviceWrote(k.v.dev, b.whole())
		}
	}
	if b.fences.n > 0 {
		b.fenceBegins()
	}
}

// grow adds an access to what the fence stands for.
func (u *fenceUse) grow(a Access) {
	if a.writes() && !u.access.writes() {
		u.buf.exclusive++
	}
	u.access |= a
}

func (u *fenceUse) drop() {
	if u.access.writes() {
		u.buf.exclusive--
	}
	u.buf.core.fenceUses--
	u.ofBuffer.remove()
	u.ofFence.remove()
}

// Fences calls f for each fence on the buffer that an access would have to wait for,
// oldest first.
func (b *Buffer) Fences(a Access, f func(*Fence, Access)) {
	for k := b.fences.head; k != nil; {
		u := k.v
		k = k.next
		if u.access.conflicts(a) {
			f(u.fence, u.access)
		}
	}
}

// fenced tells whether an access has to wait for a fence.
func (b *Buffer) fenced(a Access) bool { return b.exclusive > 0 || a.writes() && b.fences.n > 0 }

// WaitFences waits until there is no fence on the buffer that conflicts with the
// access, as poll does on a dma-buf: reads wait for exclusive fences, writes for all.
//
// EBADF: the client is closed, or the buffer is gone. EINVAL: the access is none, or
// w cannot be used. EBUSY: there are such fences and w is nil. EINPROGRESS: w waits,
// and gets nil or ETIMEDOUT, EINTR, ECANCELED, EBADF.
func (b *Buffer) WaitFences(cl *Client, a Access, w *Wait) error {
	if !cl.alive() || !b.alive() {
		return EBADF
	}
	if err := w.usable(); err != nil || !a.valid() {
		return EINVAL
	}
	switch {
	case !b.fenced(a):
		return nil
	case w == nil:
		return EBUSY
	}
	w.begin(cl)
	w.buf, w.access, w.onlyFences = b, a, true
	b.polls.pushBack(&w.on, w)
	return EINPROGRESS
}
