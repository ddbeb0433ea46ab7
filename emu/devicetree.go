// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"vdev/emu/fdt"
	"vdev/emu/riscv"
	"vdev/mmio"
)

// isaExtensions is what a hart implements, as the device-tree binding
// riscv/extensions.yaml spells it. Svadu without Svade says that hardware updates
// A and D bits from the start.
var isaExtensions = []string{
	"i", "m", "a", "f", "d", "c",
	"zicbom", "zicbop", "zicboz", "ziccrse", "zicntr", "zicsr", "zifencei", "zihintpause", "zihpm",
	"zawrs", "zfhmin", "zba", "zbb", "zbs",
	"sstc", "svadu", "svinval", "svnapot", "svpbmt",
}

// interruptsOf says which PLIC sources the device at base has; devices that are not
// listed have none.
func interruptsOf(base mmio.PhysAddr) []uint32 {
	switch {
	case base == addrUART:
		return []uint32{irqUART}
	case base == addrRTC:
		return []uint32{irqRTC}
	case base == addrDMATest:
		return []uint32{irqDMATest}
	case base == addrIOMMU:
		var all []uint32
		for i := range uint32(iommuWires) {
			all = append(all, irqIOMMU+i)
		}
		return all
	case base >= addrVirtio && base < addrVirtio+8*virtioStride:
		return []uint32{irqVirtio + uint32(base-addrVirtio)/virtioStride}
	}
	return nil
}

// deviceIDOf is the device_id of the bus master at base; 0 if it has none.
func deviceIDOf(base mmio.PhysAddr) uint32 {
	switch base {
	case addrDMATest:
		return deviceDMATest
	case addrVirtio + slotBlock*virtioStride:
		return deviceBlock
	}
	return 0
}

// deviceTree describes the machine as it is. initrd is where the initramfs is, 0
// for none.
func (m *Machine) deviceTree(initrd mmio.PhysAddr) ([]byte, error) {
	root := fdt.New()
	root.SetProp("#address-cells", uint32(2))
	root.SetProp("#size-cells", uint32(2))
	root.SetProp("compatible", "vdev,machine")
	root.SetProp("model", "vdev")

	chosen := root.Child("chosen")
	chosen.SetProp("bootargs", m.cfg.Append)
	chosen.SetProp("stdout-path", fmt.Sprintf("/soc/serial@%x:115200n8", uint64(addrUART)))
	if initrd != 0 {
		chosen.SetProp("linux,initrd-start", uint64(initrd))
		chosen.SetProp("linux,initrd-end", uint64(initrd)+uint64(len(m.cfg.Initrd.Data)))
	}
	// The kernel's random numbers are part of what a seed determines.
	seed := make([]byte, 64)
	r := rand.New(rand.NewPCG(m.cfg.Seed, 1))
	for i := range seed {
		seed[i] = byte(r.Uint32())
	}
	chosen.SetProp("rng-seed", seed)

	memory := root.Child(fmt.Sprintf("memory@%x", uint64(RAMBase)))
	memory.SetProp("device_type", "memory")
	memory.SetProp("reg", []any{uint64(RAMBase), m.cfg.Memory})

	intc := m.describeHarts(root)
	m.describeSoC(root, intc)
	m.tree = root
	return fdt.Encode(root, nil, 0)
}

// describeHarts writes /cpus and returns the harts' interrupt controllers.
func (m *Machine) describeHarts(root mmio.DTNode) []mmio.DTRef {
	cpus := root.Child("cpus")
	cpus.SetProp("#address-cells", uint32(1))
	cpus.SetProp("#size-cells", uint32(0))
	cpus.SetProp("timebase-frequency", uint32(m.aclint.Frequency()))
	var intc []mmio.DTRef
	for i := range m.harts {
		c := cpus.Child(fmt.Sprintf("cpu@%d", i))
		c.SetProp("device_type", "cpu")
		c.SetProp("reg", uint32(i))
		c.SetProp("status", "okay")
		c.SetProp("compatible", "riscv")
		c.SetProp("riscv,isa-base", "rv64i")
		c.SetProp("riscv,isa-extensions", isaExtensions)
		// For kernels and firmware that predate isa-extensions.
		c.SetProp("riscv,isa", "rv64imafdc_"+strings.Join(isaExtensions[6:], "_"))
		c.SetProp("mmu-type", "riscv,sv57")
		c.SetProp("riscv,cbom-block-size", uint32(riscv.CacheBlock))
		c.SetProp("riscv,cbop-block-size", uint32(riscv.CacheBlock))
		c.SetProp("riscv,cboz-block-size", uint32(riscv.CacheBlock))
		ic := c.Child("interrupt-controller")
		ic.SetProp("compatible", "riscv,cpu-intc")
		ic.SetProp("interrupt-controller", nil)
		ic.SetProp("#interrupt-cells", uint32(1))
		intc = append(intc, ic.Ref())
	}
	return intc
}

// describeSoC writes the devices, in order of their addresses.
func (m *Machine) describeSoC(root mmio.DTNode, intc []mmio.DTRef) {
	soc := root.Child("soc")
	soc.SetProp("#address-cells", uint32(2))
	soc.SetProp("#size-cells", uint32(2))
	soc.SetProp("compatible", "simple-bus")
	soc.SetProp("ranges", nil)
	nodes := make([]mmio.DTNode, 0)
	var plicRef, iommuRef mmio.DTRef
	regions := m.bus.Regions()
	for _, r := range regions {
		d, ok := r.Device.(mmio.DTDescriber)
		if !ok {
			nodes = append(nodes, nil)
			continue
		}
		n := soc.Child(fmt.Sprintf("%s@%x", d.DTName(), uint64(r.Base)))
		switch r.Base {
		case addrPLIC:
			plicRef = n.Ref()
		case addrIOMMU:
			iommuRef = n.Ref()
		}
		nodes = append(nodes, n)
	}
	for i, r := range regions {
		n := nodes[i]
		if n == nil {
			continue
		}
		if w, ok := r.Device.(interface{ WireDT([]mmio.DTRef) }); ok {
			w.WireDT(intc)
		}
		n.SetProp("reg", []any{uint64(r.Base), r.Size})
		r.Device.(mmio.DTDescriber).DescribeDT(n)
		if irqs := interruptsOf(r.Base); irqs != nil {
			n.SetProp("interrupt-parent", plicRef)
			n.SetProp("interrupts", irqs)
		}
		if id := deviceIDOf(r.Base); id != 0 && iommuRef != nil {
			n.SetProp("iommus", []any{iommuRef, id})
		}
	}
}
