// SPDX-License-Identifier: Apache-2.0

package virtio

import "vdev/mmio"

// The registers of the transport (section 4.2.2). The device-specific
// configuration space follows them in each device's table.
const (
	regMagicValue mmio.RegID = iota
	regVersion
	regDeviceID
	regVendorID
	regDeviceFeatures
	regDeviceFeaturesSel
	regDriverFeatures
	regDriverFeaturesSel
	regQueueSel
	regQueueNumMax
	regQueueNum
	regQueueReady
	regQueueNotify
	regInterruptStatus
	regInterruptACK
	regStatus
	regQueueDescLow
	regQueueDescHigh
	regQueueDriverLow
	regQueueDriverHigh
	regQueueDeviceLow
	regQueueDeviceHigh
	regSHMSel
	regSHMLenLow
	regSHMLenHigh
	regSHMBaseLow
	regSHMBaseHigh
	regQueueReset
	regConfigGeneration
)

const (
	magicValue = 0x74726976 // "virt" in little-endian order
	vendorID   = 0x56454456 // "VDEV"

	windowSize  = 0x200
	configSpace = 0x100 // offset of the configuration space
)

// noSHM is what every shared-memory register reads for a region that does not
// exist, and no device here has any (section 4.2.2).
const noSHM = 0xffffffff

// statusReserved are the status bits that mean nothing (section 2.1).
const statusReserved = ^uint64(statusAcknowledge|statusDriver|statusDriverOK|statusFeaturesOK|
	statusNeedsReset|statusFailed) & (1<<32 - 1)

// block is the register table of a device with this configuration space.
func (t *transport) block(title, doc string, deviceID uint64, config []mmio.Reg) mmio.Block {
	regs := []mmio.Reg{
		regMagicValue: {Name: "MagicValue", Offset: 0x000, Access: mmio.RO, Reset: magicValue,
			Doc: `"virt" in little-endian order.`},
		regVersion: {Name: "Version", Offset: 0x004, Access: mmio.RO, Reset: 2,
			Doc: "Version of the register layout; 1 would be legacy."},
		regDeviceID: {Name: "DeviceID", Offset: 0x008, Access: mmio.RO, Reset: deviceID,
			Doc: "Virtio device type."},
		regVendorID: {Name: "VendorID", Offset: 0x00c, Access: mmio.RO, Reset: vendorID,
			Doc: `"VDEV" in little-endian order.`},
		regDeviceFeatures: {Name: "DeviceFeatures", Offset: 0x010, Access: mmio.RO,
			Doc:     "32 feature bits that the device offers, selected by DeviceFeaturesSel.",
			PreRead: func(int, uint64) uint64 { return half(t.offered, t.Get(regDeviceFeaturesSel)) }},
		regDeviceFeaturesSel: {Name: "DeviceFeaturesSel", Offset: 0x014, Access: mmio.WO,
			Doc: "Which 32 bits DeviceFeatures shows: 0 for bits 31 to 0, 1 for bits 63 to 32."},
		regDriverFeatures: {Name: "DriverFeatures", Offset: 0x020, Access: mmio.WO,
			Doc:       "32 feature bits that the driver accepts, selected by DriverFeaturesSel.",
			PostWrite: func(_ int, _, v uint64) { t.writeDriverFeatures(v) }},
		regDriverFeaturesSel: {Name: "DriverFeaturesSel", Offset: 0x024, Access: mmio.WO,
			Doc: "Which 32 bits DriverFeatures sets."},
		regQueueSel: {Name: "QueueSel", Offset: 0x030, Access: mmio.WO,
			Doc: "The queue that the other queue registers, except QueueNotify, apply to."},
		regQueueNumMax: {Name: "QueueNumMax", Offset: 0x034, Access: mmio.RO,
			Doc:     "Largest size of the selected queue; 0 if there is no such queue.",
			PreRead: func(int, uint64) uint64 { return t.readQueueNumMax() }},
		regQueueNum: {Name: "QueueNum", Offset: 0x038, Access: mmio.WO,
			Doc:       "Size of the selected queue in descriptors, a power of two.",
			PostWrite: func(_ int, _, v uint64) { t.writeQueueNum(v) }},
		regQueueReady: {Name: "QueueReady", Offset: 0x044, Reserved: 0xfffffffe,
			Doc:      "Starts or stops the selected queue.",
			Fields:   []mmio.Field{mmio.Bit(0, "READY", "the device may use the queue")},
			PreRead:  func(int, uint64) uint64 { return t.readQueueReady() },
			PreWrite: func(_ int, _, v uint64) uint64 { return t.writeQueueReady(v) }},
		regQueueNotify: {Name: "QueueNotify", Offset: 0x050, Access: mmio.WO, Starts: true,
			Doc:       "Tells the device that the queue of this number has new buffers.",
			PostWrite: func(_ int, _, v uint64) { t.writeQueueNotify(v) }},
		regInterruptStatus: {Name: "InterruptStatus", Offset: 0x060, Access: mmio.RO,
			Doc: "Why the device asserts its interrupt.",
			Fields: []mmio.Field{
				mmio.Bit(0, "USED", "a queue has used buffers"),
				mmio.Bit(1, "CONFIG", "the configuration changed, or the device needs a reset")}},
		regInterruptACK: {Name: "InterruptACK", Offset: 0x064, Access: mmio.WO,
			Doc:       "Clears the bits of InterruptStatus that are written as 1.",
			PostWrite: func(_ int, _, v uint64) { t.setInterrupts(t.Get(regInterruptStatus) &^ v) }},
		regStatus: {Name: "Status", Offset: 0x070, Reserved: statusReserved,
			Doc: "Progress of the driver; writing 0 resets the device.",
			Fields: []mmio.Field{
				mmio.Bit(0, "ACKNOWLEDGE", "the driver has noticed the device"),
				mmio.Bit(1, "DRIVER", "the driver knows how to drive it"),
				mmio.Bit(2, "DRIVER_OK", "the driver is ready"),
				mmio.Bit(3, "FEATURES_OK", "both sides agree on the features"),
				mmio.Bit(6, "DEVICE_NEEDS_RESET", "the driver broke a rule; the device has stopped"),
				mmio.Bit(7, "FAILED", "the driver has given up")},
			PreWrite:  func(_ int, old, v uint64) uint64 { return t.checkStatus(old, v) },
			PostWrite: func(_ int, old, v uint64) { t.statusChanged(old, v) }},
		regSHMSel: {Name: "SHMSel", Offset: 0x0ac, Access: mmio.WO,
			Doc: "Selects a shared-memory region; there are none."},
		regSHMLenLow: {Name: "SHMLenLow", Offset: 0x0b0, Access: mmio.RO, Reset: noSHM,
			Doc: "Length of the selected region, low half; all ones for none."},
		regSHMLenHigh: {Name: "SHMLenHigh", Offset: 0x0b4, Access: mmio.RO, Reset: noSHM,
			Doc: "Length of the selected region, high half."},
		regSHMBaseLow: {Name: "SHMBaseLow", Offset: 0x0b8, Access: mmio.RO, Reset: noSHM,
			Doc: "Address of the selected region, low half; all ones for none."},
		regSHMBaseHigh: {Name: "SHMBaseHigh", Offset: 0x0bc, Access: mmio.RO, Reset: noSHM,
			Doc: "Address of the selected region, high half."},
		regQueueReset: {Name: "QueueReset", Offset: 0x0c0, Reserved: 0xfffffffe,
			Doc:      "Writing 1 resets the selected queue, if VIRTIO_F_RING_RESET was accepted; done when it reads 0.",
			Fields:   []mmio.Field{mmio.Bit(0, "RESET", "reset the selected queue")},
			PreWrite: func(_ int, _, v uint64) uint64 { return t.writeQueueReset(v) }},
		regConfigGeneration: {Name: "ConfigGeneration", Offset: 0x0fc, Access: mmio.RO,
			Doc:     "Changes whenever the configuration space does.",
			PreRead: func(int, uint64) uint64 { return uint64(t.generation) }},
	}
	for i, area := range [...]struct {
		low  mmio.RegID
		name string
		doc  string
		addr func(*queue) *mmio.IOVA
	}{
		{regQueueDescLow, "QueueDesc", "descriptor table", func(q *queue) *mmio.IOVA { return &q.desc }},
		{regQueueDriverLow, "QueueDriver", "available ring", func(q *queue) *mmio.IOVA { return &q.driver }},
		{regQueueDeviceLow, "QueueDevice", "used ring", func(q *queue) *mmio.IOVA { return &q.device }},
	} {
		for h, side := range [...]string{"Low", "High"} {
			shift := 32 * uint(h)
			regs[area.low+mmio.RegID(h)] = mmio.Reg{
				Name: area.name + side, Offset: 0x080 + 0x10*uint64(i) + 4*uint64(h), Access: mmio.WO,
				Doc: "Address of the selected queue's " + area.doc + ", one half.",
				PostWrite: func(_ int, _, v uint64) {
					if q := t.idleQueue(area.name, v); q != nil {
						p := area.addr(q)
						*p = *p&^(0xffffffff<<shift) | mmio.IOVA(v)<<shift
					}
				},
			}
		}
	}
	return mmio.Block{Title: title, Doc: doc, Size: windowSize, Regs: append(regs, config...)}
}

// half is the 32-bit half of features that a selector register picks; there is
// nothing beyond the second.
func half(features, sel uint64) uint64 {
	if sel > 1 {
		return 0
	}
	return features >> (32 * sel) & 0xffffffff
}

// configReg declares a field of the configuration space at off bytes from its
// start. Drivers read wide fields in parts and narrow neighbours at once (section
// 4.2.2.2), so every access width up to four bytes is taken.
func configReg(name string, off uint64, width int, value uint64, doc string) mmio.Reg {
	return mmio.Reg{
		Name: name, Offset: configSpace + off, Width: width, Sizes: 1 | 2 | 4 | uint8(width),
		Access: mmio.RO, Reset: value, Doc: doc,
	}
}
