// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"encoding/binary"

	"vdev/mmio"
)

// ppn is the page number in bits 53:10 of a PTE, a directory entry or a base register.
func ppn(v uint64) uint64 { return v >> 10 & (1<<44 - 1) }

// rootPPN is the page number in bits 43:0 of iohgatp, iosatp, pdtp and msiptp.
func rootPPN(v uint64) uint64 { return v & (1<<44 - 1) }

// load reads little-endian doublewords at a physical address.
func (u *IOMMU) load(addr uint64, dst []uint64) error {
	var buf [64]byte
	p := buf[:8*len(dst)]
	if err := u.memory.ReadDMA(mmio.IOVA(addr), p); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = binary.LittleEndian.Uint64(p[8*i:])
	}
	return nil
}

// load1 reads one doubleword.
func (u *IOMMU) load1(addr uint64) (uint64, error) {
	var v [1]uint64
	err := u.load(addr, v[:])
	return v[0], err
}

// store writes one doubleword.
func (u *IOMMU) store(addr, v uint64) error {
	return u.memory.WriteDMA(mmio.IOVA(addr), binary.LittleEndian.AppendUint64(nil, v))
}
