// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"testing"

	"vdev/ioctl"
)

// TestChecksums pins every workload's result for a little work: a machine
// that computes something else, or a changed workload whose times cannot be
// compared with older ones, shows here.
func TestChecksums(t *testing.T) {
	want := map[string]struct {
		work  int
		sum   uint64
		guest bool // only the guest has the devices
	}{
		"loop":    {1, 0xa4e1da433430aa64, false},
		"core":    {20, 0x000000000000b3a3, false},
		"memcpy":  {20, 0x085dcbb77bb88144, false},
		"nbody":   {2, 0x4571674adb5d2378, false},
		"mandel":  {4, 0x6726d45ec7a2c030, false},
		"linpack": {3, 0x844fd89519221fce, false},
		"sha256":  {1, 0xb8cc97b15f60a0a5, false},
		"gzip":    {1, 0xb8cc97b15f60a0a5, false},

		"copyplain":   {1, 0xf30d, false},
		"copytracked": {1, 0xf30d, true},
		"flips":       {3, 2, true}, // the frames between the first and the last
		"emptyioctls": {3, 3, true},
		"prepfini":    {3, 3, true},
	}
	for _, w := range workloads() {
		c, ok := want[w.name]
		if !ok {
			t.Errorf("%s has no known checksum", w.name)
			continue
		}
		if _, err := os.Stat(ioctl.VDEV_DMATEST_DEVICE); err != nil && c.guest {
			continue
		}
		if got := w.run(c.work); got != c.sum {
			t.Errorf("%s: checksum of work %d is %#016x, want %#016x", w.name, c.work, got, c.sum)
		}
	}
}
