// SPDX-License-Identifier: Apache-2.0

// Package virtio models virtio 1.2 devices behind the virtio-mmio transport,
// version 2 (device tree "virtio,mmio"): a block device, a console with named
// ports, and an entropy source. Section numbers in this package are those of the
// OASIS "Virtual I/O Device (VIRTIO) Version 1.2" specification.
//
// A device is three layers. transport (transport.go, regs.go) owns the registers,
// the status state machine and the interrupt. queue (queue.go, chain.go) owns one
// split virtqueue and turns descriptor chains into validated segment lists. A
// function (blk.go, console.go, rng.go) owns what the device does with a chain.
//
// Guest memory is untrusted and is reached only through the device's mmio.DMA
// port. Only what the driver has published is read: exactly the new entries of
// the available ring and exactly the descriptors of their chains, because over a
// non-coherent port the bytes beside them may legitimately be stale. A ring or
// chain that breaks the rules is one event, and stops the device with
// DEVICE_NEEDS_RESET until the driver resets it. The work that one register write
// can cause is bounded by the queue size and by maxChainBytes.
package virtio
