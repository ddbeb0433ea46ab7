// SPDX-License-Identifier: GPL-2.0-only
/*
 * Driver of vdev's buffer sharing unit.
 *
 * It is transport: programs' requests go to the unit, with file descriptors replaced
 * by numbers of objects and lists copied behind the argument, and the answers come
 * back. What requests mean, who waits for whom, where buffers are and when caches are
 * maintained, the unit decides. What is Linux's alone is here: each buffer is a
 * dma_buf, and each sync object and fence a file, whose end the unit is told of.
 */

#include <linux/anon_inodes.h>
#include <linux/cleanup.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/iosys-map.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "vdev_bsu.h"
#include "vdev_dmabuf_fields.h"

/* Registers, see mmio/bsu. */
#define REG_ID			0x00
#define ID_VALUE		0x20757362
#define REG_VERSION		0x04
#define REG_REQUEST_BASE	0x18
#define REG_REQUEST_SIZE	0x20
#define REG_REQUEST_TAIL	0x28
#define REG_COMPLETION_BASE	0x30
#define REG_COMPLETION_SIZE	0x38
#define REG_COMPLETION_HEAD	0x3c
#define REG_COMPLETION_TAIL	0x40
#define REG_CONTROL		0x44
#define CONTROL_ENABLE		BIT(0)
#define REG_IRQ_STATUS		0x48
#define REG_IRQ_ENABLE		0x4c
#define IRQ_COMPLETION		BIT(0)
#define IRQ_ERROR		BIT(1)
#define REG_ERROR		0x50

#define RING_ENTRIES	64

struct request_entry {
	__le32 op, tag, client, flags;
	__le64 addr;
	__le32 length, room;
};

struct completion_entry {
	__le32 tag, result, flags, length;
};

struct bsu {
	struct device *dev;
	void __iomem *regs;
	struct miscdevice misc;
	struct mutex lock;	/* protects the rings and all below */
	struct request_entry *requests;
	struct completion_entry *completions;
	dma_addr_t requests_dma, completions_dma;
	u32 tail, head;		/* of requests; of completions */
	bool dead;
	struct list_head calls;	/* in flight: the newest first */
	u32 next_tag;		/* so that a tag is not used again for long */
	struct mutex foreign_lock;
	struct list_head foreign;
};

/* A request in flight. */
struct call {
	struct list_head link;
	u32 tag, flags, length;	/* the latter two of the answer */
	int result;
	struct completion done;
};

struct bsu_file {
	struct bsu *bsu;
	u32 client;
};

enum object_kind { OBJECT_buffer, OBJECT_sync, OBJECT_fence };

/* What the unit has for programs: the private data of its dma_buf, or of its file. */
struct object {
	struct bsu *bsu;
	enum object_kind kind;
	u32 id;
	/* Of buffers. */
	struct mutex lock;	/* protects extents, and the mappings that follow them */
	struct vdev_dma_buf_extent *extents;
	unsigned int count;
};

/* A dma_buf of another exporter that the unit knows. */
struct foreign {
	struct list_head link;
	struct bsu_file *owner;
	u32 id;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attachment;
	struct sg_table *sgt;
};

/* --- Requests ----------------------------------------------------------------- */

/* Ends a call. Called with the lock held. */
static void call_end(struct call *c, int result, u32 flags, u32 length)
{
	list_del(&c->link);
	c->result = result;
	c->flags = flags;
	c->length = length;
	complete_all(&c->done);
}

/* Takes what has been completed. Called with the lock held. */
static void bsu_drain(struct bsu *b)
{
	u32 tail = readl(b->regs + REG_COMPLETION_TAIL);

	while (b->head != tail) {
		struct completion_entry *e = &b->completions[b->head];
		struct call *c;

		b->head = (b->head + 1) % RING_ENTRIES;
		list_for_each_entry(c, &b->calls, link) {
			if (c->tag != le32_to_cpu(e->tag))
				continue;
			call_end(c, (int)le32_to_cpu(e->result), le32_to_cpu(e->flags),
				 le32_to_cpu(e->length));
			break;
		}
		if (b->head != tail)
			continue;
		/* There may be more, which had no room. */
		writel(b->head, b->regs + REG_COMPLETION_HEAD);
		tail = readl(b->regs + REG_COMPLETION_TAIL);
	}
}

/* Ends all calls after the unit has stopped. Called with the lock held. */
static void bsu_die(struct bsu *b)
{
	struct call *c, *next;

	if (!b->dead)
		dev_err(b->dev, "the unit has stopped: error %u\n", readl(b->regs + REG_ERROR));
	b->dead = true;
	list_for_each_entry_safe(c, next, &b->calls, link)
		call_end(c, -ENODEV, 0, 0);
}

/* Gives the unit a request, which often has ended when this returns. */
static void bsu_begin(struct bsu *b, u32 op, u32 client, dma_addr_t addr, u32 length, u32 room,
		     struct call *c)
{
	struct request_entry *e;

	init_completion(&c->done);
	guard(mutex)(&b->lock);
	c->tag = b->next_tag++;
	list_add(&c->link, &b->calls);
	/* The unit has read all that was in the ring before. */
	e = &b->requests[b->tail];
	e->op = cpu_to_le32(op);
	e->tag = cpu_to_le32(c->tag);
	e->client = cpu_to_le32(client);
	e->flags = 0;
	e->addr = cpu_to_le64(addr);
	e->length = cpu_to_le32(length);
	e->room = cpu_to_le32(room);
	b->tail = (b->tail + 1) % RING_ENTRIES;
	if (!b->dead) {
		writel(b->tail, b->regs + REG_REQUEST_TAIL);
		bsu_drain(b);
	}
	if (b->dead || (!completion_done(&c->done) && readl(b->regs + REG_ERROR)))
		bsu_die(b);
}

static int bsu_object(struct bsu *b, u32 op, u32 number, u32 dir);

/*
 * Makes a request, and waits until it has ended. buf, from kmalloc, has the argument and
 * gets the answer. If it is a program's a signal ends it early; those of the driver itself
 * do not wait for anything.
 */
static int bsu_call(struct bsu *b, u32 op, u32 client, void *buf, u32 length, u32 room,
		    bool signals, struct call *c)
{
	dma_addr_t addr = 0;

	if (buf) {
		addr = dma_map_single(b->dev, buf, max(length, room), DMA_BIDIRECTIONAL);
		if (dma_mapping_error(b->dev, addr))
			return -ENOMEM;
	}
	bsu_begin(b, op, client, addr, length, room, c);
	if (!completion_done(&c->done)) {
		if (signals && wait_for_completion_interruptible(&c->done))
			bsu_object(b, VDEV_BSU_CANCEL, c->tag, 0);
		wait_for_completion(&c->done);
	}
	if (buf)
		dma_unmap_single(b->dev, addr, max(length, room), DMA_BIDIRECTIONAL);
	return c->result;
}

/* Makes a request with a short argument, which gets the answer. */
static int bsu_short(struct bsu *b, u32 op, u32 client, void *arg, u32 length, u32 *flags)
{
	struct call c;
	/* What ends objects must not fail. */
	void *buf = kmemdup(arg, length, GFP_KERNEL | __GFP_NOFAIL);
	int ret = bsu_call(b, op, client, buf, length, length, false, &c);

	if (!ret)
		memcpy(arg, buf, length);
	if (flags)
		*flags = ret ? 0 : c.flags;
	kfree(buf);
	return ret;
}

/* Makes a request about an object, with a direction if it needs one. */
static int bsu_object(struct bsu *b, u32 op, u32 number, u32 dir)
{
	struct vdev_bsu_number arg = { .number = number, .dir = dir };

	return bsu_short(b, op, 0, &arg, sizeof(arg), NULL);
}

/* Asks where a buffer or mapping is: up to one extent for each page. */
static int bsu_extents(struct bsu *b, u32 op, u32 number, u32 dir, size_t size,
		       struct vdev_dma_buf_extent **extents, unsigned int *count)
{
	struct vdev_bsu_number arg = { .number = number, .dir = dir };
	u32 room = (size >> PAGE_SHIFT) * sizeof(**extents);
	void *buf = kzalloc(room, GFP_KERNEL | __GFP_NOWARN);
	struct call c;
	int ret;

	if (!buf)
		return -ENOMEM;
	memcpy(buf, &arg, sizeof(arg));
	ret = bsu_call(b, op, 0, buf, sizeof(arg), room, false, &c);
	if (ret) {
		kfree(buf);
		return ret;
	}
	*extents = buf;
	*count = c.length / sizeof(**extents);
	return 0;
}

static irqreturn_t bsu_irq(int irq, void *data)
{
	struct bsu *b = data;
	u32 status;

	guard(mutex)(&b->lock);
	status = readl(b->regs + REG_IRQ_STATUS);
	writel(status, b->regs + REG_IRQ_STATUS);
	bsu_drain(b);
	if (status & IRQ_ERROR)
		bsu_die(b);
	return status ? IRQ_HANDLED : IRQ_NONE;
}

/* --- Buffers as dma_bufs ------------------------------------------------------ */

/* The buffer has moved, or goes: where it was is nobody's business any more. */
static void buffer_moved(struct dma_buf *dmabuf)
{
	struct object *buf = dmabuf->priv;

	mutex_lock(&buf->lock);
	kfree(buf->extents);
	buf->extents = NULL;
	mutex_unlock(&buf->lock);
	unmap_mapping_range(dmabuf->file->f_mapping, 0, 0, 1);
}

/* Finds out where the buffer is. Called with the buffer's lock held. */
static int buffer_place(struct object *buf, size_t size)
{
	if (buf->extents)
		return 0;
	return bsu_extents(buf->bsu, VDEV_BSU_PLACE, buf->id, 0, size, &buf->extents, &buf->count);
}

/* The page frame of a page of the buffer. Called with the lock held, when it is placed. */
static unsigned long buffer_pfn(struct object *buf, u64 page)
{
	unsigned int i;

	for (i = 0; i < buf->count; i++) {
		u64 n = buf->extents[i].length >> PAGE_SHIFT;

		if (page < n)
			return PHYS_PFN(buf->extents[i].addr) + page;
		page -= n;
	}
	return 0;
}

static int buffer_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment)
{
	struct object *buf = dmabuf->priv;
	struct device *dev = attachment->dev;
	struct vdev_bsu_attach arg = {
		.buffer = buf->id,
		.flags = device_iommu_mapped(dev) ? VDEV_DMABUF_ATTACH_IOMMU : 0,
		.mask = dma_get_mask(dev),
		.max_segment = dma_get_max_seg_size(dev),
	};
	u32 flags;
	int ret;

	strscpy((char *)arg.device, dev_name(dev), sizeof(arg.device));
	ret = bsu_short(buf->bsu, VDEV_BSU_ATTACH, 0, &arg, sizeof(arg), &flags);
	if (ret)
		return ret;
	if (flags & VDEV_BSU_MOVED)
		buffer_moved(dmabuf);
	attachment->priv = (void *)(uintptr_t)arg.attachment;
	return 0;
}

static void buffer_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment)
{
	struct object *buf = dmabuf->priv;

	bsu_object(buf->bsu, VDEV_BSU_DETACH, (uintptr_t)attachment->priv, 0);
}

/* The unit maintains the caches, so that mapping need not. */
static struct sg_table *buffer_map(struct dma_buf_attachment *attachment,
				   enum dma_data_direction dir)
{
	struct object *buf = attachment->dmabuf->priv;
	u32 number = (uintptr_t)attachment->priv;
	struct vdev_dma_buf_extent *extents;
	struct scatterlist *sg;
	struct sg_table *sgt;
	unsigned int count, i;
	int ret;

	ret = bsu_extents(buf->bsu, VDEV_BSU_MAP, number, dir, attachment->dmabuf->size, &extents,
			  &count);
	if (ret)
		return ERR_PTR(ret);
	ret = -ENOMEM;
	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt || sg_alloc_table(sgt, count, GFP_KERNEL))
		goto fail;
	for_each_sgtable_sg(sgt, sg, i)
		sg_set_page(sg, pfn_to_page(PHYS_PFN(extents[i].addr)), extents[i].length, 0);
	ret = dma_map_sgtable(attachment->dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	if (ret) {
		sg_free_table(sgt);
		goto fail;
	}
	kfree(extents);
	return sgt;
fail:
	kfree(sgt);
	kfree(extents);
	bsu_object(buf->bsu, VDEV_BSU_UNMAP, number, dir);
	return ERR_PTR(ret);
}

static void buffer_unmap(struct dma_buf_attachment *attachment, struct sg_table *sgt,
			 enum dma_data_direction dir)
{
	struct object *buf = attachment->dmabuf->priv;

	dma_unmap_sgtable(attachment->dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(sgt);
	kfree(sgt);
	bsu_object(buf->bsu, VDEV_BSU_UNMAP, (uintptr_t)attachment->priv, dir);
}

static int buffer_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct object *buf = dmabuf->priv;
	long ret;

	/* What devices still write would come after the maintenance. */
	ret = dma_resv_wait_timeout(dmabuf->resv, dma_resv_usage_rw(dir != DMA_FROM_DEVICE), true,
				    MAX_SCHEDULE_TIMEOUT);
	if (ret < 0)
		return ret;
	return bsu_object(buf->bsu, VDEV_BSU_BEGIN, buf->id, dir);
}

static int buffer_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct object *buf = dmabuf->priv;

	return bsu_object(buf->bsu, VDEV_BSU_END, buf->id, dir);
}

/* How many pages are mapped at a time. */
#define FAULT_PAGES	64

static vm_fault_t buffer_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct dma_buf *dmabuf = vma->vm_private_data;
	struct object *buf = dmabuf->priv;
	unsigned long address = vmf->address;
	pgoff_t page = vmf->pgoff;
	vm_fault_t ret;
	unsigned int i;

	if (page >= dmabuf->size >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	guard(mutex)(&buf->lock);
	/* When memory is short it is the pool's, for which nobody can be killed. */
	if (buffer_place(buf, dmabuf->size))
		return VM_FAULT_SIGBUS;
	ret = vmf_insert_pfn(vma, address, buffer_pfn(buf, page));
	for (i = 1; i < FAULT_PAGES && ret == VM_FAULT_NOPAGE; i++) {
		address += PAGE_SIZE;
		page++;
		if (address >= vma->vm_end || page >= dmabuf->size >> PAGE_SHIFT ||
		    vmf_insert_pfn(vma, address, buffer_pfn(buf, page)) != VM_FAULT_NOPAGE)
			break;
	}
	return ret;
}

static const struct vm_operations_struct buffer_vm_ops = {
	.fault = buffer_fault,
};

static int buffer_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &buffer_vm_ops;
	vma->vm_private_data = dmabuf;
	return 0;
}

static int buffer_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct object *buf = dmabuf->priv;
	unsigned int i, n = dmabuf->size >> PAGE_SHIFT;
	struct page **pages __free(kvfree) = kvmalloc_array(n, sizeof(*pages), GFP_KERNEL);
	int ret;

	if (!pages)
		return -ENOMEM;
	guard(mutex)(&buf->lock);
	ret = buffer_place(buf, dmabuf->size);
	if (ret)
		return ret;
	for (i = 0; i < n; i++)
		pages[i] = pfn_to_page(buffer_pfn(buf, i));
	iosys_map_set_vaddr(map, vmap(pages, n, VM_MAP, PAGE_KERNEL));
	return map->vaddr ? 0 : -ENOMEM;
}

static void buffer_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	vunmap(map->vaddr);
}

/* The file is gone, or there will be none. */
static void object_end(struct object *o)
{
	bsu_object(o->bsu, o->kind == OBJECT_buffer ? VDEV_BSU_RELEASE : VDEV_BSU_CLOSE_OBJECT,
		   o->id, 0);
	kfree(o->extents);
	kfree(o);
}

static void buffer_release(struct dma_buf *dmabuf)
{
	object_end(dmabuf->priv);
}

static const struct dma_buf_ops buffer_ops = {
	.attach = buffer_attach,
	.detach = buffer_detach,
	.map_dma_buf = buffer_map,
	.unmap_dma_buf = buffer_unmap,
	.begin_cpu_access = buffer_begin_cpu_access,
	.end_cpu_access = buffer_end_cpu_access,
	.mmap = buffer_mmap,
	.vmap = buffer_vmap,
	.vunmap = buffer_vunmap,
	.release = buffer_release,
};

static struct file *buffer_file(struct object *buf)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct vdev_bsu_size size = { .size = buf->id };	/* as long as struct vdev_bsu_number */
	struct dma_buf *dmabuf;
	int ret = bsu_short(buf->bsu, VDEV_BSU_SIZE, 0, &size, sizeof(size), NULL);

	if (ret)
		return ERR_PTR(ret);
	info.exp_name = "vdev";
	info.ops = &buffer_ops;
	info.size = PAGE_ALIGN(size.size);
	info.flags = O_RDWR;
	info.priv = buf;
	dmabuf = dma_buf_export(&info);
	return IS_ERR(dmabuf) ? ERR_CAST(dmabuf) : dmabuf->file;
}

/* --- dma_bufs of others ------------------------------------------------------- */

/* Finds a registered dma_buf. Called with foreign_lock held. */
static struct foreign *foreign_find(struct bsu *b, struct dma_buf *dmabuf)
{
	struct foreign *f;

	list_for_each_entry(f, &b->foreign, link)
		if (f->dmabuf == dmabuf)
			return f;
	return NULL;
}

static void foreign_free(struct foreign *f)
{
	if (!IS_ERR_OR_NULL(f->sgt))
		dma_buf_unmap_attachment_unlocked(f->attachment, f->sgt, DMA_BIDIRECTIONAL);
	if (!IS_ERR_OR_NULL(f->attachment))
		dma_buf_detach(f->dmabuf, f->attachment);
	dma_buf_put(f->dmabuf);
	kfree(f);
}

/* Tells the unit about the pages of a dma_buf. Called with foreign_lock held. */
static int foreign_tell(struct bsu_file *file, struct foreign *f)
{
	struct bsu *b = file->bsu;
	struct vdev_bsu_register *arg;
	struct vdev_dma_buf_extent *extents;
	struct scatterlist *sg;
	struct call c;
	size_t length;
	unsigned int i;
	int ret;

	f->attachment = dma_buf_attach(f->dmabuf, b->dev);
	if (IS_ERR(f->attachment))
		return -EOPNOTSUPP;
	f->sgt = dma_buf_map_attachment_unlocked(f->attachment, DMA_BIDIRECTIONAL);
	if (IS_ERR(f->sgt))
		return -EOPNOTSUPP;
	length = sizeof(*arg) + f->sgt->nents * sizeof(*extents);
	arg = kzalloc(length, GFP_KERNEL | __GFP_NOWARN);
	if (!arg)
		return -ENOMEM;
	arg->size = f->dmabuf->size;
	spin_lock(&f->dmabuf->name_lock);
	if (f->dmabuf->name)
		strscpy((char *)arg->name, f->dmabuf->name, sizeof(arg->name));
	spin_unlock(&f->dmabuf->name_lock);
	strscpy((char *)arg->exporter, f->dmabuf->exp_name, sizeof(arg->exporter));
	extents = (void *)(arg + 1);
	ret = 0;
	for_each_sgtable_dma_sg(f->sgt, sg, i) {
		/* No IOMMU: the address on the bus is the physical one. */
		extents[i].addr = sg_dma_address(sg);
		extents[i].length = sg_dma_len(sg);
		if (!pfn_valid(PHYS_PFN(extents[i].addr)))
			ret = -EOPNOTSUPP;
	}
	if (!ret)
		ret = bsu_call(b, VDEV_BSU_REGISTER, file->client, arg, length, length,
			       false, &c);
	f->id = ((struct vdev_bsu_number *)arg)->number;
	kfree(arg);
	return ret;
}

static int foreign_register(struct bsu_file *file, struct vdev_dma_buf_register *arg)
{
	struct bsu *b = file->bsu;
	struct dma_buf *dmabuf = dma_buf_get(arg->fd);
	struct foreign *f;
	int ret = -EEXIST;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	f = kzalloc(sizeof(*f), GFP_KERNEL | __GFP_NOFAIL);
	f->dmabuf = dmabuf;
	f->owner = file;
	guard(mutex)(&b->foreign_lock);
	if (dmabuf->ops != &buffer_ops && !foreign_find(b, dmabuf))
		ret = foreign_tell(file, f);
	if (ret) {
		foreign_free(f);
		return ret;
	}
	list_add(&f->link, &b->foreign);
	arg->id = f->id;
	return 0;
}

/* Forgets those of a file: one, or all of them if dmabuf is NULL. */
static void foreign_forget(struct bsu_file *file, struct dma_buf *dmabuf)
{
	struct foreign *f, *next;
	LIST_HEAD(gone);

	mutex_lock(&file->bsu->foreign_lock);
	list_for_each_entry_safe(f, next, &file->bsu->foreign, link)
		if (f->owner == file && (!dmabuf || f->dmabuf == dmabuf))
			list_move(&f->link, &gone);
	mutex_unlock(&file->bsu->foreign_lock);
	list_for_each_entry_safe(f, next, &gone, link)
		foreign_free(f);
}

/* --- Sync objects and fences -------------------------------------------------- */

static int object_release(struct inode *inode, struct file *file)
{
	object_end(file->private_data);
	return 0;
}

static const struct file_operations object_fops = {
	.owner = THIS_MODULE,
	.release = object_release,
	.llseek = noop_llseek,
};

/* Makes the file of an object; the object ends with it, or if this fails. */
static struct file *object_file(struct bsu *b, enum object_kind kind, u32 id)
{
	struct object *o = kzalloc(sizeof(*o), GFP_KERNEL | __GFP_NOFAIL);
	struct file *file;

	o->bsu = b;
	o->kind = kind;
	o->id = id;
	mutex_init(&o->lock);
	if (kind == OBJECT_buffer)
		file = buffer_file(o);
	else
		file = anon_inode_getfile(kind == OBJECT_sync ? "[vdev-sync]" : "[vdev-fence]",
					  &object_fops, o, O_RDWR);
	if (IS_ERR(file))
		object_end(o);
	return file;
}

/* --- Requests of programs ----------------------------------------------------- */

enum field_type { FIELD_FD, FIELD_LIST, FIELD_LIST_FD };

/* What is to be translated in an argument. */
struct field {
	enum field_type type;
	enum object_kind kind;
	unsigned int cmd;
	bool out;
	u16 offset, count, elem;
};

#define FIELD_OF_FD(r, s, f, k, o) \
	{ .type = FIELD_FD, .cmd = r, .offset = offsetof(struct s, f), .kind = OBJECT_##k, .out = o },
#define FIELD_OF_LIST(r, s, f, n, e, o) \
	{ .type = FIELD_LIST, .cmd = r, .offset = offsetof(struct s, f), \
	  .count = offsetof(struct s, n), .elem = sizeof(struct e), .out = o },
#define FIELD_OF_LIST_FD(r, e, f, k) \
	{ .type = FIELD_LIST_FD, .cmd = r, .offset = offsetof(struct e, f), .kind = OBJECT_##k },

static const struct field fields[] = {
	VDEV_DMABUF_FIELDS(FIELD_OF_FD, FIELD_OF_LIST, FIELD_OF_LIST_FD)
};

#define MAX_ARG		128
#define FEW_FILES	4

/* A request of a program under way. */
struct request {
	struct bsu_file *file;
	unsigned int cmd;
	const struct field *fields, *end;	/* those of the request */
	u8 user[MAX_ARG] __aligned(8);	/* the argument as the program gave it */
	u8 *buf;		/* the argument as the unit gets it, then the answer */
	u32 length, room;
	void __user *out;	/* where the list of the answer goes, */
	u32 out_length;		/* and how much has room */
	struct file **held;	/* files that the argument names */
	unsigned int nheld;
	struct file *few[FEW_FILES];
	struct file *made;	/* the file that the answer names */
	int fd;			/* and its file descriptor */
};

/* Replaces a file descriptor by the number of its object. */
static int translate_fd(struct request *r, enum object_kind kind, u32 *field)
{
	struct bsu *b = r->file->bsu;
	struct foreign *f;
	struct dma_buf *dmabuf;
	struct file *file;
	struct object *o;

	if (kind != OBJECT_buffer) {
		file = fget((int)*field);
		if (!file)
			return -EBADF;
		r->held[r->nheld++] = file;
		o = file->private_data;
		if (file->f_op != &object_fops || o->kind != kind)
			return -EINVAL;
		*field = o->id;
		return 0;
	}
	dmabuf = dma_buf_get((int)*field);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	r->held[r->nheld++] = dmabuf->file;
	if (dmabuf->ops == &buffer_ops) {
		*field = ((struct object *)dmabuf->priv)->id;
		return 0;
	}
	guard(mutex)(&b->foreign_lock);
	f = foreign_find(b, dmabuf);
	if (!f)
		return -EINVAL;
	*field = f->id;
	return 0;
}

/* How long the lists in and behind the argument are. */
static int request_size(struct request *r)
{
	const struct field *f;
	unsigned int held = 0;

	r->length = _IOC_SIZE(r->cmd);
	r->room = r->length;
	r->end = fields + ARRAY_SIZE(fields);
	for (r->fields = fields; r->fields < r->end && r->fields->cmd != r->cmd;)
		r->fields++;
	for (f = r->fields; f < r->end && f->cmd == r->cmd;)
		f++;
	r->end = f;
	for (f = r->fields; f < r->end; f++) {
		u32 *count = (u32 *)(r->user + f->count);

		if (f->type == FIELD_FD)
			held++;
		if (f->type != FIELD_LIST)
			continue;
		if (*count > VDEV_DMABUF_MAX_LIST)
			return -EINVAL;
		held += *count;
		if (f->out) {
			r->out = u64_to_user_ptr(*(u64 *)(r->user + f->offset));
			if (!r->out)
				*count = 0;
			r->out_length = *count * f->elem;
			r->room = ALIGN(r->room, 8) + r->out_length;
		} else {
			r->length = ALIGN(r->length, 8) + *count * f->elem;
		}
	}
	r->held = r->few;
	if (held > FEW_FILES)
		r->held = kvcalloc(held, sizeof(*r->held), GFP_KERNEL);
	r->buf = kzalloc(max(r->length, r->room), GFP_KERNEL);
	return r->held && r->buf ? 0 : -ENOMEM;
}

static int request_translate(struct request *r)
{
	const struct field *f, *list = NULL;
	u32 at = _IOC_SIZE(r->cmd), count = 0, i;
	int ret = 0;

	BUILD_BUG_ON(sizeof(struct vdev_stats) > MAX_ARG);	/* the longest */
	memcpy(r->buf, r->user, at);
	for (f = r->fields; f < r->end; f++) {
		switch (f->type) {
		case FIELD_FD:
			if (!f->out)
				ret = translate_fd(r, f->kind, (u32 *)(r->buf + f->offset));
			break;
		case FIELD_LIST:
			if (f->out)
				break;
			list = f;
			at = ALIGN(at, 8);
			count = *(u32 *)(r->user + f->count);
			if (copy_from_user(r->buf + at, u64_to_user_ptr(*(u64 *)(r->user + f->offset)),
					   count * f->elem))
				ret = -EFAULT;
			break;
		case FIELD_LIST_FD:
			for (i = 0; i < count && !ret; i++)
				ret = translate_fd(r, f->kind,
						   (u32 *)(r->buf + at + i * list->elem + f->offset));
			break;
		}
		if (ret)
			return ret;
	}
	return 0;
}

/* Replaces numbers by file descriptors, new ones or those that were there. */
static int request_translate_back(struct request *r)
{
	const struct field *f;

	for (f = r->fields; f < r->end; f++) {
		u32 *field = (u32 *)(r->buf + f->offset);

		if (f->type != FIELD_FD)
			continue;
		if (!f->out) {
			memcpy(field, r->user + f->offset, sizeof(*field));
			continue;
		}
		r->made = object_file(r->file->bsu, f->kind, *field);
		if (IS_ERR(r->made))
			return PTR_ERR(r->made);
		r->fd = get_unused_fd_flags(O_CLOEXEC);
		if (r->fd < 0)
			return r->fd;
		*field = r->fd;
	}
	return 0;
}

/* Takes CPU_PREP or CPU_BEGIN back, as the exporter has failed. */
static void request_undo(struct request *r)
{
	struct vdev_dma_buf_buffer fini = { .fd = *(int *)r->buf };

	if (r->cmd == VDEV_DMABUF_IOC_CPU_PREP)
		bsu_short(r->file->bsu, VDEV_DMABUF_IOC_CPU_FINI, r->file->client, &fini,
			  sizeof(fini), NULL);
	else
		bsu_short(r->file->bsu, VDEV_DMABUF_IOC_CPU_END, r->file->client, r->buf,
			  r->length, NULL);
}

/* What an answer asks the driver to do, or the request itself. */
static int request_act(struct request *r, struct call *c)
{
	struct dma_buf *dmabuf = r->nheld ? r->held[0]->private_data : NULL;
	struct vdev_dma_buf_access *a = (void *)r->buf;
	enum dma_data_direction dir = c->flags >> 8 & 3;
	int ret = 0;

	if (c->flags & VDEV_BSU_MOVED)
		buffer_moved(dmabuf);
	if (c->flags & VDEV_BSU_EXPORTER_BEGIN)
		ret = dma_buf_begin_cpu_access(dmabuf, dir);
	if (ret)
		request_undo(r);
	if (c->flags & VDEV_BSU_EXPORTER_END)
		ret = dma_buf_end_cpu_access(dmabuf, dir);
	if (r->cmd == VDEV_DMABUF_IOC_UNREGISTER)
		foreign_forget(r->file, dmabuf);
	if (r->cmd == VDEV_DMABUF_IOC_KREAD &&
	    copy_to_user(u64_to_user_ptr(a->data), phys_to_virt(a->phys) + a->offset, a->length))
		ret = -EFAULT;
	if (r->cmd == VDEV_DMABUF_IOC_KWRITE &&
	    copy_from_user(phys_to_virt(a->phys) + a->offset, u64_to_user_ptr(a->data), a->length))
		ret = -EFAULT;
	return ret;
}

static int request_answer(struct request *r, struct call *c, void __user *arg)
{
	u32 size = _IOC_SIZE(r->cmd), lists = ALIGN(size, 8);
	int ret;

	ret = request_act(r, c);
	if (!ret)
		ret = request_translate_back(r);
	if (ret || !(_IOC_DIR(r->cmd) & _IOC_READ))
		return ret;
	if (c->length > lists && copy_to_user(r->out, r->buf + lists,
					      min(c->length - lists, r->out_length)))
		return -EFAULT;
	if (copy_to_user(arg, r->buf, size))
		return -EFAULT;
	if (r->made)
		fd_install(r->fd, r->made);
	r->made = NULL;
	return 0;
}

static long bsu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct bsu_file *f = file->private_data;
	void __user *user = (void __user *)arg;
	struct request request = { .file = f, .cmd = cmd, .fd = -1 }, *r = &request;
	struct call c;
	long ret;

	if (_IOC_TYPE(cmd) != _IOC_TYPE(VDEV_DMABUF_IOC_CREATE) || _IOC_SIZE(cmd) > MAX_ARG)
		return -ENOTTY;
	if (_IOC_DIR(cmd) & _IOC_WRITE && copy_from_user(r->user, user, _IOC_SIZE(cmd)))
		return -EFAULT;
	if (cmd == VDEV_DMABUF_IOC_REGISTER) {
		ret = foreign_register(f, (void *)r->user);
		return !ret && copy_to_user(user, r->user, _IOC_SIZE(cmd)) ? -EFAULT : ret;
	}
	ret = request_size(r);
	if (!ret)
		ret = request_translate(r);
	if (!ret)
		ret = bsu_call(f->bsu, cmd, f->client, r->buf, r->length, r->room, true, &c);
	if (!ret)
		ret = request_answer(r, &c, user);
	if (!IS_ERR_OR_NULL(r->made))
		fput(r->made);
	if (ret && r->fd >= 0)
		put_unused_fd(r->fd);
	while (r->nheld)
		fput(r->held[--r->nheld]);
	if (r->held != r->few)
		kvfree(r->held);
	kfree(r->buf);
	return ret;
}

static int bsu_open(struct inode *inode, struct file *file)
{
	struct bsu *b = container_of(file->private_data, struct bsu, misc);
	struct vdev_bsu_open arg = { .pid = task_tgid_nr(current) };
	struct bsu_file *f = kzalloc(sizeof(*f), GFP_KERNEL);
	int ret;

	if (!f)
		return -ENOMEM;
	f->bsu = b;
	get_task_comm(*(char (*)[TASK_COMM_LEN])arg.name, current->group_leader);
	ret = bsu_short(b, VDEV_BSU_OPEN, 0, &arg, sizeof(arg), NULL);
	if (ret) {
		kfree(f);
		return ret;
	}
	/* The answer is a struct vdev_bsu_number. */
	f->client = ((struct vdev_bsu_number *)&arg)->number;
	file->private_data = f;
	return 0;
}

static int bsu_release(struct inode *inode, struct file *file)
{
	struct bsu_file *f = file->private_data;
	struct call c;

	bsu_call(f->bsu, VDEV_BSU_CLOSE, f->client, NULL, 0, 0, false, &c);
	foreign_forget(f, NULL);
	kfree(f);
	return 0;
}

static const struct file_operations bsu_fops = {
	.owner = THIS_MODULE,
	.open = bsu_open,
	.release = bsu_release,
	.unlocked_ioctl = bsu_ioctl,
	.llseek = noop_llseek,
};

/* --- The unit ------------------------------------------------------------------- */

static int bsu_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct bsu *b;
	int irq, ret;

	b = devm_kzalloc(dev, sizeof(*b), GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	b->dev = dev;
	mutex_init(&b->lock);
	mutex_init(&b->foreign_lock);
	INIT_LIST_HEAD(&b->foreign);
	INIT_LIST_HEAD(&b->calls);
	b->regs = devm_platform_ioremap_resource(pdev, 0);
	if (IS_ERR(b->regs))
		return PTR_ERR(b->regs);
	if (readl(b->regs + REG_ID) != ID_VALUE || readl(b->regs + REG_VERSION) != 1)
		return dev_err_probe(dev, -ENODEV, "no buffer sharing unit of version 1 here\n");
	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	b->requests = dmam_alloc_coherent(dev, RING_ENTRIES * sizeof(*b->requests),
					  &b->requests_dma, GFP_KERNEL);
	b->completions = dmam_alloc_coherent(dev, RING_ENTRIES * sizeof(*b->completions),
					     &b->completions_dma, GFP_KERNEL);
	if (!b->requests || !b->completions)
		return -ENOMEM;
	irq = platform_get_irq(pdev, 0);
	if (irq < 0)
		return irq;
	writel(0, b->regs + REG_CONTROL);
	writeq(b->requests_dma, b->regs + REG_REQUEST_BASE);
	writel(RING_ENTRIES, b->regs + REG_REQUEST_SIZE);
	writeq(b->completions_dma, b->regs + REG_COMPLETION_BASE);
	writel(RING_ENTRIES, b->regs + REG_COMPLETION_SIZE);
	writel(IRQ_COMPLETION | IRQ_ERROR, b->regs + REG_IRQ_STATUS);
	ret = devm_request_threaded_irq(dev, irq, NULL, bsu_irq, IRQF_ONESHOT, "vdev-dmabuf", b);
	if (ret)
		return ret;
	writel(CONTROL_ENABLE, b->regs + REG_CONTROL);
	writel(IRQ_COMPLETION | IRQ_ERROR, b->regs + REG_IRQ_ENABLE);
	b->misc.minor = MISC_DYNAMIC_MINOR;
	b->misc.name = "dmabuf";
	b->misc.fops = &bsu_fops;
	b->misc.parent = dev;
	b->misc.mode = 0666;
	platform_set_drvdata(pdev, b);
	return misc_register(&b->misc);
}

static void bsu_remove(struct platform_device *pdev)
{
	struct bsu *b = platform_get_drvdata(pdev);

	misc_deregister(&b->misc);
	writel(0, b->regs + REG_IRQ_ENABLE);
	writel(0, b->regs + REG_CONTROL);
}

static const struct of_device_id bsu_of_match[] = {
	{ .compatible = "vdev,buffer-sharing-unit" },
	{ }
};
MODULE_DEVICE_TABLE(of, bsu_of_match);

static struct platform_driver bsu_driver = {
	.probe = bsu_probe,
	.remove = bsu_remove,
	.driver = {
		.name = "vdev-dmabuf",
		.of_match_table = bsu_of_match,
		/* Open files refer to the device: only with the module may it go. */
		.suppress_bind_attrs = true,
	},
};
module_platform_driver(bsu_driver);

MODULE_DESCRIPTION("vdev buffer sharing unit");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
/* Comes with the kernel that it is built for: no reason to call that tainted. */
MODULE_INFO(intree, "Y");
