// SPDX-License-Identifier: Apache-2.0

package strace

import (
	"vdev/emu/linux"
	"vdev/ioctl"
)

// userMemory is the memory of the program that makes a call. It implements
// ioctl.Reader.
type userMemory struct {
	t    *Tracer
	satp uint64
}

// Read implements ioctl.Reader. The kernel would not read its own memory for a
// program.
func (m *userMemory) Read(at uint64, p []byte) bool {
	end := at + uint64(len(p))
	return int64(at) >= 0 && int64(end) >= 0 && m.t.cfg.Memory.ReadVirt(m.satp, at, p)
}

// decode takes down what a call passes.
func (t *Tracer) decode(c *call) {
	c.mem = &userMemory{t, c.regs.Satp}
	c.args = ioctl.Begin(c.req, t.family(c), c.mem, c.regs.A[2])
	c.in = c.args.In(t.annotate(&c.regs))
	c.absent = !c.mem.Read(c.regs.A[2], make([]byte, c.req.Size()))
}

// request is the request and what was passed with it.
func (t *Tracer) request(c *call, o outcome) string {
	if c.absent && o.done() && !c.req.Reads() {
		// The argument was in pages that the program had not touched yet. The kernel did,
		// and wrote nothing there.
		c.mem.satp = o.regs.Satp
		c.args = ioctl.Begin(c.req, t.family(c), c.mem, c.regs.A[2])
		c.in = c.args.In(t.annotate(o.regs))
	}
	name := c.args.Name()
	if other := otherName(c.req); c.args.Desc == nil && other != "" {
		name = other
	}
	if c.in == "" {
		return name
	}
	return name + ", " + c.in
}

// out is what the program got back; empty if nothing.
func (t *Tracer) out(c *call, o outcome) string {
	if _, failed := o.errno(); failed || !o.done() {
		return ""
	}
	c.mem.satp = o.regs.Satp
	return c.args.Out(t.annotate(o.regs))
}

// annotate says what file descriptors are.
func (t *Tracer) annotate(r *Regs) ioctl.Annotate {
	return func(kind ioctl.Kind, v uint64) string {
		if kind == ioctl.KindFD {
			return t.fdText(r, int(int32(v)))
		}
		return ""
	}
}

// drmMajor is DRM_MAJOR (include/drm/drm_file.h).
const drmMajor = 226

// family is what kind of file a call is made on.
func (t *Tracer) family(c *call) ioctl.Family {
	f := c.file
	switch {
	case f == nil:
	case f.Kind == linux.FileDMABuf:
		return ioctl.FamilyDMABuf
	case f.Kind == linux.FileSyncFile:
		return ioctl.FamilySyncFile
	case f.Kind == linux.FileChar && f.Major == drmMajor:
		switch t.cfg.Kernel.DRMDriver(*f, c.regs.Satp) {
		case "exynos":
			return ioctl.FamilyExynos
		case "vgem":
			return ioctl.FamilyVGEM
		}
		return ioctl.FamilyDRM
	case isTester(c):
		return ioctl.FamilyDMATest
	case f.Ops == "dma_heap_fops":
		return ioctl.FamilyDMAHeap
	case f.Ops == "udmabuf_fops":
		return ioctl.FamilyUdmabuf
	case f.Ops == "sw_sync_debugfs_fops":
		return ioctl.FamilySwSync
	}
	return ioctl.FamilyUnknown
}
