// SPDX-License-Identifier: Apache-2.0

// Package mappings has a broken program, and its correct twin, for each rule of the
// sanitizer on mappings in an IOMMU. They run in a machine with --iommu all.
package mappings

// Pair is a broken program and its correct twin.
type Pair struct {
	// Code is what the sanitizer says of the broken program, and its name.
	Code string
	// Func is the function that both are, one with an argument that says so.
	Func string
	// Device is the bus master in the report.
	Device string
}

// Pairs lists all programs.
func Pairs() []Pair {
	return []Pair{
		{"dma-unmapped", "unmapped", "g2d"},
		{"dma-after-unmap", "afterUnmap", "dma-tester"},
		{"dma-direction", "direction", "dma-tester"},
		{"dma-out-of-range", "outOfRange", "g2d"},
	}
}
