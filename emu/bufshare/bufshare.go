// SPDX-License-Identifier: Apache-2.0

// Package bufshare puts the dma-buf core into the machine: it does what the guest
// asks the buffer sharing unit for. It decodes requests, as package ioctl declares
// them, into calls of the core, and keeps what is the guest kernel's and not the
// core's business: which dma-buf stands for which buffer, and who maps it.
package bufshare

import (
	"slices"

	"vdev/dmabuf"
	"vdev/mmio"
	"vdev/mmio/bsu"
)

// Device is a bus master of the machine, as the core is to know it.
type Device struct {
	dmabuf.DeviceSpec
	// Base is the address of its registers, by which the guest's kernel names it.
	Base mmio.PhysAddr
	// Group joins devices whose drivers share what they import, so that a buffer that
	// one of them imports is attached to all; empty for none.
	Group string
	// Persistent: its driver keeps what it imports mapped.
	Persistent bool
}

// Config is what the sharing needs of its machine.
type Config struct {
	Clock mmio.Clock
	// Pool is the memory of buffers, whole pages. Its first page is the page of garbage.
	// With none there are only foreign buffers.
	Pool dmabuf.Extent
	// Memory does what the core decides.
	Memory dmabuf.Memory
	// Devices are the bus masters of the machine.
	Devices []Device
	// Observer is told of every broken rule; see dmabuf.Config. May be nil.
	Observer func(*dmabuf.Event)
	// Mark and Caller are as in dmabuf.Config. May be nil.
	Mark   func() uint64
	Caller func() dmabuf.Task
	// Mode is what devices do about locks.
	Mode dmabuf.Mode
	// Tickets says who backs off when two want each other's buffers.
	Tickets dmabuf.Tickets
}

// Share is the core in a machine. It belongs to the machine's goroutine.
type Share struct {
	core    *dmabuf.Core
	pool    *dmabuf.PagePool
	size    uint64 // of the pool
	devices []*device

	ops         map[uint32]operation
	open        []*dmabuf.Client // all that are, oldest first
	clients     map[uint32]*client
	exports     map[dmabuf.ID]*export
	attachments map[uint32]*attachment
	calls       map[*bsu.Request]*call // those that wait
	foreign     []dmabuf.ID            // buffers of other exporters, oldest first
	gone        []dmabuf.ID            // those that are gone, and the driver does not know yet
	buffers     int                    // how many there were when it was looked at last
}

// device is a bus master and how it is known to the core.
type device struct {
	Device
	core *dmabuf.Device
}

// client is an open file of the guest's driver.
type client struct {
	*dmabuf.Client
	attachments map[uint32]*dmabuf.Attachment
	prepared    map[dmabuf.ID]dmabuf.Access
}

// export is what the guest's kernel has for a buffer: the dma-buf's own reference, and
// all that is done through it. It is a client, so that nothing remains when it goes.
type export struct {
	*dmabuf.Client
	buf *dmabuf.Buffer
}

// attachment is that of a driver of the guest to a dma-buf: one of the core for each
// device of the group.
type attachment struct {
	export *export
	each   []*dmabuf.Attachment
	mapped int // how often
	dir    dmabuf.Direction
}

var _ bsu.Handler = (*Share)(nil)

// New makes a core for a machine.
func New(c Config) *Share {
	s := &Share{ops: operations(), clients: map[uint32]*client{}, exports: map[dmabuf.ID]*export{},
		attachments: map[uint32]*attachment{}, calls: map[*bsu.Request]*call{}}
	cfg := dmabuf.Config{
		Now:      c.Clock.Now,
		NewTimer: func(fn func()) dmabuf.Timer { return c.Clock.NewTimer("dmabuf.deadline", fn) },
		Memory:   c.Memory,
		Observer: c.Observer, Mark: c.Mark, Caller: c.Caller, Mode: c.Mode, Tickets: c.Tickets,
	}
	if c.Pool.Len > dmabuf.PageSize {
		cfg.Poison = c.Pool.Addr
		s.pool = dmabuf.NewPagePool(dmabuf.Extent{Addr: c.Pool.Addr + dmabuf.PageSize, Len: c.Pool.Len - dmabuf.PageSize})
		s.size = s.pool.FreeBytes()
		cfg.Pool = s.pool
	}
	s.core = dmabuf.New(cfg)
	for _, d := range c.Devices {
		if s.addDevice(d) == nil {
			panic("BUG: bufshare: device " + d.Name + " has bad constraints")
		}
	}
	return s
}

// newClient makes a client of the core.
func (s *Share) newClient(t dmabuf.Task) (*dmabuf.Client, error) {
	cl, err := s.core.NewClient(t)
	if err == nil {
		s.open = append(s.open, cl)
	}
	return cl, err
}

// closeClient closes it.
func (s *Share) closeClient(cl *dmabuf.Client) error {
	if i := slices.Index(s.open, cl); i >= 0 {
		s.open = slices.Delete(s.open, i, i+1)
	}
	return cl.Close()
}

func (s *Share) addDevice(d Device) *device {
	k, err := s.core.NewDevice(d.DeviceSpec)
	if err != nil {
		return nil
	}
	dev := &device{d, k}
	s.devices = append(s.devices, dev)
	return dev
}

// Core is the authority itself: for tables, observations and the jobs of devices.
func (s *Share) Core() *dmabuf.Core { return s.core }

// Device is a bus master of the machine by its name, whose jobs take locks; nil if
// there is none.
func (s *Share) Device(name string) *dmabuf.Device {
	for _, d := range s.devices {
		if d.Name == name {
			return d.core
		}
	}
	return nil
}

// Begin implements bsu.Handler.
func (s *Share) Begin(r *bsu.Request) {
	c := &call{s: s, r: r}
	op, ok := s.ops[r.Op]
	if !ok {
		c.end(enotty)
		return
	}
	if op.needsClient {
		if c.client = s.clients[r.Client]; c.client == nil {
			c.end(dmabuf.EBADF)
			return
		}
	}
	if err := op.do(c); err != dmabuf.EINPROGRESS {
		c.end(err)
	}
}

// Cancel implements bsu.Handler.
func (s *Share) Cancel(r *bsu.Request) {
	if c := s.calls[r]; c != nil {
		c.wait.Interrupt()
	}
}

// Reset implements bsu.Handler.
func (s *Share) Reset() {
	clear(s.calls)
	clear(s.attachments)
	clear(s.exports)
	clear(s.clients)
	s.foreign, s.gone = nil, nil
	open := s.open
	s.open = nil
	for _, cl := range open {
		_ = cl.Close() // those in the list are open
	}
}
