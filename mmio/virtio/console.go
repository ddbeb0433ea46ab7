// SPDX-License-Identifier: Apache-2.0

package virtio

import (
	"strconv"

	"vdev/mmio"
)

// Console features (section 5.3.3).
const (
	consoleFeatSize      = 1 << 0
	consoleFeatMultiport = 1 << 1
)

// The control queues' numbers; all other queues belong to ports, see portQueues
// (section 5.3.2).
const (
	consoleControlRX = 2 // to the driver
	consoleControlTX = 3 // from the driver
)

// maxPorts keeps queue numbers and snapshots small; virtio allows 2^31.
const maxPorts = 31

// ConsoleConfig configures a console device.
type ConsoleConfig struct {
	Config
	// Ports are the ports, from port 0 on. A driver without the multiport
	// feature sees only the first, as a console.
	Ports []PortConfig
	// QueueSize is the number of descriptors of every queue, a power of two; 0
	// means 64.
	QueueSize uint16
	// Cols and Rows are the size of the terminal; 0 if unknown.
	Cols, Rows uint16
}

// PortConfig declares one port.
type PortConfig struct {
	// Name appears in the guest as /sys/class/virtio-ports/*/name; at most 255
	// bytes, may be empty.
	Name string
	// Console makes the port a terminal (hvc) instead of a character device.
	Console bool
}

// Console is a console device (section 5.3) with any number of ports.
type Console struct {
	transport
	ports      []*Port
	cols, rows uint16
	in, out    chain // of the control queues, as the driver sees them
	message    [controlSize + maxPortName]byte
}

// NewConsole makes a console device. All ports are open on the host's side.
// Configuration mistakes are the machine's, so they panic.
func NewConsole(cfg ConsoleConfig) *Console {
	size := cfg.QueueSize
	if size == 0 {
		size = 64
	}
	if len(cfg.Ports) == 0 || len(cfg.Ports) > maxPorts {
		panic("BUG: a console has 1 to " + strconv.Itoa(maxPorts) + " ports")
	}
	c := &Console{cols: cfg.Cols, rows: cfg.Rows}
	queues := make([]uint16, 2*len(cfg.Ports)+2)
	for i := range queues {
		queues[i] = size
	}
	for i, p := range cfg.Ports {
		if len(p.Name) > maxPortName {
			panic("BUG: console port name is too long: " + p.Name)
		}
		c.ports = append(c.ports, &Port{console: c, id: uint32(i), cfg: p, hostOpen: true})
	}
	cols := configReg("cols", 0, 2, 0, "Width of the terminal in characters; 0 if unknown.")
	cols.PreRead = func(int, uint64) uint64 { return uint64(c.cols) }
	rows := configReg("rows", 2, 2, 0, "Height of the terminal in characters; 0 if unknown.")
	rows.PreRead = func(int, uint64) uint64 { return uint64(c.rows) }
	c.init(cfg.Config, c, deviceSpec{
		id: idConsole, title: "virtio console",
		doc:      "Terminals and named byte streams over virtio-mmio (virtio 1.2, section 5.3).",
		features: consoleFeatSize | consoleFeatMultiport,
		queues:   queues,
		config: []mmio.Reg{
			cols, rows,
			configReg("max_nr_ports", 4, 4, uint64(len(cfg.Ports)), "Number of ports."),
		},
	})
	for i, p := range c.ports {
		rx, tx := portQueues(i)
		p.rx, p.tx = c.queues[rx], c.queues[tx]
	}
	return c
}

// portQueues gives the numbers of a port's queues: rx to the driver, tx from it.
func portQueues(port int) (rx, tx int) {
	if port == 0 {
		return 0, 1
	}
	return 2*port + 2, 2*port + 3
}

// queuePort is the inverse: the port of queue i, or nil for the control queues.
func (c *Console) queuePort(i int) *Port {
	switch i {
	case 0, 1:
		return c.ports[0]
	case consoleControlRX, consoleControlTX:
		return nil
	}
	return c.ports[i/2-1]
}

// Ports is the number of ports.
func (c *Console) Ports() int { return len(c.ports) }

// Port returns port i, from 0.
func (c *Console) Port(i int) *Port { return c.ports[i] }

// PortByName returns the port of that name, or nil.
func (c *Console) PortByName(name string) *Port {
	for _, p := range c.ports {
		if p.cfg.Name == name {
			return p
		}
	}
	return nil
}

// Resize tells the guest the size of the terminal in characters.
func (c *Console) Resize(cols, rows uint16) {
	if c.cols == cols && c.rows == rows {
		return
	}
	c.cols, c.rows = cols, rows
	c.configChanged()
	for _, p := range c.ports {
		if p.ready && p.cfg.Console {
			p.pending |= sendResize
		}
	}
	c.sendControl()
}

func (c *Console) multiport() bool { return c.driverFeatures&consoleFeatMultiport != 0 }

func (c *Console) start() {
	if !c.multiport() {
		c.ports[0].setGuestOpen(true)
	}
}

func (c *Console) notify(i int) {
	p := c.queuePort(i)
	switch {
	case i == consoleControlRX:
		c.sendControl()
	case i == consoleControlTX:
		c.receiveControl()
	case i == p.rx.index:
		p.room()
	default:
		p.drain()
	}
}

func (c *Console) stopQueue(i int) {
	if p := c.queuePort(i); p != nil && i == p.tx.index {
		p.dropHeld()
	}
}

func (c *Console) reset() {
	for _, p := range c.ports {
		p.pending, p.ready = 0, false
		p.setGuestOpen(false)
	}
}
