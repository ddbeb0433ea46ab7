// SPDX-License-Identifier: Apache-2.0

package mmio

import "iter"

// DMARange is bytes of memory that a bus master is going to read, write, or both.
type DMARange struct {
	Addr        IOVA
	Len         uint64 // in bytes
	Read, Write bool
	// Frame, with Write: it makes a frame that somebody is to read.
	Frame bool
}

// JobGate is asked before the jobs of a bus master begin, by who knows whether
// somebody else is using the memory.
type JobGate interface {
	// NewJob makes a job that can be started again and again. One that holds is in flight
	// for long, as the scan-out of what a display has latched.
	NewJob(hold bool) GatedJob
}

// GatedJob is a job of a bus master, from just before its first DMA access until after
// the last one.
type GatedJob interface {
	// Start announces that the job is going to access ranges; what says in a few words
	// what it is. Both are asked for during the call, if at all; they must not make DMA
	// accesses. True means that DMA may begin now. Otherwise start is called as soon as it
	// may, and not within a call of the device, unless the job is aborted before. The job
	// must be neither in flight nor waiting.
	Start(what func() string, ranges iter.Seq[DMARange], start func()) bool
	// Finish tells that all DMA of the job is complete. The interrupt comes afterwards.
	// Without a job in flight it does nothing.
	Finish()
	// Abort tells that the job will not go on: it failed, or the device was reset. What
	// it wrote is worth nothing. If it still waits, start is not called any more. Without
	// a job it does nothing.
	Abort()
}

// NewGatedJob is g.NewJob, or a job that may always start if g is nil, so that device
// models need not ask whether anybody cares.
func NewGatedJob(g JobGate, hold bool) GatedJob {
	if g == nil {
		return freeJob{}
	}
	return g.NewJob(hold)
}

type freeJob struct{}

// Start implements GatedJob.
func (freeJob) Start(func() string, iter.Seq[DMARange], func()) bool { return true }

// Finish implements GatedJob.
func (freeJob) Finish() {}

// Abort implements GatedJob.
func (freeJob) Abort() {}
