// SPDX-License-Identifier: Apache-2.0

package dmabuf

// Task is who acts through a client: an ID that the host gives the same meaning as
// in CPU accesses (a process, with all its threads), and a name for people. ID 0 is
// nobody in particular.
type Task struct {
	ID   uint64
	Name string
}

// Client is an owner: of references to buffers, sync objects, attachments, fences,
// CPU accesses and waits. Closing it releases all that, at any point, so a host
// makes one for each open file, and one for its kernel driver.
type Client struct {
	core   *Core
	id     ID
	task   Task
	device *Device // whose inner client this is
	dead   bool

	link     link[Client]
	waits    list[Wait]
	objects  list[SyncObject]
	holding  list[SyncObject] // those that it has locked
	attached list[Attachment]
	cpu      list[cpuAccess]
	fences   list[Fence]
	marks    list[pending]
	kmaps    list[kmap]
	refs     list[ref]
	refOf    map[*Buffer]*ref
	atomics  int // atomic kmaps
}

// ref is a client's references to a buffer.
type ref struct {
	buf  *Buffer
	n    int
	link link[ref]
}

// NewClient makes a client for a task.
//
// ENFILE: too many objects.
func (c *Core) NewClient(t Task) (*Client, error) {
	cl := &Client{core: c, task: t, refOf: make(map[*Buffer]*ref)}
	id, err := c.add(cl)
	if err != nil {
		return nil, err
	}
	cl.id = id
	c.clients.pushBack(&cl.link, cl)
	c.stats.Clients++
	return cl, nil
}

// ID is the client's number.
func (cl *Client) ID() ID { return cl.id }

// Task is whose the client is. Others may make calls with it (Config.Caller).
func (cl *Client) Task() Task { return cl.task }

// Close releases everything that the client has, whatever it is doing: its waits end
// with ECANCELED, its sync objects are unlocked and gone, its CPU accesses end, its
// mappings and attachments go, its fences are signalled with EOWNERDEAD, its pending
// marks are cleared, its references dropped. A lock or a PREP that it still had is
// reported.
//
// EBADF: it is closed.
func (cl *Client) Close() error {
	if cl == nil || cl.dead {
		return EBADF
	}
	c := cl.core
	c.enter()
	defer c.leave()
	cl.dead = true
	for k := cl.waits.head; k != nil; k = k.next {
		if !k.v.fail(ECANCELED) {
			k.v.err = ECANCELED
		}
	}
	for s := cl.objects.first(); s != nil; s = cl.objects.first() {
		s.fini()
	}
	for s := cl.holding.first(); s != nil; s = cl.holding.first() {
		s.keptOver()
		s.lost = s.owner // as nobody else is left to be told
	}
	for k := cl.kmaps.first(); k != nil; k = cl.kmaps.first() {
		k.drop()
	}
	for a := cl.cpu.first(); a != nil; a = cl.cpu.first() {
		if a.prep {
			c.violation(OpenAtExit, a.buf, a.rng, cl.side("end of the client", 0), a.side())
		}
		a.end()
	}
	for a := cl.attached.first(); a != nil; a = cl.attached.first() {
		a.drop()
	}
	for f := cl.fences.first(); f != nil; f = cl.fences.first() {
		f.signal(EOWNERDEAD)
		f.drop()
	}
	for p := cl.marks.first(); p != nil; p = cl.marks.first() {
		p.drop()
	}
	for r := cl.refs.first(); r != nil; r = cl.refs.first() {
		r.link.remove()
		delete(cl.refOf, r.buf)
		r.buf.unref(r.n)
	}
	cl.link.remove()
	delete(c.objects, cl.id)
	c.stats.Clients--
	return nil
}

func (cl *Client) alive() bool { return cl != nil && !cl.dead }

// same tells whether both are the same party to the rules: a task may have several
// clients.
func (cl *Client) same(o *Client) bool {
	return cl == o || cl.device == nil && o.device == nil && cl.task.ID != 0 && cl.task.ID == o.task.ID
}
