// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"fmt"
	"strings"
	"time"

	"vdev/emu/mem"
	"vdev/emu/strace"
	"vdev/emu/symbols"
	"vdev/ioctl"
	"vdev/mmio"
)

// Sync is a call of a program that hands a buffer to devices, or takes it back.
type Sync struct {
	Call  string        // "ioctl(5, DMA_BUF_IOCTL_SYNC, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE)"
	At    time.Duration // virtual time when it began
	Trace symbols.Trace // of the program
	// Covered is how many lines the call was about. Of these Dirty held stores not yet
	// cleaned and Stale bytes of a device before the call, and Maintained were cleaned,
	// invalidated or flushed by it.
	Covered, Dirty, Stale, Maintained int
}

// String names the call and who made it.
func (c *Sync) String() string {
	s := c.Call
	if t := c.Trace.Task; t != nil {
		s += fmt.Sprintf(" by %s (pid %d)", t.Comm, t.TGID)
	}
	return s + " at " + clock(c.At)
}

func (c *Sync) lines() string {
	return fmt.Sprintf("%s covered, %d of them with stores and %d with bytes of a device; %d maintained",
		count(c.Covered, "line"), c.Dirty, c.Stale, c.Maintained)
}

// syncCall is what is remembered of a strace.SyncCall.
type syncCall struct {
	*strace.SyncCall
	// written are the covered pages that a hart had written when the call ended.
	written pageSet
	// low and high are the first and the last byte covered.
	low, high mmio.PhysAddr
}

// syncCalls are the last sync calls.
type syncCalls struct {
	ring [256]syncCall
	n    int // calls so far
}

// pageSet is a set of pages.
type pageSet struct {
	first mmio.PhysAddr
	bits  []uint64
}

func (p *pageSet) has(addr mmio.PhysAddr) bool {
	n := uint64(addr-p.first) / mem.PageSize
	return addr >= p.first && n/64 < uint64(len(p.bits)) && p.bits[n/64]>>(n%64)&1 != 0
}

// SyncDone tells that a sync call is over.
func (s *Sanitizer) SyncDone(c *strace.SyncCall) {
	if !c.Done || c.Errno != 0 || c.Skip || len(c.Ranges) == 0 {
		return
	}
	k := syncCall{SyncCall: c, written: s.writtenPages(c), low: ^mmio.PhysAddr(0)}
	for _, r := range c.Ranges {
		if r.Len != 0 {
			k.low, k.high = min(k.low, r.Addr), max(k.high, r.Addr+mmio.PhysAddr(r.Len-1))
		}
	}
	s.syncs.ring[s.syncs.n%len(s.syncs.ring)] = k
	s.syncs.n++
}

// writtenPages are the covered pages that a hart has written.
func (s *Sanitizer) writtenPages(c *strace.SyncCall) (set pageSet) {
	m := s.cfg.RAM
	if m == nil {
		return set
	}
	top := m.Base()
	set.first = m.Base() + mmio.PhysAddr(m.Size())
	within := func(f func(page mmio.PhysAddr)) {
		for _, r := range c.Ranges {
			if r.Len == 0 || !m.Contains(r.Addr, r.Len) {
				continue
			}
			for a := r.Addr &^ (mem.PageSize - 1); a < r.Addr+mmio.PhysAddr(r.Len); a += mem.PageSize {
				if m.Written(a) {
					f(a)
				}
			}
		}
	}
	within(func(a mmio.PhysAddr) { set.first, top = min(set.first, a), max(top, a) })
	if top < set.first {
		return pageSet{}
	}
	set.bits = make([]uint64, uint64(top-set.first)/mem.PageSize/64+1)
	within(func(a mmio.PhysAddr) {
		n := uint64(a-set.first) / mem.PageSize
		set.bits[n/64] |= 1 << (n % 64)
	})
	return set
}

// last is the last call that covers a line and that f accepts, or nil.
func (c *syncCalls) last(line mmio.PhysAddr, f func(*syncCall) bool) *syncCall {
	for i := range min(c.n, len(c.ring)) {
		k := &c.ring[(c.n-1-i)%len(c.ring)]
		if k.covers(line) && f(k) {
			return k
		}
	}
	return nil
}

func (k *syncCall) covers(line mmio.PhysAddr) bool {
	if line > k.high || line+(mem.LineSize-1) < k.low {
		return false
	}
	for _, r := range k.Ranges {
		first := r.Addr &^ (mem.LineSize - 1)
		if line >= first && line-first < mmio.PhysAddr(r.Len)+(r.Addr-first) {
			return true
		}
	}
	return false
}

// idleSync is the sync call that should have prevented an error at a line, but did no
// maintenance on it: it came after the access whose bytes are at risk, and nothing was
// done to the line since. It is nil if there was none.
func (s *Sanitizer) idleSync(c Code, addr mmio.PhysAddr, l *line) *syncCall {
	switch c {
	case DeviceReadDirty, WritebackOverDMA:
		return s.syncs.last(addr, func(k *syncCall) bool {
			if k.Request != ioctl.DMA_BUF_IOCTL_SYNC || k.ToCPU || !k.Writes {
				return false
			}
			if l.write == nil {
				// The line is dirty since before the page was tracked.
				return k.written.has(addr)
			}
			return k.Start >= l.write.at && !maintainedIn(l, k)
		})
	case CPUReadStale, EarlyInvalidate:
		return s.syncs.last(addr, func(k *syncCall) bool {
			return k.Request == ioctl.DMA_BUF_IOCTL_SYNC && k.ToCPU && k.Reads && l.dma != nil && k.Start >= l.dma.end && !maintainedIn(l, k)
		})
	}
	return nil
}

// maintainedIn tells whether the last maintenance of the line was during the call.
func maintainedIn(l *line, k *syncCall) bool {
	return l.maint != nil && l.maint.end >= k.Start && l.maint.at <= k.End
}

// nameSync makes the public form of a sync call.
func (s *Sanitizer) nameSync(k *syncCall) *Sync {
	if k == nil {
		return nil
	}
	c := &Sync{Call: k.call(), At: k.Start, Covered: k.Lines.Covered, Dirty: k.Lines.Dirty, Stale: k.Lines.Stale, Maintained: k.Lines.Maintained}
	st := k.Stack
	st.Kernel = nil
	if names := s.names(); names != nil {
		c.Trace = names.Trace(&st, k.Task)
	} else {
		c.Trace = plainTrace(&st, k.Task)
	}
	return c
}

// call is the call as the program wrote it.
func (k *syncCall) call() string {
	if k.Request != ioctl.DMA_BUF_IOCTL_SYNC {
		return fmt.Sprintf("ioctl(%d, %s)", k.FD, k.Name)
	}
	flags := []string{"DMA_BUF_SYNC_START"}
	if !k.ToCPU {
		flags[0] = "DMA_BUF_SYNC_END"
	}
	switch {
	case k.Reads && k.Writes:
		flags = append(flags, "DMA_BUF_SYNC_RW")
	case k.Reads:
		flags = append(flags, "DMA_BUF_SYNC_READ")
	case k.Writes:
		flags = append(flags, "DMA_BUF_SYNC_WRITE")
	}
	return fmt.Sprintf("ioctl(%d, DMA_BUF_IOCTL_SYNC, %s)", k.FD, strings.Join(flags, " | "))
}
