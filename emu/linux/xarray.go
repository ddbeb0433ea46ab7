// SPDX-License-Identifier: Apache-2.0

package linux

// Entries of an xarray (include/linux/xarray.h): pointers end in 00, internal ones in
// 10. Small internal ones are siblings, the others are nodes.
const (
	xaInternal = 2
	xaTagMask  = 3
	xaNodeMin  = 4096

	// The values of XA_CHUNK_SHIFT are 4 and 6; the array's own length tells.
	xaMaxSlots = 64
	// maxEntries bounds what is believed of an xarray.
	maxEntries = 1 << 20
)

// XArray calls f for each entry of the struct xarray at that address, in the order of
// indices, until f returns false.
func (r *Reader) XArray(xa uint64, f func(index, entry uint64) bool) {
	count, ok := r.xaSlots()
	if !ok {
		return
	}
	w := xaWalk{Reader: r, count: count, f: f}
	head := r.Get(xa, "xarray.xa_head")
	switch {
	case head == 0 || r.bad:
	case isNode(head):
		w.node(head, 0, 64)
	default:
		f(0, head)
	}
}

// XALoad is the entry of an xarray at an index; 0 if there is none.
func (r *Reader) XALoad(xa, index uint64) uint64 {
	count, ok := r.xaSlots()
	entry := r.Get(xa, "xarray.xa_head")
	if !ok || !isNode(entry) {
		if index != 0 || isInternal(entry) {
			return 0
		}
		return entry
	}
	for below := uint64(64); isNode(entry); {
		node := entry - xaInternal
		shift := r.Get(node, "xa_node.shift")
		if shift >= below {
			r.bad = true
		}
		i := index >> shift
		if below == 64 && i >= count || r.bad {
			return 0
		}
		slots := r.Addr(node, "xa_node.slots")
		entry = r.Word(slots + 8*(i%count))
		if isInternal(entry) && entry < 4*count {
			// A sibling: the entry for several indices is in another slot.
			entry = r.Word(slots + 8*(entry>>2))
		}
		if below = shift; shift == 0 {
			break
		}
	}
	if isInternal(entry) {
		return 0
	}
	return entry
}

// xaSlots is how many slots a node has.
func (r *Reader) xaSlots() (uint64, bool) {
	m, ok := r.k.Member("xa_node.slots")
	if !ok || m.Size == 0 || m.Size > 8*xaMaxSlots {
		r.bad = true
		return 0, false
	}
	return m.Size / 8, true
}

// IDRLoad is the entry of an IDR with that identifier; 0 if there is none.
func (r *Reader) IDRLoad(idr, id uint64) uint64 {
	base := r.Get(idr, "idr.idr_base")
	if id < base {
		return 0
	}
	return r.XALoad(r.Addr(idr, "idr.idr_rt"), id-base)
}

// IDR calls f for each entry of the struct idr at that address, in the order of
// identifiers, until f returns false.
func (r *Reader) IDR(idr uint64, f func(id, entry uint64) bool) {
	base := r.Get(idr, "idr.idr_base")
	r.XArray(r.Addr(idr, "idr.idr_rt"), func(index, entry uint64) bool { return f(index+base, entry) })
}

func isInternal(entry uint64) bool { return entry&xaTagMask == xaInternal }

func isNode(entry uint64) bool { return isInternal(entry) && entry > xaNodeMin }

type xaWalk struct {
	*Reader
	count uint64 // slots in a node
	seen  int
	f     func(index, entry uint64) bool
}

// node visits the node behind entry, whose first slot is for index base. Its shift
// must be less than below. It reports whether to go on.
func (w *xaWalk) node(entry, base uint64, below uint64) bool {
	at := entry - xaInternal
	shift := w.Get(at, "xa_node.shift")
	if shift >= below {
		w.bad = true
	}
	slots := w.Addr(at, "xa_node.slots")
	for i := range w.count {
		e := w.Word(slots + 8*i)
		if w.seen++; w.seen > maxEntries {
			w.bad = true
		}
		if w.bad {
			return false
		}
		index := base + i<<shift
		switch {
		case e == 0 || isInternal(e) && !isNode(e):
		case isNode(e):
			if shift == 0 || !w.node(e, index, shift) {
				return false
			}
		default:
			if !w.f(index, e) {
				return false
			}
		}
	}
	return true
}
