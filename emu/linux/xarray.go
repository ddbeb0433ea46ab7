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
	slots, ok := r.k.Member("xa_node.slots")
	if !ok || slots.Size == 0 || slots.Size > 8*xaMaxSlots {
		r.bad = true
		return
	}
	w := xaWalk{Reader: r, count: int(slots.Size / 8), f: f}
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
func (r *Reader) XALoad(xa, index uint64) (entry uint64) {
	r.XArray(xa, func(i, e uint64) bool {
		if i == index {
			entry = e
		}
		return i < index
	})
	return entry
}

// IDR calls f for each entry of the struct idr at that address, in the order of
// identifiers, until f returns false.
func (r *Reader) IDR(idr uint64, f func(id, entry uint64) bool) {
	base := r.Get(idr, "idr.idr_base")
	r.XArray(r.Addr(idr, "idr.idr_rt"), func(index, entry uint64) bool { return f(index+base, entry) })
}

func isNode(entry uint64) bool { return entry&xaTagMask == xaInternal && entry > xaNodeMin }

type xaWalk struct {
	*Reader
	count int // slots in a node
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
	for i := range uint64(w.count) {
		e := w.Word(slots + 8*i)
		if w.seen++; w.seen > maxEntries {
			w.bad = true
		}
		if w.bad {
			return false
		}
		index := base + i<<shift
		switch {
		case e == 0 || e&xaTagMask == xaInternal && !isNode(e):
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
