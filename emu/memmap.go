// SPDX-License-Identifier: Apache-2.0

package emu

import "vdev/mmio"

// The memory map. RAM and the multimedia block leave the rest where it usually is
// on RISC-V boards.
const (
	addrSyscon  mmio.PhysAddr = 0x0010_0000
	addrRTC     mmio.PhysAddr = 0x0010_1000
	addrACLINT  mmio.PhysAddr = 0x0200_0000
	addrPLIC    mmio.PhysAddr = 0x0c00_0000
	addrUART    mmio.PhysAddr = 0x1000_0000
	addrVirtio  mmio.PhysAddr = 0x1000_1000 // one window of virtioStride for each device
	addrDMATest mmio.PhysAddr = 0x1001_0000
	addrIOMMU   mmio.PhysAddr = 0x1002_0000
	addrBSU     mmio.PhysAddr = 0x1003_0000
	addrG2D     mmio.PhysAddr = 0x1080_0000 // as in Exynos 4412
	addrFIMD    mmio.PhysAddr = 0x11c0_0000 // as in Exynos 4412
	// RAMBase is where RAM starts.
	RAMBase mmio.PhysAddr = 0x8000_0000

	virtioStride = 0x1000
)

// PLIC sources.
const (
	irqVirtio  = 1 // and the following, one for each device
	irqUART    = 10
	irqRTC     = 11
	irqDMATest = 12
	irqIOMMU   = 13 // and the three that follow: commands, faults, counters, page requests
	irqG2D     = 17
	irqFIMD    = 18 // and the two that follow: fifo, vsync, lcd_sys
	irqBSU     = 21

	plicSources = 96
)

// iommuWires is the number of the IOMMU's interrupts.
const iommuWires = 4

// The device_id of each bus master that can be behind the IOMMU; the others reach
// memory past it.
const (
	deviceDMATest uint32 = 1
	deviceBlock   uint32 = 2
	deviceG2D     uint32 = 3
	deviceFIMD    uint32 = 4
)

// mediaClock is the bus clock of the multimedia block in Hz.
const mediaClock = 200_000_000

// The kinds of virtio devices by their slot, so that a device keeps its address
// whether or not others are there.
const (
	slotConsole = iota
	slotRNG
	slotBlock
)
