// SPDX-License-Identifier: Apache-2.0

package dmabuf

// UserInfo is somebody who has to do with a buffer.
type UserInfo struct {
	Kind SideKind
	ID   uint64 // of the task or Device
	Name string
	// How: the direction of a mapping, the access of a lock, the rest in words.
	How string
}

// BufferInfo is a row of the table of buffers.
type BufferInfo struct {
	ID       ID
	Name     string
	Exporter string
	Size     uint64
	Foreign  bool
	Backing  []Extent // nil if there is none yet
	Refs     int
	Pending  int
	Attached []UserInfo // not mapped
	Mapped   []UserInfo
	Locked   []UserInfo // who holds the lock
	Queued   []UserInfo // who waits for the lock or in Prep
	CPU      []UserInfo // who has it prepared
	Jobs     []UserInfo
	// Owner is who may use the buffer now and keeps others from it: a job, a mapping,
	// a lock, a CPU access, in this order. Kind Nobody if there is none.
	Owner UserInfo
	Last  Side // the access seen last
}

// Buffers is the table of all buffers, oldest first. It shares nothing with the core.
func (c *Core) Buffers() []BufferInfo {
	all := make([]BufferInfo, 0, c.buffers.n)
	for k := c.buffers.head; k != nil; k = k.next {
		all = append(all, k.v.Info())
	}
	return all
}

// info is the client, and the task that had it do something.
func (cl *Client) info(how string, t Task) UserInfo {
	s := cl.sideAt("", 0, moment{task: t})
	return UserInfo{s.Kind, s.ID, s.Name, how}
}

// info is the device.
func (d *Device) info(how string) UserInfo { return d.client.info(how, d.client.task) }

// Info is the buffer's row of the table.
func (b *Buffer) Info() BufferInfo {
	i := BufferInfo{ID: b.id, Name: b.spec.Name, Exporter: b.spec.Exporter, Size: b.spec.Size, Foreign: b.Foreign(),
		Backing: append([]Extent(nil), b.backing...), Refs: b.refs, Pending: b.Pending(), Last: b.last}
	own := func(u UserInfo) {
		if i.Owner.Kind == Nobody {
			i.Owner = u
		}
	}
	for k := b.inUse.head; k != nil; k = k.next {
		u := k.v.job.dev.info(k.v.access.String() + ": " + k.v.job.name)
		i.Jobs = append(i.Jobs, u)
		own(u)
	}
	for k := b.attachments.head; k != nil; k = k.next {
		if a := k.v; a.mapped {
			u := a.dev.info(a.dir.String())
			i.Mapped = append(i.Mapped, u)
			if !a.persistent {
				own(u)
			}
		} else {
			i.Attached = append(i.Attached, a.dev.info("attached"))
		}
	}
	for k := b.holders.head; k != nil; k = k.next {
		u := k.v.obj.holder.info(k.v.access.String(), k.v.obj.when.task)
		i.Locked = append(i.Locked, u)
		own(u)
	}
	for k := b.queue.head; k != nil; k = k.next {
		i.Queued = append(i.Queued, k.v.obj.holder.info("lock "+k.v.access.String(), k.v.obj.when.task))
	}
	for k := b.preps.head; k != nil; k = k.next {
		i.Queued = append(i.Queued, k.v.client.info("CPU_PREP "+k.v.access.String(), k.v.when.task))
	}
	for k := b.polls.head; k != nil; k = k.next {
		i.Queued = append(i.Queued, k.v.client.info("fences", k.v.when.task))
	}
	for k := b.cpu.head; k != nil; k = k.next {
		u := k.v.cl.info(k.v.access.String(), k.v.when.task)
		i.CPU = append(i.CPU, u)
		own(u)
	}
	return i
}
