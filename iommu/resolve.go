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
	q := *u
	q.devices = newCache[deviceContext](1)
	q.processes = newCache[processContext](1)
	q.translations = newCache[translation](1)
	q.counting = 0
	q.memory = onlooker(peek)
	res, f, _ := q.translate(&r)
	return res.Addr, f == nil
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
