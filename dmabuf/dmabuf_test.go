// SPDX-License-Identifier: Apache-2.0

package dmabuf

import (
	"testing"
	"time"
)

func TestSmoke(t *testing.T) {
	var timer testTimer
	c := New(Config{Now: func() time.Duration { return 0 }, NewTimer: func(fn func()) Timer { return &timer }, Pool: NewPagePool(Extent{1 << 20, 1 << 20})})
	cl, _ := c.NewClient(Task{1, "a"})
	b, _ := cl.NewBuffer(Spec{Size: 10000})
	s, _ := cl.NewSync(SyncOptions{})
	if err := s.Get(b, Write); err != nil {
		t.Fatal(err)
	}
	if err := s.Lock(cl, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Prep(cl, Whole(10000), Read, 0, nil); err != nil {
		t.Fatal(err)
	}
	cl.Close()
	t.Logf("%+v", c.Stats())
}

type testTimer struct{}

func (*testTimer) Arm(time.Duration) {}
func (*testTimer) Disarm()           {}
