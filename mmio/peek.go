// SPDX-License-Identifier: Apache-2.0

package mmio

// Peeker is implemented by DMA ports through which people can look at memory as the
// device would see it, without a trace: nothing is cached, counted, noticed or
// reported, and what the cache could do of its own accord it does not do.
type Peeker interface {
	// PeekDMA copies len(p) bytes at addr into p; false if there is something that
	// cannot be read, and then p holds anything.
	PeekDMA(addr IOVA, p []byte) bool
}
