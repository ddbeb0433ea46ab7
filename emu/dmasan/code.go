// SPDX-License-Identifier: Apache-2.0

package dmasan

import "vdev/dmabuf"

// Code names the rule that was broken.
type Code uint8

// The rules. Those from DMAUnmapped to DMADirection concern mappings, those before it
// lines, those after it who owns a buffer.
const (
	DeviceReadDirty Code = iota
	CPUReadStale
	EarlyInvalidate
	WritebackOverDMA
	ClobberByFill
	InvalidateDirty
	AliasMismatch
	SyncNoOp
	WrongCoherency
	DMAUnmapped
	DMAAfterUnmap
	DMAOutOfRange
	DMADirection
	AccessInFlight
	PrepFini
	SyncLock
	OverwriteUnconsumed
	codeCount
)

// rule is what is said about a code. The fix is what is missing for kernel code and
// for a program that uses a dma-buf; the latter is empty if only kernel code can do it.
type rule struct {
	code      string
	sentence  string
	kernelFix string
	userFix   string
}

func (c Code) rule() rule {
	return [codeCount]rule{
		DeviceReadDirty: {
			"device-read-dirty",
			"A device read bytes that a hart had written and nobody had cleaned: it may have got older ones.",
			"dma_sync_single_for_device(dev, addr, size, DMA_TO_DEVICE), or dma_map_single, after the last store and before the device is started",
			"ioctl(fd, DMA_BUF_IOCTL_SYNC, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE), or CPU_FINI, after the last store and before the device is started",
		},
		CPUReadStale: {
			"cpu-read-stale",
			"A hart read bytes that a device had written, and nothing was invalidated in between: it may have got older ones from its cache.",
			"dma_sync_single_for_cpu(dev, addr, size, DMA_FROM_DEVICE), or dma_unmap_single, after the device has finished and before the first load",
			"ioctl(fd, DMA_BUF_IOCTL_SYNC, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), or CPU_PREP, after the device has finished and before the first load",
		},
		EarlyInvalidate: {
			"early-invalidate",
			"A hart read bytes that a device had written, and the only invalidate came before the device wrote them: a speculative fetch may have brought the older ones back into the cache.",
			"dma_sync_single_for_cpu(dev, addr, size, DMA_FROM_DEVICE), or dma_unmap_single, once more after the device has finished; the one before it is not enough",
			"ioctl(fd, DMA_BUF_IOCTL_SYNC, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), or CPU_PREP, after the device has finished; the one before it is not enough",
		},
		WritebackOverDMA: {
			"writeback-over-dma",
			"A device wrote into a cache line that a hart had written and nobody had cleaned: when the line is written back, the device's bytes are gone.",
			"dma_sync_single_for_device(dev, addr, size, DMA_FROM_DEVICE), or dma_map_single, after the last store to the line and before the device is started; and no other data in the same line",
			"ioctl(fd, DMA_BUF_IOCTL_SYNC, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE), or CPU_FINI, after the last store to the line and before the device is started",
		},
		ClobberByFill: {
			"clobber-by-fill",
			"A hart wrote part of a cache line that a device had written and nobody had invalidated; when the line is written back, older bytes replace the rest of what the device wrote, and somebody used that rest.",
			"dma_sync_single_for_cpu(dev, addr, size, DMA_FROM_DEVICE), or dma_unmap_single, after the device has finished and before the first store",
			"ioctl(fd, DMA_BUF_IOCTL_SYNC, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW), or CPU_PREP, after the device has finished and before the first store",
		},
		InvalidateDirty: {
			"invalidate-dirty",
			"A cache line was invalidated with a hart's stores still in it: they may be gone, and somebody used those bytes.",
			"dma_sync_single_for_device(dev, addr, size, DMA_BIDIRECTIONAL) after the stores, before the line is invalidated; or a buffer that shares no cache line with other data (ARCH_DMA_MINALIGN)",
			"ioctl(fd, DMA_BUF_IOCTL_SYNC, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE), or CPU_FINI, after the stores and before the next DMA_BUF_SYNC_START or CPU_PREP; no stores outside of them",
		},
		AliasMismatch: {
			"alias-mismatch",
			"The same cache line was used through a cacheable and a non-cacheable mapping, one of them writing, without a flush in between.",
			"a flush of the range (clean and invalidate, as arch_dma_prep_coherent does) between the use of one mapping and of the other; better, only one mapping",
			"a flush of the range (DMA_BUF_IOCTL_SYNC END, then START, both DMA_BUF_SYNC_RW) between the use of one mapping and of the other; better, only one mapping",
		},
		SyncNoOp: {
			"sync-no-op",
			"A program handed a buffer over with a sync call, as it should, but the call did no cache maintenance on this line.",
			"dma_sync_sgtable_for_device and dma_sync_sgtable_for_cpu, for each device that the buffer is attached to, in the begin_cpu_access and end_cpu_access of the buffer's exporter; the program did its part",
			"",
		},
		WrongCoherency: {
			"wrong-coherency",
			"The kernel takes a device for coherent with the harts' caches, and leaves out all cache maintenance for it; but its port to memory is not coherent, so that every buffer is at risk.",
			"dma-noncoherent in the device's node of the device tree (where devices are coherent by default, as on riscv), or a coherent port",
			"",
		},
		DMAUnmapped: {
			"dma-unmapped",
			"A device used an address at which nothing is mapped for it.",
			"dma_map_single or dma_map_sgtable (of another driver's buffer: dma_buf_map_attachment) before the device is started, and the address that it returned in the device's registers",
			"",
		},
		DMAAfterUnmap: {
			"dma-after-unmap",
			"A device used a mapping that had been removed: whoever owns the memory now would have been overwritten or disclosed, were it not for the IOMMU.",
			"a wait for the device, or a stop of it, before dma_unmap_single, dma_unmap_sgtable or dma_buf_unmap_attachment; and no use of the address afterwards",
			"",
		},
		DMAOutOfRange: {
			"dma-out-of-range",
			"A device went on beyond the end of what is mapped for it.",
			"a check that the transfer fits (for pictures: offset + height * stride) before the device is started, or a mapping of the whole buffer",
			"",
		},
		DMADirection: {
			"dma-direction",
			"A device used memory that is mapped for it, but not for an access in this direction.",
			"the right direction in dma_map_single, dma_map_sgtable or dma_buf_map_attachment: DMA_FROM_DEVICE if the device writes, DMA_BIDIRECTIONAL if it does both",
			"",
		},
		// Of these the dma-buf core knows more: see ownershipFix.
		AccessInFlight: {"access-in-flight", "The CPU touched a buffer while a device owned it, or two devices did with one writing.",
			ownershipFix(dmabuf.CPUWhileDevice), ""},
		PrepFini: {"prep-fini", "A buffer was accessed without the CPU_PREP and CPU_FINI that the access needs, or these do not go together.",
			ownershipFix(dmabuf.MissingPrep), ""},
		SyncLock: {"sync-lock", "A buffer was accessed without its lock, or a lock was not used as it must be.",
			ownershipFix(dmabuf.NoLock), ""},
		OverwriteUnconsumed: {"overwrite-unconsumed", "A producer overwrote a frame that no consumer had read.",
			ownershipFix(dmabuf.OverwriteUnconsumed), ""},
	}[c]
}

// Codes lists all rules.
func Codes() []Code {
	var all []Code
	for c := range codeCount {
		all = append(all, c)
	}
	return all
}

// String is the code as reports show it.
func (c Code) String() string { return c.rule().code }
