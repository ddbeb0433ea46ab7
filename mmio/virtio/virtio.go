// SPDX-License-Identifier: Apache-2.0

package virtio

import "vdev/mmio"

// Device IDs (section 5).
const (
	idBlock   = 2
	idConsole = 3
	idEntropy = 4
)

// Device status bits (section 2.1).
const (
	statusAcknowledge = 1 << 0
	statusDriver      = 1 << 1
	statusDriverOK    = 1 << 2
	statusFeaturesOK  = 1 << 3
	statusNeedsReset  = 1 << 6
	statusFailed      = 1 << 7
)

// Feature bits that belong to no particular device (section 6).
const (
	featIndirectDesc   = 1 << 28
	featEventIdx       = 1 << 29
	featVersion1       = 1 << 32
	featAccessPlatform = 1 << 33
	featRingReset      = 1 << 40
)

// Interrupt status bits (section 4.2.2, InterruptStatus).
const (
	interruptUsed   = 1 << 0
	interruptConfig = 1 << 1
)

// Config is what every virtio device receives from the machine it is put into.
type Config struct {
	// Name is the instance name, unique in the machine ("virtio0").
	Name string
	// IRQ is the interrupt wire. Nil leaves it unconnected.
	IRQ mmio.IRQLine
	// DMA is the bus-master port through which all guest memory is reached.
	DMA mmio.DMA
	// Clock is the machine's virtual time. Only a block device with a latency
	// needs it.
	Clock mmio.Clock
	// Events receives the guest's mistakes. Nil discards them.
	Events mmio.EventSink
	// NonCoherent says that DMA does not see the harts' caches. The device tree
	// then says "dma-noncoherent", otherwise "dma-coherent".
	NonCoherent bool
	// AccessPlatform offers VIRTIO_F_ACCESS_PLATFORM and refuses a driver that
	// does not take it. It is needed when DMA passes an IOMMU or is not coherent:
	// without it Linux uses physical addresses and does no cache maintenance.
	AccessPlatform bool
}
