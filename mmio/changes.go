// SPDX-License-Identifier: Apache-2.0

package mmio

// ChangeStamp is a moment in the life of what a DMA port reads. The zero stamp is before
// all others.
type ChangeStamp struct {
	Memory  uint64 // contents
	Mapping uint64 // what leads there
}

// Still tells whether nothing at all has changed between two stamps of one port.
func (s ChangeStamp) Still(later ChangeStamp) bool { return s.Memory != 0 && s == later }

// ChangeTracker is implemented by DMA ports that can tell whether reading again would
// give something new, so that a device which reads the same memory over and over need
// not.
type ChangeTracker interface {
	// ChangeStamp is the stamp of now. It has no side effect, and costs little.
	ChangeStamp() ChangeStamp
	// ChangedSince tells whether reading n bytes at addr, which were read last just after
	// the stamp was taken, may now give something else, or whether a line there has
	// become dirty in the harts' cache since. It is true if that is not known. What the
	// cache does of its own accord in the moment of reading does not count. It has no
	// side effect.
	ChangedSince(addr IOVA, n uint64, s ChangeStamp) bool
	// DirtyDMA tells whether lines there are dirty in the harts' cache; false if that is
	// not known. It has no side effect.
	DirtyDMA(addr IOVA, n uint64) bool
}
