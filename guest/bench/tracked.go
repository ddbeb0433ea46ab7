// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"vdev/guest/tests/coherency"
)

// copySize is how much is copied at a time: two such buffers fit the DMA tester.
const copySize = 256 << 10

// copies copies src to dst, mib MiB in all.
func copies(dst, src []byte, mib int) uint64 {
	for i := range src {
		src[i] = byte(i * 13)
	}
	for range mib << 20 / copySize {
		copy(dst, src)
	}
	return uint64(dst[copySize-1])<<8 | uint64(dst[1])
}

// copyPlain copies between ordinary pages.
func copyPlain(mib int) uint64 {
	return copies(make([]byte, copySize), make([]byte, copySize), mib)
}

// copyTracked copies between pages that a device has used and that belong to the
// processor now.
func copyTracked(mib int) uint64 {
	dev, err := coherency.Open()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	defer dev.Close()
	var bufs [2][]byte
	for i := range bufs {
		b, err := dev.Alloc(copySize)
		if err == nil {
			err = b.Map(copySize, coherency.Both)
		}
		if err == nil {
			err = b.DeviceFill(0, copySize, 1)
		}
		if err == nil {
			err = b.Unmap()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		bufs[i] = b.Mem
	}
	return copies(bufs[0], bufs[1], mib)
}
