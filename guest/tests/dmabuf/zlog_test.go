// SPDX-License-Identifier: Apache-2.0

//go:build linux

package dmabuf

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestKernelLog runs last, as its file does: whatever the tests did, the kernel has nothing to
// complain about.
func TestKernelLog(t *testing.T) {
	f, err := os.OpenFile("/dev/kmsg", os.O_RDONLY|unix.O_NONBLOCK, 0)
	must(t, err)
	defer f.Close()
	line := make([]byte, 8192)
	for {
		n, err := unix.Read(int(f.Fd()), line)
		if errors.Is(err, unix.EPIPE) {
			continue // lines were overwritten
		}
		if err != nil {
			break
		}
		for _, bad := range []string{"vdev-dmabuf", "WARNING:", "BUG:", "Call Trace"} {
			if strings.Contains(string(line[:n]), bad) {
				t.Errorf("kernel: %s", line[:n])
			}
		}
	}
}
