// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"slices"

	"vdev/emu/symbols"
	"vdev/mmio"
)

// Bounds of a search for a buffer. What is beyond them is not found.
const (
	maxBuffers = 4096
	maxTasks   = 4096
	maxListed  = 8 // devices, handles and file descriptors that are listed
)

// Buffer finds the buffer that a byte of physical memory belongs to: a dma-buf, or
// else a GEM object. It looks through all of them, so it is for reports.
func (k *Kernel) Buffer(addr mmio.PhysAddr, satp uint64) (found Buffer, ok bool) {
	n := 0
	k.DMABufs(satp, func(d DMABuf) bool {
		if ranges, known := k.Pages(d, satp); known {
			if off, in := offset(ranges, addr); in {
				found, ok = k.describe(d, satp), true
				found.Offset = off
			}
		}
		n++
		return !ok && n < maxBuffers
	})
	k.gemObjects(satp, func(o gemObject) bool {
		if ok {
			if o.exports == found.DMABuf {
				found.GEM = o.addr
				found.addHandle(o.handle)
			}
			return true
		}
		if found.GEM == o.addr {
			found.addHandle(o.handle)
			return true
		}
		if found.GEM != 0 {
			return true
		}
		if ranges, known := k.gemPages(o.addr, satp, 0); known {
			if off, in := offset(ranges, addr); in {
				found = Buffer{Exporter: o.driver, Size: o.size, Offset: off, GEM: o.addr}
				found.addHandle(o.handle)
			}
		}
		return true
	})
	return found, found.DMABuf != 0 || found.GEM != 0
}

// offset is where in the ranges, laid one after the other, an address is.
func offset(ranges []Range, addr mmio.PhysAddr) (off uint64, ok bool) {
	for _, r := range ranges {
		if d := uint64(addr - r.Addr); addr >= r.Addr && d < r.Len {
			return off + d, true
		}
		off += r.Len
	}
	return 0, false
}

func (b *Buffer) addHandle(h Handle) {
	if len(b.Handles) < maxListed && !slices.Contains(b.Handles, h) {
		b.Handles = append(b.Handles, h)
	}
}

// describe is what there is to say of a dma-buf, but for the GEM objects.
func (k *Kernel) describe(d DMABuf, satp uint64) Buffer {
	b := Buffer{Name: d.Name, Exporter: d.Exporter, Size: d.Size, Inode: d.Inode, DMABuf: d.Addr}
	switch d.Ops {
	case "system_heap_buf_ops":
		b.Exporter += " heap"
	case "cma_heap_buf_ops":
		b.Exporter = "CMA heap " + b.Exporter
	}
	r := k.Reader(satp)
	r.List(r.Addr(d.Addr, "dma_buf.attachments"), "dma_buf_attachment.node", func(a uint64) bool {
		if name := r.deviceName(r.Get(a, "dma_buf_attachment.dev")); name != "" && !slices.Contains(b.Attached, name) {
			b.Attached = append(b.Attached, name)
		}
		return len(b.Attached) < maxListed
	})
	b.Open = k.holders(r.Get(d.Addr, "dma_buf.file"), satp)
	return b
}

// maxDeviceName bounds the name of a device.
const maxDeviceName = 64

// deviceName is the name of the struct device at that address, as in /sys/devices.
func (r *Reader) deviceName(dev uint64) string {
	return r.String(r.Get(dev, "device.kobj.name"), maxDeviceName)
}

// Tasks calls f for the first thread of each process, until f returns false.
func (k *Kernel) Tasks(satp uint64, f func(task uint64) bool) {
	first, ok := k.Symbol("init_task")
	if !ok {
		return
	}
	r := k.Reader(satp)
	n := 0
	r.List(r.Addr(first, "task_struct.tasks"), "task_struct.tasks", func(task uint64) bool {
		n++
		return f(task) && n < maxTasks
	})
}

// holders are the processes that have a file open.
func (k *Kernel) holders(file, satp uint64) (list []OpenFile) {
	k.Tasks(satp, func(task uint64) bool {
		// A broken task must not end the search.
		r := k.Reader(satp)
		files := r.Get(task, "task_struct.files")
		if files == 0 {
			return true
		}
		fdt := r.Get(files, "files_struct.fdt")
		n, table := min(r.Get(fdt, "fdtable.max_fds"), MaxTaskFDs), r.Get(fdt, "fdtable.fd")
		for fd := uint64(0); fd < n && !r.bad; fd++ {
			if r.Word(table+8*fd) != file {
				continue
			}
			if t, ok := k.Task(task, satp); ok {
				list = append(list, OpenFile{FD: int(fd), Comm: t.Comm, PID: t.TGID})
			}
			break
		}
		return len(list) < maxListed
	})
	return list
}

// gemObject is a GEM object, by one of its handles.
type gemObject struct {
	addr    uint64
	size    uint64
	driver  string
	exports uint64 // the dma-buf that it was exported as, or imported from; or 0
	handle  Handle
}

// gemObjects calls f for each handle of each GEM object, until f returns false.
func (k *Kernel) gemObjects(satp uint64, f func(gemObject) bool) {
	minors, ok := k.Symbol("drm_minors_xa")
	if !ok {
		return
	}
	r := k.Reader(satp)
	var seen []uint64
	more, n := true, 0
	r.XArray(minors, func(_, minor uint64) bool {
		dev := r.Get(minor, "drm_minor.dev")
		if slices.Contains(seen, dev) {
			return true
		}
		seen = append(seen, dev)
		driver := r.String(r.Get(r.Get(dev, "drm_device.driver"), "drm_driver.name"), maxDeviceName)
		r.List(r.Addr(dev, "drm_device.filelist"), "drm_file.lhead", func(file uint64) bool {
			owner := k.fileOwner(file, satp)
			r.IDR(r.Addr(file, "drm_file.object_idr"), func(id, obj uint64) bool {
				o := gemObject{addr: obj, driver: driver, size: r.Get(obj, "drm_gem_object.size"),
					exports: r.Get(obj, "drm_gem_object.dma_buf"), handle: Handle{ID: uint32(id), Comm: owner.Comm, PID: owner.TGID}}
				if attach := r.Get(obj, "drm_gem_object.import_attach"); attach != 0 {
					o.exports = r.Get(attach, "dma_buf_attachment.dmabuf")
				}
				n++
				more = r.OK() && f(o) && n < maxBuffers
				return more
			})
			return more
		})
		return more
	})
}

// pidTypeTGID is the index of the thread group in pid.tasks (enum pid_type).
const pidTypeTGID = 1

// fileOwner is the process that uses a struct drm_file.
func (k *Kernel) fileOwner(file, satp uint64) (t symbols.Task) {
	r := k.Reader(satp)
	// A hash list's first entry is the member in the task.
	first := r.Word(r.Addr(r.Get(file, "drm_file.pid"), "pid.tasks") + 8*pidTypeTGID)
	m, ok := k.Member("task_struct.pid_links")
	if !ok || first == 0 || !r.OK() {
		return t
	}
	const node = 16 // struct hlist_node
	t, _ = k.Task(first-m.Offset-node*pidTypeTGID, satp)
	return t
}
