// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"fmt"
	"strings"
)

// Buffer is memory that devices and programs share: a dma-buf, a GEM object, or both
// in one.
type Buffer struct {
	// Name was given by a program (DMA_BUF_SET_NAME); may be empty.
	Name string
	// Exporter made the memory: "system heap", "exynos", ...
	Exporter string
	Size     uint64 // in bytes
	// Offset is where in the buffer the address is that was asked for, in bytes.
	Offset uint64
	// Inode is the dma-buf's inode number, 0 if it is none.
	Inode uint64
	// Handles are the GEM handles by which processes know it.
	Handles []Handle
	// Attached are the names of the devices that are attached to the dma-buf.
	Attached []string
	// Open are the processes that have the dma-buf open as a file.
	Open []OpenFile

	// DMABuf and GEM are the addresses of the struct dma_buf and the struct
	// drm_gem_object, 0 if there is none.
	DMABuf, GEM uint64
}

// Handle is a process's name for a GEM object.
type Handle struct {
	ID   uint32
	Comm string
	PID  int
}

// OpenFile is a file descriptor of a process, the lowest one if it has several.
type OpenFile struct {
	FD   int
	Comm string
	PID  int
}

// lineSize is the length of a cache line in bytes.
const lineSize = 64

// Line is the number of the buffer's cache line that Offset is in.
func (b *Buffer) Line() uint64 { return b.Offset / lineSize }

// String names the buffer: "frame0" (dma-buf 17, system heap, 3686400 bytes).
func (b *Buffer) String() string {
	var parts []string
	if b.Inode != 0 {
		parts = append(parts, fmt.Sprintf("dma-buf %d", b.Inode))
	}
	for _, h := range b.Handles {
		parts = append(parts, fmt.Sprintf("GEM handle %d of %s (pid %d)", h.ID, h.Comm, h.PID))
	}
	if b.Exporter != "" {
		parts = append(parts, b.Exporter)
	}
	parts = append(parts, fmt.Sprintf("%d bytes", b.Size))
	what := "(" + strings.Join(parts, ", ") + ")"
	if b.Name != "" {
		return fmt.Sprintf("%q %s", b.Name, what)
	}
	return what
}
