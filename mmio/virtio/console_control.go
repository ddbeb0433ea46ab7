// SPDX-License-Identifier: Apache-2.0

package virtio

import (
	"encoding/binary"

	"vdev/mmio"
)

// Control events (section 5.3.6.1, struct virtio_console_control).
const (
	controlDeviceReady = 0
	controlPortAdd     = 1
	controlPortReady   = 3
	controlConsolePort = 4
	controlResize      = 5
	controlPortOpen    = 6
	controlPortName    = 7
)

const (
	controlSize = 8 // le32 port, le16 event, le16 value
	maxPortName = 255
)

// pendingSet says which messages about a port the driver has yet to be told. It
// is a set and not a queue, so that a driver that gives no buffers cannot make it
// grow; messages carry the state at the time they are sent. The bits are in the
// order of sending.
type pendingSet uint8

const (
	sendAdd pendingSet = 1 << iota
	sendConsole
	sendName
	sendResize
	sendOpen
)

// receiveControl handles what the driver sent on the control queue.
func (c *Console) receiveControl() {
	q := c.queues[consoleControlTX]
	for q.pop(&c.in) {
		if c.in.writeLen > 0 || c.in.readLen < controlSize {
			q.bad("control-message", uint64(c.in.readLen))
			break
		}
		in := c.in.readStart()
		msg := c.message[:controlSize]
		if !q.read(&c.in, &in, msg) {
			break
		}
		q.push(c.in.head, 0)
		c.handleControl(binary.LittleEndian.Uint32(msg), binary.LittleEndian.Uint16(msg[4:]),
			binary.LittleEndian.Uint16(msg[6:]))
	}
	q.flush()
	c.sendControl()
}

// handleControl acts on one message of the driver. Port 0 to n are announced on
// DEVICE_READY and described on PORT_READY, as Linux's drivers/char/virtio_console.c
// expects.
func (c *Console) handleControl(id uint32, event, value uint16) {
	if event == controlDeviceReady {
		if value == 1 {
			for _, p := range c.ports {
				p.pending |= sendAdd
			}
		}
		return
	}
	if id >= uint32(len(c.ports)) {
		c.Report(mmio.EventBadValue, "control-port", uint64(event), uint64(id))
		return
	}
	p := c.ports[id]
	switch event {
	case controlPortReady:
		p.ready = value == 1
		if p.ready {
			p.pending |= p.description()
		}
	case controlPortOpen:
		p.setGuestOpen(value != 0)
	default:
		c.Report(mmio.EventBadValue, "control-event", uint64(event), uint64(id))
	}
}

// description is all that the driver must hear about a port it has just added.
func (p *Port) description() pendingSet {
	var m pendingSet
	if p.cfg.Console {
		m |= sendConsole
		if p.console.cols != 0 && p.console.rows != 0 {
			m |= sendResize
		}
	}
	if p.cfg.Name != "" {
		m |= sendName
	}
	if p.hostOpen {
		m |= sendOpen
	}
	return m
}

// sendControl sends pending messages as long as the driver has buffers for them.
func (c *Console) sendControl() {
	q := c.queues[consoleControlRX]
	for _, p := range c.ports {
		for p.pending != 0 && q.pop(&c.out) {
			which := p.pending & -p.pending
			msg := c.encode(p, which)
			if c.out.readLen > 0 || int(c.out.writeLen) < len(msg) {
				q.bad("control-buffer", uint64(c.out.writeLen))
				return
			}
			out := c.out.writeStart()
			if !q.write(&c.out, &out, msg) {
				return
			}
			q.push(c.out.head, uint32(len(msg)))
			p.pending &^= which
		}
	}
	q.flush()
}

// encode builds the message for one bit of a port's pending set.
func (c *Console) encode(p *Port, which pendingSet) []byte {
	msg := c.message[:controlSize]
	event, value := uint16(controlPortAdd), uint16(1)
	switch which {
	case sendConsole:
		event = controlConsolePort
	case sendName:
		event = controlPortName
		msg = append(msg, p.cfg.Name...)
	case sendResize:
		// struct virtio_console_resize: cols, then rows. Linux up to 6.15 reads
		// them the wrong way round.
		event = controlResize
		msg = binary.LittleEndian.AppendUint16(msg, c.cols)
		msg = binary.LittleEndian.AppendUint16(msg, c.rows)
	case sendOpen:
		event = controlPortOpen
		if !p.hostOpen {
			value = 0
		}
	}
	binary.LittleEndian.PutUint32(msg, p.id)
	binary.LittleEndian.PutUint16(msg[4:], event)
	binary.LittleEndian.PutUint16(msg[6:], value)
	return msg
}
