// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"errors"

	"vdev/emu/mem"
	"vdev/mmio"
)

var errNoMemory = errors.New("no memory at this address")

// coherentPort is a bus-master port without an IOMMU that sees memory as the harts
// do.
type coherentPort struct{ mem *mem.Memory }

// ReadDMA implements mmio.DMA.
func (p coherentPort) ReadDMA(addr mmio.IOVA, b []byte) error {
	if !p.mem.Read(mmio.PhysAddr(addr), b) {
		return &mmio.DMAError{Addr: p.firstBad(addr), Err: errNoMemory}
	}
	return nil
}

// WriteDMA implements mmio.DMA.
func (p coherentPort) WriteDMA(addr mmio.IOVA, b []byte) error {
	if !p.mem.Write(mmio.PhysAddr(addr), b) {
		return &mmio.DMAError{Addr: p.firstBad(addr), Write: true, Err: errNoMemory}
	}
	return nil
}

// firstBad is the first address of a failed transfer that is not RAM.
func (p coherentPort) firstBad(addr mmio.IOVA) mmio.IOVA {
	if p.mem.Contains(mmio.PhysAddr(addr), 1) {
		return mmio.IOVA(uint64(p.mem.Base()) + p.mem.Size())
	}
	return addr
}
