// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/bits"

	"vdev/dmabuf"
	"vdev/emu/linux"
	"vdev/emu/mem"
	"vdev/emu/symbols"
)

// Reports as JSON, one object per line. "type" tells what a line is:
//
//	report   a finding, at its first occurrence (jsonReport)
//	count    at the end, for each finding that occurred more than once (jsonCount)
//
// Times are nanoseconds of virtual time. Addresses are strings with 0x, because
// they do not fit the numbers of JavaScript.

// SchemaVersion changes when a field changes its meaning or goes away.
const SchemaVersion = 2

type jsonReport struct {
	Type    string `json:"type"`
	Version int    `json:"version"`
	// ID numbers the findings of a run from 1.
	ID      int    `json:"id"`
	Code    string `json:"code"`
	Latent  bool   `json:"latent"`
	Title   string `json:"title"`
	Explain string `json:"explain"`
	Missing string `json:"missing"`
	TimeNS  int64  `json:"time_ns"`

	Memory  *jsonBytes   `json:"memory,omitempty"`    // of the rules on lines
	Address *jsonRefusal `json:"address,omitempty"`   // of the rules on mappings
	Device  string       `json:"device,omitempty"`    // of wrong-coherency: the kernel's name
	Owner   *jsonOwner   `json:"ownership,omitempty"` // of what the dma-buf core says
	Buffer  *jsonBuffer  `json:"buffer,omitempty"`
	This    *jsonAccess  `json:"this"`
	Other   *jsonAccess  `json:"other,omitempty"`
	Noticed *jsonAccess  `json:"noticed,omitempty"`
	History jsonHistory  `json:"history"`
	Sync    *jsonSync    `json:"sync,omitempty"` // the last sync call
}

type jsonBytes struct {
	Addr  string `json:"addr"`
	Line  string `json:"line"`
	Mask  string `json:"mask"`  // bit i is byte i of the line
	Bytes int    `json:"bytes"` // bits set in it
	Seen  string `json:"seen,omitempty"`
	Want  string `json:"want,omitempty"`
}

type jsonRefusal struct {
	IOVA  string `json:"iova"`
	Bytes int    `json:"bytes"`
	Write bool   `json:"write"`
	Cause string `json:"cause"`
	// Phys is where the page is mapped (dma-direction), was mapped (dma-after-unmap), or
	// the last byte before End is (dma-out-of-range).
	Phys    string `json:"phys,omitempty"`
	LastUse int64  `json:"last_use_ns,omitempty"` // of dma-after-unmap
	End     string `json:"end,omitempty"`
}

type jsonOwner struct {
	Detail string     `json:"detail"`
	Buffer uint32     `json:"buffer,omitempty"` // number of the buffer in the core; the name and more are in the report's buffer
	Offset uint64     `json:"offset"`
	Bytes  uint64     `json:"bytes"`
	Phys   string     `json:"phys,omitempty"`
	Error  string     `json:"error,omitempty"` // that was ignored
	Users  []jsonUser `json:"users,omitempty"`
}

// jsonUser is somebody who has to do with the buffer.
type jsonUser struct {
	State string `json:"state"` // attached, mapped, job, locked, queued, cpu
	Name  string `json:"name"`
	PID   uint64 `json:"pid,omitempty"` // of a task
	How   string `json:"how,omitempty"`
}

type jsonBuffer struct {
	Name     string       `json:"name,omitempty"`
	Exporter string       `json:"exporter,omitempty"`
	Size     uint64       `json:"size"`
	Offset   uint64       `json:"offset"`
	Line     uint64       `json:"line"`
	DMABuf   uint64       `json:"dmabuf,omitempty"` // inode number
	Handles  []jsonHandle `json:"handles,omitempty"`
	Attached []string     `json:"attached,omitempty"`
	Open     []jsonOpen   `json:"open,omitempty"`
}

type jsonSync struct {
	Call   string        `json:"call"`
	TimeNS int64         `json:"time_ns"`
	Task   *symbols.Task `json:"task,omitempty"`
	User   []jsonFrame   `json:"user,omitempty"`
	Lines  jsonLines     `json:"lines"`
}

type jsonLines struct {
	Covered    int `json:"covered"`
	Dirty      int `json:"dirty"`
	Stale      int `json:"stale"`
	Maintained int `json:"maintained"`
}

type jsonOpen struct {
	FD   int    `json:"fd"`
	PID  int    `json:"pid"`
	Comm string `json:"comm"`
}

type jsonHandle struct {
	ID   uint32 `json:"id"`
	PID  int    `json:"pid"`
	Comm string `json:"comm"`
}

type jsonAccess struct {
	What   string        `json:"what"`
	Hart   *int          `json:"hart,omitempty"`   // of a hart
	Device string        `json:"device,omitempty"` // of a bus master
	Job    string        `json:"job,omitempty"`
	TimeNS int64         `json:"time_ns"`
	Task   *symbols.Task `json:"task,omitempty"`
	Kernel []jsonFrame   `json:"kernel,omitempty"`
	User   []jsonFrame   `json:"user,omitempty"`
	Binary string        `json:"binary,omitempty"`
	Start  *jsonAccess   `json:"started_by,omitempty"`
	Cover  *jsonCoverage `json:"covered,omitempty"` // of maintenance
}

type jsonFrame struct {
	PC     string `json:"pc"`
	Func   string `json:"func,omitempty"`
	Offset uint64 `json:"offset,omitempty"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Inline bool   `json:"inline,omitempty"`
	Module string `json:"module,omitempty"`
}

type jsonCoverage struct {
	First string `json:"first"`
	Last  string `json:"last"`
	Lines int    `json:"lines"`
	Dirty int    `json:"dirty"`
	Stale int    `json:"stale"`
}

type jsonHistory struct {
	Write       *jsonAccess `json:"write,omitempty"`
	DMA         *jsonAccess `json:"dma,omitempty"`
	Maintenance *jsonAccess `json:"maintenance,omitempty"`
}

type jsonCount struct {
	Type  string `json:"type"`
	ID    int    `json:"id"`
	Count int    `json:"count"`
}

func hexString[T ~uint64](v T) string { return fmt.Sprintf("%#x", uint64(v)) }

func (a *Access) json() *jsonAccess {
	if a == nil {
		return nil
	}
	j := &jsonAccess{What: a.What, TimeNS: int64(a.At)}
	switch {
	case a.Hart == NoHart:
		j.Task = a.Trace.Task
		return j
	case a.Hart < 0:
		j.Device, j.Job, j.Start = a.Master, a.Job, a.Starter.json()
		return j
	}
	j.Hart = &a.Hart
	j.Task, j.Binary = a.Trace.Task, a.Trace.Binary
	j.Kernel, j.User = jsonFrames(a.Trace.Kernel), jsonFrames(a.Trace.User)
	if a.maintenance {
		j.Cover = &jsonCoverage{hexString(a.First), hexString(a.Last), a.Lines, a.Dirty, a.Stale}
	}
	return j
}

func jsonFrames(fs []symbols.Frame) []jsonFrame {
	var out []jsonFrame
	for _, f := range fs {
		out = append(out, jsonFrame{hexString(f.PC), f.Func, f.Offset, f.File, f.Line, f.Inline, f.Module})
	}
	return out
}

// JSON is the report as an object, as jsonReport declares it.
func (r *Report) JSON() []byte { return bytes.TrimSpace(r.jsonLine()) }

// jsonLine is the report as a line of JSON.
func (r *Report) jsonLine() []byte {
	j := jsonReport{
		Type: "report", Version: SchemaVersion, ID: r.ID, Code: r.Code.String(), Latent: r.Latent,
		Title: r.Title(), Explain: r.sentence(), Missing: r.Missing, TimeNS: int64(r.At),
		Device: r.Device, Buffer: bufferJSON(r.Buffer),
		This: r.This.json(), Other: r.Other.json(), Noticed: r.Noticed.json(),
		History: jsonHistory{r.LastWrite.json(), r.LastDMA.json(), r.LastMaintenance.json()},
	}
	if c := r.Sync; c != nil {
		j.Sync = &jsonSync{Call: c.Call, TimeNS: int64(c.At), Task: c.Trace.Task, User: jsonFrames(c.Trace.User),
			Lines: jsonLines{c.Covered, c.Dirty, c.Stale, c.Maintained}}
	}
	if f := r.Refusal; f != nil {
		j.Address = &jsonRefusal{IOVA: hexString(f.IOVA), Bytes: f.Bytes, Write: f.Write, Cause: f.Cause, LastUse: int64(f.LastUse)}
		if f.HasPhys {
			j.Address.Phys = hexString(f.Phys)
		}
		if f.End != 0 {
			j.Address.End = hexString(f.End)
		}
	} else if o := r.Ownership; o != nil {
		j.Owner = o.json()
		if j.Buffer == nil && o.Buffer.ID != 0 {
			j.Buffer = &jsonBuffer{Name: o.Buffer.Name, Exporter: o.Buffer.Exporter, Size: o.Buffer.Size, Offset: o.Range.Off, Line: o.Range.Off / mem.LineSize}
		}
	} else if r.onLine() {
		j.Memory = &jsonBytes{hexString(r.Bytes.Addr), hexString(r.Bytes.Line), hexString(r.Bytes.Mask),
			bits.OnesCount64(r.Bytes.Mask), hex.EncodeToString(r.Bytes.Seen), hex.EncodeToString(r.Bytes.Want)}
	}
	return jsonText(j)
}

func (o *Ownership) json() *jsonOwner {
	b := &o.Buffer
	j := &jsonOwner{Detail: o.Detail.String(), Buffer: uint32(b.ID), Offset: o.Range.Off, Bytes: o.Range.Len}
	if o.Phys != 0 {
		j.Phys = hexString(o.Phys)
	}
	if o.Err != 0 {
		j.Error = o.Err.String()
	}
	for _, l := range o.users() {
		for _, u := range l.who {
			k := jsonUser{State: l.state, Name: u.Name, How: u.How}
			if u.Kind == dmabuf.TaskSide {
				k.PID = u.ID
			}
			j.Users = append(j.Users, k)
		}
	}
	return j
}

func bufferJSON(b *linux.Buffer) *jsonBuffer {
	if b == nil {
		return nil
	}
	j := &jsonBuffer{Name: b.Name, Exporter: b.Exporter, Size: b.Size, Offset: b.Offset, Line: b.Line(), DMABuf: b.Inode, Attached: b.Attached}
	for _, h := range b.Handles {
		j.Handles = append(j.Handles, jsonHandle{h.ID, h.PID, h.Comm})
	}
	for _, f := range b.Open {
		j.Open = append(j.Open, jsonOpen{f.FD, f.PID, f.Comm})
	}
	return j
}

func jsonText(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: dmasan: a report is not JSON: " + err.Error())
	}
	return append(b, '\n')
}
