// SPDX-License-Identifier: Apache-2.0

package iommu

import "time"

// Message is what the IOMMU sends to a PCIe function: for ATS.INVAL, for ATS.PRGR
// (section 3.1.4), or as its own answer to a page request (section 2.7).
type Message struct {
	Invalidate bool   // an Invalidation Request; else a Page Request Group Response
	Tag        uint8  // of the Invalidation Request
	Device     uint16 // requester ID
	HasSegment bool
	Segment    uint8
	HasProcess bool
	ProcessID  uint32
	Payload    uint64
}

// Completion is a device's Invalidation Completion message (PCIe, "Invalidate
// Completion Format").
type Completion struct {
	Device     uint16 // requester ID
	HasSegment bool
	Segment    uint8
	Tags       uint32 // one bit for each tag
	// Count is how many completions the device sends for a request: 1 to 7, or 0 for 8.
	Count uint8
}

const (
	// invalTags is how many invalidation requests may be unanswered at a time. PCIe would
	// allow 32; with few, software meets a command queue that waits for one.
	invalTags = 2
	// invalTimeout is PCIe's limit for the answer.
	invalTimeout = time.Minute
)

// invalTag is an Invalidation Request that was sent.
type invalTag struct {
	Busy       bool // not all completions have come
	Device     uint16
	HasSegment bool
	Segment    uint8
	Received   uint8 // completions so far
	Deadline   time.Duration
}

// sendInvalidation returns false if no tag is free.
func (u *IOMMU) sendInvalidation(m Message) bool {
	for i := range u.tags {
		if u.tags[i].Busy {
			continue
		}
		if u.message == nil {
			u.invalTimedOut = true
			return true
		}
		u.tags[i] = invalTag{Busy: true, Device: m.Device, HasSegment: m.HasSegment, Segment: m.Segment,
			Deadline: u.clock.Now() + invalTimeout}
		u.armInvalidations()
		m.Tag = uint8(i)
		u.message(m) // may complete it at once
		return true
	}
	return false
}

// send delivers a message that nothing waits for.
func (u *IOMMU) send(m Message) {
	if u.message != nil {
		u.message(m)
	}
}

// unanswered tells whether an Invalidation Request waits for its completions.
func (u *IOMMU) unanswered() bool {
	for i := range u.tags {
		if u.tags[i].Busy {
			return true
		}
	}
	return false
}

// CompleteInvalidation takes an Invalidation Completion from a device. It returns false
// if no request of that device with these tags waits for one; it is ignored then.
func (u *IOMMU) CompleteInvalidation(c Completion) bool {
	if c.Tags>>invalTags != 0 {
		return false
	}
	for i := range u.tags {
		t := &u.tags[i]
		if c.Tags>>i&1 != 0 && (!t.Busy || t.Device != c.Device || t.HasSegment && (!c.HasSegment || t.Segment != c.Segment)) {
			return false
		}
	}
	for i := range u.tags {
		if t := &u.tags[i]; c.Tags>>i&1 != 0 {
			t.Received = (t.Received + 1) & 7
			t.Busy = t.Received != c.Count&7
		}
	}
	u.armInvalidations()
	u.runCommands() // one may have waited
	return true
}

// armInvalidations sets the timer for the next request that times out.
func (u *IOMMU) armInvalidations() {
	u.invalTimer.Disarm()
	var next *invalTag
	for i := range u.tags {
		if t := &u.tags[i]; t.Busy && (next == nil || t.Deadline < next.Deadline) {
			next = t
		}
	}
	if next != nil {
		u.invalTimer.Arm(next.Deadline)
	}
}

// invalidationsExpired is the timer.
func (u *IOMMU) invalidationsExpired() {
	var late uint32
	for i := range u.tags {
		if u.tags[i].Deadline <= u.clock.Now() {
			late |= 1 << i
		}
	}
	u.expire(late)
}

// expire gives up waiting for the given tags; the next IOFENCE.C says so.
func (u *IOMMU) expire(tags uint32) {
	for i := range u.tags {
		if t := &u.tags[i]; t.Busy && tags>>i&1 != 0 {
			t.Busy = false
			u.invalTimedOut = true
		}
	}
	u.armInvalidations()
	u.runCommands()
}
