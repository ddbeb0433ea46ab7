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

	m.describePool(root)
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
	nodes := make(map[mmio.PhysAddr]mmio.DTNode)
	for _, p := range m.placed {
		if d, ok := p.dev.(mmio.DTDescriber); ok {
			nodes[p.base] = soc.Child(fmt.Sprintf("%s@%x", d.DTName(), uint64(p.base)))
		}
	}
	for _, p := range m.placed {
		n := nodes[p.base]
		if n == nil {
			continue
		}
		if w, ok := p.dev.(interface{ WireDT([]mmio.DTRef) }); ok {
			w.WireDT(intc)
		}
		n.SetProp("reg", []any{uint64(p.base), p.dev.Size()})
		p.dev.(mmio.DTDescriber).DescribeDT(n)
		if p.irqs != nil {
			n.SetProp("interrupt-parent", nodes[addrPLIC].Ref())
			n.SetProp("interrupts", p.irqs)
		}
		if p.deviceID != 0 {
			n.SetProp("iommus", []any{nodes[addrIOMMU].Ref(), p.deviceID})
		}
		describeClocks(root, n, p.clocks)
	}
	m.cfg.Panel.describe(root.Child("panel"), nodes[addrFIMD])
}

// describeClocks gives a device its clocks.
func describeClocks(root, n mmio.DTNode, clocks []clockInput) {
	var names []string
	var refs []any
	for _, c := range clocks {
		k := root.Child("clock-" + strings.ReplaceAll(c.name, "_", "-"))
		k.SetProp("compatible", "fixed-clock")
		k.SetProp("#clock-cells", uint32(0))
		k.SetProp("clock-frequency", uint32(c.hz))
		names, refs = append(names, c.name), append(refs, k.Ref())
	}
	if names != nil {
		n.SetProp("clocks", refs)
		n.SetProp("clock-names", names)
	}
}
