// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

// accessPrograms are the programs of accesses, by name.
func accessPrograms() map[string]program {
	return map[string]program{
		"deferred-allocation": deferredAllocation,
		"late-encoder":        lateEncoder,
		"record-new-set":      recordNewSet,
		"record-attach-first": recordAttachFirst,
		"kernel-ranges":       kernelRanges,
		"kernel-partial-page": kernelPartialPage,
		"kernel-direction":    kernelDirection,
		"kernel-memory":       kernelMemory,
		"kmap-limits":         kmapLimits,
		"prep-waits":          prepWaits,
		"prep-interrupted":    prepInterrupted,
		"prep-killed":         prepKilled,
		"prep-missing":        prepMissing,
		"prep-read-only":      prepReadOnly,
		"fini-missing":        finiMissing,
		"batched-commands":    batchedCommands,
	}
}
