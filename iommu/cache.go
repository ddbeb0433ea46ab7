// SPDX-License-Identifier: Apache-2.0

package iommu

// The sizes of the caches (section 2.8), in entries.
const (
	deviceCacheSize      = 16
	processCacheSize     = 32
	translationCacheSize = 64
)

// cache is a fully associative cache of fixed size. The oldest entry makes room for a
// new one, whether it was used lately or not, so that what is cached follows simply
// from the order of requests.
type cache[E any] struct {
	Slots []slot[E]
	Next  int // to be filled
	Last  int // that was found last, and is looked at first
}

type slot[E any] struct {
	Valid bool
	Entry E
}

func newCache[E any](size int) cache[E] { return cache[E]{Slots: make([]slot[E], size)} }

// find returns a matching entry, or nil.
func (c *cache[E]) find(match func(*E) bool) *E {
	if s := &c.Slots[c.Last]; s.Valid && match(&s.Entry) {
		return &s.Entry
	}
	for i := range c.Slots {
		if s := &c.Slots[i]; s.Valid && match(&s.Entry) {
			c.Last = i
			return &s.Entry
		}
	}
	return nil
}

// add stores an entry in place of the oldest.
func (c *cache[E]) add(e E) {
	c.Slots[c.Next] = slot[E]{true, e}
	c.Last = c.Next
	c.Next = (c.Next + 1) % len(c.Slots)
}

// drop removes all matching entries.
func (c *cache[E]) drop(match func(*E) bool) {
	for i := range c.Slots {
		if s := &c.Slots[i]; s.Valid && match(&s.Entry) {
			*s = slot[E]{}
		}
	}
}

// fits tells whether a loaded cache has the size of c and sound indices.
func (c *cache[E]) fits(loaded *cache[E]) bool {
	n := len(c.Slots)
	return len(loaded.Slots) == n && loaded.Next >= 0 && loaded.Next < n && loaded.Last >= 0 && loaded.Last < n
}
