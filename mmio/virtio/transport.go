// SPDX-License-Identifier: Apache-2.0

package virtio

import (
	"vdev/mmio"
)

// function is the device-specific half of a device.
type function interface {
	// start is called when the driver sets DRIVER_OK; a notify of every queue
	// follows.
	start()
	// notify says that queue i may have new chains.
	notify(i int)
	// stopQueue makes the device forget the chains of queue i that it holds.
	stopQueue(i int)
	// reset puts the function into its state after device reset, after stopQueue
	// of every queue.
	reset()
}

// transport is the virtio-mmio register window and everything that all devices
// have in common. Devices embed it and thereby implement mmio.Device,
// mmio.RegisterDevice and mmio.DTDescriber.
type transport struct {
	*mmio.Regs
	cfg    Config
	fn     function
	queues []*queue

	offered        uint64 // feature bits
	driverFeatures uint64 // feature bits that the driver accepted
	generation     uint32 // ConfigGeneration; counts over resets
}

// deviceSpec is what a device tells its transport about itself.
type deviceSpec struct {
	id       uint64
	title    string
	doc      string
	features uint64     // device-specific ones
	queues   []uint16   // maximum size of each
	config   []mmio.Reg // configuration space
}

// init sets the transport up. It must be called before anything else, and fn must
// be ready for reset by then.
func (t *transport) init(cfg Config, fn function, spec deviceSpec) {
	if cfg.DMA == nil {
		panic("BUG: virtio device " + cfg.Name + " has no DMA port")
	}
	t.cfg, t.fn = cfg, fn
	t.offered = spec.features | featVersion1 | featIndirectDesc | featEventIdx | featRingReset
	if cfg.AccessPlatform {
		t.offered |= featAccessPlatform
	}
	t.Regs = mmio.NewRegs(cfg.Name, t.block(spec.title, spec.doc, spec.id, spec.config), cfg.Events)
	for i, size := range spec.queues {
		t.queues = append(t.queues, newQueue(t, i, size))
	}
}

// Reset puts the device into its power-on state.
func (t *transport) Reset() {
	t.Regs.Reset()
	t.driverFeatures = 0
	for _, q := range t.queues {
		t.stop(q)
		q.reset()
	}
	t.fn.reset()
	t.setInterrupts(0)
}

// DTName is the node name's first part.
func (t *transport) DTName() string { return "virtio_mmio" }

// DescribeDT adds the properties of the binding virtio/mmio.yaml. dma-coherent or
// dma-noncoherent is always given, because the architectures' defaults differ.
func (t *transport) DescribeDT(n mmio.DTNode) {
	n.SetProp("compatible", "virtio,mmio")
	if t.cfg.NonCoherent {
		n.SetProp("dma-noncoherent", nil)
	} else {
		n.SetProp("dma-coherent", nil)
	}
}

// status is the device status of section 2.1.
func (t *transport) status() uint64 { return t.Get(regStatus) }

// checkStatus decides what a driver's write of v to the status becomes (section 3.1.1).
func (t *transport) checkStatus(old, v uint64) uint64 {
	if v == 0 {
		return 0
	}
	bad := func(what string) { t.Report(mmio.EventBadValue, what, t.Reg(regStatus).Offset, v) }
	// Only the device sets this bit; a driver may write back what it read.
	v = v&^statusNeedsReset | old&statusNeedsReset
	if old&^v != 0 {
		bad("Status-bit-cleared")
		v |= old
	}
	set := v &^ old
	if set&statusFeaturesOK != 0 && !t.acceptable() {
		bad("FEATURES_OK")
		v &^= statusFeaturesOK
	}
	if set&statusDriverOK != 0 && v&statusFeaturesOK == 0 {
		bad("DRIVER_OK-before-FEATURES_OK")
		v &^= statusDriverOK
	}
	return v
}

// acceptable tells whether the device can work with the features that the driver
// chose. VERSION_1 is required because the legacy interface is not modelled.
func (t *transport) acceptable() bool {
	required := uint64(featVersion1) | t.offered&featAccessPlatform
	return t.driverFeatures&^t.offered == 0 && t.driverFeatures&required == required
}

func (t *transport) statusChanged(old, v uint64) {
	if v == 0 {
		t.Reset()
		return
	}
	if v&^old&statusDriverOK != 0 {
		t.fn.start()
		for i := range t.queues {
			t.fn.notify(i)
		}
	}
}

func (t *transport) writeDriverFeatures(v uint64) {
	sel := t.Get(regDriverFeaturesSel)
	if t.status()&statusFeaturesOK != 0 || sel > 1 && v != 0 {
		t.Report(mmio.EventBadValue, "DriverFeatures", t.Reg(regDriverFeatures).Offset, v)
		return
	}
	if sel <= 1 {
		t.driverFeatures = t.driverFeatures&^(0xffffffff<<(32*sel)) | v<<(32*sel)
	}
}

// selected is the queue that QueueSel names, or nil.
func (t *transport) selected() *queue {
	if sel := t.Get(regQueueSel); sel < uint64(len(t.queues)) {
		return t.queues[sel]
	}
	return nil
}

// idleQueue is the selected queue for a write of v to its register what. Nil means
// that the write is refused: there is no such queue, or it is running and must
// not be reconfigured (section 4.2.2.2).
func (t *transport) idleQueue(what string, v uint64) *queue {
	q := t.selected()
	if q == nil || q.ready {
		t.Report(mmio.EventBadValue, what, t.Get(regQueueSel), v)
		return nil
	}
	return q
}

func (t *transport) readQueueNumMax() uint64 {
	if q := t.selected(); q != nil {
		return uint64(q.max)
	}
	return 0
}

func (t *transport) writeQueueNum(v uint64) {
	q := t.idleQueue("QueueNum", v)
	if q == nil {
		return
	}
	if v == 0 || v > uint64(q.max) || v&(v-1) != 0 {
		t.Report(mmio.EventBadValue, "QueueNum", t.Get(regQueueSel), v)
		return
	}
	q.size = uint16(v)
}

func (t *transport) readQueueReady() uint64 {
	if q := t.selected(); q != nil && q.ready {
		return 1
	}
	return 0
}

// writeQueueReady answers with what QueueReady reads from now on.
func (t *transport) writeQueueReady(v uint64) uint64 {
	q := t.selected()
	switch {
	case q == nil:
		if v != 0 {
			t.Report(mmio.EventBadValue, "QueueReady", t.Get(regQueueSel), v)
		}
		return 0
	case v == 0:
		t.stop(q)
		q.ready = false
		return 0
	case !q.ready && !q.enable():
		return 0
	}
	return 1
}

// writeQueueReset performs section 2.6.1 at once, so that the register always
// reads 0.
func (t *transport) writeQueueReset(v uint64) uint64 {
	q := t.selected()
	switch {
	case v == 0:
	case q == nil || t.driverFeatures&featRingReset == 0:
		t.Report(mmio.EventBadValue, "QueueReset", t.Get(regQueueSel), v)
	default:
		t.stop(q)
		q.reset()
	}
	return 0
}

// stop makes the function forget the chains that it holds of q.
func (t *transport) stop(q *queue) {
	if q.ready {
		t.fn.stopQueue(q.index)
	}
}

func (t *transport) writeQueueNotify(v uint64) {
	if v >= uint64(len(t.queues)) || t.status()&statusDriverOK == 0 {
		// What was made available too early is found when DRIVER_OK is set.
		t.Report(mmio.EventBadValue, "QueueNotify", t.Reg(regQueueNotify).Offset, v)
		return
	}
	t.fn.notify(int(v))
}

// interrupt sets bits of InterruptStatus and asserts the wire.
func (t *transport) interrupt(bits uint64) {
	t.setInterrupts(t.Get(regInterruptStatus) | bits)
}

func (t *transport) setInterrupts(bits uint64) {
	t.Set(regInterruptStatus, bits)
	if t.cfg.IRQ != nil {
		t.cfg.IRQ.Set(bits != 0)
	}
}

// configChanged tells the driver that the configuration space has new content.
func (t *transport) configChanged() {
	t.generation++
	if t.status()&statusDriverOK != 0 {
		t.interrupt(interruptConfig)
	}
}

// fail reports what the driver did and stops the device until it is reset (section
// 2.1.2).
func (t *transport) fail(kind mmio.EventKind, what string, off, value uint64) {
	t.Report(kind, what, off, value)
	old := t.status()
	t.Set(regStatus, old|statusNeedsReset)
	if old&(statusNeedsReset|statusDriverOK) == statusDriverOK {
		t.interrupt(interruptConfig)
	}
}

// readDMA fills p from guest memory; what names the structure for the event that a
// failure makes.
func (t *transport) readDMA(addr mmio.IOVA, p []byte, what string) bool {
	if err := t.cfg.DMA.ReadDMA(addr, p); err != nil {
		t.fail(mmio.EventBadDMA, what, uint64(addr), uint64(len(p)))
		return false
	}
	return true
}

// writeDMA is the counterpart of readDMA.
func (t *transport) writeDMA(addr mmio.IOVA, p []byte, what string) bool {
	if err := t.cfg.DMA.WriteDMA(addr, p); err != nil {
		t.fail(mmio.EventBadDMA, what, uint64(addr), uint64(len(p)))
		return false
	}
	return true
}
