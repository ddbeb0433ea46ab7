// SPDX-License-Identifier: Apache-2.0

package mmio

import "fmt"

// DMAError says why a bus-master transfer failed.
type DMAError struct {
	Addr  IOVA // the first address that failed
	Write bool
	Err   error // the cause: no memory there, or what the IOMMU says
}

// Error names the direction, the address and the cause.
func (e *DMAError) Error() string {
	dir := "read"
	if e.Write {
		dir = "write"
	}
	return fmt.Sprintf("DMA %s at %#x: %v", dir, uint64(e.Addr), e.Err)
}

// Unwrap is the cause.
func (e *DMAError) Unwrap() error { return e.Err }
