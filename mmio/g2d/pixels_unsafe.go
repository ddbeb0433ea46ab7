// SPDX-License-Identifier: Apache-2.0

package g2d

import "unsafe"

// pixelBytes is the memory of p as bytes: pixels of 32 bits as they lie in the guest's
// memory, for hosts are little-endian like guests. Formats of four bytes are read and
// written without a copy in between.
func pixelBytes(p []uint32) []byte {
	if len(p) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&p[0])), 4*len(p))
}
