// SPDX-License-Identifier: Apache-2.0

package dmabuf

// There are two views of a buffer: that of the CPU and of coherent devices, through
// the caches, and that of non-coherent devices, past them. What was written in one
// view has to be carried to the other before it is read there:
//
//	dirty  bytes written in the first view: to be cleaned before a non-coherent
//	       device uses the buffer
//	stale  bytes that a non-coherent device may have written: to be invalidated
//	       before anybody uses them in the first view, and not before the device has
//	       finished, as caches may be filled at any time

// wroteCached is called when bytes have been written in the first view.
func (b *Buffer) wroteCached(r Range) {
	if b.Foreign() {
		return
	}
	r = r.lines()
	for k := b.interests.head; k != nil; k = k.next {
		if !k.v.dev.coherent {
			b.dirty.take(r, func(Range) {})
			b.maintain(Clean, r)
			return
		}
	}
	b.dirty.add(r)
}

// useCached is called before bytes are used in the first view; own is the sync object
// whose lock is the reason, or nil.
func (b *Buffer) useCached(r Range, own *SyncObject) {
	if len(b.stale) == 0 {
		return
	}
	// Lines may be both: a persistent mapping that ends makes the whole buffer stale,
	// although most likely the device had written nothing, and nobody waits for that.
	op := Invalidate
	if len(b.dirty) > 0 || b.writingCached(own) {
		op = Flush
	}
	b.stale.take(r.lines(), func(r Range) { b.maintain(op, r) })
}

// writingCached tells whether somebody is writing in the first view, so that lines
// may be dirty and must not be dropped.
func (b *Buffer) writingCached(own *SyncObject) bool {
	if b.cpu.writers > 0 {
		return true
	}
	if h := b.holders.first(); h != nil && h.obj != own && h.obj.job == nil && h.access.writes() {
		return true // one writer, or readers
	}
	for k := b.inUse.head; k != nil; k = k.next {
		if k.v.job.dev.coherent && k.v.access.writes() {
			return true
		}
	}
	for k := b.interests.head; k != nil; k = k.next {
		if i := k.v; i.dev.coherent && (i.transient.permits(Write) || b.exclusive > 0 && i.mapped.permits(Write)) {
			return true
		}
	}
	return false
}

// deviceBegins is called before a device can use bytes.
func (b *Buffer) deviceBegins(d *Device, r Range) {
	switch {
	case b.Foreign():
	case d.coherent:
		b.useCached(r, nil)
	case len(b.dirty) > 0:
		b.dirty.take(r.lines(), func(r Range) { b.maintain(Clean, r) })
	}
}

// deviceWrote is called when a device that could write bytes cannot any more.
func (b *Buffer) deviceWrote(d *Device, r Range) {
	switch {
	case b.Foreign():
	case d.coherent:
		b.wroteCached(r)
	default:
		b.stale.add(r.lines())
	}
}

// maintain has the host do op to whole lines of the buffer.
func (b *Buffer) maintain(op Op, r Range) {
	for i := b.pieceAt(r.Off); i < len(b.backing) && b.starts[i] < r.End(); i++ {
		x, at := b.backing[i], b.starts[i]
		lo, hi := max(at, r.Off), min(at+x.Len, r.End())
		b.core.cfg.Memory.Maintain(op, x.Addr+lo-at, hi-lo)
	}
}
