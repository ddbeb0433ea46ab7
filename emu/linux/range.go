// SPDX-License-Identifier: Apache-2.0

package linux

import "vdev/mmio"

// Range is adjacent bytes of physical memory.
type Range struct {
	Addr mmio.PhysAddr
	Len  uint64 // in bytes
}
