// SPDX-License-Identifier: GPL-2.0-only
/*
 * Driver of vdev's DMA tester.
 *
 * It gives programs each step of the kernel's DMA API as a request of its own, so
 * that a program can do all of them, or leave one out, or do them in the wrong
 * order. What the driver itself guarantees is that no mistake of a program reaches
 * beyond the program's own buffers.
 */

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/of.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "vdev_dmatest.h"

static_assert(VDEV_DMATEST_BIDIRECTIONAL == DMA_BIDIRECTIONAL);
static_assert(VDEV_DMATEST_TO_DEVICE == DMA_TO_DEVICE);
static_assert(VDEV_DMATEST_FROM_DEVICE == DMA_FROM_DEVICE);

/* Registers, see mmio/dmatest. */
#define REG_ID		0x00
#define ID_VALUE	0x74616d64
#define REG_COMMAND	0x04
#define COMMAND_ABORT	4
#define COMMAND_FRAME	BIT(8)
#define REG_STATUS	0x08
#define STATUS_DONE	BIT(0)
#define STATUS_ERROR	BIT(1)
#define STATUS_BUSY	BIT(2)
#define REG_IRQ_ENABLE	0x0c
#define REG_ERROR	0x10
#define REG_LENGTH	0x14
#define REG_SRC		0x18
#define REG_DST		0x20
#define REG_PATTERN	0x28
#define REG_DELAY	0x30
#define REG_RESULT	0x34

/*
 * Offsets for mmap: the handle, a bit for a non-cacheable mapping, and where in the
 * buffer.
 */
#define MMAP_HANDLE_SHIFT	32
#define MMAP_NONCACHED		BIT_ULL(31)

struct tester {
	struct device *dev;
	void __iomem *regs;
	int irq;
	struct miscdevice misc;
	struct mutex lock;		/* protects all below, and all buffers */
	wait_queue_head_t done;
	/* The operation that runs, or that nobody has waited for yet. */
	struct tester_file *owner;
	struct buffer *src, *dst;
	bool running;			/* cleared by the interrupt */
	u32 result, error;		/* set before running is cleared */
};

struct tester_file {
	struct tester *t;
	struct xarray buffers;
};

struct buffer {
	struct kref ref;		/* the handle, mappings to user space, the operation */
	struct tester *t;
	void *vaddr;
	size_t size;
	u32 kind;
	struct dma_buf_attachment *import;	/* then there is no vaddr, and kind is unused */
	struct sg_table *sgt;		/* of an imported buffer that is mapped */
	bool mapped;			/* always, for coherent buffers */
	dma_addr_t dma;
	size_t map_offset, map_length;
	enum dma_data_direction map_dir;
};

static void import_release(struct buffer *b)
{
	struct dma_buf *dmabuf = b->import->dmabuf;

	if (b->mapped)
		dma_buf_unmap_attachment_unlocked(b->import, b->sgt, b->map_dir);
	dma_buf_detach(dmabuf, b->import);
	dma_buf_put(dmabuf);
}

static void buffer_release(struct kref *ref)
{
	struct buffer *b = container_of(ref, struct buffer, ref);

	if (b->import) {
		import_release(b);
	} else if (b->kind == VDEV_DMATEST_COHERENT) {
		dma_free_coherent(b->t->dev, b->size, b->vaddr, b->dma);
	} else {
		if (b->mapped)
			dma_unmap_single_attrs(b->t->dev, b->dma, b->map_length,
					       b->map_dir, DMA_ATTR_SKIP_CPU_SYNC);
		free_pages_exact(b->vaddr, b->size);
	}
	kfree(b);
}

static void buffer_put(struct buffer *b)
{
	if (b)
		kref_put(&b->ref, buffer_release);
}

static struct buffer *buffer_find(struct tester_file *f, u32 handle)
{
	struct buffer *b = xa_load(&f->buffers, handle);

	return b ? b : ERR_PTR(-ENOENT);
}

static bool range_within(u64 offset, u64 length, u64 from, u64 size)
{
	return offset >= from && offset - from <= size && length <= size - (offset - from);
}

static bool dir_valid(u32 dir)
{
	return dir <= VDEV_DMATEST_FROM_DEVICE;
}

static unsigned long to_attrs(u32 attrs)
{
	return attrs & VDEV_DMATEST_SKIP_CPU_SYNC ? DMA_ATTR_SKIP_CPU_SYNC : 0;
}

/* Gives a new buffer a handle, or up. */
static long buffer_name(struct tester_file *f, struct buffer *b, u32 *handle)
{
	int ret = xa_alloc(&f->buffers, handle, b, XA_LIMIT(1, VDEV_DMATEST_MAX_BUFFERS), GFP_KERNEL);

	if (ret)
		buffer_put(b);
	return ret == -EBUSY ? -ENOSPC : ret;
}

static long do_alloc(struct tester_file *f, void *data)
{
	struct vdev_dmatest_alloc *a = data;
	struct buffer *b;
	u32 handle;
	long ret;

	if (!a->size || a->size > VDEV_DMATEST_MAX_SIZE || a->kind > VDEV_DMATEST_COHERENT)
		return -EINVAL;
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	kref_init(&b->ref);
	b->t = f->t;
	b->kind = a->kind;
	b->size = PAGE_ALIGN(a->size);
	if (b->kind == VDEV_DMATEST_COHERENT) {
		b->vaddr = dma_alloc_coherent(f->t->dev, b->size, &b->dma, GFP_KERNEL);
		b->mapped = true;
		b->map_length = b->size;
	} else {
		b->vaddr = alloc_pages_exact(b->size, GFP_KERNEL | __GFP_ZERO);
	}
	if (!b->vaddr) {
		kfree(b);
		return -ENOMEM;
	}
	ret = buffer_name(f, b, &handle);
	if (ret)
		return ret;
	a->size = b->size;
	a->handle = handle;
	a->offset = (u64)handle << MMAP_HANDLE_SHIFT;
	if (b->kind == VDEV_DMATEST_COHERENT) {
		a->offset_nc = 0;
		/* No IOMMU: the address on the bus is the physical one. */
		a->phys = b->dma;
	} else {
		a->offset_nc = a->offset | MMAP_NONCACHED;
		a->phys = virt_to_phys(b->vaddr);
	}
	return 0;
}

static long do_import(struct tester_file *f, void *data)
{
	struct vdev_dmatest_import *a = data;
	struct dma_buf *dmabuf = dma_buf_get(a->fd);
	struct dma_buf_attachment *import;
	struct buffer *b;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	import = dma_buf_attach(dmabuf, f->t->dev);
	if (IS_ERR(import)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(import);
	}
	b = kzalloc(sizeof(*b), GFP_KERNEL | __GFP_NOFAIL);
	kref_init(&b->ref);
	b->t = f->t;
	b->size = dmabuf->size;
	b->import = import;
	a->size = b->size;
	return buffer_name(f, b, &a->handle);
}

static long do_free(struct tester_file *f, void *data)
{
	struct vdev_dmatest_free *a = data;
	struct buffer *b = xa_erase(&f->buffers, a->handle);

	if (!b)
		return -ENOENT;
	buffer_put(b);
	return 0;
}

/* Maps an imported buffer, in one piece, and finds its address. */
static long import_map(struct buffer *b, u32 dir, dma_addr_t *dma)
{
	struct sg_table *sgt = dma_buf_map_attachment_unlocked(b->import, dir);

	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	if (sgt->nents != 1) {
		dma_buf_unmap_attachment_unlocked(b->import, sgt, dir);
		return -EOPNOTSUPP;
	}
	b->sgt = sgt;
	*dma = sg_dma_address(sgt->sgl);
	return 0;
}

static long do_map(struct tester_file *f, void *data)
{
	struct vdev_dmatest_map *a = data;
	struct buffer *b = buffer_find(f, a->handle);
	dma_addr_t dma;
	long ret;

	if (IS_ERR(b))
		return PTR_ERR(b);
	if (b->kind != VDEV_DMATEST_CACHED || !dir_valid(a->dir) || a->attrs & ~VDEV_DMATEST_SKIP_CPU_SYNC ||
	    (b->import && a->attrs) || !a->length || !range_within(a->offset, a->length, 0, b->size))
		return -EINVAL;
	if (b->mapped)
		return -EBUSY;
	if (b->import) {
		ret = import_map(b, a->dir, &dma);
		if (ret)
			return ret;
		dma += a->offset;
	} else {
		dma = dma_map_single_attrs(f->t->dev, b->vaddr + a->offset, a->length, a->dir,
					   to_attrs(a->attrs));
		if (dma_mapping_error(f->t->dev, dma))
			return -ENOMEM;
	}
	b->mapped = true;
	b->dma = dma;
	b->map_offset = a->offset;
	b->map_length = a->length;
	b->map_dir = a->dir;
	a->dma_addr = dma;
	return 0;
}

static long do_unmap(struct tester_file *f, void *data)
{
	struct vdev_dmatest_unmap *a = data;
	struct buffer *b = buffer_find(f, a->handle);

	if (IS_ERR(b))
		return PTR_ERR(b);
	if (b->kind != VDEV_DMATEST_CACHED || !b->mapped || a->attrs & ~VDEV_DMATEST_SKIP_CPU_SYNC)
		return -EINVAL;
	if (b->import) {
		/* Somebody else's memory: it may move, or go, as soon as it is not mapped. */
		if (READ_ONCE(f->t->running) && (f->t->src == b || f->t->dst == b))
			return -EBUSY;
		dma_buf_unmap_attachment_unlocked(b->import, b->sgt, b->map_dir);
	} else {
		dma_unmap_single_attrs(f->t->dev, b->dma, b->map_length, b->map_dir,
				       to_attrs(a->attrs));
	}
	b->mapped = false;
	return 0;
}

/* Finds the buffer to sync and checks the range. */
static struct buffer *sync_buffer(struct tester_file *f, const struct vdev_dmatest_sync *a)
{
	struct buffer *b = buffer_find(f, a->handle);

	if (IS_ERR(b))
		return b;
	if (b->kind != VDEV_DMATEST_CACHED || b->import || !b->mapped || !dir_valid(a->dir) ||
	    !a->length || !range_within(a->offset, a->length, b->map_offset, b->map_length))
		return ERR_PTR(-EINVAL);
	return b;
}

static long do_sync_for_device(struct tester_file *f, void *data)
{
	struct vdev_dmatest_sync *a = data;
	struct buffer *b = sync_buffer(f, a);

	if (IS_ERR(b))
		return PTR_ERR(b);
	dma_sync_single_range_for_device(f->t->dev, b->dma, a->offset - b->map_offset, a->length, a->dir);
	return 0;
}

static long do_sync_for_cpu(struct tester_file *f, void *data)
{
	struct vdev_dmatest_sync *a = data;
	struct buffer *b = sync_buffer(f, a);

	if (IS_ERR(b))
		return PTR_ERR(b);
	dma_sync_single_range_for_cpu(f->t->dev, b->dma, a->offset - b->map_offset, a->length, a->dir);
	return 0;
}

/* Ends the bookkeeping of an operation that does not run any more. */
static void reap(struct tester *t)
{
	buffer_put(t->src);
	buffer_put(t->dst);
	t->src = NULL;
	t->dst = NULL;
	t->owner = NULL;
}

/*
 * Takes a reference to a buffer that the device is going to use, and tells its
 * address.
 */
static struct buffer *run_buffer(struct tester_file *f, u32 handle, u64 offset, u32 length, u64 *addr)
{
	struct buffer *b = buffer_find(f, handle);

	if (IS_ERR(b))
		return b;
	if (!b->mapped || !range_within(offset, length, b->map_offset, b->map_length))
		return ERR_PTR(-EINVAL);
	*addr = b->dma + (offset - b->map_offset);
	kref_get(&b->ref);
	return b;
}

/* Waits for the operation of a file. Called with the lock held; drops it meanwhile. */
static long wait_for_end(struct tester_file *f, u32 timeout_ms, u32 *result, u32 *error)
{
	struct tester *t = f->t;
	long left = timeout_ms ? msecs_to_jiffies(timeout_ms) : MAX_SCHEDULE_TIMEOUT;

	if (t->owner != f)
		return -EINVAL;
	mutex_unlock(&t->lock);
	left = wait_event_interruptible_timeout(t->done, !READ_ONCE(t->running), left);
	mutex_lock(&t->lock);
	if (left < 0)
		return -EINTR;
	if (left == 0)
		return -ETIMEDOUT;
	/* Another thread may have been first. */
	if (t->owner != f || READ_ONCE(t->running))
		return -EINVAL;
	smp_rmb();	/* running before what it guards */
	*result = t->result;
	*error = t->error;
	reap(t);
	return 0;
}

static long do_run(struct tester_file *f, void *data)
{
	struct vdev_dmatest_run *a = data;
	struct tester *t = f->t;
	bool reads = a->op == VDEV_DMATEST_COPY || a->op == VDEV_DMATEST_CHECKSUM;
	bool writes = a->op == VDEV_DMATEST_COPY || a->op == VDEV_DMATEST_FILL;
	struct buffer *src = NULL, *dst = NULL;
	u64 from = 0, to = 0;

	if ((!reads && !writes) || a->flags & ~(VDEV_DMATEST_ASYNC | VDEV_DMATEST_FRAME))
		return -EINVAL;
	if (READ_ONCE(t->running))
		return -EBUSY;
	if (t->owner) {
		/* Somebody else will still ask how it went. */
		if (t->owner != f)
			return -EBUSY;
		reap(t);
	}
	if (reads) {
		src = run_buffer(f, a->src, a->src_offset, a->length, &from);
		if (IS_ERR(src))
			return PTR_ERR(src);
	}
	if (writes) {
		dst = run_buffer(f, a->dst, a->dst_offset, a->length, &to);
		if (IS_ERR(dst)) {
			buffer_put(src);
			return PTR_ERR(dst);
		}
	}
	t->owner = f;
	t->src = src;
	t->dst = dst;
	t->running = true;
	writeq(from, t->regs + REG_SRC);
	writeq(to, t->regs + REG_DST);
	writeq(a->pattern, t->regs + REG_PATTERN);
	writel(a->length, t->regs + REG_LENGTH);
	writel(a->delay, t->regs + REG_DELAY);
	/* Orders all that the CPU did to the buffers before the device's accesses. */
	writel(a->op | (a->flags & VDEV_DMATEST_FRAME ? COMMAND_FRAME : 0), t->regs + REG_COMMAND);
	if (a->flags & VDEV_DMATEST_ASYNC)
		return 0;
	return wait_for_end(f, 0, &a->result, &a->error);
}

static long do_wait(struct tester_file *f, void *data)
{
	struct vdev_dmatest_wait *a = data;

	return wait_for_end(f, a->timeout, &a->result, &a->error);
}

static long do_access(struct tester_file *f, void *data)
{
	struct vdev_dmatest_access *a = data;
	struct buffer *b = buffer_find(f, a->handle);
	u8 *p;
	u64 i;

	if (IS_ERR(b))
		return PTR_ERR(b);
	if (b->import || !range_within(a->offset, a->length, 0, b->size))
		return -EINVAL;
	p = b->vaddr + a->offset;
	a->result = 0;
	switch (a->access) {
	case VDEV_DMATEST_READ:
		for (i = 0; i < a->length; i++)
			a->result += READ_ONCE(p[i]);
		return 0;
	case VDEV_DMATEST_WRITE:
		for (i = 0; i < a->length; i++)
			WRITE_ONCE(p[i], a->value);
		return 0;
	}
	return -EINVAL;
}

union request {
	struct vdev_dmatest_alloc alloc;
	struct vdev_dmatest_free free;
	struct vdev_dmatest_map map;
	struct vdev_dmatest_unmap unmap;
	struct vdev_dmatest_sync sync;
	struct vdev_dmatest_run run;
	struct vdev_dmatest_wait wait;
	struct vdev_dmatest_access access;
	struct vdev_dmatest_import import;
};

static const struct {
	unsigned int cmd;
	long (*handle)(struct tester_file *f, void *data);
} requests[] = {
	{ VDEV_DMATEST_IOC_ALLOC, do_alloc },
	{ VDEV_DMATEST_IOC_FREE, do_free },
	{ VDEV_DMATEST_IOC_MAP, do_map },
	{ VDEV_DMATEST_IOC_UNMAP, do_unmap },
	{ VDEV_DMATEST_IOC_SYNC_FOR_DEVICE, do_sync_for_device },
	{ VDEV_DMATEST_IOC_SYNC_FOR_CPU, do_sync_for_cpu },
	{ VDEV_DMATEST_IOC_RUN, do_run },
	{ VDEV_DMATEST_IOC_WAIT, do_wait },
	{ VDEV_DMATEST_IOC_ACCESS, do_access },
	{ VDEV_DMATEST_IOC_IMPORT, do_import },
};

static long tester_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct tester_file *f = file->private_data;
	void __user *user = (void __user *)arg;
	union request data;
	unsigned int i;
	long ret;

	for (i = 0; i < ARRAY_SIZE(requests); i++)
		if (requests[i].cmd == cmd)
			break;
	if (i == ARRAY_SIZE(requests))
		return -ENOTTY;
	if (copy_from_user(&data, user, _IOC_SIZE(cmd)))
		return -EFAULT;
	mutex_lock(&f->t->lock);
	ret = requests[i].handle(f, &data);
	mutex_unlock(&f->t->lock);
	if (!ret && _IOC_DIR(cmd) & _IOC_READ && copy_to_user(user, &data, _IOC_SIZE(cmd)))
		return -EFAULT;
	return ret;
}

static void vma_open(struct vm_area_struct *vma)
{
	struct buffer *b = vma->vm_private_data;

	kref_get(&b->ref);
}

static void vma_close(struct vm_area_struct *vma)
{
	buffer_put(vma->vm_private_data);
}

static const struct vm_operations_struct vm_ops = {
	.open = vma_open,
	.close = vma_close,
};

static int tester_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct tester_file *f = file->private_data;
	u64 where = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u64 offset = where & (MMAP_NONCACHED - 1);
	size_t length = vma->vm_end - vma->vm_start;
	struct buffer *b;
	int ret;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	mutex_lock(&f->t->lock);
	b = buffer_find(f, where >> MMAP_HANDLE_SHIFT);
	if (!IS_ERR(b))
		kref_get(&b->ref);
	mutex_unlock(&f->t->lock);
	if (IS_ERR(b))
		return PTR_ERR(b);
	ret = -EINVAL;
	if (b->import || !range_within(offset, length, 0, b->size))
		goto fail;
	if (b->kind == VDEV_DMATEST_COHERENT) {
		if (where & MMAP_NONCACHED)
			goto fail;
		/* dma_mmap_coherent expects the place within the buffer here. */
		vma->vm_pgoff = offset >> PAGE_SHIFT;
		ret = dma_mmap_coherent(f->t->dev, vma, b->vaddr, b->dma, b->size);
	} else {
		if (where & MMAP_NONCACHED)
			vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
		ret = remap_pfn_range(vma, vma->vm_start, PHYS_PFN(virt_to_phys(b->vaddr + offset)),
				      length, vma->vm_page_prot);
	}
	if (ret)
		goto fail;
	vma->vm_private_data = b;
	vma->vm_ops = &vm_ops;
	return 0;
fail:
	buffer_put(b);
	return ret;
}

static int tester_open(struct inode *inode, struct file *file)
{
	struct tester *t = container_of(file->private_data, struct tester, misc);
	struct tester_file *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	f->t = t;
	xa_init_flags(&f->buffers, XA_FLAGS_ALLOC1);
	file->private_data = f;
	return 0;
}

static int tester_release(struct inode *inode, struct file *file)
{
	struct tester_file *f = file->private_data;
	struct tester *t = f->t;
	struct buffer *b;
	unsigned long handle;

	mutex_lock(&t->lock);
	if (t->owner == f) {
		if (READ_ONCE(t->running)) {
			/* The device stops at once; its interrupt takes the usual way. */
			writel(COMMAND_ABORT, t->regs + REG_COMMAND);
			wait_event(t->done, !READ_ONCE(t->running));
		}
		reap(t);
	}
	mutex_unlock(&t->lock);
	xa_for_each(&f->buffers, handle, b)
		buffer_put(b);
	xa_destroy(&f->buffers);
	kfree(f);
	return 0;
}

static const struct file_operations fops = {
	.owner = THIS_MODULE,
	.open = tester_open,
	.release = tester_release,
	.unlocked_ioctl = tester_ioctl,
	.mmap = tester_mmap,
	.llseek = noop_llseek,
};

static irqreturn_t tester_irq(int irq, void *data)
{
	struct tester *t = data;
	u32 status = readl(t->regs + REG_STATUS);

	if (!(status & (STATUS_DONE | STATUS_ERROR)))
		return IRQ_NONE;
	writel(status, t->regs + REG_STATUS);
	t->result = readl(t->regs + REG_RESULT);
	t->error = readl(t->regs + REG_ERROR);
	smp_wmb();	/* pairs with smp_rmb() in wait_for_end() */
	WRITE_ONCE(t->running, false);
	wake_up_all(&t->done);
	return IRQ_HANDLED;
}

static int tester_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct tester *t;
	u32 id;
	int ret;

	t = devm_kzalloc(dev, sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	t->dev = dev;
	mutex_init(&t->lock);
	init_waitqueue_head(&t->done);
	t->regs = devm_platform_ioremap_resource(pdev, 0);
	if (IS_ERR(t->regs))
		return PTR_ERR(t->regs);
	id = readl(t->regs + REG_ID);
	if (id != ID_VALUE)
		return dev_err_probe(dev, -ENODEV, "no DMA tester here: ID is %#x\n", id);
	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	t->irq = platform_get_irq(pdev, 0);
	if (t->irq < 0)
		return t->irq;
	writel(STATUS_DONE | STATUS_ERROR, t->regs + REG_STATUS);
	ret = devm_request_irq(dev, t->irq, tester_irq, 0, "vdev-dmatest", t);
	if (ret)
		return ret;
	writel(STATUS_DONE | STATUS_ERROR, t->regs + REG_IRQ_ENABLE);
	t->misc.minor = MISC_DYNAMIC_MINOR;
	t->misc.name = "vdev-dmatest";
	t->misc.fops = &fops;
	t->misc.parent = dev;
	t->misc.mode = 0600;
	platform_set_drvdata(pdev, t);
	return misc_register(&t->misc);
}

static void tester_remove(struct platform_device *pdev)
{
	struct tester *t = platform_get_drvdata(pdev);

	misc_deregister(&t->misc);
	writel(0, t->regs + REG_IRQ_ENABLE);
}

static const struct of_device_id tester_of_match[] = {
	{ .compatible = "vdev,dma-tester" },
	{ }
};
MODULE_DEVICE_TABLE(of, tester_of_match);

static struct platform_driver tester_driver = {
	.probe = tester_probe,
	.remove = tester_remove,
	.driver = {
		.name = "vdev-dmatest",
		.of_match_table = tester_of_match,
		/* Open files refer to the device: only with the module may it go. */
		.suppress_bind_attrs = true,
	},
};
module_platform_driver(tester_driver);

MODULE_DESCRIPTION("vdev DMA tester");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
/* Comes with the kernel that it is built for: no reason to call that tainted. */
MODULE_INFO(intree, "Y");
