// SPDX-License-Identifier: Apache-2.0

// Package dmabuf is buffer sharing between CPU and devices, in the forms in which it
// was proposed for Linux from 2011 to 2013, as a model: it keeps who has which buffer
// for what, decides where a buffer's pages are and when caches must be cleaned or
// invalidated, makes those wait who must, and says which rule was broken. It does no
// I/O and moves no bytes: its host does (Config), and that can be an emulator, a
// test, or a program that wants to know what its buffers would go through. It has no
// clock and no goroutines, and the same calls in the same order have the same
// effects.
//
// # The objects
//
// A Core is a world of its own. A Client is an owner in it, an open file say: what it
// has is released when it is closed, whatever it is doing. A Device does DMA. The
// life of a Buffer:
//
//  1. Client.NewBuffer makes it: a handle with a size, no memory.
//  2. Buffer.Attach announces a device with its Constraints. Nothing is placed yet.
//  3. Attachment.Map by any device, or the first use by CPU, places it, so that all
//     who are attached by then can reach it. Who attaches later and cannot reach it
//     has it moved, with its contents; that fails with EBUSY while it is mapped
//     anywhere or in use. So there are two ways to take an encoder into a
//     pipeline that is running: other buffers, or to attach it before the first use.
//  4. Attachment.Unmap ends a device's use. What the device wrote is certain to be
//     there only now.
//  5. Attachment.Detach, Client.Release. The buffer goes with the last reference.
//
// # Three ways for the CPU
//
// BeginCPU and EndCPU (2012) bracket accesses by a kernel, with a range and a kind of
// access; between them Kmap gives the pages, any number of times, and never fails:
// what can fail, fails in BeginCPU. Nobody waits for anybody.
//
// Prep and Fini (2011) bracket accesses by a program. Prep waits until no device uses
// the buffer. Both pairs are barriers: what was finished before one begins is visible
// in it; what happens at the same time may be garbage.
//
// A SyncObject (2013) locks any number of buffers at once, for reading or writing,
// against tasks and, as devices have Jobs that lock too, against DMA. Tickets see to
// it that nobody waits in a circle or for ever (lock.go says why). Who keeps a lock
// for too long loses it to a timer: his next call gets EOWNERDEAD, those who wait go
// on, and those who lock next can ask whether the contents are Inconsistent.
//
// A Fence is something that will be over; fences on a buffer make Prep wait, and stand
// for devices that have it mapped and read or write it until then.
//
// # Waiting
//
// No call blocks. A call that has to wait returns EINPROGRESS, and calls Wait.Done
// later; until then Wait.Interrupt ends it as a signal would. Package
// dmabuf/blocking wraps that for goroutines.
//
// # Rules
//
// The host tells what the CPU and devices really do (ObserveCPU, ObserveDMA,
// DMAFault). Whatever breaks a rule becomes an Event with both parties. A broken rule
// changes nothing else, and no event is ever made of a correct program: where it
// cannot be known that something is wrong (a foreign buffer, a task that is not
// known, a picture that is drawn in several passes) nothing is said.
//
// # Errors
//
// Each call documents its errors; they are what Linux programs see in the end. A call
// checks in the order: EBADF (an object that is gone), EOWNERDEAD (news), EINVAL,
// then the state. After an error nothing has changed, except where it says so.
package dmabuf
