// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"context"
	"testing"
	"time"
)

// A paused machine answers, but its time stands still; stopping it ends its run.
func TestPause(t *testing.T) {
	m := spinning(t, 2)
	ended := make(chan Result, 1)
	go func() { ended <- m.Run(context.Background()) }()
	ask := func(fn func() time.Duration) time.Duration {
		t.Helper()
		answer := make(chan time.Duration, 1)
		m.Post(func() { answer <- fn() })
		select {
		case d := <-answer:
			return d
		case <-time.After(10 * time.Second):
			t.Fatal("the machine does not answer")
			return 0
		}
	}
	yes := func(what string, fn func() bool) {
		t.Helper()
		ask(func() time.Duration {
			if !fn() {
				t.Errorf("%s: false", what)
			}
			return 0
		})
	}
	now := func() time.Duration { return ask(m.Now) }
	yes("not paused at first", func() bool { return !m.Resume() })
	yes("pause", m.Pause)
	yes("paused already", func() bool { return !m.Pause() })
	at := now()
	time.Sleep(20 * time.Millisecond)
	if d := now(); d != at {
		t.Errorf("time went on from %v to %v", at, d)
	}
	yes("resume", m.Resume)
	for end := time.Now().Add(10 * time.Second); now() == at; {
		if time.Now().After(end) {
			t.Fatal("time stands still after Resume")
		}
	}
	yes("pause again", m.Pause)
	m.Stop()
	select {
	case r := <-ended:
		if r.Reason != Stopped {
			t.Errorf("reason %v", r.Reason)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a paused machine cannot be stopped")
	}
}
