// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"testing"
	"time"

	"vdev/dmabuf"
)

func TestBufferRow(t *testing.T) {
	cam := dmabuf.UserInfo{Kind: dmabuf.TaskSide, ID: 33, Name: "cam", How: "write"}
	g2d := dmabuf.UserInfo{Kind: dmabuf.DeviceSide, ID: 2, Name: "g2d", How: "read: fill 3x1"}
	for _, c := range []struct {
		b                         dmabuf.BufferInfo
		place, owner, users, last string
		json                      string
	}{
		{dmabuf.BufferInfo{ID: 1, Size: 10}, "nowhere yet", "-", "-", "-",
			`{"id":1,"name":"","exporter":"","size":10,"foreign":false,"pieces":[],"refs":0,"pending":0,"owner":null,"attached":[],"mapped":[],"jobs":[],"locked":[],"queued":[],"cpu":[],"last":null}`},
		{dmabuf.BufferInfo{ID: 7, Name: "frame", Exporter: "vdev", Size: 8192, Foreign: true, Refs: 2, Pending: 1,
			Backing:  []dmabuf.Extent{{Addr: 0x9000, Len: 4096}, {Addr: 0x1000, Len: 4096}},
			Attached: []dmabuf.UserInfo{{Kind: dmabuf.DeviceSide, ID: 3, Name: "fimd", How: "attached"}}, Jobs: []dmabuf.UserInfo{g2d},
			Queued: []dmabuf.UserInfo{cam}, Owner: g2d,
			Last: dmabuf.Side{Kind: dmabuf.TaskSide, ID: 33, Name: "cam", Access: dmabuf.Write, At: 3 * time.Millisecond}},
			"0x9000 and 1 pieces more", "g2d (read: fill 3x1)", "attached: fimd; in a job: g2d (read: fill 3x1); waiting: cam (pid 33, write)", "write by cam (pid 33) at 3ms",
			`{"id":7,"name":"frame","exporter":"vdev","size":8192,"foreign":true,"pieces":[{"addr":"0x9000","size":4096},{"addr":"0x1000","size":4096}],"refs":2,"pending":1,"owner":{"name":"g2d","how":"read: fill 3x1"},"attached":[{"name":"fimd","how":"attached"}],"mapped":[],"jobs":[{"name":"g2d","how":"read: fill 3x1"}],"locked":[],"queued":[{"name":"cam","pid":33,"how":"write"}],"cpu":[],"last":{"name":"cam","pid":33,"access":"write","time_ns":3000000}}`},
	} {
		if p, o, u, l := placeOf(&c.b), ownerOf(&c.b), usersOf(&c.b), lastOf(&c.b); p != c.place || o != c.owner || u != c.users || l != c.last {
			t.Errorf("buffer %d: %q, %q, %q, %q", c.b.ID, p, o, u, l)
		}
		if got, err := json.Marshal(bufferValue(&c.b)); err != nil || string(got) != c.json {
			t.Errorf("buffer %d: %s, %v", c.b.ID, got, err)
		}
	}
}
