// SPDX-License-Identifier: Apache-2.0

package strace

import (
	"fmt"
	"math"
	"path"

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
	c.in = c.args.In(t.annotate(c, c.mem.satp))
	c.absent = !c.mem.Read(c.regs.A[2], make([]byte, c.req.Size()))
}

// request is the request and what was passed with it.
func (t *Tracer) request(c *call, o outcome) string {
	if c.absent && o.done() && !c.req.Reads() {
		// The argument was in pages that the program had not touched yet. The kernel did,
		// and wrote nothing there.
		c.mem.satp = o.regs.Satp
		c.args = ioctl.Begin(c.req, t.family(c), c.mem, c.regs.A[2])
		c.in = c.args.In(t.annotate(c, c.mem.satp))
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
	return c.args.Out(t.annotate(c, c.mem.satp))
}

// annotate says what numbers in the argument are.
func (t *Tracer) annotate(c *call, satp uint64) ioctl.Annotate {
	named := func(v uint64, name string) string {
		if name == "" {
			return ""
		}
		return fmt.Sprintf("%d<%s>", v, name)
	}
	return func(kind ioctl.Kind, v uint64) string {
		switch {
		case kind == ioctl.KindFD:
			return t.fdText(c.regs.taskAt(), satp, int(int32(v)))
		case kind == ioctl.KindG2DRegister && t.cfg.G2DRegister != nil:
			return t.cfg.G2DRegister(v)
		case c.file == nil || v == 0 || v > math.MaxUint32:
		case kind == ioctl.KindObject:
			return named(v, plain(t.cfg.Kernel.ModeObject(*c.file, satp, uint32(v))))
		case kind == ioctl.KindHandle:
			if buf, ok := t.cfg.Kernel.GEMBuffer(*c.file, satp, uint32(v)); ok {
				return named(v, bufferText(buf))
			}
		}
		return ""
	}
}

// family is what kind of file a call is made on.
func (t *Tracer) family(c *call) ioctl.Family {
	f := c.file
	switch {
	case f == nil:
	case f.Kind == linux.FileDMABuf:
		return ioctl.FamilyDMABuf
	case f.Kind == linux.FileSyncFile:
		return ioctl.FamilySyncFile
	case f.Kind == linux.FileChar && f.Major == linux.DRMMajor:
		switch t.cfg.Kernel.DRMDriver(*f, c.regs.Satp) {
		case "exynos":
			return ioctl.FamilyExynos
		case "vgem":
			return ioctl.FamilyVGEM
		}
		return ioctl.FamilyDRM
	case isTester(c):
		return ioctl.FamilyDMATest
	case f.Kind == linux.FileChar && path.Base(f.Path) == path.Base(ioctl.VDEV_DMABUF_DEVICE):
		return ioctl.FamilyVdev
	case f.Ops == "dma_heap_fops":
		return ioctl.FamilyDMAHeap
	case f.Ops == "udmabuf_fops":
		return ioctl.FamilyUdmabuf
	case f.Ops == "sw_sync_debugfs_fops":
		return ioctl.FamilySwSync
	}
	return ioctl.FamilyUnknown
}
