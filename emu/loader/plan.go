// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"vdev/mmio"
)

// Request says what has to fit into RAM.
type Request struct {
	RAMBase mmio.PhysAddr // a multiple of 2 MiB
	RAMSize uint64        // in bytes

	Kernel     *Kernel // nil if the firmware brings its own
	Firmware   *Kernel // nil for the built-in one
	InitrdSize uint64  // in bytes, 0 for none
	DTBSize    uint64  // in bytes, 0 for none; an upper bound will do
}

// Layout is where everything goes. Segment addresses and symbols of a Kernel that
// is not Fixed count from Kernel or Firmware here; for one that is, these are
// zero. So an address is always the sum of the two.
type Layout struct {
	Kernel        mmio.PhysAddr
	KernelEntry   mmio.PhysAddr
	Firmware      mmio.PhysAddr
	FirmwareEntry mmio.PhysAddr
	Initrd        mmio.PhysAddr // 0 if there is none
	DTB           mmio.PhysAddr // 0 if there is none
	// DynamicInfo is where DynamicInfo's bytes go for the firmware; 0 without one.
	DynamicInfo mmio.PhysAddr
}

const (
	pageSize = 4 << 10
	// kernelOffset is where Linux is used to lie in RAM: the first megapage belongs
	// to the firmware.
	kernelOffset = 2 << 20
	// dtbSlack is left behind the device tree, which OpenSBI extends in place.
	dtbSlack = 64 << 10
	// linuxRoom is what Linux needs on top of what is loaded, to get anywhere near
	// its first process.
	linuxRoom = 16 << 20
	// highLimit keeps what the kernel finds through pointers below 4 GiB, where
	// every kernel and firmware can reach it early.
	highLimit = 4 << 30
	// maxRAMEnd is beyond all memory there can be, and small enough that sums of a
	// few such numbers do not overflow. Physical addresses have 56 bits.
	maxRAMEnd = 1 << 56
)

// Plan places everything in RAM: the firmware at its start, the kernel from the
// next 2 MiB on, and the initramfs and the device tree as high as possible below
// 4 GiB. Fixed kernels stay where they are.
func Plan(r Request) (Layout, error) {
	if r.RAMBase == 0 || r.RAMBase%imageAlign != 0 || r.RAMBase > maxRAMEnd || r.RAMSize > maxRAMEnd {
		panic("BUG: loader: RAM must start at a multiple of 2 MiB and lie where harts can address it")
	}
	if r.Kernel == nil && r.Firmware == nil {
		return Layout{}, errors.New("nothing to run: give a kernel or a firmware")
	}
	p := planner{base: uint64(r.RAMBase), end: uint64(r.RAMBase) + r.RAMSize}
	p.top = p.limit()
	var l Layout
	if fw := r.Firmware; fw != nil {
		l.Firmware = p.placeLow(fw, p.base)
		l.FirmwareEntry = l.Firmware + fw.Entry
	}
	if k := r.Kernel; k != nil {
		at := p.base + max(kernelOffset, k.TextOffset)
		if n := len(p.used); n > 0 {
			at = max(at, alignUp(p.used[n-1].end, imageAlign))
		}
		l.Kernel = p.placeLow(k, at)
		l.KernelEntry = l.Kernel + k.Entry
		if k.Kind == KindImage {
			p.spare = linuxRoom
		}
	}
	if r.DTBSize > 0 {
		l.DTB = p.placeHigh(r.DTBSize, dtbSlack)
	}
	if r.Firmware != nil {
		l.DynamicInfo = p.placeHigh(dynamicInfoSize, 0)
	}
	if r.InitrdSize > 0 {
		l.Initrd = p.placeHigh(r.InitrdSize, 0)
	}
	if err := p.check(); err != nil {
		return Layout{}, err
	}
	return l, nil
}

type span struct {
	start, end uint64
	file       *Kernel
}

// planner collects the spans that are taken. Nothing fails until check, which
// knows by then how much memory would have done.
type planner struct {
	base, end uint64 // of RAM
	used      []span // segments of firmware and kernel
	top       uint64 // where the next high thing ends, at most
	high      uint64 // bytes taken by high things
	spare     uint64 // bytes that must stay free
	failed    bool   // a high thing did not fit
}

// limit is where the highest thing may end.
func (p *planner) limit() uint64 {
	if p.base < highLimit {
		return min(p.end, highLimit) &^ (pageSize - 1)
	}
	return p.end &^ (pageSize - 1)
}

// placeLow records the segments of k, which starts at the address at if it is not
// Fixed, and returns what to add to its addresses.
func (p *planner) placeLow(k *Kernel, at uint64) mmio.PhysAddr {
	if k.Fixed {
		at = 0
	}
	for _, s := range k.Segments {
		p.used = append(p.used, span{at + uint64(s.Addr), at + s.end(), k})
	}
	return mmio.PhysAddr(at)
}

// placeHigh finds room for size bytes, and slack more behind them, at the highest
// page below what is there already.
func (p *planner) placeHigh(size, slack uint64) mmio.PhysAddr {
	need := alignUp(min(size, maxRAMEnd)+slack, pageSize)
	p.high += need
	for {
		if p.top < p.base || p.top-p.base < need {
			p.failed = true
			return 0
		}
		i := slices.IndexFunc(p.used, func(u span) bool { return u.start < p.top && u.end > p.top-need })
		if i < 0 {
			break
		}
		p.top = p.used[i].start &^ (pageSize - 1) // step below what is in the way
	}
	p.top -= need
	return mmio.PhysAddr(p.top)
}

func (p *planner) check() error {
	low := p.base // where firmware and kernel end
	for i, u := range p.used {
		if u.start < p.base || u.end > maxRAMEnd {
			return fmt.Errorf("%s: it is linked to address %#x, where there is no RAM; link it to %#x", u.file.Name, u.start, p.base)
		}
		for _, v := range p.used[:i] {
			if u.start < v.end && v.start < u.end {
				return fmt.Errorf("%s: it lies at address %#x, on top of %s; link one of them elsewhere", u.file.Name, u.start, v.file.Name)
			}
		}
		low = max(low, u.end)
	}
	size := alignUp(low-p.base, pageSize) + p.high
	need := size + p.spare
	switch {
	case !p.failed && low <= p.end && (p.spare == 0 || need <= p.end-p.base):
		return nil
	case need > p.end-p.base && (p.base >= highLimit || p.high == 0 || size <= highLimit-p.base):
		return fmt.Errorf("memory too small: need at least %d MiB", alignUp(need, 1<<20)>>20)
	}
	return errors.New("kernel and initrd are too large, or linked too high, to lie together below 4 GiB")
}

func alignUp(v, to uint64) uint64 { return (v + to - 1) &^ (to - 1) }

const dynamicInfoSize = 6 * 8

// DynamicInfo is the structure through which OpenSBI's fw_dynamic learns what to
// start next, as its include/sbi/fw_dynamic.h defines it: it is handed the
// address in a2. Other firmware ignores it.
func DynamicInfo(next mmio.PhysAddr, bootHart uint64) []byte {
	const (
		magic   = 0x4942534f // "OSBI"
		version = 2
		sMode   = 1
	)
	var b []byte
	for _, v := range [dynamicInfoSize / 8]uint64{magic, version, uint64(next), sMode, 0, bootHart} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}
