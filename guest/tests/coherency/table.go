// SPDX-License-Identifier: Apache-2.0

package coherency

// Silent is the verdict on a program that does everything right.
const Silent = ""

// Pair is a broken program and its correct twin.
type Pair struct {
	Name string
	// Code is what the sanitizer says of the broken program; Silent if there is no
	// broken program.
	Code string
	// Func is the function that both are, one with an argument that says so. It is in
	// the backtraces of reports.
	Func string
	// Corrupts lists the cache modes in which the broken program surely finds wrong
	// bytes.
	Corrupts []string
}

// Pairs lists all programs.
func Pairs() []Pair {
	lazy, eager, both := []string{"lazy"}, []string{"eager"}, []string{"lazy", "eager"}
	return []Pair{
		{"device-read-dirty", "device-read-dirty", "deviceReadDirty", lazy},
		{"device-read-dirty-kernel", "device-read-dirty", "deviceReadDirtyKernel", lazy},
		{"cpu-read-stale", "cpu-read-stale", "cpuReadStale", both},
		{"cpu-read-stale-kernel", "cpu-read-stale", "cpuReadStaleKernel", both},
		{"cpu-read-stale-unmap", "cpu-read-stale", "cpuReadStaleUnmap", both},
		{"early-invalidate", "early-invalidate", "earlyInvalidate", eager},
		{"writeback-over-dma", "writeback-over-dma", "writebackOverDMA", eager},
		{"writeback-over-dma-shared", "writeback-over-dma", "writebackOverDMAShared", eager},
		{"clobber-by-fill", "clobber-by-fill", "clobberByFill", both},
		{"invalidate-dirty", "invalidate-dirty", "invalidateDirty", both},
		{"invalidate-dirty-order", "invalidate-dirty", "invalidateDirtyOrder", both},
		{"alias-mismatch", "alias-mismatch", "aliasMismatch", both},
		{"alias-mismatch-read", "alias-mismatch", "aliasMismatchRead", both},
		{"coherent-buffer", Silent, "coherentBuffer", nil},
		{"copy-chain", Silent, "copyChain", nil},
	}
}
