// SPDX-License-Identifier: Apache-2.0

package dmabuf

// DeviceSpec describes a device that does DMA.
type DeviceSpec struct {
	Name string
	// Coherent: the device sees what is in the CPU's caches.
	Coherent bool
	// Jobs: all that it does is in jobs (NewJob), which take locks, with mode Enforce; so
	// what it has mapped it does not touch before it has the lock.
	Jobs bool
	// Constraints are those of attachments that state none of their own.
	Constraints Constraints
}

// Device is a bus master. It exists as long as the core.
type Device struct {
	core        *Core
	id          ID
	spec        DeviceSpec
	coherent    bool
	client      *Client // what the device itself owns
	buried      int     // places that it has had to leave
	attachments list[Attachment]
}

// NewDevice makes a device known.
//
// EINVAL: the constraints make no sense. ENFILE: too many objects.
func (c *Core) NewDevice(s DeviceSpec) (*Device, error) {
	if !s.Constraints.valid() {
		return nil, EINVAL
	}
	d := &Device{core: c, spec: s, coherent: s.Coherent}
	id, err := c.add(d)
	if err != nil {
		return nil, err
	}
	d.id = id
	// The device's own locks and waits; nothing of it is for others to see.
	d.client = &Client{core: c, id: id, task: Task{Name: s.Name}, device: d, refOf: make(map[*Buffer]*ref)}
	c.devices = append(c.devices, d)
	c.stats.Devices++
	return d, nil
}

// ID is the device's number.
func (d *Device) ID() ID { return d.id }

// Name is the device's name.
func (d *Device) Name() string { return d.spec.Name }

// Devices are all devices, in the order in which they were made known.
func (c *Core) Devices() []*Device { return append([]*Device(nil), c.devices...) }
