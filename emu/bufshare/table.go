// SPDX-License-Identifier: Apache-2.0

package bufshare

import "vdev/ioctl"

// operations are what requests can ask for.
func operations() map[uint32]operation {
	return map[uint32]operation{
		ioctl.VDEV_BSU_OPEN:         on(open),
		ioctl.VDEV_BSU_CLOSE:        forClient(closeFile),
		ioctl.VDEV_BSU_CANCEL:       on(cancel),
		ioctl.VDEV_BSU_RELEASE:      on(release),
		ioctl.VDEV_BSU_CLOSE_OBJECT: on(closeObject),
		ioctl.VDEV_BSU_PLACE:        on(place),
		ioctl.VDEV_BSU_ATTACH:       on(attachDriver),
		ioctl.VDEV_BSU_DETACH:       on(detachDriver),
		ioctl.VDEV_BSU_MAP:          on(mapDriver),
		ioctl.VDEV_BSU_UNMAP:        on(unmapDriver),
		ioctl.VDEV_BSU_BEGIN:        on(beginKernel),
		ioctl.VDEV_BSU_END:          on(endKernel),
		ioctl.VDEV_BSU_UNPREP:       forClient(unprep),
		ioctl.VDEV_BSU_REGISTER:     forClient(register),
		ioctl.VDEV_BSU_LEAVE:        on(leave),
		ioctl.VDEV_BSU_GONE:         on(gone),

		uint32(ioctl.VDEV_DMABUF_IOC_CREATE):       forClient(create),
		uint32(ioctl.VDEV_DMABUF_IOC_INFO):         forClient(info),
		uint32(ioctl.VDEV_DMABUF_IOC_UNREGISTER):   forClient(unregister),
		uint32(ioctl.VDEV_DMABUF_IOC_ATTACH):       forClient(attach),
		uint32(ioctl.VDEV_DMABUF_IOC_DETACH):       forClient(detach),
		uint32(ioctl.VDEV_DMABUF_IOC_MAP):          forClient(mapDevice),
		uint32(ioctl.VDEV_DMABUF_IOC_UNMAP):        forClient(unmapDevice),
		uint32(ioctl.VDEV_DMABUF_IOC_CPU_BEGIN):    forClient(cpuBegin),
		uint32(ioctl.VDEV_DMABUF_IOC_CPU_END):      forClient(cpuEnd),
		uint32(ioctl.VDEV_DMABUF_IOC_KMAP):         forClient(kmap),
		uint32(ioctl.VDEV_DMABUF_IOC_KUNMAP):       forClient(kunmap),
		uint32(ioctl.VDEV_DMABUF_IOC_KREAD):        forClient(kaccess),
		uint32(ioctl.VDEV_DMABUF_IOC_KWRITE):       forClient(kaccess),
		uint32(ioctl.VDEV_DMABUF_IOC_CPU_PREP):     forClient(prep),
		uint32(ioctl.VDEV_DMABUF_IOC_CPU_FINI):     forClient(fini),
		uint32(ioctl.VDEV_DMABUF_IOC_MARK_PENDING): forClient(markPending),
		uint32(ioctl.VDEV_DMABUF_IOC_SUBMIT):       forClient(submit),
		uint32(ioctl.VDEV_DMABUF_IOC_WAIT):         forClient(waitBuffer),
		uint32(ioctl.VDEV_SYNC_IOC_INIT):           forClient(syncInit),
		uint32(ioctl.VDEV_SYNC_IOC_GET):            forClient(syncGet),
		uint32(ioctl.VDEV_SYNC_IOC_LOCK):           forClient(syncLock),
		uint32(ioctl.VDEV_SYNC_IOC_UNLOCK):         forClient(syncUnlock),
		uint32(ioctl.VDEV_SYNC_IOC_PUT):            forClient(syncPut),
		uint32(ioctl.VDEV_SYNC_IOC_PUT_ALL):        forClient(syncPutAll),
		uint32(ioctl.VDEV_SYNC_IOC_FINI):           forClient(syncFini),
		uint32(ioctl.VDEV_FENCE_IOC_CREATE):        forClient(fenceCreate),
		uint32(ioctl.VDEV_FENCE_IOC_SIGNAL):        forClient(fenceSignal),
		uint32(ioctl.VDEV_FENCE_IOC_ADD):           forClient(fenceAdd),
		uint32(ioctl.VDEV_FENCE_IOC_WAIT):          forClient(fenceWait),
		uint32(ioctl.VDEV_FENCE_IOC_MERGE):         forClient(fenceMerge),
		uint32(ioctl.VDEV_DMABUF_IOC_STATS):        forClient(stats),
		uint32(ioctl.VDEV_DMABUF_IOC_TABLE):        forClient(tableOf),
	}
}
