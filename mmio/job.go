// SPDX-License-Identifier: Apache-2.0

package mmio

// JobDescriber is implemented by bus masters that can say what they are doing.
type JobDescriber interface {
	// Job says in a few words what the device's DMA is for at this moment, for
	// reports ("bitblt 640x480, pair 12 of the list at 0x10000"); empty if it does
	// nothing. It is called in the middle of a DMA access, and must not make one.
	Job() string
}
