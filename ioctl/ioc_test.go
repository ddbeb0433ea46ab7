// SPDX-License-Identifier: Apache-2.0

package ioctl

import "testing"

func TestRequestParts(t *testing.T) {
	r := VDEV_DMATEST_IOC_FREE
	if r.Size() != 8 || r.Type() != 0xd7 || r.Number() != 2 || !r.Writes() || r.Reads() {
		t.Errorf("parts of %v are wrong", r)
	}
}
