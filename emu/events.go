// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"fmt"

	"vdev/mmio"
)

// EventCount is how often one kind of event happened.
type EventCount struct {
	First mmio.Event // the first occurrence
	Count uint64
}

// String is a line for people.
func (e EventCount) String() string {
	return fmt.Sprintf("%s: %s: %s (offset %#x, value %#x)", e.First.Device, e.First.Kind, e.First.What, e.First.Offset, e.First.Value)
}

type eventKey struct {
	device string
	kind   mmio.EventKind
	what   string
}

// maxEventKinds bounds the memory that a guest can make the counters take.
const maxEventKinds = 4096

// eventLog counts events by identity, in order of their first occurrence.
type eventLog struct {
	index map[eventKey]int
	list  []EventCount
	log   func(string)
}

// Event implements mmio.EventSink: the first of each identity is also logged.
func (l *eventLog) Event(e mmio.Event) {
	k := eventKey{e.Device, e.Kind, e.What}
	if i, ok := l.index[k]; ok {
		l.list[i].Count++
		return
	}
	if len(l.list) >= maxEventKinds {
		return
	}
	l.index[k] = len(l.list)
	c := EventCount{First: e, Count: 1}
	l.list = append(l.list, c)
	if l.log != nil {
		l.log(c.String())
	}
}

// Events returns what was counted so far.
func (m *Machine) Events() []EventCount { return m.events.list }
