// SPDX-License-Identifier: GPL-2.0-only
/*
 * Driver of vdev's buffer sharing unit. It is transport: programs' requests go to the unit, with
 * file descriptors replaced by numbers of objects and lists copied behind the argument, and the
 * answers come back. What requests mean, who waits for whom, where buffers are and when caches are
 * maintained, the unit decides. What is Linux's alone is here: buffers are dma_bufs, and sync
 * objects and fences files.
 */

#include <linux/anon_inodes.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vdev_bsu.h"
#include "vdev_dmabuf_fields.h"

#define RING_ENTRIES	64
#define FEW_FILES	4	/* that an argument names, without a list */

/* The numbers in the rings are little-endian, as the CPU's are. */
struct rings {
	struct vdev_bsu_request requests[RING_ENTRIES];
	struct vdev_bsu_completion completions[RING_ENTRIES];
};

struct bsu {
	struct device *dev;
	void __iomem *regs;
	struct miscdevice misc;
	struct mutex lock;	/* protects the rings and all below */
	struct rings *rings;
	u32 tail, head;		/* of requests; of completions */
	u32 next_tag;		/* so that a tag is not used again for long */
	struct list_head calls;	/* that wait: the newest first */
	const struct file_operations *dma_buf_fops; /* of every dma_buf, once there was one */
	struct mutex foreign_lock;
	struct list_head foreign;
};

/* A request, and its answer. */
struct call {
	u32 op, client;
	void *data;		/* the argument, then the answer; at a multiple of 8, from kmalloc */
	u32 length, room;	/*   unless both of these are up to VDEV_BSU_INLINE */
	u32 flags, answer;	/* of the answer: flags, and its length */
	int result;
	struct list_head link;	/* this and the rest: while it waits */
	u32 tag;
	struct completion done;
};

struct bsu_file {
	struct bsu *bsu;
	u32 client;
};

/* What the unit has for programs: the private data of its dma_buf, or of its file. */
struct object {
	struct bsu *bsu;
	enum field_object kind;
	u32 id;
	struct mutex lock;	/* of a buffer: where it is, and what is mapped of it */
};

/* A dma_buf of another exporter that the unit knows. */
struct foreign {
	struct list_head link;
	u32 id;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attachment;
	struct sg_table *sgt;
};

static bool call_is_short(const struct call *c)
{
	return c->length <= VDEV_BSU_INLINE && c->room <= VDEV_BSU_INLINE;
}

/* Copies arguments and answers, whose room is in words: most are too short for memcpy. */
static __always_inline void copy_words(void *to, const void *from, u32 length)
{
	u64 *t = to, *end = to + length;
	const u64 *f = from;

#pragma GCC unroll 5
	while (t < end) {
		*t++ = *f++;
		barrier(); /* no memcpy */
	}
}

/* Takes the answer from an entry of a ring. */
static void call_answer(struct call *c, int result, u32 flags, u32 answer, const u8 *data)
{
	c->result = result;
	c->flags = flags;
	c->answer = answer;
	if (answer && call_is_short(c))
		copy_words(c->data, data, answer);
}

/* Takes what has been completed. Called with the lock held. */
static noinline void bsu_drain(struct bsu *b)
{
	u32 tail = readl(b->regs + VDEV_BSU_REG_COMPLETION_TAIL);

	while (b->head != tail) {
		struct vdev_bsu_completion *e = &b->rings->completions[b->head];
		struct call *c;

		b->head = (b->head + 1) % RING_ENTRIES;
		list_for_each_entry(c, &b->calls, link) {
			if (c->tag != e->tag)
				continue;
			list_del(&c->link);
			call_answer(c, e->result, e->flags, e->answer, e->data);
			complete_all(&c->done);
			break;
		}
		if (b->head != tail)
			continue;
		/* There may be more, which had no room. */
		writel(b->head, b->regs + VDEV_BSU_REG_COMPLETION_HEAD);
		tail = readl(b->regs + VDEV_BSU_REG_COMPLETION_TAIL);
	}
}

/* Ends all calls after the unit has stopped. Called with the lock held. */
static void bsu_die(struct bsu *b)
{
	struct call *c, *next;

	dev_err_once(b->dev, "unit stopped: error %u\n", readl(b->regs + VDEV_BSU_REG_ERROR));
	list_for_each_entry_safe(c, next, &b->calls, link) {
		list_del(&c->link);
		call_answer(c, -ENODEV, 0, 0, NULL);
		complete_all(&c->done);
	}
}

/* Gives the unit a request, in its entry of the ring. Called with the lock held. */
static __always_inline struct vdev_bsu_request *
bsu_ring(struct bsu *b, u32 op, u32 client, const void *data, u32 length, u32 room, u64 addr)
{
	/* The unit has read all that was there before. */
	struct vdev_bsu_request *e = &b->rings->requests[b->tail];

	e->op = op;
	e->tag = b->next_tag++;
	e->client = client;
	e->room = room;
	e->addr = addr;
	e->length = length;
	e->state = 0;
	if (!addr)
		copy_words(e->data, data, length);
	b->tail = (b->tail + 1) % RING_ENTRIES;
	wmb();
	writel_relaxed(b->tail, b->regs + VDEV_BSU_REG_REQUEST_TAIL);
	mb(); /* the unit works during this write, which is not posted */
	return e;
}

/* Tells whether a request has ended, as most have; if not, the call waits. */
static __always_inline bool bsu_ended(struct bsu *b, struct call *c, struct vdev_bsu_request *e)
{
	if (likely(READ_ONCE(e->state) == VDEV_BSU_DONE))
		return true;
	c->tag = e->tag;
	init_completion(&c->done);
	list_add(&c->link, &b->calls);
	bsu_drain(b); /* which may make room for it, or end it */
	if (READ_ONCE(e->state) & VDEV_BSU_DONE) {
		list_del(&c->link);
		return true;
	}
	if (readl(b->regs + VDEV_BSU_REG_ERROR))
		bsu_die(b);
	return false;
}

static int bsu_object(struct bsu *b, u32 op, u32 number, u32 dir);

/* Waits until a request has ended. If it is a program's a signal ends it early. */
static int bsu_wait(struct bsu *b, struct call *c, bool signals)
{
	if (signals && wait_for_completion_interruptible(&c->done))
		bsu_object(b, VDEV_BSU_CANCEL, c->tag, 0);
	wait_for_completion(&c->done);
	return c->result;
}

/* Makes a request, and waits until it has ended. */
static int bsu_call(struct bsu *b, struct call *c, bool signals)
{
	u32 size = max(c->length, c->room);
	struct vdev_bsu_request *e;
	dma_addr_t addr = 0;
	bool ended;

	if (!call_is_short(c)) {
		addr = dma_map_single(b->dev, c->data, size, DMA_BIDIRECTIONAL);
		if (dma_mapping_error(b->dev, addr))
			return -ENOMEM;
	}
	mutex_lock(&b->lock);
	e = bsu_ring(b, c->op, c->client, c->data, c->length, c->room, addr);
	ended = bsu_ended(b, c, e);
	if (ended)
		call_answer(c, e->result, e->flags, e->answer, e->data);
	mutex_unlock(&b->lock);
	if (!ended)
		bsu_wait(b, c, signals);
	if (addr)
		dma_unmap_single(b->dev, addr, size, DMA_BIDIRECTIONAL);
	return c->result;
}

/* Makes a request of the driver itself; the argument, at a multiple of 8, gets the answer. */
static int bsu_make(struct bsu *b, u32 op, u32 client, void *arg, u32 length)
{
	struct call c = { .op = op, .client = client, .data = arg, .length = length, .room = length };

	return bsu_call(b, &c, false);
}

/* Makes a request about an object, with a direction if it needs one. */
static int bsu_object(struct bsu *b, u32 op, u32 number, u32 dir)
{
	struct vdev_bsu_number arg __aligned(8) = { .number = number, .dir = dir };

	return bsu_make(b, op, 0, &arg, sizeof(arg));
}

static int object_make(struct object *o, u32 op, u32 dir)
{
	return bsu_object(o->bsu, op, o->id, dir);
}

static irqreturn_t bsu_irq(int irq, void *data)
{
	struct bsu *b = data;
	u32 status;

	guard(mutex)(&b->lock);
	status = readl(b->regs + VDEV_BSU_REG_IRQ_STATUS);
	writel(status, b->regs + VDEV_BSU_REG_IRQ_STATUS);
	bsu_drain(b);
	if (status & VDEV_BSU_IRQ_ERROR)
		bsu_die(b);
	return status ? IRQ_HANDLED : IRQ_NONE;
}

/* Finds out where a page is, and how many follow it in one piece, until the buffer moves. */
static int buffer_place(struct object *buf, u64 page, struct vdev_bsu_place *place)
{
	*place = (struct vdev_bsu_place){ .buffer = buf->id, .page = page };
	return bsu_make(buf->bsu, VDEV_BSU_PLACE, 0, place, sizeof(*place));
}

static int buffer_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment)
{
	struct object *buf = dmabuf->priv;
	struct vdev_bsu_attach arg = {
		.buffer = buf->id,
		.flags = device_iommu_mapped(attachment->dev) ? VDEV_DMABUF_ATTACH_IOMMU : 0,
		.mask = dma_get_mask(attachment->dev),
		.max_segment = dma_get_max_seg_size(attachment->dev),
	};
	int ret;

	strscpy((char *)arg.device, dev_name(attachment->dev), sizeof(arg.device));
	/* It may move. Programs find it where it is then, and not before. */
	guard(mutex)(&buf->lock);
	unmap_mapping_range(dmabuf->file->f_mapping, 0, 0, 1);
	ret = bsu_make(buf->bsu, VDEV_BSU_ATTACH, 0, &arg, sizeof(arg));
	attachment->priv = (void *)(uintptr_t)arg.attachment;
	return ret;
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
	struct vdev_bsu_number arg __aligned(8) = { (uintptr_t)attachment->priv, dir };
	struct vdev_bsu_place place;
	struct scatterlist *sg;
	struct sg_table *sgt;
	u64 page = 0;
	int i, ret;

	ret = bsu_make(buf->bsu, VDEV_BSU_MAP, 0, &arg, sizeof(arg));
	if (ret)
		return ERR_PTR(ret);
	/* The answer is how many pieces there are. */
	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	ret = sgt ? sg_alloc_table(sgt, arg.number, GFP_KERNEL) : -ENOMEM;
	if (ret)
		goto fail;
	for_each_sgtable_sg(sgt, sg, i) {
		ret = buffer_place(buf, page, &place);
		if (ret)
			goto fail_table;
		sg_set_page(sg, phys_to_page(place.addr), place.pages << PAGE_SHIFT, 0);
		page += place.pages;
	}
	ret = dma_map_sgtable(attachment->dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	if (!ret)
		return sgt;
fail_table:
	sg_free_table(sgt);
fail:
	kfree(sgt);
	bsu_object(buf->bsu, VDEV_BSU_UNMAP, (uintptr_t)attachment->priv, dir);
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

/* Waits for Linux's own fences on a dma_buf, of which the unit does not know. */
static int fences_wait(struct dma_buf *dmabuf, bool write, long timeout)
{
	long left = dma_resv_wait_timeout(dmabuf->resv, dma_resv_usage_rw(write), true, timeout);

	return left > 0 ? 0 : left ? left : timeout ? -ETIMEDOUT : -EBUSY;
}

static int buffer_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	/* What devices still write would come after the maintenance. */
	int ret = fences_wait(dmabuf, dir != DMA_FROM_DEVICE, MAX_SCHEDULE_TIMEOUT);

	return ret ? ret : object_make(dmabuf->priv, VDEV_BSU_BEGIN, dir);
}

static int buffer_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	return object_make(dmabuf->priv, VDEV_BSU_END, dir);
}

static vm_fault_t buffer_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct dma_buf *dmabuf = vma->vm_private_data;
	struct object *buf = dmabuf->priv;
	unsigned long pfn, address = vmf->address;
	struct vdev_bsu_place place;
	vm_fault_t ret;
	u64 pages;

	if (vmf->pgoff >= dmabuf->size >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	guard(mutex)(&buf->lock);
	/* When memory is short it is the pool's, for which nobody can be killed. */
	if (buffer_place(buf, vmf->pgoff, &place))
		return VM_FAULT_SIGBUS;
	pfn = PHYS_PFN(place.addr);
	pages = min3(place.pages, 64ul, (vma->vm_end - address) >> PAGE_SHIFT);
	do {
		ret = vmf_insert_pfn(vma, address, pfn++);
		address += PAGE_SIZE;
	} while (--pages && ret == VM_FAULT_NOPAGE);
	return ret;
}

/* What DMA_BUF_IOCTL_SYNC began for a program ends with it. */
static void buffer_vm_close(struct vm_area_struct *vma)
{
	struct dma_buf *dmabuf = vma->vm_private_data;

	if (!current->mm || current->in_execve)
		object_make(dmabuf->priv, VDEV_BSU_LEAVE, 0);
}

static const struct vm_operations_struct buffer_vm_ops = {
	.close = buffer_vm_close,
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

/* The file is gone, or there will be none. */
static void object_end(struct object *o)
{
	object_make(o, o->kind == OBJECT_BUFFER ? VDEV_BSU_RELEASE : VDEV_BSU_CLOSE_OBJECT, 0);
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
	.release = buffer_release,
};

/* Finds a registered dma_buf by its file. Called with foreign_lock held. */
static struct foreign *foreign_find(struct bsu *b, struct file *file)
{
	struct foreign *f;

	list_for_each_entry(f, &b->foreign, link)
		if (f->dmabuf->file == file)
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

/* Lets go of those that the unit does not know any more. */
static void foreign_reap(struct bsu *b)
{
	struct vdev_bsu_number arg __aligned(8) = { };
	struct foreign *f, *next;
	LIST_HEAD(gone);

	mutex_lock(&b->foreign_lock);
	while (!bsu_make(b, VDEV_BSU_GONE, 0, &arg, sizeof(arg)) && arg.number)
		list_for_each_entry_safe(f, next, &b->foreign, link)
			if (f->id == arg.number)
				list_move(&f->link, &gone);
	mutex_unlock(&b->foreign_lock);
	list_for_each_entry_safe(f, next, &gone, link)
		foreign_free(f);
}

/* Tells the unit about the pages of a dma_buf. Called with foreign_lock held. */
static int foreign_tell(struct bsu_file *file, struct foreign *f)
{
	struct vdev_bsu_register *arg;
	struct vdev_dma_buf_extent *extents;
	struct scatterlist *sg;
	size_t length;
	int i, ret = 0;

	f->attachment = dma_buf_attach(f->dmabuf, file->bsu->dev);
	if (!IS_ERR(f->attachment))
		f->sgt = dma_buf_map_attachment_unlocked(f->attachment, DMA_BIDIRECTIONAL);
	if (IS_ERR_OR_NULL(f->sgt))
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
	for_each_sgtable_dma_sg(f->sgt, sg, i) {
		/* No IOMMU: the address on the bus is the physical one. */
		extents[i].addr = sg_dma_address(sg);
		extents[i].length = sg_dma_len(sg);
		if (!pfn_valid(PHYS_PFN(extents[i].addr)))
			ret = -EOPNOTSUPP;
	}
	if (!ret)
		ret = bsu_make(file->bsu, VDEV_BSU_REGISTER, file->client, arg, length);
	f->id = arg->id;
	kfree(arg);
	return ret;
}

static int foreign_register(struct bsu_file *file, struct vdev_dma_buf_register *arg)
{
	struct dma_buf *dmabuf = dma_buf_get(arg->fd);
	struct foreign *f;
	int ret = -EEXIST;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	f = kzalloc(sizeof(*f), GFP_KERNEL | __GFP_NOFAIL);
	f->dmabuf = dmabuf;
	foreign_reap(file->bsu);
	guard(mutex)(&file->bsu->foreign_lock);
	if (dmabuf->ops != &buffer_ops && !foreign_find(file->bsu, dmabuf->file))
		ret = foreign_tell(file, f);
	if (ret) {
		foreign_free(f);
		return ret;
	}
	list_add(&f->link, &file->bsu->foreign);
	arg->id = f->id;
	return 0;
}

static int object_release(struct inode *inode, struct file *file)
{
	object_end(file->private_data);
	return 0;
}

static const struct file_operations object_fops = {
	.owner = THIS_MODULE,
	.release = object_release,
};

/* Makes the file of an object, which ends with it, or if this fails. Buffers have a size. */
static struct file *object_file(struct bsu *b, enum field_object kind, u32 id, u64 size)
{
	struct object *o = kzalloc(sizeof(*o), GFP_KERNEL | __GFP_NOFAIL);
	struct dma_buf_export_info info;
	struct dma_buf *dmabuf;
	struct file *file;

	*o = (struct object){ .bsu = b, .kind = kind, .id = id };
	mutex_init(&o->lock);
	if (kind == OBJECT_BUFFER) {
		info = (struct dma_buf_export_info){ .owner = THIS_MODULE, .exp_name = "vdev", .priv = o,
			.ops = &buffer_ops, .size = PAGE_ALIGN(size), .flags = O_RDWR };
		dmabuf = dma_buf_export(&info);
		file = IS_ERR(dmabuf) ? ERR_CAST(dmabuf) : dmabuf->file;
		if (!IS_ERR(file))
			b->dma_buf_fops = file->f_op;
	} else {
		file = anon_inode_getfile(kind == OBJECT_SYNC ? "[vdev-sync]" : "[vdev-fence]",
					  &object_fops, o, O_RDWR);
	}
	if (IS_ERR(file))
		object_end(o);
	return file;
}

/* A request of a program under way. */
struct request {
	struct bsu_file *file;
	const struct field *fields, *end; /* those of the request */
	struct call call;
	void __user *out;	/* where the list of the answer goes */
	struct fd *held;	/* files that the argument names */
	unsigned int nheld;
	struct fd few[FEW_FILES];
	struct file *made;	/* the file that the answer names */
	int fd;			/* and its file descriptor */
	u64 user[ARG_SIZE / 8];	/* the argument as the program gave it */
	u64 data[ARG_SIZE / 8];	/* the call's, unless there is a list */
};

/* Copies an argument, in words: most are too short for copy_from_user. */
static __always_inline int words_from_user(u64 *to, const u64 __user *from, u32 length)
{
	const u64 *end = to + length / sizeof(*to);
	int ret = -EFAULT;

	if (!user_access_begin(from, length))
		return ret;
#pragma GCC unroll 5
	while (to < end)
		unsafe_get_user(*to++, from++, fault);
	ret = 0;
fault:
	user_access_end();
	return ret;
}

/* The object that a file stands for; NULL if it is none of that kind. */
static __always_inline struct object *object_of(struct bsu *b, struct file *file,
						 enum field_object kind)
{
	struct dma_buf *dmabuf = file->private_data;
	struct object *o = file->private_data;

	if (kind == OBJECT_BUFFER)
		return file->f_op == b->dma_buf_fops && dmabuf->ops == &buffer_ops ? dmabuf->priv : NULL;
	return file->f_op == &object_fops && o->kind == kind ? o : NULL;
}

/* Waits as CPU_PREP does. */
static int prep_wait(struct dma_buf *dmabuf, const struct vdev_dma_buf_prep *a)
{
	long limit = a->timeout ? nsecs_to_jiffies(a->timeout) + 1 : MAX_SCHEDULE_TIMEOUT;
	int ret = fences_wait(dmabuf, a->access & VDEV_DMABUF_WRITE,
			      a->flags & VDEV_DMABUF_NOWAIT ? 0 : limit);

	return ret == -ERESTARTSYS && a->timeout ? -EINTR : ret;
}

/*
 * Makes a request of which only a file descriptor, which comes first, is to be translated, and
 * that has no answer. -ENOIOCTLCMD: it is to be made like others.
 */
static __always_inline int request_quick(struct bsu_file *f, unsigned int cmd,
					 enum field_object kind, const void __user *user)
{
	struct vdev_bsu_request *e;
	u64 arg[QUICK_SIZE / 8];
	struct bsu *b = f->bsu;
	struct dma_buf *dmabuf;
	struct object *o;
	struct call c;
	bool ended;

	if (words_from_user(arg, user, _IOC_SIZE(cmd)))
		return -EFAULT;
	CLASS(fd, fd)(*(int *)arg);
	o = fd_empty(fd) ? NULL : object_of(b, fd_file(fd), kind);
	dmabuf = o ? fd_file(fd)->private_data : NULL;
	if (!o || (cmd == VDEV_DMABUF_IOC_CPU_PREP && rcu_access_pointer(dmabuf->resv->fences)))
		return -ENOIOCTLCMD;
	*(u32 *)arg = o->id;
	c.length = c.room = 0;
	mutex_lock(&b->lock);
	e = bsu_ring(b, cmd, f->client, arg, _IOC_SIZE(cmd), 0, 0);
	ended = bsu_ended(b, &c, e);
	if (ended)
		call_answer(&c, e->result, e->flags, 0, NULL);
	mutex_unlock(&b->lock);
	if (!ended)
		bsu_wait(b, &c, true);
	if (c.flags)
		foreign_reap(b); /* of the unit's own objects there are no other flags */
	return c.result;
}

/* Replaces a file descriptor by the number of its object. */
static int translate_fd(struct request *r, enum field_object kind, u32 *field)
{
	struct bsu *b = r->file->bsu;
	struct fd fd = fdget((int)*field);
	struct foreign *f;
	struct object *o;

	if (fd_empty(fd))
		return -EBADF;
	r->held[r->nheld++] = fd;
	o = object_of(b, fd_file(fd), kind);
	if (o)
		*field = o->id;
	if (o || kind != OBJECT_BUFFER)
		return o ? 0 : -EINVAL;
	guard(mutex)(&b->foreign_lock);
	f = foreign_find(b, fd_file(fd));
	if (f)
		*field = f->id;
	return f ? 0 : -EINVAL;
}

/* Makes room for a list behind the argument or the answer, and gets that of the argument. */
static int translate_list(struct request *r, const struct field *f)
{
	struct call *c = &r->call;
	u32 *count = c->data + f->count, at = ALIGN(c->length, 8), end, i;
	void __user *user = u64_to_user_ptr(*(u64 *)(c->data + f->offset));
	int ret = 0;

	if (*count > VDEV_DMABUF_MAX_LIST)
		return -EINVAL;
	if (f->out && !user)
		*count = 0;
	end = at + *count * f->elem;
	c->data = kzalloc(end, GFP_KERNEL | __GFP_NOWARN);
	if (!c->data)
		return -ENOMEM;
	memcpy(c->data, r->data, c->length);
	if (f->out) {
		r->out = user;
		c->room = end;
		return 0;
	}
	c->length = end;
	if (copy_from_user(c->data + at, user, end - at))
		return -EFAULT;
	r->held = kvcalloc(FEW_FILES + *count, sizeof(*r->held), GFP_KERNEL);
	if (!r->held)
		return -ENOMEM;
	memcpy(r->held, r->few, sizeof(r->few));
	for (i = 0; i < *count && !ret; i++)
		ret = translate_fd(r, f->object, c->data + at + i * f->elem + f->elem_fd);
	return ret;
}

static int request_translate(struct request *r)
{
	const struct field *f;
	int ret = 0;

	memcpy(r->data, r->user, sizeof(r->data));
	for (f = r->fields; f < r->end && !ret; f++) {
		if (f->type == FIELD_LIST)
			ret = translate_list(r, f);
		else if (!f->out)
			ret = translate_fd(r, f->object, r->call.data + f->offset);
	}
	return ret;
}

/* Replaces numbers by file descriptors, new ones or those that were there. */
static int request_translate_back(struct request *r)
{
	const struct field *f;

	for (f = r->fields; f < r->end; f++) {
		u32 *field = r->call.data + f->offset;

		if (f->type == FIELD_FD && !f->out)
			*field = *(u32 *)((void *)r->user + f->offset);
		if (f->type != FIELD_FD || !f->out)
			continue;
		r->made = object_file(r->file->bsu, f->object, *field,
				      ((struct vdev_dma_buf_create *)r->call.data)->size);
		if (IS_ERR(r->made))
			return PTR_ERR(r->made);
		r->fd = get_unused_fd_flags(O_CLOEXEC);
		if (r->fd < 0)
			return r->fd;
		*field = r->fd;
	}
	return 0;
}

/* Has the kernel copy from or to a page of a buffer, which stays where it is meanwhile. */
static int request_copy(struct request *r, struct dma_buf *dmabuf)
{
	struct mutex *lock = dmabuf->ops == &buffer_ops ? &((struct object *)dmabuf->priv)->lock :
							  &r->file->bsu->foreign_lock;
	void *copy __free(kfree) = kmalloc(PAGE_SIZE, GFP_KERNEL | __GFP_NOFAIL);
	struct vdev_dma_buf_access *a = (void *)r->data;
	bool writes = r->call.op == VDEV_DMABUF_IOC_KWRITE;
	int ret;

	/* Of other exporters' memory it is not known whether it may be cached. */
	if (!dmabuf->ops->begin_cpu_access || (writes && !(dmabuf->file->f_mode & FMODE_WRITE)))
		return -EOPNOTSUPP;
	if (a->length > PAGE_SIZE)
		return -EINVAL;
	if (writes && copy_from_user(copy, u64_to_user_ptr(a->data), a->length))
		return -EFAULT;
	scoped_guard(mutex, lock) {
		ret = bsu_call(r->file->bsu, &r->call, true);
		if (ret)
			return ret;
		if (writes)
			memcpy(phys_to_virt(a->phys) + a->offset, copy, a->length);
		else
			memcpy(copy, phys_to_virt(a->phys) + a->offset, a->length);
	}
	return !writes && copy_to_user(u64_to_user_ptr(a->data), copy, a->length) ? -EFAULT : 0;
}

static int request_answer(struct request *r, struct dma_buf *dmabuf, void __user *arg)
{
	struct call *c = &r->call;
	u32 size = _IOC_SIZE(c->op), list = ALIGN(size, 8);
	enum dma_data_direction dir = c->flags >> 8 & 3;
	int ret = 0;

	if (c->flags & VDEV_BSU_EXPORTER_BEGIN)
		ret = dma_buf_begin_cpu_access(dmabuf, dir);
	if (ret) {
		c->op = c->op == VDEV_DMABUF_IOC_CPU_PREP ? VDEV_BSU_UNPREP : VDEV_DMABUF_IOC_CPU_END;
		bsu_call(r->file->bsu, c, false);
	}
	if (c->flags & VDEV_BSU_EXPORTER_END)
		ret = dma_buf_end_cpu_access(dmabuf, dir);
	if (ret || !c->room)
		return ret;
	ret = request_translate_back(r);
	if (ret)
		return ret;
	if (c->answer > list && copy_to_user(r->out, c->data + list, c->answer - list))
		return -EFAULT;
	if (copy_to_user(arg, c->data, size))
		return -EFAULT;
	if (r->made)
		fd_install(r->fd, r->made);
	r->made = NULL;
	return 0;
}

static noinline long request_make(struct bsu_file *file, unsigned int nr, void __user *user)
{
	struct request r = { .file = file, .fields = requests[nr].fields,
			     .end = requests[nr].end, .held = r.few, .fd = -1 };
	unsigned int cmd = requests[nr].cmd, size = _IOC_SIZE(cmd);
	struct dma_buf *first;	/* if that is one */
	struct object *moves = NULL;
	int ret;

	if (_IOC_DIR(cmd) & _IOC_WRITE && copy_from_user(r.user, user, size))
		return -EFAULT;
	if (cmd == VDEV_DMABUF_IOC_REGISTER) {
		ret = foreign_register(file, (void *)r.user);
		return !ret && copy_to_user(user, r.user, size) ? -EFAULT : ret;
	}
	r.call = (struct call){ .op = cmd, .client = file->client, .data = r.data, .length = size,
				.room = _IOC_DIR(cmd) & _IOC_READ ? size : 0 };
	ret = request_translate(&r);
	first = r.nheld ? fd_file(r.held[0])->private_data : NULL;
	if (!ret && cmd == VDEV_DMABUF_IOC_CPU_PREP)
		ret = prep_wait(first, (void *)r.user);
	if (!ret && cmd == VDEV_DMABUF_IOC_ATTACH && first->ops == &buffer_ops) {
		moves = first->priv; /* perhaps, as in buffer_attach */
		mutex_lock(&moves->lock);
		unmap_mapping_range(first->file->f_mapping, 0, 0, 1);
	}
	if (!ret)
		ret = cmd == VDEV_DMABUF_IOC_KREAD || cmd == VDEV_DMABUF_IOC_KWRITE ?
			      request_copy(&r, first) : bsu_call(file->bsu, &r.call, true);
	if (moves)
		mutex_unlock(&moves->lock);
	if (!ret)
		ret = request_answer(&r, first, user);
	if (r.call.flags & VDEV_BSU_FORGET)
		foreign_reap(file->bsu);
	if (!IS_ERR_OR_NULL(r.made))
		fput(r.made);
	if (ret && r.fd >= 0)
		put_unused_fd(r.fd);
	while (r.nheld)
		fdput(r.held[--r.nheld]);
	if (r.held != r.few)
		kvfree(r.held);
	if (r.call.data != r.data)
		kfree(r.call.data);
	return ret;
}

static long bsu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	unsigned int nr = _IOC_NR(cmd);
	void __user *user = (void __user *)arg;
	int ret = -ENOIOCTLCMD;

	/* The most frequent ones by themselves: their sizes are constants then. */
	if (cmd == VDEV_DMABUF_IOC_CPU_PREP)
		ret = request_quick(file->private_data, VDEV_DMABUF_IOC_CPU_PREP, OBJECT_BUFFER, user);
	else if (cmd == VDEV_DMABUF_IOC_CPU_FINI)
		ret = request_quick(file->private_data, VDEV_DMABUF_IOC_CPU_FINI, OBJECT_BUFFER, user);
	else if (nr >= ARRAY_SIZE(requests) || requests[nr].cmd != cmd || !cmd)
		return -ENOTTY;
	else if (requests[nr].quick)
		ret = request_quick(file->private_data, cmd, requests[nr].fields->object, user);
	return ret == -ENOIOCTLCMD ? request_make(file->private_data, nr, user) : ret;
}

static int bsu_open(struct inode *inode, struct file *file)
{
	struct bsu *b = container_of(file->private_data, struct bsu, misc);
	struct vdev_bsu_open arg __aligned(8) = { .pid = task_tgid_nr(current) };
	struct bsu_file *f __free(kfree) = kzalloc(sizeof(*f), GFP_KERNEL);
	int ret;

	if (!f)
		return -ENOMEM;
	f->bsu = b;
	get_task_comm(*(char (*)[TASK_COMM_LEN])arg.name, current->group_leader);
	ret = bsu_make(b, VDEV_BSU_OPEN, 0, &arg, sizeof(arg));
	if (ret)
		return ret;
	f->client = arg.client;
	file->private_data = no_free_ptr(f);
	return 0;
}

static int bsu_release(struct inode *inode, struct file *file)
{
	struct bsu_file *f = file->private_data;

	bsu_make(f->bsu, VDEV_BSU_CLOSE, f->client, NULL, 0);
	foreign_reap(f->bsu);
	kfree(f);
	return 0;
}

static const struct file_operations bsu_fops = {
	.owner = THIS_MODULE,
	.open = bsu_open,
	.release = bsu_release,
	.unlocked_ioctl = bsu_ioctl,
};

static int bsu_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	dma_addr_t dma;
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
	if (readl(b->regs + VDEV_BSU_REG_ID) != VDEV_BSU_ID ||
	    readl(b->regs + VDEV_BSU_REG_VERSION) != VDEV_BSU_VERSION)
		return dev_err_probe(dev, -ENODEV, "not a buffer sharing unit that I know\n");
	if (dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64)))
		return -EIO;
	b->rings = dmam_alloc_coherent(dev, sizeof(*b->rings), &dma, GFP_KERNEL);
	if (!b->rings)
		return -ENOMEM;
	irq = platform_get_irq(pdev, 0);
	if (irq < 0)
		return irq;
	writel(0, b->regs + VDEV_BSU_REG_CONTROL);
	writeq(dma + offsetof(struct rings, requests), b->regs + VDEV_BSU_REG_REQUEST_BASE);
	writel(RING_ENTRIES, b->regs + VDEV_BSU_REG_REQUEST_SIZE);
	writeq(dma + offsetof(struct rings, completions), b->regs + VDEV_BSU_REG_COMPLETION_BASE);
	writel(RING_ENTRIES, b->regs + VDEV_BSU_REG_COMPLETION_SIZE);
	writel(VDEV_BSU_IRQ_COMPLETION | VDEV_BSU_IRQ_ERROR, b->regs + VDEV_BSU_REG_IRQ_STATUS);
	ret = devm_request_threaded_irq(dev, irq, NULL, bsu_irq, IRQF_ONESHOT, "vdev-dmabuf", b);
	if (ret)
		return ret;
	writel(VDEV_BSU_ENABLE, b->regs + VDEV_BSU_REG_CONTROL);
	writel(VDEV_BSU_IRQ_COMPLETION | VDEV_BSU_IRQ_ERROR, b->regs + VDEV_BSU_REG_IRQ_ENABLE);
	b->misc = (struct miscdevice){ .minor = MISC_DYNAMIC_MINOR, .name = "dmabuf",
				       .fops = &bsu_fops, .parent = dev, .mode = 0666 };
	platform_set_drvdata(pdev, b);
	return misc_register(&b->misc);
}

static void bsu_remove(struct platform_device *pdev)
{
	struct bsu *b = platform_get_drvdata(pdev);

	misc_deregister(&b->misc);
	writel(0, b->regs + VDEV_BSU_REG_IRQ_ENABLE);
	writel(0, b->regs + VDEV_BSU_REG_CONTROL);
}

static const struct of_device_id bsu_ids[] = { { .compatible = "vdev,buffer-sharing-unit" }, { } };
MODULE_DEVICE_TABLE(of, bsu_ids);

static struct platform_driver bsu_driver = {
	.probe = bsu_probe,
	.remove = bsu_remove,
	.driver = {
		.name = "vdev-dmabuf",
		.of_match_table = bsu_ids,
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
