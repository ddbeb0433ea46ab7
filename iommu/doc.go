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
// are never seen set. What one access can cause is bounded by the size of the queues
// and the depth of the tables.
//
// Where the specification leaves a choice, the model does the exact thing: the GPA in
// iotval2 is that of the very entry or byte, D is set in a second stage only when a
// first-stage entry is really written, a translation is found stale whenever one that
// old may still be used, and with both stages bare an address passes as it is, however
// wide.
//
// Not modelled, and absent from the capabilities register: Sv32, big-endian tables,
// message-signalled interrupts of the IOMMU itself, memory-resident interrupt files,
// T2GPA, and the extensions for QoS identifiers, non-leaf and range invalidation.
// Non-leaf entries are never cached, so the model does not notice if software forgets
// to invalidate those alone.
package iommu
