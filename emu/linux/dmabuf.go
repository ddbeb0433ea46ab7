// SPDX-License-Identifier: Apache-2.0

package linux

// DMABuf is what debugfs's dma_buf/bufinfo shows of a dma-buf.
type DMABuf struct {
	Addr     uint64 // of the struct dma_buf
	Size     uint64 // in bytes
	Name     string // given by a program (DMA_BUF_SET_NAME); may be empty
	Exporter string // exp_name: "system" for the system heap, the driver's name, ...
	Ops      string // name of the kernel's variable with its dma_buf_ops; empty for modules
	Priv     uint64 // the exporter's own
	Inode    uint64 // number: the buffer's identity while it lives
}

const (
	maxBufName      = 32 // DMA_BUF_NAME_LEN
	maxExporterName = 64 // no limit in Linux: KBUILD_MODNAME, a heap's name
)

// DMABuf is the dma-buf of a file of kind FileDMABuf.
func (k *Kernel) DMABuf(file File, satp uint64) (DMABuf, bool) {
	if file.Kind != FileDMABuf {
		return DMABuf{}, false
	}
	return k.DMABufAt(file.Private, satp)
}

// DMABufAt is the dma-buf with its struct dma_buf at that address.
func (k *Kernel) DMABufAt(buf, satp uint64) (DMABuf, bool) {
	r := k.Reader(satp)
	b := DMABuf{
		Addr:     buf,
		Size:     r.Get(buf, "dma_buf.size"),
		Exporter: r.String(r.Get(buf, "dma_buf.exp_name"), maxExporterName),
		Ops:      k.Variable(r.Get(buf, "dma_buf.ops")),
		Priv:     r.Get(buf, "dma_buf.priv"),
		Inode:    r.Get(r.Get(r.Get(buf, "dma_buf.file"), "file.f_inode"), "inode.i_ino"),
	}
	if name := r.Get(buf, "dma_buf.name"); name != 0 {
		b.Name = r.String(name, maxBufName)
	}
	return b, r.OK()
}

// DMABufs calls f for all dma-bufs there are, the newest first, until f returns
// false.
func (k *Kernel) DMABufs(satp uint64, f func(DMABuf) bool) {
	head, ok := k.Symbol("dmabuf_list")
	if !ok {
		return
	}
	k.Reader(satp).List(head, "dma_buf.list_node", func(buf uint64) bool {
		b, ok := k.DMABufAt(buf, satp)
		return !ok || f(b)
	})
}
