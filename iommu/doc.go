// SPDX-License-Identifier: Apache-2.0

// Package iommu models a RISC-V IOMMU (RISC-V IOMMU Architecture Specification,
// version 1.0; section numbers in this package are that document's). Linux drives it
// with drivers/iommu/riscv as the platform device "riscv,iommu", with interrupts on
// wires.
//
// Bus masters get at memory through a [IOMMU.Port], which translates every page that
// they touch: device directory (1 to 3 levels, base or extended format), process
// directory, first stage (Sv39, Sv48, Sv57) and second stage (Sv39x4, Sv48x4,
// Sv57x4), each of which may be missing, with Svpbmt, Svnapot and updates of the A
// and D bits. Directory entries and translations are cached, and the caches know
// nothing of later changes in memory: what software does not invalidate stays as it
// was, until something else takes its place.
//
// Everything happens at once, in the middle of the access that asks for it: busy bits
// are never seen set. Only the invalidation of a PCIe device's own cache (ATS.INVAL)
// lasts until the device says that it is done. What one access can cause is bounded by
// the size of the queues and the depth of the tables.
//
// Where the specification leaves a choice, the model does the exact thing:
//
//   - The GPA in iotval2 is that of the very entry or byte. An IOMMU may report its page
//     offset as 0 (section 3.2, note), and the reference model does for the entries of
//     first-stage tables.
//   - D is set in a second stage only when a first-stage entry is really written, though
//     an access that only reads one may set it (privileged architecture, "Two-stage
//     address translation").
//   - A translation is found stale whenever one that old may still be used (section
//     3.1.1, note), and the whole range of a NAPOT entry is cached.
//   - A translation request for writing that makes a clean page dirty is granted writing
//     at once, as its page table says then (section 2.6); the reference model grants it
//     to the next one. A translation without a first stage is not global.
//   - With both stages bare an address passes as it is, however wide; a range without
//     tables has 1 GiB.
//   - Bits of msi_addr_mask and msi_addr_pattern beyond the 59 of a guest address make a
//     context misconfigured (section 2.1.3.6), and so does an MSI page table without a
//     second stage (section 2.1.4).
//   - cqh stays at an ATS.INVAL that waits for a free tag, and a queue that is switched
//     off is off at once, even if an IOFENCE.C waits in it (sections 3.1.4 and 5.15).
//   - A queue's base cannot be written while the queue is on (section 5.6), nor can the
//     mode of ddtp change from one depth to another (section 5.5).
//
// Every cause of a fault is raised that such an IOMMU can have. Missing are, as nothing
// could cause them: misaligned addresses (4, 6), whose reason would be the bus, MRIF
// (264, 271), internal errors (272) and the IOMMU's own MSI (273).
//
// Not modelled, and absent from the capabilities register: Sv32, big-endian tables,
// message-signalled interrupts of the IOMMU itself, memory-resident interrupt files,
// T2GPA, Svrsw60t59b, and the extensions for QoS identifiers, non-leaf and range
// invalidation. Non-leaf entries are never cached, so the model does not notice if
// software forgets to invalidate those alone.
package iommu
