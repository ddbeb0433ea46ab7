// SPDX-License-Identifier: Apache-2.0

package dmabuf

// list is a doubly linked list through links that its elements contain, so that
// joining and leaving cost nothing but a few stores. Its order is that of joining.
type list[T any] struct {
	head, tail *link[T]
	n          int
}

// link is an element's place in one list at a time.
type link[T any] struct {
	prev, next *link[T]
	in         *list[T]
	v          *T
}

func (l *list[T]) first() *T {
	if l.head == nil {
		return nil
	}
	return l.head.v
}

// each calls f for all, which may remove the one that it is called for.
func (l *list[T]) each(f func(*T)) {
	for k := l.head; k != nil; {
		v := k.v
		k = k.next
		f(v)
	}
}

// shorter is the one of two lists in which somebody is found sooner who is in both.
func shorter[T any](a, b *list[T]) *list[T] {
	if b.n < a.n {
		return b
	}
	return a
}

// pushBack puts v, whose link k is, at the end.
func (l *list[T]) pushBack(k *link[T], v *T) { l.insertAfter(l.tail, k, v) }

// insertAfter puts v behind at, or first if at is nil.
func (l *list[T]) insertAfter(at, k *link[T], v *T) {
	if k.in != nil {
		panic("BUG: dmabuf: element is in a list already")
	}
	k.v, k.in, k.prev = v, l, at
	if at == nil {
		k.next, l.head = l.head, k
	} else {
		k.next, at.next = at.next, k
	}
	if k.next == nil {
		l.tail = k
	} else {
		k.next.prev = k
	}
	l.n++
}

// remove takes the element out of the list that it is in, if any.
func (k *link[T]) remove() {
	l := k.in
	if l == nil {
		return
	}
	if k.prev == nil {
		l.head = k.next
	} else {
		k.prev.next = k.next
	}
	if k.next == nil {
		l.tail = k.prev
	} else {
		k.next.prev = k.prev
	}
	k.prev, k.next, k.in = nil, nil, nil
	l.n--
}
