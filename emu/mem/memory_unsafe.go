// SPDX-License-Identifier: Apache-2.0

package mem

import (
	"unsafe"

	"vdev/mmio"
)

// HostPage returns a host pointer to the first byte of the RAM page that holds
// addr. The pointer stays valid for the Memory's lifetime and reaches exactly
// PageSize bytes. addr must lie in RAM.
func (m *Memory) HostPage(addr mmio.PhysAddr) unsafe.Pointer {
	off := uint64(addr-m.base) &^ (PageSize - 1)
	return unsafe.Pointer(&m.ram[off])
}
