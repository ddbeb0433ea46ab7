// SPDX-License-Identifier: Apache-2.0

package dmabuf

// ID names an object of a core: a client, device, buffer, attachment, sync object or
// fence. All kinds share the numbers, and none is used again (before 2^32 others).
// 0 is no object.
type ID uint32

// Core is the authority on who owns what. All its objects belong to it alone. It is
// not safe for concurrent use: package dmabuf/blocking makes it so.
type Core struct {
	cfg       Config
	lastID    ID
	objects   map[ID]any
	buffers   list[Buffer]
	clients   list[Client]
	devices   []*Device
	stamp     uint64 // of the newest ticket
	depth     int    // of calls into the core
	over      []*Wait
	kicked    []*Buffer
	deadlines deadlines
	pages     pageIndex
	graves    graves
	kmaps     map[kmapKey]*kmap
	fenceUses int
	stakes    map[stakeKey]*stake
	freeCPU   *cpuAccess
	stats     Stats
	event     Event // reused
}

// New makes a core without clients, devices and buffers.
func New(cfg Config) *Core {
	if cfg.Now == nil || cfg.NewTimer == nil {
		panic("BUG: dmabuf: a core needs a clock")
	}
	if cfg.Memory == nil {
		cfg.Memory = noMemory{}
	}
	if cfg.LockupTimeout == 0 {
		cfg.LockupTimeout = DefaultLockupTimeout
	}
	if cfg.MaxObjects == 0 {
		cfg.MaxObjects = DefaultMaxObjects
	}
	c := &Core{cfg: cfg, objects: make(map[ID]any), kmaps: make(map[kmapKey]*kmap), stakes: make(map[stakeKey]*stake)}
	c.pages.chunks = make(map[uint64]*pageChunk)
	c.deadlines.timer = cfg.NewTimer(c.expire)
	return c
}

// Mode is what devices do about locks.
func (c *Core) Mode() Mode { return c.cfg.Mode }

// SetMode changes it for jobs that start from now on.
func (c *Core) SetMode(m Mode) { c.cfg.Mode = m }

// enter begins a call of the core.
func (c *Core) enter() { c.depth++ }

// leave ends a call: consequences are drawn, and the outermost call tells those whose
// waits are over.
func (c *Core) leave() {
	c.settle()
	if c.depth == 1 {
		c.deliver()
	}
	c.depth--
}

// settle draws the consequences for everybody who waits for a buffer whose state has
// changed, until nothing changes any more.
func (c *Core) settle() {
	for i := 0; i < len(c.kicked); i++ {
		b := c.kicked[i]
		c.kicked[i] = nil
		b.kicked = false
		b.grantWaiting()
		b.prepareWaiting()
	}
	c.kicked = c.kicked[:0]
}

// kick has settle look at the buffer.
func (c *Core) kick(b *Buffer) {
	if !b.kicked {
		b.kicked = true
		c.kicked = append(c.kicked, b)
	}
}

func (c *Core) mark() uint64 {
	if c.cfg.Mark == nil {
		return 0
	}
	return c.cfg.Mark()
}

// add gives a new object its ID. ENFILE if there are too many.
func (c *Core) add(o any) (ID, error) {
	if len(c.objects) >= c.cfg.MaxObjects {
		return 0, ENFILE
	}
	for {
		c.lastID++
		if _, used := c.objects[c.lastID]; c.lastID != 0 && !used {
			c.objects[c.lastID] = o
			return c.lastID, nil
		}
	}
}

func lookup[T any](c *Core, id ID) (*T, error) {
	o, ok := c.objects[id]
	if !ok {
		return nil, EBADF
	}
	t, ok := o.(*T)
	if !ok {
		return nil, EINVAL
	}
	return t, nil
}

// Client finds a client. Here and in the functions below: EBADF if there is no
// object of that ID (any more), EINVAL if it is of another kind.
func (c *Core) Client(id ID) (*Client, error) { return lookup[Client](c, id) }

// Device finds a device.
func (c *Core) Device(id ID) (*Device, error) { return lookup[Device](c, id) }

// Buffer finds a buffer.
func (c *Core) Buffer(id ID) (*Buffer, error) { return lookup[Buffer](c, id) }

// Attachment finds an attachment.
func (c *Core) Attachment(id ID) (*Attachment, error) { return lookup[Attachment](c, id) }

// SyncObject finds a sync object.
func (c *Core) SyncObject(id ID) (*SyncObject, error) { return lookup[SyncObject](c, id) }

// Fence finds a fence.
func (c *Core) Fence(id ID) (*Fence, error) { return lookup[Fence](c, id) }

// BufferAt finds the buffer at a physical address, and the offset there, which may be
// behind its last byte, in its last page. Nil if there is none.
func (c *Core) BufferAt(addr uint64) (*Buffer, uint64) { return c.pages.find(addr) }

// Stats counts what exists now, and what has happened.
type Stats struct {
	// Now.
	Clients, Devices, Buffers, Attachments, Mapped, SyncObjects, Fences int
	// Locked counts locks on buffers, CPUAccesses open ones, Kmaps pages, Jobs those
	// in flight, Waits calls that wait, Pages those that back buffers.
	Locked, CPUAccesses, Kmaps, Jobs, Waits, Pages int

	// Ever.
	Locks, Backoffs, Lockups, Migrations, Preps, Maps, Violations uint64
}

// Stats is a copy of the counters.
func (c *Core) Stats() Stats { return c.stats }
