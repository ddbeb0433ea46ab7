// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"testing"
	"time"
)

// Whoever posts while the pacer wakes up must not make it wait for ever.
func TestPacerWakesUpAmongPosts(t *testing.T) {
	m := &Machine{wake: make(chan struct{}, 1)}
	m.pace.start(0)
	stop := make(chan struct{})
	defer close(stop)
	for range 2 {
		go func() {
			for {
				select {
				case <-stop:
					return
				default:
					m.Post(func() {})
				}
			}
		}()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			m.pace.wait(0, time.Hour, m.wake)
			m.runPosted()
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the pacer hangs")
	}
}
