// SPDX-License-Identifier: Apache-2.0

package scenarios

// accesses lists the scenarios of 2011 and 2012: attachments and accesses by CPU.
func accesses() []Scenario {
	every := []string{"lazy", "eager", "random", "coherent"}
	const stale, dirty = "cpu-read-stale", "device-read-dirty"
	// The pool of buffers is on both sides of 4 GiB.
	high := []string{"--memory", "2080M"}
	return []Scenario{
		{Name: "deferred-allocation", Flags: high, Notes: []string{"all-below-4g=1", "engine-below-4g=0", "migrations=0"}},
		{Name: "late-encoder", Flags: high, Notes: []string{"preview-below-4g=0", "recorded-below-4g=1", "migrations=1"}},
		{Name: "record-new-set", Flags: high, Notes: []string{"buffers=2", "migrations=0"}},
		{Name: "record-attach-first", Flags: high, Notes: []string{"migrations=0"}},

		{Name: "kernel-ranges", Code: "prep-fini", Func: "kernelRanges", Buffer: "file", Missing: "VDEV_DMABUF_IOC_CPU_BEGIN",
			Corrupts: every},
		{Name: "kernel-partial-page", Code: "prep-fini", Also: []string{stale}, Func: "kernelPartialPage", Buffer: "header", Missing: "range"},
		{Name: "kernel-direction", Code: "prep-fini", Also: []string{dirty}, Func: "kernelDirection", Buffer: "parameters",
			Missing: "VDEV_DMABUF_WRITE", Corrupts: []string{"lazy"}},
		{Name: "kernel-memory", Code: "prep-fini", Func: "kernelMemory", Buffer: "small", Missing: "VDEV_DMABUF_IOC_CPU_BEGIN", Corrupts: every},
		{Name: "kmap-limits", Code: "prep-fini", Func: "kmapLimits", Buffer: "table", Missing: "VDEV_DMABUF_IOC_KUNMAP",
			Corrupts: every, Notes: []string{"kmaps=200"}},

		{Name: "prep-waits", Code: "access-in-flight", Also: []string{"prep-fini", dirty}, Func: "prepWaits", Buffer: "picture",
			Missing: "VDEV_DMABUF_IOC_CPU_PREP", Corrupts: every},
		{Name: "prep-interrupted"},
		{Name: "prep-killed", Code: "prep-fini", Func: "preparing", Buffer: "frame", Missing: "VDEV_DMABUF_IOC_CPU_FINI",
			BrokenNotes: []string{"held=1"}},
		{Name: "prep-missing", Code: "prep-fini", Also: []string{stale}, Func: "prepMissing", Buffer: "frame",
			Missing: "VDEV_DMABUF_IOC_CPU_PREP", Corrupts: []string{"lazy"}},
		{Name: "prep-read-only", Code: "prep-fini", Also: []string{dirty}, Func: "prepReadOnly", Buffer: "frame",
			Missing: "VDEV_DMABUF_WRITE", Corrupts: []string{"lazy"}},
		{Name: "fini-missing", Code: "access-in-flight", Also: []string{dirty}, Func: "finiMissing", Buffer: "frame",
			Missing: "VDEV_DMABUF_IOC_CPU_FINI", Corrupts: []string{"lazy"}},

		{Name: "batched-commands", Code: "prep-fini", Func: "batchedCommands", Buffer: "picture", Missing: "CPU_PREP",
			Corrupts: every, BrokenNotes: []string{"again=1"}},
	}
}
