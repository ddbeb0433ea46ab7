// SPDX-License-Identifier: Apache-2.0

package scenarios

// locking lists the scenarios of 2013: locks of buffers, for CPU and DMA.
func locking() []Scenario {
	all := []string{"lazy", "eager", "random", "coherent"}
	return []Scenario{
		{Name: "opposite-orders", Code: "sync-lock", Func: "oneByOne", Buffer: "A", Missing: "VDEV_SYNC_IOC_UNLOCK", Corrupts: all,
			Notes: []string{"backoffs>0"}, BrokenNotes: []string{"lockups=1"}},
		{Name: "readers-and-writer", Code: "sync-lock", Func: "readers", Buffer: "frame", Missing: "VDEV_SYNC_IOC_LOCK", Corrupts: all,
			Notes: []string{"together=2"}, BrokenNotes: []string{"together=2"}},
		{Name: "lockup", Code: "sync-lock", Func: "lockup", Buffer: "picture", Missing: "VDEV_SYNC_IOC_UNLOCK",
			Notes:       []string{"lockups=0", "news=0", "reader=0", "writer=0", "afterwards=0"},
			BrokenNotes: []string{"lockups=1", "news=1", "reader=1", "writer=1", "afterwards=0"}},
		{Name: "early-invalidate", Code: "early-invalidate", Func: "earlyInvalidate", Buffer: "frame",
			Missing: "CPU_PREP, after the device has finished", Corrupts: []string{"eager", "random"}, Caches: true,
			Flags: []string{"--sync", "off"}},
		{Name: "pipeline-messages", Code: "overwrite-unconsumed", Func: "pipelineMessages", Buffer: "frame",
			Missing: "completion message", Corrupts: all},
		{Name: "pipeline-locks", Code: "overwrite-unconsumed", Func: "pipelineLocks", Buffer: "frame",
			Missing: "completion message", Flags: []string{"--sync", "enforce"}, Notes: []string{"lost>0"}, BrokenNotes: []string{"lost>0"}},
		{Name: "camera-overruns", Code: "overwrite-unconsumed", Func: "cameraOverruns", Buffer: "frame",
			Missing: "completion message", Corrupts: all},
	}
}
