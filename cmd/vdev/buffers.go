// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"vdev/dmabuf"
	"vdev/emu"
	"vdev/emu/dmasan"
)

// jsonBuffers is the value of "buffers".
type jsonBuffers struct {
	Buffers []jsonSharedBuffer `json:"buffers"` // oldest first
	Stats   jsonShareStats     `json:"stats"`
}

// jsonSharedBuffer is a buffer that the buffer sharing unit knows.
type jsonSharedBuffer struct {
	ID       uint32        `json:"id"`
	Name     string        `json:"name"`
	Exporter string        `json:"exporter"`
	Size     uint64        `json:"size"`
	Foreign  bool          `json:"foreign"` // somebody else placed it
	Pieces   []jsonPiece   `json:"pieces"`  // where it is; none as long as it is nowhere
	Refs     int           `json:"refs"`
	Pending  int           `json:"pending"` // marks of commands that were not submitted
	Owner    *jsonUser     `json:"owner"`   // who keeps others from it; null for nobody
	Attached []jsonUser    `json:"attached"`
	Mapped   []jsonUser    `json:"mapped"`
	Jobs     []jsonUser    `json:"jobs"`
	Locked   []jsonUser    `json:"locked"`
	Queued   []jsonUser    `json:"queued"`
	CPU      []jsonUser    `json:"cpu"`
	Last     *jsonLastSeen `json:"last"` // the access seen last; null for none
}

type jsonPiece struct {
	Addr string `json:"addr"`
	Size uint64 `json:"size"`
}

// jsonUser is a task, if it has a PID, or else a device or the kernel.
type jsonUser struct {
	Name string `json:"name"`
	PID  uint64 `json:"pid,omitempty"`
	How  string `json:"how,omitempty"`
}

type jsonLastSeen struct {
	Name   string `json:"name"`
	PID    uint64 `json:"pid,omitempty"`
	Access string `json:"access"`
	TimeNS int64  `json:"time_ns"`
}

// jsonShareStats are what there is now, and from locks on what has happened.
type jsonShareStats struct {
	Clients     int    `json:"clients"`
	Buffers     int    `json:"buffers"`
	Attachments int    `json:"attachments"`
	Mapped      int    `json:"mapped"`
	SyncObjects int    `json:"sync_objects"`
	Fences      int    `json:"fences"`
	Locked      int    `json:"locked"`
	CPUAccesses int    `json:"cpu_accesses"`
	Kmaps       int    `json:"kmaps"`
	Jobs        int    `json:"jobs"`
	Waits       int    `json:"waits"`
	Pages       int    `json:"pages"`
	Locks       uint64 `json:"locks"`
	Backoffs    uint64 `json:"backoffs"`
	Lockups     uint64 `json:"lockups"`
	Migrations  uint64 `json:"migrations"`
	Preps       uint64 `json:"preps"`
	Maps        uint64 `json:"maps"`
	Violations  uint64 `json:"violations"`
}

// buffers is the live table of shared buffers.
func buffers(m *emu.Machine) (reply, error) {
	list, s := m.Buffers(), m.BufferStats()
	v := jsonBuffers{Buffers: []jsonSharedBuffer{}, Stats: jsonShareStats{
		s.Clients, s.Buffers, s.Attachments, s.Mapped, s.SyncObjects, s.Fences, s.Locked, s.CPUAccesses, s.Kmaps, s.Jobs, s.Waits, s.Pages,
		s.Locks, s.Backoffs, s.Lockups, s.Migrations, s.Preps, s.Maps, s.Violations}}
	for i := range list {
		v.Buffers = append(v.Buffers, bufferValue(&list[i]))
	}
	value, err := json.Marshal(v)
	text := columns(func(w io.Writer) {
		if len(list) > 0 {
			fmt.Fprintln(w, "ID\tNAME\tEXPORTER\tSIZE\tPLACE\tOWNER\tUSERS\tLAST ACCESS")
		}
		for i := range list {
			b := &list[i]
			fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", b.ID, orDash(b.Name), orDash(b.Exporter), b.Size, placeOf(b), ownerOf(b), usersOf(b), lastOf(b))
		}
	})
	text += fmt.Sprintf("%d buffers in %d pages; %d attachments, %d mapped; %d locks and %d CPU accesses held, %d jobs in flight, %d calls wait\n",
		s.Buffers, s.Pages, s.Attachments, s.Mapped, s.Locked, s.CPUAccesses, s.Jobs, s.Waits)
	text += fmt.Sprintf("so far: %d locks, %d back-offs, %d broken by the timer; %d times prepared, %d mapped, %d moved; %d rules broken\n",
		s.Locks, s.Backoffs, s.Lockups, s.Preps, s.Maps, s.Migrations, s.Violations)
	return reply{Text: strings.Map(harmless, text), Value: value}, err
}

func bufferValue(b *dmabuf.BufferInfo) jsonSharedBuffer {
	v := jsonSharedBuffer{ID: uint32(b.ID), Name: b.Name, Exporter: b.Exporter, Size: b.Size, Foreign: b.Foreign, Pieces: []jsonPiece{},
		Refs: b.Refs, Pending: b.Pending, Attached: userValues(b.Attached), Mapped: userValues(b.Mapped), Jobs: userValues(b.Jobs),
		Locked: userValues(b.Locked), Queued: userValues(b.Queued), CPU: userValues(b.CPU)}
	for _, x := range b.Backing {
		v.Pieces = append(v.Pieces, jsonPiece{fmt.Sprintf("%#x", x.Addr), x.Len})
	}
	if b.Owner.Kind != dmabuf.Nobody {
		v.Owner = &userValues([]dmabuf.UserInfo{b.Owner})[0]
	}
	if l := &b.Last; l.Kind != dmabuf.Nobody {
		v.Last = &jsonLastSeen{Name: l.Name, PID: pidOf(l.Kind, l.ID), Access: l.Access.String(), TimeNS: int64(l.At)}
	}
	return v
}

func userValues(all []dmabuf.UserInfo) []jsonUser {
	list := []jsonUser{}
	for _, u := range all {
		list = append(list, jsonUser{u.Name, pidOf(u.Kind, u.ID), u.How})
	}
	return list
}

// pidOf is the process of a side, 0 if it is none.
func pidOf(kind dmabuf.SideKind, id uint64) uint64 {
	if kind != dmabuf.TaskSide {
		return 0
	}
	return id
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// placeOf is where a buffer is.
func placeOf(b *dmabuf.BufferInfo) string {
	switch len(b.Backing) {
	case 0:
		return "nowhere yet"
	case 1:
		return fmt.Sprintf("%#x", b.Backing[0].Addr)
	}
	return fmt.Sprintf("%#x and %d pieces more", b.Backing[0].Addr, len(b.Backing)-1)
}

func ownerOf(b *dmabuf.BufferInfo) string {
	if b.Owner.Kind == dmabuf.Nobody {
		return "-"
	}
	return dmasan.Users([]dmabuf.UserInfo{b.Owner})
}

func usersOf(b *dmabuf.BufferInfo) string {
	var all []string
	for _, l := range []struct {
		what string
		who  []dmabuf.UserInfo
	}{{"attached", b.Attached}, {"mapped", b.Mapped}, {"in a job", b.Jobs}, {"locked", b.Locked}, {"waiting", b.Queued}, {"prepared", b.CPU}} {
		if len(l.who) > 0 {
			all = append(all, l.what+": "+dmasan.Users(l.who))
		}
	}
	return orDash(strings.Join(all, "; "))
}

func lastOf(b *dmabuf.BufferInfo) string {
	l := &b.Last
	if l.Kind == dmabuf.Nobody {
		return "-"
	}
	who := orDash(l.Name)
	if pid := pidOf(l.Kind, l.ID); pid != 0 {
		who += fmt.Sprintf(" (pid %d)", pid)
	}
	return fmt.Sprintf("%s by %s at %v", l.Access, who, l.At)
}
