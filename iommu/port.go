// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"errors"

	"vdev/mmio"
)

// port is a bus master's way to memory.
type port struct {
	u       *IOMMU
	device  uint32
	down    mmio.DMA
	onFault func(Fault)
	seen    *seenPages // nil until somebody asks for changes
}

// Port makes the port of the bus master with that device_id: it translates page by
// page, and passes on to down, whose addresses are physical. A refused access fails
// with a *mmio.DMAError that names the I/O virtual address and wraps a *Fault; what was
// before it has been moved. onFault, if not nil, sees every fault besides.
func (u *IOMMU) Port(deviceID uint32, down mmio.DMA, onFault func(Fault)) mmio.DMA {
	p := &port{u: u, device: deviceID & (1<<24 - 1), down: down, onFault: onFault}
	u.ports = append(u.ports, p)
	return p
}

// ReadDMA reads through the IOMMU.
func (p *port) ReadDMA(addr mmio.IOVA, data []byte) error {
	return p.each(addr, data, UntranslatedRead, p.down.ReadDMA)
}

// WriteDMA writes through the IOMMU.
func (p *port) WriteDMA(addr mmio.IOVA, data []byte) error {
	return p.each(addr, data, UntranslatedWrite, p.down.WriteDMA)
}

func (p *port) each(addr mmio.IOVA, data []byte, t Transaction, move func(mmio.IOVA, []byte) error) error {
	for len(data) > 0 {
		n := min(len(data), pageSize-int(addr%pageSize))
		res, f := p.u.Translate(Request{DeviceID: p.device, Type: t, Addr: addr})
		if f != nil {
			if p.onFault != nil {
				p.onFault(*f)
			}
			return &mmio.DMAError{Addr: addr, Write: t == UntranslatedWrite, Err: f}
		}
		if p.seen != nil && t == UntranslatedRead {
			p.seen.learn(addr, res)
		}
		if err := move(mmio.IOVA(res.Addr), data[:n]); err != nil {
			return p.untranslated(err, addr, res.Addr, n, t)
		}
		addr += mmio.IOVA(n)
		data = data[n:]
	}
	return nil
}

// untranslated makes the address in an error from below the master's own.
func (p *port) untranslated(err error, addr mmio.IOVA, pa mmio.PhysAddr, n int, t Transaction) error {
	if e := (*mmio.DMAError)(nil); errors.As(err, &e) {
		if off := uint64(e.Addr) - uint64(pa); off < uint64(n) {
			addr += mmio.IOVA(off)
		}
		err = e.Err
	}
	return &mmio.DMAError{Addr: addr, Write: t == UntranslatedWrite, Err: err}
}
