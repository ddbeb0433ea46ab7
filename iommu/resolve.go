// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"errors"

	"vdev/mmio"
)

var errNothing = errors.New("no memory at this address")

// Resolve tells where the directory and the tables, as they are in memory now, lead an
// access of a bus master, and false if they forbid it. Unlike Translate it leaves no
// trace: nothing is cached, counted, set or reported, and what is cached does not
// matter. peek reads physical memory, as the harts see it, without a trace of its own.
func (u *IOMMU) Resolve(peek func(mmio.PhysAddr, []byte) bool, r Request) (mmio.PhysAddr, bool) {
	r.DeviceID &= 1<<24 - 1
	res, f, _ := u.onlooker(peek).translate(&r)
	return res.Addr, f == nil
}

// AddressSpace is the PSCID of a bus master's first stage, as the directory is in memory
// now; false if it has none. It leaves no trace, either.
func (u *IOMMU) AddressSpace(peek func(mmio.PhysAddr, []byte) bool, device uint32) (pscid uint32, ok bool) {
	device &= 1<<24 - 1
	if u.Get(regDdtp)&15 < ddtp1LVL || !u.reaches(device) {
		return 0, false
	}
	d, cause := u.onlooker(peek).findDevice(device, &ids{device: device})
	if cause != 0 || d.TC&tcPDTV != 0 || mode(d.FSC) == modeBare {
		return 0, false
	}
	return softID(d.TA), true
}

// onlooker is an IOMMU in the same state, whose doings have no effect.
func (u *IOMMU) onlooker(peek func(mmio.PhysAddr, []byte) bool) *IOMMU {
	q := *u
	q.devices = newCache[deviceContext](1)
	q.processes = newCache[processContext](1)
	q.translations = newCache[translation](1)
	q.counting = 0
	q.memory = onlooker(peek)
	return &q
}

// onlooker is memory that is read without a trace. What is written, bits A and D, is
// forgotten.
type onlooker func(mmio.PhysAddr, []byte) bool

// ReadDMA implements mmio.DMA.
func (o onlooker) ReadDMA(addr mmio.IOVA, p []byte) error {
	if !o(mmio.PhysAddr(addr), p) {
		return &mmio.DMAError{Addr: addr, Err: errNothing}
	}
	return nil
}

// WriteDMA implements mmio.DMA.
func (o onlooker) WriteDMA(mmio.IOVA, []byte) error { return nil }
