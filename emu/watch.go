// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"vdev/dmabuf"
	"vdev/emu/bufshare"
	"vdev/emu/dmasan"
	"vdev/emu/mem"
	"vdev/emu/symbols"
	"vdev/mmio"
	"vdev/mmio/bsu"
)

// The harts' accesses to shared buffers reach the dma-buf core through the cache model,
// which can show them (dmasan.Sanitizer.Watch). That costs time, so it is done only for
// buffers of which the core says that accesses matter, and there for the first load and
// the first store of each line, by each task and after each change of ownership.

// coreName is who acts when the dma-buf core itself moves bytes.
const coreName = "dmabuf"

// bufferWatch is what is watched.
type bufferWatch struct {
	buffers []watchedBuffer // oldest first
	spare   []watchedBuffer // room
	gone    []watchedBuffer // room
	satp    uint64          // of the task that made the last accesses
	// The task that was looked up last, since something changed.
	known struct {
		valid      bool
		task, satp uint64
		dmabuf.Task
	}
}

// watchedBuffer is a buffer of which something is watched.
type watchedBuffer struct {
	id    dmabuf.ID
	kinds mem.Noise
	where []dmabuf.Extent
}

// buffersChanged is called after everything that may change who has which buffer.
func (m *Machine) buffersChanged() {
	if m.sanitizer == nil {
		return
	}
	w := &m.watch
	m.rewatch()
	if m.share.Core().Stats().Buffers == 0 && len(w.buffers) == 0 {
		return
	}
	old, now, gone, more := w.buffers, w.spare[:0], w.gone, false
	for b := range m.share.Core().All() {
		reads, writes := b.CPUMatters()
		var kinds mem.Noise
		if reads {
			kinds |= mem.NoisyRead
		}
		if writes {
			kinds |= mem.NoisyWrite
		}
		for len(old) > 0 && old[0].id < b.ID() {
			gone = append(gone, old[0])
			old = old[1:]
		}
		where := b.Backing()
		if len(old) > 0 && old[0].id == b.ID() {
			was := old[0]
			old = old[1:]
			if was.kinds == kinds && samePlaces(was.where, where) {
				now = append(now, was)
				continue
			}
			gone = append(gone, was)
		}
		if kinds != 0 {
			now = append(now, watchedBuffer{b.ID(), kinds, where})
			more = true
		}
	}
	// Pages may go from one buffer to another.
	for _, list := range [][]watchedBuffer{gone, old} {
		for i := range list {
			list[i].watch(m.sanitizer, 0)
			more = true
		}
	}
	if more {
		for i := range now {
			now[i].watch(m.sanitizer, now[i].kinds)
		}
	}
	w.buffers, w.spare, w.gone = now, w.buffers, gone[:0]
}

func samePlaces(a, b []dmabuf.Extent) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func (b *watchedBuffer) watch(s *dmasan.Sanitizer, kinds mem.Noise) {
	for _, x := range b.where {
		s.Watch(mmio.PhysAddr(x.Addr), x.Len, kinds)
	}
}

// rewatch has accesses told again that were told already.
func (m *Machine) rewatch() {
	m.watch.known.valid = false
	m.sanitizer.Rewatch()
}

// runs tells that h goes on, maybe with another task than the one before.
func (m *Machine) runs(h *hart) {
	if m.sanitizer == nil || !m.sanitizer.Seen() {
		return
	}
	if satp := h.Context().Satp; satp != m.watch.satp {
		m.watch.satp = satp
		m.rewatch()
	}
}

// cpuAccess is told of accesses to what is watched. It tells whether it need not be told of
// the next one in the same line.
func (m *Machine) cpuAccess(addr mmio.PhysAddr, n int, write bool) bool {
	if m.acting != "" {
		return false
	}
	m.watch.satp = m.context(m.hartNow()).Satp
	m.share.Core().ObserveCPU(dmabuf.CPUAccess{Task: m.taskNow(), Addr: uint64(addr), Len: uint64(n), Write: write})
	return m.share.Core().CPUAlike(uint64(addr)&^(mem.LineSize-1), mem.LineSize)
}

// caller is the task that makes a request of the buffer sharing unit.
func (m *Machine) caller() dmabuf.Task {
	if m.acting != "" || m.running == nil {
		return dmabuf.Task{}
	}
	return m.taskNow()
}

// taskNow is the task that the hart whose turn it is works for; none if it is not known.
func (m *Machine) taskNow() dmabuf.Task {
	c := m.context(m.hartNow())
	if c.Priv == symbols.Machine || m.taskOf == nil {
		return dmabuf.Task{}
	}
	task := c.TP
	if c.Priv == symbols.User {
		task = c.Sscratch // there Linux keeps it meanwhile
	}
	k := &m.watch.known
	if !k.valid || k.task != task || k.satp != c.Satp {
		k.valid, k.task, k.satp, k.Task = true, task, c.Satp, dmabuf.Task{}
		if t, ok := m.taskOf(task, c.Satp); ok {
			k.Task = dmabuf.Task{ID: uint64(t.TGID), Name: t.Comm}
		}
	}
	return k.Task
}

// watchedShare is the core, as the guest's requests reach it.
type watchedShare struct {
	*bufshare.Share
	m *Machine
}

// Begin implements bsu.Handler.
func (s watchedShare) Begin(r *bsu.Request) {
	s.Share.Begin(r)
	s.m.buffersChanged()
}

// Cancel implements bsu.Handler.
func (s watchedShare) Cancel(r *bsu.Request) {
	s.Share.Cancel(r)
	s.m.buffersChanged()
}

// Reset implements bsu.Handler.
func (s watchedShare) Reset() {
	s.Share.Reset()
	s.m.buffersChanged()
}

// watchedClock is the machine's clock, as the core uses it.
type watchedClock struct{ *Machine }

// NewTimer implements mmio.Clock.
func (c watchedClock) NewTimer(name string, fn func()) mmio.Timer {
	return c.Machine.NewTimer(name, func() {
		fn()
		c.buffersChanged()
	})
}
