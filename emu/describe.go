// SPDX-License-Identifier: Apache-2.0

package emu

import "vdev/mmio"

// DeviceInfo describes a device as it is wired into the machine.
type DeviceInfo struct {
	mmio.Region
	Name string
	IRQ  []uint32 // PLIC sources
	// Regs is the device's register table, nil if it has none.
	Regs *mmio.Regs
}

// Devices lists the machine's devices in order of their addresses.
func (m *Machine) Devices() []DeviceInfo {
	var list []DeviceInfo
	for _, p := range m.placed {
		d := DeviceInfo{Region: mmio.Region{Base: p.base, Size: p.dev.Size(), Device: p.dev}, Name: p.dev.Name(), IRQ: p.irqs}
		if t, ok := p.dev.(interface{ Registers() *mmio.Regs }); ok {
			d.Regs = t.Registers()
		}
		list = append(list, d)
	}
	return list
}

// Harts is the number of harts.
func (m *Machine) Harts() int { return len(m.harts) }
