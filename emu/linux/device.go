// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"fmt"
	"strings"

	"vdev/mmio"
)

// enumerators is Types that know the values of enumerators, too.
type enumerators interface {
	Enumerator(name string) (int32, bool)
}

// Device finds the struct device of the platform device with its registers at base,
// as drivers/of/platform.c names it.
func (k *Kernel) Device(base mmio.PhysAddr, satp uint64) (dev uint64, name string, ok bool) {
	devices, ok := k.Symbol("devices_kset")
	if !ok {
		return 0, "", false
	}
	prefix := fmt.Sprintf("%x.", uint64(base))
	r := k.Reader(satp)
	r.List(r.Addr(r.Word(devices), "kset.list"), "kobject.entry", func(kobj uint64) bool {
		n := r.String(r.Get(kobj, "kobject.name"), maxDeviceName)
		if strings.HasPrefix(n, prefix) {
			dev, name = r.Container(kobj, "device.kobj"), n
		}
		return dev == 0
	})
	return dev, name, dev != 0 && r.OK()
}

// Coherent tells whether the kernel takes a struct device for one that sees what the
// harts see, so that its DMA needs no cache maintenance; known is false if it does not
// say.
func (k *Kernel) Coherent(dev, satp uint64) (coherent, known bool) {
	types, ok := k.kernelFile().(enumerators)
	if !ok {
		return false, false
	}
	bit, ok := types.Enumerator("DEV_FLAG_DMA_COHERENT")
	if !ok || bit < 0 || bit > 63 {
		return false, false
	}
	r := k.Reader(satp)
	flags := r.Word(r.Addr(dev, "device.flags"))
	return flags>>bit&1 != 0, r.OK()
}
