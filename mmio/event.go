// SPDX-License-Identifier: Apache-2.0

package mmio

// EventKind classifies what a guest did that hardware would not expect, or what
// the model does not do. Guest mistakes and missing features are never mixed.
type EventKind uint8

// The kinds of events.
const (
	EventHole          EventKind = iota // access to an offset where no register is
	EventReadOnly                       // write to a read-only register
	EventWriteOnly                      // read of a write-only register
	EventAccessSize                     // access width that the register does not take
	EventReserved                       // reserved bits written with a non-reset value
	EventBadValue                       // a value that the specification forbids
	EventBadDescriptor                  // a malformed descriptor, ring or command in memory
	EventBadDMA                         // a bus-master access that failed
	EventNoDevice                       // physical access that no device or RAM answers
	EventUnimplemented                  // a feature that this model lacks
	EventHostIO                         // the host failed the device, a disk image's read error for instance
	numEventKinds
)

var eventKindNames = [numEventKinds]string{
	"hole", "read-only", "write-only", "access-size", "reserved", "bad-value",
	"bad-descriptor", "bad-dma", "no-device", "unimplemented", "host-io",
}

// String returns the kind's name as it appears in logs.
func (k EventKind) String() string {
	if k < numEventKinds {
		return eventKindNames[k]
	}
	return "unknown"
}

// GuestMistake tells whether the guest did wrong, as opposed to the model lacking
// something or the host failing.
func (k EventKind) GuestMistake() bool { return k != EventUnimplemented && k != EventHostIO }

// Event is one occurrence. Device, Kind and What identify it for counting: What is
// a fixed identifier such as a register name, never formatted text.
type Event struct {
	Device string
	Kind   EventKind
	What   string
	Offset uint64
	Value  uint64
}

// EventSink receives events. The machine's sink counts every one and logs the
// first of each identity.
type EventSink interface {
	Event(Event)
}

// EventFunc adapts a function to an EventSink.
type EventFunc func(Event)

// Event passes the event on.
func (f EventFunc) Event(e Event) { f(e) }
